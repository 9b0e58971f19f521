"""What the effects of a run add up to before an order of instructions is chosen, and what is remembered on the way."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.decide.image_commands import BuildStep
from analyzer.decide.image_files import FileTree
from analyzer.decide.image_packages import Installed
from analyzer.decide.image_paths import is_below, is_existing, normal
from analyzer.decide.image_shell import Command, command
from analyzer.decide.needed_accounts import RULE as NEEDED_ACCOUNTS
from analyzer.model import (
    CheckoutCode,
    InstallPackages,
    LeftOut,
    MakeGroup,
    MakeUser,
    Outcome,
    RunCommand,
    Source,
    Step,
    Via,
)

EARLY = ("/etc/apt", "/usr/share/keyrings", "/etc/yum.repos.d", "/etc/pki/rpm-gpg", "/etc/dnf", "/etc/dpkg")
"""Files below these say what a package manager installs: they go in before it runs."""


ACCOUNT_FILES = re.compile(r"/etc/(login\.defs|default/useradd|adduser\.conf|sub[ug]id|skel(/.+)?)")
"""What `useradd` and `groupadd` read: numbers, modes and shells, and the files of a new home."""


class Composed(Struct):
    """What the steps add up to."""

    sources: list[list[Installed] | BuildStep | str] = field(default_factory=list)
    """In order: packages, a step of the package sources, or the path of a file that the package manager reads."""
    accounts: list[BuildStep | str] = field(default_factory=list)
    """In order: what makes accounts, and the files and steps that say how they are made."""
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


class Composition:
    """Grows by one step after another; nothing of it outlives `compose_steps` but `out`."""

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
        made = [number for number, step in enumerate(steps) if _makes_account(step)]
        self.last_account = max((number for number in made if not _runs(steps[number])), default=-1)
        self.skeletons = [
            normal(step.effect.options[step.effect.options.index("-k") + 1])
            for step in steps
            if isinstance(step.effect, MakeUser) and "-k" in step.effect.options
        ]
        """Folders beside /etc/skel from which homes are made."""
        self.last_useradd = max(made, default=-1)
        """The last step that makes an account or group, in whichever way."""
        self.number = 0
        self.mentioned: list[str] = []
        self.from_code: list[str] = []
        """Paths outside the code that were copied from it: what is done to them follows the code, too."""
        self.environments: set[str] = set()
        """Virtual environments of Python that are there by now."""
        self.prefixes: dict[str, str] = {}
        """Source folder -> prefix that `configure` chose there, and bundler's path (see `of_command`)."""

    def refuse(self, via: Via, what: str, why: str, outcome: Outcome = Outcome.MANUAL) -> None:
        for source in via.sources[:1] or (Source("", 1),):
            self.out.left_out.append(LeftOut(source=source, what=what, reason=why, outcome=outcome))

    def excluded_path(self, path: str) -> tuple[str, Outcome] | None:
        return next((why for name, why in self.excluded.items() if name.startswith("/") and is_below(path, name)), None)

    def in_code(self, text: str) -> bool:
        """Whether `text` (a path or a command) speaks of the application's code, or of what was made from it."""
        places = (*self.roots, *self.from_code)
        return any(re.search(rf"(?<![\w./-]){re.escape(place)}(?=$|[/\s'\":;)])", text) for place in places)

    def is_late(self, path: str) -> bool:
        """Whether a step of the build made or will make the surroundings of `path`."""
        if any(is_below(path, root) for root in self.roots):
            return True
        return any(is_below(path, each) for each in self.mentioned)

    def is_early(self, path: str) -> bool:
        """Whether the package manager reads `path` for packages that a later task installs."""
        return path.startswith(EARLY) and self.number < self.last_install

    def mention(self, text: str) -> None:
        """Remembers the directories that a command names: files written into them later must follow it."""
        for path in re.findall(r"(?<![\w.])/[\w.@+/-]+", text):
            each = normal(path)
            if each.count("/") >= 2 and each not in ("/dev/null", "/usr/bin/env") and not each.startswith("/bin/"):
                self.mentioned.append(each)

    def inside(self, path: str, name: str) -> str:
        """`path`, or if it is a directory by now the path of `name` in it, as the modules that write files take it."""
        entry = self.out.files.get(path)
        if (entry is not None and entry.kind == "directory") or is_existing(normal(path)):
            return normal(path) + "/" + posixpath.basename(name.rstrip("/"))
        return path

    def build(self, step: BuildStep) -> None:
        self.out.build.append(step)

    def cheap(self, via: Via, text: str, *paths: str) -> None:
        """A quick command on files; neighbours share one RUN."""
        self.build(BuildStep(commands=(command(text, via),), via=via, group=True, code=any(map(self.in_code, paths))))

    def says_how(self, path: str) -> bool:
        """Whether accounts that are made later depend on the file."""
        if self.number >= self.last_account:
            return False
        return ACCOUNT_FILES.fullmatch(path) is not None or any(is_below(path, one) for one in self.skeletons)

    def account(self, via: Via, *commands: Command) -> None:
        """Makes an account, or changes how the next ones are made; neighbours share one RUN."""
        last = self.out.accounts[-1] if self.out.accounts else None
        if isinstance(last, BuildStep):
            self.out.accounts[-1] = replace(last, commands=(*last.commands, *commands))
        else:
            self.out.accounts.append(BuildStep(commands=commands, via=via))

    def account_file(self, path: str) -> None:
        """The file is copied before the accounts that follow."""
        if path not in self.out.early:
            self.out.early.add(path)
            self.out.accounts.append(path)

    def early(self, path: str) -> None:
        if path not in self.out.early:
            self.out.early.add(path)
            self.out.sources.append(path)


def _makes_account(step: Step) -> bool:
    match step.effect:
        case MakeUser(state="present") | MakeGroup(state="present"):
            return step.via.rule != NEEDED_ACCOUNTS
        case RunCommand(command=text):
            return (
                re.search(
                    r"\b(useradd|adduser|groupadd|addgroup|newusers)\b",
                    text if isinstance(text, str) else " ".join(text),
                )
                is not None
            )
    return False


def _runs(step: Step) -> bool:
    return isinstance(step.effect, RunCommand)
