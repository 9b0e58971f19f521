"""The Red Hat family against instructions that were written by hand (redhat.yaml)."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.decide.image import compose_image
from analyzer.decide.image_decisions import settle_decisions
from analyzer.decide.processes import find_processes
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Decision, Host, Image, Process, Settings, Source
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from tests.image.effects import rendered
from tests.rules.example_tasks import task

ROCKY = {"distribution": "Rocky", "distribution_version": "9.3", "os_family": "RedHat"}


@cache
def cases() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(Path(__file__).with_name("redhat.yaml").read_text(encoding="utf-8")))


def made(case: dict[str, Any], facts: dict[str, str]) -> tuple[Image, tuple[Decision, ...], tuple[Process, ...]]:
    """Image, decisions and processes of a case, as the pipeline makes them."""
    host = Host(name="web01", source=Source("hosts", 1), facts=facts)
    settings = Settings(base_image=case.get("base_image", ""))
    given = [
        task(one, source=Source("roles/example/tasks/main.yml", number)) for number, one in enumerate(case["tasks"], 1)
    ]
    found = decide_tasks(given, load_pack(rule_texts()), settings, package_manager="dnf")
    findings = find_processes(found.steps, [host], settings, found.dropped)
    image = compose_image(found.steps, [host], findings, [], settings)
    return image, settle_decisions(found.decisions, found.steps, image), findings.processes


def instructions(image: Image) -> str:
    """The Dockerfile without comments and blank lines."""
    lines = rendered(image).data.decode().splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.lstrip().startswith("#"))


def slug(case: dict[str, Any]) -> str:
    return "-".join(case["name"].replace(",", "").split()[:6])


@pytest.mark.parametrize("case", [each for each in cases() if "hosts" not in each], ids=slug)
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    """Tasks of a host of the Red Hat family become the instructions that an expert wrote; hadolint has no warning."""
    image, decisions, processes = made(case, case.get("host", ROCKY))
    assert instructions(image) == case["dockerfile"]
    assert [str(decision.outcome) for decision in decisions] == case["outcomes"]
    files = {file.path.removeprefix("rootfs"): file.data.decode() for file in image.files}
    assert files == case.get("files", {})
    assert case.get("note", "") in " ".join(image.notes)
    if "process" in case:
        (process,) = processes
        wanted = case["process"]
        assert (list(process.command), dict(process.environment), process.port) == (
            wanted["command"],
            wanted["environment"],
            wanted["port"],
        )
    path = tmp_path / "Dockerfile"
    path.write_bytes(rendered(image).data)
    hadolint = Path(sys.executable).with_name("hadolint")
    answer = subprocess.run(
        [str(hadolint), "--failure-threshold", "warning", str(path)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("image", "facts"),
    [(image, facts) for case in cases() for image, facts in case.get("hosts", {}).items()],
)
def test_base_image(image: str, facts: dict[str, str]) -> None:
    """A distribution and release have their own base image, with the end of its support said."""
    found, _, _ = made({"tasks": []}, facts)
    assert instructions(found) == f"FROM {image}\n"
    assert any(note.startswith(f"{image}: the distribution's support ends 20") for note in found.notes)
