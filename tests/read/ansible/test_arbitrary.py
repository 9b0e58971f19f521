"""Names that a run makes up: one value stands for the time or the temporary folder, and no condition goes by it."""

from collections.abc import Callable

import pytest
from ansible.module_utils.facts.system.date_time import DateTimeFactCollector

from analyzer.model import Task, Verdict
from analyzer.read.ansible.arbitrary import date_time_facts, printed_date

RELEASES = {
    "the fact": "{{ ansible_date_time.epoch }}",
    "the fact among the facts": "{{ ansible_facts.date_time.iso8601_basic_short }}",
    "a command of the controller": "{{ lookup('pipe', 'date +%Y%m%d%H%M%S') }}",
}


@pytest.mark.parametrize("written", RELEASES.values(), ids=RELEASES.keys())
def test_the_name_of_a_release_is_known(tasks_of: Callable[..., tuple[Task, ...]], written: str):
    """The time in a path becomes one fixed time, the same in every task."""
    made, link = tasks_of(f"""
- file: path=/srv/app/releases/{written} state=directory
- file: src="/srv/app/releases/{written}" dest=/srv/app/current state=link
""")
    path = made.invocations[0].args["path"]
    assert isinstance(path, str)
    assert "2000" in path or "946684800" in path
    assert link.invocations[0].args["src"] == path


def test_the_time_that_a_command_printed_is_known(tasks_of: Callable[..., tuple[Task, ...]]):
    """`date +FORMAT`, registered, names a release as the fact does; also through set_fact."""
    *_, made = tasks_of("""
- command: date +%Y%m%d%H%M%S
  register: now
- set_fact: {release: "/srv/app/releases/{{ now.stdout }}"}
- file: path={{ release }} state=directory
""")
    assert made.invocations[0].args["path"] == "/srv/app/releases/20000101000000"


def test_the_folder_that_mktemp_made_is_known(tasks_of: Callable[..., tuple[Task, ...]]):
    """Its name means nothing by itself: what lies in it does."""
    *_, clone = tasks_of("""
- command: mktemp -d
  register: work
- git: repo=https://example.org/x.git dest={{ work.stdout }}/x
""")
    assert clone.invocations[0].args["dest"] == "/tmp/ansible.work/x"


def test_the_folders_of_deploy_helper_are_known(tasks_of: Callable[..., tuple[Task, ...]]):
    """The module names the release by the time, and its fact says where everything lies; no condition goes by it."""
    tasks = tasks_of("""
- deploy_helper: path=/srv/app
- git: repo=https://example.org/app.git dest={{ deploy_helper.new_release_path }}
- file: path={{ deploy_helper.new_release_path }}/{{ deploy_helper.unfinished_filename }} state=absent
- file: src={{ deploy_helper.shared_path }}/log path={{ deploy_helper.new_release_path }}/log state=link
- debug: msg=x
  when: deploy_helper.new_release == '1'
- deploy_helper: path=/srv/app release={{ deploy_helper.new_release }} state=finalize current_path=live
""")
    release = "/srv/app/releases/20000101000000"
    assert [one.invocations[0].args.get("dest", one.invocations[0].args.get("path")) for one in tasks[1:4]] == [
        release, f"{release}/DEPLOY_UNFINISHED", f"{release}/log",
    ]  # fmt: skip
    assert tasks[3].invocations[0].args["src"] == "/srv/app/shared/log"
    assert tasks[4].applies is Verdict.UNKNOWN
    last = tasks[5].invocations[0].args
    assert (last["_current_path"], last["_new_release_path"]) == ("/srv/app/live", release)


@pytest.mark.parametrize(
    "condition",
    [
        "ansible_date_time.weekday == 'Saturday'",
        "ansible_facts.date_time.year == '2000'",
        "lookup('pipe', 'date +%H') == '00'",
        "now.stdout == '00'",
        "hour == '00'",
        "indirect == '00'",
    ],
)
def test_no_condition_goes_by_the_made_up_time(tasks_of: Callable[..., tuple[Task, ...]], condition: str):
    """Whether it is Saturday stays unknown, however the time reached the condition."""
    *_, asked = tasks_of(
        f"""
- command: date +%H
  register: now
- set_fact: {{hour: "{{{{ now.stdout }}}}"}}
- debug: msg=x
  when: {condition}
""",
        play='  vars:\n    indirect: "{{ ansible_date_time.hour }}"\n',
    )  # fmt: skip
    assert asked.applies is Verdict.UNKNOWN


def test_a_name_that_got_another_value_is_no_time_any_more(tasks_of: Callable[..., tuple[Task, ...]]):
    """What set_fact or register gives anew is decided again."""
    *_, asked = tasks_of("""
- set_fact: {day: "{{ ansible_date_time.weekday }}"}
- set_fact: {day: monday}
- debug: msg=x
  when: day == 'monday'
""")
    assert asked.applies is Verdict.YES


@pytest.mark.parametrize(
    "command", ["date", "date +%Y; id", "date -d yesterday +%Y", "date $(id)", "dates +%Y", "date +%Q", "date '+%Y"]
)
def test_only_a_plain_date_is_answered(command: str):
    """Anything that is more than the present time in a format is left unknown."""
    assert printed_date(command) is None


def test_other_commands_of_pipe_do_not_run(tasks_of: Callable[..., tuple[Task, ...]]):
    """`pipe` stays refused for whatever is not the time."""
    (task,) = tasks_of("- command: echo {{ lookup('pipe', 'date +%Y; id') }} {{ lookup('pipe', cmd) }}",
                       play="  vars: {cmd: id}\n")  # fmt: skip
    assert not isinstance(task.invocations[0].args["_raw_params"], str)


def test_the_fact_has_the_keys_that_ansible_gives():
    """ansible-core's own collector is the oracle."""
    assert date_time_facts().keys() == DateTimeFactCollector().collect()["date_time"].keys()


def test_a_temporary_folder_has_a_name_that_later_tasks_see(tasks_of: Callable[..., tuple[Task, ...]]):
    """`tempfile` makes it up once; downloads into it and its removal name the same path."""
    made, loaded, removed = tasks_of("""
- tempfile: state=directory suffix=.d
  register: work
- get_url: url=https://example.com/x.tgz dest={{ work.path }}/x.tgz
- file: path={{ work.path }} state=absent
  when: work.path is defined
""")
    assert made.invocations[0].args["_path"] == "/tmp/ansible.work.d"
    assert loaded.invocations[0].args["dest"] == "/tmp/ansible.work.d/x.tgz"
    assert removed.invocations[0].args["path"] == "/tmp/ansible.work.d"
    assert removed.applies is Verdict.YES


def test_lists_in_the_items_of_a_loop_stay_lists(tasks_of: Callable[..., tuple[Task, ...]]):
    """Ansible's filters and `+` tell lists from tuples: an item's inner list can be added to another."""
    (task,) = tasks_of("""
- debug: msg=x
  with_items: [{names: [a, b]}]
  vars: {all: "{{ item.names + ['c'] }}", summed: "{{ [item] | sum(attribute='names', start=[]) }}"}
  when: all == ['a', 'b', 'c'] and summed == ['a', 'b']
""")
    assert task.applies is Verdict.YES
