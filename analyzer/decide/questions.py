"""The open questions of a plan, blocking first, and the answers that match nothing any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from analyzer.model import Application, Decision, Job, Outcome, Plan, Problem, Question, Settings, Severity, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """One question that a person has not answered yet."""

    application: str
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


def open_questions(plan: Plan) -> tuple[OpenQuestion, ...]:
    """Every open question once, blocking ones first, then in the order of the applications and of the run.

    Tasks that share a subject share a question: it appears once, with the first task.
    """
    found: dict[tuple[str, str], OpenQuestion] = {}
    for application in plan.applications:
        for one in (*_of_decisions(application), *_of_jobs(application), *_of_sizes(application)):
            found.setdefault((application.name, one.question.id), one)
    return tuple(sorted(found.values(), key=lambda one: not one.question.blocking))


def _of_decisions(application: Application) -> Iterator[OpenQuestion]:
    for decision in application.decisions:
        if decision.question is not None and not decision.answered:
            yield OpenQuestion(
                application=application.name,
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
                application=application.name,
                question=job.question,
                subject=job.id,
                kind="cron",
                source=job.sources[0] if job.sources else None,
                default=job.question.answers[0] if job.question.answers else "",
                default_applied=job.outcome != "manual",
            )


def _of_sizes(application: Application) -> Iterator[OpenQuestion]:
    for definition in application.task_definitions:
        if definition.assumed:
            size = f"cpu: {definition.cpu}, memory: {definition.memory}"
            text = (
                f"No metrics speak for the size of {definition.name}; {definition.cpu} CPU units and"
                f" {definition.memory} MiB are an assumption. Which size shall it have?"
            )
            yield OpenQuestion(
                application=application.name,
                question=Question(id=f"size-{definition.name}", text=text, answers=(f"{{{size}}}",)),
                subject=definition.name,
                kind="size",
                source=None,
                default=f"{{{size}}}",
                default_applied=True,
            )


def stale_decisions(plan: Plan, settings: Settings) -> tuple[Problem, ...]:
    """A problem for each line of the decisions file that matches nothing in the plan (any more)."""
    decisions = [decision for application in plan.applications for decision in application.decisions]
    jobs = {job.id: job for application in plan.applications for job in application.jobs}
    subjects: tuple[Decision | Job, ...] = (*decisions, *jobs.values())
    asked = {one.question.id for one in subjects if one.question is not None}
    asked |= {answered for one in subjects for answered in one.answered_questions}
    definitions = {definition.name for application in plan.applications for definition in application.task_definitions}
    known = (
        ("answers", settings.answers, asked, "question"),
        ("jobs", {**settings.job_classes, **dict.fromkeys(settings.jobs_left_behind)}, set(jobs), "job"),
        ("task_definitions", settings.sizes, definitions, "task definition"),
    )
    problems = []
    for section, given, there, what in known:
        for name in sorted(set(given) - there):
            close = get_close_matches(name, sorted(there), n=1, cutoff=0.6)
            hint = f"did you mean {close[0]!r}?" if close else "remove the line, or correct its name"
            message = f"The decision {section}.{name} matches no {what} of the plan"
            message += " (any more)" if section == "answers" else ""
            source = settings.decided_at.get(f"{section}.{name}")
            problems.append(Problem(Severity.WARNING, "decision-stale", message, source, hint))
    return tuple(problems)
