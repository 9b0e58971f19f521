"""Containers that the host's engine keeps running: processes from images that a registry has."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence

from analyzer.decide.container_images import image_names
from analyzer.decide.data_folders import passing
from analyzer.decide.image_paths import normal
from analyzer.decide.markers import readable
from analyzer.decide.processes_seen import Found, Seen
from analyzer.decide.processes_units import parse_environment_file
from analyzer.model import RunContainer, Step, Value, Via

_ENGINES = frozenset({"docker", "podman", "nerdctl", "docker-compose", "podman-compose"})
_OF_ENGINE = re.compile(r"\b(?:docker|podman|nerdctl)\b")
_MARKED = re.compile(r"[\ue000-\ue003]")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com(\.cn)?/")
_MOVING = re.compile(r":(latest|stable|main|master|edge|nightly)$")


def containers(seen: Seen, steps: Sequence[Step], dropped: Sequence[Step]) -> list[Found]:
    """One process a container; of tasks that start the same one, the last."""
    found: dict[str, Found] = {}
    others = {one.effect.name for one in (*steps, *dropped) if isinstance(one.effect, RunContainer)} - {""}
    for step in steps:
        if isinstance(step.effect, RunContainer):
            name = step.effect.name or re.sub(r":[^/]*$|@.*$", "", step.effect.image).rpartition("/")[2]
            found[name] = _container(seen, name, step.effect, step.via)
            if named := _named(found[name], others - {name}):
                found[name].notes.append(
                    f"{named}: containers of one host reach each other by their names, tasks do not. Give the address"
                    " of what takes its place."
                )
    return list(found.values())


def from_engine(seen: Seen, found: Sequence[Found]) -> list[Found]:
    """The processes, with the containers that a unit or program starts (`ExecStart=docker run …`) in its place."""
    made: list[Found] = []
    for each in found:
        if not each.command or posixpath.basename(each.command[0]) not in _ENGINES:
            made.append(each)
            continue
        effects = _started(seen, each)
        if isinstance(effects, str):
            seen.notes.append(f"{each.name} starts a container, and {effects}: no process.")
            continue
        for effect in effects:
            if any(map(seen.is_elsewhere, image_names(effect.image))):
                seen.notes.append(f"{each.name} starts {effect.image}, whose work the platform does: no process.")
            elif not effect.image or _MARKED.search(effect.image):
                image = readable(effect.image) or "an image that the host builds"
                seen.notes.append(
                    f"{each.name} starts a container of {image}: no process, until the playbook or `variables` in the"
                    " decisions file says which image of a registry that is."
                )
            else:
                one = _container(seen, each.name if len(effects) == 1 else effect.name, effect, each.via)
                one.unit, one.source = each.unit, each.source
                one.notes += [note for note in each.notes if not _OF_ENGINE.search(note)]
                made.append(one)
    return made


def _started(seen: Seen, each: Found) -> tuple[RunContainer, ...] | str:
    """What the command of a unit or program starts, or why that is not known."""
    from analyzer.decide.container_tasks import containers_in, made_of  # only projects with containers need it
    from analyzer.decide.containers_options import run_arguments

    words = each.command
    if "run" in words and "up" not in words[: words.index("run")]:
        given = run_arguments(words, stays=True)
        if isinstance(given, str):
            return given
        env = given.get("env")
        named = tuple(  # `-e NAME` hands on the unit's own variable
            f"{name}={each.environment[str(name)]}" if str(name) in each.environment else name
            for name in (env if isinstance(env, tuple) else ())
        )
        return made_of([{**given, "env": named}], "podman" if "podman" in words[0] else "docker")
    if "up" not in words:
        return "something else makes it"
    files = {path: text for path, (text, _, _) in seen.texts.items()}
    scope: dict[str, Value] = {"subject": words[0], "words": words, "files": files, "args": {"chdir": each.directory}}
    return containers_in(scope)


def _container(seen: Seen, name: str, effect: RunContainer, via: Via) -> Found:
    notes = [f"The host's engine runs it from {effect.image}."]
    environment: dict[str, str] = {}
    for path in map(normal, effect.environment_files):
        if (known := seen.texts.get(path)) is not None:
            environment.update(parse_environment_file(known[0]))
            seen.environment_files.append(path)
        else:
            notes.append(f"The environment file {path} is not in the playbook: its variables are missing.")
    environment.update((key, str(value)) for key, value in effect.environment.items())
    ports = [(host, inside) for host, inside in effect.ports if inside.isdigit()]
    if len(ports) > 1:
        notes.append(f"It has several ports ({', '.join(inside for _, inside in ports)}); the first is taken.")
    mounts = []
    for source, inside, read_only in effect.volumes:
        if why_not := _no_data(seen, normal(source), inside, read_only=read_only):
            notes.append(why_not)
        else:
            mounts.append((normal(source), inside, read_only))
    if effect.left:
        notes.append(f"The host gave it what a task has not: {'; '.join(effect.left)}.")
    notes += _about(effect.image)
    return Found(
        name=name,
        command=effect.command,
        user=effect.user,
        directory=effect.working_directory,
        environment=environment,
        source=via.sources[0],
        via=via,
        nofile=effect.nofile,
        stop_signal=effect.stop_signal,
        stop_timeout_s=effect.stop_timeout_s,
        port=int(ports[0][1]) if ports else None,
        host_ports=tuple(int(host) for host, _ in ports if host.isdigit()),
        notes=notes,
        image=effect.image,
        entrypoint=effect.entrypoint,
        health_command=effect.health_check,
        mounts=tuple(mounts),
        memory_limit_mib=effect.memory_mib,
        cpu_limit=effect.cpus,
    )


def _named(each: Found, others: Collection[str]) -> str:
    """Its variables whose values name other containers as hosts, in words."""
    said = []
    for key, value in each.environment.items():
        names = [
            name for name in sorted(others)
            if re.search(rf"(?:^|//|@){re.escape(name)}(?=$|[:/,])", value)
        ]  # fmt: skip
        if names:
            said.append(f"{key} names {', '.join(names)}")
    return "; ".join(said)


def _no_data(seen: Seen, source: str, inside: str, *, read_only: bool) -> str:
    """Why what it mounts does not become a shared file system, "" where it does."""
    if any(path == source or path.startswith(f"{source}/") for path in seen.texts):
        return (
            f"It mounts {source} at {inside}, which the playbook writes: build an image FROM its own with these files,"
            " or give their values as variables."
        )
    if read_only:
        return f"It reads {source} of the host at {inside}: put these files into an image FROM its own."
    if passing(source) or passing(inside):
        return f"It mounts {source} at {inside}: a task's own disk takes its place, and is empty at each start."
    return ""


def _about(image: str) -> list[str]:
    notes = []
    if not _ECR.match(image):
        notes.append(
            "ECS pulls its image from that registry with every start. A registry that asks for a password needs"
            " repositoryCredentials; a copy in ECR, made once, needs neither that nor the registry."
        )
    if "@" not in image and (_MOVING.search(image) or ":" not in image.rpartition("/")[2]):
        notes.append("Its tag moves: two starts may run different images. Name a version or a digest.")
    return notes
