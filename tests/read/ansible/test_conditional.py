"""Facts under a condition nobody can decide: known where the same condition holds, unknown elsewhere."""

from collections.abc import Callable

import pytest

from analyzer.model import Task, Unknown, Verdict


def path_of(task: Task) -> object:
    """What the last task writes to."""
    return task.invocations[0].args["path"]


def test_a_task_under_the_same_condition_sees_the_fact(tasks_of: Callable[..., tuple[Task, ...]]):
    """Whoever runs under `a` runs after the fact was set, so it is known there, and only there."""
    *_, inside, further, outside = tasks_of("""
- set_fact: {drush: /opt/other}
- set_fact: {drush: /opt/drush}
  when: only_given_later | bool
- file: path={{ drush }}/x state=directory
  when: only_given_later | bool
- file: path={{ drush }}/x state=directory
  when: [only_given_later | bool, ansible_os_family == 'Debian']
- file: path={{ drush }}/x state=directory
""")
    assert path_of(inside) == path_of(further) == "/opt/drush/x"
    assert inside.applies is Verdict.UNKNOWN
    assert isinstance(path_of(outside), Unknown)


def test_a_block_s_condition_holds_for_its_tasks(tasks_of: Callable[..., tuple[Task, ...]]):
    """The condition may stand on a block, and on the items of a loop inside it."""
    _, looped = tasks_of("""
- when: later == 'yes'
  block:
    - set_fact: {root: /opt/app}
    - file: path={{ root }}/{{ item }} state=directory
      loop: [a]
""")
    assert path_of(looped) == "/opt/app/a"


def test_the_condition_must_still_mean_the_same(tasks_of: Callable[..., tuple[Task, ...]]):
    """A result registered anew may decide otherwise than it did when the fact was set."""
    *_, asked = tasks_of("""
- command: app --version
  register: found
  ignore_errors: true
- set_fact: {root: /opt/app}
  when: found.rc == 0
- command: app --version
  register: found
  ignore_errors: true
- file: path={{ root }}/x state=directory
  when: found.rc == 0
""")
    assert isinstance(path_of(asked), Unknown)


def test_another_value_in_between_counts(tasks_of: Callable[..., tuple[Task, ...]]):
    """The value of the last task that set it is taken; one under another condition hides it."""
    _, _, again, _, hidden = tasks_of("""
- set_fact: {root: /opt/one}
  when: later | bool
- set_fact: {root: /opt/two}
  when: later | bool
- file: path={{ root }}/x state=directory
  when: later | bool
- set_fact: {root: /opt/three}
  when: sooner | bool
- file: path={{ root }}/x state=directory
  when: later | bool
""")
    assert path_of(again) == "/opt/two/x"
    assert isinstance(path_of(hidden), Unknown)


def test_a_fact_equal_to_what_is_there_stays_known(tasks_of: Callable[..., tuple[Task, ...]]):
    """Whether or not the task runs, the variable has the same value."""
    _, task = tasks_of(
        """
- set_fact: {root: /opt/app}
  when: later | bool
- file: path={{ root }}/x state=directory
""",
        play="  vars: {base: /opt, root: '{{ base }}/app'}\n",
    )
    assert path_of(task) == "/opt/app/x"


def test_a_default_set_in_two_places_is_known(tasks_of: Callable[..., tuple[Task, ...]]):
    """`when: x is not defined` gives the same default as the task that may have run before."""
    *_, task = tasks_of("""
- set_fact: {root: /opt/app}
  when: [later | bool, root is not defined]
- set_fact: {root: /opt/app}
  when: root is not defined
- file: path={{ root }}/x state=directory
""")
    assert path_of(task) == "/opt/app/x"


def test_another_default_is_not(tasks_of: Callable[..., tuple[Task, ...]]):
    """Two different defaults leave the variable unknown, and whether it is defined, too."""
    _, second, task = tasks_of("""
- set_fact: {root: /opt/one}
  when: [later | bool, root is not defined]
- set_fact: {root: /opt/two}
  when: root is not defined
- file: path={{ root }}/x state=directory
""")
    assert second.applies is Verdict.UNKNOWN
    assert isinstance(path_of(task), Unknown)


def test_what_stat_leaves_out_of_an_absent_path_is_not_defined(tasks_of: Callable[..., tuple[Task, ...]]):
    """`stat.isdir is defined` is no for a path that a fresh machine does not have."""
    _, defined, default = tasks_of("""
- stat: path=/srv/app/current
  register: here
- debug: msg=x
  when: here.stat.isdir is defined and here.stat.isdir
- debug: msg=x
  when: here.stat.islnk | default(false)
""")
    assert (defined.applies, default.applies) == (Verdict.NO, Verdict.NO)


def test_find_finds_nothing_in_an_absent_folder(tasks_of: Callable[..., tuple[Task, ...]]):
    """A loop over what `find` found in a folder that nothing made yet has no items; in the system's folders it may."""
    _, none, _, some = tasks_of("""
- find: paths=/srv/app/old patterns=*.conf
  register: old
- file: path={{ item.path }} state=absent
  loop: "{{ old.files }}"
- find: paths=/etc/network
  register: found
- file: path={{ item.path }} state=absent
  loop: "{{ found.files }}"
""")
    assert none.applies is Verdict.NO
    assert some.applies is Verdict.YES


def test_lookups_have_their_full_names_too(tasks_of: Callable[..., tuple[Task, ...]]):
    """`ansible.builtin.first_found` is `first_found`."""
    task, *_ = tasks_of(
        """
- include_vars: "{{ lookup('ansible.builtin.first_found', params) }}"
  vars: {params: {files: ['absent.yml', '{{ ansible_os_family }}.yml'], paths: ['{{ playbook_dir }}/vars']}}
""",
        files={"vars/Debian.yml": "package: apache2\n"},
    )
    assert str(task.invocations[0].args["_raw_params"]).endswith("vars/Debian.yml")


ONLY = r"""
/opt/drush/x | - set_fact: {root: /opt/drush}\n  when: later | bool
/opt/drush/x | - set_fact: {root: /opt/drush}\n  when: root is not defined and later | bool
/opt/drush/x | - set_fact: {root: /opt/drush}\n  when: later | bool\n- set_fact: {root: /opt/drush}\n  when: sooner | bool
unknown | - set_fact: {root: /opt/drush}\n  when: later | bool\n- set_fact: {root: /opt/other}\n  when: sooner | bool
unknown | - set_fact: {root: /opt/old}\n- set_fact: {root: /opt/drush}\n  when: later | bool
unknown | - command: x\n  register: root\n- set_fact: {root: /opt/drush}\n  when: later | bool
"""


@pytest.mark.parametrize("line", ONLY.strip().splitlines())
def test_a_variable_that_one_task_alone_sets_has_its_value_wherever_it_is_used(
    tasks_of: Callable[..., tuple[Task, ...]], line: str
):
    """Without it the task that uses it would fail; with another source of a value nothing is sure."""
    wanted, _, tasks = line.partition(" | ")
    tasks = tasks.replace("\\n", "\n")
    *_, used, default, defined = tasks_of(f"""
{tasks}
- file: path={{{{ root }}}}/x state=directory
- file: path={{{{ root | default('/opt') }}}}/x state=directory
- debug: msg=x
  when: root is defined
""")
    if wanted == "unknown":
        assert isinstance(path_of(used), Unknown)
    else:
        assert path_of(used) == wanted
        assert isinstance(path_of(default), Unknown)
        assert defined.applies is Verdict.UNKNOWN


def test_a_role_s_default_is_another_source(tasks_of: Callable[..., tuple[Task, ...]]):
    """Where the play has a value of its own, the fact may or may not stand over it."""
    *_, used = tasks_of(
        "- set_fact: {root: /opt/drush}\n  when: later | bool\n- file: path={{ root }}/x state=directory",
        play="  vars: {root: /opt/own}\n",
    )
    assert isinstance(path_of(used), Unknown)
