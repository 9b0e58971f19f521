"""Which close of a session ended which command.

In this order: pids, where each line says the session's and the shell's; the END line's own text; the `grandchild #pid`
of a failed job; the only session of that user in that minute; else, where several sessions close without a name, the
assignment that fits each command's usual duration best.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

from analyzer.model import Problem, Severity, Source
from analyzer.usage import CommandRuns

if TYPE_CHECKING:
    from analyzer.usage import Floats


class Event(NamedTuple):
    """One line of a cron log that tells something."""

    time_s: int
    pid: int
    kind: str
    """CMD | END | CMDEND | opened | closed | error"""
    user: str
    text: str
    other_pid: int = -1
    """Of CMD the session's pid, of END the shell's, where the log says both (Debian's level 8); else -1."""


class _Session(NamedTuple):
    user: str
    opened_s: int
    closed_s: int


_GRANDCHILD = re.compile(r"grandchild #(\d+) failed")
_NEVER_RAN = re.compile(
    r"chdir failed|can't (?:set|change)|failed to (?:open|change|set|authenticate)|FAILED", re.IGNORECASE
)
LONGEST_RUN_S = 7 * 86400
_MOST_PERMUTED = 6
"""Up to so many jobs in one minute all 720 assignments are compared at once; beyond, one by one with scipy."""
_ROUNDS = 8
_EXCHANGEABLE = "session, exchangeable"
"""Read by the sizing: such ends are a guess."""


class _Runs:
    """CMD lines and what has been found out about their ends."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.commands = [event for event in events if event.kind == "CMD"]
        self.ends: list[float] = [math.nan] * len(self.commands)
        self.how: list[str] = [""] * len(self.commands)
        self.by_pid: dict[int, list[int]] = defaultdict(list)
        self.by_text: dict[tuple[str, str], list[int]] = defaultdict(list)
        for index, event in enumerate(self.commands):
            self.by_pid[event.pid].append(index)
            self.by_text[event.user, event.text].append(index)

    def end(self, index: int, time_s: float, how: str) -> bool:
        """Note the end of a run once; False where it has one or would have lasted impossibly long."""
        length = time_s - self.commands[index].time_s
        if self.how[index] or not 0 <= length <= LONGEST_RUN_S:
            return False
        self.ends[index], self.how[index] = time_s, how
        return True


def pair(events: Sequence[Event], source: Source) -> tuple[tuple[CommandRuns, ...], tuple[Problem, ...]]:
    """Runs by user and command from time-ordered events, and what could not be told."""
    runs = _Runs(events)
    never_ran = _mark_never_ran(runs, events)
    named_sessions = _by_both_pids(runs, events)
    named_sessions |= _by_end_text(runs, events)
    named_sessions |= _by_grandchild(runs, events)
    _by_session(runs, [s for pid, s in _sessions(events) if (pid, s.closed_s) not in named_sessions], never_ran)
    return _collect(runs, never_ran, source), _problems(runs, never_ran, source)


def _mark_never_ran(runs: _Runs, events: Sequence[Event]) -> set[int]:
    """A CMD line is logged before the daemon changes into the home directory; where that fails nothing runs."""
    out = set()
    for event in events:
        if event.kind == "error" and _NEVER_RAN.search(event.text) and not _GRANDCHILD.search(event.text):
            for index in runs.by_pid.get(event.pid, ()):
                if 0 <= event.time_s - runs.commands[index].time_s <= 1:
                    out.add(index)
    return out


def _by_both_pids(runs: _Runs, events: Sequence[Event]) -> set[tuple[int, int]]:
    """Where CMD names its session too, the END of the same two pids, or the close of that session, is the run's."""
    open_runs: dict[int, int] = {}
    position = {id(event): index for index, event in enumerate(runs.commands)}
    named = set()
    for event in events:
        if event.kind == "CMD" and event.other_pid >= 0:
            open_runs[event.other_pid] = position[id(event)]
        elif event.kind in ("END", "closed") and event.pid in open_runs:
            index = open_runs[event.pid]
            if event.kind == "closed" or event.other_pid == runs.commands[index].pid:
                del open_runs[event.pid]
                runs.end(index, event.time_s, "END line" if event.kind == "END" else "session of its pid")
                named |= {(event.pid, event.time_s), (event.pid, event.time_s + 1)}
    return named


def _by_end_text(runs: _Runs, events: Sequence[Event]) -> set[tuple[int, int]]:
    """END carries user and text; where several runs of it are open, the session's opening tells which began with it."""
    opened: dict[int, int] = {}
    named = set()
    pending: dict[tuple[str, str], list[int]] = {}
    position = {id(event): index for index, event in enumerate(runs.commands)}
    for event in events:
        if event.kind == "opened":
            opened[event.pid] = event.time_s
        elif event.kind == "CMD" and not runs.how[position[id(event)]]:
            pending.setdefault((event.user, event.text), []).append(position[id(event)])
        elif event.kind in ("END", "CMDEND"):
            candidates = pending.get((event.user, event.text), [])
            began = opened.get(event.pid)
            same = [i for i in candidates if began is not None and abs(runs.commands[i].time_s - began) <= 2]
            for index in (same or candidates)[:1]:
                if runs.end(index, event.time_s, f"{event.kind} line"):
                    candidates.remove(index)
            named.add((event.pid, event.time_s))
            # the session of a named end closes in the same second or the next
            named.add((event.pid, event.time_s + 1))
    return named


def _by_grandchild(runs: _Runs, events: Sequence[Event]) -> set[tuple[int, int]]:
    named = set()
    for event in events:
        match = _GRANDCHILD.search(event.text) if event.kind == "error" else None
        if match:
            for index in reversed(runs.by_pid.get(int(match.group(1)), [])):
                if runs.end(index, event.time_s, "grandchild line"):
                    break
            named |= {(event.pid, event.time_s), (event.pid, event.time_s + 1)}
    return named


def _sessions(events: Sequence[Event]) -> list[tuple[int, _Session]]:
    opened: dict[int, Event] = {}
    out = []
    for event in events:
        if event.kind == "opened":
            opened[event.pid] = event
        elif event.kind == "closed" and (start := opened.pop(event.pid, None)) is not None:
            out.append((event.pid, _Session(event.user, start.time_s, event.time_s)))
    return out


def _by_session(runs: _Runs, sessions: Sequence[_Session], never_ran: set[int]) -> None:
    """Unnamed closes, minute by minute and user by user."""
    jobs: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, command in enumerate(runs.commands):
        if not runs.how[index] and index not in never_ran:
            jobs[command.user, command.time_s // 60].append(index)
    closes: dict[tuple[str, int], list[int]] = defaultdict(list)
    for session in sessions:
        closes[session.user, session.opened_s // 60].append(session.closed_s)
    ambiguous = []
    for key, members in jobs.items():
        ends = closes.get(key, [])
        if len(members) == len(ends) == 1:
            runs.end(members[0], ends[0], "only session")
        elif members and len(ends) == len(members):
            ambiguous.append((members, sorted(ends)))
    _assign(runs, ambiguous)


def _assign(runs: _Runs, groups: list[tuple[list[int], list[int]]]) -> None:
    """Several runs, as many unnamed closes: the assignment with the likeliest durations, learned over some rounds."""
    import numpy as np

    if not groups:
        return
    key_of = {key: number for number, key in enumerate(sorted(runs.by_text))}
    keys = [key_of[command.user, command.text] for command in runs.commands]
    settled: list[list[float]] = [[] for _ in key_of]
    for index, end in enumerate(runs.ends):
        if not math.isnan(end):
            settled[keys[index]].append(math.log(max(1.0, end - runs.commands[index].time_s)))
    # two that were never seen alone could be swapped throughout without anything contradicting it
    never_alone = {key for key, known in enumerate(settled) if not known}
    never_alone = never_alone if len(never_alone) > 1 else set()
    # groups of the same commands are solved together
    shaped: dict[tuple[int, ...], list[tuple[list[int], list[int]]]] = defaultdict(list)
    for members, ends in groups:
        members.sort(key=lambda index: keys[index])
        shaped[tuple(keys[index] for index in members)].append((members, ends))
    logs = {
        shape: np.log(
            np.maximum(
                1.0,
                np.array([ends for _, ends in some])[:, None, :]
                - np.array([[runs.commands[i].time_s for i in members] for members, _ in some])[:, :, None],
            )
        )
        for shape, some in shaped.items()
    }
    chosen: dict[tuple[int, ...], Floats] = {}
    for _ in range(_ROUNDS):
        centre, spread = _durations(settled, chosen, logs, len(key_of))
        for shape, log in logs.items():
            columns = np.array(shape)
            unknown = np.isnan(centre[columns])
            middle = np.where(unknown, np.median(log, axis=(0, 2)), centre[columns])
            width = np.where(unknown, 2.0, spread[columns])
            cost = ((log - middle[None, :, None]) / width[None, :, None]) ** 2 + 2 * np.log(width)[None, :, None]
            chosen[shape] = _cheapest(cost)
    for shape, some in shaped.items():
        for (members, ends), order in zip(some, chosen[shape].astype(int).tolist(), strict=True):
            for index, column in zip(members, order, strict=True):
                runs.end(
                    index, ends[column], _EXCHANGEABLE if keys[index] in never_alone else "session, by usual duration"
                )


def _durations(
    settled: list[list[float]], chosen: dict[tuple[int, ...], Floats], logs: dict[tuple[int, ...], Floats], count: int
) -> tuple[Floats, Floats]:
    """Median and spread of ln(duration) by command; NaN where nothing is known yet."""
    import numpy as np

    values: list[list[float]] = [list(one) for one in settled]
    for shape, order in chosen.items():
        for row, key in enumerate(shape):
            picked = np.take_along_axis(logs[shape][:, row, :], order[:, row : row + 1].astype(int), axis=1)
            values[key] += picked.ravel().tolist()
    centre, spread = np.full(count, np.nan), np.full(count, 1.0)
    for key, one in enumerate(values):
        if one:
            centre[key] = np.median(one)
            spread[key] = max(0.1, 1.4826 * float(np.median(np.abs(np.array(one) - centre[key]))))
    return centre, spread


def _cheapest(cost: Floats) -> Floats:
    """For each group (first axis) the column of each row in its cheapest assignment."""
    import numpy as np

    groups, size, _ = cost.shape
    if size > _MOST_PERMUTED:
        from scipy.optimize import linear_sum_assignment

        return np.array([linear_sum_assignment(one)[1] for one in cost], dtype=np.float64)
    orders = np.array(list(permutations(range(size))))
    totals = np.zeros((groups, len(orders)))
    for row in range(size):
        totals += cost[:, row, :][:, orders[:, row]]
    out: Floats = orders[np.argmin(totals, axis=1)].astype(np.float64)
    return out


def _collect(runs: _Runs, never_ran: set[int], source: Source) -> tuple[CommandRuns, ...]:
    import numpy as np

    out = []
    for user, text in sorted(runs.by_text):
        members = [index for index in runs.by_text[user, text] if index not in never_ran]
        if not members:
            continue
        how = Counter(runs.how[index] for index in members if runs.how[index])
        nothing = np.full(len(members), np.nan)
        out.append(
            CommandRuns(
                user=user,
                command=text,
                starts_s=np.array([runs.commands[index].time_s for index in members], dtype=np.int64),
                ends_s=np.array([runs.ends[index] for index in members], dtype=np.float64),
                pids=np.array([runs.commands[index].pid for index in members], dtype=np.int64),
                cpu_s=nothing,
                memory_mib=nothing.copy(),
                end_evidence=tuple(sorted(how.items())),
                source=source,
            )
        )
    return tuple(out)


def _problems(runs: _Runs, never_ran: set[int], source: Source) -> tuple[Problem, ...]:
    out = []
    if never_ran:
        texts = sorted({runs.commands[index].text for index in never_ran})
        out.append(
            Problem(
                Severity.WARNING,
                "cron-job-never-ran",
                f"{len(never_ran)} times cron logged a command and then could not start it: {'; '.join(texts)}",
                source,
                "check the user's home directory on the host",
            )
        )
    missing = sum(1 for index, how in enumerate(runs.how) if not how and index not in never_ran)
    if runs.commands and missing == len(runs.commands) - len(never_ran):
        out.append(
            Problem(
                Severity.NOTE,
                "cron-log-without-ends",
                "the cron log shows when jobs started, never when they ended",
                source,
                "add auth.log (PAM session lines), or start cron with `-L 7` (Debian) for a day",
            )
        )
    return tuple(out)
