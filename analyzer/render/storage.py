"""What containers write to: file systems that outlive a task, and scratch space under a read-only root."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec import Struct

from analyzer.model import (
    Application,
    CheckoutCode,
    Download,
    Infrastructure,
    MakeDirectory,
    TaskDefinition,
    Unpack,
    Value,
    Via,
    WriteFile,
)
from analyzer.render.containers import jobs_of, process_of, settings
from analyzer.render.names import fit, hardened

SCRATCH_ROOTS = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/log", "/var/cache", "/var/lib")  # noqa: S108 - places in a container
SCRATCH_NAMES = frozenset({"tmp", "temp", "log", "logs", "cache", "run", "pids", "sockets", "spool", "work"})
TMPFS_SIZE_MIB = 64
"""Upper limit of one tmpfs; what is written there counts as the task's memory."""


STRANGER_ID = 1000
"""User and group id of files on shared storage where no evidence says them."""


class FileSystem(Struct, frozen=True, kw_only=True):
    """Storage that several tasks share and that outlives them: EFS."""

    name: str
    path: str
    """Where the container sees it."""
    read_only: bool = False
    of_containers: bool = False
    """Only the containers whose own settings name it mount it, and not the application's image."""
    via: Via


class Scratch(Struct, frozen=True, kw_only=True):
    """How a container's root file system is mounted, and where it may write if that is read-only."""

    read_only_root: bool
    why: Via
    tmpfs: tuple[tuple[str, Via], ...] = ()
    volumes: tuple[tuple[str, Via], ...] = ()
    """Empty volumes of the task over places that the image declares with VOLUME (they keep the image's owner)."""


def file_systems(application: Application) -> tuple[FileSystem, ...]:
    """The shared file systems that the plays mount, each mount point once."""
    found: dict[str, FileSystem] = {}
    for step in application.steps:
        if isinstance(step.effect, Infrastructure) and step.effect.kind == "efs":
            details = step.effect.details
            path = step.effect.name.rstrip("/")  # the rules name a mount by its mount point
            if path.startswith("/") and path not in found:
                name = fit(path.strip("/").replace("/", "-"), 60, "0-9A-Za-z-")
                options = _text(details.get("options"))
                found[path] = FileSystem(
                    name=name,
                    path=path,
                    read_only="ro" in options.split(","),
                    of_containers=details.get("of_containers") is True,
                    via=step.via,
                )
    return tuple(found[path] for path in sorted(found))


def mounts_of(application: Application, definition: TaskDefinition) -> Iterator[tuple[FileSystem, str, bool]]:
    """(file system, path in the container, read-only) of what a definition's container mounts."""
    process = process_of(application, definition)
    everything = file_systems(application)
    if process is None or not process.image:
        yield from ((one, one.path, one.read_only) for one in everything if not one.of_containers)
        return
    by_path = {one.path: one for one in everything}
    for source, inside, read_only in process.mounts:
        if source in by_path:
            yield by_path[source], inside, read_only or by_path[source].read_only


def file_owner(application: Application) -> tuple[int, int] | None:
    """(user id, group id) of the image's user as the hosts know it, else as the image has it, where that is known."""
    user = application.image.user or "root"
    seen = next((one for host in application.hosts for one in host.users if one.name == user), None)
    return (seen.uid, seen.gid) if seen is not None else application.image.user_ids


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def scratch_space(application: Application, environment: str, definition: TaskDefinition) -> Scratch:
    """Whether the root file system is read-only, and the places where the container may still write.

    Where ECS Exec is on (every environment but production) its agent needs a writable root. In production a process
    gets a tmpfs at each place it is known to write to. A batch may write temporary files of any size, which must not
    count as memory: its root is read-only only where the image declares `VOLUME /tmp`.
    """
    rule = "template:task_definition"
    if not hardened(environment):
        return Scratch(read_only_root=False, why=Via(rule=rule, note="ECS Exec is on here and needs a writable root"))
    if (process := process_of(application, definition)) is not None and process.image:
        note = "nobody knows where the programs of an image from a registry write, so its root stays writable"
        return Scratch(read_only_root=False, why=Via(rule=rule, note=note))
    if application.image.runtime_variables:
        note = (
            "the image's entrypoint writes files that hold secrets when a container starts, so its root stays writable"
        )
        return Scratch(read_only_root=False, why=Via(rule=rule, note=note))
    if process is not None and process.via.rule == "process-front-server":
        note = "a web server of the distribution writes pid files, caches and logs where its package has them"
        return Scratch(read_only_root=False, why=Via(rule=rule, note=note))
    declared = frozenset(_declared_volumes(application))
    places = dict(_places(application, definition))
    for file_system, _, _ in mounts_of(application, definition):
        # scratch space on a folder of the file system would hide that folder
        places = {place: via for place, via in places.items() if not f"{place}/".startswith(f"{file_system.path}/")}
    if process_of(application, definition) is None and "/tmp" not in declared and not _as_root(application, definition):  # noqa: S108
        note = (
            "batches write temporary files of unknown size: declare VOLUME /tmp in the image and set this to true; "
            "a tmpfs would count as memory"
        )
        return Scratch(read_only_root=False, why=Via(rule=rule, note=note))
    as_volume = {place for place in places if place in declared or _is_batch_root(application, definition)}
    return Scratch(
        read_only_root=True,
        why=Via(rule=rule, note="ECS Exec is off here, so the image need not be writable"),
        tmpfs=tuple((place, via) for place, via in sorted(places.items()) if place not in as_volume),
        volumes=tuple((place, via) for place, via in sorted(places.items()) if place in as_volume),
    )


def _user(application: Application, definition: TaskDefinition) -> str:
    process = process_of(application, definition)
    return (process.user if process is not None else "") or application.image.user


def _as_root(application: Application, definition: TaskDefinition) -> bool:
    return _user(application, definition) in ("", "root") and all(
        job.user in ("", "root") for job in jobs_of(application, definition)
    )


def _is_batch_root(application: Application, definition: TaskDefinition) -> bool:
    return process_of(application, definition) is None and _as_root(application, definition)


def _declared_volumes(application: Application) -> Iterator[str]:
    for instruction in application.image.instructions:
        if instruction.keyword.upper() == "VOLUME":
            text = " ".join(line.text for line in instruction.lines)
            words: object = json.loads(text) if text.lstrip().startswith("[") else text.split()
            if isinstance(words, list):
                yield from (str(word) for word in words)


def _places(application: Application, definition: TaskDefinition) -> Iterator[tuple[str, Via]]:
    """Where the container is known to write, with the reason."""
    yield "/tmp", Via(rule="template:task_definition", note="programs expect to write to /tmp")  # noqa: S108
    user = _user(application, definition)
    filled = tuple(_filled(application))
    for step in application.steps:
        effect = step.effect
        if not isinstance(effect, MakeDirectory) or effect.ownership.owner != user or not user:
            continue
        path = effect.path.rstrip("/")
        scratch = path.rpartition("/")[2] in SCRATCH_NAMES or any(path.startswith(f"{root}/") for root in SCRATCH_ROOTS)
        # a mount would hide what the image has there
        if scratch and not any(other == path or other.startswith(f"{path}/") for other in filled):
            yield path, step.via
    for kind in ("tmpfs", "volume"):
        for setting, via in settings(application, kind):
            if setting.name.startswith("/"):
                yield setting.name, via


def _filled(application: Application) -> Iterator[str]:
    for step in application.steps:
        match step.effect:
            case WriteFile(path=path) | Download(path=path) | CheckoutCode(path=path) | Unpack(directory=path):
                yield path
            case _:
                pass
