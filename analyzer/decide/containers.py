"""Containers of a host's engine: what modules, command lines and compose files say of one, as a `RunContainer`.

What the caller hands over are the arguments of `docker_container` and `podman_container`; the two differ in names only.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from analyzer.decide.match import boolean, first_unknown
from analyzer.decide.processes_units import seconds
from analyzer.decide.values import text, told
from analyzer.model import RunContainer, Unknown, Value

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "ports": ("published_ports", "publish"),
    "volumes": ("volume", "binds"),
    "working_dir": ("workdir", "working_directory"),
    "env": ("environment",),
    "env_file": ("env_files",),
    "memory": ("mem_limit",),
    "healthcheck": ("health_cmd",),
    "network_mode": ("network", "net"),
    "ulimits": ("ulimit",),
    "stop_timeout": ("stop_grace_period",),
}
_BYTES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_MICROSECONDS_A_CPU = 100_000
"""The engine's default period, which `cpu_quota` is a part of."""
_NOT_IN_A_TASK: Mapping[str, str] = {
    "privileged": "privileged mode",
    "devices": "devices of the host",
    "device": "devices of the host",
    "cap_add": "capabilities",
    "capabilities": "capabilities",
    "pid_mode": "the host's processes",
    "pid": "the host's processes",
    "ipc_mode": "the host's shared memory",
    "volumes_from": "volumes of another container",
    "links": "links to other containers",
    "etc_hosts": "names in /etc/hosts",
    "extra_hosts": "names in /etc/hosts",
    "add_host": "names in /etc/hosts",
    "tmpfs": "a tmpfs",
    "sysctls": "kernel settings",
    "dns_servers": "name servers",
    "dns": "name servers",
}
"""Argument -> what it gives to the container, and what nobody reads here."""
_SOCKETS = re.compile(r"/(?:var/)?run/.*\.sock$|/var/run/?$|/run/?$")
_NAMED_VOLUMES = {
    "docker": "/var/lib/docker/volumes/{name}/_data",
    "podman": "/var/lib/containers/storage/volumes/{name}/_data",
}
"""Engine -> where it keeps a volume that has a name, for root."""
_CLOCK = re.compile(r"/etc/(?:localtime|timezone)$|/usr/share/zoneinfo(?:/.*)?$")


def container_of(args: Mapping[str, Value], engine: str = "docker") -> RunContainer | Unknown:
    """The container that a module's arguments describe; the Unknown where its image is one.

    What else is unknown is left out of it and told in `left`.
    """
    given = _named(args)
    image = given.get("image")
    if isinstance(image, Mapping):  # an image's name and more about it
        image = image.get("name")
    if (unknown := first_unknown(image)) is not None:
        return unknown
    found = RunContainer(image=text(image), **_settings(given))
    volumes = tuple(
        (source if source.startswith("/") else _NAMED_VOLUMES[engine].format(name=source), inside, read_only)
        for source, inside, read_only in found.volumes
    )
    return replace(found, volumes=volumes)


def _settings(given: Mapping[str, Value]) -> dict[str, Any]:
    left: list[str] = []
    known: dict[str, Value] = {}
    for name, value in given.items():
        whole = name in ("env", "ports", "volumes", "mounts")
        if not whole and name in _READ and (unknown := first_unknown(value)) is not None:
            left.append(f"its {name}, which is not known: {told(unknown)}")
        else:
            known[name] = value
    environment = dict(_environment(known.get("env"), left))
    volumes = tuple(dict.fromkeys((*_volumes(known.get("volumes"), left), *_mounts(known.get("mounts"), left))))
    found = {
        "name": text(known.get("name")),
        "entrypoint": words_of(known.get("entrypoint")),
        "command": words_of(known.get("command")),
        "environment": environment,
        "environment_files": words_of(known.get("env_file"), as_list=True),
        "ports": tuple(_ports(known.get("ports"), left)),
        "volumes": volumes,
        "user": text(known.get("user")),
        "working_directory": text(known.get("working_dir")),
        "health_check": _health(known.get("healthcheck")),
        "memory_mib": _mebibytes(known.get("memory")),
        "cpus": _cpus(known),
        "nofile": _nofile(known.get("ulimits")),
        "stop_signal": text(known.get("stop_signal")),
        "stop_timeout_s": seconds(text(known.get("stop_timeout"))),
    }
    if text(known.get("network_mode")) == "host":
        left.append("the host's network: it listens on its own ports")
    left += [what for name, what in _NOT_IN_A_TASK.items() if _given(known.get(name))]
    return {**found, "left": tuple(dict.fromkeys(left))}


_READ = frozenset(
    "name entrypoint command env_file user working_dir healthcheck memory cpus cpu_quota cpu_period ulimits stop_signal"
    " stop_timeout network_mode".split()
)


def _named(args: Mapping[str, Value]) -> dict[str, Value]:
    """The arguments by one name each."""
    given: dict[str, Value] = {
        name: value for name, value in args.items() if value is not None and value not in ("", ())
    }
    for name, others in _SYNONYMS.items():
        for other in others:
            if other in given:
                given.setdefault(name, given.pop(other))
    return given


def _given(value: Value) -> bool:
    return value is not None and value not in ("", (), {}) and boolean(value) is not False


def words_of(value: Value, *, as_list: bool = False) -> tuple[str, ...]:
    """A command line as a text or a list; `as_list`: a text is one entry."""
    if value is None or value == "":
        return ()
    if isinstance(value, tuple):
        return tuple(map(text, value))
    if as_list:
        return (text(value),)
    try:
        return tuple(shlex.split(text(value)))
    except ValueError:
        return tuple(text(value).split())


def _environment(value: Value, left: list[str]) -> Iterator[tuple[str, str]]:
    pairs: list[tuple[str, Value]] = []
    if isinstance(value, Mapping):
        pairs = [(str(name), one) for name, one in value.items()]
    elif isinstance(value, Unknown):
        left.append(f"its environment, which is not known: {told(value)}")
    elif value is not None:
        entries = value if isinstance(value, tuple) else (value,)
        for entry in entries:
            if isinstance(entry, Unknown):
                left.append(f"a variable that is not known: {told(entry)}")
            else:
                pair = text(entry).partition("=")
                pairs.append((pair[0], pair[2]))
    for name, one in pairs:
        if (unknown := first_unknown(one)) is not None:
            left.append(f"the variable {name}, whose value is not known: {told(unknown)}")
        else:
            yield name, text(one)


def _ports(value: Value, left: list[str]) -> Iterator[tuple[str, str]]:
    for entry in value if isinstance(value, tuple) else () if value is None else (value,):
        if (unknown := first_unknown(entry)) is not None:
            left.append(f"a port that is not known: {told(unknown)}")
        elif isinstance(entry, Mapping):
            protocol = text(entry.get("protocol"))
            inside = text(entry.get("target")) + (f"/{protocol}" if protocol not in ("", "tcp") else "")
            yield text(entry.get("published")), inside
        elif text(entry) == "all":
            left.append("every port that its image exposes")
        else:
            # [address:]host:container[/protocol], or the container's port alone
            host, _, inside = re.sub(r"^\[[^]]*\]:", "", text(entry)).rpartition(":")
            yield host.rpartition(":")[2], inside.removesuffix("/tcp")


def _volumes(value: Value, left: list[str]) -> Iterator[tuple[str, str, bool]]:
    for entry in value if isinstance(value, tuple) else () if value is None else text(value).split(","):
        if (unknown := first_unknown(entry)) is not None:
            left.append(f"a volume that is not known: {told(unknown)}")
        elif isinstance(entry, Mapping):
            yield from _mounts((entry,), left)
        else:
            source, _, rest = text(entry).partition(":")
            inside, _, options = rest.partition(":")
            if inside:
                yield from _volume(source, inside, "ro" in options.split(","), left)


def _mounts(value: Value, left: list[str]) -> Iterator[tuple[str, str, bool]]:
    for entry in value if isinstance(value, tuple) else ():
        if isinstance(entry, Mapping) and first_unknown(entry) is None and text(entry.get("type")) != "tmpfs":
            source = text(entry.get("source") or entry.get("src"))
            inside = text(entry.get("target") or entry.get("destination") or entry.get("dst"))
            if source and inside:
                yield from _volume(source, inside, boolean(entry.get("read_only", entry.get("ro"))) is True, left)


def _volume(source: str, inside: str, read_only: bool, left: list[str]) -> Iterator[tuple[str, str, bool]]:
    if _SOCKETS.match(source):
        left.append(f"the host's socket {source}")
    elif not _CLOCK.match(source):
        yield source.rstrip("/") or "/", inside.rstrip("/") or "/", read_only


def _health(value: Value) -> tuple[str, ...]:
    """The check as a task definition has it; () for none and for `NONE`."""
    if isinstance(value, Mapping):
        value = value.get("test")
    if isinstance(value, tuple):
        words = tuple(map(text, value))
        return words if words[:1] in (("CMD",), ("CMD-SHELL",)) else ()
    said = text(value).strip()
    return ("CMD-SHELL", said.removeprefix("CMD-SHELL ")) if said and said != "NONE" else ()


def _mebibytes(value: Value) -> int | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", text(value).strip().lower())
    if match is None:
        return None
    size = float(match[1]) * _BYTES[match[2]]
    return max(1, round(size / 1024**2)) if size > 0 else None


def _cpus(given: Mapping[str, Value]) -> float | None:
    said = text(given.get("cpus"))
    if re.fullmatch(r"\d+(?:\.\d+)?", said) and float(said) > 0:
        return float(said)
    quota, period = text(given.get("cpu_quota")), text(given.get("cpu_period"))
    if quota.isdigit() and int(quota) > 0:
        return int(quota) / (int(period) if period.isdigit() and int(period) else _MICROSECONDS_A_CPU)
    return None


def _nofile(value: Value) -> int | None:
    """The soft limit of open files: `nofile:1024:2048`, `{nofile: 1024}`, `{nofile: {soft: 1024}}`."""
    if isinstance(value, Mapping):
        one = value.get("nofile")
        said = text(one.get("soft") if isinstance(one, Mapping) else one)
    else:
        entries = [text(one).replace("=", ":").split(":") for one in (value if isinstance(value, tuple) else (value,))]
        said = next((words[1] for words in entries if words[0] == "nofile" and len(words) > 1), "")
    return int(said) if said.isdigit() else None


def described(effect: RunContainer) -> str:
    """What was read of a container, in words: names of variables only, because their values may be secrets."""
    parts = [f"image {effect.image}" if effect.image else "an image that the host builds"]
    if command := (*effect.entrypoint, *effect.command):
        parts.append(f"command `{shlex.join(command)}`")
    if effect.user:
        parts.append(f"user {effect.user}")
    if effect.ports:
        parts.append("ports " + ", ".join(f"{host}->{inside}" if host else inside for host, inside in effect.ports))
    if effect.environment:
        parts.append("variables " + ", ".join(effect.environment))
    if effect.environment_files:
        parts.append("variables of " + ", ".join(effect.environment_files))
    if effect.volumes:
        shown = (f"{source} at {inside}" + (" (read-only)" if ro else "") for source, inside, ro in effect.volumes)
        parts.append("volumes " + ", ".join(shown))
    if effect.memory_mib is not None:
        parts.append(f"at most {effect.memory_mib} MiB")
    if effect.cpus is not None:
        parts.append(f"at most {effect.cpus:g} CPUs")
    return "; ".join(parts)
