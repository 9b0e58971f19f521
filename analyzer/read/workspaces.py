"""Where in a folder the Ansible project lies: its playbooks, and the folder that Ansible is run in.

Many repositories keep the project a folder or two down (`deploy/`, `infra/ansible/`), some keep several.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from analyzer.model import Problem, Severity
from analyzer.read.absent import listed
from analyzer.read.ansible.inventory import relative
from analyzer.read.files import exists, first_inside, is_dir, is_file
from analyzer.read.inventories import VARIABLE_FOLDERS, inventories_in, subfolders
from analyzer.read.playbook_files import (
    CONFIGURATION,
    PLAYBOOK_FOLDERS,
    SITE,
    imported_playbooks,
    is_project,
    playbooks_in,
)
from analyzer.read.request import Request, UsageError

MAX_DEPTH = 4
"""Folders below the one that was given in which projects are looked for."""

MAX_FOLDERS = 20_000

_NO_PROJECTS = frozenset(
    (*VARIABLE_FOLDERS, *"roles tasks handlers templates files vars defaults meta library plugins collections evidence "
     "migration node_modules bower_components vendor venv tests test spec molecule docs doc target build dist".split())
)  # fmt: skip
"""Folders that belong to a project, to other people, or to its tests: nothing in them is a project of its own."""

_ASIDE = frozenset(
    "packer vagrant docker ci old legacy archive archived deprecated example examples sample samples demo "
    "playground sandbox".split()
)
"""Folders whose project is taken only where there is no other."""


class Workspace(Struct, frozen=True):
    """A project: where Ansible is run, and what is run there."""

    base: Path
    """The folder that Ansible is run in: `ansible.cfg` lies there."""
    playbooks: tuple[Path, ...]
    beside: tuple[str, ...] = ()
    """Projects that lie below this one and are not read."""


def base_of(folder: Path, root: Path) -> Path:
    """The folder that Ansible is run in for playbooks in `folder`: the nearest with an `ansible.cfg` up to `root`."""
    up = [place for place in (folder, *folder.parents) if place.is_relative_to(root)]
    configured = next((place for place in up if is_file(place / CONFIGURATION)), None)
    if configured is not None:
        return configured
    return folder.parent if folder.name in PLAYBOOK_FOLDERS and folder != root else folder


def workspace_in(folder: Path) -> Workspace | None:
    """The project whose playbooks lie in the folder itself or in its `playbooks/`; None where none do.

    A `site.yml` stands for all; else every playbook counts that no other one imports.
    """
    places = [folder, *(folder / name for name in PLAYBOOK_FOLDERS)]
    for place in places:
        for name in SITE:
            if is_file(place / name):
                return Workspace(base_of(place, folder), (place / name,))
    found = [path for place in places for path in playbooks_in(place)]
    return Workspace(base_of(found[0].parent, folder), _less_imported(found)) if found else None


def _less_imported(playbooks: list[Path]) -> tuple[Path, ...]:
    imported = {path for each in playbooks for path in imported_playbooks(each)}
    return tuple(path for path in playbooks if path not in imported) or tuple(playbooks)


def project_above(inventory: Path) -> Path | None:
    """The project to which an inventory folder or file belongs: the nearest folder above it that is one.

    At most three folders above the inventory's own are looked into.
    """
    below = inventory.parent if is_file(inventory) else inventory
    above = [below, *below.parents] if is_file(inventory) else below.parents
    for folder in above[: 4 if is_file(inventory) else 3]:
        if exists(below / ".git") or folder == Path(folder.anchor):
            break
        if is_project(folder):
            return folder
        if exists(folder / ".git") and workspaces_below(folder):
            return folder
        below = folder
    return None


def workspaces_below(root: Path) -> list[Workspace]:
    """The projects in the folders below, by path; a project inside another one is a part of it."""
    folders: dict[Path, list[Path]] = {}
    for folder in _folders(root):
        if playbooks_in(folder):
            base = base_of(folder, root)
            if base in folders or not any(other != base and base.is_relative_to(other) for other in folders):
                folders.setdefault(base, []).append(folder)
    return [Workspace(base, _playbooks(places)) for base, places in sorted(folders.items())]


def _playbooks(folders: list[Path]) -> tuple[Path, ...]:
    """The playbooks of the uppermost folders: `site.yml` where there is one."""
    depth = min(len(folder.parts) for folder in folders)
    upper = [folder for folder in folders if len(folder.parts) == depth]
    upper = [folder for folder in upper if folder.name.lower() not in _ASIDE] or upper
    if sites := [folder / name for folder in upper for name in SITE if is_file(folder / name)]:
        return tuple(sites)
    return _less_imported([path for folder in upper for path in playbooks_in(folder)])


def _folders(root: Path) -> Iterator[Path]:
    """Folders below `root` where a project may lie, the upper ones first; links are not followed."""
    waiting = deque([(root, 0)])
    seen = 0
    while waiting and seen < MAX_FOLDERS:
        folder, depth = waiting.popleft()
        seen += 1
        if depth:
            yield folder
        if depth < MAX_DEPTH:
            waiting.extend((child, depth + 1) for child in subfolders(folder)
                           if child.name not in _NO_PROJECTS and not child.is_symlink())  # fmt: skip


def best_of(workspaces: list[Workspace], root: Path) -> Workspace | None:
    """The one that no other equals in what speaks for a project; None where several are as good."""
    ranks = {each.base: _rank(each, root) for each in workspaces}
    for each in workspaces:
        mine = ranks[each.base]
        others = [rank for base, rank in ranks.items() if base != each.base]
        if all(mine != rank and all(a <= b for a, b in zip(mine, rank, strict=True)) for rank in others):
            return each
    return None


def _rank(workspace: Workspace, root: Path) -> tuple[int, ...]:
    """What speaks against the project, the smaller the better."""
    base = workspace.base
    own = base.relative_to(root).parts
    whole = any(path.name in SITE for path in workspace.playbooks) or is_file(base / CONFIGURATION)
    inventory = any(inventories_in(place) for place in {base, *(path.parent for path in workspace.playbooks)})
    aside = any(part.lower() in _ASIDE for part in own)
    if aside:
        return (1, 1, 1, MAX_DEPTH + len(own))
    return (0, 0 if whole or is_dir(base / "roles") else 1, 0 if inventory else 1, len(own))


def find_workspace(request: Request, root: Path, project: Path, problems: list[Problem]) -> Workspace | None:
    """The project in or below the folder `project`, None where there is none; `problems` hears what was chosen."""
    if request.playbooks:
        found = tuple(_named(name, root, project) for name in request.playbooks)
        return Workspace(base_of(found[0].parent, root), found)
    own = workspace_in(project)
    beside: list[Workspace] = []
    if own is None:
        below = workspaces_below(project)
        if not below:
            return None
        own = _chosen(request, below, project, problems)
    elif own.playbooks[0].name not in SITE:
        beside = [each for each in workspaces_below(project) if each.base not in (project, own.base)]
    names = tuple(_with_playbooks(each, project) for each in beside)
    return Workspace(base_of(own.playbooks[0].parent, root), own.playbooks, names)


def _named(name: str, root: Path, project: Path) -> Path:
    """The playbook of --playbook: from the working folder, the project's, or the one below that alone has it."""
    paths = [base / name for base in (Path.cwd(), project, root)]
    path = first_inside([path for path in paths if is_file(path)], root)
    if path is None:
        below = {(each.base / name).resolve() for each in workspaces_below(project) if is_file(each.base / name)}
        path = below.pop() if len(below) == 1 else None
    if path is None:
        own = workspace_in(project)
        there = [relative(root, str(each)) for each in own.playbooks] if own else []
        there += [relative(root, str(path)) for each in workspaces_below(project) for path in each.playbooks]
        raise UsageError(f"--playbook {name}: no such file{'; there is ' + listed(there) if there else ''}")
    return path.resolve()


def _chosen(request: Request, workspaces: list[Workspace], root: Path, problems: list[Problem]) -> Workspace:
    """The best of the projects below; those beside it are noted, and where none is the best, one is asked for."""
    named = [(place / name).resolve() for name in request.inventories for place in (Path.cwd(), root)]
    near = [each for each in workspaces if any(path.is_relative_to(each.base) for path in named if exists(path))]
    best = near[0] if len(near) == 1 else best_of(near or workspaces, root)
    if best is None:
        names = [_with_playbooks(each, root) for each in near or workspaces]
        raise UsageError(
            f"{request.project} holds {len(names)} Ansible projects: {listed(names)}; give the folder of one, or name "
            "its playbook with --playbook FILE"
        )
    others = [_with_playbooks(each, root) for each in workspaces if each != best]
    hint = "give the folder of another one, or name its playbook with --playbook FILE" if others else ""
    message = f"the project is read that lies in {relative(root, str(best.base))}/"
    if others:
        message = f"{message}; also there: {listed(others)}"
    if best.base != root or others:
        problems.append(Problem(Severity.NOTE, "project-chosen", message, None, hint))
    return best


def _with_playbooks(workspace: Workspace, root: Path) -> str:
    names = [relative(workspace.base, str(path)) for path in workspace.playbooks]
    return f"{relative(root, str(workspace.base))}/ ({names[0]}{', …' if names[1:] else ''})"


def of_environment(
    workspace: Workspace, root: Path, environment: str, others: Iterable[str], problems: list[Problem]
) -> tuple[Path, ...]:
    """The playbooks of the project that are read, less those that are called like another environment.

    That is where one is called like the environment that is read: `production.yml` beside `staging.yml`.
    """
    playbooks = workspace.playbooks
    names = set(others) if any(path.stem == environment for path in playbooks) else set()
    left = [path for path in playbooks if path.stem in names]
    playbooks = tuple(path for path in playbooks if path not in left)
    beside = [*(relative(root, str(path)) for path in left), *workspace.beside]
    _say_playbooks(playbooks, beside, root, problems)
    return playbooks


def _say_playbooks(playbooks: Sequence[Path], beside: list[str], root: Path, problems: list[Problem]) -> None:
    if all(path.name in SITE for path in playbooks) and len(playbooks) == 1:
        return
    names = listed([relative(root, str(path)) for path in playbooks])
    message = f"there is no site.yml; read as playbooks: {names}"
    if playbooks[0].name in SITE:
        message = f"there are several site.yml; all are read: {names}"
    if beside:
        message = f"{message}; not read: {listed(beside)}"
    problems.append(Problem(Severity.NOTE, "playbooks-chosen", message, None, "choose with --playbook FILE"))
