"""Schedules that a playbook makes: `cron` and `cronvar` tasks, cron files and timers that are copied or templated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from posixpath import basename, join

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.cron.crontab import read_table
from analyzer.model import (
    OTHER_ARGUMENTS,
    CronDaemon,
    CronEntry,
    FileContent,
    Invocation,
    Source,
    Task,
    Unknown,
    Value,
    Verdict,
)
from analyzer.read.crons.tables import entries_of, file_name_refused
from analyzer.read.crons.timers import UnitText, read_unit, timer_entry, values

_CRON = frozenset({"ansible.builtin.cron", "cron", "ansible.legacy.cron"})
_CRONVAR = frozenset({"community.general.cronvar", "cronvar"})
_FIELDS = (("minute",), ("hour",), ("day", "dom"), ("month",), ("weekday", "dow"))
_UNIT_FOLDERS = ("/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/")


class _Tables(Struct):
    """The tables as the tasks leave them, in the order of the run."""

    daemon: CronDaemon
    entries: dict[tuple[str, str], CronEntry] = field(default_factory=dict)
    """(table, entry's name or text) -> entry"""
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    """table -> variables set by env tasks"""
    units: dict[str, UnitText] = field(default_factory=dict)
    timers: dict[str, Task] = field(default_factory=dict)
    enabled: dict[str, bool] = field(default_factory=dict)


def crons_from_tasks(tasks: Sequence[Task], daemon: CronDaemon = CronDaemon.DEBIAN) -> tuple[CronEntry, ...]:
    """The entries that exist after a run of `tasks`; what a later task removes is not among them.

    `daemon` reads them; a caller who knows the hosts says which it is.
    """
    tables = _Tables(daemon)
    for task in tasks:
        if task.applies is Verdict.NO:
            continue
        for invocation in task.invocations:
            if invocation.applies is Verdict.NO:
                continue
            if task.module in _CRON:
                _cron(task, invocation, tables)
            elif task.module in _CRONVAR:
                _cronvar(task, invocation, tables)
            else:
                _file(task, invocation, tables)
    entries = [
        replace(entry, environment=(*tables.environment.get(table, {}).items(), *entry.environment))
        for (table, _), entry in tables.entries.items()
    ]
    for name, task in tables.timers.items():
        timer = tables.units[f"{name}.timer"]
        activates = (values(read_unit(timer.text), "Timer", "Unit") or [f"{name}.service"])[-1]
        enabled = tables.enabled.get(f"{name}.timer", True)
        entry = timer_entry(name, timer, tables.units.get(activates), host="", enabled=enabled)
        entries.append(replace(entry, source=task.source))
    return tuple(entries)


def _cron(task: Task, invocation: Invocation, tables: _Tables) -> None:
    args = invocation.args
    if _truth(args.get("env")):
        _cronvar(task, invocation, tables)
        return
    table, path, user = _table(task, args)
    name, _ = _text(args.get("name"))
    if args.get("state") == "absent":
        tables.entries.pop((table, name), None)
        return
    unknown: list[str] = []
    special, missing = _text(args.get("special_time"))
    unknown += missing
    if special:
        schedule = f"@{special}"
    else:
        words = []
        for names in _FIELDS:
            value = next((args[one] for one in names if args.get(one) is not None), args.get(OTHER_ARGUMENTS, "*"))
            word, missing = _text(value)
            unknown += missing
            words.append(word)
        schedule = " ".join(words)
    job = args.get("job", args.get("value", args.get(OTHER_ARGUMENTS)))
    command: str | Unknown = job if isinstance(job, Unknown) else _text(job)[0].strip("\r\n")
    if isinstance(job, Unknown):
        unknown.append(job.expression)
    disabled = args.get("disabled")
    settings = {"unknown": "; ".join(dict.fromkeys(unknown))} if unknown else {}
    if Verdict.UNKNOWN in {task.applies, invocation.applies} or isinstance(args.get("state"), Unknown):
        settings["applies"] = task.applies_reason or "whether the task runs could not be decided"
    if isinstance(disabled, Unknown):
        settings["disabled"] = disabled.expression
    if not special and all(args.get(one) is None for names in _FIELDS for one in names):
        settings["no_schedule"] = "no time argument at all: every minute"
    elif not special and args.get("minute") is None and args.get("hour") is not None:
        settings["no_minute"] = "hour without minute: every minute of that hour"
    key = (table, name or f"{schedule} {command}")
    tables.entries.pop(key, None)  # the module rewrites the line where it stands; a new one goes to the end
    dead = file_name_refused(basename(path), tables.daemon) if path.startswith("/etc/cron.d/") else ""
    tables.entries[key] = CronEntry(
        source=task.source,
        origin="ansible",
        daemon=tables.daemon,
        name=name,
        path=path,
        user=user,
        schedule=schedule,
        command=command,
        enabled=not _truth(disabled),
        dead=dead,
        settings=settings,
    )


def _cronvar(task: Task, invocation: Invocation, tables: _Tables) -> None:
    args = invocation.args
    table, _, _ = _table(task, args)
    name, _ = _text(args.get("name"))
    variables = tables.environment.setdefault(table, {})
    variables.pop(name, None)
    if args.get("state") != "absent":
        variables[name] = _text(args.get("value", args.get("job")))[0]


def _table(task: Task, args: Mapping[str, Value]) -> tuple[str, str, str]:
    """The table's key, its path on the host, the entry's user."""
    user, _ = _text(args.get("user"))
    owner = user or task.become_user or "root"
    file, _ = _text(args.get("cron_file"))
    if file:
        path = file if file.startswith("/") else f"/etc/cron.d/{file}"
        return path, path, owner
    return f"user {owner}", f"/var/spool/cron/crontabs/{owner}", owner


def _file(task: Task, invocation: Invocation, tables: _Tables) -> None:
    """A file module that touches a cron table or a timer."""
    args = invocation.args
    module = task.module.rpartition(".")[2]
    if module in {"copy", "template"}:
        dest, _ = _text(args.get("dest"))
        for inner, content in invocation.contents:
            path = join(dest, inner) if inner else dest
            if path.endswith("/"):
                path += basename(_text(args.get("src"))[0]).removesuffix(".j2")
            _written(task, path, content, tables)
    elif module == "file" and args.get("state") == "absent":
        path, _ = _text(args.get("path", args.get("dest")))
        _removed(path, tables)
    elif module == "lineinfile" and args.get("state", "present") == "present":
        path, _ = _text(args.get("path", args.get("dest")))
        if _is_table(path):
            line, _ = _text(args.get("line"))
            _lines(task, path, line + "\n", tables)
    elif module in {"systemd", "systemd_service", "service"}:
        name, _ = _text(args.get("name"))
        if name.endswith(".timer") and (args.get("enabled") is not None or args.get("state") is not None):
            tables.enabled[name] = args.get("state") == "started" or _truth(args.get("enabled"))


def _written(task: Task, path: str, content: FileContent, tables: _Tables) -> None:
    if _is_table(path):
        _removed(path, tables)
        if content.data is None:
            unknown = content.unknown or Unknown(path)
            tables.entries[path, ""] = CronEntry(
                source=task.source,
                origin="ansible",
                daemon=tables.daemon,
                path=path,
                user="",
                schedule="",
                command=unknown,
                settings={"unknown": unknown.expression},
            )
        else:
            _lines(task, path, content.data.decode("utf-8", errors="replace"), tables, content.source)
    elif path.startswith(_UNIT_FOLDERS) and path.endswith((".timer", ".service")) and content.data is not None:
        name = basename(path)
        tables.units[name] = UnitText(content.data.decode("utf-8", errors="replace"), content.source)
        if name.endswith(".timer"):
            tables.timers[name.removesuffix(".timer")] = task


def _lines(task: Task, path: str, text: str, tables: _Tables, content: Source | None = None) -> None:
    system = path.startswith("/etc/")
    table = read_table(text, tables.daemon, system=system)
    user = "" if system else basename(path)
    dead = file_name_refused(basename(path), tables.daemon) if path.startswith("/etc/cron.d/") else ""
    found = entries_of(
        table,
        host="",
        daemon=tables.daemon,
        path=path,
        user=user,
        sources=[task.source] * len(table.lines),
        dead=dead,
    )
    settings = {"content": str(content)} if content and content != task.source else {}
    if Verdict.UNKNOWN is task.applies:
        settings["applies"] = task.applies_reason or "whether the task runs could not be decided"
    for number, entry in enumerate(found):
        tables.entries[path if system else f"user {user}", f"{number} {entry.schedule} {entry.command}"] = replace(
            entry, settings=settings
        )


def _removed(path: str, tables: _Tables) -> None:
    table = path if path.startswith("/etc/") else f"user {basename(path)}"
    for key in [key for key in tables.entries if key[0] == table or key[0].startswith(path.rstrip("/") + "/")]:
        del tables.entries[key]
    if path.endswith(".timer"):
        tables.timers.pop(basename(path).removesuffix(".timer"), None)


def _is_table(path: str) -> bool:
    return path == "/etc/crontab" or path.startswith(("/etc/cron.d/", "/var/spool/cron/"))


def _text(value: Value) -> tuple[str, list[str]]:
    """A value as Ansible writes it into a line, and the expressions in it that are not known."""
    match value:
        case None:
            return "", []
        case Unknown():
            return value.expression, [value.expression]
        case bool():
            return str(value), []
        case tuple():
            parts = [_text(item) for item in value]
            return ",".join(part for part, _ in parts), [name for _, names in parts for name in names]
        case _:
            return str(value), []


def _truth(value: Value) -> bool:
    return value is True or (isinstance(value, str | int) and str(value).lower() in {"yes", "true", "1", "on"})
