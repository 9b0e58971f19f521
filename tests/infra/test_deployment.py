"""The deployment's files are accepted by the schemas of both CI systems, and its scripts by shellcheck."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from analyzer.model import ReleaseStep, Step, secret_reference
from analyzer.render import deployment
from analyzer.resources import template_texts
from tests.infra import factory

NASTY = "cat << EOF && echo ${{ github.token }} 'it''s' \"x\" # {{ no }}"
RELEASE = (
    Step(
        effect=ReleaseStep(name="Migrate: the << database", command="rake db:migrate", directory="/srv/acc"),
        via=factory.via("m"),
    ),
    Step(effect=ReleaseStep(name="", command=NASTY), via=factory.via("n")),
    Step(effect=ReleaseStep(name="seed", command=f"seed '{secret_reference('pw')}'"), via=factory.via("s")),
)
APPLICATIONS = {**factory.APPLICATIONS, "release": factory.application(more_steps=RELEASE)}


def rendered(name: str) -> dict[str, str]:
    application = APPLICATIONS[name]
    made = deployment.render(application, template_texts())
    return {file.path.removeprefix(f"{application.name}/app/"): file.data.decode() for file in made}


@pytest.mark.parametrize("name", APPLICATIONS)
@pytest.mark.parametrize(
    ("path", "schema"),
    [(".circleci/config.yml", "vendor.circle-ci"), (".github/workflows/deploy.yml", "vendor.github-workflows")],
)
def test_schema(name: str, path: str, schema: str, tmp_path: Path) -> None:
    """Each CI file is valid for the published schema of its system."""
    file = tmp_path / "ci.yml"
    file.write_text(rendered(name)[path])
    made = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_circleci_steps() -> None:
    """All three definitions are registered before the release steps, those before the service moves."""
    config = yaml.safe_load(rendered("release")[".circleci/config.yml"])
    steps = config["jobs"]["deploy-production"]["steps"]
    kinds = [next(iter(step)) if isinstance(step, dict) else step for step in steps]
    assert kinds == [
        "checkout",
        "sign_in",
        "run",
        *["aws-ecs/update_task_definition_from_json"] * 3,
        *["run"] * 3,
        "unless",
    ]
    service = steps[-1]["unless"]["steps"][0]["aws-ecs/update_service"]
    assert service["skip_task_definition_registration"] is True
    assert service["service_name"] == "accounting-production-api"
    migrate = steps[6]["run"]
    assert migrate["name"] == "Migrate: the \\<< database"
    assert migrate["command"] == (
        "docker/run-task.sh accounting-production accounting-production-api 'cd /srv/acc && rake db:migrate'"
    )


def test_marks_of_ci_expressions_stay_text() -> None:
    """`<<` of a here-document and `${{` of a command are no expressions of the CI system."""
    config = yaml.safe_load(rendered("release")[".circleci/config.yml"])
    assert "cat \\<< EOF" in config["jobs"]["deploy-production"]["steps"][7]["run"]["command"]
    workflow = yaml.safe_load(rendered("release")[".github/workflows/deploy.yml"])
    commands = [step.get("run", "") for step in workflow["jobs"]["deploy-production"]["steps"]]
    assert any("${{ '${{' }} github.token" in command for command in commands)


def test_secrets_of_a_release_step_are_read_in_the_container() -> None:
    """A marker in a release step becomes the container's variable, never text of the pipeline."""
    config = rendered("release")[".circleci/config.yml"]
    assert "${PW}" in config
    assert "\ue000" not in config


def test_customers_get_main_after_an_approval() -> None:
    """Production deploys from main when somebody approved, development from develop at once."""
    workflows = yaml.safe_load(rendered("typical")[".circleci/config.yml"])["workflows"]
    production, development = workflows["production"]["jobs"], workflows["development"]["jobs"]
    assert [next(iter(job)) for job in production] == ["build", "approve", "deploy-production"]
    assert production[2]["deploy-production"]["filters"]["branches"]["only"] == "main"
    assert [next(iter(job)) for job in development] == ["build", "deploy-development"]
    assert development[1]["deploy-development"]["filters"]["branches"]["only"] == "develop"


def test_every_environment_has_a_branch_of_its_own() -> None:
    """No two environments are deployed from one branch, and one is deployed from main."""
    application = dataclasses.replace(
        factory.application(), environment="staging", environments=("staging", "development", "production", "prod")
    )
    found = deployment.branches(application)
    assert found == {"staging": "develop", "development": "development", "production": "main", "prod": "prod"}
    assert deployment.branches(factory.no_api()) == {"production": "main"}


def test_the_reason_of_a_release_step_is_its_task() -> None:
    """The line that runs a migration points to the task that ran it."""
    application = APPLICATIONS["release"]
    file = deployment.render(application, template_texts())[0]
    lines = file.data.decode().splitlines()
    by_rule = {item.via.rule: lines[item.line - 1] for item in file.provenance if item.line}
    assert "rake db:migrate" in by_rule["m"]
