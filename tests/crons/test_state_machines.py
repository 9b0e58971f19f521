"""State machines: accepted by the validator, and run by an interpreter in every situation they are made for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from analyzer.model import Application, Image, Job
from analyzer.render import schedules, state_machines
from tests.strict_botocore import findings

from .helpers import decided, entry
from .interpreter import interpreter

LINES = (
    entry("*/5 * * * * /srv/app/bin/close"),
    entry("0 3 * * * flock -n /run/close.lock /srv/app/bin/locked"),
    entry("0 3 * * * flock /run/close.lock /srv/app/bin/queued"),
    entry("0 12 */2 * mon /srv/app/bin/guarded"),
    entry("0 0 13 * 5 sleep $(shuf -i 0-90 -n 1); /srv/app/bin/both"),
    entry("0 4 * * * sleep $(shuf -i 0-90 -n 1); /srv/app/bin/window"),
    entry("0 5 * * * timeout 300 /srv/app/bin/limited '${HOME} \\%{ if }'"),
    entry("0 6 * * * /srv/app/bin/off", name="off", enabled=False),
)


def application(*jobs: Job) -> Application:
    return Application(
        name="accounting",
        environment="production",
        environments=("production", "development"),
        region="ap-northeast-1",
        timezone="Asia/Tokyo",
        hosts=(),
        image=Image(base_image="debian:bookworm-slim", instructions=()),
        decisions=(),
        steps=(),
        processes=(),
        jobs=jobs,
        task_definitions=(),
        secrets=(),
        parameters=(),
    )


JOBS = {job.id: job for job in decided(*LINES).jobs}
APPLICATION = application(*JOBS.values())
MACHINES = {
    Path(file.path).name.removesuffix(".asl.json"): file.data.decode()
    for file in state_machines.render(APPLICATION, {})
}
SCHEDULES = {file.path: json.loads(file.data) for file in schedules.render(APPLICATION, {})}


def test_each_scheduled_job_has_one_machine_and_its_schedules_in_each_environment() -> None:
    """Files are named after the job; a job of two expressions has two schedules."""
    assert set(MACHINES) == set(JOBS)
    names = [Path(path).stem for path in SCHEDULES if "/production/" in path]
    assert sorted(names) == sorted([*JOBS, "both-2"])
    assert len(SCHEDULES) == 2 * len(names)


@pytest.mark.parametrize("path", SCHEDULES)
def test_a_schedule_is_what_create_schedule_takes(path: str) -> None:
    """Enums, patterns, ranges and lengths of the service's model hold for every file."""
    assert findings("scheduler", "CreateSchedule", SCHEDULES[path]) == []


def test_a_disabled_line_and_another_environment_are_disabled_schedules() -> None:
    """Only what runs today, in the environment that was read, is enabled."""
    states = {(path.split("/")[-2], Path(path).stem): item["State"] for path, item in SCHEDULES.items()}
    assert states["production", "close"] == "ENABLED"
    assert states["production", "off"] == "DISABLED"
    assert states["development", "close"] == "DISABLED"


def test_the_input_carries_schedulers_own_attribute_unescaped() -> None:
    """`<` must stay `<`, or Scheduler would deliver the attribute's name in place of the time."""
    raw = next(file.data.decode() for file in schedules.render(APPLICATION, {}))
    assert "<aws.scheduler.scheduled-time>" in raw
    given = json.loads(SCHEDULES["accounting/infra/schedules/production/close.json"]["Target"]["Input"])
    assert given == {"job": "close", "scheduled_time": "<aws.scheduler.scheduled-time>"}


def test_a_random_delay_is_a_window_but_not_where_instants_must_agree() -> None:
    """Two schedules of one job must name the same instants, so they have no flexible window."""
    window = SCHEDULES["accounting/infra/schedules/production/window.json"]["FlexibleTimeWindow"]
    assert window == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 2}
    assert SCHEDULES["accounting/infra/schedules/production/both.json"]["FlexibleTimeWindow"] == {"Mode": "OFF"}


def test_only_failures_to_start_are_tried_again() -> None:
    """States.TaskFailed, which a non-zero exit is, and its wildcards are in no Retry; time limits are everywhere."""
    for text in MACHINES.values():
        machine = json.loads(text)
        run = machine["States"]["RunBatch"]
        named = {error for item in run.get("Retry", ()) for error in item["ErrorEquals"]}
        assert not named & {"States.ALL", "States.TaskFailed", "States.Timeout"}
        assert run["TimeoutSeconds"] < machine["TimeoutSeconds"]


def test_attempts_to_start_end_before_the_next_firing() -> None:
    """A job of every five minutes is not tried again for a quarter of an hour."""
    retry = json.loads(MACHINES["close"])["States"]["RunBatch"]["Retry"][0]
    waits = [retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"])]
    assert sum(waits) <= 300


def test_another_attempt_after_a_failed_run_is_the_reviewers_word() -> None:
    """The answer `retries:<job>` adds States.TaskFailed, after the failures to start."""
    job = decided(LINES[0], answers={"retries:close": 2}).jobs[0]
    retries = state_machines.definition(APPLICATION, job)[0]["States"]["RunBatch"]["Retry"]
    assert [item["ErrorEquals"] for item in retries][1] == ["States.TaskFailed"]
    assert retries[1]["MaxAttempts"] == 2
    assert "retries:close" in job.answered_questions


def test_terraforms_own_signs_in_a_command_are_escaped() -> None:
    """`${` and `%{` of a command come out of `templatefile` as they were."""
    assert "$${HOME} %%{ if }" in MACHINES["limited"]


@pytest.mark.npm
@pytest.mark.parametrize("job", MACHINES)
def test_the_validator_accepts_the_machine(job: str, tmp_path: Path) -> None:
    """asl-validator finds nothing once the placeholders are filled in."""
    text = MACHINES[job].replace("${cluster}", "arn:aws:ecs:eu-west-1:123456789012:cluster/c")
    file = tmp_path / "machine.asl.json"
    file.write_text(text.replace("${topic}", "arn:aws:sns:eu-west-1:123456789012:t"))
    found = subprocess.run(["asl-validator", "--json-path", str(file)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


# --------------------------------------------------------------------------------------------------------------------
# Run
# --------------------------------------------------------------------------------------------------------------------

NOON = "2026-11-23T03:00:00Z"
LATER = "2026-11-23T03:05:00Z"


def test_a_run_starts_the_task_once_with_its_command_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The normal way: once recorded, run, done."""
    with interpreter(monkeypatch) as aws:
        machine = aws.create("close", MACHINES["close"])
        assert aws.wait(aws.start(machine, NOON)) == (
            "SUCCEEDED",
            ["StartedBySchedule", "OnlyOnce", "RunBatch", "Done"],
        )
        override = aws.ecs.requests[0]["overrides"]["containerOverrides"][0]
        assert override["command"] == ["/bin/sh", "-c", "cd /home/app && /srv/app/bin/close && echo 'close End.'"]
        assert {"name": "TZ", "value": "Asia/Tokyo"} in override["environment"]
        assert aws.rows() == {"run#close#03:00:00Z"}


def test_a_second_delivery_of_one_time_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheduler delivers at least once, and two schedules may name one instant; a later time runs again."""
    with interpreter(monkeypatch) as aws:
        machine = aws.create("close", MACHINES["close"])
        aws.wait(aws.start(machine, NOON))
        assert aws.wait(aws.start(machine, NOON)) == ("SUCCEEDED", ["StartedBySchedule", "OnlyOnce", "Duplicate"])
        assert aws.wait(aws.start(machine, LATER))[1][-1] == "Done"
        assert len(aws.ecs.requests) == 2


def test_neighbouring_firings_may_come_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that overtakes the one before it does not turn it away; the next day's is later and runs."""
    with interpreter(monkeypatch) as aws:
        machine = aws.create("close", MACHINES["close"])
        for scheduled_time in (LATER, NOON, NOON.replace("-23T", "-24T")):
            assert aws.wait(aws.start(machine, scheduled_time))[1][-1] == "Done"
        assert aws.wait(aws.start(machine, NOON))[1][-1] == "Duplicate"
        assert len(aws.ecs.requests) == 3


def test_a_start_by_hand_always_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a scheduled time there is nothing to compare, and later schedules are not disturbed."""
    with interpreter(monkeypatch) as aws:
        machine = aws.create("close", MACHINES["close"])
        for _ in range(2):
            assert aws.wait(aws.start(machine))[1] == ["StartedBySchedule", "RunBatch", "Done"]
        assert aws.wait(aws.start(machine, NOON))[1][-1] == "Done"


def test_a_failure_to_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No capacity twice, then it runs."""
    with interpreter(monkeypatch) as aws:
        aws.ecs.script = ["start-failure", "start-failure", 0]
        machine = aws.create("close", MACHINES["close"])
        assert aws.wait(aws.start(machine, NOON))[0] == "SUCCEEDED"
        assert len(aws.ecs.requests) == 3


def test_a_non_zero_exit_fails_at_once_and_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under cron there is no second attempt; the lock is released and the failure published."""
    with interpreter(monkeypatch) as aws:
        aws.ecs.script = [1]
        machine = aws.create("locked", MACHINES["locked"])
        status, visited = aws.wait(aws.start(machine, NOON))
        assert status == "FAILED"
        assert visited[-4:] == ["RunBatch", "ReleaseLockAfterFailure", "ReportFailure", "Failed"]
        assert len(aws.ecs.requests) == 1
        assert aws.rows() == {"run#locked#03:00:00Z"}


def test_an_overlapping_run_is_skipped_while_the_holder_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock names the execution that holds it; once that is gone, the lock is taken over."""
    with interpreter(monkeypatch) as aws:
        wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
        holder = aws.start(aws.create("holder", json.dumps(wait)))
        aws.table.put_item(TableName="locks", Item={"Name": {"S": "lock#close"}, "Owner": {"S": holder}})
        machine = aws.create("locked", MACHINES["locked"])
        status, visited = aws.wait(aws.start(machine, NOON))
        assert status == "SUCCEEDED"
        assert visited[-3:] == ["HolderRuns", "ReportSkipped", "Skipped"]
        assert aws.ecs.requests == []
        aws.states.stop_execution(executionArn=holder)
        status, visited = aws.wait(aws.start(machine, LATER))
        assert status == "SUCCEEDED"
        assert visited[-4:] == ["TakeLockOver", "RunBatch", "ReleaseLock", "Done"]
        assert aws.rows() == {"run#locked#03:00:00Z", "run#locked#03:05:00Z"}


def test_a_waiting_lock_waits_until_the_holder_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking flock queues: the run comes after the other one, and is not lost."""
    with interpreter(monkeypatch) as aws:
        wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 2, "End": True}}}
        holder = aws.start(aws.create("holder", json.dumps(wait)))
        aws.table.put_item(TableName="locks", Item={"Name": {"S": "lock#close"}, "Owner": {"S": holder}})
        status, visited = aws.wait(aws.start(aws.create("queued", MACHINES["queued"]), NOON))
        assert status == "SUCCEEDED"
        assert "WaitForLock" in visited
        assert visited[-2:] == ["ReleaseLock", "Done"]
        assert len(aws.ecs.requests) == 1


@pytest.mark.parametrize(
    ("scheduled_time", "last"),
    [
        ("2026-02-09T03:00:00Z", "Done"),  # Monday the 9th, noon in Tokyo
        ("2026-02-11T03:00:00Z", "NotToday"),  # Wednesday the 11th
        ("", "Done"),  # by hand
    ],
)
def test_the_guard_lets_only_the_right_weekday_pass(
    monkeypatch: pytest.MonkeyPatch, scheduled_time: str, last: str
) -> None:
    """`0 12 */2 * mon`: the schedule has the odd days, the machine the Mondays."""
    pytest.importorskip("jsonata", reason="the guard is JSONata")
    with interpreter(monkeypatch) as aws:
        machine = aws.create("guarded", MACHINES["guarded"])
        status, visited = aws.wait(aws.start(machine, scheduled_time))
        assert (status, visited[-1]) == ("SUCCEEDED", last)
        assert len(aws.ecs.requests) == (last == "Done")
