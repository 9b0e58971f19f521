"""How long a batch may be silent before somebody must be told: the arithmetic of the dead-man alarms.

CloudWatch looks at whole periods. Between two heartbeats that are `silence_s` apart there are at most
`silence_s // period` whole periods without one; an alarm over one period more therefore never fires while the batch is
on time, and fires within two periods (plus CloudWatch's own delay) once it is not. An alarm may look back one day
with periods below an hour and seven days with longer ones; what is rarer is looked for once a day in the metric itself,
which CloudWatch keeps for 455 days.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from msgspec import Struct

from analyzer.model import Job

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400

SHORT_PERIOD_S = 300
LONG_PERIOD_S = HOUR_S
SHORT_LIMIT_S = DAY_S
"""The most that periods below an hour may cover together."""
LONG_LIMIT_S = 7 * DAY_S
METRIC_RETENTION_DAYS = 455

START_GRACE_S = 30 * MINUTE_S
"""Image pull, capacity retries (up to a quarter of an hour), delivery of the log line and of the metric."""
CLOCK_CHANGE_S = HOUR_S
"""A day on which clocks go back is an hour longer."""
UNKNOWN_DURATION_S = HOUR_S
"""Allowed for a run where neither its duration nor its limit is known."""


class Alarm(Struct, frozen=True, kw_only=True):
    """A CloudWatch alarm: silent for `evaluation_periods` whole periods."""

    period_s: int
    evaluation_periods: int

    @property
    def window_s(self) -> int:
        """All periods together."""
        return self.period_s * self.evaluation_periods


class DailyCheck(Struct, frozen=True, kw_only=True):
    """A daily look at the metric of the last `days` days."""

    days: int


class NoHeartbeat(Struct, frozen=True, kw_only=True):
    """Its absence cannot be noticed; `reason` is shown to people."""

    reason: str


Heartbeat: TypeAlias = Alarm | DailyCheck | NoHeartbeat


def allowed_silence_s(job: Job) -> int | None:
    """Longest time between two ends of `job` while all is well; None where its longest gap is not known.

    The next end may come later than the gap says by the time of the run: twice the observed one, or its limit.
    """
    if job.longest_gap_s is None:
        return None
    if job.footprint.duration_s is not None:
        run_s = math.ceil(2 * job.footprint.duration_s)
    else:
        run_s = job.timeout_s if job.timeout_s is not None else UNKNOWN_DURATION_S
    if job.timeout_s is not None:
        run_s = min(run_s, job.timeout_s)
    window_s = MINUTE_S * (job.flexible_window_minutes or 0)
    clock_s = CLOCK_CHANGE_S if job.longest_gap_s >= DAY_S // 2 else 0
    return job.longest_gap_s + run_s + window_s + clock_s + START_GRACE_S


def watch(silence_s: int) -> Heartbeat:
    """The way in which more than `silence_s` seconds of silence are noticed."""
    for period_s, limit_s in ((SHORT_PERIOD_S, SHORT_LIMIT_S), (LONG_PERIOD_S, LONG_LIMIT_S)):
        count = silence_s // period_s + 1
        # up to three hours five-minute periods tell sooner; beyond, hours are precise enough and cost less to evaluate
        if count * period_s <= limit_s and (period_s == LONG_PERIOD_S or silence_s <= 3 * HOUR_S):
            return Alarm(period_s=period_s, evaluation_periods=count)
    days = silence_s // DAY_S + 1
    if days <= METRIC_RETENTION_DAYS:
        return DailyCheck(days=days)
    return NoHeartbeat(
        reason=f"it may be silent for {days} days and CloudWatch keeps metrics for {METRIC_RETENTION_DAYS}"
    )


def heartbeat(job: Job) -> Heartbeat:
    """How the silence of `job` is noticed."""
    silence_s = allowed_silence_s(job)
    if silence_s is None:
        return NoHeartbeat(reason="the longest time between two of its starts is not known")
    return watch(silence_s)


def duration_text(seconds: int) -> str:
    """`1 day 2 h`, `25 min`: the two largest units."""
    days, rest = divmod(seconds, DAY_S)
    hours, rest = divmod(rest, HOUR_S)
    minutes = math.ceil(rest / MINUTE_S)
    parts = []
    if days:
        parts.append(f"{days} day" if days == 1 else f"{days} days")
    if hours:
        parts.append(f"{hours} h")
    if minutes and not days:
        parts.append(f"{minutes} min")
    return " ".join(parts) or "0 min"
