"""`Fidelity` for people and for programs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from analyzer.render.texts_fidelity import FIDELITY
from analyzer.verify.fidelity import Explanation, Fidelity, Standing

SHOWN = 40
"""More unexplained differences than these are counted; JSON has them all."""
_SUBJECTS = re.compile(r"[^\s,;:]+(?: [^\s,;:]+){0,2}(?:, [^\s,;:]+(?: [^\s,;:]+){0,2})*: (?=\S)")
"""What a reason says first, `nginx, Role web: the load balancer …`; each line names it by its things already."""
PREPARATION = "preparation of the runs"
HOW = (
    "How it was shown: the playbook ran twice in the image's own base image, once whole and once without what the plan "
    "leaves out ({count} tasks). A difference counts as explained only where the image equals the second run; the task "
    "named is the one that was seen to make the difference in the first."
)
NOT_COMPARED = (
    "what is temporary (/tmp, /run), what the engine writes (/etc/hosts, /etc/resolv.conf), state, logs and caches of "
    "package managers, libraries and fonts unless a task names them (packages are compared by name and version), and "
    "times of files."
)
OUTCOMES = {key.partition(".")[2]: words for key, (words, _) in FIDELITY.items() if key.startswith("because.")}


def render_text(results: Sequence[Fidelity]) -> str:
    """The table for the terminal."""
    out: list[str] = []
    for result in results:
        out.append(f"{result.application}")
        width = max((len(check.name) for check in result.checks), default=0)
        for check in result.checks:
            seconds = f" ({check.seconds:.1f} s)" if check.seconds >= 0.05 else ""
            first, *rest = check.detail.split("\n")
            out.append(f"  {check.status:<8}{check.name:<{width}}  {first}{seconds}".rstrip())
            out += [f"          {line}" for line in rest]
        if result.compared:
            out += ["", *_table(result)]
        if result.timings:
            phases = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result.timings)
            beside = "; the playbook's runs go beside the build" if result.compared else ""
            out.append(f"  time: {result.seconds:.0f} s ({phases}{beside})")
        out.append("")
    return "\n".join(out)


def _table(result: Fidelity) -> list[str]:
    lines = [f"  {'compared with the playbook':<28}{'same':>9}{'explained':>11}{'unexplained':>13}"]
    totals = [0, 0, 0]
    for kind, same, explained, unexplained in result.counts:
        lines.append(f"  {kind:<28}{same:>9}{explained:>11}{unexplained:>13}")
        totals = [totals[0] + same, totals[1] + explained, totals[2] + unexplained]
    lines.append(f"  {'total':<28}{totals[0]:>9}{totals[1]:>11}{totals[2]:>13}")
    lines += ["", *textwrap.wrap(HOW.format(count=result.left_out), 110, initial_indent="  ", subsequent_indent="  ")]
    lines += _explained(result)
    if result.unexplained:
        lines += ["", "  UNEXPLAINED: the image is neither what the playbook makes nor what it makes without the above"]
        for each in result.unexplained[:SHOWN]:
            lines.append(f"    {each.kind} {each.name}: image {each.image}, playbook {each.playbook}")
        if len(result.unexplained) > SHOWN:
            lines.append(f"    and {len(result.unexplained) - SHOWN} more (--format json has them all)")
    if result.not_run:
        head = "  not shown: tasks that no container can run, or that failed in the run"
        lines += ["", head, *(f"    {each}" for each in result.not_run)]
    lines += ["", *textwrap.wrap(f"not compared: {NOT_COMPARED}", 110, initial_indent="  ", subsequent_indent="  ")]
    image, playbook = result.image_bytes / 1e6, result.playbook_bytes / 1e6
    size = f"  size: {image:.0f} MB in {result.image_layers} layers"
    return [*lines, "", f"{size}; the base image after the playbook: {playbook:.0f} MB"]


def _explained(result: Fidelity) -> list[str]:
    """The explained differences: by outcome, by reason, by task."""
    found = result.explained_by
    lines: list[str] = []
    outcomes: dict[str, dict[str, list[Explanation]]] = {}
    for each in found:
        about = _SUBJECTS.match(each.reason)
        reason = each.reason[about.end() :] if about else each.reason
        outcomes.setdefault(each.outcome, {}).setdefault(reason, []).append(each)
    width = max((len(each.source or PREPARATION) for each in found), default=0)
    for outcome, reasons in outcomes.items():
        count = sum(each.count for group in reasons.values() for each in group)
        lines += ["", f"  explained, {outcome}: {count} {OUTCOMES.get(outcome, 'the plan leaves it out of the image')}"]
        for reason, group in sorted(reasons.items(), key=lambda item: -sum(each.count for each in item[1])):
            lines.append(f"    {textwrap.shorten(reason, 112)}")
            for each in group:
                what = each.examples[0] if each.count == 1 else each.kinds
                lines.append(f"      {each.count:>6}  {each.source or PREPARATION:<{width}}  {what}")
    return lines


def render_json(results: Sequence[Fidelity]) -> str:
    """Everything, for programs."""
    return json.dumps({"version": 1, "applications": [_json(result) for result in results]}, indent=2) + "\n"


def render_report_json(results: Sequence[Fidelity], say: Callable[[str], str] = str) -> str:
    """What the report shows: as `render_json`, of the explained differences only how many each task makes.

    `say`: puts sentences into the report's language.
    """
    told = []
    for result in results:
        whole = _json(result)
        kept = [each for each in whole["differences"] if each["standing"] == Standing.UNEXPLAINED.value]
        checks = [{**each, "name": say(each["name"]), "detail": say(each["detail"])} for each in whole["checks"]]
        explained = [{**each, "reason": say(each["reason"])} for each in whole["explained_by"]]
        playbook = {**whole["playbook"], "not_run": [say(each) for each in whole["playbook"]["not_run"]]}
        told.append(
            {
                **whole,
                "differences": kept,
                "checks": checks,
                "explained_by": explained,
                "playbook": playbook,
                "how": say(whole["how"]),
                "not_compared": say(whole["not_compared"]),
            }
        )
    return json.dumps({"version": 1, "applications": told}, indent=1) + "\n"


def _json(result: Fidelity) -> dict[str, Any]:
    return {
        "name": result.application,
        "passed": result.passed,
        "checks": [
            {"name": each.name, "status": each.status, "detail": each.detail, "seconds": round(each.seconds, 1)}
            for each in result.checks
        ],
        "compared": result.compared,
        "counts": [
            {"kind": kind, "same": same, "explained": explained, "unexplained": unexplained}
            for kind, same, explained, unexplained in result.counts
        ],
        "differences": [
            {
                "kind": each.kind,
                "name": each.name,
                "image": each.image,
                "playbook": each.playbook,
                "standing": each.standing.value,
                "reason": each.reason,
                "decision": {"outcome": each.outcome, "source": each.source},
            }
            for each in result.differences
        ],
        "explained_by": [
            {
                "outcome": each.outcome,
                "source": each.source,
                "reason": each.reason,
                "count": each.count,
                "kinds": each.kinds,
                "by_kind": dict(each.by_kind),
                "examples": list(each.examples),
            }
            for each in result.explained_by
        ],
        "left_out": result.left_out,
        "how": HOW.format(count=result.left_out) if result.compared else "",
        "not_compared": NOT_COMPARED if result.compared else "",
        "timings": [{"phase": name, "seconds": round(seconds, 1)} for name, seconds in result.timings],
        "seconds": round(result.seconds, 1),
        "image": {"bytes": result.image_bytes, "layers": result.image_layers},
        "playbook": {"bytes": result.playbook_bytes, "not_run": list(result.not_run)},
    }
