"""What is known of names and values over a whole run, and the markers that stand for those that only a task has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from analyzer.model import PARAMETER_OPEN, SECRET_OPEN, Parameter, Source, parameter_reference
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.evaluator import ABSENT, NOTHING, Uses
from analyzer.read.ansible.expressions import analyse_template
from analyzer.read.ansible.values import templates_in
from analyzer.read.secrets import SecretBook, is_secret_name


class Names(Struct):
    """What is known of names and values over a whole run."""

    book: SecretBook
    """Names that were looked up and not found become secrets here, or parameters."""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    """The hosts whose values are compared where variables differ: one of each kind, then others."""
    _varying: dict[tuple[str, tuple[int, ...]], tuple[Any, tuple[Any, ...]]] = field(default_factory=dict)
    """What stands for variables that differ, beside the values by whose identity it is known."""
    _markers: dict[str, str] = field(default_factory=dict)
    _uses: dict[int, tuple[Any, Uses]] = field(default_factory=dict)

    def uses(self, value: Any) -> Uses:
        """What the templates inside `value` refer to; each value is walked once in a run."""
        if isinstance(value, str):
            if "{{" not in value and "{%" not in value:
                return NOTHING
        elif not isinstance(value, (dict, list)):
            return NOTHING
        kept = self._uses.get(id(value))
        if kept is None or kept[0] is not value:
            analyses = tuple(analyse_template(text) for text in templates_in(value))
            names = frozenset(reference.name for analysis in analyses for reference in analysis.references)
            found = Uses(
                analyses,
                names,
                wide=any(each.wide for each in analyses),
                stock=any(each.stock for each in analyses),
                clock=any(each.clock for each in analyses),
            )
            kept = self._uses[id(value)] = (value, found if analyses else NOTHING)
        return kept[1]

    def reference(self, name: str, source: Source | None) -> str:
        """The marker that stands for undefined variable `name`; `vault_x` is how projects call what they encrypt."""
        if is_secret_name(name) or name.startswith("vault_"):
            marker = self.book.marker(name, source, "undefined")
        else:
            if name not in self.parameters:
                self.parameters[name] = Parameter(name=name, source=source, reason="no file of the project defines it")
            marker = parameter_reference(name)
        return self._markers.setdefault(marker, marker)

    def parameter(self, name: str) -> str:
        """The marker that stands for a parameter of this name."""
        marker = parameter_reference(name)
        return self._markers.setdefault(marker, marker)

    def varying(self, name: str, values: Sequence[Any]) -> Any:
        """What stands for a variable that differs between the hosts; of mappings, for the parts that differ.

        `values`: its value on each of the hosts that are compared, ABSENT where there is none.
        """
        key = (name, tuple(map(id, values)))
        if key in self._varying:
            return self._varying[key][0]
        if all(isinstance(value, Mapping) for value in values):
            keys = dict.fromkeys(key for value in values for key in value)
            found: Any = {key: self._part(name, key, [value.get(key, ABSENT) for value in values]) for key in keys}
        else:
            found = self.parameter(name)
            shown = tuple(
                (host, str(plain(value)))
                for host, value in zip(self.compared, values, strict=True)
                if value is not ABSENT
            )
            parameter = Parameter(name=name, values=shown, reason="differs between the hosts")
            self.parameters.setdefault(name, parameter)
        self._varying[key] = (found, tuple(values))
        return found

    def _part(self, name: str, key: object, values: Sequence[Any]) -> Any:
        if all(value is values[0] or (value is not ABSENT and plain(value) == plain(values[0])) for value in values):
            return values[0]
        return self.varying(f"{'ansible' if name == 'ansible_facts' else name}_{key}", values)


def marked(value: Any) -> bool:
    """Whether a marker of a secret or parameter stands anywhere in the value."""
    if isinstance(value, str):
        return SECRET_OPEN in value or PARAMETER_OPEN in value
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return any(map(marked, parts))


_ESCAPED = re.compile(r"\\u(e00[0-3])")


def unescaped(value: Any) -> Any:
    """A text in which markers stand as they are: filters that write JSON escape them."""
    if isinstance(value, str) and "\\ue00" in value:
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
    return value
