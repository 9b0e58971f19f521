"""EventBridge Scheduler's `cron(…)` as its documentation defines it: text to sets, and sets to the plainest text.

Six fields: minutes hours day-of-month month day-of-week year, weekdays from 1 = Sunday, one of the two day fields `?`.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html (read November 2026). What the page leaves
open (ranges that wrap, steps of weekdays, `L-3`) is refused here: nothing that is written may depend on it.
"""

from __future__ import annotations

import re

from msgspec import Struct

from analyzer.cron.times import (
    ALL_DAYS,
    ALL_HOURS,
    ALL_MINUTES,
    ALL_MONTHS,
    ALL_WEEKDAYS,
    FIRST_YEAR,
    LAST_YEAR,
    Times,
    mask,
    members,
)

MAX_EXPRESSION = 256
"""Characters of a ScheduleExpression."""


class ExpressionError(ValueError):
    """Not an expression whose meaning is documented."""


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class _Field(Struct, frozen=True):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    steps: bool = True


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _WEEKDAYS, steps=False),
    _Field("year", FIRST_YEAR, LAST_YEAR),
)


def read_expression(text: str) -> Times:
    """The meaning of a `cron(…)` expression.

    Raises:
        ExpressionError: it is not one, or its meaning is not documented.

    """
    found = re.fullmatch(r"cron\(([^()]*)\)", text)
    if found is None:
        raise ExpressionError(f"`{text}` is not cron(…)")
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"{len(text)} characters, the limit is {MAX_EXPRESSION}")
    words = found[1].split(" ")
    if len(words) != len(_FIELDS):
        raise ExpressionError(f"`{text}` has {len(words)} fields, six are needed")
    minutes, hours, day, month, weekday, year = words
    if (day == "?") == (weekday == "?"):
        raise ExpressionError(f"`{text}`: exactly one of day of month and day of week must be `?`")
    days, from_end, weekdays, nth = ALL_DAYS, 0, ALL_WEEKDAYS, 0
    if day == "L":
        from_end = mask([1])
    elif day != "?":
        days = _values(day, _FIELDS[2])
    if weekday != "?":
        weekdays, from_end, nth = _weekday_field(weekday)
    return Times(
        minutes=_values(minutes, _FIELDS[0]),
        hours=_values(hours, _FIELDS[1]),
        days=days,
        months=_values(month, _FIELDS[3]),
        weekdays=weekdays,
        days_from_end=from_end,
        nth_weekday=nth,
        years=None if year == "*" else _values(year, _FIELDS[5]) >> FIRST_YEAR,
    )


def _weekday_field(word: str) -> tuple[int, int, int]:
    """Weekdays from 0 = Sunday, days from the month's end, which occurrence."""
    kind = _FIELDS[4]
    if found := re.fullmatch(r"(\w+)#([1-5])", word):
        return _values(found[1], kind) >> 1, 0, int(found[2])
    if found := re.fullmatch(r"([1-7]|[A-Z]{3})L", word):
        return _values(found[1], kind) >> 1, mask(range(1, 8)), 0
    if word == "L":
        return mask([6]), 0, 0
    return _values(word, kind) >> 1, 0, 0


def _values(word: str, kind: _Field) -> int:
    result = 0
    for part in word.split(","):
        found = re.fullmatch(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]+))?", part)
        if found is None:
            raise ExpressionError(f"`{part}` in the field {kind.name}")
        low, high = _ends(found[1], found[2], kind, stepped=found[3] is not None)
        step = 1 if found[3] is None else int(found[3])
        if found[3] is not None and not kind.steps:
            raise ExpressionError(f"steps are not documented for {kind.name}")
        if step < 1 or low > high:
            raise ExpressionError(f"`{part}` in the field {kind.name}: not an ascending range")
        result |= mask(range(low, high + 1, step))
    return result


def _ends(first: str, last: str | None, kind: _Field, *, stepped: bool) -> tuple[int, int]:
    if first == "*":
        return kind.low, kind.high
    low = _value(first, kind)
    return low, _value(last, kind) if last is not None else kind.high if stepped else low


def _value(word: str, kind: _Field) -> int:
    if word in kind.names:
        return kind.names.index(word) + kind.low
    if not word.isdigit() or not kind.low <= int(word) <= kind.high:
        raise ExpressionError(f"`{word}` is no value of {kind.name} ({kind.low}-{kind.high})")
    return int(word)


# --------------------------------------------------------------------------------------------------------------------
# Writing
# --------------------------------------------------------------------------------------------------------------------


def write_expression(times: Times) -> str:
    """The expression for `times`, in ascending numbers and ranges.

    `times` restricts days of month or weekdays, not both; an occurrence (`2#1`) is of one weekday.

    Raises:
        ExpressionError: there is no single expression for it, or it is too long.

    """
    day, weekday = "*", "?"
    one_weekday = times.weekdays.bit_count() == 1
    if times.nth_weekday:
        if not one_weekday or times.days != ALL_DAYS or times.days_from_end:
            raise ExpressionError("an occurrence of several weekdays")
        day, weekday = "?", f"{times.weekdays.bit_length()}#{times.nth_weekday}"
    elif times.days_from_end == mask([1]) and times.weekdays == ALL_WEEKDAYS:
        day = "L"
    elif times.days_from_end == mask(range(1, 8)) and one_weekday:
        day, weekday = "?", f"{times.weekdays.bit_length()}L"
    elif times.days_from_end:
        raise ExpressionError("days counted from the month's end")
    elif times.days != ALL_DAYS and times.weekdays != ALL_WEEKDAYS:
        raise ExpressionError("days of month and weekdays together")
    elif times.weekdays != ALL_WEEKDAYS:
        day, weekday = "?", _text(times.weekdays << 1, ALL_WEEKDAYS << 1)
    elif times.days != ALL_DAYS:
        day = _text(times.days, ALL_DAYS)
    words = (
        _text(times.minutes, ALL_MINUTES),
        _text(times.hours, ALL_HOURS),
        day,
        _text(times.months, ALL_MONTHS),
        weekday,
        "*" if times.years is None else _text(times.years << FIRST_YEAR, -1),
    )
    text = f"cron({' '.join(words)})"
    if len(text) > MAX_EXPRESSION:
        raise ExpressionError(f"{len(text)} characters, the limit is {MAX_EXPRESSION}")
    return text


def _text(values: int, everything: int) -> str:
    """A set as ascending numbers; two or more in a row as a range."""
    if values == everything:
        return "*"
    parts: list[str] = []
    run: list[int] = []
    for value in [*members(values), -1]:
        if run and value != run[-1] + 1:
            parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        run.append(value)
    return ",".join(parts)
