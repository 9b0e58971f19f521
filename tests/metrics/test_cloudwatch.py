"""CloudWatch's two answers and their traps."""

from __future__ import annotations

import gzip

import numpy as np
import orjson
import pytest

START_S = 1795392000
"""2026-11-23T00:00:00Z."""


def stamp(index: int, step: int = 60, zone: str = "+00:00") -> str:
    return str(np.datetime64(START_S + index * step, "s")) + zone


def data(*results: dict, **more: object) -> bytes:
    return orjson.dumps({"MetricDataResults": list(results), "Messages": [], **more})


def result(identity: str, label: str, values: list[float], first: int = 0, step: int = 60, **more: object) -> dict:
    """Newest first, as the service answers by default."""
    stamps = [stamp(first + index, step) for index in range(len(values))]
    return {
        "Id": identity,
        "Label": label,
        "Timestamps": stamps[::-1],
        "Values": values[::-1],
        "StatusCode": "Complete",
        **more,
    }


def test_values_come_newest_first_and_stamps_are_the_start_of_the_period(read, pick):
    """CPUUtilization is percent of all vCPUs."""
    usage, problems = read({"cw.json": data(result("m1", "CPUUtilization", [10.0, 20.0, 30.0]))}, processor_vcpus=2)
    cpu = pick(usage, "cpu")
    assert problems == ()
    assert (cpu.times_s.tolist(), cpu.interval_s) == ([START_S, START_S + 60, START_S + 120], 60)
    assert cpu.values.tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_pages_that_repeat_an_id_are_one_series(read, pick):
    """A page in its own file, or two documents in one file, even where they overlap."""
    first = data(result("m1", "CPUUtilization", [10.0, 20.0]), NextToken="x")
    second = data(result("m1", "CPUUtilization", [20.0, 30.0], first=1))
    for files in ({"1.json": first, "2.json": second}, {"both.json": first + b"\n" + second}):
        usage, problems = read(files, processor_vcpus=2)
        assert problems == ()
        assert pick(usage, "cpu").values.tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_average_and_maximum_are_told_by_label_id_or_by_which_is_never_lower(read, pick):
    """The answer does not name the statistic; a saved request does."""
    high, low = [50.0, 60.0, 70.0], [40.0, 50.0, 60.0]
    by_id = data(result("mem_avg", "mem_used_percent", low), result("mem_max", "mem_used_percent", high))
    by_label = data(result("a", "mem_used_percent Average", low), result("b", "mem_used_percent Maximum", high))
    by_value = data(result("q1", "mem_used_percent", high), result("q2", "mem_used_percent", low))
    for answer in (by_id, by_label, by_value):
        usage, _ = read({"cw.json": answer}, memtotal_mb=1000)
        assert pick(usage, "memory", "average").values.tolist() == pytest.approx([400, 500, 600])
        assert pick(usage, "memory", "maximum").values.tolist() == pytest.approx([500, 600, 700])


def test_get_metric_statistics_is_unordered_and_has_only_the_requested_statistics(read, pick):
    """`Z` and boto3's own spelling of a stamp are both UTC."""
    points = [
        {"Timestamp": "2026-11-23T00:05:00Z", "Average": 20.0, "Maximum": 44.79, "Unit": "Percent"},
        {"Timestamp": "2026-11-23 00:00:00+00:00", "Average": 10.0, "Maximum": 12.0, "Unit": "Percent"},
    ]
    answer = orjson.dumps({"Datapoints": points, "Label": "CPUUtilization"})
    usage, problems = read({"cw.json.gz": gzip.compress(answer)}, processor_vcpus=1)
    assert problems == ()
    assert pick(usage, "cpu", "average").times_s.tolist() == [START_S, START_S + 300]
    assert pick(usage, "cpu", "maximum").values.tolist() == pytest.approx([0.12, 0.4479])


def test_without_the_number_of_cpus_percent_stays_a_share(read, pick):
    """Nothing is guessed: the sizing may know the instance type."""
    usage, _ = read({"cw.json": data(result("m1", "CPUUtilization", [10.0, 20.0]))})
    assert pick(usage, "cpu").unit == "share"


def test_procstat_is_percent_of_one_core_of_a_named_process(read, pick):
    """250 is 2.5 cores, whatever the host has."""
    answer = data(result("p1", "puma procstat_cpu_usage", [250.0, 100.0]))
    usage, _ = read({"cw.json": answer}, processor_vcpus=8)
    assert pick(usage, "cpu", process="puma").values.tolist() == [2.5, 1.0]


def test_partial_data_and_unequal_arrays_are_problems(read, pick):
    """What is there is used."""
    torn = result("m1", "CPUUtilization", [10.0, 20.0, 30.0], StatusCode="PartialData")
    torn["Values"] = torn["Values"][:2]
    usage, problems = read({"cw.json": data(torn)}, processor_vcpus=1)
    assert set(problems) == {"metric-arrays-differ", "metric-partial"}
    assert pick(usage, "cpu").values.tolist() == pytest.approx([0.2, 0.3])


def test_twelve_points_at_one_instant_are_their_mean_with_a_problem(read, pick):
    """Stamps that went through a local clock repeat the hour of the clock change."""
    answer = result("m1", "CPUUtilization", [10.0, 30.0])
    answer["Timestamps"] = [stamp(0), stamp(0)]
    usage, problems = read({"cw.json": data(answer)}, processor_vcpus=1)
    assert problems == ("metric-duplicate",)
    assert pick(usage, "cpu").values.tolist() == pytest.approx([0.2])


@pytest.mark.parametrize(
    "broken",
    [
        b"{}",
        b'{"MetricDataResults": 7}',
        b'{"MetricDataResults": [null, 3, {"Id": "a"}]}',
        b'{"MetricDataResults": [{"Id": "a", "Label": "CPUUtilization", "Timestamps": ["x"], "Values": ["y"]}]}',
        b'{"MetricDataResults": [{"Id": "a", "Label": "CPUUtilization", "Timestamps": [1], "Values": [null]}]}',
        b'{"Datapoints": [{"Timestamp": null, "Average": []}, 5], "Label": 3}',
        b'{"sysstat": {"hosts": [{"statistics": [{}, {"timestamp": {}}, 3]}]}}',
        b'{"sysstat": {"hosts": [{"number-of-cpus": "2", "statistics": [{"timestamp": {"date": "x", "time": "y"}}]}]}}',
        b'{"sysstat": {"hosts": [{"statistics": [{"timestamp": {"date": "x", "time": "y", "interval": null}}]}]}}',
        b'{"sysstat": []}',
        b'{"sysstat": {"hosts": [{"statistics": [[[[[[',
        b"# hostname;interval;timestamp;CPU;%idle\napp;x;y;-1;z\n",
        b"Linux 6 (a) \tnever \t_x86_64_\t(2 CPU)\n\n00:00:01 CPU %idle\n00:00:02 all 3\n",
        b"# Time UID PID %CPU Command\nnoon 0 1 3 x\n",
        b"RESET\nCPU a 1 2026/01/01 00:00:00 10 x y\nPRG a 1 2026/01/01 00:00:00 10 1 (a\n",
        b"\x00\x03" + b"\xff" * 62,
        b'Command being timed: "x"\n',
        b"time,cpu\n,,,\nx,y\n",
        b'time,cpu\n"2026',
    ],
)
def test_hostile_files_give_problems_never_tracebacks(read, broken):
    """Whatever is wrong inside, reading goes on."""
    usage, _ = read({"x.json": broken})
    assert all(np.isfinite(series.values).all() for series in usage.series)
