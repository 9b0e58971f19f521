"""systemd timers with the service each of them starts: unit files with their drop-ins, and `systemctl list-timers`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from posixpath import basename

from msgspec import Struct

from analyzer.model import CronDaemon, CronEntry, Host, Problem, Severity, Source
from analyzer.read.files import Tree

_FOLDERS = ("fs/etc/systemd/system", "fs/usr/lib/systemd/system", "fs/lib/systemd/system")
_MONOTONIC = ("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec")
_KEPT = ("RandomizedDelaySec", "FixedRandomDelay", "Persistent", "AccuracySec")
_FROM_SERVICE = (
    "Type", "WorkingDirectory", "TimeoutStartSec", "RuntimeMaxSec", "EnvironmentFile", "Restart", "Group",
)  # fmt: skip

Unit = Sequence[tuple[str, str, str]]
"""(section, setting, value) in order, continued lines joined."""


class UnitText(Struct, frozen=True):
    """A unit file (or what a task makes of one)."""

    text: str
    source: Source


def read_unit(text: str) -> Unit:
    """The settings of a unit file; comments, blank lines and continued lines as systemd treats them."""
    found: list[tuple[str, str, str]] = []
    section, pending = "", ""
    for raw in text.split("\n"):
        row = raw.strip()
        if pending and row.startswith(("#", ";")):
            continue
        row, pending = pending + row, ""
        if row.endswith("\\"):
            pending = row[:-1] + " "
        elif row.startswith("[") and row.endswith("]"):
            section = row[1:-1]
        elif row and not row.startswith(("#", ";")) and "=" in row:
            name, _, value = row.partition("=")
            found.append((section, name.strip(), value.strip()))
    return found


def values(unit: Unit, section: str, name: str) -> list[str]:
    """All values of a setting; an empty one clears those before it."""
    result: list[str] = []
    for where, what, value in unit:
        if (where, what) == (section, name):
            result = [*result, value] if value else []
    return result


def timer_entry(name: str, timer: UnitText, service: UnitText | None, *, host: str, enabled: bool) -> CronEntry:
    """The entry of timer `name` (without `.timer`) and the service it starts."""
    unit = read_unit(timer.text)
    schedule = [f"OnCalendar={value}" for value in values(unit, "Timer", "OnCalendar")]
    schedule += [f"{what}={value}" for what in _MONOTONIC for value in values(unit, "Timer", what)]
    settings = {what: last[-1] for what in _KEPT if (last := values(unit, "Timer", what))}
    activates = (values(unit, "Timer", "Unit") or [f"{name}.service"])[-1]
    settings["unit"] = activates
    command, user, environment = "", "root", []
    if service is not None:
        started = read_unit(service.text)
        commands = [re.sub(r"^[-@:+!|]+", "", value) for value in values(started, "Service", "ExecStart")]
        command = " && ".join(commands)
        user = (values(started, "Service", "User") or ["root"])[-1]
        settings |= {what: last[-1] for what in _FROM_SERVICE if (last := values(started, "Service", what))}
        environment = [pair for value in values(started, "Service", "Environment") for pair in _assignments(value)]
        settings["service"] = str(service.source)
    return CronEntry(
        kind="timer",
        source=timer.source,
        host=host,
        origin="host" if host else "ansible",
        daemon=CronDaemon.SYSTEMD,
        name=name,
        path=f"/etc/systemd/system/{name}.timer",
        user=user,
        schedule="\n".join(schedule),
        command=command,
        environment=tuple(environment),
        enabled=enabled,
        settings=settings,
    )


def _assignments(value: str) -> list[tuple[str, str]]:
    found = re.findall(r"""(?:"([^"]*)"|'([^']*)'|(\S+))""", value)
    pairs = (next(part for part in parts if part) for parts in found if any(parts))
    return [(name, text.strip("\"'")) for name, sign, text in (pair.partition("=") for pair in pairs) if sign]


def read_timers(host: Host, evidence: Tree, problems: list[Problem]) -> list[CronEntry]:
    """Timers whose unit is in the evidence, and those that only `systemctl list-timers` shows."""
    units = unit_texts(evidence)
    listed = _listed(evidence)
    wanted = {basename(path) for path in units if path.endswith(".timer")}
    entries: list[CronEntry] = []
    for path in sorted(wanted):
        name = path.removesuffix(".timer")
        timer = units[path]
        settings = read_unit(timer.text)
        activates = (values(settings, "Timer", "Unit") or [f"{name}.service"])[-1]
        service = units.get(activates)
        if service is None:
            message = f"{name}.timer starts {activates}, whose unit file is not in the evidence"
            hint = f"give fs/etc/systemd/system/{activates} (or fs/usr/lib/systemd/system/{activates})"
            problems.append(Problem(Severity.WARNING, "timer-without-service", message, timer.source, hint))
        enabled = not listed or path in listed
        entries.append(timer_entry(name, timer, service, host=host.name, enabled=enabled))
    for path, source in sorted(listed.items()):
        if path not in wanted:
            entries.append(
                CronEntry(
                    kind="timer",
                    source=source,
                    host=host.name,
                    origin="host",
                    daemon=CronDaemon.SYSTEMD,
                    name=path.removesuffix(".timer"),
                    user="root",
                    schedule="",
                    command="",
                    settings={"unit": path.removesuffix(".timer") + ".service"},
                )
            )
    return entries


def unit_texts(evidence: Tree) -> Mapping[str, UnitText]:
    """Unit name -> text with its drop-ins appended; /etc goes before /usr/lib."""
    found: dict[str, UnitText] = {}
    for folder in _FOLDERS:
        for path in evidence.walk(folder):
            name = path.removeprefix(folder + "/").removesuffix(".gz")
            if "/" in name or not name.endswith((".timer", ".service")) or name in found:
                continue
            text = evidence.read_text(path)
            if text is not None:
                found[name] = UnitText(text, evidence.source(path))
    for folder in reversed(_FOLDERS):
        for path in evidence.walk(folder):
            drop_in = re.fullmatch(r"([^/]+\.(?:timer|service))\.d/[^/]+\.conf", path.removeprefix(folder + "/"))
            if drop_in and drop_in[1] in found and (text := evidence.read_text(path)) is not None:
                unit = found[drop_in[1]]
                found[drop_in[1]] = UnitText(f"{unit.text}\n{text}", unit.source)
    return found


def _listed(evidence: Tree) -> dict[str, Source]:
    """Timers that systemd has loaded, by `systemctl list-timers`."""
    found: dict[str, Source] = {}
    for path in ("cmd/systemctl-timers.txt", "cmd/systemctl-list-timers.txt"):
        if evidence.is_file(path) and (text := evidence.read_text(path)) is not None:
            for number, row in enumerate(text.split("\n"), 1):
                if unit := re.search(r"(\S+\.timer)(?:\s|$)", row):
                    found.setdefault(unit[1], evidence.source(path, number))
    return found
