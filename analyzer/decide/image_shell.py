"""Texts for RUN instructions: quoting that survives the Dockerfile parser and the shell, and lists of commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from analyzer.model import (
    PARAMETER_CLOSE,
    PARAMETER_OPEN,
    SECRET_CLOSE,
    SECRET_OPEN,
    Instruction,
    InstructionLine,
    Via,
)

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./^-]+")
_MARKERS = re.compile(
    f"[{SECRET_OPEN}{PARAMETER_OPEN}]([^{SECRET_CLOSE}{PARAMETER_CLOSE}]*)[{SECRET_CLOSE}{PARAMETER_CLOSE}]"
)


def quote(text: str) -> str:
    """`text` as one word of a POSIX shell, on one line.

    A backslash at the end of a Dockerfile line continues it and a line feed ends the instruction, whatever the quotes
    say: texts with control characters are therefore spelled by printf (command substitution drops line feeds at the
    end, so an `x` stands there and is removed by no one: callers that need trailing line feeds use `printf_word`).
    """
    if text and _PLAIN.fullmatch(text):
        return text
    if not re.search(r"[\x00-\x1f\x7f]", text):
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return f'"$(printf {printf_word(text)})"'


def printf_word(text: str) -> str:
    """`text` as a quoted printf format, one line, whatever it holds."""
    out = []
    for character in text:
        if character == "\\":
            out.append("\\\\")
        elif character == "%":
            out.append("%%")
        elif character == "\n":
            out.append("\\n")
        elif character == "\t":
            out.append("\\t")
        elif ord(character) < 0x20 or ord(character) == 0x7F:
            out.append(f"\\{ord(character):03o}")
        elif character == "'":
            out.append("'\"'\"'")
        else:
            out.append(character)
    return "'" + "".join(out) + "'"


def marker_names(text: str) -> tuple[str, ...]:
    """Names of the secrets and parameters that a text refers to, in order of appearance, each once."""
    return tuple(dict.fromkeys(_MARKERS.findall(text)))


def has_secret(text: str) -> bool:
    """Whether a secret's marker stands in `text`."""
    return SECRET_OPEN in text


def has_marker(text: str) -> bool:
    """Whether a secret's or a parameter's marker stands in `text`."""
    return SECRET_OPEN in text or PARAMETER_OPEN in text


def environment_name(name: str) -> str:
    """The environment variable that carries secret or parameter `name` into a container."""
    upper = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
    return upper if upper and not upper[0].isdigit() else f"_{upper}"


def unique(vias: Iterable[Via]) -> tuple[Via, ...]:
    """The vias in order, each once."""
    return tuple(dict.fromkeys(vias))


class Command(Struct, frozen=True, kw_only=True):
    """A shell command of one or more lines; `lines` are continued by the renderer."""

    lines: tuple[str, ...]
    via: tuple[Via, ...]


def command(text: str, *vias: Via) -> Command:
    """A command of one line."""
    return Command(lines=(text,), via=unique(vias))


def run(commands: Sequence[Command], *, ignore: tuple[str, ...] = (), stage: str = "") -> Instruction:
    """One RUN that stops at the first command that fails."""
    lines: list[InstructionLine] = []
    for number, each in enumerate(commands):
        prefix = "" if number == 0 else " && "
        for index, text in enumerate(each.lines):
            lines.append(InstructionLine(text=(prefix if index == 0 else "    ") + text, via=each.via))
    return Instruction(keyword="RUN", lines=tuple(lines), stage=stage, lint_ignore=ignore)


class Instructions(Struct, kw_only=True):
    """The Dockerfile while it is composed: USER and WORKDIR are written only where they change."""

    items: list[Instruction] = field(default_factory=list)
    user: str = "root"
    workdir: str = "/"

    def add(self, keyword: str, text: str, *vias: Via, ignore: tuple[str, ...] = ()) -> None:
        """One instruction of one line."""
        line = InstructionLine(text=text, via=unique(vias))
        self.items.append(Instruction(keyword=keyword, lines=(line,), lint_ignore=ignore))

    def run(self, commands: Sequence[Command], *, ignore: tuple[str, ...] = ()) -> None:
        """One RUN; nothing where there is no command."""
        if commands:
            self.items.append(run(commands, ignore=ignore))

    def run_as_root(self, commands: Sequence[Command], *, ignore: tuple[str, ...] = ()) -> None:
        """One RUN of root's, whoever ran the step before it; nothing where there is no command."""
        if commands:
            self.become("", commands[0].via[0])
            self.run(commands, ignore=ignore)

    def become(self, user: str, via: Via) -> None:
        """Later instructions run as `user` ("" = root)."""
        user = user or "root"
        if user != self.user:
            self.add("USER", dockerfile_word(user), via)
            self.user = user

    def enter(self, directory: str, via: Via) -> None:
        """Later instructions run in `directory` ("" = the root directory)."""
        directory = directory or "/"
        if directory != self.workdir:
            self.add("WORKDIR", dockerfile_word(directory), via)
            self.workdir = directory


def dockerfile_word(text: str) -> str:
    """A word of USER, WORKDIR, ENV or COPY outside the JSON form: what Docker would expand or split is escaped."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r'(["\\$])', r"\\\1", text)
    # a line feed cannot be written in a Dockerfile word at all
    return '"' + re.sub(r"[\x00-\x1f\x7f]", "?", escaped) + '"'
