"""What memory each single run shows: the highest sample above everybody else's share, and how clean it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.decide.sizing.fit import Fit, JobRuns
from analyzer.decide.sizing.signals import entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

    Bools = NDArray[np.bool_]

ALONE_MIB = 50.0
"""A bin counts as the job's own where all others together add less than this, or than a fifth of the job."""


class _Bins(Struct, frozen=True, kw_only=True, eq=False):
    """Bins that lie wholly within runs of one job."""

    runs: NDArray[np.int64]
    bins: NDArray[np.int64]
    own: Floats
    """MiB that the model gives the job itself there."""


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


def highest_above_baseline(fit: Fit, job: JobRuns) -> float:
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


class RunPeaks(Struct, frozen=True, kw_only=True, eq=False):
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


def run_peaks(fit: Fit, jobs: Sequence[JobRuns], index: int, frequent_mib: Floats, mean_peak: float) -> RunPeaks:
    import numpy as np

    inside = _bins_inside(fit, jobs[index], index)
    if not len(inside.bins):
        none = np.zeros(0)
        return RunPeaks(net=none, gross=none, clean=none.astype(bool), runs=none.astype(np.int64), upper=none)
    base = fit.baseline[inside.bins]
    others = np.maximum(base + fit.explained[inside.bins] - inside.own, base)
    above = fit.signal.peaks[inside.bins] - others
    foreign = others - base - frequent_mib[inside.bins]
    # a job that is there for two seconds is in the bin's sample whole or not at all: its share of the bin is no help
    rare, often = (held[inside.bins] for held in _held_beside(fit, jobs, index))
    alone = rare <= max(ALONE_MIB, 0.2 * mean_peak)
    undisturbed = alone & (often <= max(10.0, 0.05 * mean_peak))
    present, position = np.unique(inside.runs, return_inverse=True)
    count = np.bincount(position)
    clean = np.bincount(position, weights=alone) >= 0.5 * count
    calm = np.bincount(position, weights=undisturbed) >= np.maximum(2, 0.3 * count)
    usable = np.where(calm[position], undisturbed, alone | ~clean[position])

    def highest(values: Floats, where: Bools) -> Floats:
        out = np.full(len(present), -np.inf)
        np.maximum.at(out, position[where], values[where])
        return out

    return RunPeaks(
        net=highest(above - _usual_excess(fit, jobs, index)[inside.bins], usable),
        gross=highest(above, usable),
        clean=clean,
        runs=present,
        upper=highest(fit.signal.peaks[inside.bins] - base - frequent_mib[inside.bins], np.ones(len(base), dtype=bool)),
        foreign_mib=float(np.median(foreign)),
    )


def _held_beside(fit: Fit, jobs: Sequence[JobRuns], index: int) -> tuple[Floats, Floats]:
    """Of each bin: all that the jobs which touch it may hold at once, (the rarer ones, the frequent ones)."""
    import numpy as np

    rare, often = np.zeros(fit.signal.size), np.zeros(fit.signal.size)
    for other, job in enumerate(jobs):
        columns = fit.of(other)
        if other != index and len(columns):
            held = often if job.frequent else rare
            held += float(fit.heights[columns].max()) * (fit.columns[:, columns].sum(axis=1) > 0)
    return rare, often


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
