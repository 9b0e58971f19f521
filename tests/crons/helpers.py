"""Small inputs: a host's evidence from texts, and jobs decided from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analyzer.decide.schedules import JobDecisions, decide_jobs
from analyzer.model import CronDaemon, CronEntry, Host, Settings, Source
from analyzer.read.crons import read_crons
from analyzer.read.files import Tree
from analyzer.resources import rule_texts

DEBIAN = {"distribution": "Debian", "distribution_major_version": "12", "os_family": "Debian"}
AMAZON = {"distribution": "Amazon", "distribution_major_version": "2023", "os_family": "RedHat"}


def host(facts: Mapping[str, object] = DEBIAN, timezone: str = "Asia/Tokyo", name: str = "web01") -> Host:
    return Host(name=name, source=Source(f"evidence/{name}"), facts=facts, timezone=timezone)


def evidence(folder: Path, files: Mapping[str, str], name: str = "web01") -> Tree:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return Tree(folder, f"evidence/{name}")


def entries_of(folder: Path, files: Mapping[str, str], facts: Mapping[str, object] = DEBIAN):
    return read_crons(host(facts), evidence(folder, files))


def entry(line: str, **changes: object) -> CronEntry:
    """One line of user app's table on a Debian host."""
    words = line.split(None, 1 if line.startswith("@") else 5)
    command = words.pop() if len(words) > (1 if line.startswith("@") else 5) else "true"
    values: dict[str, object] = {
        "source": Source("evidence/web01/fs/var/spool/cron/crontabs/app", 1),
        "host": "web01",
        "origin": "host",
        "daemon": CronDaemon.DEBIAN,
        "path": "/var/spool/cron/crontabs/app",
        "user": "app",
        "schedule": " ".join(words),
        "command": command,
    }
    return CronEntry(**(values | changes))


def decided(
    *entries: CronEntry, facts: Mapping[str, object] = DEBIAN, timezone: str = "Asia/Tokyo", **settings: object
) -> JobDecisions:
    return decide_jobs(entries, [host(facts, timezone)], (), Settings(**settings), rule_texts())
