"""The peak of memory in each run, as far as samples of the whole host show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analyzer.decide.sizing.fit import PROFILE_ERROR, Fit, JobRuns
from analyzer.decide.sizing.signals import Signal, entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

    Bools = NDArray[np.bool_]

ALONE_MIB = 50.0
"""A bin counts as the job's own where all others together add less than this, or than a fifth of the job."""
NEVER_SAMPLED_MIB = 900
"""Assumed need of a job that no sample ever met; always labelled as assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPeak:
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
    """How much of the peak short jobs beside it may have held; `peak_mib` counts half of it, `need_mib` all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bins:
    """Bins that lie wholly within runs of one job."""

    runs: NDArray[np.int64]
    bins: NDArray[np.int64]
    own: Floats
    """MiB that the model gives the job itself there."""


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
    seen = _run_peaks(fit, jobs, index, frequent_mib, mean_peak)
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
        doubt_mib=highest - lowest,
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


def _growth(job: JobRuns, seen: _Peaks, basis: str) -> float:
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
    upper = _upper(fit, job) if not separable or job.estimated_ends else 0.0
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


def bound_over_runs(upper: Floats) -> float:
    """A bound for all runs from what was in use above the baseline in each.

    Each of them bounds its own run, and runs of one job do not differ by much: with many runs a low quantile, half as
    much again, is the bound that other jobs pollute least.
    """
    import numpy as np

    if not len(upper):
        return 0.0
    return max(0.0, float(min(upper.max(), _RUNS_DIFFER * np.quantile(upper, 0.25))))


_RUNS_DIFFER = 1.5


def _upper(fit: Fit, job: JobRuns) -> float:
    import numpy as np

    # an end that is only estimated may lie in the next bin
    slack = fit.signal.step_s if job.estimated_ends else 0
    touched = entries(fit.signal, job.starts_s, job.ends_s + slack)
    keep = fit.signal.have[touched.bins]
    runs, bins = touched.runs[keep], touched.bins[keep]
    highest = np.full(job.count, -np.inf)
    np.maximum.at(highest, runs, fit.signal.peaks[bins] - fit.baseline[bins])
    return bound_over_runs(highest[np.isfinite(highest)])


def _usual_excess(fit: Fit, jobs: Sequence[JobRuns], index: int) -> Floats:
    """By how much the peak of a bin usually exceeds the model when the same often-running jobs are in it.

    The model knows the mean that a short job adds to a bin; the bin's peak holds it whole or not at all. What that
    amounts to is seen in the bins where the same short jobs run and nothing else does.
    """
    import numpy as np

    signal = fit.signal
    often = [k for k, job in enumerate(jobs) if k != index and job.count >= _OFTEN]
    present = np.zeros(signal.size, dtype=np.int64)
    rare = np.zeros(signal.size, dtype=bool)
    for k in range(len(jobs)):
        touched = fit.columns[:, fit.of(k)].sum(axis=1) > 0
        if k in often:
            present += touched.astype(np.int64) << min(often.index(k), 60)
        else:
            rare |= touched
    excess = signal.peaks - fit.baseline - fit.explained
    out = np.zeros(signal.size)
    for code in np.unique(present):
        same = present == code
        reference = excess[same & signal.have & ~rare]
        if len(reference) >= 20:
            out[same] = float(np.median(reference))
    return out


_OFTEN = 100
"""Jobs with so many runs show what they add to a bin's peak."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Peaks:
    """Of each run with a sample in it."""

    net: Floats
    """Highest above everybody else, short jobs' usual peaks included."""
    gross: Floats
    """Highest above everybody else's mean."""
    clean: Bools
    """Nobody else mattered in at least half of its bins."""
    runs: Seconds
    """Index of the run among the job's."""
    upper: Floats
    """Highest above the baseline."""
    foreign_mib: float = 0.0
    """What the rarer jobs usually hold beside it."""


def _run_peaks(fit: Fit, jobs: Sequence[JobRuns], index: int, frequent_mib: Floats, mean_peak: float) -> _Peaks:
    import numpy as np

    inside = _bins_inside(fit, jobs[index], index)
    if not len(inside.bins):
        none = np.zeros(0)
        return _Peaks(net=none, gross=none, clean=none.astype(bool), runs=none.astype(np.int64), upper=none)
    base = fit.baseline[inside.bins]
    others = np.maximum(base + fit.explained[inside.bins] - inside.own, base)
    above = fit.signal.peaks[inside.bins] - others
    foreign = others - base - frequent_mib[inside.bins]
    alone = foreign <= max(ALONE_MIB, 0.2 * mean_peak)
    # a short frequent job is in a sample or not: its mean is no help there, so such bins count only where no other is
    undisturbed = alone & (frequent_mib[inside.bins] <= max(10.0, 0.05 * mean_peak))
    present, position = np.unique(inside.runs, return_inverse=True)
    count = np.bincount(position)
    clean = np.bincount(position, weights=alone) >= 0.5 * count
    calm = np.bincount(position, weights=undisturbed) >= np.maximum(2, 0.3 * count)
    usable = np.where(calm[position], undisturbed, alone | ~clean[position])

    def highest(values: Floats, where: Bools) -> Floats:
        out = np.full(len(present), -np.inf)
        np.maximum.at(out, position[where], values[where])
        return out

    return _Peaks(
        net=highest(above - _usual_excess(fit, jobs, index)[inside.bins], usable),
        gross=highest(above, usable),
        clean=clean,
        runs=present,
        upper=highest(fit.signal.peaks[inside.bins] - base - frequent_mib[inside.bins], np.ones(len(base), dtype=bool)),
        foreign_mib=float(np.median(foreign)),
    )


def _bins_inside(fit: Fit, job: JobRuns, index: int) -> _Bins:
    import numpy as np

    signal = fit.signal
    whole = entries(signal, job.starts_s, job.ends_s)
    if signal.instant_s is not None:
        enough = 1.0
    elif signal.step_s <= 60:
        enough = 0.8
    else:
        enough = 60 / signal.step_s if signal.has_peaks else 0.97
    keep = (whole.shares >= enough - 1e-9) & signal.have[whole.bins]
    runs, bins = whole.runs[keep], whole.bins[keep]
    keys = runs * signal.size + bins  # ascending: runs in order, bins in order within each
    own = np.zeros(len(keys))
    for column in fit.of(index):
        part = fit.phases[column].entries
        place = np.searchsorted(keys, part.runs * signal.size + part.bins)
        place = np.minimum(place, max(len(keys) - 1, 0))
        hit = (keys[place] == part.runs * signal.size + part.bins) if len(keys) else np.zeros(0, dtype=bool)
        if len(keys):
            np.add.at(
                own,
                place[hit],
                part.shares[hit] * fit.heights[column] * fit.scales[index][part.runs[hit]],
            )
    return _Bins(runs=runs, bins=bins, own=own)
