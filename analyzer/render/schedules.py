"""The schedules: input of `aws scheduler create-schedule --cli-input-json`, one file an expression and environment.

Every field is sent, for an update puts what is left out back to its default. The account number is not known here: ARNs
carry a placeholder that AWS's own patterns accept; Terraform makes the same schedules with the real ARNs.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.cron.limits import limits
from analyzer.model import Application, Expression, Job, OutputFile, Via
from analyzer.render.containers import environments, scheduled_jobs
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import Names
from analyzer.render.references import readable

_RULE = "template:schedule"
_DEFAULT = Via(rule=_RULE, note="what EventBridge Scheduler needs")
MAX_DESCRIPTION = 512

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Replaced by Scheduler on delivery; the state machine knows a second delivery by it."""


def path(application: Application, environment: str, expression: Expression) -> str:
    """Where a schedule lies in the bundle."""
    return f"{application.name}/infra/schedules/{environment}/{expression.name}.json"


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """One file for each expression of each scheduled job in each environment."""
    return tuple(
        _file(application, environment, job, expression)
        for environment in environments(application)
        for job in scheduled_jobs(application)
        for expression in job.expressions
    )


def execution_input(job: Job) -> dict[str, Json]:
    """What the state machine of `job` is started with; a start by hand may leave `scheduled_time` out."""
    return {"job": job.id, "scheduled_time": SCHEDULED_TIME}


def state(application: Application, environment: str, job: Job) -> str:
    """ENABLED where the job runs today; other environments were not analysed, so nothing starts there by itself."""
    return "ENABLED" if job.enabled and environment == application.environment else "DISABLED"


def description(job: Job, expression: Expression) -> str:
    """Where the schedule comes from and what the proof says, in at most 512 characters."""
    verdict = job.equivalence.verdict if job.equivalence is not None else "not compared"
    source = f" ({job.sources[0]})" if job.sources else ""
    kind = "One-time run that a clock change would drop, of" if expression.role == "catch-up" else "Takes the place of"
    text = (
        f"{kind} cron's `{' '.join(job.schedule.split())}` {job.timezone}{source}: {verdict}. {readable(job.command)}"
    )
    text = " ".join(text.split())
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


def request(
    application: Application, environment: str, job: Job, expression: Expression
) -> tuple[dict[str, Json], dict[str, Via]]:
    """The arguments of CreateSchedule, and the reason of each by JSON pointer."""
    names = Names(application.name, environment, application.region)
    bounds = limits(job)
    window: dict[str, Json] = {"Mode": "OFF"}
    if job.flexible_window_minutes and expression.role == "regular":
        window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": job.flexible_window_minutes}
    value: dict[str, Json] = {
        "Name": expression.name,
        "GroupName": names.schedule_group,
        "Description": description(job, expression),
        "ScheduleExpression": expression.expression,
        "ScheduleExpressionTimezone": expression.timezone,
        "State": state(application, environment, job),
        "FlexibleTimeWindow": window,
        "ActionAfterCompletion": "DELETE" if expression.role == "catch-up" else "NONE",
        "Target": {
            "Arn": names.state_machine_arn(job.id),
            "RoleArn": names.role_arn("scheduler"),
            "Input": _compact(execution_input(job)),
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": bounds.event_age_s,
                "MaximumRetryAttempts": bounds.delivery_retries,
            },
            "DeadLetterConfig": {"Arn": names.dead_letter_queue_arn},
        },
    }
    proof = job.equivalence.method if job.equivalence is not None else ""
    reasons = {
        "/ScheduleExpression": Via(rule=job.via.rule, sources=job.sources, note=proof),
        "/ScheduleExpressionTimezone": Via(rule=job.via.rule, sources=job.sources, note="the zone cron reckoned in"),
        "/State": Via(rule=job.via.rule, sources=job.sources, note="as it stands where it was read"),
        "/FlexibleTimeWindow": Via(rule=job.via.rule, sources=job.sources, note="the random delay of the original"),
        "/Description": job.via,
        "/Target/Input": Via(rule=_RULE, sources=job.sources, note="the guard against double delivery goes by it"),
        "/Target/RetryPolicy": Via(rule=_RULE, sources=job.sources, note="never later than the job's next firing"),
    }
    return value, reasons


def _file(application: Application, environment: str, job: Job, expression: Expression) -> OutputFile:
    value, reasons = request(application, environment, job, expression)
    return json_file(path(application, environment, expression), value, reasons, _DEFAULT)


def _compact(value: Json) -> str:
    """JSON in one line; `<` and `>` stay as they are, or Scheduler would not see its own attributes."""
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
