"""Users and groups of the image."""

from __future__ import annotations

import re
from collections.abc import Collection

from analyzer.decide.image_shell import Command, quote
from analyzer.model import MakeGroup, MakeUser, Via

BASE_ACCOUNTS = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt adm tty disk"
    " kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users"
    " nogroup wheel ftp shutdown halt systemd-network systemd-journal messagebus sshd".split()
)
"""Accounts and groups that distributions' base images bring; for these the image changes, it does not create."""


def _home_of(name: str) -> list[str]:
    """What makes a home where there is none, as the module does: its mode is HOME_MODE, else what UMASK leaves."""
    home, mask = (f"$(sed -nE 's/^{key}[[:space:]]+([0-7]+)$/\\1/p' /etc/login.defs)" for key in ("HOME_MODE", "UMASK"))
    return [
        f"{{ [ -d ~{name} ] || {{",
        f"  cp -R /etc/skel ~{name} && chown -R {name}: ~{name} &&",
        f'  m="{home}" &&',
        f'  u="{mask}" &&',
        f'  chmod "${{m:-$(printf %o "$((0777 & ~0${{u:-22}}))")}}" ~{name}; }}; }}',
    ]


def may_exist(name: str, packages: Collection[str]) -> bool:
    """Whether the base image or one of `packages` may bring account `name` already."""
    return name in BASE_ACCOUNTS or any(name in package.split("=")[0] for package in packages)


def primary_group(name: str, group: str, groups_made: Collection[str]) -> str:
    """The primary group of an account that `useradd` makes as Ansible calls it: `groups_made` are there before it."""
    return group or ("users" if name in groups_made else name)


def group_command(group: MakeGroup, via: Via, packages: Collection[str], *, unless_there: bool = False) -> Command:
    """`groupadd` as Ansible calls it; guarded where the group may be there already.

    `unless_there`: a group that is there stays as it is, whoever brought it.
    """
    name = quote(group.name)
    if group.state == "absent":
        return Command(lines=(f"if getent group {name} >/dev/null; then groupdel {name}; fi",), via=(via,))
    identity = ["-g", str(group.gid)] if group.gid is not None else []
    add = " ".join(["groupadd", *identity, *(["-r"] if group.system else []), name])
    if not (unless_there or may_exist(group.name, packages)):
        return Command(lines=(add,), via=(via,))
    if unless_there or not identity:
        return Command(lines=(f"if ! getent group {name} >/dev/null; then {add}; fi",), via=(via,))
    change = " ".join(["groupmod", *identity, name])
    return Command(lines=(f"if getent group {name} >/dev/null; then {change}; else {add}; fi",), via=(via,))


def user_command(
    user: MakeUser,
    via: Via,
    packages: Collection[str],
    groups_made: Collection[str],
    users_made: Collection[str] = (),
    *,
    unless_there: bool = False,
) -> Command:
    """`useradd` as Ansible calls it; `usermod` where the account may be there already, or is (`users_made`).

    `unless_there`: an account that is there stays as it is, whoever brought it. No lines where nothing changes.
    """
    name = quote(user.name)
    if user.state == "absent":
        return Command(lines=(f"if getent passwd {name} >/dev/null; then userdel {name}; fi",), via=(via,))
    shared: list[str] = []
    if user.uid is not None:
        shared += ["-u", str(user.uid)]
    if user.group:
        shared += ["-g", quote(user.group)]
    if user.comment:
        shared += ["-c", quote(user.comment)]
    if user.home:
        shared += ["-d", quote(user.home)]
    if user.shell:
        shared += ["-s", quote(user.shell)]
    supplementary = ["-G", quote(",".join(user.groups))] if user.groups else []
    # useradd would refuse to make a group of the user's own name twice; Ansible then says -N (group "users")
    own_group = ["-N"] if not user.group and user.name in groups_made else []
    create = ["-m"] if user.create_home else ["-M"]
    further = [quote(option) for option in user.options]
    system = ["-r"] if user.system else []
    add = " ".join(["useradd", *own_group, *shared, *supplementary, *create, *further, *system, name])
    if unless_there:
        return Command(lines=(f"if ! getent passwd {name} >/dev/null; then {add}; fi",), via=(via,))
    groups = ["-a", *supplementary] if supplementary and user.append else supplementary
    taken = ["-o"] if "-o" in user.options else []
    move = ["-m"] if user.move_home and user.home else []
    change = " ".join(["usermod", *shared, *taken, *move, *groups, name])
    if user.name in users_made:
        return Command(lines=(change,) if shared or supplementary else (), via=(via,))
    if not may_exist(user.name, packages):
        return Command(lines=(add,), via=(via,))
    # the module also makes the home of an account that was there without one
    plain = re.fullmatch(r"[a-z_][a-z0-9_-]*", user.name) is not None and user.create_home
    if not shared and not supplementary:
        lines = [f"if ! getent passwd {name} >/dev/null; then {add}; fi"]
    else:
        lines = [f"if getent passwd {name} >/dev/null; then {change}; else {add}; fi"]
    if plain:
        lines = [f"{lines[0]} &&", *_home_of(user.name)]
    return Command(lines=tuple(lines), via=(via,))
