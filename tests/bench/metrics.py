"""How fast metrics are read and a host is taken apart: `make bench`.

JSON formats beside `orjson.loads` on the same bytes (goal: at least half its speed), the text formats for comparison, and
one host with 14 days of one-minute data and fifteen jobs from series to sizes (goal: under 3 s). CPU time of this process,
the best of some rounds: other work on the machine must not decide.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

sys.path.insert(0, str(Path(__file__).parents[1] / "sizing"))

from simulator import Mode, evidence, simulate

from analyzer.decide.platform import load_platform
from analyzer.decide.sizing import size_application
from analyzer.model import Settings, Source
from analyzer.read.metrics import METRIC_FORMATS
from analyzer.read.metrics.reading import MetricFile
from analyzer.resources import rule_texts

START_S = 1795392000
YEAR, QUARTER = 365 * 1440, 91 * 1440
"""Minutes."""
ROUNDS = 5
GOAL_SHARE, GOAL_S = 0.5, 3.0
HOSTS = 10
CPU_ROW = {"cpu": "all", "user": 8.18, "nice": 0.0, "system": 25.35, "iowait": 0.2, "steal": 5.79, "idle": 60.48}
MEMORY_ROW = {
    "memfree": 21335992, "avail": 24115380, "memused": 222652, "memused-percent": 0.9, "buffers": 95340, "cached": 2699540,
    "commit": 407192, "commit-percent": 1.65, "active": 607612, "inactive": 2269844, "dirty": 606100,
}  # fmt: skip


def stamps(count: int) -> list[str]:
    """One a minute."""
    return np.datetime_as_string(np.datetime64(START_S, "s") + np.arange(count) * 60).tolist()


def metric_data(count: int) -> dict[str, object]:
    """CPU, and memory as average and maximum; newest first."""
    times = [f"{stamp}+00:00" for stamp in stamps(count)][::-1]
    values = np.random.default_rng(1).random((3, count)) * 90
    labels = ("CPUUtilization Average", "mem_used_percent Average", "mem_used_percent Maximum")
    results = [
        {"Id": f"m{i}", "Label": label, "Timestamps": times, "Values": values[i].tolist(), "StatusCode": "Complete"}
        for i, label in enumerate(labels)
    ]
    return {"MetricDataResults": results, "Messages": []}


def metric_statistics(count: int) -> bytes:
    """One object a point."""
    values = np.random.default_rng(2).random(count) * 90
    points = [
        {"Timestamp": f"{stamp}Z", "Average": value, "Maximum": value + 1, "Unit": "Percent"}
        for stamp, value in zip(stamps(count), values.tolist(), strict=True)
    ]
    return orjson.dumps({"Datapoints": points, "Label": "CPUUtilization"})


def sadf(count: int) -> bytes:
    """`sadf -j -- -u -r`."""
    records = [
        {
            "timestamp": {"date": stamp[:10], "time": stamp[11:], "utc": 1, "interval": 60},
            "cpu-load": [CPU_ROW],
            "memory": MEMORY_ROW,
        }
        for stamp in stamps(count)
    ]
    return orjson.dumps({"sysstat": {"hosts": [{"nodename": "a", "number-of-cpus": 2, "statistics": records}]}})


def csv(count: int) -> bytes:
    """Two columns of values."""
    values = np.random.default_rng(3).random((count, 2)).round(4).tolist()
    rows = [f"{stamp}Z,{cpu},{memory}" for stamp, (cpu, memory) in zip(stamps(count), values, strict=True)]
    return "\n".join(["time,cpu_percent,memory_percent", *rows, ""]).encode()


def cpu_s(action: Callable[[], object]) -> float:
    """The shortest of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        action()
        took.append(time.process_time() - began)
    return min(took)


def read(data: bytes) -> None:
    """As `read_metrics` does with one file."""
    kind = next(one for one in METRIC_FORMATS if one.recognises(data))
    reading = kind.read(MetricFile(source=Source("bench", 1), data=data, timezone="UTC"))
    if not reading.series:
        sys.exit(f"nothing read as {kind.name}")


def main() -> None:
    """Print the table."""
    year = metric_data(YEAR)
    samples = {
        "get-metric-data, a year": orjson.dumps(year),
        "the same, indented": json.dumps(year, indent=4).encode(),
        "get-metric-statistics": metric_statistics(QUARTER),
        "sadf -j": sadf(QUARTER),
        "csv": csv(QUARTER),
    }
    del year
    print("metrics              file       MB | read MB/s | orjson MB/s | share of its speed")
    for name, data in samples.items():
        mine = cpu_s(lambda data=data: read(data))
        size = len(data) / 1e6
        words = f"{name:24s} {size:9.1f} | {size / mine:9.0f} | "
        if data[:1] == b"{":
            theirs = cpu_s(lambda data=data: orjson.loads(data))
            share = theirs / mine
            words += f"{size / theirs:11.0f} | {share:.2f} {'met' if share >= GOAL_SHARE else 'missed'}"
        print(words)
        if name.startswith("get-metric-data"):
            year_s = mine
    print(f"a year of one-minute data of {HOSTS} hosts, three metrics each: {HOSTS * year_s:.1f} s")
    platform = load_platform(rule_texts())[0]
    usage, jobs = evidence(simulate(1, everything=True), Mode(step_s=60, ends=True))
    jobs = jobs[:15]
    took = cpu_s(lambda: size_application([usage], jobs, [], [], Settings(region="us-east-1"), platform))
    print(
        f"one host, 14 days of one-minute data, {len(jobs)} jobs, {sum(len(one.starts_s) for one in usage.runs)} runs: "
        f"{took:.2f} s; goal {GOAL_S:.0f} s: {'met' if took < GOAL_S else 'missed'}"
    )


if __name__ == "__main__":
    main()
