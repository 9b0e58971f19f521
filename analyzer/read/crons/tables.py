"""Crontabs of users and of the system, in the places and under the file-name rules of the daemon that reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import basename

from analyzer.cron.crontab import Line, Table, read_table
from analyzer.cron.daemons import CRONIE
from analyzer.model import CronDaemon, CronEntry, Host, Problem, Severity, Source
from analyzer.read.files import Tree

_DEBIAN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_CRONIE_REFUSES = (".rpmsave", ".rpmorig", ".rpmnew", "~")
_PLACEHOLDERS = frozenset({".placeholder", ".gitkeep", ".keep"})


def read_tables(host: Host, evidence: Tree, daemon: CronDaemon, problems: list[Problem]) -> list[CronEntry]:
    """Entries of /etc/crontab, /etc/cron.d and users' own tables."""
    entries: list[CronEntry] = []
    if daemon is not CronDaemon.BUSYBOX:
        if evidence.is_file("fs/etc/crontab"):
            entries += _table(host, evidence, "fs/etc/crontab", "/etc/crontab", daemon, problems)
        for path in _files(evidence, "fs/etc/cron.d"):
            entries += _drop_in(host, evidence, path, daemon, problems)
    entries += _user_tables(host, evidence, daemon, problems)
    return entries


def file_name_refused(name: str, daemon: CronDaemon) -> str:
    """Why the daemon does not read a file of that name in cron.d, "" if it does."""
    if daemon is CronDaemon.DEBIAN and not _DEBIAN_NAME.fullmatch(name):
        return f"Debian cron ignores files in cron.d whose name has other characters than A-Z a-z 0-9 _ -: `{name}`"
    if daemon in CRONIE and (name.startswith((".", "#")) or name.endswith(_CRONIE_REFUSES)):
        return f"cronie ignores the file name `{name}` in cron.d"
    return ""


def entries_of(
    table: Table, *, host: str, daemon: CronDaemon, path: str, user: str, sources: Iterable[Source], dead: str = ""
) -> list[CronEntry]:
    """Entries of a table; `user` is its owner, "" where the sixth column names one. `sources`: one for each line."""
    return [
        _entry_of(line, host=host, daemon=daemon, path=path, user=user, source=source, dead=dead)
        for line, source in zip(table.lines, sources, strict=True)
    ]


def _entry_of(
    line: Line, *, host: str, daemon: CronDaemon, path: str, user: str, source: Source, dead: str
) -> CronEntry:
    environment = dict(line.environment)
    # Only cronie reads CRON_TZ itself; elsewhere it is one more variable of the job.
    zone = environment.get("CRON_TZ", "") if daemon in CRONIE else ""
    return CronEntry(
        source=source,
        host=host,
        origin="host" if host else "ansible",
        daemon=daemon,
        name=line.name,
        path=path,
        user=line.user or user,
        schedule=line.schedule,
        command=line.command,
        environment=line.environment,
        enabled=line.enabled,
        timezone=zone,
        dead=dead or line.dead,
    )


def _files(evidence: Tree, folder: str) -> list[str]:
    """Files directly in `folder`, as they are called on the host (without the `.gz` of the evidence)."""
    return [
        path.removesuffix(".gz")
        for path in evidence.walk(folder)
        if "/" not in path.removeprefix(folder + "/") and basename(path) not in _PLACEHOLDERS
    ]


def _drop_in(host: Host, evidence: Tree, path: str, daemon: CronDaemon, problems: list[Problem]) -> list[CronEntry]:
    refused = file_name_refused(basename(path), daemon)
    entries = _table(host, evidence, path, f"/etc/cron.d/{basename(path)}", daemon, problems, dead=refused)
    if refused and entries:
        hint = "the jobs in it never ran on this host; leave them behind, or rename the file if they should have run"
        problems.append(Problem(Severity.WARNING, "cron-file-ignored", refused, evidence.source(path), hint))
    return entries


def _user_tables(host: Host, evidence: Tree, daemon: CronDaemon, problems: list[Problem]) -> list[CronEntry]:
    entries: list[CronEntry] = []
    seen: set[str] = set()
    for folder in ("fs/var/spool/cron/crontabs", "fs/var/spool/cron"):
        for path in _files(evidence, folder):
            user = basename(path)
            if user in seen or user.startswith((".", "tmp.")):
                continue
            seen.add(user)
            place = "/" + path.removeprefix("fs/")
            entries += _table(host, evidence, path, place, daemon, problems, user=user)
    folder = "/var/spool/cron" if daemon in CRONIE else "/var/spool/cron/crontabs"
    for path in _files(evidence, "cmd"):
        found = re.fullmatch(r"crontab-(.+)\.txt", basename(path))
        if found is None:
            continue
        user = found[1]
        listed = _table(host, evidence, path, f"{folder}/{user}", daemon, [] if user in seen else problems, user=user)
        if user not in seen:
            seen.add(user)
            entries += listed
        elif _texts(listed) != _texts(entry for entry in entries if entry.path.endswith(f"/{user}")):
            message = f"`crontab -l` of {user} and the file below /var/spool/cron differ; the file is used"
            hint = "gather both again at the same time"
            problems.append(Problem(Severity.WARNING, "crontab-differs", message, evidence.source(path), hint))
    return entries


def _texts(entries: Iterable[CronEntry]) -> list[tuple[str, object, bool]]:
    return sorted((entry.schedule, str(entry.command), entry.enabled) for entry in entries if entry.kind == "cron")


def _table(
    host: Host,
    evidence: Tree,
    path: str,
    place: str,
    daemon: CronDaemon,
    problems: list[Problem],
    *,
    user: str = "",
    dead: str = "",
) -> list[CronEntry]:
    text = evidence.read_text(path)
    if text is None or re.fullmatch(r"\s*(crontab: )?no crontab for \S+\s*", text):
        return []
    table = read_table(text, daemon, system=not user, complete=path.startswith("fs/"))
    for complaint in table.complaints if not dead else ():
        whole_file = daemon is CronDaemon.DEBIAN and not complaint.harmless
        effect = "; Syntax error, this crontab file will be ignored" if whole_file else ""
        problems.append(
            Problem(
                Severity.NOTE if complaint.harmless else Severity.WARNING,
                "crontab-file-dead" if whole_file else "crontab-line",
                f"{place}: {complaint.message}{effect}",
                evidence.source(path, complaint.number),
                complaint.hint
                or (
                    "none of its jobs ran on this host: decide which of them should have"
                    if whole_file
                    else f"{daemon.value} skips this line only"
                ),
            )
        )
    if daemon not in CRONIE:
        problems += _zone_without_effect(table, place, daemon, evidence.source(path))
    problems += _unknown_users(host, table, place, daemon, evidence.source(path), owner=user)
    sources = [evidence.source(path, line.number) for line in table.lines]
    return entries_of(table, host=host.name, daemon=daemon, path=place, user=user, sources=sources, dead=dead)


def _unknown_users(
    host: Host, table: Table, place: str, daemon: CronDaemon, source: Source, *, owner: str
) -> list[Problem]:
    """Users that /etc/passwd does not have; they may come from a directory service, so the entries stay alive."""
    known = {account.name for account in host.users}
    named = [(line.number, line.user or owner) for line in table.lines if line.enabled]
    missing = {user: number for number, user in reversed(named) if known and user and user not in known}
    found = []
    for user, number in sorted(missing.items(), key=lambda item: item[1]):
        if owner:
            effect = "ORPHAN (no passwd entry)"
        elif daemon is CronDaemon.DEBIAN:
            effect = "bad username; Syntax error, this crontab file will be ignored"
        else:
            effect = "the entry is skipped at run time"
        message = f"{place}: {user} is not in the host's /etc/passwd: {effect}"
        hint = "unless a directory service knows the user, these jobs have not been running"
        found.append(Problem(Severity.WARNING, "cron-user-unknown", message, Source(source.file, number), hint))
    return found


def _zone_without_effect(table: Table, place: str, daemon: CronDaemon, source: Source) -> list[Problem]:
    names = sorted({name for name, _ in table.environment} & {"CRON_TZ", "TZ"})
    if not names or not table.lines:
        return []
    message = f"{place} sets {' and '.join(names)}, which {daemon.value}'s cron gives to the jobs but not to itself"
    hint = "the jobs start by the host's own zone; only what they print or compute uses this one"
    return [Problem(Severity.NOTE, "cron-zone-without-effect", message, source, hint)]
