"""Decisions of tasks, settled once the image is known: what a rule gave to the image and the image does without."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from analyzer.model import (
    CheckoutCode,
    Decision,
    Download,
    EditFile,
    Image,
    ImageProposal,
    InstallPackages,
    LanguagePackages,
    LeftOut,
    MakeDirectory,
    MakeGroup,
    MakeLink,
    MakeUser,
    Outcome,
    PackageRepository,
    Problem,
    Question,
    RemovePath,
    RunCommand,
    SetTimezone,
    Severity,
    Source,
    Step,
    TouchFile,
    Unpack,
    Verdict,
    WriteFile,
)

_OF_THE_IMAGE = (
    CheckoutCode,
    Download,
    EditFile,
    LanguagePackages,
    MakeDirectory,
    MakeGroup,
    MakeLink,
    MakeUser,
    PackageRepository,
    RemovePath,
    RunCommand,
    SetTimezone,
    TouchFile,
    Unpack,
    WriteFile,
)


def settle_decisions(
    decisions: Iterable[Decision],
    steps: Sequence[Step],
    image: Image,
    answers: Mapping[str, object] = MappingProxyType({}),
) -> tuple[Decision, ...]:
    """`decisions` with the outcome that is true: a task of which nothing entered the image is not `image`.

    A task of which a part is left out keeps its outcome and says in its reason what is missing. `answers` are the
    reviewers' to what the image cannot be given.
    """
    effects: dict[Source, int] = {}
    for step in steps:
        if step.applies == Verdict.NO or not step.via.sources:
            continue
        source = step.via.sources[0]
        if isinstance(step.effect, InstallPackages):
            effects[source] = effects.get(source, 0) + len(step.effect.names)
        elif isinstance(step.effect, _OF_THE_IMAGE):
            effects[source] = effects.get(source, 0) + 1
    gone: dict[Source, list[LeftOut]] = {}
    for each in image.left_out:
        gone.setdefault(each.source, []).append(each)
    settled = (
        _settled(decision, gone[decision.source], effects.get(decision.source, 0), answers)
        if decision.source in gone and decision.kind in ("task", "handler")
        else decision
        for decision in decisions
    )
    proposals = {each.source: each for each in image.proposals}
    return tuple(
        _proposed(decision, proposals[decision.source])
        if decision.source in proposals and decision.kind == "task"
        else decision
        for decision in settled
    )


def _proposed(decision: Decision, proposal: ImageProposal) -> Decision:
    """The decision with what is proposed beside it, or what a reviewer answered to that."""
    reason = f"{decision.reason} {proposal.reason}".strip()
    question = proposal.question
    if question is None:
        return replace(decision, reason=reason)
    if proposal.answer in question.answers:
        answered = (*decision.answered_questions, question.id)
        return replace(decision, reason=reason, answered_questions=answered)
    return replace(decision, reason=reason, question=decision.question or question)


def proposal_problems(image: Image) -> tuple[Problem, ...]:
    """Answers to proposals that cannot be carried out."""
    return tuple(
        Problem(
            Severity.ERROR,
            "answer-not-understood",
            f"The answer {each.answer!r} to {each.question.id} cannot be carried out.",
            each.source,
            f"Answer one of {', '.join(each.question.answers)}.",
        )
        for each in image.proposals
        if each.question is not None and each.answer is not None and each.answer not in each.question.answers
    )


_ANSWERS = MappingProxyType({"drop": Outcome.PLATFORM, "deploy": Outcome.DEPLOY})
"""What a reviewer may say of a thing that the image cannot be given."""


def _settled(decision: Decision, left_out: Sequence[LeftOut], effects: int, answers: Mapping[str, object]) -> Decision:
    failed = [each for each in left_out if each.outcome is Outcome.MANUAL]
    if failed and decision.outcome in (Outcome.IMAGE, Outcome.SECRET):
        text = "; ".join(f"{each.what}: {each.reason}" for each in failed)
        question = decision.question or Question(
            id=_question_id(decision, failed),
            text=f"The image cannot be given this as it stands ({text}). Is it left out, or does the release do it?",
            answers=tuple(_ANSWERS),
        )
        answer = answers.get(question.id)
        if decision.question is None and answer in _ANSWERS:
            reason = f"A reviewer answered {answer!r}. {text}. {decision.reason}"
            return replace(
                decision,
                outcome=_ANSWERS[str(answer)],
                reason=reason,
                answered=True,
                answered_questions=(*decision.answered_questions, question.id),
            )
        return replace(decision, outcome=Outcome.MANUAL, reason=f"{text}. {decision.reason}", question=question)
    if decision.outcome is not Outcome.IMAGE:
        return decision
    reasons = "; ".join(dict.fromkeys(f"{each.what}: {each.reason}" for each in left_out))
    if len(left_out) < effects:
        return replace(decision, reason=f"{decision.reason} Left out of it: {reasons}.")
    outcome = max((each.outcome for each in left_out), key=lambda each: (each is not Outcome.PLATFORM, each.value))
    return replace(decision, outcome=outcome, reason=f"{reasons}.")


def _question_id(decision: Decision, left_out: Sequence[LeftOut]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", decision.name.lower()).strip("-")[:40]
    text = "\n".join((decision.module, decision.name, *(each.what for each in left_out)))
    return f"image-{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
