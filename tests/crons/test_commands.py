"""Container commands, run in a real shell: directory, stdin, exit status and the last line are cron's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from analyzer.decide.commands import analyse_command, time_span_s
from analyzer.decide.shell_text import simple_commands, tokens
from analyzer.model import CronDaemon

from .helpers import decided, entry


def run(line: str, home: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """The container command in a shell, with its own environment and nothing else."""
    made = analyse_command(
        entry(f"* * * * * {line}", **changes), home=str(home), timezone="Asia/Tokyo", end_marker="job End."
    )
    assert not made.broken, made
    return subprocess.run(
        made.container_command,
        env=dict(made.environment),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=20,
    )


# command, stdout without the end line, exit status
RUNS = [
    ("pwd", "{home}", 0),
    ("echo $HOME $LOGNAME $TZ $PATH", "{home} app Asia/Tokyo /usr/bin:/bin", 0),
    ("false", "", 1),
    ("exit 3", "", 3),
    ("echo a; false", "a", 1),
    ("false || echo b", "b", 0),
    ("false && echo b", "", 1),
    ("echo a | tr a b", "b", 0),
    ("cat%one%two", "one\ntwo", 0),
    ("cat%it's \\%", "it's %", 0),
    ("tr a-z A-Z%x", "X", 0),
    ("cd /tmp && pwd", "/tmp", 0),
    ("cd /nonexistent && pwd", "", None),
    ("echo a # comment", "a", 0),
    ("exec echo a", "a", 0),
    ("set -e; false; echo b", "", 1),
    ("{ echo a; echo b; }", "a\nb", 0),
    ("(cd /tmp; pwd)", "/tmp", 0),
    ("A=1; export A; sh -c 'echo $A'", "1", 0),
    ("A=x sh -c 'echo $A'", "x", 0),
    ("nice -n 5 echo a", "a", 0),
    ("timeout 5 echo a", "a", 0),
    ("timeout 0.1 sleep 5", "", 124),
    ("nohup echo a &", "a", 0),
    ("echo a >> /var/log/nobody-may-write-this.log 2>&1", "a", 0),
    ("echo a | tee -a /var/log/nobody-may-write-this.log", "a", 0),
    ("false | tee -a /var/log/nobody-may-write-this.log", "", 1),
    ("flock -n {home}/lock echo a", "a", 0),
    ("flock -n {home}/lock -c 'echo a; echo b'", "a\nb", 0),
    ("test -d / && echo a > {home}/file && cat {home}/file", "a", 0),
    ("echo \"a b\" 'c;d'", "a b c;d", 0),
    ("echo `echo a`$(echo b)", "ab", 0),
    ("if true; then echo a; fi", "a", 0),
    ("for i in 1 2; do echo $i; done", "1\n2", 0),
    ("echo $((1+1)) ${{HOME##*/}}", "2 {name}", 0),
    ('[ "$(date +\\%Z)" = JST ] && echo tokyo', "tokyo", 0),
]


@pytest.mark.parametrize(("command", "output", "status"), RUNS, ids=[item[0] for item in RUNS])
def test_a_container_command_does_what_cron_ran(tmp_path: Path, command: str, output: str, status: int | None) -> None:
    """Output and exit status are the command's; the end line comes on success only."""
    done = run(command.replace("{home}", str(tmp_path)).replace("{{", "{").replace("}}", "}"), tmp_path)
    expected = output.replace("{home}", str(tmp_path)).replace("{name}", tmp_path.name)
    lines = done.stdout.split("\n")[:-1]
    if status == 0:
        assert lines.pop() == "job End."
        assert done.returncode == 0
    else:
        assert "job End." not in lines
        assert done.returncode == status if status is not None else done.returncode != 0
    assert "\n".join(lines) == expected


def test_bash_is_used_where_the_table_says_so(tmp_path: Path) -> None:
    """SHELL=/bin/bash in the table, or a distribution whose sh is bash."""
    line = "[[ a == a* ]] && echo yes"
    assert run(line, tmp_path, environment=(("SHELL", "/bin/bash"),)).stdout == "yes\njob End.\n"
    assert run(line, tmp_path, daemon=CronDaemon.CRONIE_1_5).stdout == "yes\njob End.\n"
    assert run(line, tmp_path).returncode != 0  # dash has no [[


def test_settings_of_the_table_reach_the_job_and_mail_settings_do_not(tmp_path: Path) -> None:
    """PATH, HOME and own variables are the table's; MAILTO becomes a note."""
    settings = (("PATH", "/opt/bin:/bin"), ("HOME", "/tmp"), ("RAILS_ENV", "production"), ("MAILTO", "ops@example.com"))
    made = analyse_command(entry("* * * * * pwd", environment=settings), home="/home/app", timezone="", end_marker="x")
    environment = dict(made.environment)
    assert environment["PATH"] == "/opt/bin:/bin"
    assert environment["RAILS_ENV"] == "production"
    assert "MAILTO" not in environment
    assert made.working_directory == "/tmp"
    assert any("ops@example.com" in note for note in made.notes)


@pytest.mark.parametrize(
    ("command", "user", "left"),
    [
        ("sudo -u deploy /srv/app/bin/close", "deploy", "/srv/app/bin/close"),
        ("su - deploy -c '/srv/app/bin/close --all'", "deploy", "/srv/app/bin/close --all"),
        ("su -c '/srv/app/bin/close' -s /bin/sh deploy", "deploy", None),
        ("runuser -u deploy -- /srv/app/bin/close", None, None),
    ],
)
def test_a_change_of_user_is_the_tasks_user(command: str, user: str | None, left: str | None) -> None:
    """sudo and su are taken off where their form is known, and left alone where not."""
    made = analyse_command(entry(f"* * * * * {command}"), home="/home/app", timezone="", end_marker="x End.")
    if left is None:
        assert "close" in made.container_command[2]
    else:
        assert made.user == user
        assert made.container_command[2] == f"cd /home/app && {left} && echo 'x End.'"


def test_a_service_runs_without_a_shells_reading_of_its_words() -> None:
    """ExecStart is no shell: its words are quoted, its directory and time limit are the unit's."""
    timer = entry(
        "0 0 * * *",
        kind="timer",
        daemon=CronDaemon.SYSTEMD,
        command="/usr/bin/find /srv/x -name *.tmp ; echo",
        schedule="OnCalendar=daily",
        settings={"WorkingDirectory": "/srv/x", "RuntimeMaxSec": "1h 30min", "unit": "x.service"},
    )
    made = analyse_command(timer, home="/root", timezone="", end_marker="x End.")
    assert "'*.tmp' ';' echo" in made.container_command[2]
    assert (made.working_directory, made.timeout_s, made.single_flight) == ("/srv/x", 5400, "skip")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("5min", 300),
        ("1h 30min", 5400),
        ("2 hours", 7200),
        ("1d", 86400),
        ("infinity", None),
        ("x", None),
        ("", None),
    ],
)
def test_time_spans_are_systemds(text: str, seconds: float | None) -> None:
    """Units may be long or short, and `infinity` is no limit."""
    assert time_span_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["echo 'a", 'echo "a', "echo $(a", "echo `a", "echo ${a", 'x "$(y', "sleep $((RANDOM "]
)
def test_an_open_quote_is_seen(text: str) -> None:
    """What a shell would refuse has no tokens."""
    assert tokens(text) is None


def test_simple_commands_are_found_in_groups_and_pipes() -> None:
    """Programs are named without folders and assignments."""
    found = tokens("test -x /usr/bin/a || { cd / && A=1 /usr/bin/b --x; } ; (c | d) > f 2>&1")
    assert found is not None
    assert [item.program for item in simple_commands(found)][:5] == ["test", "cd", "b", "c", "d"]


# crontab command -> the job's name
NAMES = [
    ("/srv/accounting/current/bin/batch fetch_rates", "fetch-rates"),
    ("cd /srv/app && bundle exec rake invoices:send", "invoices-send"),
    ("cd /srv/app && RAILS_ENV=production bin/rails runner Report.daily", "report-daily"),
    ("/usr/bin/python3 /srv/app/manage.py send_mails --all", "send-mails"),
    ("/srv/app/venv/bin/python manage.py clearsessions", "clearsessions"),
    ("php /srv/app/artisan schedule:run >> /dev/null 2>&1", "schedule-run"),
    ("nice -n 10 /srv/app/scripts/weekly_archive.sh", "weekly-archive"),
    ("bash -lc 'cd /srv/app && bundle exec ruby batches/close.rb'", "close"),
    ("timeout 300 flock -n /tmp/l /srv/app/bin/import.py", "import"),
    ("cd /srv/app; ./run.sh", "run"),
    ("curl --silent https://example.com/cron", "curl"),
]


@pytest.mark.parametrize(("command", "name"), NAMES, ids=[item[0] for item in NAMES])
def test_a_job_is_called_what_its_command_does(command: str, name: str) -> None:
    """Runners, dispatchers, folders and endings are left out."""
    assert decided(entry(f"0 3 * * * {command}")).jobs[0].id == name
