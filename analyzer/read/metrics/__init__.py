"""Metrics of a host: one module a format, recognised by content, converted once and here to UTC, cores and MiB."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from analyzer.model import Host, Problem, Severity
from analyzer.read.files import Tree
from analyzer.read.metrics import (
    accounting,
    atop,
    cloudwatch,
    csv_table,
    gnu_time,
    pidstat,
    sadf_json,
    sadf_text,
    sar_text,
    sysstat,
)
from analyzer.read.metrics.link import with_measurements
from analyzer.read.metrics.merge import capacity, merged
from analyzer.read.metrics.reading import MetricFile, Reading
from analyzer.usage import HostUsage, ProcessRecords, ProcessSamples, Series


class Format(Struct, frozen=True, kw_only=True):
    """A kind of metrics file."""

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[MetricFile], Reading]


METRIC_FORMATS = (
    Format(name=sadf_json.NAME, recognises=sadf_json.recognises, read=sadf_json.read),
    Format(name=cloudwatch.NAME, recognises=cloudwatch.recognises, read=cloudwatch.read),
    Format(name=sadf_text.NAME, recognises=sadf_text.recognises, read=sadf_text.read),
    Format(name=accounting.TEXT_NAME, recognises=accounting.recognises_text, read=accounting.read_text),
    Format(name=accounting.NAME, recognises=accounting.recognises, read=accounting.read),
    Format(name=pidstat.NAME, recognises=pidstat.recognises, read=pidstat.read),
    Format(name=sar_text.NAME, recognises=sar_text.recognises, read=sar_text.read),
    Format(name=atop.NAME, recognises=atop.recognises, read=atop.read),
    Format(name=gnu_time.NAME, recognises=gnu_time.recognises, read=gnu_time.read),
    Format(name=csv_table.NAME, recognises=csv_table.recognises, read=csv_table.read),
)
"""Asked in this order; the first that recognises a file reads it."""


def read_metrics(host: Host, evidence: Tree) -> tuple[HostUsage, tuple[Problem, ...]]:
    """All usage evidence of one host. `evidence` is rooted at the host's own folder."""
    problems: list[Problem] = []
    before = len(evidence.problems)
    readings: list[tuple[MetricFile, str, Reading]] = []
    for path in evidence.walk("metrics"):
        data = evidence.read_bytes(path)
        if not data:
            continue
        file = MetricFile(source=evidence.source(path), data=data, timezone=host.timezone, problems=problems)
        kind = next((one for one in METRIC_FORMATS if one.recognises(data)), None)
        if kind is None and sysstat.is_binary(data):
            file.note(
                "metrics-binary-sysstat",
                f"{file.source.file} is sysstat's own binary file, which only its own version reads safely",
                hint="run `sadf -j FILE -- -u -r` on the host and add its output instead",
                severity=Severity.ERROR,
            )
            continue
        if kind is None:
            file.note(
                "metrics-format-unknown",
                f"{file.source.file} is in none of the known formats: {', '.join(one.name for one in METRIC_FORMATS)}",
                hint="export it again with one of these tools, or as CSV with a header line",
                severity=Severity.ERROR,
            )
            continue
        try:
            readings.append((file, kind.name, kind.read(file)))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # a shape that the format's module did not foresee costs this file, never the analysis
            file.note(
                "metrics-unreadable",
                f"{file.source.file} looks like {kind.name} and cannot be read as such ({type(error).__name__})",
                hint="export it again",
                severity=Severity.ERROR,
            )
    pairs = [(file, reading) for file, _, reading in readings]
    vcpus, total, conflicts = capacity(host, pairs)
    problems += conflicts
    series = merged(readings, vcpus, total)
    samples = tuple(sample for _, reading in pairs for sample in reading.samples)
    records = tuple(record for _, reading in pairs for record in reading.records)
    from analyzer.read.cronlogs import read_cron_logs  # reads its stamps with this package's own tools

    log = read_cron_logs(host, evidence, _latest_s(host, series, samples, records))
    problems += log.problems
    usage = HostUsage(
        host=host.name,
        vcpus=vcpus,
        memory_total_mib=total,
        timezone=host.timezone,
        series=series,
        runs=with_measurements(log.runs, records, samples),
        samples=samples,
        measurements=tuple(one for _, reading in pairs for one in reading.measurements),
        restarts_s=tuple(sorted({boot for _, reading in pairs for boot in reading.restarts_s})),
        log_span_s=log.span_s,
    )
    problems += evidence.problems[before:]
    return usage, tuple(dict.fromkeys(problems))


def _latest_s(
    host: Host, series: Sequence[Series], samples: Sequence[ProcessSamples], records: Sequence[ProcessRecords]
) -> int | None:
    """An instant near the collection of the evidence: the last of all stamps."""
    stamps = [
        *(int(one.times_s[-1]) for one in series),
        *(int(one.ends_s.max()) for one in samples if len(one.ends_s)),
        *(int(one.starts_s.max()) for one in records if len(one.starts_s)),
    ]
    when = host.facts.get("date_time")
    if isinstance(when, dict) and str(when.get("epoch", "")).isdigit():
        stamps.append(int(when["epoch"]))
    return max(stamps, default=None)
