"""Time zones and their clock changes, from the tzdata package alone: the machine's own data would change the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module, resources
from zoneinfo import ZoneInfo

from msgspec import Struct

HORIZON_START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where comparisons of clock changes start unless told otherwise. A constant, for there is no clock in here: the same
input gives the same bytes next year; whoever wants a later horizon passes a later start."""

HORIZON_YEARS = 10


class ZoneError(ValueError):
    """No zone of that name."""


class Transition(Struct, frozen=True, order=True):
    """One clock change."""

    at: datetime
    """The first instant with the new offset, UTC."""
    before: timedelta
    """Offset from UTC before it."""
    after: timedelta

    @property
    def shift(self) -> timedelta:
        """Positive: a gap in local time; negative: a part of it repeats."""
        return self.after - self.before


@cache
def zone(name: str) -> ZoneInfo:
    """The zone `name` of the tzdata package.

    Raises:
        ZoneError: it has none of that name.

    """
    parts = name.split("/")
    try:
        if not name or any(part in {"", ".", ".."} or part.endswith(".py") for part in parts):
            raise ZoneError(f"`{name}` is not the name of a time zone")
        with resources.files("tzdata").joinpath("zoneinfo", *parts).open("rb") as stream:
            return ZoneInfo.from_file(stream, key=name)
    except (OSError, ValueError) as error:
        raise ZoneError(f"`{name}` is not the name of a time zone (as in Asia/Tokyo)") from error


def zone_data_version() -> str:
    """The release of the zone data, e.g. `2026b`."""
    return str(import_module("tzdata").IANA_VERSION)


@cache
def find_transitions(name: str, start: datetime = HORIZON_START, years: int = HORIZON_YEARS) -> tuple[Transition, ...]:
    """Every change of the zone's offset from `start` (UTC) for `years` years, in order."""
    info = zone(name)
    found = []
    step = timedelta(days=1)
    low, end = start, start.replace(year=start.year + years)
    before = low.astimezone(info).utcoffset() or timedelta()
    while low < end:
        high = min(low + step, end)
        after = high.astimezone(info).utcoffset() or timedelta()
        if after != before:
            found.append(Transition(_change(info, low, high, before), before, after))
            before = after
        low = high
    return tuple(found)


def _change(info: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """The minute of the change between two instants, by halving."""
    while high - low > timedelta(minutes=1):
        middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
        if middle.astimezone(info).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def offsets(name: str, start: datetime = HORIZON_START, years: int = HORIZON_YEARS) -> tuple[timedelta, ...]:
    """Every offset from UTC that the zone has in the horizon."""
    first = start.astimezone(zone(name)).utcoffset() or timedelta()
    return tuple(sorted({first} | {item.after for item in find_transitions(name, start, years)}))
