"""Passwords in the crontabs and logs of a host become named secrets; no value of one is in the bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.collect.records import Content
from analyzer.collect.store import clean
from analyzer.read.cronlogs import read_cron_logs
from analyzer.read.crons import read_crons
from analyzer.read.crons.secrets import masked
from analyzer.read.files import Tree
from analyzer.read.hosts import read_host
from analyzer.read.secrets import SecretBook

CRONTAB = """\
DB_PASSWORD=hunter2hunter2
10 1 * * * /srv/app/bin/close
20 1 * * * API_TOKEN=tok3n-tok3n /srv/app/bin/report --daily
30 1 * * * curl -fsS https://batch:s3cr3t-s3cr3t@example.com/run
40 1 * * * /srv/app/bin/plain
"""
PASSWORDS = ("hunter2hunter2", "tok3n-tok3n", "s3cr3t-s3cr3t")
COMMANDS = [line.split(" ", 5)[5] for line in CRONTAB.splitlines()[1:]]


@pytest.fixture(params=["copied", "collected"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """From evidence that a person copied, and from the same as `collect` writes it."""
    host = tmp_path / "p/evidence/h1"
    log = "".join(
        f"2026-11-0{day}T01:{10 * (number + 1)}:01+09:00 h1 CRON[{day}{number}1]: (root) CMD ({command})\n"
        f"2026-11-0{day}T01:{10 * (number + 1)}:31+09:00 h1 CRON[{day}{number}0]: (root) END ({command})\n"
        for day in range(1, 6)
        for number, command in enumerate(COMMANDS)
    )
    for path, text in {"/var/spool/cron/crontabs/root": CRONTAB, "/var/log/syslog": log, "/etc/timezone": "Asia/Tokyo\n",
                       "/etc/os-release": "ID=debian\nVERSION_ID=12\n"}.items():  # fmt: skip
        data = text.encode()
        target = host / f"fs{path}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(clean(Content("file", path, data))[0] if request.param == "collected" else data)
    result = CliRunner().invoke(
        cli, [str(tmp_path / "p"), "--out", str(tmp_path / "out"), "--region", "ap-northeast-1"]
    )
    assert result.exit_code in (0, 1), result.output
    assert "secret-in-output" not in result.output
    return tmp_path / "out"


def test_no_password_is_in_the_bundle(bundle: Path) -> None:
    """Neither the password nor what stands in its place on the evidence."""
    for path in bundle.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for password in (*PASSWORDS, "<redacted>"):
                assert password.encode() not in data, path


def test_jobs_read_their_secrets(bundle: Path) -> None:
    """The task definition brings them, the command names them."""
    (application,) = json.loads((bundle / "plan.json").read_text(encoding="utf-8"))["applications"]
    jobs = {job["schedule"]: job for job in application["jobs"]}
    assert {job["outcome"] for job in jobs.values()} == {"schedule"}
    (definition,) = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in bundle.glob("*/app/docker/production/task_definition.batch_light.json")
    ]
    names = {one["name"] for one in definition["containerDefinitions"][0].get("secrets", ())}
    assert "DB_PASSWORD" in names
    for schedule in ("20 1 * * *", "30 1 * * *"):
        (machine,) = bundle.glob(f"*/infra/state_machines/{jobs[schedule]['id']}.asl.json")
        assert any(f"${{{name}}}" in machine.read_text(encoding="utf-8") for name in names)


def test_a_run_in_the_log_has_the_command_of_its_crontab(bundle: Path) -> None:
    """Otherwise no duration and no footprint would be found."""
    tree = Tree(bundle.parent / "p/evidence/h1", label="evidence/h1")
    host, _ = read_host("h1", tree, None)
    book = SecretBook()
    entries = [masked(entry, book) for entry in read_crons(host, tree)[0]]
    runs = read_cron_logs(host, tree, None).runs
    assert sorted(run.command for run in runs) == sorted(str(entry.command) for entry in entries)
    assert {len(run.starts_s) for run in runs} == {5}
    assert len(book.secrets()) == 3
