"""The context in which a task stands: conditions, variables, tags, privileges of plays, roles and blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.read.ansible.core import plain
from analyzer.read.ansible.precedence import RoleUse


class Frame(Struct, frozen=True, kw_only=True):
    """What a block or include hands down to the tasks inside it."""

    file: Path
    """The file in which the tasks stand."""
    role: RoleUse | None = None
    parents: tuple[RoleUse, ...] = ()
    """Roles that brought this one in, outermost first."""
    when: tuple[Any, ...] = ()
    layers: tuple[Mapping[str, Any], ...] = ()
    """Variables of blocks, tasks and includes, outermost first."""
    parameters: tuple[Mapping[str, Any], ...] = ()
    """Variables of dynamic includes, with their loop's item: they win over set_fact."""
    unknown: tuple[tuple[str, str], ...] = ()
    """(variable, why): what the loop of an include sets, where its items are not known."""
    tags: tuple[str, ...] = ()
    become: bool = False
    become_user: str = ""
    environment: tuple[Any, ...] = ()
    module_defaults: Mapping[str, Any] = field(default_factory=dict)
    delegate_to: Any = None
    run_once: bool = False
    no_log: bool = False
    ignore_errors: bool = False
    rescued: bool = False
    """Inside a block whose rescue section takes over when a task fails."""
    never: str = ""
    """Why nothing here runs on a fresh machine (a rescue section), "" otherwise."""
    handlers: bool = False
    notified: bool = False
    """Inside a handler whose own notification was looked at: what it includes runs with it."""
    depth: int = 0
    within: tuple[tuple[object, ...], ...] = ()
    """Files and roles that include one another down to here, each with what it was given."""

    def inside(self, entry: Mapping[str, Any]) -> Frame:
        """The frame for what stands inside `entry` (a play, a block, an import or the arguments of a role)."""
        variables = entry.get("vars")
        environment = entry.get("environment")
        return replace(
            self,
            when=self.when + conditions(entry),
            layers=(*self.layers, variables) if isinstance(variables, Mapping) and variables else self.layers,
            tags=self.tags + tags_of(entry),
            become=_flag(entry.get("become", entry.get("sudo")), self.become),
            become_user=str(plain(entry.get("become_user", entry.get("sudo_user"))) or self.become_user),
            environment=self.environment + _as_tuple(environment),
            module_defaults={**self.module_defaults, **_defaults(entry.get("module_defaults"))},
            delegate_to=entry.get("delegate_to", self.delegate_to),
            run_once=_flag(entry.get("run_once"), self.run_once),
            no_log=_flag(entry.get("no_log"), self.no_log),
            ignore_errors=_flag(entry.get("ignore_errors"), self.ignore_errors),
        )


def conditions(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """The entries of a `when:`, one or a list of them."""
    if "when" not in entry or entry["when"] is None:
        return ()
    return _as_tuple(entry["when"])


def tags_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """`tags:` as a list or as a comma-separated text."""
    found: list[str] = []
    for item in _as_tuple(entry.get("tags")):
        found += [part.strip() for part in str(plain(item)).split(",") if part.strip()]
    return tuple(found)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _flag(value: Any, inherited: bool) -> bool:
    """A boolean keyword; a template counts as true, since the task then may run so."""
    if value is None:
        return inherited
    if isinstance(value, str):
        return value.strip().lower() not in ("no", "false", "off", "0", "n", "f", "")
    return bool(value)


def _defaults(value: Any) -> dict[str, Any]:
    entries = value if isinstance(value, list) else [value] if value else []
    merged: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            merged.update(entry)
    return merged
