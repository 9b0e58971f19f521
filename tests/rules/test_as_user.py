"""`~` in paths, and who owns what a task makes, follow from the user that the module runs as."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.decide.as_user import as_their_users
from analyzer.model import Host, HostUser, Invocation, Source, Task, Unknown, Verdict

HERE = Source("tasks.yml", 3)


def task(module: str, become_user: str | None = "", **args: Any) -> Task:
    """A task; `become_user` None: not as another user at all."""
    return Task(source=HERE, name="a task", module=f"ansible.builtin.{module}", applies=Verdict.YES,
                become=become_user is not None, become_user=become_user or "", invocations=(Invocation(args=args),))  # fmt: skip


ACCOUNTS = (task("user", name="app", home="/srv/app"), task("user", name="deploy"))
HOST = Host(name="web1", source=HERE, users=(HostUser(name="ubuntu", uid=1000, gid=1000, home="/data/ubuntu", shell="/bin/bash"),))  # fmt: skip


def path_of(given: Task) -> Any:
    """The path of the last task after expansion."""
    return as_their_users((*ACCOUNTS, given), (HOST,))[-1].invocations[0].args["path"]


@pytest.mark.parametrize(
    ("user", "path", "expected"),
    [
        ("", "~/.bashrc", "/root/.bashrc"),
        ("app", "~/.bashrc", "/srv/app/.bashrc"),
        ("deploy", "~/.bashrc", "/home/deploy/.bashrc"),
        ("ubuntu", "~", "/data/ubuntu"),
        ("", "~app/.bashrc", "/srv/app/.bashrc"),
        ("", "/etc/~/x", "/etc/~/x"),
        ("app", "$HOME/.bashrc", "/srv/app/.bashrc"),
        ("app", "${HOME}", "/srv/app"),
        ("app", "$HOMES/x", "$HOMES/x"),
        ("", "~~x", "~~x"),
    ],
)
def test_the_account_s_home_stands_for_it(user: str, path: str, expected: str) -> None:
    assert path_of(task("lineinfile", user, path=path)) == expected


def test_the_account_that_ansible_logs_in_with_is_not_guessed() -> None:
    found = path_of(task("lineinfile", None, path="~/.bashrc"))
    assert isinstance(found, Unknown)
    assert "logs in" in found.reason


def test_a_source_on_the_controller_stays_as_it_is() -> None:
    copied = as_their_users((task("copy", src="~/key", dest="~/key"),), ())[0].invocations[0].args
    assert (copied["src"], copied["dest"]) == ("~/key", "/root/key")
    linked = as_their_users((task("file", src="~/key", path="/k", state="link"),), ())[0].invocations[0].args
    assert linked["src"] == "/root/key"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("~/bin/tool list", "/srv/app/bin/tool list"),
        ("env HOME=~ ~/bin/tool ~deploy/x", "env HOME=~ /srv/app/bin/tool /home/deploy/x"),
        ("echo a~b", "echo a~b"),
    ],
)
def test_the_module_command_expands_its_words(written: str, expected: str) -> None:
    tasks = as_their_users((*ACCOUNTS, task("command", "app", _raw_params=written)), ())
    assert tasks[-1].invocations[0].args["_raw_params"] == expected


def test_a_shell_expands_its_own_words() -> None:
    tasks = as_their_users((*ACCOUNTS, task("shell", "app", _raw_params="~/bin/tool")), ())
    assert tasks[-1].invocations[0].args["_raw_params"] == "~/bin/tool"


OWNED = """
file directory   | app    | app:wheel
file touch       | deploy | deploy:users
copy             | app    | app:wheel
template         | other  | other:
lineinfile       | app    | :
copy             |        | :
copy             | root   | :
"""


@pytest.mark.parametrize("line", OWNED.strip().splitlines())
def test_what_a_task_makes_belongs_to_the_user_it_runs_as(line: str) -> None:
    """With that account's primary group; edits of files that are there leave owners alone."""
    call, user, owned = (part.strip() for part in line.split("|"))
    module, _, state = call.partition(" ")
    accounts = (task("user", name="app", group="wheel"), task("group", name="deploy"), task("user", name="deploy"))
    made = task(module, user, path="/srv/x", **({"state": state} if state else {}))
    args = as_their_users((*accounts, made), ())[-1].invocations[0].args
    assert f"{args.get('owner', '')}:{args.get('group', '')}" == owned


def test_an_owner_that_is_named_and_a_recursive_change_stay_as_they_are() -> None:
    named = as_their_users((*ACCOUNTS, task("copy", "app", dest="/x", owner="www")), ())[-1].invocations[0].args
    assert (named["owner"], "group" in named) == ("www", False)
    deep = task("file", "app", path="/x", state="directory", recurse=True)
    assert "owner" not in as_their_users((*ACCOUNTS, deep), ())[-1].invocations[0].args
