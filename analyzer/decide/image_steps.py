"""The effects of the run, composed into what an image is made of; `image.py` writes the instructions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from analyzer.decide.image_accounts import BASE_ACCOUNTS, group_command, primary_group, user_command
from analyzer.decide.image_commands import (
    SCRATCH,
    BuildStep,
    after_code,
    attributes,
    download_commands,
    owner_options,
    recursive,
    run_step,
    runs_as_another,
    unpack_commands,
)
from analyzer.decide.image_edit_commands import edit_commands
from analyzer.decide.image_edit_ini import PROGRAM, SCRIPT
from analyzer.decide.image_edits import EditError, apply_edit
from analyzer.decide.image_files import FileTree
from analyzer.decide.image_languages import language_step, lock_of_command
from analyzer.decide.image_packages import Installed, brings_sources, repository_commands, touches_packages
from analyzer.decide.image_paths import host_only, is_below, is_existing, normal
from analyzer.decide.image_products import of_command
from analyzer.decide.image_shell import Command, command, has_secret, quote
from analyzer.decide.needed_accounts import RULE as NEEDED_ACCOUNTS
from analyzer.model import (
    CheckoutCode,
    Download,
    EditFile,
    FileContent,
    Infrastructure,
    InstallPackages,
    LanguagePackages,
    LeftOut,
    MakeDirectory,
    MakeGroup,
    MakeLink,
    MakeUser,
    Outcome,
    Ownership,
    PackageRepository,
    ReleaseStep,
    RemovePath,
    RunCommand,
    ScheduleJob,
    ServiceState,
    SetTimezone,
    Source,
    Step,
    TaskSetting,
    TouchFile,
    Unknown,
    Unpack,
    Verdict,
    Via,
    WriteFile,
)

_EARLY = ("/etc/apt", "/usr/share/keyrings", "/etc/yum.repos.d", "/etc/pki/rpm-gpg", "/etc/dnf", "/etc/dpkg")
"""Files below these say what a package manager installs: they go in before it runs."""


@dataclass(slots=True)
class Composed:
    """What the steps add up to."""

    sources: list[list[Installed] | BuildStep | str] = field(default_factory=list)
    """In order: packages, a step of the package sources, or the path of a file that the package manager reads."""
    accounts: list[Command] = field(default_factory=list)
    removals: list[Command] = field(default_factory=list)
    """What goes before files are copied."""
    files: FileTree = field(default_factory=FileTree)
    early: set[str] = field(default_factory=set)
    build: list[BuildStep] = field(default_factory=list)
    checkouts: list[tuple[CheckoutCode, Via]] = field(default_factory=list)
    timezone: tuple[str, Via] | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    """Account -> its primary group, for accounts that the image makes."""


class _Composer:
    """Takes the steps one by one; nothing of it outlives `compose_steps`."""

    def __init__(
        self, steps: Sequence[Step], roots: Sequence[str], left_out: Mapping[str, tuple[str, Outcome]]
    ) -> None:
        self.out = Composed()
        self.roots = tuple(roots)
        self.excluded = left_out
        self.packages = [
            name for step in steps if isinstance(step.effect, InstallPackages) for name in step.effect.names
        ]
        self.groups_made: set[str] = set()
        self.installed: set[str] = set()
        self.last_install = max(
            (number for number, step in enumerate(steps) if isinstance(step.effect, InstallPackages)), default=-1
        )
        self.number = 0
        self.mentioned: list[str] = []
        self.from_code: list[str] = []
        """Paths outside the code that were copied from it: what is done to them follows the code, too."""
        self.environments: set[str] = set()
        """Virtual environments of Python that are there by now."""
        self.prefixes: dict[str, str] = {}
        """Source folder -> prefix that `configure` chose there, and bundler's path (see `of_command`)."""

    # -- helpers ----------------------------------------------------------------------------------------------------

    def refuse(self, via: Via, what: str, why: str, outcome: Outcome = Outcome.MANUAL) -> None:
        for source in via.sources[:1] or (Source("", 1),):
            self.out.left_out.append(LeftOut(source=source, what=what, reason=why, outcome=outcome))

    def in_code(self, text: str) -> bool:
        """Whether `text` (a path or a command) speaks of the application's code, or of what was made from it."""
        places = (*self.roots, *self.from_code)
        return any(re.search(rf"(?<![\w./-]){re.escape(place)}(?=$|[/\s'\":;)])", text) for place in places)

    def is_late(self, path: str) -> bool:
        """Whether a step of the build made or will make the surroundings of `path`."""
        if any(is_below(path, root) for root in self.roots):
            return True
        return any(is_below(path, each) for each in self.mentioned)

    def mention(self, text: str) -> None:
        """Remembers the directories that a command names: files written into them later must follow it."""
        for path in re.findall(r"(?<![\w.])/[\w.@+/-]+", text):
            each = normal(path)
            if each.count("/") >= 2 and each not in ("/dev/null", "/usr/bin/env") and not each.startswith("/bin/"):
                self.mentioned.append(each)

    def build(self, step: BuildStep) -> None:
        self.out.build.append(step)

    def cheap(self, via: Via, text: str, *paths: str) -> None:
        """A quick command on files; neighbours share one RUN."""
        self.build(BuildStep(commands=(command(text, via),), via=via, group=True, code=any(map(self.in_code, paths))))

    # -- steps ------------------------------------------------------------------------------------------------------

    def take(self, number: int, step: Step) -> None:
        self.number = number
        via = step.via
        effect = step.effect
        path = getattr(effect, "path", "")
        if isinstance(path, str) and path.startswith("/") and not isinstance(effect, CheckoutCode):
            if reason := host_only(normal(path)):
                self.refuse(via, path, reason, Outcome.PLATFORM)
                return
            if found := self.excluded_path(normal(path)):
                self.refuse(via, path, *found)
                return
        if not isinstance(effect, (WriteFile, EditFile)) and _secret_in(effect):
            self.refuse(via, type(effect).__name__, "a secret would be written into a layer of the image")
            return
        match effect:
            case InstallPackages():
                self.install(effect, via)
            case PackageRepository():
                self.repository(effect, via)
            case LanguagePackages():
                self.language(effect, via)
            case WriteFile():
                self.write(effect, via)
            case MakeDirectory():
                self.directory(effect, via)
            case MakeLink():
                self.link(effect, via)
            case TouchFile():
                self.touch(effect, via)
            case RemovePath():
                self.remove(effect, via)
            case EditFile():
                self.edit(effect, via)
            case MakeUser():
                needed = via.rule == NEEDED_ACCOUNTS
                made = user_command(effect, via, self.packages, self.groups_made, self.out.groups, unless_there=needed)
                if made.lines:
                    self.out.accounts.append(made)
                if effect.state == "present":
                    known = "" if effect.group else self.out.groups.get(effect.name, "")
                    self.out.groups[effect.name] = known or primary_group(effect.name, effect.group, self.groups_made)
                    self.groups_made.add(effect.name)
            case MakeGroup():
                self.out.accounts.append(
                    group_command(effect, via, self.packages, unless_there=via.rule == NEEDED_ACCOUNTS)
                )
                self.groups_made.add(effect.name)
            case RunCommand():
                self.run(effect, via)
            case Download():
                self.download(effect, via)
            case Unpack():
                self.unpack(effect, via)
            case CheckoutCode():
                self.checkout(effect, via)
            case SetTimezone():
                self.out.timezone = (effect.name, via)
            case ServiceState() | TaskSetting() | Infrastructure() | ReleaseStep() | ScheduleJob():
                return
            case _:
                assert_never(effect)

    def inside(self, path: str, name: str) -> str:
        """`path`, or if it is a directory by now the path of `name` in it, as the modules that write files take it."""
        entry = self.out.files.get(path)
        if (entry is not None and entry.kind == "directory") or is_existing(normal(path)):
            return normal(path) + "/" + posixpath.basename(name.rstrip("/"))
        return path

    def excluded_path(self, path: str) -> tuple[str, Outcome] | None:
        return next((why for name, why in self.excluded.items() if name.startswith("/") and is_below(path, name)), None)

    def install(self, effect: InstallPackages, via: Via) -> None:
        names = tuple(
            name
            for name in effect.names
            if name.split("=")[0] not in self.excluded and not (effect.state == "present" and name in self.installed)
        )
        for name in effect.names:
            if name.split("=")[0] in self.excluded:
                self.refuse(via, f"package {name}", *self.excluded[name.split("=")[0]])
        if effect.state == "absent":
            self.installed -= {each for each in self.installed if each.split("=")[0] in names}
        if not names:
            return
        kept = InstallPackages(
            manager=effect.manager,
            names=names,
            state=effect.state,
            recommends=effect.recommends,
            options=effect.options,
        )
        sources = self.out.sources
        last = sources[-1] if sources else None
        if (
            isinstance(last, list)
            and last[0].effect.manager == effect.manager
            and not any(brings_sources(name) for name in last[-1].effect.names)
        ):
            last.append(Installed(effect=kept, via=via))
            return
        # the open group is closed: what it installs is there for good
        for group in sources:
            if isinstance(group, list):
                self.installed |= {
                    name for each in group if each.effect.state != "absent" for name in each.effect.names
                }
        fresh = tuple(name for name in names if effect.state != "present" or name not in self.installed)
        if fresh:
            sources.append([Installed(effect=replace(kept, names=fresh), via=via)])

    def repository(self, effect: PackageRepository, via: Via) -> None:
        if effect.path and effect.content:
            self.out.files.write(effect.path, effect.content.encode(), Ownership(), via, late=False)
            self.early(effect.path)
        commands = repository_commands(effect, via)
        if commands:
            self.out.sources.append(BuildStep(commands=commands, via=via))

    def early(self, path: str) -> None:
        if path not in self.out.early:
            self.out.early.add(path)
            self.out.sources.append(path)

    def language(self, effect: LanguagePackages, via: Via) -> None:
        last = self.out.build[-1] if self.out.build else None
        if last is not None and last.packages is not None and last.via == via and effect.names:
            before = last.packages
            # a loop over names: one command installs them all
            if (
                before.names
                and replace(before, names=effect.names) == effect
                and not set(before.names) & {*effect.names}
            ):
                effect = replace(effect, names=(*before.names, *effect.names))
                self.out.build.pop()
                if last.made_environment:
                    self.environments.discard(normal(effect.virtualenv))
        step = language_step(effect, via, self.roots, self.environments, self.prefixes)
        if self.in_code(f"{effect.requirements} {effect.virtualenv} {effect.directory}"):
            step = after_code(step)
        if effect.virtualenv:
            self.environments.add(normal(effect.virtualenv))
        self.mention(f"{effect.virtualenv} {effect.directory if not step.code else ''}")
        self.build(step)

    def write(self, effect: WriteFile, via: Via) -> None:
        if effect.content.data is None:
            why = effect.content.unknown.reason if effect.content.unknown else ""
            self.refuse(via, effect.path, f"its content is not known before the run{': ' + why if why else ''}")
            return
        path = self.out.files.resolve(self.inside(effect.path, effect.content.source.file))
        if not effect.force and self.out.files.get(path) is not None:
            return
        self.out.build[:] = [step for step in self.out.build if not _edits(step, path)]
        late = self.is_late(path)
        content_via = Via(rule=via.rule, sources=_with(via.sources, effect.content.source), note=via.note)
        if not self.out.files.write(path, effect.content.data, effect.ownership, content_via, late=late):
            self.out.notes.append(f"{effect.path}: the mode {effect.ownership.mode!r} is not understood and left out.")
        if path.startswith(_EARLY):
            self.early(path)
        elif late:
            self.build(BuildStep(copy=path, via=content_via, code=self.in_code(path)))

    def directory(self, effect: MakeDirectory, via: Via) -> None:
        path = self.out.files.resolve(effect.path)
        if any(path == root for root in self.roots):
            self.out.files.directory(path, effect.ownership, via, late=False)
            return
        late = self.is_late(path)
        if late and path not in self.mentioned:
            options = owner_options(effect.ownership)
            self.cheap(via, f"install -d {options}{quote(path)}" if options else f"mkdir -p {quote(path)}", path)
        elif not self.out.files.directory(path, effect.ownership, via, late=False):
            self.out.notes.append(f"{path}: the mode {effect.ownership.mode!r} is not understood and left out.")
        if effect.recurse:
            for entry in self.out.files.below(path):
                entry.own(effect.ownership, via)
            if late:
                for text in recursive(effect.ownership, path):
                    self.cheap(via, text, path)

    def link(self, effect: MakeLink, via: Via) -> None:
        path = normal(effect.path)
        if effect.hard:
            self.cheap(via, f"ln -f {quote(effect.target)} {quote(path)}", path)
        elif self.is_late(path):
            self.cheap(via, f"ln -sfn {quote(effect.target)} {quote(path)}", path)
        else:
            self.out.files.link(path, effect.target, via, late=False)

    def touch(self, effect: TouchFile, via: Via) -> None:
        entry = self.out.files.get(effect.path)
        if entry is not None:
            entry.own(effect.ownership, via)
            return
        path = normal(effect.path)
        if effect.create:
            self.cheap(via, f"touch {quote(path)}", path)
        for text in attributes(effect.ownership, path):
            self.cheap(via, text, path)

    def remove(self, effect: RemovePath, via: Via) -> None:
        path = self.out.files.resolve(effect.path)
        late = self.is_late(path)
        text = f"rm -rf {quote(path)}"
        waiting = set(self.roots) - {normal(checkout.path) for checkout, _ in self.out.checkouts}
        if any(is_below(root, path) for root in waiting):
            # room for the code: after COPY nothing may remove it
            self.out.files.remove(path)
            self.out.build[:] = [step for step in self.out.build if not (step.group and _speaks_of(step, path))]
            return
        if any(_speaks_of(step, path) for step in self.out.build):
            # it has to be there until then
            self.cheap(via, text, path)
            return
        self.out.files.remove(path)
        self.out.build[:] = [step for step in self.out.build if not (step.copy and is_below(step.copy, path))]
        if late:
            self.cheap(via, text, path)
        else:
            self.out.removals.append(command(text, via))

    def edit(self, effect: EditFile, via: Via) -> None:
        entry = self.out.files.get(effect.path)
        path = self.out.files.resolve(effect.path)
        known = entry is not None and entry.kind == "file"
        try:
            if known:
                assert entry is not None
                entry.data = apply_edit(entry.data, effect) or b""
                entry.own(effect.ownership, via)
                return
            commands = edit_commands(effect, via)
        except EditError as error:
            self.refuse(via, path, str(error))
            return
        owned = tuple(command(text, via) for text in attributes(effect.ownership, path))
        early = path.startswith(_EARLY) and self.number < self.last_install
        if effect.method == "ini_file" and self.out.files.get(SCRIPT) is None:
            self.out.files.write(SCRIPT, PROGRAM.encode(), Ownership(), via, late=True)
            if early:
                self.early(SCRIPT)
            else:
                self.build(BuildStep(copy=SCRIPT, via=via))
        if early:
            self.out.sources.append(BuildStep(commands=commands, via=via))
            if owned:  # the accounts come after the packages
                self.build(BuildStep(commands=owned, via=via, group=True))
            return
        self.build(BuildStep(commands=commands + owned, via=via, group=True, code=self.in_code(path)))

    def run(self, effect: RunCommand, via: Via) -> None:
        if any(isinstance(value, Unknown) for value in effect.environment.values()):
            self.refuse(via, "command", "a variable of its environment is unknown")
            return
        step = replace(
            run_step(effect, via),
            product=of_command(effect, self.prefixes),
            lock=lock_of_command(effect, self.roots),
        )
        text = " ".join((step.json, *(line for each in step.commands for line in each.lines)))
        everything = f"{text} {effect.directory} {effect.creates}"
        self.mention(everything)
        if re.search(r"\b(?:virtualenv|venv)\b", text):
            self.environments.update(normal(path) for path in re.findall(r"(?<![\w.])/[\w.@+/-]+", text))
        if (
            self.number < self.last_install
            and touches_packages(text)
            and not self.in_code(everything)
            and not runs_as_another(effect)
        ):
            self.out.sources.append(step)
            return
        code = self.in_code(everything)
        if code and not isinstance(effect.command, str) and posixpath.basename(effect.command[0]) in ("cp", "mv"):
            self.from_code.append(normal(effect.command[-1]))
        for place in ("GIT_WORK_TREE", "DESTDIR"):
            if code and str(effect.environment.get(place, "")).startswith("/"):
                self.from_code.append(normal(str(effect.environment[place])))
        self.build(step if not code else after_code(step))

    def download(self, effect: Download, via: Via) -> None:
        path = self.inside(effect.path, effect.url.split("?")[0])
        effect = replace(effect, path=path)
        early = self.number < self.last_install and (
            normal(path).startswith(_EARLY) or re.search(r"\.(deb|rpm|asc|gpg)$", path)
        )
        owned: list[str] = []
        if early and not {effect.ownership.owner, effect.ownership.group} <= {"", *BASE_ACCOUNTS}:
            owned = attributes(effect.ownership, path)
            effect = replace(effect, ownership=Ownership())
        step = BuildStep(
            commands=download_commands(effect, via),
            via=via,
            code=self.in_code(effect.path),
            fetches=normal(effect.path),
        )
        if early:
            self.out.sources.append(step)
            for text in owned:  # the accounts come after the packages
                self.cheap(via, text, path)
            return
        self.mentioned.append(normal(effect.path))
        self.build(step)

    def unpack(self, effect: Unpack, via: Via) -> None:
        if effect.content is not None and effect.content.data is None:
            self.refuse(via, effect.archive, "the archive is not in the project")
            return
        archive = effect.archive
        if effect.content is not None and effect.content.data is not None:
            archive = f"{SCRATCH}/" + archive.rstrip("/").rsplit("/", 1)[-1]
            self.out.files.write(archive, effect.content.data, Ownership(), via, late=True)
            self.build(BuildStep(copy=archive, via=via))
        self.mention(effect.creates)
        if normal(effect.directory) != "/":
            self.mentioned.append(normal(effect.directory))
        commands = unpack_commands(effect, archive, via)
        code = self.in_code(effect.directory)
        self.build(BuildStep(commands=commands, via=via, code=code, fetches=normal(effect.directory)))

    def checkout(self, effect: CheckoutCode, via: Via) -> None:
        if effect.application:
            self.out.checkouts.append((effect, via))
            return
        if re.match(r"^(git@|ssh://)", effect.repository):
            self.refuse(via, effect.repository, "the build has no key for this repository")
            return
        branch = f"--branch {quote(effect.version)} " if effect.version and effect.version != "HEAD" else ""
        text = f"git clone {branch}{quote(effect.repository)} {quote(effect.path)}"
        if re.fullmatch(r"[0-9a-f]{7,40}", effect.version):
            text = (
                f"git clone {quote(effect.repository)} {quote(effect.path)}"
                f" && git -C {quote(effect.path)} checkout -q {effect.version}"
            )
        self.mentioned.append(normal(effect.path))
        self.build(BuildStep(commands=(command(text, via),), user=effect.user, via=via, fetches=normal(effect.path)))


def compose_steps(steps: Sequence[Step], roots: Sequence[str], left_out: Mapping[str, tuple[str, Outcome]]) -> Composed:
    """What `steps` add up to.

    `roots`: where the application's code lies; `left_out`: package or path -> why it is, and what becomes of it.
    """
    composer = _Composer(steps, roots, left_out)
    for number, step in enumerate(steps):
        if step.applies == Verdict.UNKNOWN:
            note = "carried over although its condition is only known on the host"
            composer.take(number, replace(step, via=replace(step.via, note=step.via.note or note)))
        elif step.applies == Verdict.YES:
            composer.take(number, step)
    return composer.out


def _with(sources: tuple[Source, ...], other: Source) -> tuple[Source, ...]:
    return sources if other in sources else (*sources, other)


def _secret_in(value: object) -> bool:
    match value:
        case str():
            return has_secret(value)
        case FileContent():
            return False
        case tuple() | list():
            return any(map(_secret_in, value))
        case Mapping():
            return any(map(_secret_in, value.values()))
        case _ if hasattr(value, "__dataclass_fields__"):
            return any(_secret_in(getattr(value, name)) for name in value.__dataclass_fields__)
        case _:
            return False


def _speaks_of(step: BuildStep, path: str) -> bool:
    """Whether a command of the step names `path`, or something below it."""
    texts = (step.json, step.directory, *(line for each in step.commands for line in each.lines))
    names = {path, quote(path).removesuffix("'")}
    return any(re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", text) for name in names for text in texts)


def _edits(step: BuildStep, path: str) -> bool:
    """Whether a queued step only edits or owns `path`: a new content makes it void."""
    texts = [line for each in step.commands for line in each.lines]
    return step.group and bool(texts) and all(re.search(rf"(?:^|\s){re.escape(quote(path))}(?=$|[;\s)])", " ".join(
        each.lines)) for each in step.commands)  # fmt: skip
