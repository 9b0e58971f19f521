"""Long-running processes of the hosts: what runs, as whom, with which settings, and what the platform replaces."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzer.decide.image_paths import normal
from analyzer.decide.processes_sockets import SocketUnit, answered_port, read_socket_unit, sockets_named
from analyzer.decide.processes_units import (
    Unit,
    exec_words,
    expand,
    parse_environment_file,
    parse_supervisor,
    seconds,
    specifiers_of,
    split_words,
    unwrap_shell,
)
from analyzer.decide.processes_web import (
    FRONT_SERVERS,
    PLATFORM_DAEMONS,
    Front,
    binds_loopback,
    command_port,
    config_port,
    read_nginx,
)
from analyzer.model import (
    SECRET_CLOSE,
    SECRET_OPEN,
    HealthCheck,
    Host,
    InstallPackages,
    MakeDirectory,
    Outcome,
    Ownership,
    Process,
    ServiceState,
    Settings,
    Source,
    Step,
    Verdict,
    Via,
    WriteFile,
)

_UNITS = r"(?:(?:/etc|/lib|/usr/lib|/usr/local/lib)/systemd/(?:system|user)|(?P<home>/.+)/\.config/systemd/user)"
_UNIT = re.compile(rf"{_UNITS}/(?P<unit>[^/]+\.service)(?:\.d/[^/]+\.conf)?")
_TIMER = re.compile(rf"{_UNITS}/(?P<name>[^/]+)\.timer")
_SOCKET = re.compile(rf"{_UNITS}/(?P<name>[^/]+)\.socket")
_SUPERVISOR = re.compile(r"/etc/supervisor(?:d)?(?:/conf\.d/.+|\.d/.+|/supervisord\.conf|\.conf)")
_NGINX = re.compile(r"/etc/nginx/.+")
_WEB_SERVERS = re.compile(
    r"\b(puma|unicorn|thin|passenger|falcon|rackup|gunicorn|uvicorn|uwsgi|hypercorn|daphne|waitress-serve|php-fpm"
    r"|rails\s+s(?:erver)?|node|next|java|dotnet|nginx|apache2|httpd)\b"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A package or path that the image does without because something else of the platform does its work."""

    kind: str
    """package | path"""
    name: str
    """Package name, or directory (with all below it)."""
    reason: str
    outcome: Outcome = Outcome.INFRASTRUCTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedSecret:
    """A variable whose value holds secrets among other text: the whole value has to be stored as one secret."""

    name: str
    variable: str
    parts: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFindings:
    """What is known of the processes of one application."""

    processes: tuple[Process, ...] = ()
    left_out: tuple[Replaced, ...] = ()
    environment_files: tuple[str, ...] = ()
    """Files that only units read as their environment: their values stand in the task definitions."""
    directories: tuple[Step, ...] = ()
    """Directories that systemd would make at start (RuntimeDirectory= and its like)."""
    composed_secrets: tuple[ComposedSecret, ...] = ()
    unresolved: tuple[tuple[str, Via], ...] = ()
    """Services that the playbook starts and whose command nothing in project or evidence says."""
    notes: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Found:
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
    unit: str = ""
    """The systemd unit's name without `.service`."""


def find_processes(
    steps: Sequence[Step],
    hosts: Sequence[Host],
    settings: Settings,
    dropped: Sequence[Step] = (),
    *,
    host_units: Mapping[str, tuple[Source, str]] | None = None,
) -> ProcessFindings:
    """The processes that `steps` start.

    `dropped`: effects that the rules leave out of the bundle; they still tell what ran (a web server's upstreams).
    `host_units`: unit name (`worker.service`) -> (evidence file, its text), for services that a package or a person
    brought; a unit of the playbook's own goes before it.
    """
    found = _Finder(_applying(steps), _applying(dropped), hosts, host_units or {})
    found.api_port = answered_port(settings.answers)
    return found.find()


def _applying(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.applies != Verdict.NO]


class _Finder:
    def __init__(
        self,
        steps: Sequence[Step],
        dropped: Sequence[Step],
        hosts: Sequence[Host],
        host_units: Mapping[str, tuple[Source, str]],
    ) -> None:
        self.hosts = hosts
        self.host_units = host_units
        self.api_port: int | None = None
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
        self.notes: list[str] = []
        self.environment_files: list[str] = []
        self.directories: list[Step] = []
        self.composed: list[ComposedSecret] = []

    def find(self) -> ProcessFindings:
        front, front_via = self.front()
        found = [*self.units(), *self.supervisor_programs()]
        for each in found:
            self.listen(each, front)
        self.name(found, front)
        left_out: list[Replaced] = []
        if front_via is not None:
            serving = next((each for each in found if each.name == "api"), None)
            if serving is not None:
                left_out += self.replace_front(front, serving, front_via)
            elif "nginx" in self.packages:
                found.append(self.nginx_itself(front_via))
        processes = tuple(self.process(each, front, front_via) for each in sorted(found, key=_order))
        return ProcessFindings(
            processes=processes,
            left_out=tuple(left_out),
            environment_files=tuple(dict.fromkeys(self.environment_files)),
            directories=tuple(self.directories),
            composed_secrets=tuple(self.composed),
            unresolved=self.unresolved({each.source.file for each in found}),
            notes=tuple(self.notes),
        )

    # -- sockets ------------------------------------------------------------------------------------------------------

    def socket_unit(self, each: _Found) -> SocketUnit | None:
        """The socket unit that starts the process, or hands it its sockets."""
        units = (read_socket_unit(match["name"], text) for path, (text, _, _) in self.texts.items()
                 if (match := _SOCKET.fullmatch(path)))  # fmt: skip
        return next((unit for unit in units if unit.service == each.unit), None)

    def front_sockets(self, each: _Found, front: Front) -> tuple[str, ...]:
        """Sockets to which the web server before it sends requests, and that its command, script or files name."""
        script = self.texts.get(normal(each.command[0])) if each.command[0].startswith("/") else None
        texts = [*each.command, *(self.texts[path][0] for path in self.configuration_files(each))]
        texts += [script[0]] if script else []
        unit = self.socket_unit(each)
        return sockets_named(front.sockets, [*texts, *(unit.files if unit else ())])

    # -- where commands come from -------------------------------------------------------------------------------------

    def units(self) -> list[_Found]:
        names: dict[str, list[str]] = {}
        for path in self.texts:
            if match := _UNIT.fullmatch(path):
                names.setdefault(match["unit"], []).append(path)
        timers = {match["name"] for path in self.texts if (match := _TIMER.fullmatch(path))}
        found = []
        for unit_name, paths in names.items():
            unit = Unit()
            # the unit itself first, then its drop-ins by name
            for path in sorted(paths, key=lambda each: (".service.d/" in each, each)):
                unit.read(self.texts[path][0])
            _, step, effect = self.texts[min(paths, key=lambda each: (".service.d/" in each, each))]
            home = _UNIT.fullmatch(normal(effect.path))["home"]  # type: ignore[index]  # it matched above
            account = effect.ownership.owner or (home.rsplit("/", 1)[-1] if home else "")
            found += self.unit(unit_name, unit, step.via, effect.content.source, timers, account if home else "")
        for name in self.states:
            unit_name = f"{name}.service"
            if unit_name in names or name in PLATFORM_DAEMONS or unit_name not in self.host_units:
                continue
            source, text = self.host_units[unit_name]
            via = Via(rule="process-unit-on-host", sources=(source,))
            found += self.unit(unit_name, Unit().read(text), via, source, timers)
        return found

    def unit(
        self, unit_name: str, unit: Unit, step_via: Via, source: Source, timers: set[str], account: str = ""
    ) -> list[_Found]:
        """The process of one unit (an instance each for a template); `account`: whose service manager runs it."""
        name = unit_name.removesuffix(".service")
        if name.split("@")[0] in PLATFORM_DAEMONS or name in timers:
            return []
        instances = (
            [each for each in self.states if each.startswith(name) and each != name] if name.endswith("@") else []
        )
        if name.endswith("@") and instances:
            return [
                one
                for each in instances
                for one in self.unit(f"{each}.service", unit, step_via, source, timers, account)
            ]
        start = unit.last("ExecStart")
        if not start:
            return []
        kind = unit.last("Type")
        if kind == "oneshot":
            self.notes.append(f"{unit_name} runs once (Type=oneshot): it is no process that stays.")
            return []
        states = self.states.get(name, [])
        if any(state.state == "stopped" or state.enabled is False or state.masked for state, _ in states[-1:]):
            self.notes.append(f"{unit_name} is stopped or disabled by the playbook: no process.")
            return []
        user = unit.last("User") or account
        environment = self.unit_environment(unit)
        home = environment.get("HOME", "")
        specifiers = specifiers_of(unit_name, user, home)
        words = expand(exec_words(start, specifiers), environment)
        notes = []
        directory = unit.last("WorkingDirectory").lstrip("-").replace("~", specifiers["h"])
        plain, inner = unwrap_shell(words)
        if plain:
            notes.append("The shell around the command is left out: nothing in it needs one.")
            words, directory = plain, inner or directory
        notes += [
            f"Before it the unit runs {before!r}: make it part of the image or of the release."
            for before in unit.all("ExecStartPre")
        ]
        if stop := unit.last("ExecStop"):
            notes.append(f"The unit stops it with {stop!r}; ECS sends the stop signal instead.")
        if kind == "forking":
            notes.append("Type=forking: the command goes to the background; in a container it must stay in front.")
        if not states:
            notes.append("No task starts or enables this unit; it is taken for a process because its file is there.")
        sources = tuple(
            dict.fromkeys((*step_via.sources, source, *(s for _, step in states for s in step.via.sources)))
        )
        self.service_directories(unit, user, Via(rule="process-unit-directories", sources=sources))
        return [
            _Found(
                name=name,
                unit=name,
                command=words,
                user=user,
                directory=directory,
                environment=environment,
                source=step_via.sources[0] if step_via.sources else source,
                via=Via(rule="process-systemd-unit", sources=sources),
                nofile=_nofile(unit.last("LimitNOFILE")),
                stop_signal=_signal(unit.last("KillSignal")),
                stop_timeout_s=seconds(unit.last("TimeoutStopSec") or unit.last("TimeoutSec")),
                notes=notes,
            )
        ]

    def unit_environment(self, unit: Unit) -> dict[str, str]:
        values: dict[str, str] = {}
        for line in unit.all("Environment"):
            for word in split_words(line):
                name, equals, value = word.partition("=")
                if equals:
                    values[name] = value
        for line in unit.all("EnvironmentFile"):
            path = normal(line.lstrip("-"))
            known = self.texts.get(path)
            if known is not None:
                values.update(parse_environment_file(known[0]))
                self.environment_files.append(path)
            elif not line.startswith("-"):
                self.notes.append(f"The environment file {path} is not in the playbook: its variables are missing.")
        for name in unit.all("UnsetEnvironment"):
            values.pop(name, None)
        return values

    def service_directories(self, unit: Unit, user: str, via: Via) -> None:
        for key, base in (
            ("RuntimeDirectory", "/run"),
            ("StateDirectory", "/var/lib"),
            ("CacheDirectory", "/var/cache"),
            ("LogsDirectory", "/var/log"),
        ):
            mode = unit.last(f"{key}Mode") or "0755"
            for line in unit.all(key):
                for name in line.split():
                    ownership = Ownership(owner=user or "root", group=unit.last("Group") or user or "root", mode=mode)
                    effect = MakeDirectory(path=f"{base}/{name}", ownership=ownership)
                    self.directories.append(Step(effect=effect, via=via))

    def supervisor_programs(self) -> list[_Found]:
        found = []
        for path, (text, step, effect) in self.texts.items():
            if not _SUPERVISOR.fullmatch(path):
                continue
            for name, settings, line in parse_supervisor(text):
                if name in PLATFORM_DAEMONS or not settings.get("command"):
                    continue
                if settings.get("autostart", "true").lower() == "false":
                    self.notes.append(f"{name} does not start by itself (autostart=false): no process.")
                    continue
                values = {"program_name": name, "process_num": "0", "here": path.rsplit("/", 1)[0], "numprocs": "1"}
                command = re.sub(r"%\((\w+)\)\d*[sd]", lambda m, v=values: v.get(m[1], m[0]), settings["command"])  # type: ignore[misc]  # a bound default
                try:
                    words = tuple(shlex.split(command))
                except ValueError:
                    self.notes.append(f"{name}: the command {command!r} has an open quotation.")
                    continue
                notes = []
                directory = settings.get("directory", "")
                plain, inner = unwrap_shell(words)
                if plain:
                    notes.append("The shell around the command is left out: nothing in it needs one.")
                    words, directory = plain, inner or directory
                count = settings.get("numprocs", "1")
                if count not in ("", "1"):
                    notes.append(f"supervisord keeps {count} of it: set the service's desired count.")
                environment = {}
                for pair in re.findall(r"""(\w+)=("[^"]*"|'[^']*'|[^,]*)""", settings.get("environment", "")):
                    environment[pair[0]] = pair[1].strip("\"'").replace("%%", "%")
                source = Source(effect.content.source.file, effect.content.source.line)
                sources = tuple(dict.fromkeys((*step.via.sources, source)))
                del line
                found.append(
                    _Found(
                        name=name,
                        command=words,
                        user=settings.get("user", ""),
                        directory=directory,
                        environment=environment,
                        source=step.via.sources[0] if step.via.sources else source,
                        via=Via(rule="process-supervisor-program", sources=sources),
                        stop_signal=_signal(settings.get("stopsignal", "")),
                        stop_timeout_s=seconds(settings.get("stopwaitsecs", "10")),
                        notes=notes,
                    )
                )
        return found

    # -- ports, names, what stands before it --------------------------------------------------------------------------

    def front(self) -> tuple[Front, Via | None]:
        """What nginx's configuration says, all its files together."""
        texts = [(path, *rest) for path, rest in self.texts.items() if _NGINX.fullmatch(path)]
        started = [step for name in FRONT_SERVERS for _, step in self.states.get(name, [])]
        if not texts and not started and not self.packages & set(FRONT_SERVERS):
            return Front(), None
        fronts = [read_nginx(text) for _, text, _, _ in texts]
        sources = [source for _, _, step, effect in texts for source in (*step.via.sources, effect.content.source)]
        sources += [source for step in started for source in step.via.sources]
        health = next((each for each in fronts if each.health_path), Front())
        return (
            Front(
                upstream_ports=tuple(dict.fromkeys(port for each in fronts for port in each.upstream_ports)),
                sockets=tuple(dict.fromkeys(path for each in fronts for path in each.sockets)),
                health_path=health.health_path,
                health_line=health.health_line,
                tls=any(each.tls for each in fronts),
                features=tuple(dict.fromkeys(name for each in fronts for name in each.features)),
            ),
            Via(rule="process-front-server", sources=tuple(dict.fromkeys(sources))),
        )

    def listen(self, each: _Found, front: Front) -> None:
        """Port and address: from the command, its configuration file, the variable PORT, or a socket of the host."""
        each.port = command_port(each.command)
        for path in self.configuration_files(each):
            text = self.texts[path][0]
            each.port = each.port or config_port(text, each.environment)
            if binds_loopback(text, each.environment):
                self.open_address(each, path, text)
        if each.port is None and (unit := self.socket_unit(each)) is not None and len(unit.ports) == 1:
            each.port = unit.ports[0]
            each.notes.append(f"Port {each.port} is its socket unit's; in a container the program binds it itself.")
        if each.port is None and re.fullmatch(r"\d+", each.environment.get("PORT", "")):
            each.port = int(each.environment["PORT"])
        changed = tuple(re.sub(r"(?<![\w.])(127\.0\.0\.1|localhost)(?=:\d)", "0.0.0.0", word) for word in each.command)  # noqa: S104 - the container's own address
        if changed != each.command:
            each.command = changed
            each.notes.append(
                "It listened on 127.0.0.1 behind a web server of the host; the load balancer needs 0.0.0.0."
            )
        if each.port is None:
            names = {each.command[0].rsplit("/", 1)[-1], *(word for word in each.command if "/" not in word)}
            seen = sorted({s.port for host in self.hosts for s in host.listening if s.process and s.process in names})
            if len(seen) == 1:
                each.port = seen[0]
                each.notes.append(f"Port {seen[0]} is what the host's socket list shows for it.")
        if each.port is None and len(front.upstream_ports) == 1 and _WEB_SERVERS.search(" ".join(each.command)):
            each.port = front.upstream_ports[0]
            each.notes.append(f"Port {each.port} is where the web server before it sends requests.")

    def configuration_files(self, each: _Found) -> list[str]:
        """Files of the playbook that the command names, and those that its server reads by itself."""
        words = [word.split("=", 1)[-1] for word in each.command]
        candidates = [normal(word if word.startswith("/") else f"{each.directory}/{word}") for word in words]
        if each.directory:
            candidates += [normal(f"{each.directory}/config/puma.rb"), normal(f"{each.directory}/config/unicorn.rb")]
        return [path for path in dict.fromkeys(candidates) if path in self.texts]

    def open_address(self, each: _Found, path: str, text: str) -> None:
        """A server that binds the loopback address behind nginx has to bind every address behind a load balancer."""
        why = "127.0.0.1 was enough behind a web server of the same host; the load balancer needs 0.0.0.0"
        for name in re.findall(r"""(?:ENV(?:\.fetch\(|\[)|environ\.get\(|getenv\()\s*["'](\w+)["']""", text):
            default = re.search(rf"""["']{name}["']\s*,\s*["']([^"']*)["']""", text)
            value = each.environment.get(name, default[1] if default else "")
            if value in _LOOPBACK:
                each.environment[name] = "0.0.0.0"  # noqa: S104 - the container's own address
                each.notes.append(f"{name} is 0.0.0.0: {why}.")
                return
        each.notes.append(f"{path} binds the loopback address in its text: change it there, {why}.")

    def name(self, found: list[_Found], front: Front) -> None:
        """One of them is `api`: the one that the web server before it, or a port, or its program gives away."""
        behind = {id(each): self.front_sockets(each, front) for each in found}

        def score(each: _Found) -> tuple[bool, bool, bool]:
            text = " ".join(each.command)
            before = each.port in front.upstream_ports or bool(behind[id(each)])
            return (before, each.port is not None, bool(_WEB_SERVERS.search(text)))

        serving = [each for each in found if any(score(each))]
        if serving:
            best = max(serving, key=lambda each: (score(each), each.name))
            best.notes.insert(0, f"The host's name of it is {best.name}.")
            best.name = "api"
            if behind[id(best)] and best.port is None:
                best.notes.append(
                    f"It listens on the socket {', '.join(behind[id(best)])}; a load balancer needs a port."
                )
            if self.api_port is not None:
                best.port = self.api_port
                best.notes.append(f"Port {best.port} is a person's answer: let the program bind 0.0.0.0:{best.port}.")
        taken = {"api"} if serving else set()
        for each in found:
            if each.name == "api":
                continue
            base = re.sub(r"[^a-z0-9_-]+", "-", each.name.lower()).strip("-") or "process"
            base = base if base not in ("batch_heavy", "batch_light") else base + "-process"
            number, each.name = 2, base
            while each.name in taken:
                each.name = f"{base}-{number}"
                number += 1
            taken.add(each.name)

    def replace_front(self, front: Front, serving: _Found, via: Via) -> list[Replaced]:
        reason = f"the load balancer takes its place before {serving.command[0].rsplit('/', 1)[-1]}"
        self.notes.append(
            f"nginx is left out: {reason}."
            + (
                f" What it also does and a load balancer does not: {'; '.join(front.features)}."
                if front.features
                else ""
            )
        )
        del via
        names = sorted(
            name for name in self.packages if re.fullmatch(r"(lib)?nginx(-.*)?|apache2(-.*)?|httpd|haproxy", name)
        )
        return [
            *(Replaced(kind="package", name=name, reason=reason) for name in names),
            *(
                Replaced(kind="path", name=path, reason=reason)
                for path in ("/etc/nginx", "/etc/apache2", "/etc/httpd", "/etc/haproxy", "/var/log/nginx")
            ),
        ]

    def nginx_itself(self, via: Via) -> _Found:
        return _Found(
            name="api",
            command=("nginx", "-g", "daemon off;"),
            user="",
            directory="",
            environment={},
            source=via.sources[0] if via.sources else Source("", 1),
            via=via,
            port=80,
            stop_signal="SIGQUIT",
            notes=["nginx serves by itself: no application was found behind it."],
        )

    # -- the result ---------------------------------------------------------------------------------------------------

    def process(self, each: _Found, front: Front, front_via: Via | None) -> Process:
        plain, secrets = self.split_environment(each)
        process = Process(
            name=each.name,
            command=each.command,
            user=each.user,
            working_directory=each.directory,
            port=each.port,
            environment=plain,
            secrets=secrets,
            nofile=each.nofile,
            stop_signal=each.stop_signal,
            stop_timeout_s=each.stop_timeout_s,
            source=each.source,
            via=each.via,
            notes=tuple(each.notes),
        )
        if each.port is None:
            if each.name == "api":
                note = "No port is known for it; a load balancer needs one."
                return replace(process, notes=(*process.notes, note))
            return process
        if each.name != "api":
            return process
        via = front_via if front.health_path and front_via is not None else each.via
        check = HealthCheck(
            command=self.health_command(each, front.health_path),
            path=front.health_path,
            via=replace(via, rule="process-health-check"),
        )
        notes = process.notes
        if not front.health_path:
            notes = (*notes, "No health path is known: the check only opens the port. Name the application's own path.")
        return replace(process, health_check=check, notes=notes)

    def health_command(self, each: _Found, path: str) -> tuple[str, ...]:
        """A check with what the image has: curl or wget, else the language's own library, else bash's /dev/tcp."""
        url = f"http://127.0.0.1:{each.port}{path}"
        text = " ".join(each.command)
        if path and "curl" in self.packages:
            return ("CMD-SHELL", f"curl -fsS -o /dev/null {shlex.quote(url)} || exit 1")
        if path and "wget" in self.packages:
            return ("CMD-SHELL", f"wget -q -O /dev/null {shlex.quote(url)} || exit 1")
        if path and re.search(r"\b(ruby|puma|bundle|unicorn|thin|rackup|rails)\b", text):
            code = f"exit Net::HTTP.get_response(URI({url!r})).is_a?(Net::HTTPSuccess)"
            return ("CMD", "ruby", "-rnet/http", "-e", code)
        if path and re.search(r"python|gunicorn|uvicorn|uwsgi", text):
            code = f"import urllib.request; urllib.request.urlopen({url!r}, timeout=4)"
            return ("CMD", "python3", "-c", code)
        if path and re.search(r"\bnode\b", text):
            code = f"fetch({url!r}).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            return ("CMD", "node", "-e", code)
        return ("CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{each.port}")

    def split_environment(self, each: _Found) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        plain: list[tuple[str, str]] = []
        secrets: list[tuple[str, str]] = []
        for name, value in sorted(each.environment.items()):
            parts = re.findall(f"{SECRET_OPEN}([^{SECRET_CLOSE}]*){SECRET_CLOSE}", value)
            if not parts:
                plain.append((name, value))
            elif value == f"{SECRET_OPEN}{parts[0]}{SECRET_CLOSE}":
                secrets.append((name, parts[0]))
            else:
                whole = name.lower()
                secrets.append((name, whole))
                composed = ComposedSecret(name=whole, variable=name, parts=tuple(parts), source=each.source)
                if composed not in self.composed:
                    self.composed.append(composed)
                each.notes.append(
                    f"{name} holds {', '.join(parts)} among other text: store its whole value as the secret {whole}."
                )
        return tuple(plain), tuple(secrets)

    def unresolved(self, known: set[str]) -> tuple[tuple[str, Via], ...]:
        del known
        units = {match["unit"].removesuffix(".service") for path in self.texts if (match := _UNIT.fullmatch(path))}
        programs = {
            name
            for path, (text, _, _) in self.texts.items()
            if _SUPERVISOR.fullmatch(path)
            for name, _, _ in parse_supervisor(text)
        }
        open_: list[tuple[str, Via]] = []
        for name, states in self.states.items():
            template = f"{name.split('@')[0]}@" if "@" in name else name
            if {name, template} & (units | programs) or name.split("@")[0] in PLATFORM_DAEMONS or not name:
                continue
            if f"{name}.service" in self.host_units or not re.fullmatch(r"[\w@.:-]+", name):
                continue
            if any(state.state in ("started", "restarted", "reloaded") or state.enabled for state, _ in states):
                open_.append((name, states[0][1].via))
        return tuple(open_)


def _order(each: _Found) -> tuple[bool, str]:
    return (each.name != "api", each.name)


def _nofile(text: str) -> int | None:
    """The soft limit of `LimitNOFILE=soft:hard`."""
    match = re.match(r"(\d+)([KMG]?)", text)
    if match is None:
        return None
    return int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[match[2]]


def _signal(text: str) -> str:
    name = text.strip().upper()
    if not name:
        return ""
    return name if name.startswith("SIG") or name.isdigit() else f"SIG{name}"
