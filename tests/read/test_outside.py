"""What lies outside of the folder that is read, is a link to nowhere, or is encrypted: said with what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.model import Settings
from analyzer.read.layout import Request, UsageError, find_layout
from analyzer.read.project import Reading, read_project
from tests.read.conftest import write_files

HOSTS = "[web]\nweb1\n"
GIT_CRYPT = b"\0GITCRYPT\0\xd0\x9f\xff\x01"


def read_at(project: Path, **request: object) -> Reading:
    asked = Request(project=project, **request)  # type: ignore[arg-type]
    return read_project(asked, find_layout(asked), Settings())


def said(reading: Reading) -> dict[str, str]:
    """Code -> message and hint."""
    return {one.code: f"{one.message} ({one.hint})" for one in reading.project.problems}


@pytest.mark.parametrize(
    ("play", "code"),
    [
        ("  vars_files: [../shared/vars.yml]\n", "vars-file-not-found"),
        ("  tasks: [{include_vars: ../shared/vars.yml}]\n", "vars-file-not-found"),
        ("  tasks: [{include_tasks: ../shared/tasks.yml}]\n", "tasks-file-not-found"),
        ("- import_playbook: ../shared/play.yml\n", "playbook-not-found"),
    ],
)
def test_a_file_beside_the_folder_that_was_given_is_named_with_the_way_to_read_it(
    play: str, code: str, tmp_path: Path
) -> None:
    files = {
        "ansible/site.yml": "- hosts: web\n" + play,
        "ansible/hosts": HOSTS,
        "shared/vars.yml": "a: 1\n",
        "shared/tasks.yml": "- name: One\n  command: uptime\n",
        "shared/play.yml": "- hosts: web\n  tasks: [{command: uptime}]\n",
    }
    write_files(tmp_path, files)
    inside, outside = said(read_at(tmp_path)), said(read_at(tmp_path / "ansible"))
    assert code not in inside
    assert "lies outside of the folder that is read" in outside[code]
    assert "give the folder above that holds both" in outside[code]


def test_a_delivered_file_outside_asks_for_the_folder_above(tmp_path: Path) -> None:
    play = "- hosts: web\n  tasks: [{copy: {src: ../app.conf, dest: /etc/app.conf}}]\n"
    write_files(tmp_path, {"ansible/site.yml": play, "ansible/hosts": HOSTS, "app.conf": "a=1\n"})
    (task,) = read_at(tmp_path / "ansible").project.applications[0].tasks
    (_, content), *_ = task.invocations[0].contents
    assert "give the folder above that holds both" in content.unknown.reason
    (task,) = read_at(tmp_path).project.applications[0].tasks
    (_, content), *_ = task.invocations[0].contents
    assert content.data == b"a=1\n"


def test_an_inventory_that_is_a_link_out_of_the_project_is_refused_and_read_where_both_are_given(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, {"project/site.yml": "- hosts: web\n  tasks: []\n", "lists/hosts": HOSTS})
    (tmp_path / "project" / "hosts").symlink_to("../lists/hosts")
    reading = read_at(tmp_path / "project")
    assert "leads out of the project" in said(reading)["path-outside-project"]
    assert "hosts-assumed" in said(reading)
    for given in (tmp_path, tmp_path / "project" / "hosts"):
        reading = read_at(given)
        assert [host.name for host in reading.project.applications[0].hosts] == ["web1"]
        assert "path-outside-project" not in said(reading)


def test_an_inventory_that_is_a_link_to_nowhere_is_said(tmp_path: Path) -> None:
    write_files(tmp_path, {"site.yml": "- hosts: web\n  tasks: []\n"})
    (tmp_path / "hosts").symlink_to("../private/hosts")
    assert "hosts is a link to ../private/hosts, which is not there" in said(read_at(tmp_path))["inventory-link-broken"]


def test_variables_beside_an_inventory_that_is_not_run_hold(tmp_path: Path) -> None:
    files = {
        "inventory/ec2.py": "#!/usr/bin/env python\n",
        "inventory/group_vars/web.yml": "package: nginx\n",
        "site.yml": "- hosts: web\n  tasks: [{apt: {name: '{{ package }}'}}]\n",
    }
    (task,) = read_at(write_files(tmp_path, files)).project.applications[0].tasks
    assert task.invocations[0].args["name"] == "nginx"


def test_files_that_git_crypt_keeps_are_said_and_are_secrets(tmp_path: Path) -> None:
    play = "- hosts: web\n  tasks: [{copy: {src: server.pem, dest: /etc/server.pem}}]\n"
    write_files(tmp_path, {"site.yml": play, "hosts": HOSTS, "group_vars/all/plain.yml": "a: 1\n"})
    (tmp_path / "group_vars" / "all" / "secrets.yml").write_bytes(GIT_CRYPT)
    (tmp_path / "server.pem").write_bytes(GIT_CRYPT)
    reading = read_at(tmp_path)
    assert "git-crypt unlock" in said(reading)["file-encrypted"]
    assert not {"yaml-syntax", "file-not-utf8"} & said(reading).keys()
    assert [secret.name for secret in reading.project.applications[0].secrets] == ["server_pem"]


@pytest.mark.parametrize("head", [b"$ANSIBLE_VAULT;1.1;AES256\n61\n", GIT_CRYPT])
def test_an_encrypted_inventory_says_what_to_give_instead(head: bytes, tmp_path: Path) -> None:
    write_files(tmp_path, {"site.yml": "- hosts: web\n  tasks: []\n"})
    (tmp_path / "hosts").write_bytes(head)
    assert "ansible-inventory --list --export" in said(read_at(tmp_path))["inventory-encrypted"]


def test_an_empty_role_is_said(read: Callable[..., Reading], tmp_path: Path) -> None:
    (tmp_path / "project" / "roles" / "web").mkdir(parents=True)
    told = said(read({"site.yml": "- hosts: web\n  roles: [web]\n"}))
    assert "role web is an empty folder, roles/web" in told["role-empty"]


def test_an_import_without_a_name_ends_nothing(read: Callable[..., Reading]) -> None:
    assert "playbook-not-found" in said(read({"site.yml": "- import_playbook: ''\n- hosts: web\n  tasks: []\n"}))


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe anywhere in the project: opening one would wait for ever."""
    play = "- hosts: web\n  roles: [web]\n  tasks: [{copy: {src: pipe.yml, dest: /etc/app.conf}}]\n"
    write_files(tmp_path, {"site.yml": play, "hosts": HOSTS, "roles/web/vars/main/a.yml": "a: 1\n"})
    for name in ("web.yml", "pipe.yml", "inventory", "roles/web/vars/main/b.yml", "roles/web/defaults.yml"):
        os.mkfifo(tmp_path / name)
    reading = read_at(tmp_path)
    assert [host.name for host in reading.project.applications[0].hosts] == ["web1"]


def test_folders_that_may_not_be_looked_into_end_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for another user: what lies in them is as if it were not there, and the rest is read."""
    closed = tmp_path / "roles" / "closed"
    write_files(
        tmp_path,
        {"site.yml": "- hosts: web\n  roles: [closed]\n", "hosts": HOSTS, "roles/closed/tasks/main.yml": "[]\n"},
    )
    stat, scandir, access = os.stat, os.listdir, os.access

    def refuse(path: object, *, itself: bool) -> None:
        where = Path(os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else tmp_path
        if where.is_relative_to(closed) and (itself or where != closed):
            raise PermissionError(13, "Permission denied", str(where))

    def stat_refused(path: object, **kwargs: object) -> os.stat_result:
        refuse(path, itself=False)
        return stat(path, **kwargs)  # type: ignore[arg-type]

    def list_refused(path: object = ".") -> list[str]:
        refuse(path, itself=True)
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "stat", stat_refused)
    monkeypatch.setattr(os, "listdir", list_refused)
    monkeypatch.setattr(os, "access", lambda path, mode: os.fsdecode(path) != str(closed) and access(path, mode))
    reading = read_at(tmp_path)
    assert "roles/closed cannot be read: Permission denied" in said(reading)["role-empty"]
    assert [host.name for host in reading.project.applications[0].hosts] == ["web1"]


def test_a_folder_that_was_given_and_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UsageError, match="cannot be read: Permission denied; check its permissions"):
        find_layout(Request(project=tmp_path))


def test_a_file_reached_through_the_folder_above_is_named_by_its_own_path(tmp_path: Path) -> None:
    play = "- hosts: web\n  tasks: [{copy: {src: ../conf/app.conf, dest: /etc/app.conf}}]\n"
    write_files(tmp_path, {"ansible/site.yml": play, "ansible/hosts": HOSTS, "conf/app.conf": "a=1\n"})
    (task,) = read_at(tmp_path).project.applications[0].tasks
    (_, content), *_ = task.invocations[0].contents
    assert content.source.file == "conf/app.conf"


def test_a_role_that_ansible_cfg_finds_outside_is_named_with_the_way_to_read_it(tmp_path: Path) -> None:
    files = {
        "shop/ansible.cfg": "[defaults]\nroles_path = roles:../shared\n",
        "shop/site.yml": "- hosts: web\n  roles: [web]\n",
        "shop/hosts": HOSTS,
        "shared/web/tasks/main.yml": "- name: One\n  command: uptime\n",
    }
    write_files(tmp_path, files)
    assert "role web lies outside of the folder that is read" in said(read_at(tmp_path / "shop"))["role-not-found"]
    assert [task.name for task in read_at(tmp_path).project.applications[0].tasks] == ["One"]


def test_a_list_of_hosts_in_place_of_an_inventory_says_what_to_do(tmp_path: Path) -> None:
    write_files(tmp_path, {"site.yml": "- hosts: web\n  tasks: []\n"})
    with pytest.raises(UsageError, match="write them into a file"):
        read_at(tmp_path, inventories=("web1,web2",))
