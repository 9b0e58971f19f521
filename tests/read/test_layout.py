"""Projects are found as Ansible users lay them out: inventories as folders or files, environments as either."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.read.layout import Layout, Request, UsageError, find_layout

PLAY = "- hosts: web\n  tasks: []\n"
HOSTS = "[web]\nweb1\n"
YAML_HOSTS = "all:\n  children:\n    web:\n      hosts:\n        web1:\n"


def layout(root: Path, files: dict[str, str], project: str = ".", **asked: object) -> Layout:
    """Write the files and look."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return find_layout(Request(project=root / project, **asked))  # type: ignore[arg-type]


def shown(root: Path, found: Layout) -> tuple[list[str], str, list[str]]:
    """(inventories, environment, playbooks), relative to the project."""
    return (
        [path.relative_to(root).as_posix() for path in found.inventories],
        found.environment,
        [path.relative_to(root).as_posix() for path in found.playbooks],
    )


SITE = {"site.yml": PLAY}
ENVIRONMENT_FILES = {**SITE, "hosts/production": HOSTS, "hosts/staging": HOSTS, "hosts/README.md": "# hosts\n"}
ENVIRONMENT_FOLDERS = {**SITE, "inventory/live/hosts.yml": YAML_HOSTS, "inventory/staging/hosts": HOSTS}
FLAT = {**SITE, "production": HOSTS, "staging.ini": HOSTS, "LICENSE": "MIT\n", "Vagrantfile": "x = [1]\n",
        "setup.cfg": "[metadata]\nname = x\n", "group_vars/all.yml": "a: 1\n"}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "project", "asked", "inventories", "environment"),
    [
        pytest.param({**SITE, "hosts": HOSTS}, ".", {}, ["hosts"], "production", id="a file beside the playbook"),
        pytest.param({**SITE, "hosts": HOSTS}, "hosts", {}, ["hosts"], "production", id="that file given"),
        pytest.param({**SITE, "hosts": "# web1\n"}, "hosts", {}, ["hosts"], "production", id="one still without hosts, given"),
        pytest.param({**SITE, "hosts.example": HOSTS}, "hosts.example", {}, ["hosts.example"], "production", id="an example, given"),
        pytest.param({**SITE, "hosts-eu.ini": HOSTS}, ".", {}, ["hosts-eu.ini"], "production", id="a file of a like name"),
        pytest.param(ENVIRONMENT_FILES, "hosts", {}, ["hosts/production"], "production", id="files for environments"),
        pytest.param(ENVIRONMENT_FILES, ".", {"environment": "staging"}, ["hosts/staging"], "staging", id="one of them asked for"),
        pytest.param(ENVIRONMENT_FILES, "hosts/staging", {}, ["hosts/staging"], "staging", id="one of them given"),
        pytest.param(ENVIRONMENT_FOLDERS, "inventory/staging", {}, ["inventory/staging"], "staging", id="a folder of several given"),
        pytest.param(ENVIRONMENT_FOLDERS, "inventory", {"environment": "live"}, ["inventory/live"], "live", id="a folder asked for"),
        pytest.param(FLAT, ".", {}, ["production"], "production", id="environment files beside the playbook"),
        pytest.param(FLAT, "staging.ini", {}, ["staging.ini"], "staging", id="one of those given"),
        pytest.param(FLAT, "staging.ini", {"environment": "eu"}, ["staging.ini"], "eu", id="given, and named otherwise"),
        pytest.param({**SITE, "development": HOSTS}, ".", {}, ["development"], "development", id="the only environment there is"),
        pytest.param({**SITE, "ansible.cfg": "[defaults]\ninventory = ./lists/all\n", "lists/all": HOSTS, "hosts": HOSTS},
                     ".", {}, ["lists/all"], "production", id="what ansible.cfg names"),
        pytest.param({**SITE, "inventory/hosts": HOSTS, "inventory/more.yml": YAML_HOSTS}, ".", {}, ["inventory"],
                     "production", id="a folder of sources that belong together"),
        pytest.param({"deploy/play.yml": PLAY, "deploy/hosts": HOSTS}, "deploy", {}, ["deploy/hosts"], "production",
                     id="a project folder without site.yml"),
        pytest.param({**SITE, "environments/live/inventory.ini": HOSTS, "environments/qa/inventory.ini": HOSTS}, ".",
                     {"environment": "qa"}, ["environments/qa"], "qa", id="folders in environments/"),
        pytest.param({**SITE, "hosts": HOSTS, "staging": HOSTS}, ".", {"environment": "staging"}, ["staging"], "staging",
                     id="an environment beside the usual file, asked for"),
        pytest.param({**SITE, "ansible.cfg": "[defaults]\ninventory = envs/eu/hosts\n", "envs/eu/hosts": HOSTS, "envs/us/hosts": HOSTS},
                     ".", {}, ["envs/eu/hosts"], "eu", id="a file in an environment's folder that ansible.cfg names"),
        pytest.param({**SITE, "ansible.cfg": "[defaults]\ninventory = envs/eu/hosts\n", "envs/eu/hosts": HOSTS, "envs/us/hosts": HOSTS},
                     ".", {"environment": "us"}, ["envs/us/hosts"], "us", id="the one beside it, asked for"),
        pytest.param({**SITE, "ansible.cfg": "[defaults]\ninventory = a.ini, more/b.ini\n", "a.ini": HOSTS, "more/b.ini": HOSTS},
                     ".", {}, ["a.ini", "more/b.ini"], "production", id="several sources in ansible.cfg"),
        pytest.param({**SITE, "inventories/prod/main.yml": YAML_HOSTS, "inventories/dev/main.yml": YAML_HOSTS}, ".",
                     {"environment": "prod"}, ["inventories/prod"], "prod", id="environments whose files have names of their own"),
        pytest.param({**SITE, "inventory/by_team/a.ini": HOSTS, "inventory/by_cloud/b.ini": HOSTS}, ".", {}, ["inventory"],
                     "production", id="a folder whose folders are parts of one inventory"),
        pytest.param({**SITE, "web.aws_ec2.yml": "plugin: amazon.aws.aws_ec2\n"}, ".", {}, ["web.aws_ec2.yml"], "production",
                     id="the configuration of an inventory plugin"),
        pytest.param({**SITE, ".vagrant/provisioners/ansible/inventory/vagrant_ansible_inventory": HOSTS}, ".", {},
                     [".vagrant/provisioners/ansible/inventory/vagrant_ansible_inventory"], "production", id="Vagrant's own"),
        pytest.param({**SITE, "environments/live/inventory": HOSTS, "environments/live/files/a.pem": "x\n", "environments/live/secrets/s.yml": "a: 1\n"},
                     ".", {}, ["environments/live/inventory"], "live", id="an environment's inventory among its other files"),
        pytest.param({**SITE, "inventory/hosts": HOSTS, "inventory/files/a.pem": "x\n", "inventory/group_vars/all.yml": "a: 1\n"},
                     ".", {}, ["inventory/hosts"], "production", id="an inventory folder with other things in it"),
        pytest.param({**SITE, "inventories/qa/group_vars/all.yml": "a: 1\n", "inventories/dev/group_vars/all.yml": "a: 2\n"}, ".",
                     {"environment": "qa"}, ["inventories/qa"], "qa", id="environments of which only the variables are there"),
        pytest.param({"playbooks/web.yml": PLAY, "inventory/production/hosts": HOSTS, "roles/a/tasks/main.yml": "[]\n"},
                     "inventory/production/hosts", {}, ["inventory/production/hosts"], "production",
                     id="a file three folders below the project"),
    ],
)  # fmt: skip
def test_the_inventory_and_its_environment_are_found(
    files: dict[str, str], project: str, asked: dict[str, str], inventories: list[str], environment: str, tmp_path: Path
) -> None:
    found = shown(tmp_path, layout(tmp_path, files, project, **asked))
    assert found[:2] == (inventories, environment)
    assert found[2], "the playbook was not found"


def test_playbooks_licences_and_vagrantfiles_are_no_inventories(tmp_path: Path) -> None:
    files = {"web.yml": PLAY, "db.yml": PLAY, "LICENSE": "MIT\n", "Vagrantfile": "Vagrant.configure(2)\n",
             "group_vars/all.yml": "a: 1\n", "README": "[web]\n"}  # fmt: skip
    found = layout(tmp_path, files)
    assert found.inventories == ()
    assert [problem.code for problem in found.problems] == ["inventory-not-found", "playbooks-chosen"]


def test_several_environments_and_no_production_are_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dev, qa.*--env NAME"):
        layout(tmp_path, {**SITE, "hosts/dev": HOSTS, "hosts/qa": HOSTS})


def test_a_file_that_is_no_inventory_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a file and no inventory"):
        layout(tmp_path, {**SITE, "hosts": HOSTS}, "site.yml")


def test_a_playbook_that_another_one_imports_is_not_read_twice(tmp_path: Path) -> None:
    files = {"all.yml": "- import_playbook: user.yml\n- ansible.builtin.import_playbook: 'app.yml'\n", "user.yml": PLAY,
             "app.yml": PLAY, "hosts": HOSTS}  # fmt: skip
    assert shown(tmp_path, layout(tmp_path, files))[2] == ["all.yml"]
    files["loop.yml"] = "- import_playbook: loop.yml\n"
    assert shown(tmp_path, layout(tmp_path, files))[2] == ["all.yml"]


def test_a_playbook_that_lies_elsewhere_in_the_repository_widens_what_is_read(tmp_path: Path) -> None:
    files = {
        "environments/live/hosts": HOSTS,
        "environments/live/group_vars/all.yml": "a: 1\n",
        "src/ansible/web.yml": PLAY,
    }
    found = layout(tmp_path, files, "environments/live", playbooks=(str(tmp_path / "src/ansible/web.yml"),))
    assert found.root == tmp_path
    assert shown(tmp_path, found)[::2] == (["environments/live"], ["src/ansible/web.yml"])


@pytest.mark.parametrize(
    "example", ["hosts.example", "inventory/hosts.sample.yml", "inventory.dist", "hosts-template.ini"]
)
def test_an_example_of_an_inventory_is_named_and_not_read(example: str, tmp_path: Path) -> None:
    found = layout(tmp_path, {**SITE, example: YAML_HOSTS if example.endswith("yml") else HOSTS})
    assert found.inventories == ()
    assert found.problems[0].hint.endswith(f"; an example lies in {example}")
