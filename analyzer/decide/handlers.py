"""Handlers that only serve tasks which are left behind are left behind with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from analyzer.decide.parts import DEMAND, MOVABLE, Decided, Part
from analyzer.model import Outcome, Task, Verdict


def with_their_tasks(tasks: Sequence[Task], decided: Sequence[Decided]) -> list[Decided]:
    """The parts of all tasks; a handler whose every notifier is the platform's becomes the platform's too."""
    outcomes: dict[str, set[Outcome]] = {}
    notifiers: dict[str, list[str]] = {}
    for task, parts in zip(tasks, decided, strict=True):
        if task.applies is not Verdict.NO:
            for name in task.notify:
                outcomes.setdefault(name, set()).add(_main(parts))
                notifiers.setdefault(name, []).append(task.name)
    found: list[Decided] = []
    for task, parts in zip(tasks, decided, strict=True):
        names = set(_names(task)) if task.kind == "handler" else set()
        reached = {outcome for name in names for outcome in outcomes.get(name, ())}
        if reached == {Outcome.PLATFORM} and _main(parts) in MOVABLE:
            by = list(dict.fromkeys(notifier for name in sorted(names) for notifier in notifiers.get(name, ())))
            found.append([(_left(part, by), applies) for part, applies in parts])
        else:
            found.append(list(parts))
    return found


def _left(part: Part, by: Sequence[str]) -> Part:
    if part.outcome not in MOVABLE:
        return part
    shown = ", ".join(by[:3]) + (f" and {len(by) - 3} more" if len(by) > 3 else "")
    return replace(
        part,
        outcome=Outcome.PLATFORM,
        reason=f"Only tasks that are left behind notify it ({shown}).",
        subject="",
        effects=(),
        dropped=(*part.dropped, *part.effects),
        question="",
        answers=(),
    )


def _names(task: Task) -> Iterable[str]:
    for name in (task.name, *task.listen):
        yield name
        yield f"{task.role} : {name}"


def _main(parts: Decided) -> Outcome:
    return min((part.outcome for part, _ in parts), key=DEMAND.index)
