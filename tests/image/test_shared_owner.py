"""Files on a shared file system belong to a number, and the image's account has that number in every build."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli
from tests.docker.fargate import docker

USER = {"name": "app"}
UNIT = "[Service]\nUser={user}\nExecStart=/usr/bin/sleep 1000\n"
ANSWERS = "facts: {distribution: Debian, distribution_version: '12', os_family: Debian}\n"


def analyzed(folder: Path, accounts: list[Mapping[str, object]], seen: str, user: str = "app") -> Path:
    """The bundle of a project whose `user` fills a folder; `seen`: its line in the host's /etc/passwd."""
    tasks: list[Mapping[str, object]] = [
        *accounts,
        {"file": {"path": "/var/lib/shop", "state": "directory", "owner": user, "mode": "0750"}},
        {"copy": {"dest": "/etc/systemd/system/shop.service", "content": UNIT.format(user=user)}},
        {"systemd": {"name": "shop", "state": "started"}},
    ]
    (folder / "hosts").write_text("web1\n", encoding="utf-8")
    (folder / "site.yml").write_text(yaml.safe_dump([{"hosts": "all", "tasks": tasks}]), encoding="utf-8")
    (folder / "migrate.yml").write_text(ANSWERS, encoding="utf-8")
    if seen:
        (folder / "evidence" / "web1" / "fs" / "etc").mkdir(parents=True)
        passwd = f"root:x:0:0:root:/root:/bin/bash\n{user}:x:{seen}::/home/{user}:/bin/sh\n"
        (folder / "evidence" / "web1" / "fs" / "etc" / "passwd").write_text(passwd, encoding="utf-8")
    answer = CliRunner().invoke(cli, [str(folder), "--out", str(folder / "out"), "--timezone", "UTC"])
    assert answer.exit_code in (0, 1), answer.output
    return folder / "out" / "web1"


def shared(bundle: Path) -> str:
    """`UID GID` of the access point."""
    text = (bundle / "infra" / "production" / "terraform.tfvars").read_text(encoding="utf-8")
    found = re.search(r"uid\s*= (\d+)\s*gid\s*= (\d+)", text)
    assert found, text
    return f"{found[1]} {found[2]}"


def made(bundle: Path) -> str:
    """`UID GID` of the image's user, from running what the Dockerfile says of accounts in its base image."""
    lines = [
        line
        for line in (bundle / "app" / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    steps = [text for text in re.split(r"\n(?=[A-Z])", "\n".join(lines)) if re.search(r"useradd|groupadd", text)]
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    script = "\n".join(step.removeprefix("RUN ") for step in steps)
    base = lines[0] if lines[0].startswith("FROM") else next(line for line in lines if line.startswith("FROM"))
    shell = f"set -e\n{script}\necho $(id -u {user}) $(id -g {user})"
    return docker("run", "--rm", "--network=none", base.split()[1], "sh", "-c", shell).stdout.strip()


CASES: dict[str, tuple[list[Mapping[str, object]], str, str]] = {
    "no number anywhere": ([{"user": USER}], "", "1000 1000"),
    "the hosts' number": ([{"user": USER}], "1204:1301", "1204 1301"),
    "a system account of the hosts": ([{"user": {**USER, "system": True}}], "998:997", "998 997"),
    "a system account of no host": ([{"user": {**USER, "system": True}}], "", "1000 1000"),
    "the role's number": ([{"user": {**USER, "uid": 1500}}], "", "1500 1500"),
    "a low number of the role": ([{"user": {**USER, "uid": 900}}], "", "900 900"),
    "the number of the role, the group of the hosts": (
        [{"group": {"name": "shop"}}, {"user": {**USER, "uid": 1500, "group": "shop"}}], "1500:1600", "1500 1600",
    ),
    "a group of its own before it": ([{"group": {"name": "app"}}, {"user": USER}], "", "1000 100"),
    "a number that another account has": ([{"user": {"name": "other", "uid": 1000}}, {"user": USER}], "", "1001 1001"),
    "the hosts' number, given to another": (
        [{"user": {"name": "other", "uid": 1204}}, {"user": USER}], "1204:1204", "1204 1204",
    ),
    "an account that is changed later": (
        [{"user": USER}, {"user": {**USER, "groups": ["www-data"], "append": True}}], "1204:1204", "1204 1204",
    ),
    "an account of the base image": ([], "", "33 33"),
    "an account of the base image that a task changes": (
        [{"user": {"name": "www-data", "shell": "/bin/sh"}}], "", "33 33",
    ),
}  # fmt: skip
DIFFERENT = {"the hosts' number, given to another"}
"""The role contradicts the hosts: the files keep the hosts' number, and a problem says so."""


@pytest.mark.docker
@pytest.mark.parametrize("case", CASES)
def test_the_image_and_the_file_system_have_one_number(case: str, tmp_path: Path) -> None:
    """What `id` says in the image is what the access point acts as."""
    accounts, seen, expected = CASES[case]
    user = "www-data" if "base image" in case else "app"
    bundle = analyzed(tmp_path, accounts, seen, user)
    assert shared(bundle) == expected
    if case not in DIFFERENT:
        assert made(bundle) == expected


@pytest.mark.parametrize(
    ("uid", "seen", "warned"), [(1500, "1400:1400", True), (1500, "1500:1500", False), (1500, "", False)]
)
def test_a_role_that_contradicts_the_hosts_is_said(uid: int, seen: str, warned: bool, tmp_path: Path) -> None:
    """Nobody's number is changed silently: the page names both, and what to do."""
    bundle = analyzed(tmp_path, [{"user": {**USER, "uid": uid}}], seen)
    text = (bundle.parent / "plan.json").read_text(encoding="utf-8")
    assert ("shared-files-owner" in text) is warned
    assert ("on the hosts it is 1400:1400, the roles make it 1500:1500" in text) is warned
    assert f"useradd -u {uid} -m app" in (bundle / "app" / "Dockerfile").read_text(encoding="utf-8")


def test_hosts_that_disagree_are_said(tmp_path: Path) -> None:
    """One file system has one number for an account: whose it is, and whose files need another copy, is said."""
    analyzed(tmp_path, [{"user": USER}], "1204:1204")
    (tmp_path / "hosts").write_text("web1\nweb2\n", encoding="utf-8")
    passwd = tmp_path / "evidence" / "web2" / "fs" / "etc" / "passwd"
    passwd.parent.mkdir(parents=True)
    passwd.write_text("app:x:1300:1300::/home/app:/bin/sh\n", encoding="utf-8")
    answer = CliRunner().invoke(cli, [str(tmp_path), "--out", str(tmp_path / "two"), "--timezone", "UTC"])
    assert answer.exit_code in (0, 1), answer.output
    text = (tmp_path / "two" / "plan.json").read_text(encoding="utf-8")
    assert "different numbers (web1 1204:1204, web2 1300:1300); its files move to one file system, where web1's" in text
    (bundle,) = (path.parent for path in (tmp_path / "two").glob("*/infra"))
    assert shared(bundle) == "1204 1204"


def test_without_shared_files_accounts_stay_as_the_playbook_makes_them(tmp_path: Path) -> None:
    """A number is given only where files outlive the image."""
    (tmp_path / "inner").mkdir()
    bundle = analyzed(tmp_path / "inner", [{"user": USER}], "1204:1204")
    assert "useradd -u 1204" in (bundle / "app" / "Dockerfile").read_text(encoding="utf-8")
    (tmp_path / "inner" / "migrate.yml").write_text(f"{ANSWERS}answers: {{'data:/var/lib/shop': scratch}}\n")
    answer = CliRunner().invoke(cli, [str(tmp_path / "inner"), "--out", str(tmp_path / "out"), "--timezone", "UTC"])
    assert answer.exit_code in (0, 1), answer.output
    dockerfile = (tmp_path / "out" / "web1" / "app" / "Dockerfile").read_text(encoding="utf-8")
    assert "useradd -m app" in dockerfile
