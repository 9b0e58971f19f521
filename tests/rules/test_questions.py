"""Every decision that waits for a person asks something, and takes each of the answers that it offers."""

from __future__ import annotations

import pytest
from example_tasks import task

from analyzer.decide.tasks import decide_tasks
from analyzer.model import Outcome, Settings, Unknown
from analyzer.read.decisions import read_decisions
from analyzer.read.files import Tree
from analyzer.resources import rule_texts
from analyzer.rulepack import examples, load_pack

PACK = load_pack(rule_texts())


def variants(written):
    """The example itself, and with each of its arguments unknown in turn."""
    ((module, args),) = written.items()
    yield written
    for name in args:
        yield {module: {**args, name: Unknown(f"{{{{ {name}_of_the_host }}}}", "registered by tasks/main.yml:1")}}


CASES = [
    pytest.param(written, id=f"{rule.id}-{number}-{place}")
    for rule in PACK.rules
    for number, example in enumerate(examples(rule), 1)
    for place, written in enumerate(variants(example.task))
]


@pytest.mark.parametrize("written", CASES)
def test_what_is_manual_can_be_answered(written, tmp_path):
    """At least two different answers, each of which `migrate.yml` takes and the decision obeys."""
    (open_,) = decide_tasks([task(written)], PACK, Settings()).decisions
    if open_.outcome is not Outcome.MANUAL:
        return
    question = open_.question
    assert question is not None
    assert question.text.strip()
    assert len(set(question.answers)) > 1
    for answer in question.answers:
        (tmp_path / "migrate.yml").write_text(f"answers:\n  {question.id}: {answer}\n", encoding="utf-8")
        settings, problems = read_decisions(Tree(tmp_path), "migrate.yml", Settings())
        found = decide_tasks([task(written)], PACK, settings)
        assert not [*problems, *found.problems]
        assert found.decisions[0].question is None
        assert found.decisions[0].outcome is (Outcome.PLATFORM if answer == "drop" else Outcome(answer))


def test_one_answer_for_all_leaves_open_what_it_cannot_do():
    """`image` for every file of a database puts known files there; a file of unknown content keeps a question of its own."""
    tasks = [
        task({"ansible.builtin.copy": {"content": "a", "dest": "/etc/mysql/a.cnf"}}, name="known"),
        task(
            {"ansible.builtin.copy": {"content": Unknown("{{ x }}", "a fact"), "dest": "/etc/mysql/b.cnf"}}, name="not"
        ),
    ]
    found = decide_tasks(tasks, PACK, Settings(answers={"databases-mysql": "image"}))
    assert [one.outcome for one in found.decisions] == [Outcome.IMAGE, Outcome.MANUAL]
    assert found.decisions[1].question is not None
    assert found.decisions[1].question.id == "example-not"
    both = decide_tasks(tasks, PACK, Settings(answers={"databases-mysql": "image", "example-not": "drop"}))
    assert [one.outcome for one in both.decisions] == [Outcome.IMAGE, Outcome.PLATFORM]
    assert not both.problems
