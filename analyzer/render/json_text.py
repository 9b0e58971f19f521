"""A JSON file from a value, with the reason of every leaf by pointer and by line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from analyzer.model import OutputFile, Provenance, Via

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


def token(key: str) -> str:
    """`key` as a reference token of RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def json_file(path: str, value: Json, reasons: Mapping[str, Via], default: Via) -> OutputFile:
    """`value` indented by two, one leaf a line.

    `reasons`: JSON pointer -> why that value and everything below it is there; the longest pointer wins, `default`
    speaks for the rest.
    """
    provenance: list[Provenance] = []
    lines: list[str] = []
    for text, pointer in _lines(value, "", "", ""):
        lines.append(text)
        if pointer is not None:
            provenance.append(Provenance(line=len(lines), pointer=pointer, via=_reason(pointer, reasons, default)))
    return OutputFile(path=path, data=("\n".join(lines) + "\n").encode(), provenance=tuple(provenance))


def _reason(pointer: str, reasons: Mapping[str, Via], default: Via) -> Via:
    while pointer:
        if (via := reasons.get(pointer)) is not None:
            return via
        pointer = pointer.rpartition("/")[0]
    return reasons.get("", default)


def _lines(value: Json, pointer: str, lead: str, tail: str) -> Iterator[tuple[str, str | None]]:
    """The lines of `value`, each with the pointer of the leaf on it. `lead` is indentation and key."""
    indent = " " * (len(lead) - len(lead.lstrip(" ")))
    members: list[tuple[str, str, Json]]
    match value:
        case dict() if value:
            brackets = "{}"
            members = [(f"{json.dumps(key, ensure_ascii=False)}: ", token(key), item) for key, item in value.items()]
        case list() if value:
            brackets = "[]"
            members = [("", str(index), item) for index, item in enumerate(value)]
        case _:
            yield f"{lead}{json.dumps(value, ensure_ascii=False)}{tail}", pointer
            return
    yield lead + brackets[0], None
    for number, (key, name, item) in enumerate(members, 1):
        yield from _lines(item, f"{pointer}/{name}", f"{indent}  {key}", "," if number < len(members) else "")
    yield indent + brackets[1] + tail, None
