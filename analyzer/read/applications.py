"""Which hosts form one application: those to which the same plays apply; and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import Inventory, names_host
from analyzer.read.ansible.playbooks import Play
from analyzer.read.assumed_hosts import LOCALHOST, assume_hosts
from analyzer.read.inventories import subfolders
from analyzer.read.layout import Layout, UsageError

MAX_NAMESAKES = 3
"""Groups of just the same hosts from which a name is taken; where there are more, none names the application."""


GroupKeys = Callable[[Play, str], tuple[str, ...]]
"""(play, host) -> names of the groups that the play's `group_by` tasks put the host into."""


def applications_of(
    plays: Sequence[Play], inventory: Inventory, layout: Layout, limit: str, group_keys: GroupKeys
) -> list[tuple[str, tuple[str, ...], list[Play]]]:
    """(name, hosts, plays) of each set of hosts to which the same plays apply."""
    assume_hosts(plays, inventory)
    if limit:
        _limit(inventory, limit)
    known = inventory.host_names
    by_plays: dict[tuple[int, ...], list[str]] = {}
    order: dict[str, list[int]] = {}
    for index, play in enumerate(plays):
        pattern = plain(play.hosts)
        names = inventory.matching(pattern)
        if not names and pattern in LOCALHOST:
            names = (str(pattern),)
        for name in names:
            order.setdefault(name, []).append(index)
        if _has_group_by(play.data):
            for kind in inventory.kinds_of(names):
                for group in group_keys(play, kind[0]):
                    for name in kind:
                        inventory.add_to_group(name, group)
    for name in (*known, *evidence_hosts(layout)):
        order.setdefault(name, [])
    for name, chosen in order.items():
        by_plays.setdefault(tuple(chosen), []).append(name)
    found = []
    taken: set[str] = set()
    alone = len(by_plays) == 1
    for indices, members in by_plays.items():
        if not indices and not alone and not any(name in evidence_hosts(layout) for name in members):
            continue
        label = _application_name(members, [plays[index] for index in indices], inventory, layout, taken, alone=alone)
        taken.add(label)
        found.append((label, tuple(members), [plays[index] for index in indices]))
    return found


def _limit(inventory: Inventory, pattern: str) -> None:
    """Keep the hosts that the pattern selects; none at all is wrong usage, as it is for ansible-playbook."""
    before = inventory.host_names
    inventory.manager.subset(pattern)
    if inventory.host_names or not before:
        return
    names = [name for name in (*inventory.groups(), *before) if name not in ("all", "ungrouped")]
    near = get_close_matches(pattern, names, n=3) or names[:8]
    raise UsageError(f"-l {pattern}: selects no host of the inventory; there are e.g. {', '.join(near)}")


def _has_group_by(value: object) -> bool:
    """Whether a play's own tasks (not those of its roles) call `group_by`."""
    if isinstance(value, Mapping):
        return any(str(key).rpartition(".")[2] == "group_by" or _has_group_by(item) for key, item in value.items())
    return isinstance(value, (list, tuple)) and any(_has_group_by(item) for item in value)


def _application_name(
    names: Sequence[str], plays: Sequence[Play], inventory: Inventory, layout: Layout, taken: set[str], *, alone: bool
) -> str:
    """The group that holds just these hosts, by preference one that a play names; else the host, else the project."""
    groups = [group for group, members in inventory.groups().items()
              if set(members) == set(names) and group not in ("all", "ungrouped")]  # fmt: skip
    patterns = {str(plain(play.hosts)) for play in plays}
    candidates = [group for group in groups if group in patterns] + (groups if len(groups) <= MAX_NAMESAKES else [])
    candidates += [
        pattern for pattern in sorted(patterns) if pattern.isidentifier() and pattern not in ("all", *LOCALHOST)
    ]
    nameless = names[0] in ("all", *LOCALHOST)
    own = [names[0]] if len(names) == 1 else []
    candidates += [layout.root.name, *own] if nameless and alone else [*own, layout.root.name]
    slug = next((found for name in candidates if (found := _slug(name)) and found not in taken), "")
    return slug or f"application-{len(taken) + 1}"


def _slug(name: str) -> str:
    text = "".join(char if char.isalnum() else "-" for char in name.lower())
    while "--" in text:
        text = text.replace("--", "-")
    return text.strip("-")[:32]


def evidence_hosts(layout: Layout) -> tuple[str, ...]:
    """Hosts with an evidence folder, less those that belong to another environment of the inventory."""
    if layout.evidence is None:
        return ()
    return tuple(
        child.name
        for child in subfolders(layout.evidence)
        if not any(names_host(other, child.name) for other in layout.other_inventories)
        or any(names_host(source, child.name) for source in layout.inventories)
    )
