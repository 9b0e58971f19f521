"""Alarms: every batch is watched, within CloudWatch's limits, by a line that is its own."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from analyzer.model import Application
from analyzer.render import alarms, checks
from analyzer.render.containers import scheduled_jobs
from analyzer.render.hcl import Noted
from analyzer.render.heartbeats import NoHeartbeat
from analyzer.render.names import Names
from tests.infra import factory
from tests.infra.plain import plain
from tests.strict_botocore import findings


def values(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    return plain(alarms.values(application, names))


def checked(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    return plain(alarms.check_values(application, names))


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_every_batch_is_watched(name: str) -> None:
    """Each scheduled batch has a failure alarm, and a dead-man alarm, a daily check, or the reason why not."""
    application = factory.APPLICATIONS[name]
    found = values(application)
    jobs = {job.id for job in scheduled_jobs(application)}
    assert set(found["executions"]) == jobs
    told = {one.job.id for one in alarms.watches(application) if isinstance(one.heartbeat, NoHeartbeat)}
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
            "Namespace": "AWS/States" if item["executions"] else "x",
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
    """Beyond 100 metric filters of a log group, batches are watched by the successes of their state machines."""
    watched = alarms.watches(factory.many_jobs(230))
    assert sum(one.from_log for one in watched) == 99
    assert "full" in watched[-1].why_not_log


def test_a_line_inside_another_is_no_heartbeat() -> None:
    """`close End.` also stands in `nightly-close End.`: such a batch is watched by its executions."""
    application = factory.application(members=(factory.job("close"), factory.job("nightly-close")))
    assert {one.job.id: one.from_log for one in alarms.watches(application)} == {"close": False, "nightly-close": True}


@pytest.mark.parametrize("marker", ["", 'say "End."', "tab\tEnd.", "x" * 600, "back\\slash End."])
def test_lines_that_no_pattern_can_hold(marker: str) -> None:
    """A last line that is absent or cannot be written as a quoted pattern is not forced into one."""
    application = factory.application(members=(dataclasses.replace(factory.job("x"), end_marker=marker),))
    assert [one.from_log for one in alarms.watches(application)] == [False]
    assert values(application)["heartbeats"]["x"]["executions"] is True


def test_error_words_follow_the_language() -> None:
    """Ruby's exceptions are looked for where Ruby is installed; without a known language only the usual words."""
    pattern, via = alarms.error_pattern(factory.application())
    assert "NoMethodError" in pattern
    assert via.sources
    bare, _ = alarms.error_pattern(dataclasses.replace(factory.application(), steps=()))
    assert bare == "?ERROR ?FATAL"


def test_processes_without_a_load_balancer_are_counted() -> None:
    """The API has healthy hosts and server errors, a worker its running tasks."""
    found = values(factory.two_processes())
    assert found["healthy_hosts"]["alarm"] == "two-processes-staging-no-healthy-hosts"
    assert set(found["running_tasks"]) == {"worker"}
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


def test_the_daily_check_is_one_for_all() -> None:
    """The state machine takes everything from its input, so that one serves all rare batches."""
    (file,) = alarms.render(factory.application(), {})
    machine = json.loads(file.data)
    text = json.dumps(machine)
    for name in ("job", "days", "namespace", "metric", "dimensions"):
        assert f"$states.input.{name}" in text
    assert machine["States"]["Report"]["Arguments"]["TopicArn"] == "${topic}"
