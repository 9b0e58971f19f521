"""`hostvars`: what other hosts have, templated among that host's own variables, read when a template asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from analyzer.read.ansible.core import ansible
from analyzer.read.ansible.evaluator import Evaluator

HostVariables = Callable[[str], Mapping[str, Any]]
"""A host's name -> its variables outside of any play: inventory, facts, what tasks have set."""


def host_variables_view(names: tuple[str, ...], variables_of: HostVariables, evaluator: Evaluator) -> Any:
    """The magic variable, over the hosts `names`; ansible-core's templating takes it for its own."""
    return _view_class()(names, variables_of, evaluator)


@cache
def _view_class() -> type[Any]:
    """ansible-core's `HostVars` with other storage: a host's variables are read once and templated once."""
    core = ansible()

    class View(core.HostVars):  # type: ignore[misc, name-defined]  # ansible-core has no types
        def __init__(self, names: tuple[str, ...], variables_of: HostVariables, evaluator: Evaluator) -> None:
            self._names = dict.fromkeys(names)
            self._variables_of = variables_of
            self._evaluator = evaluator
            self._views: dict[str, Any] = {}

        def raw_get(self, host_name: str) -> Any:
            if host_name not in self._names:
                return core.jinja_bits._undef(f"the inventory has no host {host_name}")  # noqa: SLF001 - what the base class answers
            return self._variables_of(host_name)

        def __getitem__(self, key: str) -> Any:
            if key not in self._names:
                return self.raw_get(key)
            if key not in self._views:
                variables = dict(self._variables_of(key))
                view = object.__new__(core.HostVarsVars)
                view._vars = variables
                view._templar = self._evaluator.engine(variables)
                view._host = key
                self._views[key] = view
            return self._views[key]

        def __contains__(self, item: object) -> bool:
            return item in self._names

        def __iter__(self) -> Iterator[str]:
            return iter(self._names)

        def __len__(self) -> int:
            return len(self._names)

    core.lazy_containers.register_known_types(View)
    return View
