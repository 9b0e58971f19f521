"""Every task and handler -> exactly one `Decision`, and the effects that are carried over, in the order of the run."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analyzer.decide.command_tasks import COMMAND_MODULES, command_parts
from analyzer.decide.effects import Refusal, build, told
from analyzer.decide.match import Undetermined, match
from analyzer.decide.parts import DEMAND, Part, by_role, by_subject, has_parameters, rule_part, with_secrets
from analyzer.model import (
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
    Severity,
    Step,
    Task,
    Value,
    Verdict,
    Via,
)
from analyzer.rulepack import Rule, RulePack

_CONTROLLER = frozenset({"localhost", "127.0.0.1", "::1"})
_ON_HOST = frozenset({Outcome.IMAGE, Outcome.PROCESS, Outcome.SECRET, Outcome.PLATFORM})
_ANSWERED = {
    "drop": Outcome.PLATFORM,
    **{str(outcome): outcome for outcome in Outcome if outcome is not Outcome.MANUAL},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDecisions:
    """What became of an application's tasks."""

    decisions: tuple[Decision, ...]
    """One a task, in the order given."""
    steps: tuple[Step, ...]
    """What is carried over, in the order of the run."""
    dropped: tuple[Step, ...]
    """What the playbook does to the host and the bundle leaves out on purpose; for drift."""
    problems: tuple[Problem, ...] = ()


def decide_tasks(
    tasks: Sequence[Task], pack: RulePack, settings: Settings, *, package_manager: str = ""
) -> TaskDecisions:
    """One decision for every task; what no rule knows is manual, with a question.

    `package_manager` (apt or dnf, from the hosts' facts) is what the module `package` uses there; without it the tasks
    themselves tell.
    """
    manager = package_manager or _package_manager(tasks)
    decisions: list[Decision] = []
    steps: list[Step] = []
    dropped: list[Step] = []
    problems: list[Problem] = []
    ids = _question_ids(tasks)
    for task, question_id in zip(tasks, ids, strict=True):
        parts, found = _answered(
            list(_task_parts(task, pack, manager, problems)), question_id, task, settings, problems
        )
        decisions.append(_decision(task, [part for part, _ in parts], question_id, answered=found))
        for part, applies in parts:
            via = Via(rule=part.rule.id if part.rule else None, sources=(task.source,), note=_note(task, part, applies))
            steps.extend(Step(effect=effect, via=via, role=task.role, applies=applies) for effect in part.effects)
            dropped.extend(Step(effect=effect, via=via, role=task.role, applies=applies) for effect in part.dropped)
    return TaskDecisions(
        decisions=tuple(decisions), steps=tuple(steps), dropped=tuple(dropped), problems=tuple(problems)
    )


def _task_parts(task: Task, pack: RulePack, manager: str, problems: list[Problem]) -> Iterator[tuple[Part, Verdict]]:
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
        for part in _invocation_parts(task, invocation, pack, manager, problems):
            yield (_when_unknown(part, task) if applies is Verdict.UNKNOWN else part), applies


def _invocation_parts(
    task: Task, invocation: Invocation, pack: RulePack, manager: str, problems: list[Problem]
) -> Iterator[Part]:
    if task.module in COMMAND_MODULES:
        parts = command_parts(task, invocation, pack)
    else:
        parts = (_by_module(task, invocation, pack, manager, problems),)
    for part in parts:
        if (elsewhere := _elsewhere(part, task)) is not None:
            yield elsewhere
            continue
        for piece in by_subject(part, task, invocation, pack):
            yield with_secrets(by_role(piece, task, pack))


def _by_module(task: Task, invocation: Invocation, pack: RulePack, manager: str, problems: list[Problem]) -> Part:
    rules = pack.rules_for(task.module)
    if not rules:
        return _no_rule(task)
    matched: list[tuple[Rule, Mapping[str, Value]]] = []
    undetermined: list[tuple[Rule, Undetermined]] = []
    for rule in rules:
        found = match(rule, invocation.args)
        if isinstance(found, Undetermined):
            undetermined.append((rule, found))
        elif found is not None:
            matched.append((rule, found))
    strict = [pair for pair in matched if not pair[0].fallback]
    if len(strict) > 1:
        names = ", ".join(rule.id for rule, _ in strict)
        problems.append(
            Problem(
                Severity.ERROR,
                "rules-conflict",
                f"Two rules match {task.module}: {names}. The first was taken.",
                task.source,
                "Report it: the rule packs contradict each other.",
            )
        )
    if not strict and undetermined:
        rule, missing = undetermined[0]
        told_unknown = "; ".join(f"{name}: {told(unknown)}" for name, unknown in missing.unknown)
        return _refused(rule, f"What only the host knows decides here: {told_unknown}")
    if not (strict or matched):
        return _no_rule(task, ", ".join(rule.id for rule in rules))
    rule, bindings = (strict or matched)[0]
    built = build(
        rule.emit,
        {**bindings, "host.package_manager": manager, "subject": task.module.rsplit(".", 1)[-1]},
        task,
        invocation,
    )
    if isinstance(built, Refusal):
        return _refused(rule, built.reason)
    part = rule_part(rule, built.effects)
    return replace(part, reason=f"{part.reason} ({'; '.join(built.notes)})") if built.notes else part


def _package_manager(tasks: Sequence[Task]) -> str:
    """What `package` means on these hosts, as far as their other tasks say it."""
    rpm = (".dnf", ".yum", ".dnf5", ".rpm_key", ".yum_repository")
    used = Counter(
        "dnf" if task.module.endswith(rpm) else "apt"
        for task in tasks
        if task.applies is not Verdict.NO and task.module.endswith((*rpm, ".apt", ".apt_repository", ".apt_key"))
    )
    return "dnf" if used["dnf"] > used["apt"] else "apt"


def _refused(rule: Rule, reason: str) -> Part:
    return Part(
        outcome=Outcome.MANUAL,
        rule=rule,
        reason=reason,
        question=f"{reason}. Is it left out, or does the release do it?",
        answers=("drop", "deploy"),
    )


def _no_rule(task: Task, rules: str = "") -> Part:
    reason = f"No rule covers these arguments ({rules})." if rules else f"No rule knows the module {task.module}."
    return Part(
        outcome=Outcome.MANUAL,
        rule=None,
        reason=reason,
        question=f"What becomes of this task? {reason}",
        answers=("drop", "deploy", "infrastructure"),
    )


def _elsewhere(part: Part, task: Task) -> Part | None:
    """The part of a task that is delegated: what it changes is not the application's host."""
    if not isinstance(task.delegate_to, str) or not task.delegate_to or task.delegate_to in task.hosts:
        return None
    if part.outcome not in _ON_HOST and not (part.outcome is Outcome.MANUAL and not part.question):
        return None
    place = "Ansible's own machine" if task.delegate_to in _CONTROLLER else f"the host {task.delegate_to}"
    return replace(
        part,
        outcome=Outcome.CONTROL,
        reason=f"It runs on {place} (delegate_to); nothing of it is in the file system of the application's hosts.",
        effects=(),
        dropped=(),
        alternative=part.effects or part.alternative,
        question="",
        answers=(),
    )


def _when_unknown(part: Part, task: Task) -> Part:
    """A part whose condition nobody could decide: carried over with a note, unless that could do harm."""
    harmful = [effect for effect in part.effects if _harmful(effect)]
    if not harmful:
        return part
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
            return True
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


def _decision(task: Task, parts: Sequence[Part], question_id: str, *, answered: bool) -> Decision:
    main = min(parts, key=lambda part: DEMAND.index(part.outcome))
    question = None
    if main.question and not answered:
        question = Question(
            id=_id_of(main, question_id),
            text=main.question,
            answers=main.answers,
            blocking=bool(main.rule and main.rule.blocking),
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
        reason=_reason(task, main, parts),
        question=question,
        answered=answered,
    )


def _reason(task: Task, main: Part, parts: Sequence[Part]) -> str:
    said = [main.reason]
    others = Counter(part.reason if part.outcome is not main.outcome else "" for part in parts)
    for part in parts:
        if part is not main and part.outcome is not main.outcome and others.pop(part.reason, 0):
            said.append(f"Partly {part.outcome}: {part.reason}")
        elif part is not main and part.outcome is main.outcome and part.reason not in said:
            said.append(part.reason)
    if task.loop_unknown:
        said.append("The items of its loop are not known.")
    if task.applies is Verdict.UNKNOWN and main.outcome not in (Outcome.CONTROL, Outcome.MANUAL, Outcome.PLATFORM):
        said.append(
            f"Whether it applies could not be decided ({task.applies_reason or 'unknown'}); it is carried over."
        )
    return " ".join(said)


def _answered(
    parts: list[tuple[Part, Verdict]], question_id: str, task: Task, settings: Settings, problems: list[Problem]
) -> tuple[list[tuple[Part, Verdict]], bool]:
    """The parts after the reviewer's answers."""
    done = []
    found = False
    for part, applies in parts:
        answer = settings.answers.get(_id_of(part, question_id)) if part.question else None
        if answer is None:
            done.append((part, applies))
            continue
        settled = _settle(part, answer, task)
        if settled is None:
            problems.append(
                Problem(
                    Severity.ERROR,
                    "answer-not-understood",
                    f"The answer {answer!r} to {_id_of(part, question_id)} cannot be carried out.",
                    task.source,
                    f"Answer one of {', '.join(part.answers)}, or image: COMMAND, or deploy: COMMAND.",
                )
            )
            done.append((part, applies))
            continue
        found = True
        done.append((settled, Verdict.YES if settled.effects else applies))
    return done, found and not any(part.question and part.outcome is Outcome.MANUAL for part, _ in done)


def _settle(part: Part, answer: object, task: Task) -> Part | None:
    """The part that an answer makes; None for an answer that cannot be carried out."""
    clear = replace(part, question="", answers=(), effects=(), dropped=())
    if isinstance(answer, Mapping) and len(answer) == 1:
        ((where, command),) = answer.items()
        effect = (
            RunCommand(command=str(command))
            if where == "image"
            else ReleaseStep(name=task.name, command=str(command))
            if where == "deploy"
            else None
        )
        if effect is None:
            return None
        return replace(
            clear, outcome=_ANSWERED[str(where)], effects=(effect,), reason=f"A reviewer's command: {command}"
        )
    outcome = _ANSWERED.get(str(answer))
    if outcome is None:
        return None
    known = part.effects or part.alternative
    reason = f"A reviewer answered {answer!r}. {part.reason}"
    if outcome in (Outcome.PLATFORM, Outcome.CONTROL, Outcome.SKIPPED):
        return replace(clear, outcome=outcome, dropped=known, reason=reason)
    if outcome is Outcome.IMAGE:
        return replace(clear, outcome=outcome, effects=part.alternative, reason=reason) if part.alternative else None
    if outcome is Outcome.DEPLOY:
        commands = tuple(
            ReleaseStep(name=task.name, command=_shell(effect.command), directory=effect.directory, user=effect.user)
            for effect in known
            if isinstance(effect, RunCommand)
        )
        return replace(clear, outcome=outcome, effects=commands, reason=reason)
    return replace(clear, outcome=outcome, effects=known, reason=reason)


def _shell(command: str | tuple[str, ...]) -> str:
    import shlex

    return command if isinstance(command, str) else shlex.join(command)


def _id_of(part: Part, question_id: str) -> str:
    return part.rule.id if part.shared_question and part.rule else question_id


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
