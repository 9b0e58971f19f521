"""Firings of a month, old and new, for the report's calendar: minutes of the local day, by day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from analyzer.cron.crontab import ClockRule, Schedule, ScheduleError, read_schedule
from analyzer.cron.daemons import daemon_of
from analyzer.cron.eventbridge import ExpressionError, read_expression
from analyzer.cron.firings import instants_of
from analyzer.cron.systemd import CalendarError, read_calendar
from analyzer.cron.times import Times, day_of_year, kind_of_year, members
from analyzer.cron.zones import HORIZON_START, ZoneError, find_transitions, zone
from analyzer.model import Application, CronDaemon, Job

DAYS = 35
"""Five weeks from a Monday: a whole month wherever it begins."""


def calendars(application: Application, around_s: int | None) -> list[dict[str, Any]]:
    """One calendar for the evidence's month, one more for each clock change of the year that follows.

    `around_s` is an instant of the evidence (UTC epoch second); without one, the horizon of the proofs begins it.
    """
    try:
        info = zone(application.timezone)
    except ZoneError:
        return []
    start = datetime.fromtimestamp(around_s, UTC) if around_s is not None else HORIZON_START
    local = start.astimezone(info).date()
    first = local.replace(day=1)
    months = [first]
    changes = [item for item in find_transitions(application.timezone, start, 1) if item.at >= start]
    months += [item.at.astimezone(info).date().replace(day=1) for item in changes]
    return [_calendar(application, month) for month in dict.fromkeys(months)]


def _calendar(application: Application, month: date) -> dict[str, Any]:
    monday = month - timedelta(days=month.weekday())
    info = zone(application.timezone)
    since = datetime(monday.year, monday.month, monday.day, tzinfo=info).astimezone(UTC) - timedelta(days=1)
    changes = {
        item.at.astimezone(info).date(): item.shift
        for item in find_transitions(application.timezone, since, 1)
        if item.at < since + timedelta(days=DAYS + 2)
    }
    return {
        "month": month.isoformat(),
        "monday": monday.isoformat(),
        "days": DAYS,
        "changes": {
            (day - monday).days: int(shift.total_seconds() // 60) for day, shift in sorted(changes.items())
        },
        "jobs": [
            found
            for job in application.jobs
            if job.outcome in {"schedule", "manual"} and (found := _job(job, application, monday, set(changes)))
        ],
    }  # fmt: skip


def _job(job: Job, application: Application, monday: date, changes: set[date]) -> dict[str, Any] | None:
    old = _old(job, application)
    new: list[tuple[Times, str]] = []
    for expression in job.expressions:
        try:
            new.append((read_expression(expression.expression), expression.timezone or application.timezone))
        except ExpressionError:
            continue  # at() of a catch-up, or a form that has no documented meaning
    patterns: dict[tuple[int, ...], int] = {(): -1}
    zone_name = job.timezone or application.timezone
    rows = [
        _days([(times, zone_name) for times in old.times] if old else [], old.rule if old else ClockRule.FIRST_PASS,
              application.timezone, monday, changes, patterns),
        _days(new, ClockRule.FIRST_PASS, application.timezone, monday, changes, patterns, _started(job)),
    ]  # fmt: skip
    if not any(index >= 0 for row in rows for index in row):
        return None
    listed = sorted((index, minutes) for minutes, index in patterns.items() if index >= 0)
    return {"id": job.id, "patterns": [minutes for _, minutes in listed], "old": rows[0], "new": rows[1]}


class _Started(Struct, frozen=True):
    """Which firings of the schedules the state machine lets through."""

    weekdays: frozenset[int]
    """0 = Sunday; empty: every day."""
    shift: timedelta
    once: bool
    """A second firing of one instant is turned away."""

    def on(self, instant: datetime) -> bool:
        return not self.weekdays or (instant + self.shift).isoweekday() % 7 in self.weekdays


def _started(job: Job) -> _Started:
    guard = re.fullmatch(r"weekday:([0-6](?:,[0-6])*)([+-]\d+)", job.day_guard)
    return _Started(
        weekdays=frozenset(map(int, guard[1].split(","))) if guard else frozenset(),
        shift=timedelta(seconds=int(guard[2])) if guard else timedelta(),
        once=job.equivalence is not None and job.equivalence.deduplicated,
    )


def _old(job: Job, application: Application) -> Schedule | None:
    """What the time columns mean to the daemon of the application's first host; None where they cannot be read."""
    host = next(iter(application.hosts), None)
    daemon = (daemon_of(host.facts, host.packages) if host else None) or CronDaemon.DEBIAN
    try:
        return read_schedule(job.schedule, daemon)
    except ScheduleError:
        pass
    found: list[Times] = []
    for line in job.schedule.splitlines():
        try:
            found += [read_calendar(line.partition("=")[2] if "=" in line else line).times]
        except CalendarError:
            continue
    return Schedule(times=tuple(found), rule=ClockRule.FIRST_PASS) if found else None


def _days(
    sets: Sequence[tuple[Times, str]],
    rule: ClockRule,
    shown_zone: str,
    monday: date,
    changes: set[date],
    patterns: dict[tuple[int, ...], int],
    started: _Started | None = None,
) -> list[int]:
    """For each day the index of its minutes in `patterns` (which grows), -1 for none."""
    days: list[list[int]] = [[] for _ in range(DAYS)]
    for times, zone_name in sets:
        same_zone = zone_name == shown_zone
        minutes = list(members(times.minutes_of_day))
        for number in range(-1, DAYS + 1):
            day = monday + timedelta(days=number)
            kind = kind_of_year(day.year)
            on = times.in_year(day.year) and times.days_of_year(*kind) >> day_of_year(kind[0], day.month, day.day) & 1
            if not on:
                continue
            if same_zone and day not in changes and (started is None or not started.weekdays):
                if 0 <= number < DAYS:
                    days[number] += minutes
                continue
            info = zone(shown_zone)
            for minute in minutes:
                for instant in instants_of(day, minute, zone_name, rule):
                    if started is not None and not started.on(instant):
                        continue
                    local = instant.astimezone(info)
                    index = (local.date() - monday).days
                    if 0 <= index < DAYS:
                        days[index].append(60 * local.hour + local.minute)
    rows = [sorted(set(day) if started is not None and started.once else day) for day in days]
    return [patterns.setdefault(tuple(row), len(patterns) - 1) for row in rows]
