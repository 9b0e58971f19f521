"""Facts that a task sets under a condition nobody can decide: known to those tasks that stand under the same one.

`set_fact` under an unknown condition leaves a variable unknown. Where a later task has that condition too, it runs only
after the fact was set, so for it the value is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Verdict
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.evaluator import ABSENT
from analyzer.read.ansible.expressions import analyse_expression
from analyzer.read.ansible.scope import Scope
from analyzer.read.ansible.values import thaw

_NEVER = ""
"""A condition that no task has."""
_UNSET = re.compile(r"\(?(?:not (\w+) is defined|(\w+) is (?:not defined|undefined))\)?")


class Conditional(Struct, frozen=True):
    """A value that a variable has if all of the conditions hold."""

    value: Any
    conditions: frozenset[str]
    """As written."""
    seen: Mapping[str, Any]
    """What the names in the conditions stood for; a condition means the same only as long as they do."""
    only: bool = False
    """Nothing else gives the variable a value: where it is used without a default, it was set."""


class ConditionalFacts(Struct):
    """The facts of one run that are set or not."""

    _facts: dict[str, Conditional] = field(default_factory=dict)
    _same: dict[tuple[int, str], tuple[Scope, bool]] = field(default_factory=dict)

    def note(self, name: str, value: Any, when: Iterable[object], scope: Scope, *, only: bool = False) -> None:
        """Variable `name` has `value` if the conditions of `when` that could not be decided hold.

        `only`: no other task has set it, and no file of variables does.
        """
        undecided = [each for each in when if scope.verdict(each)[0] is not Verdict.YES]
        conditions = frozenset(str(plain(each)) for each in undecided)
        seen = {each: _raw(scope, each) for each in _names(scope, conditions)}
        if conditions and (only or name not in seen):
            asks_itself = name in seen
            self._facts[name] = Conditional(value, frozenset({_NEVER}) if asks_itself else conditions, seen, only)
            self._same.clear()

    def is_only(self, name: str, value: Any) -> bool:
        """Whether the variable has this value if any, by what was noted so far."""
        fact = self._facts.get(name)
        return fact is not None and fact.only and bool(fact.value == value)

    def if_used(self, scope: Scope) -> dict[str, Any]:
        """Variables that have one value wherever a task that uses them does not fail."""
        return {
            name: fact.value
            for name, fact in self._facts.items()
            if fact.only and name in scope.unknown and name not in scope.variables
        }

    def forget(self, names: Collection[str]) -> None:
        """The variables have other values from now on, and conditions that ask for them may mean something else."""
        self._same.clear()
        for name in [
            name for name, fact in self._facts.items() if name in names or not fact.seen.keys().isdisjoint(names)
        ]:
            del self._facts[name]

    def default_of(self, name: str, when: Iterable[object], scope: Scope) -> Any:
        """The value that `name` has if it is defined, where `when` asks for nothing but that it is not; else ABSENT."""
        undecided = [str(plain(each)) for each in when if scope.verdict(each)[0] is not Verdict.YES]
        fact = self._facts.get(name)
        asked = all((found := _UNSET.fullmatch(each)) and name in found.groups() for each in undecided)
        return fact.value if fact is not None and asked and _raw(scope, name) is ABSENT else ABSENT

    def under(self, when: Collection[object], scope: Scope) -> dict[str, Any]:
        """The variables that are known to a task under the conditions `when`, or that have their value either way."""
        if not self._facts:
            return {}
        held = {str(plain(each)) for each in when}
        return {
            name: fact.value
            for name, fact in self._facts.items()
            if (fact.conditions <= held and all(_raw(scope, each) is value for each, value in fact.seen.items()))
            or self._is_same_unset(name, fact, scope)
        }

    def _is_same_unset(self, name: str, fact: Conditional, scope: Scope) -> bool:
        """Whether the variable has the value of the fact where no task sets it: by a role's default, say."""
        if name not in scope.variables or name not in scope.unknown:
            return False
        kept = self._same.get((id(scope), name))
        if kept is None or kept[0] is not scope:
            unset = replace(scope, unknown={each: why for each, why in scope.unknown.items() if each != name})
            same = thaw(unset.value("{{ " + name + " }}")) == fact.value
            kept = self._same[id(scope), name] = (scope, same)
        return kept[1]


def _names(scope: Scope, conditions: Iterable[str]) -> set[str]:
    return {name for each in conditions for name in scope.reach(analyse_expression(each)).references}


def _raw(scope: Scope, name: str) -> Any:
    return scope.variables.get(name, ABSENT)
