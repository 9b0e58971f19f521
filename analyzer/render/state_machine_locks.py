"""The states that let one run of a batch go on at a time, as `flock` in its crontab line did.

Lock: a row with the execution that holds it. Whoever finds it taken looks whether that execution still runs (one that
was stopped or timed out cleans nothing up) and takes the lock over if not.
"""

from __future__ import annotations

import re

from analyzer.model import Application, Job
from analyzer.render.json_text import Json

CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"
_LOCK_PAUSE_S = 30


def table_retry() -> Json:
    """Errors of the table that pass."""
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
        "Retry": [table_retry()],
        "Next": "RunBatch",
    }


def lock_states(application: Application, job: Job) -> dict[str, Json]:
    """From `AcquireLock` to `RunBatch`, or to the end of a run that is skipped."""
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
            "Catch": [{"ErrorEquals": [CONDITION_FAILED], "ResultPath": None, "Next": "ReadLock"}],
        },
        "ReadLock": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:getItem",
            "Parameters": {"TableName": "${lock_table}", "Key": name, "ConsistentRead": True},
            "ResultPath": "$.lock",
            "Retry": [table_retry()],
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
            "Catch": [{"ErrorEquals": [CONDITION_FAILED], "ResultPath": None, "Next": "AcquireLock"}],
        },
    }
    if job.single_flight == "queue":
        states["WaitForLock"] = {"Type": "Wait", "Seconds": _LOCK_PAUSE_S, "Next": "AcquireLock"}
    else:
        skipped = f"{application.name}: {job.id} skipped"
        states["ReportSkipped"] = publish(
            skipped,
            f"States.Format('{job.id} was skipped: another run holds its lock. Execution: {{}}', $$.Execution.Id)",
            following="Skipped",
        )
        states["Skipped"] = {"Type": "Succeed", "Comment": "as the lock of the crontab line did"}
    return states


def release_state(job: Job, following: str, catch: str = "") -> dict[str, Json]:
    """Takes the lock\'s row away if it still is this execution\'s."""
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
        "Retry": [table_retry()],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": catch or following}],
        "Next": following,
    }
    return state


def publish(subject: str, message: str, following: str) -> dict[str, Json]:
    """A message to the alarms\' topic; that it cannot be sent stops nothing."""
    clean = re.sub(r"[^ -~]", "?", subject)
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "Parameters": {"TopicArn": "${topic}", "Subject": clean[:100], "Message.$": message},
        "ResultPath": None,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": following}],
        "Next": following,
    }
