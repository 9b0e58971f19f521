"""`hosts:` patterns with templates, and plays that select no host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analyzer.model import Settings
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import Reading, read_project

INVENTORY = {"inventory/hosts": "[web]\nweb1\n[db]\ndb1\n[production]\nweb1\n"}
SITE = "- hosts: 'web:&{{ env }}'\n  tasks:\n  - name: One\n    apt: {name: jq}\n"


def names(reading: Reading) -> list[str]:
    """Names of all tasks."""
    return [task.name for application in reading.project.applications for task in application.tasks]


def codes(reading: Reading) -> list[str]:
    """Codes of all problems."""
    return [problem.code for problem in reading.project.problems]


def test_extra_variables_and_the_play_s_own_complete_a_pattern(read: Callable[..., Reading]) -> None:
    assert names(read({**INVENTORY, "site.yml": SITE}, extra_vars=("env=production",))) == ["One"]
    own = SITE.replace("  tasks:", "  vars: {env: production}\n  tasks:")
    assert names(read({**INVENTORY, "site.yml": own})) == ["One"]
    default = SITE.replace("{{ env }}", '{{ env | default("production") }}')
    assert names(read({**INVENTORY, "site.yml": default})) == ["One"]


def test_a_pattern_that_nothing_completes_is_an_error_that_says_what_to_give(read: Callable[..., Reading]) -> None:
    reading = read({**INVENTORY, "site.yml": SITE})
    (problem,) = [one for one in reading.project.problems if one.code == "play-hosts-unknown"]
    assert str(problem.source) == "site.yml:1"
    assert "needs env" in problem.message
    assert "-e env=VALUE" in problem.hint
    assert names(reading) == []


def test_a_play_that_selects_no_host_is_said(read: Callable[..., Reading]) -> None:
    site = "- hosts: web\n  tasks: [{debug: {msg: a}}]\n- hosts: wbe\n  tasks: [{debug: {msg: b}}]\n"
    reading = read({**INVENTORY, "site.yml": site})
    (problem,) = [one for one in reading.project.problems if one.code == "play-without-match"]
    assert (str(problem.source), "`wbe`" in problem.message) == ("site.yml:3", True)


def test_without_an_inventory_nothing_is_said_of_parsing_one(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("- hosts: web\n  tasks: [{debug: {msg: a}}]\n", encoding="utf-8")
    asked = Request(project=tmp_path)
    reading = read_project(asked, find_layout(asked), Settings())
    assert codes(reading) == ["inventory-not-found", "facts-assumed"]
