"""Starts containers with the Docker Engine the way Fargate would start them from a generated task definition."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LABEL = "migrate-analyze.test=1"
"""On every container and image that the tests make."""


def docker(*arguments: str, check: bool = True, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """One call of the docker program; a failing one shows what it wrote."""
    answer = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout_s)
    if check and answer.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: {answer.returncode}\n{answer.stdout}\n{answer.stderr}")
    return answer


def build(context: Path, tag: str) -> str:
    """Builds `context` with the classic builder and gives its whole output."""
    answer = docker("build", "--network=host", "--label", LABEL, "--tag", tag, str(context), timeout_s=900)
    return answer.stdout


@dataclass(frozen=True, slots=True)
class Start:
    """What a state machine asks of ECS: the overrides of its RunTask."""

    command: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Start:
        """The one place in the state machine that starts a task."""
        states = json.loads(path.read_text(encoding="utf-8"))["States"].values()
        (run,) = [state for state in states if ":ecs:runTask" in state.get("Resource", "")]
        (overrides,) = run["Parameters"]["Overrides"]["ContainerOverrides"]
        environment = {pair["Name"]: pair["Value"] for pair in overrides.get("Environment", [])}
        return cls(tuple(overrides["Command"]), environment)


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A generated task definition with its one container."""

    name: str
    request: Mapping[str, Any]
    image: str
    file_systems: Mapping[str, str] = field(default_factory=dict)
    """Name of a task's volume -> volume of the engine that stands for it; others are empty and the container's own."""

    @classmethod
    def read(cls, path: Path, image: str) -> TaskDefinition:
        """The file as it lies in the bundle."""
        return cls(path.name.split(".")[1], json.loads(path.read_text(encoding="utf-8")), image)

    @property
    def container(self) -> Mapping[str, Any]:
        """Its container definition."""
        (only,) = self.request["containerDefinitions"]
        return only

    def arguments(self, command: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> list[str]:
        """What stands after `docker run`: the container has no network, like no one else's test in its way."""
        container = self.container
        values = {pair["name"]: pair["value"] for pair in container.get("environment", [])}
        values |= {secret["name"]: f"dummy-{secret['name'].lower()}" for secret in container.get("secrets", [])}
        values |= environment or {}
        out = ["--network=none", "--label", LABEL]
        for name, value in sorted(values.items()):
            out += ["--env", f"{name}={value}"]
        for option, key in (("--user", "user"), ("--workdir", "workingDirectory")):
            if container.get(key):
                out += [option, container[key]]
        linux = container.get("linuxParameters", {})
        if linux.get("initProcessEnabled"):
            out.append("--init")
        if container.get("readonlyRootFilesystem"):
            out.append("--read-only")
        for place in linux.get("tmpfs", []):
            options = ",".join([*place.get("mountOptions", []), f"size={place['size']}m"])
            out += ["--tmpfs", f"{place['containerPath']}:{options}"]
        for mount in container.get("mountPoints", []):
            source = self.file_systems.get(mount["sourceVolume"], "")
            place = f"{source}:{mount['containerPath']}" if source else mount["containerPath"]
            out += ["--volume", place + (":ro" if mount.get("readOnly") else "")]
        for limit in container.get("ulimits", []):
            out += ["--ulimit", f"{limit['name']}={limit['softLimit']}:{limit['hardLimit']}"]
        if container.get("entryPoint"):
            raise NotImplementedError("an entry point of the task definition itself")
        return [*out, self.image, *(command or container.get("command", []))]

    def run(
        self, start: Start, environment: Mapping[str, str] | None = None, volumes: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A batch: from its start to its end."""
        mounts = [part for volume in volumes for part in ("--volume", volume)]
        values = {**start.environment, **(environment or {})}
        return docker("run", "--rm", *mounts, *self.arguments(start.command, values), check=False, timeout_s=120)

    @contextmanager
    def started(self) -> Iterator[str]:
        """A service: the container's id while it runs; it is removed afterwards."""
        identity = docker("run", "--detach", *self.arguments()).stdout.strip()
        try:
            yield identity
        finally:
            docker("rm", "--force", "--volumes", identity)

    def wait_until_healthy(self, identity: str, timeout_s: float = 60) -> None:
        """Runs the task definition's own health check inside the container until it succeeds."""
        kind, *words = self.container["healthCheck"]["command"]
        check = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else words
        until = time.monotonic() + timeout_s
        while (answer := docker("exec", identity, *check, check=False)).returncode:
            state = docker("inspect", "--format", "{{.State.Status}}", identity).stdout.strip()
            if state != "running" or time.monotonic() > until:
                logs = docker("logs", identity, check=False)
                raise AssertionError(
                    f"not healthy ({state}): {answer.stdout}{answer.stderr}\n{logs.stdout}{logs.stderr}"
                )
            time.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Batch:
    """A job of the plan with what starts it."""

    job: Mapping[str, Any]
    start: Start
    definition: TaskDefinition

    def run(
        self, environment: Mapping[str, str] | None = None, volumes: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """One run as the state machine would start it."""
        return self.definition.run(self.start, environment, volumes)
