"""Tasks that run commands (`command`, `shell`, `raw`): every simple command finds its rule, the task gets their sum."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from analyzer.decide.command_rules import after_pattern, find_command
from analyzer.decide.command_wrappers import SimpleCommand
from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.effects import Built, Refusal, build
from analyzer.decide.match import first_unknown, match
from analyzer.decide.parts import DEMAND, Part, is_swap, refused, rule_of_place, rule_part, swap_rule
from analyzer.decide.values import text, told
from analyzer.model import (
    Effect,
    FileContent,
    Invocation,
    Outcome,
    Ownership,
    ReleaseStep,
    RemovePath,
    RunCommand,
    Task,
    Unknown,
    Value,
    WriteFile,
)
from analyzer.ruletypes import MANAGER, Rule, RulePack

COMMAND_MODULES = frozenset(
    f"{collection}.{name}"
    for collection in ("ansible.builtin", "ansible.legacy")
    for name in ("command", "shell", "raw")
)
SCRIPT_MODULES = frozenset({"ansible.builtin.script", "ansible.legacy.script"})
_SCRIPTS = "/tmp"  # noqa: S108 - of the build's container
"""Where scripts of the project lie while they run; Ansible puts them into a folder of its own, and removes it."""
_TEMPLATE = re.compile(r"\{\{\s*(\w+)\s*\}\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_READS_ONLY = "The task says of itself that it changes nothing (changed_when: false); what it found steered the run."
_LISTS = "commands-package-lists"
"""The rule of what every build step does that installs: in one text with an installation it stays where it is."""
_IN_ORDER = frozenset({"", "&&", ";", "\n"})
_WHOLE = frozenset({Outcome.IMAGE, Outcome.DEPLOY, Outcome.PLATFORM, Outcome.MANUAL, Outcome.SCHEDULE, Outcome.SECRET})
_INTO_THE_LAST = frozenset("mv cp ln install rsync".split())
_ON_FILES = _INTO_THE_LAST | frozenset("chmod chown chgrp rm touch mkdir truncate setfacl chattr".split())
"""Commands that do something to the files that they name, or to the last of them."""
_PREPARES = re.compile(r"(^|[;&|\n]\s*)(cd|export|source|\.|umask|eval)\s")


def command_parts(
    task: Task,
    invocation: Invocation,
    pack: RulePack,
    *,
    told_manager: str = "",
    files: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Part, ...]:
    """What becomes of one run of a command; of one that says it only reads, nothing where it would need an answer.

    `told_manager`: apt or dnf where the hosts' facts say it. `files`: path -> text of what other tasks write.
    """
    parts = _command_parts(task, invocation, pack, told_manager, files)
    probe = pack.commands["echo"][0][1]
    if task.reads_only and all(part.outcome in (Outcome.MANUAL, Outcome.CONTROL) for part in parts):
        return (rule_part(probe, (), _READS_ONLY),)
    return parts


def _command_parts(
    task: Task, invocation: Invocation, pack: RulePack, told_manager: str, files: Mapping[str, str]
) -> tuple[Part, ...]:
    written = _written(invocation.args)
    if (unknown := first_unknown(written)) is not None:
        return (_unknown_part(task, invocation, pack, unknown),)
    commands = _commands(task.module, written)
    if not commands:
        return (_unlisted(task, invocation, pack, "There is no command"),)
    rules = [_rule(command, pack) for command in commands]
    if (lacking := _lacking(commands, rules, pack, told_manager)) is not None:
        whole = _whole(Outcome.IMAGE, task, invocation, written)
        return (replace(rule_part(lacking, ()), alternative=whole),)
    if None in rules:
        program = next(command.words[0] for command, rule in zip(commands, rules, strict=True) if rule is None)
        if any(rule.outcome is Outcome.DEPLOY for rule in rules if rule):
            rules = [rule or next(one for one in rules if one and one.outcome is Outcome.DEPLOY) for rule in rules]
        else:
            return (_unlisted(task, invocation, pack, f"No rule knows what {program} does"),)
    parts = _sum(task, invocation, written, commands, [rule for rule in rules if rule], files)
    return tuple(_complete(part, task, invocation) for part in parts)


def _lacking(
    commands: Sequence[SimpleCommand], rules: Sequence[Rule | None], pack: RulePack, told_manager: str
) -> Rule | None:
    """The rule that says that hosts of this package manager lack a program, where its work would be the image's.

    A text that has programs of both families asks by itself which of them is there.
    """
    lacking: list[Rule] = []
    for command, rule in zip(commands, rules, strict=True):
        for foreign in pack.foreign.get(posixpath.basename(command.words[0]), ()):
            if not isinstance(match(foreign, {MANAGER: told_manager}), Mapping):
                return None
            if rule is not None and rule.outcome is Outcome.IMAGE:
                lacking.append(foreign)
    return lacking[0] if lacking else None


def _complete(part: Part, task: Task, invocation: Invocation) -> Part:
    """The part, or a question where the command is known and where or with what it runs is not."""
    if part.outcome not in (Outcome.IMAGE, Outcome.DEPLOY) or part.effects:
        return part
    args = {name: value for name, value in invocation.args.items() if name != "creates"}
    missing = [
        f"{name} is not known: {told(unknown)}"
        for name, value in {**args, "environment": task.environment}.items()
        if (unknown := first_unknown(value)) is not None
    ]
    return refused(part.rule, "; ".join(missing) or "its arguments are not known")


def script_parts(task: Task, invocation: Invocation, pack: RulePack) -> tuple[Part, ...]:
    """A script of the project: its file and its run, where the project has it; else a question."""
    rules = pack.rules_for(task.module)
    with_file = next((rule for rule in rules if not rule.fallback), None)
    words = _vector(text(_written(invocation.args)))
    content = next((content for _, content in invocation.contents if content.data is not None), None)
    if with_file is None or content is None or not words or first_unknown(tuple(invocation.args.values())) is not None:
        return (_asked(rules, "The script is not in the project, or its arguments are not known"),)
    # scripts of several roles may have the same name
    path = f"{_SCRIPTS}/{'-'.join(filter(None, (task.role, *words[0].split('/'))))}"
    program = _vector(text(invocation.args.get("executable")))
    run = _whole(
        Outcome.IMAGE,
        task,
        replace(invocation, args={**invocation.args, "executable": None}),
        (*program, path, *words[1:]),
    )
    if not run:
        return (_asked(rules, "The script's environment is not known"),)
    file = WriteFile(path=path, content=content, ownership=Ownership(mode="0755"))
    return (rule_part(with_file, (file, *run, RemovePath(path=path))),)


def _asked(rules: Sequence[Rule], reason: str) -> Part:
    rule = next((rule for rule in rules if rule.fallback), None)
    return (
        rule_part(rule, (), f"{reason}. {rule.reason}")
        if rule
        else Part(outcome=Outcome.MANUAL, rule=None, reason=reason)
    )


def _rule(command: SimpleCommand, pack: RulePack) -> Rule | None:
    rule = find_command(command, pack)
    if rule is not None and rule.outcome is Outcome.CONTROL and command.writes:
        if command.writes[0] == "/etc/fstab" and is_swap(command.text):
            return swap_rule(pack)
        return pack.paths.find(command.writes[0]) or pack.commands[">"][0][1]
    if rule is not None and rule.outcome is Outcome.IMAGE and command.words[0] in _ON_FILES:
        places = [word for word in command.operands if word.startswith("/")]
        places = places[-1:] if command.words[0] in _INTO_THE_LAST else places
        found = [rule_of_place(place, pack) for place in places]
        if found and all(one is not None and one.outcome is Outcome.PLATFORM for one in found):
            return found[0]  # what it is done to is left behind
    return rule


def _written(args: Mapping[str, Value]) -> Value:
    """The command as the task gives it: free form, `cmd` or `argv`."""
    for name in ("_raw_params", "cmd", "argv"):
        if args.get(name) not in (None, ""):
            return args[name]
    return ""


def _commands(module: str, written: Value) -> tuple[SimpleCommand, ...]:
    if isinstance(written, tuple):
        return argument_command(tuple(map(text, written)))
    if module.endswith(".command"):
        return argument_command(_vector(text(written)))
    return simple_commands(text(written))


def _vector(written: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(written))
    except ValueError:
        return tuple(written.split())


def _sum(
    task: Task,
    invocation: Invocation,
    written: Value,
    commands: Sequence[SimpleCommand],
    rules: Sequence[Rule],
    files: Mapping[str, str],
) -> tuple[Part, ...]:
    working = [
        (command, rule) for command, rule in zip(commands, rules, strict=True) if rule.outcome is not Outcome.CONTROL
    ]
    if not working:
        return (rule_part(rules[0], ()),)
    if any(rule.outcome is Outcome.IMAGE for _, rule in working) and not _can_be_split(commands, written):
        working = [(command, rule) for command, rule in working if rule.id != _LISTS]
    outcomes = {rule.outcome for _, rule in working}
    main = min((rule for _, rule in working), key=lambda rule: DEMAND.index(rule.outcome))
    if len(outcomes) == 1 and outcomes <= _WHOLE and not any(rule.emit for _, rule in working):
        return (rule_part(main, _whole(main.outcome, task, invocation, written)),)
    if len(working) == 1:
        return (_emitted(working[0][0], main, task, invocation, written, files),)
    if _can_be_split(commands, written):
        return tuple(_pieces(task, invocation, working, files))
    if outcomes <= {Outcome.IMAGE}:
        return (rule_part(main, _whole(Outcome.IMAGE, task, invocation, written)),)
    if outcomes <= {Outcome.IMAGE, Outcome.DEPLOY}:
        deploy = next(rule for _, rule in working if rule.outcome is Outcome.DEPLOY)
        return (rule_part(deploy, _whole(Outcome.DEPLOY, task, invocation, written)),)
    return (
        Part(
            outcome=Outcome.MANUAL,
            rule=main,
            reason="Its commands belong to different places and depend on each other: "
            + "; ".join(f"{command.words[0]} ({rule.outcome})" for command, rule in working),
            alternative=_whole(Outcome.IMAGE, task, invocation, written),
            question="Does the command run while the image is built, at release time, or not at all?",
            answers=("drop", "image", "deploy"),
        ),
    )


def _can_be_split(commands: Sequence[SimpleCommand], written: Value) -> bool:
    """Whether the commands stand one after the other and none prepares anything for the next."""
    in_order = all(command.joined in _IN_ORDER for command in commands)
    return in_order and isinstance(written, str) and not _PREPARES.search(written)


def _pieces(
    task: Task,
    invocation: Invocation,
    working: Sequence[tuple[SimpleCommand, Rule]],
    files: Mapping[str, str],
) -> Iterator[Part]:
    """Commands one after the other, each to its own place; neighbours of one place stay one text."""
    pending: list[SimpleCommand] = []
    last: Rule | None = None
    for command, rule in working:
        if pending and last is not None and (rule.emit or rule.outcome is not last.outcome):
            yield rule_part(last, _whole(last.outcome, task, invocation, _joined(pending)))
            pending = []
        if rule.emit:
            yield _emitted(command, rule, task, invocation, command.text, files)
        else:
            pending.append(command)
            last = rule
    if pending and last is not None:
        yield rule_part(last, _whole(last.outcome, task, invocation, _joined(pending)))


def _joined(commands: Sequence[SimpleCommand]) -> str:
    return " && ".join(command.text for command in commands)


def _emitted(
    command: SimpleCommand,
    rule: Rule,
    task: Task,
    invocation: Invocation,
    written: Value,
    files: Mapping[str, str],
) -> Part:
    """A rule's own effects, which may use the words after the pattern."""
    whole = _whole(rule.outcome, task, invocation, written)
    if not rule.emit:
        return rule_part(rule, whole)
    operands = after_pattern(command, rule)
    beside: Mapping[str, Value] = {
        "operands": operands,
        "operand": operands[0] if operands else None,
        "subject": command.words[0],
        "words": command.words,
        "files": files,
    }
    built = build(rule.emit, invocation.args, task, invocation, beside)
    if isinstance(built, Built) and built.effects and not any(word.startswith(("$", "`")) for word in operands):
        return replace(rule_part(rule, built.effects), alternative=whole)
    if rule.outcome is Outcome.PROCESS and isinstance(built, Refusal):
        return refused(rule, built.reason)
    return rule_part(rule, whole if rule.outcome is Outcome.IMAGE else ())


def _whole(outcome: Outcome, task: Task, invocation: Invocation, written: Value) -> tuple[Effect, ...]:
    """The task's whole command as a build step or release step; nothing for what is left behind."""
    # on a fresh machine nothing has made the file yet, whatever it is called
    args = {name: value for name, value in invocation.args.items() if name != "creates" or first_unknown(value) is None}
    if outcome in (Outcome.PLATFORM, Outcome.CONTROL):
        return ()
    if first_unknown(tuple(args.values())) is not None or first_unknown(task.environment) is not None:
        return ()
    vector = written if isinstance(written, tuple) else None
    if vector is None and task.module.endswith(".command"):
        vector = _vector(text(written))
    user = task.become_user if task.become else ""
    if outcome is Outcome.PROCESS:
        return (_unit(task, args, vector, written, user),)
    if outcome is Outcome.DEPLOY:
        shell = shlex.join(map(text, vector)) if vector is not None else text(written)
        return (ReleaseStep(name=task.name, command=shell, directory=text(args.get("chdir")), user=user),)
    return (
        RunCommand(
            command=tuple(map(text, vector)) if vector is not None else text(written),
            directory=text(args.get("chdir")),
            user=user,
            creates=text(args.get("creates")),
            removes=text(args.get("removes")),
            executable=text(args.get("executable")),
            environment=task.environment,
            stdin=text(args.get("stdin")),
            may_fail=task.may_fail,
        ),
    )


def _unit(
    task: Task, args: Mapping[str, Value], vector: tuple[Value, ...] | None, written: Value, user: str
) -> WriteFile:
    """The unit that would start what the command starts: processes are read off units."""
    words = [*map(text, vector)] if vector is not None else ["/bin/sh", "-c", text(written).strip()]
    commands = argument_command(tuple(words)) if vector is not None else simple_commands(text(written))
    name = posixpath.basename(commands[-1].words[0]) if commands else "process"
    lines = ["[Unit]", "X-StartedBy=command", "[Service]", f"ExecStart={' '.join(map(_unit_word, words))}"]
    lines += [f"WorkingDirectory={text(args.get('chdir'))}"] if args.get("chdir") else []
    lines += [f"User={user}"] if user else []
    lines += [f"Environment={_unit_word(f'{key}={text(value)}')}" for key, value in task.environment.items()]
    content = FileContent(source=task.source, data="".join(f"{line}\n" for line in lines).encode())
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "process"
    return WriteFile(path=f"/etc/systemd/system/{stem}.service", content=content)


def _unit_word(word: str) -> str:
    """A word as systemd reads it: quoted, its specifiers and variables literal."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("%", "%%").replace("$", "$$")
    return plain if re.fullmatch(r"[\w./:=@,+-]+", plain) else f'"{plain}"'


def _unknown_part(task: Task, invocation: Invocation, pack: RulePack, unknown: Unknown) -> Part:
    """A command that is not wholly known: its literal words may still say where it belongs."""
    commands = _literal_commands(task.module, invocation.args, unknown)
    found = [find_command(command, pack) for command in commands]
    rules = [rule for rule in found if rule is not None]
    if rules and len(rules) == len(found):
        main = min(rules, key=lambda rule: DEMAND.index(rule.outcome))
        said = f"{main.reason} (Decided by its literal words; {told(unknown)} is not known.)"
        writes = any(command.writes for command in commands)
        if all(rule.outcome in (Outcome.CONTROL, Outcome.PLATFORM) for rule in rules) and not writes:
            return rule_part(main, (), said)
        working = [rule for rule in rules if rule.outcome is not Outcome.CONTROL]
        if main.outcome is Outcome.INFRASTRUCTURE and len(working) == 1:
            subject = commands[rules.index(main)].words[0]
            built = build(main.emit, {}, task, invocation, {"subject": subject})
            return rule_part(main, built.effects if isinstance(built, Built) else (), said)
        if main.outcome is Outcome.MANUAL:
            return rule_part(main, (), said)
    return _asked(pack.rules_for(task.module), f"The command is not known: {told(unknown)}")


def _literal_commands(module: str, args: Mapping[str, Value], unknown: Unknown) -> Sequence[SimpleCommand]:
    """The command with `${name}` where a template stands; the name is the variable's, "unknown" for anything else."""
    argv = args.get("argv")
    if isinstance(argv, tuple):
        words = tuple(_named(one.expression) if isinstance(one, Unknown) else text(one) for one in argv)
        return argument_command(words)
    literal = _named(unknown.expression)
    return argument_command(_vector(literal)) if module.endswith(".command") else simple_commands(literal)


def _named(expression: str) -> str:
    return _TEMPLATE.sub(lambda match: f"${{{match[1]}}}" if match[1] else "${unknown}", expression)


def _unlisted(task: Task, invocation: Invocation, pack: RulePack, reason: str) -> Part:
    """A command that no rule names: the rules of the module itself decide, by its guards."""
    whole: tuple[Effect, ...] = (
        ()
        if first_unknown(invocation.args.get("_raw_params"))
        else _whole(Outcome.IMAGE, task, invocation, _written(invocation.args))
    )
    rules = pack.rules_for(task.module)
    found = [rule for rule in rules if not rule.fallback and isinstance(match(rule, invocation.args), Mapping)]
    found = found or [rule for rule in rules if rule.fallback]
    if not found:
        return Part(outcome=Outcome.MANUAL, rule=None, reason=reason)
    return rule_part(found[0], whole, f"{reason}. {found[0].reason}" if reason else "")
