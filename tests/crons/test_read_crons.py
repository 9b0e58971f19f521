"""Evidence of a host as entries: places, file names, environment, run-parts, timers, what the daemon says."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from analyzer.cron.daemons import daemon_of
from analyzer.model import CronDaemon, HostUser
from analyzer.read.crons import read_crons

from .helpers import AMAZON, entries_of, evidence, host

# distribution, major version, cronie's package version, daemon
DAEMONS = """
Debian 12 -  debian
Ubuntu 22 -  debian
Amazon 2 -   cronie-1.4
Amazon 2023 - cronie-1.5
RedHat 7 -   cronie-1.4
CentOS 8 -   cronie-1.5
Rocky 9 -    cronie-1.5
RedHat 10 -  cronie-1.7
Fedora 41 -  cronie-1.7
Alpine 3 -   busybox
Debian 12 1.6.1-5 cronie-1.7
Amazon 2023 1.5.7-1.amzn2023 cronie-1.5
Plan9 4 - None
"""


@pytest.mark.parametrize("row", DAEMONS.strip().split("\n"))
def test_the_daemon_is_the_distributions_or_the_packages(row: str) -> None:
    """An installed cronie says more than the release."""
    name, release, version, expected = row.split()
    packages = {} if version == "-" else {"cronie": version}
    found = daemon_of({"distribution": name, "distribution_major_version": release}, packages)
    assert str(found) == expected


def test_settings_apply_to_what_stands_below_them(tmp_path: Path) -> None:
    """PATH and MAILTO of a table change from line to line; quotes go, blanks at the end go."""
    text = "A=1\n0 1 * * * x\nA = \"2 \" \nB='c'\n0 2 * * * y\n"
    entries, _ = entries_of(tmp_path, {"fs/var/spool/cron/crontabs/app": text})
    assert [dict(item.environment) for item in entries] == [{"A": "1"}, {"A": "2 ", "B": "c"}]


def test_an_assignment_in_a_command_is_no_setting(tmp_path: Path) -> None:
    """`* * * * * A=b cmd` is an entry."""
    entries, _ = entries_of(tmp_path, {"fs/var/spool/cron/crontabs/app": "* * * * * A=b cmd\n"})
    assert [(item.schedule, item.command) for item in entries] == [("* * * * *", "A=b cmd")]


def test_problems_carry_the_daemons_words_and_the_line(tmp_path: Path) -> None:
    """Debian: the whole file is dead; cronie: this line only."""
    text = "0 1 * * * app x\n0 25 * * * app y\n"
    entries, problems = entries_of(tmp_path, {"fs/etc/cron.d/app": text})
    assert [bool(item.dead) for item in entries] == [True, True]
    assert str(problems[0].source) == "evidence/web01/fs/etc/cron.d/app:2"
    assert "bad hour" in problems[0].message
    assert "this crontab file will be ignored" in problems[0].message
    entries, problems = entries_of(tmp_path, {"fs/etc/cron.d/app": text}, AMAZON)
    assert [bool(item.dead) for item in entries] == [False, True]


@pytest.mark.parametrize(
    ("name", "debian", "amazon"),
    [
        ("app", True, True),
        ("app.conf", False, True),
        (".app", False, False),
        ("app~", False, False),
        ("app.rpmsave", False, False),
    ],
)
def test_cron_d_has_each_daemons_rules_for_file_names(tmp_path: Path, name: str, debian: bool, amazon: bool) -> None:
    """What is passed over stays an entry that is dead."""
    files = {f"fs/etc/cron.d/{name}": "0 1 * * * app x\n"}
    assert [not item.dead for item in entries_of(tmp_path, files)[0]] == [debian]
    assert [not item.dead for item in entries_of(tmp_path, files, AMAZON)[0]] == [amazon]


def test_the_output_of_crontab_l_stands_for_the_file(tmp_path: Path) -> None:
    """It may lack its last newline; where both are there the file rules, and a difference is a problem."""
    listed = {"cmd/crontab-app.txt": "0 1 * * * x", "cmd/crontab-www.txt": "no crontab for www\n"}
    entries, problems = entries_of(tmp_path, listed)
    assert [(item.user, item.dead, item.path) for item in entries] == [("app", "", "/var/spool/cron/crontabs/app")]
    assert problems == ()
    entries, problems = entries_of(tmp_path, listed | {"fs/var/spool/cron/crontabs/app": "0 2 * * * x\n"})
    assert [item.schedule for item in entries] == ["0 2 * * *"]
    assert [problem.code for problem in problems] == ["crontab-differs"]


def test_a_user_that_passwd_does_not_have_is_pointed_out(tmp_path: Path) -> None:
    """Debian would ignore the whole file; a directory service may know the user, so nothing is declared dead."""
    files = {"fs/etc/cron.d/app": "0 1 * * * gone x\n0 2 * * * app y\n"}
    account = HostUser(name="app", uid=1000, gid=1000, home="/home/app", shell="/bin/sh")
    entries, problems = read_crons(replace(host(), users=(account,)), evidence(tmp_path, files))
    assert [item.dead for item in entries] == ["", ""]
    assert [(problem.code, problem.source.line) for problem in problems] == [("cron-user-unknown", 1)]


def test_systemd_cron_is_not_taken_for_cron_in_silence(tmp_path: Path) -> None:
    """It reads both day fields otherwise than any cron."""
    changed = replace(host(), packages={"systemd-cron": "1.15"})
    _, problems = read_crons(changed, evidence(tmp_path, {"fs/etc/crontab": "0 1 1 * 5 root x\n"}))
    assert [problem.code for problem in problems] == ["cron-is-systemd-cron"]


def test_red_hats_tables_lie_elsewhere(tmp_path: Path) -> None:
    """/var/spool/cron/<user> without a folder between."""
    entries, _ = entries_of(tmp_path, {"fs/var/spool/cron/ec2-user": "0 1 * * * x\n"}, AMAZON)
    assert [(item.user, item.daemon) for item in entries] == [("ec2-user", CronDaemon.CRONIE_1_5)]


def test_an_unknown_distribution_is_said(tmp_path: Path) -> None:
    """The tables are read as Debian's, with a warning."""
    _, problems = entries_of(tmp_path, {"fs/var/spool/cron/crontabs/app": "0 1 * * * x\n"}, {})
    assert [problem.code for problem in problems] == ["cron-daemon-unknown"]


def test_a_timer_comes_with_its_service_and_drop_ins(tmp_path: Path) -> None:
    """Schedule, command, user, directory, environment; an empty value clears those before it."""
    entries, problems = entries_of(
        tmp_path,
        {
            "fs/etc/systemd/system/close.timer": "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=10min\nPersistent=true\n",
            "fs/etc/systemd/system/close.timer.d/time.conf": "[Timer]\nOnCalendar=\nOnCalendar=*-*-* 03:00\n",
            "fs/etc/systemd/system/close.service": "[Service]\n# c\nUser=app\nWorkingDirectory=/srv/app\n"
            'Environment="A=1 2" B=3\nExecStart=-/srv/app/bin/close \\\n  --all\n',
            "fs/etc/systemd/system/lost.timer": "[Timer]\nOnCalendar=daily\n",
        },
    )
    close, lost = entries
    assert (close.schedule, close.user) == ("OnCalendar=*-*-* 03:00", "app")
    assert str(close.command).split() == ["/srv/app/bin/close", "--all"]
    assert close.settings["WorkingDirectory"] == "/srv/app"
    assert dict(close.environment) == {"A": "1 2", "B": "3"}
    assert lost.command == ""
    assert [problem.code for problem in problems] == ["timer-without-service"]


def test_timers_that_systemd_has_not_loaded_are_off(tmp_path: Path) -> None:
    """list-timers shows what is active; one that it alone shows is an entry without a schedule."""
    listing = (
        "NEXT LEFT LAST PASSED UNIT ACTIVATES\nSun 2026-11-08 x  a.timer  a.service\nSun 2026 x b.timer b.service\n"
    )
    entries, _ = entries_of(
        tmp_path,
        {
            "cmd/systemctl-timers.txt": listing,
            "fs/etc/systemd/system/a.timer": "[Timer]\nOnCalendar=daily\n",
            "fs/etc/systemd/system/c.timer": "[Timer]\nOnCalendar=daily\n",
        },
    )
    assert {item.name: (item.enabled, bool(item.schedule)) for item in entries} == {
        "a": (True, True), "b": (True, False), "c": (False, True),
    }  # fmt: skip


def test_anacron_starts_the_folders_where_it_is_installed(tmp_path: Path) -> None:
    """Debian's line in /etc/crontab steps aside for it; hourly never is anacron's."""
    entries, _ = entries_of(
        tmp_path,
        {
            "fs/etc/crontab": "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"
            "25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n",
            "fs/etc/anacrontab": "1\t5\tcron.daily\trun-parts --report /etc/cron.daily\n7 10 own /srv/own\n",
            "fs/etc/cron.daily/close": "x",
            "fs/etc/cron.hourly/sync": "x",
        },
    )
    found = {item.path: (item.daemon, item.schedule) for item in entries}
    assert found["/etc/cron.daily/close"] == (CronDaemon.ANACRON, "1 5")
    assert found["/etc/cron.hourly/sync"] == (CronDaemon.DEBIAN, "17 * * * *")
    assert found["/etc/anacrontab"] == (CronDaemon.ANACRON, "7 10")
