"""What open questions have in common, so that a person answers a hundred of them as a few."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from analyzer.decide.questions import OpenQuestion

_CAUSE = re.compile(r"\(((?:[^()]|\([^()]*\))+)\)(?=[.;]|$)")
"""The reason in brackets at the end of a clause: `… (no evidence gives the fact x).`"""
_PLACE = re.compile(r"\{\{.*?\}\}|[^\s'\"(]*/[^\s,;)]+", re.DOTALL)
_VALUE = re.compile(
    r"`[^`]*`|\{\{.*?\}\}|'[^']*'|\"[^\"]*\"|<[^<>]*>|[^\s(]*[/_][^\s)]*\w|\b\w+\.\w[\w.]*|\d+(?:\.\d+)?", re.DOTALL
)


def in_common(text: str) -> str:
    """The cause that a question names, else its text with `…` for paths, names, quotations and numbers."""
    causes = {_PLACE.sub("…", one) for one in _CAUSE.findall(text) if len(one.split()) > 2}
    if causes:
        return "; ".join(sorted(causes)).rstrip(".")
    shape = re.sub(r"\b\w+: …", "…", _VALUE.sub("…", text))
    return re.sub(r"…(?:[\s,+|]*…)+", "…", shape)


class QuestionGroup(Struct, frozen=True):
    """Open questions that the same answer may settle."""

    alike: str
    """What they have in common; "" where there is one only."""
    questions: tuple[OpenQuestion, ...]


def question_groups(questions: Sequence[OpenQuestion]) -> tuple[QuestionGroup, ...]:
    """The questions by application, what they have in common, and answers: blocking first, then in their order."""
    found: dict[tuple[object, ...], list[OpenQuestion]] = {}
    for one in questions:
        key = (not one.question.blocking, one.applications, one.alike, one.question.answers)
        found.setdefault(key, []).append(one)
    return tuple(
        QuestionGroup(members[0].alike if len(members) > 1 else "", tuple(members))
        for _, members in sorted(found.items(), key=lambda item: item[0][0] is True)
    )
