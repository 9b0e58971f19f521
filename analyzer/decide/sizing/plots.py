"""The series that the report draws, thinned out to what a screen can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decide.sizing.fit import Fit
from analyzer.decide.sizing.needs import Seen
from analyzer.decide.sizing.result import Plot, PlotRun

if TYPE_CHECKING:
    from analyzer.usage import Floats

MOST_POINTS = 1500


def plots_of(seen: Seen) -> tuple[Plot, ...]:
    """CPU and, where known, memory of one host."""
    fits = [seen.attribution.cpu, *([seen.attribution.memory] if seen.attribution.memory is not None else [])]
    runs = tuple(
        PlotRun(
            job=" + ".join(one.members),
            starts_s=tuple(int(start) for start in one.source.starts_s),
            ends_s=tuple(int(end) for end in one.source.ends_s),
        )
        for one in seen.attribution.jobs
        if not one.source.frequent
    )
    return tuple(_plot(seen.host, fit, runs) for fit in fits)


def _plot(host: str, fit: Fit, runs: tuple[PlotRun, ...]) -> Plot:
    import numpy as np

    signal = fit.signal
    block = max(1, -(-signal.size // MOST_POINTS))
    padded = -(-signal.size // block) * block

    def blocks(values: Floats) -> Floats:
        return np.pad(values, (0, padded - signal.size)).reshape(-1, block)

    count = blocks(signal.have.astype(float)).sum(axis=1)
    share = np.maximum(count, 1)
    digits = 3 if signal.what == "cpu" else 0
    mean = blocks(np.where(signal.have, signal.values, 0)).sum(axis=1) / share
    peak = blocks(np.where(signal.have, signal.peaks, 0)).max(axis=1)

    def gapped(values: Floats) -> tuple[float | None, ...]:
        return tuple(round(float(v), digits) if n else None for v, n in zip(values, count, strict=True))

    def plain(values: Floats) -> tuple[float, ...]:
        width = blocks(np.ones(signal.size)).sum(axis=1)
        return tuple(round(float(v), digits) for v in blocks(values).sum(axis=1) / width)

    return Plot(
        host=host,
        what=signal.what,
        unit="cores" if signal.what == "cpu" else "MiB",
        start_s=signal.start_s,
        step_s=signal.step_s * block,
        mean=gapped(mean),
        peak=gapped(peak),
        baseline=plain(fit.baseline),
        jobs=plain(fit.explained),
        runs=runs,
        origin=signal.origin,
    )
