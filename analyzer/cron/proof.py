"""The proof that expressions fire when the schedule fired, or the list of instants at which they do not.

Two steps. On the wall clock: every Gregorian year is one of 14 kinds, so equality of both sides in each minute of those
14 is equality in every year. Where clocks change: every transition that the zone's data has in the horizon is looked
at, gap and overlap, minute by minute. EventBridge's side follows its documentation (a missing local time is skipped, a
repeated one fires in its first pass); for repeated hours that has not been measured, and the method says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from analyzer.cron.convert import Conversion
from analyzer.cron.crontab import ClockRule, Schedule
from analyzer.cron.eventbridge import read_expression
from analyzer.cron.times import (
    LAST_YEAR,
    MINUTES_A_DAY,
    YEAR_KINDS,
    Times,
    day_of_year,
    kind_of_year,
    members,
)
from analyzer.cron.zones import (
    HORIZON_START,
    HORIZON_YEARS,
    Transition,
    find_transitions,
    offsets,
    zone,
    zone_data_version,
)
from analyzer.model import Equivalence

_REPLAYED = timedelta(minutes=180)
"""The largest clock step after which Vixie cron catches up; beyond it, the clock was set."""


class _Difference(Struct, frozen=True):
    at: datetime
    words: str
    missed: bool


def prove(
    schedule: Schedule,
    conversion: Conversion,
    timezone: str,
    *,
    host_zone: str = "",
    start: datetime = HORIZON_START,
    years: int = HORIZON_YEARS,
) -> Equivalence:
    """Compare both sides for ever on the wall clock, and over the clock changes of `years` years from `start`.

    Args:
        schedule: what cron does.
        conversion: what takes its place.
        timezone: the zone `schedule` is read in.
        host_zone: the daemon's own zone where `timezone` is another one (CRON_TZ).
        start: begin of the horizon, UTC.
        years: its length.

    """
    targets = tuple(read_expression(text) for text in conversion.expressions)
    changes = find_transitions(timezone, start, years)
    if conversion.form == "utc":
        wrong = _utc_mismatch(schedule.times[0], targets[0], offsets(timezone, start, years))
        how = f"every offset of {timezone} from UTC in the horizon maps its minutes to the same minutes of UTC's hour"
    else:
        wrong, how = _wall_mismatch(schedule.times, targets, conversion, start.year)
    if wrong:
        return Equivalence(verdict="differs", deduplicated=conversion.deduplicated, method=f"{how}; {wrong}")
    found = _over_changes(schedule, changes) if conversion.form != "utc" else []
    if host_zone and host_zone != timezone:
        found += _lost_under_own_zone(schedule, timezone, find_transitions(host_zone, start, years), host_zone)
    found.sort(key=lambda item: item.at)
    info = zone(timezone)
    end = start.replace(year=start.year + years)
    method = (
        f"{how}; then {len(changes)} clock change{'' if len(changes) == 1 else 's'} of {timezone} from {start:%Y-%m-%d}"
        f" to {end:%Y-%m-%d} (zone data {zone_data_version()})"
    )
    if changes and conversion.form != "utc":
        method += (
            ", against EventBridge's documented rule: a local time that does not exist is skipped, a repeated one fires"
            " in its first pass (documented, not measured)"
        )
    return Equivalence(
        verdict="equal-except-dst" if found else "equal",
        deduplicated=conversion.deduplicated,
        missed=tuple(item.at.astimezone(info).isoformat() for item in found if item.missed),
        extra=tuple(item.at.astimezone(info).isoformat() for item in found if not item.missed),
        method=method,
        differences=tuple((item.at.astimezone(info).isoformat(), item.words) for item in found),
    )


# --------------------------------------------------------------------------------------------------------------------
# The wall clock
# --------------------------------------------------------------------------------------------------------------------


def _wall_mismatch(
    sources: Sequence[Times], targets: Sequence[Times], conversion: Conversion, first_year: int
) -> tuple[str, str]:
    """What is wrong ("" = nothing) and how it was shown."""
    years: list[tuple[str, tuple[bool, int], int | None]]
    if all(item.years is None for item in (*sources, *targets)):
        years = [(f"a {'leap ' if kind[0] else ''}year of kind {number}", kind, None) for number, kind in _KINDS]
        how = "minute by minute in all 14 kinds of Gregorian year"
    else:
        years = [(str(year), kind_of_year(year), year) for year in range(first_year, LAST_YEAR + 1)]
        how = f"minute by minute in every year from {first_year} to {LAST_YEAR}, the last that EventBridge knows"
    for label, kind, year in years:
        left = _by_minutes(sources, kind, year)
        right = _by_minutes(targets, kind, year)
        if conversion.guard is not None:
            passed = Times(weekdays=conversion.guard.weekdays).days_of_year(*kind)
            right = {minutes: days & passed for minutes, days in right.items()}
        if (day := _first_difference(left, right)) is not None:
            return f"but they differ in {label} on day {day + 1}", how
        if not conversion.deduplicated and _twice(targets, kind, year):
            return f"but in {label} two expressions fire at one instant", how
    if conversion.deduplicated:
        how += ", as sets: an instant that two expressions name is started once by the state machine"
    if conversion.guard is not None:
        how += ", with the state machine's guard on the weekday"
    return "", how


_KINDS = tuple(enumerate(YEAR_KINDS, 1))


def _by_minutes(times: Sequence[Times], kind: tuple[bool, int], year: int | None) -> dict[int, int]:
    """Minutes of the day -> days of the year."""
    result: dict[int, int] = {}
    for item in times:
        if year is None or item.in_year(year):
            minutes = item.minutes_of_day
            result[minutes] = result.get(minutes, 0) | item.days_of_year(*kind)
    return {minutes: days for minutes, days in result.items() if minutes and days}


def _first_difference(left: dict[int, int], right: dict[int, int]) -> int | None:
    if left == right:
        return None
    for day in range(366):
        both = []
        for side in (left, right):
            union = 0
            for minutes, days in side.items():
                union |= minutes if days >> day & 1 else 0
            both.append(union)
        if both[0] != both[1]:
            return day
    return None


def _twice(targets: Sequence[Times], kind: tuple[bool, int], year: int | None) -> bool:
    chosen = [item for item in targets if year is None or item.in_year(year)]
    return any(
        first.minutes_of_day & second.minutes_of_day and first.days_of_year(*kind) & second.days_of_year(*kind)
        for number, first in enumerate(chosen)
        for second in chosen[:number]
    )


def _utc_mismatch(source: Times, target: Times, zone_offsets: Sequence[timedelta]) -> str:
    if not (source.every_day and target.every_day):
        return "but some day is left out"
    for offset in zone_offsets:
        shift = int(offset.total_seconds()) // 60
        minutes = source.minutes_of_day
        in_utc = ((minutes << MINUTES_A_DAY | minutes) >> (shift % MINUTES_A_DAY)) & ((1 << MINUTES_A_DAY) - 1)
        if in_utc != target.minutes_of_day:
            return f"but under offset {offset} they differ"
    return ""


# --------------------------------------------------------------------------------------------------------------------
# Clock changes
# --------------------------------------------------------------------------------------------------------------------


def _over_changes(schedule: Schedule, changes: Sequence[Transition]) -> list[_Difference]:
    found: list[_Difference] = []
    if schedule.rule is ClockRule.FIRST_PASS:
        return found
    for change in changes:
        if change.shift > timedelta() and schedule.rule is ClockRule.REPLAY and change.shift <= _REPLAYED:
            for wall in _walls(schedule.times, change):
                words = f"cron runs the missing {wall:%H:%M} at the jump; EventBridge skips it"
                found.append(_Difference(change.at, words, missed=True))
        if change.shift < timedelta() and schedule.rule is ClockRule.EACH_PASS:
            for wall in _walls(schedule.times, change):
                at = change.at + (wall - _local(change.at, change.after))
                words = f"cron runs {wall:%H:%M} in both passes of the repeated hour; EventBridge in the first only"
                found.append(_Difference(at, words, missed=True))
    return found


def _local(instant: datetime, offset: timedelta) -> datetime:
    return (instant + offset).replace(tzinfo=None)


def _walls(times: Sequence[Times], change: Transition) -> list[datetime]:
    """The schedule's wall-clock minutes that the change leaves out or repeats, in order."""
    low, high = sorted((_local(change.at, change.before), _local(change.at, change.after)))
    found: set[datetime] = set()
    midnight = low.replace(hour=0, minute=0)
    while midnight < high:
        first = max(0, (low - midnight) // timedelta(minutes=1))
        last = min(MINUTES_A_DAY, (high - midnight) // timedelta(minutes=1))
        window = ((1 << (last - first)) - 1) << first
        kind = kind_of_year(midnight.year)
        number = day_of_year(kind[0], midnight.month, midnight.day)
        for item in times:
            if item.in_year(midnight.year) and item.days_of_year(*kind) >> number & 1:
                found.update(midnight + timedelta(minutes=m) for m in members(item.minutes_of_day & window))
        midnight += timedelta(days=1)
    return sorted(found)


def _lost_under_own_zone(
    schedule: Schedule, timezone: str, changes: Sequence[Transition], host_zone: str
) -> list[_Difference]:
    """What cronie loses: fixed-time CRON_TZ jobs in the hour that the daemon's own zone repeats."""
    found: list[_Difference] = []
    if not schedule.fixed:
        return found
    info = zone(timezone)
    for change in changes:
        if change.shift >= timedelta():
            continue
        for number in range(-change.shift // timedelta(minutes=1)):
            at = change.at + timedelta(minutes=number)
            wall = at.astimezone(info)
            kind = kind_of_year(wall.year)
            day = day_of_year(kind[0], wall.month, wall.day)
            minute = 60 * wall.hour + wall.minute
            if any(
                item.minutes_of_day >> minute & 1 and item.days_of_year(*kind) >> day & 1 for item in schedule.times
            ):
                words = f"cronie loses it in the hour that {host_zone} repeats; EventBridge fires"
                found.append(_Difference(at, words, missed=False))
    return found
