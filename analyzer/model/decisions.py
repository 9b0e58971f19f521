"""Decisions: what became of everything that was read, and what a person must say."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from analyzer.model.basics import Source, Verdict


class Outcome(StrEnum):
    """What became of something that was read; exactly one each (contract, section 4)."""

    IMAGE = "image"
    PROCESS = "process"
    TASK_DEFINITION = "task-definition"
    SCHEDULE = "schedule"
    INFRASTRUCTURE = "infrastructure"
    SECRET = "secret"
    DEPLOY = "deploy"
    PLATFORM = "platform"
    CONTROL = "control"
    SKIPPED = "skipped"
    MANUAL = "manual"


class Output(Struct, frozen=True, kw_only=True):
    """A line or JSON pointer of the bundle that a decision made."""

    file: str
    line: int | None = None
    pointer: str | None = None


class Question(Struct, frozen=True, kw_only=True):
    """What a person must say, with answers offered."""

    id: str
    """Stable over re-runs: made from application, kind and source text, never from a position."""
    text: str
    answers: tuple[str, ...] = ()
    """Ready answers; the first is the default."""
    blocking: bool = False


class Decision(Struct, frozen=True, kw_only=True):
    """The one decision for one thing that was read."""

    kind: Literal["task", "handler", "cron", "timer", "process", "package", "host"]
    source: Source
    role: str = ""
    name: str
    module: str = ""
    applies: Verdict = Verdict.YES
    outcome: Outcome
    rule: str | None
    """None: no rule knows it."""
    reason: str
    outputs: tuple[Output, ...] = ()
    question: Question | None = None
    answered: bool = False
    answered_questions: tuple[str, ...] = ()
    """Ids of the questions that a person's answer settled here; an answer that is listed nowhere is stale."""
