"""Data as ansible-core has it and as the model has it: immutable, with `Unknown` where something cannot be known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, Unknown, Value, Verdict
from analyzer.model.data import texts_in


def freeze(value: Any, clean: Callable[[str], str] = str) -> Value:
    """Plain data as an immutable `Value`."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {str(key): freeze(item, clean) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return tuple(freeze(item, clean) for item in value)
    if value is None or isinstance(value, (bool, int, float, Unknown)):
        return value
    return clean(str(value))


def first_unknown(value: Value) -> Unknown | None:
    """The first part of the value that is unknown, None where it is known whole."""
    if isinstance(value, Unknown):
        return value
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return next((found for part in parts if (found := first_unknown(part)) is not None), None)


def holds_unknown(value: Value) -> bool:
    """Whether any part of the value is unknown."""
    return first_unknown(value) is not None


def thaw(value: Any) -> Any:
    """A `Value` as the lists and dicts that ansible-core works with."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return [thaw(item) for item in value] if isinstance(value, tuple) else value


def as_list(value: Any) -> list[Any]:
    """YAML's "one or a list of them"."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def kind(value: Any) -> str:
    """What a value of a YAML file is, in words for its author."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "a truth value" if isinstance(value, bool) else "a number" if isinstance(value, (int, float)) else "nothing"


def wanted_in(value: object) -> Iterator[str]:
    """Names of the parameters whose markers stand anywhere inside a value, files' contents included."""
    for text in texts_in(value):
        yield from _WANTED.findall(text)


def names_wanted(value: object) -> tuple[str, ...]:
    """Variables that nothing defines and that a text would need."""
    return tuple(dict.fromkeys(_WANTED.findall(str(value))))


_WANTED = re.compile(f"{PARAMETER_OPEN}(.*?){PARAMETER_CLOSE}")


def first_line(error: BaseException) -> str:
    """The first line of an exception's text."""
    return (str(error) or type(error).__name__).strip().splitlines()[0][:300]


def templates_in(value: Any) -> Iterator[str]:
    """Every text inside a value that is a template."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from templates_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from templates_in(item)


def truthy(value: object) -> bool:
    """A condition's result as Ansible's playbooks have relied on it: "false", "no", "" and empty lists are false."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "false", "no", "off", "0", "n", "f", "none")
    return bool(value)


def negate(verdict: Verdict) -> Verdict:
    """Kleene's not."""
    return {Verdict.YES: Verdict.NO, Verdict.NO: Verdict.YES, Verdict.UNKNOWN: Verdict.UNKNOWN}[verdict]


def both(first: Verdict, second: Verdict) -> Verdict:
    """Kleene's and."""
    if Verdict.NO in (first, second):
        return Verdict.NO
    return Verdict.UNKNOWN if Verdict.UNKNOWN in (first, second) else Verdict.YES
