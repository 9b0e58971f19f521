"""A plan whose texts for people are in another language; names, commands, paths, ids and answers stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from analyzer.decide.questions import open_questions
from analyzer.decide.sizing.result import Sizing
from analyzer.model import Application, Decision, Job, Plan, Problem

Translate: TypeAlias = Callable[[str], str]


def sayer(language: str, templates: Mapping[str, str]) -> Translate | None:
    """What puts English texts into `language`; None for English, in which everything is made."""
    if language == "en":
        return None
    from analyzer.render.translate import Translator, read_catalogue

    return Translator(read_catalogue(templates, language))


def translated_plan(plan: Plan, say: Translate) -> Plan:
    """`plan` with every reason, question, note, basis and problem as `say` puts it."""
    return replace(
        plan,
        applications=tuple(_application(one, say) for one in plan.applications),
        problems=translated_problems(plan.problems, say),
        question_texts={text: say(text) for one in open_questions(plan) for text in (one.question.text, one.alike)},
    )


def translated_problems(problems: tuple[Problem, ...], say: Translate) -> tuple[Problem, ...]:
    """Problems with message and hint in the language."""
    return tuple(replace(one, message=say(one.message), hint=say(one.hint)) for one in problems)


def _application(application: Application, say: Translate) -> Application:
    return replace(
        application,
        image=replace(application.image, notes=_all(application.image.notes, say)),
        decisions=tuple(_decision(one, say) for one in application.decisions),
        processes=tuple(replace(one, notes=_all(one.notes, say)) for one in application.processes),
        jobs=tuple(_job(one, say) for one in application.jobs),
        task_definitions=tuple(replace(one, basis=say(one.basis)) for one in application.task_definitions),
        secrets=tuple(replace(one, reason=say(one.reason)) for one in application.secrets),
        parameters=tuple(replace(one, reason=say(one.reason)) for one in application.parameters),
        drift=tuple(
            replace(one, details=say(one.details), proposal=say(one.proposal)) for one in application.drift
        ),
        costs=tuple(replace(one, basis=say(one.basis)) for one in application.costs),
        sizing=_sizing(application.sizing, say),
    )  # fmt: skip


def _sizing(sizing: object, say: Translate) -> object:
    if not isinstance(sizing, Sizing):
        return sizing
    return replace(
        sizing,
        jobs=tuple(replace(one, why=say(one.why)) for one in sizing.jobs),
        plots=tuple(replace(one, origin=say(one.origin)) for one in sizing.plots),
        price_basis=say(sizing.price_basis),
        cut_reason=say(sizing.cut_reason),
    )


def _decision(decision: Decision, say: Translate) -> Decision:
    return replace(decision, reason=say(decision.reason))


def _job(job: Job, say: Translate) -> Job:
    proof = job.equivalence
    return replace(
        job,
        reason=say(job.reason),
        equivalence=proof
        and replace(
            proof,
            method=say(proof.method),
            differences=tuple((instant, say(what)) for instant, what in proof.differences),
        ),
        footprint=replace(job.footprint, basis=say(job.footprint.basis), advice=say(job.footprint.advice)),
        notes=_all(job.notes, say),
    )


def _all(texts: tuple[str, ...], say: Translate) -> tuple[str, ...]:
    return tuple(say(text) for text in texts)
