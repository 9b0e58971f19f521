"""Which program reads a host's crontabs, from the distribution and its packages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.model import CronDaemon

CRONIE = frozenset({CronDaemon.CRONIE_1_4, CronDaemon.CRONIE_1_5, CronDaemon.CRONIE_1_7})

_RED_HAT = frozenset({"redhat", "rhel", "centos", "rocky", "almalinux", "oraclelinux", "scientific"})


def daemon_of(facts: Mapping[str, object], packages: Mapping[str, str]) -> CronDaemon | None:
    """The cron of a host: by the installed package where it is listed, else by the release; None where nothing tells.

    Releases and their cronie: Amazon Linux 2 and Red Hat 7 1.4.11, Red Hat 8 and 9 and Amazon Linux 2023 1.5, newer
    ones 1.7. Debian and Ubuntu have their own cron, Alpine busybox.
    """
    version = packages.get("cronie", "")
    if found := re.match(r"(?:\d+:)?1\.(\d+)", version):
        minor = int(found[1])
        return CronDaemon.CRONIE_1_4 if minor < 5 else CronDaemon.CRONIE_1_5 if minor == 5 else CronDaemon.CRONIE_1_7
    name = re.sub(r"[^a-z]", "", str(facts.get("distribution") or facts.get("os_family") or "").lower())
    release = str(facts.get("distribution_major_version") or facts.get("distribution_version") or "").split(".")[0]
    major = int(release) if release.isdigit() else 0
    if name in {"debian", "ubuntu", "linuxmint", "raspbian", "devuan", "kali"}:
        return CronDaemon.DEBIAN
    if name == "alpine":
        return CronDaemon.BUSYBOX
    if name in {"amazon", "amazonlinux"}:
        return CronDaemon.CRONIE_1_5 if major >= 2022 and major < 2100 else CronDaemon.CRONIE_1_4
    if name in _RED_HAT:
        return (
            CronDaemon.CRONIE_1_4
            if major and major < 8
            else (CronDaemon.CRONIE_1_5 if major < 10 else CronDaemon.CRONIE_1_7)
        )
    if name in {"fedora", "archlinux"}:
        return CronDaemon.CRONIE_1_7
    if name in {"suse", "sles", "opensuse", "opensuseleap"}:
        return CronDaemon.CRONIE_1_5
    return None
