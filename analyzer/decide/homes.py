"""`~` in the paths of tasks: modules expand it on the host, for the user they run as."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from analyzer.decide.match import boolean
from analyzer.decide.values import text
from analyzer.model import Host, Task, Unknown, Value, Verdict

_PATHS = frozenset("path dest destfile name chdir creates removes virtualenv requirements directory state_dir".split())
"""Arguments that name a path on the host. (`name` is the path in some modules; elsewhere it never begins with `~/`.)"""

_TILDE = re.compile(r"~(?P<user>[a-z_][\w.-]*)?(?P<rest>/.*|)", re.DOTALL)


def with_homes(tasks: Sequence[Task], hosts: Sequence[Host]) -> tuple[Task, ...]:
    """The tasks with `~` and `~user` at the start of their paths replaced by the home they stand for.

    A home that nothing tells (the account that Ansible logs in with) makes the path unknown.
    """
    homes = _homes(tasks, hosts)
    return tuple(_expanded(task, homes) for task in tasks)


def _homes(tasks: Sequence[Task], hosts: Sequence[Host]) -> dict[str, str]:
    homes = {"root": "/root"}
    for task in tasks:
        if task.module.endswith(".user") and task.applies is not Verdict.NO:
            for one in task.invocations:
                name, home = text(one.args.get("name")), text(one.args.get("home"))
                if name:
                    homes[name] = home or homes.get(name) or f"/home/{name}"
    for host in hosts:
        homes.update({user.name: user.home for user in host.users if user.home})
    return homes


def _expanded(task: Task, homes: Mapping[str, str]) -> Task:
    user = (task.become_user or "root") if task.become else ""
    invocations = tuple(
        replace(one, args=_in_arguments(task.module, one.args, user, homes)) for one in task.invocations
    )
    if all(new.args is old.args for new, old in zip(invocations, task.invocations, strict=True)):
        return task
    return replace(task, invocations=invocations)


def _in_arguments(module: str, args: Mapping[str, Value], user: str, homes: Mapping[str, str]) -> Mapping[str, Value]:
    on_host = module.endswith(".file") or boolean(args.get("remote_src"))
    names = [name for name in args if name in _PATHS or (name == "src" and on_host)]
    changed = {
        name: found
        for name in names
        if isinstance(value := args[name], str) and (found := _expand(value, user, homes)) != value
    }
    return {**args, **changed} if changed else args


def _expand(path: str, user: str, homes: Mapping[str, str]) -> Value:
    found = _TILDE.fullmatch(path)
    if found is None:
        return path
    name = found["user"] or user
    if name in homes:
        return homes[name] + found["rest"]
    if not name:
        return Unknown(path, "the home of the user that Ansible logs in as is not known")
    return f"/home/{name}{found['rest']}"
