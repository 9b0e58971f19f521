"""The state machines: one ASL file a job, the same for every environment.

    [right weekday?] -> started by a schedule? -> only once -> [lock] -> run the task -> [release]
                                  failure -> [release] -> report -> failed          lock taken -> report -> skipped

What only Terraform knows stands as `${name}` for its `templatefile` (see `names.STATE_MACHINE_VARIABLES`); any other
`${` of a command is escaped for it. The paths are JSONPath; a guard on the weekday, which has to reckon with dates, is
the one state in JSONata.

Only once: for each job and time of day the table keeps the last scheduled time that was started, and a delivery that is
not later is turned away. So a daily job has one row and nothing has to expire; neighbouring firings have rows of their
own, for Scheduler may deliver them in any order within their minutes.

Lock: a row with the execution that holds it. Whoever finds it taken looks whether that execution still runs (one that
was stopped or timed out cleans nothing up) and takes the lock over if not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.cron.limits import Limits, limits
from analyzer.model import Application, Job, OutputFile, Via
from analyzer.render.containers import scheduled_jobs
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import CONTAINER, template_text
from analyzer.render.references import has_reference, run_time_command

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

_CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"
_LOCK_PAUSE_S = 30
_TIME_OF_DAY = "States.ArrayGetItem(States.StringSplit($.scheduled_time, 'T'), 1)"
"""`03:00:00Z` of `2026-11-23T03:00:00Z`."""


def path(application: Application, job: Job) -> str:
    """Where a state machine lies in the bundle."""
    return f"{application.name}/infra/state_machines/{job.id}.asl.json"


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """One file for each scheduled job."""
    return tuple(_file(application, job) for job in scheduled_jobs(application))


def _file(application: Application, job: Job) -> OutputFile:
    value, reasons = definition(application, job)
    return json_file(path(application, job), value, reasons, _DEFAULT)


def definition(application: Application, job: Job) -> tuple[dict[str, Json], dict[str, Via]]:
    """The state machine of `job` in Amazon States Language, and the reason of its parts by JSON pointer."""
    bounds = limits(job)
    locked = bool(job.single_flight)
    states: dict[str, Json] = {}
    if job.day_guard:
        states |= _weekday_guard(job)
    states |= _only_once(job, "AcquireLock" if locked else "RunBatch")
    if locked:
        states |= _lock(application, job)
    states["RunBatch"] = _run(job, bounds, "ReleaseLock" if locked else "Done")
    if locked:
        states["ReleaseLock"] = _release(job, "Done")
        states["ReleaseLockAfterFailure"] = _release(job, "ReportFailure", catch="ReportFailure")
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
            "Retry": [_table_retry()],
            "Catch": [{"ErrorEquals": [_CONDITION_FAILED], "ResultPath": None, "Next": "Duplicate"}],
            "Next": following,
        },
        "Duplicate": {"Type": "Succeed", "Comment": "this scheduled time has been started before"},
    }


def _table_retry() -> Json:
    return {
        "ErrorEquals": [
            "DynamoDB.ProvisionedThroughputExceededException",
            "DynamoDB.InternalServerErrorException",
            "DynamoDB.SdkClientException",
        ],
        "IntervalSeconds": 2,
        "MaxAttempts": 4,
        "BackoffRate": 2,
    }


def _put() -> dict[str, Json]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "ResultPath": None,
        "Retry": [_table_retry()],
        "Next": "RunBatch",
    }


def _lock(application: Application, job: Job) -> dict[str, Json]:
    name: dict[str, Json] = {"Name": {"S": f"lock#{job.lock or job.id}"}}
    owner: dict[str, Json] = {"Owner": {"S.$": "$$.Execution.Id"}, "Since": {"S.$": "$$.State.EnteredTime"}}
    held = "WaitForLock" if job.single_flight == "queue" else "ReportSkipped"
    states: dict[str, Json] = {
        "AcquireLock": {
            **_put(),
            "Parameters": {
                "TableName": "${lock_table}",
                "Item": {**name, **owner},
                "ConditionExpression": "attribute_not_exists(#name)",
                "ExpressionAttributeNames": {"#name": "Name"},
            },
            "Catch": [{"ErrorEquals": [_CONDITION_FAILED], "ResultPath": None, "Next": "ReadLock"}],
        },
        "ReadLock": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": "${lock_table}", "Key": name, "ConsistentRead": True},
            "ResultPath": "$.lock",
            "Retry": [_table_retry()],
            "Next": "LockIsHeld",
        },
        "LockIsHeld": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.lock.Item.Owner.S", "IsPresent": True, "Next": "LookAtHolder"}],
            "Default": "AcquireLock",
        },
        "LookAtHolder": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
            "Parameters": {"ExecutionArn.$": "$.lock.Item.Owner.S"},
            "ResultSelector": {"Status.$": "$.Status"},
            "ResultPath": "$.holder",
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": held}],
            "Next": "HolderRuns",
        },
        "HolderRuns": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.holder.Status", "StringEquals": "RUNNING", "Next": held}],
            "Default": "TakeLockOver",
        },
        "TakeLockOver": {
            **_put(),
            "Comment": "its holder was stopped or timed out and cleaned nothing up",
            "Parameters": {
                "TableName": "${lock_table}",
                "Item": {**name, **owner},
                "ConditionExpression": "#owner = :gone",
                "ExpressionAttributeNames": {"#owner": "Owner"},
                "ExpressionAttributeValues": {":gone": {"S.$": "$.lock.Item.Owner.S"}},
            },
            "Catch": [{"ErrorEquals": [_CONDITION_FAILED], "ResultPath": None, "Next": "AcquireLock"}],
        },
    }
    if job.single_flight == "queue":
        states["WaitForLock"] = {"Type": "Wait", "Seconds": _LOCK_PAUSE_S, "Next": "AcquireLock"}
    else:
        skipped = f"{application.name}: {job.id} skipped"
        states["ReportSkipped"] = _publish(
            skipped,
            f"States.Format('{job.id} was skipped: another run holds its lock. Execution: {{}}', $$.Execution.Id)",
            following="Skipped",
        )
        states["Skipped"] = {"Type": "Succeed", "Comment": "as the lock of the crontab line did"}
    return states


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


def _release(job: Job, following: str, catch: str = "") -> dict[str, Json]:
    state: dict[str, Json] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:deleteItem",
        "Parameters": {
            "TableName": "${lock_table}",
            "Key": {"Name": {"S": f"lock#{job.lock or job.id}"}},
            "ConditionExpression": "#owner = :me",
            "ExpressionAttributeNames": {"#owner": "Owner"},
            "ExpressionAttributeValues": {":me": {"S.$": "$$.Execution.Id"}},
        },
        "ResultPath": None,
        "Retry": [_table_retry()],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": catch or following}],
        "Next": following,
    }
    return state


def _publish(subject: str, message: str, following: str) -> dict[str, Json]:
    clean = re.sub(r"[^ -~]", "?", subject)
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": "${topic}", "Subject": clean[:100], "Message.$": message},
        "ResultPath": None,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": following}],
        "Next": following,
    }


def _ends(application: Application, job: Job) -> dict[str, Json]:
    message = (
        f"States.Format('{job.id} failed: {{}}. Execution: {{}}. {{}}', $.error.Error, $$.Execution.Id, $.error.Cause)"
    )
    return {
        "Done": {"Type": "Succeed"},
        "ReportFailure": _publish(f"{application.name}: {job.id} failed", message, following="Failed"),
        "Failed": {"Type": "Fail", "Error": "BatchFailed", "CausePath": "$.error.Cause"},
    }
