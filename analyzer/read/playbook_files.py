"""Which files are playbooks, told by their content: a list at the top whose items have `hosts:` or import plays."""

from __future__ import annotations

import re
from pathlib import Path

from analyzer.read.files import beginning_of, entries, is_dir, is_file

PLAYBOOK_FOLDERS = ("playbooks", "playbook", "plays")
"""Folders beside `roles/` and `ansible.cfg` in which many projects keep their playbooks."""

SITE = ("site.yml", "site.yaml")

CONFIGURATION = "ansible.cfg"

_OF_A_PLAY = re.compile(r"""["']?(?:hosts|(?:ansible\.builtin\.)?import_playbook)["']?\s*:""")
_INCLUDE = re.compile(r"""["']?(?:ansible\.builtin\.)?include["']?\s*:\s*["']?([^"'\s#]*)""")
_IMPORT = re.compile(r"""^ *- *(?:ansible\.builtin\.)?(?:import_playbook|include) *: *["']?([^"'\s#]+)""", re.MULTILINE)


def looks_like_playbook(path: Path) -> bool:
    """Whether a list of plays or imports stands in the file, in part at least."""
    return _looks_like_playbook(path, ())


def _looks_like_playbook(path: Path, seen: tuple[Path, ...]) -> bool:
    included = []
    for key in _keys_of_items(beginning_of(path)):
        if _OF_A_PLAY.match(key):
            return True
        if match := _INCLUDE.match(key):
            included.append(match[1])
    # before Ansible 2.4, plays and tasks were brought in by the same word: what it names decides
    for name in included:
        other = path.parent / name
        if "{{" in name or not is_file(other) or (other not in seen and _looks_like_playbook(other, (*seen, path))):
            return True
    return False


def _keys_of_items(text: str) -> list[str]:
    """The texts of keys of the items of the list that the file is; none where it is no list."""
    column: int | None = None  # of the list's dashes
    inner: int | None = None  # of the keys of the item that is read
    found = []
    for line in text.splitlines():
        body = line.lstrip(" ")
        if not body or body.startswith(("#", "%", "---")):
            continue
        at = len(line) - len(body)
        if column is None:
            if not body.startswith("-"):
                return []
            column = at
        if at == column and (body == "-" or body.startswith("- ")):
            rest = body[1:].lstrip(" ")
            inner = at + len(body) - len(rest) if rest and not rest.startswith("#") else None
            found.append(rest)
        elif at > column:
            inner = at if inner is None else inner
            if at == inner:
                found.append(body)
    return found


def playbooks_in(folder: Path) -> list[Path]:
    """The playbooks that lie in the folder itself, by name."""
    files = [path for path in entries(folder) if path.suffix in (".yml", ".yaml") and is_file(path)]
    return [path for path in files if path.name in SITE or looks_like_playbook(path)]


def is_project(folder: Path) -> bool:
    """Playbooks, roles or a configuration lie here: the folder is a project, and no inventory."""
    return (
        is_dir(folder / "roles")
        or is_file(folder / CONFIGURATION)
        or any(playbooks_in(place) for place in (folder, *(folder / name for name in PLAYBOOK_FOLDERS)))
    )


def imported_playbooks(path: Path) -> list[Path]:
    """The playbooks that one brings in; names with templates in them are left to the reading."""
    return [path.parent / name for name in _IMPORT.findall(beginning_of(path))]
