"""checkov over the Terraform and the Dockerfiles of the fixture and of further projects: each finding is fixed or explained."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from analyzer.model import OutputFile
from analyzer.render.bundle import RENDERERS
from analyzer.resources import template_texts
from tests.infra import factory

pytestmark = pytest.mark.checkov

SKIPS = Path(__file__).with_name("checkov_skips.yaml")
FRAMEWORKS = ("terraform", "dockerfile")


class Finding(NamedTuple):
    """A check that a resource fails."""

    check: str
    resource: str
    name: str = ""


@cache
def generated(name: str) -> tuple[OutputFile, ...]:
    """What checkov reads of an application."""
    application, templates = factory.APPLICATIONS[name], template_texts()
    files = (file for renderer in RENDERERS for file in renderer(application, templates))
    return tuple(file for file in files if file.path.endswith((".tf", ".tfvars", ".asl.json", "/Dockerfile")))


def write(folder: Path, name: str, part: str = "") -> Path:
    """Writes those files below `part` of the application's folder; the application's folder."""
    root = folder / factory.APPLICATIONS[name].name
    for file in generated(name):
        path = folder / file.path
        if path.is_relative_to(root / part):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
    return root


def address(resource: str) -> str:
    """A resource without its index, a Dockerfile without its application."""
    return re.sub(r"^/[^/]+(?=/app/)", "", re.sub(r"\[[^]]*\]", "", resource))


def checked(folder: Path) -> tuple[dict[str, dict[str, Any]], tuple[Finding, ...]]:
    """(summary of each framework, findings); nothing is downloaded."""
    answer = subprocess.run(
        [
            str(shutil.which("checkov")), "--directory", str(folder), "--framework", *FRAMEWORKS,
            "--skip-download", "--compact", "--quiet", "--soft-fail", "--output", "json",
        ],
        cwd=folder, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    reports = json.loads(answer.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    found = {
        Finding(item["check_id"], address(item["resource"]), item["check_name"])
        for report in reports
        for item in report["results"]["failed_checks"]
    }
    return {report["check_type"]: report["summary"] for report in reports}, tuple(sorted(found))


def skips() -> dict[tuple[str, str], str]:
    """(check, pattern of resources) -> why it stays as it is."""
    return {
        (entry["check"], pattern): entry["reason"]
        for entry in yaml.safe_load(SKIPS.read_text(encoding="utf-8"))
        for pattern in entry["resources"]
    }


def matches(finding: Finding, skip: tuple[str, str]) -> bool:
    """Whether the skip means this finding."""
    return finding.check == skip[0] and fnmatchcase(finding.resource, skip[1])


def unexplained(found: Sequence[Finding]) -> list[Finding]:
    """The findings that no skip explains."""
    return [finding for finding in found if not any(matches(finding, skip) for skip in skips())]


def test_every_finding_is_explained_and_every_skip_needed(tmp_path: Path) -> None:
    """checkov reads all files; each finding has its reason in the list, and each entry of the list a finding."""
    summaries, found = checked(write(tmp_path, "fixture"))
    assert set(summaries) == set(FRAMEWORKS)
    for summary in summaries.values():
        assert summary["parsing_errors"] == 0
        assert summary["passed"] > 100
    assert unexplained(found) == []
    assert [skip for skip in skips() if not any(matches(finding, skip) for finding in found)] == []
    assert all(len(reason) > 30 for reason in skips().values())


def test_other_projects_have_no_further_findings(tmp_path: Path) -> None:
    """What other projects bring (no API, two processes, many batches, two applications) is covered by the same list."""
    for name in ("many-jobs", "no-api", "two-processes"):  # made by hand, without an image
        write(tmp_path, name, "infra")
    for name in ("shop-of-two", "billing-of-two"):
        write(tmp_path, name)
    summaries, found = checked(tmp_path)
    assert set(summaries) == set(FRAMEWORKS)
    assert not any(summary["parsing_errors"] for summary in summaries.values())
    assert summaries["terraform"]["passed"] > 1000
    assert unexplained(found) == []


def test_a_planted_mistake_is_found(tmp_path: Path) -> None:
    """A queue without encryption and a Dockerfile that ends as root are not explained away."""
    root = write(tmp_path, "fixture", "infra/modules/batches")
    path = root / "infra/modules/batches/main.tf"
    text = path.read_text()
    assert "sqs_managed_sse_enabled   = true" in text
    path.write_text(text.replace("sqs_managed_sse_enabled   = true", "sqs_managed_sse_enabled   = false"))
    (root / "Dockerfile").write_text("FROM debian:bookworm-slim\nUSER root\n")
    _, found = checked(root)
    assert {"CKV_AWS_27", "CKV_DOCKER_8"} <= {finding.check for finding in unexplained(found)}
