"""The generated files are put into a simulated AWS, and the scripts work on what is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.model import Application
from analyzer.render import terraform
from analyzer.render.containers import environments
from analyzer.render.names import ACCOUNT, Names
from tests.infra import factory
from tests.infra.bundle import write
from tests.infra.jq_program import folder_with_jq
from tests.infra.plain import plain

REGION = "ap-northeast-1"
MOTO_ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulated AWS, as the environment that leads the CLI and boto3 to it."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    # moto keeps one state a process: what another module's tests have made is not this one's
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")).close()
    jq = folder_with_jq(tmp_path_factory.mktemp("bin"))
    yield {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": ":".join(str(part) for part in (Path(sys.executable).parent, jq, os.environ["PATH"]) if part),
        "HOME": "/nonexistent",
    }
    server.stop()


def client(cloud: dict[str, str], service: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def template_file(text: str, variables: dict[str, str]) -> str:
    """Terraform's templatefile, for the two things that the files contain."""
    return re.sub(r"\$\$\{|%%\{|\$\{(\w+)\}", lambda match: variables[match[1]] if match[1] else match[0][1:], text)


TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def build(cloud: dict[str, str], application: Application, environment: str, folder: Path) -> dict[str, Any]:
    """What Terraform would make, made from the same values; those values."""
    names = Names(application.name, environment, application.region)
    values = plain(dict(terraform._sections(application, environment, names)))
    logs, iam = client(cloud, "logs"), client(cloud, "iam")
    client(cloud, "ecs").create_cluster(clusterName=values["names"]["cluster"])
    for group in (*values["log_groups"].values(), values["names"]["state_machine_log_group"]):
        logs.create_log_group(logGroupName=group)
    for purpose in ("execution", "task", "states", "scheduler"):
        iam.create_role(RoleName=values["names"][f"{purpose}_role"], AssumeRolePolicyDocument=TRUST)
    client(cloud, "dynamodb").create_table(
        TableName=values["names"]["lock_table"],
        KeySchema=[{"AttributeName": "Name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client(cloud, "sqs").create_queue(QueueName=values["names"]["dead_letter_queue"])
    topic = client(cloud, "sns").create_topic(Name=values["names"]["topic"])["TopicArn"]
    for secret in values["secrets"].values():
        client(cloud, "secretsmanager").create_secret(Name=secret["name"])
    for item in values["file_systems"].values():
        efs = client(cloud, "efs")
        made = efs.create_file_system(CreationToken=item["name"], Tags=[{"Key": "Name", "Value": item["name"]}])
        efs.create_access_point(
            FileSystemId=made["FileSystemId"], ClientToken=item["name"], Tags=[{"Key": "Name", "Value": item["name"]}]
        )
    batches(cloud, values, environment, folder, topic)
    watch(cloud, values, topic)
    return values


def batches(cloud: dict[str, str], values: dict[str, Any], environment: str, folder: Path, topic: str) -> None:
    states, scheduler = client(cloud, "stepfunctions"), client(cloud, "scheduler")
    scheduler.create_schedule_group(Name=values["names"]["schedule_group"])
    for settings in values["jobs"].values():
        definition = template_file(
            (folder / "infra/state_machines" / settings["definition"]).read_text(),
            {
                "cluster": values["names"]["cluster"],
                "task_definition": settings["task_definition"],
                "subnets": 'subnet-a","subnet-b',
                "security_groups": "sg-a",
                "lock_table": values["names"]["lock_table"],
                "topic": topic,
                "metric_namespace": values["names"]["metric_namespace"],
            },
        )
        json.loads(definition)
        states.create_state_machine(
            name=settings["state_machine"],
            definition=definition,
            roleArn=f"arn:aws:iam::{MOTO_ACCOUNT}:role/{values['names']['states_role']}",
        )
    for path in sorted((folder / "infra/schedules" / environment).glob("*.json")):
        request = json.loads(path.read_text().replace(ACCOUNT, MOTO_ACCOUNT))
        scheduler.create_schedule(**{**request, "State": "DISABLED"})
    for item in values["heartbeat_checks"].values():
        scheduler.create_schedule(
            Name=item["schedule"],
            GroupName=values["names"]["schedule_group"],
            ScheduleExpression=item["expression"],
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
            Target={"Arn": topic, "RoleArn": f"arn:aws:iam::{MOTO_ACCOUNT}:role/x"},
        )


def watch(cloud: dict[str, str], values: dict[str, Any], topic: str) -> None:
    logs, cloudwatch = client(cloud, "logs"), client(cloud, "cloudwatch")
    namespace = values["names"]["metric_namespace"]
    for job, item in values["alarms"]["heartbeat_filters"].items():
        logs.put_metric_filter(
            logGroupName=values["log_groups"][item["log_group"]],
            filterName=f"{job}-end",
            filterPattern=item["pattern"],
            metricTransformations=[{"metricName": item["metric"], "metricNamespace": namespace, "metricValue": "1"}],
        )
    for item in values["alarms"]["heartbeats"].values():
        cloudwatch.put_metric_alarm(
            AlarmName=item["alarm"],
            Namespace=namespace,
            MetricName=item["metric"],
            Statistic="Sum",
            Period=item["period"],
            EvaluationPeriods=item["evaluation_periods"],
            ComparisonOperator="LessThanThreshold",
            Threshold=1,
            TreatMissingData="breaching",
            ActionsEnabled=False,
            AlarmActions=[topic],
        )


def run(cloud: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", *words], cwd=folder, env=cloud, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("name", ["fixture", "two-processes", "no-api"])
def test_everything_registers(cloud: dict[str, str], name: str, tmp_path: Path) -> None:
    """Roles, log groups, filters, alarms, machines, schedules and task definitions of every environment are created."""
    application = factory.APPLICATIONS[name]
    folder = write(tmp_path, application)
    for environment in environments(application):
        values = build(cloud, application, environment, folder)
        ecs = client(cloud, "ecs")
        for path in sorted((folder / "app/docker" / environment).glob("*.json")):
            made = ecs.register_task_definition(**json.loads(path.read_text()))
            assert made["taskDefinition"]["revision"] == 1
        machines = client(cloud, "stepfunctions").list_state_machines(maxResults=1000)["stateMachines"]
        wanted = {item["state_machine"] for item in values["jobs"].values()}
        assert wanted <= {machine["name"] for machine in machines}
        group = values["names"]["schedule_group"]
        schedules = client(cloud, "scheduler").list_schedules(GroupName=group, MaxResults=100)["Schedules"]
        checks = [item["schedule"] for item in values["heartbeat_checks"].values()]
        assert {one["Name"] for one in schedules} == {
            *(schedule for item in values["jobs"].values() for schedule in item["schedules"]),
            *checks,
        }


@pytest.fixture(scope="module")
def shop(cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An application of its own in the simulated AWS: an API, a worker, a file system, few batches."""
    from msgspec.structs import replace

    members = (
        factory.job("nightly"),
        factory.job("monthly", "0 5 1 * *", expression="cron(0 5 1 * ? *)", gap_s=31 * factory.DAY),
        factory.job("off", enabled=False),
    )
    application = replace(
        factory.application(
            name="shop",
            members=members,
            processes=(factory.API, replace(factory.MAILER, mounts=())),
            more_steps=tuple(step for step in factory.two_processes().steps if "mount-efs" in str(step.via.rule)),
        ),
        environments=("production",),
    )
    folder = write(tmp_path_factory.mktemp("shop"), application)
    return folder, build(cloud, application, "production", folder)


def test_placeholders_are_filled_in(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """fill-in.sh gives the files the account, the image, the secret's full ARN and the file system, and ECS takes them."""
    folder, _ = shop
    image = f"{MOTO_ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop:4f2c1d0"
    made = run(cloud, folder / "app", "docker/fill-in.sh", "production", image, str(tmp_path / "filled"))
    assert made.returncode == 0, made.stderr
    written = [Path(line) for line in made.stdout.split()]
    assert len(written) == 3
    secret = client(cloud, "secretsmanager").describe_secret(SecretId="shop-production/accounting_db_password")["ARN"]
    file_system = client(cloud, "efs").describe_file_systems(CreationToken="shop-production-srv-shared")["FileSystems"][
        0
    ]
    for path in written:
        text = path.read_text()
        assert ACCOUNT not in text
        assert "XXXXXX" not in text
        assert "id-of-" not in text
        assert "REVISION" not in text
        request = json.loads(text)
        if "mailer" in path.name:
            assert request["containerDefinitions"][0]["image"] == factory.MAILER.image
        else:
            assert request["containerDefinitions"][0]["image"] == image
            assert request["volumes"][0]["efsVolumeConfiguration"]["fileSystemId"] == file_system["FileSystemId"]
        client(cloud, "ecs").register_task_definition(**request)
    api = json.loads((tmp_path / "filled/task_definition.api.json").read_text())
    assert api["containerDefinitions"][0]["secrets"] == [{"name": "DATABASE_PASSWORD", "valueFrom": secret}]


def test_a_missing_secret_stops_the_deployment(cloud: dict[str, str], tmp_path: Path) -> None:
    """Before Terraform was applied fill-in.sh names the secret that is missing and writes nothing for it."""
    folder = write(tmp_path, factory.application(name="early"))
    made = run(cloud, folder / "app", "docker/fill-in.sh", "production", "image", str(tmp_path / "filled"))
    assert made.returncode == 1
    assert "secret early-production/accounting_db_password does not exist" in made.stderr


def state(cloud: dict[str, str], name: str) -> str:
    return client(cloud, "scheduler").get_schedule(GroupName="shop-production", Name=name)["State"]


def test_schedules_go_on_and_off(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]]) -> None:
    """enable switches the schedule and its check on and keeps everything else of it; disable takes it back."""
    folder, _ = shop
    scheduler = client(cloud, "scheduler")
    before = scheduler.get_schedule(GroupName="shop-production", Name="monthly")
    made = run(cloud, folder, "ops/schedules.sh", "enable", "monthly")
    assert made.returncode == 0, made.stderr
    assert "monthly: schedule monthly is on\n" in made.stdout
    assert state(cloud, "monthly") == "ENABLED"
    assert state(cloud, "monthly.heartbeat-check") == "ENABLED"
    after = scheduler.get_schedule(GroupName="shop-production", Name="monthly")
    kept = ("ScheduleExpression", "ScheduleExpressionTimezone", "Target", "FlexibleTimeWindow", "Description")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert "<aws.scheduler.scheduled-time>" in after["Target"]["Input"]
    metrics = client(cloud, "cloudwatch").list_metrics(Namespace="shop/production")["Metrics"]
    assert "monthly-end" in {metric["MetricName"] for metric in metrics}
    off = run(cloud, folder, "ops/schedules.sh", "disable", "monthly")
    assert off.returncode == 0, off.stderr
    assert state(cloud, "monthly") == state(cloud, "monthly.heartbeat-check") == "DISABLED"


def test_a_batch_that_was_off_stays_off(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]]) -> None:
    """A batch that is switched off on the host is not switched on without --force."""
    folder, _ = shop
    made = run(cloud, folder, "ops/schedules.sh", "enable", "off")
    assert made.returncode == 1
    assert "switched off on the host" in made.stderr
    assert state(cloud, "off") == "DISABLED"


def test_all_leaves_out_what_is_off_on_the_host(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]]) -> None:
    """enable --all is no failure because one batch is switched off on the host; it says so and leaves it."""
    folder, _ = shop
    made = run(cloud, folder, "ops/schedules.sh", "enable", "--all")
    assert made.returncode == 0, made.stderr
    assert "off: left off, as on the host\n" in made.stdout
    assert (state(cloud, "nightly"), state(cloud, "off")) == ("ENABLED", "DISABLED")
    assert run(cloud, folder, "ops/schedules.sh", "disable", "--all").returncode == 0
    assert (state(cloud, "nightly"), state(cloud, "monthly")) == ("DISABLED", "DISABLED")


def test_disable_names_the_runs_that_go_on(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]]) -> None:
    """A run that still goes on is left to end, and its ARN is shown, so that somebody can stop it."""
    folder, values = shop
    states = client(cloud, "stepfunctions")
    machine = f"arn:aws:states:{REGION}:{MOTO_ACCOUNT}:stateMachine:{values['jobs']['nightly']['state_machine']}"
    execution = states.start_execution(stateMachineArn=machine, name="goes-on", input="{}")["executionArn"]
    made = run(cloud, folder, "ops/schedules.sh", "disable", "nightly")
    assert made.returncode == 0, made.stderr
    assert f"nightly: still running, left to end: {execution}\n" in made.stdout
    states.stop_execution(executionArn=execution)
    assert "still running" not in run(cloud, folder, "ops/schedules.sh", "disable", "nightly").stdout


def test_status_shows_every_batch(cloud: dict[str, str], shop: tuple[Path, dict[str, Any]]) -> None:
    """status has one line a batch with its schedules, its last run and its dead-man alarm."""
    folder, _ = shop
    made = run(cloud, folder, "ops/schedules.sh", "status")
    assert made.returncode == 0, made.stderr
    rows = {line.split()[0]: line for line in made.stdout.splitlines()[1:]}
    assert set(rows) == {"nightly", "monthly", "off"}
    assert "DISABLED" in rows["nightly"]
    assert "ABORTED" in rows["nightly"]  # by the test above
    assert "never run" in rows["monthly"]
    assert "(silent)" in rows["nightly"]
    assert "daily check: DISABLED" in rows["monthly"]
