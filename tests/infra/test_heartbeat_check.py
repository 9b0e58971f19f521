"""The daily look for rare batches, run: quiet while all is well, told in time when not, and never blind in silence."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.cron.crontab import ClockRule
from analyzer.cron.eventbridge import read_expression
from analyzer.cron.firings import next_firings
from analyzer.model import Job
from analyzer.render import heartbeat_check
from analyzer.render.heartbeats import DAY_S, DailyCheck, allowed_silence_s, heartbeat
from analyzer.render.names import Names
from tests.crons.helpers import decided, entry
from tests.crons.interpreter import REGION, interpreter
from tests.infra import factory
from tests.infra.cloudwatch import CloudWatch
from tests.infra.plain import plain
from tests.infra.states_interpreter import Run, ServiceError, execute

MACHINE: dict[str, Any] = json.loads(json.dumps(heartbeat_check.definition()))
RUN_S = 1500
"""How long a run takes."""

RARE = ("0 3 * * 0", "30 2 * * 0", "0 4 1 * *", "15 5 31 * *", "0 6 29 * *", "0 0 1 */3 *", "0 12 24 12 *")
ZONES = ("Asia/Tokyo", "America/New_York", "Australia/Lord_Howe")


@cache
def rare(line: str, zone: str) -> Job:
    """The job of a crontab line, as the pipeline decides it, with runs that were seen to take `RUN_S`."""
    (job,) = decided(entry(f"{line} /srv/app/bin/rare"), timezone=zone).jobs
    return replace(job, footprint=replace(job.footprint, duration_s=float(RUN_S)))


def given(job: Job) -> dict[str, Any]:
    """What the check's schedule hands over, with what Terraform adds to the values."""
    application = factory.application(members=(job,))
    item = plain(heartbeat_check.values(application, Names("accounting", "production")))[job.id]
    return {
        "job": job.id,
        "namespace": "accounting/production",
        "metric": item["metric"],
        "days": item["days"],
        "period": item["period"],
    }


@cache
def ends(job_line: str, zone: str) -> tuple[float, ...]:
    """The ends of all runs that Scheduler starts in six years."""
    (expression,) = (one for one in rare(job_line, zone).expressions if one.role == "regular")
    starts = next_firings(
        (read_expression(expression.expression),), zone, ClockRule.FIRST_PASS, datetime(2025, 1, 1, tzinfo=UTC), 320
    )
    return tuple(start.timestamp() + RUN_S for start in starts if start.year < 2031)


def mornings(zone: str, first: float, last: float) -> Iterator[datetime]:
    """Nine o'clock of every day between two moments."""
    day = datetime.fromtimestamp(first, ZoneInfo(zone)).date()
    while True:
        moment = datetime(day.year, day.month, day.day, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if moment.timestamp() > last:
            return
        if moment.timestamp() > first:
            yield moment
        day += timedelta(days=1)


class Watched(Struct):
    """What the check said of one history."""

    silent: list[float] = field(default_factory=list)
    """When it told that the batch is silent."""
    runs: list[Run] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


def look(
    request: dict[str, Any],
    moments: Iterator[datetime],
    history: list[float],
    align: Literal["clock", "request"] = "clock",
    publish: Callable[[Any], Any] | None = None,
    failures: int = 0,
) -> Watched:
    """The check at all of `moments`, with what had been counted by then."""
    told = Watched()

    def sent(message: Any) -> Any:
        told.messages.append(f"{message['Subject']}: {message['Message']}")
        return {"MessageId": "1"}

    cloudwatch = CloudWatch(align=align, ends=history)
    for moment in moments:
        cloudwatch.now = moment
        cloudwatch.failures = failures
        services = {"getMetricStatistics": cloudwatch.get_metric_statistics, "publish": publish or sent}
        run = execute(MACHINE, request, moment, services)
        told.runs.append(run)
        if "ReportSilence" in run.visited:
            told.silent.append(moment.timestamp())
    return told


def watched_days(job: Job) -> int:
    """Its window, which says that it is looked for by the check at all."""
    plan = heartbeat(job)
    assert isinstance(plan, DailyCheck)
    return plan.days


def telling(moments: Iterator[datetime], number: random.Random, *edges: float) -> Iterator[datetime]:
    """The mornings within two and a half days of one of `edges`, and a few others, so that years are looked at in seconds."""
    for moment in moments:
        if number.random() < 0.04 or any(abs(moment.timestamp() - edge) < 2.5 * DAY_S for edge in edges):
            yield moment


def left_out(line: str, zone: str) -> bool:
    """Whether a clock change leaves out a local time of the line: Scheduler does not run it on that day."""
    return line == "30 2 * * 0" and zone == "America/New_York"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("line", RARE)
@pytest.mark.parametrize("align", ["clock", "request"])
def test_quiet_while_the_batch_runs(line: str, zone: str, align: Literal["clock", "request"]) -> None:
    """Through years with their month lengths and clock changes, a batch that runs on time is never called silent."""
    job, history = rare(line, zone), list(ends(line, zone))
    first = history[0]
    last = history[min(60, len(history) - 1)]  # a year of weeks, or years of months
    # the days before an end are those on which the silence is longest
    moments = telling(
        mornings(zone, first, last), random.Random(f"{line} {zone}"), *(one - 2 * DAY_S for one in history)
    )
    told = look(given(job), moments, history, align)
    assert {run.status for run in told.runs} == {"SUCCEEDED"}
    if not left_out(line, zone):
        assert told.silent == []
    else:  # it does not run on the Sunday on which clocks go forward, and that is told
        days = {datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%m") for moment in told.silent}
        assert days == {"03"}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("line", RARE)
@pytest.mark.parametrize("align", ["clock", "request"])
def test_a_missed_run_is_told(line: str, zone: str, align: Literal["clock", "request"]) -> None:
    """After a run that did not end, the check tells at the first morning after its window, each morning until one ends."""
    job = rare(line, zone)
    every = ends(line, zone)
    number = random.Random(f"{line} {zone} missed")
    request = given(job)
    silence_s = allowed_silence_s(job)
    assert silence_s is not None
    for _ in range(3):
        missing = number.randrange(1, len(every) - 2)
        history = [moment for moment in every if moment != every[missing]]
        before, following = every[missing - 1], every[missing + 1]
        window_s = watched_days(job) * DAY_S
        edges = (before, before + window_s, following)
        moments = list(telling(mornings(zone, before, following), number, *edges))
        told = look(request, iter(moments), history, align)
        if following - before > window_s + request["period"] + DAY_S + 3600:  # else the next run comes before a morning
            assert told.silent
        for moment in told.silent:
            assert moment - before > silence_s
        if told.silent:
            assert told.silent[0] - before <= window_s + request["period"] + DAY_S + 3600
            later = [moment.timestamp() for moment in moments if moment.timestamp() >= told.silent[0]]
            assert told.silent == later
            assert "ops/run-batch.sh rare" in told.messages[0]


@pytest.mark.parametrize("line", RARE)
def test_the_first_weeks_after_the_hand_over(line: str) -> None:
    """Handed over on any day it has never run: quiet until its first run is due, told if that one does not come."""
    zone = "Australia/Lord_Howe"
    job, every = rare(line, zone), ends(line, zone)
    number = random.Random(f"{line} hand-over")
    request = given(job)
    for _ in range(3):
        at = number.randrange(1, len(every) // 2 + 1)
        # any moment between two runs; schedules.sh enable counts it as an end
        mark = every[at - 1] + number.random() * (every[at] - RUN_S - every[at - 1])
        window_s = watched_days(job) * DAY_S
        well = look(request, telling(mornings(zone, mark, every[at]), number, mark, every[at]), [mark, *every[at:]])
        assert well.silent == []
        never = look(request, telling(mornings(zone, mark, mark + 2 * window_s), number, mark + window_s), [mark])
        assert never.silent
        assert min(never.silent) - mark > watched_days(job) * DAY_S


def test_switched_on_again_after_a_long_rest() -> None:
    """A monthly batch that was off for half a year is not called silent when it is switched on again."""
    zone = "Asia/Tokyo"
    job, every = rare("0 4 1 * *", zone), ends("0 4 1 * *", zone)
    again = every[9] - 20 * DAY_S
    history = [*every[:3], again, *every[9:]]
    assert look(given(job), mornings(zone, again, every[12]), history).silent == []


def test_a_look_that_fails_is_told_too() -> None:
    """Where the ends cannot be counted somebody is told so, and the execution fails, which has an alarm of its own."""
    zone = "Asia/Tokyo"
    job, every = rare("0 4 1 * *", zone), ends("0 4 1 * *", zone)
    once = [datetime.fromtimestamp(every[3] + DAY_S, UTC)]
    told = look(given(job), iter(once), list(every), failures=99)
    assert [run.status for run in told.runs] == ["FAILED"]
    assert told.runs[0].visited == ["CountEnds", "ReportBlind", "Failed"]
    assert told.messages[0].startswith("A batch cannot be watched: Whether the batch rare ended well within 32 days")
    assert "Rate exceeded" in told.messages[0]
    assert look(given(job), iter(once), list(every), failures=3).runs[0].visited[-1] == "AllIsWell"


def test_a_message_that_cannot_be_sent_fails_the_execution() -> None:
    """Where the topic refuses the message the execution fails: the alarm on the check's executions tells."""

    def refused(message: Any) -> Any:
        raise ServiceError("SNS.AuthorizationErrorException", "not allowed")

    zone = "Asia/Tokyo"
    job = rare("0 4 1 * *", zone)
    told = look(given(job), iter([datetime(2026, 5, 5, tzinfo=UTC)]), [], publish=refused)
    assert [(run.status, run.visited[-1]) for run in told.runs] == [("FAILED", "ReportSilence")]


def test_a_request_is_never_too_large_or_too_fine() -> None:
    """For every window that a check can have, CloudWatch takes the request: enough datapoints, a period of whole hours."""
    now = datetime(2026, 11, 25, 0, 0, 59, tzinfo=UTC)
    for days in range(7, 456):
        request = given(rare("0 4 1 * *", "Asia/Tokyo")) | {"days": days, "period": heartbeat_check.period_s(days)}
        (run,) = look(request, iter([now]), [now.timestamp() - (days - 1) * DAY_S]).runs
        assert run.visited == ["CountEnds", "Ended", "AllIsWell"], days


def test_an_engine_of_step_functions_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's engine, with its CloudWatch, SNS and SQS: an end is found, its absence is delivered to who subscribed."""
    import boto3

    job = rare("0 4 1 * *", "Asia/Tokyo")
    request = given(job)
    with interpreter(monkeypatch) as aws:
        queue = boto3.client("sqs", REGION).create_queue(QueueName="duty")["QueueUrl"]
        boto3.client("sns", REGION).subscribe(
            TopicArn=aws.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:duty"
        )
        patient = json.dumps(heartbeat_check.definition())
        hasty = patient.replace('"IntervalSeconds": 10, "MaxAttempts": 4', '"IntervalSeconds": 1, "MaxAttempts": 1')
        machine = aws.create("heartbeat-check", hasty)

        def outcome(**changes: object) -> tuple[str, list[str], list[str]]:
            status, visited = aws.wait(aws.start(machine, given=request | changes))
            received = boto3.client("sqs", REGION).receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            return status, visited, [json.loads(one["Body"])["Message"] for one in received.get("Messages", ())]

        status, visited, messages = outcome()
        assert (status, visited) == ("SUCCEEDED", ["CountEnds", "Ended", "ReportSilence"])
        (message,) = messages
        assert message.startswith("The batch rare has not ended well within 32 days. Its schedule and last run: ")
        boto3.client("cloudwatch", REGION).put_metric_data(
            Namespace=request["namespace"],
            MetricData=[
                {"MetricName": "rare-end", "Value": 1, "Timestamp": datetime.now(UTC) - timedelta(days=age)}
                for age in (3, 31, 40)
            ],
        )
        assert outcome() == ("SUCCEEDED", ["CountEnds", "Ended", "AllIsWell"], [])
        assert outcome(days=2)[1][-1] == "ReportSilence"
        status, visited, messages = outcome(period="no number")
        assert (status, visited) == ("FAILED", ["CountEnds", "ReportBlind", "Failed"])
        assert "could not be looked up" in messages[0]
