"""The numbers of the account whose files lie on a shared file system: the image's are the file system's.

NFS knows accounts by number. An access point acts as one number whoever the task is, so writing works in any case; but
a program that asks who owns a file (ssh, git, a database) would see a stranger, and `useradd` without a number may give
another one in the next build. So where files are shared and no role says a number, the image's account gets the one
that it has on the hosts, or one of its own that the file system gets as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_accounts import BASE_ACCOUNTS
from analyzer.model import (
    Host,
    HostUser,
    Infrastructure,
    MakeGroup,
    MakeUser,
    Problem,
    Severity,
    Source,
    Step,
    Verdict,
)

BASE_IDS = {
    "Debian": {
        "daemon": 1, "bin": 2, "sys": 3, "games": 5, "man": 6, "lp": 7, "mail": 8, "news": 9, "uucp": 10, "proxy": 13,
        "www-data": 33, "backup": 34, "list": 38, "irc": 39,
    },
    "RedHat": {"bin": 1, "daemon": 2, "apache": 48, "nobody": 65534},
}  # fmt: skip
"""Accounts whose user and group id the distribution fixes (base-passwd; the package setup)."""
_USERS = 100
"""The group "users", of Debian and of Red Hat."""
_LOWEST, _HIGHEST = 101, 60000
"""Group ids that a playbook's own groups may have; the distribution gives the lower ones itself."""
_FIRST = 1000
"""The first number of an account of no package."""


class SharedOwner(Struct, frozen=True, kw_only=True):
    """What the image's account has to be."""

    steps: tuple[Step, ...]
    """All of them, the account's with its numbers."""
    ids: tuple[int, int] | None = None
    """(user id, group id) that the image's account has; None where only a package's own script knows."""
    problems: tuple[Problem, ...] = ()


def settle_owner(steps: Sequence[Step], user: str, hosts: Sequence[Host], *, shared: bool) -> SharedOwner:
    """Give `user` fixed numbers in `steps`; `shared`: files of it lie on a file system that outlives the image."""
    steps = tuple(steps)
    if user in ("", "root"):
        return SharedOwner(steps=steps, ids=(0, 0))
    family = str(hosts[0].facts.get("os_family", "")) if hosts else ""
    found = [(host.name, one) for host in hosts for one in host.users if one.name == user]
    seen = found[0][1] if found else None
    problems = (_disagree(user, found),) if shared and len({(one.uid, one.gid) for _, one in found}) > 1 else ()
    fixed = BASE_IDS.get(family, {}).get(user)
    made = [
        (number, step.effect)
        for number, step in enumerate(steps)
        if isinstance(step.effect, MakeUser)
        and step.effect.name == user
        and step.effect.state == "present"
        and step.applies is not Verdict.NO
    ]
    if not made or (fixed is not None and all(one.uid is None for _, one in made)):
        return SharedOwner(steps=steps, ids=(fixed, fixed) if fixed is not None else None, problems=problems)
    number, account = next((one for one in made if one[1].uid is not None), made[0])
    if shared and user not in BASE_ACCOUNTS:
        steps = _with_numbers(steps, number, account, seen)
        account = next(one for step in steps if isinstance(one := step.effect, MakeUser) and _is_for(one, account))
    ids = _ids(steps, account)
    if not shared or ids is None or seen is None or ids == (seen.uid, seen.gid):
        return SharedOwner(steps=steps, ids=ids, problems=problems)
    differs = _differs(ids, seen, made[0][1], steps[number].via.sources)
    return SharedOwner(steps=steps, ids=ids, problems=(*problems, differs))


def shares_files(steps: Sequence[Step]) -> bool:
    """Whether something of the hosts becomes a file system that tasks share."""
    return any(
        isinstance(step.effect, Infrastructure) and step.effect.kind == "efs" and step.applies is not Verdict.NO
        for step in steps
    )


def _is_for(one: MakeUser, account: MakeUser) -> bool:
    return one.name == account.name and one.state == "present" and (account.uid is None or one.uid is not None)


def _groups(steps: Sequence[Step]) -> dict[str, MakeGroup]:
    """The groups that tasks make, by name."""
    return {
        step.effect.name: step.effect
        for step in steps
        if isinstance(step.effect, MakeGroup) and step.effect.state == "present" and step.applies is not Verdict.NO
    }


def _taken(steps: Sequence[Step], account: MakeUser) -> set[int | None]:
    """Numbers that the steps give to other accounts and groups."""
    users = {one.uid for step in steps if isinstance(one := step.effect, MakeUser) and one.name != account.name}
    own = account.group or account.name
    return users | {one.gid for name, one in _groups(steps).items() if name != own}


def _ids(steps: Sequence[Step], account: MakeUser) -> tuple[int, int] | None:
    """The numbers that the steps say, and that of the group which `useradd` makes under the user's."""
    if account.uid is None:
        return None
    group = _groups(steps).get(account.group or account.name)
    if group is not None and not account.group:
        return account.uid, _USERS  # its own group is there already: Ansible then takes "users"
    if group is not None:
        return (account.uid, group.gid) if group.gid is not None else None
    # under the user's number where that is free and of the kind of the account
    alone = not (account.group or account.system) and _FIRST <= account.uid not in _taken(steps, account)
    return (account.uid, account.uid) if alone else None


def _with_numbers(steps: tuple[Step, ...], number: int, account: MakeUser, seen: HostUser | None) -> tuple[Step, ...]:
    """`steps` where the account and its group have numbers, each as the role says, else as on the hosts, else free."""
    taken = _taken(steps, account)
    uid = account.uid
    if uid is None:
        free = next(one for one in range(_FIRST, _HIGHEST) if one not in taken)
        uid = seen.uid if seen is not None and seen.uid not in taken else free
    same = seen is not None and seen.uid == uid
    gid = seen.gid if seen is not None and same and seen.gid not in taken and _LOWEST <= seen.gid < _HIGHEST else uid
    own = account.group or account.name
    there = _groups(steps).get(own)
    changed = replace(account, uid=uid)
    new: tuple[Step, ...] = ()
    note = f"number {uid}: its files lie on a shared file system"
    if same:
        note = f"number {uid} as on the hosts: its files lie on a shared file system"
    via = replace(steps[number].via, note=steps[number].via.note or note)
    if there is None and not account.group and _ids(steps, changed) != (uid, gid):
        changed = replace(changed, group=own)
        new = (replace(steps[number], effect=MakeGroup(name=own, gid=gid, system=account.system), via=via),)
    out: list[Step] = []
    for place, step in enumerate(steps):
        if place == number and changed != account:
            out += [*new, replace(step, effect=changed, via=via)]
        elif step.effect is there and there is not None and there.gid is None and account.group:
            out.append(replace(step, effect=replace(there, gid=gid), via=replace(step.via, note=step.via.note or note)))
        else:
            out.append(step)
    return tuple(out)


def _differs(ids: tuple[int, int], seen: HostUser, account: MakeUser, sources: Sequence[Source]) -> Problem:
    return Problem(
        Severity.WARNING,
        "shared-files-owner",
        f"files of {account.name} move to a shared file system; on the hosts it is {seen.uid}:{seen.gid}, the roles "
        f"make it {ids[0]}:{ids[1]}, so a program in a task that asks who owns a file sees another account",
        sources[0] if sources else seen.source,
        "say the hosts' numbers in the role, or change the hosts' account and its files before the cutover",
    )


def _disagree(user: str, found: Sequence[tuple[str, HostUser]]) -> Problem:
    (first, mine), *_ = found
    number = f"{mine.uid}:{mine.gid}"
    numbers = ", ".join(f"{host} {one.uid}:{one.gid}" for host, one in found)
    return Problem(
        Severity.WARNING,
        "shared-files-owner",
        f"the hosts give {user} different numbers ({numbers}); its files move to one file system, where {first}'s is "
        "taken",
        mine.source,
        f"copy the others' files with rsync's --chown={number}, or change their numbers before the cutover",
    )
