"""Kernel settings and limits that a role writes into files, as settings of a task definition where that has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.model import EditFile, Effect, TaskSetting, WriteFile

_NAMESPACED = ("net.", "fs.mqueue.")
_SYSTEM_V = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says, apart."""

    kept: tuple[TaskSetting, ...]
    left: tuple[str, ...]
    """Keys and limits that no task definition can set."""


def settings_of(effect: Effect) -> Settings | None:
    """The settings in a file below /etc/sysctl.d or /etc/security/limits.d; None where its text is not known."""
    match effect:
        case WriteFile(path=path, content=content) if content.data is not None:
            text = content.data.decode(errors="replace")
        case EditFile(path=path, method="lineinfile" | "blockinfile", args=args):
            text = str(args.get("line") or args.get("block") or "")
        case _:
            return None
    kept: list[TaskSetting] = []
    left: list[str] = []
    for name, setting in (_limits if "limits" in path else _keys)(text):
        if setting is None:
            left.append(name)
        else:
            kept.append(setting)
    return Settings(tuple(kept), tuple(dict.fromkeys(left)))


def _keys(text: str) -> Iterator[tuple[str, TaskSetting | None]]:
    for line in text.splitlines():
        name, given, value = line.partition("=")
        name = name.strip().removeprefix("-").strip().replace("/", ".")
        if not given or line.lstrip().startswith(("#", ";")):
            continue
        fits = name.startswith(_NAMESPACED) or name in _SYSTEM_V
        yield name, TaskSetting(kind="sysctl", name=name, value=value.strip()) if fits else None


def _limits(text: str) -> Iterator[tuple[str, TaskSetting | None]]:
    for line in text.splitlines():
        words = re.split(r"\s+", line.partition("#")[0].strip())
        if len(words) != 4:
            continue
        domain, _, item, value = words
        fits = item == "nofile"
        yield f"{domain} {item}", TaskSetting(kind="ulimit", name=item, value=value, user=domain) if fits else None
