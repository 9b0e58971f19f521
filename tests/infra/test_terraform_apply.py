"""Terraform's core applies what is generated, with made-up answers in AWS's place: every expression is evaluated."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.render.containers import environments
from tests.infra import factory
from tests.infra.bundle import files
from tests.infra.test_consistency import declared
from tests.infra.test_terraform import SCHEMA, filled_in, write
from tests.strict_botocore import findings
from tests.terraform_stub.provider import running

pytestmark = pytest.mark.terraform

CASES = [
    (name, environment)
    for name in ("fixture", "no-api", "no-jobs", "two-processes")
    for environment in (
        ("production", "development") if name == "fixture" else environments(factory.APPLICATIONS[name])[:1]
    )
]
PROVIDER = """
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "ap-northeast-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}
"""
VARIABLES = """
variables {
  region           = "ap-northeast-1"
  services_enabled = true
  zone_id          = "Z0123456789ABCDEFGHIJ"
  host_names       = ["app.example.com"]
  old_addresses    = ["203.0.113.10"]
  alarm_emails     = ["duty@example.com"]
  certificate_arn  = "arn:aws:acm:ap-northeast-1:123456789012:certificate/x"
  oidc_providers   = [{ arn = "arn:aws:iam::123456789012:oidc-provider/x", host = "x", audience = "y", subjects = ["z"] }]
}
"""
TEST = f"""
{PROVIDER}
{VARIABLES}

run "apply" {{
  command = apply
}}

run "again" {{
  command = plan
}}
"""


@cache
def applied(name: str, environment: str) -> dict[str, Any]:
    """Terraform's messages of a first apply and of the plan after it, by their type."""
    with running(json.loads(SCHEMA.read_text())) as variables:
        root = laid_out(Path(variables["TF_DATA_DIR"]).parent / "bundle", name, environment)
        return run_terraform_test(root, TEST, variables)


def laid_out(folder: Path, name: str, environment: str) -> Path:
    """The bundle's files in `folder`, filled in as a person would; what `terraform test` makes it can take away. The root."""
    application = factory.APPLICATIONS[name]
    write(folder, files(application))
    root = folder / application.name / "infra" / environment
    (root / "site.auto.tfvars").write_text(filled_in((root / "site.auto.tfvars.example").read_text()))
    storage = folder / application.name / "infra/modules/storage/main.tf"
    assert "prevent_destroy = true" in storage.read_text()
    storage.write_text(storage.read_text().replace("prevent_destroy = true", "prevent_destroy = false"))
    return root


def run_terraform_test(root: Path, text: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The messages of `terraform test` with `text`, by their type; the last one of each."""
    (root / "all.tftest.hcl").write_text(text)
    program = str(shutil.which("terraform"))
    for arguments in (("init", "-backend=false", "-input=false", "-no-color"), ("test", "-json", "-verbose")):
        made = subprocess.run(
            [program, *arguments], cwd=root, env=variables, capture_output=True, text=True, check=False, timeout=240
        )
    messages: dict[str, Any] = {"diagnostics": []}
    for line in made.stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "diagnostic":
            messages["diagnostics"].append(message["diagnostic"])
        elif message["type"] in message:
            messages[message["type"]] = message[message["type"]]
    return messages


def resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All resources and data sources of a state."""
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from resources(child)


def made(name: str, environment: str, kind: str) -> list[dict[str, Any]]:
    """The values of all resources of one type."""
    root = applied(name, environment)["test_state"]["root_module"]
    return [one["values"] for one in resources(root) if one["type"] == kind]


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_it_applies_and_then_has_nothing_to_do(name: str, environment: str) -> None:
    """Every variable, condition and template is evaluated without an error or warning, and a second plan is empty."""
    messages = applied(name, environment)
    assert messages["diagnostics"] == []
    assert messages["test_summary"]["status"] == "pass"
    changes = messages["test_plan"]["resource_changes"]
    assert len(changes) > 20
    assert [one["address"] for one in changes if one["change"]["actions"] not in (["no-op"], ["read"])] == []


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_state_machines_are_filled_in(name: str, environment: str) -> None:
    """`templatefile` leaves valid JSON: cluster, networks, and the family without a revision, so batches follow it."""
    values = declared(factory.APPLICATIONS[name], environment)
    machines = {one["name"]: json.loads(one["definition"]) for one in made(name, environment, "aws_sfn_state_machine")}
    wanted = {settings["state_machine"]: settings["task_definition"] for settings in values["jobs"].values()}
    assert set(machines) - set(wanted) == (
        {values["names"]["heartbeat_check"]} if values["heartbeat_checks"] else set()
    )
    for machine, family in wanted.items():
        parameters = machines[machine]["States"]["RunBatch"]["Parameters"]
        assert parameters["TaskDefinition"] == family
        network = parameters["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["Subnets"] == ["subnet-0123456789abcdef0"] * 2
        assert all(network["SecurityGroups"])


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_schedules_are_what_scheduler_takes(name: str, environment: str) -> None:
    """Inputs are JSON with Scheduler's own attribute unescaped, all schedules start switched off, names are legal."""
    values = declared(factory.APPLICATIONS[name], environment)
    checks = {item["schedule"]: job for job, item in values["heartbeat_checks"].items()}
    found = made(name, environment, "aws_scheduler_schedule")
    assert len(found) == len(checks) + sum(len(item["schedules"]) for item in values["jobs"].values())
    for one in found:
        (target,) = one["target"]
        given = json.loads(target["input"])
        assert one["state"] == "DISABLED"
        if one["name"] in checks:
            assert given["job"] == checks[one["name"]]
            assert set(given) == {"job", "namespace", "metric", "days", "period"}
        else:
            assert given["scheduled_time"] == "<aws.scheduler.scheduled-time>"
        request = {
            "Name": one["name"],
            "GroupName": one["group_name"],
            "Description": one["description"],
            "ScheduleExpression": one["schedule_expression"],
            "ScheduleExpressionTimezone": one["schedule_expression_timezone"],
            "FlexibleTimeWindow": {"Mode": one["flexible_time_window"][0]["mode"]},
            "State": one["state"],
            "Target": {
                "Arn": "arn:aws:states:ap-northeast-1:123456789012:stateMachine:x",
                "RoleArn": "arn:aws:iam::123456789012:role/x",
                "Input": target["input"],
            },
        }
        if request["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE":
            window = one["flexible_time_window"][0]["maximum_window_in_minutes"]
            request["FlexibleTimeWindow"]["MaximumWindowInMinutes"] = window
        assert findings("scheduler", "CreateSchedule", request) == []


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_alarms_watch_metrics_that_something_makes(name: str, environment: str) -> None:
    """Each alarm of the application's own namespace has a filter, or a state machine that counts into its metric."""
    filters = {
        (one["metric_transformation"][0]["namespace"], one["metric_transformation"][0]["name"])
        for one in made(name, environment, "aws_cloudwatch_log_metric_filter")
    }
    for one in made(name, environment, "aws_sfn_state_machine"):
        counted = json.loads(one["definition"])["States"].get("CountEnd")
        if counted is not None:
            (metric,) = counted["Parameters"]["MetricData"]
            filters.add((counted["Parameters"]["Namespace"], metric["MetricName"]))
    alarms = made(name, environment, "aws_cloudwatch_metric_alarm")
    own = {
        (one["namespace"], one["metric_name"]) for one in alarms if not one["namespace"].startswith(("AWS/", "ECS/"))
    }
    assert own <= filters
    machines = {one["arn"] for one in made(name, environment, "aws_sfn_state_machine")}
    watched = [one["dimensions"]["StateMachineArn"] for one in alarms if one["namespace"] == "AWS/States"]
    assert set(watched) == machines
    assert len(watched) == 3 * len(machines)
    for item in declared(factory.APPLICATIONS[name], environment)["heartbeat_checks"].values():
        assert item["metric"] in {metric for _, metric in filters}


RESOURCELESS = {
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",
    "elasticfilesystem:DescribeAccessPoints",
    "elasticfilesystem:DescribeFileSystems",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
"""Actions that IAM knows no resource for, or that look something up by its name in the whole account."""


@pytest.mark.parametrize(("name", "environment"), CASES)
def test_roles_may_only_what_they_must(name: str, environment: str) -> None:
    """No action is a wildcard; `*` as resource stands only where IAM knows none; who takes a role is confined."""
    documents = made(name, environment, "aws_iam_policy_document")
    statements = [statement for one in documents for statement in one["statement"] or ()]
    assert len(statements) > 10
    for statement in statements:
        actions = set(statement["actions"])
        assert not any("*" in action for action in actions)
        if "*" in (statement["resources"] or ()):
            assert actions <= RESOURCELESS, statement["sid"]
        conditions = {one["variable"] for one in statement["condition"] or () if one["values"]}
        assert len(conditions) == len(statement["condition"] or ())
        if "sts:AssumeRole" in actions:
            assert {"aws:SourceAccount", "aws:SourceArn"} <= conditions
        if "iam:PassRole" in actions:
            assert "iam:PassedToService" in conditions
        if "ecs:RunTask" in actions:
            assert "ecs:cluster" in conditions
        if "cloudwatch:PutMetricData" in actions:
            assert "cloudwatch:namespace" in conditions


def test_only_values_differ_between_environments() -> None:
    """Production and development are made of the same resources, but for what the analysis knows of one of them only."""
    kinds = {
        environment: {
            re.sub(r"\[[^]]*\]", "", one["address"])
            for one in resources(applied("fixture", environment)["test_state"]["root_module"])
            if one["mode"] == "managed"
        }
        for environment in ("production", "development")
    }
    assert kinds["production"] ^ kinds["development"] <= {
        "module.cluster.aws_cloudwatch_log_group.ecs_exec",  # a shell in containers: development only
        "module.configuration.aws_ssm_parameter.this",  # values that are known for production only
        "module.registry.aws_ecr_lifecycle_policy.this",  # once in an account
        "module.registry.aws_ecr_repository.this",
        "module.roles.aws_iam_role_policy.task",
        "module.storage.aws_vpc_security_group_ingress_rule.hosts",
    }


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ("", "Give the VPC's id|Give the ids of at least two private subnets"),
        ('vpc_id = "vpc-1"\n  private_subnet_ids = ["subnet-1"]', "at least two private subnets"),
        ('vpc_id = "vpc-1"\n  private_subnet_ids = ["subnet-1", "subnet-2"]\n  new_weight = 101', "between 0 and 100"),
        (
            'vpc_id = "vpc-1"\n  private_subnet_ids = ["subnet-1", "subnet-2"]\n  log_retention_days = 100',
            "CloudWatch keeps",
        ),
        (
            'vpc_id = "vpc-1"\n  private_subnet_ids = ["subnet-1", "subnet-2"]\n  public_subnet_ids = []',
            "nobody is told when a batch fails",
        ),
    ],
)
def test_wrong_values_are_refused_with_what_to_do(variables: str, complaint: str, tmp_path: Path) -> None:
    """An example that was not filled in, and values that cannot work, are told before anything is made."""
    application = factory.application()
    write(tmp_path, files(application))
    root = tmp_path / "accounting/infra/production"
    shutil.copy(root / "site.auto.tfvars.example", root / "site.auto.tfvars")
    head = TEST.partition("variables {")[0]
    text = f'{head}\nvariables {{\n  {variables}\n}}\n\nrun "plan" {{\n  command = plan\n}}\n'
    with running(json.loads(SCHEMA.read_text())) as environment:
        messages = run_terraform_test(root, text, environment)
    assert messages["test_summary"]["status"] != "pass"
    told = " ".join(f"{one['summary']} {one['detail']}" for one in messages["diagnostics"])
    assert any(part in " ".join(told.split()) for part in complaint.split("|"))
