"""Passwords in crontabs, units and cron logs become named secrets, like those of the project.

A crontab that a person copied holds the password itself, one that `collect` gathered holds `<redacted>`; both become
the same marker. It is made from the text alone, so that a command has the same one in the crontab and in the log.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from posixpath import basename

from msgspec.structs import replace

from analyzer.model import CronEntry, secret_reference
from analyzer.read.redact import Flavour, redact
from analyzer.read.secrets import REDACTED, SecretBook

_NAMED = re.compile(r"(?:--?)?([A-Za-z_][A-Za-z0-9_.-]*)[\"']?\s*(?:=|:|\s)\s*[\"']?$")
_PASSWORD = re.compile(r"pass|pwd|secret|token|key|auth", re.IGNORECASE)


def masked(entry: CronEntry, book: SecretBook) -> CronEntry:
    """`entry` with a marker for each secret of its command and environment; the secrets are noted in `book`."""
    environment = []
    for name, value in entry.environment:
        line = redact(f"{name}={value}", Flavour.CRONTAB)
        if line != f"{name}={value}" or value == REDACTED:
            # what another crontab sets under this name may be another secret
            secret = f"cron_{_plain(basename(entry.path) or entry.name)}_{_plain(name)}"
            environment.append((name, book.marker(secret, entry.source, "name", value)))
        else:
            environment.append((name, value))
    if not isinstance(entry.command, str):
        return replace(entry, environment=tuple(environment))
    for secret, value in _secrets(entry.command):
        book.marker(secret, entry.source, "content", value)
    return replace(entry, environment=tuple(environment), command=marked(entry.command))


@lru_cache(maxsize=4096)
def marked(command: str) -> str:
    """A command with a marker in place of each secret, the same wherever the command stands."""
    parts = redact(command).split(REDACTED)
    if len(parts) == 1:
        return command
    names = [name for name, _value in _secrets(command)]
    out = parts[0]
    for name, part in zip(names, parts[1:], strict=True):
        out += secret_reference(name) + part
    return out


def _secrets(command: str) -> Iterator[tuple[str, str]]:
    """(name, value) of each secret in a command; the value is `<redacted>` where nothing else is left of it."""
    redacted = redact(command)
    parts = redacted.split(REDACTED)
    if len(parts) == 1:
        return
    digest = hashlib.sha256(redacted.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    values = re.fullmatch("(.*?)".join(re.escape(part) for part in parts), command, re.DOTALL)
    for number, before in enumerate(parts[:-1]):
        named = _NAMED.search(before)
        name = _plain(named[1]) if named and _PASSWORD.search(named[1]) else "password"
        suffix = f"_{number + 1}" if len(parts) > 2 else ""
        yield f"{name}_{digest}{suffix}", values[number + 1] if values else REDACTED


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "job"
