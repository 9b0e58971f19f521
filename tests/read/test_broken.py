"""Broken projects: each says what is wrong, where, and what to do; everything else is still read.

fixtures/broken/<kind>/ is a small project, expected.txt what the main job says of it: exit status, what it prints on
stderr, and the decisions. To write them anew after a change, and then read the difference:

    REGENERATE=1 .venv/bin/python -m pytest tests/read/test_broken.py; git diff fixtures/broken
"""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

BROKEN = Path(__file__).parents[2] / "fixtures" / "broken"
KINDS = sorted(path.name for path in BROKEN.iterdir() if path.is_dir())


def said_of(project: Path, out: Path) -> str:
    """What the main job says of a project, without the figures that belong to sizing and cost."""
    result = CliRunner().invoke(cli, [str(project), "--out", str(out), "--region", "us-east-1"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    lines = [f"exit status {result.exit_code}", ""]
    lines += [line for line in result.stderr.splitlines() if re.match(r"(error|warning|note|migrate-analyze)\b", line)]
    if (out / "plan.json").exists():
        plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
        decisions = [each for application in plan["applications"] for each in application["decisions"]]
        lines.append("")
        for each in decisions:
            reason = each["reason"] if each["outcome"] in ("manual", "skipped") else ""
            lines.append(
                f"{each['kind']} {each['source']['file']}:{each['source']['line']}: {each['outcome']} ({each['applies']}) {reason}".rstrip()
            )
        counts = Counter(each["outcome"] for each in decisions)
        lines += ["", ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))]
    return "\n".join(lines).replace(str(out), "OUT") + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_project_gets_its_problems_and_is_read(kind: str, tmp_path: Path) -> None:
    """Messages, exit status and decisions are those that were reviewed."""
    said = said_of(BROKEN / kind, tmp_path / "out")
    expected = BROKEN / kind / "expected.txt"
    if os.environ.get("REGENERATE"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


def test_every_problem_names_its_place_and_what_to_do() -> None:
    """No error or warning about a file goes without a hint, and none shows a traceback or a path of this machine."""
    for kind in KINDS:
        for line in (BROKEN / kind / "expected.txt").read_text(encoding="utf-8").splitlines():
            assert "Traceback" not in line
            assert str(BROKEN.parent) not in line
            if line.startswith(("error:", "warning:")):
                assert re.search(r"\(.+\) \[[\w-]+\]$", line), (kind, line)
