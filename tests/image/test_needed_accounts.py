"""Accounts that what is carried over needs and no task makes."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.model import Host, HostUser, Outcome, Source
from tests.image.effects import DEBIAN, image, rendered, steps

UNIT = {"effect": "WriteFile", "path": "/etc/systemd/system/web.service", "content": "[Service]\nUser=web\nExecStart=/bin/puma -p 3000\n"}  # fmt: skip


def folder(owner: str, group: str = "", path: str = "/srv/x") -> dict[str, str]:
    """A directory that belongs to somebody."""
    return {"effect": "MakeDirectory", "path": path, "owner": owner, "group": group}


def dockerfile(*effects: dict[str, Any], host: Host = DEBIAN) -> str:
    """The Dockerfile of these effects."""
    return rendered(image(steps(list(effects)), host)).data.decode()


@pytest.mark.parametrize("effect", [folder("web"), UNIT, {"effect": "RunCommand", "command": "id", "user": "web"}])
def test_an_account_that_nothing_makes_is_made_before_it_is_used(effect: dict[str, str]) -> None:
    text = dockerfile(effect)
    assert "# via users-needed" in text
    assert "useradd -m web" in text


def test_it_is_made_as_the_host_s_evidence_describes_it() -> None:
    user = HostUser(name="web", uid=1234, gid=1234, home="/srv/web", shell="/bin/sh")
    host = Host(name="w", source=Source("hosts", 1), facts=DEBIAN.facts, users=(user,))
    assert "useradd -u 1234 -d /srv/web -s /bin/sh -m web" in dockerfile(folder("web"), host=host)


def test_an_account_that_a_later_task_makes_is_not_made_twice() -> None:
    text = dockerfile(folder("web"), {"effect": "MakeUser", "name": "web"})
    assert "users-needed" not in text


@pytest.mark.parametrize(
    ("account", "package"), [("web", "web-server"), ("app", "apparmor"), ("git", "git"), ("apache", "httpd")]
)
def test_an_account_that_a_package_may_bring_is_made_unless_it_did(account: str, package: str) -> None:
    """A name alone does not tell: httpd brings apache, git brings no git."""
    install = {"effect": "InstallPackages", "manager": "apt", "names": [package]}
    text = dockerfile(folder(account, f"{account}s"), install)
    assert f"if ! getent passwd {account} >/dev/null; then useradd -m {account}; fi" in text
    assert f"if ! getent group {account}s >/dev/null; then groupadd {account}s; fi" in text
    assert text.index(f" {package} ") < text.index("useradd") < text.index("install -d")


def test_an_account_that_the_playbook_numbers_has_its_number_before_others_take_one() -> None:
    """useradd would give the first free number, which the playbook's account then could not have."""
    text = dockerfile(folder("web"), {"effect": "MakeUser", "name": "app", "uid": 1000, "groups": ["web", "team"]})
    order = ["groupadd web", "groupadd team", "useradd -u 1000", "useradd -g web -m web"]
    assert sorted(order, key=text.index) == order


@pytest.mark.parametrize("owner", ["root", "www-data", "nobody", "1001", "a b", "-x"])
def test_accounts_of_the_base_image_numbers_and_what_is_no_name_are_left_alone(owner: str) -> None:
    assert "users-needed" not in dockerfile(folder(owner))


def test_a_group_alone_is_made_as_a_group() -> None:
    text = dockerfile(folder("root", "editors"))
    assert "groupadd editors" in text
    assert "useradd" not in text


@pytest.mark.parametrize("packages", [[], ["postgresql-client", "libpq-dev"]])
def test_what_belongs_to_a_data_server_goes_where_the_server_goes(packages: list[str]) -> None:
    """A client's package does not bring the server's account."""
    install = [{"effect": "InstallPackages", "manager": "apt", "names": packages}] if packages else []
    made = image(steps([folder("postgres", "postgres", "/var/log/pg"), *install]))
    assert "postgres" not in rendered(made).data.decode().replace("postgresql-client", "")
    (left,) = made.left_out
    assert (left.outcome, left.what) == (Outcome.INFRASTRUCTURE, "/var/log/pg")


def test_an_account_that_two_tasks_make_is_made_once_and_changed_then() -> None:
    """`useradd` would refuse the second time; the module changes what differs."""
    text = dockerfile(
        {"effect": "MakeUser", "name": "app"},
        {"effect": "MakeGroup", "name": "team"},
        {"effect": "MakeUser", "name": "app", "group": "team", "groups": ["adm"]},
        {"effect": "MakeUser", "name": "app"},
    )
    assert text.count("useradd") == 1
    assert text.index("useradd -m app") < text.index("groupadd team") < text.index("usermod -g team -a -G adm app")
    assert text.count("usermod") == 1


def test_a_virtual_environment_that_a_command_made_is_not_made_anew() -> None:
    text = dockerfile(
        {"effect": "RunCommand", "command": ["virtualenv", "-p", "python3.11", "/srv/env"], "creates": "/srv/env/bin/activate"},
        {"effect": "LanguagePackages", "manager": "pip", "names": ["flask"], "virtualenv": "/srv/env"},
    )  # fmt: skip
    assert "-m venv" not in text
    assert "/srv/env/bin/pip install" in text


def test_a_second_task_without_a_group_leaves_the_account_its_group() -> None:
    text = dockerfile(
        {"effect": "MakeGroup", "name": "team"},
        {"effect": "MakeUser", "name": "app", "group": "team"},
        {"effect": "MakeUser", "name": "app", "shell": "/bin/bash"},
        {"effect": "CheckoutCode", "repository": "git@example.org:x.git", "path": "/srv/x", "user": "app"},
    )
    assert "COPY --chown=app:team . /srv/x/" in text


def test_an_account_in_another_s_group_has_no_group_of_its_own_name() -> None:
    text = dockerfile(
        {"effect": "MakeUser", "name": "app", "group": "www-data"},
        {"effect": "MakeDirectory", "path": "/srv/x", "owner": "app", "group": "app"},
    )
    assert text.index("groupadd app") < text.index("install -d -o app -g app")


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ({"command": "serve &", "may_fail": True}, "serve &"),
        ({"command": "make && make install", "environment": {"CC": "clang"}}, "export CC=clang;"),
    ],
)
def test_a_shell_line_with_more_than_one_command_is_run_as_a_script(effect: dict[str, Any], expected: str) -> None:
    """Nothing can follow `&` in its line, and variables before a command reach only that command."""
    text = dockerfile({"effect": "RunCommand", **effect})
    assert 'RUN ["/bin/sh", "-c", "' in text
    assert expected in text
    assert "& ||" not in text
