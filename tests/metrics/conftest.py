"""Reading evidence made of a few files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analyzer.model import Host, Source
from analyzer.read.files import Tree
from analyzer.read.metrics import read_metrics
from analyzer.usage import HostUsage, Series

SAMPLES = Path(__file__).parents[2] / "fixtures" / "metrics"
Reader = Callable[..., tuple[HostUsage, tuple[str, ...]]]


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """The bytes of a recorded file."""
    return lambda name: (SAMPLES / name).read_bytes()


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Read `metrics/<name>` (or a path with folders) -> (usage, codes of the problems)."""
    count = iter(range(100))

    def reader(files: dict[str, bytes], timezone: str = "UTC", **facts: object) -> tuple[HostUsage, tuple[str, ...]]:
        root = tmp_path / str(next(count))
        for name, data in files.items():
            path = root / (name if "/" in name else f"metrics/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        root.mkdir(exist_ok=True)
        host = Host(name="app01", source=Source("inventory", 1), timezone=timezone, facts=facts)
        usage, problems = read_metrics(host, Tree(root, "evidence/app01"))
        return usage, tuple(problem.code for problem in problems)

    return reader


@pytest.fixture
def pick() -> Callable[..., Series]:
    """The series of a quantity."""

    def find(usage: HostUsage, quantity: str, statistic: str | None = None, process: str = "") -> Series:
        return next(
            s
            for s in usage.series
            if s.quantity == quantity and statistic in (None, s.statistic) and s.process == process
        )

    return find
