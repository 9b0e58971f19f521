"""Where long-running processes come from: units of systemd, programs of supervisor, units that only a host has."""

from __future__ import annotations

import re
import shlex

from analyzer.decide.image_paths import normal
from analyzer.decide.processes_foreground import STARTERS, in_front
from analyzer.decide.processes_seen import SUPERVISOR, TIMER, UNIT, Found, Seen
from analyzer.decide.processes_units import (
    Unit,
    exec_words,
    expand,
    parse_environment_file,
    parse_supervisor,
    seconds,
    specifiers_of,
    split_words,
    unwrap_shell,
)
from analyzer.model import MakeDirectory, Ownership, Source, Step, Via

_BY_COMMAND = "A task's command starts it; no unit of the host does."
_KEPT_IN_FRONT = "Its command went to the background; a container ends with its command, so it stays in front."


def units(seen: Seen) -> list[Found]:
    """Processes of systemd's units: those that a task writes, then those that only the hosts have."""
    names: dict[str, list[str]] = {}
    for path in seen.texts:
        if match := UNIT.fullmatch(path):
            names.setdefault(match["unit"], []).append(path)
    timers = {match["name"] for path in seen.texts if (match := TIMER.fullmatch(path))}
    found = []
    for unit_name, paths in names.items():
        unit = Unit()
        # the unit itself first, then its drop-ins by name
        for path in sorted(paths, key=lambda each: (".service.d/" in each, each)):
            unit.read(seen.texts[path][0])
        _, step, effect = seen.texts[min(paths, key=lambda each: (".service.d/" in each, each))]
        home = UNIT.fullmatch(normal(effect.path))["home"]  # type: ignore[index]  # it matched above
        account = effect.ownership.owner or (home.rsplit("/", 1)[-1] if home else "")
        found += _unit(seen, unit_name, unit, step.via, effect.content.source, timers, account if home else "")
    for name in seen.states:
        unit_name = f"{name}.service"
        if unit_name in names or seen.is_elsewhere(name) or unit_name not in seen.host_units:
            continue
        source, text = seen.host_units[unit_name]
        via = Via(rule="process-unit-on-host", sources=(source,))
        found += _unit(seen, unit_name, Unit().read(text), via, source, timers)
    return found


def _unit(
    seen: Seen, unit_name: str, unit: Unit, step_via: Via, source: Source, timers: set[str], account: str = ""
) -> list[Found]:
    """The process of one unit (an instance each for a template); `account`: whose service manager runs it."""
    name = unit_name.removesuffix(".service")
    if seen.is_elsewhere(name) or name in timers:
        return []
    instances = [each for each in seen.states if each.startswith(name) and each != name] if name.endswith("@") else []
    if name.endswith("@") and instances:
        return [
            one for each in instances for one in _unit(seen, f"{each}.service", unit, step_via, source, timers, account)
        ]
    start = unit.last("ExecStart")
    if not start:
        return []
    kind = unit.last("Type")
    if kind == "oneshot":
        seen.notes.append(f"{unit_name} runs once (Type=oneshot): it is no process that stays.")
        return []
    states = seen.states.get(name, [])
    if any(state.state == "stopped" or state.enabled is False or state.masked for state, _ in states[-1:]):
        seen.notes.append(f"{unit_name} is stopped or disabled by the playbook: no process.")
        return []
    user = unit.last("User") or account
    environment = _unit_environment(seen, unit)
    home = environment.get("HOME", "")
    specifiers = specifiers_of(unit_name, user, home)
    words = expand(exec_words(start, specifiers), environment)
    if words and words[0].startswith("/") and seen.is_elsewhere(words[0]):
        seen.notes.append(f"{unit_name} starts {words[0]}, whose work the platform does: no process.")
        return []
    notes = []
    directory = unit.last("WorkingDirectory").lstrip("-").replace("~", specifiers["h"])
    plain, inner = unwrap_shell(words)
    if plain:
        notes.append("The shell around the command is left out: nothing in it needs one.")
        words, directory = plain, inner or directory
    notes += [
        f"Before it the unit runs {before!r}: make it part of the image or of the release."
        for before in unit.all("ExecStartPre")
    ]
    if stop := unit.last("ExecStop"):
        notes.append(f"The unit stops it with {stop!r}; ECS sends the stop signal instead.")
    words, before = in_front(words), words
    if words != before:
        notes.append(_KEPT_IN_FRONT)
    elif kind == "forking":
        notes.append("Type=forking: the command goes to the background; in a container it must stay in front.")
    if unit.last("X-StartedBy", "Unit") == "command":
        notes.append(_BY_COMMAND)
    elif not states:
        notes.append("No task starts or enables this unit; it is taken for a process because its file is there.")
    sources = tuple(dict.fromkeys((*step_via.sources, source, *(s for _, step in states for s in step.via.sources))))
    _service_directories(seen, unit, user, Via(rule="process-unit-directories", sources=sources))
    return [
        Found(
            name=name,
            unit=name,
            command=words,
            user=user,
            directory=directory,
            environment=environment,
            source=step_via.sources[0] if step_via.sources else source,
            via=Via(rule="process-systemd-unit", sources=sources),
            nofile=_nofile(unit.last("LimitNOFILE")),
            stop_signal=_signal(unit.last("KillSignal")),
            stop_timeout_s=seconds(unit.last("TimeoutStopSec") or unit.last("TimeoutSec")),
            notes=notes,
        )
    ]


def _unit_environment(seen: Seen, unit: Unit) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in unit.all("Environment"):
        for word in split_words(line):
            name, equals, value = word.partition("=")
            if equals:
                values[name] = value
    for line in unit.all("EnvironmentFile"):
        path = normal(line.lstrip("-"))
        known = seen.texts.get(path)
        if known is not None:
            values.update(parse_environment_file(known[0]))
            seen.environment_files.append(path)
        elif not line.startswith("-"):
            seen.notes.append(f"The environment file {path} is not in the playbook: its variables are missing.")
    for name in unit.all("UnsetEnvironment"):
        values.pop(name, None)
    return values


def _service_directories(seen: Seen, unit: Unit, user: str, via: Via) -> None:
    for key, base in (
        ("RuntimeDirectory", "/run"),
        ("StateDirectory", "/var/lib"),
        ("CacheDirectory", "/var/cache"),
        ("LogsDirectory", "/var/log"),
    ):
        mode = unit.last(f"{key}Mode") or "0755"
        for line in unit.all(key):
            for name in line.split():
                ownership = Ownership(owner=user or "root", group=unit.last("Group") or user or "root", mode=mode)
                effect = MakeDirectory(path=f"{base}/{name}", ownership=ownership)
                seen.directories.append(Step(effect=effect, via=via))


def without_doubles(found: list[Found]) -> list[Found]:
    """The processes without those that a command starts and a unit or supervisor keeps: by the name of the program."""
    kept = {_program(each) for each in found if _BY_COMMAND not in each.notes}
    return [each for each in found if _BY_COMMAND not in each.notes or _program(each) not in kept]


def _program(each: Found) -> str:
    """The program that a command runs in the end, without launchers before it."""
    words = [word for word in each.command if not word.startswith("-") and word not in STARTERS]
    return words[0].rsplit("/", 1)[-1] if words else ""


def supervisor_programs(seen: Seen) -> list[Found]:
    """Processes that supervisord starts by itself."""
    found = []
    for path, (text, step, effect) in seen.texts.items():
        if not SUPERVISOR.fullmatch(path):
            continue
        for name, settings, line in parse_supervisor(text):
            if seen.is_elsewhere(name) or not settings.get("command"):
                continue
            if settings.get("autostart", "true").lower() == "false":
                seen.notes.append(f"{name} does not start by itself (autostart=false): no process.")
                continue
            values = {"program_name": name, "process_num": "0", "here": path.rsplit("/", 1)[0], "numprocs": "1"}
            command = re.sub(r"%\((\w+)\)\d*[sd]", lambda m, v=values: v.get(m[1], m[0]), settings["command"])  # type: ignore[misc]  # a bound default
            try:
                words = tuple(shlex.split(command))
            except ValueError:
                seen.notes.append(f"{name}: the command {command!r} has an open quotation.")
                continue
            notes = []
            directory = settings.get("directory", "")
            plain, inner = unwrap_shell(words)
            if plain:
                notes.append("The shell around the command is left out: nothing in it needs one.")
                words, directory = plain, inner or directory
            words, before = in_front(words), words
            notes += [_KEPT_IN_FRONT] if words != before else []
            count = settings.get("numprocs", "1")
            if count not in ("", "1"):
                notes.append(f"supervisord keeps {count} of it: set the service's desired count.")
            environment = {}
            for pair in re.findall(r"""(\w+)=("[^"]*"|'[^']*'|[^,]*)""", settings.get("environment", "")):
                environment[pair[0]] = pair[1].strip("\"'").replace("%%", "%")
            source = Source(effect.content.source.file, effect.content.source.line)
            sources = tuple(dict.fromkeys((*step.via.sources, source)))
            del line
            found.append(
                Found(
                    name=name,
                    command=words,
                    user=settings.get("user", ""),
                    directory=directory,
                    environment=environment,
                    source=step.via.sources[0] if step.via.sources else source,
                    via=Via(rule="process-supervisor-program", sources=sources),
                    stop_signal=_signal(settings.get("stopsignal", "")),
                    stop_timeout_s=seconds(settings.get("stopwaitsecs", "10")),
                    notes=notes,
                )
            )
    return found


def unresolved(seen: Seen) -> tuple[tuple[str, Via], ...]:
    """Services that the playbook starts and whose command nothing in project or evidence says."""
    units = {match["unit"].removesuffix(".service") for path in seen.texts if (match := UNIT.fullmatch(path))}
    programs = {
        name
        for path, (text, _, _) in seen.texts.items()
        if SUPERVISOR.fullmatch(path)
        for name, _, _ in parse_supervisor(text)
    }
    open_: list[tuple[str, Via]] = []
    for name, states in seen.states.items():
        template = f"{name.split('@')[0]}@" if "@" in name else name
        if {name, template} & (units | programs) or not name or seen.is_elsewhere(name):
            continue
        if f"{name}.service" in seen.host_units or not re.fullmatch(r"[\w@.:-]+", name):
            continue
        if any(state.state in ("started", "restarted", "reloaded") or state.enabled for state, _ in states):
            open_.append((name, states[0][1].via))
    return tuple(open_)


def _nofile(text: str) -> int | None:
    """The soft limit of `LimitNOFILE=soft:hard`."""
    match = re.match(r"(\d+)([KMG]?)", text)
    if match is None:
        return None
    return int(match[1]) * {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}[match[2]]


def _signal(text: str) -> str:
    name = text.strip().upper()
    if not name:
        return ""
    return name if name.startswith("SIG") or name.isdigit() else f"SIG{name}"
