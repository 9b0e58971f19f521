"""Firewall rules of the hosts as rules of security groups: what still has somebody listening, and what has not."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from msgspec import Struct

from analyzer.model import Application, Infrastructure, Step, Value, Via
from analyzer.render.names import fit

WEB_PORTS = (80, 443)
"""Ports on which the load balancer listens."""
SERVICE_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "ssh": 22, "smtp": 25, "dns": 53, "ntp": 123}
EVERYWHERE = "0.0.0.0/0"
DESCRIPTION_LIMIT = 255


class Rule(Struct, frozen=True, kw_only=True):
    """One permission of a security group."""

    key: str
    protocol: str
    port: int | None
    to_port: int | None
    cidr: str
    via: Via

    @property
    def is_v6(self) -> bool:
        """Whether `cidr` is an IPv6 network."""
        return ":" in self.cidr


class Firewall(Struct, frozen=True, kw_only=True):
    """What the hosts' firewall becomes."""

    load_balancer: tuple[Rule, ...]
    tasks: tuple[Rule, ...]
    left_out: tuple[tuple[str, Via], ...]
    """(what, why in words) for rules that no container needs or that cannot be read."""


class _Ports(Struct, frozen=True):
    first: int
    last: int
    protocol: str


def firewall(application: Application) -> Firewall:
    """The rules of `application`, each network and port once."""
    api_port = next((one.port for one in application.processes if one.name == "api" and one.port is not None), None)
    direct = frozenset(one.port for one in application.processes if one.name != "api" and one.port is not None)
    to_balancer: dict[str, Rule] = {}
    to_tasks: dict[str, Rule] = {}
    left_out: list[tuple[str, Via]] = []
    for step in application.steps:
        effect = step.effect
        if not isinstance(effect, Infrastructure) or effect.kind != "security-group-rule":
            continue
        what = _words(effect)
        cidr = _network(effect.details.get("source"))
        ports = _ports(effect)
        if str(effect.details.get("direction") or "in").lower() not in ("in", "input", "incoming"):
            left_out.append((f"{what}: tasks may reach everything, as nothing on the hosts forbade it", step.via))
        elif cidr is None or not ports:
            left_out.append((f"{what}: its port or its source cannot be read", step.via))
        else:
            for port in ports:
                used = _place(port, cidr, step, api_port, direct, to_balancer, to_tasks)
                if not used:
                    left_out.append((f"{what}: no process of the tasks listens there", step.via))
    return Firewall(
        load_balancer=tuple(to_balancer[key] for key in sorted(to_balancer)),
        tasks=tuple(to_tasks[key] for key in sorted(to_tasks)),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def _place(
    ports: _Ports,
    cidr: str,
    step: Step,
    api_port: int | None,
    direct: frozenset[int],
    to_balancer: dict[str, Rule],
    to_tasks: dict[str, Rule],
) -> bool:
    """Put one permission where somebody listens; whether there was anybody."""
    used = False

    def covers(port: int) -> bool:
        return ports.first <= port <= ports.last

    if api_port is not None and ports.protocol in ("tcp", "any"):
        web = [port for port in WEB_PORTS if covers(port)]
        if not web and covers(api_port):
            web = list(WEB_PORTS)  # who reached the API itself now reaches it through the load balancer
        for port in web:
            used = True
            _add(to_balancer, "tcp", port, port, cidr, step.via)
    for port in sorted(direct):
        if covers(port):
            used = True
            _add(to_tasks, "tcp" if ports.protocol == "any" else ports.protocol, port, port, cidr, step.via)
    return used


def _add(rules: dict[str, Rule], protocol: str, port: int, to_port: int, cidr: str, via: Via) -> None:
    key = fit(f"{protocol}-{port}-from-{re.sub(r'[^0-9a-f]+', '-', cidr)}".rstrip("-"), 80)
    if key in rules:
        return
    rules[key] = Rule(key=key, protocol=protocol, port=port, to_port=to_port, cidr=cidr, via=via)


def _network(value: Value) -> str | None:
    """The source as a network; None where it is none (a group, a variable, a zone)."""
    if value is None or str(value).strip().lower() in ("", "any", "anywhere", "all"):
        return EVERYWHERE
    if not isinstance(value, str):
        return None
    try:
        return str(ipaddress.ip_network(value.strip(), strict=False))
    except ValueError:
        return None


def _ports(effect: Infrastructure) -> list[_Ports]:
    """The ports of a rule: 443, 8080/tcp, 3000:3010, 3000-3010, 80,443, a service name."""
    details = effect.details
    protocol = str(details.get("protocol") or "any").lower()
    if protocol not in ("tcp", "udp", "any"):
        return []
    value = details.get("port")
    text = str(value if value is not None else details.get("service") or "").lower().strip()
    found = []
    for part in text.split(","):
        name, _, own = part.strip().partition("/")
        match = re.fullmatch(r"(\d{1,5})(?:[:-](\d{1,5}))?", str(SERVICE_PORTS.get(name, name)))
        if match is None or own not in ("", "tcp", "udp"):
            return []
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= 65535:
            return []
        found.append(_Ports(first, last, own or protocol))
    return found


def _words(effect: Infrastructure) -> str:
    port = effect.details.get("port") or effect.details.get("service") or effect.name
    return f"{port} from {effect.details.get('source') or 'any'}"


def description(text: str) -> str:
    """A description in the characters that EC2 allows."""
    return re.sub(r"[^a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+", " ", text).strip()[:DESCRIPTION_LIMIT]
