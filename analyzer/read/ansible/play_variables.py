"""Variables that a play itself brings: `vars_prompt` defaults, `vars`, `vars_files`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.read.ansible.core import plain
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.roles import GIVE_BOTH, OUTSIDE
from analyzer.read.ansible.values import as_list, names_wanted
from analyzer.read.files import is_file

if TYPE_CHECKING:
    from analyzer.model import Value
    from analyzer.read.ansible.walk import PlayRun


def read_play_variables(walk: PlayRun, frame: Frame) -> None:
    """Publish them to the play's tasks; a file that is not there is a problem and stops nothing."""
    run = walk.run
    inventory = run.reader.inventory
    found: dict[str, Any] = {}
    for prompt in as_list(walk.play.get("vars_prompt")):
        if isinstance(prompt, Mapping) and "name" in prompt and prompt.get("default") is not None:
            found[plain(prompt["name"])] = prompt["default"]
    for variables in as_list(walk.play.get("vars")):  # a list of mappings is an old spelling
        if isinstance(variables, Mapping):
            run.combine(found, inventory.mask(variables))
    walk.variables.set_play(found)
    for entry in as_list(walk.play.get("vars_files")):
        choices = entry if isinstance(entry, list) else [entry]
        scope = walk.scope(frame)
        path = next((path for choice in choices if (path := _variable_file(walk, scope.value(choice)))), None)
        if path is not None:
            run.combine(found, run.reader.variables(path))
            walk.variables.set_play(found)
            continue
        if any(run.reader.is_outside(scope.value(choice), _places(walk)) for choice in choices):
            message = f"vars_files: {plain(choices[0])} {OUTSIDE}"
            run.note("vars-file-not-found", message, walk.source(entry, walk.play, walk.file), GIVE_BOTH)
            continue
        wanted = names_wanted(scope.value(choices[0]))
        run.note(
            "vars-file-not-found", f"vars_files: {plain(choices[0])} is not in the project",
            walk.source(entry, walk.play, walk.file),
            f"nothing defines {wanted[0]}: give it with -e {wanted[0]}=VALUE" if wanted
            else "add the file, or take the line out",
        )  # fmt: skip


def _variable_file(walk: PlayRun, name: Value) -> Path | None:
    """A file of `vars_files`, beside the playbook or in `vars/` beside it, inside the project."""
    root = walk.run.reader.inventory.root
    for path in (place / name for place in _places(walk) if isinstance(name, str)):
        if is_file(path) and path.resolve().is_relative_to(root):
            return path
    return None


def _places(walk: PlayRun) -> tuple[Path, ...]:
    return walk.file.parent / "vars", walk.file.parent
