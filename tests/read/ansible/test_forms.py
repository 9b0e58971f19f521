"""The same task in all the ways people write it."""

from collections.abc import Callable
from types import MappingProxyType

import pytest

from analyzer.model import OTHER_ARGUMENTS, Source, Task, Unknown, Verdict
from analyzer.read.project import Reading

COPY = MappingProxyType({"content": "x", "dest": "/srv/x", "mode": "0644"})

SPELLINGS = (
    "- copy: content=x dest=/srv/x mode=0644",
    "- copy: {content: x, dest: /srv/x, mode: '0644'}",
    "- ansible.builtin.copy: {content: x, dest: /srv/x, mode: '0644'}",
    "- action: copy content=x dest=/srv/x mode=0644",
    "- action: {module: copy, content: x, dest: /srv/x, mode: '0644'}",
    "- copy:\n  args: {content: x, dest: /srv/x, mode: '0644'}",
    "- ansible.legacy.copy: {content: x, dest: /srv/x, mode: '0644'}",
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_gives_the_same_task(text: str, tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """k=v, mapping, `action:`, `args:`, short and qualified names are one task."""
    (task,) = tasks_of(text)
    assert (task.module, task.invocations[0].args) == ("ansible.builtin.copy", COPY)


def test_arguments_may_come_from_a_template(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`copy: "{{ mapping }}"` and `args: "{{ mapping }}"` say what the mapping says; what is named wins, defaults lose."""
    _, whole, over, unknown, text = tasks_of(
        """
- command: cat /etc/settings
  register: settings
- copy: "{{ {'content': 'x', 'mode': '0644'} | combine({'dest': '/srv/x'}) }}"
- copy: {dest: /srv/x}
  args: "{{ {'content': 'x', 'dest': '/srv/y'} }}"
  module_defaults: {copy: {mode: '0644', content: y}}
- copy: "{{ {'mode': '0600'} | combine(settings.stdout | from_json) }}"
  module_defaults: {copy: {owner: app}}
- user: "{{ {'name': 'app', 'password': 'correct horse'} }}"
"""
    )
    assert whole.invocations[0].args == COPY
    assert over.invocations[0].args == {**COPY, "dest": "/srv/x"}
    ((name, value),) = unknown.invocations[0].args.items()
    assert name == OTHER_ARGUMENTS
    assert isinstance(value, Unknown)
    assert "settings.stdout" in value.expression
    assert "correct horse" not in str(text.invocations[0].args)


def test_always_wins_over_never(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """A task tagged always runs in a block that is tagged never."""
    tasks = tasks_of("- block:\n    - debug: msg=a\n    - debug: msg=b\n      tags: always\n  tags: never\n")
    assert [task.applies for task in tasks] == [Verdict.NO, Verdict.YES]


def test_a_template_that_gives_no_mapping_of_arguments_is_a_problem(read: Callable[..., Reading]) -> None:
    """Ansible would end there; the task is read without them."""
    reading = read({"site.yml": "- hosts: all\n  tasks:\n    - copy: \"{{ 'text' }}\"\n"})
    assert [problem.source for problem in reading.project.problems if problem.code == "arguments-syntax"] == [
        Source("site.yml", 3)
    ]


def test_free_form_keeps_its_text_and_its_options(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """Command and shell take a text with options at its end; `cmd:` is the same thing."""
    first, second = tasks_of(
        """
- shell: echo a=b > /tmp/x chdir=/srv creates=/tmp/x
- shell: {cmd: echo a=b > /tmp/x, chdir: /srv, creates: /tmp/x}
"""
    )
    assert first.invocations[0].args == second.invocations[0].args
    assert first.invocations[0].args["_raw_params"] == "echo a=b > /tmp/x"


def test_an_unquoted_octal_mode_keeps_the_number_that_yaml_made_of_it(
    tasks_of: Callable[..., tuple[Task, ...]],
) -> None:
    """YAML reads 0644 as 420; Ansible's file module then uses that number, and so must we."""
    (task,) = tasks_of("- file: {path: /srv/x, mode: 0644}")
    assert task.invocations[0].args["mode"] == 0o644


def test_short_names_of_collections_are_routed(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`ufw` is community.general's; a module nobody knows keeps its name and stops nothing."""
    tasks = tasks_of("- ufw: rule=allow port=80\n- no_such_module: a=1\n- community.zabbix.zabbix_host: {name: x}")
    assert [task.module for task in tasks] == [
        "community.general.ufw",
        "no_such_module",
        "community.zabbix.zabbix_host",
    ]


def test_aliases_of_arguments_become_documented_names(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`pkg`, `dest` of file and the like are what the documentation calls them."""
    tasks = tasks_of("- apt: pkg=nginx\n- file: dest=/srv state=directory\n- user: user=app\n- package: pkg=vim")
    assert [sorted(task.invocations[0].args) for task in tasks] == [["name"], ["path", "state"], ["name"], ["name"]]


LOOPS = """
loop: [a, b]                                    | a b
with_items: [a, [b, c]]                         | a b c
with_items: "{{ listed }}"                      | x y
loop: "{{ listed + ['z'] }}"                    | x y z
with_dict: {k: v}                               | {'key': 'k', 'value': 'v'}
with_together: [[a, b], [1, 2]]                 | ('a', 1) ('b', 2)
with_sequence: start=1 end=3                    | 1 2 3
with_nested: [[a], [b, c]]                      | ('a', 'b') ('a', 'c')
with_items: tree.keys() | difference(['b'])     | a
with_items: tree.a                              | 1 2
with_items: tree.conf                           | tree.conf
with_nested: [[a], listed]                      | ('a', 'x') ('a', 'y')
with_together: [[a, b], listed]                 | ('a', 'x') ('b', 'y')
with_indexed_items: [a, b]                      | (0, 'a') (1, 'b')
loop: "{{ query('dict', {'k': 'v'}) }}"         | {'key': 'k', 'value': 'v'}
loop: "{{ listed | product([1]) | list }}"      | ('x', 1) ('y', 1)
with_flattened: [[a, [b]], c]                   | a b c
"""


@pytest.mark.parametrize("line", LOOPS.strip().splitlines())
def test_loops_have_ansibles_items(line: str, tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`loop` and every harmless `with_*`."""
    loop, _, wanted = (part.strip() for part in line.rpartition("|"))
    (task,) = tasks_of(
        f'- debug: msg="{{{{ item }}}}"\n  {loop}',
        {"inventory/group_vars/all.yml": "listed: [x, y]\ntree: {a: [1, 2], b: 3}\n"},
    )
    assert " ".join(str(invocation.item) for invocation in task.invocations) == wanted


def test_an_empty_loop_does_not_apply_and_an_unknown_one_says_so(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """No items: nothing runs. Unknown items: one invocation with the item unknown."""
    _command, empty, unknown, refused = tasks_of("""
- command: list
  register: out
- file: path={{ item }} state=directory
  loop: []
- file: path=/srv/{{ item }} state=directory
  loop: "{{ out.stdout_lines }}"
- file: path={{ item }} state=directory
  with_lines: cat /etc/passwd
""")
    assert (empty.applies, empty.applies_reason) == (Verdict.NO, "the loop has no items")
    assert unknown.loop_unknown
    assert isinstance(unknown.invocations[0].args["path"], Unknown)
    assert isinstance(refused.invocations[0].args["path"], Unknown)
    assert "is not run" in refused.invocations[0].args["path"].reason


def test_conditions_are_asked_for_each_item(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`when` sees the item; the task applies if it does for any item."""
    (task,) = tasks_of("- debug: msg=x\n  loop: [1, 2, 3]\n  when: item > 1")
    assert [str(invocation.applies) for invocation in task.invocations] == ["no", "yes", "yes"]
    assert task.applies is Verdict.YES


def test_includes_bring_their_tasks_with_variables_and_items(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """import_tasks, include_tasks with a loop, legacy include with variables, include_role with tasks_from."""
    tasks = tasks_of(
        """
- import_tasks: one.yml
  vars: {who: imported}
- include_tasks: one.yml
  loop: [a, b]
  loop_control: {loop_var: who}
- include: one.yml who=legacy
- include_role:
    name: r
    tasks_from: other
  vars: {who: role}
- include_tasks: "{{ ansible_os_family }}.yml"
""",
        {
            "one.yml": "- file: path=/{{ who }} state=directory\n",
            "roles/r/tasks/other.yml": "- file: path=/{{ who }}-{{ role_name }}-{{ d }} state=directory\n",
            "roles/r/defaults/main.yml": "d: default\n",
            "Debian.yml": "- file: path=/debian state=directory\n",
        },
    )
    found = [(task.source.file, task.invocations[0].args["path"]) for task in tasks if task.module.endswith("file")]
    assert found == [
        ("one.yml", "/imported"),
        ("one.yml", "/a"),
        ("one.yml", "/b"),
        ("one.yml", "/legacy"),
        ("roles/r/tasks/other.yml", "/role-r-default"),
        ("Debian.yml", "/debian"),
    ]


def test_a_role_that_includes_itself_ends(read: Callable[..., object]) -> None:
    """An endless recursion is named at once; one that counts runs as often as it counts."""
    reading = read(
        {
            "site.yml": "- hosts: web\n  tasks:\n    - include_tasks: again.yml\n    - set_fact: {n: 0}\n    - include_tasks: count.yml\n",
            "again.yml": "- include_tasks: again.yml\n",
            "count.yml": "- set_fact: {n: '{{ n | int + 1 }}'}\n- include_tasks: count.yml\n  when: n | int < 3\n",
        }
    )
    found = [(problem.code, problem.source.file) for problem in reading.project.problems if problem.source]  # type: ignore[attr-defined]
    assert found == [("includes-itself", "again.yml")]
    counted = [task for task in reading.project.applications[0].tasks if task.module.endswith("set_fact")]  # type: ignore[attr-defined]
    assert [task.invocations[0].args["n"] for task in counted] == [0, 1, 2, 3]


ROLE = {
    "site.yml": "- hosts: web\n  roles: [clock]\n",
    "roles/clock/vars/Debian.yml": "package: tzdata\n",
    "roles/clock/files/Debian.txt": "of the role\n",
    "roles/clock/tasks/main.yml": (
        "- include_vars: '{{ item }}'\n"
        "  with_first_found: ['LIST{{ ansible_distribution }}.yml', 'LISTnone.yml']\n"
        "- apt: {name: '{{ package }}'}\n"
        "- copy: {content: \"{{ lookup('file', 'Debian.txt') }}\", dest: /etc/x}\n"
    ),
}


@pytest.mark.parametrize("folder", ["../vars/", "", "vars/"])
def test_first_found_of_a_loop_searches_the_role_s_own_folders(read: Callable[..., Reading], folder: str) -> None:
    files = {**ROLE, "roles/clock/tasks/main.yml": ROLE["roles/clock/tasks/main.yml"].replace("LIST", folder)}
    reading = read(files)
    tasks = reading.project.applications[0].tasks
    assert [problem.code for problem in reading.project.problems] == ["facts-assumed"]
    assert tasks[1].invocations[0].args["name"] == "tzdata"
    assert tasks[2].invocations[0].args["content"] == "of the role"


def test_a_loop_tells_where_its_item_stands(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`index_var` and `ansible_loop` count places, not values: the same item twice has two."""
    (task,) = tasks_of("""
- copy:
    dest: "/{{ item }}{{ place }}{{ ansible_loop.index }}{{ ansible_loop.last }}{{ ansible_loop.previtem | default('-') }}"
    content: x
  loop: [a, a, b]
  loop_control: {index_var: place, extended: true}
""")
    assert [call.args["dest"] for call in task.invocations] == ["/a01False-", "/a12Falsea", "/b23Truea"]


def test_an_omitted_argument_is_not_there(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`default(omit)` takes an argument, an entry or an item away; it is neither unknown nor empty."""
    (task,) = tasks_of(
        """
- community.docker.docker_container:
    name: web
    user: "{{ wanted_user | default(omit) }}"
    env: {A: "1", B: "{{ wanted | default(omit) }}"}
    volumes: [/a:/a, "{{ more | default(omit) }}"]
"""
    )
    args = task.invocations[0].args
    assert "user" not in args
    assert (args["env"], args["volumes"]) == ({"A": "1"}, ("/a:/a",))


def test_no_log_hides_what_a_command_gets_and_not_which_program_it_is(
    tasks_of: Callable[..., tuple[Task, ...]],
) -> None:
    """What becomes of the task depends on the program; everything after it may be a secret."""
    first, second = tasks_of(
        """
- command: /usr/bin/psql -c "ALTER ROLE app PASSWORD 'hunter2'"
  no_log: true
- shell: "PGPASSWORD=hunter2 psql -l"
  no_log: true
"""
    )
    assert str(first.invocations[0].args["_raw_params"]).startswith("/usr/bin/psql \ue000")
    for task in (first, second):
        assert "hunter2" not in str(task.invocations[0].args)


def test_the_tags_that_ansible_cfg_may_allow_are_read(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`do`, `break` and `continue` put a text together; they run nothing."""
    (task,) = tasks_of(
        "- template: {src: x.j2, dest: /etc/x}",
        {"templates/x.j2": "{% set a = [] %}{% for n in [1, 2, 3] %}{% if n == 3 %}{% break %}{% endif %}{% do a.append(n) %}"
                           "{% endfor %}{{ a }}",
         "ansible.cfg": "[defaults]\njinja2_extensions = jinja2.ext.do,jinja2.ext.loopcontrols\n"},
    )  # fmt: skip
    assert task.invocations[0].contents[0][1].data == b"[1, 2]"


def test_a_task_that_says_it_changes_nothing_only_reads(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`changed_when: false` counts where the result is kept; without that it may only silence a change."""
    tasks = tasks_of(
        """
- command: tool state
  register: state
  changed_when: false
- command: tool apply
  changed_when: false
- command: tool apply
  register: state
  changed_when: "'changed' in state.stdout"
- command: tool apply
  register: state
"""
    )
    assert [task.reads_only for task in tasks] == [True, False, False, False]


def test_short_role_names_are_looked_for_in_the_collections_of_their_play(read: Callable[..., Reading]) -> None:
    """First there, then in the project's own folders; a play without the keyword does not see them."""
    files = {
        "site.yml": "- hosts: web\n  collections: [acme.stack]\n  roles: [cache]\n- hosts: web\n  roles: [cache]\n",
        "collections/ansible_collections/acme/stack/roles/cache/tasks/main.yml": "- apt: {name: memcached}\n",
        "roles/cache/tasks/main.yml": "- apt: {name: varnish}\n",
    }
    tasks = read(files).project.applications[0].tasks
    assert [task.invocations[0].args["name"] for task in tasks] == ["memcached", "varnish"]
