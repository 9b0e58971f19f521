"""Jobs from entries: one a job however often it was seen, and nothing that was read vanishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import cli
from analyzer.decide.batch_rules import BatchRuleError, load_batch_rules
from analyzer.decide.schedules import decide_jobs
from analyzer.decide.schedules_job import AS_IN_ANSIBLE, LEAVE, RUN
from analyzer.model import (
    CronDaemon,
    MakeUser,
    SetTimezone,
    Settings,
    Source,
    Step,
    Unknown,
    Via,
    secret_reference,
)
from analyzer.resources import rule_texts

from .helpers import decided, entry, host

TASK = Source("roles/batches/tasks/main.yml", 12)


def ansible(line: str, **changes: object):
    return entry(line, origin="ansible", host="", source=TASK, **changes)


def test_a_job_of_ansible_and_of_the_host_is_one_job_with_two_sources() -> None:
    """The host's line decides, the task is the second source, and the task's decision can be found by its place."""
    line = entry("0 1 * * * /srv/app/bin/close", name="close")
    found = decided(ansible("0 1 * * * /srv/app/bin/close", name="close"), line)
    assert [job.sources for job in found.jobs] == [(line.source, TASK)]
    assert found.by_task == {TASK: ("close",)}
    assert [(item.kind, item.source) for item in found.decisions] == [("cron", line.source)]
    assert "roles/batches/tasks/main.yml:12" in found.decisions[0].reason
    assert found.problems == ()


def test_a_difference_is_a_finding_and_the_host_rules_until_somebody_says_otherwise() -> None:
    """What runs today is taken; the answer `as in Ansible` takes the other."""
    pair = (
        ansible("0 8 * * 1-5 /srv/app/bin/report", name="report"),
        entry("30 8 * * 1-5 /srv/app/bin/report", name="report"),
    )
    found = decided(*pair)
    assert found.jobs[0].schedule == "30 8 * * 1-5"
    assert [problem.code for problem in found.problems] == ["cron-differs"]
    assert "`30 8 * * 1-5`, not `0 8 * * 1-5`" in found.problems[0].message
    question = found.jobs[0].question
    assert question is not None
    assert not question.blocking
    answered = decided(*pair, answers={question.id: AS_IN_ANSIBLE}).jobs[0]
    assert answered.expressions[0].expression == "cron(0 8 ? * 2-6 *)"
    assert answered.answered_questions == (question.id,)


def test_two_lines_with_one_command_find_their_own_partners() -> None:
    """Identical lines are matched first, so a change of the other is seen as a change of the other."""
    found = decided(
        ansible("0 1 * * * /srv/app/bin/sync"),
        ansible("0 13 * * * /srv/app/bin/sync"),
        entry("0 13 * * * /srv/app/bin/sync"),
        entry("0 2 * * * /srv/app/bin/sync"),
    )
    assert sorted(job.schedule for job in found.jobs) == ["0 13 * * *", "0 2 * * *"]
    assert len(found.problems) == 1


def test_the_same_line_on_two_hosts_is_one_job_and_says_so() -> None:
    """One schedule takes the place of both; a host that differs is a finding."""
    first = entry("0 1 * * * /srv/app/bin/close")
    second = entry("0 1 * * * /srv/app/bin/close", host="web02", source=Source("evidence/web02/fs/x", 1))
    found = decided(first, second)
    assert len(found.jobs) == 1
    assert len(found.decisions) == 2
    assert any("2 hosts (web01, web02)" in note for note in found.jobs[0].notes)


def test_every_entry_of_a_host_has_exactly_one_decision() -> None:
    """Chores, batches, dead, refused, never-firing and unknown lines alike."""
    lines = [
        entry("0 1 * * * /srv/app/bin/close", source=Source("e", 1)),
        entry("0 1 31 2 * /srv/app/bin/close", source=Source("e", 2)),
        entry("61 1 * * * /srv/app/bin/close", source=Source("e", 3), dead="Syntax error"),
        entry("@reboot /srv/app/bin/worker", source=Source("e", 4)),
        entry("17 * * * * certbot renew", source=Source("e", 5)),
        entry(
            "0 0 * * *",
            kind="timer",
            daemon=CronDaemon.SYSTEMD,
            schedule="",
            command="",
            name="odd",
            source=Source("e", 6),
        ),
        entry("0 1 * * * x", command=Unknown("{{ job }}"), settings={"unknown": "{{ job }}"}, source=Source("e", 7)),
    ]
    found = decided(*lines)
    assert [item.source.line for item in found.decisions] == [1, 2, 3, 4, 5, 6, 7]
    assert [item.outcome for item in found.decisions] == [
        "schedule", "skipped", "manual", "manual", "platform", "manual", "manual",
    ]  # fmt: skip


# command (or name of a script or timer, after `name:`) -> outcome and rule
CHORES = """
certbot -q renew                                            platform batches-certificates
/usr/sbin/logrotate /etc/logrotate.conf                     platform batches-log-rotation
apt-get -y upgrade                                          platform batches-package-upgrades
tmpreaper 7d /tmp                                           platform batches-temporary-files
find /tmp -mtime +7 -delete                                 platform batches-temporary-files
find /srv/app/exports -mtime +7 -delete                     manual   batches-old-files
pg_dump accounting | gzip > /var/backups/a.gz               manual   batches-database-backup
mysqldump --all-databases > /var/backups/a.sql              manual   batches-database-backup
rsync -a /srv/data/ backup@example.com:/x                   manual   batches-file-backup
tar -czf /var/backups/x.tar.gz /srv/data                    manual   batches-file-backup
ntpdate pool.ntp.org                                        platform batches-time-sync
df -h / | mail -s disk ops@example.com                      platform batches-monitoring-probe
systemctl restart nginx                                     manual   batches-service-restart
cd / && run-parts --report /etc/cron.hourly                 platform batches-run-parts
name:man-db                                                 platform batches-package-database
name:fstrim                                                 platform batches-file-systems
name:e2scrub_all                                            platform batches-file-systems
name:apt-daily                                              platform batches-package-upgrades
name:sysstat-collect                                        platform batches-host-statistics
name:update-firehol-nftables                                 platform batches-firewall
/usr/sbin/ipset restore < /etc/ipset.conf                    platform batches-firewall
/srv/app/bin/batch backup_ledger                            schedule cron-converted
cd /srv/app && bundle exec rake invoices:send               schedule cron-converted
/srv/app/bin/check_orders                                   schedule cron-converted
php /srv/app/artisan schedule:run                           schedule cron-converted
df -h /srv && /srv/app/bin/close                            schedule cron-converted
curl --silent https://example.com/cron.php                  schedule cron-converted
"""


@pytest.mark.parametrize("row", CHORES.strip().split("\n"))
def test_a_chore_of_the_host_is_told_from_a_batch(row: str) -> None:
    """By program, text or name; a rule's reason, replacement or question comes with it."""
    text, outcome, rule = row.rsplit(None, 2)
    text = text.strip()
    if text.startswith("name:"):
        name = text.removeprefix("name:")
        job = decided(entry("0 3 * * * /etc/cron.daily/x", name=name, path=f"/etc/cron.daily/{name}")).jobs[0]
    else:
        job = decided(entry(f"0 3 * * * {text}")).jobs[0]
    assert (job.outcome, job.via.rule) == (outcome, rule)
    assert (job.question is not None) == (outcome == "manual")


def test_a_person_may_leave_a_job_behind_or_run_a_chore() -> None:
    """Both words are answers, and both settle the question."""
    chore = entry("0 3 * * * pg_dump accounting > /var/backups/a.sql")
    asked = decided(chore).jobs[0]
    assert asked.question is not None
    left = decided(chore, answers={asked.question.id: LEAVE}).jobs[0]
    assert left.outcome == "skipped"
    ran = decided(chore, answers={asked.question.id: RUN}).jobs[0]
    assert (ran.outcome, len(ran.expressions)) == ("schedule", 1)
    listed = decided(entry("0 3 * * * /srv/app/bin/close"), jobs_left_behind=("close",)).jobs[0]
    assert listed.outcome == "skipped"


def test_the_zone_comes_from_a_task_where_no_evidence_says_it() -> None:
    """Then from --timezone; without either there is a blocking question and no schedule."""
    line = ansible("0 3 * * * /srv/app/bin/close")
    step = Step(effect=SetTimezone(name="Asia/Tokyo"), via=Via(rule="x", sources=(TASK,)))
    rules = rule_texts()
    by_task = decide_jobs([line], [host(timezone="")], [step], Settings(), rules).jobs[0]
    assert by_task.expressions[0].timezone == "Asia/Tokyo"
    by_option = decide_jobs([line], [host(timezone="")], [], Settings(timezone="Europe/Berlin"), rules).jobs[0]
    assert by_option.expressions[0].timezone == "Europe/Berlin"
    unknown = decide_jobs([line], [host(timezone="")], [], Settings(), rules).jobs[0]
    assert unknown.question is not None
    assert (unknown.outcome, unknown.question.blocking, unknown.expressions) == ("manual", True, ())


@pytest.mark.parametrize("told", ["answers:\n  timezone: Asia/Tokyo\n", "timezone: Asia/Tokyo\n"])
def test_the_zone_that_a_person_tells_is_everywhere(told: str, tmp_path: Path) -> None:
    """Answered or given, it holds for the schedules, for the clock of the containers and for the plan."""
    files = {
        "hosts": "[web]\nweb1\n",
        "site.yml": "- hosts: web\n  tasks:\n    - cron: {name: close, hour: 3, minute: 0, job: /srv/close}\n",
        "migrate.yml": f"version: 1\n{told}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    answer = CliRunner().invoke(cli, [str(tmp_path), "--out", str(tmp_path / "out")])
    assert answer.exit_code == 0, answer.output
    assert "decision-stale" not in answer.output
    (application,) = json.loads((tmp_path / "out/plan.json").read_text(encoding="utf-8"))["applications"]
    assert application["timezone"] == "Asia/Tokyo"
    (schedule,) = (tmp_path / "out/web/infra/schedules/production").glob("*.json")
    assert json.loads(schedule.read_text(encoding="utf-8"))["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    (container,) = json.loads(
        (tmp_path / "out/web/app/docker/production/task_definition.batch_light.json").read_text(encoding="utf-8")
    )["containerDefinitions"]
    assert {"name": "TZ", "value": "Asia/Tokyo"} in container["environment"]


def test_one_answer_tells_the_zone_of_every_job():
    """Jobs without a zone share one question; a zone that there is not leaves it open."""
    lines, rules = [entry("0 1 * * * /srv/a"), entry("0 2 * * * /srv/b")], rule_texts()

    def jobs(**answers: str):
        return decide_jobs(lines, [host(timezone="")], (), Settings(answers=answers), rules).jobs

    assert {job.question.id for job in jobs()} == {"timezone"}
    answered = jobs(timezone="Asia/Tokyo")
    assert {job.expressions[0].timezone for job in answered} == {"Asia/Tokyo"}
    assert {job.answered_questions for job in answered} == {("timezone",)}
    assert {job.question.id for job in jobs(timezone="Asia/Tokio")} == {"timezone"}


def test_the_home_directory_is_the_accounts() -> None:
    """cron starts in it; a user that Ansible makes has the home that Ansible gives."""
    step = Step(effect=MakeUser(name="app", home="/srv/app"), via=Via(rule="x"))
    job = decide_jobs([ansible("0 3 * * * bin/close")], [host()], [step], Settings(), rule_texts()).jobs[0]
    assert (job.working_directory, dict(job.environment)["HOME"]) == ("/srv/app", "/srv/app")


def test_ansibles_line_is_read_by_the_cron_of_its_hosts() -> None:
    """On Amazon Linux a reversed range is refused, on Debian it never fires."""
    line = ansible("0 22-2 * * * /srv/app/bin/close")
    amazon = {"distribution": "Amazon", "distribution_major_version": "2023"}
    assert decided(line).jobs[0].outcome == "skipped"
    assert decided(line, facts=amazon).jobs[0].via.rule == "cron-refused"


def test_gaps_between_runs_are_known_for_alarms() -> None:
    """Weekdays at nine leave the weekend; every five minutes is 300 seconds."""
    weekdays = decided(entry("0 9 * * 1-5 /srv/app/bin/close")).jobs[0]
    assert (weekdays.shortest_gap_s, weekdays.longest_gap_s) == (86400, 3 * 86400)
    often = decided(entry("*/5 8-19 * * * /srv/app/bin/close")).jobs[0]
    assert (often.shortest_gap_s, often.longest_gap_s) == (300, 12 * 3600 + 300)
    monthly = decided(entry("0 0 31 * * /srv/app/bin/close")).jobs[0]
    assert (monthly.shortest_gap_s, monthly.longest_gap_s) == (31 * 86400, 61 * 86400)


def test_monotonic_timers_are_a_rate_that_is_not_called_equal() -> None:
    """OnUnitActiveSec has no time of day; one that only follows a boot is a question."""
    timer = {"kind": "timer", "daemon": CronDaemon.SYSTEMD, "name": "sync", "command": "/srv/app/bin/sync"}
    every = decided(entry("0 0 * * *", **timer | {"schedule": "OnBootSec=5min\nOnUnitActiveSec=1h"})).jobs[0]
    assert [item.expression for item in every.expressions] == ["rate(60 minutes)"]
    assert every.equivalence is not None
    assert every.equivalence.verdict == "differs"
    once = decided(entry("0 0 * * *", **timer | {"schedule": "OnBootSec=5min"})).jobs[0]
    assert once.outcome == "manual"


def test_runs_that_a_clock_change_drops_are_made_up_where_somebody_asks() -> None:
    """One-time schedules in UTC, each in a minute of its own, for the answer `catch-up:<job>`."""
    line = entry("0 2,3 * * * /srv/app/bin/close")
    job = decided(line, timezone="America/New_York", answers={"catch-up:close": True}).jobs[0]
    extra = [item for item in job.expressions if item.role == "catch-up"]
    assert len(extra) == len(job.equivalence.missed) == 10
    # 03:00 EDT is 07:00 UTC, at which the regular schedule of three o'clock fires.
    assert (extra[0].name, extra[0].expression, extra[0].timezone) == ("close-2", "at(2026-03-08T07:01:00)", "UTC")
    assert len(decided(line, timezone="America/New_York").jobs[0].expressions) == 1


def test_batches_of_another_user_are_pointed_out() -> None:
    """A run cannot change the user of its task definition."""
    found = decided(
        entry("0 1 * * * /srv/app/bin/a"),
        entry("0 2 * * * /srv/app/bin/b"),
        entry("0 3 * * * /srv/app/bin/c", user="root"),
    )
    assert [problem.message.split()[0] for problem in found.problems if problem.code == "cron-user"] == ["c"]


def test_a_secret_in_a_command_stays_a_marker() -> None:
    """Nothing of the job holds more than the secret's name."""
    job = decided(ansible(f"0 3 * * * curl -u app:{secret_reference('api_password')} https://example.com")).jobs[0]
    assert secret_reference("api_password") in job.container_command[2]


def test_rules_of_batches_are_checked_when_they_are_read() -> None:
    """A defect names its rule."""
    with pytest.raises(BatchRuleError, match="x-y"):
        load_batch_rules("batches: [{id: x-y, outcome: manual, reason: r}]")
    with pytest.raises(BatchRuleError, match="outcomes"):
        load_batch_rules("batches: [{id: x-y, outcomes: platform, reason: r}]")
    assert len({rule.id for rule in load_batch_rules(rule_texts()["batches.yaml"])}) > 10
