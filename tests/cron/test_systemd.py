"""OnCalendar: held to `systemd-analyze calendar` where that is installed, and to its known answers where not."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from analyzer.cron.convert import convert
from analyzer.cron.crontab import ClockRule, Schedule
from analyzer.cron.firings import next_firings
from analyzer.cron.proof import prove
from analyzer.cron.systemd import CalendarError, read_calendar

# expression, next five after 2026-11-23 12:00 UTC as systemd 252 gives them
KNOWN = """
Mon *-05~07/1 | 2027-05-31 00:00 2028-05-29 00:00 2029-05-28 00:00 2030-05-27 00:00 2031-05-26 00:00
*-02~03       | 2027-02-26 00:00 2028-02-27 00:00 2029-02-26 00:00 2030-02-26 00:00 2031-02-26 00:00
*-*~03/2      | 2026-11-28 00:00 2026-11-30 00:00 2026-12-29 00:00 2026-12-31 00:00 2027-01-29 00:00
*-*-05/10     | 2026-11-25 00:00 2026-12-05 00:00 2026-12-15 00:00 2026-12-25 00:00 2027-01-05 00:00
weekly        | 2026-11-30 00:00 2026-12-07 00:00 2026-12-14 00:00 2026-12-21 00:00 2026-12-28 00:00
Fri *-*-13    | 2027-08-13 00:00 2028-10-13 00:00 2029-04-13 00:00 2029-07-13 00:00 2030-09-13 00:00
quarterly     | 2027-01-01 00:00 2027-04-01 00:00 2027-07-01 00:00 2027-10-01 00:00 2028-01-01 00:00
"""
START = datetime(2026, 11, 23, 12, tzinfo=UTC)

MORE = (
    "daily", "hourly", "minutely", "monthly", "yearly", "semiannually", "Mon..Fri *-*-* 09:00", "Sat,Sun 12:05",
    "*:0/15", "*-*-01..07 10:00", "Sun *-*~7/1 03:00", "2027..2030-01-01 00:00:00", "*-*-* 6,18:00", "Mon,Wed..Fri 8:30",
    "*-1..3/2-* 4:00", "*-02-29 00:00", "12:00", "Mon", "03-05", "*-*-* *:30:00", "Thu *-*-22..28 23:45", "*-06~1..3 05:05",
)  # fmt: skip


def ours(text: str, count: int = 5) -> list[str]:
    schedule = read_calendar(text)
    found = next_firings(
        (schedule.times,), schedule.timezone or "UTC", ClockRule.FIRST_PASS, START + timedelta(minutes=1), count
    )
    return [f"{instant:%Y-%m-%d %H:%M}" for instant in found]


@pytest.mark.parametrize("row", KNOWN.strip().split("\n"))
def test_the_next_five_are_systemds(row: str) -> None:
    """Lists, ranges, steps, days from the month's end, weekdays that must fit as well."""
    text, _, expected = row.partition("|")
    assert " ".join(ours(text.strip())) == expected.strip()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on PATH")
@pytest.mark.parametrize("text", MORE)
def test_the_next_five_are_what_systemd_itself_says(text: str) -> None:
    """Asked directly, from the same moment."""
    command = ["systemd-analyze", "calendar", "--iterations=5", f"--base-time={START:%Y-%m-%d %H:%M} UTC", text]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )
    assert answer.returncode == 0, answer.stderr
    expected = re.findall(r"(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d)", answer.stdout)
    assert ours(text, len(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "Foo *-*-*", "*-13-01", "*-*-* 25:00", "*-*-* 00:00:0/10", "Fri..Mon 10:00 extra", "*-*-* 00:60"]
)
def test_what_systemd_refuses_or_minutes_cannot_hold_is_refused(text: str) -> None:
    """A reason, never a guess."""
    with pytest.raises(CalendarError):
        read_calendar(text)


@pytest.mark.parametrize("text", [row.partition("|")[0].strip() for row in KNOWN.strip().split("\n")] + list(MORE))
def test_every_calendar_is_converted_and_proved_where_clocks_change(text: str) -> None:
    """The one source whose clock changes are EventBridge's own: equal without a list."""
    schedule = Schedule(times=(read_calendar(text).times,), rule=ClockRule.FIRST_PASS)
    conversion = convert(schedule, "America/New_York")
    assert prove(schedule, conversion, "America/New_York").verdict == "equal"


def test_several_lines_are_a_union_that_starts_each_instant_once() -> None:
    """Two OnCalendar lines that meet are two schedules and one start."""
    schedule = Schedule(
        times=(read_calendar("*-*-* 00:00").times, read_calendar("Mon 00:00").times), rule=ClockRule.FIRST_PASS
    )
    conversion = convert(schedule, "Asia/Tokyo")
    assert conversion.deduplicated
    assert prove(schedule, conversion, "Asia/Tokyo").verdict == "equal"
