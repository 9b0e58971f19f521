"""The 24 cases that converters get wrong, one test each (or more where a case has several sides)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzer.cron.convert import ConversionError, convert
from analyzer.cron.crontab import read_schedule, read_table
from analyzer.cron.eventbridge import read_expression
from analyzer.cron.proof import prove
from analyzer.cron.report import guard_condition
from analyzer.decide.commands import split_percent
from analyzer.model import CronDaemon

from .helpers import AMAZON, decided, entries_of, entry

TOKYO = "Asia/Tokyo"


def expressions(line: str, daemon: CronDaemon = CronDaemon.DEBIAN, timezone: str = TOKYO) -> tuple[str, ...]:
    return convert(read_schedule(line, daemon), timezone).expressions


def test_d01_dom_or_dow_is_two_schedules_and_one_start() -> None:
    """Both restricted: a schedule for each, and an instant that both name is started once."""
    schedule = read_schedule("0 0 1,15 * 5", CronDaemon.DEBIAN)
    conversion = convert(schedule, TOKYO)
    assert conversion.expressions == ("cron(0 0 1,15 * ? *)", "cron(0 0 ? * 6 *)")
    assert conversion.deduplicated
    assert prove(schedule, conversion, TOKYO).verdict == "equal"


def test_d01_dom_or_dow_without_a_common_day_needs_no_second_look() -> None:
    """Where the weekday adds days in one week of the month only, an occurrence is exact without any guard."""
    conversion = convert(read_schedule("0 0 1-28 * 1", CronDaemon.DEBIAN), TOKYO)
    assert conversion.expressions == ("cron(0 0 1-28 * ? *)", "cron(0 0 ? * 2#5 *)")
    assert not conversion.deduplicated


def test_d02_a_star_in_front_makes_it_and() -> None:
    """First Monday, first Sunday: occurrences; `*/2` with Monday: a guard in the state machine; `*,1-7`: every Monday."""
    assert expressions("0 12 */100,1-7 * mon") == ("cron(0 12 ? * 2#1 *)",)
    assert expressions("0 12 */31,1-7 * mon") == ("cron(0 12 ? * 2#1 *)",)
    assert expressions("0 12 1-7 * */7") == ("cron(0 12 ? * 1#1 *)",)
    assert expressions("0 12 *,1-7 * mon") == ("cron(0 12 ? * 2 *)",)
    conversion = convert(read_schedule("0 12 */2 * mon", CronDaemon.DEBIAN), TOKYO)
    assert conversion.form == "guard"
    assert len(conversion.expressions) == 1
    keep = guard_condition(conversion)
    assert keep is not None
    assert keep(datetime(2026, 2, 9, 3, tzinfo=UTC))  # Monday noon in Tokyo
    assert not keep(datetime(2026, 2, 11, 3, tzinfo=UTC))


def test_d02_where_no_guard_can_judge_the_calendar_is_expanded() -> None:
    """All hours of a zone with clock changes: no constant shift finds the local day, so days are listed by years."""
    schedule = read_schedule("0 * */2 * mon", CronDaemon.DEBIAN)
    conversion = convert(schedule, "America/New_York")
    assert conversion.form == "calendar"
    assert len(conversion.expressions) <= 84
    assert all(len(text) <= 256 for text in conversion.expressions)
    assert prove(schedule, conversion, "America/New_York").verdict in {"equal", "equal-except-dst"}


def test_d03_weekdays_are_renumbered_as_sets() -> None:
    """`5-7` wraps round the week's end in AWS's numbers, and full sets become no restriction at all."""
    assert expressions("0 0 * * 5-7") == ("cron(0 0 ? * 1,6-7 *)",)
    assert expressions("0 0 * * 0") == expressions("0 0 * * 7") == ("cron(0 0 ? * 1 *)",)
    for full in ("0-6", "1-7", "0-7", "*"):
        assert expressions(f"0 0 * * {full}") == ("cron(0 0 * * ? *)",)


@pytest.mark.parametrize("text", ["0 0 * * 6-0", "0 0 * * fri-sun", "0 0 * * sat-sun", "0 22-2 * * *"])
def test_d04_reversed_ranges_are_each_programs_own(text: str) -> None:
    """Debian never fires, old cronie refuses, busybox wraps."""
    with pytest.raises(ConversionError, match="never fires"):
        expressions(text)
    assert decided(entry(f"{text} /srv/app/bin/batch close")).jobs[0].outcome == "skipped"
    refused = decided(entry(f"{text} /srv/app/bin/batch close", daemon=CronDaemon.CRONIE_1_5)).jobs[0]
    assert refused.outcome == "manual"
    assert refused.equivalence.verdict == "refused"
    assert expressions(text, CronDaemon.BUSYBOX)


def test_d05_steps_are_expanded() -> None:
    """Explicit numbers, counted as the program counts; a step on a single value is an error in cron."""
    assert expressions("*/7 * * * *") == ("cron(0,7,14,21,28,35,42,49,56 * * * ? *)",)
    assert expressions("0 */5 * * *") == ("cron(0 0,5,10,15,20 * * ? *)",)
    assert expressions("0 0 */10 * *") == ("cron(0 0 1,11,21,31 * ? *)",)
    assert expressions("0 0 */10 * *", CronDaemon.BUSYBOX) == ("cron(0 0 10,20,30 * ? *)",)
    assert decided(entry("5/15 * * * * /srv/app/bin/batch close")).jobs[0].equivalence.verdict == "refused"


def test_d06_rare_days_stay_and_impossible_ones_are_reported() -> None:
    """The 31st and 29 February are kept as they are; 31 February is no schedule, and a problem says so."""
    assert expressions("0 0 31 * *") == ("cron(0 0 31 * ? *)",)
    assert expressions("0 0 29 2 *") == ("cron(0 0 29 2 ? *)",)
    found = decided(entry("0 0 31 2 * /srv/app/bin/batch close"))
    assert found.jobs[0].outcome == "skipped"
    assert found.jobs[0].expressions == ()
    assert [problem.code for problem in found.problems] == ["cron-never"]


def test_d07_the_zone_is_the_hosts_or_cron_tz_and_never_guessed() -> None:
    """Evidence, then --timezone, else a blocking question; TZ= is the job's own business, CRON_TZ= only cronie's."""
    line = entry("0 3 * * * /srv/app/bin/batch close")
    assert decided(line).jobs[0].timezone == TOKYO
    assert decided(line, timezone="").jobs[0].question.blocking
    cronie = entry("0 3 * * * /srv/app/bin/batch close", daemon=CronDaemon.CRONIE_1_5, timezone="America/New_York")
    assert decided(cronie).jobs[0].expressions[0].timezone == "America/New_York"


def test_d07_settings_without_effect_are_named(tmp_path: Path) -> None:
    """On Debian CRON_TZ and TZ do not move the schedule, which people expect: a note says so."""
    _, problems = entries_of(tmp_path, {"fs/etc/cron.d/app": "CRON_TZ=UTC\n0 3 * * * app /bin/close\n"})
    assert [problem.code for problem in problems] == ["cron-zone-without-effect"]
    entries, problems = entries_of(tmp_path, {"fs/etc/cron.d/app": "CRON_TZ=UTC\n0 3 * * * app /bin/close\n"}, AMAZON)
    assert (entries[0].timezone, problems) == ("UTC", ())


def test_d08_clock_changes_are_listed_and_never_hidden() -> None:
    """Equal for Tokyo; dates for New York; UTC where only that is exact; systemd as AWS."""
    daily = decided(entry("30 2 * * * /srv/app/bin/batch close"), timezone="America/New_York").jobs[0]
    assert daily.equivalence.verdict == "equal-except-dst"
    assert len(daily.equivalence.missed) == len(daily.equivalence.differences) == 10
    hourly = decided(entry("*/10 * * * * /srv/app/bin/batch close"), timezone="America/New_York").jobs[0]
    assert (hourly.equivalence.verdict, hourly.expressions[0].timezone) == ("equal", "UTC")
    timer = entry(
        "0 0 * * *", kind="timer", daemon=CronDaemon.SYSTEMD, schedule="OnCalendar=*-*-* 02:30:00", command="/bin/close"
    )
    assert decided(timer, timezone="America/New_York").jobs[0].equivalence.verdict == "equal"


def test_d09_reboot_is_a_question_and_never_a_rate() -> None:
    """There is no boot on Fargate; a person says where it belongs."""
    job = decided(entry("@reboot /srv/app/bin/worker")).jobs[0]
    assert (job.outcome, job.expressions, job.question is not None) == ("manual", (), True)


@pytest.mark.parametrize(
    ("command", "shell", "window"),
    [
        ("sleep $((RANDOM \\% 300)) && /srv/app/bin/close", "/bin/bash", 5),
        ("sleep $((RANDOM \\% 300)) && /srv/app/bin/close", "/bin/sh", None),
        ("sleep $(shuf -i 0-90 -n 1); /srv/app/bin/close", "/bin/sh", 2),
        ("perl -e 'sleep int(rand(3600))' && /srv/app/bin/close", "/bin/sh", 60),
    ],
)
def test_d10_random_sleeps_become_a_window_where_they_slept(command: str, shell: str, window: int | None) -> None:
    """dash has no RANDOM, so the usual idiom sleeps 0 seconds under /bin/sh."""
    job = decided(entry(f"0 3 * * * {command}", environment=(("SHELL", shell),))).jobs[0]
    assert job.flexible_window_minutes == window
    assert "sleep" not in job.container_command[2]


def test_d10_an_unescaped_percent_cuts_the_command() -> None:
    """The rest of `sleep $((RANDOM % 300)) && x` has never run."""
    job = decided(entry("0 3 * * * sleep $((RANDOM % 300)) && /srv/app/bin/close")).jobs[0]
    assert (job.outcome, job.via.rule) == ("manual", "cron-command-broken")


@pytest.mark.parametrize(
    ("command", "kind", "lock"),
    [
        ("flock -n /run/close.lock /srv/app/bin/close", "skip", "close"),
        ("flock /run/close.lock /srv/app/bin/close", "queue", "close"),
        ("flock -w 10 /run/close.lock -c '/srv/app/bin/close'", "skip", "close"),
        ("run-one /srv/app/bin/close", "skip", "close"),
        ("setlock -nX /run/close.lock /srv/app/bin/close", "skip", "close"),
        ("lockrun --lockfile=/run/close.lock -- /srv/app/bin/close", "skip", "close"),
        ("( flock -n 9 || exit 1; /srv/app/bin/close ) 9>/run/close.lock", "skip", "close"),
    ],
)
def test_d11_locks_become_single_flight(command: str, kind: str, lock: str) -> None:
    """`-n` skips, a waiting lock queues; the lock file's name is the lock's name."""
    job = decided(entry(f"*/5 * * * * {command}")).jobs[0]
    assert (job.single_flight, job.lock) == (kind, lock)


def test_d11_a_shared_lock_file_couples_jobs() -> None:
    """Two lines with one lock file exclude each other, and a note says so."""
    found = decided(
        entry("*/5 * * * * flock -n /run/app.lock /srv/app/bin/close"),
        entry("0 * * * * flock -n /run/app.lock /srv/app/bin/import"),
    )
    assert [job.lock for job in found.jobs] == ["app", "app"]
    assert "cron-shared-lock" in [problem.code for problem in found.problems]


def test_d11_busybox_and_systemd_never_start_a_second_run() -> None:
    """Their own single instance becomes one of the state machine."""
    assert decided(entry("*/5 * * * * /srv/app/bin/close", daemon=CronDaemon.BUSYBOX)).jobs[0].single_flight == "skip"


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("/srv/app/bin/close >/dev/null 2>&1", "/srv/app/bin/close"),
        ("/srv/app/bin/close >> /var/log/close.log 2>&1", "/srv/app/bin/close"),
        ("/srv/app/bin/close 2>&1 | logger -t close", "/srv/app/bin/close"),
        ("/srv/app/bin/close 2>&1 | mail -s done ops@example.com", "/srv/app/bin/close"),
        ("chronic /srv/app/bin/close", "/srv/app/bin/close"),
        ("/srv/app/bin/close 2>&1 | tee -a /var/log/close.log", "/srv/app/bin/close"),
    ],
)
def test_d12_where_output_went_is_not_part_of_the_batch(command: str, left: str) -> None:
    """Logs go to stdout, mail and loggers are named in a note."""
    job = decided(entry(f"0 3 * * * {command}")).jobs[0]
    assert job.container_command[2] == f"cd /home/app && {left} && echo 'close End.'"
    assert len(job.notes) > 2


@pytest.mark.parametrize(
    "command",
    [
        "RAILS_ENV=production bundle exec rake close",
        ". /etc/profile; bundle exec rake close",
        "bash -lc 'bundle exec rake close'",
        'eval "$(rbenv init -)" && bundle exec rake close',
        "/usr/bin/env -i A=b /srv/app/bin/close",
        "timeout 300 /srv/app/bin/close",
    ],
)
def test_d13_what_sets_the_stage_stays(command: str) -> None:
    """Profiles, version managers, settings in front: the command is kept whole."""
    job = decided(entry(f"0 3 * * * {command}")).jobs[0]
    assert command in job.container_command[2]
    assert job.timeout_s == (300 if command.startswith("timeout") else None)


def test_d13_what_served_the_host_goes() -> None:
    """nice, ionice and the trailing & have no use in a task of its own; `cd` becomes the directory."""
    job = decided(entry("0 3 * * * cd /srv/app && nice -n 19 ionice -c3 nohup bin/close &")).jobs[0]
    assert job.container_command == ("/bin/sh", "-c", "cd /srv/app && bin/close && echo 'close End.'")
    assert job.working_directory == "/srv/app"


def test_d14_guards_on_the_date_stay_and_see_the_hosts_time() -> None:
    """`[ $(date +%d) -le 7 ] &&` is kept whole; TZ makes `date` tell local time."""
    job = decided(entry('0 3 * * 1 [ "$(date +\\%d)" -le 7 ] && /srv/app/bin/close')).jobs[0]
    assert '[ "$(date +%d)" -le 7 ] && /srv/app/bin/close' in job.container_command[2]
    assert dict(job.environment)["TZ"] == TOKYO
    assert any("guard on the date" in note for note in job.notes)


def test_d15_percent_signs_feed_stdin() -> None:
    """The first bare % ends the command, further ones are newlines; Debian also halves backslashes."""
    assert split_percent("mail -s x joe%Hi%there", CronDaemon.DEBIAN) == ("mail -s x joe", "Hi\nthere\n")
    assert split_percent("date +\\%F", CronDaemon.CRONIE_1_5) == ("date +%F", None)
    assert split_percent("echo a\\\\b", CronDaemon.DEBIAN) == ("echo a\\b", None)
    assert split_percent("echo a\\\\b", CronDaemon.CRONIE_1_5) == ("echo a\\\\b", None)
    assert split_percent("echo %", CronDaemon.BUSYBOX) == ("echo %", None)
    job = decided(entry("0 3 * * * /srv/app/bin/close --stdin%first%it's")).jobs[0]
    assert "printf '%s\\n' first 'it'\"'\"'s' | ( /srv/app/bin/close --stdin )" in job.container_command[2]


def test_d16_a_line_that_ansible_commented_out_is_a_disabled_job(tmp_path: Path) -> None:
    """With the marker above it a commented line is a job that is off; any other is a comment."""
    text = "#Ansible: close\n#0 5 * * * /srv/app/bin/close\n#0 6 * * * /srv/app/bin/old\n"
    entries, _ = entries_of(tmp_path, {"fs/var/spool/cron/crontabs/app": text})
    assert [(item.name, item.enabled) for item in entries] == [("close", False)]
    job = decided(*entries).jobs[0]
    assert (job.outcome, job.enabled) == ("schedule", False)


def test_d17_names_are_stable_and_fit() -> None:
    """From the marker or the command, at most 64 characters, told apart by content and never by position."""
    lines = [entry("0 3 * * * /srv/app/bin/batch close"), entry("0 5 * * * /srv/app/bin/batch close -x")]
    forward = {job.command: job.id for job in decided(*lines).jobs}
    backward = {job.command: job.id for job in decided(*reversed(lines)).jobs}
    assert forward == backward
    assert len(set(forward.values())) == 2
    long = decided(entry("0 0 13 * 5 /bin/x", name="名前 " + "very long name " * 20)).jobs[0]
    assert all(1 <= len(item.name) <= 64 for item in long.expressions)


def test_d18_the_same_line_twice_is_two_jobs() -> None:
    """Cron runs it twice, so both stay."""
    line = entry("0 3 * * * /srv/app/bin/batch close")
    assert len({job.id for job in decided(line, line).jobs}) == 2


def test_d19_a_late_delivery_is_given_up_before_the_next_firing() -> None:
    """Scheduler's defaults (a day, 185 attempts) never stay."""
    from analyzer.cron.limits import limits

    assert limits(decided(entry("*/5 * * * * /srv/app/bin/close")).jobs[0]).event_age_s == 300
    assert limits(decided(entry("* * * * * /srv/app/bin/close")).jobs[0]).event_age_s == 60
    assert limits(decided(entry("0 3 * * * /srv/app/bin/close")).jobs[0]).event_age_s == 3600


def test_d20_where_a_file_lies_tells_whether_it_names_users(tmp_path: Path) -> None:
    """cron.d has the user column, a user's own table has none; names that the daemon passes over never ran."""
    entries, problems = entries_of(
        tmp_path,
        {
            "fs/etc/cron.d/app": "0 3 * * * app /bin/close\n",
            "fs/etc/cron.d/app.conf": "0 4 * * * app /bin/never\n",
            "fs/var/spool/cron/crontabs/app": "0 5 * * * app /bin/close\n",
        },
    )
    found = {item.path: (item.user, item.command, bool(item.dead)) for item in entries}
    assert found["/etc/cron.d/app"] == ("app", "/bin/close", False)
    assert found["/etc/cron.d/app.conf"] == ("app", "/bin/never", True)
    assert found["/var/spool/cron/crontabs/app"] == ("app", "app /bin/close", False)
    assert [problem.code for problem in problems] == ["cron-file-ignored"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0 3 * * * /bin/close\n* * * * /bin/x", "Missing newline before EOF"),
        ("0 3 * * * /bin/close\n61 * * * * /bin/x\n", "bad minute"),
        ("MAILTO=\n0 3 * * * /bin/close\n", "bad minute"),
        ("\ufeff0 3 * * * /bin/close\n", "bad minute"),
        ("export A=b\n0 3 * * * /bin/close\n", "bad minute"),
    ],
)
def test_d21_one_bad_line_kills_a_whole_file_on_debian_only(text: str, complaint: str) -> None:
    """Debian ignores the file, in its own words; cronie loses the line at most."""
    table = read_table(text, CronDaemon.DEBIAN, system=False)
    assert all("this crontab file will be ignored" in line.dead for line in table.lines)
    assert any(complaint in item.message for item in table.complaints)
    if "\ufeff" not in text:
        alive = read_table(text, CronDaemon.CRONIE_1_5, system=False).lines
        assert [line.command for line in alive if not line.dead] == ["/bin/close"]


def test_d21_a_carriage_return_is_part_of_the_command_and_named() -> None:
    """CRLF files run commands with a CR at the end: a complaint, not a dead file."""
    table = read_table("0 3 * * * /bin/close\r\n", CronDaemon.DEBIAN, system=False)
    assert table.lines[0].dead == ""
    assert table.complaints[0].harmless


def test_d22_run_parts_is_one_job_a_script_and_anacron_is_approximate(tmp_path: Path) -> None:
    """Scripts take the time of the line that starts the folder; anacron's time is a choice that is said."""
    files = {
        "fs/etc/crontab": "25 6 * * * root cd / && run-parts --report /etc/cron.daily\n",
        "fs/etc/cron.daily/close": "#!/bin/sh\n",
        "fs/etc/cron.daily/close.sh": "#!/bin/sh\n",
    }
    entries, _ = entries_of(tmp_path, files)
    jobs = {job.command: job for job in decided(*entries).jobs}
    assert jobs["/etc/cron.daily/close"].expressions[0].expression == "cron(25 6 * * ? *)"
    assert jobs["/etc/cron.daily/close.sh"].via.rule == "cron-dead"
    assert jobs["cd / && run-parts --report /etc/cron.daily"].outcome == "platform"
    anacron = "RANDOM_DELAY=45\nSTART_HOURS_RANGE=3-22\n1 5 cron.daily nice run-parts /etc/cron.daily\n"
    entries, _ = entries_of(tmp_path / "rhel", {"fs/etc/anacrontab": anacron, "fs/etc/cron.daily/close": "x"}, AMAZON)
    job = next(job for job in decided(*entries, facts=AMAZON).jobs if job.command == "/etc/cron.daily/close")
    assert (job.equivalence.verdict, job.expressions[0].expression) == ("differs", "cron(5 3 * * ? *)")


def test_d23_years_stand_only_where_they_are_needed() -> None:
    """The year field is `*`, except where the calendar is expanded."""
    assert all(text.endswith(" *)") for line in ("0 0 29 2 *", "0 0 13 * 5", "@yearly") for text in expressions(line))
    assert all(read_expression(text).years for text in expressions("0 * */2 * mon", timezone="America/New_York"))


def test_d24_a_command_with_schedulers_own_words_is_not_in_the_input() -> None:
    """`<aws.scheduler.…>` in a command stays what it is: the command lies in the state machine, not in the input."""
    from analyzer.render.schedules import execution_input

    job = decided(entry("0 3 * * * /srv/app/bin/close '<aws.scheduler.execution-id>'")).jobs[0]
    assert "execution-id" not in json.dumps(execution_input(job))
    assert "<aws.scheduler.execution-id>" in job.container_command[2]
