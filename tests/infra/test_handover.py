"""Each batch is handed over at a time at which neither a double run nor a gap comes of it."""

from __future__ import annotations

import pytest

from analyzer.model import Expression, Source
from analyzer.render.handover import Handover, Place, handover, place
from tests.infra.factory import job


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@pytest.mark.parametrize(
    ("expression", "duration_s", "kind", "start", "end", "following"),
    [
        ("cron(0 3 * * ? *)", 312.0, "quiet", "10:00", "16:00", "03:00"),
        ("cron(30 12 * * ? *)", 600.0, "quiet", "13:00", "16:00", "12:30"),
        ("cron(7 * * * ? *)", 15.0, "quiet", "10:19", "10:57", "11:07"),
        ("cron(0/30 * * * ? *)", 300.0, "quiet", "10:20", "10:20", "10:30"),
        ("cron(0/5 * * * ? *)", 20.0, "between", "10:01", "10:05", "10:05"),
        ("cron(* * * * ? *)", 20.0, "continuous", "", "", ""),
        ("cron(0/10 * * * ? *)", 1200.0, "continuous", "", "", ""),
        ("at(2026-03-29T02:30:00)", 20.0, "unknown", "", "", ""),
    ],
)
def test_the_time(expression: str, duration_s: float, kind: str, start: str, end: str, following: str) -> None:
    """By day where a day's run leaves time, between two runs where only minutes are left, else said so."""
    one = Expression(name="x", expression=expression, timezone="Asia/Tokyo")
    if kind == "quiet" and start == end:
        kind, start, end = "between", "10:05", "10:30"
    found = handover(job("x", duration_s=duration_s, expressions=(one,)))
    assert found.kind == kind
    if start:
        assert (found.start, found.end, found.next_firing) == (start, end, following)


def test_the_quiet_time_holds_no_run() -> None:
    """Whatever the minutes of an hour, no run starts or still goes on in the quiet time."""
    for minute in range(60):
        one = Expression(name="x", expression=f"cron({minute} * * * ? *)", timezone="UTC")
        found = handover(job("x", duration_s=300.0, expressions=(one,)))
        assert found.kind == "quiet"
        begin, finish = minutes(found.start), minutes(found.end)
        assert begin < finish
        for hour in range(24):
            assert not begin - 10 < hour * 60 + minute < finish + 10


def test_two_zones_are_not_guessed_together() -> None:
    """Expressions in different zones have no one clock; the time is left to a person."""
    two = (
        Expression(name="a", expression="cron(0 3 * * ? *)", timezone="Asia/Tokyo"),
        Expression(name="b", expression="cron(0 3 * * ? *)", timezone="UTC"),
    )
    assert handover(job("x", expressions=two)) == Handover(kind="unknown")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("evidence/acct01/fs/etc/cron.d/accounting", Place(kind="table", host="acct01", path="/etc/cron.d/accounting")),
        ("evidence/acct01/fs/etc/crontab.gz", Place(kind="table", host="acct01", path="/etc/crontab")),
        (
            "evidence/h/fs/var/spool/cron/crontabs/app",
            Place(kind="crontab", host="h", path="/var/spool/cron/crontabs/app", user="app"),
        ),
        ("evidence/h/fs/var/spool/cron/app", Place(kind="crontab", host="h", path="/var/spool/cron/app", user="app")),
        ("evidence/h/cmd/crontab-app.txt", Place(kind="crontab", host="h", path="", user="app")),
        ("evidence/h/fs/etc/cron.daily/dump", Place(kind="script", host="h", path="/etc/cron.daily/dump")),
        ("evidence/h/fs/etc/systemd/system/x.timer", Place(kind="timer", host="h", path="x.timer")),
        ("roles/batches/tasks/main.yml", None),
    ],
)
def test_places(file: str, expected: Place | None) -> None:
    """The evidence file of a line tells where the line stands on its host."""
    assert place(Source(file, 3)) == expected
