"""Which part of a record counts: the latest, of bearable length, whatever else lies in the evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec.structs import replace
from simulator import DAY_S, Mode, evidence, simulate

from analyzer.decide.sizing import size_application
from analyzer.decide.sizing.signals import LONGEST_RECORD_S, MOST_BINS, cpu_signal, memory_signal
from analyzer.model import Ec2, Host, Process, Settings, Source, Via
from analyzer.usage import HostUsage, Series

USAGE, JOBS = evidence(simulate(777), Mode(step_s=300, ends=True))
SETTINGS = Settings(region="us-east-1")


def with_samples(usage: HostUsage, at_s: int, count: int = 1) -> HostUsage:
    """`count` more samples of every series, from `at_s` on."""

    def more(series: Series) -> Series:
        times = np.r_[at_s + np.arange(count) * series.interval_s, series.times_s]
        order = np.argsort(times, kind="stable")
        return replace(series, times_s=times[order], values=np.r_[np.full(count, 0.5), series.values][order])

    return replace(usage, series=tuple(more(one) for one in usage.series))


@pytest.mark.parametrize(("at_s", "count"), [(0, 1), (2**32, 1), (1780272000 - 700 * DAY_S, 1000)])
def test_stray_stamps_and_old_files_change_no_size(platform, at_s, count):
    """One sample of 1970 or 2106, or three days of two years ago, once made a grid of terabytes."""
    plain = size_application([USAGE], JOBS, [], [], SETTINGS, platform)
    found = size_application([with_samples(USAGE, at_s, count)], JOBS, [], [], SETTINGS, platform)
    assert found.task_definitions == plain.task_definitions
    said = next(problem for problem in found.problems if problem.code == "sizing-record-cut")
    assert f"the CPU of 2026-06-01 to 2026-06-15, at most a quarter of a year; {count} samples" in said.message


def test_of_a_year_the_latest_quarter_counts():
    """Fifty-two weeks of one-minute data would need gigabytes; three runs of a monthly job are in the last 92 days."""
    cpu = next(one for one in USAGE.series if one.quantity == "cpu")
    times = cpu.times_s[0] + np.arange(365 * 1440) * 60
    year = replace(cpu, interval_s=60, times_s=times, values=np.ones(len(times)))
    signal = cpu_signal(replace(USAGE, series=(year,)), None)
    assert signal.size * signal.step_s == LONGEST_RECORD_S
    assert signal.start_s + signal.size * signal.step_s == times[-1] + 60


def test_a_new_fortnight_counts_before_an_old_quarter(platform):
    """A host that was measured for 92 days last year and for 14 days now is sized by what it does now."""
    plain = size_application([USAGE], JOBS, [], [], SETTINGS, platform)
    begin_s = int(USAGE.series[0].times_s[0])
    old = with_samples(USAGE, begin_s - 365 * DAY_S, 92 * DAY_S // USAGE.series[0].interval_s)
    assert size_application([old], JOBS, [], [], SETTINGS, platform).task_definitions == plain.task_definitions


@pytest.mark.parametrize("interval_s", [10, 15, 25])
def test_a_month_of_fine_data_counts_in_full_and_in_longer_intervals(interval_s):
    """Thirty days every ten seconds are a quarter of a million bins; every second or third of them is enough."""
    cpu = next(one for one in USAGE.series if one.quantity == "cpu")
    times = cpu.times_s[0] + np.arange(30 * DAY_S // interval_s) * interval_s
    values = np.random.default_rng(1).random(len(times))
    memory = replace(cpu, quantity="memory", unit="mib", statistic="sample")
    series = [replace(one, interval_s=interval_s, times_s=times, values=values) for one in (cpu, memory)]
    usage = replace(USAGE, series=tuple(series))
    signal = cpu_signal(usage, None)
    beside = memory_signal(usage, None, beside=signal)
    for one in (signal, beside):
        assert 0.3 * MOST_BINS < one.size <= MOST_BINS
        assert one.days == pytest.approx(30, abs=0.01)
        assert one.values.mean() == pytest.approx(values.mean(), abs=1e-4)
    assert signal.left_out == 0
    assert beside.peaks.max() == values.max()


def test_a_change_of_clocks_within_the_record_shifts_the_hosts_day():
    """Clocks in Berlin are two hours ahead of UTC until 25 October 2026, 01:00 UTC, and one hour after that."""
    cpu = next(one for one in USAGE.series if one.quantity == "cpu")
    start_s = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp())
    moved = replace(cpu, times_s=cpu.times_s - cpu.times_s[0] + start_s)
    signal = cpu_signal(replace(USAGE, series=(moved,)), None, ZoneInfo("Europe/Berlin"))
    offsets = signal.local_s - signal.start_s - (np.arange(signal.size) + 0.5) * signal.step_s
    before = (np.arange(signal.size) + 0.5) * signal.step_s + start_s < datetime(
        2026, 10, 25, 1, tzinfo=UTC
    ).timestamp()
    assert (offsets[before] == 7200).all()
    assert (offsets[~before] == 3600).all()


def test_memory_counts_for_the_time_in_which_runs_are_known():
    """Two weeks of memory beside one week of CPU: what ran in the other week would be memory of nobody."""
    cpu, *memory = USAGE.series
    half = len(cpu.times_s) // 2
    week = replace(USAGE, series=(replace(cpu, times_s=cpu.times_s[half:], values=cpu.values[half:]), *memory))
    signal = cpu_signal(week, None)
    beside = memory_signal(week, None, beside=signal)
    assert abs(beside.start_s - signal.start_s) <= 300
    assert abs(beside.size - signal.size) <= 2


def test_one_day_that_holds_a_weekly_run_is_no_daily_run(platform):
    """`weekly-archive` ran on the seventh day: 4.3 runs a month by its schedule, not 30.4."""
    begin, end = USAGE.log_span_s[0] + 6 * DAY_S, USAGE.log_span_s[0] + 7 * DAY_S
    series = []
    for one in USAGE.series:
        inside = (one.times_s >= begin) & (one.times_s < end)
        series.append(replace(one, times_s=one.times_s[inside], values=one.values[inside]))
    found = size_application([replace(USAGE, series=tuple(series))], JOBS, [], [], SETTINGS, platform)
    weekly = next(one for one in found.jobs if one.job == "weekly-archive")
    assert (found.footprints["weekly-archive"].runs, weekly.runs_a_month) == (1, 4.3)
    assert "differs too much from run to run" not in found.footprints["weekly-archive"].basis


def test_a_size_of_the_reviewer_that_is_too_small_is_said_with_what_it_lacks(platform):
    """The words of the definition are those of the chosen size; the sums of the batches too."""
    answers = {"size:batch_heavy": "512/1024", "size:api": "256/512"}
    found = size_application([USAGE], JOBS, [], [], replace(SETTINGS, answers=answers), platform)
    said = [problem.message for problem in found.problems if problem.code == "size-too-small"]
    assert any(one.startswith("api on 0.25 vCPU / 0.5 GiB has only 0.25 vCPU of ") for one in said)
    assert any("batch_heavy on 0.5 vCPU / 1 GiB has only 1024 MiB of the " in one for one in said)
    heavy = next(one for one in found.task_definitions if one.name == "batch_heavy")
    assert "The next cheaper size" not in heavy.basis
    of_jobs = sum(one.monthly_usd for one in found.jobs if one.job_class == "heavy")
    assert of_jobs == pytest.approx(heavy.monthly_usd, abs=0.01 * len(heavy.jobs))


def test_an_api_that_is_larger_than_fargate_is_said(platform):
    """Two hundred cores are no task."""
    large = replace(USAGE, vcpus=512.0, series=tuple(replace(one, values=one.values * 100) for one in USAGE.series))
    found = size_application([large], JOBS, [], [], SETTINGS, platform)
    said = next(problem for problem in found.problems if problem.code == "size-too-small")
    assert said.message.startswith("api on 32 vCPU / 244 GiB has only 32 vCPU of ")


def test_no_parting_of_the_batches_costs_less_than_each_alone(platform):
    """Batches that nothing was seen of cost there what they cost in the plan."""
    for usage in (USAGE, replace(USAGE, series=()), replace(USAGE, runs=USAGE.runs[:3])):
        found = size_application([usage], JOBS, [], [], SETTINGS, platform)
        costs = {one.name: one.monthly_usd for one in found.costs}
        assert costs["fargate-each-batch-alone"] <= costs["fargate-right-sized"] + 0.01
        if not usage.series:
            assert costs["fargate-each-batch-alone"] == pytest.approx(costs["fargate-right-sized"], abs=0.01)


def test_hosts_of_several_types_are_counted_each(platform):
    """Two t3.large and an m5.xlarge, and a task in the size of each."""
    hosts = [
        Host(name=f"web{number}", source=Source("inventory", number), ec2=Ec2(source=Source("d"), instance_type=kind))
        for number, kind in enumerate(("t3.large", "t3.large", "m5.xlarge"), 1)
    ]
    costs = {one.name: one for one in size_application([], JOBS, [], hosts, SETTINGS, platform).costs}
    assert costs["ec2-now"].basis.startswith("1 x m5.xlarge, 2 x t3.large on demand in us-east-1")
    assert "2 x 2 vCPU / 8 GiB" in costs["fargate-as-it-is"].basis
    assert "1 x 4 vCPU / 16 GiB" in costs["fargate-as-it-is"].basis


def test_a_process_beside_the_api_is_told_when_the_chosen_size_is_too_small(platform):
    """Its own series need 1.1 GiB and a margin; the reviewer chose half a GiB, and reads both."""
    cpu = next(one for one in USAGE.series if one.quantity == "cpu")
    own = [
        replace(cpu, process="worker", values=np.full(len(cpu.times_s), 0.1)),
        replace(
            cpu, process="worker", quantity="memory", unit="mib", statistic="sample", values=cpu.values * 0 + 1126.4
        ),
    ]
    worker = Process(name="worker", source=Source("worker.service", 3), command=("/srv/worker",), via=Via(rule=None))
    settings = replace(SETTINGS, answers={"size:worker": "256/512"})
    found = size_application([replace(USAGE, series=(*USAGE.series, *own))], JOBS, [worker], [], settings, platform)
    said = [problem.message for problem in found.problems if problem.code == "size-too-small"]
    assert said == ["worker on 0.25 vCPU / 0.5 GiB has only 512 MiB of 1239"]
    definition = next(one for one in found.task_definitions if one.name == "worker")
    assert definition.basis.startswith("a reviewer chose it; seen: highest of its own series")


def test_runs_in_gaps_of_the_metrics_are_no_runs_without_load(platform):
    """Without five of fourteen days of metrics a nightly job keeps its CPU time, and nine runs are counted."""
    usage, jobs = evidence(simulate(777), Mode(step_s=300, ends=False))
    begin_s = usage.series[0].times_s[0]
    series = []
    for one in usage.series:
        gap = (one.times_s - begin_s) // DAY_S
        kept = (gap < 3) | ((gap >= 7) & (gap != 9))
        series.append(replace(one, times_s=one.times_s[kept], values=one.values[kept]))
    whole = size_application([usage], jobs, [], [], SETTINGS, platform).footprints["nightly-close"]
    found = size_application([replace(usage, series=tuple(series))], jobs, [], [], SETTINGS, platform)
    assert (whole.runs, found.footprints["nightly-close"].runs) == (14, 9)
    assert found.footprints["nightly-close"].cpu_s == pytest.approx(whole.cpu_s, rel=0.15)


@pytest.mark.parametrize(
    ("quantity", "code", "words"),
    [
        ("cpu", "sizing-no-cpu-series", "its CPU is in percent, and nothing says how many CPUs it has"),
        ("memory", "sizing-no-memory-total", "its memory is in percent, and nothing says how much it has"),
    ],
)
def test_percent_of_nothing_known_is_told(platform, quantity, code, words):
    """The problem names what to add, and no footprint says that a job was not seen."""
    series = tuple(replace(one, unit="share") if one.quantity == quantity else one for one in USAGE.series)
    bare = replace(USAGE, series=series, vcpus=None, memory_total_mib=None)
    found = size_application([bare], JOBS, [], [], SETTINGS, platform)
    said = next(problem for problem in found.problems if problem.code == code)
    assert words in said.message
    assert "facts.json" in said.hint
    expected = "no CPU metrics tell what it needs" if quantity == "cpu" else "no memory metrics"
    assert expected in found.footprints["nightly-close"].basis
    assert "/usr/bin/time -v" in found.footprints["nightly-close"].advice
    heavy = next(one for one in found.task_definitions if one.name == "batch_heavy")
    assert "needs 900 MiB" not in heavy.basis


def test_a_host_without_a_cron_log_is_told(platform):
    """Schedules stand for runs, and the reader knows."""
    found = size_application([replace(USAGE, runs=(), log_span_s=None)], JOBS, [], [], SETTINGS, platform)
    said = [problem.message for problem in found.problems if problem.code == "sizing-no-cron-log"]
    assert said == [f"{USAGE.host}: no cron log shows when jobs ran: every firing of their schedules counts as a run"]
