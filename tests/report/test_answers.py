"""Every question can be answered in migrate.yml, through the command line; an answer is carried out or told, never lost."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli

PROJECT = Path(__file__).parents[2] / "fixtures" / "accounting" / "inventory"


class Bundle:
    """A run of the tool: its bundle and what it printed."""

    def __init__(self, project, out, decisions=None, *options):
        if decisions is not None:
            (out.parent / f"{out.name}.yml").write_text(yaml.safe_dump(decisions, allow_unicode=True), encoding="utf-8")
            options = ("--decisions", str(out.parent / f"{out.name}.yml"), *options)
        self.out = out
        self.answer = CliRunner().invoke(cli, ["analyze", str(project), "--out", str(out), *options])
        assert self.answer.exit_code in {0, 1}, self.answer.output
        self.plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
        page = (out / "report.html").read_text(encoding="utf-8")
        self.page = json.loads(
            re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
        )
        self.questions = {one["id"]: one["answers"] for one in self.page["questions"]}

    def job(self, name):
        return next(one for app in self.plan["applications"] for one in app["jobs"] if one["id"] == name)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The accounting fixture before anybody answered."""
    return Bundle(PROJECT, tmp_path_factory.mktemp("asked") / "bundle")


@pytest.mark.parametrize("which", [0, 1])
def test_every_answer_of_every_question_is_carried_out(asked, tmp_path, which):
    """With the first, and with the last answer of each: none is open, stale or misunderstood; page and diff tell of it."""
    answers = {name: offered[-which] for name, offered in asked.questions.items()}
    assert len(answers) >= 5
    done = Bundle(PROJECT, tmp_path / "answered", {"version": 1, "answers": answers})
    assert done.questions == {}
    assert not re.search(r"decision-stale|answer-not-understood|cron-differs", done.answer.stderr)
    assert {key: value for key, value, _ in done.page["decided"]} == {
        f"answers.{name}": one for name, one in answers.items()
    }
    assert all(re.search(r"answered\.yml:\d+$", place) for _, _, place in done.page["decided"])
    shown = [one for app in done.page["apps"] for one in (*app["decisions"], *app["jobs"])]
    settled = {name for one in shown for name in (*one.get("aq", ()), *one.get("answered", ()))}
    assert settled == {name for name in answers if not name.startswith("size:")}
    told = CliRunner().invoke(cli, ["diff", str(asked.out), str(done.out)]).stdout
    assert [name for name, one in answers.items() if f"+ answers.{name}: {one}" not in told] == []


def test_a_wrong_answer_is_told_with_its_line_and_changes_nothing(asked, tmp_path):
    """Whatever the question: an answer that means nothing leaves it open and is an error with what would be right."""
    done = Bundle(PROJECT, tmp_path / "wrong", {"answers": dict.fromkeys(asked.questions, "no such thing")})
    assert done.questions == asked.questions
    errors = [line for line in done.answer.stderr.splitlines() if "[answer-not-understood]" in line]
    assert sorted(re.search(r" to (\S+) cannot be carried out", line)[1] for line in errors) == sorted(asked.questions)
    assert all(re.search(r"\((Answer one of|choose a pair)", line) for line in errors)
    assert [one["outcome"] for one in done.plan["applications"][0]["jobs"]] == [
        one["outcome"] for one in asked.plan["applications"][0]["jobs"]
    ]


CRONTAB = """\
@reboot app /srv/app/warm-up
70 3 * * * app /srv/app/refused
5 4 * * * app echo "open
6 4 * * * app /srv/app/good
"""


@pytest.fixture
def host(tmp_path):
    """A host of which only a crontab and a time zone are known."""
    fs = tmp_path / "p" / "evidence" / "web1" / "fs" / "etc"
    (fs / "cron.d").mkdir(parents=True)
    (fs / "timezone").write_text("Asia/Tokyo\n")
    (fs / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    for number, line in enumerate(CRONTAB.splitlines()):
        (fs / "cron.d" / f"job{number}").write_text(line + "\n")
    return tmp_path / "p"


@pytest.mark.parametrize(
    ("job", "answer", "outcome", "expression"),
    [
        ("warm-up", "part of the start of a process", "platform", []),
        ("warm-up", "leave it behind", "skipped", []),
        ("echo", "leave it behind", "skipped", []),
    ],
)
def test_answers_about_jobs(host, tmp_path, job, answer, outcome, expression):
    """What a person says about a job that nobody can convert is what becomes of it."""
    done = Bundle(host, tmp_path / "out", {"answers": {f"job:{job}": answer}})
    assert f"job:{job}" not in done.questions
    assert done.job(job)["outcome"] == outcome
    assert [one["expression"] for one in done.job(job)["expressions"]] == expression


def test_answers_that_are_no_longer_asked_for_are_stale(host, tmp_path):
    """An answer about a job that needs none is told as matching nothing, and so is one about a job that is gone."""
    done = Bundle(host, tmp_path / "out", {"answers": {"job:good": "as in Ansible", "job:god": "leave it behind"}})
    assert done.answer.stderr.count("[decision-stale]") == 2
    assert re.search(r"out.yml:\d+: The decision answers.job:god matches no question", done.answer.stderr)
