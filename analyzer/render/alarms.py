"""What raises an alarm: values for the Terraform module, and the state machine of the daily heartbeat check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analyzer.model import Application, InstallPackages, Job, LanguagePackages, OutputFile, TaskDefinition, Via
from analyzer.render.checks import MAX_FILTERS_PER_LOG_GROUP
from analyzer.render.containers import process_of, scheduled_jobs
from analyzer.render.hcl import Hcl, Noted
from analyzer.render.heartbeats import Alarm, DailyCheck, Heartbeat, NoHeartbeat, duration_text, heartbeat
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import Names

_RULE = "template:alarms"
CHECK_EXPRESSION = "cron(0 9 * * ? *)"
"""The daily check runs when people are at work: nothing is on fire, a rare batch is missing."""

SCHEDULER_METRICS: Mapping[str, str] = {
    "TargetErrorCount": "Scheduler could not start a batch: the state machine refused the start (permissions, name).",
    "TargetErrorThrottledCount": "Step Functions throttled a start; Scheduler retries.",
    "InvocationThrottleCount": "Scheduler itself was throttled; starts come late.",
    "InvocationDroppedCount": "Scheduler gave up a start after all retries: a batch did not run.",
    "InvocationsFailedToBeSentToDeadLetterCount": "A start that failed could not even be kept in the queue.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How the silence of one batch is noticed."""

    job: Job
    definition: TaskDefinition
    heartbeat: Heartbeat
    from_log: bool
    """True: its "End." lines are counted; False: the successes of its state machine."""
    why_not_log: str = ""


def watches(application: Application) -> tuple[Watch, ...]:
    """One for each scheduled batch, in order."""
    found: list[Watch] = []
    for definition in application.task_definitions:
        members = [job for job in scheduled_jobs(application) if job.id in definition.jobs]
        markers = [job.end_marker for job in members]
        room = MAX_FILTERS_PER_LOG_GROUP - 1  # one counts the error lines
        for job in members:
            reason = _no_pattern(job.end_marker, markers)
            if not reason and room == 0:
                reason = f"its log group is full: CloudWatch allows {MAX_FILTERS_PER_LOG_GROUP} metric filters"
            if not reason:
                room -= 1
            found.append(
                Watch(
                    job=job,
                    definition=definition,
                    heartbeat=heartbeat(job),
                    from_log=not reason,
                    why_not_log=reason,
                )
            )
    order = {job.id: number for number, job in enumerate(application.jobs)}
    return tuple(sorted(found, key=lambda watch: order[watch.job.id]))


def _no_pattern(marker: str, markers: list[str]) -> str:
    """Why `marker` cannot be counted in a log group where all of `markers` are written; "" if it can."""
    if not marker:
        return "it prints no line of its own at its end"
    if len(marker) > 500 or not marker.isprintable() or set(marker) & set('"\\'):
        return "its last line cannot be written as a filter pattern"
    if sum(marker in other for other in markers) > 1:
        return "its last line is part of another batch's"
    return ""


def error_pattern(application: Application) -> tuple[str, Via]:
    """The filter pattern of error lines, from the language that the application is seen to use."""
    words = ["ERROR", "FATAL"]
    sources = []
    note = "the usual words; no language of the application is known"
    for step in application.steps:
        match step.effect:
            case LanguagePackages(manager=manager):
                names: tuple[str, ...] = (manager,)
            case InstallPackages(names=names):
                pass
            case _:
                continue
        for language, its_words in _ERROR_WORDS.items():
            if any(name.partition("=")[0].rstrip("0123456789.") in _LANGUAGE_PACKAGES[language] for name in names):
                words += [word for word in its_words if word not in words]
                sources += list(step.via.sources)
                note = "the words with which its language and common loggers mark errors"
    pattern = " ".join(f"?{word}" if word.isalnum() else f'?"{word}"' for word in words)
    return pattern, Via(rule=_RULE, sources=tuple(dict.fromkeys(sources)), note=note)


_LANGUAGE_PACKAGES = {
    "ruby": frozenset({"ruby", "puma", "gem", "bundler", "ruby-dev"}),
    "python": frozenset({"python", "pip", "gunicorn", "uwsgi"}),
    "node": frozenset({"nodejs", "npm", "yarn"}),
    "java": frozenset({"default-jre", "default-jre-headless", "openjdk-17-jre", "openjdk"}),
    "php": frozenset({"php", "php-fpm", "composer"}),
}
_ERROR_WORDS: Mapping[str, tuple[str, ...]] = {
    "ruby": ("(RuntimeError)", "(NoMethodError)", "LoadError"),
    "python": ("Traceback", "CRITICAL"),
    "node": ("UnhandledPromiseRejection", "TypeError"),
    "java": ("Exception", "SEVERE"),
    "php": ("PHP Fatal error",),
}


def values(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    """The variable `alarms` of the Terraform root."""
    jobs = scheduled_jobs(application)
    watched = watches(application)
    pattern, pattern_via = error_pattern(application)
    made: dict[str, Hcl | Noted] = {
        "error_lines": {
            definition.name: Noted(
                value={
                    "alarm": names.alarm(f"{definition.name}-errors"),
                    "description": f"Error lines in {names.log_group(definition.name)}. Look there first.",
                    "metric": f"{definition.name}-errors",
                    "pattern": pattern,
                    "threshold": 1,
                },
                via=pattern_via,
                comment=f"{pattern_via.note}: narrow it once you know what this application logs"
                if number == 0
                else "",
            )
            for number, definition in enumerate(application.task_definitions)
        },
        "heartbeat_filters": {watch.job.id: _filter(watch, names) for watch in watched if watch.from_log},
        "heartbeats": {
            watch.job.id: _alarm(watch, watch.heartbeat, names)
            for watch in watched
            if isinstance(watch.heartbeat, Alarm)
        },
        "executions": {
            job.id: Noted(
                value={
                    "alarm": names.alarm(f"{job.id}-failed"),
                    "description": f"{job.id} failed, ran out of time or was stopped: state machine "
                    f"{names.state_machine(job.id)}. Once the cause is gone: ops/run-batch.sh {job.id}",
                },
                via=Via(rule=_RULE, sources=job.via.sources),
            )
            for job in jobs
        },
        "scheduler": {
            metric: {"alarm": names.alarm(f"scheduler-{metric}"), "description": text}
            for metric, text in SCHEDULER_METRICS.items()
            if jobs
        },
    }
    if jobs:
        made["dead_letters"] = {
            "alarm": names.alarm("schedules-dead-letters"),
            "description": f"Starts that were not delivered lie in {names.dead_letter_queue}: they did not run.",
        }
    made |= dict(_services(application, names))
    return made


def _services(application: Application, names: Names) -> Iterator[tuple[str, Hcl | Noted]]:
    running: dict[str, Hcl | Noted] = {}
    for definition in application.task_definitions:
        process = process_of(application, definition)
        if process is None:
            continue
        via = Via(rule=_RULE, sources=process.via.sources)
        if load_balanced(application, definition):
            yield (
                "healthy_hosts",
                Noted(
                    value={
                        "alarm": names.alarm("no-healthy-hosts"),
                        "description": f"No task of {names.service(process.name)} answers its health check.",
                    },
                    via=via,
                ),
            )
            yield (
                "server_errors",
                Noted(
                    value={
                        "alarm": names.alarm("server-errors"),
                        "description": f"{names.service(process.name)} answers 5xx, ten or more a minute.",
                    },
                    via=via,
                ),
            )
        else:
            service = names.service(process.name)
            running[process.name] = Noted(
                value={
                    "alarm": names.alarm(f"{process.name}-not-running"),
                    "description": f"No task of {service} is running.",
                    "service": service,
                },
                via=via,
            )
    yield "running_tasks", running


def load_balanced(application: Application, definition: TaskDefinition) -> bool:
    """Whether the load balancer serves the process of `definition`: it is the API and has a port."""
    process = process_of(application, definition)
    return process is not None and process.name == "api" and process.port is not None


def _filter(watch: Watch, names: Names) -> Noted:
    value: dict[str, Hcl | Noted] = {
        "log_group": watch.definition.name,
        "metric": names.heartbeat_metric(watch.job.id),
        "pattern": f'"{watch.job.end_marker}"',
    }
    return Noted(value=value, via=Via(rule=_RULE, sources=watch.job.via.sources))


def metric(watch: Watch, names: Names) -> str:
    """The metric that counts the ends of a batch."""
    return names.heartbeat_metric(watch.job.id) if watch.from_log else "ExecutionsSucceeded"


def explain(watch: Watch) -> str:
    """In words: what is watched, and why so."""
    gap_s = watch.job.longest_gap_s
    what = "its End. line" if watch.from_log else f"successes of its state machine ({watch.why_not_log})"
    match watch.heartbeat:
        case Alarm() as alarm:
            how = f"silent for {duration_text(alarm.window_s)}"
        case DailyCheck(days=days):
            how = (
                f"no end within {days} days, looked for once a day: CloudWatch alarms reach back no further than 7 days"
            )
        case NoHeartbeat(reason=reason):
            return f"no dead-man alarm: {reason}; failures and missed starts are still told"
    return f"{how}; longest gap {duration_text(gap_s or 0)}, plus run, start and clock changes; counts {what}"


def _alarm(watch: Watch, alarm: Alarm, names: Names) -> Noted:
    value: dict[str, Hcl | Noted] = {
        "alarm": names.alarm(f"{watch.job.id}-silent"),
        "description": f"{watch.job.id} has not ended well for {duration_text(alarm.window_s)}. "
        f"See ops/schedules.sh status {watch.job.id}.",
        "metric": metric(watch, names),
        "period": alarm.period_s,
        "evaluation_periods": alarm.evaluation_periods,
        "executions": not watch.from_log,
    }
    return Noted(
        value=value, via=Via(rule=_RULE, sources=watch.job.via.sources, note=explain(watch)), comment=explain(watch)
    )


def check_values(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    """The variable `heartbeat_checks` of the Terraform root."""
    made: dict[str, Hcl | Noted] = {}
    for watch in watches(application):
        if isinstance(watch.heartbeat, DailyCheck):
            value: dict[str, Hcl | Noted] = {
                "schedule": names.heartbeat_check_schedule(watch.job.id),
                "expression": CHECK_EXPRESSION,
                "timezone": application.timezone or "UTC",
                "days": watch.heartbeat.days,
                "namespace": names.metric_namespace if watch.from_log else "AWS/States",
                "metric": metric(watch, names),
                "executions": not watch.from_log,
            }
            via = Via(rule=_RULE, sources=watch.job.via.sources, note=explain(watch))
            made[watch.job.id] = Noted(value=value, via=via, comment=explain(watch))
    return made


# --------------------------------------------------------------------------------------------------------------------
# The daily check
# --------------------------------------------------------------------------------------------------------------------


def check_definition() -> dict[str, Json]:
    """The state machine that counts the ends of a rare batch and says so if there are none.

    Input: job, namespace, metric, dimensions, days. `${topic}` is left to Terraform.
    """
    message = (
        "{% 'The batch ' & $states.input.job & ' has not ended well within ' & $string($states.input.days) & "
        "' days. See ops/schedules.sh status ' & $states.input.job %}"
    )
    return {
        "Comment": "Looks for the last end of a batch that is too rare for a CloudWatch alarm",
        "QueryLanguage": "JSONata",
        "StartAt": "CountEnds",
        "TimeoutSeconds": 300,
        "States": {
            "CountEnds": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:cloudwatch:getMetricStatistics",
                "TimeoutSeconds": 60,
                "Arguments": {
                    "Namespace": "{% $states.input.namespace %}",
                    "MetricName": "{% $states.input.metric %}",
                    "Dimensions": "{% $states.input.dimensions %}",
                    "StartTime": "{% $fromMillis($millis() - $states.input.days * 86400000) %}",
                    "EndTime": "{% $now() %}",
                    "Period": 86400,
                    "Statistics": ["Sum"],
                },
                "Output": {
                    "job": "{% $states.input.job %}",
                    "days": "{% $states.input.days %}",
                    "ends": "{% $exists($states.result.Datapoints.Sum) ? $sum($states.result.Datapoints.Sum) : 0 %}",
                },
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 2.0}],
                "Next": "Ended",
            },
            "Ended": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.ends > 0 %}", "Next": "AllIsWell"}],
                "Default": "Report",
            },
            "Report": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "TimeoutSeconds": 60,
                "Arguments": {"TopicArn": "${topic}", "Subject": "A batch is silent", "Message": message},
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 2.0}],
                "End": True,
            },
            "AllIsWell": {"Type": "Succeed"},
        },
    }


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """The check's state machine, beside the module that makes it."""
    path = f"{application.name}/infra/modules/batches/heartbeat_check.asl.json"
    return (
        json_file(path, check_definition(), {}, Via(rule=_RULE, note="absence of batches rarer than an alarm can see")),
    )
