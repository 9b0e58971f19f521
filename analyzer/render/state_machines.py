"""The state machines: one ASL file a job, the same for every environment.

    [right weekday?] -> started by a schedule? -> only once -> [lock] -> run the task -> [release]
                                  failure -> [release] -> report -> failed          lock taken -> report -> skipped

What only Terraform knows stands as `${name}` for its `templatefile` (see `names.STATE_MACHINE_VARIABLES`); any other
`${` of a command is escaped for it. The paths are JSONPath; a guard on the weekday, which has to reckon with dates, is
the one state in JSONata.

Only once: for each job and time of day the table keeps the last scheduled time that was started, and a delivery that is
not later is turned away. So a daily job has one row and nothing has to expire; neighbouring firings have rows of their
own, for Scheduler may deliver them in any order within their minutes.

A batch whose end no filter of its log group can tell counts the runs that ended well itself (`CountEnd`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.cron.limits import Limits, limits
from analyzer.model import Application, Job, OutputFile, Via
from analyzer.render.containers import scheduled_jobs
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import CONTAINER, Names, template_text
from analyzer.render.references import has_reference, run_time_command
from analyzer.render.state_machine_locks import (
    CONDITION_FAILED,
    lock_states,
    publish,
    release_state,
    table_retry,
)
from analyzer.render.watches import watches

_RULE = "template:state_machine"
_DEFAULT = Via(rule=_RULE, note="what Step Functions needs")

START_FAILURES = (
    "ECS.AmazonECSException",
    "AmazonECS.Unknown",
    "ECS.ThrottlingException",
    "ECS.ServerException",
    "ECS.SdkClientException",
)
"""Errors of a task that never started (no capacity, throttled). A non-zero exit is States.TaskFailed, and that would
also stand for all of these, so it is named only where a person asked for another attempt."""

_TIME_OF_DAY = "States.ArrayGetItem(States.StringSplit($.scheduled_time, 'T'), 1)"
"""`03:00:00Z` of `2026-11-23T03:00:00Z`."""


def path(application: Application, job: Job) -> str:
    """Where a state machine lies in the bundle."""
    return f"{application.name}/infra/state_machines/{job.id}.asl.json"


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """One file for each scheduled job."""
    counting = {watch.job.id for watch in watches(application) if not watch.from_log}
    return tuple(_file(application, job, job.id in counting) for job in scheduled_jobs(application))


def _file(application: Application, job: Job, counts_end: bool) -> OutputFile:
    value, reasons = definition(application, job, counts_end=counts_end)
    return json_file(path(application, job), value, reasons, _DEFAULT)


def definition(
    application: Application, job: Job, *, counts_end: bool = False
) -> tuple[dict[str, Json], dict[str, Via]]:
    """The state machine of `job` in Amazon States Language, and the reason of its parts by JSON pointer.

    `counts_end`: it puts the heartbeat of the dead-man alarm into the metric itself.
    """
    bounds = limits(job)
    locked = bool(job.single_flight)
    states: dict[str, Json] = {}
    if job.day_guard:
        states |= _weekday_guard(job)
    states |= _only_once(job, "AcquireLock" if locked else "RunBatch")
    if locked:
        states |= lock_states(application, job)
    well = "CountEnd" if counts_end else "Done"
    states["RunBatch"] = _run(job, bounds, "ReleaseLock" if locked else well)
    if locked:
        states["ReleaseLock"] = release_state(job, well)
        states["ReleaseLockAfterFailure"] = release_state(job, "ReportFailure", catch="ReportFailure")
    if counts_end:
        states["CountEnd"] = _count_end(job)
    states |= _ends(application, job)
    value: dict[str, Json] = {
        "Comment": f"{job.id}: one run of the batch, at most once for each scheduled time",
        "StartAt": next(iter(states)),
        "TimeoutSeconds": bounds.total_s,
        "States": states,
    }
    own = Via(rule=job.via.rule, sources=job.sources)
    reasons = {
        "/TimeoutSeconds": Via(rule=_RULE, sources=job.sources, note="all attempts and waiting together"),
        "/States/OnlyOnce": Via(rule=_RULE, sources=job.sources, note="Scheduler delivers at least once, cron once"),
        "/States/RunBatch": Via(rule=_RULE, sources=job.sources),
        "/States/RunBatch/TimeoutSeconds": Via(rule=_RULE, sources=job.sources, note=bounds.attempt_reason),
        "/States/RunBatch/Retry": Via(
            rule=_RULE, sources=job.sources, note="only failures to start, until the next firing; cron never ran twice"
        ),
        "/States/RunBatch/Parameters/Overrides": own,
    }
    if locked:
        reasons["/States/AcquireLock"] = Via(
            rule=job.via.rule, sources=job.sources, note="the lock of the crontab line"
        )
    return value, reasons


def _weekday_guard(job: Job) -> dict[str, Json]:
    """Days of month come from the schedule, weekdays from here: both must fit."""
    found = re.fullmatch(r"weekday:([0-6](?:,[0-6])*)([+-]\d+)", job.day_guard)
    if found is None:
        raise ValueError(f"{job.id}: unknown day guard {job.day_guard!r}")
    # 1 January 1970 was a Thursday; the shift brings the instant into its local day.
    day = f"($floor(($toMillis($states.input.scheduled_time) / 1000 + {int(found[2])}) / 86400) + 4) % 7"
    return {
        "RightWeekday": {
            "Type": "Choice",
            "QueryLanguage": "JSONata",
            "Choices": [
                {"Condition": "{% $not($exists($states.input.scheduled_time)) %}", "Next": "StartedBySchedule"},
                {"Condition": f"{{% {day} in [{found[1]}] %}}", "Next": "StartedBySchedule"},
            ],
            "Default": "NotToday",
        },
        "NotToday": {"Type": "Succeed", "Comment": "the day of month fits, the weekday does not"},
    }


def _only_once(job: Job, following: str) -> dict[str, Json]:
    return {
        "StartedBySchedule": {
            "Type": "Choice",
            "Comment": "a start by hand without a scheduled time always runs",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$.scheduled_time", "IsPresent": True},
                        {"Variable": "$.scheduled_time", "StringMatches": "2*-*-*T*:*:*Z"},
                    ],
                    "Next": "OnlyOnce",
                }
            ],
            "Default": following,
        },
        "OnlyOnce": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {
                "TableName": "${lock_table}",
                "Item": {
                    "Name": {"S.$": f"States.Format('run#{job.id}#{{}}', {_TIME_OF_DAY})"},
                    "ScheduledTime": {"S.$": "$.scheduled_time"},
                    "Owner": {"S.$": "$$.Execution.Id"},
                },
                "ConditionExpression": "attribute_not_exists(#name) OR #time < :time",
                "ExpressionAttributeNames": {"#name": "Name", "#time": "ScheduledTime"},
                "ExpressionAttributeValues": {":time": {"S.$": "$.scheduled_time"}},
            },
            "ResultPath": None,
            "Retry": [table_retry()],
            "Catch": [{"ErrorEquals": [CONDITION_FAILED], "ResultPath": None, "Next": "Duplicate"}],
            "Next": following,
        },
        "Duplicate": {"Type": "Succeed", "Comment": "this scheduled time has been started before"},
    }


def _run(job: Job, bounds: Limits, following: str) -> dict[str, Json]:
    failed = "ReleaseLockAfterFailure" if job.single_flight else "ReportFailure"
    retries: list[Json] = []
    if bounds.start_retries:
        retries.append(
            {
                "ErrorEquals": list(START_FAILURES),
                "IntervalSeconds": bounds.first_retry_s,
                "MaxAttempts": bounds.start_retries,
                "BackoffRate": 2,
            }
        )
    if job.retries:
        retries.append({
            "ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 60, "MaxAttempts": job.retries, "BackoffRate": 2,
        })  # fmt: skip
    environment: list[Json] = [
        {"Name": name, "Value": template_text(value)} for name, value in job.environment if not has_reference(value)
    ]
    state: dict[str, Json] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::ecs:runTask.sync",
        "TimeoutSeconds": bounds.attempt_s,
        "Parameters": {
            "Cluster": "${cluster}",
            "TaskDefinition": "${task_definition}",
            "LaunchType": "FARGATE",
            "PropagateTags": "TASK_DEFINITION",
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "Subnets": ["${subnets}"],
                    "SecurityGroups": ["${security_groups}"],
                    "AssignPublicIp": "DISABLED",
                }
            },
            "Overrides": {
                "ContainerOverrides": [
                    {
                        "Name": CONTAINER,
                        "Command": [template_text(word) for word in run_time_command(job.container_command)],
                        "Environment": environment,
                    }
                ]
            },
        },
        "ResultPath": None,
    }
    if retries:
        state["Retry"] = retries
    state["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": failed}]
    state["Next"] = following
    return state


def _count_end(job: Job) -> dict[str, Json]:
    metric = Names("", "").heartbeat_metric(job.id)  # the same in every environment; the namespace is not
    return {
        "Type": "Task",
        "Comment": "no filter of the log can tell its end; without this the dead-man alarm would fire",
        "Resource": "arn:aws:states:::aws-sdk:cloudwatch:putMetricData",
        "Parameters": {"Namespace": "${metric_namespace}", "MetricData": [{"MetricName": metric, "Value": 1}]},
        "ResultPath": None,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Done"}],
        "Next": "Done",
    }


def _ends(application: Application, job: Job) -> dict[str, Json]:
    message = (
        f"States.Format('{job.id} failed: {{}}. Execution: {{}}. {{}}', $.error.Error, $$.Execution.Id, $.error.Cause)"
    )
    return {
        "Done": {"Type": "Succeed"},
        "ReportFailure": publish(f"{application.name}: {job.id} failed", message, following="Failed"),
        "Failed": {"Type": "Fail", "Error": "BatchFailed", "CausePath": "$.error.Cause"},
    }
