"""Arguments as Ansible's modules would take them: text, lists, modes; and unknowns in words."""

from __future__ import annotations

from typing import Any

from analyzer.model import Unknown

_LONGEST = 120


class Words(tuple[Any, ...]):
    """A list that a rule writes itself: the words of a text, or the arguments of a command."""

    __slots__ = ()


def text(value: object) -> str:
    """A scalar as Ansible would hand it to a module that wants text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return (" " if isinstance(value, Words) else ",").join(map(text, value))
    return str(value)


def texts(value: object) -> tuple[str, ...]:
    """A list argument: a list (flattened), or one text with commas."""
    if value is None or value == "":
        return ()
    if isinstance(value, tuple):
        return tuple(found for each in value for found in texts(each))
    return tuple(part.strip() for part in text(value).split(",") if part.strip())


def mode(value: object) -> str:
    """A file mode as octal text with its leading zero, or symbolic as written; "" for `preserve`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"0{value:03o}"
    written = text(value).strip()
    if written == "preserve":
        return ""
    return f"0{written}" if written.isdigit() and not written.startswith("0") else written


def told(unknown: Unknown) -> str:
    """An unknown in words: its expression (a long one, such as a whole template, cut) and why it is unknown."""
    expression = " ".join(unknown.expression.split())
    if len(expression) > _LONGEST:
        expression = f"{expression[:_LONGEST].rstrip()}…"
    reason = unknown.reason.strip()
    if "\n" in unknown.expression.strip() and reason:
        return reason
    return f"{expression} ({reason})" if reason else expression
