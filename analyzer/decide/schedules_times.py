"""When a job runs: its times, the expressions that take their place, and the proof, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from analyzer.cron.convert import Conversion, ConversionError, convert
from analyzer.cron.crontab import ClockRule, Schedule, ScheduleError, read_schedule
from analyzer.cron.daemons import CRONIE
from analyzer.cron.firings import gaps_s
from analyzer.cron.proof import prove
from analyzer.cron.systemd import CalendarError, read_calendar
from analyzer.cron.times import Times
from analyzer.cron.zones import HORIZON_START, HORIZON_YEARS, ZoneError, zone
from analyzer.decide.commands import time_span_s
from analyzer.model import CronDaemon, CronEntry, Equivalence


class JobTimes(Struct, frozen=True, kw_only=True):
    """The outcome for one entry's schedule."""

    conversion: Conversion | None = None
    equivalence: Equivalence
    timezone: str = ""
    times: tuple[Times, ...] = ()
    shortest_gap_s: int | None = None
    longest_gap_s: int | None = None
    window_minutes: int | None = None
    reboot: bool = False
    never: bool = False
    rate: str = ""
    """`rate(…)` for an interval that no wall clock holds."""
    why_not: str = ""
    """Why there is no conversion."""
    notes: tuple[str, ...] = ()


class _RefusedError(Exception):
    """The schedule has no exact form, or none at all; the text says why."""


def job_times(
    entry: CronEntry, host_zone: str, *, start: datetime = HORIZON_START, years: int = HORIZON_YEARS
) -> JobTimes:
    """What becomes of the schedule of `entry`, whose own zone goes before `host_zone` ("" = not known)."""
    try:
        if entry.daemon is CronDaemon.SYSTEMD:
            return _of_timer(entry, host_zone, start, years)
        if entry.daemon is CronDaemon.ANACRON:
            return _of_anacron(entry, host_zone, start, years)
        own = entry.timezone if entry.daemon in CRONIE else ""
        schedule = read_schedule(entry.schedule, entry.daemon, own_zone=bool(own))
        result = _converted(schedule, own or host_zone, start, years, host_zone=host_zone if own else "")
        delay = dict(entry.environment).get("RANDOM_DELAY", "")
        if entry.daemon in CRONIE and delay.isdigit() and int(delay):
            note = f"RANDOM_DELAY={delay}: cronie waits for up to {delay} minutes; it becomes a flexible time window"
            return replace(result, window_minutes=min(1440, int(delay)), notes=(*result.notes, note))
    except (ScheduleError, CalendarError, ZoneError, _RefusedError) as error:
        refused = Equivalence(verdict="refused", method=str(error))
        return JobTimes(equivalence=refused, why_not=str(error), timezone=entry.timezone or host_zone)
    return result


def _converted(
    schedule: Schedule, timezone: str, start: datetime, years: int, *, host_zone: str = "", notes: Sequence[str] = ()
) -> JobTimes:
    found_notes = (*notes, *schedule.notes)
    if schedule.reboot:
        method = "@reboot has no time; EventBridge has no such event"
        return JobTimes(
            equivalence=Equivalence(verdict="refused", method=method),
            reboot=True,
            why_not=method,
            timezone=timezone,
            notes=found_notes,
        )
    if schedule.never:
        method = "; ".join(("no minute of the 14 kinds of Gregorian year fits", *schedule.notes))
        return JobTimes(
            equivalence=Equivalence(verdict="equal", method=method),
            never=True,
            why_not=method,
            times=schedule.times,
            timezone=timezone,
            notes=found_notes,
        )
    if not timezone:
        raise _RefusedError("nothing tells the time zone of the host's cron")
    zone(timezone)
    try:
        conversion = convert(schedule, timezone, start=start, years=years)
    except ConversionError as error:
        raise _RefusedError(str(error)) from error
    equivalence = prove(schedule, conversion, timezone, host_zone=host_zone, start=start, years=years)
    if schedule.random:
        method = (
            f"cron draws part of the time by lot when it loads the table; for the drawn value: {equivalence.method}"
        )
        equivalence = replace(equivalence, verdict="differs", method=method)
    gaps = gaps_s(schedule.times, start.year)
    return JobTimes(
        conversion=conversion,
        equivalence=equivalence,
        timezone=timezone,
        times=schedule.times,
        shortest_gap_s=gaps[0] if gaps else None,
        longest_gap_s=gaps[1] if gaps else None,
        notes=found_notes,
    )


def _of_timer(entry: CronEntry, host_zone: str, start: datetime, years: int) -> JobTimes:
    settings = [line.partition("=") for line in entry.schedule.split("\n") if line]
    calendars = [value for name, _, value in settings if name == "OnCalendar"]
    intervals = {name: value for name, _, value in settings if name != "OnCalendar"}
    if not settings:
        raise _RefusedError("the timer's unit file is not in the evidence, so its times are not known")
    notes = []
    if entry.settings.get("Persistent", "").lower() in {"true", "yes", "1", "on"}:
        notes.append("Persistent: systemd caught up one run after the host was down; EventBridge is never down")
    window = time_span_s(entry.settings.get("RandomizedDelaySec", "0")) or 0
    if window:
        delay = entry.settings["RandomizedDelaySec"]
        notes.append(f"RandomizedDelaySec={delay}: the random delay becomes a flexible time window")
    if not calendars:
        return replace(_of_interval(intervals, host_zone), notes=tuple(notes))
    if intervals:
        notes.append(f"{', '.join(sorted(intervals))} beside OnCalendar: runs after a boot have no counterpart")
    read = [read_calendar(value) for value in calendars]
    zones = {item.timezone or host_zone for item in read}
    if len(zones) > 1:
        raise _RefusedError(f"its OnCalendar lines are in several time zones: {', '.join(sorted(zones))}")
    if any(item.seconds_dropped for item in read):
        notes.append("EventBridge has whole minutes: the seconds of OnCalendar are left out")
    schedule = Schedule(times=tuple(item.times for item in read), rule=ClockRule.FIRST_PASS)
    result = _converted(schedule, zones.pop(), start, years, notes=notes)
    return replace(result, window_minutes=min(1440, -(-int(window) // 60)) or None)


def _of_interval(intervals: dict[str, str], host_zone: str) -> JobTimes:
    """OnUnitActiveSec and its kin: a distance between runs, no time of day."""
    text = intervals.get("OnUnitActiveSec") or intervals.get("OnUnitInactiveSec")
    seconds = time_span_s(text) if text else None
    if seconds is None:
        return JobTimes(
            equivalence=Equivalence(verdict="refused", method="it runs once after a boot, which is no time"),
            reboot=True,
            why_not="it runs after a boot only: EventBridge has no such event",
            timezone=host_zone,
        )
    minutes = max(1, round(seconds / 60))
    rate = "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"
    method = (
        f"every {text} after the last run, with no time of day to compare: {rate} counts from the schedule's creation"
        + ("" if "OnUnitActiveSec" in intervals else " and from start to start, not from end to start")
    )
    return JobTimes(
        equivalence=Equivalence(verdict="differs", method=method),
        timezone=host_zone or "UTC",
        rate=rate,
        shortest_gap_s=60 * minutes,
        longest_gap_s=60 * minutes,
    )


_PERIODS = {"1": "* * *", "@daily": "* * *", "7": "* * 0", "@weekly": "* * 0", "@monthly": "1 * *", "@yearly": "1 1 *"}


def _of_anacron(entry: CronEntry, host_zone: str, start: datetime, years: int) -> JobTimes:
    """Anacron knows days, not times: the earliest time it may start at is taken."""
    period, delay = entry.settings.get("anacron_period", ""), entry.settings.get("anacron_delay", "0")
    days = _PERIODS.get(period)
    if days is None:
        raise _RefusedError(f"anacron's period of {period or 'no'} days has no day of week or month to stand for it")
    first = re.match(r"\d+", entry.settings.get("START_HOURS_RANGE", ""))
    minute = (int(first.group()) * 60 if first else 7 * 60 + 30) + int(delay)
    schedule = read_schedule(f"{minute % 60} {minute // 60 % 24} {days}", CronDaemon.DEBIAN)
    result = _converted(schedule, host_zone, start, years)
    often = f"{period} day" if period == "1" else f"{period} days"
    method = (
        f"anacron runs it once every {often}, as soon as the host is up, at no fixed time; the earliest usual time, "
        f"{minute // 60 % 24:02}:{minute % 60:02}, is taken. For that time: {result.equivalence.method}"
    )
    return replace(result, equivalence=replace(result.equivalence, verdict="differs", method=method))
