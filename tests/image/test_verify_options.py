"""`verify --against-playbook` reads the project as it was read for the bundle, or says that it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.decide.plan import decide
from analyzer.model import Settings
from analyzer.read.ansible.arbitrary import date_time_facts
from analyzer.read.layout import Request, find_layout
from analyzer.read.project import read_project
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack
from analyzer.verify.playbook import HOME, PlaybookRun, _facts, _options

PROJECT = {
    "hosts": "web1\nweb2\n",
    "site.yml": """\
- hosts: all
  tasks:
    - {name: always, copy: {dest: /etc/a, content: "a\\n"}}
    - {name: monitoring, copy: {dest: /etc/b, content: "b\\n"}, tags: [monitoring]}
    - {name: where asked, copy: {dest: /etc/c, content: "c\\n"}, when: with_c | bool}
""",
    "migrate.yml": "version: 1\nvariables: {with_c: false}\n",
    "other.yml": "version: 1\nvariables: {with_c: true}\n",
    "base.yml": "version: 1\nvariables: {with_c: false}\nbase_image: debian:bookworm\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ([], ""),
        (["--skip-tags", "monitoring"], "site.yml:4"),
        (["--decisions", "other.yml"], "site.yml:5"),
        (["-e", "with_c=true"], "site.yml:5"),
        (["--decisions", "base.yml"], "base image"),
    ],
)
def test_a_bundle_that_was_decided_otherwise_is_refused(
    options: list[str], place: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions that the image does not follow must not explain differences: the place is named, and what to do."""
    monkeypatch.chdir(project)
    out = str(project / "out")
    assert CliRunner().invoke(cli, [str(project), "--out", out, *options]).exit_code in (0, 1)
    again = CliRunner().invoke(cli, ["verify", out, "--against-playbook", str(project), *options])
    assert again.exit_code == 2
    assert "no Docker Engine answers" in again.output
    if place:
        without = CliRunner().invoke(cli, ["verify", out, "--against-playbook", str(project)])
        assert without.exit_code == 2
        assert "was decided otherwise" in without.output
        assert f"{place} is" in without.output
        assert "give verify the options and the evidence" in without.output


def test_answers_lie_in_the_inventory_or_beside_it(project: Path) -> None:
    """`migrate.yml` is found in PROJECT, in the project's root and beside it, and in PROJECT first."""
    (project / "inventory").mkdir()
    (project / "hosts").rename(project / "inventory" / "hosts")
    for place, decided in (("inventory/migrate.yml", "base.yml"), ("migrate.yml", "migrate.yml")):
        (project / place).write_text(PROJECT[decided], encoding="utf-8")
    out = project / "out"
    assert CliRunner().invoke(cli, [str(project / "inventory"), "--out", str(out)]).exit_code in (0, 1)
    (application,) = json.loads((out / "plan.json").read_text(encoding="utf-8"))["applications"]
    assert application["base_image"] == "debian:bookworm"


def test_options_of_the_bundle_reach_the_playbook(tmp_path: Path) -> None:
    """Values in one word each, files beside the project, a wholly encrypted one as an empty one."""
    (tmp_path / "plain.yml").write_text("a: 1\n", encoding="utf-8")
    (tmp_path / "vault.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n61\n", encoding="utf-8")
    run = PlaybookRun(
        application="web", host="web1", root=tmp_path, playbooks=(), inventories=(), tasks=(), plan=None,
        extra_vars=("b='x y'", f"@{tmp_path}/plain.yml", f"@{tmp_path}/vault.yml"), tags=("a", "b"), skip_tags=("c",),
    )  # fmt: skip
    files, words = _options(run)
    assert files == {"extra-1.yml": (b"a: 1\n", 0o600), "extra-2.yml": (b"{}\n", 0o600)}
    assert words == (
        f""" '-e' 'b='"'"'x y'"'"'' '-e' '@{HOME}/extra-1.yml' '-e' '@{HOME}/extra-2.yml' '--tags' 'a,b' '--skip-tags' 'c'"""
    )


def test_the_run_has_the_time_that_stands_in_names(tmp_path: Path) -> None:
    """Of all facts that were only assumed the container keeps its own, but a name that holds the time is the image's."""
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    request = Request(project=tmp_path)
    project = read_project(request, find_layout(request), Settings()).project
    plan = decide(project, load_pack(rule_texts()), Settings(), rule_texts()).applications[0]
    run = PlaybookRun(application="web", host="web1", root=tmp_path, playbooks=(), inventories=(), tasks=(), plan=plan)
    assert {"date_time", "distribution"} <= set(plan.hosts[0].facts_assumed)
    assert _facts(run) == {"ansible_date_time": date_time_facts()}
