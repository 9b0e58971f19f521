"""Settings that a role writes into files of the host, as what a task definition or Terraform says instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import Struct

from analyzer.model import EditFile, Effect, Infrastructure, MakeDirectory, Ownership, TaskSetting, WriteFile

_NAMESPACED = ("net.", "fs.mqueue.")
_SYSTEM_V = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


_Setting: TypeAlias = TaskSetting | Infrastructure


class Settings(Struct, frozen=True):
    """What a settings file says, apart."""

    kept: tuple[_Setting, ...]
    left: tuple[str, ...]
    """Keys, limits and names that have no place outside the host."""


def settings_of(effect: Effect) -> Settings | None:
    """What /etc/hosts or a file in sysctl.d or limits.d says; None for other files and where the text is not known."""
    match effect:
        case WriteFile(path=path, content=content) if content.data is not None:
            text = content.data.decode(errors="replace")
        case EditFile(path=path, method="lineinfile" | "blockinfile", args=args):
            text = str(args.get("line") or args.get("block") or "")
        case _:
            return None
    parse = next((parse for part, parse in _FILES if part in path), None)
    if parse is None:
        return None
    kept: list[_Setting] = []
    left: list[str] = []
    for name, setting in parse(text):
        if setting is None:
            left.append(name)
        else:
            kept.append(setting)
    return Settings(tuple(kept), tuple(dict.fromkeys(left)))


def folders_of(effect: Effect) -> tuple[MakeDirectory, ...] | None:
    """The folders that a file in tmpfiles.d has made at boot; None for other files and where the text is not known."""
    if not isinstance(effect, WriteFile) or "tmpfiles.d/" not in effect.path or effect.content.data is None:
        return None
    found = []
    for line in effect.content.data.decode(errors="replace").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].rstrip("!+-=~^") in ("d", "D", "q", "Q", "e", "v"):
            mode, owner, group = ("" if word == "-" else word for word in (*words[2:5], "-", "-", "-")[:3])
            found.append(MakeDirectory(path=words[1], ownership=Ownership(owner=owner, group=group, mode=mode)))
    return tuple(found)


def _hosts(text: str) -> Iterator[tuple[str, _Setting | None]]:
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        own = address.startswith(("127.", "::1", "fe00::", "ff02::", "ff00::", "0.0.0.0"))  # noqa: S104 - no listening
        for name in names:
            yield name, None if own else Infrastructure(kind="dns", name=name, details={"address": address})


def _keys(text: str) -> Iterator[tuple[str, _Setting | None]]:
    for line in text.splitlines():
        name, given, value = line.partition("=")
        name = name.strip().removeprefix("-").strip().replace("/", ".")
        if not given or line.lstrip().startswith(("#", ";")):
            continue
        fits = name.startswith(_NAMESPACED) or name in _SYSTEM_V
        yield name, TaskSetting(kind="sysctl", name=name, value=value.strip()) if fits else None


def _limits(text: str) -> Iterator[tuple[str, _Setting | None]]:
    for line in text.splitlines():
        words = re.split(r"\s+", line.partition("#")[0].strip())
        if len(words) != 4:
            continue
        domain, _, item, value = words
        fits = item == "nofile"
        yield f"{domain} {item}", TaskSetting(kind="ulimit", name=item, value=value, user=domain) if fits else None


_FILES: tuple[tuple[str, Callable[[str], Iterator[tuple[str, _Setting | None]]]], ...] = (
    ("/limits", _limits),
    ("/sysctl", _keys),
    ("/hosts", _hosts),
)
"""Part of a path -> how such a file is read."""
