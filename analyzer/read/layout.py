"""What lies where in PROJECT: root, inventory, environments, playbooks, evidence, as an Ansible user lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analyzer.model import Problem, Severity
from analyzer.read.ansible.inventory import relative
from analyzer.read.ansible.playbooks import Configuration, read_configuration

_INVENTORY_NAMES = ("inventory", "inventories", "hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory.ini",
                    "inventory.yml", "inventory.yaml")  # fmt: skip
_VARIABLE_FOLDERS = ("group_vars", "host_vars")


class UsageError(Exception):
    """Wrong usage or nothing readable: one line for the person, exit status 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
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
    environment: str = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
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
    if not given.is_dir():
        raise UsageError(f"{given}: is a file, expected the inventory folder or the project folder")
    given = given.resolve()
    root = given.parent if _looks_like_inventory(given) and _has_playbooks(given.parent) else given
    if root == given and _looks_like_inventory(given) and _has_playbooks(given.parent.parent):
        root = given.parent.parent  # inventory/production/ was given
    problems: list[Problem] = []
    configuration = read_configuration(root)
    inventories, environment, environments = _find_inventories(request, root, given, configuration, problems)
    playbooks = _find_playbooks(request, root, problems)
    evidence = _find_evidence(request, root, given)
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


def _looks_like_inventory(folder: Path) -> bool:
    if any((folder / name).is_dir() for name in _VARIABLE_FOLDERS):
        return not (folder / "site.yml").is_file() and not (folder / "roles").is_dir()
    if any((folder / name).is_file() for name in _INVENTORY_NAMES if "." in name or name == "hosts"):
        return not (folder / "site.yml").is_file()
    return folder.name in ("inventory", "inventories") or any(_is_environment(child) for child in subfolders(folder))


def _has_playbooks(folder: Path) -> bool:
    return (
        (folder / "site.yml").is_file()
        or (folder / "roles").is_dir()
        or (folder / "ansible.cfg").is_file()
        or any(folder.glob("*.y*ml"))
    )


def subfolders(folder: Path) -> list[Path]:
    try:
        return [child for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    except OSError:
        return []


def _is_environment(folder: Path) -> bool:
    if folder.name in (*_VARIABLE_FOLDERS, "roles", "playbooks", "evidence", "files", "templates", "tasks"):
        return False
    return any((folder / name).is_file() for name in _INVENTORY_NAMES) or (folder / "group_vars").is_dir()


def _find_inventories(
    request: Request, root: Path, given: Path, configuration: Configuration, problems: list[Problem]
) -> tuple[tuple[Path, ...], str, tuple[str, ...]]:
    environment = request.environment
    if request.inventories:
        paths = []
        for name in request.inventories:
            path = next((base / name for base in (Path.cwd(), given, root) if (base / name).exists()), None)
            if path is None:
                raise UsageError(f"-i {name}: no such inventory in {request.project}")
            paths.append(path.resolve())
        return tuple(paths), environment, (environment,)
    base = given if given != root else next((root / name for name in _INVENTORY_NAMES if (root / name).exists()), None)
    if base is None and configuration.inventory:
        base = root / configuration.inventory
    if base is None and _is_environment(root):
        base = root
    if base is None or not base.exists():
        children = [child for child in subfolders(root) if _is_environment(child)]
        base = root if children else None
    if base is None:
        problems.append(
            Problem(
                Severity.NOTE,
                "inventory-not-found",
                "there is no inventory: one host is assumed for each `hosts:` pattern",
                None,
                "give one with -i",
            )
        )
        return (), environment, (environment,)
    environments = [child.name for child in subfolders(base) if _is_environment(child)] if base.is_dir() else []
    if not environments:
        return (base,), environment, (environment,)
    if environment not in environments:
        raise UsageError(
            f"{relative(root, str(base)) or base.name} holds the environments {', '.join(environments)}, "
            f"not {environment}; choose one with --env NAME"
        )
    others = [name for name in environments if name != environment]
    if len(environments) > 1:
        problems.append(
            Problem(
                Severity.NOTE,
                "environment-chosen",
                f"analysed: {environment}; also there: {', '.join(others)}",
                None,
                "choose another one with --env",
            )
        )
    return (base / environment,), environment, (environment, *others)


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
        path for folder in (root, root / "playbooks") for path in sorted(folder.glob("*.y*ml")) if _is_playbook(path)
    ]
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


def _is_playbook(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.lstrip("- ").startswith(("hosts:", "import_playbook:", "ansible.builtin.import_playbook:"))
               for line in text.splitlines())  # fmt: skip


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
