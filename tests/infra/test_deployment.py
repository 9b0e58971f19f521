"""The deployment's files are accepted by the schemas of both CI systems, actionlint and the orbs' own parameters, and its scripts by shellcheck."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

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


PROGRAMS = Path(sys.executable).parent


def actionlint(path: Path) -> subprocess.CompletedProcess[str]:
    quoted = ["-ignore", "SC2016"]  # what a release step runs is for the container's shell to expand, not for this one
    return subprocess.run(
        [PROGRAMS / "actionlint", "-no-color", "-oneline", "-shellcheck", PROGRAMS / "shellcheck", *quoted, path],
        capture_output=True,
        text=True,
        check=False,
    )


def test_actionlint(tmp_path: Path) -> None:
    """actionlint has nothing to say of any workflow: expressions, inputs of actions, runners, scripts (by shellcheck)."""
    for name in APPLICATIONS:
        path = tmp_path / f"{name}.yml"
        path.write_text(rendered(name)[".github/workflows/deploy.yml"])
        made = actionlint(path)
        assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("!inputs.register_only", "!inputs.registr_only", "[expression]"),
        ("role-to-assume: ", "role-to-asume: ", "[action]"),
        ("ubuntu-24.04", "ubuntu-99.04", "[runner-label]"),
        ('docker push "$IMAGE"', "docker push $IMAGE", "[shellcheck]"),
        ("checkout@v5", "checkout@v4", "[action]"),
    ],
)
def test_actionlint_would_find_a_mistake(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    """A wrong input, property, runner, an unquoted variable and an action that no longer runs are reported."""
    path = tmp_path / "deploy.yml"
    text = rendered("typical")[".github/workflows/deploy.yml"]
    assert old in text
    path.write_text(text.replace(old, new))
    assert complaint in actionlint(path).stdout


ORBS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("circleci_orbs.yaml").read_text(encoding="utf-8")
)
TYPES = {"string": str, "enum": str, "boolean": bool, "integer": int}


def steps_of(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(command, its parameters) of every step that calls one, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from steps_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if "/" in key and isinstance(item, dict):
                yield key, item
            else:
                yield from steps_of(item)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_circleci_calls_what_the_orbs_have(name: str) -> None:
    """Each step of an orb names a command of it, with parameters that it has, of their types, and all that it needs."""
    config = yaml.safe_load(rendered(name)[".circleci/config.yml"])
    calls = list(steps_of([config["commands"], config["jobs"]]))
    assert {command.partition("/")[0] for command, _ in calls} <= set(config["orbs"])
    for command, given in calls:
        known = ORBS[command]
        assert set(given) <= set(known), command
        assert {key for key, one in known.items() if one["required"]} <= set(given), command
        assert all(type(value) is TYPES[known[key]["type"]] for key, value in given.items()), command
    assert calls


@pytest.mark.parametrize("name", APPLICATIONS)
def test_circleci_refers_to_what_it_declares(name: str) -> None:
    """Jobs of workflows, what they require, own commands and pipeline parameters are declared in the same file."""
    text = rendered(name)[".circleci/config.yml"]
    config = yaml.safe_load(text)
    used = set(re.findall(r"(?<!\\)<<\s*pipeline\.parameters\.(\w+)\s*>>", text))
    assert used == set(config["parameters"])
    for job in config["jobs"].values():
        assert {step for step in job["steps"] if isinstance(step, str)} <= {"checkout", *config["commands"]}
    started = set()
    for workflow in config["workflows"].values():
        jobs = {key: value for job in workflow["jobs"] for key, value in job.items()}
        started |= {key for key, value in jobs.items() if value.get("type") != "approval"}
        for settings in jobs.values():
            assert set(settings.get("requires", ())) <= set(jobs)
    assert started == set(config["jobs"])


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
        "unless",
    ]
    acting = steps[-1]["unless"]["steps"]
    assert [next(iter(step)) for step in acting] == [*["run"] * 3, "aws-ecs/update_service"]
    service = acting[-1]["aws-ecs/update_service"]
    assert service["skip_task_definition_registration"] is True
    assert service["service_name"] == "accounting-production-api"
    migrate = acting[0]["run"]
    assert migrate["name"] == "Migrate: the \\<< database"
    assert migrate["command"] == (
        "docker/run-task.sh accounting-production accounting-production-api 'cd /srv/acc && rake db:migrate'"
    )


def test_marks_of_ci_expressions_stay_text() -> None:
    """`<<` of a here-document and `${{` of a command are no expressions of the CI system."""
    config = yaml.safe_load(rendered("release")[".circleci/config.yml"])
    assert "cat \\<< EOF" in config["jobs"]["deploy-production"]["steps"][-1]["unless"]["steps"][1]["run"]["command"]
    workflow = yaml.safe_load(rendered("release")[".github/workflows/deploy.yml"])
    commands = [step.get("run", "") for step in workflow["jobs"]["deploy-production"]["steps"]]
    assert any("${{ '${{' }} github.token" in command for command in commands)


def test_the_first_deployment_registers_and_starts_nothing() -> None:
    """With `register_only` neither a service moves nor a step of a release runs, in both pipelines; elsewhere both do."""
    workflow = yaml.safe_load(rendered("release")[".github/workflows/deploy.yml"])
    assert "register_only" in workflow[True]["workflow_dispatch"]["inputs"]
    for job in workflow["jobs"].values():
        acting = [
            step for step in job["steps"] if re.search(r"docker/(run-task|move-service)\.sh", step.get("run", ""))
        ]
        assert len(acting) > 1
        assert all(step["if"] == "${{ !inputs.register_only }}" for step in acting)
    config = yaml.safe_load(rendered("release")[".circleci/config.yml"])
    assert "register_only" in config["parameters"]
    for name, job in config["jobs"].items():
        always = [step for step in job["steps"] if not (isinstance(step, dict) and "unless" in step)]
        assert not re.search(r"run-task|update_service", json.dumps(always))
        if name.startswith("deploy-"):
            (first,) = (step["unless"] for step in job["steps"] if isinstance(step, dict) and "unless" in step)
            assert first["condition"] == "<< pipeline.parameters.register_only >>"
            assert re.search(r"run-task.*update_service", json.dumps(first["steps"]))


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
    application = replace(
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
