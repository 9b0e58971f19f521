"""`verify` where something breaks: a clear line, the right status, and nothing left behind on the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from analyzer.verify.engine import Engine
from analyzer.write import MANIFEST
from tests.docker.fargate import docker
from tests.image.test_verify import migrate_analyze

pytestmark = pytest.mark.docker

BATCH = {"id": "close", "outcome": "schedule", "class": "light", "enabled": True, "container_command": ["sh", "-c", "echo close End."], "end_marker": "close End."}  # fmt: skip
HEALTH = {"command": ["CMD-SHELL", "test -e /healthy"], "interval": 1, "timeout": 1, "retries": 2, "startPeriod": 0}


class Bundle:
    """A bundle written by hand: a Dockerfile, an API, a batch. Its application has a name of its own on the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"shop-{uuid.uuid4().hex[:8]}"
        self.dockerfile = f"FROM debian:bookworm-slim\nLABEL test-of={self.name}\n"
        self.api: dict[str, Any] = {"command": ["sleep", "60"]}
        self.batch: Mapping[str, Any] = BATCH

    def write(self) -> Path:
        app = self.folder / self.name / "app"
        production = app / "docker" / "production"
        production.mkdir(parents=True)
        (app / "Dockerfile").write_text(self.dockerfile, encoding="utf-8")
        for name, container in (("api", self.api), ("batch_light", {})):
            request = {"containerDefinitions": [{"name": name, **container}]}
            (production / f"task_definition.{name}.json").write_text(json.dumps(request), encoding="utf-8")
        application = {"name": self.name, "processes": [{"name": "api"}], "jobs": [self.batch]}
        (self.folder / "plan.json").write_text(
            json.dumps({"version": 1, "applications": [application]}), encoding="utf-8"
        )
        (self.folder / "code").mkdir()
        return self.folder

    def verify(self) -> tuple[int, dict[str, tuple[str, str]]]:
        """(exit status, check -> (status, detail))."""
        self.write()
        answer = migrate_analyze("verify", str(self.folder), "--context", str(self.folder / "code"), "--format", "json")
        assert "Traceback" not in answer.stderr
        (result,) = json.loads(answer.stdout)["applications"]
        return answer.returncode, {each["name"]: (each["status"], each["detail"]) for each in result["checks"]}

    def left_behind(self) -> list[str]:
        """Containers, images and layers of this bundle that are still on the engine."""
        images = docker("image", "ls", "--all", "--quiet", "--filter", f"label=test-of={self.name}").stdout.split()
        containers = docker("ps", "--all", "--quiet", "--filter", f"label=test-of={self.name}").stdout.split()
        return [*images, *containers]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path)


class Reluctant:
    """A client of an engine that refuses the first removal of each thing, as it does while a thread removes the same."""

    def __init__(self, *names: str) -> None:
        self.there = dict.fromkeys(names, 0)
        self.containers = self.images = self

    def list(self, **options: object) -> list[Any]:
        mine = [name for name in self.there if name.startswith("container") == ("all" in options)]
        return [SimpleNamespace(id=name, remove=partial(self.remove, name)) for name in mine]

    def remove(self, name: str, **_: object) -> None:
        self.there[name] += 1
        if self.there[name] == 1:
            raise APIError("removal is already in progress")
        del self.there[name]


def test_what_the_engine_refuses_to_remove_is_tried_again() -> None:
    """One container that a thread is removing keeps no other thing of the run on the engine."""
    engine = Engine(lambda _: None)
    engine.client = client = Reluctant("container-1", "container-2", "image-1")
    engine.clean()
    assert client.there == {}


def test_an_image_that_does_what_it_should_passes(bundle: Bundle) -> None:
    """The API stays up and stops when asked, the batch prints its end: status 0, and nothing stays on the engine."""
    bundle.api = {
        "command": ["sh", "-c", "trap 'exit 0' TERM; touch /healthy; while :; do sleep 0.1; done"],
        "healthCheck": HEALTH,
    }
    status, checks = bundle.verify()
    assert status == 0, checks
    assert [each[0] for each in checks.values()] == ["ok"] * 4
    assert bundle.left_behind() == []


def test_a_dockerfile_that_a_person_edited_is_built_and_said(bundle: Bundle, tmp_path: Path) -> None:
    """What is built is the file as it stands, and the result names what is not as it was generated."""
    bundle.api = {"command": ["sleep", "60"]}
    bundle.write()
    files = {path: path.read_bytes() for path in bundle.folder.rglob("Dockerfile")}
    generated = {path.relative_to(bundle.folder).as_posix(): sha256(data).hexdigest() for path, data in files.items()}
    (bundle.folder / MANIFEST).write_text(json.dumps({"files": generated}), encoding="utf-8")
    command = ("verify", str(bundle.folder), "--format", "json")
    (result,) = json.loads(migrate_analyze(*command).stdout)["applications"]
    assert "edited" not in result["checks"][0]["detail"]
    for path, data in files.items():
        path.write_bytes(data + b"RUN touch /edited\n")
    (result,) = json.loads(migrate_analyze(*command).stdout)["applications"]
    assert f"edited since they were generated: {bundle.name}/app/Dockerfile" in result["checks"][0]["detail"]


def test_each_application_has_its_own_repository(bundle: Bundle, tmp_path: Path) -> None:
    """`--context NAME=DIR` gives one application its code, and an application that is not there is wrong usage."""
    bundle.dockerfile += "COPY code /code\n"
    bundle.write()
    (bundle.folder / "code" / "code").write_text("x", encoding="utf-8")
    code = bundle.folder / "code"
    answer = migrate_analyze("verify", str(bundle.folder), "--context", f"{bundle.name}={code}", "--format", "json")
    (result,) = json.loads(answer.stdout)["applications"]
    assert result["checks"][0]["status"] == "ok"
    answer = migrate_analyze("verify", str(bundle.folder), "--context", f"other={code}")
    assert answer.returncode == 2
    assert f"no application is called other; there are {bundle.name}" in answer.stderr


def test_a_process_that_dies_shows_its_last_words(bundle: Bundle) -> None:
    """A process that ends at its start fails with its status and what it wrote; the batch is tried all the same."""
    bundle.api = {"command": ["sh", "-c", "echo no database >&2; exit 7"], "healthCheck": HEALTH}
    status, checks = bundle.verify()
    assert status == 1
    assert checks["process api"] == ("failed", "it ended with status 7: no database")
    assert checks["batch close"][0] == "ok"
    assert bundle.left_behind() == []


def test_a_process_that_is_never_healthy_fails_in_its_own_time(bundle: Bundle) -> None:
    """The wait ends when ECS would give up, and what the process wrote is shown."""
    bundle.api = {"command": ["sh", "-c", "echo starting; sleep 60"], "healthCheck": HEALTH}
    status, checks = bundle.verify()
    assert status == 1
    kind, detail = checks["process api"]
    assert (kind, detail) == ("failed", "not healthy after 4 s, as long as its health check gives it: starting")
    assert bundle.left_behind() == []


def test_a_process_that_ignores_its_stop_signal_fails(bundle: Bundle) -> None:
    """A process that has to be killed would lose its work at each release."""
    bundle.api = {
        "command": ["sh", "-c", "trap '' TERM; touch /healthy; while :; do sleep 0.1; done"],
        "healthCheck": HEALTH,
        "stopTimeout": 2,
    }
    _, checks = bundle.verify()
    assert checks["stop api"] == ("failed", "it did not end within 2 s of the stop signal and was killed")


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        ("echo broken; exit 3", "ended with status 3: broken"),
        ("echo done", "ended with status 0 but never printed 'close End.': done"),
    ],
)
def test_a_batch_that_fails_or_says_nothing_fails(bundle: Bundle, command: str, detail: str) -> None:
    """A batch fails by its status and by a missing end marker."""
    bundle.batch = {**BATCH, "container_command": ["sh", "-c", command]}
    status, checks = bundle.verify()
    assert (status, checks["batch close"]) == (1, ("failed", detail))
    assert bundle.left_behind() == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("FROM registry.invalid/nothing:1\n", "is there a network, and can the engine reach the registry"),
        ("FROM debian:bookworm-slim\nRUN dd if=/dev/zero of=/dev/shm/x bs=1M count=100\n", "the engine's disk is full"),
        ("FROM debian:bookworm-slim\nRUN exit 3\n", "non-zero code: 3"),
        ("FROM debian:bookworm-slim\nRUM echo\n", "unknown instruction: RUM"),
    ],
    ids=["no registry", "disk full", "failing step", "no Dockerfile"],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(bundle: Bundle, lines: str, said: str) -> None:
    """The check names the cause and what to do, the status is 1, and no layer of the broken build stays."""
    first, rest = lines.split("\n", 1)
    bundle.dockerfile = f"{first}\nLABEL test-of={bundle.name}\n{rest}"
    status, checks = bundle.verify()
    assert status == 1
    assert checks["build"][0] == "failed"
    assert said in checks["build"][1]
    assert bundle.left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("during", ["build", "process"])
def test_an_interrupted_run_leaves_nothing(bundle: Bundle, number: signal.Signals, during: str) -> None:
    """Ctrl-C or a termination: one line, status 2, and containers and images are gone."""
    if during == "build":
        bundle.dockerfile += "RUN sleep 60\n"
    else:
        bundle.api = {"command": ["sleep", "60"], "healthCheck": {**HEALTH, "retries": 60}}
    folder = bundle.write()
    command = [sys.executable, "-m", "analyzer", "verify", str(folder), "--context", str(folder / "code")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    until = time.monotonic() + 120
    while not docker("ps", "--quiet", "--filter", f"label=test-of={bundle.name}").stdout and time.monotonic() < until:
        time.sleep(0.2)
    run.send_signal(number)
    time.sleep(0.2)
    run.send_signal(signal.SIGTERM)  # make and CI runners signal a whole group: the second one must not end the removal
    _, told = run.communicate(timeout=60)
    assert run.returncode == 2
    assert (
        told.strip().splitlines()[-1].endswith("interrupted: nothing was verified; containers and images are removed")
    )
    assert "Traceback" not in told
    until = time.monotonic() + 20  # the engine ends a build when its client is gone
    while bundle.left_behind() and time.monotonic() < until:
        time.sleep(0.5)
    assert bundle.left_behind() == []
