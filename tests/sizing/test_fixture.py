"""The demo project's host against the truth that its generator wrote down."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from analyzer.decide.sizing import Sizing, size_application
from analyzer.decide.sizing.matching import OTHER
from analyzer.model import Host, Job, Settings, Source, Via
from analyzer.read.files import Tree
from analyzer.read.metrics import read_metrics

FIXTURE = Path(__file__).parents[2] / "fixtures" / "accounting"
TRUTH = json.loads((FIXTURE / "truth.json").read_text())


@pytest.fixture(scope="module")
def sizing(platform) -> Sizing:
    host = Host(name="acct01", source=Source("inventory", 1), timezone="Asia/Tokyo")
    usage, problems = read_metrics(host, Tree(FIXTURE / "evidence" / "acct01", "evidence/acct01"))
    assert problems == ()
    jobs = [
        Job(
            id=name, sources=(Source("crontab", 1),), via=Via(rule=None), user=one["user"], schedule=one["schedule"],
            timezone="Asia/Tokyo", enabled=True, command=one["command"].replace("%", r"\%"), outcome="schedule", reason="",
        )
        for name, one in TRUTH["jobs"].items()
    ]  # fmt: skip
    return size_application([usage], jobs, [], [host], Settings(region="ap-northeast-1"), platform)


def test_high_and_medium_estimates_of_the_fixture_are_near_its_truth(sizing):
    """CPU-seconds of `high` within 20 %, of `medium` in the interval; memory of `high` within 20 % or 64 MiB."""
    labels = []
    for name, one in TRUTH["jobs"].items():
        said = sizing.footprints[name]
        labels.append(said.cpu_confidence)
        if said.cpu_confidence == "high":
            assert said.cpu_s == pytest.approx(one["cpu_s"]["mean"], rel=0.2), name
        if said.cpu_confidence in ("high", "medium"):
            assert said.cpu_interval[0] <= one["cpu_s"]["mean"] <= said.cpu_interval[1], name
        if said.memory_confidence == "high":
            assert said.memory_mib == pytest.approx(one["memory_mib"]["max"], rel=0.2, abs=64), name
    assert labels.count("high") >= 7


def test_every_batch_of_the_fixture_fits_where_it_is_put(sizing):
    """No size is below a job's true peak, and the closing needs two vCPUs."""
    sizes = {one.name: one for one in sizing.task_definitions}
    for name, one in TRUTH["jobs"].items():
        assert one["memory_mib"]["max"] <= sizes[f"batch_{sizing.classes[name]}"].memory, name
    assert sizing.classes["nightly_close"] == "heavy"
    assert sizes["batch_heavy"].cpu >= 1024 * math.floor(TRUTH["jobs"]["nightly_close"]["vcpu"])


def test_the_api_of_the_fixture_gets_its_peak_with_headroom(sizing):
    """One vCPU holds 0.64 cores at the 99.9th percentile; two do not come for free."""
    api = next(one for one in sizing.task_definitions if one.name == "api")
    assert TRUTH["api"]["cores_by_minute"]["p99.9"] * 1.2 <= api.cpu / 1024 <= 1
    assert api.memory >= TRUTH["api"]["memory_mib"]["max"] + TRUTH["system_memory_mib"]
    assert api.desired_count == 2


def test_costs_stand_side_by_side(sizing):
    """The host's type is not in this evidence, so only Fargate is reckoned; each line says its basis."""
    assert [one.name for one in sizing.costs] == ["fargate-right-sized", "fargate-arm64", "fargate-each-batch-alone"]
    assert all("ap-northeast-1" in one.basis or "right-sized" in one.basis for one in sizing.costs)


def test_arm_costs_a_fifth_less_for_the_same_sizes(sizing):
    """0.04045 against 0.05056 USD a vCPU hour and 0.00442 against 0.00553 a GB hour, in Tokyo."""
    planned, arm, _alone = (one.monthly_usd for one in sizing.costs)
    assert arm == pytest.approx(0.8 * planned, rel=0.002)


def test_the_plots_are_small_and_name_the_runs(sizing):
    """At most 1500 points a series; commands that became no job are drawn too, under their own name."""
    assert {plot.what for plot in sizing.plots} == {"cpu", "memory"}
    for plot in sizing.plots:
        assert len(plot.mean) == len(plot.peak) == len(plot.baseline) == len(plot.jobs) <= 1500
        assert "nightly_close" in {runs.job for runs in plot.runs}
        assert not any(runs.job.startswith(OTHER) and "nightly" in runs.job for runs in plot.runs)
