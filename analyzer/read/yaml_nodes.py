"""YAML files that people write for this tool, as nodes: every key and value knows its line."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from msgspec import Struct


class NoYamlError(Exception):
    """A text that is not YAML: on the 0-based `line`, as PyYAML counts, `what` stands in the way."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what


def compose(text: str) -> yaml.Node | None:
    """The root of the first document, None where there is nothing; `NoYamlError` for all that the parser refuses."""
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise NoYamlError(mark.line if mark else 0, what) from None
    except RecursionError:
        raise NoYamlError(0, "nested too deeply") from None
    return root


class Entry(Struct, frozen=True):
    """One `key: value` of a mapping."""

    name: str
    """The key's text; `?` for one that is no text."""
    key: yaml.Node
    value: yaml.Node
    repeated: bool
    """The same key stands above."""


def entries(node: yaml.MappingNode) -> Iterator[Entry]:
    """What a mapping holds, in its order."""
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        yield Entry(name, key, value, name in seen)
        seen.add(name)
