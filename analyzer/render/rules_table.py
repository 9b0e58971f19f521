"""The rule table: what each rule is about, what becomes of it, and why."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Literal

from analyzer.render.jinja import markdown_cell
from analyzer.rulepack import examples
from analyzer.ruletypes import SUBJECTS, Condition, DerivedRule, Rule, RulePack

WIDTH = 100


_ABOUT_DERIVED = "Rules that go by the whole project and its evidence, not by one task."


def render_rules(pack: RulePack, derived: Mapping[str, DerivedRule], form: Literal["text", "markdown", "json"]) -> str:
    """Every rule of the packs, in their order, then those that no task is matched against."""
    match form:
        case "text":
            return "".join((*_text(pack), *_derived_text(derived)))
        case "markdown":
            return "".join((*_markdown(pack), *_derived_markdown(derived)))
        case "json":
            rules = [_record(rule) for rule in pack.rules]
            more = [{"id": name, "title": rule.title, "reason": rule.reason} for name, rule in derived.items()]
            return json.dumps({"version": 1, "rules": rules, "derived": more}, ensure_ascii=False, indent=2) + "\n"


def _text(pack: RulePack) -> Iterator[str]:
    for name, about in pack.abouts.items():
        rules = [rule for rule in pack.rules if rule.pack == name]
        yield textwrap.fill(f"{name}: {about}", WIDTH, subsequent_indent="  ") + "\n\n"
        for rule in rules:
            head = f"  {rule.id:<30} {rule.outcome:<15} "
            yield textwrap.fill(rule.title, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) + "\n"
            yield from (
                f"{textwrap.fill(line, WIDTH, initial_indent=_IN, subsequent_indent=_IN + '  ')}\n"
                for line in _lines(rule)
            )
        yield "\n"
    yield f"{len(pack.rules)} rules in {len(pack.abouts)} packs\n"


def _markdown(pack: RulePack) -> Iterator[str]:
    for name, about in pack.abouts.items():
        yield f"## {name}\n\n{about}\n\n| rule | about | outcome | why |\n|---|---|---|---|\n"
        for rule in pack.rules:
            if rule.pack == name:
                why = f"{rule.reason} [source]({rule.link})" if rule.link else rule.reason
                cells = (f"`{rule.id}`", markdown_cell(_about(rule)), str(rule.outcome), markdown_cell(why))
                yield f"| {' | '.join(cells)} |\n"
        yield "\n"


def _derived_text(derived: Mapping[str, DerivedRule]) -> Iterator[str]:
    yield f"\nderived: {_ABOUT_DERIVED}\n\n"
    for name, rule in derived.items():
        head = f"  {name:<30} "
        yield textwrap.fill(rule.title, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) + "\n"


def _derived_markdown(derived: Mapping[str, DerivedRule]) -> Iterator[str]:
    yield f"## derived\n\n{_ABOUT_DERIVED}\n\n| rule | about | outcome | why |\n|---|---|---|---|\n"
    for name, rule in derived.items():
        yield f"| `{name}` | {markdown_cell(rule.title)} | | {markdown_cell(rule.reason)} |\n"


_IN = " " * 6


def _lines(rule: Rule) -> Iterator[str]:
    """What the rule is addressed by, a line for each kind; and what it asks."""
    yield from _about(rule).split("; ")
    if conditions := [text for one in rule.where if (text := _condition(one))]:
        yield f"where: {'; '.join(conditions)}"
    elif rule.fallback:
        yield "where: no other rule of these modules matches"
    if rule.question:
        yield f"asks: {rule.question} ({', '.join(rule.answers)})"


_WORDS = {"one_of": "is", "none_of": "is not", "prefix": "starts with", "suffix": "ends with", "known": "is given",
          "absent": "is not given", "unknown": "is not known"}  # fmt: skip


def _condition(condition: Condition) -> str:
    """`state is link or hard`."""
    if condition.operator == "any_of":
        ways = [" and ".join(_condition(part) for part in parts) for parts in condition.operand]
        return " or ".join(dict.fromkeys(ways))
    said = f"{condition.argument} {_WORDS.get(condition.operator, condition.operator)}"
    if condition.operand == (True,) and condition.operator in ("known", "absent", "unknown"):
        return said
    values = [str(value).lower() if isinstance(value, bool) else str(value) for value in condition.operand]
    return f"{said} {' or '.join(values)}"


def _about(rule: Rule) -> str:
    """What the rule is addressed by; long lists are cut, the JSON form has them whole."""
    parts = [("modules", rule.modules), *((kind, rule.subjects[kind]) for kind in SUBJECTS if kind in rule.subjects)]
    return "; ".join(f"{kind}: {_some(names)}" for kind, names in parts if names)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown}, and {len(names) - 6} more" if len(names) > 6 else shown


def _record(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "modules": list(rule.modules),
        "subjects": {kind: list(rule.subjects[kind]) for kind in SUBJECTS if kind in rule.subjects},
        "outcome": str(rule.outcome),
        "effects": [emit.effect for emit in rule.emit],
        "reason": rule.reason,
        "link": rule.link,
        "question": rule.question,
        "answers": list(rule.answers),
        "fallback": rule.fallback,
        "examples": len(examples(rule)),
        "source": {"file": rule.source.file, "line": rule.source.line},
    }
