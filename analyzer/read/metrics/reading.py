"""What every metric format gets and gives, and the vectorised conversions they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from analyzer.cron.zones import ZoneError, zone
from analyzer.model import Problem, Severity, Source
from analyzer.usage import Measurement, ProcessRecords, ProcessSamples, Quantity, Series, Statistic, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

LONGEST_INTERVAL_S = 86400
"""sysstat has written intervals of 2^64-ish seconds; nothing real is longer than a day."""


class MetricFile(Struct, kw_only=True):
    """One file of `metrics/`, with what its format may need to know about the host."""

    source: Source
    data: bytes
    timezone: str = ""
    """Zone of stamps that carry none; "" = not known."""
    problems: list[Problem] = field(default_factory=list)

    def at(self, line: int) -> Source:
        """A line of this file."""
        return Source(self.source.file, line)

    def line_of(self, offset: int) -> int:
        """1-based line of a byte offset."""
        return self.data.count(b"\n", 0, offset) + 1

    def note(
        self, code: str, message: str, *, line: int = 1, hint: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        """Record that something is not as hoped for; reading goes on."""
        self.problems.append(Problem(severity, code, message, self.at(line), hint))

    def zone(self) -> ZoneInfo:
        """The host's zone for stamps without one; UTC after saying so."""
        if self.timezone:
            try:
                return zone(self.timezone)
            except ZoneError:
                self.note("timezone-unknown", f"{self.timezone!r} is no time zone; stamps are read as UTC")
        elif not any(problem.code == "timezone-unknown" for problem in self.problems):
            self.note(
                "timezone-unknown",
                "the stamps carry no zone and the host's zone is not known; they are read as UTC",
                hint="put the host's etc/timezone into the evidence",
            )
        return zone("UTC")


class Reading(Struct, kw_only=True):
    """What one file held."""

    series: list[Series] = field(default_factory=list)
    records: list[ProcessRecords] = field(default_factory=list)
    samples: list[ProcessSamples] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    restarts_s: list[int] = field(default_factory=list)
    vcpus: float | None = None
    memory_total_mib: float | None = None


def make_series(
    file: MetricFile,
    times_s: Seconds,
    values: Floats,
    *,
    quantity: Quantity,
    unit: Unit,
    statistic: Statistic,
    interval_s: int | None = None,
    process: str = "",
    definition: str = "",
) -> Series | None:
    """A tidy series (finite, ascending, one value an instant), None if nothing is left; oddities become problems."""
    import numpy as np

    good = np.isfinite(values) & (values >= 0)
    if unit == "share":
        good &= values <= 1.5  # a hypervisor may report a little over 100 %; far more is another unit
    if dropped := int(len(values) - good.sum()):
        file.note(
            "metric-value-invalid",
            f"{dropped} of {len(values)} values of {quantity} are negative, beyond 100 % or no numbers; left out",
            hint="look at the column and its unit, then export the file again",
        )
    times, kept = _ascending(*((times_s[good], values[good]) if dropped else (times_s, values)))
    if not len(times):
        return None
    first = np.r_[True, times[1:] > times[:-1]]
    if not first.all():
        group = np.cumsum(first) - 1
        spread = np.zeros(group[-1] + 1)
        np.maximum.at(spread, group, kept)
        lowest = np.full(group[-1] + 1, np.inf)
        np.minimum.at(lowest, group, kept)
        conflicting = int((spread - lowest > 1e-9 + 0.01 * spread).sum())
        if conflicting:
            file.note(
                "metric-duplicate",
                f"{conflicting} instants of {quantity} carry two different values; their mean is used",
                hint="stamps that went through a local clock repeat or miss an hour at a clock change",
            )
        counts = np.bincount(group)
        kept = spread if statistic == "maximum" else np.bincount(group, weights=kept) / counts
        times = times[first]
    return Series(
        quantity=quantity,
        unit=unit,
        statistic=statistic,
        interval_s=interval_s or usual_step(times),
        times_s=times,
        values=kept,
        process=process,
        definition=definition,
        source=file.source,
    )


def _ascending(times_s: Seconds, values: Floats) -> tuple[Seconds, Floats]:
    """Sorted by time; both usual orders, oldest and newest first, cost no sort."""
    import numpy as np

    if (times_s[1:] > times_s[:-1]).all():
        return times_s, values
    if (times_s[1:] < times_s[:-1]).all():
        return times_s[::-1], values[::-1]
    order = np.argsort(times_s, kind="stable")
    return times_s[order], values[order]


def usual_step(times_s: Seconds) -> int:
    """The most frequent distance of neighbours, whole tens of seconds where it is close to one; 60 for one point."""
    import numpy as np

    if len(times_s) < 2:
        return 60
    steps = np.abs(np.diff(times_s))
    if steps[0] > 0 and steps[0] % 10 == 0 and (steps == steps[0]).all():
        return int(steps[0])
    steps = np.diff(np.sort(times_s)).astype(np.int64)
    steps = steps[steps > 0]
    if not len(steps):
        return 60
    values, counts = np.unique(np.round(steps / 10).astype(np.int64) * 10, return_counts=True)
    best = int(values[np.argmax(counts)])
    return best or int(max(1, np.median(steps)))


def epoch_of_local(local_s: Seconds, zone: ZoneInfo) -> Seconds:
    """Instants of a local clock (seconds since 1970 on that clock), in file order.

    A clock set back is noticed by time running backwards; only then is the second of two equal local hours meant.
    """
    import numpy as np

    if not len(local_s):
        return local_s
    quarter, inverse = np.unique(local_s // 900, return_inverse=True)
    earlier, later = np.empty(len(quarter), np.int64), np.empty(len(quarter), np.int64)
    from datetime import UTC, datetime

    for i, value in enumerate(quarter.tolist()):
        naive = datetime.fromtimestamp(value * 900, UTC).replace(tzinfo=zone)
        earlier[i] = _offset_s(naive)
        later[i] = _offset_s(naive.replace(fold=1))
    first, second = local_s - earlier[inverse], local_s - later[inverse]
    twice = (second > first).nonzero()[0]
    if not len(twice):
        return first
    out = first.copy()
    back = np.r_[False, np.diff(local_s) < -900]
    for run in np.split(twice, np.flatnonzero(np.diff(twice) > 1) + 1):
        jumps = np.flatnonzero(back[run[0] : run[-1] + 1])
        if len(jumps):
            tail = run[run >= run[0] + jumps[0]]
            out[tail] = second[tail]
    return out


def _offset_s(moment: object) -> int:
    from datetime import datetime

    assert isinstance(moment, datetime)
    delta = moment.utcoffset()
    return int(delta.total_seconds()) if delta is not None else 0


_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::\d{2})?)?", re.ASCII
)
"""Date and time, and the zone if there is one."""


def parse_stamps(stamps: Sequence[Any], file: MetricFile) -> tuple[Seconds, Seconds]:
    """(epoch seconds, indices kept) of ISO stamps with or without zone; unreadable ones are left out and noted."""
    import numpy as np

    try:
        uniform = _uniform(stamps)
    except TypeError:  # something that is no text among them
        stamps, uniform = [str(stamp) for stamp in stamps], None
    kept = np.arange(len(stamps))
    if uniform is not None:
        first = _STAMP.fullmatch(stamps[0])
        local, zones = uniform, [first.group(2) if first else None]
    else:
        found = [_read_stamp(stamp) for stamp in stamps]
        good = [place for place, one in enumerate(found) if one is not None]
        if len(good) < len(stamps):
            file.note(
                "metric-stamp-invalid",
                f"{len(stamps) - len(good)} of {len(stamps)} stamps are no dates; their values are left out",
            )
        kept = np.array(good, dtype=np.int64)
        local = np.array([one[0] for one in found if one is not None], dtype=np.int64)
        zones = [one[1] for one in found if one is not None]
    shift = np.array([_offset_of(zone) for zone in zones], dtype=np.float64)
    nowhere = np.isnan(shift)
    if not nowhere.any():
        return local - shift.astype(np.int64), kept
    as_local = epoch_of_local(local, file.zone())
    out: Seconds = np.where(nowhere, as_local, local - np.nan_to_num(shift).astype(np.int64))
    return out, kept


def _read_stamp(stamp: str) -> tuple[int, str | None] | None:
    """(seconds since 1970 on the stamp's own clock, its zone), None for what is no date."""
    from datetime import UTC, datetime

    match = _STAMP.fullmatch(stamp.strip())
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match.group(1)).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()), match.group(2)


def _offset_of(zone: str | None) -> float:
    """Seconds east of Greenwich; NaN where the stamp does not say."""
    if zone is None:
        return float("nan")
    if zone in {"Z", "UTC", "GMT"}:
        return 0.0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60
    return float(-seconds if zone[0] == "-" else seconds)


def _uniform(stamps: Sequence[str]) -> Seconds | None:
    """Stamps that are all spelled alike, to the second and in one zone, at a twentieth of the cost: on their own clock.

    The texts lie side by side in one block of bytes, which is read as columns: two digits are one 16-bit number with a
    table of what it means, and the date is worked out only where it differs from the row before. None: not alike.
    """
    import numpy as np

    if not stamps or _read_stamp(stamps[0]) is None or stamps[0][16:17] != ":" or stamps[0] != stamps[0].strip():
        return None
    width = len(stamps[0])
    block = "".join(stamps).encode()
    if len(block) != width * len(stamps):
        return None
    date = np.ndarray((len(stamps), 2), dtype="<u8", buffer=block + b" " * 8, strides=(width, 2))
    table = np.frombuffer(block, dtype=np.uint8).reshape(len(stamps), width)
    if any((table[:, place] != table[0, place]).any() for place in (10, 13, 16, *range(19, width))):
        return None
    # bytes 0 to 7 and 2 to 9: together the whole date
    new = np.flatnonzero(np.r_[True, (date[1:] != date[:-1]).any(axis=1)])
    found = [_read_stamp(stamps[place]) for place in new.tolist()]
    if any(one is None for one in found):
        return None
    days = np.array([one[0] // 86400 for one in found if one is not None], dtype=np.int64)
    days = np.repeat(days, np.diff(np.r_[new, len(stamps)]))
    clock = np.ndarray((len(stamps), 3), dtype="<u2", buffer=block + b" ", offset=11, strides=(width, 3))
    hour, minute, second = (_two_digits()[clock[:, place]] for place in range(3))
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    out: Seconds = days * 86400 + hour * np.int64(3600) + minute * np.int64(60) + second
    return out


@cache
def _two_digits() -> NDArray[np.int32]:
    """What two ASCII digits, read as one little-endian number, stand for; 255 for anything else."""
    import numpy as np

    out = np.full(65536, 255, dtype=np.int32)
    for value in range(100):
        out[int.from_bytes(f"{value:02d}".encode(), "little")] = value
    return out


def clock_to_local(times: Sequence[str], first_day_s: int) -> Seconds:
    """Seconds on the local clock of `HH:MM:SS` rows without a date: time running backwards means midnight."""
    import numpy as np

    seconds = np.array([int(t[0:2]) * 3600 + int(t[3:5]) * 60 + int(t[6:8]) for t in times], dtype=np.int64)
    days = np.cumsum(np.r_[0, np.diff(seconds) < -43200]) if len(seconds) else seconds
    out: Seconds = first_day_s + days * 86400 + seconds
    return out
