"""What AWS refuses and no offline validator tells: rules over the generated requests, each finding one sentence.

The tests hold every generated file against these; so can anybody who edits one by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FARGATE_MEMORY_MIB: Mapping[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
    32768: (61440, 122880, 249856),
}
"""CPU units -> legal memory on Fargate for Linux (RegisterTaskDefinition, as of 2026-11)."""

NOT_ON_FARGATE = (
    "privileged", "dockerSecurityOptions", "disableNetworking", "dnsServers", "dnsSearchDomains", "extraHosts", "links",
    "hostname",
)  # fmt: skip
LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
SECONDS_PER_DAY = 86_400
MAX_FILTERS_PER_LOG_GROUP = 100
MAX_OVERRIDES_CHARACTERS = 8192

Document = Mapping[str, Any]


def task_definition(request: Document) -> tuple[str, ...]:
    """What ECS on Fargate would refuse in a RegisterTaskDefinition request."""
    return tuple(_task_definition(request))


def _task_definition(request: Document) -> Iterator[str]:
    cpu, memory = int(request.get("cpu", 0)), int(request.get("memory", 0))
    if memory not in FARGATE_MEMORY_MIB.get(cpu, ()):
        yield f"{cpu} CPU units with {memory} MiB are no Fargate size"
    if request.get("networkMode") != "awsvpc":
        yield "networkMode must be awsvpc"
    if "FARGATE" not in request.get("requiresCompatibilities", ()):
        yield "requiresCompatibilities must name FARGATE"
    for name in ("ipcMode", "placementConstraints", "inferenceAccelerators"):
        if request.get(name):
            yield f"{name} does not exist on Fargate"
    if request.get("pidMode", "task") != "task":
        yield "pidMode may only be task"
    size = request.get("ephemeralStorage", {}).get("sizeInGiB", 21)
    if not 21 <= size <= 200:
        yield f"ephemeral storage of {size} GiB: 21 to 200 may be asked for, 20 come without asking"
    containers: Sequence[Document] = request.get("containerDefinitions", ())
    if not 1 <= len(containers) <= 10:
        yield f"{len(containers)} containers: 1 to 10 are possible"
    if not any(container.get("essential", True) for container in containers):
        yield "no container is essential"
    if sum(container.get("memory", 0) for container in containers) > memory:
        yield "the containers' memory exceeds the task's"
    if sum(container.get("cpu", 0) for container in containers) > cpu:
        yield "the containers' CPU exceeds the task's"
    volumes = {volume["name"] for volume in request.get("volumes", ())}
    for volume in request.get("volumes", ()):
        yield from _volume(volume)
    for container in containers:
        yield from (f"{container.get('name')}: {finding}" for finding in _container(container, request, volumes))


def _volume(volume: Document) -> Iterator[str]:
    if volume.get("host", {}).get("sourcePath"):
        yield f"volume {volume['name']}: a path of the host does not exist on Fargate"
    if "dockerVolumeConfiguration" in volume:
        yield f"volume {volume['name']}: Docker volumes do not exist on Fargate"
    efs = volume.get("efsVolumeConfiguration", {})
    access = efs.get("authorizationConfig", {})
    if (access.get("iam") == "ENABLED" or access.get("accessPointId")) and efs.get("transitEncryption") != "ENABLED":
        yield f"volume {volume['name']}: IAM and access points need transit encryption"
    if access.get("accessPointId") and efs.get("rootDirectory", "/") != "/":
        yield f"volume {volume['name']}: an access point excludes a root directory"


def _container(container: Document, request: Document, volumes: set[str]) -> Iterator[str]:
    yield from (f"{name} does not exist on Fargate" for name in NOT_ON_FARGATE if container.get(name))
    for name in ("stopTimeout", "startTimeout"):
        if not 2 <= container.get(name, 2) <= 120:
            yield f"{name} of {container[name]} s: 2 to 120 are possible"
    for port in container.get("portMappings", ()):
        if port.get("hostPort", port["containerPort"]) != port["containerPort"]:
            yield "hostPort must equal containerPort"
    linux = container.get("linuxParameters", {})
    yield from (f"linuxParameters.{name} does not exist on Fargate" for name in
                ("devices", "sharedMemorySize", "maxSwap", "swappiness") if linux.get(name))  # fmt: skip
    if set(linux.get("capabilities", {}).get("add", ())) - {"SYS_PTRACE"}:
        yield "only SYS_PTRACE may be added to the capabilities"
    for control in container.get("systemControls", ()):
        if not re.match(r"(net\.|fs\.mqueue\.|kernel\.(msg|sem|shm))", control["namespace"]):
            yield f"the kernel setting {control['namespace']} is not the container's own"
    for limit in container.get("ulimits", ()):
        if limit["softLimit"] > limit["hardLimit"]:
            yield f"ulimit {limit['name']}: soft above hard"
        if limit["name"] == "nofile" and limit["hardLimit"] > 65535:
            yield "more than 65535 open files are not possible"
    yield from _logging(container.get("logConfiguration"), request)
    yield from _environment(container, request)
    for mount in container.get("mountPoints", ()):
        if mount["sourceVolume"] not in volumes:
            yield f"volume {mount['sourceVolume']} is not declared"
    places = [mount["containerPath"] for mount in (*container.get("mountPoints", ()), *linux.get("tmpfs", ()))]
    yield from (f"{place} is mounted twice" for place in _repeated(places))
    check = container.get("healthCheck")
    if check is not None and check["command"][0] not in ("CMD", "CMD-SHELL", "NONE"):
        yield "the health check's command must begin with CMD or CMD-SHELL"
    if check is not None and check.get("timeout", 5) >= check.get("interval", 30):
        yield "the health check takes longer than its interval"


def _logging(logging: Document | None, request: Document) -> Iterator[str]:
    if logging is None:
        yield "without a log configuration its output is lost"
        return
    if logging["logDriver"] not in LOG_DRIVERS:
        yield f"log driver {logging['logDriver']} does not exist on Fargate"
    options = logging.get("options", {})
    if logging["logDriver"] == "awslogs":
        for name in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
            if not options.get(name):
                yield f"{name} is required"
        if "awslogs-datetime-format" in options and "awslogs-multiline-pattern" in options:
            yield "awslogs-datetime-format and awslogs-multiline-pattern exclude each other"
        if "mode" not in options:
            yield "without a mode the account's default decides whether log lines may be dropped"
        if not request.get("executionRoleArn"):
            yield "the awslogs driver needs an execution role"


def _environment(container: Document, request: Document) -> Iterator[str]:
    names = [item["name"] for item in (*container.get("environment", ()), *container.get("secrets", ()))]
    yield from (f"variable {name} is set twice" for name in _repeated(names))
    if container.get("secrets") and not request.get("executionRoleArn"):
        yield "secrets need an execution role"
    for secret in container.get("secrets", ()):
        if not re.match(
            r"arn:aws[a-z-]*:(secretsmanager:[^:]+:\d{12}:secret|ssm:[^:]+:\d{12}:parameter)", secret["valueFrom"]
        ):
            yield f"{secret['name']}: {secret['valueFrom']} is neither a secret's ARN nor a parameter's"


def _repeated(values: Iterable[str]) -> list[str]:
    return sorted(value for value, count in Counter(values).items() if count > 1)


def metric_alarm(request: Document) -> tuple[str, ...]:
    """What CloudWatch would refuse in a PutMetricAlarm request (single metric)."""
    return tuple(_metric_alarm(request))


def _metric_alarm(request: Document) -> Iterator[str]:
    period, count = request["Period"], request["EvaluationPeriods"]
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        yield f"a period of {period} s: 10, 20, 30 or a multiple of 60 is possible"
    if period > SECONDS_PER_DAY:
        yield f"a period of {period} s is longer than a day"
    if count < 1:
        yield "at least one period must be evaluated"
    if period * count > 7 * SECONDS_PER_DAY:
        yield f"{count} periods of {period} s are more than seven days"
    if period < 3600 and period * count > SECONDS_PER_DAY:
        yield f"{count} periods of {period} s are more than one day, which periods below an hour must not exceed"
    if not 1 <= request.get("DatapointsToAlarm", count) <= count:
        yield "more points to alarm than are evaluated"


def metric_filters(log_group_of_filter: Mapping[str, str]) -> tuple[str, ...]:
    """Log groups that carry more metric filters than CloudWatch allows. Argument: filter name -> log group."""
    counts: dict[str, int] = {}
    for group in log_group_of_filter.values():
        counts[group] = counts.get(group, 0) + 1
    return tuple(
        f"{group} carries {count} metric filters: {MAX_FILTERS_PER_LOG_GROUP} are possible"
        for group, count in sorted(counts.items())
        if count > MAX_FILTERS_PER_LOG_GROUP
    )
