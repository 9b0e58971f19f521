"""`aws cloudwatch get-metric-data` and `get-metric-statistics`. Stamps are the START of each period."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from analyzer.model import Severity
from analyzer.read.metrics.documents import load_documents
from analyzer.read.metrics.reading import MetricFile, Reading, make_series, parse_stamps, usual_step
from analyzer.usage import Quantity, Series, Statistic, Unit

if TYPE_CHECKING:
    from analyzer.usage import Floats, Seconds

NAME = "CloudWatch"


class _Metric(Struct, frozen=True, kw_only=True):
    """What one CloudWatch metric is in our terms: `value * factor` in `unit`."""

    quantity: Quantity
    unit: Unit
    factor: float = 1.0
    unused: bool = False
    process: bool = False
    definition: str = ""


_MIB = 1 / 1024**2
_AGENT_USED = "total - free - buffers - cached (shared memory counts as cache)"
_METRICS = {
    "cpuutilization": _Metric(quantity="cpu", unit="share", factor=0.01, definition="hypervisor"),
    "cpu_usage_active": _Metric(quantity="cpu", unit="share", factor=0.01, definition="100 - idle"),
    "mem_used_percent": _Metric(quantity="memory", unit="share", factor=0.01, definition=_AGENT_USED),
    "mem_used": _Metric(quantity="memory", unit="mib", factor=_MIB, definition=_AGENT_USED),
    "mem_available_percent": _Metric(quantity="memory", unit="share", factor=0.01, unused=True),
    "mem_available": _Metric(quantity="memory", unit="mib", factor=_MIB, unused=True),
    "procstat_cpu_usage": _Metric(quantity="cpu", unit="cores", factor=0.01, process=True),
    "procstat_memory_rss": _Metric(quantity="memory", unit="mib", factor=_MIB, process=True),
    "cpucreditbalance": _Metric(quantity="credit-balance", unit="credits"),
    "cpucreditusage": _Metric(quantity="credit-usage", unit="credits"),
}
_PID_COUNT = "procstat_pid_count"
_KNOWN_OTHERS = {"mem_total", _PID_COUNT, "cpusurpluscreditbalance", "cpusurpluscreditscharged"}
_STATISTICS = {
    "average": "average",
    "avg": "average",
    "mean": "average",
    "maximum": "maximum",
    "max": "maximum",
    "p100": "maximum",
}
_OTHER_STATISTICS = {"minimum", "min", "sum", "samplecount", "count", "p50", "p90", "p95", "p99"}


class _Points(Struct):
    """Points of one metric and statistic, gathered over pages."""

    name: str
    process: str
    statistic: str
    """average | maximum | other | "" (nothing said it)."""
    stamps: list[Any]
    """As the file has them: texts, where it is well made."""
    values: list[Any]
    identity: str = ""


def recognises(data: bytes) -> bool:
    """One of the two answers' own keys near the beginning, or near the end where the arrays come first."""
    ends = data[:4000] + data[-4000:]
    return data[:200].lstrip()[:1] == b"{" and (b'"MetricDataResults"' in ends or b'"Datapoints"' in ends)


def read(file: MetricFile) -> Reading:
    """Series of every metric that is known here; the others are named in a note."""
    reading = Reading()
    gathered: dict[tuple[str, str], _Points] = {}
    unknown: set[str] = set()
    for document in load_documents(file):
        if not isinstance(document, dict):
            continue
        queries = _queries(document)
        for points in [*_from_data(file, document, queries), *_from_statistics(file, document)]:
            if points.name not in _METRICS and points.name != _PID_COUNT:
                if points.name == "mem_total" and points.values:
                    reading.memory_total_mib = max(points.values) * _MIB
                elif points.name not in _KNOWN_OTHERS:
                    unknown.add(points.name)
                continue
            if points.statistic == "other":
                continue
            key = (f"{points.name} {points.process}", points.statistic or f"?{points.identity}")
            if key in gathered:
                gathered[key].stamps = [*gathered[key].stamps, *points.stamps]
                gathered[key].values = [*gathered[key].values, *points.values]
            else:
                gathered[key] = points
    if unknown:
        file.note(
            "metric-unknown",
            f"metrics that the sizing does not use: {', '.join(sorted(unknown))}",
            severity=Severity.NOTE,
        )
    reading.series += _series(file, gathered)
    return reading


def _queries(document: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Id -> (metric, process, statistic) where the request was saved beside the answer."""
    out = {}
    queries = document.get("MetricDataQueries")
    for query in queries if isinstance(queries, list) else []:
        stat = query.get("MetricStat") if isinstance(query, dict) else None
        metric = stat.get("Metric") if isinstance(stat, dict) else None
        if isinstance(stat, dict) and isinstance(metric, dict):
            dimensions = {d.get("Name"): d.get("Value") for d in metric.get("Dimensions", []) if isinstance(d, dict)}
            process = next(
                (str(dimensions[k]) for k in ("process_name", "exe", "pattern", "pidfile") if k in dimensions), ""
            )
            statistic = _STATISTICS.get(str(stat.get("Stat", "")).lower(), "other")
            out[str(query.get("Id"))] = (str(metric.get("MetricName", "")).lower(), process, statistic)
    return out


def _from_data(file: MetricFile, document: dict[str, Any], queries: dict[str, tuple[str, str, str]]) -> list[_Points]:
    out = []
    results = document.get("MetricDataResults")
    for result in results if isinstance(results, list) else []:
        if not isinstance(result, dict):
            continue
        stamps, values = result.get("Timestamps") or [], result.get("Values") or []
        if not (isinstance(stamps, list) and isinstance(values, list)):
            continue
        if len(stamps) != len(values):
            file.note(
                "metric-arrays-differ",
                f"{result.get('Id')}: {len(stamps)} time stamps but {len(values)} values; the shorter length is used",
            )
            stamps, values = stamps[: len(values)], values[: len(stamps)]
        if result.get("StatusCode") == "PartialData":
            file.note(
                "metric-partial",
                f"{result.get('Id')}: the answer says PartialData: another page was never fetched",
                hint="repeat the call with its NextToken, or through `migrate-analyze collect`",
            )
        identity = str(result.get("Id", ""))
        name, process, statistic = queries.get(identity) or _name(identity, str(result.get("Label", "")))
        out.append(_Points(name, process, statistic, stamps, values, identity))
    return out


def _from_statistics(file: MetricFile, document: dict[str, Any]) -> list[_Points]:
    points = document.get("Datapoints")
    if not isinstance(points, list):
        return []
    name, process, _ = _name("", str(document.get("Label", "")))
    columns: dict[str, tuple[list[Any], list[Any]]] = {}
    try:
        stamps = list(map(itemgetter("Timestamp"), points))
    except (KeyError, TypeError):
        points = [point for point in points if isinstance(point, dict) and "Timestamp" in point]
        stamps = [point["Timestamp"] for point in points]
    for statistic in ("Average", "Maximum"):
        try:
            columns[statistic.lower()] = (stamps, list(map(itemgetter(statistic), points)))
        except KeyError:
            having = [point for point in points if statistic in point]
            if having:
                columns[statistic.lower()] = ([p["Timestamp"] for p in having], [p[statistic] for p in having])
    if points and not columns:
        file.note("metric-statistic-unused", "neither Average nor Maximum in the data points; nothing to use")
    return [_Points(name, process, statistic, *columns[statistic]) for statistic in sorted(columns)] if points else []


def _name(identity: str, label: str) -> tuple[str, str, str]:
    """(metric, process, statistic) from the words of Label and Id, as a person or a script chose them."""
    label_words = re.findall(r"[A-Za-z_0-9.-]+", label)
    id_words = identity.lower().split("_")
    words = [word.lower() for word in label_words]
    metric = next((word for word in words if word in _METRICS or word in _KNOWN_OTHERS), "")
    if not metric:
        low = identity.lower()
        known = sorted((*_METRICS, *_KNOWN_OTHERS), key=len, reverse=True)
        metric = next((name for name in known if name in low), label or identity)
    statistic = next((_STATISTICS[word] for word in (*words, *id_words) if word in _STATISTICS), "")
    if not statistic and any(word in _OTHER_STATISTICS for word in (*words, *id_words)):
        statistic = "other"
    others = [
        word
        for word in label_words
        if word.lower() not in {metric, "cwagent", *_STATISTICS, *_OTHER_STATISTICS} and not word.startswith("i-")
    ]
    of_process = metric == _PID_COUNT or (metric in _METRICS and _METRICS[metric].process)
    process = " ".join(others) if of_process else ""
    return metric, process, statistic


def _series(file: MetricFile, gathered: dict[tuple[str, str], _Points]) -> list[Series]:
    by_metric: dict[str, list[tuple[str, Seconds, Floats, _Points]]] = defaultdict(list)
    counts = {points.process: points for points in gathered.values() if points.name == _PID_COUNT}
    stamps: Sequence[Any] = ()
    parsed: tuple[Seconds, Seconds] | None = None
    for (name, statistic), points in gathered.items():
        # the metrics of one answer usually share their stamps: comparing is cheaper than parsing
        if parsed is None or points.stamps != stamps:
            stamps, parsed = points.stamps, parse_stamps(points.stamps, file)
        times, values = parsed[0], _numbers(points.values, parsed[1])
        if points.name == _PID_COUNT:
            continue
        if points.process in counts and _METRICS[points.name].process and statistic != "maximum":
            values = values * _processes(file, counts[points.process], times)
        by_metric[name].append((statistic, times, values, points))
    out: list[Series | None] = []
    for name in sorted(by_metric):
        for statistic, times, values, points in _with_statistics(by_metric[name]):
            metric = _METRICS[points.name]
            out.append(
                make_series(
                    file,
                    times,
                    values * metric.factor,
                    quantity=metric.quantity,
                    unit=metric.unit,
                    statistic=statistic,
                    interval_s=usual_step(times) if len(times) else None,
                    process=points.process or (points.name if metric.process else ""),
                    definition="unused: total - available" if metric.unused else metric.definition,
                )
            )
    return [one for one in out if one is not None]


def _with_statistics(
    members: list[tuple[str, Seconds, Floats, _Points]],
) -> list[tuple[Statistic, Seconds, Floats, _Points]]:
    """Names the statistic of series that nobody labelled: of two, the one that is never lower is the maximum."""
    import numpy as np

    out: list[tuple[Statistic, Seconds, Floats, _Points]] = []
    unnamed = []
    for statistic, times, values, points in members:
        if statistic in ("average", "maximum"):
            out.append(("maximum" if statistic == "maximum" else "average", times, values, points))
        else:
            unnamed.append((times, values, points))
    unnamed.sort(key=lambda one: float(np.mean(one[1])) if len(one[1]) else 0.0)
    for index, (times, values, points) in enumerate(unnamed):
        highest = index and index == len(unnamed) - 1
        out.append(("maximum" if highest else "average", times, values, points))
    return out


def _processes(file: MetricFile, count: _Points, times_s: Seconds) -> Floats:
    """How many processes a datapoint of procstat speaks of: each is a value of its own, and Average is their mean."""
    import numpy as np

    counted, kept = parse_stamps(count.stamps, file)
    numbers = _numbers(count.values, kept)
    if not len(counted):
        return np.ones(len(times_s))
    order = np.argsort(counted, kind="stable")
    place = np.clip(np.searchsorted(counted[order], times_s, side="right") - 1, 0, len(order) - 1)
    out: Floats = np.maximum(np.nan_to_num(numbers[order][place], nan=1.0), 1.0)
    return out


def _numbers(values: Sequence[Any], kept: Seconds) -> Floats:
    import numpy as np

    try:
        numbers = np.frombuffer(array("d", values))
    except TypeError:
        numbers = np.array([v if isinstance(v, int | float) else np.nan for v in values], dtype=np.float64)
    return numbers[kept] if len(kept) < len(numbers) else numbers
