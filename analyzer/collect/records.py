"""What `playbook/collect.sh` prints, as records: files, outputs of commands, and remarks.

Nothing a host sends is trusted: names that would leave the evidence folder and contents beyond the bounds are refused.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
import zlib
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

MAX_BYTES = 128 * 1024 * 1024
"""Largest content, unpacked; the script's own bounds are lower."""

_BEGIN = re.compile(r"MA1 begin (file|cmd|metrics) ([0-7]+) (gzip|plain|hex)")
_STATUS = re.compile(rb"\nMA1-STATUS (\d+)$")


class Content(Struct, frozen=True):
    """A file of the host, or what a command printed."""

    kind: Literal["file", "cmd", "metrics"]
    name: str
    """Absolute path on the host; of a command, its label."""
    data: bytes
    truncated: bool = False
    status: int | None = None
    """Exit status of the command, None for a file."""


class Remark(Struct, frozen=True):
    """Something the script said about the host."""

    kind: str
    """unreadable | absent | many | broken | user | identity | region | local | item | done"""
    text: str


Record = Content | Remark


def parse(stdout: str) -> Iterator[Record]:
    """The records of one run of the script; lines of others (greetings, `sudo`) are passed over.

    Content that is cut off or cannot be decoded is a remark `broken` with its name.
    """
    lines = iter(stdout.replace("\r", "").split("\n"))
    for line in lines:
        if begin := _BEGIN.fullmatch(line.strip()):
            kind, name = begin[1], _octal(begin[2])
            body, ending = _body(lines)
            yield _content(kind, name, begin[3], body, ending)
        elif found := re.fullmatch(r"MA1 note (\w+) ([0-7]+)", line.strip()):
            yield Remark(found[1], _octal(found[2]) or "?")
        elif found := re.fullmatch(r"MA1 (user|identity|region|local|item|done) ([\w:.-]*)", line.strip()):
            yield Remark(found[1], found[2])


def _body(lines: Iterator[str]) -> tuple[str, str]:
    body: list[str] = []
    for line in lines:
        if line.startswith("MA1 end "):
            return "".join(body), line[8:].strip()
        body.append(line.strip())
    return "".join(body), ""


def _content(kind: str, name: str | None, coding: str, body: str, ending: str) -> Record:
    if (
        name is None
        or (kind != "cmd" and not _inside(name))
        or (kind == "cmd" and not re.fullmatch(r"[a-z0-9-]+", name))
    ):
        return Remark("refused", repr(name))
    if not ending:
        return Remark("broken", name)
    try:
        data = bytes.fromhex(body) if coding == "hex" else base64.b64decode(body, validate=True)
        if coding == "gzip":
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MAX_BYTES)
            if not unpacker.eof:
                return Remark("broken", name)
    except (ValueError, binascii.Error, zlib.error):
        return Remark("broken", name)
    status = _STATUS.search(data[-40:])
    if kind != "file" and status:
        data = data[: len(data) - len(status[0])]
        if data and not data.endswith(b"\n") and kind == "cmd":
            data += b"\n"
    found: Literal["file", "cmd", "metrics"] = "file" if kind == "file" else "cmd" if kind == "cmd" else "metrics"
    return Content(
        found, name, data, truncated=ending != "0", status=int(status[1]) if status and kind != "file" else None
    )


def _inside(path: str) -> bool:
    """Whether an absolute path stays below the evidence folder and can be a file's name everywhere."""
    return (
        path.startswith("/")
        and posixpath.normpath(path) == path
        and all(0 < len(part.encode()) < 250 for part in path[1:].split("/"))
        and path.isprintable()
    )


def _octal(digits: str) -> str | None:
    """Text of `\\141\\142` written as `141142`; None where it is not UTF-8."""
    numbers = [int(digits[index : index + 3], 8) for index in range(0, len(digits), 3)]
    if len(digits) % 3 or max(numbers) > 255:
        return None
    try:
        return bytes(numbers).decode("utf-8")
    except UnicodeDecodeError:
        return None
