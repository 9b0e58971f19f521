"""What a rule made of one invocation, and how packages, services, paths, users and addresses change that."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.container_images import image_names
from analyzer.decide.effects import Built, build
from analyzer.decide.settings_files import folders_of, settings_of
from analyzer.model import (
    Download,
    EditFile,
    Effect,
    InstallPackages,
    Invocation,
    MakeDirectory,
    MakeGroup,
    MakeLink,
    MakeUser,
    Outcome,
    PackageRepository,
    RemovePath,
    RunCommand,
    RunContainer,
    ServiceState,
    Task,
    TouchFile,
    Unpack,
    Verdict,
    WriteFile,
)
from analyzer.ruletypes import Rule, RulePack

DEMAND = (
    Outcome.MANUAL,
    Outcome.SECRET,
    Outcome.INFRASTRUCTURE,
    Outcome.PROCESS,
    Outcome.SCHEDULE,
    Outcome.TASK_DEFINITION,
    Outcome.DEPLOY,
    Outcome.IMAGE,
    Outcome.PLATFORM,
    Outcome.CONTROL,
    Outcome.SKIPPED,
)
"""Outcomes, the most demanding first: where the items of a loop differ, the decision is the first of them."""

_RPM = re.compile(r"(?:-\d[^-]*-[^-]+)?(?:\.(?:noarch|x86_64|aarch64|i[3-6]86))?\.rpm$")
"""Version, release and architecture behind the name in a file's name, all of which may be missing."""
_UNIT = re.compile(
    r"/(?:etc|lib|usr/lib|usr/local/lib)/systemd/system/(?P<name>[^/]+?)(?:\.service|(?P<kind>\.(?:timer|socket|path)))"
    r"(?:\.d(?:/.*)?)?"
)
DROPPING = frozenset({Outcome.PLATFORM, Outcome.CONTROL, Outcome.SKIPPED})
ELSEWHERE = DROPPING | {Outcome.INFRASTRUCTURE}
"""What is not in the image: dropped, or a service of AWS in its place."""
_WRITTEN = frozenset({Outcome.PROCESS, Outcome.SCHEDULE, Outcome.TASK_DEFINITION})
"""Outcomes of places whose files are read and become something else than files."""
SERVES = "commands-serve"
"""The rule of commands that go on running; the unit that stands for one is no file of the hosts."""
MOVABLE = frozenset({Outcome.IMAGE, Outcome.PROCESS, Outcome.SECRET, Outcome.MANUAL})
"""Outcomes that a subject's rule may change: what already is infrastructure, a schedule or a release stays that."""


class Part(Struct, frozen=True, kw_only=True):
    """A share of a task with one outcome; a task has at least one."""

    outcome: Outcome
    rule: Rule | None
    reason: str
    subject: str = ""
    """The package, service, path or account that the reason is about, "" where it is about the whole task."""
    item: str = ""
    """The loop item it comes from, in a word."""
    effects: tuple[Effect, ...] = ()
    """What is carried over."""
    dropped: tuple[Effect, ...] = ()
    """What the playbook did and the bundle leaves out on purpose."""
    alternative: tuple[Effect, ...] = ()
    """What would be carried over if a person answered that it belongs to the image."""
    question: str = ""
    answers: tuple[str, ...] = ()
    shared_question: bool = False
    """The question is about the rule's subject, once for all tasks that touch it."""
    asks_for: str = ""
    """What the question is about where a task has several to ask, each with an answer of its own."""


Decided: TypeAlias = "list[tuple[Part, Verdict]]"
"""The parts of one task, each with whether it applies."""


def rule_part(rule: Rule, effects: tuple[Effect, ...], reason: str = "") -> Part:
    """The part that a matching rule makes, with its own question where it has one."""
    manual = rule.outcome is Outcome.MANUAL
    return Part(
        outcome=rule.outcome,
        rule=rule,
        reason=reason or rule.reason,
        effects=() if manual else effects,
        alternative=effects,
        question=rule.question,
        answers=rule.answers,
        shared_question=not manual and bool(rule.question),
    )


def refused(rule: Rule | None, reason: str) -> Part:
    """A part that a person must decide although a rule knows the task."""
    sentence = reason[:1].upper() + reason[1:]
    return Part(
        outcome=Outcome.MANUAL,
        rule=rule,
        reason=f"{sentence}.",
        question=f"{sentence}. Is it left out, or does the release do it?",
        answers=("drop", "deploy"),
    )


def by_subject(part: Part, task: Task, invocation: Invocation, pack: RulePack) -> Iterator[Part]:
    """The part as it is, or split where packages, services, paths, users or addresses go elsewhere than the rest."""
    if part.outcome not in MOVABLE or (part.rule is not None and part.rule.id == SERVES):
        yield part
        return
    kept: list[Effect] = []
    moved: list[Part] = []
    changed = False
    for effect in part.effects or part.alternative:
        folders = folders_of(effect)
        if folders is not None:
            kept.extend(folders)
            changed = True
            continue
        for piece, rule, subject in _subjects(effect, pack):
            if rule is None or rule.outcome is Outcome.IMAGE:
                kept.append(piece)
            else:
                moved.append(_moved(part, piece, rule, subject, task, invocation))
    if not moved and not changed:
        yield part
        return
    yield from moved
    if not kept and not moved:
        reason = "Nothing in the container makes, cleans or removes runtime folders at boot."
        yield replace(
            part, outcome=Outcome.PLATFORM, reason=reason, effects=(), dropped=part.effects or part.alternative
        )
    if kept:
        remaining = tuple(kept)
        yield replace(part, effects=remaining if part.effects else (), alternative=remaining)


def by_role(part: Part, task: Task, pack: RulePack) -> Part:
    """The part, or what becomes of it because its whole role serves the host and not the application."""
    rule = pack.roles.find(role_name(task.role)) if task.role and part.outcome in MOVABLE else None
    if rule is None:
        return part
    return replace(
        rule_part(rule, ()),
        subject=f"Role {task.role}",
        dropped=(*part.dropped, *(part.effects or part.alternative)),
        alternative=part.effects or part.alternative,
    )


def role_name(role: str) -> str:
    """`geerlingguy.ntp`, `ansible-role-ntp`, `roles/ntp` -> `ntp`; underscores become hyphens."""
    name = posixpath.basename(role.rstrip("/")).rsplit(".", 1)[-1].lower().replace("_", "-")
    return name.removeprefix("ansible-").removeprefix("role-")


def _moved(part: Part, effect: Effect, rule: Rule, subject: str, task: Task, invocation: Invocation) -> Part:
    if rule.outcome in _WRITTEN and isinstance(effect, RemovePath | MakeDirectory | TouchFile):
        part = rule_part(rule, ())
        reason = f"{rule.reason} Folders, owners and removals there have no counterpart."
        return replace(part, outcome=Outcome.PLATFORM, subject=subject, reason=reason, dropped=(effect,))
    if rule.outcome in DROPPING:
        return replace(rule_part(rule, ()), subject=subject, dropped=(effect,), alternative=(effect,))
    if rule.outcome in (Outcome.TASK_DEFINITION, Outcome.INFRASTRUCTURE) and (settings := settings_of(effect)):
        left = f" Left behind: {', '.join(settings.left)}." if settings.left else ""
        found = replace(rule_part(rule, settings.kept, rule.reason + left), subject=subject, dropped=(effect,))
        return found if settings.kept else replace(found, outcome=Outcome.PLATFORM, question="", answers=())
    built = build(rule.emit, {}, task, invocation, {"subject": _word(effect)}) if rule.emit else None
    if isinstance(built, Built):
        return replace(rule_part(rule, built.effects), subject=subject, dropped=(effect,), alternative=(effect,))
    if rule.outcome is Outcome.INFRASTRUCTURE:
        return replace(rule_part(rule, ()), subject=subject, dropped=(effect,), alternative=(effect,))
    moved = replace(rule_part(rule, (effect,)), subject=subject)
    if part.outcome in (Outcome.SECRET, Outcome.MANUAL) and rule.outcome is not Outcome.MANUAL:
        # a unit file with a password in it is a process all the same, but the secret is what a person must see to
        return replace(
            part, effects=(effect,) if part.effects else (), reason=f"{part.reason} {rule.reason}", subject=subject
        )
    return moved


def _subjects(effect: Effect, pack: RulePack) -> Iterator[tuple[Effect, Rule | None, str]]:
    match effect:
        case InstallPackages():
            yield from _packages(effect, pack)
        case ServiceState():
            name = effect.name.removesuffix(".service")
            yield effect, pack.services.find(name), f"service {name}"
        case MakeUser() | MakeGroup():
            yield effect, pack.users.find(effect.name), f"account {effect.name}"
        case EditFile() if effect.path == "/etc/fstab" and is_swap(" ".join(map(str, effect.args.values()))):
            yield effect, swap_rule(pack), effect.path
        case WriteFile() | MakeDirectory() | MakeLink() | TouchFile() | RemovePath() | EditFile():
            yield effect, rule_of_place(effect.path, pack), effect.path
        case Download():
            rule = rule_of_place(effect.path, pack) or _package_file(effect.path, pack) or _address(effect.url, pack)
            yield effect, rule, effect.path
        case Unpack():
            yield effect, rule_of_place(effect.directory, pack) or _address(effect.archive, pack), effect.archive
        case PackageRepository():
            place = effect.path or effect.url or effect.content
            yield effect, _address(f"{effect.url} {effect.content} {effect.path}", pack), place
        case RunContainer():
            found = (pack.images.find(name) for name in image_names(effect.image))
            yield effect, next(filter(None, found), None), _container(effect)
        case RunCommand():
            rule, file = _installed_file(effect, pack)
            yield effect, *((rule, file) if rule else _fetched(effect, pack))
        case _:
            yield effect, None, ""


def _container(effect: RunContainer) -> str:
    """Its name, image and data in a word."""
    data = ", ".join(source for source, _, read_only in effect.volumes if not read_only)
    return f"container {effect.name} ({effect.image}{f', data in {data}' if data else ''})"


_INSTALLERS = frozenset({"dpkg", "rpm", "gdebi", "alien"})


def _installed_file(effect: RunCommand, pack: RulePack) -> tuple[Rule | None, str]:
    """What takes the place of the package that a command installs from a file (`dpkg -i agent.deb`), and the file."""
    text = effect.command
    found = simple_commands(text) if isinstance(text, str) else argument_command(text)
    if len(found) != 1 or posixpath.basename(found[0].words[0]) not in _INSTALLERS:
        return None, ""
    files = [word for word in found[0].words[1:] if word.endswith((".deb", ".rpm"))]
    rules = {rule.id: rule for file in files if (rule := _package_file(file, pack)) is not None}
    return (next(iter(rules.values())), ", ".join(files)) if len(rules) == len(files) == 1 else (None, "")


def _fetched(effect: RunCommand, pack: RulePack) -> tuple[Rule | None, str]:
    """What takes the place of all that a command fetches (an agent and its installer), and the address."""
    written = effect.command if isinstance(effect.command, str) else " ".join(effect.command)
    addresses = re.findall(r"https?://[^\s'\"|;&)]+", written)
    rules = {rule.id if rule else "": rule for each in addresses for rule in [_address(each, pack)]}
    rule = next(iter(rules.values()), None) if len(rules) == 1 else None
    return (rule, addresses[0]) if rule is not None and rule.outcome in DROPPING else (None, "")


def _package_file(path: str, pack: RulePack) -> Rule | None:
    """What takes the place of the package in this file, where its name tells that it is one."""
    if not path.endswith((".deb", ".rpm")):
        return None
    rule = pack.packages.find(package_name(path))
    return rule if rule is not None and rule.outcome in ELSEWHERE else None


def _word(effect: Effect) -> str:
    """What an effect is about in one word: a package, a service, an account, or the last word of a path."""
    match effect:
        case InstallPackages(names=(name, *_)):
            return package_name(name)
        case RunContainer(image=image):
            return image_names(image)[-1]
        case ServiceState(name=name) | MakeUser(name=name) | MakeGroup(name=name):
            return name.removesuffix(".service")
        case _:
            path = getattr(effect, "path", "") or getattr(effect, "directory", "")
            return posixpath.basename(str(path).rstrip("/")).partition(".")[0]


def _packages(effect: InstallPackages, pack: RulePack) -> Iterator[tuple[Effect, Rule | None, str]]:
    groups: dict[str, tuple[Rule | None, list[str]]] = {}
    for name in effect.names:
        plain = package_name(name)
        rule = _in_rpm(plain, pack) if effect.manager == "dnf" else None
        rule = rule or pack.packages.find(plain) or (_address(name, pack) if "/" in name else None)
        groups.setdefault(rule.id if rule and rule.outcome is not Outcome.IMAGE else "", (rule, []))[1].append(name)
    for key, (rule, names) in groups.items():
        yield replace(effect, names=tuple(names)), rule if key else None, ", ".join(names)
    if not groups:
        yield effect, None, ""


def _in_rpm(name: str, pack: RulePack) -> Rule | None:
    """The rule for a name that means another package in the Red Hat family than in Debian's."""
    rule = pack.packages.find(f"{name}@rpm")
    patterns = rule.subjects.get("packages", ()) if rule else ()
    own = any(fnmatchcase(f"{name}@rpm", pattern) for pattern in patterns if pattern.endswith("@rpm"))
    return rule if own else None


def package_name(written: str) -> str:
    """`nginx=1.22*`, `libc6:i386`, `openssh-server/stable`, `/tmp/agent_1.0_amd64.deb` -> the package's name."""
    file = posixpath.basename(written)
    if file.endswith(".rpm"):
        return _RPM.sub("", file)
    if "://" in written or written.startswith("/") or file.endswith(".deb"):
        return file.removesuffix(".deb").partition("_")[0]
    return written.partition("=")[0].partition("/")[0].partition(":")[0].strip()


def rule_of_place(path: str, pack: RulePack) -> Rule | None:
    """The rule for what lies at `path`: by the unit that it belongs to, the path itself, or the folder that it is."""
    if not path.startswith(("/", "~/")):
        return None
    place = posixpath.normpath(path)
    unit = _UNIT.fullmatch(place)
    rule = pack.services.find(unit["name"] + (unit["kind"] or "")) if unit else None
    if rule and rule.outcome in ELSEWHERE:
        return rule  # a unit file, or a drop-in, of a service that something else replaces
    inside = pack.paths.find(f"{place}/")
    return pack.paths.find(place) or (inside if inside and inside.outcome in ELSEWHERE else None)


def is_swap(line: str) -> bool:
    """Whether a line of /etc/fstab names swap, and no file system that holds data."""
    return re.search(r"\bswap\b", line) is not None


def swap_rule(pack: RulePack) -> Rule:
    """The rule of what makes swap."""
    return pack.commands["mkswap"][0][1]


def service_is_elsewhere(pack: RulePack, name: str) -> bool:
    """Whether the rules say that something else takes the place of a service of this name, or of a program here."""
    rule = pack.paths.find(name) if name.startswith("/") else pack.services.find(name)
    return rule is not None and rule.outcome in ELSEWHERE


def _address(text: str, pack: RulePack) -> Rule | None:
    return next((rule for part, rule in pack.urls if part in text), None)
