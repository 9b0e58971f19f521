"""Which runs of the cron logs belong to which job; where no log speaks, the firings of its schedule."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from analyzer.cron.crontab import ScheduleError, read_schedule
from analyzer.cron.firings import next_firings
from analyzer.decide.sizing.fit import JobRuns
from analyzer.decide.sizing.signals import DAY_S, Signal, entries
from analyzer.model import CronDaemon, Job, Via
from analyzer.usage import CommandRuns, HostUsage, Measurement

if TYPE_CHECKING:
    from analyzer.usage import Floats

Firings: TypeAlias = Callable[[Job, int, int], Sequence[float]]
"""(job, from, to) -> the instants (UTC epoch) at which its schedule fires in that time."""


def schedule_firings(job: Job, begin: int, end: int) -> tuple[float, ...]:
    """The instants of a crontab schedule; none for timers and for lines that cron refuses."""
    try:
        schedule = read_schedule(job.schedule, CronDaemon.DEBIAN)
        start = datetime.fromtimestamp(begin, UTC)
        most = (end - begin) // 60 + 1
        found = (
            next_firings(schedule.times, job.timezone or "UTC", schedule.rule, start, most) if schedule.times else ()
        )
    except (ScheduleError, ValueError, KeyError):
        return ()
    return tuple(instant.timestamp() for instant in found if instant.timestamp() < end)


_ONE_SECOND = 0.5
"""Logs have whole seconds: a run ends half a second after its stamp on average."""


def match_runs(usage: HostUsage, jobs: Sequence[Job], signal: Signal, firings: Firings | None) -> tuple[JobRuns, ...]:
    """Each job with at least one run that the signal saw. Jobs of one and the same text share their runs."""
    begin, end = signal.start_s, signal.start_s + signal.size * signal.step_s
    logged: dict[tuple[str, str], CommandRuns] = {}
    for command_runs in usage.runs:
        logged[command_runs.user, _plain(command_runs.command)] = command_runs
    by_key: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        by_key[job.user, _plain(_before_percent(job.command))].append(job)
    out = []
    for key, members in by_key.items():
        first = members[0]
        names = tuple(job.id for job in members)
        runs = logged.get(key) or _run_parts(first, usage.runs)
        if runs is not None:
            found: JobRuns | None = _from_log(first, names, runs, begin, end, _by_hand(first, usage.measurements))
        elif usage.log_span_s is None or not _covers(usage.log_span_s, begin, end):
            found = _from_schedule(first, names, firings or schedule_firings, begin, end) if first.enabled else None
        else:
            found = None  # the log covers the time and shows no run
        found = _recorded(found, signal) if found is not None else None
        if found is not None and found.count:
            out.append(found)
    used = {
        id(runs) for runs in (logged.get(key) or _run_parts(members[0], usage.runs) for key, members in by_key.items())
    }
    # commands that became no job still explain the host's load
    others = [
        _recorded(_from_log(_nameless(runs), (f"{OTHER}{runs.command}",), runs, begin, end), signal)
        for runs in usage.runs
        if id(runs) not in used
    ]
    return tuple(sorted((*out, *(one for one in others if one.count)), key=lambda one: one.job))


OTHER = "other: "
"""Begins the name of a command of the cron log that is no job of the application."""


def _nameless(runs: CommandRuns) -> Job:
    return Job(
        id=f"{OTHER}{runs.command}",
        sources=(runs.source,),
        via=Via(rule=None),
        user=runs.user,
        schedule="",
        timezone="",
        enabled=True,
        command=runs.command,
        outcome="skipped",
        reason="",
    )


def _recorded(job: JobRuns, signal: Signal) -> JobRuns:
    """Without the runs that lie in gaps of the signal for the most part: they would pass for runs without load."""
    import numpy as np

    if signal.have.all():
        return job
    # of a run without an end only the first bin is known to be its own
    covered = entries(signal, job.starts_s, np.where(np.isnan(job.ends_s), job.starts_s + 1, job.ends_s))
    whole = np.bincount(covered.runs, weights=covered.shares, minlength=job.count)
    in_sight = np.bincount(covered.runs, weights=covered.shares * signal.have[covered.bins], minlength=job.count)
    kept = in_sight >= 0.5 * whole
    return replace(
        job,
        starts_s=job.starts_s[kept],
        ends_s=job.ends_s[kept],
        cpu_s=job.cpu_s[kept] if job.cpu_s is not None else None,
        memory_mib=job.memory_mib[kept] if job.memory_mib is not None else None,
    )


def _plain(command: str) -> str:
    return " ".join(command.split())


def _before_percent(command: str) -> str:
    r"""The text that the log shows: cut at the first bare `%` (the rest is standard input), `\%` turned into `%`."""
    head = re.split(r"(?<!\\)%", command, maxsplit=1)[0]
    return head.replace("\\%", "%")


def _run_parts(job: Job, runs: Sequence[CommandRuns]) -> CommandRuns | None:
    """A script of /etc/cron.daily and the like runs inside the line that runs the folder."""
    for source in job.sources:
        folder = re.search(r"/etc/cron\.(?:hourly|daily|weekly|monthly)(?=/)", "/" + source.file)
        if folder:
            pattern = re.compile(re.escape(folder.group()) + r"(?![\w-])")
            return next((one for one in runs if pattern.search(one.command)), None)
    return None


def _covers(span: tuple[int, int], begin: int, end: int) -> bool:
    return span[1] - span[0] >= 0.5 * (end - begin)


def _by_hand(job: Job, measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Measurements of the job's command; `time` prints it without the quotes that a shell took away."""

    def bare(text: str) -> str:
        return re.sub(r"[\s'\"\\]+", "", text)

    return tuple(one for one in measurements if bare(one.command) == bare(_before_percent(job.command)))


def _from_log(
    job: Job, names: tuple[str, ...], runs: CommandRuns, begin: int, end: int, by_hand: tuple[Measurement, ...] = ()
) -> JobRuns:
    import numpy as np

    inside = (runs.starts_s >= begin) & (runs.starts_s < end)
    starts = runs.starts_s[inside].astype(np.float64)
    ends = np.maximum(runs.ends_s[inside], starts + 1) + _ONE_SECOND
    told = int((~np.isnan(ends)).sum())
    how = ", ".join(f"{name} ({count})" for name, count in runs.end_evidence) or "no ends"
    exchangeable = any(name == "session, exchangeable" for name, _ in runs.end_evidence)
    return JobRuns(
        job=job.id,
        starts_s=starts,
        ends_s=ends if told >= 0.5 * len(ends) else np.full(len(ends), np.nan),
        period_s=_period(job, starts),
        cpu_s=runs.cpu_s[inside],
        memory_mib=runs.memory_mib[inside],
        by_hand=by_hand,
        measured_by=(*runs.measured_by, *(("time -v",) if by_hand else ())),
        evidence=f"cron log {runs.source.file}: starts; ends: {how}",
        exchangeable=exchangeable,
        members=names,
    )


def _from_schedule(job: Job, names: tuple[str, ...], firings: Firings | None, begin: int, end: int) -> JobRuns | None:
    import numpy as np

    if firings is None:
        return None
    starts: Floats = np.array(sorted(firings(job, begin, end)), dtype=np.float64)
    starts = starts[(starts >= begin) & (starts < end)] + 1  # cron wakes a second late
    return JobRuns(
        job=job.id,
        starts_s=starts,
        ends_s=np.full(len(starts), np.nan),
        period_s=_period(job, starts),
        evidence=f"no log: starts expanded from `{job.schedule}`",
        members=names,
    )


def _period(job: Job, starts: Floats) -> float:
    import numpy as np

    if len(starts) > 1:
        return max(1.0, float(np.median(np.diff(starts))))
    return float(job.shortest_gap_s or DAY_S)
