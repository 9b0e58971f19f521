"""What lies where in PROJECT: root, inventory, environments, playbooks, evidence, as an Ansible user lays them out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from analyzer.model import Problem, Severity
from analyzer.read.absent import submodule_problems, what_is_there
from analyzer.read.ansible.playbooks import Configuration, read_configuration
from analyzer.read.files import exists, first_inside, is_dir, is_file
from analyzer.read.inventories import holds_inventory, inventories_in, is_inventory_file, is_named_inventory
from analyzer.read.inventory_choice import Chosen, Places, choose_inventory
from analyzer.read.playbook_files import CONFIGURATION, PLAYBOOK_FOLDERS, is_project, looks_like_playbook
from analyzer.read.request import Request, UsageError
from analyzer.read.workspaces import find_workspace, of_environment, project_above, workspaces_below

__all__ = (
    "Layout",
    "Request",
    "UsageError",
    "collection_folders",
    "find_layout",
    "own_collections",
    "role_folders",
    "role_folders_outside",
)


class Layout(Struct, frozen=True, kw_only=True):
    """Where the parts of a project were found."""

    root: Path
    """The folder of all that may be read."""
    base: Path
    """The folder that Ansible is run in: `ansible.cfg` lies there, and its paths start there."""
    inventories: tuple[Path, ...]
    environment: str
    environments: tuple[str, ...]
    """That one and those beside it."""
    other_inventories: tuple[Path, ...]
    """The inventories of the environments beside it."""
    playbooks: tuple[Path, ...]
    evidence: Path | None
    snapshot: Path | None
    """What a dynamic inventory said when it was collected; None where that may be another environment's."""
    problems: tuple[Problem, ...]


def find_layout(request: Request) -> Layout:
    """Locate root, inventory, playbooks and evidence as an Ansible user lays them out."""
    given = request.project
    if not exists(given):
        raise UsageError(f"{given}: no such folder; give an Ansible inventory folder or the folder that holds one")
    if (refused := _refused(given)) is not None:
        raise UsageError(f"{given}: cannot be read: {refused}; check its permissions")
    linked = Path(os.path.normpath(given.absolute()))
    given = given.resolve()
    _check_file(request, given)
    project, is_inventory = _project_of(given)
    if is_inventory and linked != given and not is_project(project):
        project = project_above(linked) or project  # a link to an inventory that lies elsewhere
    root = _root_of_all(_with_parent(project), request, given)
    problems: list[Problem] = []
    workspace = find_workspace(request, root, project, problems)
    base, playbooks = (workspace.base, workspace.playbooks) if workspace else (project, ())
    folders = _up_to(root, [base, *(path.parent for path in playbooks), project])
    places = Places(root=root, base=base, folders=folders, given=given if is_inventory else None)
    chosen = choose_inventory(request, places, read_configuration(base))
    evidence = _find_evidence(request, (given if is_dir(given) else given.parent, base, root))
    if not playbooks and not chosen.sources and evidence is None:
        raise UsageError(f"{request.project}: holds no inventory, no playbook and no evidence; {what_is_there(root)}")
    if workspace and not request.playbooks:
        playbooks = of_environment(workspace, root, chosen.environment, chosen.others, problems)
    if not playbooks:
        problems.append(_no_playbook(root, evidence))
    return Layout(
        root=root,
        base=base,
        inventories=chosen.sources,
        environment=chosen.environment,
        environments=(chosen.environment, *chosen.others),
        other_inventories=tuple(chosen.others.values()),
        playbooks=playbooks,
        evidence=evidence,
        snapshot=_snapshot(request, chosen, evidence),
        problems=(*chosen.problems, *problems, *submodule_problems(root, base)),
    )


def _refused(given: Path) -> str | None:
    """Why the folder that was given may not be looked into."""
    try:
        next(given.iterdir() if given.is_dir() else iter(()), None)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _check_file(request: Request, given: Path) -> None:
    """A file is taken where it is an inventory; what to do with a playbook is said."""
    if not is_file(given) or request.inventories or is_named_inventory(given):
        return
    if is_inventory_file(given) and not looks_like_playbook(given):
        return
    if looks_like_playbook(given):
        raise UsageError(
            f"{request.project}: is a file and no inventory but a playbook; give its folder and name it: "
            f"migrate-analyze {request.project.parent} --playbook {given.name}"
        )
    raise UsageError(
        f"{request.project}: is a file and no inventory; expected the inventory (a folder, or a file with hosts "
        "and groups) or the project folder"
    )


def _project_of(given: Path) -> tuple[Path, bool]:
    """(the project's folder, whether what was given is an inventory of it)."""
    if is_file(given):
        return project_above(given) or given.parent, True
    if is_project(given) or workspaces_below(given) or not holds_inventory(given):
        return given, False
    return project_above(given) or given, True


def _with_parent(project: Path) -> Path:
    """The folder above, where the project is run from there: `ansible.cfg`, or what `playbooks/` needs, lies in it."""
    parent = project.parent
    if parent == Path(parent.anchor) or exists(project / ".git"):
        return project
    if not is_project(project) or is_file(project / CONFIGURATION):
        return project
    if parent.name in PLAYBOOK_FOLDERS and is_project(parent.parent):
        return parent.parent  # `playbooks/web/main.yml`: roles and ansible.cfg lie beside `playbooks/`
    if is_file(parent / CONFIGURATION):
        return parent
    if project.name not in PLAYBOOK_FOLDERS:
        return project
    roles = is_dir(parent / "roles") and not is_dir(project / "roles")
    return parent if roles or (inventories_in(parent) and not inventories_in(project)) else project


def _root_of_all(root: Path, request: Request, given: Path) -> Path:
    """`root`, or the folder above it that also holds the playbooks and inventories that were named."""
    names = (*request.playbooks, *request.inventories)
    found = (first_inside((Path.cwd() / name, given / name, root / name), root) for name in names)
    named = [given, *(path.resolve() for path in found if path is not None)]
    outside = [path for path in named if not path.is_relative_to(root)]
    if not outside:
        return root
    common = Path(os.path.commonpath([root, *(path.parent for path in outside)]))
    if common == Path(common.anchor):
        raise UsageError(
            f"{outside[0]} and {root} have no folder in common; put playbooks and inventory below one folder"
        )
    return common


def _up_to(root: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """The folders, then those between the first one and `root`."""
    between = [place for place in folders[0].parents if place.is_relative_to(root)]
    return tuple(dict.fromkeys((*folders, *between)))


def _no_playbook(root: Path, evidence: Path | None) -> Problem:
    return Problem(
        Severity.WARNING if evidence is None else Severity.NOTE,
        "playbooks-not-found",
        "there is no playbook: what Ansible does to the hosts is not in the plan",
        None,
        what_is_there(root),
    )


def _find_evidence(request: Request, places: Sequence[Path]) -> Path | None:
    if request.evidence:
        path = Path(request.evidence)
        if not is_dir(path):
            raise UsageError(f"--evidence {request.evidence}: no such folder")
        return path.resolve()
    return next((folder / "evidence" for folder in places if is_dir(folder / "evidence")), None)


SNAPSHOT = "inventory.yml"
"""In the evidence, beside the hosts' folders: what a dynamic inventory said."""


def _snapshot(request: Request, chosen: Chosen, evidence: Path | None) -> Path | None:
    if evidence is None or request.inventories or chosen.others or not is_file(evidence / SNAPSHOT):
        return None
    return evidence / SNAPSHOT


def role_folders(layout: Layout, configuration: Configuration) -> tuple[Path, ...]:
    """Folders that hold roles, in the order in which Ansible looks for one."""
    folders = [path.parent / "roles" for path in layout.playbooks]
    folders += _configured(layout, configuration.roles_path)
    folders += [place / name for place in (layout.base, layout.root) for name in ("roles", "galaxy_roles")]
    folders += [path.parent for path in layout.playbooks]
    return tuple(dict.fromkeys(folder for folder in folders if is_dir(folder)))


def role_folders_outside(layout: Layout, configuration: Configuration) -> tuple[Path, ...]:
    """Those of `ansible.cfg` that lie outside of the project: they are named, and not read."""
    paths = [(layout.base / name).resolve() for name in configuration.roles_path]
    return tuple(path for path in paths if not path.is_relative_to(layout.root))


def _configured(layout: Layout, names: Sequence[str]) -> list[Path]:
    """Folders that `ansible.cfg` names, as far as they lie in the project."""
    paths = [(layout.base / name).resolve() for name in names]
    return [path for path in paths if path.is_relative_to(layout.root)]


def own_collections(layout: Layout) -> tuple[tuple[str, Path], ...]:
    """Collections that the project itself is, each with its folder: `galaxy.yml` has its name."""
    found = []
    for folder in dict.fromkeys((layout.base, layout.root)):
        try:
            text = (folder / "galaxy.yml").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        names = dict(re.findall(r"""^(namespace|name)[ \t]*:[ \t]*["']?(\w+)""", text, re.MULTILINE))
        if len(names) == 2:
            found.append((f"{names['namespace']}.{names['name']}", folder))
    return tuple(found)


def collection_folders(layout: Layout, configuration: Configuration) -> tuple[Path, ...]:
    """The `ansible_collections` folders of the project."""
    places = [path.parent / "collections" for path in layout.playbooks]
    places += _configured(layout, configuration.collections_path)
    places += [place for folder in (layout.base, layout.root) for place in (folder / "collections", folder)]
    return tuple(
        dict.fromkeys(place / "ansible_collections" for place in places if is_dir(place / "ansible_collections"))
    )
