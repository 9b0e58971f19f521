"""What the user that a task runs as means for it: `~` in its paths, and who owns the files that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_accounts import primary_group
from analyzer.decide.match import boolean
from analyzer.decide.values import text
from analyzer.model import Host, Invocation, Task, Unknown, Value, Verdict

_PATHS = frozenset("path dest destfile name chdir creates removes virtualenv requirements directory state_dir".split())
"""Arguments that name a path on the host. (`name` is the path in some modules; elsewhere it never begins with `~/`.)"""

_TILDE = re.compile(r"~(?P<user>[a-z_][\w.-]*)?(?P<rest>/.*|)", re.DOTALL)
_HOME = re.compile(r"^\$(?:HOME|\{HOME\})(?=/|$)")
"""Arguments that are paths have variables of the environment expanded, too."""
_WORD = re.compile(r"(?<!\S)~[\w.-]*(?:/\S*)?(?!\S)")
_MAKE_FILES = frozenset("copy template get_url assemble unarchive".split())
_EDIT_FILES = frozenset("lineinfile blockinfile ini_file".split())


class _Account(Struct, frozen=True):
    home: str
    group: str = ""
    """Name of its primary group, "" where nothing tells."""


def as_their_users(tasks: Sequence[Task], hosts: Sequence[Host]) -> tuple[Task, ...]:
    """The tasks with what Ansible takes from the user that a module runs as written into their arguments.

    `~` and `~user` at the start of a path become the home they stand for (unknown for the account that Ansible logs in
    with), and files that a task makes without naming an owner belong to its user.
    """
    accounts = _accounts(tasks, hosts)
    return tuple(_filled(task, accounts) for task in tasks)


def _accounts(tasks: Sequence[Task], hosts: Sequence[Host]) -> dict[str, _Account]:
    accounts = {"root": _Account("/root", "root")}
    accounts |= {user.name: _Account(user.home) for host in hosts for user in host.users if user.home}
    groups: set[str] = set()
    for task in tasks:
        if task.applies is Verdict.NO:
            continue
        for one in task.invocations:
            name = text(one.args.get("name"))
            if task.module.endswith(".group"):
                groups.add(name)
            elif task.module.endswith(".user") and name:
                known = accounts.get(name)
                home = text(one.args.get("home")) or (known.home if known else f"/home/{name}")
                group = text(one.args.get("group")) or (known.group if known else "")
                accounts[name] = _Account(home, primary_group(name, group, groups))
    return accounts


def _filled(task: Task, accounts: Mapping[str, _Account]) -> Task:
    user = (task.become_user or "root") if task.become else ""
    invocations = tuple(_with_owner(task, _with_homes(task, one, user, accounts), accounts) for one in task.invocations)
    if all(new is old for new, old in zip(invocations, task.invocations, strict=True)):
        return task
    return replace(task, invocations=invocations)


def _with_homes(task: Task, one: Invocation, user: str, accounts: Mapping[str, _Account]) -> Invocation:
    args = one.args
    on_host = task.module.endswith(".file") or boolean(args.get("remote_src"))
    changed: dict[str, Value] = {}
    for name, value in args.items():
        if isinstance(value, str) and (name in _PATHS or (name == "src" and on_host)):
            changed[name] = _expand(value, user, accounts)
        elif task.module.endswith(".command") and name in ("_raw_params", "cmd") and isinstance(value, str):
            changed[name] = _expand_words(value, user, accounts)
        elif task.module.endswith(".command") and name == "argv" and isinstance(value, tuple):
            changed[name] = tuple(_expand(word, user, accounts) if isinstance(word, str) else word for word in value)
    changed = {name: value for name, value in changed.items() if value != args[name]}
    return replace(one, args={**args, **changed}) if changed else one


def _expand(path: str, user: str, accounts: Mapping[str, _Account]) -> Value:
    found = _TILDE.fullmatch(_HOME.sub("~", path))
    if found is None:
        return path
    name = found["user"] or user
    if not name:
        return Unknown(path, "the home of the user that Ansible logs in as is not known")
    home = accounts[name].home if name in accounts else f"/home/{name}"
    return home + found["rest"]


def _expand_words(command: str, user: str, accounts: Mapping[str, _Account]) -> Value:
    """The module `command` expands every word that begins with a tilde."""
    words = {word: _expand(word, user, accounts) for word in _WORD.findall(command)}
    unknown = next((value for value in words.values() if isinstance(value, Unknown)), None)
    if unknown is not None:
        return Unknown(command, unknown.reason)
    return _WORD.sub(lambda found: text(words[found[0]]), command)


def _with_owner(task: Task, one: Invocation, accounts: Mapping[str, _Account]) -> Invocation:
    user = task.become_user if task.become else ""
    if user in ("", "root") or one.args.get("owner") is not None or not _makes_files(task.module, one.args):
        return one
    group = accounts[user].group if user in accounts else ""
    beside = {"group": group} if group and one.args.get("group") is None else {}
    return replace(one, args={**one.args, "owner": user, **beside})


def _makes_files(module: str, args: Mapping[str, Value]) -> bool:
    short = module.rpartition(".")[2]
    if short == "file":  # `recurse` would change the owner of what is there already
        return args.get("state") in ("directory", "touch") and not boolean(args.get("recurse"))
    return short in _MAKE_FILES or (short in _EDIT_FILES and bool(boolean(args.get("create"))))
