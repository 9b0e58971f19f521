"""Times on a wall clock: which minutes of which days a schedule means, whoever wrote it.

Sets are bit masks (bit n = value n), so that a whole year is one integer and equality of two schedules over it is one
comparison. A Gregorian year is one of 14 kinds: leap or not, and the weekday of its 1 January.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal

from msgspec import Struct

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""The years EventBridge Scheduler knows; years are bits counted from the first."""

MINUTES_A_DAY = 1440
_MONTH_LENGTHS = ((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))


def mask(values: Iterable[int]) -> int:
    """The set of `values` as bits."""
    result = 0
    for value in values:
        result |= 1 << value
    return result


def members(bits: int) -> Iterator[int]:
    """The values of a set, ascending."""
    value = 0
    while bits:
        if bits & 1:
            yield value
        bits >>= 1
        value += 1


ALL_MINUTES = mask(range(60))
ALL_HOURS = mask(range(24))
ALL_DAYS = mask(range(1, 32))
ALL_MONTHS = mask(range(1, 13))
ALL_WEEKDAYS = mask(range(7))
ALL_YEARS = mask(range(LAST_YEAR - FIRST_YEAR + 1))


class Times(Struct, frozen=True, kw_only=True):
    """A product of minutes and hours on the days that fit; all sets are bit masks."""

    minutes: int = ALL_MINUTES
    hours: int = ALL_HOURS
    days: int = ALL_DAYS
    """Days of the month, bits 1-31."""
    months: int = ALL_MONTHS
    """Bits 1-12."""
    weekdays: int = ALL_WEEKDAYS
    """Bits 0-6, 0 = Sunday."""
    day_rule: Literal["and", "or"] = "and"
    """Whether a day must be in `days` and `weekdays`, or in one of them; the month must fit in both cases."""
    days_from_end: int = 0
    """Days counted from the month's end, bit 1 = its last day; they replace `days` where set."""
    nth_weekday: int = 0
    """1-5: only that occurrence of the weekday in its month; 0: any."""
    years: int | None = None
    """Bits counted from 1970; None = every year, for ever."""

    @property
    def every_day(self) -> bool:
        """No day is left out in any year."""
        full = (self.days == ALL_DAYS, self.weekdays == ALL_WEEKDAYS)
        days = all(full) if self.day_rule == "and" else any(full)
        return (
            days
            and self.months == ALL_MONTHS
            and not self.days_from_end
            and not self.nth_weekday
            and self.years is None
        )

    @property
    def minutes_of_day(self) -> int:
        """Bits 0-1439."""
        return minutes_of_day(self.minutes, self.hours)

    def days_of_year(self, leap: bool, first_weekday: int) -> int:
        """The days of a year of that kind as bits, 0 = 1 January; `years` is not looked at."""
        by_month = _union("month", leap, self.months)
        by_day = _union("end", leap, self.days_from_end) if self.days_from_end else _union("day", leap, self.days)
        by_weekday = _weekdays(leap, first_weekday, self.weekdays)
        if self.nth_weekday:
            first = 7 * (self.nth_weekday - 1) + 1
            by_weekday &= _union("day", leap, mask(range(first, min(first + 7, 32))))
        return by_month & ((by_day & by_weekday) if self.day_rule == "and" else (by_day | by_weekday))

    def in_year(self, year: int) -> bool:
        """Whether `year` is one of `years`."""
        return self.years is None or (FIRST_YEAR <= year <= LAST_YEAR and bool(self.years >> (year - FIRST_YEAR) & 1))


@cache
def minutes_of_day(minutes: int, hours: int) -> int:
    """The product of minutes and hours as bits 0-1439."""
    result = 0
    for hour in members(hours):
        result |= minutes << (60 * hour)
    return result


YEAR_KINDS = tuple((leap, first) for leap in (False, True) for first in range(7))
"""All kinds of Gregorian year: (leap, weekday of 1 January with 0 = Sunday)."""


def kind_of_year(year: int) -> tuple[bool, int]:
    """The kind of a year of the Gregorian calendar."""
    before = year - 1
    return (
        year % 4 == 0 and (year % 100 != 0 or year % 400 == 0),
        (1 + before + before // 4 - before // 100 + before // 400) % 7,
    )


def day_of_year(leap: bool, month: int, day: int) -> int:
    """0 = 1 January."""
    return sum(_MONTH_LENGTHS[leap][: month - 1]) + day - 1


@cache
def _single(what: str, leap: bool, value: int) -> int:
    start, result = 0, 0
    for month, length in enumerate(_MONTH_LENGTHS[leap], 1):
        if what == "month" and month == value:
            result |= ((1 << length) - 1) << start
        elif what == "day" and 1 <= value <= length:
            result |= 1 << (start + value - 1)
        elif what == "end" and 1 <= value <= length:
            result |= 1 << (start + length - value)
        start += length
    return result


@cache
def _union(what: str, leap: bool, values: int) -> int:
    result = 0
    for value in members(values):
        result |= _single(what, leap, value)
    return result


@cache
def _weekdays(leap: bool, first_weekday: int, values: int) -> int:
    length = 366 if leap else 365
    return mask(day for day in range(length) if values >> ((first_weekday + day) % 7) & 1)
