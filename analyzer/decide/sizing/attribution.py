"""What each job and the API need, from the series of one host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.decide.sizing.confidence import Labels, label
from analyzer.decide.sizing.durations import estimate_ends, merge_groups
from analyzer.decide.sizing.fit import Fit, JobRuns, fit_signal, placebo_spread, quiet_bins
from analyzer.decide.sizing.identify import Separability, separabilities
from analyzer.decide.sizing.memory import MemoryPeak, memory_peak
from analyzer.decide.sizing.signals import Signal, entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats

    Bools = NDArray[np.bool_]


SATURATED = 0.95
"""Above this part of the host's CPUs a bin shows no more than a lower bound of the need."""


class JobEstimate(Struct, frozen=True, kw_only=True, eq=False):
    """One job on one host."""

    job: str
    members: tuple[str, ...]
    """More than one: jobs known only together; the figures are those of all of them."""
    runs: int
    cpu_s: float
    """Mean CPU-seconds of a run."""
    cpu_s_p95: float
    cpu_error: float
    """Standard error of `cpu_s`."""
    cpu_upper_s: float | None
    """Only a bound is known: no more than this was used above the baseline in its windows."""
    phases: tuple[float, ...]
    """Cores in each equal part of a run, at the 95th percentile of runs."""
    duration_s: float
    duration_p95_s: float
    memory: MemoryPeak | None
    separability: Separability
    partners: tuple[str, ...]
    labels: Labels
    source: JobRuns


class ApiEstimate(Struct, frozen=True, kw_only=True):
    """What stays when all jobs are taken away: the API, and the system it runs on."""

    cpu_peak: float
    """99.9th percentile of one-minute means, cores."""
    cpu_mean: float
    memory_peak_mib: float
    quiet_share: float
    """Part of the time that shows it without a job beside it."""
    days: float
    extrapolation: float
    """Factor from the data's interval to one minute."""


class Attribution(Struct, frozen=True, kw_only=True, eq=False):
    """One host taken apart."""

    jobs: tuple[JobEstimate, ...]
    api: ApiEstimate
    cpu: Fit
    memory: Fit | None


def attribute(
    cpu: Signal, memory: Signal | None, jobs: Sequence[JobRuns], vcpus: float | None = None, *, throttled: bool = False
) -> Attribution:
    """Everything that the series say. Jobs without a run in the recorded time must be left out by the caller."""
    signals = [cpu] if memory is None else [cpu, memory]
    settled = estimate_ends(merge_groups(jobs), signals)
    cpu_fit = fit_signal(cpu, settled)
    memory_fit = fit_signal(memory, settled) if memory is not None else None
    separable = separabilities(cpu_fit, settled)
    frequent = _frequent_memory(memory_fit, settled)
    full = cpu.have & (cpu.values > SATURATED * vcpus) if vcpus else None
    estimates = []
    for index in range(len(settled)):
        peak = None
        if memory_fit is not None and frequent is not None:
            peak = memory_peak(memory_fit, settled, index, frequent, separable=separable[index].separable)
        estimates.append(_estimate(cpu_fit, settled, index, separable[index], peak, full, throttled=throttled))
    return Attribution(
        jobs=tuple(estimates), api=_api(cpu_fit, memory_fit, settled, separable), cpu=cpu_fit, memory=memory_fit
    )


def _frequent_memory(fit: Fit | None, jobs: Sequence[JobRuns]) -> Floats | None:
    import numpy as np

    if fit is None:
        return None
    out: Floats = np.zeros(fit.signal.size)
    for index, job in enumerate(jobs):
        if job.frequent:
            mine = fit.of(index)
            out = out + fit.columns[:, mine] @ fit.heights[mine]
    return out


def _estimate(
    fit: Fit,
    jobs: Sequence[JobRuns],
    index: int,
    separability: Separability,
    memory: MemoryPeak | None,
    full: Bools | None,
    *,
    throttled: bool,
) -> JobEstimate:
    import numpy as np

    job = jobs[index]
    mine = fit.of(index)
    heights = np.maximum(fit.heights[mine], 0)
    lengths = job.durations_s
    areas = heights.mean() * lengths * fit.scales[index]
    cpu_s = float(areas.mean())
    spread = float(np.std(fit.resampled[:, mine].mean(axis=1))) * float(lengths.mean())
    quiet = quiet_bins(fit.signal, jobs)
    placebo = placebo_spread(fit, quiet, max(float(np.median(lengths)), fit.signal.step_s)) / math.sqrt(job.count)
    error = math.hypot(spread, placebo)
    duration, duration_p95 = float(np.median(lengths)), float(np.quantile(lengths, 0.95))
    if job.unresolved:
        duration = duration_p95 = float(np.clip(cpu_s, 1.0, fit.signal.step_s))
        heights = np.array([1.0]) if cpu_s < fit.signal.step_s else heights
    # the busiest runs are both longer and taller; the part that length explains is taken out
    taller = max(
        1.0,
        float(np.quantile(areas, 0.95))
        / max(cpu_s, 1e-9)
        / max(float(np.quantile(lengths, 0.95) / lengths.mean()), 1e-9),
    )
    upper = _cpu_upper(fit, job) if not separability.separable else None
    measured = job.measured_cpu_s
    if len(measured):
        taller = float(np.quantile(measured, 0.95)) / max(float(measured.mean()), 1e-9)
        heights = (
            heights * (float(measured.mean()) / cpu_s)
            if cpu_s > 0
            else np.array([measured.mean() / max(duration, 1.0)])
        )
        cpu_s, error, upper = float(measured.mean()), float(measured.std()) / math.sqrt(len(measured)), None
    covered = entries(fit.signal, job.starts_s, job.ends_s)
    saturated = float(np.average(full[covered.bins], weights=covered.shares)) if full is not None else 0.0
    return JobEstimate(
        job=job.job,
        members=job.members or (job.job,),
        runs=job.count,
        cpu_s=cpu_s,
        cpu_s_p95=float(np.quantile(measured if len(measured) else areas, 0.95)),
        cpu_error=error,
        cpu_upper_s=upper,
        phases=tuple(float(height) * taller for height in heights),
        duration_s=duration,
        duration_p95_s=duration_p95,
        memory=memory,
        separability=separability,
        partners=tuple(jobs[partner].job for partner in separability.partners),
        labels=label(
            job,
            cpu_s,
            error,
            separability,
            memory,
            measured_runs=len(measured),
            saturated=saturated,
            throttled=throttled,
        ),
        source=job,
    )


def _cpu_upper(fit: Fit, job: JobRuns) -> float:
    """A job that is never alone used at most what was used above the baseline while it ran."""
    import numpy as np

    signal = fit.signal
    if job.period_s <= signal.step_s:
        # in every bin: hidden in the baseline, so bounded by the quietest bins
        quietest = float(np.quantile(signal.values[signal.have], 0.02))
        return quietest * signal.step_s * min(1.0, job.period_s / signal.step_s)
    covered = entries(signal, job.starts_s, job.ends_s)
    above = np.maximum(signal.values[covered.bins] - fit.baseline[covered.bins], 0) * covered.shares
    areas = np.bincount(covered.runs, weights=above, minlength=job.count) * signal.step_s
    # of many runs the mean, so that the load of jobs that are only sometimes beside it does not count as its own
    return float(areas.mean() * 1.2 if job.frequent else np.quantile(areas, 0.95))


def _api(cpu: Fit, memory: Fit | None, jobs: Sequence[JobRuns], separable: Sequence[Separability]) -> ApiEstimate:
    import numpy as np

    signal = cpu.signal
    usable = _own_bins(signal, jobs)
    share = float(usable.sum() / max(1, signal.have.sum()))
    own = signal.values - cpu.explained + _hidden(cpu, jobs, separable)
    factor = _to_one_minute(own - cpu.baseline, usable, signal.step_s)
    peak = float(np.quantile((cpu.baseline + (own - cpu.baseline) * factor)[usable], 0.999))
    memory_peak_mib = 0.0
    if memory is not None:
        rest = memory.signal.peaks - memory.explained
        calm = _own_bins(memory.signal, jobs)
        memory_peak_mib = float(max(np.quantile(rest[calm], 0.999), memory.baseline[memory.signal.have].max()))
    return ApiEstimate(
        cpu_peak=max(peak, 0.0),
        cpu_mean=float(own[signal.have].mean()),
        memory_peak_mib=memory_peak_mib,
        quiet_share=share,
        days=signal.days,
        extrapolation=factor,
    )


def _hidden(fit: Fit, jobs: Sequence[JobRuns], separable: Sequence[Separability]) -> Floats:
    """Of each bin, what jobs add that are in most bins and cannot be told from the baseline.

    The regression may call the API's load theirs; the API's size keeps it, which errs to the safe side.
    """
    import numpy as np

    out: Floats = np.zeros(fit.signal.size)
    for index, job in enumerate(jobs):
        if not separable[index].separable and job.period_s <= _ALWAYS_BINS * fit.signal.step_s:
            columns = fit.of(index)
            out = out + fit.columns[:, columns] @ fit.heights[columns]
    return out


_ALWAYS_BINS = 2
"""A job of that many bins' interval is in half of them: with another one it hides the baseline altogether."""


def _own_bins(signal: Signal, jobs: Sequence[JobRuns]) -> Bools:
    """Bins that show the API alone, chosen for each hour of the day so that no hour is missing.

    Without any job at all where there are enough of them, else without the less frequent jobs, else all.
    """
    import numpy as np

    strict = signal.have.copy()
    for job in jobs:
        strict[entries(signal, job.starts_s, job.ends_s).bins] = False
    calm = quiet_bins(signal, jobs)
    hour = signal.local_s // 3600 % 24
    out = np.zeros(signal.size, dtype=bool)
    for one in range(24):
        mine = hour == one
        enough = 0.2 * (signal.have & mine).sum()
        for candidate in (strict, calm, signal.have):
            if (candidate & mine).sum() >= enough:
                out |= candidate & mine
                break
    return out


def _to_one_minute(fast: Floats, usable: Bools, step_s: int) -> float:
    """Averages hide peaks: the fast part's standard deviation falls with the interval like interval^-beta."""
    import numpy as np

    if step_s <= 60:
        return 1.0
    values = np.where(usable, fast, np.nan)
    spreads = []
    for count in (1, 2, 4):
        blocks = values[: len(values) // count * count].reshape(-1, count).mean(axis=1)
        blocks = blocks[np.isfinite(blocks)]
        if len(blocks) < 50:
            return float((step_s / 60) ** 0.25)
        spreads.append(max(float(blocks.std()), 1e-9))
    beta = -np.polyfit(np.log([1, 2, 4]), np.log(spreads), 1)[0]
    return float((step_s / 60) ** np.clip(beta, 0.1, 0.45))
