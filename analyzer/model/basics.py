"""Places and problems, and values that are known, unknown or secret."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from msgspec import Struct


class Source(Struct, frozen=True, order=True):
    """A place in the input (or in a rule pack)."""

    file: str
    """POSIX path relative to the project's root (evidence: relative to the folder that holds the evidence tree's
    parent, so it reads `evidence/acct01/fs/etc/crontab`)."""
    line: int = 1
    """1-based."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Severity(StrEnum):
    """How much a `Problem` matters: an error lost input, a warning may mislead, a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Problem(Struct, frozen=True, order=True):
    """Something in the input that is not what one hoped for; reading went on past it."""

    severity: Severity
    code: str
    """Permanent kebab-case id, e.g. `role-not-found`."""
    message: str
    """What was found and what was expected."""
    source: Source | None = None
    hint: str = ""
    """What the person can do about it."""


class Unknown(Struct, frozen=True):
    """A value that only the live host or a person knows. Never equal to anything known, never false."""

    expression: str
    """The expression as written, e.g. `{{ result.stdout }}`."""
    reason: str = ""
    """Why it cannot be known, e.g. "registered by roles/api/tasks/main.yml:12"."""


SECRET_OPEN = "\ue000"
SECRET_CLOSE = "\ue001"
"""A secret inside a text is written as SECRET_OPEN + name + SECRET_CLOSE (private-use characters, so no input clashes).
The secret's value never enters the model. `secret_names` finds them; renderers turn them into references."""

PARAMETER_OPEN = "\ue002"
PARAMETER_CLOSE = "\ue003"
"""The same for a value that differs between hosts, or an undefined variable that became a parameter."""


def secret_reference(name: str) -> str:
    """The marker that stands for secret `name` inside a text."""
    return f"{SECRET_OPEN}{name}{SECRET_CLOSE}"


def parameter_reference(name: str) -> str:
    """The marker that stands for parameter `name` inside a text."""
    return f"{PARAMETER_OPEN}{name}{PARAMETER_CLOSE}"


Value: TypeAlias = "str | int | float | bool | Unknown | tuple[Value, ...] | Mapping[str, Value] | None"
"""An argument's value after templating. A `str` may hold secret and parameter markers."""


def line_digest(line: str) -> str:
    """A line's fingerprint, blanks at its end left out."""
    return sha256(line.rstrip().encode(errors="replace")).hexdigest()[:16]


class Verdict(StrEnum):
    """Three-valued truth, for conditions."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
