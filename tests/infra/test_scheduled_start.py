"""From a schedule's file to a task: what Scheduler would do with each generated schedule, done in a simulated AWS."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from analyzer.model import Application
from analyzer.render import terraform
from analyzer.render.containers import scheduled_jobs
from analyzer.render.names import ACCOUNT, Names
from analyzer.render.names import REGION as NO_REGION
from analyzer.render.references import run_time_command
from tests.crons.interpreter import REGION, Machine, interpreter
from tests.infra import factory
from tests.infra.bundle import texts
from tests.infra.plain import plain
from tests.infra.test_moto import MOTO_ACCOUNT, template_file

SCHEDULED_TIME = "2026-12-01T00:00:00Z"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def apply(aws: Machine, name: str, application: Application, values: dict[str, Any]) -> None:
    """Roles, machines and schedules as Terraform makes them, from the generated files."""
    iam = boto3.client("iam", REGION)
    for role in ("states_role", "scheduler_role"):
        iam.create_role(RoleName=values["names"][role], AssumeRolePolicyDocument=TRUST)
    for settings in values["jobs"].values():
        text = texts(name)[f"infra/state_machines/{settings['definition']}"]
        definition = template_file(
            text,
            {
                "cluster": values["names"]["cluster"],
                "task_definition": settings["task_definition"],
                "subnets": 'subnet-a","subnet-b',
                "security_groups": "sg-a",
                "lock_table": "locks",
                "topic": aws.topic,
                "metric_namespace": values["names"]["metric_namespace"],
            },
        )
        aws.states.create_state_machine(
            name=settings["state_machine"],
            definition=definition,
            roleArn=f"arn:aws:iam::{MOTO_ACCOUNT}:role/{values['names']['states_role']}",
        )
    scheduler = boto3.client("scheduler", REGION)
    scheduler.create_schedule_group(Name=values["names"]["schedule_group"])
    for path, text in texts(name).items():
        if path.startswith(f"infra/schedules/{application.environment}/"):
            filled = text.replace(ACCOUNT, MOTO_ACCOUNT).replace(NO_REGION, REGION)
            scheduler.create_schedule(**json.loads(filled))


def fire(aws: Machine, group: str, schedule: str) -> str:
    """What Scheduler does at an instant: takes the schedule's role, fills in its attribute, starts its target."""
    target = boto3.client("scheduler", REGION).get_schedule(GroupName=group, Name=schedule)["Target"]
    taken = boto3.client("sts", REGION).assume_role(RoleArn=target["RoleArn"], RoleSessionName="scheduler")
    keys = taken["Credentials"]
    states = boto3.client(
        "stepfunctions",
        REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    given = target["Input"].replace("<aws.scheduler.scheduled-time>", SCHEDULED_TIME)
    aws.started += 1  # moto calls an execution without a name "None"
    made = states.start_execution(stateMachineArn=target["Arn"], input=given, name=f"run-{aws.started}")
    return made["executionArn"]


@pytest.mark.parametrize("name", ["fixture", "no-api"])
def test_every_schedule_starts_its_batch_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each schedule, read back from the service, leads through its machine to one task with its batch's own command."""
    application = factory.APPLICATIONS[name]
    names = Names(application.name, application.environment, application.region)
    values = plain(dict(terraform._sections(application, application.environment, names)))
    jobs = {job.id: job for job in scheduled_jobs(application)}
    with interpreter(monkeypatch) as aws:
        apply(aws, name, application, values)
        for job, settings in values["jobs"].items():
            for schedule in settings["schedules"]:
                aws.ecs.requests.clear()
                execution = fire(aws, values["names"]["schedule_group"], schedule)
                status, visited = aws.wait(execution)
                assert status == "SUCCEEDED", (schedule, visited)
                if "Duplicate" in visited:  # the second schedule of a job that names this instant too
                    assert schedule != next(iter(settings["schedules"]))
                    assert aws.ecs.requests == []
                    continue
                assert visited[0] in {"RightWeekday", "StartedBySchedule"}
                if visited[-1] == "NotToday":
                    continue
                (request,) = aws.ecs.requests
                assert request["cluster"] == values["names"]["cluster"]
                assert request["taskDefinition"] == settings["task_definition"]
                (override,) = request["overrides"]["containerOverrides"]
                assert override["name"] == values["names"]["container"]
                assert override["command"] == list(run_time_command(jobs[job].container_command))
                again = aws.wait(fire(aws, values["names"]["schedule_group"], schedule))
                assert again[1][-1] == "Duplicate", "Scheduler delivers at least once; cron ran it once"
                assert len(aws.ecs.requests) == 1
