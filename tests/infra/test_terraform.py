"""Terraform's own core accepts what is generated, and `terraform fmt` has nothing to change."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.model import OutputFile
from analyzer.render.containers import environments, scheduled_jobs
from analyzer.render.names import Names
from analyzer.render.watches import watches
from tests.infra import factory
from tests.infra.bundle import files
from tests.terraform_stub.provider import running

SCHEMA = Path(__file__).parents[1] / "terraform_stub" / "schema.json"
PROGRAM = shutil.which("terraform")

needs_terraform = pytest.mark.terraform


def write(folder: Path, files: tuple[OutputFile, ...]) -> None:
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    with running(json.loads(SCHEMA.read_text())) as variables:
        yield variables


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def filled_in(example: str) -> str:
    """The example as a person fills it in."""
    example = re.sub(r"^vpc_id = .*$", 'vpc_id = "vpc-"', example, flags=re.MULTILINE)
    return re.sub(r'"(subnet|vpc)-"', r'"\1-0123456789abcdef0"', example)


@pytest.mark.parametrize("name", factory.APPLICATIONS)
class TestTerraform:
    """Each hand-made application."""

    pytestmark = needs_terraform

    def test_is_valid_and_formatted(self, name: str, tmp_path: Path, environment: dict[str, str]) -> None:
        """Every root passes `terraform validate` with its own values, and every file `terraform fmt -check`."""
        application = factory.APPLICATIONS[name]
        write(tmp_path, files(application))
        formatted = run(tmp_path, environment, "fmt", "-check", "-recursive", "-diff", "-no-color")
        assert formatted.returncode == 0, formatted.stdout + formatted.stderr
        for one in environments(application):
            root = tmp_path / application.name / "infra" / one
            data = {**environment, "TF_DATA_DIR": str(tmp_path / f"data-{one}")}
            initialised = run(root, data, "init", "-backend=false", "-input=false", "-no-color")
            assert initialised.returncode == 0, initialised.stdout + initialised.stderr
            report = json.loads(run(root, data, "validate", "-json", "-no-color").stdout)
            assert report["diagnostics"] == []

    def test_values_have_the_types_of_their_variables(
        self, name: str, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        """`terraform.tfvars` and the copied example are read by Terraform into the declared variables, texts intact."""
        application = factory.APPLICATIONS[name]
        write(tmp_path, files(application))
        for one in environments(application):
            root = tmp_path / application.name / "infra" / one
            (root / "site.auto.tfvars").write_text(filled_in((root / "site.auto.tfvars.example").read_text()))
            (root / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
            data = {**environment, "TF_DATA_DIR": str(tmp_path / f"data-{one}")}
            assert run(root, data, "init", "-input=false", "-no-color").returncode == 0
            console = subprocess.run(
                [str(PROGRAM), "console"],
                cwd=root,
                env=data,
                input="base64encode(jsonencode([var.alarms, var.jobs, var.processes, var.names]))\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert console.returncode == 0, console.stderr
            alarms, jobs, processes, names = json.loads(base64.b64decode(console.stdout.strip().strip('"')))
            assert set(jobs) == {job.id for job in scheduled_jobs(application)}
            assert set(processes) == {process.name for process in application.processes}
            assert names["cluster"] == Names(application.name, one).cluster
            patterns = {job: item["pattern"] for job, item in alarms["heartbeat_filters"].items()}
            assert patterns == {
                watch.job.id: f'"{watch.job.end_marker}"' for watch in watches(application) if watch.from_log
            }
            for job in jobs.values():
                for schedule in job["schedules"].values():
                    assert "<aws.scheduler.scheduled-time>" in schedule["input"]


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("modules/service/main.tf", "desired_count          =", "desired_cuont          =", "Unsupported argument"),
        ("modules/batches/main.tf", "flexible_time_window {", "flexible_window {", "Unsupported block type"),
        ("modules/alarms/main.tf", "var.dead_letters.alarm", "var.dead_letters.alram", "Unsupported attribute"),
        (
            "modules/roles/main.tf",
            "aws_iam_role.task.name",
            "aws_iam_role.tusk.name",
            "Reference to undeclared resource",
        ),
        ("modules/registry/main.tf", "  name                 = var.name\n", "", "Missing required argument"),
        (
            "production/main.tf",
            "cluster_arn                = module",
            "cluster                = module",
            "Missing required argument",
        ),
    ],
)
class TestStub:
    """The stub provider's word means something."""

    pytestmark = needs_terraform

    def test_finds_a_planted_mistake(
        self, file: str, old: str, new: str, complaint: str, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        """A misspelt argument, block, attribute or reference and a missing argument are all reported."""
        application = factory.application()
        write(tmp_path, files(application))
        path = tmp_path / "accounting/infra" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        root = tmp_path / "accounting/infra/production"
        run(root, environment, "init", "-backend=false", "-input=false")
        report = json.loads(run(root, environment, "validate", "-json").stdout)
        assert complaint in {item["summary"] for item in report["diagnostics"]}
