"""Which of a project's inventories is read, and of which environment; what else is there is said."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from analyzer.model import Problem, Severity, Source
from analyzer.read.ansible.inventory import relative
from analyzer.read.ansible.playbooks import Configuration
from analyzer.read.files import exists, first_inside, is_dir, is_file
from analyzer.read.inventories import (
    INVENTORY_NAMES,
    VAGRANT,
    environments_in,
    environments_of,
    examples_in,
    inventories_in,
    siblings_of,
    sources_in,
)
from analyzer.read.request import DEFAULT_ENVIRONMENT, Request, UsageError


class Chosen(Struct, frozen=True, kw_only=True):
    """The inventory that is read."""

    sources: tuple[Path, ...] = ()
    environment: str
    others: Mapping[str, Path]
    """The environments that lie beside it."""
    problems: tuple[Problem, ...] = ()


class Places(Struct, frozen=True, kw_only=True):
    """Where inventories are looked for."""

    root: Path
    base: Path
    """The folder of `ansible.cfg`."""
    folders: tuple[Path, ...]
    """`base`, the folders of the playbooks, and those between them and `root`."""
    given: Path | None
    """The inventory folder or file that the person gave as PROJECT."""


def choose_inventory(request: Request, places: Places, configuration: Configuration) -> Chosen:
    """The inventory that was named, else the configured one, else what lies in the first folder that holds one."""
    asked = request.environment or DEFAULT_ENVIRONMENT
    if request.inventories:
        return Chosen(sources=_named(request, places), environment=asked, others={})
    configured, problems = _configured(configuration, places)
    if places.given is not None and places.given != places.root:
        if len(configured) == 1 and configured[0].parent == places.given:
            return _of(configured[0], request, places, configured=True)
        return _of(places.given, request, places, given=True)
    if len(configured) == 1:
        return _with(_of(configured[0], request, places, configured=True), problems)
    if configured:
        return Chosen(sources=configured, environment=asked, others={}, problems=problems)
    for folder in places.folders:
        chosen = _in_folder(folder, request, places)
        if chosen is not None:
            return _with(chosen, problems)
    if places.given is not None:
        return _of(places.given, request, places)
    if vagrant := [folder / VAGRANT for folder in places.folders if is_file(folder / VAGRANT)]:
        note = _note(
            "inventory-chosen",
            f"there is no inventory but Vagrant's own, which is read: {relative(places.root, str(vagrant[0]))}",
            "give another one with -i",
        )
        return Chosen(sources=(vagrant[0],), environment=asked, others={}, problems=(*problems, note))
    return Chosen(environment=asked, others={}, problems=(*problems, _none_found(places)))


def _none_found(places: Places) -> Problem:
    broken = [path for folder in places.folders for name in INVENTORY_NAMES if (path := folder / name).is_symlink()]
    if broken:
        return Problem(
            Severity.WARNING,
            "inventory-link-broken",
            f"{relative(places.root, str(broken[0]))} is a link to {broken[0].readlink()}, which is not there: one "
            "host is assumed for each `hosts:` pattern",
            None,
            "put the inventory there, or give one with -i",
        )
    where = ", ".join(f"{_shown(places, folder)}/" for folder in places.folders)
    hint = f"looked for hosts, inventory, inventories/, environments/ and the like in {where}; give one with -i"
    if examples := [path for folder in places.folders for path in examples_in(folder)]:
        hint = f"{hint}; an example lies in {_shown(places, examples[0])}"
    message = "there is no inventory: one host is assumed for each `hosts:` pattern"
    return _note("inventory-not-found", message, hint)


def _named(request: Request, places: Places) -> tuple[Path, ...]:
    """The sources of -i."""
    project = request.project if is_dir(request.project) else request.project.parent
    found = []
    for name in request.inventories:
        bases = (Path.cwd(), project, *places.folders)
        path = first_inside((base / name for base in bases), places.root)
        if path is None and "," in name:
            raise UsageError(f"-i {name}: a list of hosts is not read; write them into a file and give that with -i")
        if path is None:
            there = [relative(places.root, str(path)) for folder in places.folders for path in inventories_in(folder)]
            raise UsageError(
                f"-i {name}: no such inventory in {request.project}{'; there is ' + ', '.join(there) if there else ''}"
            )
        found.append(path.resolve())
    return tuple(found)


def _configured(configuration: Configuration, places: Places) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """The sources that `ansible.cfg` names, as far as they lie in the project; a problem for each other one."""
    found, problems = [], []
    for name in filter(None, (part.strip() for part in configuration.inventory.split(","))):
        path = Path(os.path.normpath(places.base / name))
        if exists(path) and path.resolve().is_relative_to(places.root) and path != places.root:
            found.append(path)
            continue
        file = relative(places.root, str(places.base / "ansible.cfg"))
        problems.append(
            Problem(
                Severity.WARNING,
                "inventory-configured-absent",
                f"{file} names the inventory {name}, which is not in the project",
                Source(file, configuration.inventory_line),
                "give it with -i; it may be kept out of the repository",
            )
        )
    return tuple(found), tuple(problems)


def _of(base: Path, request: Request, places: Places, *, given: bool = False, configured: bool = False) -> Chosen:
    """The inventory at `base`, or the environment in it or beside it that was asked for.

    A folder that `ansible.cfg` names is read as a whole, as Ansible does.
    """
    beside = siblings_of(base, places.root)
    if beside:
        environment = next(iter(beside))
        if given and request.environment and request.environment != environment:
            return Chosen(sources=(base,), environment=request.environment, others={})  # named otherwise
        return _choose(request, beside, places, base.parent, own=environment)
    choices = environments_of(base, whole=configured) if is_dir(base) else {}
    if choices:
        return _choose(request, choices, places, base)
    sources = sources_in(base) if is_dir(base) and not configured else (base,)
    return Chosen(sources=sources, environment=request.environment or DEFAULT_ENVIRONMENT, others={})


def _in_folder(folder: Path, request: Request, places: Places) -> Chosen | None:
    """What lies in a folder of the project; None where nothing does."""
    found, environments = inventories_in(folder), environments_in(folder)
    if environments and (not found or request.environment in environments):
        return _choose(request, environments, places, folder)
    if not found:
        return None
    chosen = _of(found[0], request, places)
    rest = [path for path in (*found[1:], *environments.values()) if path not in chosen.sources]
    if not rest:
        return chosen
    names = ", ".join(_shown(places, path) for path in rest)
    read = ", ".join(_shown(places, path) for path in chosen.sources)
    note = _note("inventory-chosen", f"read as inventory: {read}; also there: {names}", "choose with -i PATH")
    return _with(chosen, (note,))


def _choose(request: Request, choices: Mapping[str, Path], places: Places, where: Path, own: str = "") -> Chosen:
    """The environment that was asked for, else the one that is named anyhow, `production`, or the only one there is."""
    fallback = own or (next(iter(choices)) if len(choices) == 1 else DEFAULT_ENVIRONMENT)
    environment = request.environment or fallback
    if environment not in choices:
        asked = f", not {environment}" if request.environment else ""
        raise UsageError(
            f"{_shown(places, where)} holds the environments {', '.join(choices)}{asked}; choose one with --env NAME"
        )
    others = {name: path for name, path in choices.items() if name != environment}
    problems: tuple[Problem, ...] = ()
    if others:
        message = f"analysed: {environment}; also there: {', '.join(others)}"
        problems = (_note("environment-chosen", message, "choose another one with --env"),)
    source = choices[environment]
    sources = sources_in(source) if is_dir(source) else (source,)
    return Chosen(sources=sources, environment=environment, others=others, problems=problems)


def _shown(places: Places, path: Path) -> str:
    return places.root.name if path == places.root else relative(places.root, str(path))


def _note(code: str, message: str, hint: str) -> Problem:
    return Problem(Severity.NOTE, code, message, None, hint)


def _with(chosen: Chosen, problems: Sequence[Problem]) -> Chosen:
    return Chosen(
        sources=chosen.sources,
        environment=chosen.environment,
        others=chosen.others,
        problems=(*problems, *chosen.problems),
    )
