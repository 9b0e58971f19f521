"""What is collected: the steps on a host, what each reads, and what a person does where one fails."""

from __future__ import annotations

from msgspec import Struct


class Step(Struct, frozen=True, kw_only=True):
    """A step on every host: a task of `playbook/collect.yml` of the same name."""

    name: str
    reads: tuple[str, ...]
    """Files, and commands with a leading `$ `, for `--dry-run`."""


HOST_STEPS = (
    Step(
        name="base",
        reads=("/etc/os-release", "/etc/timezone", "/etc/localtime (where it leads)", "/etc/hostname", "/etc/passwd",
               "/etc/group", "cloud-init's instance id and region", "$ date", "$ uname -a"),
    ),
    Step(
        name="facts",
        reads=("$ Ansible's setup module, without facter, ohai and (unless asked for) programs in facts.d",),
    ),
    Step(
        name="schedules",
        reads=("/etc/crontab", "/etc/cron.d/*", "/etc/cron.{hourly,daily,weekly,monthly}/*", "/etc/anacrontab",
               "/var/spool/cron/** (crontabs of all users)", "/etc/default/cron"),
    ),
    Step(
        name="units",
        reads=("/etc/systemd/system/*.{service,timer} and drop-ins", "unit files of running services and of all timers",
               "$ systemctl list-units, list-unit-files, list-timers, show"),
    ),
    Step(
        name="packages",
        reads=("$ dpkg-query -W", "$ apt-mark showmanual", "$ rpm -qa"),
    ),
    Step(name="processes", reads=("$ ss -tulpn", "$ ps -eo …")),
    Step(
        name="usage",
        reads=(("cron's own lines of /var/log/{syslog,cron,auth.log,secure,messages}*, rotated ones too; "
               "where they hold none, $ journalctl -t CRON"),
               "$ sadf -j over every day in /var/log/sysstat or /var/log/sa", "/var/log/account/pacct*"),
    ),
    Step(
        name="configuration",
        reads=("$ dpkg --verify or rpm -Vac",
               ("configuration files in /etc that differ from their package or belong to "
                "none: text up to 256 KiB, no keys, no certificates, never shadow")),
    ),
)  # fmt: skip

AWS_STEPS = ("ec2", "cloudwatch")

_NO_PYTHON = "the rest was read without Python; repair it, then gather the facts alone: --refresh facts"

HINTS: tuple[tuple[str, str], ...] = (
    ("Permission denied", "check the user and key (-u, --private-key), or give the password with --ask-pass"),
    ("Host key verification failed", "connect once with ssh and accept the host's key"),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "find out why the host has another key, then correct known_hosts"),
    ("Could not resolve hostname", "correct ansible_host in the inventory, or run this where the name is known"),
    ("Connection refused", "is sshd running on this port? see ansible_port in the inventory"),
    ("timed out", "is the host up, and does its security group admit this machine?"),
    ("Missing sudo password", "give the sudo password with -K (--ask-become-pass)"),
    ("a password is required", "give the sudo password with -K (--ask-become-pass)"),
    ("Incorrect sudo password", "give the right sudo password with -K (--ask-become-pass)"),
    ("sudo: command not found", "connect as root (-u root), or set ansible_become_method"),
    ("sudo: not found", "connect as root (-u root), or set ansible_become_method"),
    *(
        (part, _NO_PYTHON)
        for part in ("deserialization failed", "interpreter", "/python", "SyntaxError", "No module named")
    ),
    (
        "is not a valid attribute",
        "the installed ansible-core does not fit: install the version that this tool asks for",
    ),
    ("AnsibleUndefinedVariable", "define the variable that the connection needs, or give it with -e"),
    ("vault", "give the vault password with --vault-password-file or --ask-vault-pass"),
)
"""Part of a message -> what to do about it; the first that fits."""


def hint_for(message: str) -> str:
    """What to do about a failure."""
    return next((hint for part, hint in HINTS if part in message), "try `ansible HOST -m ping`, then run this again")
