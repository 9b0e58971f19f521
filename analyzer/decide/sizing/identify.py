"""Which jobs the data can tell apart at all, in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.decide.sizing.baseline import baseline_design
from analyzer.decide.sizing.durations import tap_edges
from analyzer.decide.sizing.fit import Fit, JobRuns
from analyzer.decide.sizing.signals import entries

if TYPE_CHECKING:
    from analyzer.usage import Floats

SEPARABLE = 0.15
"""Share of a job's regressor that nothing else explains; below, its load cannot be told from the others'."""
_TOGETHER = 0.8


class Separability(Struct, frozen=True, kw_only=True):
    """Whether one job can be told from everything else."""

    unique: float
    """1 - R² of its regressor on the baseline and free profiles of every other job."""
    partners: tuple[int, ...]
    """Jobs that run during most of its time in most of its runs."""

    @property
    def separable(self) -> bool:
        """Enough of it is its own."""
        return self.unique >= SEPARABLE


def separabilities(fit: Fit, jobs: Sequence[JobRuns]) -> tuple[Separability, ...]:
    """One for each job."""
    totals = [fit.columns[:, fit.of(index)].sum(axis=1) for index in range(len(jobs))]
    unique = _unique(fit, jobs, totals)
    return tuple(
        Separability(unique=float(unique[index]), partners=_partners(totals, index)) for index in range(len(jobs))
    )


def _unique(fit: Fit, jobs: Sequence[JobRuns], totals: Sequence[Floats]) -> Floats:
    """Free profiles, because a short job always inside a long one has a small correlation with it and is still lost."""
    import numpy as np

    signal = fit.signal
    profiles, owner = [], []
    for index, job in enumerate(jobs):
        if not job.count:
            continue
        if job.frequent:
            profiles.append(fit.columns[:, fit.of(index)].sum(axis=1))
            owner.append(index)
            continue
        edges = tap_edges(signal.step_s, max(float(job.durations_s.max()), signal.step_s))
        for begin, end in pairwise(edges):
            part = entries(
                signal, np.minimum(job.starts_s + begin, job.ends_s), np.minimum(job.starts_s + end, job.ends_s)
            )
            profiles.append(part.column(signal.size))
            owner.append(index)
    base, ridge = baseline_design(signal)
    everything = np.column_stack([*profiles, base, *totals]).astype(np.float32) * signal.have[:, None]
    gram = (everything.T @ everything).astype(np.float64)
    first_base, first_total = len(profiles), len(profiles) + base.shape[1]
    gram[range(first_base, first_total), range(first_base, first_total)] += ridge
    out = np.ones(len(jobs))
    owners = np.array(owner, dtype=np.int64)
    for index in range(len(jobs)):
        own = first_total + index
        if gram[own, own] <= 0:
            out[index] = 0.0
            continue
        keep = np.r_[np.flatnonzero(owners != index), np.arange(first_base, first_total)]
        inner = gram[np.ix_(keep, keep)] + 1e-4 * np.eye(len(keep))
        cross = gram[keep, own]
        out[index] = np.clip(1 - cross @ np.linalg.solve(inner, cross) / gram[own, own], 0, 1)
    return out


def _partners(totals: Sequence[Floats], index: int) -> tuple[int, ...]:
    """Jobs that are present in the bins that hold nearly all of this one's time."""
    mine = totals[index]
    whole = mine.sum()
    if whole <= 0:
        return ()
    return tuple(
        other for other, theirs in enumerate(totals) if other != index and mine[theirs > 0].sum() >= _TOGETHER * whole
    )
