"""Golden cases of the image: effects in, Dockerfile and files out."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.model import Host, Image, Question, Source
from tests.image.effects import DEBIAN, image, rendered, steps

CASES = Path(__file__).with_name("cases.yaml")
GOLDEN = Path(__file__).with_name("golden")


@cache
def cases() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(CASES.read_text(encoding="utf-8")))


def made_of(case: dict[str, Any]) -> Image:
    """The image of a case."""
    host = DEBIAN
    if "host" in case:
        host = Host(name="web01", source=Source("hosts", 1), facts=case["host"])
    return image(steps(case["steps"]), host, case.get("answers", {}))


def outcome(case: dict[str, Any]) -> str:
    """Dockerfile, files and refusals of a case as one text."""
    made = made_of(case)
    parts = [rendered(made).data.decode()]
    parts += [f"--- {file.path} {file.mode:04o}\n{file.data.decode()}" for file in made.files]
    if made.left_out:
        parts.append(
            "--- left out\n" + "".join(f"{x.source}: {x.what}: {x.reason} [{x.outcome}]\n" for x in made.left_out)
        )
    if made.proposals:
        parts.append("--- proposals\n" + "".join(f"{x.reason}{_asked(x.question)}\n" for x in made.proposals))
    if made.runtime_variables:
        parts.append("--- runtime variables\n" + "".join(f"{' '.join(each)}\n" for each in made.runtime_variables))
    return "\n".join(parts)


def _asked(question: Question | None) -> str:
    return f"{question.id}: {question.text}" if question else ""


def slug(case: dict[str, Any]) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in case["name"]).split()[:6])


@pytest.mark.parametrize("case", cases(), ids=slug)
def test_case(case: dict[str, Any]) -> None:
    """The effects of a case give exactly the Dockerfile, files and refusals that were reviewed."""
    assert outcome(case) == (GOLDEN / f"{slug(case)}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", cases(), ids=slug)
def test_every_line_has_its_source(case: dict[str, Any]) -> None:
    """Each line of the Dockerfile has a rule, and each instruction of a task the task's line."""
    output = rendered(made_of(case))
    lines = output.data.decode().splitlines()
    known = {entry.line: entry.via for entry in output.provenance}
    assert sorted(known) == list(range(1, len(lines) + 1))
    assert all(via.rule for via in known.values())


@pytest.mark.parametrize("case", cases(), ids=slug)
def test_hadolint_finds_no_fault(case: dict[str, Any], tmp_path: Path) -> None:
    """hadolint reports nothing above `info`, and parses every instruction."""
    path = tmp_path / "Dockerfile"
    path.write_bytes(rendered(made_of(case)).data)
    program = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [str(program), "--no-color", "--failure-threshold", "warning", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in cases():
        (GOLDEN / f"{slug(each)}.txt").write_text(outcome(each), encoding="utf-8")
