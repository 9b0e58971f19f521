"""CloudWatch's GetMetricStatistics in small: rounding of the start, retention, its limit, and both ways of aligning.

The rules are those of the API reference of GetMetricStatistics. Whether periods of a day are aligned with the clock or
with the request's start is not written there, so a test asks in both ways.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.infra.states_interpreter import ServiceError

DAY_S = 86_400
MAX_DATAPOINTS = 1440


@dataclass
class CloudWatch:
    """One metric; `ends` are the seconds at which it was counted, in order."""

    align: Literal["clock", "request"]
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ends: list[float] = field(default_factory=list)
    failures: int = 0
    """So many requests fail before one is answered."""

    def get_metric_statistics(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self.failures:
            self.failures -= 1
            raise ServiceError("CloudWatch.CloudWatchException", "Rate exceeded")
        start, end = seconds(request["StartTime"]), seconds(request["EndTime"])
        period = int(request["Period"])
        age_s = self.now.timestamp() - start
        coarse = 60 if age_s < 15 * DAY_S else 300 if age_s < 63 * DAY_S else 3600
        if period % coarse or start >= end:
            raise ServiceError("CloudWatch.InvalidParameterValueException", "Period or times")
        start = start // coarse * coarse
        if (end - start) / period > MAX_DATAPOINTS + 1:
            raise ServiceError("CloudWatch.InvalidParameterCombinationException", "more than 1,440 datapoints")
        origin = 0 if self.align == "clock" else start
        sums: dict[float, float] = {}
        for moment in self.ends[bisect_left(self.ends, start - period) : bisect_left(self.ends, end)]:
            bucket = origin + (moment - origin) // period * period
            if start <= bucket and moment < end and self.now.timestamp() - moment < 455 * DAY_S:
                sums[bucket] = sums.get(bucket, 0) + 1
        return {"Label": request["MetricName"], "Datapoints": points(sums)}


def points(sums: Mapping[float, float]) -> Sequence[dict[str, Any]]:
    return [
        {"Timestamp": datetime.fromtimestamp(at, UTC).isoformat(), "Sum": total, "Unit": "None"}
        for at, total in sums.items()
    ]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
