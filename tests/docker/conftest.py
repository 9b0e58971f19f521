"""The fixture's bundle, its build context and its image, made once for all tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.fargate import Batch, Start, TaskDefinition, build, docker

PROJECT = Path(__file__).resolve().parents[2] / "fixtures" / "accounting"
TAG = "migrate-analyze-test/accounting:generated"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `migrate-analyze` writes for the fixture."""
    out = tmp_path_factory.mktemp("bundle") / "migration"
    command = [sys.executable, "-m", "analyzer", str(PROJECT / "inventory"), "--out", str(out)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr
    return out


@pytest.fixture(scope="session")
def plan(bundle: Path) -> dict[str, Any]:
    """The fixture's one application in plan.json."""
    (application,) = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
    return application


@pytest.fixture(scope="session")
def context(bundle: Path, plan: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's repository with `<application>/app/` copied into it, as the bundle's README says."""
    folder = tmp_path_factory.mktemp("context") / "repository"
    shutil.copytree(PROJECT / "app", folder)
    shutil.copytree(bundle / plan["name"] / "app", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def image(context: Path) -> Iterator[str]:
    """The built image; KEEP_TEST_IMAGES=1 leaves it, so that the next run builds from the engine's cache."""
    build(context, TAG)
    yield TAG
    if os.environ.get("KEEP_TEST_IMAGES") != "1":
        docker("image", "rm", "--force", TAG)


@pytest.fixture(scope="session")
def definitions(bundle: Path, plan: dict[str, Any], image: str) -> dict[str, TaskDefinition]:
    """Production's task definitions by name."""
    folder = bundle / plan["name"] / "app" / "docker" / "production"
    found = [TaskDefinition.read(path, image) for path in sorted(folder.glob("task_definition.*.json"))]
    return {definition.name: definition for definition in found}


@pytest.fixture(scope="session")
def batches(bundle: Path, plan: dict[str, Any], definitions: dict[str, TaskDefinition]) -> dict[str, Batch]:
    """Every scheduled batch by id, the disabled one too, since somebody may switch it on."""
    folder = bundle / plan["name"] / "infra" / "state_machines"
    return {
        job["id"]: Batch(job, Start.read(folder / f"{job['id']}.asl.json"), definitions[f"batch_{job['class']}"])
        for job in plan["jobs"]
        if job["outcome"] == "schedule"
    }
