"""Paths of a host: which of them an image has no use for, and which directories every base image has."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

HOST_ONLY: tuple[tuple[str, str], ...] = (
    (
        r"((/etc|/lib|/usr/lib)/systemd/(system|user)|(/root|/home/[^/]+)/\.config/systemd)(/.*)?",
        "a unit of systemd: its command, user and limits are in a task definition",
    ),
    (
        r"/etc/(init|init\.d|rc\.local|supervisor|supervisord\.d|monit)(/.*)?",
        "starts processes of a host; ECS does that",
    ),
    (r"/.*/(docker-)?compose([.-][\w.-]+)?\.ya?ml", "starts containers of a host; ECS does that"),
    (r"/etc/supervisord?\.conf", "starts processes of a host; ECS does that"),
    (r"/.*/supervisor[^/]*/(.*/)?[^/]+\.(conf|ini)", "starts processes of a host; ECS does that"),
    (r"/etc/cron(tab|\.(d|hourly|daily|weekly|monthly)(/.*)?)", "cron's table: its jobs are EventBridge schedules"),
    (r"/var/spool/cron(/.*)?", "cron's table: its jobs are EventBridge schedules"),
    (r"/etc/logrotate\.(d(/.*)?|conf)", "rotates log files of a host; containers write to stdout"),
    (r"/etc/(sysctl\.(d(/.*)?|conf)|modprobe\.d(/.*)?|modules-load\.d(/.*)?)", "kernel settings belong to the task"),
    (r"/etc/security/limits\.(d(/.*)?|conf)", "limits of PAM sessions; a task definition has ulimits"),
    (r"/etc/(hosts|hostname|resolv\.conf|fstab|motd|issue)", "the container runtime or the login of a host owns it"),
    (r"/etc/(sudoers(\.d(/.*)?)?|ssh(/.*)?|pam\.d(/.*)?)", "nobody logs in to a container"),
    (r"(/root|/home/[^/]+)/\.ssh(/.*)?", "nobody logs in to a container"),
    (
        r"/etc/(rsyslog|audit|fail2ban|ufw|iptables|chrony|ntp|postfix|netplan|network)(\.conf|\.d)?(/.*)?",
        "a host's own",
    ),
    (r"/(proc|sys|dev)(/.*)?", "the kernel's"),
)
"""Pattern (of the whole path) -> why the image does without. Order matters: the first match gives the reason."""


def host_only(path: str) -> str:
    """Why an image has no use for a file at `path`, "" where it may have."""
    return next((reason for pattern, reason in HOST_ONLY if re.fullmatch(pattern, path)), "")


_PLAIN = frozenset(
    "/ /etc /etc/default /etc/profile.d /etc/ld.so.conf.d /etc/apt /etc/apt/apt.conf.d /etc/apt/preferences.d"
    " /etc/apt/sources.list.d /etc/apt/trusted.gpg.d /etc/apt/keyrings /etc/yum.repos.d /etc/sysconfig /etc/pki"
    " /etc/pki/rpm-gpg /etc/pki/tls /etc/pki/tls/certs /etc/pki/tls/private /etc/pki/ca-trust"
    " /etc/pki/ca-trust/source /etc/pki/ca-trust/source/anchors /etc/ssl /etc/ssl/certs /etc/alternatives /etc/skel"
    " /etc/opt /etc/systemd /etc/terminfo /etc/security /etc/update-motd.d /etc/kernel /usr /usr/bin /usr/sbin /usr/lib"
    " /usr/share /usr/share/keyrings /usr/include /usr/src /usr/games /usr/local /usr/local/bin /usr/local/sbin"
    " /usr/local/etc /usr/local/lib /usr/local/share /usr/local/src /usr/local/include /usr/local/games"
    " /usr/share/ca-certificates /usr/local/share/ca-certificates /opt /srv /home /media /mnt /boot /run /var"
    " /var/lib /var/cache /var/log /var/opt /var/spool /var/backups".split()
)
"""Directories of the base images that are root's with mode 0755: COPY may write to them as whole trees. (COPY resets
owner and mode of every directory that it meets: `COPY rootfs/ /` with a rootfs/tmp makes /tmp 0755.)"""

_EXISTING = _PLAIN | frozenset("/root /tmp /var/tmp /var/mail /var/local /run/lock /var/run /bin /sbin /lib".split())

_OF_PACKAGES = ("/etc/", "/usr/", "/var/", "/lib/", "/run/")


def is_plain(directory: str) -> bool:
    """Whether every base image has `directory` as root's with mode 0755."""
    return directory in _PLAIN


def is_existing(directory: str) -> bool:
    """Whether every base image has `directory`."""
    return directory in _EXISTING


def may_exist(directory: str) -> bool:
    """Whether a package may bring `directory`."""
    return directory.startswith(_OF_PACKAGES)


def parents(path: str) -> tuple[str, ...]:
    """Directories above `path`, the highest first, without the root directory."""
    return tuple(str(each) for each in reversed(PurePosixPath(path).parents) if str(each) != "/")


def parent(path: str) -> str:
    """The directory of `path`."""
    return str(PurePosixPath(path).parent)


def is_below(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or lies in it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def normal(path: str) -> str:
    """`path` without trailing, doubled or dotted parts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
