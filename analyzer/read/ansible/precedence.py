"""Which value of a variable wins, step by step as ansible-core's `VariableManager.get_vars` and `Role.get_vars` say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from analyzer.read.ansible.roles import Role

Combine = Callable[[dict[str, Any], Mapping[str, Any]], None]
"""Puts the second's variables over the first's."""


class RoleUse(Struct, frozen=True, eq=False, kw_only=True):
    """A role as one entry of `roles:`, one dependency, one import or one include brings it in."""

    role: Role
    variables: Mapping[str, Any] = field(default_factory=dict)
    """`vars:` of what brings it in."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of an entry of `roles:` or of a dependency that are no keywords."""
    dependencies: tuple[RoleUse, ...] = ()

    @property
    def name(self) -> str:
        """The role's name."""
        return self.role.name

    @property
    def path(self) -> Path:
        """The role's folder."""
        return self.role.path

    def all_dependencies(self) -> list[RoleUse]:
        """Dependencies of dependencies first, in the order in which they run."""
        return [one for each in self.dependencies for one in (*each.all_dependencies(), each)]


def replace_variables(into: dict[str, Any], variables: Mapping[str, Any]) -> None:
    """`hash_behaviour = replace`: the later value is the value."""
    into.update(variables)


def merge_variables(into: dict[str, Any], variables: Mapping[str, Any]) -> None:
    """`hash_behaviour = merge`: mappings are merged key by key, however deep."""
    for name, value in variables.items():
        before = into.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged = dict(before)
            merge_variables(merged, value)
            into[name] = merged
        else:
            into[name] = value


def add_defaults(into: dict[str, Any], use: RoleUse, chain: Iterable[RoleUse], combine: Combine) -> None:
    """Defaults of the role's dependencies, of the roles it is a dependency of, its own."""
    for dependency in use.all_dependencies():
        add_defaults(into, dependency, (), combine)
    for parent in chain:
        combine(into, parent.role.defaults)
    combine(into, use.role.defaults)


def add_exports(into: dict[str, Any], use: RoleUse, combine: Combine) -> None:
    """`vars/` of the role's dependencies and its own: what every task of a play sees of its roles."""
    for dependency in use.all_dependencies():
        add_exports(into, dependency, combine)
    combine(into, use.role.variables)


def add_role_variables(into: dict[str, Any], use: RoleUse, chain: Iterable[RoleUse], combine: Combine) -> None:
    """What the tasks of a role see of `vars/` and of `vars:` where it is brought in."""
    for parent in chain:
        combine(into, parent.variables)
        combine(into, parent.role.variables)
    add_exports(into, use, combine)
    combine(into, use.variables)


def add_role_parameters(into: dict[str, Any], use: RoleUse, chain: Iterable[RoleUse], combine: Combine) -> None:
    """Parameters of the roles it is a dependency of, and its own: they win over what tasks have set."""
    for parent in chain:
        combine(into, parent.parameters)
    combine(into, use.parameters)
