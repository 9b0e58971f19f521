"""Output of `/usr/bin/time -v`: the exact peak memory and CPU time of one run of one command."""

from __future__ import annotations

import re

from analyzer.read.metrics.reading import MetricFile, Reading
from analyzer.usage import Measurement

NAME = "/usr/bin/time -v"

_COMMAND = re.compile(r'^\s*Command being timed: "(.*)"\s*$', re.MULTILINE)
_FIELDS = {
    "user": re.compile(r"User time \(seconds\): ([\d.,]+)"),
    "system": re.compile(r"System time \(seconds\): ([\d.,]+)"),
    "elapsed": re.compile(r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): ([\d:.,]+)"),
    "memory": re.compile(r"Maximum resident set size \(kbytes\): (\d+)"),
}


def recognises(data: bytes) -> bool:
    """Its first line, which may stand below the command's own output."""
    return b"Command being timed:" in data


def read(file: MetricFile) -> Reading:
    """Every block of the file."""
    text = file.data.decode(errors="replace")
    reading = Reading()
    starts = list(_COMMAND.finditer(text))
    for match, following in zip(starts, [*starts[1:], None], strict=True):
        block = text[match.end() : following.start() if following else len(text)]
        values = {name: found.group(1) for name, pattern in _FIELDS.items() if (found := pattern.search(block))}
        line = text.count("\n", 0, match.start()) + 1
        if len(values) < len(_FIELDS):
            file.note("metric-record-incomplete", "a block of time -v lacks some of its lines; left out", line=line)
            continue
        reading.measurements.append(
            Measurement(
                command=_timed_command(match.group(1)),
                cpu_s=_seconds(values["user"]) + _seconds(values["system"]),
                elapsed_s=_seconds(values["elapsed"]),
                memory_mib=int(values["memory"]) / 1024,
                source=file.at(line),
            )
        )
    return reading


def _timed_command(text: str) -> str:
    """What `sh -c` was given; time prints the arguments without their quotes."""
    match = re.match(r"^(?:\S*/)?(?:ba|da)?sh -c (.*)$", text)
    return match.group(1) if match else text


def _seconds(text: str) -> float:
    total = 0.0
    for part in text.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total
