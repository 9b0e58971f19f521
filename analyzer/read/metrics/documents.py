"""JSON texts as tools leave them: one document, several pages in one file, or cut off in the middle."""

from __future__ import annotations

import re
from typing import Any

from analyzer.model import Severity
from analyzer.read.metrics.reading import MetricFile

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_CLOSER = {b"{": b"}", b"[": b"]"}


def load_documents(file: MetricFile) -> list[Any]:
    """Every JSON document of the file; of a truncated one all complete elements. Never raises."""
    import orjson

    try:
        return [orjson.loads(file.data)]
    except orjson.JSONDecodeError:
        pass
    documents: list[Any] = []
    for start, text, complete in _split(file.data):
        try:
            documents.append(orjson.loads(text))
        except orjson.JSONDecodeError as error:
            file.note(
                "metrics-not-json",
                f"not valid JSON: {error.msg}",
                line=file.line_of(start + error.pos),
                hint="export the file again",
                severity=Severity.ERROR,
            )
        else:
            if not complete:
                file.note(
                    "file-truncated",
                    "the JSON text ends too early; the complete elements before the end are used",
                    line=file.line_of(len(file.data)),
                    hint="export the file again",
                )
    return documents


def _split(data: bytes) -> list[tuple[int, bytes, bool]]:
    """(offset, text, complete) of each top-level value.

    An unfinished last one is cut after its last complete element and closed.
    """
    out: list[tuple[int, bytes, bool]] = []
    stack: list[bytes] = []
    start = cut = 0
    open_at_cut: list[bytes] = []
    for match in _TOKEN.finditer(data):
        token = match.group()
        if token in _CLOSER:
            if not stack:
                start = match.start()
            stack.append(token)
            if len(stack) > 200:
                break
        elif token in (b"}", b"]"):
            if not stack or _CLOSER[stack[-1]] != token:
                return [*out, (start, data[start:], False)]
            stack.pop()
            cut, open_at_cut = match.end(), stack[:]
            if not stack:
                out.append((start, data[start : match.end()], True))
        elif stack and stack[-1] == b"[":
            cut, open_at_cut = match.end(), stack[:]
    if stack and cut > start:
        out.append((start, data[start:cut] + b"".join(_CLOSER[opener] for opener in reversed(open_at_cut)), False))
    elif stack or not out:
        out.append((start, data[start:], False))
    return out
