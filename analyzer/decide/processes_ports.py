"""On which port a process listens, what stands before it, and which of the processes is the API."""

from __future__ import annotations

import re

from analyzer.decide.image_paths import normal
from analyzer.decide.processes_seen import NGINX, SOCKET, Found, Seen
from analyzer.decide.processes_sockets import SocketUnit, read_socket_unit, sockets_named
from analyzer.decide.processes_web import (
    FRONT_SERVERS,
    Front,
    binds_loopback,
    command_port,
    config_port,
    read_nginx,
)
from analyzer.model import Via

_WEB_SERVERS = re.compile(
    r"\b(puma|unicorn|thin|passenger|falcon|rackup|gunicorn|uvicorn|uwsgi|hypercorn|daphne|waitress-serve|php-fpm"
    r"|rails\s+s(?:erver)?|node|next|java|dotnet|nginx|apache2|httpd)\b"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def front_of(seen: Seen) -> tuple[Front, Via | None]:
    """What nginx's configuration says, all its files together."""
    texts = [(path, *rest) for path, rest in seen.texts.items() if NGINX.fullmatch(path)]
    started = [step for name in FRONT_SERVERS for _, step in seen.states.get(name, [])]
    if not texts and not started and not seen.packages & set(FRONT_SERVERS):
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
            certificates=tuple(dict.fromkeys(path for each in fronts for path in each.certificates)),
            features=tuple(dict.fromkeys(name for each in fronts for name in each.features)),
        ),
        Via(rule="process-front-server", sources=tuple(dict.fromkeys(sources))),
    )


def listen(seen: Seen, each: Found, front: Front) -> None:
    """Port and address: from the command, its configuration file, the variable PORT, or a socket of the host."""
    if each.image:
        _listen_in_container(each)
        return
    each.port = command_port(each.command)
    for path in _configuration_files(seen, each):
        text = seen.texts[path][0]
        each.port = each.port or config_port(text, each.environment)
        if binds_loopback(text, each.environment):
            _open_address(each, path, text)
    if each.port is None:
        each.port = command_port(_served_by(_script(seen, each)).split())
    if each.port is None and (unit := _socket_unit(seen, each)) is not None and len(unit.ports) == 1:
        each.port = unit.ports[0]
        each.notes.append(f"Port {each.port} is its socket unit's; in a container the program binds it itself.")
    if each.port is None and re.fullmatch(r"\d+", each.environment.get("PORT", "")):
        each.port = int(each.environment["PORT"])
    changed = tuple(re.sub(r"(?<![\w.])(127\.0\.0\.1|localhost)(?=:\d)", "0.0.0.0", word) for word in each.command)  # noqa: S104 - the container's own address
    if changed != each.command:
        each.command = changed
        each.notes.append("It listened on 127.0.0.1 behind a web server of the host; the load balancer needs 0.0.0.0.")
    if each.port is None:
        names = {each.command[0].rsplit("/", 1)[-1], *(word for word in each.command if "/" not in word)}
        shown = sorted({s.port for host in seen.hosts for s in host.listening if s.process and s.process in names})
        if len(shown) == 1:
            each.port = shown[0]
            each.notes.append(f"Port {shown[0]} is what the host's socket list shows for it.")
    if each.port is None and len(front.upstream_ports) == 1 and _WEB_SERVERS.search(" ".join(each.command)):
        each.port = front.upstream_ports[0]
        each.notes.append(f"Port {each.port} is where the web server before it sends requests.")


def _listen_in_container(each: Found) -> None:
    """What the host's engine forwards says the port; else the command or the variable PORT, on the host's network."""
    told = command_port(each.command)
    if each.port is None and told is None and re.fullmatch(r"\d+", each.environment.get("PORT", "")):
        told = int(each.environment["PORT"])
    each.port = each.port if each.port is not None else told


def without_idle_variants(seen: Seen, found: list[Found], front: Front) -> list[Found]:
    """The processes without those that no task starts and whose port one has that a task starts: both cannot run."""
    started = [each for each in found if _is_started(seen, each)]
    if len(front.upstream_ports) == 1 and len(started) == 1 and started[0].port is None and not front.sockets:
        started[0].port = front.upstream_ports[0]
        started[0].notes.append(f"Port {started[0].port} is where the web server before it sends requests.")
    ports = {each.port: each.name for each in started if each.port is not None}
    running = []
    for each in found:
        if each.port is None or each.port not in ports or _is_started(seen, each):
            running.append(each)
            continue
        seen.notes.append(
            f"{each.name} would bind port {each.port}, on which {ports[each.port]} runs, and no task starts it:"
            " no process."
        )
    return running


def _is_started(seen: Seen, each: Found) -> bool:
    states = [state for state, _ in seen.states.get(each.unit, ())]
    return any(state.state in ("started", "restarted", "reloaded") or state.enabled for state in states[-1:])


def name_processes(seen: Seen, found: list[Found], front: Front) -> None:
    """One of them is `api`: the one that the web server before it, or a port, or its program gives away."""
    behind = {id(each): _front_sockets(seen, each, front) for each in found}

    def score(each: Found) -> tuple[bool, bool, bool]:
        text = " ".join([*each.command, _served_by(_script(seen, each))])
        before = bool({each.port, *each.host_ports} & set(front.upstream_ports)) or bool(behind[id(each)])
        return (before, each.port is not None, bool(_WEB_SERVERS.search(text)))

    serving = [each for each in found if any(score(each))]
    if serving:
        best = max(serving, key=lambda each: (score(each), each.name))
        best.notes.insert(0, f"The host's name of it is {best.name}.")
        best.name = "api"
        if behind[id(best)] and best.port is None:
            best.notes.append(f"It listens on the socket {', '.join(behind[id(best)])}; a load balancer needs a port.")
        if seen.api_port is not None:
            best.port = seen.api_port
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


def _socket_unit(seen: Seen, each: Found) -> SocketUnit | None:
    """The socket unit that starts the process, or hands it its sockets."""
    units = (read_socket_unit(match["name"], text) for path, (text, _, _) in seen.texts.items()
             if (match := SOCKET.fullmatch(path)))  # fmt: skip
    return next((unit for unit in units if unit.service == each.unit), None)


def _front_sockets(seen: Seen, each: Found, front: Front) -> tuple[str, ...]:
    """Sockets to which the web server before it sends requests, and that its command, script or files name."""
    if each.image:
        return ()
    texts = [*each.command, *(seen.texts[path][0] for path in _configuration_files(seen, each)), _script(seen, each)]
    unit = _socket_unit(seen, each)
    return sockets_named(front.sockets, [*texts, *(unit.files if unit else ())])


def _script(seen: Seen, each: Found) -> str:
    """The text of the project's own script that is the command, without its comments; "" where it is none."""
    script = seen.texts.get(normal(each.command[0])) if each.command and each.command[0].startswith("/") else None
    return re.sub(r"(?m)^\s*#.*$", "", script[0]) if script else ""


def _served_by(script: str) -> str:
    """What a script becomes in the end: the line of its last `exec`, lines that go on joined to it."""
    lines = re.sub(r"\\\n\s*", " ", script).split("\n")
    return next((line for line in reversed(lines) if re.match(r"\s*exec\s", line)), "")


def _configuration_files(seen: Seen, each: Found) -> list[str]:
    """Files of the playbook that the command names, and those that its server reads by itself."""
    words = [word.split("=", 1)[-1] for word in each.command]
    candidates = [normal(word if word.startswith("/") else f"{each.directory}/{word}") for word in words]
    if each.directory:
        candidates += [normal(f"{each.directory}/config/puma.rb"), normal(f"{each.directory}/config/unicorn.rb")]
    return [path for path in dict.fromkeys(candidates) if path in seen.texts]


def _open_address(each: Found, path: str, text: str) -> None:
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
