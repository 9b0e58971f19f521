"""One signal explained as a smooth baseline plus what each job adds while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.decide.sizing.baseline import baseline_design
from analyzer.decide.sizing.regression import Partialled, nonnegative, run_scales
from analyzer.decide.sizing.signals import DAY_S, Entries, Signal, entries
from analyzer.usage import Measurement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

    Bools = NDArray[np.bool_]

MOST_PHASES = 6
"""A run is cut into at most so many equal parts, each with its own height."""
FREQUENT_RUNS = 400
"""Above, runs are not told apart: a job of every five minutes is described by its mean."""
BOOTSTRAP_ROUNDS = 60
FEWEST_BLOCKS = 5
"""Of fewer days the drawn samples are too alike: one day drawn again and again has no spread at all."""
_RUN_SPREAD = 0.3
"""Prior: runs of one job differ by 30 % (standard deviation)."""
PROFILE_ERROR = 0.25
"""Usual misfit of a run's profile against its job's mean profile, as a part of its height."""
_HUBER = 3.0


class JobRuns(Struct, frozen=True, kw_only=True, eq=False):
    """The runs of one job on one host."""

    job: str
    starts_s: Floats
    ends_s: Floats
    """NaN where only the start is known."""
    period_s: float
    """Usual time from one start to the next."""
    cpu_s: Floats | None = None
    """Measured CPU-seconds of each run, NaN where not measured."""
    memory_mib: Floats | None = None
    """Measured peak of each run, NaN where not measured."""
    by_hand: tuple[Measurement, ...] = ()
    """Runs of its command under `/usr/bin/time -v`."""
    measured_by: tuple[str, ...] = ()
    evidence: str = ""
    """Where the starts and ends come from, in words."""
    exchangeable: bool = False
    """The ends were guessed among jobs that always start together: any two could be swapped."""
    estimated_ends: bool = False
    unresolved: bool = False
    """The run is shorter than the data can resolve: `ends_s` is the end of the first bin."""
    members: tuple[str, ...] = ()
    """More than one: jobs that cannot be told apart, treated as one."""

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.starts_s)

    @property
    def durations_s(self) -> Floats:
        """Length of each run."""
        return self.ends_s - self.starts_s

    @property
    def measured_cpu_s(self) -> Floats:
        """CPU-seconds of every run that something measured."""
        return self._measured(self.cpu_s, [one.cpu_s for one in self.by_hand])

    @property
    def measured_memory_mib(self) -> Floats:
        """Peak memory of every run that something measured."""
        return self._measured(self.memory_mib, [one.memory_mib for one in self.by_hand])

    @staticmethod
    def _measured(of_runs: Floats | None, by_hand: list[float]) -> Floats:
        import numpy as np

        seen = of_runs[~np.isnan(of_runs)] if of_runs is not None else np.zeros(0)
        return np.concatenate([seen, np.array(by_hand, dtype=np.float64)])

    @property
    def frequent(self) -> bool:
        """Too many runs to look at each."""
        return self.count > FREQUENT_RUNS


class Phase(Struct, frozen=True, kw_only=True, eq=False):
    """One column of the design: one part of all runs of one job."""

    owner: int
    entries: Entries


class Fit(Struct, frozen=True, kw_only=True, eq=False):
    """A signal taken apart."""

    signal: Signal
    phases: tuple[Phase, ...]
    owner: Seconds
    columns: Floats
    heights: Floats
    """Of each column: cores or MiB that the job adds during that phase."""
    baseline: Floats
    explained: Floats
    """What the jobs add, with each run's own scale."""
    residual: Floats
    """0 in gaps."""
    noise: float
    resampled: Floats
    """Heights of the day bootstrap, one row a round."""
    scales: tuple[Floats, ...]
    """Of each job: height of each run relative to the job's mean."""
    known: tuple[Floats, ...]
    """Of each job and run: how much the data say about its scale, 0 (nothing) to 1."""

    def of(self, job: int) -> Seconds:
        """Columns of one job, in the order of its phases."""
        import numpy as np

        return np.flatnonzero(self.owner == job)


def phases_of(signal: Signal, jobs: Sequence[JobRuns]) -> tuple[Phase, ...]:
    """Each job's runs cut into equal parts, as many as the bins can resolve."""
    import numpy as np

    out = []
    for index, job in enumerate(jobs):
        if not job.count:
            continue
        parts = int(np.clip(np.median(job.durations_s) // (2 * signal.step_s), 1, MOST_PHASES))
        for part in range(parts):
            begin = job.starts_s + job.durations_s * (part / parts)
            end = job.starts_s + job.durations_s * ((part + 1) / parts)
            out.append(Phase(owner=index, entries=entries(signal, begin, end)))
    return tuple(out)


def quiet_bins(signal: Signal, jobs: Sequence[JobRuns]) -> Bools:
    """Bins in which no job runs, apart from those that run nearly always."""
    import numpy as np

    quiet = signal.have.copy()
    for job in jobs:
        if not job.frequent and job.count:
            around = entries(signal, job.starts_s - signal.step_s, job.ends_s + signal.step_s)
            busy = np.unique(around.bins)
            quiet[busy] = False
    return quiet


def fit_signal(signal: Signal, jobs: Sequence[JobRuns], seed: int = 0) -> Fit:
    """Baseline and jobs in one non-negative regression, then each run's own scale."""
    import numpy as np

    phases = phases_of(signal, jobs)
    columns = (
        np.column_stack([phase.entries.column(signal.size) for phase in phases])
        if phases
        else np.zeros((signal.size, 0))
    )
    owner = np.array([phase.owner for phase in phases], dtype=np.int64)
    base_columns, ridge = baseline_design(signal)
    have = signal.have.astype(float)
    quiet = quiet_bins(signal, jobs)
    heights, baseline = _solve(columns, base_columns, signal.values, ridge, have)
    rest = signal.values - columns @ heights - baseline
    noise = _spread(rest[signal.have])
    # robust against unexplained bursts; never against a job's own bins being lower than its mean
    usual = np.hypot(noise, PROFILE_ERROR * (columns @ heights))
    robust = np.minimum(1, _HUBER * usual / np.maximum(np.abs(rest), 1e-12)) ** 0.5
    weights = np.where(quiet | (rest > 0), robust, 1.0) * have
    heights, baseline = _solve(columns, base_columns, signal.values, ridge, weights, heights > 0)
    rest = signal.values - columns @ heights - baseline
    noise = _spread(rest[signal.have])
    resampled = _bootstrap(signal, columns, signal.values - baseline, weights, heights, seed)
    scales, known, explained = _scale_runs(signal, jobs, phases, heights, baseline, noise)
    return Fit(
        signal=signal,
        phases=phases,
        owner=owner,
        columns=columns,
        heights=heights,
        baseline=baseline,
        explained=explained,
        residual=(signal.values - baseline - explained) * have,
        noise=noise,
        resampled=resampled,
        scales=scales,
        known=known,
    )


def _solve(
    columns: Floats, base: Floats, values: Floats, ridge: Floats, weights: Floats, start: Bools | None = None
) -> tuple[Floats, Floats]:
    equations = Partialled(columns, base, values, ridge, weights)
    heights = equations.jobs(start)
    return heights, base @ equations.baseline(heights)


def _spread(values: Floats) -> float:
    """Robust standard deviation around zero."""
    import numpy as np

    return 1.4826 * float(np.median(np.abs(values))) + 1e-9 if len(values) else 1e-9


def _bootstrap(signal: Signal, columns: Floats, above: Floats, weights: Floats, heights: Floats, seed: int) -> Floats:
    """Heights refitted on days drawn with replacement, the baseline held; a short record is cut into shorter blocks."""
    import numpy as np

    count = signal.size * signal.step_s // DAY_S
    if count < FEWEST_BLOCKS:
        count = FEWEST_BLOCKS
        block = np.arange(signal.size) * count // signal.size
    else:
        block = np.minimum(np.arange(signal.size) * signal.step_s // DAY_S, count - 1)
    grams, targets = [], []
    for one in range(count):
        rows = block == one
        part = columns[rows] * weights[rows][:, None]
        grams.append(part.T @ part)
        targets.append(part.T @ (above[rows] * weights[rows]))
    gram, target = np.array(grams), np.array(targets)
    draws = np.random.default_rng(seed).integers(0, count, (BOOTSTRAP_ROUNDS, count))
    out = []
    for draw in draws:
        times = np.bincount(draw, minlength=count).astype(float)
        out.append(nonnegative(np.tensordot(times, gram, 1), times @ target, heights > 0))
    return np.array(out).reshape(BOOTSTRAP_ROUNDS, columns.shape[1])


def _scale_runs(
    signal: Signal, jobs: Sequence[JobRuns], phases: Sequence[Phase], heights: Floats, baseline: Floats, noise: float
) -> tuple[tuple[Floats, ...], tuple[Floats, ...], Floats]:
    import numpy as np

    fixed = np.zeros(signal.size)
    rows, runs, values = [], [], []
    offset = np.cumsum([0, *(0 if job.frequent else job.count for job in jobs)])
    for number, phase in enumerate(phases):
        if heights[number] <= 0:
            continue
        share = phase.entries.shares * heights[number]
        if jobs[phase.owner].frequent:
            fixed += np.bincount(phase.entries.bins, weights=share, minlength=signal.size)
        else:
            rows.append(phase.entries.bins)
            runs.append(phase.entries.runs + offset[phase.owner])
            values.append(share)
    total = int(offset[-1])
    scale, known = np.ones(total), np.zeros(total)
    explained = fixed
    if rows:
        row, run, value = np.concatenate(rows), np.concatenate(runs), np.concatenate(values)
        mean = np.bincount(row, weights=value, minlength=signal.size)
        rest = np.where(signal.have, signal.values - baseline - fixed - mean, 0.0)
        seen = signal.have[row]
        # a run's profile differs from the mean profile in proportion to its height: without this a small job beside a
        # large one is blown up to explain what the large one's equal parts do not
        doubt = 1 / np.hypot(1.5 * noise, PROFILE_ERROR * mean)
        deviation, known = run_scales(
            row[seen], run[seen], (value * doubt[row])[seen], rest * doubt, total, 1 / _RUN_SPREAD
        )
        scale = np.maximum(0.0, 1 + deviation)
        explained = fixed + np.bincount(row, weights=value * scale[run], minlength=signal.size)
    parts = [
        (np.ones(job.count), np.zeros(job.count))
        if job.frequent
        else (scale[offset[i] : offset[i + 1]], known[offset[i] : offset[i + 1]])
        for i, job in enumerate(jobs)
    ]
    return tuple(part[0] for part in parts), tuple(part[1] for part in parts), explained


def placebo_spread(fit: Fit, quiet: Bools, duration_s: float) -> float:
    """Standard deviation of the residual's area over windows of a run's length in which no job ran (unit x seconds)."""
    import numpy as np

    step = fit.signal.step_s
    length = max(1, round(duration_s / step))
    window = length
    area = np.r_[0.0, np.cumsum(np.where(quiet, fit.residual, 0.0))]
    free = np.r_[0, np.cumsum(quiet)]
    while True:
        places = np.flatnonzero(free[window:] - free[:-window] == window)
        if len(places) >= 30 or window == 1:
            break
        window //= 2
    if len(places) < 5:
        return float(np.std(fit.residual)) * step * float(length**0.8)
    areas = (area[places + window] - area[places]) * step
    return float(np.std(areas)) * float((length / window) ** 0.85)
