"""render/bundle_diff.py and `migrate-analyze diff`: what changed between two plans, as a reviewer would say it."""

import copy
import json

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.model import Expression, Outcome, Problem, Severity, Source
from analyzer.render.bundle_diff import find_changes, render_diff
from analyzer.render.plan_json import document


def changes(make, change, **arguments):
    """`topic mark text` for a plan before and after `change(application)`."""
    before = make.application(**arguments)
    old, new = (json.loads(json.dumps(document(make.plan(app)))) for app in (before, change(before)))
    return [f"{one.topic} {one.mark} {one.text}" for one in find_changes(old, new)]


def test_the_same_plan_has_no_changes(make):
    """Two equal plans differ in nothing, and the text says so."""
    plan = document(make.plan())
    assert find_changes(plan, plan) == ()
    assert render_diff(plan, plan) == "no difference that a reviewer would see\n"


def test_a_task_that_only_moved_is_no_change(make):
    """A line inserted above every task changes all lines and nothing else."""

    def moved(app):
        tasks = [replace(one, source=Source(one.source.file, one.source.line + 7)) for one in app.decisions]
        return replace(app, decisions=tuple(tasks))

    assert changes(make, moved) == []


def test_an_answered_question(make):
    """An answer takes the question away and changes what becomes of the task."""

    def answered(app):
        decisions = list(app.decisions)
        decisions[10] = replace(decisions[10], outcome=Outcome.PLATFORM, question=None, answered=True)
        return replace(app, decisions=tuple(decisions))

    assert changes(make, answered) == [
        "question - accounting-task-10: What shall become of task 10?",
        "task ~ roles/role0/tasks/main.yml 'Task number 10': manual -> platform (packages-apt-present, answered by a person)",
    ]


def test_jobs_and_sizes(make):
    """A job's time, class and proof, the jobs of a definition and its cost, new and gone jobs."""

    def other(app):
        first = replace(
            app.jobs[0],
            schedule="5 0 * * *",
            job_class="light",
            expressions=(Expression(name="job-0", expression="cron(5 0 * * ? *)", timezone="Asia/Tokyo"),),
        )
        sizes = list(app.task_definitions)
        sizes[1] = replace(sizes[1], cpu=1024, jobs=(), monthly_usd=0.6)
        return replace(app, jobs=(first, *app.jobs[1:3], make.job(7)), task_definitions=tuple(sizes))

    assert changes(make, other) == [
        "job ~ job-0: cron: 0 0 * * * -> 5 0 * * *; class: heavy -> light; expressions: cron(0 0 * * ? *) -> cron(5 0 * * ? *)",
        "job + job-7: `7 7 * * *` schedule",
        "job - job-3: `3 3 * * *` schedule",
        "task definition ~ batch_heavy: CPU units 2048 -> 1024; without job-0; 1.20 -> 0.60 USD a month",
    ]


def test_what_else_a_plan_holds(make):
    """Base image, secrets, drift, whole applications and problems are compared too."""
    before = make.application()
    after = replace(before, image=replace(before.image, base_image="ruby:3.1"), secrets=(), drift=())
    problem = Problem(Severity.ERROR, "x", "it broke", Source("a.yml", 3))
    new = make.plan(after, replace(make.application(decisions=0, jobs=0), name="billing"), problems=(problem,))
    found = [(one.application, one.topic, one.mark) for one in find_changes(document(make.plan()), document(new))]
    assert ("accounting", "image", "~") in found
    assert ("accounting", "secret", "-") in found
    assert ("accounting", "drift", "-") in found
    assert ("billing", "application", "+") in found
    assert found[-1] == ("", "problem", "+")
    text = render_diff(document(make.plan()), document(new))
    assert "accounting: image\n  ~ base image: debian:bookworm-slim -> ruby:3.1\n" in text
    assert json.loads(render_diff(document(make.plan()), document(new), "json"))["changes"][0]["topic"]


def test_a_renamed_application(make):
    """An application with the same hosts under another name is the same one; one with other hosts is new, said in a line."""
    old = document(make.plan())
    renamed = document(make.plan(replace(make.application(), name="ledger")))
    assert [(one.topic, one.text) for one in find_changes(old, renamed)] == [("application", "was called accounting")]
    other = replace(make.application(), name="ledger", hosts=())
    found = find_changes(old, document(make.plan(other)))
    assert [one.mark for one in found] == ["+", "-"]
    assert "24 decisions, 4 jobs" in found[0].text


def test_every_change_is_its_own_inverse(make):
    """Comparing the other way round gives as many changes, new and gone exchanged."""
    old, new = document(make.plan()), document(make.plan(make.application(decisions=12, jobs=9)))
    marks = [[one.mark for one in find_changes(*pair)] for pair in ((old, new), (new, old))]
    assert [marks[0].count(one) for one in "+-~"] == [marks[1].count(one) for one in "-+~"]
    assert marks[0]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_plan_never_raises(make, data):
    """Whatever a plan's values have become, a comparison comes out."""
    plan = json.loads(json.dumps(document(make.plan(make.application(decisions=12, jobs=1)))))
    broken = copy.deepcopy(plan)
    where = broken
    for _ in range(data.draw(st.integers(0, 4))):
        keys = list(where) if isinstance(where, dict) else list(range(len(where))) if isinstance(where, list) else []
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()):
            where[key] = data.draw(st.sampled_from([None, [], {}, "x", 3, [None], [3], {"a": None}]))
            break
        where = where[key]
    render_diff(plan, broken)
    render_diff(broken, plan, "json")


def run(*arguments):
    from analyzer.cli import cli

    return CliRunner().invoke(cli, ["diff", *map(str, arguments)])


def test_the_command(make, tmp_path):
    """Two bundles (or two plan.json) are compared; the text goes to stdout."""
    for name, app in (("old", make.application()), ("new", make.application(jobs=5))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.json").write_text(json.dumps(document(make.plan(app))))
    answer = run(tmp_path / "old", tmp_path / "new" / "plan.json")
    assert (answer.exit_code, "+ job-4: `4 4 * * *` schedule" in answer.stdout) == (0, True)


@pytest.mark.parametrize("content", [None, "", "[]", '{"version": 2}', "{"])
def test_no_plan_is_wrong_usage(make, tmp_path, content):
    """A folder without a plan, or a file that is none, ends with one line and status 2."""
    (tmp_path / "new.json").write_text(json.dumps(document(make.plan())))
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    answer = run(tmp_path, tmp_path / "new.json")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("migrate-analyze: ")
    assert answer.stderr.count("\n") == 1
