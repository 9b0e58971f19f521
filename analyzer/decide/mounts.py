"""Folders of the host that its containers mount: what lies in them belongs to those containers, not to this image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from analyzer.decide.match import first_unknown
from analyzer.decide.parts import MOVABLE, Part, rule_part
from analyzer.decide.values import text
from analyzer.model import Effect, Invocation, Outcome, Task, Unknown, Value
from analyzer.ruletypes import RulePack

_KEYS = frozenset({"volume", "volumes", "binds", "mounts"})
_PLACES = ("path", "dest", "destfile", "name", "src")
_OPTION = re.compile(r"(?:^|\s)(?:-v|--volume)[ =](/[^:\s]+):/")
_ENGINES = re.compile(r"\b(?:docker|podman|nerdctl)\b")
_OF_THE_HOST = re.compile(
    r"(?:/(?:dev|sys|proc|run|var/run|boot|lib|lib64|usr|bin|sbin)(?:/.*)?"
    r"|/etc/(?:localtime|timezone|hosts|hostname|resolv\.conf|passwd|group|shadow|ssl|pki|machine-id|os-release)(?:/.*)?"
    r"|/(?:etc|var|tmp|opt|srv|home|root|mnt|media|data)?|/var/(?:lib|log|cache|spool|tmp|www))"
)
"""What containers see of the host for its own sake, and folders too wide to belong to one container."""


def mounted_folders(tasks: Sequence[Task], beside: Iterable[str] = ()) -> tuple[str, ...]:
    """Absolute paths of the host that containers of these tasks mount, those that belong to the host left out.

    `beside`: paths that something else than a task's arguments says (a compose file).
    """
    found = {place for path in beside if not _OF_THE_HOST.fullmatch(place := posixpath.normpath(path))}
    for task in tasks:
        for invocation in task.invocations:
            for path in _mounts(invocation.args, in_mounts=False):
                place = posixpath.normpath(path)
                if not _OF_THE_HOST.fullmatch(place):
                    found.add(place)
    return tuple(sorted(found))


def _mounts(value: Value, *, in_mounts: bool) -> Iterator[str]:
    """Host sides of the mounts in a module's arguments, however deep (a compose file may be an argument)."""
    if isinstance(value, Mapping):
        source = value.get("source") or value.get("src")
        if in_mounts and isinstance(source, str) and ("target" in value or "destination" in value or "dest" in value):
            yield from _absolute(source)
        for key, each in value.items():
            if key == "_raw_params" and isinstance(each, str) and _ENGINES.search(each):
                yield from _OPTION.findall(each)
            elif key in _KEYS or isinstance(each, (Mapping, tuple)):
                yield from _mounts(each, in_mounts=key in _KEYS)
    elif isinstance(value, tuple):
        for each in value:
            yield from _mounts(each, in_mounts=in_mounts)
    elif in_mounts and isinstance(value, str):
        for one in value.split(","):
            host, colon, _ = one.partition(":")
            if colon:
                yield from _absolute(host)


def _absolute(path: str) -> Iterator[str]:
    if path.startswith("/") and not re.search(r"[\ue000-\ue003*?]", path):
        yield path


def by_mount(part: Part, invocation: Invocation, folders: Sequence[str], pack: RulePack) -> Part:
    """The part, or what becomes of it because all that it touches lies in folders that containers mount."""
    if not folders or part.outcome not in MOVABLE or (part.outcome is Outcome.MANUAL and _asks_itself(part)):
        return part
    known = part.effects or part.alternative
    places = [_place(effect) for effect in known] if known else [_place_of(invocation.args)]
    if not places or not all(place and _mounted(place, folders) for place in places):
        return part
    rule = pack.mounts.find(posixpath.normpath(places[0]))
    if rule is None:
        return part
    return replace(
        rule_part(rule, ()),
        subject=places[0],
        dropped=(*part.dropped, *part.effects),
        alternative=known,
        item=part.item,
    )


def _asks_itself(part: Part) -> bool:
    """Whether the part's own rule asks, and not what is missing in it."""
    return part.rule is not None and part.rule.outcome is Outcome.MANUAL and not part.rule.fallback


def _place(effect: Effect) -> str:
    return str(getattr(effect, "path", "") or getattr(effect, "directory", ""))


def _place_of(args: Mapping[str, Value]) -> str:
    """Where the module works, as far as its arguments say it: of an unknown path the folder before what is unknown."""
    for name in _PLACES:
        value = args.get(name)
        if isinstance(value, Unknown):
            known = value.expression.partition("{")[0]
            value = known[: known.rfind("/") + 1]
        if isinstance(value, str) and value.startswith("/") and first_unknown(value) is None:
            return text(value)
    return ""


def _mounted(place: str, folders: Sequence[str]) -> bool:
    """Whether the place is a mounted folder, in one, or the folder that holds nothing but those."""
    path = posixpath.normpath(place)
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders) or (
        place.endswith("/") and not _OF_THE_HOST.fullmatch(path) and any(one.startswith(f"{path}/") for one in folders)
    )
