"""What steps and hosts show of long-running processes, and one process while it is put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from analyzer.decide.image_paths import normal
from analyzer.decide.processes_web import FRONT_SERVERS
from analyzer.model import Host, InstallPackages, ServiceState, Source, Step, Via, WriteFile

UNITS = r"(?:(?:/etc|/lib|/usr/lib|/usr/local/lib)/systemd/(?:system|user)|(?P<home>/.+)/\.config/systemd/user)"
UNIT = re.compile(rf"{UNITS}/(?P<unit>[^/]+\.service)(?:\.d/[^/]+\.conf)?")
TIMER = re.compile(rf"{UNITS}/(?P<name>[^/]+)\.timer")
SOCKET = re.compile(rf"{UNITS}/(?P<name>[^/]+)\.socket")
SUPERVISOR = re.compile(
    r"/etc/supervisor(?:d)?(?:/conf\.d/.+|\.d/.+|/supervisord\.conf|\.conf)"
    r"|/.*/supervisor[^/]*/(?:.*/)?[^/]+\.(?:conf|ini)"  # supervisord of an application's own folder
)
NGINX = re.compile(r"/etc/nginx/.+")


class Found(Struct, kw_only=True):
    """One process while it is put together."""

    name: str
    command: tuple[str, ...]
    user: str
    directory: str
    environment: dict[str, str]
    source: Source
    via: Via
    nofile: int | None = None
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    port: int | None = None
    notes: list[str] = field(default_factory=list)
    image: str = ""
    """An image that a registry has, of a container of the host; "" for a program of this image."""
    entrypoint: tuple[str, ...] = ()
    health_command: tuple[str, ...] = ()
    host_ports: tuple[int, ...] = ()
    """Ports of the host that lead to it, where they differ from its own."""
    mounts: tuple[tuple[str, str, bool], ...] = ()
    memory_limit_mib: int | None = None
    cpu_limit: float | None = None
    unit: str = ""
    """The systemd unit's name without `.service`."""


class Seen:
    """Files, units' states and packages of the steps, and what is noted while processes are found in them."""

    def __init__(
        self,
        steps: Sequence[Step],
        dropped: Sequence[Step],
        hosts: Sequence[Host],
        host_units: Mapping[str, tuple[Source, str]],
        api_port: int | None,
        elsewhere: Callable[[str], bool],
    ) -> None:
        self.hosts = hosts
        self._elsewhere = elsewhere
        self.host_units = host_units
        self.api_port = api_port
        """What a reviewer says of the API's port."""
        self.texts: dict[str, tuple[str, Step, WriteFile]] = {}
        for step in (*dropped, *steps):
            effect = step.effect
            if isinstance(effect, WriteFile) and effect.content.data is not None:
                text = effect.content.data.decode("utf-8", errors="replace")
                self.texts[normal(effect.path)] = (text, step, effect)
        self.states: dict[str, list[tuple[ServiceState, Step]]] = {}
        for step in (*dropped, *steps):
            if isinstance(step.effect, ServiceState):
                self.states.setdefault(step.effect.name.removesuffix(".service"), []).append((step.effect, step))
        self.packages = {
            name.split("=")[0]
            for step in steps
            if isinstance(step.effect, InstallPackages) and step.effect.state != "absent"
            for name in step.effect.names
        }
        self._kept = {name for step in steps for name in _services_of(step)}
        self._dropped = {name for step in dropped for name in _services_of(step)} - self._kept
        self.notes: list[str] = []
        self.environment_files: list[str] = []
        self.directories: list[Step] = []

    def is_elsewhere(self, service: str) -> bool:
        """Whether something else takes the service's place: it is a process of its own only if a person said so."""
        name = service.partition("@")[0]
        if name in FRONT_SERVERS or service in self._dropped:
            return True
        return service not in self._kept and self._elsewhere(name)


def _services_of(step: Step) -> Iterator[str]:
    """Names of the services that a step brings or starts."""
    match step.effect:
        case ServiceState(name=name):
            yield name.removesuffix(".service")
        case WriteFile(path=path) if unit := UNIT.fullmatch(normal(path)):
            yield unit["unit"].removesuffix(".service")
