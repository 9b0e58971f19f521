"""What hosts were seen to do: series, runs and measurements as columns of numbers. Part of the model layer.

Every instant is a UTC epoch second, every unit stands in a name, and nothing here knows a file format or an AWS limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from analyzer.model import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Seconds: TypeAlias = NDArray[np.int64]

Quantity: TypeAlias = Literal["cpu", "memory", "steal", "credit-balance", "credit-usage"]
Statistic: TypeAlias = Literal["average", "maximum", "sample"]
Unit: TypeAlias = Literal["cores", "mib", "share", "credits"]


class Series(Struct, frozen=True, kw_only=True, eq=False):
    """One quantity of a host, or of one of its processes, over time."""

    quantity: Quantity
    unit: Unit
    """`share` is a part of the whole host (0 to 1): the capacity that would make it cores or MiB is not known."""
    statistic: Statistic
    """average and maximum stand for the interval that begins at `times_s`; a sample is the instant itself."""
    interval_s: int
    """Length of the interval, or the usual time between two samples."""
    times_s: Seconds
    """Ascending, without duplicates. A gap is a missing element, never a number."""
    values: Floats
    process: str = ""
    """Process name; "" is the whole host."""
    definition: str = ""
    """What "used" means in it, e.g. `total - available`."""
    source: Source


class CommandRuns(Struct, frozen=True, kw_only=True, eq=False):
    """The runs of one command of one user, as a cron log shows them."""

    user: str
    command: str
    """Text of the log's CMD line."""
    starts_s: Seconds
    """Ascending."""
    ends_s: Floats
    """NaN where the log does not tell."""
    pids: Seconds
    """Process id of the CMD line, -1 where unknown."""
    cpu_s: Floats
    """CPU-seconds of the run's whole process tree where something measured them, else NaN."""
    memory_mib: Floats
    """Peak resident memory of the run's process tree where something measured it, else NaN."""
    end_evidence: tuple[tuple[str, int], ...] = ()
    """(what told the end, how many runs), e.g. ("END line", 14)."""
    measured_by: tuple[str, ...] = ()
    """What gave `cpu_s` and `memory_mib`, e.g. `process accounting`."""
    source: Source


class ProcessRecords(Struct, frozen=True, kw_only=True, eq=False):
    """Finished processes, as the kernel's accounting wrote them."""

    starts_s: Floats
    elapsed_s: Floats
    cpu_s: Floats
    pids: Seconds
    parent_pids: Seconds
    """-1 where the format has none."""
    uids: Seconds
    commands: tuple[str, ...]
    """At most 15 characters each."""
    source: Source


class ProcessSamples(Struct, frozen=True, kw_only=True, eq=False):
    """Running processes at a sampler's instants: one element a process and instant."""

    ends_s: Seconds
    interval_s: int
    pids: Seconds
    parent_pids: Seconds
    """-1 where the format has none."""
    cpu_s: Floats
    """CPU-seconds within the interval that ends at `ends_s`."""
    memory_mib: Floats
    """Resident memory at `ends_s`; NaN where not sampled."""
    commands: tuple[str, ...]
    """Program name."""
    arguments: tuple[str, ...] = ()
    """Command line where the format has it, else empty."""
    source: Source


class Measurement(Struct, frozen=True, kw_only=True):
    """One command run by hand under `/usr/bin/time -v`."""

    command: str
    cpu_s: float
    elapsed_s: float
    memory_mib: float
    source: Source


class HostUsage(Struct, frozen=True, kw_only=True, eq=False):
    """All that metrics, accounting and cron logs say about one host."""

    host: str
    vcpus: float | None = None
    """None: nothing said how many; series in percent then stay shares."""
    memory_total_mib: float | None = None
    """What the guest's kernel calls MemTotal."""
    timezone: str = ""
    series: tuple[Series, ...] = ()
    runs: tuple[CommandRuns, ...] = ()
    samples: tuple[ProcessSamples, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    restarts_s: tuple[int, ...] = ()
    """Boots within the recorded time."""
    log_span_s: tuple[int, int] | None = None
    """First and last instant that the cron logs cover; a schedule that does not show in it did not run."""
