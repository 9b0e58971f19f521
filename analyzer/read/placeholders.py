"""Values that say "something comes here": what an example file of variables holds until somebody fills it in."""

from __future__ import annotations

import re
from functools import cache

_SHAPES = (
    r"[(<\[{]\s*(?:required|mandatory|to ?do|fix ?me|tbd)\s*[)>\]}]",
    r"(?:to ?do|fix ?me|tbd)\s*[:!].{0,60}",
    r"(?:please[\s_-]?)?change[\s_-]?(?:me|this|it)(?:[\s_-]?(?:now|please|later|before[\s\w]*))?!*",
    r"(?:please[\s_-]?)?(?:replace|fill)[\s_-]?(?:me|this|it)(?:[\s_-]?in)?!*",
    r"(?:please[\s_-]?)?(?:replace|fill[\s_-]in)[\s_-](?:with|by)[\s_-].{1,60}",
    r"(?:please[\s_-]?)?(?:insert|enter|put|add|set)[\s_-](?:(?:your|my)[\s_-].{1,60}|(?:.{1,40}[\s_-])?here)",
    r"<(?:your|my|the|an?|some|insert|enter|put|add|fill|replace|change)\b[\w\s.-]{0,60}>",
    r"<[a-z]+(?:[\s_][a-z]+){1,4}>",
    r"\[(?:your|insert|enter)\b[\w\s.-]{1,60}\]",
    r"your[\s_-][a-z0-9]+(?:[\s_-][a-z0-9]+){0,5}",
    r"(?:www\.)?your[_-]?(?:own[_-]?)?(?:domain|company|site|server|host|hostname|name|org)(?:\.[a-z]+)*\.[a-z]{2,}",
    r"x{3,}(?:[\s._-]?x{2,})*",
    r"\?{3,}",
    r"place[_-]?holder",
)
_AS_WRITTEN = (r"TO\s?DO|FIX\s?ME|TBD", r"<[A-Z][A-Z0-9]*(?:[\s_-][A-Z0-9]+)*>")
"""Shapes that count in capitals only: an application may be called todo."""
_SIGNS = (
    *"require mandatory todo fixme tbd change replace insert enter put add set fill your xxx ??? < place".split(),
    *("to do", "fix me"),
)
"""One of these stands in every placeholder: most values have none, and need no further look."""
_LONGEST = 100


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return re.compile("|".join(_SHAPES), re.IGNORECASE), re.compile("|".join(_AS_WRITTEN))


def is_placeholder(value: str) -> bool:
    """Whether the whole of `value` stands for one that nobody has written yet: `(required)`, `<your token>`, `xxx`."""
    text = value.strip()
    if not 3 <= len(text) <= _LONGEST:
        return False
    small = text.lower()
    return any(sign in small for sign in _SIGNS) and any(pattern.fullmatch(text) for pattern in _patterns())
