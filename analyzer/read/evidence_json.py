"""JSON evidence as people hand it in: what a program printed, headings included, and values of any type anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class NotJsonError(ValueError):
    """The text holds no JSON value; the message says where it breaks, the line is counted from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def parse_json(text: str) -> object:
    """The JSON value of `text`; raises `NotJsonError`, whatever the text is (truncated, nested a million deep, …)."""
    try:
        value: object = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise NotJsonError(error.msg, error.lineno) from None
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    except ValueError as error:  # a number with more digits than Python converts
        raise NotJsonError(str(error).split(";")[0]) from None
    return value


def parse_adhoc(text: str) -> tuple[dict[str, tuple[str, object]], object | None]:
    """What `ansible -m …` printed: host -> (status, value); or the plain JSON value without a heading.

    `acct01 | SUCCESS => {…}`, several hosts below each other, warnings above, colours; with `-o` on one line.
    """
    text = _COLOUR.sub("", text.removeprefix("\ufeff"))
    headings = list(re.finditer(r"^(\S+) \| ([A-Z]+!?)(?:\s*\(.*?\))? => ", text, re.MULTILINE))
    if not headings:
        return {}, parse_json(text)
    answers: dict[str, tuple[str, object]] = {}
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        body = text[heading.end() : following.start() if following else len(text)]
        try:
            value: object = json.JSONDecoder().raw_decode(body)[0]
        except json.JSONDecodeError as error:
            raise NotJsonError(error.msg, text.count("\n", 0, heading.end()) + error.lineno) from None
        except (RecursionError, ValueError) as error:
            raise NotJsonError(str(error).split(";")[0], text.count("\n", 0, heading.end()) + 1) from None
        answers[heading[1]] = (heading[2], value)
    return answers, None


def mapping(value: object) -> Mapping[str, object]:
    """`value` where it is an object, else an empty one: evidence may hold any type at any place."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> tuple[object, ...]:
    """`value` where it is a list, else nothing."""
    return tuple(value) if isinstance(value, list) else ()


def word(value: object) -> str:
    """`value` where it is a text, else "" (numbers that stand for a text are written out)."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, str):
        return writable(value)
    return str(value) if isinstance(value, int) else ""


def writable(text: str) -> str:
    r"""`text` with lone surrogates (JSON allows `"\ud800"`) replaced: they could be written to no file."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def line_of(text: str, needle: str) -> int:
    """The 1-based line where `needle` first stands in `text`, 1 if nowhere."""
    position = text.find(needle) if needle else -1
    return 1 if position < 0 else text.count("\n", 0, position) + 1
