"""Expressions: what is written is accepted by others, what is accepted and refused is what AWS was seen to do."""

from __future__ import annotations

import random

import pytest
from aws_cron_expression_validator.validator import AWSCronExpressionValidator

from analyzer.cron.convert import convert
from analyzer.cron.crontab import read_schedule
from analyzer.cron.eventbridge import ExpressionError, read_expression, write_expression
from analyzer.cron.times import ALL_WEEKDAYS, YEAR_KINDS, Times, mask
from analyzer.model import CronDaemon

from .random_lines import line

# Accepted by the service (recorded), so their reading must not fail.
ACCEPTED = """
*/15 * * * ? *
0-59/10 0-23/2 ? * * *
0-15/1 8-8 ? * 2,3,4,5,6,7 *
30-30 13-13 ? * 2,4,6 *
1-31/30 1-1 ? * 1,7 *
0 18 ? * MON-FRI *
0 0 ? * SAT#3 *
0 0 ? * 6L 2002-2005
0/5 5 ? JAN 1-5 2022
0 0 L * ? *
"""

# Refused by the service (recorded or documented), or of a meaning that no page gives.
REFUSED = """
0 1 * * * *
7 20 * * NOT *
71 8 ? * * *
0 0 ? * 0 *
0 0 ? * 8 *
0 0 ? * ? *
0 0 1 * 2 *
0 0 * * ?
0 20-2 ? * MON-FRI *
0 0 ? * SAT-SUN *
0 0 ? * 2/2 *
0 0 ? * */2 *
0 0 L-3 * ? *
0 0 ? * 2#6 *
0  0 * * ? *
"""


@pytest.mark.parametrize("text", ACCEPTED.strip().split("\n"))
def test_what_the_service_accepts_is_read(text: str) -> None:
    """The recorded accepted strings have a meaning."""
    assert read_expression(f"cron({text})").minutes


@pytest.mark.parametrize("text", REFUSED.strip().split("\n"))
def test_what_has_no_documented_meaning_is_refused(text: str) -> None:
    """Nothing that the service refuses, or whose meaning is open, is ever taken for an expression."""
    with pytest.raises(ExpressionError):
        read_expression(f"cron({text})")


@pytest.mark.parametrize(
    "text", ["cron()", "rate(5 minutes)", " cron(0 0 * * ? *)", "at(2026-01-01T00:00:00)", "0 0 * * ? *"]
)
def test_other_forms_are_not_cron(text: str) -> None:
    """Only `cron(…)` without blanks around it."""
    with pytest.raises(ExpressionError):
        read_expression(text)


def test_generated_expressions_are_plain_and_accepted_by_an_independent_validator() -> None:
    """Six fields, explicit ascending numbers, no steps, no wraps; aws-cron-expression-validator takes each."""
    draw = random.Random(3)
    seen = 0
    for _ in range(400):
        schedule = read_schedule(line(draw), CronDaemon.DEBIAN)
        if schedule.never:
            continue
        for text in convert(schedule, draw.choice(["Asia/Tokyo", "America/New_York"])).expressions:
            inner = text[5:-1]
            assert "/" not in inner
            assert len(inner.split(" ")) == 6
            assert len(text) <= 256
            AWSCronExpressionValidator.validate(inner)
            again = write_expression(read_expression(text))
            assert again == text
            seen += 1
    assert seen > 300


def test_a_weekday_is_counted_from_one() -> None:
    """The off-by-one that other converters ship: cron's Friday is 5, AWS's is 6."""
    assert read_expression("cron(0 0 ? * 6 *)").weekdays == mask([5])
    assert read_expression("cron(0 0 ? * FRI *)").weekdays == mask([5])


@pytest.mark.parametrize(
    ("text", "day_of_month"),
    [("cron(0 0 L * ? *)", "28-31"), ("cron(0 0 ? * 2L *)", "22-31"), ("cron(0 0 ? * 2#1 *)", "1-7")],
)
def test_special_days_fall_where_they_must(text: str, day_of_month: str) -> None:
    """One day a month, within the right days, in every kind of year."""
    first, _, last = day_of_month.partition("-")
    within = Times(days=mask(range(int(first), int(last) + 1)), weekdays=ALL_WEEKDAYS)
    for kind in YEAR_KINDS:
        days = read_expression(text).days_of_year(*kind)
        assert days.bit_count() == 12
        assert days & ~within.days_of_year(*kind) == 0


def test_the_longest_expression_fits() -> None:
    """The worst minutes, hours and days together stay below the limit of 256 characters."""
    worst = Times(
        minutes=mask(value for value in range(60) if value % 3 != 2),
        hours=mask(value for value in range(24) if value % 3 != 2),
        days=mask(value for value in range(1, 32) if value % 3 != 2),
        months=mask((1, 2, 4, 5, 7, 8, 10, 11)),
    )
    alternate = Times(
        minutes=mask(range(1, 60, 2)),
        hours=mask(range(1, 24, 2)),
        days=mask(range(1, 32, 2)),
        months=mask(range(1, 12, 2)),
    )
    for times in (worst, alternate):
        assert len(write_expression(times)) <= 256
