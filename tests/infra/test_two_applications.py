"""One project, two applications: one bundle, in which neither stands in the other's way."""

from __future__ import annotations

import json
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from analyzer.render import bundle
from analyzer.render.containers import environments
from analyzer.resources import template_texts
from tests.infra import two_applications
from tests.infra.bundle import texts
from tests.infra.test_consistency import declared
from tests.infra.test_terraform import environment, run, write  # noqa: F401 - environment is a fixture


def test_the_project_has_two_applications() -> None:
    """One with an API, one with batches only, and a batch of each has the same name."""
    shop, billing = (two_applications.decided(name) for name in ("shop", "billing"))
    assert [one.name for one in two_applications.plan().applications] == ["shop", "billing"]
    assert [process.port for process in shop.processes] == [8000]
    assert not billing.processes
    assert {job.id for job in shop.jobs} & {job.id for job in billing.jobs} == {"nightly-report"}
    assert all(host.ec2 is None for one in (shop, billing) for host in one.hosts)


@pytest.mark.terraform
def test_all_four_roots_are_valid(tmp_path: Path, environment: dict[str, str]) -> None:  # noqa: F811 - the fixture
    """In the bundle as it is written, every root of both passes `terraform validate`, all files `fmt -check`."""
    plan, files = bundle.render(two_applications.plan(), template_texts())
    write(tmp_path, files)
    formatted = run(tmp_path, environment, "fmt", "-check", "-recursive", "-diff", "-no-color")
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
    roots = [tmp_path / one.name / "infra" / each for one in plan.applications for each in environments(one)]
    assert len(roots) == 4
    for number, root in enumerate(roots):
        data = {**environment, "TF_DATA_DIR": str(tmp_path / f"data-{number}")}
        initialised = run(root, data, "init", "-backend=false", "-input=false", "-no-color")
        assert initialised.returncode == 0, initialised.stdout + initialised.stderr
        assert json.loads(run(root, data, "validate", "-json", "-no-color").stdout)["diagnostics"] == []


def test_host_cron_says_that_no_place_is_known(tmp_path: Path) -> None:
    """Without evidence of the hosts the script does not pretend that the batch does not exist."""
    script = tmp_path / "host-cron.sh"
    script.write_text(texts("billing-of-two")["ops/host-cron.sh"])
    made = subprocess.run(["bash", script, "off", "close-month"], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout) == (1, "")
    assert "no evidence shows where a batch stands" in made.stderr


def names_of(values: dict[str, Any]) -> set[tuple[str, str]]:
    """(kind, name) of everything that one root makes and that AWS knows by its name."""
    made = {(kind, name) for kind, name in values["names"].items() if kind not in ("container", "repository")}
    made |= {("log group", name) for name in values["log_groups"].values()}
    made |= {("secret", item["name"]) for item in values["secrets"].values()}
    made |= {("parameter", name) for name in values["parameter_names"].values()}
    made |= {("file system", item["name"]) for item in values["file_systems"].values()}
    for process in values["processes"].values():
        made |= {("service", process["service"]), ("family", process["family"])}
    for job in values["jobs"].values():
        made |= {("state machine", job["state_machine"]), ("family", job["task_definition"])}
        made |= {("schedule", f"{values['names']['schedule_group']}/{name}") for name in job["schedules"]}
    made |= {
        ("alarm", item["alarm"])
        for group in values["alarms"].values()
        if isinstance(group, dict)
        for item in group.values()
        if isinstance(item, dict) and "alarm" in item
    }
    return made


def test_nothing_is_made_twice_in_one_account() -> None:
    """No name that one root gives AWS is given by another, of the same or the other application."""
    roots = {
        (one.name, each): declared(one, each)
        for one in two_applications.plan().applications
        for each in environments(one)
    }
    made = {root: names_of(values) for root, values in roots.items()}
    assert {kind for names in made.values() for kind, _ in names} >= {"service", "family", "state machine", "alarm"}
    for first, second in combinations(roots, 2):
        assert not made[first] & made[second], (first, second)
    repositories = {name: {v["names"]["repository"] for (n, _), v in roots.items() if n == name} for name, _ in roots}
    assert all(len(found) == 1 for found in repositories.values())  # one for all environments
    assert not set.intersection(*repositories.values())
