"""File modes as Ansible takes them: octal in one to four digits, or symbolic as chmod has it."""

from __future__ import annotations

import re

_BITS = {"r": 4, "w": 2, "x": 1}
_SHIFT = {"u": 6, "g": 3, "o": 0}
_SPECIAL = {"u": 0o4000, "g": 0o2000, "o": 0o1000}
_CLAUSE = re.compile(r"^(?P<who>[ugoa]*)(?P<changes>(?:[-+=](?:[ugo]|[rwxXst]*))+)$")


def apply_mode(current: int, spec: str, *, directory: bool) -> int | None:
    """Permission bits after `spec` on a file that has `current`; None where `spec` is no mode."""
    spec = spec.strip()
    if re.fullmatch(r"(?:0o)?[0-7]{1,5}", spec):
        return int(spec.removeprefix("0o"), 8) & 0o7777
    mode = current
    for clause in spec.split(","):
        parsed = _CLAUSE.match(clause)
        if parsed is None:
            return None
        who = parsed["who"].replace("a", "ugo") or "ugo"
        for operator, permissions in re.findall(r"([-+=])([ugo]|[rwxXst]*)", parsed["changes"]):
            mode = _change(mode, who, operator, permissions, directory=directory, original=current)
    return mode


def _change(mode: int, who: str, operator: str, permissions: str, *, directory: bool, original: int) -> int:
    mask = value = 0
    for each in who:
        shift = _SHIFT[each]
        mask |= 0o7 << shift
        if permissions in ("u", "g", "o"):
            bits = (mode >> _SHIFT[permissions]) & 0o7
        else:
            bits = sum(_BITS[letter] for letter in set(permissions) & set(_BITS))
            # X: executable for directories and for files that somebody may execute already
            if "X" in permissions and (directory or original & 0o111):
                bits |= 1
        value |= bits << shift
        if "s" in permissions and each in "ug":
            value |= _SPECIAL[each]
        if operator == "=":
            # unlike GNU chmod, Ansible clears the special bits of directories too
            mask |= _SPECIAL[each]
    if "t" in permissions:
        value |= 0o1000
    if operator == "+":
        return mode | value
    if operator == "-":
        return mode & ~value
    return (mode & ~mask) | value


def octal(mode: int) -> str:
    """`0644`."""
    return f"{mode:04o}"
