"""run-parts folders, one job a script, and anacron, which starts them where it is installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from posixpath import basename

from msgspec import Struct, field

from analyzer.cron.daemons import CRONIE
from analyzer.model import CronDaemon, CronEntry, Host, Problem, Severity, Source
from analyzer.read.files import Tree

_FOLDERS = ("hourly", "daily", "weekly", "monthly")
# What the distributions' own tables say, for evidence that lacks them.
_DEBIAN_TIMES = {"hourly": "17 * * * *", "daily": "25 6 * * *", "weekly": "47 6 * * 7", "monthly": "52 6 1 * *"}
_RED_HAT_TIMES = {"hourly": "01 * * * *", "daily": "02 4 * * *", "weekly": "22 4 * * 0", "monthly": "42 4 1 * *"}
_RED_HAT_IGNORES = ("~", ",", ".rpmsave", ".rpmorig", ".rpmnew", ".swp", ".cfsaved", ",v")


class _Anacron(Struct, frozen=True):
    """/etc/anacrontab."""

    settings: dict[str, str] = field(default_factory=dict)
    jobs: tuple[tuple[int, str, str, str, str], ...] = ()
    """(line, period, delay, identifier, command)"""


def read_parts(
    host: Host, evidence: Tree, daemon: CronDaemon, tables: Sequence[CronEntry], problems: list[Problem]
) -> list[CronEntry]:
    """One entry for each script of the run-parts folders, and those of anacron's own lines."""
    anacron = _read_anacron(evidence, problems)
    entries: list[CronEntry] = []
    for period in _FOLDERS:
        folder = f"/etc/cron.{period}"
        starter = next((entry for entry in tables if _starts(entry, folder)), None)
        job = next((item for item in anacron.jobs if re.search(rf"run-parts\b.*{re.escape(folder)}\b", item[4])), None)
        by_anacron = job is not None and period != "hourly" and (starter is None or "anacron" in str(starter.command))
        for path in sorted(evidence.walk(f"fs{folder}")):
            name = basename(path).removesuffix(".gz")
            if name.startswith(".") or "/" in path.removeprefix(f"fs{folder}/") or name == "0anacron":
                continue
            settings = {"run_parts": period, "starter": str(starter.source) if starter else "the distribution's own"}
            schedule = starter.schedule if starter else _times(daemon)[period]
            if by_anacron and job is not None:
                settings |= {"anacron_period": job[1], "anacron_delay": job[2], **anacron.settings}
                schedule = f"{job[1]} {job[2]}"
            entries.append(
                CronEntry(
                    source=evidence.source(path),
                    host=host.name,
                    origin="host",
                    daemon=CronDaemon.ANACRON if by_anacron else daemon,
                    name=name,
                    path=f"{folder}/{name}",
                    user=starter.user if starter else "root",
                    schedule=schedule,
                    command=f"{folder}/{name}",
                    environment=starter.environment if starter else (),
                    timezone=starter.timezone if starter else "",
                    dead=_ignored(name, daemon) or (starter.dead if starter and not by_anacron else ""),
                    settings=settings,
                )
            )
    entries += [_anacron_entry(host, evidence, anacron, job) for job in anacron.jobs if "run-parts" not in job[4]]
    return entries


def _starts(entry: CronEntry, folder: str) -> bool:
    return entry.enabled and bool(re.search(rf"run-parts\b.*{re.escape(folder)}(?![\w.-])", str(entry.command)))


def _times(daemon: CronDaemon) -> dict[str, str]:
    return _RED_HAT_TIMES if daemon in CRONIE else _DEBIAN_TIMES


def _ignored(name: str, daemon: CronDaemon) -> str:
    if daemon in CRONIE:
        return f"run-parts ignores the name `{name}`" if name.endswith(_RED_HAT_IGNORES) else ""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return f"run-parts ignores names with other characters than A-Z a-z 0-9 _ -: `{name}` never ran"
    return ""


def _read_anacron(evidence: Tree, problems: list[Problem]) -> _Anacron:
    path = "fs/etc/anacrontab"
    if not evidence.is_file(path) or (text := evidence.read_text(path)) is None:
        return _Anacron()
    settings: dict[str, str] = {}
    jobs: list[tuple[int, str, str, str, str]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        row = raw.strip()
        if not row or row.startswith("#"):
            continue
        if found := re.fullmatch(r"([A-Za-z_]\w*)\s*=\s*(.*)", row):
            settings[found[1]] = found[2].strip("\"'")
        elif found := re.fullmatch(r"(@\w+|\d+)\s+(\d+)\s+(\S+)\s+(.+)", row):
            jobs.append((number, found[1], found[2], found[3], found[4]))
        else:
            message = f"/etc/anacrontab: `{row[:80]}` is no line of anacron (period delay identifier command)"
            source = Source(evidence.source(path).file, number)
            problems.append(Problem(Severity.WARNING, "crontab-line", message, source, "anacron skips this line"))
    return _Anacron(settings, tuple(jobs))


def _anacron_entry(host: Host, evidence: Tree, anacron: _Anacron, job: tuple[int, str, str, str, str]) -> CronEntry:
    number, period, delay, identifier, command = job
    return CronEntry(
        source=evidence.source("fs/etc/anacrontab", number),
        host=host.name,
        origin="host",
        daemon=CronDaemon.ANACRON,
        name=identifier,
        path="/etc/anacrontab",
        user="root",
        schedule=f"{period} {delay}",
        command=command,
        environment=tuple(
            (name, value)
            for name, value in anacron.settings.items()
            if name not in {"RANDOM_DELAY", "START_HOURS_RANGE"}
        ),
        settings={"anacron_period": period, "anacron_delay": delay, **anacron.settings},
    )
