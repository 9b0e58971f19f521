"""EventBridge Scheduler by brute force: every minute of a span is looked at. Shares no code with the product.

A minute fires when its local time in the schedule's zone fits all six fields and is not a repetition of an earlier
local time (documented: a repeated hour fires once). Local times that do not exist never come up, so they are skipped.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTH_NAMES = [name.upper() for name in calendar.month_abbr]
DAY_NAMES = ["", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@cache
def zone(name: str) -> ZoneInfo:
    with files("tzdata.zoneinfo").joinpath(name).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@dataclass(frozen=True)
class Minutes:
    """Every minute of a span: which minute of which local day it is, and whether that has come before."""

    of_day: Any
    day: Any
    repeated: Any
    days: dict[str, Any]
    """Columns of the local days: day, month, weekday (1 = Sunday), year, last day of the month."""


@cache
def local_minutes(name: str, first: datetime, last: datetime) -> Minutes:
    count = (last - first) // timedelta(minutes=1)
    quarter = timedelta(minutes=15)  # offsets change at whole quarters of an hour in UTC
    offsets = [
        (first + number * quarter).astimezone(zone(name)).utcoffset() // timedelta(minutes=1)
        for number in range(count // 15)
    ]
    start = (first - EPOCH) // timedelta(minutes=1)
    wall = np.arange(start, start + count) + np.repeat(np.array(offsets), 15)
    before = np.concatenate([[wall[0] - 1], np.maximum.accumulate(wall)[:-1]])
    epoch_day = wall // 1440
    dates = [date(1970, 1, 1) + timedelta(days=int(day)) for day in range(epoch_day.min(), epoch_day.max() + 1)]
    columns = {
        "day": [day.day for day in dates],
        "month": [day.month for day in dates],
        "weekday": [day.isoweekday() % 7 + 1 for day in dates],
        "year": [day.year for day in dates],
        "last": [calendar.monthrange(day.year, day.month)[1] for day in dates],
    }
    return Minutes(
        (wall % 1440).astype(np.int16),
        (epoch_day - epoch_day.min()).astype(np.int16),
        wall <= before,
        {key: np.array(column) for key, column in columns.items()},
    )


def fired(expression: str, name: str, first: datetime, last: datetime, start: datetime, end: datetime) -> set[datetime]:
    """Every instant (UTC) from `start` to `end` at which `expression` in zone `name` fires; both lie in first..last."""
    assert expression.startswith("cron(")
    assert expression.endswith(")")
    words = expression[5:-1].split(" ")
    assert len(words) == 6, expression
    assert (words[2] == "?") != (words[4] == "?"), expression
    span = local_minutes(name, first, last)
    days = span.days
    on = np.isin(days["month"], numbers(words[3], 1, 12, MONTH_NAMES))
    on &= np.isin(days["year"], numbers(words[5], 1970, 2199))
    if words[2] == "L":
        on &= days["day"] == days["last"]
    elif words[2] != "?":
        on &= np.isin(days["day"], numbers(words[2], 1, 31))
    if "#" in words[4]:
        weekday, _, nth = words[4].partition("#")
        on &= (days["weekday"] == int(weekday)) & ((days["day"] - 1) // 7 + 1 == int(nth))
    elif words[4].endswith("L"):
        on &= (days["weekday"] == int(words[4][:-1])) & (days["day"] + 7 > days["last"])
    elif words[4] != "?":
        on &= np.isin(days["weekday"], numbers(words[4], 1, 7, DAY_NAMES))
    minutes, hours = numbers(words[0], 0, 59), numbers(words[1], 0, 23)
    at = np.zeros(1440, dtype=bool)
    at[[60 * hour + minute for hour in hours for minute in minutes]] = True
    part = slice((start - first) // timedelta(minutes=1), (end - first) // timedelta(minutes=1))
    hit = at[span.of_day[part]] & on[span.day[part]] & ~span.repeated[part]
    return {start + timedelta(minutes=int(index)) for index in np.flatnonzero(hit)}


def numbers(field: str, low: int, high: int, names: list[str] | None = None) -> list[int]:
    found = []
    for part in field.split(","):
        text, _, step = part.partition("/")
        if text == "*":
            first, last = low, high
        else:
            ends = [names.index(end) if names and end in names else int(end) for end in text.split("-")]
            first, last = ends[0], ends[-1] if len(ends) > 1 or not step else high
        assert low <= first <= last <= high, field
        found += range(first, last + 1, int(step or 1))
    return found
