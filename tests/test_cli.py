"""Wrong usage and bad input: the message and the exit status of the contract."""

import json
import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli

GOOD = {
    "inventory/hosts": "[web]\nweb1\n",
    "site.yml": "- hosts: web\n  roles: [good, broken]\n",
    "roles/good/tasks/main.yml": "- name: A package\n  apt: name=curl\n",
    "roles/broken/tasks/main.yml": "- name: Another\n  apt: name=jq\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    """Put `files` below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def run(project: Path, out: Path, *options: str) -> Result:
    """The main job; a traceback is never an answer."""
    result = CliRunner().invoke(cli, [str(project), "--out", str(out), *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    """Status 2, one line, nothing written."""
    result = run(tmp_path / "nowhere", tmp_path / "out")
    assert result.exit_code == 2
    assert "no such folder" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    """Status 2, and what a project looks like."""
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", tmp_path / "out")
    assert result.exit_code == 2
    assert "inventory/" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "option", [["--env"], ["--no-such-option"], ["--format", "yaml"], ["--timezone", "Asia/Tokio"]]
)
def test_wrong_options_are_wrong_usage(option: list[str], tmp_path: Path) -> None:
    """click's own message, status 2."""
    assert run(write(tmp_path / "p", GOOD), tmp_path / "out", *option).exit_code == 2


def test_an_environment_that_is_not_there_is_asked_for_by_name(tmp_path: Path) -> None:
    """Several environments and none of that name: the names are listed."""
    files = {**GOOD, "inventory/staging/hosts": "[web]\nw1\n", "inventory/live/hosts": "[web]\nw2\n"}
    del files["inventory/hosts"]
    result = run(write(tmp_path / "p", files), tmp_path / "out")
    assert result.exit_code == 2
    assert "live, staging" in result.output
    assert run(tmp_path / "p", tmp_path / "out", "--env", "live").exit_code in (0, 1)


def test_a_syntax_error_in_one_role_stops_nothing_else(tmp_path: Path) -> None:
    """A problem with file and line; everything else is in the plan."""
    files = {**GOOD, "roles/broken/tasks/main.yml": "- name: Fine\n  apt: name=jq\n- name: 'unclosed\n  apt: [\n"}
    result = run(write(tmp_path / "p", files), tmp_path / "out")
    assert result.exit_code in (0, 1)
    plan = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))
    (problem,) = [problem for problem in plan["problems"] if problem["code"] == "yaml-syntax"]
    assert problem["source"]["file"] == "roles/broken/tasks/main.yml"
    assert problem["source"]["line"] >= 3
    assert [decision["name"] for decision in plan["applications"][0]["decisions"] if decision["kind"] == "task"] == [
        "A package"
    ]
    assert "roles/broken/tasks/main.yml" in result.output


def test_an_unreadable_file_is_a_problem_and_the_rest_is_read(tmp_path: Path) -> None:
    """A link that leads nowhere, or a file without permission (root may read those)."""
    project = write(tmp_path / "p", GOOD)
    broken = project / "roles/broken/tasks/main.yml"
    broken.chmod(0)
    if os.access(broken, os.R_OK):
        broken.unlink()
        broken.mkdir()
        (project / "roles/broken/tasks/main.yaml").symlink_to("/proc/self/mem")
    result = run(project, tmp_path / "out")
    if broken.is_file():
        broken.chmod(stat.S_IRUSR)
    assert result.exit_code in (0, 1), result.output
    assert "Traceback" not in result.output
    plan = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))
    assert "A package" in [decision["name"] for decision in plan["applications"][0]["decisions"]]


def test_a_role_that_is_not_there_is_a_problem_with_its_line(tmp_path: Path) -> None:
    """An absent Galaxy role: where it is asked for, and what to do."""
    files = {**GOOD, "site.yml": "- hosts: web\n  roles:\n    - good\n    - geerlingguy.nginx\n"}
    run(write(tmp_path / "p", files), tmp_path / "out")
    plan = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))
    (problem,) = [problem for problem in plan["problems"] if problem["code"] == "role-not-found"]
    assert problem["source"] == {"file": "site.yml", "line": 4}
    assert "ansible-galaxy" in problem["hint"]


def test_a_manual_item_that_blocks_gives_status_1(tmp_path: Path) -> None:
    """Written, and something waits for a person."""
    files = {
        **GOOD,
        "roles/broken/tasks/main.yml": "- name: A job without a zone\n  cron: {name: x, minute: '1', job: /opt/x, user: root}\n",
    }
    result = run(write(tmp_path / "p", files), tmp_path / "out")
    assert result.exit_code == 1
    assert (tmp_path / "out/plan.json").exists()


def test_an_edit_of_a_person_is_kept_until_force(tmp_path: Path) -> None:
    """The second run keeps it and says so; --force writes over it."""
    project, out = write(tmp_path / "p", GOOD), tmp_path / "out"
    assert run(project, out).exit_code in (0, 1)
    (dockerfile,) = out.glob("*/app/Dockerfile")
    original = dockerfile.read_text(encoding="utf-8")
    dockerfile.write_text(original + "# mine\n", encoding="utf-8")
    result = run(project, out)
    assert "edited-file-kept" in result.output
    assert dockerfile.read_text(encoding="utf-8").endswith("# mine\n")
    assert run(project, out, "--force").exit_code in (0, 1)
    assert dockerfile.read_text(encoding="utf-8") == original


def test_json_on_stdout_is_json(tmp_path: Path) -> None:
    """--format json gives one object, and nothing else on stdout."""
    result = run(write(tmp_path / "p", GOOD), tmp_path / "out", "--format", "json")
    assert json.loads(result.stdout)["applications"]


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """A file where the bundle should go: status 2 and the reason."""
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    result = run(write(tmp_path / "p", GOOD), tmp_path / "out")
    assert result.exit_code == 2
    assert (tmp_path / "out").read_text(encoding="utf-8") == "in the way"


@pytest.mark.parametrize("name", ["analyze", "explain", "rules"])
def test_every_command_has_help(name: str) -> None:
    """--help says what it does."""
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_a_limit_that_selects_nothing_is_wrong_usage_and_names_what_is_near(tmp_path: Path) -> None:
    """As for ansible-playbook; no host is assumed in its place."""
    files = {**GOOD, "inventory/hosts": "[web_prod]\nw1\n[web_staging]\nw2\n"}
    result = run(write(tmp_path / "p", files), tmp_path / "out", "-l", "web-prod")
    assert result.exit_code == 2
    assert "-l web-prod: selects no host" in result.output
    assert "web_prod" in result.output
    assert not (tmp_path / "out").exists()


def test_many_problems_of_one_kind_are_folded(tmp_path: Path) -> None:
    """Four are printed, then how many more the report has; other kinds are still seen."""
    plays = "".join(f"- hosts: nobody{number}\n  tasks: []\n" for number in range(30))
    project = write(tmp_path / "p", GOOD | {"site.yml": GOOD["site.yml"] + plays})
    told = run(project, tmp_path / "out").stderr.splitlines()
    alike = [line for line in told if line.endswith("[play-without-match]")]
    assert len(alike) == 5
    assert f"26 more of this kind are in {tmp_path / 'out' / 'report.html'}" in alike[-1]
    assert any("region" in line for line in told)


def test_what_was_chosen_to_be_read_is_told(tmp_path: Path) -> None:
    """The project's folder, the playbooks and the environment, each with what else there is."""
    files = {f"deploy/{name}": text for name, text in GOOD.items() if name not in ("site.yml", "inventory/hosts")}
    files |= {
        "deploy/web.yml": GOOD["site.yml"],
        "deploy/hosts/production": "[web]\nweb1\n",
        "deploy/hosts/qa": "[web]\nweb2\n",
    }
    project = write(tmp_path / "p", files)
    told = [line for line in run(project, tmp_path / "out").stderr.splitlines() if line.startswith("note: ")]
    assert told == [
        "note: analysed: production; also there: qa (choose another one with --env) [environment-chosen]",
        "note: the project is read that lies in deploy/ [project-chosen]",
        "note: there is no site.yml; read as playbooks: deploy/web.yml (choose with --playbook FILE) [playbooks-chosen]",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_itself_to_the_shell(shell: str) -> None:
    """The script hands the words typed so far to the program under the name that the program answers to."""
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert "_MIGRATE_ANALYZE_COMPLETE" in done.output


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("migrate-analyze col", "plain,collect"),
        ("migrate-analyze inv", "dir,inv"),
        ("migrate-analyze inventory/ --skip", "plain,--skip-tags"),
        ("migrate-analyze inventory/ --lang j", "plain,ja"),
        ("migrate-analyze explain migr", "file,migr"),
    ],
)
def test_commands_options_values_and_folders_complete(words: str, wanted: str) -> None:
    """As bash asks: the command may be left out, and its options complete nevertheless."""
    asked = {"_MIGRATE_ANALYZE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = CliRunner().invoke(cli, [], prog_name="migrate-analyze", env=asked)
    assert wanted in done.output.splitlines()


def test_steps_show_on_a_terminal_only(tmp_path: Path) -> None:
    """Piped, the run is silent on stderr but for problems; on a terminal the steps are seen and leave nothing behind."""
    import pty
    import subprocess
    import sys

    project = write(tmp_path / "p", {"inventory/hosts": "[web]\nweb1\n", "site.yml": "- hosts: web\n  tasks: []\n"})
    command = [sys.executable, "-m", "analyzer", str(project), "--out", str(tmp_path / "out"), "--region", "eu-west-1"]
    piped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert all(line.startswith("warning: ") for line in piped.stderr.splitlines())
    reader, writer = pty.openpty()
    seen = subprocess.Popen(
        [*command, "--force"], stdout=subprocess.PIPE, stderr=writer, env=os.environ | {"TERM": "xterm"}
    )
    os.close(writer)
    text = b""
    try:
        while chunk := os.read(reader, 4096):
            text += chunk
    except OSError:  # Linux says so at the end
        pass
    seen.communicate()
    os.close(reader)
    assert re.search(rb"reading|deciding|rendering|writing", text)
    assert b"\x1b[2K" in text  # the line of steps is erased at the end
