"""3,000 random lines: what the product says against cronsim and against a brute-force EventBridge."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError

from analyzer.cron.convert import Conversion, convert
from analyzer.cron.crontab import NICKNAMES, read_schedule
from analyzer.cron.eventbridge import read_expression
from analyzer.cron.proof import prove
from analyzer.cron.report import guard_condition
from analyzer.model import CronDaemon

from . import debian_oracle
from . import eventbridge_oracle as oracle
from .random_lines import field, line

LINES = int(os.environ.get("CRON_LINES", "3000"))
ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe")
FIRST = datetime(2027, 1, 1, tzinfo=UTC)
"""Two years with a leap day in them and, in two of the zones, eight clock changes."""
LAST = datetime(2029, 1, 1, tzinfo=UTC)
BATCHES = 30
AT_CHANGES = 400
LONGEST = 200
"""Firings that cronsim works out for one line; the spans around clock changes come on top."""


def cron_runs(text: str, zone: str, start: datetime, end: datetime, most: int) -> tuple[set[datetime], datetime]:
    """The instants at which cronsim fires, and where it stopped looking."""
    found: set[datetime] = set()
    try:
        for moment in CronSim(NICKNAMES.get(text, text), (start - timedelta(minutes=1)).astimezone(oracle.zone(zone))):
            instant = moment.astimezone(UTC)
            if instant >= end:
                return found, end
            if len(found) >= most:
                return found, instant
            found.add(instant)
    except CronSimError:
        assert read_schedule(text, CronDaemon.DEBIAN).never, text
    return found, end


def spans(zone: str) -> list[tuple[datetime, datetime]]:
    """Six hours around each clock change of the two years."""
    changes = [
        hour
        for hour in (FIRST + timedelta(hours=number) for number in range(24 * 731))
        if hour.astimezone(oracle.zone(zone)).utcoffset()
        != (hour - timedelta(hours=1)).astimezone(oracle.zone(zone)).utcoffset()
    ]
    return [(change - timedelta(hours=3), change + timedelta(hours=3)) for change in changes]


DAY = timedelta(days=1)
SPANS = {zone: spans(zone) for zone in (*ZONES, "Europe/Berlin", "America/Havana")}


def schedule_runs(conversion: Conversion, start: datetime, end: datetime) -> set[datetime]:
    """The starts that the schedules make: each instant once, and only where the state machine's guard lets it pass."""
    fired = [oracle.fired(item, conversion.timezone, FIRST, LAST, start, end) for item in conversion.expressions]
    union = set().union(*fired)
    if not conversion.deduplicated:
        assert len(union) == sum(map(len, fired)), ("an instant fires twice", conversion)
    keep = guard_condition(conversion)
    return union if keep is None else {instant for instant in union if keep(instant)}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_lines_fire_as_cronsim_says_but_for_the_listed_instants(batch: int) -> None:
    """Schedules plus the missed and without the extra instants of the proof are exactly cronsim's runs."""
    draw = random.Random(20261123 + batch)
    for number in range(LINES // BATCHES):
        text = line(draw)
        zone = ZONES[number % len(ZONES)]
        meaning = read_schedule(text, CronDaemon.DEBIAN)
        whole = FIRST + timedelta(minutes=draw.randrange(60 * 24 * 500))
        windows = [(whole, LAST, LONGEST), *((start, end, AT_CHANGES) for start, end in SPANS[zone])]
        if meaning.never:
            assert not cron_runs(text, zone, FIRST, LAST, 1)[0], text
            continue
        conversion = convert(meaning, zone, start=FIRST, years=2)
        proof = prove(meaning, conversion, zone, start=FIRST, years=2)
        assert proof.verdict in {"equal", "equal-except-dst"}, (text, zone, proof)
        missed = {datetime.fromisoformat(at).astimezone(UTC) for at in proof.missed}
        assert not proof.extra, text
        for start, end, most in windows:
            if zone == "Australia/Lord_Howe" and most == AT_CHANGES:
                continue  # cronsim hops whole hours; the next test looks at half-hour changes
            expected, stopped = cron_runs(text, zone, start, end, most)
            union = schedule_runs(conversion, start, stopped)
            different = (union | {at for at in missed if start <= at < stopped}) ^ expected
            if zone == "Australia/Lord_Howe":
                different = {at for at in different if not any(a <= at < b + DAY for a, b in SPANS[zone])}
            assert not different, (text, zone, conversion.expressions, sorted(different)[:5])


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Europe/Berlin", "America/Havana"])
def test_at_clock_changes_the_listed_instants_are_debian_crons_own_loops(zone: str) -> None:
    """Schedules plus missed instants are what cron's loop starts, each as often as it starts it."""
    draw = random.Random(7)
    for number in range(LINES // 10):
        # Lines that have something to do in the hours that change.
        text = (
            f"{field(draw, 0, 59, 0.4)} {field(draw, 0, 3, 0.4)} {field(draw, 1, 31, 0.8)} * {field(draw, 0, 7, 0.8)}"
        )
        meaning = read_schedule(text, CronDaemon.DEBIAN)
        conversion = convert(meaning, zone, start=FIRST, years=2)
        proof = prove(meaning, conversion, zone, start=FIRST, years=2)
        missed = Counter(datetime.fromisoformat(at).astimezone(UTC) for at in proof.missed)
        assert not proof.extra
        start, end = SPANS[zone][number % len(SPANS[zone])]
        fired = schedule_runs(conversion, start, end)
        ours = Counter(fired) + Counter({at: count for at, count in missed.items() if start <= at < end})
        assert ours == debian_oracle.runs(text, zone, start, end), (text, zone, conversion)


def test_the_products_reading_of_its_own_expressions_is_the_oracles() -> None:
    """An expression read back by the product means the days that brute force finds."""
    draw = random.Random(5)
    for _ in range(100):
        meaning = read_schedule(line(draw), CronDaemon.DEBIAN)
        if meaning.never:
            continue
        for text in convert(meaning, "Asia/Tokyo").expressions:
            times = read_expression(text)
            start = FIRST + timedelta(minutes=draw.randrange(60 * 24 * 600))
            for instant in oracle.fired(text, "UTC", FIRST, LAST, start, start + 40 * DAY):
                day = instant.timetuple().tm_yday - 1
                leap = instant.year % 4 == 0
                first = (datetime(instant.year, 1, 1, tzinfo=UTC).weekday() + 1) % 7
                assert times.days_of_year(leap, first) >> day & 1
                assert times.minutes_of_day >> (60 * instant.hour + instant.minute) & 1
