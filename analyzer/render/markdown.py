"""A Markdown page in another language: its prose is new; commands, names, tables and links stay where they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from analyzer.model import OutputFile

Say: TypeAlias = Callable[[str], str]

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_ITEM = re.compile(r"^(\s*(?:[-*]|\d+\.) )(.*)$")
_HEADING = re.compile(r"^(#+ )(.*)$")
_COMMENT = re.compile(r"^(.*?(?:^|\s{2,})# )(.+)$")
"""A comment in a block of commands, at its own line or two blanks behind a command."""


def translated_page(file: OutputFile, say: Say) -> OutputFile:
    """`file` with its prose as `say` puts it; each line keeps the reasons of the line that it was made of."""
    lines = file.data.decode(errors="replace").split("\n")
    found = list(_parts(lines, say))
    moved = {number: place for place, (number, _) in enumerate(found, 1)}
    provenance = tuple(
        replace(entry, line=moved[entry.line])
        for entry in file.provenance
        if entry.line is not None and entry.line in moved
    )
    return replace(file, data="\n".join(text for _, text in found).encode(errors="replace"), provenance=provenance)


def _parts(lines: Sequence[str], say: Say) -> Iterator[tuple[int, str]]:
    """(number of the line it begins at, text) of every line of the new page."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.match(line):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == fence[1]), len(lines) - 1)
            for number in range(at, end + 1):
                yield number + 1, _command(lines[number], say) if at < number < end else lines[number]
            at = end + 1
        elif line.startswith("|"):
            yield at + 1, "|".join(f" {say(cell.strip())} " if cell.strip() else cell for cell in _cells(line))
            at += 1
        elif not line.strip() or _HEADING.match(line):
            heading = _HEADING.match(line)
            yield at + 1, heading[1] + say(heading[2]) if heading else line
            at += 1
        else:
            end = at + 1
            while end < len(lines) and _goes_on(lines[end]):
                end += 1
            item = _ITEM.match(line)
            before = item[1] if item else line[: len(line) - len(line.lstrip())]
            first = item[2] if item else line.strip()
            text = " ".join([first, *(one.strip() for one in lines[at + 1 : end])])
            yield at + 1, before + say(text)
            at = end


def _goes_on(line: str) -> bool:
    """Whether a line continues the paragraph before it."""
    return bool(line.strip()) and not (line.startswith(("|", "#")) or _FENCE.match(line) or _ITEM.match(line))


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)


def _command(line: str, say: Say) -> str:
    """A line of commands: only its comment is for people."""
    comment = _COMMENT.match(line)
    return comment[1] + say(comment[2]) if comment else line
