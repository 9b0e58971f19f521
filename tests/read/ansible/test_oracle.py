"""ansible-core itself is the oracle: inventories, variables, templated arguments, the list of tasks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.model import SECRET_OPEN, Settings
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.inventory import read_inventory
from analyzer.read.files import Tree
from analyzer.read.hosts import read_host
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.read.secrets import SecretBook
from tests.read.ansible.oracle import compare, environment

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

SEMANTICS = {
    "inventory/hosts": "[web]\nw1 ansible_host=10.0.0.1 nested='{{ deeper }}'\n[db]\nd1 port=5432\n[db:vars]\nurl='db://{{ inventory_hostname }}:{{ port }}'\n",
    "inventory/group_vars/all.yml": "deeper: '{{ deepest }}'\ndeepest: ground\ntree: {a: 1, b: {c: 2}}\nlisted: [x, y]\nname: all\n",
    "site.yml": """
- hosts: web
  vars: {in_play: 1, contested: play}
  vars_files: [extra.yml, [absent.yml, vars/second.yml]]
  vars_prompt:
    - {name: prompted, default: d, private: false}
  environment: {A: play, B: play}
  module_defaults:
    copy: {mode: '0600', owner: root}
  pre_tasks:
    - include_vars: one.yml
    - set_fact: {from_fact: "{{ contested }}", late: fact}
    - include_vars: {file: two.yml}
    - include_vars: {file: one.yml, name: boxed}
    - group_by: {key: "os_{{ ansible_os_family | default('none') }}"}
    - copy: {dest: /g, content: "{{ from_fact }} {{ late }} {{ boxed.contested }} {{ prompted }} {{ nested }}"}
  roles:
    - {role: params, given: entry, vars: {own: entry-vars}}
    - role: params
      given: again
    - role: params
      given: again
    - role: outer
      when: in_play == 1
  tasks:
    - include_tasks: inner.yml
      vars: {handed: "{{ item }}", late: include}
      loop: [1, 2]
      loop_control: {index_var: position}
    - import_tasks: inner.yml
      vars: {handed: imported, late: import}
    - include_role: {name: private, tasks_from: other}
      vars: {own: include-vars, given: include}
    - copy: {dest: /p, content: "{{ private_default | default('none') }} {{ imported_default }}"}
    - include_role: {name: shared, public: true}
    - copy: {dest: /q, content: "{{ shared_default }}"}
    - import_role: {name: imported}
      vars: {own: import-vars}
    - name: Loops
      copy: {dest: "/{{ item.0 }}/{{ item.1 }}", content: x}
      with_nested: [["{{ deepest }}", b], "{{ listed }}"]
    - copy: {dest: "/{{ item.key }}", content: "{{ item.value }}"}
      with_dict: "{{ tree }}"
    - copy: {dest: "/{{ entry }}", content: "{{ hostvars['d1'].url }} {{ hostvars[inventory_hostname].nested }}"}
      loop: "{{ groups.db + listed }}"
      loop_control: {loop_var: entry}
    - copy: {dest: "{{ item }}", content: "{{ lookup('vars', 'deep' ~ 'er') }} {{ query('items', listed) | join }}"}
      with_sequence: start=1 end=3 format=/n%02d
    - copy: {dest: /mutated, content: "{% set _ = listed.append('z') %}{{ listed | join }}"}
    - copy: {dest: /after, content: "{{ listed | join }} {{ tree | combine({'b': {'d': 3}}, recursive=true) | to_json }}"}
    - copy: {dest: /omitted, content: x, mode: "{{ absent | default(omit) }}"}
    - template: {src: page.j2, dest: /page}
    - template: {src: page.j2, dest: /page2, trim_blocks: false, lstrip_blocks: true}
      vars: {name: task}
    - block:
        - copy: {dest: /block, content: "{{ contested }} {{ late }}"}
          vars: {contested: task}
      vars: {contested: block, late: block}
    - include_tasks: "{{ item }}"
      with_first_found: [absent.yml, found.yml]
    - set_fact: {counted: "{{ counted | default([]) + [item] }}"}
      loop: [1, 2, 3]
    - copy: {dest: /counted, content: "{{ counted }}"}
""",
    "extra.yml": "from_extra: 1\ncontested: extra\n",
    "vars/extra.yml": "from_extra: in-vars\n",
    "vars/second.yml": "second: yes\n",
    "one.yml": "contested: one\n",
    "vars/one.yml": "contested: vars-one\nlate: one\n",
    "vars/two.yml": "late: two\nonly_two: 2\n",
    "inner.yml": "- copy: {dest: '/i/{{ handed }}', content: '{{ late }} {{ position | default(0) }} {{ item | default(0) }}'}\n",
    "found.yml": "- copy: {dest: /found, content: '{{ item | default(0) }}'}\n",
    "templates/page.j2": "{% for each in listed %}\n  {{ each }} {{ name }}\n{% endfor %}\n{{ nested }}\n{% include 'part.j2' %}\n\n",
    "templates/part.j2": "part {{ deepest }}\n",
    "roles/params/defaults/main.yml": "given: default\nown: default\n",
    "roles/params/vars/main.yml": "own: role-vars\ncontested: role-vars\n",
    "roles/params/tasks/main.yml": "- copy: {dest: '/r/{{ given }}', content: '{{ own }} {{ contested }} {{ late }}'}\n",
    "roles/outer/meta/main.yml": "dependencies:\n  - {role: inner, given: from-meta, vars: {own: meta-vars}}\n  - inner\n",
    "roles/outer/defaults/main.yml": "outer_default: 1\ninner_default: from-outer\n",
    "roles/outer/vars/main.yml": "outer_var: 1\n",
    "roles/outer/tasks/main.yml": "- copy: {dest: /outer, content: '{{ inner_default }} {{ inner_var }} {{ outer_var }}'}\n- include_tasks: more.yml\n",
    "roles/outer/tasks/more.yml": "- copy: {dest: /more, content: '{{ role_name }} {{ outer_default }}'}\n",
    "roles/inner/defaults/main.yml": "inner_default: 1\ngiven: default\nown: default\n",
    "roles/inner/vars/main.yml": "inner_var: 1\nown: inner-vars\n",
    "roles/inner/tasks/main.yml": "- copy: {dest: '/inner/{{ given }}', content: '{{ own }} {{ inner_default }} {{ outer_var }}'}\n",
    "roles/private/defaults/main.yml": "private_default: 1\n",
    "roles/private/tasks/other.yml": "- copy: {dest: /private, content: '{{ own }} {{ given }} {{ private_default }} {{ late }}'}\n",
    "roles/shared/defaults/main.yml": "shared_default: 1\n",
    "roles/shared/tasks/main.yml": "- copy: {dest: /shared, content: '{{ shared_default }}'}\n",
    "roles/imported/defaults/main.yml": "imported_default: 1\nown: default\n",
    "roles/imported/vars/main.yml": "imported_var: 1\n",
    "roles/imported/tasks/main.yml": "- copy: {dest: /imported, content: '{{ own }} {{ imported_var }} {{ late }}'}\n",
}

MERGED = {
    "ansible.cfg": "[defaults]\nhash_behaviour = merge\n",
    "inventory/hosts": "[web]\nw1\n",
    "inventory/group_vars/all.yml": "app: {port: 80, limits: {cpu: 1}}\n",
    "inventory/group_vars/web.yml": "app: {limits: {memory: 2}}\n",
    "site.yml": "- import_playbook: more.yml\n  vars: {app: {from: import}, who: import}\n  tags: [imported]\n- hosts: web\n  tasks:\n    - copy: {dest: /a, content: '{{ app }}'}\n",
    "more.yml": """
- hosts: web
  vars: {who: play, only_play: 1, app: {port: 8080}}
  roles: [r]
  tasks:
    - copy: {dest: /b, content: "{{ app }} {{ who }} {{ only_play }}"}
    - include_vars: {file: read.yml}
    - set_fact: {app: {fact: 1}}
    - copy: {dest: /c, content: "{{ app }}"}
      vars: {app: {task: 1}}
""",
    "vars/read.yml": "app: {limits: {cpu: 4}}\n",
    "roles/r/defaults/main.yml": "app: {default: 1, port: 1}\n",
    "roles/r/vars/main.yml": "app: {role: 1}\n",
    "roles/r/tasks/main.yml": "- copy: {dest: /d, content: '{{ app }}'}\n- copy: {dest: /e, content: '{{ app }}'}\n- copy: {dest: /f, content: '{{ who }}'}\n",
}

COLLECTION_MODULES = set(
    "community.general.timezone community.general.ufw community.general.locale_gen ansible.posix.sysctl "
    "ansible.posix.authorized_key ansible.posix.mount".split()
)
"""Modules of collections that the projects name; stock ansible-core refuses to load a play whose modules are absent."""


def stock(folder: Path, cwd: Path, *command: str) -> str:
    """stdout of one of ansible-core's own programs."""
    program = Path(sys.executable).parent / command[0]
    answer = subprocess.run(
        [str(program), *command[1:]],
        cwd=cwd,
        env=environment(folder, COLLECTION_MODULES),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(params=["precedence", "semantics", "merged", "accounting"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, str]:
    """(root, inventory, host)."""
    if request.param == "accounting":
        return FIXTURE, FIXTURE / "inventory" / "production", "acct01"
    for name, text in {"precedence": PRECEDENCE, "semantics": SEMANTICS, "merged": MERGED}[request.param].items():
        path = tmp_path / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "p", tmp_path / "p" / "inventory", "w1"


def test_groups_and_host_variables_equal_ansible_inventory(
    project: tuple[Path, Path, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Ranges, children, priorities, group_vars beside the inventory."""
    root, source, _host = project
    listed = json.loads(stock(tmp_path, root, "ansible-inventory", "-i", str(source), "--list"))
    inventory = read_inventory(root, [source], root, SecretBook(), merge_hashes="merged" in request.node.name)
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


def test_variables_arguments_and_templates_of_every_task_equal_ansibles(
    project: tuple[Path, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each task sees the variables that ansible-core's VariableManager gives it, and gets its templated arguments."""
    root, source, host = project
    request = Request(project=source.parent if source.name == "production" else source)
    counted = compare(root, root / "site.yml", source, host, request, tmp_path, monkeypatch, {})
    assert counted["variables"] >= 10
    assert counted["tasks"] > 5
    assert counted["arguments"] > 5


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
