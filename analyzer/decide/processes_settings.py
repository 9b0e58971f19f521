"""A found process as the task definition has it: its environment, its secrets, its health check."""

from __future__ import annotations

import re
import shlex

from msgspec.structs import replace

from analyzer.decide.processes_seen import Found, Seen
from analyzer.decide.processes_web import Front
from analyzer.model import SECRET_CLOSE, SECRET_OPEN, HealthCheck, Process, Via


def finished(seen: Seen, each: Found, front: Front, front_via: Via | None) -> Process:
    """The process with its health check; values that hold secrets become references to them."""
    plain, secrets = _split_environment(each)
    process = Process(
        name=each.name,
        command=each.command,
        user=each.user,
        working_directory=each.directory,
        port=each.port,
        environment=plain,
        secrets=secrets,
        nofile=each.nofile,
        image=each.image,
        entrypoint=each.entrypoint,
        mounts=each.mounts,
        memory_limit_mib=each.memory_limit_mib,
        cpu_limit=each.cpu_limit,
        stop_signal=each.stop_signal,
        stop_timeout_s=each.stop_timeout_s,
        source=each.source,
        via=each.via,
        notes=tuple(each.notes),
    )
    if each.image and each.health_command:
        check = HealthCheck(command=each.health_command, path="", via=replace(each.via, rule="process-health-check"))
        process = replace(process, health_check=check)
    if each.port is None:
        if each.name == "api":
            note = "No port is known for it; a load balancer needs one."
            return replace(process, notes=(*process.notes, note))
        return process
    if each.name != "api":
        return process
    if each.image:
        return _of_a_registry(process, front, front_via)
    via = front_via if front.health_path and front_via is not None else each.via
    check = HealthCheck(
        command=_health_command(seen, each, front.health_path),
        path=front.health_path,
        via=replace(via, rule="process-health-check"),
    )
    notes = process.notes
    if not front.health_path:
        notes = (*notes, "No health path is known: the check only opens the port. Name the application's own path.")
    return replace(process, health_check=check, notes=notes)


def _of_a_registry(process: Process, front: Front, front_via: Via | None) -> Process:
    """Its own check, if it has one; nothing is known of the programs in its image that another could use."""
    path = front.health_path
    command = process.health_check.command if process.health_check is not None else ()
    if not path and command and (found := re.search(r"https?://[^/\s]+(/[^\s'\"|;&)]*)", " ".join(command))):
        path = found[1]
    via = front_via if front.health_path and front_via is not None else process.via
    check = HealthCheck(command=command, path=path, via=replace(via, rule="process-health-check"))
    notes = process.notes
    if not path:
        notes = (*notes, "No health path is known: the load balancer asks for /. Name the application's own path.")
    return replace(process, health_check=check, notes=notes)


def _health_command(seen: Seen, each: Found, path: str) -> tuple[str, ...]:
    """A check with what the image has: curl or wget, else the language's own library, else bash's /dev/tcp."""
    url = f"http://127.0.0.1:{each.port}{path}"
    text = " ".join(each.command)
    if path and "curl" in seen.packages:
        return ("CMD-SHELL", f"curl -fsS -o /dev/null {shlex.quote(url)} || exit 1")
    if path and "wget" in seen.packages:
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


def _split_environment(each: Found) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
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
            each.notes.append(
                f"{name} holds {', '.join(parts)} among other text: store its whole value as the secret {whole}."
            )
    return tuple(plain), tuple(secrets)
