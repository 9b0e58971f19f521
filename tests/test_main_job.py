"""The main job on the fixture: the contract's plan, counts that reconcile, the same bytes, answers to `explain`."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.resources import rule_texts
from analyzer.rulepack import load_derived, load_pack

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "fixtures" / "accounting"

OUTCOMES = {
    "image", "process", "task-definition", "schedule", "infrastructure", "secret", "deploy", "platform", "control", "skipped",
    "manual",
}  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture's bundle."""
    out = tmp_path_factory.mktemp("bundle") / "migration"
    result = CliRunner().invoke(cli, [str(FIXTURE / "inventory"), "--out", str(out)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 1), result.output
    return out


@pytest.fixture(scope="module")
def plan(bundle: Path) -> dict:
    """Its plan.json."""
    return json.loads((bundle / "plan.json").read_text(encoding="utf-8"))


def test_the_bundle_has_the_contracts_files(bundle: Path) -> None:
    """Section 3 of the contract, for one application and its environments."""
    for path in (
        "README.md",
        "report.html",
        "plan.json",
        "provenance.json",
        "accounting/app/Dockerfile",
        "accounting/app/.dockerignore",
        "accounting/app/docker/production/task_definition.api.json",
        "accounting/app/docker/production/task_definition.batch_heavy.json",
        "accounting/app/docker/production/task_definition.batch_light.json",
        "accounting/app/.circleci/config.yml",
        "accounting/app/.github/workflows/deploy.yml",
        "accounting/infra/schedules/production/nightly-close.json",
        "accounting/infra/state_machines/nightly-close.asl.json",
        "accounting/ops/cutover.md",
        "accounting/ops/rollback.md",
        "accounting/ops/retire.md",
        "accounting/ops/ecs-exec.sh",
    ):
        assert (bundle / path).is_file(), path


def test_every_thing_read_has_exactly_one_decision(plan: dict) -> None:
    """Counts of what was read equal counts of decisions, kind by kind, and outcome by outcome."""
    decisions = [decision for application in plan["applications"] for decision in application["decisions"]]
    kinds = Counter(decision["kind"] for decision in decisions)
    counts = plan["counts"]
    assert {"tasks": kinds["task"], "handlers": kinds["handler"], "cron": kinds["cron"], "timers": kinds["timer"],
            "hosts": kinds["host"]} == {key: counts[key] for key in ("tasks", "handlers", "cron", "timers", "hosts")}  # fmt: skip
    assert counts["by_outcome"] == dict(sorted(Counter(decision["outcome"] for decision in decisions).items()))
    assert {decision["outcome"] for decision in decisions} <= OUTCOMES
    assert counts["tasks"] > 40
    assert counts["cron"] > 20


def test_every_task_in_the_files_of_the_project_is_in_the_plan(plan: dict) -> None:
    """A second opinion on completeness: `- name:` lines of the roles that are used."""
    found = {(decision["source"]["file"], decision["name"]) for decision in plan["applications"][0]["decisions"]}
    for path in sorted((FIXTURE / "roles").glob("*/tasks/*.yml")):
        for name in re.findall(r"^\s*- name: ([^{\n]+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            file = path.relative_to(FIXTURE).as_posix()
            assert (file, name.strip().strip("\"'")) in found, f"{file}: {name}"


def test_every_decision_gives_its_reason_and_every_manual_one_its_question(plan: dict) -> None:
    """No outcome without words; no rule is none only for what is manual, skipped or said by the rule's absence."""
    for decision in plan["applications"][0]["decisions"]:
        assert decision["reason"], decision
        if decision["outcome"] == "manual":
            assert decision["question"], decision
            assert decision["answers"], decision
        elif decision["outcome"] != "skipped":
            assert decision["rule"], decision


def test_sources_are_real_lines_of_the_input(plan: dict) -> None:
    """Each source is a file of the project or its evidence with at least that many lines."""
    for decision in plan["applications"][0]["decisions"]:
        source = decision["source"]
        path = FIXTURE / source["file"]
        if path.is_dir():
            continue
        assert path.is_file(), source
        assert source["line"] <= max(1, len(path.read_bytes().splitlines())), source


def test_every_line_of_the_dockerfile_carries_rule_and_source(bundle: Path) -> None:
    """provenance.json knows each line that is not empty."""
    provenance = json.loads((bundle / "provenance.json").read_text(encoding="utf-8"))
    known = {row[0]: provenance["reasons"][row[2]] for row in provenance["files"]["accounting/app/Dockerfile"]}
    for number, line in enumerate((bundle / "accounting/app/Dockerfile").read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            assert number in known, f"{number}: {line}"
            reason = known[number]
            assert reason["rule"] is not None, f"{number}: {line}"
            assert reason["sources"] or reason["rule"].startswith("template:"), f"{number}: {line}"


def test_no_secret_of_the_project_is_in_the_bundle(bundle: Path) -> None:
    """Neither vault ciphertext nor a marker that was not turned into a reference."""
    cipher = re.findall(
        r"^\s+([0-9a-f]{60,})$",
        (FIXTURE / "inventory/production/group_vars/accounting/vault.yml").read_text(),
        re.MULTILINE,
    )
    assert cipher
    for path in bundle.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(part in text for part in cipher), path
            assert not re.search("[\ue000-\ue003]", text), path
            assert "$ANSIBLE_VAULT" not in text, path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_same_input_gives_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    """Under another hash seed, time zone, locale and working directory, and with the project somewhere else."""
    copy = tmp_path / "elsewhere" / "accounting"
    shutil.copytree(FIXTURE, copy)
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "C", "COLUMNS": "40"}
    answer = subprocess.run(
        [sys.executable, "-m", "analyzer", str(copy / "inventory"), "--out", str(tmp_path / "again")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode in (0, 1), answer.stderr
    first, second = tree(bundle), tree(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def explain(bundle: Path, place: str) -> str:
    """What `migrate-analyze explain` says."""
    result = CliRunner().invoke(cli, ["explain", str(bundle), place])
    assert result.exit_code == 0, result.output
    return result.output


def test_explain_answers_for_output_lines_pointers_and_source_lines(bundle: Path) -> None:
    """From a Dockerfile line to its task, from a task-definition value to its evidence, from a task to its outputs."""
    lines = (bundle / "accounting/app/Dockerfile").read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines, 1) if "ruby-bundler" in line)
    answer = explain(bundle, f"accounting/app/Dockerfile:{number}")
    assert "packages-apt" in answer
    assert "roles/ruby/tasks/main.yml:2" in answer
    answer = explain(
        bundle, "accounting/app/docker/production/task_definition.api.json#/containerDefinitions/0/command/0"
    )
    assert "roles/api/tasks/main.yml" in answer
    answer = explain(bundle, "roles/ruby/tasks/main.yml:4")
    assert f"accounting/app/Dockerfile:{number}" in answer
    answer = explain(bundle, "accounting/app/docker/production/task_definition.batch_heavy.json#/memory")
    assert "evidence/acct01" in answer


def test_explain_says_what_it_expected_when_it_cannot_answer(bundle: Path, tmp_path: Path) -> None:
    """A wrong place or no bundle: one line and status 2."""
    for arguments in ([str(bundle), "nowhere.txt:3"], [str(tmp_path), "a:1"]):
        result = CliRunner().invoke(cli, ["explain", *arguments])
        assert result.exit_code == 2
        assert "expected" in result.output


def test_every_rule_behind_a_line_or_a_decision_can_be_told_in_words(bundle: Path, plan: dict) -> None:
    """`explain` has a title for each id, but for the template's own lines and for what is left to a person."""
    texts = rule_texts()
    known = {name for rule in load_pack(texts).rules for name in (rule.id, *rule.aliases)} | set(load_derived(texts))
    known |= set(re.findall(r"- id: (batches-[a-z-]+)", texts["batches.yaml"]))
    provenance = json.loads((bundle / "provenance.json").read_text(encoding="utf-8"))
    given = {reason["rule"] for reason in provenance["reasons"]}
    given |= {decision["rule"] for application in plan["applications"] for decision in application["decisions"]}
    assert {name for name in given - known if name and not name.startswith("template:")} == set()
