"""One crontab line explained: expressions, the next firings of both sides, the verdict and what differs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from analyzer.cron.convert import Conversion, ConversionError, convert
from analyzer.cron.crontab import ClockRule, Schedule, ScheduleError, read_schedule
from analyzer.cron.eventbridge import read_expression
from analyzer.cron.firings import next_firings
from analyzer.cron.proof import prove
from analyzer.cron.systemd import CalendarError, read_calendar
from analyzer.cron.zones import HORIZON_START, HORIZON_YEARS, ZoneError, zone
from analyzer.model import CronDaemon, Equivalence

FIRINGS = 10

Form = Literal["text", "json"]


class Explanation(Struct, frozen=True, kw_only=True):
    """What one line becomes."""

    line: str
    schedule: str
    command: str
    daemon: CronDaemon
    timezone: str
    meaning: Schedule | None
    conversion: Conversion | None
    equivalence: Equivalence
    cron_firings: tuple[datetime, ...] = ()
    """UTC, one for each run: a minute that cron starts twice is in it twice."""
    schedule_firings: tuple[datetime, ...] = ()


def explain_line(
    line: str,
    timezone: str,
    daemon: CronDaemon = CronDaemon.DEBIAN,
    start: datetime = HORIZON_START,
    form: Form = "text",
) -> str:
    """The explanation of one line (five fields or a nickname, with or without a command; or `OnCalendar=…`).

    `start` (UTC) begins both the list of firings and the ten years of clock changes.
    """
    found = explain(line, timezone, daemon, start)
    if form == "json":
        return json.dumps(as_json(found), ensure_ascii=False, indent=2) + "\n"
    return as_text(found)


def explain_lines(
    text: str,
    timezone: str,
    daemon: CronDaemon = CronDaemon.DEBIAN,
    start: datetime = HORIZON_START,
    form: Form = "text",
) -> str:
    """The explanations of many lines, one a line; blank lines, comments and settings are passed over.

    `CRON_TZ=` moves what stands below it where the daemon is cronie.
    """
    found = []
    for raw in text.replace("\r\n", "\n").split("\n"):
        row = raw.strip()
        if setting := re.fullmatch(r"([A-Za-z_]\w*)\s*=\s*(.*)", row):
            if setting[1] == "OnCalendar":
                found.append(explain(row, timezone, daemon, start))
            elif setting[1] == "CRON_TZ" and daemon.value.startswith("cronie"):
                timezone = setting[2].strip("\"'")
            continue
        if row and not row.startswith("#"):
            found.append(explain(row, timezone, daemon, start))
    if form == "json":
        return json.dumps([as_json(item) for item in found], ensure_ascii=False, indent=2) + "\n"
    return "\n".join(as_text(item) for item in found)


def explain(line: str, timezone: str, daemon: CronDaemon, start: datetime) -> Explanation:
    """Everything about one line; what cannot be converted says why in `equivalence`."""
    schedule_text, command = _columns(line, daemon)
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    start = start.replace(second=0, microsecond=0)
    if line.startswith("OnCalendar="):
        daemon = CronDaemon.SYSTEMD
    meaning: Schedule | None = None
    conversion: Conversion | None = None
    try:
        zone(timezone)
        if daemon is CronDaemon.SYSTEMD:
            calendar = read_calendar(schedule_text)
            timezone = calendar.timezone or timezone
            meaning = Schedule(times=(calendar.times,), rule=ClockRule.FIRST_PASS)
        else:
            meaning = read_schedule(schedule_text, daemon)
        conversion = convert(meaning, timezone, start=start, years=HORIZON_YEARS)
        equivalence = prove(meaning, conversion, timezone, start=start, years=HORIZON_YEARS)
    except (ScheduleError, CalendarError, ZoneError, ConversionError) as error:
        never = meaning is not None and meaning.never
        equivalence = Equivalence(verdict="equal" if never else "refused", method=str(error))
    return Explanation(
        line=line,
        schedule=schedule_text,
        command=command,
        daemon=daemon,
        timezone=timezone,
        meaning=meaning,
        conversion=conversion,
        equivalence=equivalence,
        cron_firings=next_firings(meaning.times, timezone, meaning.rule, start, FIRINGS)
        if meaning is not None and conversion is not None
        else (),
        schedule_firings=_expression_firings(conversion, start) if conversion is not None else (),
    )


def _columns(line: str, daemon: CronDaemon) -> tuple[str, str]:
    """The schedule and the command of a line."""
    text = line.strip()
    if text.startswith("OnCalendar=") or daemon is CronDaemon.SYSTEMD:
        return text.removeprefix("OnCalendar="), ""
    count = 1 if text.startswith("@") else 5
    words = re.split(r"[ \t]+", text, maxsplit=count)
    return " ".join(words[:count]), words[count] if len(words) > count else ""


def _expression_firings(conversion: Conversion, start: datetime) -> tuple[datetime, ...]:
    times = [read_expression(text) for text in conversion.expressions]
    return next_firings(
        times, conversion.timezone, ClockRule.FIRST_PASS, start, FIRINGS, keep=guard_condition(conversion)
    )


def guard_condition(conversion: Conversion) -> Callable[[datetime], bool] | None:
    """The state machine's guard as a condition on an instant; None where there is none."""
    guard = conversion.guard
    if guard is None:
        return None
    return lambda instant: bool(guard.weekdays >> ((int(instant.timestamp()) + guard.shift_s) // 86400 + 4) % 7 & 1)


# --------------------------------------------------------------------------------------------------------------------
# Forms
# --------------------------------------------------------------------------------------------------------------------


def as_json(found: Explanation) -> dict[str, Any]:
    """The explanation as plan.json names things."""
    conversion, proof = found.conversion, found.equivalence
    expressions = conversion.expressions if conversion else ()
    guard = conversion.guard if conversion else None
    return {
        "line": found.line,
        "schedule": found.schedule,
        "command": found.command,
        "timezone": found.timezone,
        "daemon": found.daemon.value,
        "expressions": [
            {
                "name": "schedule" if number == 1 else f"schedule-{number}",
                "expression": text,
                "timezone": conversion.timezone if conversion else "",
            }
            for number, text in enumerate(expressions, 1)
        ],
        "form": conversion.form if conversion else "",
        "reason": conversion.reason if conversion else proof.method,
        "guard": {"weekdays": [day for day in range(7) if guard.weekdays >> day & 1], "shift_s": guard.shift_s}
        if guard
        else None,
        "equivalence": {
            "verdict": proof.verdict,
            "deduplicated": proof.deduplicated,
            "missed": list(proof.missed),
            "extra": list(proof.extra),
            "differences": [{"at": at, "what": words} for at, words in proof.differences],
            "method": proof.method,
        },
        "next": {
            "cron": _local(found.cron_firings, found.timezone),
            "schedules": _local(found.schedule_firings, found.timezone),
        },
        "notes": list(found.meaning.notes) if found.meaning else [],
    }


def _local(instants: Sequence[datetime], timezone: str) -> list[str]:
    return [instant.astimezone(zone(timezone)).isoformat() for instant in instants]


_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHOWN = 20


def as_text(found: Explanation) -> str:
    """The explanation for people."""
    lines = [found.line, f"  read by      {found.daemon.value}, time zone {found.timezone}"]
    proof, conversion = found.equivalence, found.conversion
    if conversion is None:
        lines += ["  schedules    none", f"  why          {proof.method}"]
        lines += [f"  note         {note}" for note in (found.meaning.notes if found.meaning else ())]
        return "\n".join(lines) + "\n"
    for number, text in enumerate(conversion.expressions):
        lines.append(f"  {'schedules   ' if number == 0 else ' ' * 12} {text}  {conversion.timezone}")
    lines.append(f"  form         {conversion.reason}")
    if conversion.guard is not None:
        days = ", ".join(name for day, name in enumerate(_WEEKDAYS) if conversion.guard.weekdays >> day & 1)
        lines.append(f"  guard        the state machine lets {days} pass")
    lines += [f"  note         {note}" for note in (found.meaning.notes if found.meaning else ())]
    lines.append(f"  verdict      {proof.verdict}")
    lines.append(f"  method       {proof.method}")
    for number, (at, words) in enumerate(proof.differences[:_SHOWN]):
        lines.append(f"  {'differs     ' if number == 0 else ' ' * 12} {at}  {words}")
    if len(proof.differences) > _SHOWN:
        lines.append(f"{' ' * 15}and {len(proof.differences) - _SHOWN} more; --format json lists them all")
    lines.append("  next         cron                        schedules")
    for left, right in _side_by_side(found.cron_firings, found.schedule_firings):
        both = [_local([item], found.timezone)[0] if item is not None else "-" for item in (left, right)]
        lines.append(f"{' ' * 15}{both[0]:<28}{both[1]}{'' if left == right else '   <- differs'}")
    return "\n".join(lines) + "\n"


def _side_by_side(left: Sequence[datetime], right: Sequence[datetime]) -> list[tuple[datetime | None, datetime | None]]:
    """Both lists in step: one instant a row, a side that does not fire then has None."""
    rows: list[tuple[datetime | None, datetime | None]] = []
    ours, theirs = list(left), list(right)
    while len(rows) < FIRINGS and (ours or theirs):
        if ours and theirs and ours[0] == theirs[0]:
            rows.append((ours.pop(0), theirs.pop(0)))
        elif ours and (not theirs or ours[0] < theirs[0]):
            rows.append((ours.pop(0), None))
        else:
            rows.append((None, theirs.pop(0)))
    return rows
