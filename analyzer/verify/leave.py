"""What the second run of the playbook leaves out: exactly what the plan says is not in the image, and nothing else.

The image has to equal the host that this second run makes. Where the plan's decision and the image disagree, nothing is
left out for it, so the difference shows as unexplained.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import (
    Application,
    Decision,
    InstallPackages,
    LeftOut,
    MakeGroup,
    MakeUser,
    Outcome,
    Source,
    Step,
    Task,
    Unknown,
    Value,
    Verdict,
)

KEPT = frozenset({Outcome.IMAGE, Outcome.SECRET, Outcome.CONTROL, Outcome.SKIPPED})
"""Tasks that the second run runs; `skipped` ones too: their own condition stops them, or the plan is wrong."""

_NAMES = ("name", "pkg", "package", "path", "dest", "user", "group")


class Numbers(Struct, frozen=True, kw_only=True):
    """Numbers of an account or group in the image; None where the task says it, or nothing does."""

    uid: int | None = None
    gid: int | None = None
    own_group: bool = False
    """The group `gid` is made for the account, under its name."""

    @property
    def reason(self) -> str:
        """Why the image has them."""
        given = [f"{kind} {number}" for kind, number in (("user id", self.uid), ("group id", self.gid)) if number]
        return f"the image gives it {' and '.join(given)}: its files lie on a shared file system, which knows numbers"


class Leave(Struct, frozen=True, kw_only=True):
    """Places of the playbook, and what becomes of them in the second run."""

    skip: frozenset[Source] = frozenset()
    """Tasks that do not run."""
    force: frozenset[Source] = frozenset()
    """Tasks whose condition only the host knows: the image has them, so the second run takes it for true."""
    parts: Mapping[Source, Mapping[str, LeftOut]] = field(default_factory=dict)
    """Task that runs without some of what it names -> package, account or path -> why."""

    numbers: Mapping[Source, Mapping[str, Numbers]] = field(default_factory=dict)
    """Task -> account or group that the image makes under a number which the task does not say."""

    def of(self, source: Source) -> bool:
        """Whether the second run does something else at this place."""
        return source in self.skip or source in self.force or source in self.parts or source in self.numbers


def leave(plan: Application, tasks: Sequence[Task]) -> Leave:
    """What the plan leaves out of the image."""
    decisions: dict[Source, list[Decision]] = {}
    for decision in plan.decisions:
        if decision.kind in ("task", "handler"):
            decisions.setdefault(decision.source, []).append(decision)
    carried = _carried(plan.steps)
    skip = {
        source for source, found in decisions.items() if all(not _is_kept(each, source in carried) for each in found)
    }
    force = {
        decision.source
        for found in decisions.values()
        for decision in found
        if decision.applies is Verdict.UNKNOWN and decision.outcome in (Outcome.IMAGE, Outcome.SECRET)
    } - skip
    parts: dict[Source, dict[str, LeftOut]] = {}
    for left in plan.image.left_out:
        if left.source in skip or left.outcome is Outcome.MANUAL:
            continue
        what = left.what.removeprefix("package ")
        parts.setdefault(left.source, {})[what.rstrip("/") if what.startswith("/") else what] = left
    for task in tasks:
        for decision in decisions.get(task.source, ()):
            if decision.outcome in KEPT:
                for name in given(task) - carried.get(task.source, set()):
                    if found := _said(decision, name):
                        parts.setdefault(task.source, {}).setdefault(name, found)
    return Leave(skip=frozenset(skip), force=frozenset(force), parts=parts, numbers=_numbers(plan.steps, tasks))


def _numbers(steps: Iterable[Step], tasks: Sequence[Task]) -> dict[Source, dict[str, Numbers]]:
    """What the plan says of accounts beyond the tasks that make them."""
    told = {
        (task.source, str(one.args.get("name", one.args.get("user"))), key)
        for task in tasks
        for one in task.invocations
        for key in ("uid", "gid")
        if one.args.get(key) is not None
    }
    makes_users = {task.source for task in tasks if task.module.rpartition(".")[2] == "user"}
    found: dict[Source, dict[str, Numbers]] = {}
    for step in steps:
        effect = step.effect
        source = step.via.sources[0] if step.via.sources else None
        if source is None or not isinstance(effect, MakeUser | MakeGroup):
            continue
        before = found.get(source, {}).get(effect.name, Numbers())
        now = before
        if isinstance(effect, MakeGroup) and effect.gid is not None and (source, effect.name, "gid") not in told:
            now = replace(before, gid=effect.gid, own_group=source in makes_users)
        if isinstance(effect, MakeUser) and effect.uid is not None and (source, effect.name, "uid") not in told:
            now = replace(before, uid=effect.uid)
        if now != before:
            found.setdefault(source, {})[effect.name] = now
    return found


def _is_kept(decision: Decision, carried: bool) -> bool:
    """Whether the second run runs the task; a secret's, where the image writes its file when a container starts."""
    return decision.outcome in KEPT and (decision.outcome is not Outcome.SECRET or carried)


def _carried(steps: Iterable[Step]) -> dict[Source, set[str]]:
    """What each task's effects name."""
    carried: dict[Source, set[str]] = {}
    for step in steps:
        if not step.via.sources:
            continue
        names = carried.setdefault(step.via.sources[0], set())
        match step.effect:
            case InstallPackages(names=found):
                names.update(found)
            case MakeUser(name=name) | MakeGroup(name=name):
                names.add(name)
            case effect if isinstance(path := getattr(effect, "path", None), str):
                names.add(path.rstrip("/"))
    return carried


def given(task: Task) -> set[str]:
    """Names and paths in the arguments of a task."""
    return {
        text.rstrip("/") if text.startswith("/") else text
        for invocation in task.invocations
        for key in _NAMES
        for text in texts(invocation.args.get(key))
    }


def _said(decision: Decision, name: str) -> LeftOut | None:
    """Where a decision's reason says outright that `name` does not enter the image, what it says."""
    for match in re.finditer(r"Partly ([\w-]+): (.*?)(?= Partly |$)", decision.reason, re.DOTALL):
        if match[1] in {each.value for each in Outcome} and re.search(
            rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", match[2]
        ):
            return LeftOut(source=decision.source, what=name, reason=match[2], outcome=Outcome(match[1]))
    return None


def texts(value: Value) -> list[str]:
    """The known texts in an argument, a list's one by one."""
    if isinstance(value, Unknown) or value is None:
        return []
    if isinstance(value, tuple):
        return [text for each in value for text in texts(each)]
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return []
