"""The variables of one play over one host: what each task sees, merged by precedence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.read.ansible.evaluator import ABSENT
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.precedence import (
    RoleUse,
    add_defaults,
    add_exports,
    add_role_parameters,
    add_role_variables,
)
from analyzer.read.ansible.run import Run
from analyzer.read.ansible.scope import Scope


class PlayVariables(Struct):
    """Play variables, roles whose variables the whole play sees, and the scopes made from them."""

    run: Run
    file: Path
    """The playbook."""
    hosts: tuple[str, ...]
    """All hosts of the play, those of other applications included."""
    play: dict[str, Any] = field(default_factory=dict)
    """`vars`, `vars_prompt` and `vars_files`."""
    public: list[RoleUse] = field(default_factory=list)
    """Roles of `roles:`, imported ones, and included ones that are public."""
    magic: dict[str, Any] = field(default_factory=dict)
    _defaults: dict[str, Any] = field(default_factory=dict)
    _exports: dict[str, Any] = field(default_factory=dict)
    _scopes: dict[tuple[object, ...], tuple[Frame, Scope]] = field(default_factory=dict)
    """Scopes by the identity of what they are merged from (each frame keeps that alive), for one version of the run."""
    _assuming: dict[tuple[object, ...], tuple[Scope, Scope]] = field(default_factory=dict)
    """Scopes with values that hold under a condition, beside what they were made from."""
    _version: int = -1

    def publish(self, use: RoleUse) -> None:
        """From now on every task of the play sees the role's defaults and `vars/`."""
        self.public.append(use)
        add_defaults(self._defaults, use, (), self.run.combine)
        add_exports(self._exports, use, self.run.combine)
        self._scopes.clear()

    def set_play(self, variables: Mapping[str, Any]) -> None:
        """Variables of the play itself."""
        self.play = dict(variables)
        self._scopes.clear()

    def scope(self, frame: Frame) -> Scope:
        """What a task in `frame` sees; the same object as long as nothing changes."""
        if self._version != self.run.version:
            self._version = self.run.version
            self._scopes.clear()
            self._assuming.clear()
        chain = (*frame.parents, frame.role)
        key = (*map(id, chain), "", *map(id, frame.layers), "", *map(id, frame.parameters), frame.file, frame.unknown)
        if (kept := self._scopes.get(key)) is None:
            kept = self._scopes[key] = (frame, self.merge(frame))
        return kept[1]

    def assuming(self, scope: Scope, values: Mapping[str, Any]) -> Scope:
        """The scope with variables that a task knows by its conditions alone, or by not failing."""
        above = self.run.extra
        given = {name: value for name, value in values.items() if name not in above and name in scope.unknown}
        used = {name: value for name, value in self.run.conditional.if_used(scope).items()
                if name not in above and name not in given}  # fmt: skip
        if not (given or used):
            return scope
        key = (id(scope), *sorted((name, id(value)) for name, value in {**given, **used}.items()), *sorted(given))
        kept = self._assuming.get(key)
        if kept is None:
            unknown = {name: why for name, why in scope.unknown.items() if name not in given}
            variables = {**scope.variables, **given, **used}
            kept = (scope, replace(scope, variables=variables, unknown=unknown, if_used=frozenset(used)))
            self._assuming[key] = kept
        return kept[1]

    def merge(self, frame: Frame) -> Scope:
        """The same, made anew: for frames that are used once."""
        run, role, combine = self.run, frame.role, self.run.combine
        merged = dict(self._defaults)
        if role:
            add_defaults(merged, role, frame.parents, combine)
        below = {name: merged[name] for name in run.varying if name in merged}
        combine(merged, run.base)
        of_host = {name: merged.get(name) for name in run.varying}
        combine(merged, self.play)
        combine(merged, self._exports)
        if role:
            add_role_variables(merged, role, frame.parents, combine)
        for layer in frame.layers:
            combine(merged, layer)
        combine(merged, run.included)
        combine(merged, run.set_facts)
        above: dict[str, Any] = {}
        if role:
            add_role_parameters(above, role, frame.parents, combine)
        for layer in frame.parameters:
            combine(above, layer)
        combine(above, run.extra)
        combine(merged, above)
        merged.update(self._magic(frame))
        return Scope(
            variables=merged,
            unknown={name: why for name, why in run.unknown.items() if name not in above} | dict(frame.unknown),
            known_results={name: known for name, known in run.results.items() if name not in above},
            unsure=run.unsure,
            clock=run.clock,
            names=run.names,
            evaluator=run.evaluator,
            hide_root=run.hide_root,
            varying={
                name: tuple(below.get(name, ABSENT) if value is ABSENT else value for value in values)
                for name, values in run.varying.items()
                if merged.get(name) is of_host[name]
            },
        )

    def _magic(self, frame: Frame) -> dict[str, Any]:
        role = frame.role
        if not self.magic:
            hosts = list(self.hosts)
            self.magic = {
                "playbook_dir": str(self.file.parent),
                "ansible_play_hosts": hosts,
                "ansible_play_batch": hosts,
                "ansible_play_hosts_all": hosts,
                "play_hosts": hosts,
            }
        places = [str(each.path) for each in (role, *reversed(frame.parents)) if each is not None]
        places += [str(frame.file.parent), str(self.file.parent)]
        found = {
            **self.magic,
            "hostvars": self.run.hostvars(),
            "ansible_search_path": list(dict.fromkeys(places)),
        }
        if role:
            found |= {
                "role_name": role.name,
                "role_path": str(role.path),
                "ansible_role_name": role.name,
            }
        return found
