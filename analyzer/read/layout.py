"""What lies where in PROJECT: root, inventory, environments, playbooks, evidence, as an Ansible user lays them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from analyzer.model import Problem, Severity
from analyzer.read.ansible.inventory import relative
from analyzer.read.ansible.playbooks import Configuration, read_configuration
from analyzer.read.inventories import (
    INVENTORY_NAMES,
    environment_files,
    environment_of,
    holds_inventory,
    imported_playbooks,
    inventory_files,
    is_environment_folder,
    is_inventory_file,
    looks_like_playbook,
    subfolders,
)

DEFAULT_ENVIRONMENT = "production"


class UsageError(Exception):
    """Wrong usage or nothing readable: one line for the person, exit status 2."""


class Request(Struct, frozen=True, kw_only=True):
    """What the person asked to read."""

    project: Path
    playbooks: tuple[str, ...] = ()
    inventories: tuple[str, ...] = ()
    limit: str = ""
    extra_vars: tuple[str, ...] = ()
    vault_password_files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    evidence: str = ""
    environment: str = ""
    """"" where the person named none: the one that PROJECT names, `production`, or the only one there is."""
    own_words: Callable[[], frozenset[str]] = frozenset
    """Gives the words, in small letters, that every bundle has; see `SecretBook.own_words`."""


class Layout(Struct, frozen=True, kw_only=True):
    """Where the parts of a project were found."""

    root: Path
    inventories: tuple[Path, ...]
    environment: str
    environments: tuple[str, ...]
    playbooks: tuple[Path, ...]
    evidence: Path | None
    problems: tuple[Problem, ...]


def find_layout(request: Request) -> Layout:
    """Locate root, inventory, playbooks and evidence as an Ansible user lays them out."""
    given = request.project
    if not given.exists():
        raise UsageError(f"{given}: no such folder; give an Ansible inventory folder or the folder that holds one")
    given = given.resolve()
    if given.is_file() and not is_inventory_file(given) and not request.inventories:
        raise UsageError(
            f"{request.project}: is a file and no inventory; expected the inventory (a folder, or a file with hosts "
            "and groups) or the project folder"
        )
    root = _root_of_all(_project_root(given), request)
    problems: list[Problem] = []
    configuration = read_configuration(root)
    inventories, environment, environments = _find_inventories(request, root, given, configuration, problems)
    playbooks = _find_playbooks(request, root, problems)
    evidence = _find_evidence(request, root, given if given.is_dir() else given.parent)
    if not inventories and not playbooks and evidence is None:
        raise UsageError(
            f"{request.project}: holds no inventory, no playbook and no evidence; "
            "expected e.g. inventory/, site.yml and evidence/<host>/"
        )
    return Layout(
        root=root,
        inventories=inventories,
        environment=environment,
        environments=environments,
        playbooks=playbooks,
        evidence=evidence,
        problems=tuple(problems),
    )


def _project_root(given: Path) -> Path:
    """The folder with the playbooks: of `inventory/`, of `inventory/production/` or of an inventory file."""
    if given.is_file() or holds_inventory(given):
        for folder in (given.parent, given.parent.parent):
            if _has_playbooks(folder):
                return folder
    return given.parent if given.is_file() else given


def _root_of_all(root: Path, request: Request) -> Path:
    """`root`, or the folder above it that also holds the playbooks and inventories that were named."""
    named = [
        path.resolve()
        for name in (*request.playbooks, *request.inventories)
        for path in (Path.cwd() / name, root / name)
        if path.exists()
    ]
    outside = [path for path in named if not path.is_relative_to(root)]
    if not outside:
        return root
    common = Path(os.path.commonpath([root, *(path.parent for path in outside)]))
    if common == Path(common.anchor):
        raise UsageError(
            f"{outside[0]} and {root} have no folder in common; put playbooks and inventory below one folder"
        )
    return common


def _has_playbooks(folder: Path) -> bool:
    return (
        (folder / "site.yml").is_file()
        or (folder / "roles").is_dir()
        or (folder / "ansible.cfg").is_file()
        or any(looks_like_playbook(path) for path in folder.glob("*.y*ml"))
    )


def _find_inventories(
    request: Request, root: Path, given: Path, configuration: Configuration, problems: list[Problem]
) -> tuple[tuple[Path, ...], str, tuple[str, ...]]:
    """(sources, environment, that one and the others)."""
    asked = request.environment or DEFAULT_ENVIRONMENT
    if request.inventories:
        paths = []
        for name in request.inventories:
            path = next((base / name for base in (Path.cwd(), given, root) if (base / name).exists()), None)
            if path is None:
                raise UsageError(f"-i {name}: no such inventory in {request.project}")
            paths.append(path.resolve())
        return tuple(paths), asked, (asked,)
    base = given if given != root else _inventory_in(root, configuration)
    if base is None:
        choices = {path.stem: path for path in environment_files(root)} or {
            child.name: child for child in subfolders(root) if is_environment_folder(child)
        }
        if not choices:
            problems.append(
                Problem(
                    Severity.NOTE,
                    "inventory-not-found",
                    "there is no inventory: one host is assumed for each `hosts:` pattern",
                    None,
                    "give one with -i",
                )
            )
            return (), asked, (asked,)
    else:
        named = environment_of(base)
        if named is not None:
            environment, environments = named
            if request.environment and request.environment != environment:
                return (base,), request.environment, (request.environment,)
            _say_environment(environment, environments[1:], problems)
            return (base,), environment, environments
        choices = _environments_in(base) if base.is_dir() else {}
        if not choices:
            return (base,), asked, (asked,)
    return _choose(request, choices, relative(root, str(base)) if base else root.name, problems)


def _inventory_in(root: Path, configuration: Configuration) -> Path | None:
    """The project's inventory: the one that `ansible.cfg` names, one of the usual names, or a file written as one."""
    if configuration.inventory:
        configured = (root / configuration.inventory.partition(",")[0].strip()).resolve()
        if configured.exists() and configured.is_relative_to(root) and configured != root:
            return configured
    usual = next((root / name for name in INVENTORY_NAMES if (root / name).exists()), None)
    if usual is not None:
        return usual
    files = inventory_files(root)
    if files:
        return files[0]
    return root if holds_inventory(root) and any(is_inventory_file(path) for path in root.glob("*.*")) else None


def _environments_in(base: Path) -> dict[str, Path]:
    """Environment -> its folder or file in an inventory folder; none where all of the folder is one inventory."""
    folders = {child.name: child for child in subfolders(base) if is_environment_folder(child)}
    if folders:
        return folders
    files = environment_files(base)
    return {path.stem: path for path in files} if len(files) > 1 and not inventory_files(base) else {}


def _choose(
    request: Request, choices: Mapping[str, Path], where: str, problems: list[Problem]
) -> tuple[tuple[Path, ...], str, tuple[str, ...]]:
    """The environment that was asked for, `production`, or the only one there is."""
    environment = request.environment or (next(iter(choices)) if len(choices) == 1 else DEFAULT_ENVIRONMENT)
    if environment not in choices:
        raise UsageError(
            f"{where} holds the environments {', '.join(choices)}, not {environment}; choose one with --env NAME"
        )
    others = tuple(name for name in choices if name != environment)
    _say_environment(environment, others, problems)
    return (choices[environment],), environment, (environment, *others)


def _say_environment(environment: str, others: Sequence[str], problems: list[Problem]) -> None:
    if others:
        problems.append(
            Problem(
                Severity.NOTE,
                "environment-chosen",
                f"analysed: {environment}; also there: {', '.join(others)}",
                None,
                "choose another one with --env",
            )
        )


def _find_playbooks(request: Request, root: Path, problems: list[Problem]) -> tuple[Path, ...]:
    if request.playbooks:
        found = []
        for name in request.playbooks:
            path = next((base / name for base in (Path.cwd(), root) if (base / name).is_file()), None)
            if path is None:
                raise UsageError(f"--playbook {name}: no such file")
            found.append(path.resolve())
        return tuple(found)
    for folder in (root, root / "playbooks", root / "ansible"):
        for name in ("site.yml", "site.yaml"):
            if (folder / name).is_file():
                return (folder / name,)
    found = [
        path
        for folder in (root, root / "playbooks")
        for path in sorted(folder.glob("*.y*ml"))
        if looks_like_playbook(path)
    ]
    imported = {path for each in found for path in imported_playbooks(each)}
    found = [path for path in found if path not in imported] or found  # what another one imports is read there
    if found:
        names = ", ".join(relative(root, str(path)) for path in found)
        problems.append(
            Problem(
                Severity.NOTE,
                "playbooks-chosen",
                f"there is no site.yml; read as playbooks: {names}",
                None,
                "choose with --playbook FILE",
            )
        )
    return tuple(found)


def _find_evidence(request: Request, root: Path, given: Path) -> Path | None:
    if request.evidence:
        path = Path(request.evidence)
        if not path.is_dir():
            raise UsageError(f"--evidence {request.evidence}: no such folder")
        return path.resolve()
    for folder in (given / "evidence", root / "evidence"):
        if folder.is_dir():
            return folder
    return None


def role_folders(layout: Layout, configuration: Configuration) -> tuple[Path, ...]:
    folders = [path.parent / "roles" for path in layout.playbooks]
    for name in configuration.roles_path:
        path = (layout.root / name).resolve()
        if path.is_relative_to(layout.root):
            folders.append(path)
    folders += [layout.root / "roles", layout.root / "galaxy_roles", *(path.parent for path in layout.playbooks)]
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def collection_folders(layout: Layout) -> tuple[Path, ...]:
    places = [path.parent / "collections" for path in layout.playbooks] + [layout.root / "collections", layout.root]
    return tuple(
        dict.fromkeys(place / "ansible_collections" for place in places if (place / "ansible_collections").is_dir())
    )
