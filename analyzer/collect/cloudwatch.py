"""CloudWatch's record of an instance at the finest period kept, in the form of `aws cloudwatch get-metric-data`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from analyzer.collect.aws import Aws

KEPT = ((60, 15), (300, 63), (3600, 455))
"""(period in s, days it is kept): docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html."""

FILES = {0: "metrics/cloudwatch.json.gz", 1: "metrics/cloudwatch-5min.json.gz", 2: "metrics/cloudwatch-1h.json.gz"}
"""Index in KEPT -> file: what is older, and kept at a coarser period, lies apart."""

POINTS_PER_CALL = 100_800
QUERIES_PER_CALL = 500
"""Limits of GetMetricData."""

_AGENT_METRICS = re.compile(
    r"mem_used_percent|mem_used|mem_total|mem_available|mem_available_percent|cpu_usage_active|procstat_cpu_usage|"
    r"procstat_memory_rss"
)
_PROCESS = ("process_name", "exe", "pattern", "pidfile")


class Metric(Struct, frozen=True, kw_only=True):
    """A metric of CloudWatch, and the shortest period at which it is recorded."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    finest_s: int = 60


def metrics_of(
    aws: Aws, region: str, instance: Mapping[str, Any], names: Sequence[str], namespace: str
) -> list[Metric]:
    """EC2's own metrics and the CloudWatch agent's (`namespace`), whatever dimensions it adds. Raises AwsError."""
    identity = str(instance["InstanceId"])
    own = (("InstanceId", identity),)
    detailed = instance.get("Monitoring", {}).get("State") == "enabled"
    found = [Metric(namespace="AWS/EC2", name="CPUUtilization", dimensions=own, finest_s=60 if detailed else 300)]
    if str(instance.get("InstanceType", "")).startswith("t"):
        found += [
            Metric(namespace="AWS/EC2", name=name, dimensions=own, finest_s=300)
            for name in ("CPUCreditBalance", "CPUCreditUsage")
        ]
    listed: list[Metric] = []
    for dimension, value in (("InstanceId", identity), *(("host", name) for name in names)):
        pages = aws.pages("cloudwatch", region, "list_metrics", Namespace=namespace,
                          Dimensions=[{"Name": dimension, "Value": value}])  # fmt: skip
        listed += [
            Metric(namespace=namespace, name=str(one["MetricName"]), dimensions=_dimensions(one))
            for page in pages
            for one in page.get("Metrics", ())
            if _AGENT_METRICS.fullmatch(str(one.get("MetricName")))
        ]
        if listed:
            break
    return found + _once(listed)


def _dimensions(metric: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(one["Name"]), str(one["Value"])) for one in metric.get("Dimensions", ())))


def _once(metrics: Sequence[Metric]) -> list[Metric]:
    """Of one metric under several sets of dimensions the smallest set; of each process one; of CPUs their total."""
    chosen: dict[tuple[str, str], Metric] = {}
    for metric in sorted(metrics, key=lambda one: (len(one.dimensions), one.dimensions)):
        dimensions = dict(metric.dimensions)
        if dimensions.get("cpu", "cpu-total") != "cpu-total":
            continue
        process = next((dimensions[key] for key in _PROCESS if key in dimensions), "")
        chosen.setdefault((metric.name, process), metric)
    return [chosen[key] for key in sorted(chosen)]


def segments(
    start: datetime, end: datetime, now: datetime, finest_s: int
) -> Iterator[tuple[int, int, datetime, datetime]]:
    """(index in KEPT, period, from, to): the window cut where CloudWatch keeps only a coarser period."""
    upper = end
    for index, (period_s, days) in enumerate(KEPT):
        kept_from = max(start, now - timedelta(days=days))
        kept_from = _floor(kept_from, max(period_s, 300)) if kept_from == start else _ceil(kept_from, 3600)
        if kept_from < upper:
            yield (index, max(period_s, finest_s), kept_from, upper)
            upper = kept_from
        if upper <= start:
            return


def _floor(moment: datetime, step_s: int) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp()) // step_s * step_s, UTC)


def _ceil(moment: datetime, step_s: int) -> datetime:
    return datetime.fromtimestamp(-(-int(moment.timestamp()) // step_s) * step_s, UTC)


def documents(
    aws: Aws,
    region: str,
    metrics: Sequence[Metric],
    start: datetime,
    end: datetime,
    now: datetime,
    points_per_call: int = POINTS_PER_CALL,
) -> dict[str, dict[str, Any]]:
    """File -> answer with the requests beside it, which tell metric, process and statistic. Raises AwsError."""
    out: dict[str, dict[str, Any]] = {}
    jobs: dict[tuple[int, int, datetime, datetime], list[dict[str, Any]]] = {}
    for number, metric in enumerate(metrics):
        for segment in segments(start, end, now, metric.finest_s):
            jobs.setdefault(segment, []).extend(_queries(number, metric, segment[1]))
    for (index, period_s, begin, finish), queries in sorted(jobs.items(), key=lambda job: job[0][:2]):
        document = out.setdefault(FILES[index], {"MetricDataQueries": [], "MetricDataResults": []})
        document["MetricDataQueries"] += queries
        for some in (queries[place : place + QUERIES_PER_CALL] for place in range(0, len(queries), QUERIES_PER_CALL)):
            document["MetricDataResults"] += _fetch(
                aws, region, some, (begin, finish), period_s * max(1, points_per_call // len(some))
            )
    return out


def _queries(number: int, metric: Metric, period_s: int) -> list[dict[str, Any]]:
    process = next((dict(metric.dimensions)[key] for key in _PROCESS if key in dict(metric.dimensions)), "")
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return [
        {
            "Id": f"m{number}_{stat.lower()}",
            "Label": " ".join(part for part in (metric.name, process, stat) if part),
            "MetricStat": {
                "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
                "Period": period_s,
                "Stat": stat,
            },
        }
        for stat in ("Average", "Maximum")
    ]


def _fetch(
    aws: Aws, region: str, queries: Sequence[Mapping[str, Any]], span: tuple[datetime, datetime], step_s: int
) -> list[dict[str, Any]]:
    """All points of the queries, in calls that each stay below the limit, pages joined."""
    results: dict[str, dict[str, Any]] = {}
    begin, finish = span
    while begin < finish:
        until = min(finish, begin + timedelta(seconds=step_s))
        pages = aws.pages("cloudwatch", region, "get_metric_data", MetricDataQueries=list(queries), StartTime=begin,
                          EndTime=until, ScanBy="TimestampAscending")  # fmt: skip
        for page in pages:
            for result in page.get("MetricDataResults", ()):
                kept = results.setdefault(
                    result["Id"], {"Id": result["Id"], "Label": result.get("Label", ""), "Timestamps": [], "Values": []}
                )
                kept["Timestamps"] += [moment.astimezone(UTC).isoformat() for moment in result.get("Timestamps", ())]
                kept["Values"] += list(result.get("Values", ()))
                kept["StatusCode"] = result.get("StatusCode", "Complete")
        begin = until
    return [results[query["Id"]] for query in queries if query["Id"] in results]
