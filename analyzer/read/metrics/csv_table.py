"""A plain table: a header line with a time column and columns for CPU and memory, units in their names."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from analyzer.model import Severity
from analyzer.read.metrics.reading import MetricFile, Reading, make_series, parse_stamps, usual_step
from analyzer.read.metrics.sysstat import numbers
from analyzer.usage import Quantity, Unit

if TYPE_CHECKING:
    from analyzer.usage import Floats, Seconds

NAME = "CSV"

_TIME = re.compile(r"^(?:time|timestamp|date|datetime|epoch)$", re.IGNORECASE)
_CPU = re.compile(r"cpu|cores|value", re.IGNORECASE)
_MEMORY = re.compile(r"mem", re.IGNORECASE)


def recognises(data: bytes) -> bool:
    """A header line with a time column and one for CPU or memory."""
    first = data[:2000].decode(errors="replace").lstrip("\ufeff").splitlines()[:1]
    names = [name.strip().strip('"') for name in re.split(r"[,;\t]", first[0])] if first else []
    return any(_TIME.match(name) for name in names) and any(_CPU.search(n) or _MEMORY.search(n) for n in names)


def read(file: MetricFile) -> Reading:
    """Averages over the interval that begins at each stamp."""
    reading = Reading()
    text = file.data.decode(errors="replace").lstrip("\ufeff")
    head = text.splitlines()[0]
    delimiter = max(",;\t", key=head.count)
    try:
        table = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error as error:
        file.note("metric-table-invalid", f"not readable as CSV: {error}", severity=Severity.ERROR)
        return reading
    names, rows = [name.strip() for name in table[0]], table[1:]
    whole = [row for row in rows if len(row) == len(names)]
    if len(whole) < len(rows):
        file.note(
            "metric-record-incomplete", f"{len(rows) - len(whole)} rows have too few or too many columns; left out"
        )
    place = next((index for index, name in enumerate(names) if _TIME.match(name)), None)
    if place is None:
        file.note("metric-table-invalid", "not readable as CSV: the header has no time column", severity=Severity.ERROR)
        return reading
    times, kept = _times(file, [row[place].strip() for row in whole])
    for index, name in enumerate(names):
        if index == place or not len(times):
            continue
        values = numbers([row[index].strip() for row in whole])[kept]
        quantity: Quantity
        if _MEMORY.search(name):
            quantity, (unit, scaled) = "memory", _memory(file, name, values)
        elif _CPU.search(name):
            quantity, (unit, scaled) = "cpu", _cpu(file, name, values)
        else:
            continue
        statistic = "maximum" if re.search(r"max", name, re.IGNORECASE) else "average"
        series = make_series(
            file,
            times,
            scaled,
            quantity=quantity,
            unit=unit,
            statistic="maximum" if statistic == "maximum" else "average",
            interval_s=usual_step(times),
            definition=f"column {name}",
        )
        reading.series += [series] if series is not None else []
    return reading


def _times(file: MetricFile, texts: list[str]) -> tuple[Seconds, Seconds]:
    import numpy as np

    stamps = numbers(texts)
    if len(texts) and np.isfinite(stamps).all():
        if (stamps > 1e11).all():
            stamps = stamps / 1000  # milliseconds
        return stamps.astype(np.int64), np.arange(len(texts))
    return parse_stamps(texts, file)


def _cpu(file: MetricFile, name: str, values: Floats) -> tuple[Unit, Floats]:
    if re.search(r"cores|vcpu", name, re.IGNORECASE):
        return "cores", values
    if not re.search(r"percent|pct|%|utili[sz]ation", name, re.IGNORECASE):
        _assumed(file, name, "percent of all CPUs")
    return "share", values / 100


def _memory(file: MetricFile, name: str, values: Floats) -> tuple[Unit, Floats]:
    import numpy as np

    for pattern, factor in (
        (r"percent|pct|%", None),
        (r"gib|_gb|gb$", 1024),
        (r"mib|_mb|mb$", 1),
        (r"kib|kb", 1 / 1024),
    ):
        if re.search(pattern, name, re.IGNORECASE):
            return ("share", values / 100) if factor is None else ("mib", values * factor)
    if re.search(r"byte", name, re.IGNORECASE):
        return "mib", values / 1024**2
    largest = float(np.fmax.reduce(values, initial=0.0))  # of what is a number
    if largest <= 100:
        _assumed(file, name, "percent of the host's memory")
        return "share", values / 100
    if largest > 1e7:
        _assumed(file, name, "bytes")
        return "mib", values / 1024**2
    _assumed(file, name, "MiB")
    return "mib", values


def _assumed(file: MetricFile, name: str, unit: str) -> None:
    file.note(
        "metric-unit-assumed",
        f"column {name} does not say its unit; {unit} is assumed",
        hint="name the column cpu_percent, cpu_cores, memory_mib, memory_bytes or memory_percent",
    )
