"""An application without an API gets no task definition for one, and everything else of its bundle agrees."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli

SITE = """
- hosts: batch
  tasks:
    - ansible.builtin.copy: {content: "true", dest: /usr/local/bin/nightly, mode: "0755"}
    - ansible.builtin.cron: {name: nightly, hour: 3, minute: 0, job: /usr/local/bin/nightly}
"""
UNIT = "    - ansible.builtin.service: {name: ledger, state: started}\n"
CONTAINER = "    - community.docker.docker_container: {name: web, image: 'example/web:1'}\n"
SOCKETS = 'Netid State Local-Address:Port Process\ntcp LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("{process}",pid=1,fd=3))\n'


def analysed(folder: Path, site: str, sockets: str = "") -> tuple[dict, list[str]]:
    """The application in plan.json, and the bundle's files."""
    (folder / "inventory").mkdir()
    (folder / "inventory" / "hosts").write_text("[batch]\nb1\n", encoding="utf-8")
    (folder / "site.yml").write_text(site, encoding="utf-8")
    if sockets:
        commands = folder / "evidence" / "b1" / "cmd"
        commands.mkdir(parents=True)
        (commands / "ss.txt").write_text(sockets, encoding="utf-8")
    out = folder / "out"
    result = CliRunner().invoke(cli, [str(folder / "inventory"), "--timezone", "UTC", "--out", str(out)])
    assert result.exit_code in (0, 1), result.output
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    return plan["applications"][0], [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]


def test_a_host_that_only_runs_batches_gets_no_api(tmp_path: Path) -> None:
    """No definition and no file; the batches have theirs."""
    application, files = analysed(tmp_path, SITE, SOCKETS.format(port=22, process="sshd"))
    assert [one["name"] for one in application["task_definitions"]] == ["batch_heavy", "batch_light"]
    assert not [name for name in files if "task_definition.api" in name]
    assert [name for name in files if "task_definition.batch_light" in name]


@pytest.mark.parametrize(
    ("more", "sockets"),
    [(UNIT, ""), (CONTAINER, ""), ("", SOCKETS.format(port=8080, process="java"))],
    ids=["a service of unknown command", "a container", "an open port"],
)
def test_what_may_serve_keeps_the_api(tmp_path: Path, more: str, sockets: str) -> None:
    """Where something may serve requests and nothing says how, the definition stays and waits for an answer."""
    application, _ = analysed(tmp_path, SITE + more, sockets)
    assert "api" in [one["name"] for one in application["task_definitions"]]


def test_the_host_s_own_unit_says_what_a_service_runs(tmp_path: Path) -> None:
    """A package or a person brought the unit: its command and settings come from the evidence, its password does not."""
    units = tmp_path / "evidence" / "b1" / "fs" / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "ledger.service").write_text(
        "[Service]\nUser=ledger\nEnvironment=DB_PASSWORD=hunter2secret LEVEL=info\nExecStart=/opt/ledger/run --port 8080\n",
        encoding="utf-8",
    )
    application, files = analysed(tmp_path, SITE + UNIT)
    (process,) = application["processes"]
    assert process["command"] == ["/opt/ledger/run", "--port", "8080"]
    assert (process["user"], process["port"]) == ("ledger", 8080)
    for name in files:
        assert b"hunter2secret" not in (tmp_path / "out" / name).read_bytes(), name
    definition = next(name for name in files if name.endswith(f"task_definition.{process['name']}.json"))
    assert "DB_PASSWORD" in (tmp_path / "out" / definition).read_text(encoding="utf-8")


def test_what_the_image_cannot_be_given_is_answered_in_the_decisions_file(tmp_path: Path) -> None:
    """A checkout that needs a secret stops nothing for ever: a reviewer leaves it out."""
    repository = "https://x:{{ git_token }}@example.org/tool.git"
    site = SITE + f"    - {{name: Tool, ansible.builtin.git: {{repo: '{repository}', dest: /opt/tool}}}}\n"
    (tmp_path / "open").mkdir()
    application, _ = analysed(tmp_path / "open", site)
    (asked,) = [one for one in application["decisions"] if one["name"] == "Tool"]
    assert (asked["outcome"], asked["answers"]) == ("manual", ["drop", "deploy"])
    settled = tmp_path / "settled"
    settled.mkdir()
    (settled / "migrate.yml").write_text(f"answers:\n  {asked['question_id']}: drop\n", encoding="utf-8")
    application, _ = analysed(settled, site)
    (answered,) = [one for one in application["decisions"] if one["name"] == "Tool"]
    assert (answered["outcome"], answered.get("question")) == ("platform", None)
