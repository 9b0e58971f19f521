"""An inventory as `ansible-inventory --list` and inventory scripts print it; Ansible itself takes that from no file."""

from __future__ import annotations

from typing import Any, TypeGuard

_OF_A_GROUP = ("hosts", "vars", "children")


def is_listing(data: object) -> bool:
    """Whether this is such a listing: it alone has `_meta`."""
    return isinstance(data, dict) and isinstance(data.get("_meta"), dict)


def as_inventory(data: Any) -> Any:
    """A listing in the form of a YAML inventory; anything else as it is.

    As for the output of a script: a group may be only a list of hosts, or only variables of a host with its name, and
    variables of hosts stand in `_meta.hostvars`.
    """
    if not is_listing(data):
        return data
    hostvars = data["_meta"].get("hostvars")
    hostvars = hostvars if isinstance(hostvars, dict) else {}
    found: dict[Any, Any] = {}
    for name, given in data.items():
        if name == "_meta":
            continue
        group = given if isinstance(given, dict) else {"hosts": given}
        if not set(group) & set(_OF_A_GROUP):
            group = {"hosts": [name], "vars": group}
        hosts, children = group.get("hosts"), group.get("children")
        found[name] = {
            "hosts": {host: hostvars.get(host) for host in hosts} if _are_names(hosts) else hosts,
            "vars": group.get("vars"),
            "children": dict.fromkeys(children) if _are_names(children) else children,
        }
    return found


def _are_names(value: object) -> TypeGuard[list[str]]:
    """Whether Ansible's parser of YAML inventories need not say what is wrong."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
