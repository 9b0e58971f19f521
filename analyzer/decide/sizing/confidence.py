"""How sure an estimate is, with the reason. The thresholds are calibrated on simulated hosts (tests/bench)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.decide.sizing.fit import JobRuns
from analyzer.decide.sizing.identify import Separability
from analyzer.model import Confidence

if TYPE_CHECKING:
    from analyzer.decide.sizing.memory import MemoryPeak

FEWEST_RUNS = 3
INTERVAL_FACTOR = 3.0
"""The nominal 90 % interval of day bootstrap and placebo windows is too narrow by this factor (on simulated hosts)."""
_HIGH_ERROR = 0.06
"""Standard error as a part of the value: the published interval (three times wider than nominal) stays within 30 %."""
_HIGH_UNIQUE = 0.30
_HIGH_SAMPLES = 5
_HIGH_DOUBT, _HIGH_DOUBT_MIB = 0.10, 32.0
_CLOSE, _CLOSE_MIB = 0.20, 64.0
"""What "high" promises: within 20 % or 64 MiB."""
_SATURATED = 0.30
_MEDIUM_ERROR = 0.40
_NORMAL_90 = 1.645


class Labels(Struct, frozen=True, kw_only=True):
    """The confidence in CPU and in memory, each with its reasons."""

    cpu: Confidence
    memory: Confidence
    reasons: tuple[str, ...]
    """What keeps it from being better, in words."""
    advice: tuple[str, ...]
    """Kinds of remedy: measure | separate | wait | ends."""


def interval(value: float, error: float) -> tuple[float, float]:
    """90 % interval, calibrated on simulation."""
    half = INTERVAL_FACTOR * _NORMAL_90 * error
    return max(0.0, value - half), value + half


def label(
    job: JobRuns,
    cpu_s: float,
    error: float,
    separability: Separability,
    memory: MemoryPeak | None,
    *,
    measured_runs: int,
    saturated: float,
    throttled: bool,
) -> Labels:
    """Labels of one job from how its figures came about."""
    reasons: list[str] = []
    advice: list[str] = []
    cpu: Confidence = "low"
    if error < _HIGH_ERROR * cpu_s:
        cpu = "high"
    elif error < _MEDIUM_ERROR * cpu_s:
        cpu = "medium"
    else:
        if job.count >= FEWEST_RUNS:  # of one or two runs nobody can say that
            reasons.append("its load differs too much from run to run, or is hardly larger than the noise")
        advice.append("measure")
    if cpu == "high" and separability.unique < _HIGH_UNIQUE:
        cpu = "medium"
        reasons.append("other jobs run during most of its time")
        advice.append("separate")
    if saturated >= _SATURATED:
        cpu = "medium" if cpu == "high" else cpu
        reasons.append(f"all CPUs were busy in {saturated:.0%} of its time: it may need more than it got")
    if throttled:
        cpu = "medium" if cpu == "high" else cpu
        reasons.append("the host's CPU credits were used up at times: it may need more than it got")
    memory_label: Confidence = "none" if memory is None else "low"
    if memory is None:
        advice.append("measure")
    else:
        memory_label = _memory(memory)
        if memory_label == "low":
            reasons.append(_memory_reason(memory))
            advice.append("measure")
    if job.estimated_ends:
        cpu = "medium" if cpu == "high" else cpu
        memory_label = "medium" if memory_label == "high" else memory_label
        reasons.append(
            "no log tells when it ends, and it is shorter than the data resolve"
            if job.unresolved
            else "no log tells when it ends; its duration is estimated"
        )
        advice.append("ends")
    worst: list[tuple[str, str]] = []
    if job.count < FEWEST_RUNS:
        worst.append((f"only {job.count} run{'s' if job.count != 1 else ''} in the recorded time", "wait"))
    if not separability.separable:
        worst.append(("its load cannot be told apart from what always runs beside it", "separate"))
    if len(job.members) > 1:
        worst.append((f"starts together with {' + '.join(job.members[1:])}: only their sum is known", "separate"))
    if job.exchangeable:
        worst.append(("which of several simultaneous sessions was its own is a guess", "separate"))
    if worst:
        cpu = "low"
        memory_label = "low" if memory is not None else "none"
        reasons += [reason for reason, _ in worst]
        advice += [kind for _, kind in worst]
    if memory is not None and memory.basis == "measured":
        memory_label = _memory(memory)
        reasons = [reason for reason in reasons if "memory" not in reason]
    if measured_runs:
        cpu = "high" if measured_runs >= FEWEST_RUNS else "medium"
        reasons = [reason for reason in reasons if "load" not in reason]
    return Labels(
        cpu=cpu, memory=memory_label, reasons=tuple(dict.fromkeys(reasons)), advice=tuple(dict.fromkeys(advice))
    )


def _memory_reason(memory: MemoryPeak) -> str:
    if memory.samples_per_run < 1:
        return "shorter than the time between two memory samples"
    if memory.basis in ("clean", "overlap"):
        return f"the host's own memory rises by {memory.wander_mib:.0f} MiB without any job, which hides it"
    return "its memory was never seen apart from others'"


def _memory(memory: MemoryPeak) -> Confidence:
    if memory.basis == "measured":
        return "high" if memory.measured_runs >= FEWEST_RUNS else "medium"
    if (
        memory.basis == "clean"
        and memory.samples_per_run >= _HIGH_SAMPLES
        and memory.doubt_mib <= max(_HIGH_DOUBT * memory.peak_mib, _HIGH_DOUBT_MIB)
        and memory.wander_mib <= max(_CLOSE * memory.peak_mib, _CLOSE_MIB)
    ):
        return "high"
    seen = memory.basis in ("clean", "overlap") and memory.wander_mib <= max(memory.peak_mib, 2 * _CLOSE_MIB)
    return "medium" if seen else "low"
