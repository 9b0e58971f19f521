"""What a person can do about an engine that does not answer, a build that fails, a container without a network."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from analyzer.verify.engine import BuildError

SHOWN = 15
"""Lines of a failing build's output that are shown, the last ones."""
_ADVICE = (
    ("no space left on device", "the engine's disk is full: `docker system df` shows what takes it"),
    (
        "no such host",
        "a name was not found: is there a network, and can the engine reach the registry and the mirrors?",
    ),
    ("manifest unknown", "the registry has no such base image: check its name and tag"),
    ("pull access denied", "the registry gives no such base image: log in, or check its name"),
    ("temporary failure resolving", "the engine's containers cannot resolve names: have they a network?"),
    ("could not resolve", "the engine's containers cannot resolve names: have they a network?"),
    ("unable to locate package", "the package is not in the distribution: a package source of the playbook is missing"),
)
"""(what an output says, what to do about it), the surest first."""
_NO_NEWS = re.compile(r"\s*$|Removing intermediate container | ---> |(Reading|Building) (package|dependency|state) ")


def advice(text: str) -> str:
    """What to do about a failure that is the machine's and not the Dockerfile's, "" where nothing is known."""
    lowered = text.lower()
    return next((what for sign, what in _ADVICE if sign in lowered), "")


def told(bundle: Path, name: str, error: BuildError) -> str:
    """A failed build: what it ended with, what to do, which line of the Dockerfile and which task, the last output."""
    message = re.sub(
        r"(The command ')(.*)(' returned)",
        lambda match: match[1] + textwrap.shorten(match[2], 90, placeholder=" …") + match[3],
        str(error),
        flags=re.DOTALL,
    )
    lines = (bundle / name / "app" / "Dockerfile").read_text(encoding="utf-8").split("\n")
    number = line_of_step(lines, error.step)
    out = [message]
    if what := advice("\n".join((str(error), *error.output))):
        out.append(what)
    if number is not None:
        instruction = lines[number - 1].rstrip("\\ ")[:120]
        out.append(f"Dockerfile:{number} {instruction} ({_cause(lines, number)})")
    output = [line.rstrip() for text in error.output for line in text.split("\n")]
    shown = [line for line in output if not _NO_NEWS.match(line)][-SHOWN:]
    return "\n".join([*out, *(f"  {line}" for line in shown)])


def _cause(lines: Sequence[str], number: int) -> str:
    """The marks of the instruction at line `number`: those above it, else those between its own lines."""
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.startswith("#"):
            break
        if line.startswith("# via"):
            found.insert(0, line[2:])
    for line in [] if found else lines[number:]:
        if not line.strip():
            break
        if line.strip().startswith("# via"):
            found.append(line.strip()[2:])
    more = f", and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more if found else "no task caused it"


def line_of_step(lines: Sequence[str], step: int) -> int | None:
    """The line (1-based) where instruction number `step` starts."""
    count = 0
    continued = False
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not continued:
            count += 1
            if count == step:
                return number
        continued = line.endswith("\\")
    return None


def no_engine(error: BaseException) -> tuple[str, str]:
    """(message, hint) about an engine that does not answer."""
    place = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    text = str(error)
    if "Permission denied" in text:
        return (
            f"the Docker Engine at {place} does not let this account in",
            "add the account to the group docker (it may then do what root may) and log in again, or run as root",
        )
    if "paramiko" in text:
        return f"no Docker Engine answers at {place}: ssh is not spoken here", (
            "forward its socket, `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST`, and set "
            "DOCKER_HOST=unix:///tmp/docker.sock"
        )
    if re.search(r"port is required|Invalid bind address", text):
        return f"DOCKER_HOST={place} is no address of an engine", "expected unix:///PATH or tcp://HOST:PORT"
    reason = next(
        (
            words
            for sign, words in (
                ("Connection refused", "nothing listens there"),
                ("No such file", "nothing is there"),
                ("FileNotFoundError", "nothing is there"),
                ("timed out", "it does not answer in time"),
            )
            if sign in text
        ),
        textwrap.shorten(text.replace("\n", " "), 200, placeholder=" …"),
    )
    return f"no Docker Engine answers at {place}: {reason}", "start one, or set DOCKER_HOST to one that runs"
