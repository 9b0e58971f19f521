"""Which files and folders are inventories, and which of them are environments beside each other.

Told by name and by content: a playbook, a licence or a Vagrantfile that lies beside an inventory is none, and neither
is a folder with a whole project in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from analyzer.read.ansible.inventory import listed_files
from analyzer.read.files import beginning_of, entries, is_dir, is_file
from analyzer.read.playbook_files import is_project, looks_like_playbook

INVENTORY_NAMES = ("inventory", "inventories", "hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory.ini",
                   "inventory.yml", "inventory.yaml", "hosts.json", "inventory.json")  # fmt: skip
VARIABLE_FOLDERS = ("group_vars", "host_vars")

VAGRANT = ".vagrant/provisioners/ansible/inventory/vagrant_ansible_inventory"
"""What Vagrant writes for its boxes, and gives to ansible-playbook by itself."""

_NO_ENVIRONMENT = frozenset(
    (*VARIABLE_FOLDERS, *INVENTORY_NAMES, *"environments environment envs env roles playbooks evidence files templates "
     "tasks tests test molecule node_modules vendor collections docs docker".split())
)  # fmt: skip

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
    r"^[\w.-]+:[ \t]*(?:(?:[#].*)?\n(?:[ \t]*(?:#.*)?\n)*[ \t]+|\{[ \t]*)(?:hosts|children|vars):", re.MULTILINE
)
_PLUGIN = re.compile(r"""^plugin[ \t]*:[ \t]*["']?(?:[\w]+\.)*(\w+)""", re.MULTILINE)


def subfolders(folder: Path) -> list[Path]:
    """Folders in it that are not hidden, by name."""
    return [child for child in entries(folder) if is_dir(child) and not child.name.startswith(".")]


def is_environment_folder(folder: Path) -> bool:
    """Whether the folder holds an inventory file or its variables, and no project: `inventory/production/`."""
    if folder.name in _NO_ENVIRONMENT:
        return False
    named = any(is_file(folder / name) for name in INVENTORY_NAMES) or bool(plugin_files(folder))
    return (named or is_dir(folder / "group_vars")) and not is_project(folder)


def environment_files(folder: Path) -> list[Path]:
    """The folder's inventory files that are named for environments: `hosts/production`, `inventory/staging.ini`."""
    return _inventories_named(_ENVIRONMENT_STEM, folder)


def inventory_files(folder: Path) -> list[Path]:
    """The files in a project's own folder that are named and written as an inventory: `hosts`, `inventory-eu.ini`."""
    return _inventories_named(_INVENTORY_STEM, folder)


def plugin_files(folder: Path) -> list[Path]:
    """Configurations of inventory plugins, named for their plugin as Ansible wants it: `servers.aws_ec2.yml`."""
    found = []
    for path in _files(folder):
        if path.suffix in (".yml", ".yaml") and (match := _PLUGIN.search(beginning_of(path))):
            name = match[1]
            if path.stem.endswith(name) or name == "constructed":
                found.append(path)
    return found


def _inventories_named(stem: re.Pattern[str], folder: Path) -> list[Path]:
    """Examples and templates (`hosts.example`) are inventories only where a person names them."""
    return [
        path
        for path in _files(folder)
        if path.suffix.lower() in _SUFFIXES
        and stem.fullmatch(path.stem)
        and not _EXAMPLE.fullmatch(path.name)
        and is_inventory_file(path)
        and not (path.suffix in (".yml", ".yaml") and looks_like_playbook(path))
    ]


def inventories_in(place: Path) -> list[Path]:
    """The inventories that lie in a project's folder, in the order in which one is taken.

    The usual names first, then files of like names, folders of environments, configurations of plugins. Environments
    that lie in the folder itself are not among them; see `environments_in`.
    """
    usual = [place / name for name in INVENTORY_NAMES if _is_usual(place / name)]
    folders = [child for child in subfolders(place) if child.name not in INVENTORY_NAMES and _is_container(child)]
    return list(dict.fromkeys((*usual, *inventory_files(place), *folders, *plugin_files(place))))


_EXAMPLE = re.compile(
    r"(?:.*[-_.])?(?:examples?|samples?|dist|templates?|skel(?:eton)?|tmpl)(?:[-_.].*)?", re.IGNORECASE
)


def examples_in(place: Path) -> list[Path]:
    """Examples of inventories: `hosts.example`, `inventory/hosts.sample.yml`."""
    near = [path for path in (*_files(place), *(file for name in INVENTORY_NAMES for file in _files(place / name)))
            if _EXAMPLE.fullmatch(path.name)]  # fmt: skip
    return [path for path in near if _INVENTORY_STEM.fullmatch(path.stem) or path.parent != place]


def _is_usual(path: Path) -> bool:
    if is_dir(path):
        variables = any(folder.name in VARIABLE_FOLDERS or is_environment_folder(folder) for folder in subfolders(path))
        sources = any(not _EXAMPLE.fullmatch(file.name) for file in listed_files(path))
        return not is_project(path) and (variables or sources)
    return is_file(path) and not (path.suffix in (".yml", ".yaml") and looks_like_playbook(path))


def _is_container(folder: Path) -> bool:
    """Whether environments lie in the folder, as in `environments/production/hosts`, and it is no project itself."""
    if folder.name in _NO_ENVIRONMENT - {"environments", "environment", "envs", "env"} or is_project(folder):
        return False
    return any(is_environment_folder(child) and _has_inventory_file(child) for child in subfolders(folder))


def _has_inventory_file(folder: Path) -> bool:
    return bool(inventory_files(folder) or plugin_files(folder))


def environments_in(place: Path) -> dict[str, Path]:
    """Environment -> its file or folder, where several lie in the folder beside each other, or one so named."""
    folders = {child.name: child for child in subfolders(place) if is_environment_folder(child)}
    return folders or {path.stem: path for path in environment_files(place)}


def environments_of(base: Path, *, whole: bool = False) -> dict[str, Path]:
    """The environments in an inventory folder; none where all of the folder is one inventory.

    `whole`: Ansible is told to read all of the folder, so only names of environments make its folders ones.
    """
    folders = {child.name: child for child in subfolders(base) if _is_environment_in(base, child)}
    alike = any(_ENVIRONMENT_STEM.fullmatch(name) for name in folders)
    if folders and (alike or not (whole or _has_inventory_file(base) or _by_content_only(folders))):
        return folders
    if folders:
        return {}  # parts of one inventory: Ansible reads a folder with all that is in it
    files = environment_files(base)
    return {path.stem: path for path in files} if len(files) > 1 and not inventory_files(base) else {}


def _by_content_only(folders: Mapping[str, Path]) -> bool:
    return not any(is_environment_folder(path) for path in folders.values())


def _is_environment_in(base: Path, child: Path) -> bool:
    """Whether a folder in an inventory folder is an environment; there, any inventory file makes it one."""
    if is_environment_folder(child):
        return True
    own = base.name in INVENTORY_NAMES or base.name.startswith("env")
    return own and child.name not in _NO_ENVIRONMENT and not is_project(child) and any(
        path.suffix in _SUFFIXES and is_inventory_file(path) for path in _files(child)
    )  # fmt: skip


def sources_in(folder: Path) -> tuple[Path, ...]:
    """What to read of an inventory folder: all of it as Ansible does, or the inventories that lie among other things.

    Templates, keys and certificates of an environment often lie in its folder, beside the file that is given with -i.
    """
    found = list(dict.fromkeys((*(folder / name for name in INVENTORY_NAMES if is_file(folder / name)),
                                *inventory_files(folder), *plugin_files(folder))))  # fmt: skip
    others = [path for path in listed_files(folder) if path not in found and not is_inventory_file(path)]
    return tuple(found) if found and others else (folder,)


def holds_inventory(folder: Path) -> bool:
    """Whether the folder by itself is an inventory: it, or a folder in it, holds hosts and no playbooks."""
    if is_project(folder):
        return False
    return (
        folder.name in ("inventory", "inventories")
        or any(is_dir(folder / name) for name in VARIABLE_FOLDERS)
        or any(is_file(folder / name) for name in INVENTORY_NAMES if "." in name or name == "hosts")
        or bool(environments_in(folder))
        or bool(plugin_files(folder))
    )


def is_named_inventory(path: Path) -> bool:
    """Whether the file is called like an inventory, be it still without hosts, and is no playbook."""
    return path.suffix in _SUFFIXES and bool(_INVENTORY_STEM.fullmatch(path.stem)) and not looks_like_playbook(path)


def is_inventory_file(path: Path) -> bool:
    """Whether the file's content is an inventory, or a program that prints one; ansible-core judges the details."""
    text = beginning_of(path)
    if text.startswith(("#!", "$ANSIBLE_VAULT;")):
        return True
    if path.suffix in (".yml", ".yaml"):
        return bool(_YAML_GROUP.search(text)) or bool(_PLUGIN.search(text))
    if path.suffix == ".json" or text.lstrip().startswith("{"):
        return '"hosts"' in text or '"_meta"' in text
    return bool(_INI_GROUP.search(text)) or (
        bool(_INI_HOST.search(text)) and bool(_INVENTORY_STEM.fullmatch(path.stem))
    )


def siblings_of(given: Path, root: Path) -> Mapping[str, Path]:
    """Environment -> source, that of `given` first, where it is one of several beside each other; else empty.

    A file with a usual name (`production/hosts`) is the environment of its folder. Nothing beside `root` is looked at.
    """
    if given == root:
        return {}
    if (
        is_file(given)
        and given.parent != root
        and not _ENVIRONMENT_STEM.fullmatch(given.stem)
        and given.parent.name not in INVENTORY_NAMES
    ):
        beside = siblings_of(given.parent, root) if is_environment_folder(given.parent) else {}
        return {name: _same_file(path, given) for name, path in beside.items()}
    if is_file(given):
        found = {path.stem: path for path in environment_files(given.parent)}
    else:
        found = {child.name: child for child in subfolders(given.parent) if _is_environment_in(given.parent, child)}
    name = given.stem if is_file(given) else given.name
    if found.get(name) != given or (len(found) < 2 and not _ENVIRONMENT_STEM.fullmatch(name)):
        return {}
    return {name: given, **{other: path for other, path in found.items() if other != name}}


def _same_file(folder: Path, given: Path) -> Path:
    """`given` itself, or the file of its name in another environment's folder, or that folder."""
    if folder == given.parent:
        return given
    return folder / given.name if is_file(folder / given.name) else folder


def _files(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_file(path) and not path.name.startswith(".")]
