"""`~` in paths is the home of the user that the module runs as."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.decide.homes import with_homes
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
    return with_homes((*ACCOUNTS, given), (HOST,))[-1].invocations[0].args["path"]


@pytest.mark.parametrize(
    ("user", "path", "expected"),
    [
        ("", "~/.bashrc", "/root/.bashrc"),
        ("app", "~/.bashrc", "/srv/app/.bashrc"),
        ("deploy", "~/.bashrc", "/home/deploy/.bashrc"),
        ("ubuntu", "~", "/data/ubuntu"),
        ("", "~app/.bashrc", "/srv/app/.bashrc"),
        ("", "/etc/~/x", "/etc/~/x"),
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
    copied = with_homes((task("copy", src="~/key", dest="~/key"),), ())[0].invocations[0].args
    assert (copied["src"], copied["dest"]) == ("~/key", "/root/key")
    linked = with_homes((task("file", src="~/key", path="/k", state="link"),), ())[0].invocations[0].args
    assert linked["src"] == "/root/key"
