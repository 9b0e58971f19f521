"""`sadf -j` of a real recording, and its traps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

SAMPLES = Path(__file__).parents[2] / "fixtures" / "metrics"
MEMTOTAL_MIB = 24684096 / 1024


@pytest.fixture
def document() -> dict:
    return orjson.loads((SAMPLES / "sadf-j_u_r_q.json").read_bytes())


def dump(document: dict) -> bytes:
    return orjson.dumps(document)


def test_cpu_is_what_is_not_idle_waiting_or_stolen_and_starts_at_the_begin_of_the_interval(read, pick, document):
    """16:28:35 after 10 s with 79.32 idle and 0.20 iowait of 2 CPUs is 0.4096 cores from 16:28:25 on."""
    usage, problems = read({"sa.json": dump(document)}, memtotal_mb=24105)
    cpu = pick(usage, "cpu")
    assert problems == ()
    assert (cpu.unit, cpu.interval_s, len(cpu.values)) == ("cores", 10, 199)
    assert cpu.times_s[0] == 1795451305  # 2026-11-23T16:28:25Z
    assert cpu.values[0] == pytest.approx((100 - 79.32 - 0.20) / 100 * 2)
    assert pick(usage, "steal").values[4] == pytest.approx(0.0579 * 2)


def test_memory_is_total_less_available_at_the_end_of_the_interval(read, pick, document):
    """The sample of the first record belongs to 16:28:35 and is MemTotal - avail, never `memused`."""
    usage, _ = read({"sa.json": dump(document)}, memtotal_mb=24105)
    memory = pick(usage, "memory")
    assert memory.times_s[0] == 1795451315
    assert memory.values[0] == pytest.approx(24105 - 24153748 / 1024)
    assert memory.definition == "total - available"


def test_memory_total_comes_from_the_ratio_of_used_and_its_percentage_where_no_fact_tells(read, pick, document):
    """Without facts MemTotal is found to better than half a percent from memused / memused-percent."""
    usage, _ = read({"sa.json": dump(document)})
    assert usage.memory_total_mib == pytest.approx(MEMTOTAL_MIB, rel=0.005)


def test_the_first_record_after_a_restart_counts_from_the_boot_and_is_dropped(read, pick, document):
    """A record whose interval began before the boot says nothing about that interval."""
    host = document["sysstat"]["hosts"][0]
    host["restarts"] = [{"boot": {"date": "2026-11-23", "time": "16:40:01", "utc": 1, "cpu_count": 2}}]
    usage, _ = read({"sa.json": dump(document)}, memtotal_mb=24105)
    assert len(pick(usage, "cpu").values) == 198
    assert usage.restarts_s == (1795452001,)


def test_an_interval_of_2_to_the_64_seconds_is_dropped_with_a_problem(read, pick, document):
    """Old versions wrote such intervals after a clock change."""
    document["sysstat"]["hosts"][0]["statistics"][7]["timestamp"]["interval"] = 184467440737095516
    usage, problems = read({"sa.json": dump(document)}, memtotal_mb=24105)
    assert len(pick(usage, "cpu").values) == 198
    assert problems == ("metric-interval-invalid",)


def test_records_without_avail_fall_back_to_free_buffers_and_cache_and_say_so(read, pick, document):
    """`avail` is missing in old files; the other definition counts tmpfs as cache."""
    for record in document["sysstat"]["hosts"][0]["statistics"]:
        del record["memory"]["avail"]
    usage, problems = read({"sa.json": dump(document)}, memtotal_mb=24105)
    first = (21659208 + 61468 + 2490352) / 1024
    assert pick(usage, "memory").values[0] == pytest.approx(24105 - first)
    assert problems == ("memory-definition-old",)


def test_shuffled_records_and_two_halves_in_two_files_change_nothing(read, pick, document):
    """Order of rows and files is not information."""
    whole, _ = read({"sa.json": dump(document)}, memtotal_mb=24105)
    records = document["sysstat"]["hosts"][0]["statistics"]
    np.random.default_rng(1).shuffle(records)
    halves = {}
    for name, part in (("2.json", records[:90]), ("1.json", records[80:])):
        host = {**document["sysstat"]["hosts"][0], "statistics": part}
        halves[name] = dump({"sysstat": {"hosts": [host]}})
    parts, problems = read(halves, memtotal_mb=24105)
    assert problems == ()
    for quantity in ("cpu", "memory", "steal"):
        assert np.array_equal(pick(whole, quantity).times_s, pick(parts, quantity).times_s)
        assert np.allclose(pick(whole, quantity).values, pick(parts, quantity).values)


@pytest.mark.parametrize("cut", [100, 700, 5000, 60001, 116000])
def test_a_truncated_file_gives_its_complete_records_and_a_problem(read, cut):
    """What came before the cut is used; the problem names the last line."""
    data = (SAMPLES / "sadf-j_u_r_q.json").read_bytes()[:cut]
    usage, problems = read({"sa.json": data}, memtotal_mb=24105)
    assert set(problems) & {"file-truncated", "metrics-not-json"}
    complete = data.count(b'"ldavg-15"')
    counts = [len(series.values) for series in usage.series if series.quantity == "cpu"]
    assert sum(counts) in (complete, complete + 1, max(0, complete - 1))
