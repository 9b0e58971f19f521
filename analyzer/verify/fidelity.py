"""What `verify` found: checks of the built image, and the comparison with a run of the real playbook."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Literal

from msgspec import Struct


class Standing(StrEnum):
    """What is to be thought of one thing that was compared."""

    SAME = "same"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was tried with the image."""

    name: str
    """build | process api | health api | batch journal-import | playbook"""
    status: Literal["ok", "failed", "skipped"]
    detail: str = ""
    seconds: float = 0.0


class Difference(Struct, frozen=True, kw_only=True, order=True):
    """Something that the image and the host made by the playbook do not have in common."""

    kind: str
    """package | file | directory | link | user | group"""
    name: str
    image: str
    """What the image has, "absent" where it has nothing."""
    playbook: str
    standing: Standing
    reason: str = ""
    """What the decision says that explains it, or the fact; "" where nothing does."""
    outcome: str = ""
    """Outcome of that decision; "run" for a fact about the comparison itself."""
    source: str = ""
    """`FILE:LINE` of the task that the decision is about."""


class Explanation(Struct, frozen=True, kw_only=True):
    """All differences that one decision makes."""

    outcome: str
    source: str
    reason: str
    count: int
    by_kind: tuple[tuple[str, int], ...]
    """(kind, how many of it)."""
    examples: tuple[str, ...]

    @property
    def kinds(self) -> str:
        """E.g. `2 packages, 31 files`."""
        plural = {"directory": "directories", "other": "others"}
        return ", ".join(
            f"{count} {kind if count == 1 else plural.get(kind, kind + 's')}" for kind, count in self.by_kind
        )


class Fidelity(Struct, frozen=True, kw_only=True):
    """Everything about one application."""

    application: str
    checks: tuple[Check, ...]
    compared: bool = False
    """Whether a playbook was run."""
    same: tuple[tuple[str, int], ...] = ()
    """(kind, how many are the same)."""
    differences: tuple[Difference, ...] = ()
    image_bytes: int = 0
    image_layers: int = 0
    playbook_bytes: int = 0
    """Size of the same base image after the playbook ran in it, in one layer."""
    left_out: int = 0
    """Tasks that the second run did not run, or of which it ran a part."""
    not_run: tuple[str, ...] = ()
    """Tasks of the playbook that could not run in a container, with the reason: what they do is not compared."""
    timings: tuple[tuple[str, float], ...] = ()
    """(phase, seconds); phases run side by side."""
    seconds: float = 0.0
    """From the first to the last phase."""

    @property
    def counts(self) -> tuple[tuple[str, int, int, int], ...]:
        """(kind, same, explained, unexplained), for every kind that was compared."""
        found = Counter((each.kind, each.standing) for each in self.differences)
        same = dict(self.same)
        kinds = dict.fromkeys((*same, *sorted({each.kind for each in self.differences})))
        return tuple(
            (kind, same.get(kind, 0), found[kind, Standing.EXPLAINED], found[kind, Standing.UNEXPLAINED])
            for kind in kinds
        )

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Differences that nothing explains."""
        return tuple(each for each in self.differences if each.standing is Standing.UNEXPLAINED)

    @property
    def explained_by(self) -> tuple[Explanation, ...]:
        """The explained differences by the task whose decision makes them, those of one outcome together."""
        groups: dict[tuple[str, str, str], list[Difference]] = {}
        for each in self.differences:
            if each.standing is Standing.EXPLAINED:
                groups.setdefault((each.outcome, each.source, each.reason), []).append(each)
        totals = Counter(each.outcome for each in self.differences if each.standing is Standing.EXPLAINED)
        return tuple(
            Explanation(
                outcome=outcome,
                source=source,
                reason=reason,
                count=len(found),
                by_kind=_kinds(found),
                examples=tuple(each.name for each in sorted(found, key=lambda each: _ORDER.index(each.kind))[:3]),
            )
            for (outcome, source, reason), found in sorted(
                groups.items(), key=lambda item: (-totals[item[0][0]], item[0][0], -len(item[1]), item[0])
            )
        )

    @property
    def passed(self) -> bool:
        """Whether nothing failed and nothing is unexplained."""
        return not self.unexplained and all(each.status != "failed" for each in self.checks)


_ORDER = ("package", "user", "group", "file", "link", "directory", "other")


def _kinds(found: list[Difference]) -> tuple[tuple[str, int], ...]:
    counts = Counter(each.kind for each in found)
    return tuple((kind, counts[kind]) for kind in _ORDER if counts[kind])
