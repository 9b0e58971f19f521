"""The arithmetic of dead-man alarms: never flapping, never silent, never beyond CloudWatch's limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer.render import checks
from analyzer.render.heartbeats import (
    DAY_S,
    HOUR_S,
    METRIC_RETENTION_DAYS,
    Alarm,
    DailyCheck,
    NoHeartbeat,
    allowed_silence_s,
    duration_text,
    heartbeat,
    watch,
)
from tests.infra.factory import job


def fires_at(alarm: Alarm, ends: list[int], until: int) -> int | None:
    """CloudWatch in small: the first end of a period after which all evaluated periods are empty."""
    counts: dict[int, int] = {}
    for moment in ends:
        counts[moment // alarm.period_s] = counts.get(moment // alarm.period_s, 0) + 1
    first = ends[0] // alarm.period_s
    for period in range(first + alarm.evaluation_periods, until // alarm.period_s):
        window = range(period - alarm.evaluation_periods + 1, period + 1)
        if not any(counts.get(one) for one in window):
            return (period + 1) * alarm.period_s
    return None


@given(st.integers(60, 500 * DAY_S))
def test_limits_hold(silence_s: int) -> None:
    """Whatever the schedule, CloudWatch accepts the alarm, or the metric is still there for the daily check."""
    match watch(silence_s):
        case Alarm() as alarm:
            request = {"Period": alarm.period_s, "EvaluationPeriods": alarm.evaluation_periods}
            assert checks.metric_alarm(request) == ()
            assert alarm.window_s > silence_s
        case DailyCheck(days=days):
            assert silence_s < days * DAY_S <= METRIC_RETENTION_DAYS * DAY_S
            assert silence_s + HOUR_S > 7 * DAY_S
        case NoHeartbeat(reason=reason):
            assert silence_s > (METRIC_RETENTION_DAYS - 1) * DAY_S
            assert reason


@given(st.integers(60, 7 * DAY_S - HOUR_S), st.data())
def test_a_batch_on_time_never_raises_it(silence_s: int, data: st.DataObject) -> None:
    """Ends that are at most the allowed silence apart, wherever they lie in the periods, never raise the alarm."""
    alarm = watch(silence_s)
    assert isinstance(alarm, Alarm)
    ends = [data.draw(st.integers(0, alarm.period_s))]
    for _ in range(8):
        ends.append(ends[-1] + data.draw(st.sampled_from([silence_s, silence_s, silence_s // 2, 1])))
    assert fires_at(alarm, ends, ends[-1] + 1) is None


@given(st.integers(60, 7 * DAY_S - HOUR_S), st.integers(0, DAY_S))
def test_a_batch_that_stops_raises_it_in_time(silence_s: int, last: int) -> None:
    """After the last end the alarm comes once the allowed silence is over, at most two periods late."""
    alarm = watch(silence_s)
    assert isinstance(alarm, Alarm)
    moment = fires_at(alarm, [last], last + alarm.window_s + 3 * alarm.period_s)
    assert moment is not None
    assert silence_s < moment - last <= silence_s + 2 * alarm.period_s


@pytest.mark.parametrize(
    ("gap_s", "duration_s", "expected"),
    [
        (300, 20.0, Alarm(period_s=300, evaluation_periods=8)),  # every five minutes: told after 40 minutes
        (HOUR_S, 15.0, Alarm(period_s=300, evaluation_periods=19)),
        (DAY_S, 312.0, Alarm(period_s=3600, evaluation_periods=26)),  # daily: told after 26 hours
        (3 * DAY_S, 312.0, Alarm(period_s=3600, evaluation_periods=74)),  # working days: Friday to Monday is no alarm
        (6 * DAY_S, 60.0, Alarm(period_s=3600, evaluation_periods=146)),
        (7 * DAY_S, 60.0, DailyCheck(days=8)),
        (31 * DAY_S, 7200.0, DailyCheck(days=32)),
        (366 * DAY_S, 60.0, DailyCheck(days=367)),
    ],
)
def test_ordinary_schedules(gap_s: int, duration_s: float, expected: object) -> None:
    """Frequent, hourly, daily, working-day, weekly, monthly and yearly batches get what CloudWatch allows for them."""
    assert heartbeat(job("x", gap_s=gap_s, duration_s=duration_s)) == expected


def test_leap_day_and_unknown_gaps_are_said() -> None:
    """Where absence cannot be noticed the reason is told, no alarm is made up."""
    assert isinstance(heartbeat(job("leap", gap_s=8 * 366 * DAY_S)), NoHeartbeat)
    assert isinstance(heartbeat(job("unknown", gap_s=None)), NoHeartbeat)


def test_the_allowance_counts_run_window_and_clock() -> None:
    """Twice the observed duration (at most the time limit), the flexible window and an hour on the day clocks go back."""
    plain = allowed_silence_s(job("x", gap_s=DAY_S, duration_s=100.0))
    assert plain == DAY_S + 200 + HOUR_S + 1800
    flexible = replace(job("x", gap_s=DAY_S, duration_s=100.0), flexible_window_minutes=30)
    assert allowed_silence_s(flexible) == plain + 1800
    limited = replace(job("x", gap_s=300, duration_s=None), timeout_s=120)
    assert allowed_silence_s(limited) == 300 + 120 + 1800


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2400, "40 min"), (93600, "1 day 2 h"), (604800, "7 days"), (3660, "1 h 1 min"), (0, "0 min")],
)
def test_durations_in_words(seconds: int, text: str) -> None:
    """Durations read as people say them."""
    assert duration_text(seconds) == text
