"""The fixture's own bundle: what its README names is there, its questions can be answered, its report is sound."""

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli

PROJECT = Path(__file__).parents[2] / "fixtures" / "accounting" / "inventory"


def analyse(out, *options):
    answer = CliRunner().invoke(cli, ["analyze", str(PROJECT), "--out", str(out), *options])
    assert answer.exit_code in {0, 1}, answer.output
    return answer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bundle of the accounting fixture."""
    out = tmp_path_factory.mktemp("bundle") / "migration"
    analyse(out)
    return out


def test_what_the_readme_names_is_there(bundle):
    """Every path of the README's tables and code that lies in the bundle exists."""
    text = (bundle / "README.md").read_text(encoding="utf-8")
    paths = set(
        re.findall(r"(?<![\w/])accounting/[\w./-]+|`(?:report\.html|questions\.yml|plan\.json|provenance\.json)`", text)
    )
    assert len(paths) >= 8
    assert [path for path in sorted(paths) if not (bundle / path.strip("`").rstrip(".")).exists()] == []


def test_every_question_can_be_answered_and_disappears(bundle, tmp_path):
    """With each question's first answer in migrate.yml none is open, none is stale, and nothing else is asked."""
    asked = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"][0]
    subjects = [*asked["decisions"], *asked["jobs"]]
    answers = {one["question_id"]: one["answers"][0] for one in subjects if one.get("question_id") and one["answers"]}
    assert answers
    decisions = tmp_path / "migrate.yml"
    decisions.write_text(yaml.safe_dump({"version": 1, "answers": answers}), encoding="utf-8")
    answer = analyse(tmp_path / "answered", "--decisions", str(decisions))
    assert "decision-stale" not in answer.stderr
    assert "answer-not-understood" not in answer.stderr
    plan = json.loads((tmp_path / "answered" / "plan.json").read_text(encoding="utf-8"))
    again = [one for app in plan["applications"] for one in (*app["decisions"], *app["jobs"])]
    assert sorted({one["question_id"] for one in again if one.get("question_id")} & set(answers)) == []
    text = CliRunner().invoke(cli, ["diff", str(bundle), str(tmp_path / "answered")]).stdout
    assert text.count("  - ") >= len(answers)


def test_a_stale_answer_is_told(tmp_path):
    """An answer to a question that nobody asks is a warning with its line and exits as before."""
    decisions = tmp_path / "migrate.yml"
    decisions.write_text("answers:\n  # gone\n  deploy-of-yore: drop\n", encoding="utf-8")
    answer = analyse(tmp_path / "out", "--decisions", str(decisions))
    assert "migrate.yml:3: The decision answers.deploy-of-yore matches no question" in answer.stderr


@pytest.mark.browser
def test_the_report_in_a_browser(bundle, visit):
    """The real report is drawn whole without a complaint; its state machines are pictures."""
    tab = visit((bundle / "report.html").read_text(encoding="utf-8"))
    for _ in range(2):
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; }); buildAll()")
    tab.wait_for_timeout(300)
    assert tab.locator(".plot canvas").count() == 2
    assert tab.locator("svg.machine").count() >= 10
    assert tab.locator("#calendar svg .old").count() > 10
    assert "⟦" not in tab.locator("main").inner_text()
    assert "undefined" not in tab.locator("main").inner_text()
