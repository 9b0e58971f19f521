"""`make bench`: conversion and proof of 1,000 crontab lines, against cronsim enumerating the same lines over three years.

cronsim is run on a sample of the lines, for all of them would take minutes; the ratio is per line.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analyzer.cron.convert import convert
from analyzer.cron.crontab import NICKNAMES, read_schedule
from analyzer.cron.firings import gaps_s
from analyzer.cron.proof import prove
from analyzer.model import CronDaemon
from tests.cron.random_lines import line

LINES, SAMPLE = 1000, 25
ZONE = "America/New_York"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


def main() -> None:
    draw = random.Random(1)
    lines = [line(draw) for _ in range(LINES)]
    began = time.perf_counter()
    schedules = 0
    for text in lines:
        meaning = read_schedule(text, CronDaemon.DEBIAN)
        if not meaning.never:
            conversion = convert(meaning, ZONE, start=START)
            prove(meaning, conversion, ZONE, start=START)
            gaps_s(meaning.times, START.year)
            schedules += len(conversion.expressions)
    ours = (time.perf_counter() - began) / LINES
    with files("tzdata.zoneinfo").joinpath(ZONE).open("rb") as stream:
        zone = ZoneInfo.from_file(stream, key=ZONE)
    began = time.perf_counter()
    firings = 0
    for text in draw.sample(lines, SAMPLE):
        try:
            for moment in CronSim(NICKNAMES.get(text, text), START.astimezone(zone)):
                if moment.astimezone(UTC) >= END:
                    break
                firings += 1
        except CronSimError:
            continue
    theirs = (time.perf_counter() - began) / SAMPLE
    print(
        f"cron: {LINES} lines converted to {schedules} schedules and proved in {ours * LINES:.2f} s ({ours * 1e3:.2f} ms a line)"
    )
    print(f"cronsim: {theirs * 1e3:.1f} ms a line for three years ({firings} firings of {SAMPLE} sampled lines)")
    print(f"ratio: {theirs / ours:.0f} (goal: at least 20)")


if __name__ == "__main__":
    main()
