"""HCL values as `terraform fmt` writes them, with a comment and a reason where one is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from analyzer.model import Via

Hcl: TypeAlias = "str | int | float | bool | Sequence[Hcl] | Mapping[str, Hcl | Noted] | None"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INLINE = 100
"""Longest list of scalars that stays on one line."""


class Noted(Struct, frozen=True, kw_only=True):
    """A value with why it is there, and what a reader should know about it."""

    value: Hcl
    via: Via
    comment: str = ""


class Line(Struct, frozen=True):
    """One line of the text and its reason, if it has one of its own."""

    text: str
    via: Via | None = None


def quoted(text: str) -> str:
    """`text` as a quoted template that means itself: no interpolation, no directive."""
    out = []
    for character in text:
        code = ord(character)
        if character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif 0xD800 <= code <= 0xDFFF:
            out.append("\\uFFFD")  # half of a character: nothing else can stand for it
        elif code < 0x20 or 0x7F <= code < 0xA0 or character in "\u2028\u2029":
            out.append(f"\\u{code:04X}")
        else:
            out.append(character)
    return '"' + "".join(out).replace("${", "$${").replace("%{", "%%{") + '"'


def comment_lines(text: str, indent: str = "") -> Iterator[str]:
    """`text` as comment lines: line ends and control characters cannot leave the comment."""
    for part in text.splitlines():
        clean = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", part).rstrip()
        yield f"{indent}# {clean}".rstrip()


def assignments(values: Mapping[str, Hcl | Noted]) -> Iterator[Line]:
    """Top-level `name = value` lines, a blank line between them."""
    for number, (name, value) in enumerate(values.items()):
        if number:
            yield Line("")
        yield from _entries({name: value}, "", None)


def _entries(values: Mapping[str, Hcl | Noted], indent: str, inherited: Via | None) -> Iterator[Line]:
    """The entries of an object; consecutive entries of one line each have their `=` below each other."""
    block: list[tuple[str, str, Via | None]] = []

    def flush() -> Iterator[Line]:
        width = max((len(key) for key, _, _ in block), default=0)
        yield from (Line(f"{indent}{key.ljust(width)} = {text}", via) for key, text, via in block)
        block.clear()

    for name, item in values.items():
        via, comment, value = inherited, "", item
        if isinstance(item, Noted):
            via, comment, value = item.via, item.comment, item.value
        key = name if _IDENTIFIER.fullmatch(name) else quoted(name)
        if comment:
            yield from flush()
            yield from (Line(text, via) for text in comment_lines(comment, indent))
        text = _inline(value)
        if text is not None:
            block.append((key, text, via))
            continue
        yield from flush()
        if isinstance(value, Mapping):
            yield Line(f"{indent}{key} = {{", via)
            yield from _entries(value, indent + "  ", via)
            yield Line(f"{indent}}}", via)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield Line(f"{indent}{key} = [", via)
            yield from _items(value, indent + "  ", via)
            yield Line(f"{indent}]", via)
    yield from flush()


def _items(values: Sequence[Hcl], indent: str, via: Via | None) -> Iterator[Line]:
    for value in values:
        text = _inline(value)
        if text is not None:
            yield Line(f"{indent}{text},", via)
        elif isinstance(value, Mapping):
            yield Line(f"{indent}{{", via)
            yield from _entries(value, indent + "  ", via)
            yield Line(f"{indent}}},", via)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield Line(f"{indent}[", via)
            yield from _items(value, indent + "  ", via)
            yield Line(f"{indent}],", via)


def _inline(value: object) -> str | None:
    """The value on one line, or None where it takes several."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return quoted(value)
        case Mapping():
            return None if value else "{}"
        case Sequence():
            parts = [_inline(item) for item in value]
            texts = [part for part in parts if part is not None]
            inline = f"[{', '.join(texts)}]"
            whole = len(texts) == len(parts) and not any(isinstance(item, Mapping) for item in value)
            return inline if whole and len(inline) <= _INLINE else None
        case _:
            raise TypeError(f"no HCL value: {value!r}")
