"""Other people's validators over what is generated: cfn-lint, asl-validator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra import factory
from tests.infra.bundle import texts

CASES = [
    ("typical", "production"),
    ("typical", "development"),
    ("many-jobs", "production"),
    ("no-api", "production"),
    ("two-processes", "staging"),
    ("fixture", "production"),
    ("fixture", "development"),
]


SPELLED = {
    "efsVolumeConfiguration": "EFSVolumeConfiguration",
    "fileSystemId": "FilesystemId",
    "iam": "IAM",
}
"""CloudFormation's own spelling where it is not the API's in Pascal case."""


def pascal(value: Any, *, keep: bool = False) -> Any:
    """A request of the API as CloudFormation spells it; keys below `Options` are data."""
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            spelled = key if keep else SPELLED.get(key, key[0].upper() + key[1:])
            made[spelled] = pascal(item, keep=key == "options")
        return made
    return [pascal(item) for item in value] if isinstance(value, list) else value


def template(name: str, environment: str) -> dict[str, Any]:
    """A CloudFormation template with the task definitions and schedules of one environment of the bundle."""
    resources: dict[str, Any] = {}
    for path, text in texts(name).items():
        if f"/{environment}/" not in path:
            continue
        logical = re.sub(r"[^A-Za-z0-9]", "", path)
        if "/docker/" in path and path.endswith(".json"):
            request = pascal(json.loads(text))
            resources[logical] = {"Type": "AWS::ECS::TaskDefinition", "Properties": request}
        elif path.startswith("infra/schedules/"):
            request = json.loads(text)
            request.pop("ActionAfterCompletion", None)  # the resource knows no such property
            resources[logical] = {"Type": "AWS::Scheduler::Schedule", "Properties": request}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def lint(path: Path) -> list[dict[str, Any]]:
    program = Path(sys.executable).parent / "cfn-lint"
    answer = subprocess.run(
        [program, "--format", "json", "--regions", "ap-northeast-1", "--template", path],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(answer.stdout)


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_cfn_lint(name: str, environment: str, tmp_path: Path) -> None:
    """cfn-lint finds no error in the task definitions and schedules: sizes, log options, ports, enums, unknown names."""
    made = template(name, environment)
    assert made["Resources"]
    if len(made["Resources"]) > 100:  # cfn-lint takes long, and these are alike
        made["Resources"] = dict(list(made["Resources"].items())[:40])
    path = tmp_path / "template.json"
    path.write_text(json.dumps(made))
    found = [f"{item['Rule']['Id']} {item['Message']} {item['Location']['Path']}" for item in lint(path)]
    assert found == []


def test_cfn_lint_would_find_a_wrong_size(tmp_path: Path) -> None:
    """The derived template is read: an illegal size in it is reported."""
    made = template("typical", "production")
    next(item for item in made["Resources"].values() if "TaskDefinition" in item["Type"])["Properties"]["Memory"] = (
        "777"
    )
    path = tmp_path / "template.json"
    path.write_text(json.dumps(made))
    assert "E3047" in {item["Rule"]["Id"] for item in lint(path)}


@pytest.mark.npm
@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_asl_validator(name: str, tmp_path: Path) -> None:
    """asl-validator accepts every state machine: those of the batches, alike ones once, and the daily check."""
    shapes: dict[str, Path] = {}
    for path, text in texts(name).items():
        if not path.endswith(".asl.json"):
            continue
        filled = re.sub(r"(?<!\$)\$\{\w+\}", "arn:aws:sns:ap-northeast-1:123456789012:x", text)
        filled = re.sub(r"\\n|\u2028", " ", filled)  # its pattern of a text knows one line only
        shape = ",".join(json.loads(filled)["States"])
        if shape not in shapes:
            shapes[shape] = tmp_path / Path(path).name
            shapes[shape].write_text(filled)
    assert shapes or not factory.APPLICATIONS[name].jobs
    made = subprocess.run(
        ["asl-validator", *(word for path in shapes.values() for word in ("--json-path", str(path)))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
