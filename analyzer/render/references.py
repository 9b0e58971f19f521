"""Markers of secrets and parameters inside texts, and the environment variables that stand for them at run time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, SECRET_CLOSE, SECRET_OPEN
from analyzer.render.names import variable

_SECRET = re.compile(f"{SECRET_OPEN}([^{SECRET_CLOSE}]*){SECRET_CLOSE}")
_PARAMETER = re.compile(f"{PARAMETER_OPEN}([^{PARAMETER_CLOSE}]*){PARAMETER_CLOSE}")
_ANY = re.compile(
    f"{SECRET_OPEN}([^{SECRET_CLOSE}]*){SECRET_CLOSE}|{PARAMETER_OPEN}([^{PARAMETER_CLOSE}]*){PARAMETER_CLOSE}"
)


def secret_names(text: str) -> tuple[str, ...]:
    """The secrets that `text` names, each once, in order."""
    return tuple(dict.fromkeys(_SECRET.findall(text)))


def parameter_names(text: str) -> tuple[str, ...]:
    """The parameters that `text` names, each once, in order."""
    return tuple(dict.fromkeys(_PARAMETER.findall(text)))


def is_secret(text: str) -> bool:
    """Whether `text` is one secret's marker and nothing else."""
    return _SECRET.fullmatch(text) is not None


def has_reference(text: str) -> bool:
    """Whether any marker is in `text`."""
    return _ANY.search(text) is not None


def replace_references(text: str, reference: Callable[[str], str]) -> str:
    """`text` with each marker replaced by `reference(name)`."""
    return _ANY.sub(lambda match: reference(match[1] if match[1] is not None else match[2]), text)


def readable(text: str) -> str:
    """The text for people: `<db_password>` in place of a marker."""
    return replace_references(text, lambda name: f"<{name}>")


def shell_text(script: str) -> str:
    """A POSIX shell script that reads environment variables where markers stood, as one word, in any quotes."""
    out: list[str] = []
    quote = ""
    position = 0
    while position < len(script):
        character = script[position]
        if (match := _ANY.match(script, position)) is not None:
            name = f"${{{variable(match[1] if match[1] is not None else match[2])}}}"
            out.append({"": f'"{name}"', '"': name, "'": f"'\"{name}\"'"}[quote])
            position = match.end()
            continue
        if character == "\\" and quote != "'":
            out.append(script[position : position + 2])
            position += 2
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        out.append(character)
        position += 1
    return "".join(out)


def shell_word(word: str) -> str:
    """`word` as one word of a shell script, its markers as environment variables."""
    return shell_text("'" + word.replace("'", "'\"'\"'") + "'")


def run_time_command(words: Sequence[str]) -> list[str]:
    """A command whose markers are environment variables; one without a shell gets one where it has markers."""
    if not any(has_reference(word) for word in words):
        return list(words)
    if len(words) == 3 and words[1] in ("-c", "-lc", "-ec") and not has_reference(words[0]):
        return [words[0], words[1], shell_text(words[2])]
    return ["sh", "-c", "exec " + " ".join(shell_word(word) for word in words)]


def run_time_check(command: Sequence[str]) -> list[str]:
    """The same for a health check: its first word says whether a shell runs the rest."""
    if not any(has_reference(word) for word in command):
        return list(command)
    if command[0] == "CMD-SHELL":
        return ["CMD-SHELL", *(shell_text(word) for word in command[1:])]
    return ["CMD-SHELL", " ".join(shell_word(word) for word in command[1:])]
