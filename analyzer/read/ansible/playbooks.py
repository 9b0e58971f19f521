"""Playbooks as lists of plays, `import_playbook` followed, and what of `ansible.cfg` matters for reading."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import Source
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.names import resolve_module
from analyzer.read.ansible.roles import GIVE_BOTH, OUTSIDE, YamlReader
from analyzer.read.ansible.values import kind
from analyzer.read.files import is_file


class Play(Struct, frozen=True):
    """One play of a playbook."""

    file: Path
    source: Source
    data: Mapping[str, Any]
    hosts: Any
    """The `hosts:` pattern as written."""
    when: tuple[Any, ...] = ()
    """Conditions of the `import_playbook` that brought it in."""


class Configuration(Struct, frozen=True):
    """The part of `ansible.cfg` that changes how a project is read."""

    roles_path: tuple[str, ...] = ()
    collections_path: tuple[str, ...] = ()
    inventory: str = ""
    """Sources, divided by commas."""
    inventory_line: int = 1
    become: bool = False
    become_user: str = ""
    merge_hashes: bool = False
    """`hash_behaviour = merge`: mappings of the same name are merged instead of replaced."""


_INVENTORY = re.compile(r"\s*(?:inventory|hostfile)\s*[=:]")


def read_configuration(root: Path) -> Configuration:
    """`ansible.cfg` of the project; everything that would run or load code is ignored."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        text = (root / "ansible.cfg").read_text(encoding="utf-8", errors="replace")
        parser.read_string(text)
    except (OSError, configparser.Error):
        return Configuration()

    def get(section: str, *options: str) -> str:
        return next((found for each in options if (found := parser.get(section, each, fallback="").strip())), "")

    def paths(*options: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in get("defaults", *options).split(":") if part.strip())

    lines = (number for number, line in enumerate(text.splitlines(), 1) if _INVENTORY.match(line))
    return Configuration(
        roles_path=paths("roles_path"),
        collections_path=paths("collections_path", "collections_paths"),
        inventory=get("defaults", "inventory", "hostfile"),  # the second is its name before Ansible 1.9
        inventory_line=next(lines, 1),
        become=get("privilege_escalation", "become").lower() in ("true", "yes", "1", "on"),
        become_user=get("privilege_escalation", "become_user"),
        merge_hashes=get("defaults", "hash_behaviour").lower() == "merge",
    )


def read_plays(
    path: Path, reader: YamlReader, seen: tuple[Path, ...] = (), when: tuple[Any, ...] = ()
) -> Iterator[Play]:
    """The plays of a playbook in order; what is not a play is a problem."""
    data = reader.load(path)
    if data is None:
        return
    if not isinstance(data, list):
        reader.note(
            "playbook-not-a-list", path, f"holds {kind(data)}, expected a list of plays",
            "start each play with `- hosts: …`",
        )  # fmt: skip
        return
    for entry in data:
        if not isinstance(entry, Mapping):
            line = reader.source(entry, path).line
            reader.note(
                "play-not-a-mapping", path, f"holds {kind(entry)} where a play should be", "write `- hosts: …`", line
            )
            continue
        source = reader.source(entry, path)
        imported = next(
            (key for key in entry if resolve_module(str(key)).endswith((".import_playbook", ".include"))), None
        )
        if imported is not None and "hosts" not in entry:
            name = plain(entry[imported])
            other = path.parent / (str(name).split() or [""])[0]
            if other in (*seen, path):
                reader.note(
                    "playbook-imports-itself", path, f"imports {name}, which imports this one",
                    "take the line out; Ansible would never end", source.line,
                )  # fmt: skip
                continue
            if not is_file(other) or not other.resolve().is_relative_to(reader.inventory.root):
                message = f"imports the playbook {name}, which is not in the project"
                hint = "add the file, or take the line out"
                if is_file(other):
                    message, hint = f"imports the playbook {name}, which {OUTSIDE}", GIVE_BOTH
                reader.note("playbook-not-found", path, message, hint, source.line)
                continue
            condition = entry.get("when")
            more = tuple(condition) if isinstance(condition, list) else () if condition is None else (condition,)
            for play in read_plays(other, reader, (*seen, path), when + more):
                yield replace(play, data=_with_keywords(play.data, entry))
        elif isinstance(entry.get("hosts"), Mapping):
            reader.note(
                "play-hosts-not-a-pattern", path, "has a play whose `hosts:` is a mapping: it is not in the plan",
                "write a group's or host's name, or a list of them", source.line,
            )  # fmt: skip
        elif "hosts" in entry:
            yield Play(path, source, entry, entry["hosts"], when)
        else:
            reader.note(
                "play-without-hosts",
                path,
                "holds a play without `hosts:`",
                "add `hosts:` with a group or host",
                source.line,
            )


def _with_keywords(play: Mapping[str, Any], imported: Mapping[str, Any]) -> Mapping[str, Any]:
    """A play with what `import_playbook` gives it: variables, which win over its own, and tags."""
    found = dict(play)
    variables, own = imported.get("vars"), play.get("vars")
    if isinstance(variables, Mapping) and variables:
        found["vars"] = {**(own if isinstance(own, Mapping) else {}), **variables}
    if tags := imported.get("tags"):
        before = play.get("tags")
        both = [*(before if isinstance(before, list) else [before] if before else []),
                *(tags if isinstance(tags, list) else [tags])]  # fmt: skip
        found["tags"] = both
    return found
