"""sar's report for people: dates only in the first line, sections told apart by their header row.

Rows are read by the names of their columns. Times run on the host's clock unless sar was told otherwise.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from analyzer.model import Severity
from analyzer.read.metrics import sysstat
from analyzer.read.metrics.reading import MetricFile, Reading, clock_to_local, epoch_of_local, usual_step

if TYPE_CHECKING:
    from analyzer.usage import Floats, Seconds

NAME = "sar"

_BANNER = re.compile(r"^Linux \S+ \((.*?)\)\s+(\S+)\s+_\S+_\s+\((\d+) CPU\)")
_TIME = re.compile(r"^(\d{1,2}):(\d{2}):(\d{2})(?: (AM|PM))?\s+(.*)$")
_NUMERIC = re.compile(r"^-?\d+([.,]\d+)?$")


def recognises(data: bytes) -> bool:
    """The banner, and a header row with `CPU … %idle` or `kbmemfree` (pidstat begins with the same banner)."""
    head = data[:4000].decode(errors="replace")
    return _BANNER.match(head.lstrip()) is not None and re.search(r"^# ", head, re.MULTILINE) is None


def read(file: MetricFile) -> Reading:
    """The CPU and memory sections of one or more reports in the file."""
    reading = Reading()
    day: date | None = None
    header: list[str] = []
    sections: dict[tuple[str, ...], list[tuple[str, list[str]]]] = {}
    for line in file.data.decode(errors="replace").splitlines():
        banner = _BANNER.match(line)
        if banner:
            if day is not None:
                _read_report(file, day, sections, reading)
                sections = {}
            day = read_date(file, banner.group(2))
            reading.vcpus = float(banner.group(3))
            continue
        row = _TIME.match(line)
        if row is None:
            continue
        time, words = _clock(row), row.group(5).split()
        if words[:2] == ["LINUX", "RESTART"]:
            # kept among the section's rows: only they tell on which side of midnight it was
            sections.setdefault(tuple(header), []).append((time, []))
        elif words and not any(_NUMERIC.match(word) for word in words):
            header = words
        elif header and len(words) == len(header):
            sections.setdefault(tuple(header), []).append((time, words))
    if day is None:
        file.note("metric-date-unknown", "the first line carries no date that could be read", severity=Severity.ERROR)
        return reading
    _read_report(file, day, sections, reading)
    return reading


def _clock(row: re.Match[str]) -> str:
    hour = int(row.group(1))
    if row.group(4):
        hour = hour % 12 + (12 if row.group(4) == "PM" else 0)
    return f"{hour:02d}:{row.group(2)}:{row.group(3)}"


def read_date(file: MetricFile, text: str) -> date | None:
    """The banner's date in the spellings of the locales; an ambiguous one is taken as month first, and said."""
    numbers = [int(part) for part in re.findall(r"\d+", text)]
    if len(numbers) != 3:
        return None
    first, second, third = numbers
    try:
        if first > 31:
            return date(first, second, third)
        year = third if third > 99 else 2000 + third
        if "." in text or first > 12:
            return date(year, second, first)
        if second <= 12 and first != second:
            file.note(
                "metric-date-ambiguous",
                f"{text} may be month first or day first; month first (the C locale) is used",
                hint="export with S_TIME_FORMAT=ISO, or use `sadf -j`",
                severity=Severity.NOTE,
            )
        return date(year, first, second)
    except ValueError:
        return None


def _read_report(
    file: MetricFile,
    day: date,
    sections: dict[tuple[str, ...], list[tuple[str, list[str]]]],
    reading: Reading,
) -> None:
    for names, found in sections.items():
        rows = found
        if "CPU" in names:
            place = names.index("CPU")
            rows = [row for row in found if not row[1] or row[1][place] == "all"]
        instants = _epochs(file, day, [time for time, _ in rows])
        real = [bool(words) for _, words in rows]
        boots = tuple(int(value) for value, is_row in zip(instants, real, strict=True) if not is_row)
        reading.restarts_s += [boot for boot in boots if boot not in reading.restarts_s]
        columns = sysstat.columns(list(names), [words for _, words in rows if words])
        if not any(real) or not {"idle", "memfree"} & columns.keys():
            continue
        ends = instants[real]
        here = sysstat.Rows(
            ends_s=ends,
            intervals_s=_intervals(ends),
            restarts_s=boots,
            cpu={name: columns[name] for name in ("idle", "iowait", "steal") if name in columns},
            memory={name: columns[name] for name in sysstat.MEMORY_COLUMNS if name in columns},
        )
        reading.series += sysstat.series(file, here)
        reading.memory_total_mib = reading.memory_total_mib or sysstat.total_mib(here)


def _epochs(file: MetricFile, day: date, times: list[str]) -> Seconds:
    first_day_s = (day - date(1970, 1, 1)).days * 86400
    return epoch_of_local(clock_to_local(times, first_day_s), file.zone())


def _intervals(ends: Seconds) -> Floats:
    """The report does not print them: the usual distance, or the real one where it is shorter."""
    import numpy as np

    if len(ends) < 2:
        return np.full(len(ends), 60.0)
    steps = np.diff(ends).astype(np.float64)
    usual = float(usual_step(ends))
    out: Floats = np.r_[usual, np.where(steps > 1.5 * usual, usual, steps)]
    return out
