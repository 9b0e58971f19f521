"""Known hosts are taken apart into what they were made of."""

from __future__ import annotations

import numpy as np
import pytest
import simulator
from msgspec.structs import replace

from analyzer.decide.sizing import Sizing, size_application
from analyzer.model import Ec2, Host, Settings, Source
from analyzer.usage import HostUsage, Measurement, Series

SEED = 9001


@pytest.fixture(scope="module")
def truth() -> simulator.Truth:
    return simulator.simulate(SEED)


def sized(usage: HostUsage, jobs: tuple, platform, **answers: object) -> Sizing:
    return size_application([usage], jobs, [], [], Settings(region="us-east-1", answers=answers), platform)


def said(sizing: Sizing) -> dict[str, tuple]:
    return {
        job: (one.cpu_s, one.memory_mib, one.cpu_confidence, one.memory_confidence)
        for job, one in sizing.footprints.items()
    } | {one.name: (one.cpu, one.memory) for one in sizing.task_definitions}


def mean_cpu(truth: simulator.Truth, name: str) -> float:
    index = next(i for i, one in enumerate(truth.workloads) if one.name == name)
    return float(np.mean([run.cpu_s for run in truth.runs if run.workload == index]))


@pytest.fixture(scope="module")
def whole(truth, platform) -> Sizing:
    """One-minute data with the ends of runs."""
    return sized(*simulator.evidence(truth, simulator.Mode(step_s=60, ends=True)), platform)


@pytest.fixture(scope="module")
def without_ends(truth, platform) -> Sizing:
    """One-minute data with starts only."""
    return sized(*simulator.evidence(truth, simulator.Mode(step_s=60, ends=False)), platform)


def test_what_is_called_high_is_within_twenty_percent(truth, whole):
    """One-minute data with the ends of runs; at least four jobs of that host deserve the label."""
    sizing = whole
    high = [name for name, one in sizing.footprints.items() if one.cpu_confidence == "high"]
    assert len(high) >= 4
    for name in high:
        assert sizing.footprints[name].cpu_s == pytest.approx(mean_cpu(truth, name), rel=0.2), name


def test_without_ends_nothing_is_called_high(without_ends):
    """The duration is an estimate, so all that follows from it is one."""
    sizing = without_ends
    labels = {label for one in sizing.footprints.values() for label in (one.cpu_confidence, one.memory_confidence)}
    assert "high" not in labels
    assert "medium" in labels


def test_a_gap_is_no_load(truth, whole, platform):
    """Three percent of the points and eight hours missing move a heavy job by a few percent at most."""
    torn = sized(*simulator.evidence(truth, simulator.Mode(step_s=60, ends=True, gaps=True)), platform)
    for name, one in whole.footprints.items():
        if one.cpu_confidence == "high" and one.cpu_s > 60:
            assert torn.footprints[name].cpu_s == pytest.approx(one.cpu_s, rel=0.1), name
    assert {t.name: t.memory for t in torn.task_definitions} == {t.name: t.memory for t in whole.task_definitions}


def test_the_order_of_series_jobs_and_runs_changes_nothing(truth, platform):
    """Nothing depends on how the evidence was listed."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=True))
    other = replace(usage, series=usage.series[::-1], runs=usage.runs[::-1])
    assert said(sized(usage, jobs, platform)) == said(sized(other, jobs[::-1], platform))


def test_a_measured_run_replaces_the_estimate(truth, whole, platform):
    """`time -v` of a job that no sample ever met gives its memory, and the label rises from low."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=60, ends=True))
    name = next(n for n, one in whole.footprints.items() if one.memory_mib is None and one.runs > 3)
    by_hand = Measurement(
        command=f"/srv/app/bin/{name}", cpu_s=3.5, elapsed_s=9.0, memory_mib=123.0, source=usage.runs[0].source
    )
    after = sized(replace(usage, measurements=(by_hand,)), jobs, platform).footprints[name]
    assert (after.memory_mib, after.memory_confidence, after.cpu_s) == (123, "medium", 3.5)
    assert "time -v" in after.basis


def test_accounting_makes_the_cpu_exact(truth, platform):
    """Measured CPU-seconds are reported as they are, with the label high."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=False))
    runs = tuple(
        replace(one, cpu_s=np.full(len(one.starts_s), 42.0), measured_by=("process accounting",)) for one in usage.runs
    )
    sizing = sized(replace(usage, runs=runs), jobs, platform)
    single = [one for one in sizing.footprints.values() if one.runs >= 3 and "together with" not in one.basis]
    assert single
    assert {one.cpu_s for one in single} == {42.0}
    assert {one.cpu_confidence for one in single} == {"high"}


def test_advice_names_the_command_that_would_raise_a_low_label(whole):
    """Each low label comes with what to do."""
    for name, one in whole.footprints.items():
        if one.confidence == "low":
            assert f"/usr/bin/time -v sh -c /srv/app/bin/{name}" in one.advice


def test_no_metrics_give_assumed_sizes_and_questions(truth, platform):
    """Three task definitions stand there all the same, each labelled, each asked about."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=60, ends=True))
    sizing = sized(replace(usage, series=()), jobs, platform)
    assert [one.name for one in sizing.task_definitions] == ["api", "batch_heavy", "batch_light"]
    assert sizing.task_definitions[0].assumed
    assert {question.id for question in sizing.questions} >= {"size:api", "size:batch_light"}
    assert {one.confidence for one in sizing.footprints.values()} == {"none"}


def test_a_reviewers_size_and_class_are_obeyed(truth, platform):
    """`size:` takes CPU units and MiB, `class:` a class; an illegal pair is not obeyed."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=True))
    name = jobs[0].id
    sizing = sized(
        usage, jobs, platform, **{"size:api": "4096/8192", "size:batch_light": "1/1", f"class:{name}": "heavy"}
    )
    sizes = {one.name: (one.cpu, one.memory) for one in sizing.task_definitions}
    assert sizes["api"] == (4096, 8192)
    assert sizes["batch_light"] != (1, 1)
    assert sizing.classes[name] == "heavy"


def test_a_host_held_down_by_credits_is_said(truth, platform):
    """Demand is censored there."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=True))
    times = usage.series[0].times_s
    balance = Series(
        quantity="credit-balance", unit="credits", statistic="average", interval_s=300, times_s=times,
        values=np.zeros(len(times)), source=usage.series[0].source,
    )  # fmt: skip
    sizing = sized(replace(usage, series=(*usage.series, balance)), jobs, platform)
    assert "sizing-credits-exhausted" in {problem.code for problem in sizing.problems}
    assert "high" not in {one.cpu_confidence for one in sizing.footprints.values()}


@pytest.mark.parametrize(("kind", "asked"), [("t3.large", True), ("t4g.small", True), ("m5.large", False)])
def test_a_burstable_host_without_its_credits_is_asked_for_them(truth, platform, kind, asked):
    """Only the balance tells whether the host was held down to its baseline."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=True))
    ec2 = Ec2(source=Source("ec2.json", 1), instance_type=kind)
    host = Host(name=usage.host, source=Source("inventory", 1), ec2=ec2)
    sizing = size_application([usage], jobs, [], [host], Settings(region="us-east-1"), platform)
    assert ("sizing-credits-unknown" in {problem.code for problem in sizing.problems}) is asked


def test_jobs_that_always_start_together_are_known_only_together(without_ends):
    """Without ends two jobs at midnight are one regressor; both carry the sum and name each other."""
    close, dump = without_ends.footprints["nightly-close"], without_ends.footprints["database-dump"]
    assert close.cpu_s == dump.cpu_s
    assert "database-dump" in close.basis
    assert close.confidence == dump.confidence == "low"


@pytest.mark.parametrize("hours", [-9, 1, 9])
def test_a_log_in_another_zone_than_the_metrics_is_refused(truth, platform, hours):
    """The offset is named and nothing is attributed."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=True))
    shifted = tuple(
        replace(one, starts_s=one.starts_s - hours * 3600, ends_s=one.ends_s - hours * 3600) for one in usage.runs
    )
    sizing = sized(replace(usage, runs=shifted), jobs, platform)
    problem = next(one for one in sizing.problems if one.code == "sizing-clocks-differ")
    assert f"{abs(hours)} h {'later' if hours > 0 else 'earlier'}" in problem.message
    assert sizing.task_definitions[0].assumed


@pytest.mark.parametrize("hours", [0, -9, 9])
def test_a_log_without_ends_in_another_zone_is_told_but_not_refused(truth, platform, hours):
    """Any load may begin beside a start by chance: a warning, and the figures stay."""
    usage, jobs = simulator.evidence(truth, simulator.Mode(step_s=300, ends=False))
    shifted = tuple(replace(one, starts_s=one.starts_s - hours * 3600) for one in usage.runs)
    sizing = sized(replace(usage, runs=shifted), jobs, platform)
    said = [one.message for one in sizing.problems if one.code == "sizing-clocks-differ"]
    assert len(said) == (1 if hours else 0)
    assert all("the clocks of log and metrics may differ" in one for one in said)
    assert not sizing.task_definitions[0].assumed


def test_every_size_names_the_evidence_behind_it(whole):
    """Provenance leads from a task definition to the metrics and the log."""
    files = {source.file for one in whole.task_definitions for via in one.via for source in via.sources}
    assert files == {"evidence/sim01/metrics/simulated.json", "evidence/sim01/fs/var/log/syslog"}
