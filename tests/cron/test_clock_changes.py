"""Clock changes: what Debian cron was seen to do in New York in 2026, and what the proof lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from analyzer.cron.convert import convert
from analyzer.cron.crontab import read_schedule
from analyzer.cron.firings import next_firings
from analyzer.cron.proof import prove
from analyzer.cron.zones import find_transitions, zone
from analyzer.model import CronDaemon, Equivalence

START = datetime(2026, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"
EDT, EST = "-04:00", "-05:00"


def proof_of(
    line: str, timezone: str = NEW_YORK, years: int = 1, daemon: CronDaemon = CronDaemon.DEBIAN
) -> Equivalence:
    schedule = read_schedule(line, daemon)
    return prove(schedule, convert(schedule, timezone, start=START, years=years), timezone, start=START, years=years)


# line, runs of cron in 2026, instants that only cron has
OBSERVED = [
    ("0 0 * * *", 365, []),
    ("30 1 * * *", 365, []),
    ("15 9-17 * * 1-5", 2349, []),
    ("*/10 9-17 * * 1-5", 14094, []),
    ("0 3 * * 0", 52, []),
    ("*/5 2 * * *", 4368, []),
    ("30 2 * * *", 365, [f"2026-03-08T03:00:00{EDT}"]),
    ("30 2 * * 0", 52, [f"2026-03-08T03:00:00{EDT}"]),
    ("0,30 2 * * *", 730, [f"2026-03-08T03:00:00{EDT}"] * 2),
    ("0 0-23 * * *", 8760, [f"2026-03-08T03:00:00{EDT}"]),
    ("0-59/15 0-23 * * *", 35040, [f"2026-03-08T03:00:00{EDT}"] * 4),
]


@pytest.mark.parametrize(("line", "runs", "missed"), OBSERVED, ids=[item[0] for item in OBSERVED])
def test_new_york_2026_runs_and_missed_instants_are_those_observed(line: str, runs: int, missed: list[str]) -> None:
    """The runs of a year and the list of what EventBridge leaves out are Debian cron's."""
    schedule = read_schedule(line, CronDaemon.DEBIAN)
    first = datetime(2026, 1, 1, 5, tzinfo=UTC)
    last = datetime(2027, 1, 1, 5, tzinfo=UTC)
    found = next_firings(schedule.times, NEW_YORK, schedule.rule, first, runs + 10)
    assert len([instant for instant in found if instant < last]) == runs
    proof = proof_of(line)
    assert list(proof.missed) == missed
    assert proof.extra == ()
    assert proof.verdict == ("equal-except-dst" if missed else "equal")


@pytest.mark.parametrize("line", ["0 * * * *", "*/15 * * * *", "@hourly", "7 * * * *", "* * * * *"])
def test_a_job_of_every_hour_is_exact_in_utc(line: str) -> None:
    """Wildcard jobs without any restriction run in both passes, which only UTC has."""
    schedule = read_schedule(line, CronDaemon.DEBIAN)
    conversion = convert(schedule, NEW_YORK, start=START)
    assert (conversion.timezone, conversion.form) == ("UTC", "utc")
    assert prove(schedule, conversion, NEW_YORK, start=START).verdict == "equal"


@pytest.mark.parametrize(
    ("line", "count"),
    [("30 2-4 * * *", 1), ("0 2,3 * * *", 1), ("*/30 2 * * *", 0), ("* 2 * * *", 0), ("0-59 2 * * *", 60)],
)
def test_a_gap_is_replayed_minute_by_minute_for_fixed_jobs_only(line: str, count: int) -> None:
    """Each missing minute of a fixed job is one run at 03:00; wildcard jobs lose theirs on both sides."""
    proof = proof_of(line)
    assert list(proof.missed) == [f"2026-03-08T03:00:00{EDT}"] * count


@pytest.mark.parametrize(
    ("line", "missed"),
    [
        ("*/30 1 * * *", [f"2026-11-01T01:00:00{EST}", f"2026-11-01T01:30:00{EST}"]),
        ("30 * 1 * *", [f"2026-11-01T01:30:00{EST}"]),
        ("30 1 * * *", []),
        ("0,30 1 * * *", []),
    ],
)
def test_a_repeated_hour_runs_twice_for_wildcard_jobs_only(line: str, missed: list[str]) -> None:
    """The second pass of wildcard jobs is what EventBridge's documented rule leaves out."""
    assert list(proof_of(line).missed) == missed


def test_havana_loses_midnight_and_so_does_the_daily_job_on_aws() -> None:
    """@daily falls into Havana's gap at 00:00: cron runs it at 01:00, EventBridge not at all that day."""
    proof = proof_of("@daily", "America/Havana")
    assert list(proof.missed) == ["2026-03-08T01:00:00-04:00"]


def test_lord_howe_shifts_by_half_an_hour() -> None:
    """Its gap is 02:00-02:30: a job at 02:15 runs at 02:30, one at 02:45 as ever."""
    assert list(proof_of("15 2 * * *", "Australia/Lord_Howe").missed) == ["2026-10-04T02:30:00+11:00"]
    assert proof_of("45 2 * * *", "Australia/Lord_Howe").missed == ()


def test_lord_howes_minutes_are_not_utcs() -> None:
    """Minute 7 of each hour is two minutes of UTC's there, so its own zone is kept; every half hour goes to UTC."""
    assert convert(read_schedule("7 * * * *", CronDaemon.DEBIAN), "Australia/Lord_Howe").timezone != "UTC"
    assert convert(read_schedule("*/30 * * * *", CronDaemon.DEBIAN), "Australia/Lord_Howe").timezone == "UTC"


def test_minutes_are_shifted_to_utc_by_the_zones_odd_quarter() -> None:
    """The Chatham Islands are 12:45 (13:45 in summer) ahead: minute 0 there is minute 15 of UTC."""
    conversion = convert(read_schedule("0 * * * *", CronDaemon.DEBIAN), "Pacific/Chatham")
    assert conversion.expressions == ("cron(15 * * * ? *)",)


def test_without_clock_changes_everything_is_equal() -> None:
    """Tokyo has none in the horizon."""
    assert find_transitions("Asia/Tokyo") == ()
    for line in ("30 2 * * *", "*/15 * * * *", "0-59/15 1-2 * * *"):
        assert proof_of(line, "Asia/Tokyo", 10).verdict == "equal"


def test_busybox_and_cron_tz_skip_the_gap_and_repeat_the_hour() -> None:
    """Both match the wall clock of each minute: fixed jobs run twice in the repeated hour."""
    assert list(proof_of("30 1 * * *", daemon=CronDaemon.BUSYBOX).missed) == [f"2026-11-01T01:30:00{EST}"]
    assert proof_of("30 2 * * *", daemon=CronDaemon.BUSYBOX).missed == ()
    under = read_schedule("30 1 * * *", CronDaemon.CRONIE_1_5, own_zone=True)
    proof = prove(under, convert(under, NEW_YORK), NEW_YORK, start=START, years=1)
    assert list(proof.missed) == [f"2026-11-01T01:30:00{EST}"]


def test_cron_tz_loses_fixed_jobs_in_the_hour_the_host_repeats() -> None:
    """CRON_TZ=UTC `30 6` on a New York host did not run on 2026-11-01; EventBridge does."""
    schedule = read_schedule("30 6 * * *", CronDaemon.CRONIE_1_5, own_zone=True)
    proof = prove(schedule, convert(schedule, "UTC"), "UTC", host_zone=NEW_YORK, start=START, years=1)
    assert list(proof.extra) == ["2026-11-01T06:30:00+00:00"]
    assert proof.verdict == "equal-except-dst"


def test_transitions_of_new_york_are_the_known_ones() -> None:
    """Found by looking at offsets, to the minute."""
    found = [change.at.astimezone(zone(NEW_YORK)).isoformat() for change in find_transitions(NEW_YORK, START, 1)]
    assert found == [f"2026-03-08T03:00:00{EDT}", f"2026-11-01T01:00:00{EST}"]


def test_the_method_names_the_zone_data_and_the_horizon() -> None:
    """A reader can tell what was compared with what."""
    method = proof_of("30 2 * * *", years=10).method
    for part in (
        "14 kinds",
        "20 clock changes of America/New_York",
        "2026-01-01 to 2036-01-01",
        "zone data 20",
        "not measured",
    ):
        assert part in method
