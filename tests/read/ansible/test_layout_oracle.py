"""Repositories read from their top as ansible-core reads them where their people run it: hosts, variables, tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.model import Settings
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import read_inventory
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.read.secrets import SecretBook
from tests.read.ansible.test_oracle import stock
from tests.read.conftest import write_files

HOSTS = "[web]\nweb1\nweb2 size=big\n"
PLAY = "- hosts: web\n  roles: [web]\n  tasks:\n  - name: Own\n    command: uptime\n"
ROLE = "- name: Of the role\n  command: uptime\n"

MAGIC = ("ansible_", "inventory_", "group", "playbook_dir")
"""Variables that Ansible makes itself; `ansible-inventory` does not list them."""

LAYOUTS = {
    "a folder with everything": (
        {"deploy/site.yml": PLAY, "deploy/hosts": HOSTS, "deploy/roles/web/tasks/main.yml": ROLE, "deploy/group_vars/web.yml": "a: 1\n"},
        "deploy", "site.yml", ["-i", "hosts"],
    ),
    "what ansible.cfg names": (
        {
            "infra/ansible/ansible.cfg": "[defaults]\ninventory = ../lists/live, more.ini\nroles_path = ext:../../shared\n",
            "infra/lists/live": HOSTS, "infra/ansible/more.ini": "[web]\nweb3\n[web:vars]\na=2\n", "shared/web/tasks/main.yml": ROLE,
            "infra/ansible/playbooks/site.yml": PLAY, "infra/ansible/playbooks/group_vars/web.yml": "b: 3\n",
        },
        "infra/ansible", "playbooks/site.yml", [],
    ),
    "a configuration above the playbooks": (
        {
            "ansible.cfg": "[defaults]\nhash_behaviour = merge\nroles_path = ansible/roles\n", "ansible/site.yml": PLAY,
            "ansible/roles/web/tasks/main.yml": ROLE, "ansible/inventories/production/hosts": HOSTS,
            "ansible/inventories/production/group_vars/web.yml": "m: {a: 1}\n", "ansible/group_vars/all.yml": "m: {b: 2}\n",
        },
        ".", "ansible/site.yml", ["-i", "ansible/inventories/production"],
    ),
    "an inventory of many folders": (
        {
            "inventory/by_team/a.ini": HOSTS, "inventory/by_team/.b.ini": "[web]\nno1\n", "inventory/by_cloud/c.yml": "web: {hosts: {web4: {}}}\n",
            "inventory/by_cloud/notes.md": "web9\n", "inventory/old.ini.bak": "[web]\nno2\n", "inventory/group_vars/web.yml": "a: 1\n",
            "inventory/by_team/group_vars/web.yml": "never: 1\n", "playbooks/site.yml": PLAY, "roles/web/tasks/main.yml": ROLE,
            "ansible.cfg": "[defaults]\ninventory = inventory\nroles_path = roles\n",
        },
        ".", "playbooks/site.yml", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_hosts_variables_and_tasks_equal_ansibles(name: str, tmp_path: Path) -> None:
    files, folder, playbook, options = LAYOUTS[name]
    root = write_files(tmp_path / "p", files)
    cwd = root / folder
    play_folder = str((cwd / playbook).parent)
    listed = json.loads(stock(tmp_path, cwd, "ansible-inventory", *options, "--playbook-dir", play_folder, "--list"))
    told = stock(tmp_path, cwd, "ansible-playbook", *options, playbook, "--list-tasks", "--list-hosts")
    lines = [line.partition("TAGS:")[0].strip() for line in told.splitlines()]

    asked = Request(project=root)
    layout = find_layout(asked)
    assert (layout.base, layout.playbooks) == (cwd, (cwd / playbook,))
    (application,) = read_project(asked, layout, Settings()).project.applications
    hosts = sorted(host.name for host in application.hosts)
    assert hosts == sorted(line for line in lines if line in listed["_meta"]["hostvars"] or line in hosts)
    assert [task.name for task in application.tasks] == [
        line.removeprefix("web : ") for line in lines if line.endswith(("Own", "role"))
    ]

    merge = "merge" in files.get("ansible.cfg", "")
    inventory = read_inventory(root, layout.inventories, Path(play_folder), SecretBook(), merge_hashes=merge)
    for host in hosts:
        wanted = {
            key: value
            for key, value in listed["_meta"]["hostvars"].get(host, {}).items()
            if not key.startswith("ansible_")
        }
        ours = {key: plain(value) for key, value in inventory.variables_of(host).items()}
        assert {key: ours[key] for key in ours if not key.startswith(MAGIC)} == wanted
