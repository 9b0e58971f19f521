"""Facts as variables: from evidence where there is some, else declared assumptions for a fresh machine."""

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

_OTHER_DISTRIBUTIONS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("Ubuntu", "24.04"): ("noble", "3.12.3", "6.8.0"),
    ("Ubuntu", "22.04"): ("jammy", "3.10.12", "5.15.0"),
    ("Ubuntu", "20.04"): ("focal", "3.8.10", "5.4.0"),
    ("Ubuntu", "18.04"): ("bionic", "3.6.9", "4.15.0"),
    ("Rocky", "9"): ("Blue Onyx", "3.9.21", "5.14.0"),
    ("Amazon", "2023"): ("NA", "3.9.21", "6.1.0"),
}
"""Distribution and version -> code name, system Python, kernel, as their installation media have them."""

_FAMILY_FACTS = ("os_family", "distribution", "distribution_release", "distribution_version",
                 "distribution_major_version", "pkg_mgr", "lsb", "kernel", "python", "python_version")  # fmt: skip


def assumed_facts(host: Host, distribution: str = "Debian", version: str = "12") -> Host:
    """`host` with the assumptions for facts that its evidence does not give, each named in `facts_assumed`."""
    known = host.facts
    foreign = known.get("distribution") not in (None, distribution)
    assumed = {**ASSUMED, **_family_facts(distribution, version), **_name_facts(host)}
    missing = {
        name: value for name, value in assumed.items() if name not in known and not (foreign and name in _FAMILY_FACTS)
    }
    return replace(host, facts={**known, **missing}, facts_assumed=tuple(sorted({*host.facts_assumed, *missing})))


def _family_facts(distribution: str, version: str) -> dict[str, object]:
    """The facts in which a distribution differs from Debian 12."""
    if (distribution, version) not in _OTHER_DISTRIBUTIONS:
        return {}
    release, python, kernel = _OTHER_DISTRIBUTIONS[distribution, version]
    major, minor, micro = (int(part) for part in python.split("."))
    debian = distribution == "Ubuntu"
    return {
        "os_family": "Debian" if debian else "RedHat",
        "distribution": distribution,
        "distribution_release": release,
        "distribution_version": version,
        "distribution_major_version": version.partition(".")[0],
        "pkg_mgr": "apt" if debian else "dnf",
        "lsb": {"id": distribution, "codename": release, "release": version, "major_release": version.partition(".")[0]}
        if debian
        else {},
        "kernel": kernel,
        "python": {
            "executable": "/usr/bin/python3",
            "type": "cpython",
            "version": {"major": major, "minor": minor, "micro": micro, "releaselevel": "final", "serial": 0},
            "version_info": [major, minor, micro, "final", 0],
        },
        "python_version": python,
    }


def _name_facts(host: Host) -> dict[str, object]:
    """What a host is called, by its name in the inventory; nothing where that is an address, or evidence names it."""
    if {"hostname", "fqdn", "nodename"} & host.facts.keys() or not re.fullmatch(r"[A-Za-z][A-Za-z0-9.-]*", host.name):
        return {}
    short, _, domain = host.name.partition(".")
    return {"hostname": short, "nodename": host.name, "fqdn": host.name, "domain": domain}


OF_THE_RUN: Mapping[str, object] = {"ansible_check_mode": False, "ansible_diff_mode": False, "ansible_verbosity": 0}
"""What a run without options sets."""


def fact_variables(host: Host) -> dict[str, Any]:
    """`ansible_facts` and the `ansible_*` variables, as ansible-core injects them."""
    facts = dict(host.facts)
    injected = {f"ansible_{name}": value for name, value in facts.items()}
    return {**OF_THE_RUN, "ansible_facts": facts, **injected}
