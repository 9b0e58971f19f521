"""Crontabs as their daemon reads them: the time columns of one line, and a whole table with its dead lines.

Debian cron throws away the whole file for one bad line or a missing final newline, cronie and busybox only the line.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.cron.fields import FIELDS, FieldError, FieldSet, read_field
from analyzer.cron.times import ALL_DAYS, ALL_WEEKDAYS, YEAR_KINDS, Times
from analyzer.model import CronDaemon

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Case-sensitive. `@reboot` is the eighth and has no time."""


class ClockRule(StrEnum):
    """What the source of a schedule does where local time jumps."""

    REPLAY = "replay"
    """Vixie's fixed-time jobs: a minute in the gap runs at the jump, a repeated hour counts once."""
    EACH_PASS = "each-pass"
    """Vixie's wildcard jobs, busybox, CRON_TZ: nothing in the gap, a repeated hour runs twice."""
    FIRST_PASS = "first-pass"
    """systemd, and EventBridge Scheduler by its documentation: nothing in the gap, a repeated hour runs once."""


class ScheduleError(ValueError):
    """The daemon refuses the time columns; the text is the daemon's own word for it, then the cause."""


class Schedule(Struct, frozen=True, kw_only=True):
    """What the time columns of one entry mean."""

    times: tuple[Times, ...]
    """Their union; empty for `reboot`."""
    rule: ClockRule
    reboot: bool = False
    notes: tuple[str, ...] = ()
    fixed: bool = False
    """Vixie's fixed-time class: neither the minute nor the hour field begins with `*`."""
    random: bool = False
    """The daemon draws part of the time by lot; the earliest possible one is taken."""

    @property
    def never(self) -> bool:
        """No day of any year fits, or no minute."""
        return not self.reboot and not any(
            times.minutes and times.hours and any(times.days_of_year(*kind) for kind in YEAR_KINDS)
            for times in self.times
        )


def read_schedule(text: str, daemon: CronDaemon, *, own_zone: bool = False) -> Schedule:
    """What `daemon` makes of five time fields or a nickname; `own_zone`: under cronie's CRON_TZ.

    Raises:
        ScheduleError: it refuses them.

    """
    text = text.strip(" \t")
    if text == "@reboot":
        return Schedule(times=(), rule=ClockRule.EACH_PASS, reboot=True)
    fields = re.split(r"[ \t]+", NICKNAMES.get(text, text))
    if text.startswith("@") and text not in NICKNAMES:
        raise ScheduleError(f"bad time specifier: `{text}` is no nickname of {daemon.value}")
    if len(fields) != len(FIELDS):
        raise ScheduleError(f"bad {FIELDS[min(len(fields), 4)].name}: {len(fields)} time fields, five are needed")
    if daemon in {CronDaemon.CRONIE_1_4, CronDaemon.CRONIE_1_5, CronDaemon.CRONIE_1_7}:
        fields[0] = fields[0].removeprefix("-")  # root may ask cronie not to log the job
    sets: list[FieldSet] = []
    for word, kind in zip(fields, FIELDS, strict=True):
        try:
            sets.append(read_field(word, kind, daemon))
        except FieldError as error:
            raise ScheduleError(f"bad {kind.name}: {error}") from error
    minutes, hours, days, months, weekdays = (item.values for item in sets)
    times = Times(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays)
    if daemon is CronDaemon.BUSYBOX:
        times = _busybox_days(times, fields[2])
        rule, wildcard = ClockRule.EACH_PASS, True
    else:
        # Only the first character counts: `*/2` is a star, `1,*/2` is not.
        if not (fields[2].startswith("*") or fields[4].startswith("*")):
            times = replace(times, day_rule="or")
        wildcard = fields[0].startswith("*") or fields[1].startswith("*")
        rule = ClockRule.EACH_PASS if wildcard or own_zone else ClockRule.REPLAY
    return Schedule(
        times=(_simplest(times),),
        rule=rule,
        fixed=not wildcard,
        notes=tuple(note for item in sets for note in item.notes),
        random=any(item.random for item in sets),
    )


def _busybox_days(times: Times, day_field: str) -> Times:
    """The day rule of busybox: a set that is full is dropped, else a day may be in either; its dial has a day 0."""
    all_days = times.days == ALL_DAYS and day_field.startswith("*")
    all_weekdays = times.weekdays == ALL_WEEKDAYS
    if all_days or all_weekdays:
        return replace(times, day_rule="and")
    return replace(times, day_rule="or")


def _simplest(times: Times) -> Times:
    """The same days with the weaker of two day conditions made full, where one alone decides."""
    if times.day_rule == "or" and times.days == ALL_DAYS:
        return replace(times, weekdays=ALL_WEEKDAYS, day_rule="and")
    if times.day_rule == "or" and times.weekdays == ALL_WEEKDAYS:
        return replace(times, days=ALL_DAYS, day_rule="and")
    if times.day_rule == "or" and not times.days:
        return replace(times, days=ALL_DAYS, day_rule="and")
    if times.day_rule == "or" and not times.weekdays:
        return replace(times, weekdays=ALL_WEEKDAYS, day_rule="and")
    return times


# --------------------------------------------------------------------------------------------------------------------
# Tables
# --------------------------------------------------------------------------------------------------------------------


class Line(Struct, frozen=True, kw_only=True):
    """One entry of a table."""

    number: int
    schedule: str
    user: str
    """From the sixth column, "" in a user's own table."""
    command: str
    environment: tuple[tuple[str, str], ...]
    """The settings above it."""
    name: str = ""
    """What stands behind `#Ansible:` in the line above."""
    enabled: bool = True
    """False for an entry that Ansible has commented out."""
    dead: str = ""
    """Why the daemon never runs it."""


class Complaint(Struct, frozen=True, kw_only=True):
    """Something the daemon (or a reader) would say about a line."""

    number: int
    message: str
    hint: str = ""
    harmless: bool = False


class Table(Struct, frozen=True):
    """A whole crontab."""

    lines: tuple[Line, ...]
    complaints: tuple[Complaint, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=())
    """All settings, those at the file's end included."""


_MARKER = "#Ansible: "
_SETTING = re.compile(r"""[ \t]*(?:"(?P<q1>[^"]*)"|'(?P<q2>[^']*)'|(?P<name>[^\s="']+))[ \t]*=[ \t]*(?P<value>.*)""")
_DEAD_FILE = "Syntax error, this crontab file will be ignored"


def read_table(text: str, daemon: CronDaemon, *, system: bool, complete: bool = True) -> Table:
    """Every entry of a crontab, the dead ones too, with what its daemon would complain about.

    Args:
        text: the file.
        daemon: the program that reads it.
        system: the sixth column is a user (/etc/crontab, /etc/cron.d).
        complete: it is the file itself; the output of `crontab -l` may lack the final newline.

    """
    lines: list[Line] = []
    complaints: list[Complaint] = []
    environment: dict[str, str] = {}
    marker = ""
    if text.startswith("\ufeff"):
        complaints.append(Complaint(number=1, message="bad minute: a byte order mark stands before the first column"))
        text = text[1:]
    rows = text.split("\n")
    unfinished = bool(rows[-1].strip(" \t")) and complete
    for number, raw in enumerate(rows, 1):
        row = raw.lstrip(" \t")
        previous, marker = marker, ""
        if not row.strip():
            marker = previous if not row else ""
            continue
        enabled = True
        if row.startswith("#"):
            if row.startswith(_MARKER):
                marker = row.removeprefix(_MARKER).rstrip("\r")
                continue
            if not previous:
                continue
            enabled, row = False, row[1:]
        setting = _setting(row, daemon) if enabled else None
        if setting is not None:
            environment[setting[0]] = setting[1]
            continue
        line, complaint = _entry(row, number, daemon, system=system)
        if complaint is not None and enabled:
            complaints.append(complaint)
        if line is not None:
            if row.endswith("\r") and enabled:
                message = "the line ends in a carriage return, which becomes part of the command"
                complaints.append(
                    Complaint(number=number, message=message, hint="convert the file with dos2unix", harmless=True)
                )
            lines.append(replace(line, environment=tuple(environment.items()), name=previous, enabled=enabled))
    if unfinished and daemon is CronDaemon.DEBIAN:
        complaints.append(Complaint(number=len(rows), message="Missing newline before EOF"))
    if daemon is CronDaemon.DEBIAN and (fatal := [item for item in complaints if not item.harmless]):
        why = f"{_DEAD_FILE} (line {fatal[0].number}: {fatal[0].message})"
        lines = [replace(line, dead=why) for line in lines]
    return Table(tuple(lines), tuple(complaints), tuple(environment.items()))


def _setting(row: str, daemon: CronDaemon) -> tuple[str, str] | None:
    """NAME=value, or None where the daemon reads the row as an entry."""
    found = _SETTING.fullmatch(row.rstrip("\r"))
    if found is None:
        return None
    name = found["q1"] if found["q1"] is not None else found["q2"] if found["q2"] is not None else found["name"]
    value = found["value"].rstrip(" \t")
    if value[:1] in {'"', "'"}:
        if len(value) < 2 or value[-1] != value[0] or value[0] in value[1:-1]:
            return None
        return name, value[1:-1]
    if not value and daemon is CronDaemon.DEBIAN:
        return None  # an empty value needs quotes there
    return name, value


def _entry(row: str, number: int, daemon: CronDaemon, *, system: bool) -> tuple[Line | None, Complaint | None]:
    cronie = daemon in {CronDaemon.CRONIE_1_4, CronDaemon.CRONIE_1_5, CronDaemon.CRONIE_1_7}
    columns = (1 if row.startswith("@") else 5) + (1 if system else 0)
    pieces = re.split(r"[ \t]+", row.rstrip("\r"), maxsplit=columns)
    times = columns - (1 if system else 0)
    schedule = " ".join(pieces[:times])
    user = pieces[times] if system and len(pieces) > times else ""
    command = (pieces[columns] if len(pieces) > columns else "") + ("\r" if row.endswith("\r") else "")
    problem = ""
    try:
        read_schedule(schedule, daemon)
    except ScheduleError as error:
        problem = str(error)
    if not problem and system and not user:
        problem = "bad username: the sixth column is missing"
    if not problem and not command.strip():
        if cronie:
            problem = "bad command: there is none"
        elif daemon is CronDaemon.BUSYBOX:
            return None, Complaint(number=number, message="no command: busybox skips the line", harmless=True)
    if not problem and daemon is CronDaemon.DEBIAN and len(command) >= 1000:
        problem = f"command too long: {len(command)} characters, the limit is 999"
    if problem and not re.match(r"[-*0-9@~]", row) and len(pieces) <= columns:
        # Not even the shape of an entry (`export A=b`): a complaint, but no job is lost by it.
        return None, Complaint(
            number=number, message=f"bad minute: `{row.strip()}`", hint="not an entry, not NAME=value"
        )
    line = Line(
        number=number, schedule=schedule, user=user, command=command, environment=(), dead=problem and f"{problem}"
    )
    return line, Complaint(number=number, message=problem) if problem else None
