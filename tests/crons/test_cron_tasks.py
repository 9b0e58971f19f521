"""Schedules of a playbook: what stands in the tables after its tasks have run."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.model import (
    OTHER_ARGUMENTS,
    CronDaemon,
    CronEntry,
    FileContent,
    Invocation,
    Source,
    Task,
    Unknown,
    Verdict,
)
from analyzer.read.crons import crons_from_tasks


def task(module: str = "ansible.builtin.cron", *, line: int = 1, text: str | None = None, **args: object) -> Task:
    contents = ()
    if text is not None:
        contents = (("", FileContent(source=Source("roles/x/templates/cron.j2"), data=text.encode())),)
    return Task(
        source=Source("roles/x/tasks/main.yml", line),
        name="x",
        module=module,
        invocations=(Invocation(args=args, contents=contents),),
        applies=Verdict.YES,
        become=True,
    )


def read(*tasks: Task, daemon: CronDaemon = CronDaemon.DEBIAN) -> list[CronEntry]:
    return list(crons_from_tasks(tasks, daemon))


def test_a_cron_task_is_the_line_that_the_module_writes() -> None:
    """Defaults are `*`, aliases count, the user is the table's owner."""
    (entry,) = read(task(name="close", user="app", minute="0", hour=3, dow="1-5", job="/srv/app/bin/close\n"))
    assert (entry.schedule, entry.command, entry.user, entry.name) == (
        "0 3 * * 1-5",
        "/srv/app/bin/close",
        "app",
        "close",
    )
    assert (entry.path, entry.origin, entry.enabled) == ("/var/spool/cron/crontabs/app", "ansible", True)


def test_special_time_disabled_and_cron_file() -> None:
    """Nicknames, lines that are commented out, files in cron.d."""
    (entry,) = read(task(name="x", user="app", special_time="daily", job="y", disabled=True, cron_file="app"))
    assert (entry.schedule, entry.enabled, entry.path) == ("@daily", False, "/etc/cron.d/app")


def test_without_a_user_it_is_the_become_users_table() -> None:
    """become without a user is root."""
    assert read(task(name="x", minute="0", job="y"))[0].user == "root"


def test_a_later_task_of_the_same_name_replaces_and_absent_removes() -> None:
    """The module finds a job by its name."""
    first = task(name="x", user="app", minute="0", job="a")
    assert [item.command for item in read(first, task(name="x", user="app", minute="5", job="b"))] == ["b"]
    assert read(first, task(name="x", user="app", state="absent")) == []
    assert len(read(first, task(name="x", user="other", state="absent"))) == 1


def test_environment_tasks_stand_above_every_line_of_their_table() -> None:
    """`env: true` writes at line 1, cronvar likewise; other tables are not touched."""
    entries = read(
        task(name="x", user="app", minute="0", job="a"),
        task(name="PATH", user="app", env=True, job="/opt/bin"),
        task("community.general.cronvar", name="MAILTO", user="app", value="ops@example.com"),
        task("community.general.cronvar", name="LOST", user="app", value="x"),
        task("community.general.cronvar", name="LOST", user="app", state="absent"),
        task(name="y", user="www", minute="0", job="b"),
    )
    assert [dict(item.environment) for item in entries] == [{"PATH": "/opt/bin", "MAILTO": "ops@example.com"}, {}]


def test_a_forgotten_minute_is_flagged() -> None:
    """`hour: 3` alone runs sixty times; no time at all runs every minute."""
    assert "no_minute" in read(task(name="x", user="app", hour="3", job="a"))[0].settings
    assert "no_schedule" in read(task(name="x", user="app", job="a"))[0].settings
    assert not read(task(name="x", user="app", minute="*", hour="3", job="a"))[0].settings


def test_what_is_not_known_is_named() -> None:
    """Unknown arguments stay expressions, and the entry says which."""
    (entry,) = read(task(name="x", user="app", minute=Unknown("{{ m }}"), hour="3", job=Unknown("{{ j }}")))
    assert entry.settings["unknown"] == "{{ m }}; {{ j }}"
    assert entry.command == Unknown("{{ j }}")


def test_arguments_that_are_not_known_at_all_are_no_schedule() -> None:
    """A job of which the playbook tells nothing does not run every minute."""
    (entry,) = read(task(**{OTHER_ARGUMENTS: Unknown("{{ job_of_host }}", "no evidence")}))
    assert entry.settings["unknown"] == "{{ job_of_host }}"
    assert "*" not in entry.schedule
    assert isinstance(entry.command, Unknown)


def test_a_templated_cron_file_has_its_lines_as_entries() -> None:
    """copy and template to cron.d, to a folder, and to a user's table."""
    text = "MAILTO=x@example.com\n0 3 * * * app /srv/close\n*/5 * * * * app /srv/sync\n"
    entries = read(task("ansible.builtin.template", dest="/etc/cron.d/app", src="app.j2", text=text))
    assert [(item.schedule, item.user, item.command) for item in entries] == [
        ("0 3 * * *", "app", "/srv/close"),
        ("*/5 * * * *", "app", "/srv/sync"),
    ]
    (own,) = read(task("ansible.builtin.copy", dest="/var/spool/cron/crontabs/app", text="0 3 * * * /srv/close\n"))
    assert (own.user, own.command) == ("app", "/srv/close")
    (folder,) = read(task("ansible.builtin.template", dest="/etc/cron.d/", src="app.j2", text="0 3 * * * app x\n"))
    assert folder.path == "/etc/cron.d/app"
    assert entries[0].settings["content"] == "roles/x/templates/cron.j2:1"


def test_a_file_that_is_removed_later_has_no_entries() -> None:
    """`file: state=absent` on the table, and a rewrite replaces the lines."""
    written = task("ansible.builtin.copy", dest="/etc/cron.d/app", text="0 3 * * * app x\n")
    assert read(written, task("ansible.builtin.file", path="/etc/cron.d/app", state="absent")) == []
    again = task("ansible.builtin.copy", dest="/etc/cron.d/app", text="0 4 * * * app x\n")
    assert [item.schedule for item in read(written, again)] == ["0 4 * * *"]


def test_a_file_name_that_debian_ignores_is_dead() -> None:
    """`cron_file: app.cron` never ran on Debian, and does on Red Hat."""
    line = task(name="x", user="app", minute="0", job="a", cron_file="app.cron")
    assert read(line)[0].dead
    assert not read(line, daemon=CronDaemon.CRONIE_1_5)[0].dead


def test_a_timer_that_is_templated_is_an_entry_with_its_service() -> None:
    """Unit and service come from two tasks; `enabled: false` leaves it off."""
    timer = task("ansible.builtin.copy", dest="/etc/systemd/system/close.timer", text="[Timer]\nOnCalendar=daily\n")
    service = task(
        "ansible.builtin.template",
        dest="/etc/systemd/system/close.service",
        text="[Service]\nUser=app\nExecStart=/srv/close\n",
    )
    (entry,) = read(timer, service, task("ansible.builtin.systemd", name="close.timer", enabled=True, state="started"))
    assert (entry.kind, entry.schedule, entry.command, entry.user, entry.enabled) == (
        "timer", "OnCalendar=daily", "/srv/close", "app", True,
    )  # fmt: skip
    (off,) = read(timer, service, task("ansible.builtin.systemd", name="close.timer", enabled=False))
    assert not off.enabled


def test_tasks_that_do_not_apply_make_nothing() -> None:
    """The verdict on `when` counts, for the task and for an item of its loop."""
    off = task(name="x", user="app", minute="0", job="a")
    assert read(Task(**{**fields(off), "applies": Verdict.NO})) == []
    (unknown,) = read(Task(**{**fields(off), "applies": Verdict.UNKNOWN, "applies_reason": "when: x"}))
    assert unknown.settings["applies"] == "when: x"


def fields(of: Task) -> Mapping[str, object]:
    return {name: getattr(of, name) for name in of.__struct_fields__}
