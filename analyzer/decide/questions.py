"""The open questions of a plan, blocking first, and the answers that match nothing any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.likeness import in_common
from analyzer.decide.processes_sockets import PORT_QUESTION, port_question
from analyzer.decide.schedules_host import ZONE_QUESTION
from analyzer.model import (
    Application,
    Decided,
    Decision,
    Job,
    Outcome,
    Plan,
    Problem,
    Question,
    Settings,
    Severity,
    Source,
)

_ZONES = "give the name of a time zone, as in Asia/Tokyo"
_SIZES = "choose a pair of CPU units and MiB from Fargate's table, e.g. 512/1024, 1024/2048, 2048/4096"


class OpenQuestion(Struct, frozen=True, kw_only=True):
    """One question that a person has not answered yet."""

    applications: tuple[str, ...]
    question: Question
    subject: str
    """What it is about: the task's, job's or task definition's name."""
    kind: Literal["task", "handler", "cron", "timer", "process", "package", "host", "size"]
    source: Source | None
    role: str = ""
    default: str = ""
    """The answer that is offered first, "" where only a person can word one."""
    default_applied: bool = False
    """True: the plan already goes by the default; False: nothing is done until somebody answers."""
    alike: str = ""
    """What it has in common with others (see `question_groups`)."""


def open_questions(plan: Plan) -> tuple[OpenQuestion, ...]:
    """Every open question once, blocking ones first, then in the order of the applications and of the run.

    Tasks and jobs that share a subject share a question, and so do applications that ask the same: it appears once,
    with the first task. (Two applications may ask differently under one id: their words are different questions.)
    """
    found: dict[tuple[str, str], OpenQuestion] = {}
    asked: set[tuple[str, str]] = set()
    said = plan.question_texts
    for application in plan.applications:
        for one in (
            *_of_decisions(application),
            *_of_processes(application),
            *_of_jobs(application),
            *_of_sizes(application),
        ):
            if (application.name, one.question.id) in asked:
                continue
            asked.add((application.name, one.question.id))
            key = (one.question.id, one.question.text)
            known = found.get(key)
            found[key] = (
                replace(known, applications=(*known.applications, application.name)) if known is not None else one
            )
    worded = []
    for one in found.values():
        text, alike = one.question.text, in_common(one.question.text)
        question = replace(one.question, text=said.get(text, text))
        worded.append(replace(one, question=question, alike=said.get(alike, alike)))
    return tuple(sorted(worded, key=lambda one: not one.question.blocking))


def _of_decisions(application: Application) -> Iterator[OpenQuestion]:
    for decision in application.decisions:
        if decision.question is not None and not decision.answered:
            yield OpenQuestion(
                applications=(application.name,),
                question=decision.question,
                subject=decision.name,
                kind=decision.kind,
                source=decision.source,
                role=decision.role,
                default=decision.question.answers[0] if decision.question.answers else "",
                default_applied=decision.outcome is not Outcome.MANUAL,
            )


def _of_jobs(application: Application) -> Iterator[OpenQuestion]:
    for job in application.jobs:
        if job.question is not None and job.question.id not in job.answered_questions:
            yield OpenQuestion(
                applications=(application.name,),
                question=job.question,
                subject=job.id,
                kind="cron",
                source=job.sources[0] if job.sources else None,
                default=job.question.answers[0] if job.question.answers else "",
                default_applied=job.outcome != "manual",
            )


def _of_processes(application: Application) -> Iterator[OpenQuestion]:
    for process in application.processes:
        if (question := port_question(process)) is not None:
            yield OpenQuestion(
                applications=(application.name,),
                question=question,
                subject=process.name,
                kind="process",
                source=process.source,
                default=question.answers[0],
            )


def _of_sizes(application: Application) -> Iterator[OpenQuestion]:
    """What the sizing asks, and every assumed size that it does not ask about."""
    asked = {question.id: question for question in getattr(application.sizing, "questions", ())}
    for definition in application.task_definitions:
        name = f"size:{definition.name}"
        if definition.assumed and name not in asked:
            size = f"{definition.cpu}/{definition.memory}"
            text = (
                f"No metrics speak for the size of {definition.name}; {definition.cpu} CPU units and"
                f" {definition.memory} MiB are an assumption. Which size shall it have?"
            )
            asked[name] = Question(id=name, text=text, answers=(size,))
    for question in asked.values():
        yield OpenQuestion(
            applications=(application.name,),
            question=question,
            subject=question.id.partition(":")[2] or question.id,
            kind="size",
            source=None,
            default=question.answers[0] if question.answers else "",
            default_applied=True,
        )


def stale_decisions(plan: Plan, settings: Settings) -> tuple[Problem, ...]:
    """A problem for each line of the decisions file that matches nothing in the plan (any more)."""
    decisions = [decision for application in plan.applications for decision in application.decisions]
    jobs = {job.id: job for application in plan.applications for job in application.jobs}
    subjects: tuple[Decision | Job, ...] = (*decisions, *jobs.values())
    asked = {one.question.id for one in subjects if one.question is not None}
    asked |= {answered for one in subjects for answered in one.answered_questions}
    definitions = {one.name: one for application in plan.applications for one in application.task_definitions}
    # Answers that need no question: sizes, and what a person may say about any job.
    asked |= {f"size:{name}" for name in definitions} | {"horizon_start"}
    asked |= {PORT_QUESTION for application in plan.applications for one in application.processes if one.name == "api"}
    asked |= {f"{what}:{job}" for job in jobs for what in ("class", "deadline", "retries")}
    known = (
        ("answers", _own_answers(settings), asked, "question"),
        ("jobs", _keys(settings, "jobs."), set(jobs), "job"),
        ("task_definitions", set(settings.sizes), set(definitions), "task definition"),
        ("applications", set(settings.application_names), _renamed(plan, settings), "application"),
    )
    problems = []
    for section, given, there, what in known:
        for name in sorted(given - there):
            close = get_close_matches(name, sorted(there), n=1, cutoff=0.6)
            hint = f"did you mean {close[0]!r}?" if close else "remove the line, or correct its name"
            message = f"The decision {section}.{name} matches no {what} of the plan"
            message += " (any more)" if section == "answers" else ""
            source = settings.decided_at.get(f"{section}.{name}")
            problems.append(Problem(Severity.WARNING, "decision-stale", message, source, hint))
    for name, size in sorted(settings.sizes.items()):
        found = definitions.get(name)
        if found is not None and (found.cpu, found.memory) != size:
            message = f"The size {size[0]}/{size[1]} of task_definitions.{name} is none that Fargate has; not applied"
            source = settings.decided_at.get(f"task_definitions.{name}")
            problems.append(Problem(Severity.ERROR, "size-not-legal", message, source, _SIZES))
    return tuple(problems)


def decided_lines(settings: Settings) -> tuple[Decided, ...]:
    """What the decisions file says, line by line."""
    return tuple(
        Decided(key=key, value=_said(key, settings), source=source) for key, source in settings.decided_at.items()
    )


def _said(key: str, settings: Settings) -> str:
    section, _, name = key.partition(".")
    if section == "answers":
        answer = settings.answers.get(name, "")
        return json.dumps(answer, ensure_ascii=False) if isinstance(answer, dict | list) else str(answer)
    if section == "task_definitions":
        return "/".join(map(str, settings.sizes.get(name, ())))
    if section == "jobs":
        parts = [str(settings.job_classes.get(name, "")), "leave_behind" if name in settings.jobs_left_behind else ""]
        parts += [
            f"{what} {settings.answers[f'{what}:{name}']}"
            for what in ("deadline", "retries")
            if f"{what}:{name}" in settings.answers
        ]
        return ", ".join(part for part in parts if part)
    if section == "applications":
        return settings.application_names.get(name, "")
    return "" if name else str(getattr(settings, section, ""))


def answers_without_effect(plan: Plan, settings: Settings) -> Iterator[Problem]:
    """A problem for each answer that left its question open, unless whoever asked has told it already."""
    told = " ".join(problem.message for problem in plan.problems if problem.code == "answer-not-understood")
    for one in open_questions(plan):
        name = one.question.id
        if name not in settings.answers or f" to {name} " in told:
            continue
        answer, answers = settings.answers[name], one.question.answers
        close = get_close_matches(str(answer), answers, n=1, cutoff=0.6)
        hint = f"Answer one of {', '.join(answers)}." if answers else "Only what its text asks for settles it."
        hint = _SIZES if name.startswith("size:") else _ZONES if name == ZONE_QUESTION else hint
        yield Problem(
            Severity.ERROR,
            "answer-not-understood",
            f"The answer {answer!r} to {name} cannot be carried out.",
            settings.decided_at.get(f"answers.{name}", one.source),
            f"did you mean {close[0]!r}?" if close else hint,
        )


def _renamed(plan: Plan, settings: Settings) -> set[str]:
    """Applications whose new name is in the plan."""
    names = {application.name for application in plan.applications}
    return {old for old, new in settings.application_names.items() if new in names}


def _keys(settings: Settings, section: str) -> set[str]:
    """What the decisions file says below `section`, by its lines."""
    return {name.removeprefix(section) for name in settings.decided_at if name.startswith(section)}


def _own_answers(settings: Settings) -> set[str]:
    """Answers that stand in the file as such; those that other sections stand for are checked there."""
    elsewhere = {f"size:{name}" for name in settings.sizes}
    elsewhere |= {f"{what}:{job}" for job in _keys(settings, "jobs.") for what in ("class", "deadline", "retries")}
    return {name for name in settings.answers if name not in elsewhere}
