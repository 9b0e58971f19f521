"""How the silence of each batch is noticed: what counts as its end, and how long none may come."""

from __future__ import annotations

from msgspec import Struct

from analyzer.model import Application, Job, TaskDefinition
from analyzer.render.checks import MAX_FILTERS_PER_LOG_GROUP
from analyzer.render.containers import scheduled_jobs
from analyzer.render.heartbeats import Alarm, DailyCheck, Heartbeat, NoHeartbeat, duration_text, heartbeat
from analyzer.render.log_patterns import why_no_pattern


class Watch(Struct, frozen=True, kw_only=True):
    """How the silence of one batch is noticed."""

    job: Job
    definition: TaskDefinition
    heartbeat: Heartbeat
    from_log: bool
    """True: a metric filter counts its "End." lines; False: its state machine counts each run that ended well."""
    why_not_log: str = ""


def watches(application: Application) -> tuple[Watch, ...]:
    """One for each scheduled batch, in order."""
    found: list[Watch] = []
    for definition in application.task_definitions:
        members = [job for job in scheduled_jobs(application) if job.id in definition.jobs]
        markers = [job.end_marker for job in members]
        room = MAX_FILTERS_PER_LOG_GROUP - 1  # one counts the error lines
        for job in members:
            reason = why_no_pattern(job.end_marker, markers)
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


def explain(watch: Watch) -> str:
    """In words: what is watched, and why so."""
    gap_s = watch.job.longest_gap_s
    what = "its End. line" if watch.from_log else f"what its state machine counts ({watch.why_not_log})"
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
