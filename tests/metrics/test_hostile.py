"""Files that were cut, torn, doubled or tampered with: problems and whatever is left, never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.model import Host, Source
from analyzer.read.files import Tree
from analyzer.read.metrics import METRIC_FORMATS, read_metrics
from analyzer.read.metrics.reading import MetricFile

SAMPLES = Path(__file__).parents[2] / "fixtures" / "metrics"
MOST_BYTES = 6000
"""Of each sample: enough for every kind of row, and short enough that a change often hits what matters."""
TOKENS = [
    b"\x00", b"\xff\xfe", b'"', b"{", b"[", b"]", b"}", b"null", b"-1", b"1e999", b"NaN", b"9" * 400, b"\n", b";", b",",
    b"(", b")", b"|", b"#", b"%", b"0000-00-00", b"9999-99-99T99:99:99Z", b"99:99:99", b"\xe2\x80\xa8", b" ",
]  # fmt: skip


def _sadf() -> bytes:
    document = orjson.loads((SAMPLES / "sadf-j_u_r_q.json").read_bytes())
    document["sysstat"]["hosts"][0]["statistics"] = document["sysstat"]["hosts"][0]["statistics"][:8]
    return orjson.dumps(document)


def _cloudwatch() -> bytes:
    stamps = [f"2026-11-23T00:{minute:02d}:00+00:00" for minute in range(20)]
    results = [
        {"Id": name, "Label": label, "Timestamps": stamps, "Values": [float(n) for n in range(20)], "StatusCode": "Complete"}
        for name, label in (("cpu", "CPUUtilization Average"), ("mem", "mem_used_percent Maximum"))
    ]  # fmt: skip
    return orjson.dumps({"MetricDataResults": results, "Messages": []})


def _sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()[:MOST_BYTES]


FILES: dict[str, tuple[str, bytes]] = {
    "sadf -j": ("metrics/sa.json", _sadf()),
    "get-metric-data": ("metrics/cw.json", _cloudwatch()),
    "get-metric-statistics": (
        "metrics/st.json",
        orjson.dumps(
            {
                "Label": "CPUUtilization",
                "Datapoints": [
                    {"Timestamp": f"2026-11-23T00:{n:02d}:00Z", "Average": 1.5 * n, "Unit": "Percent"} for n in range(20)
                ],
            }
        ),
    ),
    "sadf -d": (
        "metrics/sadf.csv",
        b"# hostname;interval;timestamp;CPU;%user;%iowait;%steal;%idle\n"
        + b"".join(b"a;60;2026-11-23 00:%02d:01 UTC;-1;10.0;1.0;2.0;82.0\n" % n for n in range(20)),
    ),
    "sar": ("metrics/sar.txt", _sample("sar_A.txt")),
    "pidstat": ("metrics/pidstat.txt", _sample("pidstat_h_r_u.txt")),
    "atop": ("metrics/atop.txt", _sample("atop_P.txt")),
    "pacct": ("metrics/pacct", _sample("pacct.v3.bin")),
    "dump-acct": ("metrics/acct.txt", (SAMPLES / "recording" / "acct.txt").read_bytes()[:2000]),
    "time -v": (
        "metrics/time.txt",
        (b'\tCommand being timed: "sh -c /bin/a"\n\tUser time (seconds): 61.50\n\tSystem time (seconds): 2.25\n'
         b"\tElapsed (wall clock) time (h:mm:ss or m:ss): 1:01:12.5\n\tMaximum resident set size (kbytes): 524288\n"),
    ),
    "csv": ("metrics/table.csv", b"time,cpu_percent,memory_mib\n" + b"2026-11-23T00:00:00Z,50,1024\n" * 20),
    "syslog": ("fs/var/log/syslog", _sample("syslog.debian-cron")),
    "rfc3339": ("fs/var/log/syslog", _sample("syslog.debian-cron.rfc3339")),
    "cronie": ("fs/var/log/cron", _sample("syslog.cronie-1.7.2")),
    "journald": (
        "cmd/journal-cron.txt",
        b"\n".join(
            orjson.dumps(
                {"SYSLOG_IDENTIFIER": "CRON", "_PID": str(n), "__REALTIME_TIMESTAMP": str(1795451521900000 + n * 10**6),
                 "MESSAGE": f"(app) {'END' if n % 2 else 'CMD'} (/bin/x)"}
            )
            for n in range(20)
        ),
    ),
}  # fmt: skip


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, float, float, bytes]]:
    """What is done to a file, in places given as parts of its length."""
    part = st.floats(0, 1, exclude_max=True)
    kind = st.sampled_from(["cut", "drop", "double", "insert", "replace", "flip"])
    return draw(st.lists(st.tuples(kind, part, part, st.sampled_from(TOKENS)), min_size=1, max_size=4))


def changed(data: bytes, steps: list[tuple[str, float, float, bytes]]) -> bytes:
    """The file after them."""
    for kind, first, second, token in steps:
        low, high = sorted((int(first * len(data)), int(second * len(data))))
        near = min(high, low + 40)
        if kind == "cut":
            data = data[:high]
        elif kind == "drop":
            data = data[:low] + data[near:]
        elif kind == "double":
            data = data[:near] + data[low:]
        elif kind == "insert":
            data = data[:low] + token + data[low:]
        elif kind == "replace":
            data = data[:low] + token + data[low + len(token) :]
        elif data:
            place = min(low, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :]
    return data


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=changes())
def test_a_damaged_file_of_any_format_gives_problems_and_tidy_numbers(name, steps):
    """Every series stays finite, ascending and of one length; every run has a start; every problem has a place."""
    path, data = FILES[name]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / path
        place.parent.mkdir(parents=True)
        place.write_bytes(changed(data, steps))
        host = Host(
            name="app01", source=Source("inventory", 1), timezone="UTC",
            facts={"memtotal_mb": 24105, "date_time": {"epoch": "1795453200"}},
        )  # fmt: skip
        usage, problems = read_metrics(host, Tree(Path(folder), "evidence/app01"))
    for series in usage.series:
        assert np.isfinite(series.values).all()
        assert (series.values >= 0).all()
        assert (np.diff(series.times_s) > 0).all()
        assert len(series.times_s) == len(series.values)
    for runs in usage.runs:
        assert len(runs.starts_s) == len(runs.ends_s) == len(runs.pids)
        assert not (runs.ends_s < runs.starts_s).any()
    assert all(problem.source is not None and problem.message for problem in problems)


@pytest.mark.parametrize("name", [name for name, (path, _) in FILES.items() if path.startswith("metrics/")])
def test_each_sample_is_recognised_as_its_own_format_and_read_without_a_problem(name):
    """Undamaged, so that the test above damages something that works."""
    _, data = FILES[name]
    kinds = [one for one in METRIC_FORMATS if one.recognises(data)]
    file = MetricFile(source=Source("x", 1), data=data, timezone="UTC")
    reading = kinds[0].read(file)
    assert reading.series or reading.samples or reading.records or reading.measurements
