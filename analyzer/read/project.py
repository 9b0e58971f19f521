"""What lies where in PROJECT, and all of it read: the one entry of the reading edge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analyzer.model import (
    ApplicationInput,
    CronEntry,
    Host,
    Problem,
    Project,
    Settings,
    Severity,
    Source,
    Task,
)
from analyzer.read.ansible.core import plain, trusted
from analyzer.read.ansible.facts import assumed_facts, fact_variables
from analyzer.read.ansible.inventory import Inventory, hide, read_inventory, relative
from analyzer.read.ansible.playbooks import Configuration, Play, read_configuration, read_plays
from analyzer.read.ansible.roles import RoleFinder, YamlReader
from analyzer.read.ansible.scope import Names
from analyzer.read.ansible.walk import PlayRun, Run
from analyzer.read.files import Tree
from analyzer.read.hosts import read_host
from analyzer.read.secrets import SecretBook

_INVENTORY_NAMES = ("inventory", "inventories", "hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory.ini",
                    "inventory.yml", "inventory.yaml")  # fmt: skip
_VARIABLE_FOLDERS = ("group_vars", "host_vars")
LOCALHOST = "localhost"


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


@dataclass(frozen=True, slots=True)
class Reading:
    """A project that was read, and the secrets to keep out of every output."""

    project: Project
    book: SecretBook


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


def read_project(request: Request, layout: Layout, settings: Settings) -> Reading:
    """Read everything: inventory, plays, roles, evidence. Nothing of it is executed."""
    book = SecretBook()
    folder = layout.playbooks[0].parent if layout.playbooks else layout.root
    inventory = read_inventory(layout.root, layout.inventories, folder, book)
    passwords = tuple(Path(name).read_bytes().strip() for name in request.vault_password_files)
    reader = YamlReader(inventory, vault_passwords=passwords)
    configuration = read_configuration(layout.root)
    plays = [play for path in layout.playbooks for play in read_plays(path, reader)]
    problems = [*layout.problems, *inventory.problems]
    extra = _extra_variables(request, settings, reader, problems)
    groups = _applications(plays, inventory, layout, request.limit)
    applications = []
    for name, host_names, chosen in groups:
        hosts, crons, usage = _read_evidence(host_names, inventory, layout, settings, problems)
        finder = RoleFinder(reader, _role_folders(layout, configuration), _collection_folders(layout))
        tasks, names = _walk(chosen, hosts, inventory, reader, finder, extra, request, configuration)
        applications.append(
            ApplicationInput(
                name=name,
                hosts=hosts,
                tasks=tasks,
                crons=crons + _crons_from_tasks(tasks),
                usage=usage,
                parameters=tuple(names.parameters[key] for key in sorted(names.parameters)),
            )
        )
    problems += reader.problems
    project = Project(
        root=layout.root.name,
        environment=layout.environment,
        environments=layout.environments,
        applications=tuple(replace(application, secrets=book.secrets()) for application in applications),
        problems=tuple(dict.fromkeys(problems)),
    )
    return Reading(project, book)


# -- layout ----------------------------------------------------------------------------------------------------------


def _looks_like_inventory(folder: Path) -> bool:
    if any((folder / name).is_dir() for name in _VARIABLE_FOLDERS):
        return not (folder / "site.yml").is_file() and not (folder / "roles").is_dir()
    if any((folder / name).is_file() for name in _INVENTORY_NAMES if "." in name or name == "hosts"):
        return not (folder / "site.yml").is_file()
    return folder.name in ("inventory", "inventories") or any(_is_environment(child) for child in _folders(folder))


def _has_playbooks(folder: Path) -> bool:
    return (
        (folder / "site.yml").is_file()
        or (folder / "roles").is_dir()
        or (folder / "ansible.cfg").is_file()
        or any(folder.glob("*.y*ml"))
    )


def _folders(folder: Path) -> list[Path]:
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
        children = [child for child in _folders(root) if _is_environment(child)]
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
    environments = [child.name for child in _folders(base) if _is_environment(child)] if base.is_dir() else []
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


def _role_folders(layout: Layout, configuration: Configuration) -> tuple[Path, ...]:
    folders = [path.parent / "roles" for path in layout.playbooks]
    for name in configuration.roles_path:
        path = (layout.root / name).resolve()
        if path.is_relative_to(layout.root):
            folders.append(path)
    folders += [layout.root / "roles", layout.root / "galaxy_roles", *(path.parent for path in layout.playbooks)]
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def _collection_folders(layout: Layout) -> tuple[Path, ...]:
    places = [path.parent / "collections" for path in layout.playbooks] + [layout.root / "collections", layout.root]
    return tuple(
        dict.fromkeys(place / "ansible_collections" for place in places if (place / "ansible_collections").is_dir())
    )


# -- applications ----------------------------------------------------------------------------------------------------


def _applications(
    plays: Sequence[Play], inventory: Inventory, layout: Layout, limit: str
) -> list[tuple[str, tuple[str, ...], list[Play]]]:
    """(name, hosts, plays) of each set of hosts to which the same plays apply."""
    known = inventory.host_names
    if limit:
        inventory.manager.subset(limit)
    by_plays: dict[tuple[int, ...], list[str]] = {}
    order: dict[str, list[int]] = {}
    for index, play in enumerate(plays):
        pattern = plain(play.hosts)
        names = inventory.matching(pattern)
        if not names and (not known or pattern == LOCALHOST):
            names = (_assumed_name(pattern),)
        for name in names:
            order.setdefault(name, []).append(index)
    if limit:
        known = inventory.host_names
    for name in (*known, *_evidence_hosts(layout)):
        order.setdefault(name, [])
    for name, indices in order.items():
        by_plays.setdefault(tuple(indices), []).append(name)
    found = []
    taken: set[str] = set()
    for indices, names in by_plays.items():
        if not indices and len(by_plays) > 1 and not any(name in _evidence_hosts(layout) for name in names):
            continue
        label = _application_name(names, [plays[index] for index in indices], inventory, layout, taken)
        taken.add(label)
        found.append((label, tuple(names), [plays[index] for index in indices]))
    return found


def _assumed_name(pattern: object) -> str:
    text = (
        pattern
        if isinstance(pattern, str)
        else "-".join(str(item) for item in pattern)
        if isinstance(pattern, list)
        else ""
    )
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in text).strip("-") or "host"


def _application_name(
    names: Sequence[str], plays: Sequence[Play], inventory: Inventory, layout: Layout, taken: set[str]
) -> str:
    """The group that holds just these hosts, by preference one that a play names; else the host, else the project."""
    groups = [group for group, members in inventory.groups().items()
              if set(members) == set(names) and group not in ("all", "ungrouped")]  # fmt: skip
    patterns = {str(plain(play.hosts)) for play in plays}
    candidates = [group for group in groups if group in patterns] + groups
    candidates += [pattern for pattern in sorted(patterns) if pattern.isidentifier() and pattern != "all"]
    if len(names) == 1:
        candidates.append(names[0])
    candidates.append(layout.root.name)
    slug = next((found for name in candidates if (found := _slug(name)) and found not in taken), "")
    return slug or f"application-{len(taken) + 1}"


def _slug(name: str) -> str:
    text = "".join(char if char.isalnum() else "-" for char in name.lower())
    while "--" in text:
        text = text.replace("--", "-")
    return text.strip("-")[:32]


def _evidence_hosts(layout: Layout) -> tuple[str, ...]:
    return tuple(child.name for child in _folders(layout.evidence)) if layout.evidence else ()


# -- evidence --------------------------------------------------------------------------------------------------------


def _read_evidence(
    names: Sequence[str], inventory: Inventory, layout: Layout, settings: Settings, problems: list[Problem]
) -> tuple[tuple[Host, ...], tuple[CronEntry, ...], tuple[object, ...]]:
    from analyzer.read.crons import read_crons

    hosts: list[Host] = []
    crons: list[CronEntry] = []
    usages: list[object] = []
    for name in names:
        in_inventory = inventory.manager.get_host(name) is not None
        source = inventory.source_of_host(name) if in_inventory else None
        folder = layout.evidence / name if layout.evidence else None
        if folder is None or not folder.is_dir():
            host = Host(name=name, source=source or Source("inventory"), groups=inventory.groups_of(name))
            hosts.append(_with_facts(host, settings))
            continue
        tree = Tree(folder, label=f"evidence/{name}")
        host, found = read_host(name, tree, source)
        host = _with_facts(replace(host, groups=inventory.groups_of(name)), settings)
        entries, cron_problems = read_crons(host, tree)
        usage, metric_problems = _read_metrics(host, tree)
        problems += [*found, *cron_problems, *metric_problems, *tree.problems]
        hosts.append(host)
        crons += entries
        usages += usage
    return tuple(hosts), tuple(crons), tuple(usages)


def _with_facts(host: Host, settings: Settings) -> Host:
    """What evidence says, completed by what a person says, completed by what is assumed."""
    return assumed_facts(replace(host, facts={**settings.facts, **host.facts}))


def _read_metrics(host: Host, tree: Tree) -> tuple[tuple[object, ...], Iterable[Problem]]:
    from analyzer.read.metrics import read_metrics

    usage, problems = read_metrics(host, tree)
    return (usage,), problems


def _crons_from_tasks(tasks: Sequence[Task]) -> tuple[CronEntry, ...]:
    from analyzer.read.crons import crons_from_tasks

    return crons_from_tasks(tasks)


# -- plays -----------------------------------------------------------------------------------------------------------


def _extra_variables(
    request: Request, settings: Settings, reader: YamlReader, problems: list[Problem]
) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = dict(settings.variables)
    for text in request.extra_vars:
        if text.startswith("@"):
            path = Path(text[1:])
            if not path.is_file():
                raise UsageError(f"-e {text}: no such file")
            data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        elif text.lstrip().startswith(("{", "[")):
            data = yaml.safe_load(text)
        else:
            data = dict(pair.partition("=")[::2] for pair in text.split())
        if not isinstance(data, dict):
            problems.append(Problem(Severity.ERROR, "extra-vars", f"-e {text}: expected key=value or a mapping"))
            continue
        found.update(data)
    return {name: trusted(value) for name, value in reader.inventory.mask(found).items()}


def _walk(
    plays: Sequence[Play], hosts: Sequence[Host], inventory: Inventory, reader: YamlReader, finder: RoleFinder,
    extra: Mapping[str, Any], request: Request, configuration: Configuration,
) -> tuple[tuple[Task, ...], Names]:  # fmt: skip
    names = Names(inventory.book)
    if not hosts:
        return (), names
    host = hosts[0]
    base = inventory.variables_of(host.name)
    base.update(fact_variables(host))
    base.setdefault("inventory_hostname", host.name)
    base.setdefault("inventory_hostname_short", host.name.partition(".")[0])
    base["groups"] = {name: list(members) for name, members in inventory.groups().items()}
    base["group_names"] = list(host.groups)
    base["ansible_version"] = {"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"}
    base["ansible_playbook_python"] = "/usr/bin/python3"
    base["hostvars"] = _HostVariables(inventory, base)
    run = Run(
        host=host.name,
        reader=reader,
        finder=finder,
        names=names,
        base=base,
        extra=extra,
        hide_root=lambda text: hide(inventory.root, text),
        only_tags=request.tags,
        skip_tags=request.skip_tags,
    )
    for play in plays:
        data = dict(play.data)
        if configuration.become and "become" not in data:
            data["become"] = True
        if play.when:
            data["when"] = list(play.when)
        run.ended = ""
        run.notified = {}
        PlayRun(run, play.file, data).walk()
    tasks = [task for task in run.tasks if task.kind == "task"] + [task for task in run.tasks if task.kind == "handler"]
    if len(hosts) > 1:
        everywhere = tuple(each.name for each in hosts)
        tasks = [replace(task, hosts=everywhere) for task in tasks]
    return tuple(tasks), names


class _HostVariables(dict):  # type: ignore[type-arg]  # a mapping that ansible-core's templating accepts
    """`hostvars`: the inventory variables of other hosts, read when a template asks for them."""

    def __init__(self, inventory: Inventory, own: Mapping[str, Any]) -> None:
        super().__init__({name: {} for name in inventory.host_names})
        self._inventory = inventory
        for name in inventory.host_names[:50]:
            self[name] = inventory.variables_of(name)
        host = own.get("inventory_hostname")
        if host in self:
            self[host] = {key: value for key, value in own.items() if key not in ("hostvars", "groups")}
