"""The peak of memory in each run, as far as samples of the whole host show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analyzer.decide.sizing.fit import Fit, JobRuns
from analyzer.decide.sizing.signals import Signal, entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats

    Bools = NDArray[np.bool_]

ALONE_MIB = 50.0
"""A bin counts as the job's own where all others together add less than this, or than a fifth of the job."""
NEVER_SAMPLED_MIB = 460
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
    heights = fit.heights[fit.of(index)]
    mean_peak = float(heights.max()) if len(heights) else 0.0
    usual_s = float(np.median(job.durations_s))
    per_run = usual_s / (signal.sampling_s or signal.step_s)
    if usual_s < shortest_visible_s(signal) or job.unresolved:
        return _never_sampled(fit, job, index, mean_peak, per_run, separable=separable)
    peaks, clean, upper = _run_peaks(fit, job, index, frequent_mib, mean_peak)
    basis: Literal["clean", "overlap", "mean"]
    if clean.sum() >= 3 or (len(peaks) and clean.all()):
        basis, values = "clean", peaks[clean]
        highest = float(values.max()) if len(values) < 50 else float(np.quantile(values, 0.995))
    elif len(peaks):
        known = fit.scales[index][fit.known[index] > 0.5]
        largest = float(np.quantile(known, 0.95)) if len(known) else 1.0
        basis, highest = "overlap", min(float(peaks.max()), mean_peak * max(1.0, largest))
        values = np.minimum(peaks, 1.3 * highest)
    else:
        basis, values, highest = "mean", np.array([mean_peak]), mean_peak
    highest = max(highest, 1.0)
    low, spread = highest, 0.0
    if basis != "mean" and len(values) >= 3:
        logs = np.log(np.maximum(values, 1.0))
        spread = float(logs.std(ddof=1))
        # one-sided tolerance bound: 99 % of the runs with 90 % confidence, for a spread that is plausible
        bound = math.exp(float(logs.mean()) + (2.33 + 2.2 / math.sqrt(len(values))) * min(spread, 0.35))
        low = max(highest, min(bound, 1.5 * highest))
    need = low * unseen_factor(signal, per_run) + fit.noise
    upper_mib = float(upper.max()) if len(upper) else 0.0
    if not separable:
        need = max(need, upper_mib * 1.05)
    return MemoryPeak(
        peak_mib=highest,
        need_mib=need,
        basis=basis,
        samples_per_run=per_run,
        upper_mib=upper_mib,
        spread=spread,
    )


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
    upper = _upper(fit, job) if not separable else 0.0
    if separable and not job.unresolved and mean_peak > 5 * spread:
        return MemoryPeak(
            peak_mib=mean_peak,
            need_mib=max(NEVER_SAMPLED_MIB, 2 * mean_peak),
            basis="mean",
            samples_per_run=per_run,
            upper_mib=upper,
        )
    return MemoryPeak(
        peak_mib=NEVER_SAMPLED_MIB / 2,
        need_mib=max(NEVER_SAMPLED_MIB, upper * 1.05),
        basis="assumed",
        samples_per_run=per_run,
        upper_mib=upper,
    )


def _upper(fit: Fit, job: JobRuns) -> float:
    touched = entries(fit.signal, job.starts_s, job.ends_s).bins
    touched = touched[fit.signal.have[touched]]
    return max(0.0, float((fit.signal.peaks[touched] - fit.baseline[touched]).max())) if len(touched) else 0.0


def _run_peaks(
    fit: Fit, job: JobRuns, index: int, frequent_mib: Floats, mean_peak: float
) -> tuple[Floats, Bools, Floats]:
    """(peak above everybody else, whether it was seen alone, peak above the baseline) of each run with a sample."""
    import numpy as np

    inside = _bins_inside(fit, job, index)
    if not len(inside.bins):
        return np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0)
    base = fit.baseline[inside.bins]
    others = np.maximum(base + fit.explained[inside.bins] - inside.own, base)
    above = fit.signal.peaks[inside.bins] - others
    foreign = others - base - frequent_mib[inside.bins]
    alone = foreign <= max(ALONE_MIB, 0.2 * mean_peak)
    present, position = np.unique(inside.runs, return_inverse=True)
    count = np.bincount(position)
    clean = np.bincount(position, weights=alone) >= 0.5 * count
    peaks = np.full(len(present), -np.inf)
    usable = alone | ~clean[position]
    np.maximum.at(peaks, position[usable], above[usable])
    upper = np.full(len(present), -np.inf)
    np.maximum.at(upper, position, fit.signal.peaks[inside.bins] - base - frequent_mib[inside.bins])
    return peaks, clean, upper


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
