"""Names that stand in a file for values that only the live host knows.

A file that shows a fact, a registered result or the answer of a look-up, and decides nothing by it, can be written all
the same: the value becomes a parameter, or a secret by its name, and the container fills it in when it starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from analyzer.model import Parameter, Source
from analyzer.read.ansible.expressions import Analysis, Reference, analyse_template, names_set_in
from analyzer.read.ansible.scope import Scope
from analyzer.read.secrets import is_secret_name

_RESULT_KEYS = frozenset({"stdout", "content", "json", "value"})
"""Last words that say how a module gives its answer, and not what it is."""
_DEEPEST = 20
_ITSELF = "refers to itself"
_OUTPUT = re.compile(r"\{\{([-+]?)(.*?)([-+]?)\}\}", re.DOTALL)
_SPELLED = {"*": " times ", "+": " plus ", "-": " minus ", "/": " over ", "%": " modulo ", "|": " "}
_LONGEST_NAME = 64


class StandIns(Struct):
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

    def computed(self, text: str) -> str:
        """`text` with a name where it shows what it computes from a fact or result: `{{ ansible_memtotal_mb * 2 }}`.

        The value of the whole expression is asked for, since no marker can be computed with.
        """
        if "{% raw" in text or "{%- raw" in text:
            return text
        local = names_set_in(text)
        asked: dict[str, str] = {}

        def piece(match: re.Match[str]) -> str:
            analysis = analyse_template("{{" + match[2] + "}}")
            names = {reference.name for reference in analysis.references}
            why = self.scope.reason_unknown(analysis)
            if not why or not self._is_computed(analysis) or names & local or any(map(is_secret_name, names)):
                return match[0]
            spelled = "".join(_SPELLED.get(letter, letter) for letter in match[2])
            called = re.sub(r"\W+", "_", spelled).strip("_")[:_LONGEST_NAME]
            if called in names or asked.setdefault(called, match[2].strip()) != match[2].strip():
                return match[0]
            self.values[called] = self._marker(called, why)
            return "{{" + f"{match[1]} {called} {match[3]}" + "}}"

        return _OUTPUT.sub(piece, text)

    def _is_computed(self, analysis: Analysis) -> bool:
        """Whether facts or registered results go into the expression and are more than shown in it."""
        if analysis.error or analysis.refusals or any(each.name == "hostvars" for each in analysis.references):
            return False
        unknown = [each for each in analysis.references if self.scope.reason_for(each)]
        in_part = any(each not in analysis.shown or any(map(str.isdigit, each.path)) for each in unknown)
        return in_part and all(map(self._of_host, unknown))

    def _of_host(self, reference: Reference) -> bool:
        """Whether it is a fact, or what a task registered: nothing that other variables hold."""
        return reference.name == "ansible_facts" or reference.name not in self.scope.variables

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
        return names.parameter(name)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings, level by level."""
    found = dict(one)
    for key, value in other.items():
        here = found.get(key)
        found[key] = _merged(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return found
