"""The distribution that hosts without evidence are read for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.read.ansible.distribution import guess_distribution
from analyzer.read.project import Reading

APT = "- apt: {name: jq}\n"
CASES = [
    pytest.param({}, ("Debian", "12"), id="nothing at all"),
    pytest.param({"a.yml": APT}, ("Debian", "12"), id="apt alone"),
    pytest.param({"a.yml": "- yum:\n    name: jq\n"}, ("Rocky", "9"), id="yum alone"),
    pytest.param({"a.yml": "- ansible.builtin.dnf: {name: jq}\n", "b.yml": "- debug: msg='distribution == \"Amazon'\n"},
                 ("Amazon", "2023"), id="dnf and Amazon"),
    pytest.param({"a.yml": APT, "b.yml": "- yum: name=jq\n"}, ("Debian", "12"), id="a role for both families"),
    pytest.param({"a.yml": APT + "- apt_repository: {repo: 'ppa:x/y'}\n"}, ("Ubuntu", "24.04"), id="a PPA"),
    pytest.param({"a.yml": APT, "Vagrantfile": "box = 'ubuntu/jammy64'\n"}, ("Ubuntu", "22.04"), id="a Vagrant box"),
    pytest.param({"a.yml": APT, "ansible.cfg": "[defaults]\nremote_user = ubuntu\n"}, ("Ubuntu", "24.04"), id="an account"),
    pytest.param({"a.yml": APT, "hosts": "web1 ansible_user=ubuntu\n"}, ("Ubuntu", "24.04"), id="a host's account"),
    pytest.param({"a.yml": "- yum: name=jq\n", "hosts": "web1 ansible_ssh_user=ec2-user\n"}, ("Amazon", "2023"),
                 id="an account of Amazon Linux"),
    pytest.param({"a.yml": APT, "README.md": "For an Ubuntu 20.04 server, and ubuntu/ too.\n"}, ("Ubuntu", "20.04"), id="a README"),
    pytest.param({"a.yml": APT, "README.md": "Deploys to a Debian 11 host.\n"}, ("Debian", "11"), id="a README of Debian"),
    pytest.param({"a.yml": "- apt: name=postgresql-10-postgis-2.4\n"}, ("Ubuntu", "18.04"), id="a version of one release"),
    pytest.param({"a.yml": "- apt: name=php8.2-fpm\n"}, ("Debian", "12"), id="a version of one release of Debian"),
    pytest.param({"a.yml": "- apt: name=php8.1-fpm\n- apt_repository: repo='deb https://packages.sury.org/php/ x main'\n"},
                 ("Debian", "12"), id="a version of another archive"),
    pytest.param({"a.yml": "- apt: {name: [libmysqlclient-dev]}\n"}, ("Ubuntu", "24.04"), id="a package of Ubuntu alone"),
    pytest.param({"a.yml": APT + "  when: ansible_distribution == 'Ubuntu'\n# for jammy\n"}, ("Ubuntu", "22.04"), id="a condition"),
    pytest.param({"a.yml": APT + "  when: ansible_distribution == 'Ubuntu'\n", "b.yml": APT +
                  "  when: ansible_distribution == 'Debian' or ansible_facts['distribution'] == 'Debian'\n"},
                 ("Debian", "12"), id="more of Debian"),
    pytest.param({"evidence/h/x.yml": "- yum: name=jq\n", "tests/t.yml": "- yum: name=jq\n", "a.yml": APT}, ("Debian", "12"),
                 id="what is no part of the run"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_the_project_s_own_texts_tell_it(files: dict[str, str], expected: tuple[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = guess_distribution(tmp_path, [tmp_path])
    assert (found.distribution, found.version) == expected


def test_conditions_go_by_the_assumption_and_a_warning_names_it_with_its_line(read: Callable[..., Reading]) -> None:
    site = (
        "- hosts: web\n  tasks:\n  - yum: {name: httpd}\n  - debug: {msg: x}\n    when: ansible_os_family == 'RedHat'\n"
    )
    reading = read({"site.yml": site})
    assert [task.applies for task in reading.project.applications[0].tasks] == ["yes", "yes"]
    (problem,) = [one for one in reading.project.problems if one.code == "facts-assumed"]
    assert "Rocky 9" in problem.message
    assert str(problem.source) == "site.yml:3"


def test_evidence_needs_no_assumption(read: Callable[..., Reading]) -> None:
    reading = read({"site.yml": "- hosts: web\n  tasks: [{yum: {name: x}}]\n",
                    "evidence/web1/fs/etc/os-release": 'ID=debian\nVERSION_ID="11"\nNAME="Debian GNU/Linux"\n'})  # fmt: skip
    assert "facts-assumed" not in [one.code for one in reading.project.problems]
    assert reading.project.applications[0].hosts[0].facts["distribution"] == "Debian"


def test_what_lies_beside_the_playbooks_and_roles_says_nothing(tmp_path: Path) -> None:
    """A repository holds other things too: only what is run speaks."""
    for name, text in {"src/site.yml": APT, "src/roles/x/tasks/main.yml": APT, "changelog/1.yml": "ppa:x/y\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert guess_distribution(tmp_path, [tmp_path / "src"]).distribution == "Debian"


@pytest.mark.parametrize(
    ("os_release", "python"),
    [
        ('ID=debian\nVERSION_ID="11"\nNAME="Debian GNU/Linux"\n', "3.9.2"),
        ('ID=ubuntu\nVERSION_ID="22.04"\nNAME="Ubuntu"\n', "3.10.12"),
        ('ID=debian\nVERSION_ID="9"\nNAME="Debian GNU/Linux"\n', None),
    ],
)
def test_facts_of_a_release_are_that_release_s_or_unknown(
    read: Callable[..., Reading], os_release: str, python: str | None
) -> None:
    reading = read({"site.yml": "- hosts: web\n  tasks: []\n", "evidence/web1/fs/etc/os-release": os_release})
    assert reading.project.applications[0].hosts[0].facts.get("python_version") == python
