"""What any data of the project is asked: the texts in it, and how far its aliases unfold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

MAX_NODES = 3_000_000
"""Values in one variable or YAML file, aliases unfolded."""

MAX_NESTING = 200
"""Lists and mappings inside each other."""


def texts_in(value: object) -> Iterator[str]:
    """Every text in a value, however deep: keys, files' contents and the fields of records included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", errors="replace")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from texts_in(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from texts_in(getattr(value, name))


def unfolds_too_far(data: Any) -> bool:
    """Whether the data has more than MAX_NODES values when every alias is followed, or is nested too deeply."""
    count = 0
    pending = [(data, 0)]
    while pending:
        value, depth = pending.pop()
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(children)
        if count > MAX_NODES or depth > MAX_NESTING:
            return True
        pending.extend((child, depth + 1) for child in children if isinstance(child, (dict, list)))
    return False
