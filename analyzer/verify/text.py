"""`Fidelity` for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from analyzer.verify.fidelity import Fidelity, Standing

SHOWN = 40
"""More unexplained differences than these are counted; JSON has them all."""


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
        out.append("")
    return "\n".join(out)


def _table(result: Fidelity) -> list[str]:
    lines = [f"  {'compared with the playbook':<28}{'same':>9}{'explained':>11}{'unexplained':>13}"]
    totals = [0, 0, 0]
    for kind, same, explained, unexplained in result.counts:
        lines.append(f"  {kind:<28}{same:>9}{explained:>11}{unexplained:>13}")
        totals = [totals[0] + same, totals[1] + explained, totals[2] + unexplained]
    lines.append(f"  {'total':<28}{totals[0]:>9}{totals[1]:>11}{totals[2]:>13}")
    reasons: dict[str, list[str]] = {}
    for each in result.differences:
        if each.standing is Standing.EXPLAINED:
            reasons.setdefault(each.reason, []).append(f"{each.kind} {each.name}")
    if reasons:
        lines += ["", "  explained by"]
        for reason, names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
            example = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            lines.append(f"    {len(names):>5}  {reason[:140]}: {example}")
    if result.unexplained:
        lines += ["", "  unexplained"]
        for each in result.unexplained[:SHOWN]:
            lines.append(f"    {each.kind} {each.name}: image {each.image}, playbook {each.playbook}")
        if len(result.unexplained) > SHOWN:
            lines.append(f"    and {len(result.unexplained) - SHOWN} more (--format json has them all)")
    if result.not_run:
        lines += ["", "  tasks that could not run in a container", *(f"    {each}" for each in result.not_run)]
    image, playbook = result.image_bytes / 1e6, result.playbook_bytes / 1e6
    size = f"  size: {image:.0f} MB in {result.image_layers} layers"
    return [*lines, "", f"{size}; the base image after the playbook: {playbook:.0f} MB"]


def render_json(results: Sequence[Fidelity]) -> str:
    """Everything, for programs."""
    return json.dumps({"version": 1, "applications": [_json(result) for result in results]}, indent=2) + "\n"


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
            }
            for each in result.differences
        ],
        "image": {"bytes": result.image_bytes, "layers": result.image_layers},
        "playbook": {"bytes": result.playbook_bytes, "not_run": list(result.not_run)},
    }
