"""`questions.yml`: the open questions as a decisions file ready to be filled in, every answer still commented out."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping

from analyzer.decide.likeness import question_groups
from analyzer.decide.questions import OpenQuestion, open_questions
from analyzer.model import OutputFile, Plan, Provenance, Source, Via
from analyzer.render.references import readable
from analyzer.render.texts import Texts

PATH = "questions.yml"
_WIDTH = 112


def render(plan: Plan, _templates: Mapping[str, str], language: str = "en") -> tuple[OutputFile, ...]:
    """The file at the bundle's root; its lines name the source of each question. No file where nothing is open."""
    questions = open_questions(plan)
    if not questions:
        return ()
    texts = Texts(language)
    several = len(plan.applications) > 1
    lines: list[tuple[str, Source | None]] = [
        (f"# {texts(key)}", None) for key in ("questions.head", "questions.head-2")
    ]
    lines += [("version: 1", None), ("", None), ("answers:", None)]
    for group in question_groups(questions):
        if group.alike:
            said = texts("questions.group", count=len(group.questions), alike=_one_line(group.alike))
            lines += [("", None), *((f"  # --- {line}", None) for line in _wrapped(said))]
        for one in group.questions:
            lines += [(line, one.source) for line in _lines(one, texts, several=several)]
    text = "".join(f"{line}\n" for line, _ in lines)
    provenance = tuple(
        Provenance(line=number, via=Via(rule="open-question", sources=(source,)))
        for number, (_, source) in enumerate(lines, 1)
        if source is not None
    )
    return (OutputFile(path=PATH, data=text.encode(), provenance=provenance),)


def snippet(one: OpenQuestion) -> str:
    """The line of `migrate.yml`, indented below `answers:`, that gives the default answer."""
    return f"  {_key(one.question.id)}: {_value(one)}"


def _lines(one: OpenQuestion, texts: Texts, *, several: bool) -> list[str]:
    place = f"{one.source}  " if one.source else ""
    application = f"{', '.join(one.applications)}: " if several else ""
    kind = f"{texts('questions.blocking')}  " if one.question.blocking else ""
    said = [f"{kind}{application}{place}{one.subject}", one.question.text]
    if one.question.answers:
        said.append(
            f"{texts('questions.answers')}: {' | '.join(_answer(each, texts) for each in one.question.answers)}"
        )
    comments = [
        f"  # {line}"
        for text in said
        for line in textwrap.wrap(_one_line(text), _WIDTH, break_on_hyphens=False) or [""]
    ]
    return ["", *comments, f"  # {snippet(one).lstrip()}"]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_on_hyphens=False) or [""]


def _answer(answer: str, texts: Texts) -> str:
    meaning = texts.named(f"answer.{answer}", answer)
    return f"{answer} = {meaning}" if meaning != answer else answer


def _one_line(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", readable(text)).strip()


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) else json.dumps(text)


def _value(one: OpenQuestion) -> str:
    if not one.default:
        return '""'
    return one.default if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", one.default) else json.dumps(_one_line(one.default))
