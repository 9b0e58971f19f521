"""Several files of one host become one set of series: shares become cores and MiB, rotated files one series."""

from __future__ import annotations

from collections import defaultdict

from msgspec.structs import replace

from analyzer.model import Host, Problem, Severity
from analyzer.read.metrics.reading import MetricFile, Reading, make_series
from analyzer.read.metrics.sysstat import UNUSED
from analyzer.usage import Series


def capacity(
    host: Host, readings: list[tuple[MetricFile, Reading]]
) -> tuple[float | None, float | None, list[Problem]]:
    """(vCPUs, MemTotal in MiB) and what contradicts: the guest's own word first, then facts, then EC2's."""
    counted = {reading.vcpus for _, reading in readings if reading.vcpus}
    problems = []
    if len(counted) > 1:
        problems.append(
            Problem(
                Severity.WARNING,
                "metric-capacity-differs",
                f"the metrics files speak of {', '.join(f'{n:g}' for n in sorted(counted))} CPUs; the last is used",
                readings[-1][0].source,
                "files from before a resize belong to another host size; remove them",
            )
        )
    facts_vcpus = _number(host.facts.get("processor_vcpus")) or _number(host.facts.get("processor_nproc"))
    vcpus = next((r.vcpus for _, r in reversed(readings) if r.vcpus), None) or facts_vcpus
    total = _number(host.facts.get("memtotal_mb")) or next(
        (r.memory_total_mib for _, r in reversed(readings) if r.memory_total_mib), None
    )
    if host.ec2 is not None:
        vcpus = vcpus or _number(host.ec2.vcpus)
        total = total or _number(host.ec2.memory_mib)
    return vcpus, total, problems


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def merged(
    readings: list[tuple[MetricFile, str, Reading]], vcpus: float | None, total_mib: float | None
) -> tuple[Series, ...]:
    """One series for each quantity, statistic and tool."""
    groups: dict[tuple[str, ...], list[tuple[MetricFile, Series]]] = defaultdict(list)
    for file, tool, reading in readings:
        for series in reading.series:
            one = _absolute(file, series, vcpus, total_mib)
            if one is not None:
                key: tuple[str, ...] = (one.quantity, one.statistic, one.process, tool, one.definition, one.unit)
                groups[key].append((file, one))
    out = []
    for name in sorted(groups):
        members = groups[name]
        out.append(members[0][1] if len(members) == 1 else _joined(members))
    return tuple(one for one in out if one is not None)


def _absolute(file: MetricFile, series: Series, vcpus: float | None, total_mib: float | None) -> Series | None:
    """Cores or MiB used; a share stays one where the capacity is not known."""
    unused = series.definition.startswith(UNUSED)
    definition = series.definition.removeprefix(UNUSED)
    values, unit = series.values, series.unit
    if unit == "share" and series.quantity == "memory":
        values = 1 - values if unused else values
        if total_mib:
            values, unit = values * total_mib, "mib"
    elif unused:
        if not total_mib:
            file.note(
                "memory-total-unknown",
                "these figures say how much memory is free, and nothing says how much there is; left out",
                hint="add facts.json (memtotal_mb) to the evidence",
            )
            return None
        values = total_mib - values
    elif unit == "share" and vcpus:
        values, unit = values * vcpus, "cores"
    return replace(series, values=values.clip(0), unit=unit, definition=definition)


def _joined(members: list[tuple[MetricFile, Series]]) -> Series | None:
    import numpy as np

    # the file that begins first gives the name, so the order of files changes nothing
    members = sorted(members, key=lambda one: (int(one[1].times_s[0]), one[0].source))
    file, first = members[0]
    steps = {series.interval_s for _, series in members}
    if len(steps) > 1:
        finest = min(steps)
        members = [one for one in members if one[1].interval_s == finest]
        file.note(
            "metric-interval-differs",
            f"files of one metric with intervals of {', '.join(map(str, sorted(steps)))} s; the finest is used",
        )
        file, first = members[0]
    return make_series(
        file,
        np.concatenate([series.times_s for _, series in members]),
        np.concatenate([series.values for _, series in members]),
        quantity=first.quantity,
        unit=first.unit,
        statistic=first.statistic,
        interval_s=first.interval_s,
        process=first.process,
        definition=first.definition,
    )
