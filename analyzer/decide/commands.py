"""A crontab's command as a container command that does the same: user, directory, environment, stdin, exit status.

What the host needed and a task of its own does not is taken away and named: locks (the state machine holds them),
`nice`, log files (stdout goes to the log driver), mail, random sleeps (a flexible window), a trailing `&`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from posixpath import basename
from typing import Literal

from analyzer.cron.daemons import CRONIE
from analyzer.decide.shell_text import Simple, Token, plain, quoted, simple_commands, tokens
from analyzer.model import CronDaemon, CronEntry, Unknown

CRON_PATH = "/usr/bin:/bin"
"""PATH that Debian's cron and cronie give a job whose table sets none."""
SYSTEMD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCommand:
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


@dataclass(slots=True)
class _Work:
    """A command under the knife."""

    text: str
    bash: bool
    user: str
    notes: list[str] = field(default_factory=list)
    timeout_s: int | None = None
    single_flight: Literal["", "skip", "queue"] = ""
    lock: str = ""
    window_s: int = 0
    directory: str = ""

    def cut(self, start: int, end: int, instead: str = "") -> None:
        self.text = self.text[:start] + instead + self.text[end:]


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
    work = _Work(text=text, bash=bash, user=entry.user or "root")
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
    while _unwrap(work):
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


# --------------------------------------------------------------------------------------------------------------------
# Taking wrappers off, one at a time
# --------------------------------------------------------------------------------------------------------------------


def _unwrap(work: _Work) -> bool:
    found = tokens(work.text) or ()
    commands = simple_commands(found)
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        if _jitter(work, command) or _wrapper(work, command):
            return True
        if last and (_redirections(work, command) or _background(work, found)):
            return True
        if not last and commands[number + 1].depth == command.depth and _redirections(work, command):
            return True
    return bool(commands) and (_log_pipe(work, commands) or _leading_cd(work, commands))


_SLEEPS = (
    (re.compile(r"\$\(\(\s*\$?\{?RANDOM\}?\s*%\s*(\d+)"), True),
    (re.compile(r"\$\[\s*\$?RANDOM\s*%\s*(\d+)"), True),
    (re.compile(r"\$?\(?\s*shuf\s+-i\s*\d+-(\d+)"), False),
    (re.compile(r"rand\(?\s*(\d+)"), False),
)


def _jitter(work: _Work, command: Simple) -> bool:
    """`sleep` of a random length before the work."""
    words = " ".join(word.text for word in command.words)
    if command.program not in {"sleep", "perl"} or command.ended_by not in {"&&", ";"}:
        return False
    if command.program == "perl" and "sleep" not in words:
        return False
    for pattern, needs_bash in _SLEEPS:
        if found := pattern.search(words):
            seconds = int(found[1])
            if needs_bash and not work.bash:
                work.notes.append(
                    f"`{words}`: /bin/sh is dash there, which has no RANDOM, so it slept 0 seconds: no flexible window"
                )
            else:
                work.window_s += seconds
                work.notes.append(f"`{words}`: the random delay of up to {seconds} s becomes a flexible time window")
            _remove(work, command)
            return True
    return False


def _remove(work: _Work, command: Simple) -> None:
    """Take a whole simple command out, with the operator behind it."""
    start = command.words[0].start
    end = max(token.end for token in (*command.words, *command.redirections))
    behind = re.match(r"\s*(&&|;|\|\||\|)\s*", work.text[end:])
    work.cut(start, end + (behind.end() if behind else 0))
    work.text = work.text.strip()


_IDLE = {
    "nice": r"(?:-n\s*-?\d+|-\d+|--adjustment=-?\d+)",
    "ionice": r"(?:-c\s*\d|-n\s*\d|-t|--class\s+\S+|--classdata\s+\S+)",
    "chrt": r"(?:-\S+(?:\s+\d+)?|\d+)",
    "nohup": r"",
    "setsid": r"(?:-\w+|--\w+)",
    "chronic": r"(?:-\w+)",
    "cronic": r"",
}
_WHY_IDLE = {
    "chronic": "it kept mail away from successful runs; failures are alarms now",
    "cronic": "it kept mail away from successful runs; failures are alarms now",
}


def _wrapper(work: _Work, command: Simple) -> bool:
    words = [word for word in command.words if not re.match(r"[A-Za-z_]\w*=", word.text)]
    if not words:
        return False
    program = command.program
    rest = work.text[words[0].end :]
    if program in _IDLE:
        options = re.match(rf"(?:\s+{_IDLE[program]})*\s+" if _IDLE[program] else r"\s+", rest)
        if options is None or not rest.strip():
            return False
        work.cut(words[0].start, words[0].end + options.end())
        why = _WHY_IDLE.get(program, "it has no use where a batch has a task of its own")
        work.notes.append(f"`{program}` is left out: {why}")
        return True
    if program == "timeout":
        seconds = _timeout(words)
        if seconds and work.timeout_s is None:
            work.timeout_s = seconds
            work.notes.append(f"`timeout` stays in the command and limits an attempt to {work.timeout_s} s")
        after = _after_timeout(words)
        return bool(after) and _wrapper(work, Simple(tuple(after), (), command.ended_by, command.depth))
    if program in {"flock", "setlock", "run-one", "solo", "lckdo", "lockrun"}:
        return _lock(work, command, words)
    if program in {"sudo", "runuser", "su"}:
        return _other_user(work, program, words)
    return False


def _after_timeout(words: list[Token]) -> list[Token]:
    """What `timeout [options] DURATION` runs."""
    for number, word in enumerate(words[1:], 2):
        if re.fullmatch(r"[\d.]+[smhd]?", plain(word.text)):
            return words[number:]
        if not word.text.startswith("-"):
            break
    return []


def _timeout(words: list[Token]) -> int | None:
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    for word in words[1:]:
        if found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", plain(word.text)):
            return max(1, int(float(found[1]) * units[found[2]]))
        if not word.text.startswith("-"):
            return None
    return None


def _lock(work: _Work, command: Simple, words: list[Token]) -> bool:
    """Locks: taken off the command, held by the state machine."""
    program = command.program
    options = r"(?:\s+(?:-[nxeosuFE]+|-w\s*\d+|--timeout[ =]\d+|--wait[ =]\d+|--\w[\w-]*))*"
    rest = work.text[words[0].end :]
    match program:
        case "run-one":
            head, skip, name = re.match(r"\s+", rest), True, ""
        case "setlock":
            head = re.match(r"((?:\s+-[nNxX]+)*)\s+(\S+)\s+", rest)
            skip, name = bool(head and "n" in head[1]), head[2] if head else ""
        case "solo":
            head = re.match(r"((?:\s+-\w+(?:=\d+)?)*)\s+", rest)
            skip, name = True, f"port {head[1].split('=')[-1]}" if head and "=" in head[1] else ""
        case "lockrun":
            head = re.match(r"(.*?)\s+--\s+", rest)
            found = re.search(r"--lockfile[= ](\S+)", head[1]) if head else None
            skip, name = not (head and "--wait" in head[1]), found[1] if found else ""
        case _:
            head = re.match(rf"({options})\s+(?!\d+(?:\s|$)|-)([^\s&|;]+)\s+", rest)
            if head is None:
                return _lock_on_descriptor(work, rest)
            skip, name = bool(re.search(r"(?:^|\s)-\w*n|--nonblock|--nb|-w|--timeout|--wait", head[1])), head[2]
    if head is None:
        return False
    single = rest[head.end() :]
    end = words[0].end + head.end()
    if found := re.match(r"(?:-c|--command)\s+", single):
        end += found.end()
        argument = next((word for word in command.words if word.start >= end), None)
        if argument is not None:
            work.cut(argument.start, argument.end, plain(argument.text))
    work.cut(words[0].start, end)
    work.single_flight = "skip" if skip else "queue"
    work.lock = plain(name)
    kind = "skips a run" if skip else "lets a run wait"
    work.notes.append(f"`{program}{' ' + name if name else ''}` becomes a lock of the state machine, which {kind}")
    return True


def _lock_on_descriptor(work: _Work, rest: str) -> bool:
    """`( flock -n 9 || exit 1; … ) 9>/file`: the text stays, the state machine holds the lock as well."""
    found = re.match(r"(\s+-\w+)*\s+(\d+)", rest)
    if found is None or work.lock:
        return False
    file = re.search(rf"(?<!\d){found[2]}>+\s*([^\s)]+)", work.text)
    work.single_flight = "skip" if re.search(r"-\w*n|-w", found.group()) else "queue"
    work.lock = plain(file[1]) if file else ""
    work.notes.append("`flock` on a file descriptor stays in the command; the state machine holds the same lock")
    return False


def _other_user(work: _Work, program: str, words: list[Token]) -> bool:
    rest = work.text[words[0].end :]
    if program == "sudo":
        head = re.match(r"(?:\s+(?:-[EHnSi]+|--\w[\w-]*))*\s+(?:-u|--user)[ =]?\s*(\S+)(?:\s+(?:-[EHnSi]+))*\s+", rest)
        if head is None:
            return False
        work.user = plain(head[1])
        work.cut(words[0].start, words[0].end + head.end())
    else:
        texts = [plain(word.text) for word in words[1:]]
        user = next((text for text in texts if not text.startswith("-") and text != "root"), "")
        flag = next((number for number, text in enumerate(texts) if text in {"-c", "--command"}), None)
        if not user or flag is None or flag + 1 >= len(texts) or texts[flag + 1] == user:
            return False
        script = words[flag + 2]
        work.user = user
        work.cut(words[0].start, max(word.end for word in words), plain(script.text))
    work.notes.append(f"`{program}` is left out: the task runs as {work.user}")
    return True


# --------------------------------------------------------------------------------------------------------------------
# Output
# --------------------------------------------------------------------------------------------------------------------


def _is_log(path: str) -> bool:
    return path in {"/dev/null", "/dev/stdout", "/dev/stderr"} or bool(
        re.match(r"/var/log/", path) or re.search(r"\.(log|out|err)(\W|$)", path) or re.search(r"/logs?/", path)
    )


def _redirections(work: _Work, command: Simple) -> bool:
    """Output to log files goes to stdout; a redirection to anything else stays."""
    files = [
        (token, plain(re.sub(r"^(\d*|&)>{1,2}\|?\s*", "", token.text)))
        for token in command.redirections
        if re.match(r"(\d*|&)>{1,2}(?!&)", token.text)
    ]
    logs = [(token, path) for token, path in files if _is_log(path)]
    kept = [path for _, path in files if not _is_log(path)]
    for path in kept:
        work.notes.append(
            f"`{path}` is written inside the container and gone when the task ends, unless a volume is there"
        )
    if not logs:
        return False
    drop = [token for token, _ in logs]
    if not kept:
        drop += [token for token in command.redirections if token.text in {"2>&1", "1>&2", "2>&1;"}]
    names = sorted({path for _, path in logs})
    for token in sorted(drop, key=lambda item: -item.start):
        start = token.start - (len(work.text[: token.start]) - len(work.text[: token.start].rstrip()))
        work.cut(start, token.end)
    work.notes.append(f"output that went to {', '.join(names)} goes to stdout, and so to CloudWatch Logs")
    return True


def _background(work: _Work, found: tuple[Token, ...]) -> bool:
    if not found or found[-1].text != "&":
        return False
    work.cut(found[-1].start, found[-1].end)
    work.text = work.text.rstrip()
    work.notes.append(
        "the trailing `&` is left out: a container ends with its first process, so the batch stays in front"
    )
    return True


def _log_pipe(work: _Work, commands: tuple[Simple, ...]) -> bool:
    """`| tee -a LOG`, `| logger`, `| mail`: the last part of a pipe that only kept the output somewhere."""
    if len(commands) < 2 or commands[-2].ended_by not in {"|", "|&"} or commands[-1].depth:
        return False
    last = commands[-1]
    arguments = [plain(word.text) for word in last.words[1:]]
    if last.program == "tee" and all(item.startswith("-") or _is_log(item) for item in arguments):
        where = ", ".join(item for item in arguments if not item.startswith("-"))
        note = f"`tee` to {where} is left out: stdout goes to CloudWatch Logs; the exit status is now the batch's own"
    elif last.program == "logger":
        note = "`logger` is left out: stdout goes to CloudWatch Logs; the exit status is now the batch's own"
    elif last.program in {"mail", "mailx", "sendmail", "mutt", "ssmtp", "msmtp"}:
        to = " ".join(item for item in arguments if "@" in item) or "somebody"
        note = f"mail of the output to {to} is left out: the image has no mail server; the log has it"
    elif last.program in {"ts", "cat"}:
        note = f"`{last.program}` at the end of the pipe is left out: CloudWatch Logs stamps lines itself"
    else:
        return False
    before = max(token.end for token in (*commands[-2].words, *commands[-2].redirections))
    work.cut(before, len(work.text))
    merged = commands[-2].redirections
    if merged and merged[-1].text == "2>&1":
        work.cut(merged[-1].start, merged[-1].end)
        work.text = work.text.rstrip()
    work.notes.append(note)
    return True


def _leading_cd(work: _Work, commands: tuple[Simple, ...]) -> bool:
    """`cd DIR &&` in front: the working directory."""
    first = commands[0]
    if work.directory or first.program != "cd" or len(first.words) != 2 or first.ended_by != "&&" or len(commands) < 2:
        return False
    path = plain(first.words[1].text)
    if not path.startswith("/") or re.search(r"[$`*?]", path) or first.depth:
        return False
    work.directory = path
    _remove(work, first)
    return True


# --------------------------------------------------------------------------------------------------------------------
# Putting it together
# --------------------------------------------------------------------------------------------------------------------


def _mail(given: dict[str, str], stdin: str | None, work: _Work) -> None:
    if given.get("MAILTO"):
        work.notes.append(f"cron mailed its output to {given['MAILTO']}: subscribe them to the alarm topic")
    if stdin is not None:
        work.notes.append("what follows the first bare % is fed to the command's stdin, as cron did")
    if re.search(r"(?:\[|\btest)\s.*\bdate\b", work.text):
        work.notes.append("a guard on the date is in the command; TZ is set, so `date` tells the host's local time")
    if re.search(r"\brvm\b|\brbenv\b|\bnvm\b|\bpyenv\b|\bbash\s+-\w*l|/etc/profile|\.bash_profile|\.bashrc", work.text):
        work.notes.append("it relies on a login profile or version manager: the image must have the same")


def _environment(
    given: dict[str, str], entry: CronEntry, work: _Work, *, home: str, timezone: str, shell: str
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


def _script(work: _Work, directory: str, stdin: str | None, end_marker: str) -> str:
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


def _exec_start(text: str, work: _Work) -> str:
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


def _limits_of_service(entry: CronEntry, work: _Work) -> None:
    for name in ("RuntimeMaxSec", "TimeoutStartSec"):
        seconds = time_span_s(entry.settings.get(name, ""))
        if seconds and work.timeout_s is None:
            work.timeout_s = int(seconds)
            work.notes.append(f"{name} of the service limits an attempt to {int(seconds)} s")
