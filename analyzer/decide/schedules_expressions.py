"""The named schedules of a job: the regular ones, and one-time ones for runs that clock changes drop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from analyzer.cron.convert import Conversion
from analyzer.cron.crontab import ClockRule
from analyzer.cron.firings import next_firings
from analyzer.decide.schedules_times import JobTimes
from analyzer.model import (
    Expression,
)


def regular_expressions(job_id: str, timing: JobTimes) -> tuple[Expression, ...]:
    if timing.rate:
        return (Expression(name=job_id, expression=timing.rate, timezone=timing.timezone),)
    if timing.conversion is None:
        return ()
    return tuple(
        Expression(
            name=job_id if number == 1 else f"{job_id}-{number}", expression=text, timezone=timing.conversion.timezone
        )
        for number, text in enumerate(timing.conversion.expressions, 1)
    )


def guard_text(conversion: Conversion | None) -> str:
    """`weekday:1,5+32400`: ISO-free weekdays from 0 = Sunday, and the seconds to add to the scheduled time in UTC."""
    if conversion is None or conversion.guard is None:
        return ""
    days = [str(day) for day in range(7) if conversion.guard.weekdays >> day & 1]
    return f"weekday:{','.join(days)}{conversion.guard.shift_s:+d}"


def catch_up(job_id: str, timing: JobTimes, taken: int) -> tuple[Expression, ...]:
    """One-time schedules for the runs that a clock change drops, each with a minute of its own."""
    used: set[datetime] = set()
    found: list[Expression] = []
    for at in timing.equivalence.missed:
        instant = datetime.fromisoformat(at).astimezone(UTC)
        # An instant is started once, so each needs a minute in which nothing else starts.
        while instant in used or _fires(timing, instant):
            instant += timedelta(minutes=1)
        used.add(instant)
        found.append(
            Expression(
                name=f"{job_id}-{taken + len(found) + 1}",
                expression=f"at({instant:%Y-%m-%dT%H:%M:%S})",
                timezone="UTC",
                role="catch-up",
            )
        )
    return tuple(found)


def _fires(timing: JobTimes, instant: datetime) -> bool:
    return instant in next_firings(timing.times, timing.timezone, ClockRule.FIRST_PASS, instant, 1)
