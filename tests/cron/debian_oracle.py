"""Debian cron's main loop under a simulated clock, minute by minute: the second opinion where clocks change.

cronsim runs a job that a gap leaves out once, however many of its minutes are missing, and it hops whole hours, which
goes wrong in the one zone that shifts by half an hour. So clock changes are compared with this loop as well.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from .eventbridge_oracle import EPOCH, zone
from .random_lines import MONTHS, WEEKDAYS

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values(field: str, which: int) -> set[int]:
    low, high = BOUNDS[which]
    names = {3: dict(zip(MONTHS, range(1, 13), strict=True)), 4: dict(zip(WEEKDAYS, range(7), strict=True))}.get(
        which, {}
    )
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        ends = [low, high] if span == "*" else [names[end] if end in names else int(end) for end in span.split("-")]
        found |= set(range(ends[0], ends[-1] + 1, int(step or 1)))
    return {value % 7 for value in found} if which == 4 else found


class Job:
    """One line, with the class that decides what happens at clock changes."""

    def __init__(self, text: str) -> None:
        fields = text.split()
        self.sets = [values(field, which) for which, field in enumerate(fields)]
        self.wild = fields[0].startswith("*") or fields[1].startswith("*")
        self.both = fields[2].startswith("*") or fields[4].startswith("*")

    def fits(self, wall: datetime) -> bool:
        minutes, hours, days, months, weekdays = self.sets
        by_day, by_weekday = wall.day in days, (wall.weekday() + 1) % 7 in weekdays
        day = (by_day and by_weekday) if self.both else (by_day or by_weekday)
        return wall.minute in minutes and wall.hour in hours and wall.month in months and day


def runs(text: str, name: str, start: datetime, end: datetime) -> Counter[datetime]:
    """Instants (UTC) at which the loop starts the job, each with how often."""
    job = Job(text)
    naive = EPOCH.replace(tzinfo=None)
    found: Counter[datetime] = Counter()
    instant = start
    virtual: datetime | None = None
    while instant < end:
        wall = instant.astimezone(zone(name)).replace(tzinfo=None)
        step = 1 if virtual is None else (wall - virtual) // timedelta(minutes=1)
        assert wall > naive
        if step == 1 or step > 180 or step <= -180:
            found[instant] += job.fits(wall)
            virtual = wall
        elif step > 5:
            assert virtual is not None
            found[instant] += job.wild and job.fits(wall)
            while virtual < wall:
                virtual += timedelta(minutes=1)
                found[instant] += not job.wild and job.fits(virtual)
        elif step > 1:
            assert virtual is not None
            while virtual < wall:
                virtual += timedelta(minutes=1)
                found[instant] += job.fits(virtual)
        else:
            found[instant] += job.wild and job.fits(wall)
        instant += timedelta(minutes=1)
    return +found
