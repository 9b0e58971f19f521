"""Alarms: every batch is watched, within CloudWatch's limits, by a line that is its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.model import Application
from analyzer.render import alarms, checks, heartbeat_check, state_machines
from analyzer.render.containers import scheduled_jobs
from analyzer.render.hcl import Noted
from analyzer.render.heartbeats import NoHeartbeat
from analyzer.render.log_patterns import error_pattern
from analyzer.render.names import Names
from analyzer.render.watches import watches
from tests.infra import factory
from tests.infra.plain import plain
from tests.strict_botocore import findings


def values(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    return plain(alarms.values(application, names))


def checked(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    return plain(heartbeat_check.values(application, names))


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_every_batch_is_watched(name: str) -> None:
    """Each scheduled batch has an alarm for each bad end, and a dead-man alarm, a daily check, or the reason why not."""
    application = factory.APPLICATIONS[name]
    found = values(application)
    jobs = {job.id for job in scheduled_jobs(application)}
    ends = {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    watched = {(item.get("job"), item["metric"]) for item in found["executions"].values()}
    checking = {None} if checked(application) else set()
    assert watched == {(job, end) for job in jobs | checking for end in ends}
    told = {one.job.id for one in watches(application) if isinstance(one.heartbeat, NoHeartbeat)}
    assert set(found["heartbeats"]) | set(checked(application)) | told == jobs
    assert not set(found["heartbeats"]) & set(checked(application))


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_cloudwatch_accepts_them(name: str) -> None:
    """Alarms and metric filters pass the service's model and the rules that it does not hold."""
    application = factory.APPLICATIONS[name]
    found = values(application)
    for job, item in found["heartbeats"].items():
        request = {
            "AlarmName": item["alarm"],
            "AlarmDescription": item["description"],
            "Namespace": "x",
            "MetricName": item["metric"],
            "Statistic": "Sum",
            "Period": item["period"],
            "EvaluationPeriods": item["evaluation_periods"],
            "DatapointsToAlarm": item["evaluation_periods"],
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 1.0,
            "TreatMissingData": "breaching",
        }
        assert findings("cloudwatch", "PutMetricAlarm", request) == [], job
        assert checks.metric_alarm(request) == (), job
    group_of = {f"{one}-errors": one for one in found["error_lines"]}
    for job, item in found["heartbeat_filters"].items():
        group_of[f"{job}-end"] = item["log_group"]
        request = {
            "logGroupName": f"/ecs/{item['log_group']}",
            "filterName": f"{job}-end",
            "filterPattern": item["pattern"],
            "metricTransformations": [{"metricName": item["metric"], "metricNamespace": "x", "metricValue": "1"}],
        }
        assert findings("logs", "PutMetricFilter", request) == [], job
    assert checks.metric_filters(group_of) == ()


def test_a_full_log_group_is_watched_by_executions() -> None:
    """Beyond 100 metric filters of a log group, the state machines of the other batches count their ends themselves."""
    watched = watches(factory.many_jobs(230))
    assert sum(one.from_log for one in watched) == 99
    assert "full" in watched[-1].why_not_log


def test_a_line_inside_another_is_no_heartbeat() -> None:
    """`close End.` also stands in `nightly-close End.`: the state machine of such a batch counts its ends."""
    application = factory.application(members=(factory.job("close"), factory.job("nightly-close")))
    assert {one.job.id: one.from_log for one in watches(application)} == {"close": False, "nightly-close": True}
    for one, counts in (("close", True), ("nightly-close", False)):
        (file,) = (file for file in state_machines.render(application, {}) if f"/{one}.asl" in file.path)
        assert ("CountEnd" in json.loads(file.data)["States"]) is counts


def matches(pattern: str, line: str) -> bool:
    """CloudWatch Logs' filter, for the one form that heartbeats have: a quoted phrase, anywhere in the line, with case."""
    assert pattern[0] == pattern[-1] == '"'
    assert '"' not in pattern[1:-1]
    return pattern[1:-1] in line


BATCHES = st.lists(
    st.lists(st.sampled_from(["close", "nightly", "a", "2", "End"]), min_size=1, max_size=3).map("-".join),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(BATCHES, st.data())
def test_no_batch_ends_for_another(ids: list[str], data: st.DataObject) -> None:
    """Whatever batches share a log group, an end line is counted by its own batch's filter and by no other one."""
    members = tuple(factory.job(one, job_class=data.draw(st.sampled_from(["heavy", "light"]))) for one in ids)
    application = factory.application(members=members)
    filters = values(application)["heartbeat_filters"]
    for definition in application.task_definitions:
        for job in (one for one in members if one.id in definition.jobs):
            line = f"2026-11-25 03:12:44 {job.end_marker}"
            counted = {
                other
                for other, item in filters.items()
                if item["log_group"] == definition.name and matches(item["pattern"], line)
            }
            assert counted == ({job.id} if job.id in filters else set())


@pytest.mark.parametrize("marker", ["", 'say "End."', "tab\tEnd.", "x" * 600, "back\\slash End."])
def test_lines_that_no_pattern_can_hold(marker: str) -> None:
    """A last line that is absent or cannot be written as a quoted pattern is not forced into one."""
    application = factory.application(members=(replace(factory.job("x"), end_marker=marker),))
    assert [one.from_log for one in watches(application)] == [False]
    assert values(application)["heartbeat_filters"] == {}
    assert values(application)["heartbeats"]["x"]["metric"] == "x-end"
    (machine,) = state_machines.render(application, {})
    (counted,) = json.loads(machine.data)["States"]["CountEnd"]["Parameters"]["MetricData"]
    assert counted == {"MetricName": "x-end", "Value": 1}


def test_error_words_follow_the_language() -> None:
    """Ruby's exceptions are looked for where Ruby is installed; without a known language only the usual words."""
    pattern, via = error_pattern(factory.application())
    assert "NoMethodError" in pattern
    assert via.sources
    bare, _ = error_pattern(replace(factory.application(), steps=()))
    assert bare == "?ERROR ?FATAL"


def test_processes_without_a_load_balancer_are_counted() -> None:
    """The API has healthy hosts and server errors, a worker its running tasks."""
    found = values(factory.two_processes())
    assert found["healthy_hosts"]["alarm"] == "two-processes-staging-no-healthy-hosts"
    assert set(found["running_tasks"]) == {"worker", "mailer"}
    assert "healthy_hosts" not in values(factory.no_api())


def test_the_reason_of_an_alarm_is_its_batch() -> None:
    """Each alarm points to the crontab line that it watches."""
    application = factory.application()
    made = alarms.values(application, Names("accounting", "production"))["heartbeats"]
    assert isinstance(made, dict)
    item = made["nightly-close"]
    assert isinstance(item, Noted)
    assert str(item.via.sources[0]) == "evidence/acct01/fs/etc/cron.d/accounting:7"
    assert "longest gap 1 day" in item.comment
