"""Accounts that files, commands, processes and batches need and that no task makes: packages, people, absent roles did.

A build stops at `chown` to an account that is not there, and a container does not start as one. So the image makes
them, as the host's evidence describes them, unless a package has (no name tells whether one did: `httpd` brings
`apache`, `git` no `git`). What belongs to a data server's account goes where the server goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from analyzer.decide.image_accounts import BASE_ACCOUNTS
from analyzer.model import (
    Host,
    InstallPackages,
    Job,
    MakeGroup,
    MakeUser,
    Outcome,
    Ownership,
    Process,
    Source,
    Step,
    TaskSetting,
    Verdict,
    Via,
)

RULE = "users-needed"
"""The mark of these steps: an account that is there already is left alone."""

_DATA_SERVERS = re.compile(
    r"postgres|pgbouncer|mysql|mariadb|redis|valkey|mongod?b?|rabbitmq|elasticsearch|opensearch|memcached?|cassandra"
    r"|influxdb|couchdb|neo4j|solr|kafka|zookeeper"
)
_OF_DATA_SERVERS = "it belongs to the account {}: a data server's, and a managed service takes that server's place"
_NO_SERVER = re.compile(r"client|^lib|-dev(el)?$|^(python|php|ruby|perl)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")


class NeededAccounts(Struct, frozen=True):
    """What the image has to have beside what the playbook makes."""

    before: tuple[Step, ...]
    """The groups that the playbook's own accounts are in."""
    after: tuple[Step, ...]
    """The accounts and groups to make when those that the playbook gives a number have it, users first."""
    foreign: Mapping[str, tuple[str, Outcome]]
    """Path -> why it is left out: its account is not the application's."""


class _Use(Struct, frozen=True):
    name: str
    kind: str
    """user | group"""
    sources: tuple[Source, ...]
    path: str = ""


def needed_accounts(
    steps: Sequence[Step], processes: Sequence[Process], jobs: Sequence[Job], hosts: Sequence[Host]
) -> NeededAccounts:
    """Accounts that `steps`, `processes` and `jobs` use and nothing brings."""
    steps = [step for step in steps if step.applies is not Verdict.NO]
    users, groups = _made(steps)
    packages = [name for step in steps if isinstance(step.effect, InstallPackages) for name in step.effect.names]
    seen = {user.name: user for host in hosts for user in host.users}
    joined = {
        group
        for step in steps
        if isinstance(step.effect, MakeUser)
        for group in (step.effect.group, *step.effect.groups)
    }
    before: list[Step] = []
    after: list[Step] = []
    foreign: dict[str, tuple[str, Outcome]] = {}
    for use in sorted(_uses(steps, processes, jobs), key=lambda one: one.kind == "group"):
        there = users if use.kind == "user" else groups
        if use.name in there or use.name in BASE_ACCOUNTS or not _NAME.fullmatch(use.name):
            continue
        if _DATA_SERVERS.fullmatch(use.name):
            brought = any(use.name in name and not _NO_SERVER.search(name) for name in packages)
            if use.path and not brought:
                foreign[use.path] = (_OF_DATA_SERVERS.format(use.name), Outcome.INFRASTRUCTURE)
            continue
        note = "no task makes the account, and what is carried over needs it"
        via = Via(rule=RULE, sources=use.sources[:1], note=note)
        if use.kind == "user":
            known = seen.get(use.name)
            effect = MakeUser(
                name=use.name,
                uid=known.uid if known else None,
                home=known.home if known else "",
                shell=known.shell if known else "",
                group=use.name if use.name in joined else "",
            )
            users.add(use.name)
            after.append(Step(effect=effect, via=via))
        if use.kind == "group" or use.name in joined:
            group = Step(effect=MakeGroup(name=use.name), via=via)
            (before if use.name in joined else after).append(group)
        groups.add(use.name)
    return NeededAccounts(tuple(before), tuple(after), foreign)


def _made(steps: Iterable[Step]) -> tuple[set[str], set[str]]:
    users: set[str] = set()
    groups: set[str] = set()
    for step in steps:
        effect = step.effect
        if isinstance(effect, MakeGroup) and effect.state == "present":
            groups.add(effect.name)
        elif isinstance(effect, MakeUser) and effect.state == "present":
            users.add(effect.name)
            if not effect.group:  # with a group of another name useradd makes none of its own
                groups.add(effect.name)
    return users, groups


def _uses(steps: Sequence[Step], processes: Sequence[Process], jobs: Sequence[Job]) -> Iterator[_Use]:
    for step in steps:
        owner = getattr(step.effect, "ownership", None)
        path = str(getattr(step.effect, "path", "") or getattr(step.effect, "directory", "") or "")
        if isinstance(owner, Ownership):
            if owner.owner:
                yield _Use(owner.owner, "user", step.via.sources, path)
            if owner.group:
                yield _Use(owner.group, "group", step.via.sources, path)
        # a limit of a task definition holds whoever the process runs as
        user = "" if isinstance(step.effect, TaskSetting) else getattr(step.effect, "user", "")
        if isinstance(user, str) and user:
            yield _Use(user, "user", step.via.sources)
        if isinstance(step.effect, MakeUser):
            for group in (step.effect.group, *step.effect.groups):
                if group:
                    yield _Use(group, "group", step.via.sources)
    for process in processes:
        if process.user:
            yield _Use(process.user, "user", (process.source,))
    for job in jobs:
        if job.outcome == "schedule" and job.user:
            yield _Use(job.user, "user", job.sources)
