"""`atop -P CPU,MEM,PRG,PRC,PRM`: each sample of the host and of its processes, exited ones included.

Names and command lines stand in parentheses and may hold blanks and parentheses: rows are read from both ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from analyzer.read.metrics.reading import MetricFile, Reading, make_series, usual_step
from analyzer.read.metrics.sysstat import UNUSED
from analyzer.usage import ProcessSamples

if TYPE_CHECKING:
    from analyzer.usage import Floats

NAME = "atop -P"

_ROW = re.compile(r"^(CPU|MEM|PRG|PRC|PRM) \S+ (\d+) \d{4}/\d\d/\d\d \d\d:\d\d:\d\d (\d+) (.*)$")
_PROCESS = re.compile(r"^(\d+) \((.*?)\) ([A-Z]) (.*)$")
_GENERAL = re.compile(r"^(\d+) (\d+) (\d+) (\d+) (-?\d+) (\d+) \((.*)\) (\d+) (\d+) (\d+) ")
"""After name and state of PRG: uid, gid, tgid, threads, exit code, start, (command line), ppid …"""


class _Process(Struct):
    command: str
    arguments: str = ""
    parent: int = -1
    cpu_s: float = 0.0
    memory_mib: float = float("nan")


class _Recorded(Struct):
    cpu: dict[int, tuple[int, float]] = field(default_factory=dict)
    """End -> (interval, used cores)."""
    unused_mib: dict[int, float] = field(default_factory=dict)
    total_mib: float | None = None
    vcpus: float | None = None
    processes: dict[tuple[int, int], _Process] = field(default_factory=dict)
    torn: int = 0


def recognises(data: bytes) -> bool:
    """A parseable row or atop's RESET line near the beginning."""
    head = data[:600].decode(errors="replace").splitlines()[:3]
    return any(_ROW.match(line) for line in head)


def read(file: MetricFile) -> Reading:
    """Host CPU and memory, and every process with its CPU time within each interval."""
    import numpy as np

    found = _Recorded()
    since_boot = False
    for line in file.data.decode(errors="replace").splitlines():
        if line.startswith(("RESET", "SEP")):
            since_boot = line.startswith("RESET")
            continue
        row = _ROW.match(line)
        if row is None:
            found.torn += bool(line.strip())
        elif not since_boot:
            try:
                _take(found, row.group(1), int(row.group(2)), int(row.group(3)), row.group(4))
            except (ValueError, IndexError):
                found.torn += 1
    if found.torn:
        file.note("metric-record-incomplete", f"{found.torn} rows are not as atop writes them; left out")
    reading = Reading(vcpus=found.vcpus, memory_total_mib=found.total_mib)
    if found.cpu:
        ends = np.array(sorted(found.cpu), dtype=np.int64)
        spans = np.array([found.cpu[int(end)][0] for end in ends], dtype=np.int64)
        values: Floats = np.array([found.cpu[int(end)][1] for end in ends])
        one = make_series(
            file, ends - spans, values, quantity="cpu", unit="cores", statistic="average",
            interval_s=usual_step(ends), definition="system + user + nice + irq + softirq",
        )  # fmt: skip
        reading.series += [one] if one is not None else []
    if found.unused_mib:
        ends = np.array(sorted(found.unused_mib), dtype=np.int64)
        one = make_series(
            file, ends, np.array([found.unused_mib[int(end)] for end in ends]), quantity="memory", unit="mib",
            statistic="sample", interval_s=usual_step(ends),
            definition=f"{UNUSED}total - free - buffers - cached - slab",
        )  # fmt: skip
        reading.series += [one] if one is not None else []
    if found.processes:
        reading.samples.append(_samples(file, found))
    return reading


def _take(found: _Recorded, label: str, end: int, interval: int, rest: str) -> None:
    if label == "CPU":
        ticks, cpus, system, user, nice, _idle, _wait, irq, softirq, *_ = (int(word) for word in rest.split()[:9])
        found.vcpus = float(cpus)
        found.cpu[end] = (interval, (system + user + nice + irq + softirq) / ticks / max(interval, 1))
    elif label == "MEM":
        page, total, free, cache, buffers, slab, *_ = (int(word) for word in rest.split()[:6])
        found.total_mib = page * total / 1024**2
        found.unused_mib[end] = page * (free + cache + buffers + slab) / 1024**2
    else:
        _take_process(found, label, end, rest)


def _take_process(found: _Recorded, label: str, end: int, rest: str) -> None:
    match = _PROCESS.match(rest)
    if match is None:
        raise ValueError(rest)
    pid, name, state, fields = int(match.group(1)), match.group(2), match.group(3), match.group(4)
    process = found.processes.setdefault((end, pid), _Process(name))
    if label == "PRG":
        general = _GENERAL.match(fields)
        if general is None:
            raise ValueError(rest)
        process.arguments, process.parent = general.group(7), int(general.group(8))
    elif label == "PRC":
        words = fields.split()
        process.cpu_s = (int(words[1]) + int(words[2])) / int(words[0])
    else:
        words = fields.split()
        process.memory_mib = float("nan") if state == "E" else int(words[2]) / 1024


def _samples(file: MetricFile, found: _Recorded) -> ProcessSamples:
    import numpy as np

    keys = sorted(found.processes)
    rows = [found.processes[key] for key in keys]
    ends = np.array([end for end, _ in keys], dtype=np.int64)
    return ProcessSamples(
        ends_s=ends,
        interval_s=usual_step(np.unique(ends)),
        pids=np.array([pid for _, pid in keys], dtype=np.int64),
        parent_pids=np.array([row.parent for row in rows], dtype=np.int64),
        cpu_s=np.array([row.cpu_s for row in rows]),
        memory_mib=np.array([row.memory_mib for row in rows]),
        commands=tuple(row.command for row in rows),
        arguments=tuple(row.arguments for row in rows),
        source=file.source,
    )
