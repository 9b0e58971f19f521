"""OnCalendar as systemd 252 reads it: `[weekdays] [date] [time] [zone]`, all parts together.

Unlike cron a weekday and a day of month must both fit, weeks start on Monday, and a timer fires in the first pass of a
repeated hour and not at all in a missing one: of all sources only this one changes clocks as EventBridge does.
"""

from __future__ import annotations

import re

from msgspec import Struct

from analyzer.cron.times import (
    ALL_DAYS,
    ALL_WEEKDAYS,
    FIRST_YEAR,
    LAST_YEAR,
    Times,
    mask,
)
from analyzer.cron.zones import ZoneError, zone


class CalendarError(ValueError):
    """Not a calendar expression, or one that no minute holds."""


class Calendar(Struct, frozen=True):
    """One OnCalendar line."""

    times: Times
    timezone: str = ""
    """Its own zone, "" = the host's."""
    seconds_dropped: bool = False
    """It names a second other than 0, or several; EventBridge knows minutes."""


_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
    "anually": "*-01-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "semi-annually": "*-01,07-01 00:00:00",
    "bi-annually": "*-01,07-01 00:00:00",
    "biannually": "*-01,07-01 00:00:00",
}
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def read_calendar(text: str) -> Calendar:
    """The meaning of one OnCalendar expression.

    Raises:
        CalendarError: systemd would refuse it, or it has no meaning in whole minutes.

    """
    words = text.split()
    if not words:
        raise CalendarError("the calendar expression is empty")
    timezone = ""
    if len(words) > 1 and (words[-1].upper() == "UTC" or re.fullmatch(r"[A-Z][A-Za-z_]+/[A-Za-z0-9_+\-/]+", words[-1])):
        timezone = "UTC" if words[-1].upper() == "UTC" else words[-1]
        try:
            zone(timezone)
        except ZoneError as error:
            raise CalendarError(str(error)) from error
        words = words[:-1]
    if len(words) == 1 and words[0].lower() in _SHORTHANDS:
        words = _SHORTHANDS[words[0].lower()].split()
    weekdays = ALL_WEEKDAYS
    if words and re.match(r"[A-Za-z]", words[0]):
        weekdays = _weekdays(words[0])
        words = words[1:]
    date = words.pop(0) if words and ("-" in words[0] or "~" in words[0]) else "*-*-*"
    time = words.pop(0) if words else "00:00:00"
    if words:
        raise CalendarError(f"`{' '.join(words)}` is left over in `{text}`")
    hours, minutes, dropped = _time(time)
    years, months, days, from_end = _date(date)
    return Calendar(
        Times(
            minutes=minutes,
            hours=hours,
            days=days,
            months=months,
            weekdays=weekdays,
            days_from_end=from_end,
            years=years,
        ),
        timezone,
        dropped,
    )


def _weekdays(text: str) -> int:
    result = 0
    for part in text.rstrip(",").split(","):
        ends = re.split(r"\.\.|-", part)
        numbers = [
            number
            for word in ends
            for number, name in enumerate(_WEEKDAYS)
            if word.lower() == name or word.lower() == name[:3]
        ]
        if len(numbers) != len(ends) or len(numbers) > 2:
            raise CalendarError(f"`{part}` is no weekday")
        low, high = ((number - 1) % 7 for number in (numbers[0], numbers[-1]))
        if low > high:
            raise CalendarError(f"`{part}`: weeks go from Monday to Sunday")
        result |= mask((number + 1) % 7 for number in range(low, high + 1))
    return result


def _time(text: str) -> tuple[int, int, bool]:
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        raise CalendarError(f"`{text}` is no time of day")
    hours = _component(parts[0], 0, 23, "hour")
    minutes = _component(parts[1], 0, 59, "minute")
    seconds = parts[2] if len(parts) == 3 else "00"
    if re.fullmatch(r"0+(\.0+)?", seconds):
        return hours, minutes, False
    if re.fullmatch(r"[0-9]{1,2}(\.[0-9]+)?", seconds):
        return hours, minutes, True
    raise CalendarError(f"`{seconds}`: several runs a minute; EventBridge has whole minutes")


def _date(text: str) -> tuple[int | None, int, int, int]:
    """Years (None = all), months, days, days from the end."""
    head, tilde, last = text.rpartition("~")
    pieces = (head.split("-") if tilde else text.split("-")[:-1]) if ("-" in text or tilde) else []
    day = last if tilde else text.rsplit("-", 1)[-1]
    if len(pieces) == 1:
        pieces = ["*", *pieces]
    if len(pieces) != 2:
        raise CalendarError(f"`{text}` is no date")
    year, month = pieces
    years = None
    if year != "*":
        years = _component(year, FIRST_YEAR, LAST_YEAR, "year") >> FIRST_YEAR
    months = _component(month, 1, 12, "month")
    if not tilde:
        return years, months, _component(day, 1, 31, "day"), 0
    # `~` counts from the end, and a step counts towards it: ~07/1 is the seventh from the end and all after it.
    from_end = 0
    for part in day.split(","):
        found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?(?:/(\d+))?", part)
        if found is None:
            raise CalendarError(f"`~{day}` is no day")
        low = int(found[1])
        high = int(found[2]) if found[2] else 1 if found[3] else low
        step = int(found[3] or 1)
        first, last_day = max(low, high), min(low, high)
        if not 1 <= last_day <= first <= 31 or step < 1:
            raise CalendarError(f"`~{day}` is no day")
        from_end |= mask(range(first, last_day - 1, -step))
    return years, months, ALL_DAYS, from_end


def _component(text: str, low: int, high: int, name: str) -> int:
    result = 0
    for part in text.split(","):
        found = re.fullmatch(r"(?:(\*)|(\d+)(?:\.\.(\d+))?)(?:/(\d+))?", part)
        if found is None:
            raise CalendarError(f"`{part}` is no {name}")
        first = low if found[1] else int(found[2])
        if name == "year" and len(found[2] or "") == 2:
            first += 2000 if first < 70 else 1900
        last = high if found[1] or (found[4] and not found[3]) else int(found[3] or first)
        step = int(found[4] or 1)
        if not low <= first <= last <= high or step < 1:
            raise CalendarError(f"`{part}` is no {name} ({low}-{high})")
        result |= mask(range(first, last + 1, step))
    return result
