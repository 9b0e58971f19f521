"""Hosts that plays are for and that no inventory names: one is assumed for each pattern, in the group of its name.

So the variables of `group_vars/` hold for it. That is how a project is read whose inventory is kept elsewhere, is made
by Vagrant or Packer, or is a program that is not run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from analyzer.model import Problem, Severity
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import Inventory
from analyzer.read.ansible.playbooks import Play

LOCALHOST = ("localhost", "127.0.0.1", "::1")

_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def assume_hosts(plays: Sequence[Play], inventory: Inventory) -> None:
    """Add a host for each name that selects none; then for each other pattern that still selects none.

    Nothing is added where the inventory has hosts and all of it was read: such a play selects no host in Ansible, too.
    """
    if inventory.host_names and not inventory.not_run:
        return
    before = inventory.host_names
    named: list[str] = []
    for single in (True, False):
        for play in plays:
            pattern = plain(play.hosts)
            name = pattern if isinstance(pattern, str) and _NAME.fullmatch(pattern) and pattern != "all" else ""
            if bool(name) != single or not pattern or inventory.matching(pattern):
                continue
            if not single and before and _may_be_empty(pattern):
                continue
            inventory.assume_host(assumed_name(pattern), name, play.source)
            named.append(str(pattern))
    if named and inventory.sources:
        inventory.problems.append(_said(named, inventory))


def _may_be_empty(pattern: object) -> bool:
    """Whether a pattern of several parts cuts hosts out: with some hosts known, it may rightly select none."""
    return not isinstance(pattern, str) or any(sign in pattern for sign in "!&*?[~")


def _said(named: Sequence[str], inventory: Inventory) -> Problem:
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(named))
    message = f"no host is known for {names}: one is assumed for each"
    if inventory.not_run:
        hint = "`migrate-analyze collect` learns the real ones; or save the inventory's listing and give it with -i"
    else:
        hint = "add the hosts to the inventory, or give another one with -i"
    return Problem(Severity.NOTE, "hosts-assumed", message, None, hint)


def assumed_name(pattern: object) -> str:
    """The name of the host that is assumed for a pattern."""
    parts = [str(item) for item in pattern] if isinstance(pattern, list) else [pattern] if pattern else []
    text = "-".join(str(part) for part in parts if isinstance(part, str))
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in text).strip("-") or "host"
