"""`pidstat -h -r -u`: running processes at the END of each interval. A job shorter than the interval is not in it."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from analyzer.model import Severity
from analyzer.read.metrics.reading import MetricFile, Reading, clock_to_local, epoch_of_local, usual_step
from analyzer.read.metrics.sar_text import read_date
from analyzer.read.metrics.sysstat import numbers
from analyzer.usage import ProcessSamples

if TYPE_CHECKING:
    from analyzer.usage import Seconds

NAME = "pidstat"

_BANNER = re.compile(r"^Linux \S+ \(.*?\)\s+(\S+)\s+_\S+_\s+\((\d+) CPU\)", re.MULTILINE)
_HEADER = re.compile(r"^#\s+Time\s+UID\s+PID\s", re.MULTILINE)


def recognises(data: bytes) -> bool:
    """Its header row, which begins with `# Time`."""
    return _HEADER.search(data[:4000].decode(errors="replace")) is not None


def read(file: MetricFile) -> Reading:
    """Rows with %CPU (percent of ONE core); the other header blocks of `-T ALL` are skipped."""
    text = file.data.decode(errors="replace")
    banner = _BANNER.search(text)
    reading = Reading(vcpus=float(banner.group(2)) if banner else None)
    header: list[str] = []
    rows: list[list[str]] = []
    torn = 0
    for line in text.splitlines():
        if line.startswith("#"):
            header = line[1:].split()
        elif header and "%CPU" in header and line.strip() and not _BANNER.match(line):
            words = line.split(None, len(header) - 1)
            if len(words) == len(header) and words[2].isdigit():
                rows.append(words)
            else:
                torn += 1
    if torn:
        file.note("metric-record-incomplete", f"{torn} rows do not have the columns of their header; left out")
    if rows:
        ends = _ends(file, [row[0] for row in rows], banner.group(1) if banner else "")
        if ends is not None:
            reading.samples.append(_samples(file, [name for name in header if name], rows, ends))
    return reading


def _ends(file: MetricFile, stamps: list[str], day_text: str) -> Seconds | None:
    import numpy as np

    if all(stamp.isdigit() for stamp in stamps):
        return np.array([int(stamp) for stamp in stamps], dtype=np.int64)
    day = read_date(file, day_text)
    if day is None or not all(re.fullmatch(r"\d\d:\d\d:\d\d", stamp) for stamp in stamps):
        file.note(
            "metric-date-unknown",
            "the rows carry no date, and the first line none that could be read",
            hint="record with `pidstat -H`",
            severity=Severity.ERROR,
        )
        return None
    return epoch_of_local(clock_to_local(stamps, (day - date(1970, 1, 1)).days * 86400), file.zone())


def _samples(file: MetricFile, header: list[str], rows: list[list[str]], ends: Seconds) -> ProcessSamples:
    import numpy as np

    # the last header may be the other block of -T ALL: rows kept here all have the longer one
    width = len(rows[0])
    names = header if len(header) == width else _LONG[-width:]
    interval = usual_step(np.unique(ends))
    percent = numbers([row[names.index("%CPU")] for row in rows])
    resident = numbers([row[names.index("RSS")] for row in rows]) if "RSS" in names else np.full(len(rows), np.nan)
    return ProcessSamples(
        ends_s=ends,
        interval_s=interval,
        pids=np.array([int(row[2]) for row in rows], dtype=np.int64),
        parent_pids=np.full(len(rows), -1, dtype=np.int64),
        cpu_s=percent / 100 * interval,
        memory_mib=resident / 1024,
        commands=tuple(row[-1] for row in rows),
        source=file.source,
    )


_LONG = "Time UID PID %usr %system %guest %wait %CPU CPU minflt/s majflt/s VSZ RSS %MEM Command".split()
