"""Which files and folders of a project are inventories, and which of them are environments beside each other.

Told by name and by content: a playbook, a licence or a Vagrantfile that lies beside an inventory is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

INVENTORY_NAMES = ("inventory", "inventories", "hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory.ini",
                   "inventory.yml", "inventory.yaml")  # fmt: skip
VARIABLE_FOLDERS = ("group_vars", "host_vars")

_NO_ENVIRONMENT = (*VARIABLE_FOLDERS, "roles", "playbooks", "evidence", "files", "templates", "tasks")

_INVENTORY_STEM = re.compile(r"(?:hosts?|inventor(?:y|ies))(?:[-_.].+)?", re.IGNORECASE)
_ENVIRONMENT_STEM = re.compile(
    r"(?:.+[-_.])?(?:prod|prd|production|live|stag|stg|stage|staging|dev|devel|development|test|testing|qa|uat|demo|sandbox|"
    r"pre-?prod(?:uction)?|integration|local|vagrant|ci)(?:[-_.].+)?",
    re.IGNORECASE,
)
_SUFFIXES = ("", ".ini", ".yml", ".yaml", ".json")
_INI_GROUP = re.compile(r"^\[[\w.:@-]+\][ \t]*(?:[#;].*)?$", re.MULTILINE)
_INI_HOST = re.compile(r"^[\w.:\[\]-]+(?:[ \t]+\w+=.*)?[ \t]*$", re.MULTILINE)
_YAML_GROUP = re.compile(
    r"^[\w.-]+:[ \t]*(?:[#].*)?\n(?:[ \t]*(?:#.*)?\n)*[ \t]+(?:hosts|children|vars):", re.MULTILINE
)
_READ_CHARACTERS = 200_000


def subfolders(folder: Path) -> list[Path]:
    """Folders in it that are not hidden, by name."""
    try:
        return [child for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    except OSError:
        return []


def is_environment_folder(folder: Path) -> bool:
    """Whether the folder holds an inventory file or its variables: `inventory/production/`."""
    if folder.name in _NO_ENVIRONMENT:
        return False
    return any((folder / name).is_file() for name in INVENTORY_NAMES) or (folder / "group_vars").is_dir()


def environment_files(folder: Path) -> list[Path]:
    """The folder's inventory files that are named for environments: `hosts/production`, `inventory/staging.ini`."""
    return _inventories_named(_ENVIRONMENT_STEM, folder)


def inventory_files(folder: Path) -> list[Path]:
    """The files in a project's own folder that are named and written as an inventory: `hosts`, `inventory-eu.ini`."""
    return _inventories_named(_INVENTORY_STEM, folder)


def _inventories_named(stem: re.Pattern[str], folder: Path) -> list[Path]:
    """Examples and templates (`hosts.example`) are inventories only where a person names them."""
    return [
        path
        for path in _files(folder)
        if path.suffix.lower() in _SUFFIXES and stem.fullmatch(path.stem) and is_inventory_file(path)
    ]


def holds_inventory(folder: Path) -> bool:
    """Whether the folder by itself is an inventory: it, or a folder in it, holds hosts and no playbooks."""
    if (folder / "site.yml").is_file():
        return False
    if any((folder / name).is_dir() for name in VARIABLE_FOLDERS):
        return not (folder / "roles").is_dir() and not _is_project(folder)
    if any((folder / name).is_file() for name in INVENTORY_NAMES if "." in name or name == "hosts"):
        return not _is_project(folder)
    return (
        folder.name in ("inventory", "inventories")
        or any(is_environment_folder(child) for child in subfolders(folder))
        or (bool(environment_files(folder)) and not _is_project(folder))
    )


def is_inventory_file(path: Path) -> bool:
    """Whether the file's content is an inventory, or a program that prints one; ansible-core judges the details."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_READ_CHARACTERS)
    except OSError:
        return False
    if text.startswith("#!"):
        return True
    if path.suffix in (".yml", ".yaml"):
        return bool(_YAML_GROUP.search(text)) or bool(re.search(r"^plugin:", text, re.MULTILINE))
    if path.suffix == ".json" or text.lstrip().startswith("{"):
        return '"hosts"' in text or '"_meta"' in text
    return bool(_INI_GROUP.search(text)) or (
        bool(_INI_HOST.search(text)) and bool(_INVENTORY_STEM.fullmatch(path.stem))
    )


def environment_of(given: Path) -> tuple[str, tuple[str, ...]] | None:
    """(environment, all environments) where `given` is one of several environments beside each other, else None."""
    siblings: Sequence[Path] = (
        environment_files(given.parent)
        if given.is_file()
        else [folder for folder in subfolders(given.parent) if is_environment_folder(folder)]
    )
    if given not in siblings or (len(siblings) < 2 and not _ENVIRONMENT_STEM.fullmatch(given.stem)):
        return None
    return given.stem, (given.stem, *(path.stem for path in siblings if path != given))


def _is_project(folder: Path) -> bool:
    """Playbooks or a configuration lie here: the folder is the project, not its inventory."""
    return (
        (folder / "roles").is_dir()
        or (folder / "ansible.cfg").is_file()
        or any(looks_like_playbook(path) for path in folder.glob("*.y*ml"))
    )


def looks_like_playbook(path: Path) -> bool:
    """Whether a list of plays or imports stands in the file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(
        line.startswith(("- ", "  ")) and line.lstrip("- ").startswith(
            ("hosts:", "import_playbook:", "ansible.builtin.import_playbook:", "include:")
        )
        for line in text.splitlines()
    ) and bool(re.search(r"^- ?", text, re.MULTILINE))  # fmt: skip


_IMPORT = re.compile(r"""^- *(?:ansible\.builtin\.)?(?:import_playbook|include) *: *["']?([^"'\s#]+)""", re.MULTILINE)


def imported_playbooks(path: Path) -> list[Path]:
    """The playbooks that one brings in; names with templates in them are left to the reading."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [path.parent / name for name in _IMPORT.findall(text)]


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    except OSError:
        return []
