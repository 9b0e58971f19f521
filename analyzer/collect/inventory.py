"""The inventory as far as it can be told without running anything, and a snapshot of one that had to be run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from analyzer.read.ansible.core import ansible
from analyzer.read.ansible.inventory import NOT_RUN, read_inventory
from analyzer.read.layout import Layout, UsageError
from analyzer.read.redact import redact_data
from analyzer.read.secrets import SecretBook

_KNOWN_AS = ("ec2_instance_id", "instance_id", "ec2_id", "ec2_region", "aws_region", "region", "ansible_host",
             "private_ip_address", "ec2_private_ip_address", "placement")  # fmt: skip


class Found(Struct, frozen=True, kw_only=True):
    """Where the inventory is, and whom it names as plain text."""

    root: Path
    """Where ansible-playbook is run: its `ansible.cfg` lies there."""
    playbook_folder: Path
    inventories: tuple[Path, ...]
    hosts: tuple[str, ...]
    """Hosts that `--limit` selects; without those that only a dynamic source knows."""
    dynamic: tuple[str, ...]
    """Sources that ansible-playbook will execute."""
    variables: Mapping[str, Mapping[str, Any]]
    """Host -> what tells its EC2 instance."""


def find_hosts(layout: Layout, limit: str) -> Found:
    """Read the inventory as the analysis does. Raises UsageError where there is none."""
    if not layout.inventories:
        raise UsageError("there is no inventory to collect from; give one with -i")
    folder = layout.playbooks[0].parent if layout.playbooks else layout.base
    inventory = read_inventory(layout.root, layout.inventories, folder, SecretBook())
    dynamic = tuple(one.source.file if one.source else "inventory" for one in inventory.problems if one.code in NOT_RUN)
    names = inventory.matching(limit) if limit and not limit.startswith("@") else inventory.host_names
    if not inventory.host_names and not dynamic:
        said = "; ".join(f"{one.message} ({one.hint})" for one in inventory.problems)
        raise UsageError(f"the inventory names no host{': ' + said if said else ''}")
    if limit and not names and not dynamic:
        raise UsageError(f"--limit {limit} selects no host of {', '.join(inventory.host_names[:10])}")
    variables = {}
    for name in names:
        try:
            known = inventory.variables_of(name)
        except ansible().AnsibleError:
            known = {}  # ansible-playbook says what is wrong; AWS may know the host by its name
        variables[name] = {key: known[key] for key in _KNOWN_AS if isinstance(known.get(key), (str, dict))}
    return Found(
        root=layout.base,
        playbook_folder=folder,
        inventories=layout.inventories,
        hosts=tuple(names),
        dynamic=dynamic,
        variables=variables,
    )


def redacted_snapshot(text: str) -> tuple[bytes, str]:
    """(`ansible-inventory --list --yaml` without its secrets, as a YAML inventory; why there is none)."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads `!vault` and `!unsafe` as their text."""

    for tag in ("!vault", "!unsafe", "!vault-encrypted"):
        Loader.add_constructor(tag, lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]
    try:
        data = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader with two more scalars
    except (yaml.YAMLError, RecursionError) as error:
        return b"", f"the snapshot of the inventory is no YAML: {str(error).splitlines()[0]}"
    if not isinstance(data, dict):
        return b"", "the snapshot of the inventory is empty"
    head = "# What the dynamic inventory said when migrate-analyze collect ran it; secrets are taken out.\n"
    return (head + yaml.safe_dump(redact_data(data), allow_unicode=True, sort_keys=True)).encode(), ""
