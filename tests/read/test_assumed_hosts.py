"""Plays whose hosts no inventory names are read for one assumed host a pattern, with the variables of its group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from analyzer.model import Settings
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import Reading, read_project
from tests.read.conftest import write_files

TASK = "  tasks:\n  - name: {0}\n    apt: {{name: '{{{{ package }}}}'}}\n"


def play(hosts: str, name: str) -> str:
    return f"- hosts: {hosts}\n" + TASK.format(name)


@pytest.fixture
def read_as_is(tmp_path: Path) -> Callable[..., Reading]:
    """Read just these files."""

    def run(files: Mapping[str, str], **request: object) -> Reading:
        asked = Request(project=write_files(tmp_path / "shop", files), **request)  # type: ignore[arg-type]
        return read_project(asked, find_layout(asked), Settings())

    return run


def packages(reading: Reading) -> dict[str, dict[str, object]]:
    """Application -> task -> the package that it installs."""
    return {
        application.name: {task.name: task.invocations[0].args["name"] for task in application.tasks}
        for application in reading.project.applications
    }


def codes(reading: Reading) -> list[str]:
    return [problem.code for problem in reading.project.problems]


VARIABLES = {
    "group_vars/all.yml": "package: common\n",
    "group_vars/web.yml": "package: nginx\n",
    "host_vars/db.yml": "package: pg\n",
}


def test_variables_of_all_of_its_group_and_of_its_name_hold(read_as_is: Callable[..., Reading]) -> None:
    site = play("web", "Web") + play("db", "Database") + play("cache", "Cache")
    found = packages(read_as_is({**VARIABLES, "site.yml": site}))
    assert found == {"web": {"Web": "nginx"}, "db": {"Database": "pg"}, "cache": {"Cache": "common"}}


def test_plays_for_all_are_for_the_hosts_that_others_name(read_as_is: Callable[..., Reading]) -> None:
    reading = read_as_is({**VARIABLES, "site.yml": play("all", "First") + play("web", "Web") + play("web:db", "Both")})
    assert packages(reading) == {
        "web": {"First": "nginx", "Web": "nginx", "Both": "nginx"},
        "db": {"First": "pg", "Both": "pg"},
    }


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("'web:!old'", {"web": ("web",)}),
        ("'web[0]'", {"web": ("web",)}),
        ("[web, db]", {"web": ("web",), "db": ("db",)}),
        ("web,db", {"web": ("web",), "db": ("db",)}),
        ("'web:&production'", {"web": ("production", "web")}),
        ("'all:&web'", {"web": ("web",)}),
        ("'tag_*'", {"tag_": ()}),
        ("all", {"all": ()}),
        ("10.0.0.1", {"10.0.0.1": ()}),
    ],
)
def test_names_in_patterns_are_groups_of_their_hosts(
    hosts: str, expected: dict[str, tuple[str, ...]], read_as_is: Callable[..., Reading]
) -> None:
    (application,) = read_as_is({**VARIABLES, "site.yml": play(hosts, "One")}).project.applications
    assert {host.name: host.groups for host in application.hosts} == expected
    assert [task.name for task in application.tasks] == ["One"]


@pytest.mark.parametrize("hosts", ["all", "localhost", "127.0.0.1"])
def test_an_application_without_a_name_of_its_own_is_called_like_the_project(
    hosts: str, read_as_is: Callable[..., Reading]
) -> None:
    reading = read_as_is({**VARIABLES, "local.yml": play(hosts, "One")})
    assert packages(reading) == {"shop": {"One": "common"}}


def test_this_machine_s_interpreter_is_in_no_template(read_as_is: Callable[..., Reading]) -> None:
    site = play("localhost", "One").replace("package", "ansible_python_interpreter")
    assert packages(read_as_is({"site.yml": site})) == {"shop": {"One": "/usr/bin/python3"}}


def test_hosts_of_a_program_that_is_not_run_are_assumed_and_said(read_as_is: Callable[..., Reading]) -> None:
    inventory = {
        "inventory/ec2.py": "#!/usr/bin/env python\n",
        "inventory/ec2.ini": "[ec2]\nregions = all\n",
        "inventory/static": "[db]\ndb1\n[web:children]\ntag_web\n[tag_web]\n",
        "inventory/group_vars/web.yml": "package: nginx\n",
        "group_vars/all.yml": "package: common\n",
    }
    reading = read_as_is({**inventory, "site.yml": play("tag_web", "Web") + play("db", "Database")})
    assert packages(reading) == {"tag-web": {"Web": "nginx"}, "db": {"Database": "common"}}
    (said,) = [one for one in reading.project.problems if one.code == "hosts-assumed"]
    assert said.message == "no host is known for `tag_web`: one is assumed for each"
    assert "inventory-syntax" not in codes(reading), "the settings of ec2.py are no inventory"
    assert str(reading.project.applications[0].hosts[0].source) == "site.yml:1"


def test_a_pattern_that_may_select_none_of_the_known_hosts_assumes_none(read_as_is: Callable[..., Reading]) -> None:
    files = {"inventory/ec2.py": "#!/usr/bin/env python\n", "inventory/static": "[web]\nweb1\n"}
    reading = read_as_is({**VARIABLES, **files, "site.yml": play("web", "Web") + play("'web:&eu'", "Cut")})
    assert packages(reading) == {"web": {"Web": "nginx"}}
    assert "play-without-match" in codes(reading)


def test_an_inventory_without_hosts_is_said(read_as_is: Callable[..., Reading]) -> None:
    reading = read_as_is({**VARIABLES, "hosts": "[web]\n# web1\n", "site.yml": play("web", "Web")})
    assert packages(reading) == {"web": {"Web": "nginx"}}
    assert "hosts-assumed" in codes(reading)


def test_a_limit_selects_assumed_hosts(read_as_is: Callable[..., Reading]) -> None:
    site = play("web", "Web") + play("db", "Database")
    assert packages(read_as_is({**VARIABLES, "site.yml": site}, limit="db")) == {"db": {"Database": "pg"}}


SNAPSHOT = {
    "evidence/inventory.yml": "all:\n  children:\n    web:\n      hosts:\n        web1: {size: big}\n",
    "site.yml": "- hosts: web\n  tasks:\n  - name: Web\n    apt: {name: '{{ package }}-{{ size }}'}\n",
}


def test_what_was_collected_of_a_dynamic_inventory_is_read_in_its_place(read_as_is: Callable[..., Reading]) -> None:
    dynamic = {"inventory/ec2.py": "#!/usr/bin/env python\n", "inventory/group_vars/web.yml": "package: nginx\n"}
    reading = read_as_is({**SNAPSHOT, **dynamic})
    assert packages(reading) == {"web": {"Web": "nginx-big"}}
    assert "inventory-collected" in codes(reading)
    assert not {"inventory-dynamic", "hosts-assumed"} & set(codes(reading))


def test_what_was_collected_is_not_taken_for_another_environment_or_a_static_inventory(
    read_as_is: Callable[..., Reading],
) -> None:
    dynamic = {f"inventory/{name}/hosts": "#!/usr/bin/env python\n" for name in ("production", "staging")}
    assert "hosts-assumed" in codes(read_as_is({**SNAPSHOT, **dynamic}, environment="staging"))


def test_what_was_collected_is_not_read_beside_a_static_inventory(read_as_is: Callable[..., Reading]) -> None:
    (application,) = read_as_is({**SNAPSHOT, "hosts": "[web]\nweb9\n"}).project.applications
    assert [host.name for host in application.hosts] == ["web9"]
