"""When and how one batch is handed over from cron to Scheduler: neither twice nor not at all."""

from __future__ import annotations

import math
import re
from typing import Literal

from msgspec import Struct

from analyzer.cron.eventbridge import ExpressionError, read_expression
from analyzer.cron.times import MINUTES_A_DAY, members
from analyzer.model import Job, Source

DAYTIME = (10 * 60, 16 * 60)
"""Minutes of the day in which a hand-over is best done: people are there, and the rest of the day to watch."""
MARGIN_MINUTES = 10
"""Kept free before and after: clocks differ, a run takes longer, a hand types slowly."""


class Handover(Struct, frozen=True, kw_only=True):
    """The plan for one batch."""

    kind: Literal["quiet", "between", "continuous", "unknown"]
    """quiet: there is time enough between two runs. between: minutes only, right after a run. continuous: a run may
    still go on when the next one starts."""
    zone: str = ""
    start: str = ""
    """Local time from which it can be done, `HH:MM`."""
    end: str = ""
    next_firing: str = ""
    minutes: int = 0
    """Length of the quiet time."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a schedule stands on its host."""

    kind: Literal["table", "crontab", "timer", "script"]
    host: str
    path: str
    """File, or the unit of a timer."""
    user: str = ""
    """Owner of a crontab."""


def handover(job: Job) -> Handover:
    """When `job` can be handed over, from the minutes of the day at which it can fire."""
    regular = [expression for expression in job.expressions if expression.role == "regular"]
    zones = {expression.timezone for expression in regular}
    firings: set[int] = set()
    for expression in regular:
        try:
            firings |= set(members(read_expression(expression.expression).minutes_of_day))
        except ExpressionError:
            return Handover(kind="unknown")
    if not firings or len(zones) != 1:
        return Handover(kind="unknown")
    run = math.ceil((job.footprint.duration_s if job.footprint.duration_s is not None else 600) / 60)
    zone = zones.pop()
    ordered = sorted(firings)
    best: tuple[int, int, int, int] | None = None
    longest = 0
    by_day = sorted(ordered, key=lambda minute: (minute < DAYTIME[0], minute))  # examples at a human hour
    for here, following in zip(ordered, [*ordered[1:], ordered[0] + MINUTES_A_DAY], strict=True):
        longest = max(longest, following - here)
        begin, finish = here + 2 * run + MARGIN_MINUTES, following - MARGIN_MINUTES
        if finish - begin < MARGIN_MINUTES:
            continue
        for shift in (0, MINUTES_A_DAY):
            start = max(begin, DAYTIME[0] + shift)
            end = min(finish, DAYTIME[1] + shift)
            inside = end - start >= MARGIN_MINUTES
            candidate = (end - start, start, end, following) if inside else (0, begin, finish, following)
            if best is None or candidate[0] > best[0] or (not best[0] and finish - begin > best[2] - best[1]):
                best = candidate
    if best is not None:
        _, start, end, following = best
        return Handover(
            kind="quiet",
            zone=zone,
            start=_clock(start),
            end=_clock(end),
            next_firing=_clock(following),
            minutes=end - start,
        )
    following_of = dict(zip(ordered, [*ordered[1:], ordered[0] + MINUTES_A_DAY], strict=True))
    after = next(minute for minute in by_day if following_of[minute] - minute == longest)
    kind: Literal["between", "continuous"] = "between" if longest > run + 1 else "continuous"
    return Handover(
        kind=kind,
        zone=zone,
        start=_clock(after + run),
        end=_clock(after + longest),
        next_firing=_clock(after + longest),
        minutes=max(longest - run, 0),
    )


def _clock(minute: int) -> str:
    return f"{minute % MINUTES_A_DAY // 60:02}:{minute % 60:02}"


def place(source: Source) -> Place | None:
    """The place on the host that an evidence file shows; None for a source that is not a host's."""
    found = re.fullmatch(r"(?:.*/)?([^/]+)/fs/(.+?)(?:\.gz)?", source.file)
    if found is None:
        found = re.fullmatch(r"(?:.*/)?([^/]+)/cmd/crontab-([^/]+?)\.txt(?:\.gz)?", source.file)
        return Place(kind="crontab", host=found[1], path="", user=found[2]) if found is not None else None
    host, path = found[1], f"/{found[2]}"
    owner = re.fullmatch(r"/var/spool/cron/(?:crontabs/)?([^/]+)", path)
    if owner is not None:
        return Place(kind="crontab", host=host, path=path, user=owner[1])
    if path.endswith(".timer"):
        return Place(kind="timer", host=host, path=path.rpartition("/")[2])
    if re.match(r"/etc/cron\.(hourly|daily|weekly|monthly)/", path):
        return Place(kind="script", host=host, path=path)
    return Place(kind="table", host=host, path=path)


def places(job: Job) -> tuple[Place, ...]:
    """All places on hosts where `job` stands."""
    return tuple(dict.fromkeys(found for source in job.sources if (found := place(source)) is not None))
