"""`loop`, `with_*` and `loop_control`: the items of a task, or why they cannot be known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from analyzer.model import Unknown, Value
from analyzer.read.ansible.bounds import bounded
from analyzer.read.ansible.core import SAFE_LOOKUPS, RefusedError, ansible, plain
from analyzer.read.ansible.scope import Scope
from analyzer.read.ansible.values import first_line, freeze, holds_unknown, names_wanted, thaw

MAX_ITEMS = 5_000


class Loop(Struct, frozen=True):
    """The loop of one task."""

    present: bool = False
    items: tuple[Any, ...] = ()
    variable: str = "item"
    index_variable: str = ""
    unknown: Unknown | None = None
    extended: bool = False
    """`loop_control: extended`: `ansible_loop` tells where in the loop an item stands."""

    def variables(self, index: int, item: Any) -> dict[str, Any]:
        """What the loop sets for its item number `index`, counted from 0."""
        found: dict[str, Any] = {self.variable: thaw(item), "ansible_loop_var": self.variable}
        if self.index_variable:
            found |= {self.index_variable: index, "ansible_index_var": self.index_variable}
        if self.extended:
            count = len(self.items)
            place: dict[str, Any] = {
                "allitems": [thaw(each) for each in self.items],
                "index": index + 1, "index0": index, "first": index == 0, "last": index + 1 == count, "length": count,
                "revindex": count - index, "revindex0": count - index - 1,
            }  # fmt: skip
            if index:
                place["previtem"] = thaw(self.items[index - 1])
            if index + 1 < count:
                place["nextitem"] = thaw(self.items[index + 1])
            found["ansible_loop"] = place
        return found

    def not_known(self, item: Any) -> dict[str, str]:
        """The variables that the loop sets to something that is not known, with the reason."""
        if not self.present or (self.items and not holds_unknown(item)):
            return {}
        if self.items:
            return {self.variable: "this item of the loop is not known"}
        return dict.fromkeys(filter(None, (self.variable, self.index_variable, "ansible_loop")), self.reason)

    @property
    def reason(self) -> str:
        """Why the item is not known."""
        return self.unknown.reason if self.unknown else "the loop has no items"


def loop_items(entry: Mapping[str, Any], scope: Scope, loader: Any, module: str) -> Loop:
    """The items of the task `entry`, which calls `module`; a task without a loop gives `Loop()`."""
    control = entry.get("loop_control")
    control = control if isinstance(control, Mapping) else {}
    variable = str(plain(control.get("loop_var")) or "item")
    index = str(plain(control.get("index_var")) or "")
    key = next((name for name in entry if name == "loop" or (isinstance(name, str) and name.startswith("with_"))), None)
    if key is None:
        return Loop()
    written = entry[key]
    terms = _terms(written, scope, str(key))
    if isinstance(terms, Unknown):
        return Loop(present=True, variable=variable, index_variable=index, unknown=terms)
    if key == "loop":
        wanted = names_wanted(terms)
        reason = f"no file of the project defines {wanted[0]}" if wanted else "loop needs a list"
        items: Any = terms if isinstance(terms, tuple) else Unknown(str(plain(written)), reason)
    else:
        items = _lookup(str(key).removeprefix("with_"), terms, scope, loader, module)
    if isinstance(items, Unknown):
        return Loop(present=True, variable=variable, index_variable=index, unknown=items)
    if len(items) > MAX_ITEMS:
        unknown = Unknown(str(plain(written))[:200], f"the loop has more than {MAX_ITEMS} items")
        return Loop(present=True, variable=variable, index_variable=index, unknown=unknown)
    extended = control.get("extended") in (True, "yes", "true")
    return Loop(present=True, items=tuple(items), variable=variable, index_variable=index, extended=extended)


_BARE = re.compile(r"([A-Za-z_]\w*)(?:\.\w+(?:\(\))?|\s*\|\s*\w+(?:\([^()]*\))?)+")
_OF_LISTS = frozenset({"with_nested", "with_cartesian", "with_together", "with_flattened"})
"""Loops whose terms are lists themselves."""


def _terms(written: Any, scope: Scope, name: str) -> Value:
    """The loop's list; an item that is unknown makes only itself unknown, a bare variable name is a variable."""
    if isinstance(written, str) and "{{" not in written and written.strip() in scope.variables:
        return scope.value("{{ " + written.strip() + " }}")
    if name.startswith("with_") and isinstance(written, str) and (bare := _BARE.fullmatch(written.strip())):
        # `with_items: sites.keys() | difference(gone)` was an expression without braces until Ansible 2.2
        found = scope.value("{{ " + written.strip() + " }}") if bare[1] in scope.variables else None
        if isinstance(found, (tuple, dict)):
            return found
    if name in _OF_LISTS and isinstance(written, list):
        # until Ansible 2.2 a name alone was a variable there, too; as a text it would be taken apart into letters
        return tuple(_terms(one, scope, "") if isinstance(one, str) else scope.value(one) for one in written)
    return scope.value(written)


def _lookup(name: str, terms: Value, scope: Scope, loader: Any, module: str) -> Any:
    if name in ("items", "list"):
        return _flatten_once(terms) if name == "items" else terms if isinstance(terms, tuple) else (terms,)
    if name == "flattened":  # a collection's plugin, simple enough to do without it
        return tuple(_flatten(terms))
    if name.removeprefix("ansible.builtin.") not in SAFE_LOOKUPS:
        return Unknown(f"with_{name}", f"lookup '{name}' is not run while analysing")
    if holds_unknown(terms):
        return Unknown(f"with_{name}", "some of its items are not known")
    core = ansible()
    given = thaw(terms)
    try:
        with bounded(), core.lookup_of_a_loop(module):
            variables = scope.all_variables()
            plugin = core.lookup_loader.get(name, loader=loader, templar=scope.evaluator.stock(variables))
            if plugin is None:
                return Unknown(f"with_{name}", f"there is no lookup plugin '{name}'")
            found = plugin.run(given if isinstance(given, list) else [given], variables=variables)
    except RefusedError as error:
        return Unknown(f"with_{name}", str(error))
    except Exception as error:  # noqa: BLE001 - look-ups raise whatever their terms make them
        return Unknown(f"with_{name}", scope.hide_root(first_line(error)))
    frozen = freeze(plain(list(found)), scope.hide_root)
    return frozen if isinstance(frozen, tuple) else (frozen,)


def _flatten_once(terms: Value) -> tuple[Value, ...]:
    if not isinstance(terms, tuple):
        return (terms,)
    flat: list[Value] = []
    for term in terms:
        flat.extend(term if isinstance(term, tuple) else (term,))
    return tuple(flat)


def _flatten(terms: Value) -> Iterator[Value]:
    if isinstance(terms, tuple):
        for term in terms:
            yield from _flatten(term)
    else:
        yield terms
