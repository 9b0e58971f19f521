"""A crontab's command as a container command that does the same: user, directory, environment, stdin, exit status.

What the host needed and a task of its own does not is taken away and named: locks (the state machine holds them),
`nice`, log files (stdout goes to the log driver), mail, random sleeps (a flexible window), a trailing `&`.
"""

from __future__ import annotations

import re
import shlex
from posixpath import basename
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from analyzer.cron.daemons import CRONIE
from analyzer.decide.commands_unwrap import Work, unwrap
from analyzer.decide.shell_text import plain, quoted, simple_commands, tokens
from analyzer.model import CronDaemon, CronEntry, Unknown

CRON_PATH = "/usr/bin:/bin"
"""PATH that Debian's cron and cronie give a job whose table sets none."""
SYSTEMD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BatchCommand(Struct, frozen=True, kw_only=True):
    """What runs in the container, and what became of the rest of the line."""

    container_command: tuple[str, ...] = ()
    user: str = ""
    working_directory: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    timeout_s: int | None = None
    single_flight: Literal["", "skip", "queue"] = ""
    lock: str = ""
    """Lock file as written, "" for a lock on the command itself."""
    flexible_window_minutes: int | None = None
    programs: tuple[str, ...] = ()
    """Names of everything the line runs, wrappers included, for rules and names."""
    core: str = ""
    """The command without wrappers, redirections and directory changes, for names."""
    stdin: str | None = None
    notes: tuple[str, ...] = ()
    broken: str = ""
    """Why the line cannot have worked on the host."""


def split_percent(command: str, daemon: CronDaemon) -> tuple[str, str | None]:
    """The command and what its stdin is fed: cron cuts at the first bare `%`, further ones are newlines."""
    if daemon in {CronDaemon.BUSYBOX, CronDaemon.SYSTEMD, CronDaemon.ANACRON}:
        return command, None
    parts = re.split(r"(?<!\\)%", command)
    texts = [part.replace("\\%", "%") for part in parts]
    if daemon is CronDaemon.DEBIAN:
        texts[0] = texts[0].replace("\\\\", "\\")
    return texts[0], "\n".join(texts[1:]) + "\n" if len(texts) > 1 else None


def analyse_command(entry: CronEntry, *, home: str, timezone: str, end_marker: str) -> BatchCommand:
    """The container command of `entry`.

    Args:
        entry: its command is known.
        home: the user's home directory.
        timezone: the host's zone, for TZ; "" where unknown.
        end_marker: the line that is printed on success.

    """
    assert not isinstance(entry.command, Unknown)
    given = dict(entry.environment)
    systemd = entry.daemon is CronDaemon.SYSTEMD
    shell = given.get("SHELL", "/bin/sh")
    bash = basename(shell) == "bash" or (shell == "/bin/sh" and entry.daemon in CRONIE)
    text, stdin = split_percent(entry.command.replace("\r", ""), entry.daemon)
    text = text.strip()
    if entry.daemon is CronDaemon.CRONIE_1_7 and text.startswith("-n "):
        text = text[3:].lstrip()
    work = Work(text=text, bash=bash, user=entry.user or "root")
    if systemd:
        work.text = _exec_start(text, work)
    found = tokens(work.text)
    if found is None:
        return BatchCommand(
            user=work.user,
            stdin=stdin,
            broken="cron cuts the command at the first bare %, which leaves an open quote or parenthesis: write \\%"
            if stdin is not None
            else "the command has an open quote or parenthesis",
        )
    programs = tuple(dict.fromkeys(item.program for item in simple_commands(found) if item.program))
    # Each pass looks at the text anew: a wrapper may stand in a wrapper.
    while unwrap(work):
        pass
    _mail(given, stdin, work)
    environment = _environment(given, entry, work, home=home, timezone=timezone, shell=shell)
    directory = work.directory or _directory(entry, home)
    script = _script(work, directory, stdin, end_marker)
    if systemd:
        _limits_of_service(entry, work)
    if systemd or entry.daemon is CronDaemon.BUSYBOX:
        work.single_flight = work.single_flight or "skip"
        work.notes.append(f"{entry.daemon.value} does not start it again while it still runs: the state machine skips")
    return BatchCommand(
        container_command=("/bin/bash" if bash else "/bin/sh", "-c", script),
        user=work.user,
        working_directory=directory,
        environment=environment,
        timeout_s=work.timeout_s,
        single_flight=work.single_flight,
        lock=work.lock,
        flexible_window_minutes=min(1440, -(-work.window_s // 60)) if work.window_s else None,
        programs=programs,
        core=_core(work.text),
        stdin=stdin,
        notes=tuple(dict.fromkeys(work.notes)),
    )


def with_end_marker(command: BatchCommand, end_marker: str) -> BatchCommand:
    """The same command that ends with another line."""
    if not command.container_command:
        return command
    shell, flag, script = command.container_command
    body = script.rpartition(" && echo ")[0]
    return replace(command, container_command=(shell, flag, f"{body} && echo {quoted(end_marker)}"))


def _mail(given: dict[str, str], stdin: str | None, work: Work) -> None:
    if given.get("MAILTO"):
        work.notes.append(f"cron mailed its output to {given['MAILTO']}: subscribe them to the alarm topic")
    if stdin is not None:
        work.notes.append("what follows the first bare % is fed to the command's stdin, as cron did")
    if re.search(r"(?:\[|\btest)\s.*\bdate\b", work.text):
        work.notes.append("a guard on the date is in the command; TZ is set, so `date` tells the host's local time")
    if re.search(r"\brvm\b|\brbenv\b|\bnvm\b|\bpyenv\b|\bbash\s+-\w*l|/etc/profile|\.bash_profile|\.bashrc", work.text):
        work.notes.append("it relies on a login profile or version manager: the image must have the same")


def _environment(
    given: dict[str, str], entry: CronEntry, work: Work, *, home: str, timezone: str, shell: str
) -> tuple[tuple[str, str], ...]:
    systemd = entry.daemon is CronDaemon.SYSTEMD
    result = {
        name: value for name, value in given.items() if name not in {"MAILTO", "MAILFROM", "CRON_TZ", "RANDOM_DELAY"}
    }
    result.setdefault("HOME", home)
    result["LOGNAME"] = work.user
    result.setdefault("PATH", SYSTEMD_PATH if systemd else CRON_PATH)
    if not systemd:
        result["SHELL"] = shell
    if entry.daemon in CRONIE or systemd:
        result["USER"] = work.user
    if timezone:
        result.setdefault("TZ", timezone)
    return tuple(sorted(result.items()))


def _directory(entry: CronEntry, home: str) -> str:
    if entry.daemon is CronDaemon.SYSTEMD:
        return entry.settings.get("WorkingDirectory", "/").removeprefix("-").replace("~", home) or "/"
    if "run_parts" in entry.settings:
        return "/"
    return dict(entry.environment).get("HOME", home)


_SPECIAL = re.compile(r"[;|&()#{}`\n]")
_CHANGES_SHELL = frozenset({"exec", "exit", "return", "cd", "export"})
_NEEDS_ITS_OWN = frozenset({"set", "trap", "shopt"})
"""`set -e` has no effect in a list of commands, so such a line gets a shell process of its own."""


def _script(work: Work, directory: str, stdin: str | None, end_marker: str) -> str:
    """`cd DIR && COMMAND && echo …`, with a subshell round everything that is more than one simple command."""
    body = work.text
    chain = re.sub(r"&&", "", re.sub(r"'[^']*'|\"[^\"]*\"", "", body))
    programs = {item.program for item in simple_commands(tokens(body) or ())}
    if programs & _NEEDS_ITS_OWN:
        body = f"{'/bin/bash' if work.bash else '/bin/sh'} -c {quoted(body)}"
    elif stdin is not None or _SPECIAL.search(chain) or programs & _CHANGES_SHELL:
        body = f"( {body}\n)" if "#" in body or body.endswith("\\") else f"( {body} )"
    if stdin is not None:
        lines = stdin.removesuffix("\n").split("\n")
        body = f"printf '%s\\n' {' '.join(quoted(line) or chr(39) * 2 for line in lines)} | {body}"
    return f"cd {quoted(directory)} && {body} && echo {quoted(end_marker)}"


def _core(text: str) -> str:
    found = tokens(text)
    commands = simple_commands(found) if found else ()
    ignored = {
        "cd",
        "test",
        "[",
        "[[",
        "export",
        "source",
        ".",
        "command",
        "eval",
        "true",
        "umask",
        "ulimit",
        "sleep",
        "echo",
    }
    chosen = next((item for item in commands if item.program and item.program not in ignored), None)
    if chosen is None:
        return text
    words = [plain(word.text) for word in chosen.words if not re.match(r"[A-Za-z_]\w*=", word.text)]
    if chosen.program == "timeout":
        words = words[1:]
        while words and (words[0].startswith("-") or re.fullmatch(r"[\d.]+[smhd]?", words[0])):
            words = words[1:]
    if (
        words
        and basename(words[0]) in {"sh", "bash", "dash", "zsh"}
        and len(words) > 2
        and re.match(r"-\w*c$", words[1])
    ):
        return _core(words[2])
    return " ".join(words)


def _exec_start(text: str, work: Work) -> str:
    """Systemd starts programs without a shell: every word is quoted, `%%` is one percent sign."""
    commands = []
    for part in text.split(" && "):
        try:
            words = shlex.split(part.replace("%%", "%"))
        except ValueError:
            return text
        if any("$" in word for word in words):
            work.notes.append("systemd expands the $variables of ExecStart itself; here the shell does")
            commands.append(part.replace("%%", "%"))
        else:
            commands.append(" ".join(quoted(word) for word in words))
    return " && ".join(commands)


_SPAN = {"us": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400, "w": 604800}


def time_span_s(text: str) -> float | None:
    """Seconds of a systemd time span such as `1h 30min` or `90`; None for `infinity` and what is not a span."""
    total, rest = 0.0, text.strip().lower()
    if not rest or rest == "infinity":
        return None
    for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", rest):
        factor = _SPAN.get(
            unit or "s", _SPAN.get(unit.removesuffix("s")) or _SPAN.get(_LONG.get(unit.removesuffix("s"), ""))
        )
        if factor is None:
            return None
        total += float(number) * factor
    return total if re.fullmatch(r"(?:\d+(?:\.\d+)?\s*[a-z]*\s*)+", rest) else None


_LONG = {"second": "s", "minute": "min", "hour": "h", "day": "d", "week": "w"}


def _limits_of_service(entry: CronEntry, work: Work) -> None:
    for name in ("RuntimeMaxSec", "TimeoutStartSec"):
        seconds = time_span_s(entry.settings.get(name, ""))
        if seconds and work.timeout_s is None:
            work.timeout_s = int(seconds)
            work.notes.append(f"{name} of the service limits an attempt to {int(seconds)} s")
