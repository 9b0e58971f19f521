"""What misleads in each format, one test a trap; the traps of whole recordings stand beside their format's tests."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model import Source
from analyzer.read.metrics.accounting import _comp
from analyzer.read.metrics.reading import MetricFile, parse_stamps
from analyzer.read.metrics.sar_text import read_date

START_S = 1795392000
"""2026-11-23T00:00:00Z."""


def stamps(count: int, step: int = 60) -> list[str]:
    return [f"{np.datetime64(START_S + index * step, 's')}+00:00" for index in range(count)]


def answer(*metrics: tuple[str, list[float], int]) -> bytes:
    """get-metric-data with (label, values, period)."""
    results = [
        {"Id": f"q{n}", "Label": label, "Timestamps": stamps(len(values), step), "Values": values}
        for n, (label, values, step) in enumerate(metrics)
    ]
    return orjson.dumps({"MetricDataResults": results, "Messages": []})


def host(*records: dict, **more: object) -> bytes:
    return orjson.dumps(
        {"sysstat": {"hosts": [{"nodename": "a", "number-of-cpus": 2, "statistics": list(records), **more}]}}
    )


def record(time: str, utc: int = 1, **values: object) -> dict:
    return {"timestamp": {"date": "2026-11-23", "time": time, "utc": utc, "interval": 600}, **values}


ALL = {"cpu": "all", "user": 10.0, "nice": 0.0, "system": 5.0, "iowait": 1.0, "steal": 2.0, "idle": 82.0}


# --- CloudWatch -----------------------------------------------------------------------------------------------------


def test_points_older_than_15_days_come_coarser_and_do_not_mix_with_the_fine_ones(read, pick):
    """CloudWatch keeps 60-s points for 15 days, 300-s points for 63: of two files the finer counts, and it is said."""
    files = {
        "old.json": answer(("CPUUtilization Average", [50.0, 50.0, 50.0], 300)),
        "new.json": answer(("CPUUtilization Average", [10.0, 20.0, 30.0], 60)),
    }
    usage, problems = read(files, processor_vcpus=1)
    assert (pick(usage, "cpu").interval_s, pick(usage, "cpu").values.tolist()) == (60, pytest.approx([0.1, 0.2, 0.3]))
    assert problems == ("metric-interval-differs",)


def test_the_hypervisors_cpu_and_the_guests_stay_two_series(read):
    """CPUUtilization can exceed sar where the hypervisor holds CPU back: they are never averaged."""
    sar = host(record("00:10:00", **{"cpu-load": [ALL]}), record("00:20:00", **{"cpu-load": [ALL]}))
    usage, problems = read({"cw.json": answer(("CPUUtilization", [40.0, 40.0], 600)), "sa.json": sar})
    found = {one.definition: one.values.tolist() for one in usage.series if one.quantity == "cpu"}
    assert problems == ()
    assert found == {
        "hypervisor": pytest.approx([0.8, 0.8]),
        "100 - idle - iowait - steal": pytest.approx([0.3, 0.3]),
    }


def test_used_memory_of_the_agent_keeps_its_definition(read):
    """mem_used leaves tmpfs out, mem_available does not: each series says what `used` means in it."""
    metrics = answer(("mem_used Average", [2.0 * 1024**3] * 2, 60), ("mem_available Average", [3.0 * 1024**3] * 2, 60))
    usage, _ = read({"cw.json": metrics}, memtotal_mb=8192)
    found = {one.definition: one.values.tolist() for one in usage.series}
    assert found == {
        "total - free - buffers - cached (shared memory counts as cache)": [2048.0, 2048.0],
        "total - available": [5120.0, 5120.0],
    }


def test_procstat_of_several_processes_is_the_average_times_their_number(read, pick):
    """Four workers at 50 % of a core each are one datapoint with Average 50: two cores; a maximum is one worker's."""
    metrics = answer(
        ("puma procstat_cpu_usage Average", [50.0, 100.0], 60), ("puma procstat_pid_count Average", [4.0, 2.0], 60)
    )
    usage, problems = read({"cw.json": metrics}, processor_vcpus=8)
    assert problems == ()
    assert pick(usage, "cpu", process="puma").values.tolist() == [2.0, 2.0]


def test_credits_are_counts_and_not_shares(read, pick):
    """One credit is a vCPU-minute; metrics come every five minutes only."""
    usage, problems = read({"cw.json": answer(("CPUCreditBalance Average", [576.0, 0.0], 300))}, processor_vcpus=2)
    balance = pick(usage, "credit-balance")
    assert (balance.unit, balance.values.tolist(), problems) == ("credits", [576.0, 0.0], ())


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("2026-11-23T00:00Z", 0), ("2026-11-23T00:00:07.250Z", 7), ("2026-11-23 09:00:00+0900", 0),
        ("2026-11-22T19:00:00-05:00", 0), ("2026-11-23T01:00:00", 0), ("2026-11-23T00:00:00 UTC", 0),
        ("2026-11-23T00:00:00 later", None), ("2026-02-30T00:00:00Z", None), ("yesterday", None),
    ],
)  # fmt: skip
def test_a_stamp_is_read_to_the_second_with_its_zone_or_the_hosts_or_not_at_all(stamp, seconds):
    """Minutes without seconds, fractions, offsets; without a zone the host's (Berlin, +01:00); what is no date is left out."""
    for more in ([], [stamp] * 3, ["2026-11-23T00:00:00Z"]):  # alone, all alike, mixed
        file = MetricFile(source=Source("x", 1), data=b"", timezone="Europe/Berlin")
        times, kept = parse_stamps([stamp, *more], file)
        if seconds is None:
            assert 0 not in kept.tolist()
            assert [one.code for one in file.problems] == ["metric-stamp-invalid"]
        else:
            assert (times[0], kept[0], file.problems) == (START_S + seconds, 0, [])


# --- sysstat --------------------------------------------------------------------------------------------------------


def test_records_on_the_hosts_clock_are_told_by_their_missing_utc_flag(read, pick):
    """`sadf -t` writes local time: 00:10 in Tokyo is 15:10 of the day before, and the interval began at 15:00."""
    usage, _ = read({"sa.json": host(record("00:10:00", utc=0, **{"cpu-load": [ALL]}))}, timezone="Asia/Tokyo")
    assert pick(usage, "cpu").times_s.tolist() == [START_S - 9 * 3600]


def test_the_names_of_sar_a_and_the_rows_of_single_cpus_change_nothing(read, pick):
    """`-u ALL -P ALL`: usr, sys, irq for user and system; only the row of all CPUs counts."""
    row = {"cpu": "all", "usr": 10.0, "sys": 3.0, "irq": 1.0, "soft": 1.0, "iowait": 1.0, "steal": 2.0, "idle": 82.0}
    rows = [{**row, "cpu": "0", "idle": 1.0}, row, {**row, "cpu": "1", "idle": 99.0}]
    usage, problems = read({"sa.json": host(record("00:10:00", **{"cpu-load-all": rows}))})
    assert (pick(usage, "cpu").values.tolist(), problems) == (pytest.approx([0.3]), ())


def test_memused_is_never_read_since_it_has_three_definitions(read, pick):
    """Version 10 counts the page cache as used: 3 917 420 KiB used of which 3 056 456 are cache is 0.8 GiB."""
    memory = {"memfree": 100000, "memused": 3917420, "memused-percent": 97.5, "buffers": 20000, "cached": 3056456}
    usage, problems = read({"sa.json": host(record("00:10:00", memory=memory))}, memtotal_mb=4017420 / 1024)
    assert pick(usage, "memory").values.tolist() == pytest.approx([(4017420 - 100000 - 20000 - 3056456) / 1024])
    assert problems == ("memory-definition-old",)


def test_an_avail_that_is_a_copy_of_memfree_is_no_measurement(read, pick):
    """Converted old files carry it so: free memory without the cache would call the cache used."""
    good = {"memfree": 500000, "avail": 3000000, "buffers": 1, "cached": 1}
    converted = {"memfree": 500000, "avail": 500000, "buffers": 1, "cached": 1}
    usage, problems = read(
        {"sa.json": host(record("00:10:00", memory=good), record("00:20:00", memory=converted))}, memtotal_mb=4000
    )
    assert pick(usage, "memory").values.tolist() == pytest.approx([4000 - 3000000 / 1024])
    assert problems == ("metric-record-incomplete",)


def test_sadf_d_with_epoch_seconds(read, pick):
    """`-U` writes 1795392600 for 00:10; the interval began ten minutes earlier."""
    text = f"# hostname;interval;timestamp;CPU;%user;%iowait;%steal;%idle\na;600;{START_S + 600};-1;10;1;2;82\n"
    usage, problems = read({"s.csv": text.encode()}, processor_vcpus=2)
    assert (pick(usage, "cpu").times_s.tolist(), problems) == ([START_S], ())


@pytest.mark.parametrize("magic", [b"\xd5\x96", b"\x96\xd5"])
def test_sysstats_binary_file_is_named_with_the_command_that_exports_it(read, magic):
    """Only the version that wrote it reads it safely; other versions even crash."""
    usage, problems = read({"sa23": magic + bytes(500)})
    assert (usage.series, problems) == ((), ("metrics-binary-sysstat",))


@pytest.mark.parametrize(
    ("text", "iso", "ambiguous"),
    [
        ("11/23/26", "2026-11-23", False), ("2026-11-23", "2026-11-23", False), ("23.11.2026", "2026-11-23", False),
        ("23/11/26", "2026-11-23", False), ("11/12/2026", "2026-11-12", True), ("never", None, False),
        ("99/99/99", None, False),
    ],
)  # fmt: skip
def test_sars_date_follows_the_locale(text, iso, ambiguous):
    """Month first in the C locale; where both readings are possible it is said."""
    file = MetricFile(source=Source("sar.txt", 1), data=b"")
    day = read_date(file, text)
    assert (str(day) if day else None) == iso
    assert [one.code for one in file.problems] == (["metric-date-ambiguous"] if ambiguous else [])


# --- processes ------------------------------------------------------------------------------------------------------


def test_atop_names_and_command_lines_may_hold_blanks_and_parentheses(read):
    """The row is read from both ends: the parent's pid follows the last parenthesis of the command line."""
    head = "app01 1795451582 2026/11/23 16:33:02 10 77"
    text = (
        "SEP\n"
        f"PRG {head} (my job (2)) S 0 0 77 1 0 1795451581 (/bin/sh -c (cd /x; ./a) && echo ')' # (nightly)) 70 0 1 0 0\n"
        f"PRC {head} (my job (2)) R 100 28 140 0 120 0 0 1 0 77 y\n"
        f"PRM {head} (my job (2)) R 4096 321164 2048 2764 321164 315460\n"
        "SEP\n"
    )
    usage, problems = read({"atop.txt": text.encode()})
    rows = usage.samples[0]
    assert problems == ()
    assert (rows.pids.tolist(), rows.parent_pids.tolist()) == ([77], [70])
    assert (rows.cpu_s.tolist(), rows.memory_mib.tolist()) == ([1.68], [2.0])
    assert rows.arguments == ("/bin/sh -c (cd /x; ./a) && echo ')' # (nightly)",)


def test_a_process_that_exited_within_atops_interval_has_cpu_and_no_memory(read):
    """State E comes from accounting with RSS 0, which is no measurement of memory."""
    head = "app01 1795451582 2026/11/23 16:33:02 10 77"
    text = f"SEP\nPRC {head} (job) E 100 28 140 0 120 0 0 1 0 77 y\nPRM {head} (job) E 4096 0 0 0 0 0\nSEP\n"
    usage, _ = read({"atop.txt": text.encode()})
    assert usage.samples[0].cpu_s.tolist() == [1.68]
    assert np.isnan(usage.samples[0].memory_mib).all()


def test_the_kernels_packed_times_have_a_base_8_exponent():
    """comp_t: 13 bits of value, 3 of exponent; 0x2001 is 1 << 3, 0xffff the largest."""
    assert _comp([0, 8191, 0x2001, 0x5FFF, 0xFFFF]).tolist() == [0, 8191, 8, 8191 * 64, 8191 * 8**7]


def test_accounting_measures_no_memory(read, sample):
    """Its memory field is the address space at exit, far from the peak of resident memory."""
    files = {"pacct": sample("pacct.v3.bin"), "fs/var/log/syslog": sample("syslog.debian-cron-12concurrent")}
    usage, _ = read(files)
    runs = next(runs for runs in usage.runs if "200 6 1" in runs.command)
    assert np.isnan(runs.memory_mib).all()


# --- cron logs ------------------------------------------------------------------------------------------------------


def test_repeated_messages_and_lines_of_other_pam_modules_are_no_events(read):
    """`message repeated`, pam_limits and pam_env share the pid and say nothing of a run."""
    log = (
        "Nov 23 16:34:01 h CRON[878]: pam_env(cron:session): Unable to open env file: /etc/default/locale: No such file\n"
        "Nov 23 16:34:01 h CRON[878]: pam_unix(cron:session): session opened for user app(uid=1) by (uid=0)\n"
        "Nov 23 16:34:01 h CRON[882]: (app) CMD (/bin/a)\n"
        "Nov 23 16:34:01 h CRON[878]: message repeated 2 times: [ pam_limits(cron:session): Could not set limit]\n"
        "Nov 23 16:34:09 h CRON[878]: pam_unix(cron:session): session closed for user app\n"
    )
    usage, problems = read({"fs/var/log/syslog": log.encode()}, date_time={"epoch": "1795453200"})
    assert problems == ()
    assert [(one.command, (one.ends_s - one.starts_s).tolist()) for one in usage.runs] == [("/bin/a", [8.0])]


# --- what must change nothing ---------------------------------------------------------------------------------------


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), max_size=5), st.sampled_from(["Z", "+00:00", "+09:00"]))
def test_order_of_points_gaps_and_the_zone_of_the_stamps_change_nothing(order, gaps, zone):
    """Each point that is there has the same instant and value, however the file spells and sorts it."""
    from analyzer.read.metrics import cloudwatch

    shift = 9 * 3600 if zone == "+09:00" else 0
    kept = [index for index in order if index not in gaps]
    body = {
        "MetricDataResults": [
            {
                "Id": "m", "Label": "CPUUtilization Average",
                "Timestamps": [f"{np.datetime64(START_S + index * 60 + shift, 's')}{zone}" for index in kept],
                "Values": [float(index) for index in kept],
            }
        ]
    }  # fmt: skip
    reading = cloudwatch.read(MetricFile(source=Source("cw.json", 1), data=orjson.dumps(body)))
    series = reading.series[0]
    assert series.times_s.tolist() == [START_S + index * 60 for index in sorted(kept)]
    assert series.values.tolist() == pytest.approx([index / 100 for index in sorted(kept)])


def test_a_column_of_memory_without_unit_and_without_a_number_is_only_noted(read):
    """Nothing tells its unit, and no warning of numpy's reaches the terminal."""
    usage, problems = read(
        {"m.csv": b"timestamp,cpu_cores,mem\n2026-11-23T00:00:00Z,0.5,\n2026-11-23T00:01:00Z,0.6,x\n"}
    )
    assert [series.quantity for series in usage.series] == ["cpu"]
    assert "metric-unit-assumed" in problems
