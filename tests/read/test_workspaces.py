"""A project is found where it lies: in the folder that was given, some folders down, or above an inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.model import Settings
from analyzer.read.layout import Request, UsageError, find_layout
from analyzer.read.playbook_files import looks_like_playbook
from analyzer.read.project import read_project
from tests.read.conftest import write_files
from tests.read.test_layout import HOSTS, PLAY, layout

TASKS = "- name: One\n  command: uptime\n"


def lies(root: Path, files: dict[str, str], project: str = ".", **asked: object) -> tuple[str, list[str], list[str]]:
    """(the folder Ansible is run in, playbooks, inventories), relative to `root`."""
    found = layout(root, files, project, **asked)
    return (
        found.base.relative_to(root).as_posix(),
        [path.relative_to(root).as_posix() for path in found.playbooks],
        [path.relative_to(root).as_posix() for path in found.inventories],
    )


def codes(root: Path, files: dict[str, str], project: str = ".") -> list[str]:
    return [problem.code for problem in layout(root, files, project).problems]


@pytest.mark.parametrize("folder", ["deploy", "ansible", "provisioning", "infra/ansible", "ops/deploy/ansible"])
@pytest.mark.parametrize("playbook", ["site.yml", "web.yml", "playbooks/site.yml", "playbooks/web.yml"])
def test_a_project_is_found_some_folders_down(folder: str, playbook: str, tmp_path: Path) -> None:
    files = {f"{folder}/{playbook}": PLAY, f"{folder}/hosts": HOSTS, "src/app.yml": "name: app\n", "README.md": "x\n"}
    assert lies(tmp_path, files) == (folder, [f"{folder}/{playbook}"], [f"{folder}/hosts"])
    assert lies(tmp_path, files, folder) == lies(tmp_path, files)
    assert lies(tmp_path, files, f"{folder}/hosts") == lies(tmp_path, files)
    assert find_layout(Request(project=tmp_path)).root == tmp_path, "what a playbook takes from ../ is in the project"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"ansible.cfg": "[defaults]\n", "ansible/site.yml": PLAY, "ansible/inventories/live/hosts": HOSTS},
            (".", ["ansible/site.yml"], ["ansible/inventories/live"]),
            id="ansible.cfg above the playbooks, the inventory beside them",
        ),
        pytest.param(
            {
                "infra/ansible.cfg": "[defaults]\ninventory = ../lists/all\n",
                "infra/plays/a.yml": PLAY,
                "lists/all": HOSTS,
            },
            ("infra", ["infra/plays/a.yml"], ["lists/all"]),
            id="ansible.cfg in a folder, its inventory outside of that",
        ),
        pytest.param(
            {"playbooks/web/main.yml": PLAY, "playbooks/web/hosts": HOSTS},
            ("playbooks/web", ["playbooks/web/main.yml"], ["playbooks/web/hosts"]),
            id="a folder for each playbook",
        ),
        pytest.param(
            {"provisioning/playbook.yml": PLAY, "packer/playbook.yml": PLAY, "Vagrantfile": "x\n"},
            ("provisioning", ["provisioning/playbook.yml"], []),
            id="Vagrant's and Packer's beside each other",
        ),
        pytest.param(
            {"packer/ansible/web.yml": PLAY}, ("packer/ansible", ["packer/ansible/web.yml"], []), id="Packer's alone"
        ),
        pytest.param(
            {"ansible/site.yml": PLAY, "ansible/hosts": HOSTS, "ansible/old/site.yml": PLAY, "tools/run.yml": PLAY},
            ("ansible", ["ansible/site.yml"], ["ansible/hosts"]),
            id="a whole project beside a stray playbook",
        ),
        pytest.param(
            {"deploy.yml": PLAY, "hosts": HOSTS, "tools/ansible/site.yml": PLAY, "tools/ansible/hosts": HOSTS},
            (".", ["deploy.yml"], ["hosts"]),
            id="playbooks in the folder itself come first",
        ),
        pytest.param(
            {"ansible/web.yml": PLAY, "inventories/live/hosts": HOSTS},
            ("ansible", ["ansible/web.yml"], ["inventories/live"]),
            id="the inventory beside the folder of the playbooks",
        ),
    ],
)
def test_layouts_of_repositories(
    files: dict[str, str], expected: tuple[str, list[str], list[str]], tmp_path: Path
) -> None:
    assert lies(tmp_path, files) == expected


def test_what_was_chosen_and_what_is_beside_it_is_said(tmp_path: Path) -> None:
    found = layout(tmp_path, {"ansible/site.yml": PLAY, "ansible/hosts": HOSTS, "tools/run.yml": PLAY})
    (problem,) = found.problems
    assert problem.code == "project-chosen"
    assert "lies in ansible/; also there: tools/ (run.yml)" in problem.message
    found = layout(tmp_path, {"web.yml": PLAY, "hosts": HOSTS})
    assert "read as playbooks: web.yml; not read: ansible/ (site.yml), tools/ (run.yml)" in found.problems[-1].message


def test_projects_that_are_as_good_as_each_other_are_asked_for(tmp_path: Path) -> None:
    files = {
        f"{name}/{file}": text for name in ("blog", "shop") for file, text in (("site.yml", PLAY), ("hosts", HOSTS))
    }
    with pytest.raises(
        UsageError, match=r"holds 2 Ansible projects: blog/ \(site.yml\), shop/ \(site.yml\); give the folder"
    ):
        layout(tmp_path, files)
    assert lies(tmp_path, files, "shop")[1:] == (["shop/site.yml"], ["shop/hosts"])
    assert lies(tmp_path, files, playbooks=("shop/site.yml",))[1:] == (["shop/site.yml"], ["shop/hosts"])
    assert lies(tmp_path, files, inventories=("shop/hosts",))[1:] == (["shop/site.yml"], ["shop/hosts"])


def test_a_playbook_is_named_from_the_project_s_own_folder_too(tmp_path: Path) -> None:
    files = {"ansible/site.yml": PLAY, "ansible/web.yml": PLAY, "ansible/hosts": HOSTS}
    assert lies(tmp_path, files, playbooks=("web.yml",)) == ("ansible", ["ansible/web.yml"], ["ansible/hosts"])
    with pytest.raises(UsageError, match=r"--playbook wbe.yml: no such file; there is ansible/site.yml"):
        layout(tmp_path, files, playbooks=("wbe.yml",))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"ansible.cfg": "[defaults]\nroles_path = roles\n", "ansible/site.yml": PLAY}, id="ansible.cfg"),
        pytest.param({"roles/a/tasks/main.yml": TASKS, "playbooks/site.yml": PLAY}, id="roles"),
        pytest.param({"inventory/hosts": HOSTS, "playbooks/site.yml": PLAY}, id="an inventory"),
        pytest.param({"ansible.cfg": "[defaults]\n", "playbooks/web/site.yml": PLAY}, id="a folder for each playbook"),
    ],
)
def test_the_folder_above_counts_where_the_project_is_run_from_there(files: dict[str, str], tmp_path: Path) -> None:
    folder = next(name for name in files if name.endswith("site.yml")).rpartition("/")[0]
    found = layout(tmp_path / "repository", files, folder)
    assert (found.root, found.base) == (tmp_path / "repository", tmp_path / "repository")
    assert [path.name for path in found.playbooks] == ["site.yml"]


def test_an_inventory_that_ansible_cfg_names_and_that_is_not_there_is_said(tmp_path: Path) -> None:
    files = {"site.yml": PLAY, "ansible.cfg": "[defaults]\nforks = 5\ninventory = hosts\n"}
    first, second = layout(tmp_path, files).problems
    assert (first.code, str(first.source)) == ("inventory-configured-absent", "ansible.cfg:3")
    assert second.code == "inventory-not-found"


def test_a_project_without_a_playbook_says_so(tmp_path: Path) -> None:
    assert codes(tmp_path, {"inventory/hosts": HOSTS}) == ["playbooks-not-found"]
    files = {"roles/web/tasks/main.yml": TASKS}
    with pytest.raises(UsageError, match=r"there are roles \(web\) but no playbook that uses them"):
        layout(tmp_path / "roles only", files)
    role = {"tasks/main.yml": TASKS, "meta/main.yml": "galaxy_info: {}\n", "tests/test.yml": PLAY}
    with pytest.raises(
        UsageError, match=r"this is a role: .* playbooks of tests are only read when named: tests/test.yml"
    ):
        layout(tmp_path / "role", role)
    assert lies(tmp_path / "role", role, playbooks=("tests/test.yml",))[1] == ["tests/test.yml"]
    with pytest.raises(UsageError, match="this is a collection"):
        layout(tmp_path / "collection", {"galaxy.yml": "name: a\n", "roles/web/tasks/main.yml": TASKS})


def test_a_submodule_that_is_not_checked_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "roles" / "web").mkdir(parents=True)
    files = {"site.yml": PLAY, "hosts": HOSTS, ".gitmodules": '[submodule "web"]\n\tpath = roles/web\n\turl = x\n'}
    (problem,) = layout(tmp_path, files).problems
    assert problem.code == "submodule-missing"
    assert "not checked out: roles/web; " in problem.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PLAY, True),
        ("---\n# all\n-\n  name: web\n  hosts: web\n", True),
        ("  - name: web\n    hosts: web\n", True),
        ("- import_playbook: web.yml\n", True),
        ('- "hosts": web\n', True),
        ("- include: gone.yml\n", True),
        (TASKS, False),
        ("- include: tasks.yml\n", False),
        ("- name: One\n  template:\n    hosts: a\n", False),
        ("tls:\n- hosts:\n  - example.org\n", False),
        ("web:\n  hosts:\n    web1:\n", False),
        ("", False),
    ],
)
def test_a_playbook_is_a_list_of_plays(text: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").write_text(TASKS, encoding="utf-8")
    path = tmp_path / "file.yml"
    path.write_text(text, encoding="utf-8")
    assert looks_like_playbook(path) is expected


def test_playbooks_of_other_environments_are_not_read(tmp_path: Path) -> None:
    files = {f"{name}.yml": PLAY for name in ("prod", "staging", "common")}
    files |= {"inventories/prod.ini": HOSTS, "inventories/staging.ini": HOSTS}
    assert lies(tmp_path, files, environment="prod")[1] == ["common.yml", "prod.yml"]
    assert lies(tmp_path, files, environment="staging")[1] == ["common.yml", "staging.yml"]
    assert lies(tmp_path, files, environment="staging", playbooks=("prod.yml",))[1] == ["prod.yml"]
    said = layout(tmp_path, files, environment="prod").problems[-1].message
    assert said == "there is no site.yml; read as playbooks: common.yml, prod.yml; not read: staging.yml"
    del files["prod.yml"]
    assert lies(tmp_path / "without", files, environment="prod")[1] == ["common.yml", "staging.yml"]


def test_names_mean_files_of_the_project_before_those_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site.yml of another project from which the program is started is not what `--playbook site.yml` means."""
    files = {
        f"{name}/{file}": text for name in ("blog", "shop") for file, text in (("site.yml", PLAY), ("hosts", HOSTS))
    }
    layout(tmp_path, files, "shop")
    monkeypatch.chdir(tmp_path / "blog")
    asked = Request(project=tmp_path / "shop", playbooks=("site.yml",), inventories=("hosts",))
    found = find_layout(asked)
    assert (found.root, found.playbooks) == (tmp_path / "shop", (tmp_path / "shop" / "site.yml",))
    assert found.inventories == (tmp_path / "shop" / "hosts",)
    found = find_layout(Request(project=tmp_path / "shop", inventories=("../blog/hosts",)))
    assert (found.root, found.inventories) == (tmp_path, (tmp_path / "blog" / "hosts",))


def test_a_collection_s_own_roles_are_found_by_their_full_names(tmp_path: Path) -> None:
    """A collection's repository with playbooks: its roles lie in `roles/`, and no `ansible_collections` is above."""
    files = {
        "galaxy.yml": "---\nnamespace: acme\nname: 'shop'\nversion: 1.0.0\n",
        "playbooks/site.yml": "- hosts: web\n  roles: [acme.shop.web]\n- hosts: web\n  collections: [acme.shop]\n  roles: [api]\n",
        "roles/web/tasks/main.yml": TASKS,
        "roles/api/tasks/main.yml": TASKS.replace("One", "Two"),
    }
    asked = Request(project=write_files(tmp_path, files))
    project = read_project(asked, find_layout(asked), Settings()).project
    assert [task.name for task in project.applications[0].tasks] == ["One", "Two"]
    assert "role-not-found" not in [problem.code for problem in project.problems]
