"""Entries that are one and the same job: seen in Ansible and on a host, or on several hosts; and their differences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct, field

from analyzer.model import CronEntry


class JobEntries(Struct):
    """The entries of one job, the deciding one first."""

    entries: list[CronEntry] = field(default_factory=list)

    @property
    def leading(self) -> CronEntry:
        """What runs today: the host's own table where there is evidence, else Ansible's."""
        return next((entry for entry in self.entries if entry.origin == "host"), self.entries[0])

    @property
    def from_ansible(self) -> CronEntry | None:
        return next((entry for entry in self.entries if entry.origin == "ansible"), None)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.host for entry in self.entries if entry.origin == "host"))

    def place(self) -> set[tuple[str, str]]:
        return {(entry.origin, entry.host) for entry in self.entries}


def merge(entries: Sequence[CronEntry]) -> list[JobEntries]:
    """One group a job, in the order in which jobs appear; entries of one place are never one job.

    The closest matches are made first, so that two lines with one command and two schedules find their own partners.
    """
    groups: list[JobEntries] = []
    places = list(dict.fromkeys((entry.origin, entry.host) for entry in entries))
    # The playbook's order first: it is what a reviewer knows.
    for place in sorted(places, key=lambda item: item[0] != "ansible"):
        waiting = [entry for entry in entries if (entry.origin, entry.host) == place]
        for same in (_identical, _same_name, _same_command):
            left = []
            for entry in waiting:
                group = next(
                    (
                        item
                        for item in groups
                        if place not in item.place() and any(same(entry, e) for e in item.entries)
                    ),
                    None,
                )
                if group is None:
                    left.append(entry)
                else:
                    group.entries.append(entry)
            waiting = left
        groups.extend(JobEntries([entry]) for entry in waiting)
    return groups


def _table(entry: CronEntry) -> str:
    """Where an entry stands; a user's table has another path under each daemon."""
    return f"user {entry.user}" if entry.path.startswith("/var/spool/cron") else entry.path


def _text(entry: CronEntry) -> str:
    return re.sub(r"\s+", " ", str(entry.command)).strip()


def _identical(one: CronEntry, other: CronEntry) -> bool:
    return (one.kind, one.schedule.split(), _text(one), one.user) == (
        other.kind,
        other.schedule.split(),
        _text(other),
        other.user,
    ) and one.name == other.name


def _same_name(one: CronEntry, other: CronEntry) -> bool:
    return bool(one.name) and (one.kind, one.name, _table(one)) == (other.kind, other.name, _table(other))


def _same_command(one: CronEntry, other: CronEntry) -> bool:
    return bool(_text(one)) and (one.kind, _text(one), one.user) == (other.kind, _text(other), other.user)


def differences(leading: CronEntry, other: CronEntry) -> list[str]:
    """How `other` differs from `leading`, in words."""
    found = []
    if leading.schedule.split() != other.schedule.split():
        found.append(f"schedule `{_flat(leading.schedule)}`, not `{_flat(other.schedule)}`")
    if _text(leading) != _text(other):
        found.append(f"command `{_text(leading)}`, not `{_text(other)}`")
    if leading.user != other.user:
        found.append(f"user {leading.user}, not {other.user}")
    if leading.enabled != other.enabled:
        found.append("enabled, not disabled" if leading.enabled else "disabled, not enabled")
    if leading.timezone != other.timezone:
        found.append(f"time zone {leading.timezone or 'of the host'}, not {other.timezone or 'of the host'}")
    ours, theirs = dict(leading.environment), dict(other.environment)
    names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    if names:
        found.append(f"other settings above it: {', '.join(names)}")
    return found


def _flat(schedule: str) -> str:
    return " ".join(schedule.split())
