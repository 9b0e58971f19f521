"""A host's CPU and memory on regular grids, and the one primitive that lays runs over a grid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from analyzer.usage import HostUsage, Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analyzer.usage import Floats, Seconds

    Bools = NDArray[np.bool_]

DAY_S = 86400
SHORTEST_RECORD_S = 6 * 3600
"""Less than a quarter of a day shows no daily shape: nothing is attributed."""
LONGEST_RECORD_S = 92 * DAY_S
"""A quarter of a year shows three runs of a monthly job; what is older tells of a host that is no more."""
MOST_BINS = LONGEST_RECORD_S // 60
"""As many as one-minute data have in that time: work grows faster than the record. Finer data of a longer time are put
together into longer intervals."""
_NEARLY, _ENOUGH_S = 0.8, 7 * DAY_S
"""A stretch counts that has so much of what the longest has, or has a week: stray stamps are fewer."""


class Signal(Struct, frozen=True, kw_only=True, eq=False):
    """CPU (cores) or memory (MiB) of one host in bins of `step_s` seconds."""

    what: Literal["cpu", "memory"]
    start_s: int
    """Begin of the first bin, UTC epoch."""
    step_s: int
    values: Floats
    """Mean of each bin (or the one sample in it); 0 in a gap."""
    peaks: Floats
    """Highest value seen in each bin; 0 in a gap."""
    have: Bools
    """False: a gap. Gaps have weight 0 and are never filled."""
    instant_s: float | None = None
    """Offset of the one sample within its bin; None: the bin's mean."""
    sampling_s: int = 0
    """Seconds between the samples behind `peaks`; 0: not sampled but averaged."""
    has_peaks: bool = False
    """`peaks` are more than a copy of `values`."""
    zone: tzinfo = UTC
    """Of the host's clock, for the daily shape and the weekend."""
    origin: str = ""
    """In words, for provenance."""
    left_out: int = 0
    """Samples of the same series that are too old, or have a stamp that lies far from all others."""

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.values)

    @property
    def days(self) -> float:
        """Recorded time without its gaps."""
        return float(self.have.sum()) * self.step_s / DAY_S

    @property
    def local_s(self) -> Floats:
        """Middle of each bin in seconds since 1970 on the host's own clock, which a change of clocks shifts."""
        import numpy as np

        middles = self.start_s + (np.arange(self.size) + 0.5) * self.step_s
        hours, place = np.unique(middles // 3600, return_inverse=True)
        offsets = (datetime.fromtimestamp(hour * 3600, UTC).astimezone(self.zone).utcoffset() for hour in hours)
        shifts = np.array([offset.total_seconds() if offset is not None else 0.0 for offset in offsets])
        out: Floats = middles + shifts[place]
        return out


class Entries(Struct, frozen=True, kw_only=True, eq=False):
    """Which run covers which bin, and how much of it: a sparse matrix in columns."""

    runs: Seconds
    bins: Seconds
    shares: Floats
    """Part of the bin, 0 to 1; 1 for a sample taken while the run was alive."""

    def column(self, size: int) -> Floats:
        """Sum over runs for each bin."""
        import numpy as np

        out: Floats = np.bincount(self.bins, weights=self.shares, minlength=size).astype(np.float64, copy=False)
        return out


def entries(signal: Signal, begins_s: Floats, ends_s: Floats) -> Entries:
    """The bins that [begin, end) of each run touches; for point samples the bins whose instant lies in it."""
    import numpy as np

    first = (begins_s - signal.start_s) / signal.step_s
    last = (ends_s - signal.start_s) / signal.step_s
    if signal.instant_s is not None:
        offset = signal.instant_s / signal.step_s
        low = np.ceil(first - offset - 1e-9).astype(np.int64)
        high = np.ceil(last - offset - 1e-9).astype(np.int64) - 1
    else:
        low = np.floor(first + 1e-9).astype(np.int64)
        high = np.ceil(last - 1e-9).astype(np.int64) - 1
        high = np.maximum(high, low)
    low, high = np.maximum(low, 0), np.minimum(high, signal.size - 1)
    counts = np.maximum(0, high - low + 1)
    runs = np.repeat(np.arange(len(counts)), counts)
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    bins = np.arange(total) - np.repeat(before, counts) + np.repeat(low, counts)
    if signal.instant_s is not None:
        shares = np.ones(total)
    else:
        shares = np.clip(np.minimum(last[runs], bins + 1) - np.maximum(first[runs], bins), 0, 1)
    return Entries(runs=runs, bins=bins, shares=shares)


def cpu_signal(usage: HostUsage, vcpus: float | None, zone: tzinfo = UTC) -> Signal | None:
    """Used cores: the finest series that covers at least half of what the longest covers."""
    averages = [s for s in usage.series if s.quantity == "cpu" and not s.process and s.statistic == "average"]
    series = _best(averages)
    if series is None or (series.unit == "share" and not vcpus):
        return None
    scale = float(vcpus or 1.0) if series.unit == "share" else 1.0
    newest = _newest_record(series)
    bins = _bearable(newest)
    signal = _binned("cpu", bins, bins, scale, zone)
    return replace(signal, left_out=len(series.times_s) - len(newest.times_s))


def memory_signal(
    usage: HostUsage, total_mib: float | None, zone: tzinfo = UTC, beside: Signal | None = None
) -> Signal | None:
    """Used MiB: samples where there are any, else averages with their maxima.

    Only of the time of `beside`: runs are known for that time, and the memory of others would be nobody's.
    """
    mine = [s for s in usage.series if s.quantity == "memory" and not s.process]
    if beside is not None:
        begin, end = beside.start_s - beside.step_s, beside.start_s + (beside.size + 1) * beside.step_s
        mine = [one for one in (_within(s, begin, end) for s in mine) if len(one.times_s)]
    series = _best([s for s in mine if s.statistic != "maximum"]) or _best(mine)
    if series is None or (series.unit == "share" and not total_mib):
        return None
    scale = float(total_mib or 1.0) if series.unit == "share" else 1.0
    maxima = [
        s
        for s in mine
        if s.statistic == "maximum" and s.interval_s == series.interval_s and s.definition == series.definition
    ]
    bins = _bearable(series)
    if maxima:
        return _binned("memory", bins, _bearable(maxima[0]), scale, zone)
    # samples of a longer interval are its mean and its maximum
    return _binned("memory", bins, _bearable(series, highest=True) if bins is not series else bins, scale, zone)


def _best(candidates: Sequence[Series]) -> Series | None:
    long_enough = [one for one in candidates if len(one.times_s) * one.interval_s >= SHORTEST_RECORD_S]
    if not long_enough:
        return None
    longest = max(len(one.times_s) * one.interval_s for one in long_enough)
    usable = [one for one in long_enough if len(one.times_s) * one.interval_s >= longest / 2]
    return min(usable, key=lambda one: (one.interval_s, one.statistic != "sample", -len(one.times_s), one.definition))


def _within(series: Series, begin_s: int, end_s: int) -> Series:
    """The samples of [begin, end]."""
    import numpy as np

    first = int(np.searchsorted(series.times_s, begin_s))
    last = int(np.searchsorted(series.times_s, end_s, side="right"))
    return replace(series, times_s=series.times_s[first:last], values=series.values[first:last])


def _newest_record(series: Series) -> Series:
    """The latest quarter of a year that holds a week of samples, or nearly as many as any other.

    So a file of last year, or one stamp of 1970 or 2106, neither stretches the grid over years nor is the whole record.
    """
    import numpy as np

    times = series.times_s
    if times[-1] - times[0] < LONGEST_RECORD_S:
        return series
    first = np.searchsorted(times, times - LONGEST_RECORD_S, side="right")
    counts = np.arange(len(times)) - first + 1
    enough = min(_NEARLY * counts.max(), _ENOUGH_S / series.interval_s)
    last = int(np.flatnonzero(counts >= enough)[-1])
    return _within(series, int(times[first[last]]), int(times[last]))


def _bearable(series: Series, *, highest: bool = False) -> Series:
    """The series itself, or in as few times longer intervals as make it `MOST_BINS`: their mean or `highest` value."""
    import numpy as np

    span_s = int(series.times_s[-1] - series.times_s[0])
    times_longer = -(-span_s // (MOST_BINS * series.interval_s))
    if times_longer <= 1:
        return series
    step = series.interval_s * times_longer
    # a sample taken at the end of an interval belongs to that interval
    begins, place = np.unique((series.times_s - (series.statistic == "sample")) // step, return_inverse=True)
    if highest or series.statistic == "maximum":
        values = np.zeros(len(begins))
        np.maximum.at(values, place, series.values)
    else:
        values = np.bincount(place, weights=series.values) / np.bincount(place)
    return replace(
        series,
        statistic="maximum" if highest or series.statistic == "maximum" else "average",
        interval_s=step,
        times_s=begins * step,
        values=values,
    )


def _binned(what: Literal["cpu", "memory"], series: Series, maxima: Series, scale: float, zone: tzinfo) -> Signal:
    import numpy as np

    step = series.interval_s
    point = series.statistic == "sample"
    # a sample taken at the end of an interval belongs to that interval
    starts = series.times_s - step if point else series.times_s
    origin = int(starts[0])
    phase = np.median((starts - origin + step // 2) % step) - step // 2  # stamps that wander by a second or two
    origin += round(float(phase))
    index = np.round((starts - origin) / step).astype(np.int64)
    index -= index.min()
    size = int(index.max()) + 1
    count = np.bincount(index, minlength=size)
    values = np.bincount(index, weights=series.values * scale, minlength=size) / np.maximum(count, 1)
    peaks = np.zeros(size)
    own_peaks = maxima is not series
    if own_peaks:
        where = np.round((maxima.times_s - origin) / step).astype(np.int64)
        inside = (where >= 0) & (where < size)
        np.maximum.at(peaks, where[inside], maxima.values[inside] * scale)
        peaks = np.maximum(peaks, values)
    else:
        np.maximum.at(peaks, index, series.values * scale)
    return Signal(
        what=what,
        start_s=origin,
        step_s=step,
        values=values,
        peaks=np.where(count > 0, peaks, 0.0),
        have=count > 0,
        instant_s=float(step) if point else None,
        sampling_s=0 if what == "cpu" else (60 if own_peaks and step > 60 else step),
        has_peaks=own_peaks or point,
        zone=zone,
        origin=f"{series.source.file}, {series.statistic} every {step} s"
        + (f" with maxima from {maxima.source.file}" if own_peaks else "")
        + (f", used = {series.definition}" if series.definition else ""),
    )
