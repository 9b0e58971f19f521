"""The daily look for batches that are too rare for a CloudWatch alarm: one state machine, and its input for each batch.

    count the ends since the first hour that may hold one -> any? -> all is well
                 |                                            none -> tell
                 +-- cannot be counted -> tell -> failed (its own alarm tells too)

A batch that was just handed over has not run yet: `ops/schedules.sh enable` counts that moment as an end, so the time
of silence begins there. A batch that is switched off is not looked for: the same script switches its check.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.model import Application, OutputFile, Via
from analyzer.render.hcl import Hcl, Noted
from analyzer.render.heartbeats import DAY_S, HOUR_S, DailyCheck
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import Names
from analyzer.render.watches import explain, watches

_RULE = "template:heartbeat_check"

EXPRESSION = "cron(0 9 * * ? *)"
"""The daily check runs when people are at work: nothing is on fire, a rare batch is missing."""
MAX_DATAPOINTS = 1440
"""GetMetricStatistics refuses a request for more."""


def values(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    """The variable `heartbeat_checks` of the Terraform root."""
    made: dict[str, Hcl | Noted] = {}
    for watch in watches(application):
        if isinstance(watch.heartbeat, DailyCheck):
            value: dict[str, Hcl | Noted] = {
                "schedule": names.heartbeat_check_schedule(watch.job.id),
                "expression": EXPRESSION,
                "timezone": application.timezone or "UTC",
                "days": watch.heartbeat.days,
                "period": period_s(watch.heartbeat.days),
                "metric": names.heartbeat_metric(watch.job.id),
            }
            via = Via(rule=_RULE, sources=watch.job.via.sources, note=explain(watch))
            made[watch.job.id] = Noted(value=value, via=via, comment=explain(watch))
    return made


def period_s(days: int) -> int:
    """Length of the periods in which the ends of `days` days are counted: hours where they fit in one request."""
    return HOUR_S if days * DAY_S // HOUR_S + 1 <= MAX_DATAPOINTS else DAY_S


def definition() -> dict[str, Json]:
    """The state machine that counts the ends of a rare batch and says so if there are none.

    Input: job, namespace, metric, days, period. `${topic}` is left to Terraform.
    """
    # The first period begins on a whole one: so it is the same whether CloudWatch aligns periods with the clock or with
    # the request, and never shorter than `days`. An end is therefore missed at most one period later, never too early.
    start = "$floor(($millis() / 1000 - $states.input.days * 86400) / $states.input.period) * $states.input.period"
    silent = (
        "{% 'The batch ' & $states.input.job & ' has not ended well within ' & $string($states.input.days) & "
        "' days. Its schedule and last run: ops/schedules.sh status ' & $states.input.job & '. To run it now: "
        "ops/run-batch.sh ' & $states.input.job %}"
    )
    blind = (
        "{% 'Whether the batch ' & $states.input.job & ' ended well within ' & $string($states.input.days) & "
        "' days could not be looked up, so nobody would be told if it did not. ' & $states.input.error & ': ' & "
        "$states.input.cause %}"
    )
    again: Json = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 2.0}]
    return {
        "Comment": "Looks for the last end of a batch that is too rare for a CloudWatch alarm",
        "QueryLanguage": "JSONata",
        "StartAt": "CountEnds",
        "TimeoutSeconds": 1200,
        "States": {
            "CountEnds": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:cloudwatch:getMetricStatistics",
                "TimeoutSeconds": 60,
                "Arguments": {
                    "Namespace": "{% $states.input.namespace %}",
                    "MetricName": "{% $states.input.metric %}",
                    "StartTime": f"{{% $fromMillis(({start}) * 1000) %}}",
                    "EndTime": "{% $now() %}",
                    "Period": "{% $states.input.period %}",
                    "Statistics": ["Sum"],
                },
                "Output": {
                    "job": "{% $states.input.job %}",
                    "days": "{% $states.input.days %}",
                    "ends": "{% $sum([0, $states.result.Datapoints.Sum]) %}",
                },
                "Retry": again,
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Output": {
                            "job": "{% $states.input.job %}",
                            "days": "{% $states.input.days %}",
                            "error": "{% $states.errorOutput.Error %}",
                            "cause": "{% $substring($states.errorOutput.Cause, 0, 500) %}",
                        },
                        "Next": "ReportBlind",
                    }
                ],
                "Next": "Ended",
            },
            "Ended": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.ends > 0 %}", "Next": "AllIsWell"}],
                "Default": "ReportSilence",
            },
            "AllIsWell": {"Type": "Succeed"},
            "ReportSilence": _publish("A batch is silent", silent, again, {"End": True}),
            "ReportBlind": _publish("A batch cannot be watched", blind, again, {"Next": "Failed"}),
            "Failed": {"Type": "Fail", "Error": "CheckFailed", "Cause": "the ends of the batch could not be counted"},
        },
    }


def _publish(subject: str, message: str, again: Json, following: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish",
        "TimeoutSeconds": 60,
        "Arguments": {"TopicArn": "${topic}", "Subject": subject, "Message": message},
        "Retry": again,
        **following,
    }


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """The state machine, beside the module that makes it."""
    path = f"{application.name}/infra/modules/batches/heartbeat_check.asl.json"
    return (json_file(path, definition(), {}, Via(rule=_RULE, note="absence of batches rarer than an alarm can see")),)
