"""The plan's texts in another language. As in gettext the English text is the key; `{}` in a key is a place in it.

Reasons, questions and problems are put together from sentences and clauses of many modules. A text is therefore taken
apart again along the catalogue's keys and, between them, at sentences and clauses; of all readings the one counts that
leaves the fewest English words. What a place holds (a path, a command, a name) stays unless it is a text of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import yaml
from msgspec import Struct, field

_PLACE = re.compile(r"\{(\d)\}")
_WORD = re.compile(r"(?<![\w/.$<>=@:{-])[A-Za-z][a-z'’]+(?![\w/=<>({@-]|[.:]\w)")
_QUOTED = re.compile(r"`[^`]*`|\{\{.*?\}\}|'[^' ]*'", re.DOTALL)
_BREAKS = re.compile(r"(?<=[.?!;:,])\s+|(?<=[.?!]\*\*)\s+|\s+(?=\*\*)|\s+(?=\()|(?<=\))\s+")
_JOINTS = {"。": "", "、": ""}
_MOST_BREAKS = 16
"""A text with more breaks (a list of names, say) is not taken apart at its commas, then not at its colons."""
_SURE = 6
"""Letters of a key from which on its places may hold whole clauses; `{} on {}` would fit everything."""
_SPREAD = 0.1
"""What a place costs that reaches over the end of a clause: two clauses apart are the better reading."""
_LONGEST = 4000
"""Characters; a longer text is data, not a sentence."""


def english_words(text: str) -> int:
    """How many words of prose are in `text`; names, paths, code and quotations do not count."""
    return len(_WORD.findall(_QUOTED.sub(" ", text)))


class _Template(Struct, frozen=True):
    pieces: tuple[str, ...]
    """The key's text between its places."""
    target: str
    weight: int
    """Letters of the key that are not places: the more, the surer."""

    def match(self, text: str) -> tuple[str, ...] | None:
        """What stands in the places; each reaches as far as the next piece's first occurrence."""
        first, *rest = self.pieces
        if not text.startswith(first) or len(text) < sum(map(len, self.pieces)):
            return None
        at, values = len(first), []
        for number, piece in enumerate(rest, 1):
            if number == len(rest):
                if not text.endswith(piece) or len(text) - len(piece) < at:
                    return None
                end = len(text) - len(piece)
            else:
                end = text.find(piece, at)
                if end < 0:
                    return None
            values.append(text[at:end])
            at = end + len(piece)
        return tuple(values)


class Translator(Struct):
    """English text -> text of the catalogue's language; what the catalogue does not have stays English."""

    catalogue: Mapping[str, str]
    _exact: dict[str, str] = field(default_factory=dict)
    _by_start: dict[str, list[_Template]] = field(default_factory=dict)
    _known: dict[str, tuple[float, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the catalogue into whole texts and templates by their first letters."""
        for key, said in self.catalogue.items():
            if "{}" not in key:
                self._exact[_folded(key)] = said
                continue
            pieces, target = _without_neighbours(key.strip(" ,").split("{}"), said)
            weight = sum(character.isalpha() for character in key)
            self._by_start.setdefault(_start(pieces[0]), []).append(_Template(pieces, target, weight))

    def __call__(self, text: str) -> str:
        """The translation, line by line."""
        if len(text) > _LONGEST or not english_words(text):
            return text
        return "\n".join(self._best(line)[1] for line in text.split("\n"))

    def _best(self, text: str) -> tuple[float, str]:
        """(English words that are left, the reading with the fewest)."""
        if text not in self._known:
            self._known[text] = (english_words(text), text)  # ends the recursion of a template that matches itself
            self._known[text] = min(self._readings(text), key=lambda reading: reading[0])
        return self._known[text]

    def _readings(self, text: str) -> Iterator[tuple[float, str]]:
        """Every reading worth a look, the better one first where two leave equally much."""
        core = text.strip()
        exact = self._exact.get(_folded(core))
        if exact is not None:
            yield 0, _ended(exact, core)
            return
        words = english_words(core)
        if not words:
            yield 0, text
            return
        for template in sorted(self._templates(core), key=lambda one: -one.weight):
            values = template.match(core if template.pieces[-1].endswith(".") else core.removesuffix("."))
            if values is not None and (template.weight >= _SURE or max(map(english_words, values), default=0) <= 1):
                read = [self._best(value) for value in values]
                spread = _SPREAD * sum("; " in value or ". " in value for value in values)
                yield (
                    spread + sum(left for left, _ in read),
                    _ended(_filled(template.target, [said for _, said in read]), core),
                )
        breaks = list(_BREAKS.finditer(core))
        for kept in (".?!;:", ".?!;", ".?!"):
            if len(breaks) > _MOST_BREAKS:
                breaks = [one for one in breaks if core[one.start() - 1] in kept]
        breaks = breaks[:_MOST_BREAKS]
        for one in breaks:
            left, right = self._best(core[: one.start()]), self._best(core[one.end() :])
            yield left[0] + right[0], _joined(left[1], right[1])
        for begin, end in (("(", ")"), ("**", "**")):
            if core.startswith(begin) and core.endswith(end) and len(core) > len(begin) + len(end):
                inner = self._best(core[len(begin) : -len(end)])
                yield inner[0], f"{begin}{inner[1]}{end}"
        if core[-1:] in ".,;:" and len(core) > 1:
            body = self._best(core[:-1])
            if body[0] < words:
                yield body[0], body[1].removesuffix("。") + {".": "。", ",": "、"}.get(core[-1], core[-1])
        yield words, text

    def _templates(self, text: str) -> Iterator[_Template]:
        for start in {_start(text), text[:1].lower(), ""}:
            yield from self._by_start.get(start, ())


def read_catalogue(templates: Mapping[str, str], language: str) -> dict[str, str]:
    """Every text of `output_templates/report/<language>/*.yaml`: English -> the language."""
    found: dict[str, str] = {}
    for name, text in sorted(templates.items()):
        if name.startswith(f"report/{language}/") and name.endswith(".yaml"):
            found |= yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    return found


def _without_neighbours(pieces: list[str], target: str) -> tuple[tuple[str, ...], str]:
    """Two places with nothing between cannot be told apart: the first holds what stands in both, the second nothing."""
    kept = list(pieces)
    for number in range(len(pieces) - 2, 0, -1):
        if not pieces[number]:
            del kept[number]
            target = _PLACE.sub(partial(_renumbered, number), target)
    return tuple(kept), target


def _renumbered(gone: int, found: re.Match[str]) -> str:
    place = int(found[1])
    return "" if place == gone else f"{{{place - (place > gone)}}}"


def _filled(target: str, values: Sequence[str]) -> str:
    """The template's text with its places filled; a bracket keeps the blank before it."""

    def value(place: re.Match[str]) -> str:
        said = values[int(place[1])]
        return f" {said.strip()}" if said.startswith(" (") else said.strip()

    return re.sub(r"。 +(?=[^\x00-\x7f])", "。", _PLACE.sub(value, target))


def _start(text: str) -> str:
    """What templates are looked up by: the first two letters, whatever their case; "" for a place at the start."""
    return text[:2].lower() if len(text) > 1 else text.lower()


def _folded(text: str) -> str:
    """The same for a clause and for the sentence made of it."""
    flat = " ".join(text.split()).removesuffix(".").lstrip(", ")
    return flat[:1].lower() + flat[1:]


def _ended(target: str, text: str) -> str:
    """The translation with a full stop where the English text has one."""
    if text.endswith(".") and not target.endswith(("。", "?", "？", ".")):
        return target + "。"
    return target


def _joined(left: str, right: str) -> str:
    """Two clauses: no blank after a full stop, one after everything else."""
    return f"{left}{_JOINTS.get(left[-1:], ' ')}{right}"
