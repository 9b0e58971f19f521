"""The five time fields as each cron program reads them: a set of values, or the program's own complaint.

Observed on Debian cron 3.0pl1-162, cronie 1.5.7 and 1.7.2 and busybox 1.37.0. They agree on lists, ranges, names and
steps, and on little else: a reversed range is an error, never, or wraps; junk after a value is skipped or refused.
"""

from __future__ import annotations

import re

from msgspec import Struct

from analyzer.cron.times import mask
from analyzer.model import CronDaemon

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class FieldKind(Struct, frozen=True):
    """One of the five columns."""

    name: str
    """The programs' own word for it, as in "bad day-of-month"."""
    low: int
    high: int
    names: tuple[str, ...] = ()


MINUTE = FieldKind("minute", 0, 59)
HOUR = FieldKind("hour", 0, 23)
DAY = FieldKind("day-of-month", 1, 31)
MONTH = FieldKind("month", 1, 12, _MONTHS)
WEEKDAY = FieldKind("day-of-week", 0, 7, _WEEKDAYS)
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


class FieldError(ValueError):
    """The program refuses the field."""


class FieldSet(Struct, frozen=True):
    """What one field means."""

    values: int
    """Bits `low`-`high`; Sunday is bit 0 alone."""
    notes: tuple[str, ...] = ()
    """What the program does with text that looks like something else."""
    random: bool = False
    """The program draws the value when it loads the table (`~`); the lowest possible one stands here."""


def read_field(text: str, kind: FieldKind, daemon: CronDaemon) -> FieldSet:
    """The set that `daemon` makes of one field.

    Raises:
        FieldError: the program refuses it.

    """
    result = _busybox(text, kind) if daemon is CronDaemon.BUSYBOX else _vixie(text, kind, daemon)
    if kind is WEEKDAY and result.values & 0b1000_0000:
        result = FieldSet((result.values | 1) & 0b0111_1111, result.notes, result.random)
    return result


def _vixie(text: str, kind: FieldKind, daemon: CronDaemon) -> FieldSet:
    values, notes, drawn = 0, [], False
    rest = text
    while True:
        part, rest, note, is_drawn = _element(rest, kind, daemon)
        values |= part
        drawn |= is_drawn
        if note:
            notes.append(note)
        if not rest.startswith(","):
            break
        rest = rest[1:]
    if rest:
        # Only reached where the program skips to the next blank without a word.
        notes.append(f"{daemon.value} ignores `{rest}` in `{text}`")
    return FieldSet(values, tuple(notes), drawn)


_NUMBER = re.compile(r"[0-9A-Za-z]*")


def _element(text: str, kind: FieldKind, daemon: CronDaemon) -> tuple[int, str, str, bool]:
    """One list element at the start of `text`: values, what follows it, a note, whether it is drawn by lot."""
    debian = daemon is CronDaemon.DEBIAN
    old_cronie = daemon in {CronDaemon.CRONIE_1_4, CronDaemon.CRONIE_1_5}
    low, high, note = kind.low, kind.high, ""
    if text.startswith("*"):
        rest = text[1:]
        if not rest.startswith("/"):
            if rest and not rest.startswith(",") and not (debian or old_cronie):
                raise FieldError(f"`{rest}` after `*`")
            return _range(low, high, 1), rest, "", False
    elif text.startswith("~") and daemon is CronDaemon.CRONIE_1_7:
        return _drawn(low, text[1:], kind)
    else:
        first, rest = _number(text, kind)
        if rest.startswith("~") and daemon is CronDaemon.CRONIE_1_7:
            return _drawn(first, rest[1:], kind)
        if not rest.startswith("-"):
            if rest.startswith("/") or (not debian and rest and not rest.startswith(",")):
                raise FieldError(f"`{rest}` after a single value")
            return _range(_inside(first, kind), first, 1), rest, "", False
        low = first
        high, rest = _number(rest[1:], kind)
        if low > high:
            if old_cronie:
                raise FieldError(f"reversed range `{text}`")
            note = f"the reversed range `{low}-{high}` is empty"
        else:
            _inside(low, kind)
            _inside(high, kind)
        if not rest.startswith("/"):
            if rest and not debian and not rest.startswith(","):
                raise FieldError(f"`{rest}` after a range")
            return _range(low, high, 1), rest, note, False
    step, rest = _number(rest[1:], None)
    if step == 0:
        raise FieldError("a step of 0")
    if daemon is CronDaemon.CRONIE_1_5 and step > kind.high:
        raise FieldError(f"a step of {step}, larger than {kind.high}")
    if rest and not debian and not rest.startswith(","):
        raise FieldError(f"`{rest}` after a step")
    return _range(low, high, step), rest, note, False


def _drawn(low: int, text: str, kind: FieldKind) -> tuple[int, str, str, bool]:
    if not text or text.startswith(","):
        high, rest = kind.high, text
    else:
        high, rest = _number(text, kind)
    if rest and not rest.startswith(","):
        raise FieldError(f"`{rest}` after a random range")
    if _inside(low, kind) > _inside(high, kind):
        raise FieldError(f"reversed random range `{low}~{high}`")
    note = f"`{low}~{high}`: cronie draws one value when it loads the table; {low} is taken"
    return 1 << low, rest, note, True


def _number(text: str, kind: FieldKind | None) -> tuple[int, str]:
    found = _NUMBER.match(text)
    word = found.group() if found else ""
    rest = text[len(word) :]
    if kind is not None and word.lower() in kind.names:
        return kind.names.index(word.lower()) + (1 if kind is MONTH else 0), rest
    if not word.isdigit() or len(word) > 9:
        raise FieldError(
            f"`{word or text}` is not a number" + (" or a three-letter name" if kind and kind.names else "")
        )
    return int(word), rest


def _inside(value: int, kind: FieldKind) -> int:
    if not kind.low <= value <= kind.high:
        raise FieldError(f"{value} is not in {kind.low}-{kind.high}")
    return value


def _range(low: int, high: int, step: int) -> int:
    return mask(range(low, high + 1, step))


def _busybox(text: str, kind: FieldKind) -> FieldSet:
    """As busybox reads it: it never refuses, it keeps what it has understood so far and writes an error to the log."""
    size = {"minute": 60, "hour": 24, "day-of-month": 32, "month": 12, "day-of-week": 7}[kind.name]
    shift = 1 if kind is MONTH else 0  # it counts months from 0 inside
    values: set[int] = set()
    notes: tuple[str, ...] = ()
    complaint = (f"busybox logs a parse error at `{text}` and keeps what it has read so far",)
    for part in text.split(","):
        found = re.fullmatch(
            r"(?:\*|(?P<low>\d+|[A-Za-z]{3})(?:-(?P<high>\d+|[A-Za-z]{3}|\*))?)(?:/(?P<step>\d+))?(?P<junk>.*)", part
        )
        ends = _busybox_ends(found, kind, size, shift) if found else None
        if found is None or ends is None:
            notes = complaint
            break
        low, high = ends
        step = 1 if found["step"] is None else int(found["step"])
        values |= _walk(low, high, step, size)
        if high >= size or found["junk"]:
            notes = complaint
        if found["junk"] or high >= size:
            break
    values = {value + shift for value in values} - ({0} if kind is DAY else set())
    return FieldSet(mask(values), notes)


def _busybox_ends(found: re.Match[str], kind: FieldKind, size: int, shift: int) -> tuple[int, int] | None:
    if found["low"] is None:
        return 0, size - 1
    ends = []
    for word in (found["low"], found["high"] or found["low"]):
        if word.isdigit():
            ends.append(int(word) - shift)
        elif word.lower() in kind.names:
            ends.append(kind.names.index(word.lower()))
        else:
            return None
    return ends[0], ends[1]


def _walk(low: int, high: int, step: int, size: int) -> set[int]:
    """Round the dial from `low` to `high`; an end that is not on the dial is never met and fills it."""
    values, left, value = set(), 1, low % size
    for _ in range(1023):
        left -= 1
        if left == 0:
            values.add(value)
            left = step
        if value == high:
            break
        value = (value + 1) % size
    return values
