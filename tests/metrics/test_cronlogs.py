"""Starts and ends of runs from the logs of real daemons, and the traps of their lines."""

from __future__ import annotations

import gzip

import numpy as np
import orjson
import pytest

SYSLOG = "fs/var/log/syslog"
LATEST = {"date_time": {"epoch": "1795453200"}}
"""2026-11-23T17:00:00Z: when the facts were gathered."""


def runs_of(usage, text):
    return next(runs for runs in usage.runs if text in runs.command)


def lengths(runs) -> list[float]:
    return (runs.ends_s - runs.starts_s).tolist()


@pytest.mark.parametrize("name", ["syslog.debian-cron", "syslog.debian-cron.rfc3339"])
def test_debian_cron_with_end_lines(read, sample, name):
    """Both spellings of the stamp give the same runs; the last run has no end in the log."""
    usage, problems = read({SYSLOG: sample(name)}, **LATEST)
    assert problems == ()
    heavy = runs_of(usage, "300 12 3")
    assert heavy.starts_s.tolist() == [1795451521, 1795451581, 1795451641, 1795451701]
    assert lengths(heavy)[:3] == [16, 15, 15]
    assert np.isnan(heavy.ends_s[3])
    assert heavy.command.endswith("# heavy")
    assert lengths(runs_of(usage, "sleep 2")) == [2, 2]


def test_thirteen_jobs_in_one_second_are_told_by_their_end_lines(read, sample):
    """Pids pair only ten of sixty right; the text of END pairs all."""
    usage, problems = read({SYSLOG: sample("syslog.debian-cron-12concurrent")}, **LATEST)
    assert problems == ()
    for runs in usage.runs:
        if runs.command.startswith("sleep"):
            assert lengths(runs) == [float(runs.command.split()[1].rstrip(";"))] * 5


def test_without_end_lines_the_only_session_of_a_user_in_a_minute_tells(read, sample):
    """`nobody` has one job a minute: its session's close is the end; root's twelve are a guess that is called one."""
    text = sample("syslog.debian-cron-12concurrent").decode()
    log = "\n".join(line for line in text.splitlines() if ") END (" not in line and "grandchild" not in line)
    usage, _ = read({SYSLOG: log.encode()}, **LATEST)
    assert lengths(runs_of(usage, "200 6 1")) == [7, 7, 7, 7, 8]
    assert runs_of(usage, "200 6 1").end_evidence == (("only session", 5),)
    assert {runs.end_evidence[0][0] for runs in usage.runs if runs.user == "root"} == {"session, exchangeable"}


def test_usual_durations_part_jobs_that_sometimes_start_alone(read):
    """A (20 s) runs every minute, B (5 s) every other: minutes with A alone teach its length."""
    lines = []
    for minute in range(40):
        both = minute % 2 == 0
        pid = 1000 + minute * 10
        for session, (command, length) in enumerate([("long", 20 + minute % 3), ("short", 5)][: 2 if both else 1]):
            at = f"Nov 23 10:{minute:02d}"
            lines += [
                (
                    f"{at}:01",
                    0,
                    f"CRON[{pid + session}]: pam_unix(cron:session): session opened for user app by (uid=0)",
                ),
                (f"{at}:01", 1, f"CRON[{pid + 5 - session}]: (app) CMD (/bin/{command})"),
                (
                    f"{at}:{1 + length:02d}",
                    2,
                    f"CRON[{pid + session}]: pam_unix(cron:session): session closed for user app",
                ),
            ]
    log = "\n".join(f"{stamp} host {text}" for stamp, _, text in sorted(lines))
    usage, _ = read({SYSLOG: log.encode()}, **LATEST)
    assert set(lengths(runs_of(usage, "/bin/long"))) == {20, 21, 22}
    assert set(lengths(runs_of(usage, "/bin/short"))) == {5}


def test_a_failed_grandchild_names_its_command_by_pid(read):
    """`grandchild #882 failed` is the end of the CMD line with that pid, though two jobs ran."""
    log = (
        "Nov 23 16:34:01 h CRON[878]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n"
        "Nov 23 16:34:01 h CRON[880]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n"
        "Nov 23 16:34:01 h CRON[882]: (root) CMD (/bin/a)\n"
        "Nov 23 16:34:01 h CRON[885]: (root) CMD (/bin/b)\n"
        "Nov 23 16:34:09 h CRON[880]: (CRON) error (grandchild #882 failed with exit status 3)\n"
        "Nov 23 16:34:09 h CRON[880]: pam_unix(cron:session): session closed for user root\n"
        "Nov 23 16:34:30 h CRON[878]: pam_unix(cron:session): session closed for user root\n"
    )
    usage, _ = read({SYSLOG: log.encode()}, **LATEST)
    assert (lengths(runs_of(usage, "/bin/a")), lengths(runs_of(usage, "/bin/b"))) == ([8], [29])


LEVEL_15 = """\
2026-11-25T13:05:01.276163+00:00 app03 CRON[26]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
2026-11-25T13:05:01.279163+00:00 app03 CRON[27]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
2026-11-25T13:05:01.294611+00:00 app03 CRON[26]: (root) CMD ([28] /opt/jobs/job.py ledger 300 12 20)
2026-11-25T13:05:01.294933+00:00 app03 CRON[27]: (root) CMD ([30] [ -x /usr/bin/true ] && /opt/jobs/other)
2026-11-25T13:05:09.294933+00:00 app03 CRON[27]: (root) END ([30] [ -x /usr/bin/true ] && /opt/jobs/other)
2026-11-25T13:05:09.295933+00:00 app03 CRON[27]: pam_unix(cron:session): session closed for user root
2026-11-25T13:05:26.494933+00:00 app03 CRON[26]: (root) END ([28] /opt/jobs/job.py ledger 300 12 20)
2026-11-25T13:05:26.495933+00:00 app03 CRON[26]: pam_unix(cron:session): session closed for user root
"""


@pytest.mark.parametrize("level", [15, 9])
def test_log_level_8_names_shell_and_session_in_every_line(read, level):
    """`CMD ([28] command)` by session 26: the number is no part of the command, and ends pair even without END lines."""
    lines = [line for line in LEVEL_15.splitlines() if level & 2 or ") END (" not in line]
    usage, problems = read({SYSLOG: "\n".join(lines).encode()})
    assert problems == ()
    first, second = runs_of(usage, "/opt/jobs/job.py"), runs_of(usage, "/opt/jobs/other")
    assert (first.command, first.pids.tolist()) == ("/opt/jobs/job.py ledger 300 12 20", [28])
    assert (second.command, second.pids.tolist()) == ("[ -x /usr/bin/true ] && /opt/jobs/other", [30])
    assert (lengths(first), lengths(second)) == ([25], [8])
    assert first.end_evidence == (("END line" if level & 2 else "session of its pid", 1),)


def test_cronie_logs_a_command_that_never_ran(read, sample):
    """CMDEND ends root's jobs without PAM; `chdir failed` after CMD means that nothing ran, which is a problem."""
    usage, problems = read({"fs/var/log/cron": sample("syslog.cronie-1.7.2")}, **LATEST)
    assert problems == ("cron-job-never-ran",)
    assert [runs.command for runs in usage.runs] == [
        "/bin/true && sleep 2; exit 3",
        "python3 /opt/jobs/job.py 300 12 3 # heavy",
    ]
    assert lengths(runs_of(usage, "300 12 3"))[0] == 16


def test_journald_entries_carry_microseconds_in_utc(read):
    """A message that is no text is a list of bytes."""
    entries = [
        {"SYSLOG_IDENTIFIER": "CRON", "_PID": "31030", "__REALTIME_TIMESTAMP": "1795451521900000", "MESSAGE": "(app) CMD (/bin/x)"},
        {
            "SYSLOG_IDENTIFIER": "CRON", "_PID": "31027", "__REALTIME_TIMESTAMP": "1795451530100000",
            "MESSAGE": list(b"(app) END (/bin/x)"),
        },
        {"SYSLOG_IDENTIFIER": "sshd", "_PID": "1", "__REALTIME_TIMESTAMP": "1795451530100000", "MESSAGE": "x"},
    ]  # fmt: skip
    text = b"\n".join(orjson.dumps(entry) for entry in entries) + b"\nnot json\n"
    usage, problems = read({"cmd/journal-cron.txt": text})
    assert problems == ("cron-log-line-invalid",)
    assert (usage.runs[0].starts_s.tolist(), lengths(usage.runs[0])) == ([1795451521], [9])


def test_rotated_gzipped_and_repeated_files_change_nothing(read, sample):
    """Two halves that overlap, one packed, the PAM lines in auth.log: the same runs."""
    lines = sample("syslog.debian-cron").splitlines(keepends=True)
    whole, _ = read({SYSLOG: b"".join(lines)}, **LATEST)
    pam = [line for line in lines if b"pam_unix" in line]
    rest = [line for line in lines if b"pam_unix" not in line]
    files = {
        "fs/var/log/syslog.2.gz": gzip.compress(b"".join(rest[:12])),
        "fs/var/log/syslog.1": b"".join(rest[8:]),
        "fs/var/log/auth.log": b"".join(pam),
    }
    split, problems = read(files, **LATEST)
    assert problems == ()
    for one, other in zip(whole.runs, split.runs, strict=True):
        assert (one.command, lengths(one)[:2], one.starts_s.tolist()) == (
            other.command,
            lengths(other)[:2],
            other.starts_s.tolist(),
        )


def test_a_yearless_log_gets_the_latest_possible_year_and_december_is_last_years(read):
    """Evidence gathered on 2027-01-02 holds lines of two years."""
    log = b"Dec 31 23:59:01 h CRON[5]: (app) CMD (/bin/x)\nJan  1 00:00:01 h CRON[6]: (app) CMD (/bin/x)\n"
    usage, _ = read({SYSLOG: log}, date_time={"epoch": "1798848000"})
    assert usage.runs[0].starts_s.tolist() == [1798761541, 1798761601]


def test_without_any_date_the_year_is_not_guessed(read, sample):
    """The runs are left out with an error that says what to add."""
    usage, problems = read({SYSLOG: sample("syslog.debian-cron")})
    assert (usage.runs, problems) == ((), ("cron-log-year-unknown",))


def test_local_stamps_follow_the_hosts_zone_through_the_end_of_summer_time(read):
    """02:30 comes twice in Berlin on 2026-10-25; the clock running backwards tells which is meant."""
    stamps = ["01:30:01", "02:30:01", "02:59:01", "02:00:01", "02:30:01", "03:30:01"]
    log = "".join(f"Oct 25 {stamp} h CRON[{n}]: (app) CMD (/bin/x)\n" for n, stamp in enumerate(stamps))
    usage, _ = read({SYSLOG: log.encode()}, timezone="Europe/Berlin", **LATEST)
    first = 1792884601  # 01:30:01+02:00
    assert (usage.runs[0].starts_s - first).tolist() == [0, 3600, 5340, 5400, 7200, 10800]


def test_the_zone_of_the_file_moves_all_runs_alike(read, sample):
    """Written in Tokyo, the same lines are nine hours earlier."""
    utc, _ = read({SYSLOG: sample("syslog.debian-cron")}, **LATEST)
    tokyo, _ = read({SYSLOG: sample("syslog.debian-cron")}, timezone="Asia/Tokyo", **LATEST)
    for one, other in zip(utc.runs, tokyo.runs, strict=True):
        assert set((one.starts_s - other.starts_s).tolist()) == {9 * 3600}
        assert lengths(one)[:2] == lengths(other)[:2]


@pytest.mark.parametrize("field", ["_PID", "__REALTIME_TIMESTAMP"])
def test_a_journal_entry_with_an_impossible_number_is_left_out(read, field):
    """Fifty digits are no process id and no instant."""
    entry = {
        "SYSLOG_IDENTIFIER": "CRON",
        "_PID": "9",
        "__REALTIME_TIMESTAMP": "1795451521900000",
        "MESSAGE": "(a) CMD (/b)",
    }
    text = orjson.dumps(entry) + b"\n" + orjson.dumps(entry | {field: "9" * 50})
    usage, problems = read({"cmd/journal-cron.txt": text})
    assert problems == ("cron-log-line-invalid", "cron-log-without-ends")
    assert [one.starts_s.tolist() for one in usage.runs] == [[1795451521]]
