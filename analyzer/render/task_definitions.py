"""The task definitions: input of `aws ecs register-task-definition --cli-input-json`, one file a class and environment.

What is not known to the analysis (account, revision, the random end of a secret's ARN, ids of file systems) stands as a
placeholder in the form AWS accepts; `docker/fill-in.sh` fills them in when a release is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from analyzer.model import Application, OutputFile, Process, Source, TaskDefinition, Via
from analyzer.render.containers import environments, jobs_of, process_of, settings, variables
from analyzer.render.json_text import Json, json_file
from analyzer.render.names import CONTAINER, Names, fit
from analyzer.render.references import run_time_check, run_time_command
from analyzer.render.storage import TMPFS_SIZE_MIB, mounts_of, scratch_space

NOFILE_LIMIT = 65535
"""Fargate's largest (and default) number of open files."""
STOP_TIMEOUT_RANGE_S = (2, 120)
EPHEMERAL_RANGE_GIB = (21, 200)
"""20 GiB come with every task and must not be asked for."""
PROCESS_LOG_BUFFER = "25m"
NAMESPACED_SYSCTLS = ("net.", "fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm")
"""Kernel settings of a container's own namespace; Fargate accepts no others."""
FILE_SYSTEM_PLACEHOLDER = "fs-"
NO_BATCH = ("sh", "-c", "echo 'This task definition runs batches: start it with a command.' >&2; exit 64")
"""What a batch definition does when it is started without naming a batch: fail, and say why."""

_RULE = "template:task_definition"
_DEFAULT = Via(rule=_RULE, note="what Fargate needs")
_BASE = "/containerDefinitions/0"


def path(application: Application, environment: str, definition: TaskDefinition) -> str:
    """Where a task definition lies in the bundle."""
    return f"{application.name}/app/docker/{environment}/task_definition.{definition.name}.json"


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:  # noqa: ARG001 - JSON is made from values
    """One file for each task definition in each environment."""
    return tuple(
        _file(application, environment, definition)
        for environment in environments(application)
        for definition in application.task_definitions
    )


def _file(application: Application, environment: str, definition: TaskDefinition) -> OutputFile:
    value, reasons = request(application, environment, definition)
    return json_file(path(application, environment, definition), value, reasons, _DEFAULT)


def file_system_placeholder(name: str) -> str:
    """Stands for the id of the EFS file system `name`, for which `docker/fill-in.sh` asks AWS."""
    return f"{FILE_SYSTEM_PLACEHOLDER}id-of-{name}"


def access_point_placeholder(name: str) -> str:
    """Stands for the id of the access point `name`."""
    return f"fsap-id-of-{name}"


def _why(note: str, sources: tuple[Source, ...] = ()) -> Via:
    return Via(rule=_RULE, sources=sources, note=note)


def request(
    application: Application, environment: str, definition: TaskDefinition
) -> tuple[dict[str, Json], dict[str, Via]]:
    """The arguments of RegisterTaskDefinition, and the reason of each by JSON pointer."""
    names = Names(application.name, environment, application.region)
    size = _why(definition.basis, _sources(definition.via))
    container = _Container(application, environment, definition, names)
    container.fill()
    value: dict[str, Json] = {
        "family": names.task_family(definition.name),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": str(definition.cpu),
        "memory": str(definition.memory),
        "runtimePlatform": {"cpuArchitecture": definition.architecture, "operatingSystemFamily": "LINUX"},
        "executionRoleArn": names.role_arn("execution"),
        "taskRoleArn": names.role_arn("task"),
    }
    reasons = {"/cpu": size, "/memory": size, "/runtimePlatform/cpuArchitecture": size} | container.reasons
    least, most = EPHEMERAL_RANGE_GIB
    if definition.ephemeral_storage_gib is not None and definition.ephemeral_storage_gib >= least:
        value["ephemeralStorage"] = {"sizeInGiB": min(definition.ephemeral_storage_gib, most)}
        reasons["/ephemeralStorage"] = size
    if container.volumes:
        value["volumes"] = [volume for volume, _ in container.volumes]
        reasons |= {f"/volumes/{index}": via for index, (_, via) in enumerate(container.volumes)}
    value["containerDefinitions"] = [container.value]
    value["tags"] = [
        {"key": "application", "value": fit(application.name, 128)},
        {"key": "environment", "value": fit(environment, 128)},
    ]
    return value, reasons


def _sources(vias: Iterable[Via]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for via in vias for source in via.sources))


class _Container(Struct):
    """The one container of a task definition while it is composed."""

    application: Application
    environment: str
    definition: TaskDefinition
    names: Names
    value: dict[str, Json] = field(default_factory=dict)
    volumes: list[tuple[dict[str, Json], Via]] = field(default_factory=list)
    reasons: dict[str, Via] = field(default_factory=dict)

    def put(self, key: str, item: Json, via: Via) -> None:
        self.value[key] = item
        self.reasons[f"{_BASE}/{key}"] = via

    def fill(self) -> None:
        process = process_of(self.application, self.definition)
        self.value |= {"name": CONTAINER, "image": self.names.image, "essential": True}
        if process is None:
            self._batch()
        else:
            self._process(process)
        self._variables()
        self._limits(process)
        self._storage()
        self._logging(process)

    def _process(self, process: Process) -> None:
        if process.image:
            self.put("image", process.image, process.via)
        if process.entrypoint:
            self.put("entryPoint", list(run_time_command(process.entrypoint)), process.via)
        if process.command:
            self.put("command", list(run_time_command(process.command)), process.via)
        if process.working_directory:
            self.put("workingDirectory", process.working_directory, process.via)
        if process.user:
            self.put("user", process.user, process.via)
        if process.port is not None:
            port: dict[str, Json] = {"name": "main", "containerPort": process.port, "protocol": "tcp"}
            self.put("portMappings", [port], process.via)
        check = process.health_check
        if check is not None and check.command:
            timing: dict[str, Json] = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 60}
            via = check.via or process.via
            self.put("healthCheck", {"command": list(run_time_check(check.command)), **timing}, via)

    def _batch(self) -> None:
        self.put("command", list(NO_BATCH), _why("started without a batch it must fail, not run the API"))
        users = {job.user for job in jobs_of(self.application, self.definition)}
        if len(users) == 1 and (user := users.pop()) and user != self.application.image.user:
            self.put("user", user, _why("every batch of this class ran as this user"))

    def _variables(self) -> None:
        plain: list[Json] = []
        secrets: list[Json] = []
        for item in variables(self.application, self.environment, self.definition):
            if item.kind == "plain":
                self.reasons[f"{_BASE}/environment/{len(plain)}"] = item.via
                plain.append({"name": item.name, "value": item.value})
                continue
            arn = self.names.secret_arn if item.kind == "secret" else self.names.parameter_arn
            self.reasons[f"{_BASE}/secrets/{len(secrets)}"] = item.via
            secrets.append({"name": item.name, "valueFrom": arn(item.value if item.kind == "secret" else item.name)})
        if plain:
            self.value["environment"] = plain
        if secrets:
            self.value["secrets"] = secrets

    def _limits(self, process: Process | None) -> None:
        nofile, via = self._nofile(process)
        if nofile is not None:
            limit = min(nofile, NOFILE_LIMIT)
            self.put("ulimits", [{"name": "nofile", "softLimit": limit, "hardLimit": limit}], via)
        controls: dict[str, tuple[str, Via]] = {}
        for setting, reason in settings(self.application, "sysctl"):
            if setting.name.startswith(NAMESPACED_SYSCTLS):
                controls[setting.name] = (setting.value, reason)  # the later task wins, as on the host
        if controls:
            items: list[Json] = []
            for index, name in enumerate(sorted(controls)):
                items.append({"namespace": name, "value": controls[name][0]})
                self.reasons[f"{_BASE}/systemControls/{index}"] = controls[name][1]
            self.value["systemControls"] = items
        least, most = STOP_TIMEOUT_RANGE_S
        if process is None:
            self.put("stopTimeout", most, _why("a batch that is stopped gets all the time there is to end its work"))
        elif process.stop_timeout_s is not None:
            self.put("stopTimeout", max(least, min(process.stop_timeout_s, most)), process.via)

    def _nofile(self, process: Process | None) -> tuple[int | None, Via]:
        if process is not None and process.nofile is not None:
            return process.nofile, process.via
        for setting, via in settings(self.application, "ulimit"):
            if setting.name == "nofile" and setting.value.isdecimal():
                return int(setting.value), via
        return None, _DEFAULT

    def _storage(self) -> None:
        scratch = scratch_space(self.application, self.environment, self.definition)
        linux: dict[str, Json] = {"initProcessEnabled": True}
        self.reasons[f"{_BASE}/linuxParameters/initProcessEnabled"] = _why(
            "an init process reaps children and passes signals on"
        )
        mounts: list[Json] = []
        if scratch.tmpfs:
            linux["tmpfs"] = [
                {"containerPath": place, "size": TMPFS_SIZE_MIB, "mountOptions": ["rw", "nosuid", "nodev"]}
                for place, _ in scratch.tmpfs
            ]
            for index, (_, via) in enumerate(scratch.tmpfs):
                self.reasons[f"{_BASE}/linuxParameters/tmpfs/{index}"] = via
        for place, via in scratch.volumes:
            self._mount(mounts, f"scratch{place.replace('/', '-')}", {"host": {}}, place, False, via)
        for file_system, place, read_only in mounts_of(self.application, self.definition):
            name = self.names.file_system(file_system.name)
            configuration: dict[str, Json] = {
                "efsVolumeConfiguration": {
                    "fileSystemId": file_system_placeholder(name),
                    "transitEncryption": "ENABLED",
                    "authorizationConfig": {"accessPointId": access_point_placeholder(name), "iam": "ENABLED"},
                }
            }
            self._mount(mounts, file_system.name, configuration, place, read_only, file_system.via)
        self.put("readonlyRootFilesystem", scratch.read_only_root, scratch.why)
        self.value["linuxParameters"] = linux
        if mounts:
            self.value["mountPoints"] = mounts

    def _mount(
        self, mounts: list[Json], name: str, volume: dict[str, Json], place: str, read_only: bool, via: Via
    ) -> None:
        self.reasons[f"{_BASE}/mountPoints/{len(mounts)}"] = via
        volume_name = fit(name, 200)
        mounts.append({"sourceVolume": volume_name, "containerPath": place, "readOnly": read_only})
        self.volumes.append(({"name": volume_name, **volume}, via))

    def _logging(self, process: Process | None) -> None:
        options: dict[str, Json] = {
            "awslogs-group": self.names.log_group(self.definition.name),
            "awslogs-region": self.names.region_or_placeholder,
            "awslogs-stream-prefix": self.definition.name,
        }
        if process is None:
            options["mode"] = "blocking"
            via = _why('blocking: the "End." line of a batch is its heartbeat and must not be dropped')
        else:
            options |= {"mode": "non-blocking", "max-buffer-size": PROCESS_LOG_BUFFER}
            via = _why("non-blocking with a buffer: a slow log service must not stop requests")
        self.put("logConfiguration", {"logDriver": "awslogs", "options": options}, via)
