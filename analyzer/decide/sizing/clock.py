"""Do the runs and the series share one clock? A zone that is wrong by hours shows as load beside every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.sizing.baseline import baseline_design
from analyzer.decide.sizing.confidence import FEWEST_RUNS
from analyzer.decide.sizing.fit import JobRuns
from analyzer.decide.sizing.regression import Partialled
from analyzer.decide.sizing.signals import Signal, entries

if TYPE_CHECKING:
    from analyzer.usage import Floats

COARSE_S = 600
"""Hours are told apart well enough in ten-minute bins."""
_LONG_S = 300.0
"""Shorter jobs do not show in such bins."""
_RARE_S = 20 * 3600
"""A job that starts more often has a start beside every load."""
_GUESSED_S = 1800
"""Length of a run whose end is not known."""
_CLEARLY, _AT_LEAST = 1.3, 0.05
"""Another offset must explain so much more than none, and so much of the whole."""
_HARDLY = 3.0
"""The same where only starts are known: with the right clocks something begins at them."""


class ClockOffset(Struct, frozen=True):
    """The shift of all runs that the series speaks for; 0 where nothing contradicts the clocks."""

    seconds: int
    sure: bool = True
    """False: only the starts of runs are known, and any load may begin beside a start by chance."""


def clock_offset(signal: Signal, jobs: Sequence[JobRuns]) -> ClockOffset:
    """By the runs whose ends are known where there are any, else by what begins at starts."""
    import numpy as np

    told = [job for job in jobs if job.count and not job.frequent and not np.isnan(job.ends_s).any()]
    if long := [job for job in told if np.median(job.durations_s) >= _LONG_S]:
        return ClockOffset(_best_shift(signal, long, _CLEARLY))
    rare = [
        replace(job, ends_s=job.starts_s + _GUESSED_S)
        for job in jobs
        if job.count >= FEWEST_RUNS and job.period_s >= _RARE_S and np.isnan(job.ends_s).all()
    ]
    return ClockOffset(_best_shift(signal, rare, _HARDLY) if rare else 0, sure=False)


def _best_shift(signal: Signal, long: Sequence[JobRuns], factor: float) -> int:
    """Seconds; 0 where no shift explains `factor` times as much as none."""
    import numpy as np

    coarse = _coarser(signal)
    base, ridge = baseline_design(coarse)
    hours = range(-12, 13)
    gains = {hour * 3600: _explained(coarse, long, hour * 3600, base, ridge) for hour in hours}
    best = max(gains, key=lambda shift: (gains[shift], -abs(shift)))
    have = coarse.have
    spread = float(np.sum((coarse.values[have] - coarse.values[have].mean()) ** 2))
    if best and gains[best] > factor * gains[0] and gains[best] - gains[0] > _AT_LEAST * spread:
        return best
    return 0


def _coarser(signal: Signal) -> Signal:
    import numpy as np

    block = max(1, COARSE_S // signal.step_s)
    size = signal.size // block * block
    have = signal.have[:size].reshape(-1, block)
    count = have.sum(axis=1)
    values = np.where(have, signal.values[:size].reshape(-1, block), 0).sum(axis=1) / np.maximum(count, 1)
    return replace(signal, values=values, peaks=values, have=count > 0, step_s=signal.step_s * block, instant_s=None)


def _explained(signal: Signal, jobs: Sequence[JobRuns], shift_s: int, base: Floats, ridge: Floats) -> float:
    """How much less of the series is left unexplained with the jobs at that shift."""
    import numpy as np

    columns = [entries(signal, job.starts_s + shift_s, job.ends_s + shift_s).column(signal.size) for job in jobs]
    equations = Partialled(np.column_stack(columns), base, signal.values, ridge, signal.have.astype(float))
    heights: Floats = equations.jobs()
    return float(2 * equations.target @ heights - heights @ equations.gram @ heights)
