"""What a person asked to read, and the one error that ends reading before it began."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

DEFAULT_ENVIRONMENT = "production"


class UsageError(Exception):
    """Wrong usage or nothing readable: one line for the person, exit status 2."""


class Request(Struct, frozen=True, kw_only=True):
    """What the person asked to read."""

    project: Path
    playbooks: tuple[str, ...] = ()
    inventories: tuple[str, ...] = ()
    limit: str = ""
    extra_vars: tuple[str, ...] = ()
    vault_password_files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    evidence: str = ""
    environment: str = ""
    """"" where the person named none: the one that PROJECT names, `production`, or the only one there is."""
    own_words: Callable[[], frozenset[str]] = frozenset
    """Gives the words, in small letters, that every bundle has; see `SecretBook.own_words`."""
