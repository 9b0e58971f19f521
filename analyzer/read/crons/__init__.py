"""Schedules as a host and its playbooks state them: crontabs, cron.d, run-parts folders, anacron, systemd timers."""

from __future__ import annotations

from analyzer.cron.daemons import daemon_of
from analyzer.model import CronDaemon, CronEntry, Host, Problem, Severity
from analyzer.read.crons.parts import read_parts
from analyzer.read.crons.tables import read_tables
from analyzer.read.crons.tasks import crons_from_tasks
from analyzer.read.crons.timers import read_timers
from analyzer.read.files import Tree

__all__ = ["crons_from_tasks", "read_crons"]


def read_crons(host: Host, evidence: Tree) -> tuple[tuple[CronEntry, ...], tuple[Problem, ...]]:
    """Every entry of `host`'s evidence (the tree `evidence/<host>`), the dead ones too, and what was odd.

    `evidence.problems` holds what opening the files met; it is not repeated here.
    """
    problems: list[Problem] = []
    daemon = daemon_of(host.facts, host.packages)
    tables = read_tables(host, evidence, daemon or CronDaemon.DEBIAN, problems)
    if daemon is None and tables:
        message = f"{host.name}: nothing tells which cron reads its crontabs; they are read as Debian's cron reads them"
        hint = "give facts.json or fs/etc/os-release: programs differ in what they refuse and in day and clock rules"
        problems.append(Problem(Severity.WARNING, "cron-daemon-unknown", message, tables[0].source, hint))
    if "systemd-cron" in host.packages and tables:
        message = f"{host.name} has systemd-cron, which joins both day fields with AND and starts weeks on Monday"
        hint = (
            "look at the lines that restrict day of month and weekday, and at @weekly; they are read as cron reads them"
        )
        problems.append(Problem(Severity.WARNING, "cron-is-systemd-cron", message, tables[0].source, hint))
    entries = [
        *tables,
        *read_parts(host, evidence, daemon or CronDaemon.DEBIAN, tables, problems),
        *read_timers(host, evidence, problems),
    ]
    return tuple(entries), tuple(problems)
