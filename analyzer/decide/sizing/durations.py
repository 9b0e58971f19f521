"""How long jobs run whose end no log tells: the time for which they show in CPU or memory after their starts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.sizing.baseline import baseline_design
from analyzer.decide.sizing.fit import JobRuns, phases_of
from analyzer.decide.sizing.regression import Partialled
from analyzer.decide.sizing.signals import Signal, entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

    Bools = NDArray[np.bool_]

_TAPS_MIN = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)
LONGEST_S = 6 * 3600
SAME_START_S = 90
_SAME_SHARE = 0.9
_SAME_END_S, _SAME_END_SHARE = 5.0, 0.1
"""Known ends that differ by no more, or by no more than that part of the run, do not set two jobs apart."""


def same_starts(jobs: Sequence[JobRuns]) -> tuple[tuple[int, ...], ...]:
    """Groups of jobs that start together in at least 90 % of their runs and whose ends do not set them apart."""
    import numpy as np

    def together(one: JobRuns, other: JobRuns, *, to_the_end: bool) -> float:
        if not one.count or not other.count:
            return 0.0
        place = np.searchsorted(other.starts_s, one.starts_s)
        later, earlier = np.minimum(place, other.count - 1), np.maximum(place - 1, 0)
        after = np.abs(other.starts_s[later] - one.starts_s)
        before = np.abs(other.starts_s[earlier] - one.starts_s)
        same = np.minimum(after, before) <= SAME_START_S
        if to_the_end:
            nearest = np.where(after <= before, later, earlier)
            apart = np.abs(other.ends_s[nearest] - one.ends_s)
            same &= apart <= np.maximum(_SAME_END_S, _SAME_END_SHARE * one.durations_s)
        return float(np.mean(same))

    groups: list[list[int]] = []
    for index, job in enumerate(jobs):
        vague = bool(np.isnan(job.ends_s).any()) or job.exchangeable
        for group in groups:
            first = jobs[group[0]]
            first_vague = bool(np.isnan(first.ends_s).any()) or first.exchangeable
            if vague != first_vague:
                continue
            shares = (together(one, other, to_the_end=not vague) for one, other in ((job, first), (first, job)))
            if min(shares) >= _SAME_SHARE:
                group.append(index)
                break
        else:
            groups.append([index])
    return tuple(tuple(group) for group in groups)


def merge_groups(jobs: Sequence[JobRuns]) -> tuple[JobRuns, ...]:
    """One pseudo job for each group: identical regressors can only be estimated together."""
    import numpy as np

    out = []
    for group in same_starts(jobs):
        first = jobs[group[0]]
        if len(group) == 1:
            out.append(replace(first, members=(first.job,)))
        else:
            unknown = np.full(first.count, np.nan)
            ends = [jobs[index].ends_s for index in group if jobs[index].count == first.count]
            latest = np.max(np.stack(ends), axis=0) if ends else unknown
            out.append(replace(first, members=tuple(jobs[index].job for index in group), ends_s=latest))
    return tuple(out)


def tap_edges(step_s: int, horizon_s: float) -> tuple[float, ...]:
    """Ever wider windows after a start, in whole bins."""
    import math

    edges = {math.ceil(minute * 60 / step_s) * step_s for minute in _TAPS_MIN} | {step_s, 2 * step_s}
    return (*sorted(edge for edge in edges if edge < horizon_s), horizon_s)


class _Response(Struct, kw_only=True):
    """A signal's answer to the starts: one height for each window."""

    signal: Signal
    columns: Floats
    heights: Floats
    strength: Floats
    """Height in standard errors."""
    baseline: Floats
    noise: float


_AUTOCORRELATION = 2.0
_SURE, _LIKELY = 5.0, 2.0
"""Standard errors."""


def estimate_ends(jobs: Sequence[JobRuns], signals: Sequence[Signal]) -> tuple[JobRuns, ...]:
    """Jobs with an end for every run: known ends are kept, the others estimated or marked unresolved."""
    import numpy as np

    vague = [index for index, job in enumerate(jobs) if job.count and np.isnan(job.ends_s).any()]
    if not vague or not signals:
        return tuple(jobs)
    step = max(signal.step_s for signal in signals)
    edges = {i: tap_edges(step, max(step, min(_gap(jobs[i]), LONGEST_S))) for i in vague}
    owner = np.concatenate([np.full(len(edges[i]) - 1, i) for i in vague])
    widths = np.concatenate([np.diff(edges[i]) for i in vague])
    responses = _respond(jobs, signals, vague, edges, owner)
    live = _support(responses, owner, vague)
    out = list(jobs)
    for index in vague:
        out[index] = _with_ends(jobs[index], responses, np.flatnonzero(owner == index), live, widths)
    return tuple(out)


def _gap(job: JobRuns) -> float:
    import numpy as np

    gaps = np.diff(np.sort(job.starts_s))
    return float(min(job.period_s, np.median(gaps))) if len(gaps) else job.period_s


def _respond(
    jobs: Sequence[JobRuns],
    signals: Sequence[Signal],
    vague: Sequence[int],
    edges: dict[int, tuple[float, ...]],
    owner: Seconds,
) -> list[_Response]:
    import numpy as np

    nothing = np.zeros(0)
    settled = [replace(job, starts_s=nothing, ends_s=nothing) if i in vague else job for i, job in enumerate(jobs)]
    out = []
    for signal in signals:
        taps = [
            entries(signal, jobs[i].starts_s + a, jobs[i].starts_s + b).column(signal.size)
            for i in vague
            for a, b in pairwise(edges[i])
        ]
        others = [phase.entries.column(signal.size) for phase in phases_of(signal, settled)]
        out.append(
            _Response(
                signal=signal,
                columns=np.column_stack([*taps, *others]),
                heights=np.zeros(len(owner)),
                strength=np.zeros(len(owner)),
                baseline=np.zeros(signal.size),
                noise=1.0,
            )
        )
    return out


def _support(responses: list[_Response], owner: Seconds, vague: Sequence[int]) -> Bools:
    """Which windows each job is alive in: contiguous from its start, by CPU or memory, refitted until stable."""
    import numpy as np

    live = np.ones(len(owner), dtype=bool)
    for attempt in range(5):
        for one in responses:
            _refit(one, live)
        fresh = np.zeros(len(owner), dtype=bool)
        for index in vague:
            mine = np.flatnonzero(owner == index)
            sure, likely = np.zeros(len(mine), dtype=bool), np.zeros(len(mine), dtype=bool)
            for one in responses:
                heights = one.heights[mine]
                if heights.max() > 0:
                    ordered = np.sort(heights)
                    spiky = len(heights) > 2 and ordered[-1] > 3 * ordered[-2]
                    tall = heights >= 0.15 * (ordered[-2] if spiky else ordered[-1])
                    sure |= tall & (one.strength[mine] > _SURE)
                    likely |= tall & (one.strength[mine] > _LIKELY)
            length = 1
            # the first windows are short, so what shows in them is weak: it counts where something sure follows
            for end in range(1, len(mine)):
                bridged = attempt < 1 and end + 1 < len(mine) and likely[end + 1]
                if not (likely[end] or bridged):
                    break
                if sure[end]:
                    length = end + 1
            fresh[mine[:length]] = True
        if (fresh == live).all():
            break
        live = fresh
    return live


def _refit(one: _Response, live: Bools) -> None:
    import numpy as np

    taps = len(live)
    kept = np.r_[live, np.ones(one.columns.shape[1] - taps, dtype=bool)]
    base, ridge = baseline_design(one.signal)
    have = one.signal.have.astype(float)
    equations = Partialled(one.columns[:, kept], base, one.signal.values, ridge, have)
    solved = equations.jobs()
    heights = np.zeros(one.columns.shape[1])
    heights[kept] = solved
    one.baseline = base @ equations.baseline(solved) + one.columns[:, taps:] @ heights[taps:]
    rest = (one.signal.values - one.baseline - one.columns[:, :taps] @ heights[:taps]) * have
    one.noise = 1.4826 * float(np.median(np.abs(rest[one.signal.have]))) + 1e-9
    weight = np.zeros(one.columns.shape[1])
    weight[kept] = np.sqrt(np.maximum(np.diag(equations.gram), 1e-12))
    one.heights = heights[:taps]
    one.strength = heights[:taps] * weight[:taps] / (one.noise * _AUTOCORRELATION)


def _with_ends(job: JobRuns, responses: list[_Response], mine: Seconds, live: Bools, widths: Floats) -> JobRuns:
    """Ends from the clearer of the two signals: a change point for each run, the mean response where that is hidden."""
    import numpy as np

    support = mine[live[mine]]
    best = max(responses, key=lambda one: float(one.heights[support].max()) / one.noise)
    heights, width = best.heights[support], widths[support]
    step = best.signal.step_s
    missing = np.isnan(job.ends_s)
    if len(support) <= 1 or heights.max() <= 0:
        in_bin = best.signal.start_s + (np.floor((job.starts_s - best.signal.start_s) / step) + 1) * step
        return replace(
            job, ends_s=np.where(missing, in_bin, job.ends_s), estimated_ends=True, unresolved=bool(missing.all())
        )
    usual = float(min((heights * width).sum() / heights.max(), width.sum()))
    if len(support) <= 3:
        usual = max(usual, 0.6 * float(width.sum()))
    ends = job.starts_s + usual
    clarity = float(heights.max()) / best.noise
    if clarity > 4 and job.count <= 800:
        ends = _change_points(job, best, mine, heights, float(width.sum()), usual)
    return replace(job, ends_s=np.where(missing, np.maximum(ends, job.starts_s + 1), job.ends_s), estimated_ends=True)


def _change_points(
    job: JobRuns, best: _Response, mine: Seconds, heights: Floats, span_s: float, usual_s: float
) -> Floats:
    """Of each run: where the sum of (residual - 0.45 plateau) is highest, the box that ends there fits best."""
    import numpy as np

    signal, step = best.signal, best.signal.step_s
    taps = len(best.heights)
    everything = best.baseline + best.columns[:, :taps] @ best.heights
    rest = np.where(signal.have, signal.values - everything + best.columns[:, mine] @ best.heights[mine], 0.0)
    plateau = float(np.median(heights[heights >= 0.5 * heights.max()]))
    reach = int(min(job.period_s, LONGEST_S, 3 * span_s + 4 * step) // step)
    first = np.floor((job.starts_s - signal.start_s) / step).astype(np.int64) + 1
    place = first[:, None] + np.arange(max(reach, 2))[None, :]
    inside = (place >= 0) & (place < signal.size)
    window = np.where(inside, rest[np.clip(place, 0, signal.size - 1)], -np.inf)
    sums = np.cumsum(np.where(np.isfinite(window), window - 0.45 * plateau, -1e9), axis=1)
    last = np.argmax(sums, axis=1)
    rows = np.arange(job.count)
    following = np.minimum(last + 1, window.shape[1] - 1)
    partial = np.clip(np.where(np.isfinite(window[rows, following]), window[rows, following], 0) / plateau, 0, 0.9)
    ends = signal.start_s + (first + last + 1 + partial) * step
    short = sums[rows, last] <= 0
    ends = np.where(short, signal.start_s + first * step, ends)  # within the first bin, no more is known
    unseen = ~inside[:, 0]
    out: Floats = np.where(unseen, job.starts_s + usual_s, ends)
    return out
