"""The base image that stands for a host's distribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from analyzer.model import Host, Settings, Source, Via

Manager: TypeAlias = Literal["apt", "dnf", "yum", "microdnf"]

_VAULT = (
    "its package servers are gone, so no package can be installed until /etc/yum.repos.d points to vault.centos.org or"
    " to a mirror of yours; AlmaLinux and Rocky Linux of the same release take its packages"
)

# distribution fact -> release -> (image, end of support as its distributor announced it). A release that has passed
# its date is carried over all the same, and that is said (fidelity first).
_BASES: dict[str, dict[str, tuple[str, str]]] = {
    "Debian": {
        "13": ("debian:trixie-slim", "2028-08"),
        "12": ("debian:bookworm-slim", "2026-06 (LTS until 2028-06)"),
        "11": ("debian:bullseye-slim", "2024-08 (LTS until 2026-08)"),
        "10": ("debian:buster-slim", "2022-09 (LTS until 2024-06)"),
    },
    "Ubuntu": {
        "24.04": ("ubuntu:24.04", "2029-05"),
        "22.04": ("ubuntu:22.04", "2027-06"),
        "20.04": ("ubuntu:20.04", "2025-05"),
        "18.04": ("ubuntu:18.04", "2023-05"),
    },
    "Amazon": {"2023": ("amazonlinux:2023", "2029-06"), "2": ("amazonlinux:2", "2026-06")},
    "Rocky": {"9": ("rockylinux:9", "2032-05"), "8": ("rockylinux:8", "2029-05")},
    "AlmaLinux": {"9": ("almalinux:9", "2032-05"), "8": ("almalinux:8", "2029-03")},
    "RedHat": {
        "9": ("registry.access.redhat.com/ubi9/ubi:{release}", "2032-05"),
        "8": ("registry.access.redhat.com/ubi8/ubi:{release}", "2029-05"),
    },
    "CentOS": {
        "10": ("quay.io/centos/centos:stream10", "2030-05"),
        "9": ("quay.io/centos/centos:stream9", "2027-05"),
        "8": ("quay.io/centos/centos:stream8", f"2024-05; {_VAULT}"),
        "7": ("centos:7", f"2024-06; {_VAULT}"),
    },
    "OracleLinux": {"9": ("oraclelinux:9", "2032-06"), "8": ("oraclelinux:8", "2029-07")},
    "Fedora": {
        "43": ("fedora:43", "2026-12"),
        "42": ("fedora:42", "2026-05"),
        "41": ("fedora:41", "2025-12"),
        "40": ("fedora:40", "2025-05"),
    },
}
DEFAULT = "debian:bookworm-slim"


def base_image(hosts: Sequence[Host], settings: Settings) -> tuple[str, Via, tuple[str, ...]]:
    """(image, why, notes): the reviewer's answer, else the distribution and release that the facts name."""
    if settings.base_image:
        return settings.base_image, Via(rule="base-image", note="chosen in the decisions file"), ()
    known: dict[tuple[str, str], list[Host]] = {}
    for host in hosts:
        name = str(host.facts.get("distribution", "") or "")
        version = str(host.facts.get("distribution_version", "") or host.facts.get("distribution_major_version", ""))
        if name:
            known.setdefault((name, version), []).append(host)
    if not known:
        note = (
            f"No evidence names the hosts' distribution: {DEFAULT} is an assumption (answer `base_image` to change it)."
        )
        return DEFAULT, Via(rule="base-image", note="assumed: no facts"), (note,)
    (name, version), members = max(known.items(), key=lambda item: (len(item[1]), item[0]))
    sources = tuple(sorted({_facts_source(host) for host in members}))
    notes = []
    if len(known) > 1:
        seen = ", ".join(sorted(f"{each[0]} {each[1]}" for each in known))
        notes.append(f"The hosts differ in their distribution ({seen}); the image follows {name} {version}.")
    if any("distribution" in host.facts_assumed for host in members):
        notes.append(f"{name} {version} is an assumption, not evidence.")
    releases = _BASES.get(name, {})
    found = releases.get(version) or releases.get(version.split(".")[0])
    if found is None:
        notes.append(f"No base image is known for {name} {version}: {DEFAULT} is an assumption.")
        return DEFAULT, Via(rule="base-image", sources=sources, note="unknown distribution"), tuple(notes)
    name_of_image, end = found
    # the tags of these images are releases with their minor number
    image = name_of_image.format(release=version if "." in version else "latest")
    notes.append(f"{image}: the distribution's support ends {end}.")
    return image, Via(rule="base-image", sources=sources, note=f"{name} {version}"), tuple(notes)


def _facts_source(host: Host) -> Source:
    return Source(f"evidence/{host.name}/facts.json") if host.facts and not host.facts_assumed else host.source


def manager_of(image: str) -> Manager:
    """The package manager that an image of this name has."""
    name = image.rpartition("@")[0] or image
    if re.search(r"amazonlinux:(1|2)(\.|$|-)|(^|/)centos:[67]", name):
        return "yum"
    if re.search(r"-minimal|/ubi-micro", name):
        return "microdnf"
    rpm = ("amazonlinux", "rocky", "alma", "ubi", "centos", "fedora", "oraclelinux", "rhel", "redhat")
    return "dnf" if any(word in name.replace("ubuntu", "") for word in rpm) else "apt"
