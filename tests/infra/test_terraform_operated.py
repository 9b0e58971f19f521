"""What deployments and people change after Terraform is left alone by the next plan, in the whole root.

A copy of the root stands for the account as it is after some weeks: applying it leaves the state that Terraform's refresh
would find. Then the real root is planned over that state.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.infra.test_terraform import SCHEMA
from tests.infra.test_terraform_apply import (
    PROVIDER,
    VARIABLES,
    applied,
    laid_out,
    resources,
    run_terraform_test,
)
from tests.terraform_stub.provider import running

pytestmark = pytest.mark.terraform

OPERATED = {
    # docker/move-service.sh and the autoscaling
    "service": [
        (r"task_definition += var\.family", 'task_definition = "${var.family}:7"'),
        (r"desired_count += var\.desired_count", "desired_count = var.desired_count + 2"),
    ],
    # ops/schedules.sh enable
    "batches": [(r'state += "DISABLED"', 'state = "ENABLED"')],
    "alarms": [(r"actions_enabled += false", "actions_enabled = true")],
}
"""Module -> what others than Terraform set there."""
TEST = f"""
{PROVIDER}
{VARIABLES}

run "operated" {{
  command   = apply
  state_key = "one"
  module {{
    source = "./operated/root"
  }}
}}

run "again" {{
  command   = plan
  state_key = "one"
}}
"""


def plan(name: str, environment: str, change: tuple[str, str, str] = ("", "", "")) -> dict[str, Any]:
    """Messages of the plan over an operated account; `change`: (module, text, its replacement) in the real root."""
    with running(json.loads(SCHEMA.read_text())) as variables:
        root = laid_out(Path(variables["TF_DATA_DIR"]).parent / "bundle", name, environment)
        infra = root.parent
        operated = root / "operated"
        for part in ("modules", "state_machines"):
            if (infra / part).is_dir():
                shutil.copytree(infra / part, operated / part)
        (operated / "root").mkdir()
        for file in root.glob("*.tf"):
            # the state's place belongs to the root that is planned
            (operated / "root" / file.name).write_text(re.sub(r'backend "s3" \{\}', "", file.read_text()))
        for module, edits in OPERATED.items():
            file = operated / "modules" / module / "main.tf"
            text = file.read_text()
            for pattern, value in edits:
                text, count = re.subn(pattern, value, text)
                assert count, f"{module}: {pattern}"
            file.write_text(text)
        module, old, new = change
        if module:
            file = infra / "modules" / module / "main.tf"
            assert old in file.read_text()
            file.write_text(file.read_text().replace(old, new))
        return run_terraform_test(root, TEST, variables)


def changed(messages: dict[str, Any]) -> list[str]:
    """Addresses of what the plan would change."""
    assert messages["diagnostics"] == []
    assert messages["test_summary"]["status"] == "pass"
    found = messages["test_plan"]["resource_changes"]
    assert len(found) > 20
    return [one["address"] for one in found if one["change"]["actions"] not in (["no-op"], ["read"])]


@pytest.mark.parametrize(("name", "environment"), [("fixture", "production"), ("two-processes", "staging")])
def test_the_plan_stays_empty_after_deployments_and_hand_overs(name: str, environment: str) -> None:
    """A newer revision, more tasks, schedules and alarms that are on: nothing of it is set back."""
    messages = plan(name, environment)
    assert changed(messages) == []
    planned = {one["address"]: one["change"]["after"] for one in messages["test_plan"]["resource_changes"]}
    services = [after for address, after in planned.items() if ".aws_ecs_service." in address]
    assert services
    assert all(after["task_definition"].endswith(":7") for after in services)


@pytest.mark.parametrize(
    ("module", "ignored", "kind"),
    [
        ("service", "ignore_changes = [task_definition, desired_count]", "aws_ecs_service"),
        ("batches", "ignore_changes = [state]", "aws_scheduler_schedule"),
        ("alarms", "ignore_changes = [actions_enabled]", "aws_cloudwatch_metric_alarm"),
    ],
)
def test_without_the_exception_the_plan_would_set_it_back(module: str, ignored: str, kind: str) -> None:
    """The simulated account does differ: each exception taken out, the plan would change what it protects, and only that."""
    found = changed(plan("fixture", "production", (module, ignored, "ignore_changes = []")))
    assert found
    assert {re.sub(r".*\.(aws_\w+)\..*", r"\1", address) for address in found} == {kind}


def test_nothing_else_reads_what_a_deployment_makes() -> None:
    """No resource or data source but the service knows a task definition or an image, so a new one can change no plan."""
    root = applied("fixture", "production")["test_state"]["root_module"]
    for one in resources(root):
        assert one["type"] not in {"aws_ecs_task_definition", "aws_ecr_image", "aws_ecr_repository_images"}
        if one["type"] != "aws_ecs_service":
            assert not re.search(r"task-definition/[\w-]+:\d", json.dumps(one["values"]))
