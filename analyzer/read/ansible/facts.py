"""Facts as variables: from evidence where there is some, else declared assumptions for a fresh machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from analyzer.model import Host
from analyzer.read.ansible.arbitrary import date_time_facts

ASSUMED: Mapping[str, object] = {
    "architecture": "x86_64",
    "machine": "x86_64",
    "system": "Linux",
    "service_mgr": "systemd",
    "selinux": {"status": "disabled"},
    "virtualization_type": "kvm",
    "virtualization_role": "guest",
    "user_id": "root",
    "user_dir": "/root",
    "user_uid": 0,
    "user_gid": 0,
    "env": {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "PWD": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash"},
    "is_chroot": False,
    "userspace_bits": "64",
    "userspace_architecture": "x86_64",
    "local": {},
    "date_time": date_time_facts(),
}  # fmt: skip
"""What a project is read with where no facts.json says better: the facts that real roles use, whatever the release."""

_DISTRIBUTIONS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("Debian", "13"): ("trixie", "3.13.5", "6.12.0"),
    ("Debian", "12"): ("bookworm", "3.11.2", "6.1.0"),
    ("Debian", "11"): ("bullseye", "3.9.2", "5.10.0"),
    ("Ubuntu", "24.04"): ("noble", "3.12.3", "6.8.0"),
    ("Ubuntu", "22.04"): ("jammy", "3.10.12", "5.15.0"),
    ("Ubuntu", "20.04"): ("focal", "3.8.10", "5.4.0"),
    ("Ubuntu", "18.04"): ("bionic", "3.6.9", "4.15.0"),
    ("Rocky", "9"): ("Blue Onyx", "3.9.21", "5.14.0"),
    ("Amazon", "2023"): ("NA", "3.9.21", "6.1.0"),
}
"""Distribution and version -> code name, system Python, kernel, as their installation media have them."""

DEBIAN_12 = ("Debian", "12")


def assumed_facts(host: Host, distribution: str, version: str) -> Host:
    """`host` with the assumptions for facts that its evidence does not give, each named in `facts_assumed`.

    Facts of a release that the table does not have stay unknown.
    """
    assumed = {**ASSUMED, **_release_facts(distribution, version), **_name_facts(host)}
    missing = {name: value for name, value in assumed.items() if name not in host.facts}
    return replace(host, facts={**host.facts, **missing}, facts_assumed=tuple(sorted({*host.facts_assumed, *missing})))


def _release_facts(distribution: str, version: str) -> dict[str, object]:
    """The facts that tell one release of a distribution from another; `version` may name a point release."""
    version = ".".join(version.split(".")[: 2 if distribution == "Ubuntu" else 1])
    if (distribution, version) not in _DISTRIBUTIONS:
        return {}
    release, python, kernel = _DISTRIBUTIONS[distribution, version]
    major, minor, micro = (int(part) for part in python.split("."))
    debian = distribution in ("Debian", "Ubuntu")
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
