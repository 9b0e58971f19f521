"""Every task and handler -> exactly one `Decision`, and the effects that are carried over, in the order of the run."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.decide.accounts import without_people
from analyzer.decide.answers import offered, question_id_of, with_answers
from analyzer.decide.bootstrap import without_bootstrap
from analyzer.decide.build_values import where_asked, with_build_values
from analyzer.decide.command_tasks import COMMAND_MODULES, SCRIPT_MODULES, command_parts, script_parts
from analyzer.decide.container_images import built_images, written_texts
from analyzer.decide.container_parts import as_processes
from analyzer.decide.handlers import with_their_tasks
from analyzer.decide.markers import has_parameters, readable, with_secrets, without_parameters
from analyzer.decide.module_tasks import module_parts
from analyzer.decide.mounts import by_mount, mounted_folders
from analyzer.decide.parts import DEMAND, Part, by_role, by_subject
from analyzer.model import (
    PARAMETER_OPEN,
    SECRET_OPEN,
    Decision,
    InstallPackages,
    Invocation,
    MakeGroup,
    MakeUser,
    Outcome,
    Problem,
    Question,
    ReleaseStep,
    RemovePath,
    RunCommand,
    Settings,
    Step,
    Task,
    Verdict,
    Via,
)
from analyzer.ruletypes import RulePack

_MARKS = (SECRET_OPEN, PARAMETER_OPEN)
CONTROLLER = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names by which playbooks mean the machine that runs Ansible."""
_NOTHING_THERE = (
    "A fresh machine has nothing there, and no task before it makes it: whether it applies or not, it removes nothing."
)
_ON_HOST = frozenset({Outcome.IMAGE, Outcome.PROCESS, Outcome.SECRET, Outcome.PLATFORM})


class TaskDecisions(Struct, frozen=True, kw_only=True):
    """What became of an application's tasks."""

    decisions: tuple[Decision, ...]
    """One a task, in the order given."""
    steps: tuple[Step, ...]
    """What is carried over, in the order of the run."""
    dropped: tuple[Step, ...]
    """What the playbook does to the host and the bundle leaves out on purpose; for drift."""
    problems: tuple[Problem, ...] = ()


def decide_tasks(
    tasks: Sequence[Task],
    pack: RulePack,
    settings: Settings,
    *,
    package_manager: str = "",
    assumed: bool = False,
    controller: bool = False,
    commands: Sequence[str] = (),
) -> TaskDecisions:
    """One decision for every task; what no rule knows is manual, with a question.

    `package_manager` (apt or dnf, from the hosts' facts) is what the module `package` uses there; without it the tasks
    themselves tell; `assumed`: it is no fact of theirs. `controller`: they run on Ansible's own machine, and
    other hosts are what the project is about.
    `commands`: what the hosts are seen to run beside what the tasks say.
    """
    manager = package_manager or _package_manager(tasks)
    decisions: list[Decision] = []
    steps: list[Step] = []
    dropped: list[Step] = []
    problems: list[Problem] = []
    ids = _question_ids(tasks)
    files = written_texts(tasks)
    around = Around(
        manager=manager,
        told_manager=package_manager,
        family_told=bool(package_manager) and not assumed,
        mounted=mounted_folders(tasks, _of_compose_files(files)),
        controller=controller,
        files=files,
        built=built_images(tasks),
    )
    asked = [list(_task_parts(task, pack, around, problems)) for task in tasks]
    for number, task in with_build_values(tasks).items():
        asked[number] = where_asked(asked[number], list(_task_parts(task, pack, around, [])), task)
    decided = without_people(tasks, asked, pack)
    decided = without_bootstrap(tasks, decided, pack, commands)
    for task, question_id, undecided in zip(tasks, ids, with_their_tasks(tasks, decided), strict=True):
        parts, settled = with_answers(undecided, question_id, task, settings, problems)
        decisions.append(_decision(task, [part for part, _ in parts], question_id, settled))
        for part, applies in parts:
            via = Via(rule=part.rule.id if part.rule else None, sources=(task.source,), note=_note(task, part, applies))
            steps.extend(Step(effect=effect, via=via, role=task.role, applies=applies) for effect in part.effects)
            dropped.extend(Step(effect=effect, via=via, role=task.role, applies=applies) for effect in part.dropped)
    return TaskDecisions(
        decisions=tuple(decisions), steps=tuple(steps), dropped=tuple(dropped), problems=tuple(problems)
    )


def _of_compose_files(files: Mapping[str, str]) -> Iterator[str]:
    if any("services:" in written for written in files.values()):
        from analyzer.decide.container_tasks import compose_paths

        yield from compose_paths(files)


class Around(Struct, frozen=True, kw_only=True):
    """What one task's decision depends on beside the task."""

    manager: str
    """apt or dnf: what `package` uses on these hosts."""
    told_manager: str
    """The same where the hosts' facts say it, else ""."""
    family_told: bool
    """Facts of the hosts say the family, and it is not assumed."""
    mounted: tuple[str, ...]
    """Folders of the host that containers mount."""
    controller: bool = False
    """The tasks run on Ansible's own machine beside the hosts that the project is about."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> text of what the tasks write and other tasks may read."""
    built: frozenset[str] = frozenset()
    """Images that tasks build on the host."""


def _task_parts(task: Task, pack: RulePack, around: Around, problems: list[Problem]) -> Iterator[tuple[Part, Verdict]]:
    if task.applies is Verdict.NO:
        yield (
            Part(outcome=Outcome.SKIPPED, rule=None, reason=task.applies_reason or "It does not apply to these hosts."),
            Verdict.NO,
        )
        return
    for invocation in task.invocations:
        if invocation.applies is Verdict.NO:
            reason = "Its condition does not hold for this item of the loop."
            yield Part(outcome=Outcome.SKIPPED, rule=None, reason=reason), Verdict.NO
            continue
        applies = Verdict.UNKNOWN if Verdict.UNKNOWN in (task.applies, invocation.applies) else Verdict.YES
        for part in _invocation_parts(task, invocation, pack, around, problems):
            yield (_when_unknown(part, task, around) if applies is Verdict.UNKNOWN else part), applies


def _invocation_parts(
    task: Task, invocation: Invocation, pack: RulePack, around: Around, problems: list[Problem]
) -> Iterator[Part]:
    if task.module in COMMAND_MODULES:
        parts = command_parts(task, invocation, pack, told_manager=around.told_manager, files=around.files)
    elif task.module in SCRIPT_MODULES:
        parts = script_parts(task, invocation, pack)
    else:
        parts = tuple(
            module_parts(
                task,
                invocation,
                pack,
                around.manager,
                problems,
                told_manager=around.told_manager,
                files=around.files,
            )
        )
    for part in parts:
        if (elsewhere := _elsewhere(part, task, around)) is not None:
            yield elsewhere
            continue
        for piece in by_subject(part, task, invocation, pack):
            placed_by_role = by_role(piece, task, pack)
            for one in as_processes(placed_by_role, around.built, several=len(task.invocations) > 1):
                placed = by_mount(one, invocation, around.mounted, pack)
                found = offered(without_parameters(with_secrets(placed)))
                yield replace(found, item=_label(invocation)) if len(task.invocations) > 1 else found


def _label(invocation: Invocation) -> str:
    """The item of a loop in a word, for reasons that differ between items."""
    item = invocation.item
    if isinstance(item, Mapping):
        item = next((item[key] for key in ("name", "key", "path", "dest", "src", "user") if key in item), None)
    plain = isinstance(item, str | int) and len(str(item)) <= 60 and not any(mark in str(item) for mark in _MARKS)
    return str(item) if plain else ""


def _package_manager(tasks: Sequence[Task]) -> str:
    """What `package` means on these hosts, as far as their other tasks say it."""
    rpm = (".dnf", ".yum", ".dnf5", ".rpm_key", ".yum_repository")
    used = Counter(
        "dnf" if task.module.endswith(rpm) else "apt"
        for task in tasks
        if task.applies is not Verdict.NO and task.module.endswith((*rpm, ".apt", ".apt_repository", ".apt_key"))
    )
    return "dnf" if used["dnf"] > used["apt"] else "apt"


def _elsewhere(part: Part, task: Task, around: Around) -> Part | None:
    """The part of a task that runs on another machine: what it changes is not the application's host."""
    delegated = isinstance(task.delegate_to, str) and bool(task.delegate_to) and task.delegate_to not in task.hosts
    if not delegated and not around.controller:
        return None
    if part.outcome not in _ON_HOST and not (part.outcome is Outcome.MANUAL and _of_a_file_system(part)):
        return None
    controller = not delegated or task.delegate_to in CONTROLLER
    place = "Ansible's own machine" if controller else f"the host {task.delegate_to}"
    why = "delegate_to" if delegated else "hosts: localhost"
    return replace(
        part,
        outcome=Outcome.CONTROL,
        reason=f"It runs on {place} ({why}); nothing of it is in the file system of the application's hosts.",
        effects=(),
        dropped=(),
        alternative=part.effects or part.alternative,
        question="",
        answers=(),
    )


def _of_a_file_system(part: Part) -> bool:
    """Whether what is asked is only what a machine's file system would hold, and not what happens elsewhere."""
    return (
        not part.question
        or (part.rule is not None and part.rule.outcome in _ON_HOST)
        or (part.rule is not None and part.rule.fallback and part.rule.pack == "files")
    )


def _when_unknown(part: Part, task: Task, around: Around) -> Part:
    """A part whose condition nobody could decide: carried over with a note, unless that could do harm."""
    if part.rule is not None and part.rule.of_hosts and around.family_told:
        reason = (
            f"Its condition could not be decided, but on these hosts the task fails: it is for others. {part.reason}"
        )
        return replace(part, outcome=Outcome.SKIPPED, reason=reason, question="", answers=(), shared_question=False)
    harmful = [effect for effect in part.effects if _harmful(effect)]
    if not harmful:
        return part
    if task.removes_nothing:
        return replace(part, outcome=Outcome.CONTROL, effects=(), reason=_NOTHING_THERE, question="", answers=())
    reason = task.applies_reason or "Its condition could not be decided."
    return replace(
        part,
        outcome=Outcome.MANUAL,
        effects=(),
        alternative=part.effects,
        reason=f"It applies only if a condition holds that could not be decided: {reason}",
        question=f"Does the condition hold on a fresh host? {reason}",
        answers=("drop", "image", "deploy"),
        shared_question=False,
    )


def _harmful(effect: object) -> bool:
    match effect:
        case RemovePath():
            return not effect.path.startswith("/tmp/")  # noqa: S108 - of the image, where nothing is left in it
        case InstallPackages(state="absent") | MakeUser(state="absent") | MakeGroup(state="absent"):
            return True
        case RunCommand(creates="", removes=""):
            return True
        case ReleaseStep():
            return False
        case _:
            return False


def _note(task: Task, part: Part, applies: Verdict) -> str:
    notes = []
    if applies is Verdict.UNKNOWN:
        notes.append(f"condition not decided: {task.applies_reason or 'unknown'}")
    if has_parameters(part):
        notes.append("holds a value that differs between hosts or environments")
    return "; ".join(notes)


def _decision(task: Task, parts: Sequence[Part], question_id: str, settled: tuple[str, ...]) -> Decision:
    demanding = sorted(parts, key=lambda part: DEMAND.index(part.outcome))
    main = demanding[0]
    asking = next((part for part in demanding if part.question), None)
    question = None
    if asking is not None:
        question = Question(
            id=question_id_of(asking, question_id),
            text=readable(asking.question),
            answers=asking.answers,
            blocking=bool(asking.rule and asking.rule.blocking),
        )
    return Decision(
        kind=task.kind,
        source=task.source,
        role=task.role,
        name=task.name,
        module=task.module,
        applies=task.applies,
        outcome=main.outcome,
        rule=main.rule.id if main.rule else None,
        reason=readable(_reason(task, main, parts)),
        question=question,
        answered=bool(settled) and question is None,
        answered_questions=settled,
    )


def _reason(task: Task, main: Part, parts: Sequence[Part]) -> str:
    """The main part's reason, then those of the other parts, each once with all that it is about."""
    about: dict[tuple[Outcome, str], list[Part]] = {(main.outcome, main.reason): []}
    for part in sorted(parts, key=lambda part: DEMAND.index(part.outcome)):
        about.setdefault((part.outcome, part.reason), []).append(part)
    said = []
    for (outcome, reason), alike in about.items():
        subjects = [part.subject or (part.item if len(about) > 1 else "") for part in alike]
        names = _some(tuple(dict.fromkeys(filter(None, subjects))))
        about_names = f"{names}: {reason}" if names else reason
        said.append(about_names if outcome is main.outcome else f"Partly {outcome}: {about_names}")
    if task.loop_unknown:
        said.append("The items of its loop are not known.")
    if task.applies is Verdict.UNKNOWN and main.outcome not in (Outcome.CONTROL, Outcome.MANUAL, Outcome.PLATFORM):
        said.append(
            f"Whether it applies could not be decided ({task.applies_reason or 'unknown'}); it is carried over."
        )
    return " ".join(said)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _question_ids(tasks: Sequence[Task]) -> list[str]:
    """A stable id for each task: from its role, name and, among equals, its arguments; never from its position."""
    names = [_slug(f"{task.role} {task.name}") for task in tasks]
    common = {name for name, count in Counter(names).items() if count > 1}
    ids: list[str] = []
    seen: Counter[str] = Counter()
    for task, name in zip(tasks, names, strict=True):
        unique = name
        if name in common or not name:
            shown = repr((task.module, [sorted(map(repr, one.args.items())) for one in task.invocations]))
            unique = f"{name or 'task'}-{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
        seen[unique] += 1
        ids.append(unique if seen[unique] == 1 else f"{unique}-{seen[unique]}")
    return ids


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:72].strip("-")
