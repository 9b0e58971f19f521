"""Whatever stands in a crontab, a unit file or a task: no traceback, nothing lost, the same result every time."""

from __future__ import annotations

import string
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.cron.crontab import ScheduleError, read_schedule, read_table
from analyzer.cron.report import explain_line
from analyzer.cron.systemd import CalendarError, read_calendar
from analyzer.decide.commands import analyse_command
from analyzer.decide.shell_text import tokens
from analyzer.model import CronDaemon, Invocation, Source, Task, Unknown, Verdict
from analyzer.read.crons import crons_from_tasks
from analyzer.read.crons.timers import read_unit

from .helpers import decided, entry

DAEMONS = st.sampled_from([daemon for daemon in CronDaemon if daemon not in {CronDaemon.SYSTEMD, CronDaemon.ANACRON}])
FIELDS = st.lists(st.text("0123456789*-/,~#?LWmontuefri", min_size=1, max_size=8), min_size=4, max_size=6).map(" ".join)
SHELL = st.text(string.ascii_letters + " &|;<>()'\"\\$`%#{}/=-.\n0123456789", max_size=60)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=200)


@given(st.one_of(FIELDS, TEXTS), DAEMONS)
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_schedule_or_refused_in_words(text: str, daemon: CronDaemon) -> None:
    """One of the two, never another error."""
    with suppress(ScheduleError):
        assert read_schedule(text, daemon).rule


@given(st.one_of(FIELDS, TEXTS), DAEMONS)
@settings(max_examples=100, deadline=None)
def test_any_line_can_be_explained(text: str, daemon: CronDaemon) -> None:
    """Text and JSON come out whatever goes in."""
    assert explain_line(text, "America/New_York", daemon)
    assert explain_line(text, "No/Zone", daemon, form="json")


@given(
    st.lists(st.one_of(TEXTS, FIELDS.map(lambda text: text + " app /bin/x"), SHELL)).map("\n".join),
    DAEMONS,
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_table_is_read_and_debian_loses_all_or_nothing(text: str, daemon: CronDaemon, system: bool) -> None:
    """On Debian one fatal complaint kills every line; elsewhere a line dies alone."""
    table = read_table(text, daemon, system=system)
    if daemon is CronDaemon.DEBIAN:
        fatal = any(not item.harmless for item in table.complaints)
        assert all(bool(line.dead) == fatal for line in table.lines)
    numbers = [line.number for line in table.lines]
    assert numbers == sorted(numbers)


@given(SHELL)
@settings(max_examples=400, deadline=None)
def test_any_command_becomes_a_container_command_or_is_called_broken(text: str) -> None:
    """Its three words are a shell, -c and a script that ends in the end line."""
    made = analyse_command(entry("0 3 * * *", command=text), home="/home/app", timezone="UTC", end_marker="x End.")
    if made.broken:
        assert not made.container_command
    else:
        assert made.container_command[:2] == ("/bin/sh", "-c")
        assert made.container_command[2].endswith(" && echo 'x End.'")
        assert tokens(made.container_command[2]) is not None or "\n" in text or "#" in text


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_any_unit_file_and_calendar_is_read_or_refused(text: str) -> None:
    """Unit files have no syntax that could fail; calendars are refused in words."""
    read_unit(text)
    with suppress(CalendarError):
        assert read_calendar(text).times.minutes


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70),
    TEXTS,
    st.just(Unknown("{{ x }}")),
    st.just(("1", Unknown("{{ y }}"))),
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(
        [
            "name",
            "user",
            "job",
            "state",
            "cron_file",
            "minute",
            "hour",
            "day",
            "weekday",
            "special_time",
            "disabled",
            "env",
        ]
    ),
    VALUES,
)


@given(st.lists(ARGUMENTS, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_cron_task_is_read_and_decided(arguments: list[dict[str, object]]) -> None:
    """Unknown, missing and absurd arguments end in a job with an outcome and a reason."""
    tasks = [
        Task(
            source=Source("roles/x/tasks/main.yml", number),
            name="x",
            module="ansible.builtin.cron",
            invocations=(Invocation(args=args),),
            applies=Verdict.YES,
        )
        for number, args in enumerate(arguments)
    ]
    entries = crons_from_tasks(tasks)
    found = decided(*entries)
    assert len({job.id for job in found.jobs}) == len(found.jobs) == len(entries)
    assert all(job.reason and 1 <= len(job.id) <= 64 for job in found.jobs)
    assert decided(*entries) == found
