"""Roles that imports bring in: ansible-core loads them with the file that names them, so the whole play sees them.

A dynamic include loads its file, and with it the roles that the file imports, when its turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.read.ansible.core import plain
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.includes import tasks_file
from analyzer.read.ansible.precedence import RoleUse
from analyzer.read.ansible.values import as_list

if TYPE_CHECKING:
    from analyzer.read.ansible.walk import PlayRun


def publish_imports(walk: PlayRun, file: Path | None, role: RoleUse | None, seen: set[Path] | None = None) -> None:
    """Publish what the tasks of `file` import, and what those import."""
    seen = set() if seen is None else seen
    if file is not None and file not in seen:
        seen.add(file)
        publish_entries(walk, as_list(walk.run.reader.load(file)), file, role, seen)


def publish_role_imports(walk: PlayRun, use: RoleUse, start: str = "main", seen: set[Path] | None = None) -> None:
    """The same for the tasks of a role and of its dependencies."""
    for dependency in use.all_dependencies():
        publish_imports(walk, walk.run.finder.entry(dependency.path, "tasks", "main"), dependency, seen)
    publish_imports(walk, walk.run.finder.entry(use.path, "tasks", start), use, seen)


def publish_entries(walk: PlayRun, entries: list[Any], file: Path, role: RoleUse | None, seen: set[Path]) -> None:
    """The same for a list of tasks."""
    for entry in entries:
        if not isinstance(entry, Mapping):
            continue
        for section in ("block", "rescue", "always"):
            publish_entries(walk, as_list(entry.get(section)), file, role, seen)
        for key, written in entry.items():
            short = str(key).rpartition(".")[2]
            args = written if isinstance(written, Mapping) else {}
            if short == "import_tasks":
                name = args.get("file", written)
                if isinstance(name, str) and "{{" not in name:
                    publish_imports(walk, tasks_file(walk, plain(name), Frame(file=file, role=role)), role, seen)
            elif short == "import_role" and (name := walk.role_name(args.get("name", args.get("role", written)))):
                froms = [str(plain(args.get(key, "main"))) for key in ("vars_from", "defaults_from")]
                near = role.path if role else None
                found = walk.run.finder.find(name, walk.source(written, entry, file), near, *froms)
                if found is not None:
                    use = walk.use(found, {"vars": entry.get("vars")})
                    walk.variables.publish(use)
                    publish_role_imports(walk, use, str(plain(args.get("tasks_from", "main"))), seen)
