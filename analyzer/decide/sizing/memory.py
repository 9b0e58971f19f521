"""The peak of memory in each run, as far as samples of the whole host show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from analyzer.decide.sizing.fit import PROFILE_ERROR, Fit, JobRuns
from analyzer.decide.sizing.memory_runs import RunPeaks, bound_over_runs, highest_above_baseline, run_peaks
from analyzer.decide.sizing.signals import Signal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats

    Bools = NDArray[np.bool_]

NEVER_SAMPLED_MIB = 900
"""Assumed need of a job that no sample ever met; always labelled as assumed."""


class MemoryPeak(Struct, frozen=True, kw_only=True):
    """Peak memory of a job's runs."""

    peak_mib: float
    need_mib: float
    """Safe task memory: peak, spread over runs, and what the samples may have missed."""
    basis: Literal["measured", "clean", "overlap", "mean", "assumed"]
    """clean: seen where no other job ran; overlap: others subtracted by the model; mean: only the regression's mean."""
    samples_per_run: float
    upper_mib: float
    """No more than this was in use above the baseline while it ran; 0 where nothing was sampled."""
    spread: float = 0.0
    """Standard deviation of ln(peak) over the runs."""
    measured_runs: int = 0
    wander_mib: float = 0.0
    """How far the host's memory rises above the model without any job, 1 % of the time."""
    doubt_mib: float = 0.0
    """How much of the peak short jobs beside it may have held (`peak_mib` counts half of it, `need_mib` all), or by how
    much the regression's mean is above what was seen."""


def shortest_visible_s(signal: Signal) -> int:
    """Shorter runs may pass between two samples."""
    if signal.instant_s is not None:
        return signal.step_s
    return 60 if signal.has_peaks or signal.step_s <= 60 else 2 * signal.step_s


def memory_peak(fit: Fit, jobs: Sequence[JobRuns], index: int, frequent_mib: Floats, *, separable: bool) -> MemoryPeak:
    """Peak and safe need of one job. `frequent_mib`: what the always-running jobs add in each bin."""
    import numpy as np

    signal, job = fit.signal, jobs[index]
    if len(job.measured_memory_mib):
        return _measured(job, signal)
    heights = fit.heights[fit.of(index)]
    mean_peak = float(heights.max()) if len(heights) else 0.0
    usual_s = float(np.median(job.durations_s))
    per_run = usual_s / (signal.sampling_s or signal.step_s)
    if usual_s < shortest_visible_s(signal) or job.unresolved:
        return _never_sampled(fit, job, index, mean_peak, per_run, separable=separable)
    seen = run_peaks(fit, jobs, index, frequent_mib, mean_peak)
    basis: Literal["clean", "overlap", "mean"] = "mean"
    net = gross = np.array([mean_peak])
    lowest = highest = mean_peak
    if seen.clean.sum() >= 3 or (len(seen.clean) and seen.clean.all()):
        basis, net, gross = "clean", seen.net[seen.clean], seen.gross[seen.clean]
        lowest, highest = _top(net), _top(gross)
    elif len(seen.clean):
        known = fit.scales[index][fit.known[index] > 0.5]
        model = mean_peak * max(1.0, float(np.quantile(known, 0.95)) if len(known) else 1.0)
        basis, lowest, highest = "overlap", min(_top(seen.net), model), min(_top(seen.gross), model)
        gross = np.minimum(seen.gross, 1.3 * highest)
    lowest, highest = max(lowest, 1.0), max(highest, 1.0)
    low, spread = highest, 0.0
    if basis != "mean" and len(gross) >= 3:
        logs = np.log(np.maximum(gross, 1.0))
        spread = float(logs.std(ddof=1))
        # one-sided tolerance bound: 99 % of the runs with 90 % confidence, for a spread that is plausible
        bound = math.exp(float(logs.mean()) + (2.33 + 2.2 / math.sqrt(len(gross))) * min(spread, 0.35))
        low = max(highest, min(bound, 1.5 * highest))
    need = low * unseen_factor(signal, per_run) * _growth(job, seen, basis) + fit.noise
    if basis == "overlap":
        need += PROFILE_ERROR * seen.foreign_mib
    upper_mib = bound_over_runs(seen.upper)
    if not separable:
        need = max(need, upper_mib * 1.05)
    return MemoryPeak(
        peak_mib=(lowest + highest) / 2,
        need_mib=need,
        basis=basis,
        samples_per_run=per_run,
        upper_mib=upper_mib,
        spread=spread,
        doubt_mib=max(highest - lowest, mean_peak - highest),
        wander_mib=_wander(fit),
    )


def _measured(job: JobRuns, signal: Signal) -> MemoryPeak:
    """What accounting, a sampler of processes or `time -v` saw needs a margin for the runs that they did not see."""
    import numpy as np

    values = job.measured_memory_mib
    highest = float(values.max())
    spread = float(np.log(np.maximum(values, 1.0)).std(ddof=1)) if len(values) > 1 else 0.0
    margin = 1.15 if len(values) >= 3 else 1.3
    return MemoryPeak(
        peak_mib=highest,
        need_mib=highest * margin,
        basis="measured",
        samples_per_run=float(np.median(job.durations_s)) / (signal.sampling_s or signal.step_s),
        upper_mib=highest,
        spread=spread,
        measured_runs=len(values),
    )


def _wander(fit: Fit) -> float:
    import numpy as np

    calm = fit.signal.have & (fit.columns.sum(axis=1) == 0)
    calm = calm if calm.sum() >= 50 else fit.signal.have
    return float(np.quantile((fit.signal.peaks - fit.baseline - fit.explained)[calm], 0.99))


GROWTH_DAYS = 28
"""A size shall last so long."""


def _growth(job: JobRuns, seen: RunPeaks, basis: str) -> float:
    """Factor for a peak that grows from day to day, and for few runs that cannot show it."""
    import numpy as np

    few = 1.05 if job.count < 30 else 1.0
    if basis != "clean" or int(seen.clean.sum()) < 8:
        return few
    days = job.starts_s[seen.runs[seen.clean]] / 86400
    logs = np.log(np.maximum(seen.gross[seen.clean], 1.0))
    offset = days - days.mean()
    square = float(offset @ offset)
    if square <= 0:
        return few
    slope = float(offset @ logs) / square
    rest = logs - logs.mean() - slope * offset
    error = float(np.sqrt(rest @ rest / max(1, len(logs) - 2) / square))
    # two standard errors less than the estimate: growth that the data do not show is not paid for
    sure = max(0.0, slope - 2 * error)
    return few * min(1.3, math.exp(sure * GROWTH_DAYS))


def _top(peaks: Floats) -> float:
    """Highest; of very many runs all but the few that something unknown disturbed."""
    import numpy as np

    return float(peaks.max()) if len(peaks) < 50 else float(np.quantile(peaks, 0.995))


def unseen_factor(signal: Signal, samples_per_run: float) -> float:
    """How much higher than the highest sample the true peak may be; fewer samples see less of it."""
    if samples_per_run >= 10:
        factor = 1.15
    elif samples_per_run >= 3:
        factor = 1.25
    elif samples_per_run >= 1:
        factor = 1.5
    else:
        factor = 2.0
    return factor if signal.has_peaks or signal.step_s <= 60 else max(factor, 1.3)


def _never_sampled(
    fit: Fit, job: JobRuns, index: int, mean_peak: float, per_run: float, *, separable: bool
) -> MemoryPeak:
    """The regression's mean may still be significant over many runs; else the need is an assumption."""
    import numpy as np

    usual_s = max(float(np.median(job.durations_s)), 1.0)
    columns = fit.of(index)
    spread = float(np.std(fit.resampled[:, columns].max(axis=1))) if len(columns) else math.inf
    spread += float(np.std(fit.residual)) * fit.signal.step_s / usual_s / math.sqrt(job.count)
    upper = highest_above_baseline(fit, job) if not separable or job.estimated_ends else 0.0
    if separable and not job.unresolved and mean_peak > 5 * spread:
        return MemoryPeak(
            peak_mib=mean_peak,
            need_mib=max(NEVER_SAMPLED_MIB, 2 * mean_peak, upper),
            basis="mean",
            samples_per_run=per_run,
            upper_mib=upper,
        )
    return MemoryPeak(
        peak_mib=NEVER_SAMPLED_MIB / 4,
        need_mib=max(NEVER_SAMPLED_MIB, upper * 1.05),
        basis="assumed",
        samples_per_run=per_run,
        upper_mib=upper,
    )
