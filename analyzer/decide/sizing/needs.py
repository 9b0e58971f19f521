"""Estimates of all hosts, put into words and into what a size must give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from analyzer.decide.platform import PlatformData
from analyzer.decide.sizing.attribution import Attribution, JobEstimate
from analyzer.decide.sizing.classes import JobClass, JobNeed
from analyzer.decide.sizing.confidence import interval
from analyzer.decide.sizing.memory import NEVER_SAMPLED_MIB
from analyzer.decide.sizing.signals import DAY_S
from analyzer.model import Confidence, Footprint, Job, Settings

DAYS_A_MONTH = 30.4
_ORDER: tuple[Confidence, ...] = ("none", "low", "medium", "high")


class Seen(Struct, frozen=True, kw_only=True, eq=False):
    """One host's attribution with the words that its footprints need."""

    host: str
    attribution: Attribution
    log: str = ""


def footprint(job: Job, seen: Sequence[tuple[Seen, JobEstimate]], *, recorded: bool = True) -> Footprint:
    """The estimate of the host where the job needs most, with how it was found. `recorded`: there are CPU metrics."""
    if not seen:
        return Footprint(
            basis="no run of it was seen in the recorded time" if recorded else "no CPU metrics tell what it needs",
            advice=measure_advice(job),
        )
    where, estimate = max(seen, key=lambda one: (one[1].cpu_s, one[1].memory.need_mib if one[1].memory else 0.0))
    memory, labels = estimate.memory, estimate.labels
    cpu_interval = interval(estimate.cpu_s, estimate.cpu_error)
    if estimate.cpu_upper_s is not None:
        cpu_interval = (0.0, max(estimate.cpu_upper_s, estimate.cpu_s))
    sampled = memory is not None and memory.basis != "assumed"
    memory_interval = None
    if memory is not None and sampled:
        margin = 1.645 * max(memory.spread, 0.02) * memory.peak_mib
        memory_interval = (max(0.0, memory.peak_mib - margin), max(memory.need_mib, memory.peak_mib + margin))
    confidence = min((labels.cpu, labels.memory), key=_ORDER.index)
    together = ""
    if len(estimate.members) > 1:
        together = f"together with {' + '.join(one for one in estimate.members if one != job.id)}: "
    return Footprint(
        vcpu=round(max(estimate.phases, default=0.0), 3),
        cpu_s=round(estimate.cpu_s, 2),
        memory_mib=round(memory.peak_mib) if memory is not None and sampled else None,
        duration_s=round(estimate.duration_s, 1),
        runs=estimate.runs,
        confidence=confidence,
        cpu_confidence=labels.cpu,
        memory_confidence=labels.memory,
        cpu_interval=(round(cpu_interval[0], 2), round(cpu_interval[1], 2)),
        memory_interval=(round(memory_interval[0], 1), round(memory_interval[1], 1)) if memory_interval else None,
        basis=together + _basis(where, estimate),
        advice=" ".join(_advice(job, estimate)),
    )


def _basis(where: Seen, estimate: JobEstimate) -> str:
    fit = where.attribution.cpu
    runs, days = f"{estimate.runs} run{'s' if estimate.runs != 1 else ''}", f"{fit.signal.days:.1f}"
    words = [
        f"{runs} on {where.host} in {days} days of {fit.signal.step_s}-s CPU data",
        estimate.source.evidence,
    ]
    if estimate.source.measured_by:
        words.append(f"measured by {', '.join(estimate.source.measured_by)}")
    memory = estimate.memory
    if memory is None:
        words.append("no memory metrics")
    else:
        how = {
            "measured": "memory measured for the process tree",
            "clean": "memory: highest sample of runs that had the host to themselves",
            "overlap": "memory: highest sample less what the other jobs hold by the model",
            "mean": "memory: the regression's mean over all runs, no single run is visible",
            "assumed": f"memory never sampled while it ran: {NEVER_SAMPLED_MIB} MiB are assumed",
        }[memory.basis]
        words.append(f"{how} ({memory.samples_per_run:.1f} samples a run)")
    if estimate.labels.reasons:
        words.append("; ".join(estimate.labels.reasons))
    return "; ".join(words)


def measure_advice(job: Job) -> str:
    """The command that measures one run exactly."""
    command = f"/usr/bin/time -v sh -c {_quoted(job.command)}"
    return f"Run once on the host as {job.user}: {command} and add its output to metrics/."


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _advice(job: Job, estimate: JobEstimate) -> list[str]:
    out = []
    kinds = estimate.labels.advice
    if "separate" in kinds:
        beside = ", ".join([*estimate.partners, *(one for one in estimate.members if one != job.id)])
        out.append(
            f"Move it by ten minutes for three nights (it always runs with {beside})."
            if beside
            else "It shows in every sample: only a measurement can tell its share from the API's."
        )
    if "ends" in kinds:
        out.append(
            "Log the ends of runs for a day: add auth.log to the evidence, or set EXTRA_OPTS='-L 7' for Debian cron."
        )
    if "wait" in kinds:
        out.append("Wait for more runs, or run it by hand.")
    if kinds and {"low", "none"} & {estimate.labels.cpu, estimate.labels.memory}:
        out.append(measure_advice(job))
    return out


def job_need(
    job: Job, seen: Sequence[tuple[Seen, JobEstimate]], settings: Settings, period_s: float
) -> tuple[JobNeed, bool]:
    """(what a size must give, whether that is an assumption): of each figure the host where it is highest."""
    estimates = [estimate for _, estimate in seen]
    known = [one.memory for one in estimates if one.memory is not None]
    assumed = not known or all(one.basis == "assumed" for one in known)
    if not estimates:
        return (
            JobNeed(
                job=job.id,
                phases=(),
                duration_s=60.0,
                duration_p95_s=60.0,
                memory_mib=0.0,
                runs_a_month=DAYS_A_MONTH * DAY_S / period_s,
                period_s=period_s,
                deadline_s=_deadline(job, settings),
                job_class=_chosen_class(job, settings),
            ),
            True,
        )
    longest = max(estimates, key=lambda one: sum(one.phases) / max(1, len(one.phases)) * one.duration_p95_s)
    bounds = [one.cpu_upper_s for one in estimates if one.cpu_upper_s is not None]
    # one day's record that holds the run of a weekly job shows no daily one
    most_a_day = DAY_S / job.shortest_gap_s if job.shortest_gap_s else math.inf
    rate = min(most_a_day, max(one.runs / max(where.attribution.cpu.signal.days, 0.25) for where, one in seen))
    return (
        JobNeed(
            job=job.id,
            phases=longest.phases,
            duration_s=longest.duration_s,
            duration_p95_s=longest.duration_p95_s,
            memory_mib=max((one.need_mib for one in known), default=float(NEVER_SAMPLED_MIB)),
            runs_a_month=rate * DAYS_A_MONTH,
            period_s=longest.source.period_s,
            cpu_upper_s=max(bounds, default=None),
            deadline_s=_deadline(job, settings),
            job_class=_chosen_class(job, settings),
        ),
        assumed,
    )


def _deadline(job: Job, settings: Settings) -> float | None:
    answer = settings.answers.get(f"deadline:{job.id}")
    minutes = float(answer) if isinstance(answer, int | float) and not isinstance(answer, bool) else None
    return minutes * 60 if minutes and minutes > 0 else None


def _chosen_class(job: Job, settings: Settings) -> JobClass | None:
    answer = settings.answers.get(f"class:{job.id}")
    if answer == "heavy":
        return "heavy"
    return "light" if answer == "light" else None


def estimates_by_job(seen: Sequence[Seen]) -> Mapping[str, tuple[tuple[Seen, JobEstimate], ...]]:
    """Job id -> its estimate on each host; jobs known only together share one."""
    out: dict[str, list[tuple[Seen, JobEstimate]]] = {}
    for where in seen:
        for estimate in where.attribution.jobs:
            for member in estimate.members:
                out.setdefault(member, []).append((where, estimate))
    return {name: tuple(found) for name, found in out.items()}


def largest_host(platform: PlatformData, types: Sequence[str]) -> tuple[int, int]:
    """(vCPUs, MiB) of the largest known type, (0, 0) where none is known."""
    known = [platform.ec2_types[name] for name in types if name in platform.ec2_types]
    return max(((one.vcpus, one.memory_mib) for one in known), default=(0, 0))
