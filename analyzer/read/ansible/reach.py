"""What a template depends on, directly or through other variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from analyzer.read.ansible.evaluator import NOTHING
from analyzer.read.ansible.expressions import Analysis, Reference
from analyzer.read.ansible.markers import Names

_GLOBALS = frozenset(
    "range dict lipsum cycler joiner namespace lookup query q now undef omit true false none True False None vars "
    "hostvars environment".split()
)

OF_THE_RUN = frozenset({"hostvars", "groups", "ansible_facts"})
"""Magic variables whose values are not followed: they hold no template that the expression would depend on."""


class Reach(Struct):
    """All that a template depends on, directly or through other variables."""

    references: dict[str, frozenset[str]] = field(default_factory=dict)
    """Name -> the names that its value refers to."""
    computed: set[str] = field(default_factory=set)
    """Names by whose values something goes: they are compared, counted, cut, looped over, and not only shown."""
    constants: set[object] = field(default_factory=set)
    """Texts and numbers that something is compared with."""
    undefined: list[str] = field(default_factory=list)
    """Names used without a test or default that nothing defines."""
    wide: bool = False
    """Any variable may be needed."""
    stock: bool = False
    """ansible-core's own objects must stand behind it."""
    clock: bool = False
    """The time of the run is in it."""
    alterations: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    """Filters that turn some of it into what does not show it any more."""


def find_reach(analysis: Analysis, variables: Mapping[str, Any], unknown: Mapping[str, str], names: Names) -> Reach:
    """All that `analysis` leads to. `unknown`: names that are not undefined, though none of the variables."""
    found = Reach(wide=analysis.wide, stock=analysis.stock, clock=analysis.clock)
    undefined: dict[str, None] = {}
    pending = [analysis]
    while pending:
        here = pending.pop()
        found.alterations.extend(here.alterations)
        found.constants |= here.constants
        for reference in here.references:
            name = reference.name
            if reference not in here.shown:
                found.computed.add(name)
            if name in found.references:
                if name not in variables:
                    _note(reference, unknown, undefined)
                continue
            if name not in variables:
                found.references[name] = frozenset()
                _note(reference, unknown, undefined)
                continue
            uses = NOTHING if name in OF_THE_RUN else names.uses(variables[name])
            found.references[name] = uses.names
            found.wide = found.wide or uses.wide
            found.stock = found.stock or uses.stock
            found.clock = found.clock or uses.clock
            pending.extend(uses.analyses)
    found.undefined = list(undefined)
    below = list(found.computed)
    while below:
        more = found.references.get(below.pop(), frozenset()) - found.computed
        found.computed |= more
        below.extend(more)
    return found


def _note(reference: Reference, unknown: Mapping[str, str], found: dict[str, None]) -> None:
    if not (reference.test or reference.path or reference.name in unknown or reference.name in _GLOBALS):
        found[reference.name] = None
