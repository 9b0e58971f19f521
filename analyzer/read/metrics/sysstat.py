"""What the three texts of sysstat (`sadf -j`, `sadf -d`, sar) mean, whichever of them brought the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.read.metrics.reading import LONGEST_INTERVAL_S, MetricFile, make_series, usual_step
from analyzer.usage import Series

if TYPE_CHECKING:
    from analyzer.usage import Floats, Seconds

MEMORY_COLUMNS = (
    "memfree",
    "avail",
    "memused",
    "memused-percent",
    "buffers",
    "cached",
)
"""Names of `sadf -j`; KiB, and percent of RAM."""


class Rows(Struct, frozen=True, kw_only=True):
    """Records in columns, by the names of `sadf -j`; an absent column is not in the mapping."""

    ends_s: Seconds
    intervals_s: Floats
    restarts_s: tuple[int, ...]
    cpu: dict[str, Floats]
    """idle, iowait, steal: percent of all CPUs."""
    memory: dict[str, Floats]


def is_binary(data: bytes) -> bool:
    """The magic number that sar's data files begin with, in either byte order."""
    return data[:2] in (b"\xd5\x96", b"\x96\xd5")


def total_mib(rows: Rows) -> float | None:
    """MemTotal from the ratio of a figure and its percentage, None where the records cannot tell to 1 %."""
    import numpy as np

    used, percent = rows.memory.get("memused"), rows.memory.get("memused-percent")
    if used is None or percent is None:
        return None
    good = np.isfinite(used) & np.isfinite(percent) & (percent >= 1)
    if not good.any():
        return None
    return float(np.sum(used[good]) / np.sum(percent[good]) * 100 / 1024)


def series(file: MetricFile, rows: Rows) -> list[Series]:
    """CPU and steal as shares of the host, used memory in MiB (or as a share of MemTotal)."""
    import numpy as np

    plausible = (rows.intervals_s > 0) & (rows.intervals_s <= LONGEST_INTERVAL_S)
    if bad := int((~plausible).sum()):
        file.note("metric-interval-invalid", f"{bad} records with an impossible interval; left out")
    for boot in rows.restarts_s:
        # the first record after a boot counts from the boot on, not from the record before
        after = np.flatnonzero(rows.ends_s > boot)
        if len(after):
            first = after[np.argmin(rows.ends_s[after])]
            plausible[first] &= rows.ends_s[first] - rows.intervals_s[first] >= boot
    interval = usual_step(np.sort(rows.ends_s[plausible]))
    out: list[Series | None] = []
    if "idle" in rows.cpu:
        idle = rows.cpu["idle"]
        zero = np.zeros(len(idle))
        waiting = rows.cpu.get("iowait", zero)
        steal = rows.cpu.get("steal", zero)
        starts = rows.ends_s - np.where(plausible, rows.intervals_s, 0).astype(np.int64)
        for quantity, values in (("cpu", 100 - idle - waiting - steal), ("steal", steal)):
            out.append(
                make_series(
                    file,
                    starts[plausible],
                    np.where(np.abs(values) < 0.05, 0.0, values)[plausible] / 100,  # two decimals add up to -0.01
                    quantity="cpu" if quantity == "cpu" else "steal",
                    unit="share",
                    statistic="average",
                    interval_s=interval,
                    definition="100 - idle - iowait - steal" if quantity == "cpu" else "steal",
                )
            )
    out.append(_memory(file, rows, plausible, interval))
    return [one for one in out if one is not None]


def _memory(file: MetricFile, rows: Rows, good: object, interval: int) -> Series | None:
    import numpy as np

    memory = rows.memory
    if "memfree" not in memory:
        return None
    free = memory["memfree"]
    available = memory.get("avail")
    keep = np.asarray(good, dtype=bool)
    if available is not None and (available[np.isfinite(available)] > 0).any():
        # `avail` is 0 or a copy of memfree in records of old versions
        real = np.isfinite(available) & (available > 0) & (available != free)
        definition, unused = "total - available", available
        keep &= real
        if lost := int((~real).sum()):
            file.note("metric-record-incomplete", f"{lost} memory records without a real `avail`; left out")
    elif "cached" in memory and "buffers" in memory:
        definition, unused = "total - free - buffers - cached", free + memory["buffers"] + memory["cached"]
        file.note(
            "memory-definition-old",
            "these records have no `avail`: used memory counts shared memory and tmpfs as cache",
            hint="sysstat 11.5 or newer writes it",
        )
    else:
        return None
    return make_series(
        file,
        rows.ends_s[keep],
        unused[keep] / 1024,
        quantity="memory",
        unit="mib",
        statistic="sample",
        interval_s=interval,
        definition=f"{UNUSED}{definition}",
    )


UNUSED = "unused: "
"""Marks memory that is still the unused part; `merge` subtracts it from MemTotal, which may stand in another file."""

_TEXT_COLUMNS = {
    "%idle": "idle",
    "%iowait": "iowait",
    "%steal": "steal",
    "kbmemfree": "memfree",
    "kbavail": "avail",
    "kbmemused": "memused",
    "%memused": "memused-percent",
    "kbbuffers": "buffers",
    "kbcached": "cached",
}
"""Column of the text formats -> name of `sadf -j`."""


def columns(names: list[str], rows: list[list[str]]) -> dict[str, Floats]:
    """The columns that are used here, by the names of `sadf -j`."""
    return {
        _TEXT_COLUMNS[name]: numbers([row[place] for row in rows])
        for place, name in enumerate(names)
        if name in _TEXT_COLUMNS
    }


def numbers(texts: list[str]) -> Floats:
    """Numbers with a decimal point or comma; NaN for what is none."""
    import numpy as np

    try:
        return np.array(texts, dtype=np.float64)
    except ValueError:
        return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")
