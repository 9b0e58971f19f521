"""Conditions have three verdicts."""

import json
from collections.abc import Callable

import pytest

from analyzer.model import Task, Verdict

TABLE = """
ansible_os_family == 'Debian'                          | yes
ansible_os_family == 'RedHat'                          | no
ansible_facts['distribution_major_version'] == '12'    | yes
result.rc == 0                                         | unknown
result.rc == 0 and ansible_os_family == 'RedHat'       | no
ansible_os_family == 'RedHat' and result.rc == 0       | no
result.rc == 0 or ansible_os_family == 'Debian'        | yes
result.rc == 0 or ansible_os_family == 'RedHat'        | unknown
not (result.rc == 0)                                   | unknown
not (ansible_os_family == 'RedHat')                    | yes
result is defined                                      | yes
result.stdout | default('') == ''                      | unknown
'{{ ansible_os_family }}' == 'Debian'                  | yes
{{ flag }} and {{ nowhere | default(false) }}          | no
{{ flag }} or {{ nowhere | default(false) }}           | yes
{{ nowhere }} and {{ flag }}                           | unknown
'{{ nowhere }}' == 'x'                                 | unknown
nowhere | default(false) and '{{ nowhere }}' == 'x'    | no
'os-{{ ansible_os_family }}' == 'os-Debian'            | yes
"{{ result.stdout }}" == "x"                           | unknown
nowhere is defined                                     | no
nowhere is not defined                                 | yes
nowhere | default(false)                               | no
nowhere | default(true) | bool                         | yes
nowhere == 'x'                                         | unknown
ansible_bogus_fact == 1                                | unknown
hidden == 'x'                                          | unknown
flag                                                   | yes
flag_text                                              | no
number                                                 | yes
number > 2 and name in ['a', 'b']                      | yes
name is match('^a')                                    | yes
version is version('2.0', '>=')                        | yes
lookup('pipe', 'true') == ''                           | unknown
lookup('pipe', 'true') == '' and name == 'z'           | no
name == 'a' if flag else name == 'b'                   | yes
"""

VARIABLES = """
flag: true
flag_text: "false"
number: 3
name: a
version: "2.10"
hidden: "{{ deeper }}"
deeper: "{{ result.stdout }}"
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_a_condition_has_the_verdict_that_follows_from_what_is_known(
    line: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Unknown parts make a condition unknown only where they decide it."""
    condition, _, wanted = (part.strip() for part in line.rpartition("|"))
    _register, task = tasks_of(
        f"- command: something\n  register: result\n  ignore_errors: true\n- debug: msg=x\n  when: {condition!r}".replace(
            "when: '", 'when: "', 0
        )
        if "'" not in condition
        else f'- command: something\n  register: result\n  ignore_errors: true\n- debug: msg=x\n  when: "{condition}"',
        {"inventory/group_vars/all.yml": VARIABLES},
    )
    assert (task.applies, task.applies_reason) == (Verdict(wanted), task.applies_reason)


def test_a_list_of_conditions_is_their_and(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`when:` lists are joined by and, with Kleene's rules."""
    *_, task = tasks_of("- command: x\n  register: r\n- debug: msg=x\n  when:\n    - r.rc == 0\n    - false")
    assert task.applies is Verdict.NO


def test_a_rescue_section_does_not_run_on_a_fresh_machine(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """Blocks hand their conditions down; rescue tasks are kept with the verdict no, always tasks run."""
    tasks = tasks_of("""
- block:
    - debug: msg=block
  rescue:
    - debug: msg=rescue
  always:
    - debug: msg=always
  when: ansible_os_family == 'Debian'
""")
    assert [task.applies for task in tasks] == [Verdict.YES, Verdict.NO, Verdict.YES]
    assert "rescue" in tasks[1].applies_reason


IDIOMS = """
/opt/tool/bin/tool      | stat.exists          | no
/opt/tool/bin/tool      | not stat.exists      | yes
/usr/local/bin/ruby     | not stat.exists      | yes
/etc/nginx/dhparam.pem  | not stat.exists      | unknown
/srv/made               | not stat.exists      | unknown
/srv/made/file          | not stat.exists      | yes
/srv/filled/file        | not stat.exists      | unknown
/srv/cloned/file        | not stat.exists      | unknown
~/.tool/bin/tool        | stat.exists          | no
"""


@pytest.mark.parametrize("line", IDIOMS.strip().splitlines())
def test_a_stat_before_an_install_is_answered_for_a_fresh_machine(
    line: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Nothing of the administrator's is there yet, what the system or an earlier task brings cannot be known."""
    path, condition, wanted = (part.strip() for part in line.split("|"))
    expression = condition.replace("stat.", "found.stat.")
    *_, task = tasks_of(
        "- file: path=/srv/made state=directory\n- shell: cd /srv/filled && make\n"
        f"- git: repo=https://example.org/x dest=/srv/cloned\n- stat: path={path}\n  register: found\n"
        f"- command: install\n  when: {expression}"
    )
    assert task.applies is Verdict(wanted)


def test_a_change_is_certain_on_a_fresh_machine_but_its_output_is_not(
    tasks_of: Callable[..., tuple[Task, ...]],
) -> None:
    """`x is changed` after a copy is yes; any other key of the result stays unknown."""
    tasks = tasks_of("""
- copy: {content: x, dest: /srv/x}
  register: copied
- debug: msg=1
  when: copied is changed
- debug: msg=2
  when: copied.changed
- debug: msg=3
  when: copied.checksum == 'x'
- debug: msg=4
  when: copied is failed
""")
    assert [str(task.applies) for task in tasks[1:]] == ["yes", "yes", "unknown", "no"]


def test_handlers_apply_when_a_task_that_applies_notifies_them(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """By name or by what they listen to; a handler that nobody notifies does not run."""
    tasks = tasks_of(
        """
- copy: {content: x, dest: /a}
  notify: [by name, topic]
- copy: {content: x, dest: /b}
  notify: skipped one
  when: false
""",
        play="""  handlers:
    - name: by name
      command: one
    - name: another
      listen: topic
      command: two
    - name: skipped one
      command: three
""",
    )
    assert [(task.name, str(task.applies)) for task in tasks if task.kind == "handler"] == [
        ("by name", "yes"),
        ("another", "yes"),
        ("skipped one", "no"),
    ]


def test_tags_choose_as_ansible_playbook_does(
    read: Callable[..., object], tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """--tags, --skip-tags, always, never."""
    tasks = """
- debug: msg=a
  tags: a
- debug: msg=b
  tags: [b, c]
- debug: msg=always
  tags: always
- debug: msg=never
  tags: [never, d]
- debug: msg=none
"""

    def chosen(**request: object) -> list[str]:
        return [
            str(task.invocations[0].args["msg"]) for task in tasks_of(tasks, **request) if task.applies is Verdict.YES
        ]

    assert chosen() == ["a", "b", "always", "none"]
    assert chosen(tags=("a",)) == ["a", "always"]
    assert chosen(tags=("d",)) == ["always", "never"]
    assert chosen(skip_tags=("c",)) == ["a", "always", "none"]
    assert chosen(tags=("tagged",)) == ["a", "b", "always"]
    assert chosen(tags=("untagged",)) == ["always", "none"]


def test_an_import_brings_handlers_in_and_each_waits_for_its_own_notification(
    tasks_of: Callable[..., tuple[Task, ...]],
) -> None:
    """import_tasks among handlers notifies nothing; an include that is notified runs all that it includes."""
    tasks = tasks_of(
        "- copy: {content: x, dest: /a}\n  notify: [wanted, include]",
        {
            "more.yml": "- name: wanted\n  command: one\n- name: unwanted\n  command: two\n",
            "all.yml": "- command: three\n",
        },
        play="""  handlers:
    - import_tasks: more.yml
    - name: include
      include_tasks: all.yml
""",
    )
    assert [
        (task.invocations[0].args.get("_raw_params"), str(task.applies)) for task in tasks if task.kind == "handler"
    ] == [
        ("more.yml", "yes"),
        ("one", "yes"),
        ("two", "no"),
        ("all.yml", "yes"),
        ("three", "yes"),
    ]


FAILURES = """
found is succeeded                    |                     | yes
found is success                      |                     | yes
found is failed                       |                     | no
found.failed                          |                     | no
not found.failed                      |                     | yes
found.rc == 0                         |                     | yes
found.rc != 0                         |                     | no
found.rc is defined and found.rc == 0 |                     | yes
found.stdout == 'x'                   |                     | unknown
found is changed                      |                     | unknown
found is failed                       | ignore_errors: true | unknown
found.rc == 0                         | ignore_errors: true | unknown
found is succeeded                    | when: maybe.rc == 0 | yes
found.rc == 0                         | when: maybe.rc == 0 | unknown
found.rc == 0                         | failed_when: false   | unknown
found is failed                       | failed_when: false   | no
"""


@pytest.mark.parametrize("line", FAILURES.strip().splitlines())
def test_a_task_whose_failure_ends_the_play_has_not_failed_for_those_after_it(
    line: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Its return code is 0 if it runs; with ignore_errors nothing of that is known."""
    condition, keyword, wanted = (part.strip() for part in line.split("|"))
    *_, task = tasks_of(f"""
- command: look
  register: maybe
  ignore_errors: true
- command: find
  register: found
  {keyword or "tags: []"}
- debug: msg=1
  when: {condition}
""")
    assert task.applies is Verdict(wanted)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("found|success", Verdict.YES),
        ("found | succeeded and not found|failed", Verdict.YES),
        ("found|failed", Verdict.NO),
        ("found|changed", Verdict.UNKNOWN),
        ("['a'] | changed('x') is defined", Verdict.UNKNOWN),
    ],
)
def test_tests_of_results_that_were_filters_once_mean_the_same(
    condition: str, wanted: Verdict, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """`result|success` was how tests of results were written until Ansible 2.9."""
    *_, task = tasks_of(f"- command: find\n  register: found\n- debug: msg=1\n  when: {json.dumps(condition)}\n")
    assert task.applies is wanted


def test_ignore_errors_of_a_block_holds_for_its_tasks(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    tasks = tasks_of("""
- block:
    - command: find
      register: found
  ignore_errors: true
- debug: msg=1
  when: found is failed
""")
    assert tasks[-1].applies is Verdict.UNKNOWN
