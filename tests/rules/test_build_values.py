"""What only the build knows: a command in which an earlier command's output stands."""

from __future__ import annotations

import pytest
from example_tasks import task

from analyzer.decide.tasks import decide_tasks
from analyzer.model import Outcome, RunCommand, Settings, Unknown, Verdict
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

PACK = load_pack(rule_texts())


def command(written, module="command", **changes):
    value = Unknown(written, "registered by site.yml:1") if "{{" in written else written
    return task({f"ansible.builtin.{module}": {"_raw_params": value}}, **changes)


def decided(probe, use):
    found = decide_tasks([probe, use], PACK, Settings())
    return found.decisions[1].outcome, [
        step.effect.command for step in found.steps if isinstance(step.effect, RunCommand)
    ]


PROBE = command("pg_config --sharedir", register="pg", reads_only=True)


@pytest.mark.parametrize(
    ("use", "line"),
    [
        (command("cp /srv/x {{ pg.stdout }}/tsearch_data"), "cp /srv/x ${pg}/tsearch_data"),
        (command("cp '/srv/a b' {{pg.stdout|trim}}/'c d'"), "cp '/srv/a b' ${pg}'/c d'"),
        (command("ln -s {{ pg.stdout_lines[0] }} /srv/share"), "ln -s ${pg} /srv/share"),
        (command('cp /srv/x "{{ pg.stdout }}/y" && touch /srv/z', "shell"), 'cp /srv/x "${pg}/y" && touch /srv/z'),
    ],
)
def test_the_build_asks_at_the_step_that_uses_the_answer(use, line):
    """The step becomes a shell text that asks first, and fails where the question fails, as the play does."""
    assert decided(PROBE, use) == (Outcome.IMAGE, [f'pg="$(pg_config --sharedir)" && {line}'])


def test_a_question_that_may_fail_does_not_end_the_build():
    probe = command("which gem", register="gem", may_fail=True)
    _, lines = decided(probe, command("cp {{ gem.stdout }} /srv/gem"))
    assert lines == ['gem="$(which gem || true)" && cp ${gem} /srv/gem']


def test_pipes_and_folders_of_the_question_are_kept():
    probe = task(
        {"ansible.builtin.shell": {"_raw_params": "ls | sort | head -n1", "chdir": "/srv/a b"}}, register="first"
    )
    _, lines = decided(probe, command("cp {{ first.stdout }} /srv/first"))
    assert lines == ["first=\"$(cd '/srv/a b' && ls | sort | head -n1)\" && cp ${first} /srv/first"]


@pytest.mark.parametrize(
    ("probe", "use"),
    [
        # it answers for the machine, the time, the network or chance, or it changes something
        (command("hostname -f", register="pg"), "cp x {{ pg.stdout }}"),
        (command("date +%s", register="pg"), "cp x {{ pg.stdout }}"),
        (command("curl https://example.org/v", register="pg"), "cp x {{ pg.stdout }}"),
        (command("cat /proc/cpuinfo", register="pg"), "cp x {{ pg.stdout }}"),
        (command("ruby -e 'puts Time.now'", register="pg"), "cp x {{ pg.stdout }}"),
        (command("gem install x", register="pg"), "cp x {{ pg.stdout }}"),
        # it could not stand in `$(…)`
        (command("ls /srv # all of it", "shell", register="pg"), "cp x {{ pg.stdout }}"),
        (command("ls > /srv/list", "shell", register="pg"), "cp x {{ pg.stdout }}"),
        # it may not have run, ran elsewhere, or as somebody else
        (command("which x", register="pg", applies=Verdict.UNKNOWN), "cp x {{ pg.stdout }}"),
        (command("which x", register="pg", delegate_to="localhost"), "cp x {{ pg.stdout }}"),
        (command("which x", register="pg", become=True, become_user="app"), "cp x {{ pg.stdout }}"),
        # something else of it, or of something else, is used
        (PROBE, "cp x {{ pg.rc }}"),
        (PROBE, "cp x {{ pg.stdout | upper }}"),
        (PROBE, "cp x {{ pg.stdout }} {{ other.stdout }}"),
        (PROBE, "cp x {{ pg.stdout_lines[1] }}"),
    ],
)
def test_what_could_differ_stays_a_question(probe, use):
    assert decided(probe, command(use))[0] == Outcome.MANUAL


@pytest.mark.parametrize(
    "use",
    [
        "cp x '{{ pg.stdout }}'",
        "cp x {{ pg.stdout }} || true",
        "cp x {{ pg.stdout }}; touch /srv/y",
        "cp x {{ pg.stdout }} &",
    ],
)
def test_shell_texts_in_which_the_question_could_not_stand_first(use):
    """In single quotes no variable is filled in; behind another operator a failed question would not end the step."""
    assert decided(PROBE, command(use, "shell"))[0] == Outcome.MANUAL
