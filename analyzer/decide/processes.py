"""Long-running processes of the hosts: what runs, as whom, with which settings, and what the platform replaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from analyzer.decide.processes_containers import containers, from_engine
from analyzer.decide.processes_php import is_php_service, starts_php, with_php
from analyzer.decide.processes_ports import front_of, listen, name_processes, without_idle_variants
from analyzer.decide.processes_seen import NGINX, Found, Seen
from analyzer.decide.processes_services import supervisor_programs, units, unresolved, without_doubles
from analyzer.decide.processes_settings import finished
from analyzer.decide.processes_sockets import answered_port
from analyzer.decide.processes_web import Front, served_folder
from analyzer.model import Host, Outcome, Process, Settings, Source, Step, Verdict, Via

APACHE = {
    "httpd": ("httpd", "-D", "FOREGROUND"),
    # Debian's program wants the environment that apache2ctl gives it, and apache2ctl itself would not pass signals on
    "apache2": ("/bin/sh", "-c", '. /etc/apache2/envvars && mkdir -p "$APACHE_RUN_DIR" && exec apache2 -D FOREGROUND'),
}
"""Package of Apache's server -> its command in the foreground."""
APACHE_FILES = re.compile(r"/etc/(httpd|apache2)/.+")


class Replaced(Struct, frozen=True, kw_only=True):
    """A package or path that the image does without because something else of the platform does its work."""

    kind: str
    """package | path"""
    name: str
    """Package name, or directory (with all below it)."""
    reason: str
    outcome: Outcome = Outcome.INFRASTRUCTURE


class ProcessFindings(Struct, frozen=True, kw_only=True):
    """What is known of the processes of one application."""

    processes: tuple[Process, ...] = ()
    """All of them; `own` are those of the image that the bundle builds."""
    left_out: tuple[Replaced, ...] = ()
    environment_files: tuple[str, ...] = ()
    """Files that only units read as their environment: their values stand in the task definitions."""
    directories: tuple[Step, ...] = ()
    """Directories that systemd would make at start (RuntimeDirectory= and its like)."""
    unresolved: tuple[tuple[str, Via], ...] = ()
    """Services that the playbook starts and whose command nothing in project or evidence says."""
    notes: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    """Ports and sockets to which the web server hands requests and on which no process was found."""

    no_certificates: tuple[str, ...] = ()
    """Files of certificates and keys that a web server of the image opens when it starts, and that no task writes."""

    @property
    def own(self) -> tuple[Process, ...]:
        """Processes that run in the application's own image, and not in one that a registry has."""
        return tuple(each for each in self.processes if not each.image)


def find_processes(
    steps: Sequence[Step],
    hosts: Sequence[Host],
    settings: Settings,
    dropped: Sequence[Step] = (),
    *,
    elsewhere: Callable[[str], bool],
    host_units: Mapping[str, tuple[Source, str]] | None = None,
) -> ProcessFindings:
    """The processes that `steps` start.

    `dropped`: effects that the rules leave out of the bundle; they still tell what ran (a web server's upstreams).
    `elsewhere`: whether something else takes the place of a service of this name.
    `host_units`: unit name (`worker.service`) -> (evidence file, its text), for services that a package or a person
    brought; a unit of the playbook's own goes before it.
    """
    port = answered_port(settings.answers)
    seen = Seen(_applying(steps), _applying(dropped), hosts, host_units or {}, port, elsewhere)
    front, front_via = front_of(seen)
    found = from_engine(seen, [*units(seen), *supervisor_programs(seen)])
    found += containers(seen, _applying(steps), _applying(dropped))
    found = without_doubles(found)
    for each in found:
        listen(seen, each, front)
    found = without_idle_variants(seen, found, front)
    name_processes(seen, found, front)
    left_out: list[Replaced] = []
    unanswered: tuple[str, ...] = ()
    no_certificates: tuple[str, ...] = ()
    if front_via is not None:
        serving = next((each for each in found if each.name == "api"), None)
        if serving is not None:
            left_out += _replace_front(seen, front, serving)
        elif "nginx" in seen.packages:
            found.append(with_php(_nginx_itself(seen, front_via), seen))
            no_certificates = tuple(path for path in front.certificates if path not in seen.texts)
        elif server := next((name for name in APACHE if name in seen.packages and _runs(seen, name)), ""):
            found.append(with_php(_apache_itself(server, seen, front_via), seen))
        if serving is None and not any(map(starts_php, found)):
            answered = {each.port for each in found}
            ports = (port for port in front.upstream_ports if port not in answered)
            unanswered = (*(f"port {port}" for port in ports), *front.sockets)
    return ProcessFindings(
        processes=tuple(finished(seen, each, front, front_via) for each in sorted(found, key=_order)),
        left_out=tuple(left_out),
        environment_files=tuple(dict.fromkeys(seen.environment_files)),
        directories=tuple(seen.directories),
        unresolved=tuple(
            one for one in unresolved(seen) if not (is_php_service(one[0]) and any(map(starts_php, found)))
        ),
        notes=tuple(seen.notes),
        unanswered=unanswered,
        no_certificates=no_certificates,
    )


def _applying(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.applies != Verdict.NO]


def _replace_front(seen: Seen, front: Front, serving: Found) -> list[Replaced]:
    reason = f"the load balancer takes its place before {_program(serving)}"
    seen.notes.append(
        f"nginx is left out: {reason}."
        + (f" What it also does and a load balancer does not: {'; '.join(front.features)}." if front.features else "")
    )
    names = sorted(
        name for name in seen.packages if re.fullmatch(r"(lib)?nginx(-.*)?|apache2(-.*)?|httpd|haproxy", name)
    )
    return [
        *(Replaced(kind="package", name=name, reason=reason) for name in names),
        *(
            Replaced(kind="path", name=path, reason=reason)
            for path in ("/etc/nginx", "/etc/apache2", "/etc/httpd", "/etc/haproxy", "/var/log/nginx")
        ),
    ]


def _program(each: Found) -> str:
    return each.command[0].rsplit("/", 1)[-1] if each.command and not each.image else each.image or each.name


def _nginx_itself(seen: Seen, via: Via) -> Found:
    return Found(
        name="api",
        command=("nginx", "-g", "daemon off;"),
        user="",
        directory=served_folder(text for path, (text, _, _) in seen.texts.items() if NGINX.fullmatch(path)),
        environment={},
        source=via.sources[0] if via.sources else Source("", 1),
        via=via,
        port=80,
        stop_signal="SIGQUIT",
        notes=["nginx serves by itself: no application was found behind it."],
    )


def _runs(seen: Seen, server: str) -> bool:
    """Whether somebody starts it: Debian's packages start what they bring, those of the Red Hat family do not."""
    states = (state for state, _ in seen.states.get(server, ()))
    return server == "apache2" or any(state.state == "started" or state.enabled for state in states)


def _apache_itself(server: str, seen: Seen, via: Via) -> Found:
    texts = [text for path, (text, _, _) in sorted(seen.texts.items()) if APACHE_FILES.fullmatch(path)]
    ports = [int(port) for text in texts for port in re.findall(r"(?m)^\s*Listen\s+(?:\S*:)?(\d+)", text)]
    return Found(
        name="api",
        command=APACHE[server],
        user="",
        directory=served_folder(texts),
        environment={},
        source=via.sources[0] if via.sources else Source("", 1),
        via=via,
        port=ports[0] if ports else 80,
        notes=[f"{server} serves by itself: no application was found behind it."],
    )


def _order(each: Found) -> tuple[bool, str]:
    return (each.name != "api", each.name)
