"""Fifty calm minutes of a real host: what its series say of each job beside what accounting and the job itself wrote down.

Nine jobs of known need on two CPUs, some always alone, some overlapping, two that always run side by side.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from analyzer.decide.sizing import signals
from analyzer.decide.sizing.attribution import Attribution, JobEstimate, attribute
from analyzer.decide.sizing.confidence import interval
from analyzer.decide.sizing.matching import match_runs
from analyzer.model import Host, Source
from analyzer.read.files import Tree
from analyzer.read.metrics import read_metrics
from analyzer.usage import HostUsage

CALM = Path(__file__).parents[2] / "fixtures" / "metrics" / "calm"


def truth() -> dict[str, tuple[float, float]]:
    """Job -> (mean CPU-seconds, highest peak of resident memory in MiB) as its own runs wrote them down."""
    found = defaultdict(list)
    with (CALM / "needs.csv").open() as file:
        for row in csv.DictReader(file):
            found[row["job"]].append((float(row["cpu_s"]), float(row["peak_rss_mib"])))
    return {name: (float(np.mean([c for c, _ in rows])), max(m for _, m in rows)) for name, rows in found.items()}


TRUTH = truth()


def usage_of(folder: Path, *metrics: str) -> HostUsage:
    for name, place in [*((name, "metrics") for name in metrics), ("syslog", "fs/var/log")]:
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).write_bytes((CALM / name).read_bytes())
    host = Host(name="app03", source=Source("inventory", 1), timezone="UTC", facts={"memtotal_mb": 6144})
    usage, problems = read_metrics(host, Tree(folder, "evidence/app03"))
    assert {problem.code for problem in problems} <= {"metric-interval-invalid"}
    return usage


def taken_apart(usage: HostUsage, monkeypatch: pytest.MonkeyPatch) -> tuple[Attribution, dict[str, JobEstimate]]:
    monkeypatch.setattr(signals, "SHORTEST_RECORD_S", 600)  # a real host must show a quarter of a day
    cpu = signals.cpu_signal(usage, usage.vcpus)
    memory = signals.memory_signal(usage, usage.memory_total_mib)
    assert cpu is not None
    found = attribute(cpu, memory, match_runs(usage, (), cpu, None), usage.vcpus)
    jobs = {one.job.split("job.py ")[1].split()[0]: one for one in found.jobs if "job.py" in one.job}
    return found, jobs


def off(estimate: JobEstimate, name: str) -> float:
    """Relative error of the CPU-seconds; two jobs known only together have one sum."""
    true = TRUTH["export"][0] + TRUTH["mail"][0] if name == "export" else TRUTH[name][0]
    return estimate.cpu_s / true - 1


def test_accounting_joined_by_pid_is_what_the_jobs_wrote_down(tmp_path):
    """The tree below each CMD line, children of `statements` included, within 3 %."""
    usage = usage_of(tmp_path, "sadf-10s.json.gz", "pacct.gz")
    seen = set()
    for runs in usage.runs:
        if "job.py" in runs.command:
            name = runs.command.split()[1]
            assert np.nanmean(runs.cpu_s) == pytest.approx(TRUTH[name][0], rel=0.03), name
            seen.add(name)
    assert seen == TRUTH.keys()


@pytest.mark.parametrize(
    ("series", "hidden"),
    [("sadf-10s.json.gz", {"queue"}), ("sadf-60s.json.gz", {"queue", "sync"})],
)
def test_the_host_series_alone_give_each_jobs_cpu(tmp_path, monkeypatch, series, hidden):
    """High is within 20 % of the accounting, the interval of medium covers it, and what nothing sets apart is low."""
    _, jobs = taken_apart(usage_of(tmp_path, series), monkeypatch)
    assert jobs.keys() == TRUTH.keys() - {"mail"}
    for name, one in jobs.items():
        if name in hidden or name == "export":
            assert one.labels.cpu == "low", name
        elif one.labels.cpu == "high":
            assert abs(off(one, name)) <= 0.2, name
        else:
            low, high = interval(one.cpu_s, one.cpu_error)
            assert one.labels.cpu == "medium"
            assert low <= TRUTH[name][0] <= high, name


def test_ten_seconds_tell_every_separable_job_within_12_percent(tmp_path, monkeypatch):
    """With labels that dare less than that: half an hour is little."""
    _, jobs = taken_apart(usage_of(tmp_path, "sadf-10s.json.gz"), monkeypatch)
    separable = {name: abs(off(one, name)) for name, one in jobs.items() if one.separability.separable}
    assert len(separable) == 7
    assert jobs["ledger"].labels.cpu == "high"
    assert max(separable.values()) <= 0.12


def test_two_jobs_that_always_run_side_by_side_are_one_sum(tmp_path, monkeypatch):
    """`export` and `mail` start and end together: 19.2 CPU-seconds in all, and neither gets a figure of its own."""
    _, jobs = taken_apart(usage_of(tmp_path, "sadf-10s.json.gz"), monkeypatch)
    one = jobs["export"]
    assert len(one.members) == 2
    assert one.cpu_s == pytest.approx(TRUTH["export"][0] + TRUTH["mail"][0], rel=0.1)
    assert any("only their sum is known" in reason for reason in one.labels.reasons)


@pytest.mark.parametrize("series", ["sadf-10s.json.gz", "sadf-60s.json.gz"])
def test_memory_that_is_called_seen_is_safe_for_what_the_job_held(tmp_path, monkeypatch, series):
    """The need covers the peak of every job, measured or assumed; 1508 MiB of `statements` are seen within 5 %."""
    _, jobs = taken_apart(usage_of(tmp_path, series), monkeypatch)
    for name, one in jobs.items():
        if one.memory.basis in ("clean", "overlap"):
            assert one.memory.need_mib >= TRUTH[name][1], name
    if series.startswith("sadf-10s"):
        assert jobs["statements"].memory.peak_mib == pytest.approx(TRUTH["statements"][1], rel=0.05)
        assert jobs["invoices"].memory.peak_mib == pytest.approx(TRUTH["invoices"][1], rel=0.05)


def test_the_api_keeps_the_load_that_jobs_in_every_minute_hide(tmp_path, monkeypatch):
    """Its load is 0.15 cores; with one-minute data `queue` and `sync` cover every minute, so it may not come out lower."""
    fine, _ = taken_apart(usage_of(tmp_path / "fine", "sadf-10s.json.gz"), monkeypatch)
    coarse, _ = taken_apart(usage_of(tmp_path / "coarse", "sadf-60s.json.gz"), monkeypatch)
    assert fine.api.cpu_mean == pytest.approx(0.15, abs=0.03)
    assert 0.15 <= coarse.api.cpu_mean <= 0.45
    assert coarse.api.cpu_peak >= 0.3


def test_with_accounting_every_figure_is_the_jobs_own(tmp_path, monkeypatch):
    """Measured CPU-seconds replace the estimates, with the label high; memory stays what the series show."""
    _, jobs = taken_apart(usage_of(tmp_path, "sadf-60s.json.gz", "pacct.gz"), monkeypatch)
    for name, one in jobs.items():
        if name != "export":
            assert one.labels.cpu == "high", name
            assert one.cpu_s == pytest.approx(TRUTH[name][0], rel=0.03), name
