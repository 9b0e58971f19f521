"""Hosts that plays are for and that no inventory names: one is assumed for each name, in the group of that name.

So the variables of `group_vars/` hold for it. That is how a project is read whose inventory is kept elsewhere, is made
by Vagrant or Packer, or is a program that is not run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from analyzer.model import Problem, Severity
from analyzer.read.ansible.core import ansible, plain
from analyzer.read.ansible.inventory import Inventory
from analyzer.read.ansible.playbooks import Play

LOCALHOST = ("localhost", "127.0.0.1", "::1")

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_SUBSCRIPT = re.compile(r"\[[\d:-]+\]$")


class _Wanted(Struct, frozen=True):
    """What a `hosts:` pattern asks for by name."""

    names: tuple[str, ...]
    """Groups or hosts of which any will do."""
    within: tuple[str, ...]
    """Groups (`&name`) that a host must be in besides."""


def assume_hosts(plays: Sequence[Play], inventory: Inventory) -> None:
    """Add a host for each name that selects none; then for each pattern without names that still selects none.

    Nothing is added where the inventory has hosts and all of it was read: such a play selects no host in Ansible, too.
    """
    before = inventory.host_names
    if before and not inventory.not_run:
        return
    wanted = [(play, _wanted(plain(play.hosts))) for play in plays]
    told: list[str] = []
    for play, want in wanted:
        for name in want.names:
            if not inventory.matching(name):
                inventory.assume_host(name, name, play.source)
                told.append(name)
    for play, want in wanted:
        pattern = plain(play.hosts)
        if not pattern or inventory.matching(pattern):
            continue
        for name in (host for each in want.names for host in inventory.matching(each) if host in inventory.assumed):
            for group in want.within:
                inventory.add_to_group(name, group)
        if not before and not inventory.matching(pattern):
            inventory.assume_host(_name_for(pattern), "", play.source)
            told.append(str(pattern))
    if told and inventory.sources:
        inventory.problems.append(_said(told, inventory))


def _wanted(pattern: object) -> _Wanted:
    parts = ansible().split_host_pattern(pattern) if isinstance(pattern, (str, list)) else []
    parts = [_SUBSCRIPT.sub("", str(part)) for part in parts]
    names = [part for part in parts if _NAME.fullmatch(part) and part not in ("all", *LOCALHOST)]
    within = [part[1:] for part in parts if part[0] == "&" and _NAME.fullmatch(part[1:])]
    if not names:  # all:&web
        names, within = within[:1], within[1:]
    return _Wanted(tuple(names), tuple(within))


def _said(named: Sequence[str], inventory: Inventory) -> Problem:
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(named))
    message = f"no host is known for {names}: one is assumed for each"
    if inventory.not_run:
        hint = "`migrate-analyze collect` learns the real ones; or save the inventory's listing and give it with -i"
    else:
        hint = "add the hosts to the inventory, or give another one with -i"
    return Problem(Severity.NOTE, "hosts-assumed", message, None, hint)


def _name_for(pattern: object) -> str:
    """The name of the host that is assumed for a pattern without names."""
    text = "-".join(str(part) for part in (pattern if isinstance(pattern, list) else [pattern]))
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in text).strip("-") or "host"
