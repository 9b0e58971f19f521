"""What tasks bring in: files of tasks, roles, files of variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from analyzer.model import Invocation, Task, Unknown, Value, Verdict
from analyzer.read.ansible.contents import find_file, is_outside
from analyzer.read.ansible.frames import Frame, conditions
from analyzer.read.ansible.loops import Loop
from analyzer.read.ansible.resolve import text
from analyzer.read.ansible.roles import GIVE_BOTH, OUTSIDE
from analyzer.read.ansible.run import Items
from analyzer.read.ansible.values import as_list, holds_unknown, names_wanted, thaw
from analyzer.read.files import is_dir, is_file

if TYPE_CHECKING:
    from analyzer.read.ansible.walk import PlayRun

INCLUDES = frozenset({"ansible.builtin.include_tasks", "ansible.builtin.import_tasks", "ansible.builtin.include"})
ROLES = frozenset({"ansible.builtin.include_role", "ansible.builtin.import_role"})
DYNAMIC = frozenset({"ansible.builtin.include_tasks", "ansible.builtin.include", "ansible.builtin.include_role"})
_ARGUMENTS = frozenset(
    "_raw_params file apply name role tasks_from vars_from defaults_from handlers_from public allow_duplicates "
    "rolespec_validate static".split()
)
"""Arguments of includes; anything else that an old-style include is given is a variable."""

_VARIABLE_FILES = (".yml", ".yaml", ".json")


def include_variables(walk: PlayRun, task: Task, frame: Frame, items: Items) -> None:
    """`include_vars`, of a file or of a folder."""
    for invocation, scope in items:
        if invocation.applies is Verdict.NO:
            continue
        args = invocation.args
        written = args.get("file", args.get("_raw_params"))
        folder = args.get("dir")
        found: dict[str, Any] | None = None
        if isinstance(written, str) and (path := find_file(written, "vars", frame, walk.run.reader, walk.file.parent)):
            found = walk.run.reader.variables(path) if is_file(path) else None
        elif isinstance(folder, str):
            found = _folder_variables(walk, args, find_file(folder, "vars", frame, walk.run.reader, walk.file.parent))
        if found is None:
            if task.applies is Verdict.YES:
                outside = is_outside(written or folder, "vars", frame, walk.run.reader, walk.file.parent)
                walk.run.note(
                    "vars-file-not-found",
                    f"include_vars: {_shown(written or folder)} {OUTSIDE if outside else 'cannot be found'}",
                    task.source,
                    GIVE_BOTH if outside
                    else _remedy(written or folder, "add the file, or give the variables it sets with -e"),
                )  # fmt: skip
            continue
        name = args.get("name")
        found = {name: found} if isinstance(name, str) and name else found
        if task.applies is Verdict.UNKNOWN:
            found = _certain(walk, task, found, scope.variables)
        walk.run.include_variables(found)


def _certain(walk: PlayRun, task: Task, found: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Those variables whose value is the same whether the file is read or not; the others become unknown."""
    for name, value in found.items():
        if name in before and before[name] != value:
            walk.run.unknown[name] = f"{task.source} reads it or not ({task.applies_reason})"
    return {name: value for name, value in found.items() if name not in before}


def _folder_variables(walk: PlayRun, args: Mapping[str, Value], path: Path | None) -> dict[str, Any] | None:
    """The files of a folder in ansible-core's order, by its options `depth`, `files_matching`, `ignore_files`."""
    if path is None or not is_dir(path):
        return None
    extensions = tuple(f".{text(each).lstrip('.')}" for each in as_list(args.get("extensions"))) or _VARIABLE_FILES
    depth = int(text(args.get("depth")) or 0) if text(args.get("depth")).isdigit() else 0
    ignored = [text(each) for each in as_list(args.get("ignore_files"))]
    wanted = text(args.get("files_matching"))
    found: dict[str, Any] = {}
    for file in sorted(path.rglob("*"), key=lambda each: (str(each.parent), each.name)):
        levels = len(file.relative_to(path).parts)
        if (
            is_file(file)
            and file.suffix in extensions
            and (not depth or levels <= depth)
            and not any(re.search(rf"{each}$", file.name) for each in ignored)
            and (not wanted or re.search(wanted, file.name))
        ):
            walk.run.combine(found, walk.run.reader.variables(file))
    return found


def include_tasks(walk: PlayRun, task: Task, outer: Frame, entry: Mapping[str, Any], items: Items, loop: Loop) -> None:
    """`include_tasks`, `import_tasks`, and what was `include`."""
    static = task.module.endswith("import_tasks")
    if task.applies is Verdict.NO and not static:
        return
    for index, (invocation, _scope) in enumerate(items):
        if invocation.applies is Verdict.NO and not static:
            continue
        frame = _frame(walk, task, outer, entry, invocation, loop, index, static=static)
        written = invocation.args.get("_raw_params", invocation.args.get("file"))
        path = tasks_file(walk, written, frame)
        if path is None:
            outside = walk.run.reader.is_outside(written, _task_places(walk, frame))
            walk.run.note(
                "tasks-file-not-found",
                f"{task.module.rpartition('.')[2]}: {_shown(written)} {OUTSIDE if outside else 'cannot be found'}",
                task.source,
                "its tasks are not in the plan; "
                f"{GIVE_BOTH if outside else _remedy(written, 'add the file or fix the name')}",
            )
            continue
        if not static:
            from analyzer.read.ansible.imports import publish_imports  # it needs this module in turn

            publish_imports(walk, path, frame.role)
        walk.tasks_of(path, frame)


def tasks_file(walk: PlayRun, written: Value | None, frame: Frame) -> Path | None:
    """A file of tasks where Ansible looks for it, inside the project."""
    if not isinstance(written, str) or not written.strip():
        return None
    name = written.split()[0]
    root = walk.run.reader.inventory.root
    for place in _task_places(walk, frame):
        path = place / name
        if is_file(path) and path.resolve().is_relative_to(root):
            return path
    return None


def _task_places(walk: PlayRun, frame: Frame) -> list[Path]:
    """Where Ansible looks for a file of tasks, in its order."""
    places = [frame.file.parent]
    places += [role.path / "tasks" for role in (frame.role, *reversed(frame.parents)) if role is not None]
    if frame.handlers and frame.role:
        places.insert(0, frame.role.path / "handlers")
    return [*places, walk.file.parent]


def include_role(walk: PlayRun, task: Task, outer: Frame, entry: Mapping[str, Any], items: Items, loop: Loop) -> None:
    """`include_role` and `import_role`."""
    static = task.module.endswith("import_role")
    if task.applies is Verdict.NO and not static:
        return
    for index, (invocation, _scope) in enumerate(items):
        args = invocation.args
        if invocation.applies is Verdict.NO and not static:
            continue
        name = args.get("name", args.get("role", args.get("_raw_params")))
        if not isinstance(name, str) or not name:
            walk.run.note(
                "role-unknown", f"{task.module.rpartition('.')[2]}: the role's name {_shown(name)} is not known",
                task.source, "its tasks are not in the plan; write the name, or give the variable with -e",
            )  # fmt: skip
            continue
        froms = {key: text(args.get(key)) or "main"
                 for key in ("tasks_from", "vars_from", "defaults_from", "handlers_from")}  # fmt: skip
        frame = _frame(walk, task, outer, entry, invocation, loop, index, static=static)
        if outer.role:
            frame = replace(frame, parameters=(*frame.parameters, _including_roles(outer)))
        variables = entry.get("vars")
        walk.role(
            name,
            {"vars": variables} if isinstance(variables, Mapping) else {},
            task.source,
            frame,
            once=args.get("allow_duplicates") in (False, "no", "false", "False"),
            public=not static and args.get("public") in (True, "yes", "true", "True"),
            dynamic=not static,
            **froms,
        )


def _including_roles(outer: Frame) -> dict[str, Any]:
    """The magic variables that name the roles whose tasks include one another, innermost first."""
    role = outer.role
    assert role is not None
    before: Mapping[str, Any] = next(
        (each for each in reversed(outer.parameters) if "ansible_parent_role_names" in each), {}
    )
    return {
        "ansible_parent_role_names": [role.name, *before.get("ansible_parent_role_names", ())],
        "ansible_parent_role_paths": [str(role.path), *before.get("ansible_parent_role_paths", ())],
    }


def _frame(
    walk: PlayRun, task: Task, outer: Frame, entry: Mapping[str, Any], invocation: Invocation, loop: Loop, index: int,
    *, static: bool,
) -> Frame:  # fmt: skip
    """What an include hands down.

    An import's keywords hold for all that it brings. Those of a dynamic include are its own: only its variables go on,
    with the loop's item, and `apply`. Its condition goes on as long as it is not known whether it holds.
    """
    if static:
        return replace(walk.with_masked_vars(entry, outer), depth=outer.depth + 1)
    frame = outer
    parameters = list(outer.parameters)
    written = {name: thaw(value) for name, value in invocation.args.items() if name not in _ARGUMENTS}
    if written and not holds_unknown(tuple(written.values())):
        parameters.append(written)
    layers = frame.layers
    variables = entry.get("vars")
    if isinstance(variables, Mapping) and variables:
        masked = walk.run.reader.inventory.mask(variables)
        parameters.append(masked)
        layers = (*layers, masked)
    if loop.present and loop.items:
        parameters.append(loop.variables(index, thaw(invocation.item)))
    set_here = {name for layer in parameters[len(outer.parameters) :] for name in layer}
    unknown = {name: why for name, why in outer.unknown if name not in set_here} | loop.not_known(invocation.item)
    unsure = task.applies is Verdict.UNKNOWN or invocation.applies is Verdict.UNKNOWN
    frame = replace(
        frame,
        parameters=tuple(parameters),
        layers=layers,
        unknown=tuple(unknown.items()),
        depth=outer.depth + 1,
        when=frame.when + (conditions(entry) if unsure else ()),
        never=frame.never,
    )
    applied = _apply(entry)
    return walk.with_masked_vars(applied, frame) if applied else frame


def _apply(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords that a dynamic include gives to all that it brings, as written."""
    for key, given in entry.items():
        if str(key).rpartition(".")[2] in ("include_tasks", "include_role", "args") and isinstance(given, Mapping):
            applied = given.get("apply")
            if isinstance(applied, Mapping):
                return applied
    return {}


def _remedy(value: Value | None, otherwise: str) -> str:
    wanted = names_wanted(value)
    return f"nothing defines {wanted[0]}: give it with -e {wanted[0]}=VALUE" if wanted else otherwise


def _shown(value: Value | None) -> str:
    return value.expression if isinstance(value, Unknown) else str(value)
