"""`sadf -d`: sysstat's records separated by semicolons, a `#` header line before each group of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.read.metrics import sysstat
from analyzer.read.metrics.reading import MetricFile, Reading, parse_stamps

if TYPE_CHECKING:
    from analyzer.usage import Floats

NAME = "sadf -d"


def recognises(data: bytes) -> bool:
    """The header line, or a restart row before it."""
    head = data[:400].decode(errors="replace")
    return head.startswith(("# hostname;interval;timestamp", "#hostname;interval;timestamp")) or (
        ";LINUX-RESTART" in head and ";-1;" in head
    )


def read(file: MetricFile) -> Reading:
    """The CPU and memory groups; others are skipped."""
    reading = Reading()
    header: list[str] = []
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    restarts: list[str] = []
    torn = 0
    for line in file.data.decode(errors="replace").splitlines():
        if line.startswith("#"):
            header = [word.strip() for word in line.lstrip("# ").split(";")]
            continue
        row = line.split(";")
        if len(row) > 3 and row[3].startswith("LINUX-RESTART"):
            restarts.append(row[2])
        elif header and len(row) == len(header):
            groups.setdefault(tuple(header), []).append(row)
        elif line.strip():
            torn += 1
    if torn:
        file.note("metric-record-incomplete", f"{torn} rows do not have the columns of their header; left out")
    reading.restarts_s = _stamps(file, restarts)
    for names, rows in groups.items():
        _read_group(file, list(names), rows, reading)
    return reading


def _stamps(file: MetricFile, texts: list[str]) -> list[int]:
    if texts and all(text.isdigit() for text in texts):
        return [int(text) for text in texts]
    return [int(value) for value in parse_stamps(texts, file)[0]] if texts else []


def _read_group(file: MetricFile, names: list[str], rows: list[list[str]], reading: Reading) -> None:
    import numpy as np

    if "CPU" in names:
        place = names.index("CPU")
        rows = [row for row in rows if row[place] in ("-1", "all")]
    columns = sysstat.columns(names, rows)
    if not rows or not columns:
        return
    stamps = [row[2] for row in rows]
    ends = _stamps(file, stamps)
    if len(ends) != len(rows):
        return
    here = sysstat.Rows(
        ends_s=np.array(ends, dtype=np.int64),
        intervals_s=sysstat.numbers([row[1] for row in rows]),
        restarts_s=tuple(reading.restarts_s),
        cpu={name: columns[name] for name in ("idle", "iowait", "steal") if name in columns},
        memory=_memory(columns),
    )
    reading.series += sysstat.series(file, here)
    reading.memory_total_mib = reading.memory_total_mib or sysstat.total_mib(here)


def _memory(columns: dict[str, Floats]) -> dict[str, Floats]:
    return {name: columns[name] for name in sysstat.MEMORY_COLUMNS if name in columns}
