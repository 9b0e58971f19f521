"""Compose files: each service as the arguments of a container, variables filled in as compose does."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.decide.containers import words_of
from analyzer.decide.processes_units import parse_environment_file
from analyzer.model import Value, parameter_reference
from analyzer.model.data import unfolds_too_far

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""What compose reads in a project's folder, the first that is there."""
OVERRIDES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
)
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<other>(?:[^{}]|\{[^{}]*\})*))?\})"
)


class ComposeError(Exception):
    """The text is no compose file; the message says why."""


def services_of(texts: Sequence[str], directory: str, env_text: str = "") -> Iterator[tuple[str, Mapping[str, Value]]]:
    """(name, arguments as of `docker_container`) of every service that `up` starts, later texts over earlier ones.

    `directory`: the project's folder, from which relative paths go; `env_text`: its `.env`. Raises `ComposeError`.
    """
    values = dict(parse_environment_file(env_text))
    merged: dict[str, dict[str, Any]] = {}
    for text in texts:
        for name, service in _services(text).items():
            known = merged.setdefault(name, {})
            for key, value in service.items():
                both = isinstance(value, dict) and isinstance(known.get(key), dict)
                known[key] = {**known[key], **value} if both else value
    yield from services_in({name: _filled(service, values) for name, service in merged.items()}, directory)


def services_in(services: Mapping[str, Value], directory: str) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """The same of the mapping below `services`, where nothing is left to fill in."""
    for name, service in services.items():
        if isinstance(service, Mapping) and not service.get("profiles"):
            yield name, _arguments(name, service, directory)


def _services(text: str) -> dict[str, dict[str, Any]]:
    import yaml  # only projects with compose files need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError) as error:
        raise ComposeError(" ".join(str(error).split())[:200]) from None
    if unfolds_too_far(data):
        raise ComposeError("its aliases unfold too far")
    services = data.get("services", {}) if isinstance(data, dict) else None
    if isinstance(data, dict) and "services" not in data and "version" not in data:
        services = data  # the first format had no heading
    if not isinstance(services, dict):
        raise ComposeError("it has no services")
    return {str(name): one for name, one in services.items() if isinstance(one, dict)}


def _filled(value: Any, values: Mapping[str, str]) -> Value:
    """YAML's value as the model holds it, `${NAME}` replaced; what is defined nowhere is a parameter of that name."""
    if isinstance(value, dict):
        return {str(key): _filled(one, values) for key, one in value.items()}
    if isinstance(value, list):
        return tuple(_filled(one, values) for one in value)
    if not isinstance(value, str):
        return value if isinstance(value, bool | int | float) or value is None else str(value)

    def one(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name, how, other = match["plain"] or match["name"], match["how"] or "", match["other"] or ""
        there = bool(values.get(name)) if how.startswith(":") else name in values
        if how.endswith("+"):
            return other if there else ""
        if there:
            return values[name]
        return str(_filled(other, values)) if how.endswith("-") else parameter_reference(name)

    return _VARIABLE.sub(one, value)


def _arguments(name: str, service: Mapping[str, Value], directory: str) -> Mapping[str, Value]:
    given: dict[str, Value] = {key: value for key, value in service.items() if key != "build"}
    given["name"] = name  # by which the other services reach it
    deploy = service.get("deploy")
    resources = deploy.get("resources") if isinstance(deploy, Mapping) else None
    limits = resources.get("limits") if isinstance(resources, Mapping) else None
    if isinstance(limits, Mapping):
        given.setdefault("memory", limits.get("memory"))
        given.setdefault("cpus", limits.get("cpus"))
    if "build" in service:
        given["image"] = ""  # an image of that name is in no registry before somebody pushes it
    files = service.get("env_file")
    if files is not None:
        paths = (one.get("path") if isinstance(one, Mapping) else one for one in
                 (files if isinstance(files, tuple) else (files,)))  # fmt: skip
        given["env_file"] = tuple(_absolute(str(path), directory) for path in paths)
    volumes = service.get("volumes")
    if isinstance(volumes, tuple):
        given["volumes"] = tuple(_volume(one, directory) for one in volumes)
    if isinstance(service.get("environment"), Mapping):
        given["environment"] = {
            key: "" if value is None else value
            for key, value in service["environment"].items()  # type: ignore[union-attr]
        }
    for key in ("command", "entrypoint"):
        if service.get(key) is not None:
            given[key] = words_of(service[key])
    return given


def _volume(value: Value, directory: str) -> Value:
    if isinstance(value, Mapping):
        source = value.get("source")
        return {**value, "source": _absolute(str(source), directory)} if str(source).startswith(".") else value
    source, colon, rest = str(value).partition(":")
    return f"{_absolute(source, directory)}{colon}{rest}" if source.startswith(".") else value


def _absolute(path: str, directory: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path)) if directory else path
