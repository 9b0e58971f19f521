"""Values that only the build knows: `{{ gems.stdout }}` in a command, where `gems` is what another command prints.

The build asks the same program at the step that uses the answer. That is the playbook's value as long as nothing
between the two tasks changes it; `verify --against-playbook` compares what comes of it.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.image_shell import quote
from analyzer.decide.match import first_unknown
from analyzer.decide.parts import Decided
from analyzer.decide.values import text
from analyzer.model import Invocation, Outcome, RunCommand, Task, Unknown, Value, Verdict

_TELLS_OF_FILES = frozenset(
    (
        "which command readlink realpath basename dirname ls cat find grep egrep sed awk cut head tail tr sort uniq wc"
        " test echo printf pg_config mysql_config php-config pkg-config gem ruby node npm go rustc java php python"
        " python2 python3 rbenv pyenv getent id dpkg-query rpm file sha256sum md5sum stat"
    ).split()
)
"""Programs that answer from the file system alone: the same in an image as on a fresh host."""
_CHANGES = re.compile(
    r"\b(install|update|upgrade|remove|uninstall|delete|exec|run|start|build|clean|cache)\b|(?:^|\s)-(?:i|delete|exec)\b|/proc|/sys/|/dev/(?!null)"
    r"|Time\.|date|rand|urllib|open-uri|https?:"
)
"""Words by which the same programs change something, or answer for the machine, the time or the network."""
_COMMANDS = ("ansible.builtin.command", "ansible.builtin.shell", "ansible.legacy.command", "ansible.legacy.shell")
_OUTPUT = re.compile(
    r"\{\{\s*(?P<name>[A-Za-z_]\w*)\s*(?:\.\s*stdout\s*(?:\|\s*trim\s*)?|\.\s*stdout_lines\s*(?:\[\s*0\s*\]|\.\s*0|\|\s*first)\s*)\}\}"
)


class _Probe(Struct, frozen=True):
    """A task that keeps what a command prints."""

    command: str
    """As a shell text."""
    user: str
    may_fail: bool


def with_build_values(tasks: Sequence[Task]) -> dict[int, Task]:
    """Position -> the task with its command as a shell text in which the build asks for what is not known before."""
    probes: dict[str, _Probe | None] = {}
    found: dict[int, Task] = {}
    for number, task in enumerate(tasks):
        if probes and task.module in _COMMANDS and (asking := _asking(task, probes)) is not None:
            found[number] = asking
        if task.register:
            probes[task.register] = _probe(task)
    return found


def where_asked(before: Decided, after: Decided, task: Task) -> Decided:
    """`after`, the parts of the task that asks, where it became one step of the build as it is; else `before`."""
    if len(after) != 1:
        return before
    ((part, applies),) = after
    command = task.invocations[0].args.get("_raw_params")
    whole = [effect.command for effect in part.effects if isinstance(effect, RunCommand)]
    if part.outcome is not Outcome.IMAGE or len(part.effects) != 1 or whole != [command]:
        return before
    reason = (
        f"{part.reason} The build asks for what the playbook keeps of an earlier command, at the step that uses it."
    )
    return [(replace(part, reason=reason), applies)]


def _user(task: Task) -> str:
    return task.become_user if task.become else ""


def _probe(task: Task) -> _Probe | None:
    """What the task asks, None where another machine, time or order of the steps could answer otherwise."""
    (one, *more) = task.invocations
    odd = task.loop_unknown or task.delegate_to is not None or bool(task.environment) or task.kind == "handler"
    if more or odd or task.module not in _COMMANDS or task.applies is not Verdict.YES:
        return None
    written = _written(one)
    if set(one.args) - {"_raw_params", "cmd", "chdir", "executable", "warn"} or not isinstance(written, str):
        return None
    if first_unknown(tuple(one.args.values())) is not None or re.search("[\ue000-\ue003]", written):
        return None
    shell = task.module.endswith(".shell")
    commands = simple_commands(written) if shell else argument_command(_vector(written))
    if not commands or any(_changes(each.words) or each.writes for each in commands):
        return None
    line = written.strip() if shell else shlex.join(_vector(written))
    if "\n" in line or _has_comment(line) or (one.args.get("executable") and shell):
        return None
    folder = text(one.args.get("chdir"))
    return _Probe(f"cd {quote(folder)} && {line}" if folder else line, _user(task), task.may_fail)


def _has_comment(line: str) -> bool:
    """Whether `#` ends the line for a shell: it would end the `$(…)` around it, too."""
    try:
        return shlex.split(line) != shlex.split(line, comments=True)
    except ValueError:
        return True


def _changes(words: Sequence[str]) -> bool:
    return posixpath.basename(words[0]) not in _TELLS_OF_FILES or _CHANGES.search(" ".join(words[1:])) is not None


def _asking(task: Task, probes: Mapping[str, _Probe | None]) -> Task | None:
    (one, *more) = task.invocations
    written = _written(one)
    if more or task.loop_unknown or not isinstance(written, Unknown) or "{%" in written.expression:
        return None
    names = [match["name"] for match in _OUTPUT.finditer(written.expression)]
    asked = {name: probes.get(name) for name in dict.fromkeys(names)}
    if not names or _OUTPUT.sub("", written.expression).count("{{"):
        return None
    known = [probe for probe in asked.values() if probe is not None and probe.user == _user(task)]
    if len(known) != len(asked):
        return None
    used = _as_shell(written.expression) if task.module.endswith(".shell") else _as_words(written.expression)
    if not used:
        return None
    first = [
        f'{name}="$({probe.command}{" || true" if probe.may_fail else ""})"'
        for name, probe in zip(asked, known, strict=True)
    ]
    args = {name: value for name, value in one.args.items() if name not in ("_raw_params", "cmd")}
    invocation = replace(one, args={**args, "_raw_params": " && ".join([*first, used])})
    return replace(task, module="ansible.builtin.shell", invocations=(invocation,))


def _written(one: Invocation) -> Value:
    return one.args.get("_raw_params") or one.args.get("cmd")


def _vector(written: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(written))
    except ValueError:
        return ()


def _as_shell(expression: str) -> str:
    """The shell text with variables of the shell; "" where quotes or an operator keep one from its place."""
    plain = _OUTPUT.sub(lambda match: f"${{{match['name']}}}", expression)
    single = False
    double = False
    for position, character in enumerate(plain):
        if character == "'" and not double:
            single = not single
        elif character == '"' and not single:
            double = not double
        elif character == "$" and single and plain.startswith("${", position):
            return ""
    # with more than one command the first could fail alone
    return "" if re.search(r";|\|\||\n|&(?!&|>)", re.sub(r"&&", "", plain)) else plain


def _as_words(expression: str) -> str:
    """The words of a command, each quoted but for the variables of the shell in it."""
    names = [match["name"] for match in _OUTPUT.finditer(expression)]
    marks = iter(f"\ue004{number}\ue005" for number in range(len(names)))
    words = _vector(_OUTPUT.sub(lambda _: next(marks), expression))
    said = []
    for word in words:
        pieces = re.split("\ue004(\\d+)\ue005", word)
        said.append("".join(
            f"${{{names[int(piece)]}}}" if number % 2 else quote(piece) if piece else ""
            for number, piece in enumerate(pieces)
        ) or "''")  # fmt: skip
    return " ".join(said)
