"""What a crontab line carries round its batch, taken off one at a time: locks, sleeps, `nice`, log files, mail, `&`."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct, field

from analyzer.decide.shell_text import Simple, Token, plain, simple_commands, tokens


class Work(Struct):
    """A command line while things are taken off it."""

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


def unwrap(work: Work) -> bool:
    """Take one thing off; False when there is nothing more."""
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


def _jitter(work: Work, command: Simple) -> bool:
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


def _remove(work: Work, command: Simple) -> None:
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


def _wrapper(work: Work, command: Simple) -> bool:
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


def _lock(work: Work, command: Simple, words: list[Token]) -> bool:
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


def _lock_on_descriptor(work: Work, rest: str) -> bool:
    """`( flock -n 9 || exit 1; … ) 9>/file`: the text stays, the state machine holds the lock as well."""
    found = re.match(r"(\s+-\w+)*\s+(\d+)", rest)
    if found is None or work.lock:
        return False
    file = re.search(rf"(?<!\d){found[2]}>+\s*([^\s)]+)", work.text)
    work.single_flight = "skip" if re.search(r"-\w*n|-w", found.group()) else "queue"
    work.lock = plain(file[1]) if file else ""
    work.notes.append("`flock` on a file descriptor stays in the command; the state machine holds the same lock")
    return False


def _other_user(work: Work, program: str, words: list[Token]) -> bool:
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


def _redirections(work: Work, command: Simple) -> bool:
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


def _background(work: Work, found: tuple[Token, ...]) -> bool:
    if not found or found[-1].text != "&":
        return False
    work.cut(found[-1].start, found[-1].end)
    work.text = work.text.rstrip()
    work.notes.append(
        "the trailing `&` is left out: a container ends with its first process, so the batch stays in front"
    )
    return True


def _log_pipe(work: Work, commands: tuple[Simple, ...]) -> bool:
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


def _leading_cd(work: Work, commands: tuple[Simple, ...]) -> bool:
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
