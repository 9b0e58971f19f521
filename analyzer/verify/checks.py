"""Starts what the bundle's task definitions start, in the image that was built: as Fargate would, without a network."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from msgspec import Struct

from analyzer.render.names import IMAGE_TAG
from analyzer.verify.engine import Answer, Container, Engine, VerifyError
from analyzer.verify.fidelity import Check
from analyzer.verify.playbook import placeholder

HEALTH_S = 90.0
"""The longest that a process may take to become healthy here; its own health check may say less."""
BATCH_S = 120.0


class Definition(Struct, frozen=True):
    """A task definition of the bundle and its one container."""

    name: str
    request: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> tuple[Definition, ...]:
        """The task definitions of one environment's folder."""
        return tuple(
            cls(path.name.split(".")[1], json.loads(path.read_text(encoding="utf-8")))
            for path in sorted(folder.glob("task_definition.*.json"))
        )

    @property
    def container(self) -> Mapping[str, Any]:
        """Its container definition."""
        found: Mapping[str, Any] = self.request["containerDefinitions"][0]
        return found

    def environment(self) -> dict[str, str]:
        """Plain values as they stand, a placeholder for each secret."""
        values = {pair["name"]: str(pair["value"]) for pair in self.container.get("environment", [])}
        for secret in self.container.get("secrets", []):
            # a comparable file needs the value that the playbook run uses for the same secret
            values[secret["name"]] = placeholder(str(secret["name"]))
        return values

    def options(self) -> dict[str, Any]:
        """Arguments of the engine's `create` that say what the task definition says."""
        container = self.container
        linux = container.get("linuxParameters", {})
        options: dict[str, Any] = {"environment": self.environment(), "network_mode": "none"}
        if container.get("user"):
            options["user"] = container["user"]
        if container.get("workingDirectory"):
            options["working_dir"] = container["workingDirectory"]
        if linux.get("initProcessEnabled"):
            options["init"] = True
        if container.get("readonlyRootFilesystem"):
            options["read_only"] = True
        if linux.get("tmpfs"):
            options["tmpfs"] = {
                each["containerPath"]: ",".join([*each.get("mountOptions", []), f"size={each['size']}m"])
                for each in linux["tmpfs"]
            }
        volumes = [
            mount["containerPath"] + (":ro" if mount.get("readOnly") else "")
            for mount in container.get("mountPoints", [])
        ]
        if volumes:
            options["volumes"] = volumes
        if container.get("ulimits"):
            from docker.types import Ulimit

            options["ulimits"] = [
                Ulimit(name=each["name"], soft=each["softLimit"], hard=each["hardLimit"])
                for each in container["ulimits"]
            ]
        return options


def check_process(engine: Engine, image: str, definition: Definition) -> tuple[Check, ...]:
    """Whether the process starts, stays, gets healthy, and stops when it is asked to."""
    given = str(definition.container.get("image", ""))
    if given and not given.endswith(f":{IMAGE_TAG}"):
        detail = f"it runs {given}, which a registry has and this build does not make"
        return (Check(name=f"process {definition.name}", status="skipped", detail=detail),)
    command = definition.container.get("command")
    options = definition.options()
    if command:
        options["command"] = command
    name = definition.name
    began = time.monotonic()
    try:
        with engine.container(image, **options) as container:
            engine.progress(f"process {name}: started, waiting for its health")
            check = _health(container, definition, began)
            if check.status == "failed":
                return (check,)
            return (check, _stop(container, definition))
    except VerifyError as error:
        return (Check(name=f"process {name}", status="failed", detail=str(error)),)


def _health(container: Container, definition: Definition, began: float) -> Check:
    health = definition.container.get("healthCheck")
    name = f"process {definition.name}"
    if not health:
        code = container.wait(5)
        if code is not None:
            detail = f"it ended with status {code}: {container.logs()[-600:]}"
            return Check(name=name, status="failed", detail=detail, seconds=time.monotonic() - began)
        return Check(name=name, status="ok", detail="stays up; it has no health check", seconds=5.0)
    limit = min(HEALTH_S, _limit(health))
    kind, *words = health["command"]
    command = ["sh", "-c", words[0]] if kind == "CMD-SHELL" else list(words)
    answer = Answer(-1, b"")
    while time.monotonic() - began < limit:
        status, code = container.state()
        if status != "running":
            detail = f"it ended with status {code}: {container.logs()[-600:]}"
            return Check(name=name, status="failed", detail=detail, seconds=time.monotonic() - began)
        answer = _asked(container, command)
        if answer.code == 0:
            detail = f"healthy: {' '.join(words)[:100]}"
            return Check(name=name, status="ok", detail=detail, seconds=time.monotonic() - began)
        time.sleep(0.5)
    said = " ".join(filter(None, (answer.text.strip()[-300:], container.logs()[-600:])))
    detail = f"not healthy after {limit:.0f} s, as long as its health check gives it: {said or 'it writes nothing'}"
    return Check(name=name, status="failed", detail=detail, seconds=time.monotonic() - began)


def _asked(container: Container, command: Sequence[str]) -> Answer:
    """The health check's answer; none where the process ended since it was last looked at, as the next look tells."""
    from docker.errors import APIError

    try:
        return container.run(command, user="")
    except APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:
            raise
        return Answer(-1, b"")


def _limit(health: Mapping[str, Any]) -> float:
    """Seconds after which ECS calls a task unhealthy."""
    tries = int(health.get("retries", 3))
    return float(health.get("startPeriod", 0) + tries * (health.get("interval", 30) + health.get("timeout", 5)))


def _stop(container: Container, definition: Definition) -> Check:
    limit = int(definition.container.get("stopTimeout", 30))
    began = time.monotonic()
    container.made.stop(timeout=limit)
    seconds = time.monotonic() - began
    _, code = container.state()
    name = f"stop {definition.name}"
    if code == 137:
        detail = f"it did not end within {limit} s of the stop signal and was killed"
        return Check(name=name, status="failed", detail=detail, seconds=seconds)
    return Check(name=name, status="ok", detail=f"it stopped with status {code}", seconds=seconds)


def check_batch(engine: Engine, image: str, definition: Definition, job: Mapping[str, Any]) -> Check:
    """Whether one batch runs to its end and prints its end marker."""
    command: Sequence[str] = job["container_command"]
    options = definition.options()
    options["environment"] = {**options["environment"], **_environment(job)}
    options["command"] = list(command)
    name = f"batch {job['id']}"
    began = time.monotonic()
    engine.progress(f"{name}: started")
    try:
        with engine.container(image, **options) as container:
            code = container.wait(BATCH_S)
            logs = container.logs()
    except VerifyError as error:
        return Check(name=name, status="failed", detail=str(error))
    seconds = time.monotonic() - began
    last = logs.splitlines()[-1] if logs else ""
    if code is None:
        return Check(name=name, status="failed", detail=f"still runs after {BATCH_S:.0f} s", seconds=seconds)
    if code != 0:
        return Check(name=name, status="failed", detail=f"ended with status {code}: {logs[-600:]}", seconds=seconds)
    marker = str(job.get("end_marker", ""))
    if marker and marker not in logs:
        detail = f"ended with status 0 but never printed {marker!r}: {last}"
        return Check(name=name, status="failed", detail=detail, seconds=seconds)
    return Check(name=name, status="ok", detail=f"ended with status 0: {last}", seconds=seconds)


def _environment(job: Mapping[str, Any]) -> dict[str, str]:
    given = job.get("environment") or {}
    pairs = given.items() if isinstance(given, Mapping) else given
    return {str(name): str(value) for name, value in pairs if "<" not in str(value)}


def choose_batch(jobs: Sequence[Mapping[str, Any]], wanted: str) -> Mapping[str, Any] | None:
    """The job to try: the one asked for, else the scheduled one that was seen to run shortest."""
    usable = [job for job in jobs if job.get("outcome") == "schedule" and job.get("container_command")]
    if wanted:
        return next((job for job in usable if job["id"] == wanted), None)

    def duration(job: Mapping[str, Any]) -> tuple[bool, float, str]:
        seconds = (job.get("footprint") or {}).get("duration_s")
        return (not job.get("enabled", True), float(seconds) if seconds is not None else 1e9, str(job["id"]))

    return min(usable, key=duration, default=None)
