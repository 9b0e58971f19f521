"""Rules that tell the host's chores from the application's batches: `rules/batches.yaml`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal, cast

from msgspec import Struct

from analyzer.model import Outcome

_KEYS = frozenset({
    "id", "names", "programs", "all_programs", "text", "outcome", "reason", "replacement", "question", "answers",
})  # fmt: skip


class BatchRuleError(Exception):
    """A defect in the rules, which belong to the program: which rule, and what was expected."""


class BatchRule(Struct, frozen=True, kw_only=True):
    """Entries of one kind and what becomes of them."""

    id: str
    names: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    all_programs: bool = False
    """Nothing but `programs` and helpers may be in the line."""
    text: tuple[re.Pattern[str], ...] = ()
    outcome: Literal["platform", "manual"]
    reason: str
    replacement: str = ""
    question: str = ""
    answers: tuple[str, ...] = ()
    helpers: frozenset[str] = frozenset()

    def matches(self, names: Sequence[str], programs: Sequence[str], command: str) -> bool:
        """Whether an entry of these names that runs these programs by this command is meant."""
        if _any(names, self.names) or any(pattern.search(command) for pattern in self.text):
            return True
        if not _any(programs, self.programs):
            return False
        return not self.all_programs or all(
            program in self.helpers or _any((program,), self.programs) for program in programs
        )


def _any(words: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(word, pattern) for word in words for pattern in patterns)


@cache
def load_batch_rules(text: str) -> tuple[BatchRule, ...]:
    """The rules in order.

    Raises:
        BatchRuleError: the text is not what it should be.

    """
    import yaml

    document: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe in both
    if not isinstance(document, dict) or not isinstance(document.get("batches"), list):
        raise BatchRuleError("batches.yaml: expected a mapping with the list `batches`")
    helpers = frozenset(str(word) for word in document.get("helpers", ()))
    return tuple(_rule(item, helpers) for item in document["batches"])


def _rule(item: Any, helpers: frozenset[str]) -> BatchRule:
    name = item.get("id", "?") if isinstance(item, dict) else "?"
    if not isinstance(item, dict) or (unknown := set(item) - _KEYS):
        raise BatchRuleError(f"batches.yaml: rule {name}: unknown keys {sorted(unknown) if unknown else item!r}")
    for key in ("id", "outcome", "reason"):
        if not isinstance(item.get(key), str):
            raise BatchRuleError(f"batches.yaml: rule {name}: `{key}` is missing")
    if item["outcome"] not in {Outcome.PLATFORM, Outcome.MANUAL}:
        raise BatchRuleError(f"batches.yaml: rule {name}: outcome is platform or manual, not {item['outcome']}")
    if item["outcome"] == Outcome.MANUAL and not item.get("question"):
        raise BatchRuleError(f"batches.yaml: rule {name}: a manual outcome asks a question")
    return BatchRule(
        id=item["id"],
        names=tuple(map(str, item.get("names", ()))),
        programs=tuple(map(str, item.get("programs", ()))),
        all_programs=bool(item.get("all_programs", False)),
        text=tuple(re.compile(pattern) for pattern in item.get("text", ())),
        outcome=cast('Literal["platform", "manual"]', item["outcome"]),
        reason=item["reason"],
        replacement=item.get("replacement", ""),
        question=item.get("question", ""),
        answers=tuple(item.get("answers", ())),
        helpers=helpers,
    )
