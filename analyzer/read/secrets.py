"""What must never be seen: secrets become named markers while they are read, and every output is searched for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from analyzer.model import Problem, Secret, Severity, Source, parameter_reference, secret_reference
from analyzer.read.placeholders import is_placeholder
from analyzer.read.secret_shapes import BY_LOOK

_NAME = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|passphrase|pass|pwd|secret|secrets|secret_key(?:_base)?|token|tokens|api_?key|"
    r"access_key|private_key|credential|credentials|auth_key|encryption_key|signing_key|master_key)$",
    re.IGNORECASE,
)
"""A variable whose last words name a secret: `db_password`, `secret_key_base`, but not `password_file`."""

_URL_WITH_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]+:[^\s/@'\"{}$<>\ue000-\ue003]{3,}@")
"""Not one whose password is a template, a variable or a placeholder."""

REDACTED = "<redacted>"
"""What `migrate-analyze collect` leaves in place of a secret: still one by its name, but no value to search for."""

_HARMLESS = frozenset(
    {
        "",
        "yes",
        "no",
        "true",
        "false",
        "none",
        "null",
        "present",
        "absent",
        "*",
        "!",
        "!!",
        "always",
        "on_create",
    }
)


_WORD = re.compile(r"[A-Za-z]{4,}")
_OPEN_VALUE = re.compile(r"[\w.@/:-]{,200}")


_PLACEHOLDER = re.compile(
    r"(?:my|your|the|a|some)?[_-]?(?:change_?me|password|passwd|passphrase|secret|token|key|example|test)",
    re.IGNORECASE,
)
"""Values that stand for "a secret comes here": asked for as secrets, and not searched for, being their own name."""


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, by its last word."""
    return bool(_NAME.search(name)) and not name.lower().endswith("update_password")


def is_secret_text(text: str) -> bool:
    """Whether `text` holds something that is a secret whatever its name: a key, a token, a URL with a password."""
    return bool(_URL_WITH_PASSWORD.search(text) or BY_LOOK.search(text))


def environment_name(name: str) -> str:
    """The environment variable for a secret or parameter: `accounting.db-password` -> `ACCOUNTING_DB_PASSWORD`."""
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "VALUE"


class Placeholder(Struct, frozen=True):
    """A value that stands for one that nobody has written yet."""

    source: Source | None
    value: str


class SecretBook(Struct):
    """The secrets met in one project: names and places for the plan; values only to search the outputs for them."""

    _secrets: dict[str, Secret] = field(default_factory=dict)
    _values: dict[str, str] = field(default_factory=dict)
    own_words: Callable[[], frozenset[str]] = frozenset
    """Gives the words that every bundle has; asked only where a secret's value is made of letters alone."""
    placeholders: dict[str, Placeholder] = field(default_factory=dict)
    """Variable -> the value that says that its own comes later; parameters, where a task uses them."""
    _open: set[str] = field(default_factory=set)
    """Short values that the project gives under names that are no secret's (users, folders, names of applications), and
    the words in them."""

    def marker(self, name: str, source: Source | None, reason: str, value: str = "") -> str:
        """Note the secret and give the text that stands for it."""
        if name not in self._secrets:
            self._secrets[name] = Secret(name=name, source=source, reason=reason)
        searched = len(value) >= 6 and value.lower() not in _HARMLESS  # shorter ones occur by chance
        if searched and value != REDACTED and not _is_placeholder(name, value):
            self._values[value] = name
        return secret_reference(name)

    def secrets(self) -> tuple[Secret, ...]:
        """All of them, by name."""
        return tuple(self._secrets[name] for name in sorted(self._secrets))

    def find(self, text: str) -> tuple[str, ...]:
        """Names of the secrets whose value stands in `text`."""
        return tuple(sorted({name for value, name in self._values.items() if value in text
                             and (not self._is_ordinary(value) or _beside_its_name(value).search(text))}))  # fmt: skip

    def redact(self, text: str) -> str:
        """`text` with every known secret value replaced by its name."""
        for value, name in sorted(self._values.items(), key=lambda pair: -len(pair[0])):
            if value not in text:
                continue
            if self._is_ordinary(value):
                text = _beside_its_name(value).sub(lambda found, name=name: f"{found[1]}<secret {name}>", text)  # type: ignore[misc]
            else:
                text = text.replace(value, f"<secret {name}>")
        return text

    def problems(self) -> tuple[Problem, ...]:
        """A warning for each secret whose value is an ordinary word or stands openly under another name."""
        return tuple(
            Problem(
                Severity.WARNING,
                "secret-is-a-word",
                f"the value of {name} is a plain word or one that other variables hold openly: it is kept out of the"
                " outputs where a password can stand, not wherever the word occurs",
                self._secrets[name].source,
                "choose another value when it goes into the secret store",
            )
            for name in sorted({name for value, name in self._values.items() if self._is_ordinary(value)})
        )

    def note_open(self, value: str) -> None:
        """A value that stands openly in the project."""
        if _OPEN_VALUE.fullmatch(value):
            self._open.add(value)
            self._open.update(_WORD.findall(value))

    def _is_ordinary(self, value: str) -> bool:
        """Whether the value stands in outputs for other reasons: taking it out of all would break names and keys."""
        return value in self._open or (bool(_WORD.fullmatch(value)) and value.lower() in self.own_words())

    def mask(
        self,
        name: str,
        value: Any,
        source: Source | None,
        *,
        encrypted: type | None = None,
        place_of: Callable[[Any], Source | None] | None = None,
    ) -> Any:
        """`value` of variable `name` with its secrets replaced by markers.

        Vault values are secrets; so are plain texts whose name or looks say so. Templates are left: what they refer to
        is masked where it is defined. `place_of`: where a value of a file of variables stands; in those a value that is
        a placeholder gives way to a parameter.
        """
        if encrypted is not None and isinstance(value, encrypted):
            return self.marker(name, source, "vault")
        if isinstance(value, dict):
            masked = {
                key: self.mask(self._joined(name, key), item, source, encrypted=encrypted, place_of=place_of)
                for key, item in value.items()
            }
            return masked if any(masked[key] is not item for key, item in value.items()) else value
        if isinstance(value, (list, tuple)):
            items = [self.mask(name, item, source, encrypted=encrypted, place_of=place_of) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if not isinstance(value, str) or "{{" in value or "{%" in value or "\ue000" in value:
            return value
        if is_secret_text(value) or (
            is_secret_name(name) and value.lower() not in _HARMLESS and not value.startswith("/")
        ):
            return self.marker(name, source, "name" if is_secret_name(name) else "content", str(value))
        if not is_secret_name(name):
            if place_of is not None and is_placeholder(value):
                found = Placeholder(source=place_of(value) or source, value=str(value))
                self.placeholders.setdefault(name, found)
                return parameter_reference(name)
            self.note_open(str(value))
        return value

    @staticmethod
    def _joined(name: str, key: object) -> str:
        return f"{name}_{key}" if isinstance(key, str) else name


def _beside_its_name(value: str) -> re.Pattern[str]:
    """Where `value` stands as a password does: behind a name that says so, or in a URL between user and host."""
    return re.compile(
        r"((?:pass(?:word|wd|phrase)?|pwd|secret|token|key|credentials?)[\w-]*[\"']?\s*(?:=>|[:=])\s*[\"']?"
        rf"|://[^\s/:@]*:){re.escape(value)}(?![\w-])",
        re.IGNORECASE,
    )


def _is_placeholder(name: str, value: str) -> bool:
    """Whether the value says "a secret comes here", in words for that or in the words of its own variable's name."""
    return bool(_PLACEHOLDER.fullmatch(value)) or is_placeholder(value) or _letters(value) in _letters(name)


def _letters(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return re.sub(r"[^a-z0-9]", "", text.lower()) or text
