"""What to say where playbooks were looked for in vain: what lies there instead, and what to give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from analyzer.model import Problem, Severity, Source
from analyzer.read.files import entries, is_dir, is_file
from analyzer.read.inventories import subfolders
from analyzer.read.playbook_files import playbooks_in

_TESTS = ("tests", "test", "molecule")
_SHOWN = 20


def what_is_there(root: Path) -> str:
    """One line: what was expected, and what of it is nearly there."""
    if is_file(root / "tasks" / "main.yml") or is_file(root / "tasks" / "main.yaml"):
        said = "this is a role: give a project with a playbook that uses it, or name one with --playbook FILE"
    elif is_file(root / "galaxy.yml"):
        said = "this is a collection: give a project with a playbook that uses it, or name one with --playbook FILE"
    elif roles := [folder.name for folder in subfolders(root / "roles")]:
        said = f"there are roles ({listed(roles)}) but no playbook that uses them; name one with --playbook FILE"
    else:
        said = (
            "looked for lists of plays in *.yml there, in playbooks/ and in the folders below; expected e.g. "
            "inventory/, site.yml and evidence/<host>/: give the folder that holds them, or name a playbook with "
            "--playbook FILE"
        )
    return f"{said}{_tests(root)}{_missing(root)}"


def _tests(root: Path) -> str:
    """Playbooks of tests are not taken by themselves."""
    places = [root / name for name in _TESTS]
    places += [child for place in places for child in subfolders(place)]
    found = [path.relative_to(root).as_posix() for place in places if is_dir(place) for path in playbooks_in(place)]
    return f"; playbooks of tests are only read when named: {listed(found)}" if found else ""


def _missing(root: Path) -> str:
    folders = missing_submodules(root)
    return f"; empty submodules: {listed(folders)} (git submodule update --init)" if folders else ""


def missing_submodules(root: Path) -> list[str]:
    """Folders that `.gitmodules` names and that are not there or empty, in its order."""
    try:
        text = (root / ".gitmodules").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    paths = re.findall(r"^\s*path\s*=\s*(\S.*?)\s*$", text, re.MULTILINE)
    return [path for path in paths if not entries(root / path)]


def submodule_problems(root: Path, base: Path) -> list[Problem]:
    """A warning for the submodules below `base` that were not checked out."""
    paths = [path for path in missing_submodules(root) if (root / path).is_relative_to(base)]
    message = f"git submodules that are not checked out: {listed(paths)}; what lies in them is not read"
    hint = "git submodule update --init, then run again"
    return [Problem(Severity.WARNING, "submodule-missing", message, Source(".gitmodules"), hint)] if paths else []


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first ones of many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
