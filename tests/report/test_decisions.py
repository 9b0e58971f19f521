"""read/decisions.py, decide/questions.py and render/decisions_file.py: questions, answers, and their faults."""

import json

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.cli import cli
from analyzer.decide.questions import open_questions, stale_decisions
from analyzer.model import Question, Settings, Source
from analyzer.read.decisions import is_playbook, read_decisions
from analyzer.read.files import Tree
from analyzer.render.decisions_file import render


def read(folder, text, chosen=Settings(), **arguments):  # noqa: B008 - frozen
    (folder / "migrate.yml").write_text(text)
    return read_decisions(Tree(folder), "migrate.yml", chosen, **arguments)


FULL = """\
version: 1
base_image: ruby:3.1-slim
headroom_percent: 30
architecture: arm64
region: eu-central-1
applications: {acct: {name: accounting}}
jobs:
  close: {class: heavy, deadline_minutes: 90, retries: 2}
  rates: {leave_behind: true}
  keep: {leave_behind: false}
task_definitions:
  api: {cpu: 512, memory: 1024}
variables: {port: 3000, hosts: [a, b], on: yes}
facts: {ansible_distribution: Debian}
answers:
  web-x: drop
  web-y: {image: "apt-get install x"}
"""


def test_every_key_is_taken_over(tmp_path):
    """Each key of the decisions file arrives in the settings, with the line of each decision."""
    found, problems = read(tmp_path, FULL)
    assert problems == ()
    assert (found.base_image, found.headroom_percent, found.architecture, found.region) == (
        "ruby:3.1-slim",
        30.0,
        "ARM64",
        "eu-central-1",
    )
    assert found.application_names == {"acct": "accounting"}
    assert (found.job_classes, found.jobs_left_behind) == ({"close": "heavy"}, ("rates",))
    assert found.sizes == {"api": (512, 1024)}
    assert found.variables == {"port": 3000, "hosts": ["a", "b"], "on": True}
    assert found.facts == {"distribution": "Debian"}
    assert found.answers == {
        "web-x": "drop",
        "web-y": {"image": "apt-get install x"},
        "class:close": "heavy",
        "deadline:close": 90,
        "retries:close": 2,
        "size:api": "512/1024",
    }
    assert found.decided_at["answers.web-x"] == Source("migrate.yml", 16)


def test_the_command_line_wins(tmp_path):
    """What was given on the command line stays; what was only a default does not."""
    found, _ = read(
        tmp_path, "region: eu-west-1\ntimezone: Asia/Tokyo\n", Settings(region="us-east-1"), given=frozenset({"region"})
    )
    assert (found.region, found.timezone) == ("us-east-1", "Asia/Tokyo")


WRONG = """
base_imag: x                     | decisions-key-unknown   | base_image
answer: {a: b}                   | decisions-key-unknown   | answers
colour: red                      | decisions-key-unknown   | known:
version: 2                       | decisions-value-invalid | 1
base_image: "a b"                | decisions-value-invalid | image
base_image: [a]                  | decisions-value-invalid | image
headroom_percent: a lot          | decisions-value-invalid | number
headroom_percent: true           | decisions-value-invalid | number
headroom_percent: .nan           | decisions-value-invalid | number
region: Tokyo                    | decisions-value-invalid | region
jobs: [close]                    | decisions-value-invalid | mapping
jobs: {close: {clas: heavy}}     | decisions-key-unknown   | class
jobs: {close: {class: medium}}   | decisions-value-invalid | heavy
jobs: {close: {retries: 99}}     | decisions-value-invalid | 0 to 10
jobs: {close: {retries: 1.5}}    | decisions-value-invalid | 0 to 10
jobs: {close: {deadline_minutes: soon}} | decisions-value-invalid | minutes
jobs: {close: {leave_behind: no way}} | decisions-value-invalid | true or false
task_definitions: {api: {cpu: 1}} | decisions-value-invalid | memory
task_definitions: {api: {cpu: 1.5, memory: 2}} | decisions-value-invalid | whole number
answers: {a: 1, a: 2}            | decisions-key-twice     | one of the two
answers: {a: !vault x}           | decisions-value-invalid | vault
answers: {a: [                   | decisions-unreadable    | correct
- list                           | decisions-value-invalid | mapping
"""


@pytest.mark.parametrize("case", WRONG.strip().splitlines())
def test_what_is_wrong_is_said_with_its_line(tmp_path, case):
    """A misspelt key gets a proposal, a wrong value what was expected; the rest of the file still counts."""
    text, code, hint = (part.strip() for part in case.split(" | "))
    found, problems = read(tmp_path, ("" if text.startswith("-") else "timezone: Asia/Tokyo\n") + text)
    assert code in [problem.code for problem in problems]
    assert any(hint in problem.hint for problem in problems)
    assert problems[0].source.line >= (1 if text.startswith("-") else 2)
    assert found.timezone == ("Asia/Tokyo" if code != "decisions-unreadable" and text[0] != "-" else "")


@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from([
    b"answers:", b" {", b"}", b"[", b"]", b"&a ", b"*a", b"\n", b"  x: ", b"!!python/object:os.system ", b"!!int z",
    b"!!timestamp 1",
    b"jobs:", b"? ", b"<<: ", b"| ", b"\x00", b"1e999", b"0x", b"!!binary =", b"variables:",
]), max_size=12).map(b"".join)))  # fmt: skip
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_never_raises(tmp_path, data):
    """Whatever the decisions file holds, settings come back."""
    (tmp_path / "migrate.yml").write_bytes(data)
    found, _ = read_decisions(Tree(tmp_path), "migrate.yml", Settings())
    repr(found).encode()


def test_questions_come_blocking_first_and_once(make):
    """Open questions: blocking ones first, each id once, assumed sizes among them, answered ones gone."""
    shared = Question(id="same", text="?", answers=("drop",))
    decisions = (
        make.decision(0, question=shared),
        make.decision(1, question=shared),
        make.decision(2, question=Question(id="b", text="?", blocking=True)),
        make.decision(3, question=Question(id="done", text="?"), answered=True),
    )
    found = open_questions(make.plan(make.application(jobs=2, decisions=0), problems=()))
    assert [one.question.id for one in found] == ["size:batch_light"]
    app = replace(make.application(), decisions=decisions)
    assert [one.question.id for one in open_questions(make.plan(app))] == ["b", "same", "size:batch_light"]


def test_applications_that_ask_the_same_share_the_question(make):
    """One answer settles it for all of them; other words under the same id are a question of their own."""
    asked = [Question(id="zone", text=text) for text in ("Which?", "Which?", "Which one here?")]
    plan = make.plan(
        *(
            replace(make.application(name=name), decisions=(make.decision(0, question=question),), task_definitions=())
            for name, question in zip("abc", asked, strict=True)
        )
    )
    found = [(one.applications, one.question.text) for one in open_questions(plan)]
    assert found == [(("a", "b"), "Which?"), (("c",), "Which one here?")]


def test_the_skeleton_is_a_decisions_file(tmp_path, make):
    """Uncommented, every line of questions.yml is a decision that is read without a problem and matches the plan."""
    plan = make.plan()
    (output,) = render(plan, {})
    text = output.data.decode()
    assert read(tmp_path, text)[0].answers == {}
    filled = "\n".join(
        line.replace("# ", "", 1) if line.startswith(("  # accounting-task", '  # "size:')) else line
        for line in text.splitlines()
    )
    found, problems = read(tmp_path, filled)
    assert problems == ()
    assert set(found.answers) == {one.question.id for one in open_questions(plan)}
    assert found.answers["size:batch_light"] == "256/512"
    assert stale_decisions(plan, found) == ()


def test_hostile_texts_stay_comments(make):
    """No text of the input can leave its comment or its key in questions.yml."""
    (output,) = render(make.hostile_plan(), {})
    text = output.data.decode()
    assert yaml.safe_load(text) == {"version": 1, "answers": None}
    assert all(ord(character) >= 32 or character == "\n" for character in text)
    uncommented = [line.replace("# ", "", 1) for line in text.splitlines() if line.startswith('  # "')]
    expected = {make.hostile: " ".join(make.hostile.split()), "port:api": "8080"}
    assert yaml.safe_load("\n".join(uncommented)) == expected


def test_no_file_where_nothing_is_open(make):
    """A plan without open questions has no questions.yml."""
    app = replace(make.application(decisions=0), task_definitions=())
    assert render(make.plan(app), {}) == ()


def test_stale_answers_are_told(make):
    """An answer, job or size that matches nothing is a problem with its line and, where close, what was meant."""
    chosen = Settings(
        answers={"accounting-task-10": "drop", "accounting-task-999": "drop", "gone": "x"},
        sizes={"batch_heavi": (256, 512), "batch_heavy": (2048, 8192), "api": (256, 513)},
        application_names={"acct": "accounting", "gone": "elsewhere"},
        decided_at={
            "answers.gone": Source("migrate.yml", 7),
            "jobs.job-1": Source("migrate.yml", 8),
            "jobs.job-l": Source("migrate.yml", 9),
        },
    )
    found = stale_decisions(make.plan(), chosen)
    assert [problem.message.split()[2] for problem in found[:5]] == [
        "answers.accounting-task-999",
        "answers.gone",
        "jobs.job-l",
        "task_definitions.batch_heavi",
        "applications.gone",
    ]
    assert found[1].source == Source("migrate.yml", 7)
    assert "batch_heavy" in found[3].hint
    assert [(problem.code, "256/513" in problem.message) for problem in found[5:]] == [("size-not-legal", True)]


def test_answers_that_need_no_question(make):
    """A size, a class, a deadline and retries may be answered at any time; for a job that is not there they are stale."""
    good = ("size:api", "class:job-1", "deadline:job-1", "retries:job-2", "horizon_start")
    found = stale_decisions(make.plan(), Settings(answers=dict.fromkeys((*good, "class:gone"), "x")))
    assert [problem.message.split()[2] for problem in found] == ["answers.class:gone"]


def test_an_answered_question_is_not_stale(make):
    """An answer that a decision lists as settled is no longer open, and not stale either."""
    done = make.decision(10, question=None, answered=True, answered_questions=("q1",))
    plan = make.plan(replace(make.application(), decisions=(done,)))
    assert stale_decisions(plan, Settings(answers={"q1": "drop"})) == ()


@pytest.mark.parametrize(
    ("text", "playbook"),
    [
        ("---\n# runs the migration\n- hosts: all\n  tasks: []\n", True),
        ("answers:\n  - x\n", False),
        ("---\nversion: 1\n", False),
        ("", False),
        ("-- x\n", False),
    ],
)
def test_a_playbook_by_the_name_of_the_decisions_file_holds_no_answers(tmp_path, text, playbook):
    """A playbook that migrates a database is often called just so."""
    (tmp_path / "migrate.yml").write_text(text, encoding="utf-8")
    assert is_playbook(tmp_path / "migrate.yml") is playbook


def test_beside_a_playbook_of_its_name_no_decisions_file_is_read(tmp_path):
    """The playbook is read as one, and a note says how to give answers."""
    (tmp_path / "migrate.yml").write_text("- hosts: web\n  tasks:\n    - debug: msg=x\n", encoding="utf-8")
    answer = CliRunner().invoke(cli, [str(tmp_path), "--out", str(tmp_path / "out")])
    plan = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert "decisions-" not in answer.stderr.replace("decisions-are-a-playbook", "")
    assert [one["code"] for one in plan["problems"] if one["code"].startswith("decisions")] == [
        "decisions-are-a-playbook"
    ]
    assert plan["counts"]["tasks"] == 1
