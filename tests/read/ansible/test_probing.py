"""What a template says where values are not known: as Ansible would have it, or not at all."""

from collections.abc import Callable

import pytest

from analyzer.model import Task, Unknown, Verdict, parameter_reference, secret_reference
from analyzer.read.project import Reading

NOWHERE = parameter_reference("nowhere")

TEXTS = {
    "shown": ("{{ nowhere }}/x", f"{NOWHERE}/x"),
    "asked for before it is shown": ("{% if nowhere is defined %}has {{ nowhere }}{% else %}none{% endif %}", "none"),
    "shown where it has a default": ("{{ nowhere | default('d') }}", "d"),
    "shown with and without a default": ("{{ nowhere | default('d') }} {{ nowhere }}", f"{NOWHERE} {NOWHERE}"),
    "behind its own default": ("{% if nowhere | default(false) %}{{ nowhere }}{% endif %}y", "y"),
    "looped over with a default": ("{% for each in nowhere | default([]) %}{{ nowhere }}{% endfor %}y", "y"),
    "behind an operator": ("{{ nowhere if nowhere is defined else 'no' }}", "no"),
    "beside one that must be there": (
        "{% if other is defined %}{{ other }}{% endif %}{{ nowhere }}{{ nowhere if nowhere else '' }}",
        f"{NOWHERE}{NOWHERE}",
    ),
    "compared": ("{{ 'x' if nowhere == 'prod' else 'y' }}", None),
    "asked whether it is empty": ("{% if nowhere %}has {{ nowhere }}{% endif %}", None),
    "counted": ("{{ nowhere | length }}", None),
    "cut": ("{{ nowhere[:3] }}", None),
    "searched": ("{{ nowhere | regex_replace('e', 'o') }}", None),
    "looped over": ("{% for each in nowhere %}x{% endfor %}", None),
    "through another variable": ("{{ 'x' if through == 'a-prod' else 'y' }}", None),
    "a default that is shown in its turn": ("{{ nothing | default(given) | string }}", "g"),
    "in JSON": ("{{ {'a': nowhere} | to_json }}", '{"a": "' + NOWHERE + '"}'),
    "in a list that is looped over": ("{% for each in [nowhere, 'b'] %}{{ each }},{% endfor %}", f"{NOWHERE},b,"),
    "a secret that is shown": ("{{ db_password }}", secret_reference("db_password")),
    "a secret among others": (
        "{% for each in users %}{{ each.name }}:{{ each.password }} {% endfor %}",
        f"a:{secret_reference('users_password')} ",
    ),
    "names beside a secret": ("{{ users | map(attribute='name') | join(',') }}", "a"),
    "a secret that is counted": ("{{ db_password | length }}", None),
    "a secret that is compared": ("{{ 'x' if db_password == 'changeme' else 'y' }}", None),
    "a secret that is cut": ("{{ db_password | regex_replace('p', 'b') }}", None),
}
VARIABLES = """  vars:
    through: "a-{{ nowhere }}"
    db_password: hunter22
    given: g
    users: [{name: a, password: hunter23}]
"""


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_shows_what_is_not_known_and_goes_by_nothing_of_it(
    case: str, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """Ansible's own answer where it has one; a marker where the value is only shown; else it is not known."""
    text, wanted = TEXTS[case]
    (task,) = tasks_of(f"- lineinfile: {{path: /x, line: '{text.replace(chr(39), chr(39) * 2)}'}}", play=VARIABLES)
    line = task.invocations[0].args["line"]
    assert (None if isinstance(line, Unknown) else line) == wanted


HOSTS = {
    "inventory/hosts": "[web]\nweb1 env=prod only=1\nweb2 env=test\n[db]\nweb2\n",
    "inventory/host_vars/web1.yml": "limits: {memory: 1, cpu: 2}\n",
    "inventory/host_vars/web2.yml": "limits: {memory: 1, cpu: 4}\n",
}
DIFFERING = {
    "shown": ("{{ env }}", parameter_reference("env")),
    "compared, with one result": ("{{ 'x' if env in ['prod', 'test'] else 'y' }}", "x"),
    "compared, with two": ("{{ 'x' if env == 'prod' else 'y' }}", None),
    "counted, with one result": ("{{ env | length }}", 4),
    "a block for one of them": ("{% if env == 'prod' %}P{% endif %}", None),
    "a mapping of which a part is the same": ("{{ limits.memory }}", 1),
    "a mapping of which a part differs": ("{{ limits.cpu }}", parameter_reference("limits_cpu")),
    "defined on one of them": ("{{ only | default('d') }}", None),
    "the group's members": ("{{ groups['web'] | join(',') }}", "web1,web2"),
    "its own groups": ("{{ group_names | join(',') }}", None),
    "the play's hosts": ("{{ ansible_play_hosts | join(',') }}", "web1,web2"),
    "its name": ("{{ inventory_hostname_short }}", parameter_reference("inventory_hostname_short")),
    "its variables by its name": ("{{ hostvars[inventory_hostname].env | default('none') }}", None),
    "a fact that differs": ("{{ ansible_hostname }}", parameter_reference("ansible_hostname")),
    "the same fact among the facts": ("{{ ansible_facts['hostname'] }}", parameter_reference("ansible_hostname")),
    "a fact that does not differ": ("{{ ansible_facts['os_family'] }}", "Debian"),
}


@pytest.mark.parametrize("case", DIFFERING)
def test_a_text_holds_for_all_hosts_or_is_not_known(case: str, tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """One text for all of them, with parameters where their values are only shown."""
    text, wanted = DIFFERING[case]
    (task,) = tasks_of(f"- lineinfile: {{path: /x, line: '{text.replace(chr(39), chr(39) * 2)}'}}", HOSTS)
    line = task.invocations[0].args["line"]
    assert (None if isinstance(line, Unknown) else line) == wanted


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("'db' in group_names", Verdict.UNKNOWN),
        ("'web' in group_names", Verdict.YES),
        ("ansible_facts.hostname == 'web2'", Verdict.UNKNOWN),
        ("chosen == 'test'", Verdict.UNKNOWN),
        ("{{ env }} == 'prod'", Verdict.UNKNOWN),
        ("{{ env }} in ['prod', 'test']", Verdict.YES),
        ("db_password != 'changeme'", Verdict.UNKNOWN),
        ("db_password | length > 0", Verdict.YES),
        ("db_password != ''", Verdict.YES),
        ("fallback == 'x'", Verdict.UNKNOWN),
    ],
)
def test_no_host_is_forgotten_and_no_marker_is_compared(
    condition: str, wanted: Verdict, tasks_of: Callable[..., tuple[Task, ...]]
) -> None:
    """A task that only the second host needs is carried over; what a secret is equal to, nobody knows."""
    *_, task = tasks_of(
        f"""
- set_fact: {{chosen: "{{{{ env }}}}", fallback: "{{{{ nowhere }}}}"}}
- debug: msg=x
  when: "{condition}"
""",
        HOSTS,
        play="  vars: {db_password: hunter22}\n",
    )
    assert task.applies is wanted


def test_a_task_that_changes_nothing_notifies_nobody(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`changed_when` is a condition like any other; what only the result tells counts as a change."""
    tasks = tasks_of(
        "- command: x\n  notify: one\n  changed_when: extra is defined\n"
        "- command: y\n  register: y\n  notify: two\n  changed_when: y.rc == 3\n",
        play="  handlers:\n    - {name: one, command: a}\n    - {name: two, command: b}\n",
    )
    assert [task.applies for task in tasks if task.kind == "handler"] == [Verdict.NO, Verdict.YES]


def test_a_value_of_the_second_host_lies_over_the_role_s_default(read: Callable[..., Reading]) -> None:
    """The first host takes the default, the second one has its own: a condition sees both."""
    reading = read(
        {
            "inventory/hosts": "[web]\nweb1\nweb2 size=large\n",
            "site.yml": "- hosts: web\n  roles: [app]\n",
            "roles/app/defaults/main.yml": "size: small\n",
            "roles/app/tasks/main.yml": (
                "- debug: msg=x\n  when: size == 'large'\n- lineinfile: {path: /x, line: '{{ size }}'}\n"
                "- debug: msg=x\n  when: size is defined\n"
            ),
        }
    )
    condition, text, defined = reading.project.applications[0].tasks
    assert condition.applies is Verdict.UNKNOWN
    assert text.invocations[0].args["line"] == parameter_reference("size")
    assert defined.applies is Verdict.YES


def test_the_item_of_an_include_s_unknown_loop_is_not_known_inside(tasks_of: Callable[..., tuple[Task, ...]]) -> None:
    """`item | default(…)` of what is included does not fall back where the loop sets the item."""
    *_, task = tasks_of(
        "- command: x\n  register: found\n- include_tasks: part.yml\n  loop: '{{ found.stdout_lines }}'\n",
        {"part.yml": "- lineinfile: {path: /x, line: \"{{ item | default('none') }}\"}\n"},
    )
    assert isinstance(task.invocations[0].args["line"], Unknown)
