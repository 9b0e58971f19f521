"""What raises an alarm: values for the Terraform module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.model import Application, TaskDefinition, Via
from analyzer.render.containers import process_of, scheduled_jobs
from analyzer.render.hcl import Hcl, Noted
from analyzer.render.heartbeats import Alarm, DailyCheck, duration_text
from analyzer.render.log_patterns import error_pattern
from analyzer.render.names import Names
from analyzer.render.watches import Watch, explain, watches

_RULE = "template:alarms"
_CHECK = "heartbeat_check"
"""With an underscore, which no batch's id has."""

BAD_ENDS: Mapping[str, tuple[str, str]] = {
    "ExecutionsFailed": ("failed", "failed"),
    "ExecutionsTimedOut": ("timed-out", "ran out of time"),
    "ExecutionsAborted": ("aborted", "was stopped"),
}
"""Metric of Step Functions -> ending of the alarm's name, and what it means. One alarm each: a sum of the three would
have to say what becomes of it where one of them was never counted."""

SCHEDULER_METRICS: Mapping[str, str] = {
    "TargetErrorCount": "Scheduler could not start a batch: the state machine refused the start (permissions, name).",
    "TargetErrorThrottledCount": "Step Functions throttled a start; Scheduler retries.",
    "InvocationThrottleCount": "Scheduler itself was throttled; starts come late.",
    "InvocationDroppedCount": "Scheduler gave up a start after all retries: a batch did not run.",
    "InvocationsFailedToBeSentToDeadLetterCount": "A start that failed could not even be kept in the queue.",
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
        "executions": dict(_executions(application, names, watched)),
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


def _executions(
    application: Application, names: Names, watched: tuple[Watch, ...]
) -> Iterator[tuple[str, Hcl | Noted]]:
    for job in scheduled_jobs(application):
        for metric, (ending, meaning) in BAD_ENDS.items():
            yield (
                f"{job.id}-{ending}",
                Noted(
                    value={
                        "alarm": names.alarm(f"{job.id}-{ending}"),
                        "description": f"{job.id} {meaning}: state machine {names.state_machine(job.id)}. Once the "
                        f"cause is gone: ops/run-batch.sh {job.id}",
                        "metric": metric,
                        "job": job.id,
                    },
                    via=Via(rule=_RULE, sources=job.via.sources),
                ),
            )
    rare = [watch.job.id for watch in watched if isinstance(watch.heartbeat, DailyCheck)]
    for metric, (ending, meaning) in BAD_ENDS.items():
        if rare:
            yield (
                f"{_CHECK}-{ending}",
                {
                    "alarm": names.alarm(f"{_CHECK}-{ending}"),
                    "description": f"The daily look for rare batches {meaning}: state machine {names.heartbeat_check}. "
                    f"Until it works nobody is told if one of these is missing: {', '.join(rare)}"[:1024],
                    "metric": metric,
                },
            )


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


def _alarm(watch: Watch, alarm: Alarm, names: Names) -> Noted:
    value: dict[str, Hcl | Noted] = {
        "alarm": names.alarm(f"{watch.job.id}-silent"),
        "description": f"{watch.job.id} has not ended well for {duration_text(alarm.window_s)}. "
        f"See ops/schedules.sh status {watch.job.id}.",
        "metric": names.heartbeat_metric(watch.job.id),
        "period": alarm.period_s,
        "evaluation_periods": alarm.evaluation_periods,
    }
    return Noted(
        value=value, via=Via(rule=_RULE, sources=watch.job.via.sources, note=explain(watch)), comment=explain(watch)
    )
