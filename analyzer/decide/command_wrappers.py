"""A simple command, and the program that it runs in the end: `sudo -u app nice bundle exec rake x` runs rake."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\+?=")
_WRAPPERS = frozenset("nice ionice chrt nohup setsid time exec command builtin eatmydata chronic cronic stdbuf".split())
_VALUE_OPTIONS = {"sudo": "ugUChpr", "nice": "n", "ionice": "cnp", "timeout": "ks", "env": "uC", "stdbuf": "ioe"}
"""Program -> its one-letter options that take a value."""
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})


class SimpleCommand(Struct, frozen=True, kw_only=True):
    """One program with its words."""

    words: tuple[str, ...]
    """The program (without its folder) and everything after it; quotes removed."""
    text: str
    """As written, for pieces that are kept."""
    writes: tuple[str, ...] = ()
    """Files that redirections write."""
    joined: str = ""
    """The operator before it: "", `&&`, `||`, `;`, `|`, `&`, a line feed, or `compound` inside if, for, while, ( )."""
    user: str = ""
    """From `sudo -u`, `su -`, `runuser`."""

    @property
    def operands(self) -> tuple[str, ...]:
        """Words after the program that are no options."""
        return tuple(word for word in self.words[1:] if not word.startswith("-"))


Parse: TypeAlias = Callable[[str], Sequence[SimpleCommand]]
"""A shell text -> its simple commands."""


def unwrap(command: SimpleCommand, parse: Parse) -> tuple[SimpleCommand, ...]:
    """The command without what stands around it: `sudo`, `env`, `timeout`, `bundle exec`; several for an inner shell.

    `parse` takes the inner shell's text apart. Nothing is left of a line that only assigns variables.
    """
    words = list(command.words)
    user = command.user
    while words:
        if _ASSIGNMENT.match(words[0]):
            words.pop(0)
            continue
        program = posixpath.basename(words[0])
        if program == "command" and words[1:2] in (["-v"], ["-V"]):
            break  # it asks where the program is, and runs nothing
        if program in ("sudo", "env", "timeout", *_WRAPPERS):
            words, who = _without_options(program, words[1:])
            user = who or user
            if program == "timeout" and words:
                words.pop(0)
        elif program in ("su", "runuser") and (inner := _su(words)) is not None:
            who, inside = inner
            return _inner(parse(inside), who, command)
        elif program in _SHELLS and (script := _shell_text(words)) is not None:
            return _inner(parse(script), user, command)
        elif run := _run_by(program, words):
            words = run
        else:
            words[0] = program or words[0]
            break
    if not words and not command.writes:
        return ()
    return (replace(command, words=tuple(words) or (":",), user=user),)


_RUNNERS = {
    **dict.fromkeys(("bundle", "bundler", "rbenv", "pyenv", "nodenv"), "exec"),
    **dict.fromkeys(("dotenv", "pipenv", "poetry", "uv", "pdm", "hatch", "foreman", "honcho", "doppler"), "run"),
}
"""Program -> its word after which another program follows, which it runs with libraries or variables of its own."""


def _run_by(program: str, words: list[str]) -> list[str]:
    """The program that a runner runs and its words: `dotenv -f .env run -- manage.py migrate`; none where none is."""
    verb = _RUNNERS.get(program)
    if verb is None or verb not in words[1:]:
        return []
    before, inside = words[1 : words.index(verb, 1)], words[words.index(verb, 1) + 1 :]
    if before and not before[0].startswith("-"):
        return []  # it is the word of another command: `uv pip install run`
    while inside and inside[0].startswith("-"):
        if inside.pop(0) == "--":
            break
    return inside


def _inner(commands: Sequence[SimpleCommand], user: str, outer: SimpleCommand) -> tuple[SimpleCommand, ...]:
    """The commands that another shell runs; none of them is a piece of the outer text."""
    return tuple(
        replace(one, user=one.user or user, joined="compound", writes=(*one.writes, *outer.writes)) for one in commands
    )


def _without_options(program: str, words: list[str]) -> tuple[list[str], str]:
    user = ""
    values = _VALUE_OPTIONS.get(program, "")
    while words and (words[0].startswith("-") or (program in ("sudo", "env") and _ASSIGNMENT.match(words[0]))):
        option = words.pop(0)
        if option == "--":
            break
        if len(option) == 2 and option[1] in values and words:
            value = words.pop(0)
            user = value if program == "sudo" and option == "-u" else user
        elif program == "sudo" and option.startswith("--user="):
            user = option.removeprefix("--user=")
    return words, user


def _su(words: list[str]) -> tuple[str, str] | None:
    user = ""
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in ("-c", "--command") and rest:
            text = rest.pop(0)
            remaining = [one for one in rest if not one.startswith("-")]
            return (user or (remaining[0] if remaining else "root"), text)
        if word in ("-s", "-u") and rest:
            value = rest.pop(0)
            user = value if word == "-u" else user
        elif not word.startswith("-"):
            user = user or word
        elif word == "--" and rest:
            return user, " ".join(rest)
    return None


def _shell_text(words: list[str]) -> str | None:
    for position, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[position + 1] if position + 1 < len(words) else None
        if not word.startswith("-"):
            return None
    return None
