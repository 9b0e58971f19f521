"""What a job needs to know of its host: the time zone of its cron, and the home of its user."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.cron.zones import ZoneError, zone
from analyzer.model import CronEntry, Host, MakeUser, SetTimezone, Settings, Step

ZONE_QUESTION = "timezone"
"""One question for every job whose host says no zone."""


def zone_of(entry: CronEntry, hosts: Sequence[Host], steps: Sequence[Step], settings: Settings) -> tuple[str, str]:
    """The zone of the host's cron and where it is said."""
    for host in hosts:
        if host.name == entry.host and host.timezone:
            return host.timezone, str(host.timezone_source or host.source)
    known = {host.timezone for host in hosts if host.timezone}
    if not entry.host and len(known) == 1:
        return known.pop(), "the hosts' evidence"
    tasks = [step for step in steps if isinstance(step.effect, SetTimezone)]
    named = {step.effect.name for step in tasks if isinstance(step.effect, SetTimezone)}
    if len(named) == 1:
        sources = tasks[0].via.sources
        return named.pop(), str(sources[0]) if sources else "an Ansible task"
    return told_zone(settings)


def told_zone(settings: Settings) -> tuple[str, str]:
    """What a person says of hosts whose evidence tells no zone, and where; ("", "") where nobody does."""
    if settings.timezone:
        return settings.timezone, str(settings.decided_at.get("timezone", "--timezone"))
    return answered_zone(settings)


def answered_zone(settings: Settings) -> tuple[str, str]:
    """What a reviewer answered, and where; ("", "") where nobody did, or with a zone that there is not."""
    name = str(settings.answers.get(ZONE_QUESTION, ""))
    try:
        zone(name)
    except ZoneError:
        return "", ""
    key = f"answers.{ZONE_QUESTION}"
    return name, str(settings.decided_at.get(key, key))


def home_of(user: str, host: Host | None, steps: Sequence[Step]) -> str:
    """The user's home, where cron starts its jobs."""
    for account in host.users if host is not None else ():
        if account.name == user and account.home:
            return account.home
    for step in steps:
        if isinstance(step.effect, MakeUser) and step.effect.name == user and step.effect.home:
            return step.effect.home
    return "/root" if user == "root" else f"/home/{user}"
