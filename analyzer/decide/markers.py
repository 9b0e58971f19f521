"""Secrets and parameters in what is carried over: neither ever enters a step of the build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from analyzer.decide.parts import Part
from analyzer.model import (
    PARAMETER_CLOSE,
    PARAMETER_OPEN,
    SECRET_CLOSE,
    SECRET_OPEN,
    CheckoutCode,
    Download,
    EditFile,
    Effect,
    Infrastructure,
    LanguagePackages,
    Outcome,
    ReleaseStep,
    RunCommand,
    RunContainer,
    ScheduleJob,
    ServiceState,
    TaskSetting,
    Unpack,
    WriteFile,
)
from analyzer.model.data import texts_in

_PARAMETER = re.compile(f"{PARAMETER_OPEN}(.*?){PARAMETER_CLOSE}")
_MARKED = re.compile(f"{SECRET_OPEN}(.*?){SECRET_CLOSE}|{PARAMETER_OPEN}(.*?){PARAMETER_CLOSE}")


def marked(effect: Effect, marker: str) -> bool:
    """Whether the effect holds a secret or parameter marker anywhere, its file's content included."""
    return any(marker in text for text in texts_in(effect))


def with_secrets(part: Part) -> Part:
    """A file that holds a secret gets it at run time; a build step that holds one must not exist."""
    if part.outcome is Outcome.MANUAL or not any(marked(effect, SECRET_OPEN) for effect in part.effects):
        return part
    if any(
        isinstance(effect, RunCommand | LanguagePackages | Download | Unpack) and marked(effect, SECRET_OPEN)
        for effect in part.effects
    ):
        return replace(
            part,
            outcome=Outcome.MANUAL,
            effects=(),
            alternative=part.effects,
            reason="It needs a secret, and what the build runs stays readable in the image's layers.",
            question="The step needs a secret. Does it run at release time, or is it left out?",
            answers=("deploy", "drop"),
            shared_question=False,
        )
    if part.outcome in (Outcome.IMAGE, Outcome.PROCESS):
        return replace(
            part,
            outcome=Outcome.SECRET,
            reason=f"It holds a secret, which the container receives at run time. {part.reason}",
        )
    return part


def without_parameters(part: Part) -> Part:
    """What the build must know may not differ between hosts; files may, they are filled in at the start."""
    if part.outcome is Outcome.MANUAL:
        return part
    names = dict.fromkeys(name for effect in part.effects for name in _parameters_of_build(effect))
    if not names:
        return part
    reason = f"The build would have to know {', '.join(names)}, which differs between hosts or is defined nowhere."
    return replace(
        part,
        outcome=Outcome.MANUAL,
        effects=(),
        alternative=part.effects,
        reason=reason,
        question=f"{reason} Is the step left out, or does the release do it? "
        "A value under `variables` in the decisions file answers it for every task.",
        answers=("drop", "deploy"),
        shared_question=False,
    )


def _parameters_of_build(effect: Effect) -> Iterator[str]:
    match effect:
        case (
            TaskSetting()
            | Infrastructure()
            | ReleaseStep()
            | ScheduleJob()
            | ServiceState()
            | EditFile()
            | RunContainer()
        ):
            return
        case WriteFile():
            for text in (effect.path, *texts_in(effect.ownership)):
                yield from _PARAMETER.findall(text)
        case CheckoutCode(application=True):
            for text in (effect.path, effect.user):  # the code comes by COPY, wherever its repository is
                yield from _PARAMETER.findall(text)
        case _:
            for text in texts_in(effect):
                yield from _PARAMETER.findall(text)


def readable(text: str) -> str:
    """A text for people: markers of secrets and parameters become the names they stand for."""
    return _MARKED.sub(lambda match: f"${{{match[1] or match[2]}}}", text)


def has_parameters(part: Part) -> bool:
    """Whether a value that differs between hosts stands in what is carried over."""
    return any(marked(effect, PARAMETER_OPEN) for effect in part.effects)
