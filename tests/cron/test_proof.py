"""The proof can fail: wrong schedules are called different, whatever is wrong with them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from analyzer.cron.convert import DayGuard, convert
from analyzer.cron.crontab import read_schedule
from analyzer.cron.eventbridge import read_expression, write_expression
from analyzer.cron.proof import prove
from analyzer.cron.report import explain_line, explain_lines
from analyzer.cron.times import YEAR_KINDS, kind_of_year, mask
from analyzer.model import CronDaemon

from .random_lines import line

# crontab line, the expressions that some converter makes of it
WRONG = [
    ("0 0 */2 * *", ("cron(0 0 * * ? *)",)),
    ("0 9 * * */2", ("cron(0 9 * * ? *)",)),
    ("0 0 * * 5-7", ("cron(0 0 ? * 6-7 *)",)),
    ("0 0 13 * 5", ("cron(0 0 ? * 6 *)",)),
    ("0 0 13 * 5", ("cron(0 0 13 * ? *)", "cron(0 0 ? * 6 *)")),  # right as a set, but fires twice on Friday the 13th
    ("0 0 * * 0", ("cron(0 0 ? * 7 *)",)),
    ("0 12 */2 * mon", ("cron(0 12 ? * 2 *)",)),
    ("0 0 29 2 *", ("cron(0 0 28 2 ? *)",)),
    ("0 0 1 * *", ("cron(0 0 1 1-11 ? *)",)),
    ("*/5 * * * *", ("cron(0,5,10,15,20,25,30,35,40,45,50 * * * ? *)",)),
    ("0 0 * * *", ("cron(0 0 * * ? 2026-2199)", "cron(0 1 1 1 ? 2199)")),
    ("0 0 * * *", ("cron(0 0 * * ? 2026-2198)",)),
]


@pytest.mark.parametrize(("text", "expressions"), WRONG)
def test_a_wrong_conversion_differs(text: str, expressions: tuple[str, ...]) -> None:
    """Other tools' mistakes, one minute too many or too few, one year short: all are seen."""
    schedule = read_schedule(text, CronDaemon.DEBIAN)
    right = convert(schedule, "Asia/Tokyo")
    wrong = replace(right, expressions=expressions, deduplicated=False, guard=None, form="single")
    proof = prove(schedule, wrong, "Asia/Tokyo")
    assert proof.verdict == "differs"
    assert "but " in proof.method


def test_any_single_change_of_an_expression_is_seen() -> None:
    """Of random conversions, taking one minute, hour or month out never goes unnoticed."""
    draw = random.Random(11)
    for _ in range(150):
        schedule = read_schedule(line(draw), CronDaemon.DEBIAN)
        if schedule.never:
            continue
        conversion = convert(schedule, "Asia/Tokyo")
        times = read_expression(conversion.expressions[0])
        name = draw.choice(["minutes", "hours", "months"])
        bits = getattr(times, name)
        less = bits & (bits - 1)
        if not less:
            continue
        changed = write_expression(replace(times, **{name: less}))
        rest = conversion.expressions[1:]
        if name == "months" and not any(
            times.days_of_year(*kind) & ~replace(times, months=less).days_of_year(*kind) for kind in YEAR_KINDS
        ):
            continue  # that month had no such day
        proof = prove(schedule, replace(conversion, expressions=(changed, *rest)), "Asia/Tokyo")
        assert proof.verdict == "differs", (conversion, changed)


def test_a_guard_for_the_wrong_day_differs() -> None:
    """The guard is part of what is compared."""
    schedule = read_schedule("0 12 */2 * mon", CronDaemon.DEBIAN)
    conversion = convert(schedule, "Asia/Tokyo")
    tuesday = replace(conversion, guard=DayGuard(weekdays=mask([2]), shift_s=32400))
    assert prove(schedule, tuesday, "Asia/Tokyo").verdict == "differs"


def test_wrong_minutes_in_utc_differ() -> None:
    """Chatham's minute 0 is not UTC's."""
    schedule = read_schedule("0 * * * *", CronDaemon.DEBIAN)
    right = convert(schedule, "Pacific/Chatham")
    assert prove(schedule, right, "Pacific/Chatham").verdict == "equal"
    wrong = replace(right, expressions=("cron(0 * * * ? *)",))
    assert prove(schedule, wrong, "Pacific/Chatham").verdict == "differs"


def test_the_fourteen_kinds_are_all_kinds() -> None:
    """Every year of four centuries is one of them, and each of them occurs."""
    found = {kind_of_year(year) for year in range(1970, 2370)}
    assert found == set(YEAR_KINDS)
    for year in range(1970, 2200):
        leap, first = kind_of_year(year)
        assert first == (datetime(year, 1, 1, tzinfo=UTC).weekday() + 1) % 7
        assert leap == (datetime(year, 12, 31, tzinfo=UTC).timetuple().tm_yday == 366)


def test_the_explanation_shows_both_sides_in_step() -> None:
    """A run that only cron has stands alone in its row; later rows agree again."""
    text = explain_line("30 2 * * *", "America/New_York", start=datetime(2026, 3, 7, tzinfo=UTC))
    rows = [row.split() for row in text.split("\n") if row.startswith(" " * 15 + "2026")]
    assert [row[1] for row in rows][:3] == ["2026-03-07T02:30:00-05:00", "-", "2026-03-09T02:30:00-04:00"]
    assert "equal-except-dst" in text


def test_many_lines_are_explained_one_after_the_other() -> None:
    """Comments and settings are passed over; CRON_TZ moves what stands below it under cronie."""
    import json

    text = "# c\n\nMAILTO=x\n0 3 * * * a\nCRON_TZ=UTC\n5/15 * * * * b\nOnCalendar=Mon 10:00\n"
    found = json.loads(explain_lines(text, "Asia/Tokyo", CronDaemon.CRONIE_1_5, form="json"))
    assert [(item["timezone"], item["equivalence"]["verdict"]) for item in found] == [
        ("Asia/Tokyo", "equal"), ("UTC", "refused"), ("UTC", "equal"),
    ]  # fmt: skip
