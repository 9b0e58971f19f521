"""The kernel's process accounting: v3 records as they lie on disk, and their text by dump-acct.

CPU and elapsed time are exact. The memory field is the address space at exit, not the peak of resident memory: unused.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from analyzer.read.metrics.reading import MetricFile, Reading, epoch_of_local
from analyzer.usage import ProcessRecords

if TYPE_CHECKING:
    from analyzer.usage import Floats

NAME = "process accounting"
TEXT_NAME = "dump-acct"

_TICKS = 100.0
"""A second, whatever the machine: the kernel converts to AHZ."""
_SIZE = 64
_TEXT = re.compile(
    r"^(.{1,16}?)\s*\|\s*v3\s*\|\s*([\d.]+)\|\s*([\d.]+)\|\s*([\d.]+)\|\s*(\d+)\|\s*(\d+)\|[^|]*\|[^|]*\|\s*(\d+)\|\s*(\d+)\|"
    r".*\|\s*(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\s*$",
    re.MULTILINE,
)


def recognises(data: bytes) -> bool:
    """Whole 64-byte records, each with version 3 (or 0x83, big-endian) in its second byte."""
    if len(data) < _SIZE or b"|v3|" in data[:200]:
        return False
    return all(data[place] in (3, 0x83) for place in range(1, min(len(data) - _SIZE + 2, 20 * _SIZE), _SIZE))


def read(file: MetricFile) -> Reading:
    """All records; a torn last one is noted."""
    import numpy as np

    data = file.data
    if len(data) % _SIZE:
        file.note("file-truncated", f"the file ends within a record; {len(data) // _SIZE} whole ones are used")
        data = data[: len(data) // _SIZE * _SIZE]
    order = ">" if data[1] & 0x80 else "<"
    layout = np.dtype(
        [
            ("flag", "u1"), ("version", "u1"), ("tty", order + "u2"), ("exitcode", order + "u4"), ("uid", order + "u4"),
            ("gid", order + "u4"), ("pid", order + "u4"), ("ppid", order + "u4"), ("btime", order + "u4"),
            ("etime", order + "f4"), ("utime", order + "u2"), ("stime", order + "u2"), ("mem", order + "u2"),
            ("io", order + "u2"), ("rw", order + "u2"), ("minflt", order + "u2"), ("majflt", order + "u2"),
            ("swaps", order + "u2"), ("comm", "S16"),
        ]
    )  # fmt: skip
    rows = np.frombuffer(data, dtype=layout)
    reading = Reading()
    reading.records.append(
        ProcessRecords(
            starts_s=rows["btime"].astype(np.float64),
            elapsed_s=rows["etime"].astype(np.float64) / _TICKS,
            cpu_s=(_comp(rows["utime"]) + _comp(rows["stime"])) / _TICKS,
            pids=rows["pid"].astype(np.int64),
            parent_pids=rows["ppid"].astype(np.int64),
            uids=rows["uid"].astype(np.int64),
            commands=tuple(name.decode(errors="replace") for name in rows["comm"].tolist()),
            source=file.source,
        )
    )
    return reading


def _comp(values: object) -> Floats:
    """comp_t: 13 bits of value and a base-8 exponent of 3."""
    import numpy as np

    packed = np.asarray(values).astype(np.int64)
    out: Floats = ((packed & 0x1FFF) << (3 * (packed >> 13))).astype(np.float64)
    return out


def recognises_text(data: bytes) -> bool:
    """A line of dump-acct."""
    return _TEXT.search(data[:4000].decode(errors="replace")) is not None


def read_text(file: MetricFile) -> Reading:
    """The same records as dump-acct prints them, start times on the clock of the host that printed them."""
    import numpy as np

    text = file.data.decode(errors="replace")
    rows = _TEXT.findall(text)
    lines = sum(1 for line in text.splitlines() if line.strip())
    if len(rows) < lines:
        file.note("metric-record-incomplete", f"{lines - len(rows)} lines are no v3 records of dump-acct; left out")
    local = [datetime.strptime(row[8], "%a %b %d %H:%M:%S %Y") for row in rows]  # noqa: DTZ007 - the zone is the host's
    naive = np.array(local, dtype="datetime64[s]").astype(np.int64)
    values = np.array([[float(word) for word in row[1:4]] for row in rows]).reshape(-1, 3)
    ids = np.array([[int(word) for word in (row[4], row[6], row[7])] for row in rows], dtype=np.int64).reshape(-1, 3)
    reading = Reading()
    reading.records.append(
        ProcessRecords(
            starts_s=epoch_of_local(naive, file.zone()).astype(np.float64),
            elapsed_s=values[:, 2] / _TICKS,
            cpu_s=(values[:, 0] + values[:, 1]) / _TICKS,
            pids=ids[:, 1],
            parent_pids=ids[:, 2],
            uids=ids[:, 0],
            commands=tuple(row[0].strip() for row in rows),
            source=file.source,
        )
    )
    return reading
