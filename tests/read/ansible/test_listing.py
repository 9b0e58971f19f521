"""An inventory given as `ansible-inventory --list` or an inventory script prints it."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from analyzer.read.ansible.inventory import Inventory, read_inventory
from analyzer.read.project import Reading
from analyzer.read.secrets import SecretBook

FIXTURE = Path(__file__).parents[3] / "fixtures" / "accounting"
LISTING = {
    "_meta": {"hostvars": {"web1": {"port": 80, "db_password": "hunter22"}}},
    "all": {"children": ["ungrouped", "web"]},
    "web": {"hosts": ["web1"], "vars": {"size": "{{ port }}0"}, "children": ["blue"]},
    "blue": ["web2"],
    "db1": {"role": "database"},
}


def of(inventory: Inventory) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Groups without those that hold nothing, and every host's variables."""
    groups = {name: sorted(hosts) for name, hosts in inventory.groups().items() if hosts}
    places = ("inventory_file", "inventory_dir", "playbook_dir")
    return groups, {
        host: {key: value for key, value in inventory.variables_of(host).items() if key not in places}
        for host in sorted(inventory.host_names)
    }


@pytest.mark.parametrize("options", [["--export"], [], ["--yaml"]])
@pytest.mark.parametrize("environment", ["production", "development"])
def test_what_ansible_inventory_prints_is_that_inventory(environment: str, options: list[str], tmp_path: Path) -> None:
    """Hosts, groups and variables of the fixture are the same from a listing as from its files."""
    source = FIXTURE / "inventory" / environment
    program = Path(sys.executable).with_name("ansible-inventory")
    listing = subprocess.run([program, "-i", source, "--list", *options], capture_output=True, check=True).stdout
    saved = tmp_path / ("hosts.yml" if "--yaml" in options else "hosts.json")
    saved.write_bytes(listing)
    assert of(read_inventory(tmp_path, [saved], tmp_path, SecretBook())) == of(
        read_inventory(FIXTURE, [source], FIXTURE, SecretBook())
    )


@pytest.mark.parametrize("name", ["hosts.json", "hosts", "hosts.yml"])
def test_every_form_of_a_group_is_read(name: str, read: Callable[..., Reading]) -> None:
    """Lists of hosts, variables of a host with the group's name, children; a secret of a host is none of the outputs."""
    project = {
        "site.yml": "- hosts: web\n  tasks:\n    - command: echo {{ size }}\n      args: {chdir: /srv}\n",
        "inventory/hosts": "",
        f"saved/{name}": json.dumps(LISTING),
    }
    reading = read(project, inventories=(f"saved/{name}",))
    (application,) = reading.project.applications
    assert [host.name for host in application.hosts] == ["web1", "web2"]
    assert [problem.code for problem in reading.project.problems if "inventory" in problem.code] == []
    assert "hunter22" not in reading.book.redact("db_password: hunter22")


def test_a_listing_that_ends_too_early_makes_no_hosts(read: Callable[..., Reading]) -> None:
    """JSON that cannot be read is no INI file with hosts whose names are braces."""
    project = {"site.yml": "- hosts: all\n", "more/hosts.json": json.dumps(LISTING, indent=1)[:-9]}
    reading = read(project, inventories=("inventory", "more/hosts.json"))
    (problem,) = [one for one in reading.project.problems if one.code == "inventory-syntax"]
    assert str(problem.source) == "more/hosts.json:31"
    assert [host.name for one in reading.project.applications for host in one.hosts] == ["web1"]
