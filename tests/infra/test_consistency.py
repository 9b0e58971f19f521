"""Names, ports, families, log groups, roles and secrets: what one file refers to another one declares."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzer.model import Application
from analyzer.render import terraform
from analyzer.render.containers import environments, scheduled_jobs
from analyzer.render.names import STATE_MACHINE_VARIABLES, Names
from analyzer.render.watches import watches
from tests.infra import factory
from tests.infra.bundle import texts
from tests.infra.plain import plain

NAMES = sorted(factory.APPLICATIONS)
CASES = [
    (name, environment)
    for name in NAMES
    for environment in (
        ("production", "development") if name == "fixture" else environments(factory.APPLICATIONS[name])
    )
]


def declared(application: Application, environment: str) -> dict[str, Any]:
    """What `terraform.tfvars` declares, before it becomes text."""
    names = Names(application.name, environment, application.region)
    return plain(dict(terraform._sections(application, environment, names)))


def requests(name: str, folder: str) -> dict[str, Any]:
    return {
        path: json.loads(text)
        for path, text in texts(name).items()
        if path.startswith(folder) and path.endswith(".json")
    }


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_task_definitions_agree_with_terraform(name: str, environment: str) -> None:
    """Families, log groups, roles, ports, secrets, parameters and file systems are those that Terraform makes."""
    application = factory.APPLICATIONS[name]
    values = declared(application, environment)
    secrets = {item["name"] for item in values["secrets"].values()}
    parameters = set(values["parameter_names"].values())
    families = {item["family"] for item in values["processes"].values()} | {
        item["task_definition"] for item in values["jobs"].values()
    }
    used_secrets, used_parameters, made_families = set(), set(), set()
    for request in requests(name, f"app/docker/{environment}/").values():
        made_families.add(request["family"])
        (container,) = request["containerDefinitions"]
        assert container["name"] == values["names"]["container"]
        assert container["logConfiguration"]["options"]["awslogs-group"] in values["log_groups"].values()
        assert request["executionRoleArn"].rpartition("/")[2] == values["names"]["execution_role"]
        assert request["taskRoleArn"].rpartition("/")[2] == values["names"]["task_role"]
        repositories = [values["names"]["repository"]]
        repositories += [arn.partition("repository/")[2] for arn in values.get("other_repositories", [])]
        assert any(f"/{repository}:" in container["image"] for repository in repositories)
        for item in container.get("secrets", ()):
            kind, _, resource = item["valueFrom"].split(":", 5)[2:][0], None, item["valueFrom"].split(":", 5)[5]
            if kind == "secretsmanager":
                used_secrets.add(resource.removeprefix("secret:").removesuffix("-XXXXXX"))
            else:
                used_parameters.add(resource.removeprefix("parameter"))
        for process in values["processes"].values():
            if process["family"] == request["family"] and process.get("port") is not None:
                assert container["portMappings"][0]["containerPort"] == process["port"]
        for volume in request.get("volumes", ()):
            if "efsVolumeConfiguration" in volume:
                wanted = volume["efsVolumeConfiguration"]["fileSystemId"].removeprefix("fs-id-of-")
                assert wanted in {item["name"] for item in values["file_systems"].values()}
    assert families <= made_families
    assert used_secrets == secrets
    assert used_parameters == parameters


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_schedules_agree_with_terraform(name: str, environment: str) -> None:
    """Each JSON schedule is in Terraform with the same expression, zone, input and limits, and starts its machine."""
    application = factory.APPLICATIONS[name]
    values = declared(application, environment)
    made = requests(name, f"infra/schedules/{environment}/")
    in_terraform = {
        schedule: (job, item)
        for job, settings in values["jobs"].items()
        for schedule, item in settings["schedules"].items()
    }
    assert {request["Name"] for request in made.values()} == set(in_terraform)
    checks = {item["schedule"] for item in values["heartbeat_checks"].values()}
    assert not checks & set(in_terraform)
    for request in made.values():
        job, item = in_terraform[request["Name"]]
        target = request["Target"]
        assert request["GroupName"] == values["names"]["schedule_group"]
        assert (item["expression"], item["timezone"]) == (
            request["ScheduleExpression"],
            request["ScheduleExpressionTimezone"],
        )
        assert item["input"] == target["Input"]
        assert "<aws.scheduler.scheduled-time>" in item["input"]
        assert item["max_age_seconds"] == target["RetryPolicy"]["MaximumEventAgeInSeconds"]
        assert target["Arn"].rpartition(":")[2] == values["jobs"][job]["state_machine"]
        assert target["RoleArn"].rpartition("/")[2] == values["names"]["scheduler_role"]
        assert target["DeadLetterConfig"]["Arn"].rpartition(":")[2] == values["names"]["dead_letter_queue"]


@pytest.mark.parametrize("name", NAMES)
def test_state_machines_agree_with_terraform(name: str) -> None:
    """Each batch has its state-machine file, and what that leaves open is what the module fills in."""
    application = factory.APPLICATIONS[name]
    values = declared(application, application.environment)
    module = texts(name)["infra/modules/batches/main.tf"]
    filled = set(
        re.findall(r"^    (\w+) += ", module.partition("machine_variables = {")[2].partition("}\n")[0], re.MULTILINE)
    )
    filled.add("task_definition")
    assert filled == set(STATE_MACHINE_VARIABLES)
    for settings in values["jobs"].values():
        text = texts(name)[f"infra/state_machines/{settings['definition']}"]
        left_open = set(re.findall(r"(?<!\$)\$\{(\w+)\}", text))
        assert left_open <= filled
        assert "cluster" in left_open
    assert len(values["jobs"]) == len(scheduled_jobs(application))


@pytest.mark.parametrize("name", NAMES)
def test_alarms_watch_what_exists(name: str) -> None:
    """Alarms name log groups, batches and services of the same bundle; each batch prints the line that is waited for."""
    application = factory.APPLICATIONS[name]
    values = declared(application, application.environment)
    found = values["alarms"]
    assert set(found["error_lines"]) == set(values["log_groups"])
    for job, item in found["heartbeat_filters"].items():
        assert item["log_group"] in values["log_groups"]
        group = next(one.name for one in application.task_definitions if job in one.jobs)
        assert item["log_group"] == group
    assert set(found["heartbeats"]) | set(values["heartbeat_checks"]) <= set(values["jobs"])
    services = {item["service"] for item in values["processes"].values()}
    assert {item["service"] for item in found["running_tasks"].values()} <= services
    every = [
        item["alarm"]
        for kind in ("error_lines", "heartbeats", "executions", "scheduler")
        for item in found[kind].values()
    ]
    assert len(every) == len(set(every))
    assert len(watches(application)) == len(values["jobs"])


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_scripts_know_the_same_names(name: str, environment: str, tmp_path: Path) -> None:
    """names.sh gives every batch and process the names that Terraform gives them."""
    application = factory.APPLICATIONS[name]
    values = declared(application, environment)
    (tmp_path / "names.sh").write_text(texts(name)["ops/names.sh"])
    script = """
    set -eu; . ./names.sh
    for job in ${all_jobs[@]+"${all_jobs[@]}"}; do
      job_names "$1" "$job"
      printf '%s\\0' "$job" "$schedule_group" "$state_machine" "$log_group" "$heartbeat_alarm" "$check_schedule" "${schedules[*]}"
    done"""
    made = subprocess.run(
        ["bash", "-c", script, "bash", environment], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split("\0")[:-1]
    rows = [made[start : start + 7] for start in range(0, len(made), 7)]
    assert {row[0] for row in rows} == set(values["jobs"])
    for job, group, machine, log_group, alarm, check, schedules in rows:
        assert group == values["names"]["schedule_group"]
        assert machine == values["jobs"][job]["state_machine"]
        assert log_group in values["log_groups"].values()
        assert alarm == values["alarms"]["heartbeats"].get(job, {}).get("alarm", "")
        assert check == values["heartbeat_checks"].get(job, {}).get("schedule", "")
        assert schedules.split() == list(values["jobs"][job]["schedules"])


@pytest.mark.parametrize("name", NAMES)
def test_the_deployment_knows_the_same_names(name: str) -> None:
    """Clusters, services and families of both CI files are Terraform's; every definition is registered."""
    application = factory.APPLICATIONS[name]
    circleci = yaml.safe_load(texts(name)["app/.circleci/config.yml"])
    for environment in environments(application):
        values = declared(application, environment)
        steps = circleci["jobs"][f"deploy-{environment}"]["steps"]
        registered = {
            Path(step["aws-ecs/update_task_definition_from_json"]["task_definition_json"]).name
            for step in steps
            if isinstance(step, dict) and "aws-ecs/update_task_definition_from_json" in step
        }
        in_bundle = {Path(path).name for path in texts(name) if path.startswith(f"app/docker/{environment}/")}
        assert registered == in_bundle
        moved = [step["unless"]["steps"] for step in steps if isinstance(step, dict) and "unless" in step]
        services = {one["aws-ecs/update_service"]["service_name"] for group in moved for one in group}
        assert services == {item["service"] for item in values["processes"].values()}
        github = texts(name)["app/.github/workflows/deploy.yml"]
        assert all(f"docker/move-service.sh {values['names']['cluster']} {service} " in github for service in services)


@pytest.mark.parametrize("name", NAMES)
def test_no_marker_is_left(name: str) -> None:
    """Nowhere in the bundle is a marker of a secret or parameter left."""
    for path, text in texts(name).items():
        assert not set(text) & set("\ue000\ue001\ue002\ue003"), path


@pytest.mark.parametrize("name", NAMES)
def test_every_line_has_a_reason(name: str) -> None:
    """Each line with text, in every file, says which rule or template put it there."""
    from tests.infra.bundle import files

    for file in files(factory.APPLICATIONS[name]):
        if file.path.endswith(".json"):
            continue
        known = {item.line for item in file.provenance}
        lines = file.data.decode().split("\n")
        assert known == {number for number, line in enumerate(lines, 1) if line.strip()}, file.path
        assert all(item.via.rule for item in file.provenance), file.path
