"""Hosts for `collect`: containers that are reached over real SSH, each with its own sshd on a port of this machine."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "accounting"
RECORDED = FIXTURE / "evidence" / "acct01"
PLAIN = "migrate-analyze-test/collect:plain"
ACCOUNTING = "migrate-analyze-test/collect:accounting"

_PLAIN = """\
FROM debian:bookworm
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server python3 sudo cron \\
    iproute2 procps sysstat acct >/dev/null && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 2100 --create-home --shell /bin/bash deploy && echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy \\
 && mkdir -p /run/sshd /home/deploy/.ssh && chown -R deploy /home/deploy
"""

_ACCOUNTING = f"""\
FROM {PLAIN}
COPY root/ /
RUN cp /usr/share/zoneinfo/Asia/Tokyo /tmp/zone && rm /etc/localtime && mv /tmp/zone /etc/localtime \\
 && rm -rf /etc/cron.d/.placeholder /etc/cron.*/.placeholder /etc/cron.*/acct /etc/sysstat /etc/sudoers.d/deploy /etc/default/sysstat \\
 && printf 'deploy ALL=(ALL) NOPASSWD: ALL\\n' >>/etc/sudoers && chmod 755 /usr/local/bin/* && echo 12.12 >/etc/debian_version \\
 && cp -a /opt/recorded/placeholders/. /etc/
"""

# Programs that need systemd, packages or devices that a container has not: they print what was recorded on the fixture.
_STANDS_IN: Mapping[str, str] = {
    "ss": "cat /opt/recorded/ss.txt",
    "ps": "cat /opt/recorded/ps.txt",
    "apt-mark": "cat /opt/recorded/apt-mark-showmanual.txt",
    "dpkg-query": "sed 's/^/installed /' /opt/recorded/dpkg-query.txt",
    "dpkg": 'case $1 in --verify) cat /opt/recorded/dpkg-verify.txt ;; *) exec /usr/bin/dpkg "$@" ;; esac',
    "systemctl": (
        'case "$1 $2" in "list-units --type=service") test "$3" = --all && cat /opt/recorded/systemctl-units.txt ;;'
        " list-timers*) cat /opt/recorded/systemctl-timers.txt ;; *) exit 1 ;; esac"
    ),
    "sadf": 'gzip -dc "$2"',
    "systemd-detect-virt": "echo kvm",
}


def docker(*arguments: str | Path, check: bool = True) -> str:
    """What the docker program prints."""
    answer = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0 or not check, answer.stderr
    return answer.stdout


def build_images(folder: Path) -> None:
    """The plain host, and the fixture's host: its files at their places, its recordings behind its programs."""
    plain = folder / "plain"
    plain.mkdir()
    (plain / "Dockerfile").write_text(_PLAIN, encoding="utf-8")
    docker("build", "--quiet", "--network=host", "--tag", PLAIN, plain)
    context = folder / "accounting"
    root = context / "root"
    shutil.copytree(RECORDED / "fs", root)
    recorded = root / "opt" / "recorded"
    shutil.copytree(RECORDED / "cmd", recorded)
    for period in ("hourly", "monthly"):
        (recorded / "placeholders" / f"cron.{period}").mkdir(parents=True)
        shutil.copy(
            RECORDED / f"fs/etc/cron.{period}/.placeholder", recorded / f"placeholders/cron.{period}/.placeholder"
        )
    (root / "var/log/sysstat").mkdir(parents=True)
    for path in (RECORDED / "metrics").glob("sadf-*.json.gz"):
        shutil.copyfile(path, root / "var/log/sysstat" / f"sa{path.name[5:13]}")
    (root / "usr/local/bin").mkdir(parents=True)
    for name, command in _STANDS_IN.items():
        (root / "usr/local/bin" / name).write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    (context / "Dockerfile").write_text(_ACCOUNTING, encoding="utf-8")
    docker("build", "--quiet", "--network=host", "--tag", ACCOUNTING, context)


def capacity(folder: Path) -> list[str]:
    """Options of `docker run` that give a container the fixture's CPUs and memory, as /proc tells them to facts."""
    facts = json.loads((RECORDED / "facts.json").read_text(encoding="utf-8").partition("=>")[2])["ansible_facts"]
    meminfo, cpuinfo = folder / "meminfo", folder / "cpuinfo"
    kib = facts["ansible_memtotal_mb"] * 1024
    meminfo.write_text(
        f"MemTotal: {kib} kB\nMemFree: {kib // 2} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nBuffers: 0 kB\nCached: 0 kB\n",
        encoding="utf-8",
    )
    count = facts["ansible_processor_vcpus"]
    cpuinfo.write_text(
        "".join(
            f"processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)\nphysical id\t: 0\n"
            f"core id\t: 0\nsiblings\t: {count}\ncpu cores\t: 1\nflags\t: fpu\n\n"
            for number in range(count)
        ),
        encoding="utf-8",
    )
    return ["--volume", f"{meminfo}:/proc/meminfo:ro", "--volume", f"{cpuinfo}:/proc/cpuinfo:ro"]


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Host:
    """A running container with its sshd."""

    name: str
    container: str
    port: int

    def run(self, script: str) -> str:
        """What a shell command in it prints, as root and past SSH."""
        return docker("exec", self.container, "sh", "-c", script)

    def stop(self) -> None:
        """Removes the container."""
        docker("rm", "--force", "--volumes", self.container, check=False)


def start(name: str, image: str, key: Path, *options: str, setup: str = "") -> Host:
    """A host that lets the user `deploy` in with `key`; `setup` runs in it before."""
    port = free_port()
    container = docker("run", "--detach", "--init", "--network=host", "--hostname", name, "--label", "migrate-analyze-test=collect",
                       *options, image, "/usr/sbin/sshd", "-D", "-e", "-p", str(port), "-o", "PidFile=none").strip()  # fmt: skip
    host = Host(name, container, port)
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    host.run(
        f"echo '{public}' >/home/deploy/.ssh/authorized_keys; chown deploy /home/deploy/.ssh/*; chmod 600 /home/deploy/.ssh/*"
    )
    if setup:
        host.run(setup)
    for _ in range(100):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return host
        time.sleep(0.1)
    raise AssertionError(docker("logs", container))


def make_key(folder: Path, name: str) -> Path:
    """A key pair without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder / name


def write_project(
    folder: Path, hosts: Mapping[str, Host], key: Path, variables: Mapping[str, Mapping[str, str]]
) -> Path:
    """A project whose inventory names the containers; its connection variables lie in group_vars beside the playbook."""
    entries = {
        name: {"ansible_host": "127.0.0.1", "ansible_port": host.port, **variables.get(name, {})}
        for name, host in hosts.items()
    }
    (folder / "inventory").mkdir(parents=True)
    (folder / "group_vars").mkdir()
    (folder / "inventory" / "hosts.yml").write_text(json.dumps({"all": {"hosts": entries}}), encoding="utf-8")
    common = {
        "ansible_user": "deploy",
        "ansible_ssh_private_key_file": str(key),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    }
    (folder / "group_vars" / "all.yml").write_text(json.dumps(common), encoding="utf-8")
    (folder / "site.yml").write_text("- hosts: all\n", encoding="utf-8")
    (folder / "ansible.cfg").write_text("[privilege_escalation]\nbecome = True\n", encoding="utf-8")
    return folder


def evidence_text(folder: Path) -> dict[str, str]:
    """Every file of an evidence tree, unpacked."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            found[path.relative_to(folder).as_posix()] = data.decode("utf-8", "replace")
    return found


def keep_images() -> bool:
    """KEEP_TEST_IMAGES=1 leaves them for the engine's cache."""
    return os.environ.get("KEEP_TEST_IMAGES") == "1"
