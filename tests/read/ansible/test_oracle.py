"""ansible-core itself is the oracle: inventories, variables, templated arguments, the list of tasks."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from analyzer.model import SECRET_OPEN, Settings, Unknown
from analyzer.read.ansible import walk
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import read_inventory
from analyzer.read.ansible.values import thaw
from analyzer.read.files import Tree
from analyzer.read.hosts import read_host
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.read.secrets import SecretBook

FIXTURE = Path(__file__).parents[3] / "fixtures" / "accounting"

PRECEDENCE = {
    "inventory/hosts": "[web]\nw1 by_host_line=line\nw[2:4]\n[db]\nw1\n[all_of_them:children]\nweb\ndb\n[web:vars]\nby_group=ini\nport=80\n",
    "inventory/more.yml": "late:\n  hosts:\n    w1:\n  vars:\n    ansible_group_priority: 10\n    contested: late\n",
    "inventory/group_vars/all.yml": "level: all\nfrom_all: '{{ level }}'\n",
    "inventory/group_vars/web.yml": "level: web\ncontested: web\n",
    "inventory/group_vars/db/main.yml": "level: db\ncontested: db\n",
    "inventory/host_vars/w1.yml": "level: host\n",
    "group_vars/all.yml": "beside_play: all\n",
    "group_vars/web.yml": "beside_play: web\nlevel: play-web\n",
    "vars/one.yml": "level_file: vars_files\nlevel: vars_files\n",
    "site.yml": """
- hosts: web
  vars: {level_play: play, shared: play}
  vars_files: [vars/one.yml]
  roles:
    - role: first
      param: given
    - role: second
      vars: {shared: role-entry}
  tasks:
    - name: In the play
      copy: {dest: /a, content: "{{ level }} {{ shared }} {{ first_default }} {{ first_var }}"}
      vars: {shared: task}
    - block:
        - name: In a block
          copy: {dest: /b, content: "{{ shared }} {{ in_block }}"}
      vars: {in_block: yes, shared: block}
    - import_role: {name: third}
""",
    "roles/first/defaults/main.yml": "first_default: d1\nshared: default1\nparam: none\nonly_first: 1\n",
    "roles/first/vars/main.yml": "first_var: v1\n",
    "roles/first/tasks/main.yml": "- name: First\n  copy: {dest: /c, content: '{{ param }} {{ shared }} {{ dep }} {{ level }}'}\n",
    "roles/first/meta/main.yml": "dependencies:\n  - role: dependency\n    dep: from-meta\n",
    "roles/dependency/defaults/main.yml": "dep: default\n",
    "roles/dependency/tasks/main.yml": "- name: Dependency\n  copy: {dest: /d, content: '{{ dep }} {{ shared }}'}\n",
    "roles/second/defaults/main/a.yml": "second_a: 1\n",
    "roles/second/defaults/main/b.yml": "second_b: '{{ second_a }}'\n",
    "roles/second/tasks/main.yml": "- import_tasks: inner.yml\n  vars: {inner: 1}\n",
    "roles/second/tasks/inner.yml": "- name: Inner\n  copy: {dest: /e, content: '{{ inner }} {{ shared }} {{ second_b }} {{ first_default }}'}\n",
    "roles/third/defaults/main.yml": "third_default: 3\n",
    "roles/third/tasks/main.yml": "- name: Third\n  copy: {dest: /f, content: '{{ third_default }} {{ shared }}'}\n",
}

MACHINE = {
    "ansible_playbook_python", "ansible_config_file", "ansible_version", "omit", "playbook_dir", "inventory_file",
    "inventory_dir", "role_path", "ansible_role_names", "ansible_play_role_names", "ansible_dependent_role_names",
    "role_names", "play_hosts", "ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch", "ansible_play_name",
    "ansible_search_path", "ansible_collection_name", "ansible_parent_role_names", "ansible_parent_role_paths",
    "ansible_role_name", "role_name", "role_uuid", "ansible_facts", "environment", "ansible_check_mode", "ansible_diff_mode",
    "ansible_forks", "ansible_inventory_sources", "ansible_limit", "ansible_run_tags", "ansible_skip_tags",
    "ansible_verbosity",
}  # fmt: skip
"""Magic variables that say where and with what Ansible runs, or that it computes from the roles."""


COLLECTION_MODULES = (
    "community.general.timezone community.general.ufw community.general.locale_gen ansible.posix.sysctl "
    "ansible.posix.authorized_key ansible.posix.mount"
).split()
"""Modules of collections that the projects name; stock ansible-core refuses to load a play whose modules are absent."""


def environment(folder: Path) -> dict[str, str]:
    """Ansible with its defaults, whatever this machine's user has, and empty modules for absent collections."""
    for name in COLLECTION_MODULES:
        namespace, collection, module = name.split(".")
        path = folder / "collections/ansible_collections" / namespace / collection / "plugins/modules" / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        "HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
    }


def stock(folder: Path, cwd: Path, *command: str) -> str:
    """stdout of one of ansible-core's own programs."""
    program = Path(sys.executable).parent / command[0]
    answer = subprocess.run(
        [str(program), *command[1:]],
        cwd=cwd,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(params=["precedence", "accounting"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, str]:
    """(root, inventory, host)."""
    if request.param == "accounting":
        return FIXTURE, FIXTURE / "inventory" / "production", "acct01"
    for name, text in PRECEDENCE.items():
        path = tmp_path / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "p", tmp_path / "p" / "inventory", "w1"


def test_groups_and_host_variables_equal_ansible_inventory(project: tuple[Path, Path, str], tmp_path: Path) -> None:
    """Ranges, children, priorities, group_vars beside the inventory."""
    root, source, _host = project
    listed = json.loads(stock(tmp_path, root, "ansible-inventory", "-i", str(source), "--list"))
    inventory = read_inventory(root, [source], root, SecretBook())
    groups = inventory.groups()
    for group, data in listed.items():
        if group != "_meta" and "hosts" in data:
            assert set(data["hosts"]) <= set(groups[group])
        for child in data.get("children", ()):
            assert set(groups[child]) <= set(groups[group])
    assert set(listed["_meta"]["hostvars"]) <= set(inventory.host_names)
    for host, variables in listed["_meta"]["hostvars"].items():
        ours = {name: plain(value) for name, value in inventory.variables_of(host).items()}
        for name, value in variables.items():
            if "__ansible_vault" not in str(value):
                assert ours[name] == value or SECRET_OPEN in str(ours[name]), (host, name)


def test_variables_and_arguments_of_every_task_equal_ansibles(
    project: tuple[Path, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each static task sees the variables that ansible-core's VariableManager gives it, and gets its templated arguments."""
    root, source, host = project
    scopes: dict[tuple[str, int], list] = {}
    real = walk.resolve_items

    def record(call, frame, scope, loop, run, folder, where, item_scope):
        items = real(call, frame, scope, loop, run, folder, where, item_scope)
        scopes.setdefault((where.file, where.line), []).append((scope, items, loop))
        return items

    monkeypatch.setattr(walk, "resolve_items", record)
    request = Request(project=source.parent if source.name == "production" else source)
    reading = read_project(request, find_layout(request), Settings())
    (application,) = [each for each in reading.project.applications if host in [one.name for one in each.hosts]]
    facts = {f"ansible_{name}": value for name, value in application.hosts[0].facts.items()}
    (tmp_path / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "oracle_dump.py"), str(root / "site.yml"), str(source), host,
         str(tmp_path / "facts.json")],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    compared = Counter()
    for task in json.loads(answer.stdout)["tasks"]:
        key = (Path(task["file"]).relative_to(root).as_posix(), task["line"])
        assert key in scopes, f"{key} {task['name']} was not read"
        scope, items, loop = scopes[key][0]
        for name, value in task["vars"].items():
            if name in MACHINE or name in scope.unknown:
                continue
            ours = plain(scope.variables[name])
            if value != "<encrypted>" and SECRET_OPEN not in json.dumps(ours, default=str):
                assert ours == value, (key, name)
                compared["variables"] += 1
        if task["args"] is not None and not loop.present:
            args = {name: thaw(value) for name, value in items[0][0].args.items()}
            for name, value in task["args"].items():
                ours = args.get(name)
                if (
                    name in args
                    and not isinstance(ours, Unknown)
                    and SECRET_OPEN not in str(ours)
                    and name not in ("msg", "that")
                ):
                    assert ours == value or str(ours) == str(value), (key, name)
                    compared["arguments"] += 1
    assert compared["variables"] > 100
    assert compared["arguments"] > 5


def test_the_task_list_contains_ansible_playbooks(project: tuple[Path, Path, str], tmp_path: Path) -> None:
    """Every line of --list-tasks is a task of ours, in its order."""
    root, source, host = project
    listed = stock(tmp_path, root, "ansible-playbook", "-i", str(source), "--list-tasks", str(root / "site.yml"))
    wanted = [
        line.rpartition("TAGS:")[0].strip().rpartition(" : ")[2].strip() for line in listed.splitlines() if "TAGS:" in line
        and not line.strip().startswith("play #")
    ]  # fmt: skip
    request = Request(project=source.parent if source.name == "production" else source)
    reading = read_project(request, find_layout(request), Settings())
    (application,) = [each for each in reading.project.applications if host in [one.name for one in each.hosts]]
    names = iter([task.name for task in application.tasks if task.kind == "task"])
    assert wanted
    for name in wanted:
        if "{{" not in name and name not in ("copy", "import_role", "import_tasks"):
            assert any(ours == name for ours in names), f"{name!r} is missing or out of order"


def test_evidence_gives_the_facts_that_the_plays_use(tmp_path: Path) -> None:
    """The fixture's facts come from its facts.json, none of those the roles use is an assumption."""
    host, _problems = read_host("acct01", Tree(FIXTURE / "evidence" / "acct01", label="evidence/acct01"), None)
    assert host.facts["os_family"] == "Debian"
    assert host.facts["memtotal_mb"]
    assert tmp_path.exists()
