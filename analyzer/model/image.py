"""The application's image: instructions, files, and what it goes without."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from analyzer.model.basics import Source
from analyzer.model.decisions import Outcome, Question
from analyzer.model.effects import Via


class ImageFile(Struct, frozen=True, kw_only=True):
    """A file of the build context (below `rootfs/`, or beside the Dockerfile)."""

    path: str
    """Relative to the folder `app/`, e.g. `rootfs/etc/nginx/nginx.conf`."""
    data: bytes
    via: tuple[Via, ...]
    mode: int = 0o644


class Instruction(Struct, frozen=True, kw_only=True):
    """One Dockerfile instruction; each of its lines carries its own reasons."""

    keyword: str
    """FROM, RUN, COPY, ENV, …"""
    lines: tuple[InstructionLine, ...]
    """The text after the keyword; more than one line are joined by ` \\` at the end (the lines hold no backslash)."""
    stage: str = ""
    lint_ignore: tuple[str, ...] = ()
    """hadolint rules that this instruction breaks on purpose; the renderer writes the pragma."""


class InstructionLine(Struct, frozen=True, kw_only=True):
    """One physical line of an instruction."""

    text: str
    via: tuple[Via, ...]


class LeftOut(Struct, frozen=True, kw_only=True, order=True):
    """An effect that a rule gave to the image and that the image, seen as a whole, does without."""

    source: Source
    """The task."""
    what: str
    """A path, `package nginx`, `command`."""
    reason: str
    outcome: Outcome = Outcome.PLATFORM
    """What becomes of it instead; MANUAL where it cannot be made and a person must."""


class ImageProposal(Struct, frozen=True, kw_only=True):
    """What an expert would do better than the playbook did, asked on one of its tasks, or why that cannot be."""

    source: Source
    """The task."""
    question: Question | None = None
    """None where there is no choice."""
    answer: str | None = None
    """What a reviewer answered, whether or not it can be carried out."""
    reason: str = ""
    """A sentence for the task's decision."""


class Image(Struct, frozen=True, kw_only=True):
    """What the application's image is made of."""

    base_image: str
    instructions: tuple[Instruction, ...]
    files: tuple[ImageFile, ...] = ()
    ignore: tuple[str, ...] = ()
    """Lines of the .dockerignore."""
    user: str = ""
    user_ids: tuple[int, int] | None = None
    """User and group id of `user` in the image; None where only the build knows."""
    workdir: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    runtime_variables: tuple[tuple[str, str, Literal["secret", "parameter"]], ...] = ()
    """(environment variable, name, kind): what every container of this image needs, since its entrypoint writes the
    files that hold secrets or parameters from these variables at start."""
    left_out: tuple[LeftOut, ...] = ()
    """Effects that the playbook has and the image has not."""
    proposals: tuple[ImageProposal, ...] = ()
    notes: tuple[str, ...] = ()
