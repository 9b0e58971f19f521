"""The hosts in the runbook: what they are, and how their services and packages are called there."""

from __future__ import annotations

import re
import shlex
from typing import Any

from analyzer.model import Application, Host, ServiceState
from analyzer.render.names import fit
from analyzer.render.runbook_batches import inline, one_line


def units(application: Application) -> tuple[str, ...]:
    """The units that run the application's processes on the hosts, as far as the plays or the evidence name them."""
    found: list[str] = []
    for process in application.processes:
        sources = {process.source, *process.via.sources}
        files = [re.search(r"([\w@.:-]+)\.service(?:\.j2)?$", source.file) for source in sorted(sources)]
        found += [match[1] for match in files if match is not None]
        found += [
            step.effect.name.removesuffix(".service")
            for step in application.steps
            if isinstance(step.effect, ServiceState) and sources & set(step.via.sources)
        ]
    return tuple(dict.fromkeys(name for name in found if re.fullmatch(r"[\w@.:-]+", name)))


def _families(application: Application) -> set[str]:
    return {str(host.facts.get("os_family", "")) for host in application.hosts} - {""}


def cron_unit(application: Application) -> str:
    """The unit of cron: `cron` on Debian, `crond` in the Red Hat family."""
    return "crond" if _families(application) == {"RedHat"} else "cron"


def install_command(application: Application) -> str:
    """Installs the NFS client and rsync."""
    debian, red_hat = "apt-get install --yes nfs-common rsync", "dnf install --assumeyes nfs-utils rsync"
    match sorted(_families(application)):
        case ["Debian"]:
            return debian
        case ["RedHat"]:
            return red_hat
        case _:
            return f"{debian}      # Red Hat family: {red_hat}; cron's unit is crond there"


def host_texts(host: Host) -> dict[str, Any]:
    """What the pages tell about one host."""
    ec2 = host.ec2
    found: dict[str, Any] = {"name": one_line(host.name), "label": inline(host.name), "instance": ""}
    if ec2 is None or not ec2.instance_id:
        return found
    profile = ec2.iam_instance_profile.rpartition("/")[2]
    return found | {
        "instance": one_line(ec2.instance_id),
        "type": ec2.instance_type or "type not known",
        "zone": ec2.availability_zone or ec2.region or "zone not known",
        "volumes": [one_line(volume) for volume in ec2.volume_ids],
        "groups": [one_line(group) for group in ec2.security_group_ids],
        "private": ec2.private_ip or "not known",
        "public": ec2.public_ip,
        "public_word": shlex.quote(one_line(ec2.public_ip or "ADDRESS")),
        "public_query": re.sub(r"[^0-9a-fA-F.:]", "", ec2.public_ip),
        "profile": ec2.iam_instance_profile,
        "profile_name": one_line(profile),
        "image_name": fit(f"{host.name}-before-retirement", 120, "0-9A-Za-z._-"),
    }
