"""Half an hour of a real host: Debian's cron, sysstat every ten seconds and process accounting.

The three jobs burn 12, 5 and 2 CPU-seconds and hold 400, 150 and 60 MiB, beside other work that kept both CPUs busy all
the time: the series cannot show what they need, and saying so is the right answer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from analyzer.decide.sizing import signals
from analyzer.decide.sizing.attribution import Attribution, attribute
from analyzer.decide.sizing.matching import match_runs
from analyzer.model import Host, Source
from analyzer.read.files import Tree
from analyzer.read.metrics import read_metrics
from analyzer.usage import HostUsage

RECORDING = Path(__file__).parents[2] / "fixtures" / "metrics" / "recording"


@pytest.fixture
def usage(tmp_path) -> HostUsage:
    for name, folder in (
        ("sadf.json.gz", "metrics"), ("acct.txt", "metrics"), ("syslog", "fs/var/log"), ("auth.log", "fs/var/log"),
    ):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_bytes((RECORDING / name).read_bytes())
    host = Host(name="app02", source=Source("inventory", 1), timezone="UTC", facts={"memtotal_mb": 24105})
    found, problems = read_metrics(host, Tree(tmp_path, "evidence/app02"))
    assert problems == ()
    return found


def attributed(usage: HostUsage, monkeypatch) -> Attribution:
    monkeypatch.setattr(signals, "SHORTEST_RECORD_S", 600)
    cpu = signals.cpu_signal(usage, usage.vcpus)
    memory = signals.memory_signal(usage, usage.memory_total_mib)
    assert cpu is not None
    return attribute(cpu, memory, match_runs(usage, (), cpu, None), usage.vcpus)


def test_accounting_joined_by_pid_gives_what_each_job_burned(usage):
    """No run used more than its job asks for and the interpreter's own start, whatever the host was doing."""
    burned = {runs.command.rsplit("job.py ", 1)[1]: runs.cpu_s for runs in usage.runs}
    assert {name: len(values) for name, values in burned.items()} == {"400 12 6": 8, "150 5 15": 7, "60 2 2": 5}
    for name, values in burned.items():
        asked = float(name.split()[1])
        assert np.isfinite(values).all()
        assert asked * 0.4 <= values.min()
        assert asked <= values.max() <= asked * 1.25
    assert all(runs.end_evidence == (("END line", len(runs.starts_s)),) for runs in usage.runs)


def test_on_a_saturated_host_nothing_is_called_high_and_the_reason_is_said(usage, monkeypatch):
    """Without accounting the estimates are wrong by far: the labels know it."""
    blind = replace(usage, runs=tuple(replace(one, cpu_s=np.full(len(one.starts_s), np.nan)) for one in usage.runs))
    for one in attributed(blind, monkeypatch).jobs:
        assert one.labels.cpu in ("low", "medium")
        assert one.labels.memory in ("low", "medium")
        assert any("all CPUs were busy" in reason for reason in one.labels.reasons)


def test_with_accounting_the_same_host_gives_the_truth(usage, monkeypatch):
    """Measured CPU-seconds replace the estimate, with the label high."""
    for one in attributed(usage, monkeypatch).jobs:
        asked = float(one.job.split()[-2])
        assert one.cpu_s == pytest.approx(asked, rel=0.3), one.job
        assert one.labels.cpu == "high"
