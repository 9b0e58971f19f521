"""render/summary.py and render/bundle_readme.py: what a person sees first."""

import json
import re
import unicodedata

import pytest

from analyzer.render.bundle_readme import render as render_readme
from analyzer.render.summary import render_summary
from analyzer.render.texts import CATALOGUE, LANGUAGES, Texts
from analyzer.resources import template_texts


def columns(text):
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_fits_one_screen(make, language, width):
    """A large plan stays within 50 lines and the terminal's width, blocking questions at the top."""
    text = render_summary(make.plan(make.application(decisions=2000, jobs=200)), language=language, width=width)
    lines = text.splitlines()
    assert len(lines) <= 50
    assert max(columns(line) for line in lines) <= width
    assert "91" in lines[0]  # of the 2,000 decisions


def test_the_summary_tells_what_matters(make):
    """Tasks by outcome, jobs by verdict and class, three sizes with cost, and the count of open questions."""
    text = render_summary(make.plan(), out="migration")
    assert "24 tasks and handlers" in text
    assert "2 needs a person" in text
    assert "4 proved equal; 1 heavy, 3 light" in text
    assert re.search(r"batch_heavy +2 vCPU +8 GiB +1.20 USD/month", text)
    assert re.search(r"batch_light .* assumed", text)
    assert "19.20 USD  Fargate (after)" in text
    assert "2 more open questions" in text
    assert "migration/report.html" in text


def test_a_size_that_nothing_runs_on_says_so(make):
    """Without jobs the two sizes of batches are there, as the bundle's layout has them, and are told to be unused."""
    plan = make.plan(make.application(jobs=0, task_definitions=(
        make.definition("api", process="api"), make.definition("batch_heavy"), make.definition("batch_light"),
    )))  # fmt: skip
    lines = render_summary(plan).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("no job")] == ["batch_heavy", "batch_light"]
    (readme,) = render_readme(plan, template_texts())
    assert readme.data.decode().count("| no job |") == 2


@pytest.mark.parametrize(("decisions", "said"), [(5, "1 open question:"), (11, "1 more open question:")])
def test_more_is_said_where_questions_stand_above(make, decisions, said):
    """Open questions are "more" only beside blocking ones that the summary has listed."""
    assert said in render_summary(make.plan(make.application(decisions=decisions, jobs=0)))


def test_a_pipe_gets_plain_text_and_a_terminal_colours(make):
    """Without colour there is no escape sequence; with it, the same words."""
    plain, coloured = (render_summary(make.plan(), color=color, width=100) for color in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


def test_json_agrees_with_the_plan(make):
    """`--format json` is an object whose counts are the plan's."""
    found = json.loads(render_summary(make.plan(), form="json", out="migration"))
    assert found["applications"][0]["jobs"]["by_verdict"] == {"equal": 4}
    assert sum(found["applications"][0]["tasks"].values()) == 24
    assert [one["id"] for one in found["blocking"]] == ["accounting-task-10"]
    assert found["problems"] == {"error": 0, "warning": 1, "note": 1}


@pytest.mark.parametrize("color", [False, True])
def test_input_cannot_talk_to_the_terminal(make, color):
    """No control character of the input reaches the terminal, and no text breaks its line."""
    attack = make.decision(10, name="a\x1b]0;owned\x07\x9b31m\nb\u202ec\r")
    text = render_summary(make.plan(make.application(decisions=0, jobs=0), make.application()), color=color)
    text += render_summary(make.plan(type(make.application())(**{
        **{name: getattr(make.application(), name) for name in make.application().__slots__}, "decisions": (attack,)
    })), color=color)  # fmt: skip
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", text) if color else text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", stripped)
    assert "a ]0;owned 31m b c" in stripped


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_leads_through_the_bundle(make, language):
    """README.md names every part, its owner, the order, the open questions and how to assemble the build context."""
    (output,) = render_readme(make.plan(), template_texts(), language)
    text = output.data.decode()
    assert text.index("report.html") < text.index("accounting/infra/") < text.index("cp -r accounting/app/.")
    steps = re.findall(r"^\| \d \| [^|]+ \| ([^|]+) \|", text, re.MULTILINE)
    assert [step.rpartition("/")[2] or step.strip("/").rpartition("/")[2] for step in steps] == [
        "production", "AWS Secrets Manager", "app", "parallel-run.md", "production", "schedules.sh", "retire.md"
    ]  # fmt: skip
    assert "accounting-task-10" in text
    assert "`db_password`" in text
    assert max(columns(line) for line in text.splitlines() if not line.startswith("|")) <= 130


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_stay_in_their_cell(make, language):
    """No text of the input ends a table cell, starts HTML or a heading in README.md."""
    (output,) = render_readme(make.hostile_plan(), template_texts(), language)
    text = output.data.decode()
    code = re.sub(r"`[^`\n]*`", "", text)
    assert "<script" not in "\n".join(line for line in code.split("\n") if line.startswith(("|", "#")))
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) in {4, 5, 6} for row in rows)


def test_the_catalogue_is_whole():
    """Each text exists in both languages with the same places to fill in."""
    places = re.compile(r"\{(\w+)\}")
    for key, (english, japanese) in CATALOGUE.items():
        assert english, key
        assert japanese, key
        assert set(places.findall(english)) == set(places.findall(japanese)), key
    assert Texts("fr")("summary.cost") == Texts("en")("summary.cost")


def test_many_applications_get_a_line_each(make):
    """With more than two the summary is a table with a sum, those with most for people first, on one screen."""
    plan = make.plan(
        *(make.application(name=f"app-{number}", decisions=12 * number, jobs=1) for number in range(1, 25))
    )
    lines = render_summary(plan).splitlines()
    assert len(lines) < 40
    names = [line.split()[0] for line in lines if line.startswith("  app-")]
    assert names[0] == "app-24"
    assert names == sorted(names, key=lambda name: -int(name[4:]))
    total = next(line for line in lines if line.startswith("  total"))
    assert total.split()[2] == f"{sum(12 * number for number in range(1, 25)):,}"


def test_outcomes_break_between_words(make):
    """On a narrow terminal no outcome is cut off: the rest goes to the next line."""
    text = render_summary(make.plan(make.application(decisions=110, jobs=0)), width=70)
    counted = re.findall(r"(\d+) (?:image|process|task definition|schedule|infrastructure|secret|deploy step)", text)
    assert [int(one) for one in counted] == [10] * 7
    assert "…" not in text.partition("task definitions")[0]
