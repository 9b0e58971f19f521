"""Reviewers' answers to the questions about tasks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from msgspec.structs import replace

from analyzer.decide.parts import Part
from analyzer.model import Infrastructure, Outcome, Problem, ReleaseStep, RunCommand, Settings, Severity, Task, Verdict

_ANSWERED = {
    "drop": Outcome.PLATFORM,
    **{str(outcome): outcome for outcome in Outcome if outcome is not Outcome.MANUAL},
}


def question_id_of(part: Part, task_id: str) -> str:
    """The question's id: the rule's own where it asks once for all tasks, else the task's."""
    if part.shared_question and part.rule:
        return part.rule.id
    return f"{task_id}-{re.sub(r'[^a-z0-9]+', '-', part.asks_for.lower()).strip('-')}" if part.asks_for else task_id


def with_answers(
    parts: list[tuple[Part, Verdict]], question_id: str, task: Task, settings: Settings, problems: list[Problem]
) -> tuple[list[tuple[Part, Verdict]], tuple[str, ...]]:
    """The parts after the reviewer's answers, and the ids of the questions that these settled."""
    done = []
    settled_ids: list[str] = []
    for part, applies in parts:
        answer = settings.answers.get(question_id_of(part, question_id)) if part.question else None
        if answer is None:
            done.append((part, applies))
            continue
        settled = _settle(part, answer, task)
        if settled is None and part.shared_question and answer == str(Outcome.IMAGE):
            own, ids = with_answers([(_not_known(part), applies)], question_id, task, settings, problems)
            settled_ids += [question_id_of(part, question_id), *ids]
            done += own
            continue
        if settled is None:
            problems.append(
                Problem(
                    Severity.ERROR,
                    "answer-not-understood",
                    f"The answer {answer!r} to {question_id_of(part, question_id)} cannot be carried out.",
                    task.source,
                    f"Answer one of {', '.join(part.answers)}, or image: COMMAND, or deploy: COMMAND.",
                )
            )
            done.append((part, applies))
            continue
        settled_ids.append(question_id_of(part, question_id))
        done.append((settled, Verdict.YES if settled.effects else applies))
    return done, tuple(dict.fromkeys(settled_ids))


def offered(part: Part) -> Part:
    """The part with the answers that can be carried out: nothing enters the image that is not known."""
    if part.shared_question or part.alternative or part.effects or str(Outcome.IMAGE) not in part.answers:
        return part
    return replace(part, answers=tuple(answer for answer in part.answers if answer != str(Outcome.IMAGE)))


def _not_known(part: Part) -> Part:
    """The part of a task whose kind a reviewer wants in the image, but nothing says what it would put there."""
    reason = "A reviewer answered that it belongs to the image, but what it would put there is not known."
    return replace(
        part,
        outcome=Outcome.MANUAL,
        reason=f"{reason} {part.reason}",
        question=f"{reason} Is it left out, or does the release do it?",
        answers=("drop", "deploy"),
        shared_question=False,
        effects=(),
    )


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
    if outcome is None or answer not in (*part.answers, "drop", "platform"):
        return None  # what was not offered may put a secret into a layer, or a daemon into a task
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
    if outcome is part.outcome:
        return replace(clear, outcome=outcome, effects=part.effects, dropped=part.dropped, reason=reason)
    if outcome is Outcome.INFRASTRUCTURE:
        left = tuple(effect for effect in known if not isinstance(effect, Infrastructure))
        kept = tuple(effect for effect in known if isinstance(effect, Infrastructure))
        return replace(clear, outcome=outcome, effects=kept, dropped=left, reason=reason)
    return replace(clear, outcome=outcome, effects=known, reason=reason)


def _shell(command: str | tuple[str, ...]) -> str:
    return command if isinstance(command, str) else shlex.join(command)
