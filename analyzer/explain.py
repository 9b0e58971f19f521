"""EDGE IN of `explain`: a bundle's provenance, read back both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.ruletypes import DerivedRule, Rule, RulePack

    _Rules = Mapping[str, DerivedRule | Rule]


class ExplainError(Exception):
    """The bundle or the place cannot be read; one line for the person."""


def explain_place(bundle: Path, place: str, pack: RulePack, derived: Mapping[str, DerivedRule]) -> str:
    """What made the output line, or what became of the source line, in words."""
    rules: dict[str, DerivedRule | Rule] = {name: rule for rule in pack.rules for name in (rule.id, *rule.aliases)}
    rules |= derived
    plan, provenance = _load(bundle, "plan.json"), _load(bundle, "provenance.json")
    file, line, pointer = _split(place)
    prefix = f"{bundle.name}/"
    candidates = [file, file.removeprefix("./"), file.removeprefix(prefix)]
    known = next((each for each in candidates if each in provenance["files"]), None)
    lines = (
        list(_of_output(bundle, known, line, pointer, provenance, rules))
        if known is not None
        else list(_of_source(file.removeprefix("./"), line, plan, rules))
    )
    if not lines:
        raise ExplainError(
            f"{place}: neither a line of the bundle nor a source line that was read; expected e.g. "
            "accounting/app/Dockerfile:12 or roles/api/tasks/main.yml:20"
        )
    return "\n".join(lines) + "\n"


def _load(bundle: Path, name: str) -> dict[str, Any]:
    try:
        data = json.loads((bundle / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExplainError(f"{bundle}: holds no {name}; expected a bundle written by migrate-analyze") from None
    except (OSError, ValueError) as error:
        raise ExplainError(f"{bundle / name}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise ExplainError(f"{bundle / name}: expected a JSON object")
    return data


def _split(place: str) -> tuple[str, int | None, str | None]:
    if match := re.fullmatch(r"(.+?)#(/.*)?", place):
        return match[1], None, match[2] or ""
    if match := re.fullmatch(r"(.+):(\d+)", place):
        return match[1], int(match[2]), None
    return place, None, None


def _of_output(
    bundle: Path, file: str, line: int | None, pointer: str | None, provenance: dict[str, Any], rules: _Rules
) -> Iterator[str]:
    rows = provenance["files"][file]
    if pointer is not None:
        found = [row for row in rows if row[1] is not None and (row[1] == pointer or row[1].startswith(pointer + "/"))]
        found = found or [row for row in rows if row[1] is not None and pointer.startswith(row[1] + "/")]
    elif line is not None:
        found = [row for row in rows if row[0] == line]
        if not found and not any(row[0] is not None for row in rows):
            found = list(rows)
    else:
        found = list(rows)
    text = _line_of(bundle / file, line)
    seen: set[int] = set()
    for row in found:
        if row[2] in seen:
            continue
        seen.add(row[2])
        reason = provenance["reasons"][row[2]]
        where = f"{file}:{row[0]}" if row[0] is not None else file
        yield f"{where}{'#' + row[1] if row[1] else ''}"
        if text:
            yield f"    {text.strip()}"
        yield from _rule_lines(reason["rule"], rules)
        for source in reason["sources"]:
            yield f"  source  {source}"
        if reason["note"]:
            yield f"  note    {reason['note']}"


def _rule_lines(rule_id: str | None, rules: _Rules) -> Iterator[str]:
    if rule_id is None:
        yield "  rule    none: a person decides"
        return
    rule = rules.get(rule_id)
    yield f"  rule    {rule_id}" + (f": {rule.title}" if rule is not None else "")
    if rule is not None and rule.reason:
        yield f"  reason  {rule.reason}"


def _of_source(file: str, line: int | None, plan: dict[str, Any], rules: _Rules) -> Iterator[str]:
    for application in plan["applications"]:
        mine = [each for each in application["decisions"] if each["source"]["file"] == file]
        if line is not None and mine:
            # a task's line is its first; any line up to the next task belongs to it
            start = max((each["source"]["line"] for each in mine if each["source"]["line"] <= line), default=None)
            mine = [each for each in mine if each["source"]["line"] == start]
        for decision in mine:
            module = f" ({decision['module']})" if decision["module"] else ""
            yield f"{file}:{decision['source']['line']}  {decision['kind']} {decision['name']!r}{module}"
            yield f"  outcome {decision['outcome']}: {decision['reason']}"
            yield from _rule_lines(decision["rule"], rules)
            if decision.get("question"):
                yield f"  question {decision['question_id']}: {decision['question']}"
            for output in decision["outputs"]:
                where = f":{output['line']}" if "line" in output else ""
                yield f"  output  {output['file']}{where}{'#' + output['pointer'] if 'pointer' in output else ''}"


def _line_of(path: Path, line: int | None) -> str:
    if line is None:
        return ""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[line - 1] if 0 < line <= len(lines) else ""
