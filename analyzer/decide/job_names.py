"""Names of batches: stable, kebab-case, from what a person would call them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

MAX_NAME = 56
"""A schedule's name has at most 64 characters, and a job with several schedules numbers them."""

_RUNNERS = frozenset({
    "bundle", "exec", "ruby", "python", "python2", "python3", "php", "perl", "node", "nodejs", "java", "sh", "bash",
    "rbenv", "rvm", "pyenv", "poetry", "pipenv", "npm", "npx", "yarn", "uv", "run", "do", "env", "time", "source",
})  # fmt: skip
_DISPATCHERS = frozenset({
    "batch", "job", "jobs", "cron", "rake", "rails", "artisan", "manage", "console", "task", "tasks", "cli", "runner",
    "app", "main", "wp", "drush", "celery", "whenever", "script",
})  # fmt: skip


def kebab(text: str) -> str:
    """Lower-case words joined by `-`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def job_name(name: str, core: str) -> str:
    """The name a person gave, else the one that tells the command from others."""
    if name:
        return _fit(kebab(name) or _digest(name))
    for word in _arguments(core):
        stem = re.sub(r"\.(rb|py|sh|php|pl|js|jar|bash|ksh)$", "", word.rstrip("/").rpartition("/")[2])
        if kebab(stem) and stem.lower() not in _DISPATCHERS and not re.fullmatch(r"[\d.]+", stem):
            return _fit(kebab(stem))
    return _fit(kebab(core)[:40] or (_digest(core) if core.strip() else "unnamed"))


def _arguments(core: str) -> list[str]:
    words = core.split()
    while words and (words[0].rpartition("/")[2].lower() in _RUNNERS or words[0].startswith("-") or "=" in words[0]):
        words = words[1:]
    return [word for word in words if not word.startswith("-") and "=" not in word]


def _fit(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 9].rstrip('-')}-{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def unique_names(wanted: Sequence[tuple[str, str, bool]]) -> list[str]:
    """Names without repetition: (name, what tells it from others, whether a person gave it).

    Of several that want one name, a single one that a person gave keeps it; the others carry a digest of what tells
    them apart, never a number by position: adding a line does not rename another.
    """
    result = []
    for name, identity, given in wanted:
        rivals = [item for item in wanted if item[0] == name]
        alone = len(rivals) == 1 or (given and sum(item[2] for item in rivals) == 1)
        result.append(name if alone else f"{name[: MAX_NAME - 7].rstrip('-')}-{_digest(identity)[:6]}")
    seen: dict[str, int] = {}
    for number, name in enumerate(result):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:  # the very same line twice: cron runs it twice, so both stay
            result[number] = f"{name}-{seen[name]}"
    return result
