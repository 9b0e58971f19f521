"""The instants of a schedule, one after the other: for people to look at, and for gaps between runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from analyzer.cron.crontab import ClockRule
from analyzer.cron.times import LAST_YEAR, Times, day_of_year, kind_of_year, members
from analyzer.cron.zones import zone

_GAP_REPLAYED = timedelta(minutes=180)
"""Vixie takes a larger jump for a correction of the clock and replays nothing."""


def next_firings(
    times: Sequence[Times],
    timezone: str,
    rule: ClockRule,
    start: datetime,
    count: int,
    *,
    once: bool = True,
    keep: Callable[[datetime], bool] | None = None,
) -> tuple[datetime, ...]:
    """The first `count` instants (UTC) not before `start`; fewer where the schedule ends.

    Args:
        times: a union.
        timezone: whose wall clock `times` is read on.
        rule: what happens where that clock jumps.
        start: UTC.
        count: how many.
        once: two parts of the union that name one instant fire once.
        keep: a guard; instants it refuses do not count.

    """
    found: list[datetime] = []
    info = zone(timezone)
    day = start.astimezone(info).date() - timedelta(days=1)
    spare = 0
    for year in range(day.year, LAST_YEAR + 1):
        kind = kind_of_year(year)
        masks = [item.days_of_year(*kind) if item.in_year(year) else 0 for item in times]
        union = 0
        for bits in masks:
            union |= bits
        skipped = day_of_year(kind[0], day.month, day.day) if year == day.year else 0
        for number in members(union >> skipped << skipped):
            current = date(year, 1, 1) + timedelta(days=number)
            instants = [
                instant
                for item, bits in zip(times, masks, strict=True)
                if bits >> number & 1
                for minute in members(item.minutes_of_day)
                for instant in instants_of(current, minute, timezone, rule)
                if instant >= start and (keep is None or keep(instant))
            ]
            found.extend(set(instants) if once and rule is not ClockRule.REPLAY else instants)
            # A repeated hour may reach into the next day: one more day before the order is final.
            spare += len(found) >= count
            if spare > 1:
                return tuple(sorted(found)[:count])
    return tuple(sorted(found)[:count])


def instants_of(day: date, minute: int, timezone: str, rule: ClockRule) -> tuple[datetime, ...]:
    """The instants (UTC) at which a job for that minute of that local day starts: none, one or two."""
    info = zone(timezone)
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - a wall clock's reading
    first, second = (wall.replace(tzinfo=info, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return (first,)
    if first < second:
        return (first, second) if rule is ClockRule.EACH_PASS else (first,)
    # In a gap; read with the old offset it lies after the jump, with the new one before it.
    if rule is ClockRule.REPLAY and first - second <= _GAP_REPLAYED:
        return (_jump(second, first, timezone),)
    return ()


def _jump(low: datetime, high: datetime, timezone: str) -> datetime:
    """The instant of the change between two instants."""
    info = zone(timezone)
    before = low.astimezone(info).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(info).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def gaps_s(times: Sequence[Times], first_year: int, years: int = 40) -> tuple[int, int] | None:
    """The shortest and the longest time between two firings, clock changes left out; None for less than two."""
    if len({item.minutes_of_day for item in times}) == 1:
        days = 0
        for year in reversed(range(first_year, first_year + years)):
            kind = kind_of_year(year)
            days <<= 366 if kind[0] else 365
            for item in times:
                days |= item.days_of_year(*kind) if item.in_year(year) else 0
        return _gaps_of_product(times[0].minutes_of_day, days)
    last: int | None = None
    found: list[int] = []
    number = 0
    for year in range(first_year, first_year + min(years, 12)):
        kind = kind_of_year(year)
        parts = [(item.minutes_of_day, item.days_of_year(*kind)) for item in times if item.in_year(year)]
        for day in range(366 if kind[0] else 365):
            minutes = 0
            for bits, on in parts:
                minutes |= bits if on >> day & 1 else 0
            if minutes:
                found.extend(60 * gap for gap in _inside(minutes))
                start = number * 1440 + (minutes & -minutes).bit_length() - 1
                if last is not None:
                    found.append(60 * (start - last))
                last = number * 1440 + minutes.bit_length() - 1
            number += 1
    return (min(found), max(found)) if found else None


def _gaps_of_product(minutes: int, days: int) -> tuple[int, int] | None:
    if not minutes or not days:
        return None
    found = list(_inside(minutes))
    between = _inside(days)
    over_night = (minutes.bit_length() - 1) - ((minutes & -minutes).bit_length() - 1)
    if between:
        found.extend(1440 * gap - over_night for gap in (between[0], between[-1]))
    return (60 * min(found), 60 * max(found)) if found else None


@lru_cache(maxsize=512)
def _inside(bits: int) -> tuple[int, ...]:
    """Distances between neighbouring set bits, each once, ascending."""
    between = f"{bits:b}".strip("0")[1:-1]
    return tuple(sorted(len(zeros) + 1 for zeros in set(between.split("1")))) if bits.bit_count() > 1 else ()
