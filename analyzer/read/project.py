"""A whole project read: the one entry of the reading edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import (
    ApplicationInput,
    CronEntry,
    Host,
    Parameter,
    Problem,
    Project,
    Settings,
    Severity,
    Source,
    Task,
    Verdict,
)
from analyzer.read.ansible.core import plain, trusted
from analyzer.read.ansible.distribution import Completion
from analyzer.read.ansible.evaluator import ABSENT, Evaluator
from analyzer.read.ansible.facts import fact_variables
from analyzer.read.ansible.inventory import Inventory, hide, read_inventory
from analyzer.read.ansible.markers import Names
from analyzer.read.ansible.patterns import with_known_hosts
from analyzer.read.ansible.playbooks import Configuration, Play, read_configuration, read_plays
from analyzer.read.ansible.precedence import merge_variables, replace_variables
from analyzer.read.ansible.roles import RoleFinder, YamlReader
from analyzer.read.ansible.run import Run
from analyzer.read.ansible.values import wanted_in
from analyzer.read.ansible.variables import PlayVariables
from analyzer.read.ansible.walk import PlayRun
from analyzer.read.applications import applications_of
from analyzer.read.excerpts import read_excerpts
from analyzer.read.files import Tree, is_folder_name
from analyzer.read.hosts import read_host
from analyzer.read.layout import (
    Layout,
    Request,
    UsageError,
    collection_folders,
    own_collections,
    role_folders,
    role_folders_outside,
)
from analyzer.read.secrets import SecretBook


class Reading(Struct, frozen=True):
    """A project that was read, and the secrets to keep out of every output."""

    project: Project
    book: SecretBook


def read_project(
    request: Request, layout: Layout, settings: Settings, step: Callable[[str], None] = lambda _text: None
) -> Reading:
    """Read everything: inventory, plays, roles, evidence. Nothing of it is executed; `step` hears what is read now."""
    book = SecretBook(own_words=request.own_words)
    folder = layout.playbooks[0].parent if layout.playbooks else layout.base
    step("reading the inventory")
    configuration = read_configuration(layout.base)
    inventory = read_inventory(
        layout.root, layout.inventories, folder, book, merge_hashes=configuration.merge_hashes, snapshot=layout.snapshot
    )
    passwords = tuple(Path(name).read_bytes().strip() for name in request.vault_password_files)
    reader = YamlReader(inventory, vault_passwords=passwords)
    problems = list(layout.problems)
    extra = _extra_variables(request, settings, reader, problems)
    written = [play for path in layout.playbooks for play in read_plays(path, reader)]
    plays = with_known_hosts(written, extra, reader)
    roles = role_folders(layout, configuration)
    finder = RoleFinder(
        reader,
        roles,
        collection_folders(layout, configuration),
        own=own_collections(layout),
        outside=role_folders_outside(layout, configuration),
    )
    facts = Completion(layout.root, [*(path.parent for path in layout.playbooks), *roles], settings.facts)

    def group_keys(play: Play, host: str) -> tuple[str, ...]:
        noted = len(reader.problems)
        tasks, _names = _walk(
            [play], [_bare_host(host, inventory, facts)], inventory, reader, finder, extra, request, configuration
        )
        del reader.problems[noted:]  # the play is walked again with its application
        found = (invocation.args.get("key") for task in tasks if task.module == "ansible.builtin.group_by"
                 and task.applies is not Verdict.NO for invocation in task.invocations)  # fmt: skip
        return tuple(dict.fromkeys(key.replace(" ", "-") for key in found if isinstance(key, str)))

    groups = applications_of(plays, inventory, layout, request.limit, group_keys)
    _note_unmatched(plays, [play for _name, _hosts, chosen in groups for play in chosen], reader, request.limit)
    applications = []
    for number, (name, host_names, chosen) in enumerate(groups, 1):
        which = f"application {number} of {len(groups)}, {name}"
        step(f"{which}: reading the evidence of {len(host_names)} hosts")
        hosts, crons, usage = _read_evidence(host_names, inventory, layout, facts, problems)
        step(f"{which}: reading the roles of {len(chosen)} plays")
        tasks, names = _walk(chosen, hosts, inventory, reader, finder, extra, request, configuration)
        problems += _note_placeholders(tasks, names)
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
    problems += facts.problems([host for application in applications for host in application.hosts])
    problems += [*inventory.problems, *inventory.encoding_problems(), *reader.problems, *book.problems()]
    project = Project(
        root=layout.root.name,
        environment=layout.environment,
        environments=layout.environments,
        applications=tuple(replace(application, secrets=book.secrets()) for application in applications),
        problems=tuple(dict.fromkeys(problems)),
        excerpts=read_excerpts(
            layout.root, (task.source for application in applications for task in application.tasks), book
        ),
    )
    return Reading(project, book)


def _note_placeholders(tasks: Sequence[Task], names: Names) -> list[Problem]:
    """A parameter and a warning for each placeholder that a task uses."""
    given = names.book.placeholders
    used = {name for task in tasks for name in wanted_in(task.invocations) if name in given} if given else set()
    problems = []
    for name in sorted(used):
        found = given[name]
        reason = f"its value is a placeholder: {found.value.strip()}"
        names.parameters.setdefault(name, Parameter(name=name, source=found.source, reason=reason))
        message = (
            f"the value of {name} is a placeholder ({found.value.strip()}): it is asked for when the bundle is applied"
        )
        hint = "write the real value, or give it under `variables` in the decisions file"
        problems.append(Problem(Severity.WARNING, "value-is-a-placeholder", message, found.source, hint))
    return problems


def _note_unmatched(plays: Sequence[Play], used: Sequence[Play], reader: YamlReader, limit: str) -> None:
    """Plays that select no host of the inventory: none of their tasks is in the plan."""
    for play in plays:
        if play.hosts and play not in used:
            chosen = f" within --limit {limit}" if limit else ""
            reader.note(
                "play-without-match",
                play.file,
                f"has a play for `{plain(play.hosts)}`, which selects no host{chosen}: its tasks are not in the plan",
                "" if limit else "compare the pattern with the inventory's groups; another inventory is given with -i",
                play.source.line,
                Severity.NOTE if limit else Severity.WARNING,
            )


# -- evidence --------------------------------------------------------------------------------------------------------


def _read_evidence(
    names: Sequence[str], inventory: Inventory, layout: Layout, facts: Completion, problems: list[Problem]
) -> tuple[tuple[Host, ...], tuple[CronEntry, ...], tuple[object, ...]]:
    from analyzer.read.crons import read_crons
    from analyzer.read.crons.secrets import masked

    hosts: list[Host] = []
    crons: list[CronEntry] = []
    usages: list[object] = []
    for name in names:
        in_inventory = inventory.manager.get_host(name) is not None
        source = inventory.source_of_host(name) if in_inventory else None
        folder = layout.evidence / name if layout.evidence and is_folder_name(name) else None
        if folder is None or not folder.is_dir():
            hosts.append(_bare_host(name, inventory, facts))
            continue
        tree = Tree(folder, label=f"evidence/{name}")
        host, found = read_host(name, tree, source)
        host = facts.complete(replace(host, groups=inventory.groups_of(name)))
        entries, cron_problems = read_crons(host, tree)
        usage, metric_problems = _read_metrics(host, tree)
        problems += [*found, *cron_problems, *metric_problems, *tree.problems]
        hosts.append(host)
        crons += [masked(entry, inventory.book) for entry in entries]
        usages += usage
    return tuple(hosts), tuple(crons), tuple(usages)


def _bare_host(name: str, inventory: Inventory, facts: Completion) -> Host:
    """A host without evidence."""
    known = inventory.manager.get_host(name) is not None
    source = inventory.source_of_host(name) if known else Source("inventory")
    return facts.complete(Host(name=name, source=source, groups=inventory.groups_of(name)))


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
    base["ansible_run_tags"] = list(request.tags or ("all",))
    base["ansible_skip_tags"] = list(request.skip_tags)
    base["ansible_playbook_python"] = "/usr/bin/python3"
    varying = _varying(hosts, inventory, base, names)
    facts = {each.name: fact_variables(each) for each in hosts}
    run = Run(
        host=host.name,
        varying=varying,
        reader=reader,
        finder=finder,
        names=names,
        evaluator=Evaluator(inventory.loader),
        base=base,
        extra=extra,
        hide_root=lambda text: hide(inventory.root, text),
        variables_of=lambda name: {**inventory.variables_of(name), **facts.get(name, {})},
        combine=merge_variables if configuration.merge_hashes else replace_variables,
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
        PlayRun(
            run, play.file, data, PlayVariables(run, play.file, inventory.matching(plain(play.hosts)) or (host.name,))
        ).walk()
    tasks = [task for task in run.tasks if task.kind == "task"] + [task for task in run.tasks if task.kind == "handler"]
    if len(hosts) > 1:
        everywhere = tuple(each.name for each in hosts)
        tasks = [replace(task, hosts=everywhere) for task in tasks]
    return tuple(tasks), names


def _varying(
    hosts: Sequence[Host], inventory: Inventory, base: Mapping[str, Any], names: Names
) -> dict[str, tuple[Any, ...]]:
    """Inventory variables that differ between the hosts, each noted as a parameter with its values.

    The values of each stand in the same order of hosts: one of each kind, then the others.
    """
    kinds = inventory.kinds_of([host.name for host in hosts])[:MAX_KINDS]
    if len(hosts) < 2:
        return {}
    variables = [inventory.variables_of(kind[0]) for kind in kinds]
    compared = [*((kind[0], number) for number, kind in enumerate(kinds)),
                *((name, number) for number, kind in enumerate(kinds) for name in kind[1:])][:MAX_KINDS]  # fmt: skip
    names.compared = tuple(name for name, _number in compared)
    varying = _of_each_host(names.compared, {host.name: host for host in hosts})
    for name in sorted({name for each in variables for name in each}):
        values = [plain(each.get(name)) for each in variables]
        if name not in _OF_THE_HOST and any(value != values[0] for value in values[1:]):
            varying[name] = tuple(variables[number].get(name, ABSENT) for _name, number in compared)
            shown = tuple((kind[0], str(value)) for kind, value in zip(kinds, values, strict=True))
            source = inventory.source_of(base.get(name))
            names.parameters[name] = Parameter(
                name=name, source=source, values=shown, reason="differs between the hosts"
            )
    return varying


def _of_each_host(compared: Sequence[str], hosts: Mapping[str, Host]) -> dict[str, tuple[Any, ...]]:
    """What Ansible itself and the facts say of each host, where that differs."""
    own = [
        {
            "inventory_hostname": name,
            "inventory_hostname_short": name.partition(".")[0],
            "group_names": list(hosts[name].groups),
            **fact_variables(hosts[name]),
        }
        for name in compared
    ]
    found = {}
    for name in sorted({name for each in own for name in each}):
        values = tuple(each.get(name, ABSENT) for each in own)
        if any(value != values[0] for value in values[1:]):
            found[name] = values
    return found


MAX_KINDS = 50
"""Kinds of hosts of one application that are compared."""

_OF_THE_HOST = frozenset(
    "inventory_hostname inventory_hostname_short group_names inventory_file inventory_dir ansible_host ansible_port "
    "ansible_user ansible_connection "
    "ansible_ssh_host ansible_ssh_user ansible_ssh_private_key_file ansible_facts".split()
)
"""Variables that differ by their nature and say nothing of the application."""
