"""A rule against the arguments of one call of a module. `Unknown` matches nothing but the operator that asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from analyzer.model import OTHER_ARGUMENTS, Unknown, Value, Verdict
from analyzer.ruletypes import Condition, Rule

_TRUE = frozenset({"yes", "true", "on", "y", "t", "1"})
_FALSE = frozenset({"no", "false", "off", "n", "f", "0"})


class Undetermined(Struct, frozen=True):
    """The rule would match, but for arguments that nobody knows before the host does."""

    unknown: tuple[tuple[str, Unknown], ...]
    """(argument, its first unknown part)"""


def match(rule: Rule, args: Mapping[str, Value]) -> Mapping[str, Value] | Undetermined | None:
    """The rule's view of the arguments (synonyms resolved, defaults filled in), or None where it does not match."""
    bindings = bind(rule, args)
    others = args.get(OTHER_ARGUMENTS)
    verdicts = [(condition.argument, holds(condition, bindings)) for condition in rule.where]
    if any(verdict is Verdict.NO for _, verdict in verdicts):
        return None
    if isinstance(others, Unknown) and (rule.emit or Verdict.UNKNOWN in {verdict for _, verdict in verdicts}):
        return Undetermined((("arguments", others),))
    undecided = dict.fromkeys(argument for argument, verdict in verdicts if verdict is Verdict.UNKNOWN)
    if undecided:
        return Undetermined(
            tuple((name, found) for name in undecided if (found := first_unknown(bindings.get(name))) is not None)
        )
    return bindings


def bind(rule: Rule, args: Mapping[str, Value]) -> Mapping[str, Value]:
    """The arguments by the names that the rule uses, with the module's defaults."""
    given = {name: value for name, value in args.items() if value is not None}
    for other, name in rule.synonyms:
        value = given.pop(other, None)
        if value is not None:
            given.setdefault(name, value)
    others = given.pop(OTHER_ARGUMENTS, None)
    asked = {} if others is None else dict.fromkeys(_arguments_of(rule.where), others)
    return {**rule.defaults, **asked, **given}


def _arguments_of(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        if condition.operator == "any_of":
            for parts in condition.operand:
                yield from _arguments_of(parts)
        else:
            yield condition.argument


def holds(condition: Condition, bindings: Mapping[str, Value]) -> Verdict:
    """Three-valued truth of one condition."""
    value = bindings.get(condition.argument)
    match condition.operator:
        case "absent":
            return _verdict(value is None or value in ("", ()))
        case "unknown":
            return _verdict(first_unknown(value) is not None)
        case "any_of":
            return _any(_all(holds(part, bindings) for part in parts) for parts in condition.operand)
        case _:
            if value is None or value in ("", ()):
                # nothing given: not one of anything, and none of everything
                return _verdict(condition.operator == "none_of")
            if first_unknown(value) is not None:
                return Verdict.UNKNOWN
            return _verdict(_compare(condition.operator, value, condition.operand))


def _compare(operator: str, value: Value, operand: tuple[Any, ...]) -> bool:
    match operator:
        case "known":
            return True
        case "is" | "one_of":
            return any(same(value, one) for one in operand)
        case "none_of":
            return not any(same(value, one) for one in operand)
        case "prefix":
            return str(value).startswith(tuple(map(str, operand)))
        case "suffix":
            return str(value).endswith(tuple(map(str, operand)))
        case "contains":
            inside = tuple(map(str, value)) if isinstance(value, tuple) else str(value)
            return any(str(one) in inside for one in operand)
        case _:
            raise AssertionError(operator)


def same(value: object, other: object) -> bool:
    """Equality as an Ansible user means it: `yes` is true, 022 in a text is the text."""
    if isinstance(value, bool) or isinstance(other, bool):
        left, right = boolean(value), boolean(other)
        return left is not None and left is right
    return str(value) == str(other)


def boolean(value: object) -> bool | None:
    """Ansible's reading of a truth value, None for what is none."""
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    return True if text in _TRUE else False if text in _FALSE else None


def first_unknown(value: object) -> Unknown | None:
    """The first unknown part of a value, however deep."""
    if isinstance(value, Unknown):
        return value
    parts: Iterable[object] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, tuple):
        parts = value
    return next((found for part in parts if (found := first_unknown(part)) is not None), None)


def _verdict(truth: bool) -> Verdict:
    return Verdict.YES if truth else Verdict.NO


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    return Verdict.NO if Verdict.NO in found else Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.YES


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    return Verdict.YES if Verdict.YES in found else Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.NO
