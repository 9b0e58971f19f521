"""Accounts that exist only so that people can log in: they are left behind with their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from analyzer.decide.parts import Decided, Part
from analyzer.decide.values import text
from analyzer.model import (
    CheckoutCode,
    Effect,
    LanguagePackages,
    MakeGroup,
    MakeUser,
    Outcome,
    Ownership,
    ReleaseStep,
    RunCommand,
    Task,
    TaskSetting,
    Unknown,
    Verdict,
    WriteFile,
)
from analyzer.ruletypes import Rule, RulePack

_KEYS = "ansible.posix.authorized_key"
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]*")


def without_people(tasks: Sequence[Task], decided: Sequence[Decided], pack: RulePack) -> list[Decided]:
    """The parts of all tasks, with accounts that only log in (and groups that only those have) left behind."""
    people = set(_with_keys(tasks))
    keys = pack.rules_for(_KEYS)
    if not people or not keys:
        return list(decided)
    kept = [effect for parts in decided for part, _ in parts for effect in part.effects]
    users = people - set(_mentioned(kept)) - set(_run_as(tasks))
    groups = _groups_of(kept, users) - _groups_of(kept, None, but=users) - set(_mentioned(kept))
    return [[(_left_behind(part, users, groups, keys[0]), applies) for part, applies in parts] for parts in decided]


def _left_behind(part: Part, users: set[str], groups: set[str], rule: Rule) -> Part:
    names = [
        effect.name
        for effect in part.effects
        if (isinstance(effect, MakeUser) and effect.name in users)
        or (isinstance(effect, MakeGroup) and effect.name in groups)
    ]
    if not names or len(names) < len(part.effects):
        return part
    return replace(
        part,
        outcome=Outcome.PLATFORM,
        rule=rule,
        subject=f"account {', '.join(names)}",
        reason=f"No file, process or job of the application belongs to it. {rule.reason}",
        effects=(),
        dropped=(*part.dropped, *part.effects),
    )


def _with_keys(tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        if task.module.endswith(".authorized_key") and task.applies is not Verdict.NO:
            for invocation in task.invocations:
                user = invocation.args.get("user")
                if user is not None and not isinstance(user, Unknown) and text(user) != "root":
                    yield text(user)


def _run_as(tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        if task.become:
            yield task.become_user
        if task.module.endswith(".cron"):
            yield from (text(one.args.get("user")) for one in task.invocations)


def _mentioned(effects: Iterable[Effect]) -> Iterator[str]:
    """Names of accounts and groups that what is carried over belongs to, runs as or names."""
    for effect in effects:
        owner = getattr(effect, "ownership", None)
        if isinstance(owner, Ownership):
            yield from (owner.owner, owner.group)
        match effect:
            case RunCommand() | LanguagePackages() | CheckoutCode() | ReleaseStep() | TaskSetting():
                yield effect.user
            case WriteFile(content=content) if content.data is not None:
                yield from (word.decode() for word in _WORD.findall(content.data))
            case _:
                pass
        if isinstance(effect, RunCommand):
            command = effect.command if isinstance(effect.command, str) else " ".join(effect.command)
            yield from re.findall(r"[\w.-]+", command)


def _groups_of(effects: Iterable[Effect], users: set[str] | None, but: Iterable[str] = ()) -> set[str]:
    """Groups of the accounts `users`, or of all accounts but some."""
    return {
        group
        for effect in effects
        if isinstance(effect, MakeUser) and (effect.name not in but if users is None else effect.name in users)
        for group in (effect.group, *effect.groups)
        if group
    }
