"""Which hosts form one application: those to which the same plays apply; and what it is called."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import Inventory
from analyzer.read.ansible.playbooks import Play
from analyzer.read.layout import Layout, subfolders

LOCALHOST = "localhost"


def applications_of(
    plays: Sequence[Play], inventory: Inventory, layout: Layout, limit: str
) -> list[tuple[str, tuple[str, ...], list[Play]]]:
    """(name, hosts, plays) of each set of hosts to which the same plays apply."""
    known = inventory.host_names
    if limit:
        inventory.manager.subset(limit)
    by_plays: dict[tuple[int, ...], list[str]] = {}
    order: dict[str, list[int]] = {}
    for index, play in enumerate(plays):
        pattern = plain(play.hosts)
        names = inventory.matching(pattern)
        if not names and (not known or pattern == LOCALHOST):
            names = (_assumed_name(pattern),)
        for name in names:
            order.setdefault(name, []).append(index)
    if limit:
        known = inventory.host_names
    for name in (*known, *_evidence_hosts(layout)):
        order.setdefault(name, [])
    for name, chosen in order.items():
        by_plays.setdefault(tuple(chosen), []).append(name)
    found = []
    taken: set[str] = set()
    for indices, members in by_plays.items():
        if not indices and len(by_plays) > 1 and not any(name in _evidence_hosts(layout) for name in members):
            continue
        label = _application_name(members, [plays[index] for index in indices], inventory, layout, taken)
        taken.add(label)
        found.append((label, tuple(members), [plays[index] for index in indices]))
    return found


def _assumed_name(pattern: object) -> str:
    text = (
        pattern
        if isinstance(pattern, str)
        else "-".join(str(item) for item in pattern)
        if isinstance(pattern, list)
        else ""
    )
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in text).strip("-") or "host"


def _application_name(
    names: Sequence[str], plays: Sequence[Play], inventory: Inventory, layout: Layout, taken: set[str]
) -> str:
    """The group that holds just these hosts, by preference one that a play names; else the host, else the project."""
    groups = [group for group, members in inventory.groups().items()
              if set(members) == set(names) and group not in ("all", "ungrouped")]  # fmt: skip
    patterns = {str(plain(play.hosts)) for play in plays}
    candidates = [group for group in groups if group in patterns] + groups
    candidates += [pattern for pattern in sorted(patterns) if pattern.isidentifier() and pattern != "all"]
    if len(names) == 1:
        candidates.append(names[0])
    candidates.append(layout.root.name)
    slug = next((found for name in candidates if (found := _slug(name)) and found not in taken), "")
    return slug or f"application-{len(taken) + 1}"


def _slug(name: str) -> str:
    text = "".join(char if char.isalnum() else "-" for char in name.lower())
    while "--" in text:
        text = text.replace("--", "-")
    return text.strip("-")[:32]


def _evidence_hosts(layout: Layout) -> tuple[str, ...]:
    return tuple(child.name for child in subfolders(layout.evidence)) if layout.evidence else ()
