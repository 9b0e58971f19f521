"""How long a batch may take and how late it may start: figures for schedules and state machines.

Cron limits nothing and never tries again. A limit here only ends what hangs, so it lies far above what was seen; a late
start is given up before the next firing, so that runs keep their order.
"""

from __future__ import annotations

from msgspec import Struct

from analyzer.model import Job

UNKNOWN_DURATION_S = 24 * 3600
"""Limit of a batch whose duration nobody has seen."""
LONGEST_EVENT_AGE_S = 3600
_FIRST_RETRY_S = 30
_MOST_RETRIES = 5


class Limits(Struct, frozen=True):
    """Limits of one job, in seconds."""

    attempt_s: int
    """One run of the container."""
    attempt_reason: str
    total_s: int
    """The whole execution: waiting for a lock, attempts to start, runs."""
    start_retries: int
    """Attempts to start the task again after a failure to start; they end before the next firing."""
    first_retry_s: int
    event_age_s: int
    """How late Scheduler may still deliver; never later than the next firing."""
    delivery_retries: int


def limits(job: Job) -> Limits:
    """The limits of `job`: from its own `timeout`, else from the duration that was seen."""
    if job.timeout_s is not None:
        # `timeout` inside ends it first and gives the exit status; the state's limit is for a task that hangs.
        attempt, reason = job.timeout_s + 120, "the command's own timeout and two minutes for start and stop"
    elif job.footprint.duration_s is not None:
        attempt = max(3600, _round_up(6 * job.footprint.duration_s, 600))
        reason = f"six times the {job.footprint.duration_s:.0f} s that runs took, at least an hour"
    else:
        attempt, reason = UNKNOWN_DURATION_S, "no run was seen; a day ends only what hangs"
    gap = job.shortest_gap_s or 24 * 3600
    retries, waited = 0, 0
    while retries < _MOST_RETRIES and waited + _FIRST_RETRY_S * 2**retries <= max(gap, 60):
        waited += _FIRST_RETRY_S * 2**retries
        retries += 1
    runs = 1 + job.retries
    total = runs * attempt + waited * runs + (attempt if job.single_flight == "queue" else 0) + 600
    return Limits(
        attempt_s=attempt,
        attempt_reason=reason,
        total_s=total,
        start_retries=retries,
        first_retry_s=_FIRST_RETRY_S,
        event_age_s=max(60, min(gap, LONGEST_EVENT_AGE_S)),
        delivery_retries=3,
    )


def _round_up(value: float, step: int) -> int:
    return int(-(-value // step) * step)
