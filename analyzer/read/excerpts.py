"""The lines of a task as they stand in its file, for the report; what is or may be a secret is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from analyzer.model import Source
from analyzer.read.evidence_json import writable
from analyzer.read.files import Tree
from analyzer.read.secrets import SecretBook, is_secret_name, is_secret_text

MAX_LINES = 40
"""Lines shown of one task; the last one then says how many more there are."""
_MAX_COLUMNS = 300
_HIDDEN = "<not shown>"
_PAIR = re.compile(
    r"""(?P<lead>^\s*(?:-\s+)?["']?|(?<=[\s,{"';|&]))(?P<name>[A-Za-z_][\w.-]*)(?P<sep>["']?\s*[:=]\s*)(?P<value>\S.*)"""
)
_WORD = re.compile(r"""([A-Za-z_][\w.-]*)(=)("[^"]*"|'[^']*'|[^\s"']+)""")


def read_excerpts(root: Path, sources: Iterable[Source], book: SecretBook) -> dict[Source, tuple[str, ...]]:
    """Source -> the lines of the task (in YAML: up to the next item) or the one line (elsewhere) that stands there.

    A file that cannot be read here gives nothing: whoever read it for its meaning has said so.
    """
    tree = Tree(root)
    texts: dict[str, list[str]] = {}
    found: dict[Source, tuple[str, ...]] = {}
    for source in sorted(set(sources)):
        if source.file not in texts:
            text = tree.read_text(source.file) if tree.is_file(source.file) else None
            texts[source.file] = text.split("\n") if text is not None else []
        lines = texts[source.file]
        if 1 <= source.line <= len(lines):
            excerpt = (
                _item(lines, source.line - 1) if source.file.endswith((".yml", ".yaml")) else [lines[source.line - 1]]
            )
            found[source] = tuple(_shown(excerpt, book))
    return found


def _item(lines: list[str], start: int) -> list[str]:
    """The list item or mapping that begins on line `start` (from 0)."""
    indent = _indent(lines[start])
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
        end += 1
    item = [line.rstrip()[indent:] for line in lines[start:end]]
    while item and (not item[-1].strip() or item[-1].lstrip().startswith("#")):
        item.pop()
    if len(item) > MAX_LINES:
        return [*item[: MAX_LINES - 1], f"# … {len(item) - MAX_LINES + 1} more lines"]
    return item


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shown(lines: list[str], book: SecretBook) -> Iterable[str]:
    silent = any(re.match(r"\s*(-\s+)?no_log\s*:\s*(?!false|no\b)", line, re.IGNORECASE) for line in lines)
    key_block = False
    for number, line in enumerate(lines):
        text = book.redact(writable(line))[:_MAX_COLUMNS]
        if key_block or is_secret_text(text) or re.search(r"^\s*[0-9a-f]{40,}\s*$", text):
            key_block = "-----BEGIN" in text or (key_block and "-----END" not in text)
            yield f"{' ' * _indent(text)}{_HIDDEN}"
        elif silent and number and _indent(text) > 2:
            # The arguments of a task that Ansible itself would not log.
            yield (
                re.sub(r"(:\s+|=)(?!\s*[|>]?\s*$).*", rf"\1{_HIDDEN}", text, count=1)
                if re.search(r":\s|=", text)
                else _HIDDEN
            )
        else:
            yield _without_secrets(text)


def _without_secrets(text: str) -> str:
    match = _PAIR.search(text)
    if match and is_secret_name(match["name"]) and ":" in match["sep"] and "{{" not in match["value"]:
        return f"{text[: match.end('sep')]}{_HIDDEN}"
    return _WORD.sub(
        lambda pair: (
            f"{pair[1]}={_HIDDEN}"
            if is_secret_name(pair[1]) and "{{" not in pair[3] and "$" not in pair[3]
            else pair[0]
        ),
        text,
    )
