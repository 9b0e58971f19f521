"""Templates over values that are not known: undefined variables, secrets, values that differ between the hosts.

Markers stand for such values in texts. That is right where a template only shows the value; where it compares, counts
or cuts it, an answer that was made with the marker is an accident. So such answers are tried: with other values in the
markers' place, the template must give what the answer says with those values filled in. Where the hosts differ, the
other values are theirs; else they are texts that have nothing in common with the marker, and what the template compares
with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, SECRET_CLOSE, SECRET_OPEN, Unknown
from analyzer.model.data import texts_in
from analyzer.read.ansible.core import ansible
from analyzer.read.ansible.evaluator import ABSENT
from analyzer.read.ansible.markers import marked
from analyzer.read.ansible.reach import OF_THE_RUN, Reach

MAX_CONSTANTS = 6
"""Texts and numbers of a template's comparisons that are tried."""
MAX_ROWS = 50
"""Hosts for which a template is tried; the README's limits name both numbers."""
MAX_ROWS_OF_WIDE = 8
"""The same for a template of which nobody can tell what it needs: each trial looks at every variable."""

_MARKER = re.compile(
    f"[{SECRET_OPEN}{PARAMETER_OPEN}][^{SECRET_CLOSE}{PARAMETER_CLOSE}]*[{SECRET_CLOSE}{PARAMETER_CLOSE}]"
)
_SHAPES = (f"{PARAMETER_OPEN}{{}}Q{PARAMETER_CLOSE}", f"{PARAMETER_OPEN}J7x.{{}}-kW_3{PARAMETER_CLOSE}")
"""Texts that need quotes in a shell and escapes in JSON as a marker does, and are unlike any in all else."""

Run = Callable[[Mapping[str, Any]], Any]
"""(variables over those of the scope) -> the template's answer; raises what ansible-core raises."""


class Asked(Struct, frozen=True):
    """One template and what it can reach."""

    run: Run
    reach: Reach
    raw: Callable[[str], Any]
    """Name -> its value as written, ABSENT where there is none."""


def with_undefined(asked: Asked, given: dict[str, Any], marker: Callable[[str], Any]) -> Any:
    """The answer with markers (put into `given`) for those undefined variables without which Ansible fails.

    `marker`: name -> what stands for the variable.
    """
    undefined = asked.reach.undefined
    given.update({name: marker(name) for name in undefined if name not in asked.reach.computed})
    while True:
        try:
            return asked.run(given)
        except ansible().AnsibleUndefinedVariable as error:
            left = [name for name in undefined if name not in given]
            named = [name for name in left if f"'{name}' is undefined" in str(error)] or left
            if not named:
                raise
            given.update({name: marker(name) for name in named})


def alters_marker(asked: Asked, given: Mapping[str, Any]) -> str:
    """Why a filter cannot be applied to what stands for a secret or parameter, "" if none is."""
    for altering, names in asked.reach.alterations:
        reached, pending = set(names), list(names)
        while pending:
            more = asked.reach.references.get(pending.pop(), frozenset()) - reached
            reached |= more
            pending.extend(more)
        if any(name in given or marked(asked.raw(name)) for name in reached):
            return f"filter {altering} needs the value of a secret or parameter itself"
    return ""


def depends_on(
    asked: Asked,
    given: Mapping[str, Any],
    answer: Any,
    *,
    settled: Collection[str] = (),
    truth: Callable[[Any], object] = lambda it: it,
) -> str:
    """Names of secrets and undefined variables whose values the answer depends on; "" where it only shows them.

    `given`: what the answer was made with, over the scope's own variables; `settled`: names of which it is known that
    the answer only shows them; `truth`: what counts of an answer.
    """
    names = asked.reach.computed & (given.keys() | asked.reach.references.keys() - OF_THE_RUN) - set(settled)
    held = {name: given.get(name, asked.raw(name)) for name in sorted(names)}
    marks = {name: tuple(_markers_in(value)) for name, value in held.items()}
    marks = {name: found for name, found in marks.items() if found}
    if not marks:
        return ""
    every = list(dict.fromkeys(mark for found in marks.values() for mark in found))
    for fill in _probes(every, asked.reach.constants):
        try:
            other = asked.run({**given, **{name: filled(held[name], fill) for name in marks}})
        except Exception:  # noqa: BLE001 - a value that the template cannot bear is one on which it depends
            break
        if truth(other) != truth(filled(answer, fill)):
            break
    else:
        return ""
    return ", ".join(sorted({mark[1:-1] for mark in every}))


def _probes(marks: Sequence[str], constants: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    for shape in _SHAPES:
        yield {mark: shape.format(number) for number, mark in enumerate(marks)}
    undefined = [mark for mark in marks if mark.startswith(PARAMETER_OPEN)]
    for constant in sorted(constants, key=repr)[:MAX_CONSTANTS]:
        if not isinstance(constant, str):
            if undefined:
                yield dict.fromkeys(undefined, constant)
            continue
        for text in dict.fromkeys((constant, *re.findall(r"\w+", constant)[-2:])):  # the marker may be a part of it
            if text:
                yield dict.fromkeys(marks, text)
    if undefined:
        yield dict.fromkeys(undefined, "")


def rows_of(varying: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The variables' values (name -> one for each host), host by host; hosts that share them are one row."""
    rows = zip(*varying.values(), strict=True)
    return [dict(zip(varying, row, strict=True)) for row in {tuple(map(id, row)): row for row in rows}.values()]


def agreed(
    asked: Asked, given: dict[str, Any], rows: Sequence[Mapping[str, Any]], answer: Any
) -> tuple[Any, dict[str, Any]]:
    """The answer that holds on all hosts, and what it was made with: one for all of them, or `answer` with markers.

    `rows`: the differing variables of each kind of host; `given` holds markers for them. `Unknown` where neither holds.
    """
    answers = []
    for row in rows[: MAX_ROWS_OF_WIDE if asked.reach.wide else MAX_ROWS]:
        try:
            answers.append((asked.run({**given, **row}), dict(_pairs(given, row))))
        except Exception:  # noqa: BLE001 - it fails on this host, and not on the first
            break
    else:
        first = answers[0][0]
        if all(other == first for other, _ in answers):
            return first, {name: value for name, value in given.items() if name not in rows[0]}
        if all(other == filled(answer, fill) for other, fill in answers):
            return answer, given
    return Unknown("", f"differs between the hosts ({', '.join(sorted(rows[0]))})"), given


def _pairs(given: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(marker, what stands in its place on this host), also inside mappings."""
    for name, value in row.items():
        there = given.get(name)
        if isinstance(there, Mapping):
            yield from _pairs(there, value if isinstance(value, Mapping) else {})
        elif isinstance(there, str) and _MARKER.fullmatch(there):
            yield there, value


def filled(value: Any, fill: Mapping[str, Any]) -> Any:
    """`value` with other values in the place of its markers, however deep."""
    if isinstance(value, str):
        if value in fill:
            return fill[value]
        return _MARKER.sub(lambda match: _shown(fill.get(match[0], match[0])), value)
    if isinstance(value, Mapping):
        return {filled(key, fill): filled(item, fill) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(item, fill) for item in value]
    return value


def _shown(value: Any) -> str:
    return "" if value is None or value is ABSENT else str(value)


def _markers_in(value: object) -> Iterator[str]:
    for text in texts_in(value):
        yield from _MARKER.findall(text)
