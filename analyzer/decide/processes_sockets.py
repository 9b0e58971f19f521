"""Servers behind sockets of the host: socket units, and the programs that a web server reaches through a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from analyzer.decide.processes_units import Unit
from analyzer.model import Process, Question

PORT_QUESTION = "port:api"

_USUAL_PORTS = (
    (r"\b(gunicorn|uvicorn|uwsgi|hypercorn|daphne|waitress-serve)\b", 8000),
    (r"\b(java|tomcat|dotnet)\b", 8080),
    (r"\b(puma|unicorn|thin|passenger|falcon|rackup|rails|node|next)\b", 3000),
)
"""Program -> the port that its own documentation binds by default."""


class SocketUnit(Struct, frozen=True):
    """What a `.socket` unit hands to its service."""

    service: str
    """Name of the service's unit without `.service`."""
    ports: tuple[int, ...]
    files: tuple[str, ...]


def read_socket_unit(name: str, text: str) -> SocketUnit:
    """`name` without `.socket`; the service is its namesake unless `Service=` names another."""
    unit = Unit().read(text)
    streams = [stream.strip() for stream in unit.all("ListenStream", "Socket")]
    ports = (re.fullmatch(r"(?:.*:)?(\d+)", stream) for stream in streams if not stream.startswith("/"))
    return SocketUnit(
        service=unit.last("Service", "Socket").removesuffix(".service") or name,
        ports=tuple(int(found[1]) for found in ports if found),
        files=tuple(stream for stream in streams if stream.startswith("/")),
    )


def sockets_named(sockets: Iterable[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Those of `sockets` that stand in one of `texts` (commands, scripts, configurations)."""
    return tuple(each for each in sockets if any(re.search(rf"{re.escape(each)}(?![\w.-])", text) for text in texts))


def answered_port(answers: Mapping[str, object]) -> int | None:
    """The port that a reviewer gave the API, None where nobody did."""
    answer = str(answers.get(PORT_QUESTION, ""))
    return int(answer) if re.fullmatch(r"\d{1,5}", answer) and 0 < int(answer) < 65536 else None


def port_question(process: Process) -> Question | None:
    """What to ask about an API of which no port is known: without one no load balancer reaches it."""
    if process.name != "api" or process.port is not None:
        return None
    text = " ".join((*process.command, *process.notes))
    usual = next((port for pattern, port in _USUAL_PORTS if re.search(pattern, text)), 8080)
    return Question(
        id=PORT_QUESTION,
        text=(
            f"No port is known on which the API ({' '.join(process.command)[:100]}) listens, so no load balancer"
            " can reach it. Let it bind 0.0.0.0:PORT in its command or configuration. Which port is that?"
        ),
        answers=(str(usual), *(str(port) for port in (3000, 8000, 8080) if port != usual)),
        blocking=True,
    )
