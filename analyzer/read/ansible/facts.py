"""Facts as variables: from evidence where there is some, else declared assumptions for a fresh Debian machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from analyzer.model import Host

ASSUMED: Mapping[str, object] = {
    "os_family": "Debian",
    "distribution": "Debian",
    "distribution_release": "bookworm",
    "distribution_version": "12",
    "distribution_major_version": "12",
    "architecture": "x86_64",
    "machine": "x86_64",
    "system": "Linux",
    "kernel": "6.1.0",
    "pkg_mgr": "apt",
    "service_mgr": "systemd",
    "python": {
        "executable": "/usr/bin/python3",
        "type": "cpython",
        "version": {"major": 3, "minor": 11, "micro": 2, "releaselevel": "final", "serial": 0},
        "version_info": [3, 11, 2, "final", 0],
    },
    "python_version": "3.11.2",
    "selinux": {"status": "disabled"},
    "virtualization_type": "kvm",
    "virtualization_role": "guest",
    "user_id": "root",
    "user_dir": "/root",
    "env": {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
    "lsb": {"id": "Debian", "codename": "bookworm", "release": "12", "major_release": "12"},
    "is_chroot": False,
    "userspace_bits": "64",
    "userspace_architecture": "x86_64",
    "local": {},
}
"""What a project is read with where no facts.json says better: the facts that real roles use, for Debian 12."""

_FAMILY_FACTS = ("os_family", "distribution", "distribution_release", "distribution_version",
                 "distribution_major_version", "pkg_mgr", "lsb", "kernel", "python", "python_version")  # fmt: skip


def assumed_facts(host: Host) -> Host:
    """`host` with the assumptions for facts that its evidence does not give, each named in `facts_assumed`."""
    known = host.facts
    foreign = known.get("distribution") not in (None, "Debian")
    missing = {
        name: value
        for name, value in {**ASSUMED, **_name_facts(host)}.items()
        if name not in known and not (foreign and name in _FAMILY_FACTS)
    }
    return replace(host, facts={**known, **missing}, facts_assumed=tuple(sorted({*host.facts_assumed, *missing})))


def _name_facts(host: Host) -> dict[str, object]:
    """What a host is called, by its name in the inventory; nothing where that is an address, or evidence names it."""
    if {"hostname", "fqdn", "nodename"} & host.facts.keys() or not re.fullmatch(r"[A-Za-z][A-Za-z0-9.-]*", host.name):
        return {}
    short, _, domain = host.name.partition(".")
    return {"hostname": short, "nodename": host.name, "fqdn": host.name, "domain": domain}


def fact_variables(host: Host) -> dict[str, Any]:
    """`ansible_facts` and the `ansible_*` variables, as ansible-core injects them."""
    facts = dict(host.facts)
    injected = {f"ansible_{name}": value for name, value in facts.items()}
    return {"ansible_facts": facts, **injected}
