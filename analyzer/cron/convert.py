"""The smallest set of EventBridge expressions for a schedule, and what else it takes to be exact.

One expression restricts days of month or weekdays, never both, and none subtracts days. For a schedule that needs both
there are four exact forms; the one with the fewest parts is taken (a part: one schedule, or one guard of its own):

* two schedules, days and weekdays, for "or": the second firing of one instant is turned away by the guard against
  double delivery that every state machine has anyway;
* occurrences (`2#1` = first Monday), where the days of month are whole blocks 1-7, 8-14, 15-21, 22-28;
* one schedule for the days of month and a guard in the state machine that lets only the right weekdays pass;
* calendar expansion: days of month for each month and each weekday of its first day, by lists of years. Exact, and up
  to 63 schedules, so it is left for what the guard cannot judge.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from analyzer.cron.crontab import ClockRule, Schedule
from analyzer.cron.eventbridge import ExpressionError, write_expression
from analyzer.cron.times import (
    ALL_DAYS,
    ALL_HOURS,
    ALL_MINUTES,
    ALL_WEEKDAYS,
    FIRST_YEAR,
    LAST_YEAR,
    Times,
    kind_of_year,
    mask,
    members,
)
from analyzer.cron.zones import HORIZON_START, HORIZON_YEARS, offsets

Form = Literal["single", "union", "dom-or-dow", "occurrences", "guard", "calendar", "utc"]


class ConversionError(ValueError):
    """No exact form; the text says why."""


class DayGuard(Struct, frozen=True, kw_only=True):
    """A condition on the local weekday that the state machine checks before it starts anything."""

    weekdays: int
    """Bits 0-6, 0 = Sunday."""
    shift_s: int
    """Added to the scheduled time (UTC) it gives an instant of the right local day, whatever offset is in force."""


class Conversion(Struct, frozen=True, kw_only=True):
    """The schedules that take the place of one cron schedule."""

    expressions: tuple[str, ...]
    timezone: str
    form: Form
    reason: str
    """Why this form."""
    guard: DayGuard | None = None
    deduplicated: bool = False
    """Two expressions may name one instant; the second firing must be turned away."""


def convert(
    schedule: Schedule, timezone: str, *, start: datetime = HORIZON_START, years: int = HORIZON_YEARS
) -> Conversion:
    """The expressions for `schedule` on hosts in `timezone`.

    Raises:
        ConversionError: it has no times (`@reboot`, a line that never fires) or no exact form.

    """
    if schedule.reboot:
        raise ConversionError("@reboot is no time: EventBridge has no such event")
    if schedule.never:
        raise ConversionError("it never fires: no minute of any year fits")
    try:
        if schedule.rule is ClockRule.EACH_PASS and len(schedule.times) == 1:
            in_utc = _in_utc(schedule.times[0], timezone, offsets(timezone, start, years))
            if in_utc is not None:
                return in_utc
        parts = [_convert(times, timezone, offsets(timezone, start, years), start.year) for times in schedule.times]
    except ExpressionError as error:
        raise ConversionError(f"no expression holds it: {error}") from error
    if len(parts) == 1:
        return parts[0]
    if any(part.guard for part in parts):
        raise ConversionError("several calendar lines of which one needs a guard on the day")
    expressions = tuple(dict.fromkeys(text for part in parts for text in part.expressions))
    return Conversion(
        expressions=expressions,
        timezone=timezone,
        form="union",
        reason=f"{len(parts)} calendar lines, each with its own schedule; an instant named twice is started once",
        deduplicated=len(expressions) > 1,
    )


def _in_utc(times: Times, timezone: str, zone_offsets: tuple[timedelta, ...]) -> Conversion | None:
    """Every hour of every day, by the minute: exact in UTC, where no hour is missing or repeated."""
    if len(zone_offsets) == 1 or times.hours != ALL_HOURS or not times.every_day:
        return None
    shifted = set()
    for offset in zone_offsets:
        shift = int(offset.total_seconds()) // 60 % 60
        shifted.add((times.minutes >> shift | times.minutes << (60 - shift)) & ALL_MINUTES)
    if len(shifted) > 1:
        return None
    return Conversion(
        expressions=(write_expression(replace(times, minutes=shifted.pop())),),
        timezone="UTC",
        form="utc",
        reason=f"it runs in every hour, also in the one that {timezone} repeats: only UTC has all of them",
    )


def _convert(times: Times, timezone: str, zone_offsets: tuple[timedelta, ...], first_year: int) -> Conversion:
    restricted = times.days != ALL_DAYS or bool(times.days_from_end)
    if not restricted or times.weekdays == ALL_WEEKDAYS or times.nth_weekday:
        return _single(times, timezone, first_year)
    if times.day_rule == "or":
        return _either(times, timezone)
    return _both(times, timezone, zone_offsets, first_year)


def _single(times: Times, timezone: str, first_year: int) -> Conversion:
    if times.days_from_end and times.days_from_end != mask([1]):
        return _from_end(times, timezone, first_year)
    return Conversion(
        expressions=(write_expression(replace(times, day_rule="and")),),
        timezone=timezone,
        form="single",
        reason="one expression says the same",
    )


_BLOCKS = tuple((nth, mask(range(7 * nth - 6, 7 * nth + 1))) for nth in (1, 2, 3, 4))


def _blocks(days: int) -> tuple[int, ...] | None:
    """The occurrences whose days are exactly `days` (1-7 is the first, …, 29-31 the fifth); None if there are none."""
    found = [nth for nth, block in (*_BLOCKS, (5, mask((29, 30, 31)))) if days & block == block]
    covered = 0
    for nth, block in (*_BLOCKS, (5, mask((29, 30, 31)))):
        covered |= block if nth in found else 0
    return tuple(found) if covered == days else None


def _either(times: Times, timezone: str) -> Conversion:
    by_day = replace(times, weekdays=ALL_WEEKDAYS, day_rule="and")
    by_weekday = replace(times, days=ALL_DAYS, day_rule="and")
    others = _blocks(ALL_DAYS & ~times.days)
    if others is not None and len(others) * times.weekdays.bit_count() == 1:
        occurrence = replace(by_weekday, nth_weekday=others[0])
        return Conversion(
            expressions=(write_expression(by_day), write_expression(occurrence)),
            timezone=timezone,
            form="occurrences",
            reason="the weekday adds days in one week of the month only: two schedules that share no day",
        )
    return Conversion(
        expressions=(write_expression(by_day), write_expression(by_weekday)),
        timezone=timezone,
        form="dom-or-dow",
        reason="cron runs on the days of month or on the weekdays: one schedule for each, and where both name one day"
        " the state machine starts the second one's instant only once (two parts; any other exact form has more)",
        deduplicated=True,
    )


def _both(times: Times, timezone: str, zone_offsets: tuple[timedelta, ...], first_year: int) -> Conversion:
    if times.days_from_end:
        return _from_end(times, timezone, first_year)
    count = times.weekdays.bit_count()
    blocks = _blocks(times.days)
    shift = _guard_shift(times, zone_offsets)
    if blocks is not None and (len(blocks) * count <= 2 or shift is None):
        return Conversion(
            expressions=tuple(
                write_expression(replace(times, days=ALL_DAYS, weekdays=1 << weekday, nth_weekday=nth))
                for nth in blocks
                for weekday in members(times.weekdays)
            ),
            timezone=timezone,
            form="occurrences",
            reason="the days of month are whole weeks of the month: each is an occurrence of the weekday",
        )
    if shift is not None:
        return Conversion(
            expressions=(write_expression(replace(times, weekdays=ALL_WEEKDAYS)),),
            timezone=timezone,
            form="guard",
            reason="cron runs where day of month and weekday both fit: one schedule for the days of month, and the"
            " state machine lets only the weekdays pass (two parts; calendar expansion would need dozens)",
            guard=DayGuard(weekdays=times.weekdays, shift_s=shift),
        )
    return Conversion(
        expressions=_calendar(times, first_year),
        timezone=timezone,
        form="calendar",
        reason="day of month and weekday must both fit, at all hours of a zone with clock changes: days of month by the"
        f" weekday of each month's first day, in lists of years up to {LAST_YEAR}",
    )


def _guard_shift(times: Times, zone_offsets: tuple[timedelta, ...]) -> int | None:
    """Seconds that take every instant of the schedule, under every offset, into its own local day; None if none do.

    Local time t fires at t - o; with a constant s instead of the true o, t - o + s must stay in the same day.
    """
    minutes = times.minutes_of_day
    first, last = (minutes & -minutes).bit_length() - 1, minutes.bit_length() - 1
    low, high = (int(offset.total_seconds()) // 60 for offset in (min(zone_offsets), max(zone_offsets)))
    if first - high + high >= 0 and last - low + high < 1440:
        return high * 60
    if first - high + low >= 0 and last - low + low < 1440:
        return low * 60
    return None


# Months whose first days always fall on one weekday: March and November, April and July, September and December.
_MONTH_GROUPS = ((1,), (2,), (3, 11), (4, 7), (5,), (6,), (8,), (9, 12), (10,))


def _first_weekday(year: int, month: int) -> int:
    leap, first = kind_of_year(year)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return (first + sum(lengths[: month - 1])) % 7


def _calendar(times: Times, first_year: int) -> tuple[str, ...]:
    """Days of month by month and weekday of its first day, the years of each in a list."""
    expressions = []
    for group in _MONTH_GROUPS:
        months = mask(group) & times.months
        if not months:
            continue
        by_days: dict[int, list[int]] = {}
        for year in range(first_year, LAST_YEAR + 1):
            first = _first_weekday(year, group[0])
            days = mask(day for day in members(times.days) if times.weekdays >> ((first + day - 1) % 7) & 1)
            by_days.setdefault(days, []).append(year)
        for days, years in sorted(by_days.items()):
            if not days:
                continue
            selected = replace(
                times,
                days=days,
                months=months,
                weekdays=ALL_WEEKDAYS,
                years=mask(year - FIRST_YEAR for year in years),
            )
            expressions += _by_years(selected)
    return tuple(expressions)


def _by_years(times: Times) -> list[str]:
    """The expression for `times`, or several with a part of the years each where one would be too long."""
    try:
        return [write_expression(times)]
    except ExpressionError:
        years = list(members(times.years or 0))
        if len(years) < 2:
            raise
        middle = len(years) // 2
        halves = (years[:middle], years[middle:])
        return [text for half in halves for text in _by_years(replace(times, years=mask(half)))]


def _from_end(times: Times, timezone: str, first_year: int) -> Conversion:
    """Days counted from the month's end, as systemd has them."""
    if times.days_from_end == mask(range(1, 8)) and times.weekdays.bit_count() == 1:
        return Conversion(
            expressions=(write_expression(times),),
            timezone=timezone,
            form="single",
            reason="the last weekday of a month",
        )
    if times.weekdays != ALL_WEEKDAYS:
        raise ConversionError("days counted from the month's end together with weekdays")
    wanted = times.years if times.years is not None else None
    expressions = []
    for length, months in ((31, (1, 3, 5, 7, 8, 10, 12)), (30, (4, 6, 9, 11)), (28, (2,)), (29, (2,))):
        selected = mask(months) & times.months
        days = mask(length + 1 - back for back in members(times.days_from_end) if 1 <= back <= length)
        years = wanted
        if length in {28, 29}:
            leap = mask(year - FIRST_YEAR for year in range(first_year, LAST_YEAR + 1) if kind_of_year(year)[0])
            span = mask(range(first_year - FIRST_YEAR, LAST_YEAR - FIRST_YEAR + 1))
            years = (leap if length == 29 else span & ~leap) & (span if wanted is None else wanted)
        if selected and days and years != 0:
            part = replace(times, days=days, months=selected, days_from_end=0, years=years)
            expressions += _by_years(part)
    return Conversion(
        expressions=tuple(expressions),
        timezone=timezone,
        form="calendar",
        reason="days counted from the month's end, by length of month",
    )
