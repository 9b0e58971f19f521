"""Every recorded format gives the numbers that were read off the file by hand."""

from __future__ import annotations

import numpy as np
import pytest

FIRST_END_S = 1795451315
"""2026-11-23T16:28:35Z."""


@pytest.mark.parametrize("name", ["sar_A.txt", "sar_u_r_q.txt"])
def test_sar_gives_what_sadf_gives_for_the_same_recording(read, pick, sample, name):
    """Header names, `Average:` rows, %usr for %user and CPU rows 0 and 1 change nothing."""
    usage, problems = read({"sar.txt": sample(name)}, memtotal_mb=24105)
    other, _ = read({"sa.json": sample("sadf-j_u_r_q.json")}, memtotal_mb=24105)
    cpu, same = pick(usage, "cpu"), pick(other, "cpu")
    count = len(cpu.values)
    assert problems == ()
    assert count == {"sar_A.txt": 4, "sar_u_r_q.txt": 57}[name]
    assert np.array_equal(cpu.times_s, same.times_s[:count])
    assert np.allclose(cpu.values, same.values[:count])
    assert usage.vcpus == 2


def test_sar_knows_memory_by_the_names_of_its_columns(read, pick, sample):
    """16:28:35: kbavail 24153748 of 24105 MiB."""
    usage, _ = read({"sar.txt": sample("sar_A.txt")}, memtotal_mb=24105)
    memory = pick(usage, "memory")
    assert (memory.times_s[0], memory.values[0]) == (FIRST_END_S, pytest.approx(24105 - 24153748 / 1024))


def test_sar_past_midnight_with_am_pm_decimal_commas_and_a_restart(read, pick):
    """Rows carry no date: the clock running backwards is midnight; the first record after a boot is left out."""
    text = (
        "Linux 5.10.0-x (db) \t23.11.26 \t_x86_64_\t(4 CPU)\n\n"
        "11:40:01 PM     CPU     %user     %nice   %system   %iowait    %steal     %idle\n"
        "11:50:01 PM     all      5,00      0,00      5,00      0,00      0,00     90,00\n"
        "12:00:01 AM     all      1,00      0,00      1,00      0,00      0,00     98,00\n"
        "12:10:01 AM  LINUX RESTART\t(4 CPU)\n"
        "12:20:01 AM     CPU     %user     %nice   %system   %iowait    %steal     %idle\n"
        "12:30:01 AM     all      9,00      0,00      1,00      0,00      0,00     90,00\n"
        "Durchschn.:     all      5,00      0,00      2,33      0,00      0,00     92,67\n"
    )
    usage, problems = read({"sar.txt": text.encode()}, timezone="Europe/Berlin")
    cpu = pick(usage, "cpu")
    assert problems == ()
    assert cpu.times_s.tolist() == [1795473601, 1795474201, 1795476001]  # 23:40:01, 23:50:01 and 00:20:01 in Berlin
    assert np.allclose(cpu.values, [0.4, 0.08, 0.4])
    assert usage.restarts_s == (1795475401,)


def test_sadf_d_is_read_by_its_header(read, pick):
    """`-1` is all CPUs, a LINUX-RESTART row is no record, another group of columns has its own header."""
    text = (
        "# hostname;interval;timestamp;CPU;%user;%nice;%system;%iowait;%steal;%idle\n"
        "app01;600;2026-11-23 00:10:01 UTC;-1;10.00;0.00;5.00;1.00;2.00;82.00\n"
        "app01;600;2026-11-23 00:10:01 UTC;0;20.00;0.00;5.00;1.00;2.00;72.00\n"
        "app01;-1;2026-11-23 00:15:00 UTC;LINUX-RESTART\t(2 CPU)\n"
        "app01;600;2026-11-23 00:30:01 UTC;-1;20.00;0.00;0.00;0.00;0.00;80.00\n"
        "# hostname;interval;timestamp;kbmemfree;kbavail;kbmemused;%memused;kbbuffers;kbcached\n"
        "app01;600;2026-11-23 00:10:01 UTC;1048576;3145728;1048576;25.00;1024;2048\n"
    )
    usage, problems = read({"sadf.csv": text.encode()}, processor_vcpus=2)
    assert problems == ()
    assert pick(usage, "cpu").times_s.tolist() == [1795392000 - 599 + 600, 1795393201]
    assert np.allclose(pick(usage, "cpu").values, [0.30, 0.40])
    assert usage.memory_total_mib == 4096
    assert pick(usage, "memory").values.tolist() == [1024.0]


def test_pidstat_is_percent_of_one_core_and_its_two_header_blocks_are_told_apart(read, sample):
    """16:32:12: pid 31035 used 99.90 % of one core for 10 s and held 315264 KiB; -T ALL rows are no samples."""
    for name in ("pidstat_h_r_u.txt", "pidstat_H_h_r_u.txt"):
        usage, problems = read({"pidstat.txt": sample(name)})
        rows = usage.samples[0]
        at = np.flatnonzero((rows.pids == 31035) & (rows.ends_s == 1795451532))[0]
        assert problems == ()
        assert rows.cpu_s[at] == pytest.approx(9.99)
        assert rows.memory_mib[at] == pytest.approx(315264 / 1024)
        assert rows.commands[at] == "python3"


def test_atop_joined_to_the_cron_log_measures_each_run(read, sample):
    """`job.py 300 12 3` burns 12.2 CPU-seconds and holds 309 MiB; the run that the recording cuts off has no CPU sum."""
    usage, problems = read({"atop.txt": sample("atop_P.txt"), "fs/var/log/syslog": sample("syslog.debian-cron")})
    heavy = next(runs for runs in usage.runs if "300 12 3" in runs.command)
    assert problems == ()
    assert heavy.cpu_s[:3] == pytest.approx([12.22, 12.23, 12.22])
    assert np.isnan(heavy.cpu_s[3])
    assert heavy.memory_mib[:3] == pytest.approx([309.3, 309.5, 309.6], abs=0.1)
    assert heavy.measured_by == ("process samples",)


def test_atop_gives_the_host_without_its_record_since_boot(read, pick, sample):
    """The first sample follows RESET; 16:32:02: 175 + 56 + 2 ticks of 100 in 10 s are 0.233 cores."""
    usage, _ = read({"atop.txt": sample("atop_P.txt")})
    cpu = pick(usage, "cpu")
    assert (cpu.times_s[0], cpu.values[0]) == (1795451512, pytest.approx(0.233))
    used_pages = 6171024 - 5429957 - 476697 - 20289 - 112332
    assert pick(usage, "memory").values[0] == pytest.approx(used_pages * 4096 / 1024**2)


def test_accounting_gives_the_cpu_time_of_the_whole_tree(read, sample):
    """126 + 493 ticks of the first child are 6.19 s; the shell itself used none; etime 720 ticks."""
    files = {"pacct": sample("pacct.v3.bin"), "fs/var/log/syslog": sample("syslog.debian-cron-12concurrent")}
    usage, problems = read(files)
    runs = next(runs for runs in usage.runs if "200 6 1" in runs.command)
    assert problems == ()
    assert runs.cpu_s == pytest.approx([6.19, 6.17, 6.15, 6.16, 6.26])
    assert runs.measured_by == ("process accounting",)


def test_accounting_as_text_gives_the_same_and_tells_ends_that_the_log_does_not(read, sample):
    """dump-acct's line carries ticks and the start; the end is start + elapsed."""
    text = (
        "python3         |v3|   126.00|   493.00|   720.00| 65534| 65534| 12920.00|6193152.00|    7405|    7402| |0|__ "
        "|Mon Nov 23 16:37:01 2026\n"
        "sh              |v3|     0.00|     0.00|   720.00| 65534| 65534|  2592.00|   1652.00|    7402|    7379|S|0|__ "
        "|Mon Nov 23 16:37:01 2026\n"
    )
    log = b"Nov 23 16:37:01 app01 CRON[7402]: (nobody) CMD (python3 /opt/jobs/job.py 200 6 1)\n"
    usage, problems = read({"acct.txt": text.encode(), "fs/var/log/syslog": log})
    assert problems == ("cron-log-without-ends",)
    assert usage.runs[0].cpu_s.tolist() == pytest.approx([6.19])
    assert usage.runs[0].ends_s.tolist() == pytest.approx([1795451821 + 7.2])


def test_accounting_that_ends_within_a_record_is_used_as_far_as_it_goes(read, sample):
    """630 bytes are nine records."""
    usage, problems = read({"pacct": sample("pacct.v3.bin")[:630]})
    assert problems == ("file-truncated",)
    assert usage.series == ()


def test_time_v_is_one_measured_run(read):
    """User and system time are added, h:mm:ss is read, the command is what `sh -c` was given."""
    text = (
        "the job's own output\n"
        '\tCommand being timed: "sh -c cd /srv && bin/close"\n'
        "\tUser time (seconds): 61.50\n\tSystem time (seconds): 2.25\n\tPercent of CPU this job got: 88%\n"
        "\tElapsed (wall clock) time (h:mm:ss or m:ss): 1:01:12.5\n\tMaximum resident set size (kbytes): 524288\n"
    )
    usage, problems = read({"close.txt": text.encode()})
    assert problems == ()
    one = usage.measurements[0]
    assert (one.command, one.cpu_s, one.elapsed_s, one.memory_mib) == ("cd /srv && bin/close", 63.75, 3672.5, 512.0)
    assert one.source.line == 2


def test_a_table_says_its_units_or_they_are_assumed_aloud(read, pick):
    """cpu_percent and memory_mib are known; a bare `cpu` is taken as percent with a problem."""
    known = b"time,cpu_percent,memory_mib\n2026-11-23T00:00:00Z,50,1024\n2026-11-23T00:01:00Z,25,1025\n"
    usage, problems = read({"a.csv": known}, processor_vcpus=4)
    assert problems == ()
    assert pick(usage, "cpu").values.tolist() == [2.0, 1.0]
    assert pick(usage, "memory").values.tolist() == [1024.0, 1025.0]
    usage, problems = read({"a.csv": b"timestamp,cpu,memory\n1795392000,50,2147483648\n"}, processor_vcpus=4)
    assert problems == ("metric-unit-assumed", "metric-unit-assumed")
    assert pick(usage, "memory").values.tolist() == [2048.0]


def test_a_file_in_no_known_format_is_named(read):
    """It costs one problem and nothing else."""
    usage, problems = read({"notes.txt": b"ask Taro about the batches\n"})
    assert (usage.series, problems) == ((), ("metrics-format-unknown",))
