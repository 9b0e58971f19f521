"""Names that stand in a file for values that only the live host knows.

A file that shows a fact, a registered result or the answer of a look-up, and decides nothing by it, can be written all
the same: the value becomes a parameter, or a secret by its name, and the container fills it in when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analyzer.model import Parameter, Source
from analyzer.read.ansible.expressions import Analysis, Reference
from analyzer.read.ansible.scope import Scope
from analyzer.read.secrets import is_secret_name

_RESULT_KEYS = frozenset({"stdout", "content", "json", "value"})
"""Last words that say how a module gives its answer, and not what it is."""
_DEEPEST = 20
_ITSELF = "refers to itself"


@dataclass(slots=True)
class StandIns:
    """What stands in for the unknown parts of one template."""

    scope: Scope
    source: Source | None
    values: dict[str, Any] = field(default_factory=dict)
    """Variable -> its marker, or a mapping with markers where keys of it are asked for."""

    def why_not(self, analysis: Analysis, depth: int = 0) -> str:
        """Why the template cannot be written although markers may stand in it, "" if it can; fills `values`."""
        if analysis.error or analysis.refusals or depth > _DEEPEST:
            return self.scope.reason_unknown(analysis) or f"it {_ITSELF}"
        for reference in analysis.references:
            why = self.scope.reason_for(reference)
            if why and (
                why.endswith(_ITSELF) or reference not in analysis.shown or not self._stands_in(reference, why, depth)
            ):
                return why
        return ""

    def _stands_in(self, reference: Reference, why: str, depth: int) -> bool:
        name, path = reference.name, reference.path
        variables = self.scope.variables
        if name in ("hostvars", "ansible_facts") and path:
            return name == "ansible_facts" and path[0] not in variables[name] and self._put(reference, why)
        if name in self.scope.unknown or name not in variables:
            return self._put(reference, why)
        analyses = self.scope.names.uses(variables[name]).analyses
        inner = StandIns(self.scope, self.source)
        if not any(inner.why_not(each, depth + 1) for each in analyses):
            return self._take_over(inner.values)
        return isinstance(variables[name], str) and self._put(reference, why)

    def _take_over(self, values: Mapping[str, Any]) -> bool:
        for name, value in values.items():
            if self.values.setdefault(name, value) != value:
                both = self.values[name]
                if not (isinstance(both, dict) and isinstance(value, dict)):
                    return False
                self.values[name] = _merged(both, value)
        return True

    def _put(self, reference: Reference, why: str) -> bool:
        """A marker where the reference leads; False where two of them contradict each other."""
        name, path = reference.name, reference.path
        if any(key.isdigit() for key in path):
            return False
        words = [name, *path]
        called = "_".join(words[:-1] if len(words) > 1 and words[-1] in _RESULT_KEYS else words)
        value: Any = self._marker(called, why)
        for key in reversed(path):
            value = {key: value}
        if name == "ansible_facts":
            value = {**self.scope.variables[name], **value}
        return self._take_over({name: value})

    def _marker(self, name: str, why: str) -> str:
        names = self.scope.names
        if is_secret_name(name):
            return names.book.marker(name, self.source, "unknown")
        names.parameters.setdefault(name, Parameter(name=name, source=self.source, reason=why))
        return names.varying(name)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings, level by level."""
    found = dict(one)
    for key, value in other.items():
        here = found.get(key)
        found[key] = _merged(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return found
