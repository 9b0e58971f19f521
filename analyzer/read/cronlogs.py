"""When each cron command ran: Debian cron, cronie and journald logs as runs with a start and, where told, an end.

A CMD line carries the pid of the job's shell; PAM and END lines carry the pid of its parent, the session. They are
never equal, so `cronpairs` links them by what really connects them. At Debian's log level 8 every line says both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from analyzer.model import Host, Problem, Severity
from analyzer.read.cronpairs import Event, pair
from analyzer.read.crons.secrets import marked
from analyzer.read.files import Tree
from analyzer.read.metrics.reading import MetricFile, epoch_of_local
from analyzer.usage import CommandRuns

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOG = re.compile(
    r"^fs/var/log/(?:.*/)?(?:syslog|cron|auth\.log|secure|messages)[^/]*$|^cmd/[^/]*(?:journal|cron-?log)[^/]*$"
)

_MESSAGE = (
    rb"(?:\(([^)\n]*)\) (CMDEND|CMD|END) \((.*)\)"
    rb"|pam_unix\(crond?:session\): session (opened|closed) for user ([^ (\n]+)[^\n]*"
    rb"|\(CRON\) (error|ERROR) ([^\n]*))"
    rb"[ \t]*\r?$"
)
_TRADITIONAL = re.compile(
    rb"^([A-Z][a-z]{2} [ \d]\d) (\d\d):(\d\d):(\d\d) \S+ (?:/usr/sbin/)?(?:CROND?|crond?)\[(\d{1,10})\]: " + _MESSAGE,
    re.MULTILINE,
)
_ISO = re.compile(
    rb"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)? \S+ "
    rb"(?:/usr/sbin/)?(?:CROND?|crond?)\[(\d{1,10})\]: " + _MESSAGE,
    re.MULTILINE,
)
_SHELL_PID = re.compile(r"\[(\d{1,10})\] ")
"""Before the command at Debian cron's log level 8: the pid of the job's shell; the line's own pid is the session's."""
_MESSAGE_ONLY = re.compile(_MESSAGE)
_ANY_STAMP = re.compile(rb"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)", re.MULTILINE)
_LATEST_S = 2**40
"""Numbers beyond are no instants and no process ids."""
_ORDER = {"opened": 0, "CMD": 1, "error": 2, "END": 3, "CMDEND": 3, "closed": 4}
"""Within one second; a job may begin and end in it."""
_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}


class CronLog(Struct, frozen=True, kw_only=True):
    """What the logs of one host say."""

    runs: tuple[CommandRuns, ...]
    span_s: tuple[int, int] | None
    """First and last instant of any line read."""
    problems: tuple[Problem, ...]


def read_cron_logs(host: Host, evidence: Tree, latest_s: int | None) -> CronLog:
    """Runs by user and command. `latest_s`: an instant near the evidence's collection, for stamps without a year."""
    events: set[Event] = set()
    problems: list[Problem] = []
    files = [
        MetricFile(source=evidence.source(path), data=data, timezone=host.timezone, problems=problems)
        for path in evidence.walk()
        if _LOG.match(path) and (data := evidence.read_bytes(path))
    ]
    found: list[tuple[MetricFile, list[Event]]] = []
    undated = []
    for file in files:
        if file.data.lstrip()[:1] == b"{":
            found.append((file, list(_journal(file))))
        elif _TRADITIONAL.search(file.data):
            undated.append(file)
            found.append((file, list(_iso(file))))
        else:
            found.append((file, list(_iso(file))))
    known = [event.time_s for _, some in found for event in some]
    latest = max([*known, *([latest_s] if latest_s is not None else [])], default=None)
    for file in undated:
        if latest is None:
            file.note(
                "cron-log-year-unknown",
                "the stamps carry no year, and neither facts nor metrics tell when the evidence was collected",
                hint="add facts.json or a metrics file to the evidence, or export the log with journalctl -o json",
                severity=Severity.ERROR,
            )
            continue
        found.append((file, list(_traditional(file, latest))))
    for _, some in found:
        events.update(some)
    if not events:
        return CronLog(runs=(), span_s=None, problems=tuple(problems))
    source = next(file.source for file, some in found if some)
    ordered = sorted(events, key=lambda event: (event.time_s, _ORDER[event.kind], event))
    runs, more = pair(ordered, source)
    return CronLog(runs=runs, span_s=(ordered[0].time_s, ordered[-1].time_s), problems=(*problems, *more))


def _event(time_s: int, pid: int, groups: tuple[bytes, ...]) -> Event:
    user, kind, text, session, session_user, _error, details = groups
    if not 0 <= time_s < _LATEST_S or pid >= _LATEST_S:
        raise ValueError(f"{time_s} is no time, or {pid} no process id")
    if kind:
        name, said = kind.decode(), text.decode(errors="replace")
        if both := _SHELL_PID.match(said):
            shell_pid, said = int(both.group(1)), said[both.end() :]
            pids = (shell_pid, pid) if name == "CMD" else (pid, shell_pid)
            return Event(time_s, pids[0], name, user.decode(errors="replace"), marked(said), pids[1])
        return Event(time_s, pid, name, user.decode(errors="replace"), marked(said))
    if session:
        return Event(time_s, pid, session.decode(), session_user.decode(errors="replace"), "")
    return Event(time_s, pid, "error", "", details.decode(errors="replace"))


def _iso(file: MetricFile) -> Iterable[Event]:
    from datetime import datetime

    zone: ZoneInfo | None = None
    seconds: dict[bytes, int] = {}
    for stamp, offset, pid, *rest in _ISO.findall(file.data):
        key = stamp + offset
        if key not in seconds:
            try:
                moment = datetime.fromisoformat(key.decode())
            except ValueError:
                continue
            if moment.tzinfo is None:
                zone = zone or file.zone()
                moment = moment.replace(tzinfo=zone)
            seconds[key] = int(moment.timestamp())
        yield _event(seconds[key], int(pid), tuple(rest))


def _traditional(file: MetricFile, latest_s: int) -> Iterable[Event]:
    """Stamps without a year: the last line is the latest possible one; going back, a later month is last year's."""
    import numpy as np

    rows = _TRADITIONAL.findall(file.data)
    zone = file.zone()
    local = np.array([int(row[1]) * 3600 + int(row[2]) * 60 + int(row[3]) for row in rows], dtype=np.int64)
    days = _days([row[0] for row in rows], latest_s)
    bad = days < 0
    if bad.any():
        file.note("cron-log-stamp-invalid", f"{int(bad.sum())} lines have a date that does not exist; left out")
    times = epoch_of_local(local + days * 86400, zone)
    for row, time_s, skip in zip(rows, times.tolist(), bad.tolist(), strict=True):
        if not skip:
            yield _event(time_s, int(row[4]), tuple(row[5:]))


def _days(dates: list[bytes], latest_s: int) -> Seconds:
    """Days since 1970 of `Nov 23` stamps in file order, -1 for a date that does not exist."""
    from datetime import UTC, date, datetime

    import numpy as np

    newest = datetime.fromtimestamp(latest_s + 2 * 86400, UTC).date()
    out = np.full(len(dates), -1, dtype=np.int64)
    year, previous, stamp_before, day_before = newest.year, newest, b"", -1
    for index in range(len(dates) - 1, -1, -1):
        stamp = dates[index]
        if stamp == stamp_before:
            out[index] = day_before
            continue
        month, number = _MONTHS.get(stamp[:3], 0), int(stamp[4:])
        value = None
        # a little disorder (two daemons, one file) is no new year; half a year is
        for candidate in (year, year - 1, year - 2, year - 3, year - 4):
            try:
                value = date(candidate, month, number)
            except ValueError:
                continue
            if value <= previous or (value - previous).days < 180:
                if previous is newest and value > newest:
                    continue
                break
        if value is None:
            day_before = -1
        else:
            year, previous = value.year, value
            day_before = (value - date(1970, 1, 1)).days
        stamp_before = stamp
        out[index] = day_before
    return out


def _journal(file: MetricFile) -> Iterable[Event]:
    """`journalctl -o json`: one object a line; a message that is no text is a list of bytes."""
    import orjson

    broken = 0
    for line in file.data.splitlines():
        if not line.strip():
            continue
        try:
            entry = orjson.loads(line)
            name = str(entry.get("SYSLOG_IDENTIFIER", "")).lower()
            message = entry.get("MESSAGE")
            if name not in ("cron", "crond") or message is None:
                continue
            text = bytes(message) if isinstance(message, list) else str(message).encode()
            match = _MESSAGE_ONLY.match(text)
            if match:
                pid = int(entry.get("_PID") or entry.get("SYSLOG_PID") or -1)
                groups = tuple(group or b"" for group in match.groups())
                yield _event(int(entry["__REALTIME_TIMESTAMP"]) // 1_000_000, pid, groups)
        except (orjson.JSONDecodeError, AttributeError, KeyError, ValueError, TypeError):
            broken += 1
    if broken:
        file.note("cron-log-line-invalid", f"{broken} lines are no journal entries; left out")


if TYPE_CHECKING:
    from analyzer.usage import Seconds
