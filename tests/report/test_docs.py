"""What docs/ says is true: its commands run, its tables are whole, its rule is a rule."""

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.decide.tasks import decide_tasks
from analyzer.model import Settings
from analyzer.read.metrics import METRIC_FORMATS
from analyzer.rulepack import OPERATORS, examples, load_pack

ROOT = Path(__file__).parents[2]
DOCS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS[name], re.MULTILINE | re.DOTALL)


def parsed(arguments):
    """Whether click takes the arguments of a command that is not run here."""
    command = cli.commands[arguments[0]]
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            parameter.type.exists = False
    return command.make_context(arguments[0], arguments[1:])


def test_the_tutorial_can_be_followed(tmp_path, monkeypatch):
    """Every command of the tutorial, in its order, on a copy of the fixture; those that need hosts or an engine are parsed."""
    shutil.copytree(ROOT / "fixtures" / "accounting", tmp_path / "accounting")
    monkeypatch.chdir(tmp_path)
    (decisions,) = blocks("tutorial", "yaml")
    ran = []
    for line in "".join(blocks("tutorial", "sh")).splitlines():
        words = shlex.split(line)
        if words[0] == "cp":
            shutil.copytree(words[2], words[3])
            Path("accounting/migrate.yml").write_text(decisions, encoding="utf-8")
            continue
        assert words[0] == "migrate-analyze", line
        if words[1] in {"collect", "verify"}:
            parsed(words[1:])
            assert all(Path(word).exists() for word in words[2:] if word.startswith(("accounting", "migration")))
            continue
        done = CliRunner().invoke(cli, words[1:])
        assert done.exit_code in {0, 1}, f"{line}\n{done.output}"
        assert not re.search(r"answer-not-understood|decision-stale|decisions-", done.output)
        ran.append((words[1], done.output))
    assert [name for name, _ in ran] == ["accounting/inventory/", "explain", "explain", "accounting/inventory/", "diff"]
    answers = yaml.safe_load(decisions)["answers"]
    assert [name for name in answers if f"+ answers.{name}: {answers[name]}" not in ran[-1][1]] == []
    for path in re.findall(r"`(accounting/(?:app|infra|ops)/[\w./-]*)`", DOCS["tutorial"]):
        assert (tmp_path / "migration" / path).exists(), path
    cutover = Path("migration/accounting/ops/cutover.md").read_text(encoding="utf-8")
    assert [dict(re.findall(r"^## (\d)\. (.+)$", cutover, re.MULTILINE))[number] for number in "37"] == [
        "Shared files", "Traffic"
    ]  # fmt: skip
    assert "shared files of step 3" in DOCS["tutorial"]
    assert "until step 7" in DOCS["tutorial"]


def test_the_rule_of_the_page_is_a_rule_and_passes_its_examples(monkeypatch):
    """It loads as a pack, and each example gives what it says."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "rules"))
    from example_tasks import task

    pack = load_pack({"notices.yaml": blocks("rules", "yaml")[0]})
    (rule,) = pack.rules
    found = [
        (one.gives, decide_tasks([task(one.task)], pack, Settings(), package_manager=one.manager).decisions[0])
        for one in examples(rule)
    ]
    assert [gives for gives, _ in found] == ["platform", "other", "manual"]
    assert [(decision.rule == rule.id, decision.outcome) for _, decision in found] == [
        (True, "platform"), (False, "manual"), (True, "manual")
    ]  # fmt: skip


def test_the_tables_are_whole():
    """Every operator with its meaning, and every format of metrics, is in its table."""
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCS["rules"], re.MULTILINE)) == dict(OPERATORS)
    table = DOCS["evidence"].partition("## Metrics")[2]
    rows = re.findall(r"^\| `?([^|`]+)`?[^|]* \|", table, re.MULTILINE)[1:]
    missing = [
        one.name for one in METRIC_FORMATS if not any(row.split()[0].lower() in one.name.lower() for row in rows)
    ]
    assert missing == []


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_to_files(name):
    """Every relative link of a page is a file of the repository."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", DOCS[name]):
        assert (ROOT / "docs" / target).exists(), target
