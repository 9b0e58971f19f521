"""Writes the instructions of the Dockerfile in their order, in one stage or in three (runtime, build, the image)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from analyzer.decide.image_base import manager_of
from analyzer.decide.image_commands import SCRATCH, BuildStep
from analyzer.decide.image_entrypoint import PATH as ENTRYPOINT
from analyzer.decide.image_entrypoint import entrypoint, prepare_commands, runtime_variables
from analyzer.decide.image_files import (
    Entry,
    context_name,
    copy_lines,
    image_files,
    is_plain_name,
    ownership_commands,
)
from analyzer.decide.image_packages import LINT_IGNORE, Continued, Installed, package_commands
from analyzer.decide.image_paths import is_below, normal, parent
from analyzer.decide.image_shell import Command, Instructions, command, dockerfile_word, has_marker, quote, unique
from analyzer.decide.image_stages import Stages, hand_over_commands, library_commands
from analyzer.decide.image_steps import Composed
from analyzer.decide.image_tools import VIA as VIA_OF_TOOLS
from analyzer.decide.image_tools import missing_tools
from analyzer.model import CheckoutCode, Image, ImageFile, InstallPackages, Process, Via

SKELETON = Via(rule="template:Dockerfile")
"""For lines that no task caused."""

IGNORE = (
    ".git",
    ".github",
    ".circleci",
    ".dockerignore",
    "Dockerfile",
    "docker",
    "# secrets: what a container needs of them comes from its task definition",
    "**/.env",
    "**/.env.*",
    "!**/.env.example",
    "**/*.pem",
    "**/*.key",
    "**/*.p12",
    "**/*.pfx",
    "**/id_rsa*",
    "**/id_ed25519*",
    "**/.ssh",
    "**/.aws",
    "**/.netrc",
    "**/.vault_pass*",
    "# what the build makes itself, and what a developer's machine leaves",
    "**/__pycache__",
    "**/*.pyc",
    "**/.venv",
    "**/node_modules",
    "**/.bundle",
    "vendor/bundle",
    "**/.pytest_cache",
    "**/.tox",
    "**/.DS_Store",
    "**/*.swp",
    "coverage",
    ".vscode",
    ".idea",
    "# folders that the application may count on stay, their content does not",
    "log/*",
    "tmp/*",
    "!log/.keep",
    "!log/.gitkeep",
    "!tmp/.keep",
    "!tmp/.gitkeep",
    "!tmp/pids/.keep",
    "!tmp/pids/.gitkeep",
    "!tmp/sockets/.keep",
    "!tmp/sockets/.gitkeep",
    "# the hosts have these too; take away the mark where the application runs without them",
    "# spec",
    "# test",
    "# tests",
    "# features",
    "# what the playbook's tasks put in place, whatever it is called: a CA's .pem is no key of a developer",
    "!rootfs/**",
)
"""What of the code's repository the engine need not see; `rootfs` is needed and comes last: the last match counts."""


_LINT_OF_SCRIPTS = (("DL3003", r"\bcd\s"), ("DL3004", r"\bsudo\s"), ("DL4006", r"\|"))
"""hadolint rules that the playbook's own shell text may break: it is carried over as it stands."""


class Writer:
    """Writes the instructions in their order; nothing of it outlives `compose_image`."""

    def __init__(
        self,
        composed: Composed,
        *,
        base: str,
        base_via: Via,
        roots: Sequence[str],
        user: str,
        main: Process | None,
        stages: Stages | None,
    ) -> None:
        self.composed = composed
        self.base = base
        self.base_via = base_via
        self.manager = manager_of(base)
        self.roots = tuple(roots)
        self.user = user
        self.main = main
        self.stages = stages
        """None for one stage."""
        self.out = Instructions()
        everything = [(path, entry) for path, entry in composed.files.entries.items() if entry.kind == "file"]
        self.runtime = sorted((path, entry) for path, entry in everything if has_marker(entry.text))
        self.known = [(path, entry) for path, entry in everything if not has_marker(entry.text)]
        self.files: list[ImageFile] = list(image_files(self.known))
        self.arguments: set[str] = set()
        self.lock_copied = ""

    def image(self, notes: Sequence[str]) -> Image:
        stages = self.stages
        self.out.add("FROM", self.base + (" AS runtime" if stages else ""), self.base_via)
        self.add_tools(missing_tools(self.composed, self.base))
        if self.composed.sources:
            self.frontend()
        self.packages()
        self.zone()
        self.out.run_as_root(self.composed.accounts)
        self.copies()
        early = [step for step in self.composed.build if not step.code]
        late = [step for step in self.composed.build if step.code]
        if stages is None:
            self.steps(early)
            self.code(late)
        else:
            ahead, after = self.around_compiling(early, stages)
            self.steps(ahead)
            self.build_stage(stages, [step for step in early if step.product], late)
            self.hand_over(stages)
            self.steps(after)
            self.code([step for step in late if step.product is None])
        self.start()
        return Image(
            base_image=self.base,
            instructions=tuple(self.out.items),
            files=tuple(sorted(self.files, key=lambda file: file.path)),
            ignore=IGNORE,
            user=self.user,
            workdir=self.out.workdir if self.out.workdir != "/" else "",
            runtime_variables=runtime_variables(self.runtime),
            left_out=tuple(self.composed.left_out),
            notes=(*notes, *self.composed.notes),
        )

    # -- stages -----------------------------------------------------------------------------------------------------

    def around_compiling(self, early: Sequence[BuildStep], stages: Stages) -> tuple[list[BuildStep], list[BuildStep]]:
        """Steps that compile nothing: those that the compiling stage starts from, and those that follow it."""
        last = max((number for number, step in enumerate(early) if step.product), default=-1)
        ahead: list[BuildStep] = []
        after: list[BuildStep] = []
        for number, step in enumerate(early):
            if step.product is None:
                inside = any(folder in f"{step.title} {step.copy}" for folder in stages.folders)
                (ahead if number < last and not inside else after).append(step)
        return ahead, after

    def build_stage(self, stages: Stages, early: Sequence[BuildStep], late: Sequence[BuildStep]) -> None:
        """The stage that compiles: its tools, the steps, and what the image needs to run the result."""
        user, workdir = self.begin("runtime AS build", stages.via)
        self.frontend()
        group = [each for each in stages.tools if each.effect.names]
        self.run_packages(package_commands(group, self.manager), LINT_IGNORE[self.manager])
        self.steps(early)
        compiling = [step for step in late if step.product]
        for checkout, via in self.composed.checkouts:
            root = normal(checkout.path)
            mine = [step for step in compiling if self.is_of(step, root)]
            if mine:
                self.make_root(checkout, via)
            for step in self.locked(mine):
                self.install_locked(step, self.flag(checkout), root)
            rest = [step for step in mine if step not in self.locked(mine)]
            if rest:
                last = max(late.index(step) for step in rest)
                done = self.locked(mine)
                self.out.add("COPY", f"{self.flag(checkout)}. {dockerfile_word(root)}/", via)
                self.steps([
                    step for number, step in enumerate(late)
                    if number <= last and step not in done and (step.product or step.copy or step.group)
                ])  # fmt: skip
        if self.out.user != "root":
            self.out.become("", stages.via)
            # nobody runs this stage
            self.out.items[-1] = replace(self.out.items[-1], lint_ignore=("DL3002",))
        lines = library_commands(stages, apt=self.manager == "apt")
        self.out.run([Command(lines=lines, via=(stages.via,))], ignore=("DL4006",))
        self.begin("runtime", stages.via)
        self.out.user, self.out.workdir = user, workdir

    def begin(self, source: str, via: Via) -> tuple[str, str]:
        """A further stage; USER and WORKDIR are those of the stage that it starts from."""
        self.out.add("FROM", source, via)
        self.arguments.clear()
        return self.out.user, self.out.workdir

    def hand_over(self, stages: Stages) -> None:
        """What the compiling stage made, with the libraries that it is linked with."""
        via = stages.via
        self.out.become("", via)
        self.frontend()
        self.out.add("COPY", f"--from=build {SCRATCH}/packages {SCRATCH}/libraries {SCRATCH}/", via)
        for folder in stages.folders:
            self.out.add("COPY", f"--from=build {dockerfile_word(folder)} {dockerfile_word(folder)}", via)
        commands = [command(text, via) for text in hand_over_commands(apt=self.manager == "apt", dnf=self.manager)]
        for folder in stages.folders:
            commands += self.owners_of(folder, via)
        self.out.run(commands, ignore=("DL3008",) if self.manager == "apt" else ())

    def owners_of(self, folder: str, via: Via) -> list[Command]:
        """COPY keeps owners of what lies in a folder, and makes the folder itself, and those above it, root's."""
        entry = self.composed.files.entries.get(folder)
        if entry is not None:
            return list(ownership_commands([(folder, entry)]))
        user = next(
            (
                step.user
                for step in self.composed.build
                if step.product is not None and folder in step.product.folders and step.user not in ("", "root")
            ),
            "",
        )
        if not user:
            return []
        root = next((normal(one.path) for one, _ in self.composed.checkouts if is_below(folder, normal(one.path))), "")
        above = parent(folder)
        paths = [folder]
        while root and above != root and is_below(above, root):
            paths.append(above)
            above = parent(above)
        return [command(f"chown {quote(f'{user}:')} {' '.join(map(quote, reversed(paths)))}", via)]

    def frontend(self) -> None:
        """apt asks nothing in this stage."""
        if self.manager == "apt" and any(not isinstance(each, str) for each in self.composed.sources):
            self.out.add("ARG", "DEBIAN_FRONTEND=noninteractive", SKELETON)

    # -- parts ------------------------------------------------------------------------------------------------------

    def add_tools(self, names: tuple[str, ...]) -> None:
        """Packages of the tools come first of all."""
        if not names:
            return
        effect = InstallPackages(manager="apt" if self.manager == "apt" else "dnf", names=names, recommends=False)
        first = self.composed.sources[0] if self.composed.sources else None
        group = first if isinstance(first, list) and first[0].effect.manager == effect.manager else None
        if group is None:
            group = []
            self.composed.sources.insert(0, group)
        group.insert(0, Installed(effect=effect, via=VIA_OF_TOOLS))

    def runtime_group(self, group: Sequence[Installed]) -> list[Installed]:
        """The packages that the image itself has: without the tools of the stage that compiles."""
        if self.stages is None:
            return list(group)
        tools = set(self.stages.names)
        found = []
        for each in group:
            kept = tuple(name for name, via in self.stages.kept if via == each.via)
            names = tuple(name for name in each.effect.names if name not in tools or each.effect.state == "absent")
            if names or kept:
                found.append(replace(each, effect=replace(each.effect, names=(*names, *kept))))
        return found

    def packages(self) -> None:
        for each in self.composed.sources:
            if isinstance(each, str):
                entry = self.composed.files.get(each)
                if entry is not None and entry.kind == "file":
                    self.copy([(each, entry)])
            elif isinstance(each, BuildStep):
                self.step(each)
            else:
                commands = package_commands(self.runtime_group(each), self.manager)
                self.run_packages(commands, LINT_IGNORE[self.manager])

    def run_packages(self, commands: Sequence[Command], ignore: tuple[str, ...]) -> None:
        """Arguments on lines of their own belong to the command before them."""
        self.out.run_as_root(commands, ignore=ignore)
        if not commands:
            return
        instruction = self.out.items[-1]
        lines = []
        position = 0
        for each in commands:
            for _ in each.lines:
                line = instruction.lines[position]
                if isinstance(each, Continued):
                    line = type(line)(text="      " + line.text.removeprefix(" && ").strip(), via=line.via)
                lines.append(line)
                position += 1
        self.out.items[-1] = type(instruction)(
            keyword="RUN", lines=tuple(lines), stage=instruction.stage, lint_ignore=instruction.lint_ignore
        )

    def zone(self) -> None:
        if self.composed.timezone is None:
            return
        name, via = self.composed.timezone
        commands = [command(f"ln -sfn {quote('/usr/share/zoneinfo/' + name)} /etc/localtime", via)]
        if self.manager == "apt":
            commands.append(command(f"printf '%s\\n' {quote(name)} > /etc/timezone", via))
        self.out.run_as_root(commands)

    def copies(self) -> None:
        now = [(path, entry) for path, entry in self.known if not entry.late and path not in self.composed.early]
        others = [
            (path, entry)
            for path, entry in self.composed.files.entries.items()
            if entry.kind != "file" and not entry.late and not self.is_code(path)
        ]
        # COPY makes the directories that it needs: whether a package brought one has to be asked before
        maybe = [each for each in others if each[1].maybe]
        self.out.run_as_root([*self.composed.removals, *ownership_commands(maybe)])
        self.copy(now)
        # files that a package manager reads were copied before the accounts were there
        early = [(path, entry) for path, entry in self.known if path in self.composed.early]
        self.out.run_as_root(ownership_commands([*now, *early, *(each for each in others if not each[1].maybe)]))

    def is_code(self, path: str) -> bool:
        return any(is_below(path, root) for root in self.roots)

    def copy(self, files: Sequence[tuple[str, Entry]]) -> None:
        context = [file.path.removeprefix("rootfs") for file in self.files]
        for line in copy_lines([each for each in files if is_plain_name(each[0])], context):
            self.out.add("COPY", " ".join((*line.sources, line.destination)), *line.via)
        for path, entry in files:
            if not is_plain_name(path):
                # COPY expands variables, quotes and wildcards in its words: such a path is for the shell
                vias = unique(entry.via)
                self.out.add("COPY", f"rootfs{context_name(path)} {SCRATCH}/", *vias)
                moved = quote(f"{SCRATCH}/{context_name(path).rpartition('/')[2]}")
                make, move = f"mkdir -p {quote(parent(path))}", f"mv {moved} {quote(path)}"
                self.out.run_as_root([command(make, *vias), command(move, *vias)])

    def steps(self, steps: Sequence[BuildStep]) -> None:
        """Build steps in order; quick commands on files that stand together share one RUN."""
        together: list[Command] = []
        for step in steps:
            if step.group and not step.user:
                together.extend(step.commands)
                continue
            self.flush(together)
            self.step(step)
        self.flush(together)

    def flush(self, commands: list[Command]) -> None:
        self.out.run_as_root(commands)
        commands.clear()

    def step(self, step: BuildStep) -> None:
        if step.copy:
            entry = self.composed.files.get(step.copy)
            if entry is not None and not has_marker(entry.text):
                self.copy([(step.copy, entry)])
                self.out.run_as_root(ownership_commands([(step.copy, entry)]))
            return
        for name in step.arguments:
            if name not in self.arguments:
                self.arguments.add(name)
                self.out.add("ARG", name, step.via)
        self.out.become(step.user, step.via)
        if step.directory:
            self.out.enter(step.directory, step.via)
        if step.json:
            # exec form: the script is one JSON string, so nothing in it is read by the Dockerfile's parser
            ignore = tuple(rule for rule, pattern in _LINT_OF_SCRIPTS if re.search(pattern, step.json))
            words = [step.shell, "-c", step.json]
            if step.may_fail:
                # in a shell of its own: `|| true` beside its text would end `set -e` there, and `exec` would skip it
                words = ["/bin/sh", "-c", '"$0" -c "$1" || true', step.shell, step.json]
            self.out.add("RUN", json.dumps(words), step.via, ignore=ignore)
        else:
            self.out.run(step.commands, ignore=step.ignore)

    # -- the application's code -------------------------------------------------------------------------------------

    def is_of(self, step: BuildStep, root: str) -> bool:
        """Whether a step belongs to the code at `root`."""
        if len(self.composed.checkouts) == 1:
            return True
        texts = (step.directory, step.copy, step.title, *(step.lock.files if step.lock else ()))
        return any(root in text for text in texts)

    def owner(self, checkout: CheckoutCode) -> str:
        """`user:group` of the code, "" for root's."""
        user = checkout.user
        return user and f"{user}:{self.composed.groups.get(user, user)}"

    def flag(self, checkout: CheckoutCode) -> str:
        owner = self.owner(checkout)
        return f"--chown={dockerfile_word(owner)} " if owner else ""

    def locked(self, later: Sequence[BuildStep]) -> list[BuildStep]:
        """The steps that lock files are enough for, up to the first command that needs more of the code."""
        found = []
        for step in later:
            if step.lock is not None:
                found.append(step)
            elif not (step.copy or step.group):
                break
        return found

    def install_locked(self, step: BuildStep, flag: str, root: str) -> None:
        """COPY of the lock files, and what they say is installed; the layer stays while they do."""
        assert step.lock is not None
        first, *others = step.lock.files
        # an asterisk keeps COPY going where the project has no such file
        names = [first, *(name if "*" in name else f"{name}*" for name in others)]
        # wildcards stand unquoted
        words = [name if is_plain_name(name.replace("*", "")) else dockerfile_word(name) for name in names]
        line = f"{flag}{' '.join(words)} {dockerfile_word(step.lock.folder)}/"
        if line != self.lock_copied:
            self.out.add("COPY", line, step.via)
            self.lock_copied = line
        for path, entry in self.known:
            # settings of the package manager that the playbook writes beside the lock files
            if path in self.manager_settings(step, root):
                self.copy([(path, entry)])
                self.out.run_as_root(ownership_commands([(path, entry)]))
        self.step(step)

    def manager_settings(self, step: BuildStep, root: str) -> tuple[str, ...]:
        assert step.lock is not None
        names = (".npmrc", ".yarnrc", ".yarnrc.yml", ".bundle/config", "auth.json", "pip.conf")
        return tuple(f"{folder}/{name}" for folder in {step.lock.folder, root} for name in names)

    def make_root(self, checkout: CheckoutCode, via: Via) -> None:
        """The code's folder with its owner, before somebody else than root installs into it."""
        root = normal(checkout.path)
        if checkout.user:
            user, _, group = self.owner(checkout).partition(":")
            self.out.run_as_root([command(f"install -d -o {quote(user)} -g {quote(group)} {quote(root)}", via)])

    def code(self, later: Sequence[BuildStep]) -> None:
        for checkout, via in self.composed.checkouts:
            root = normal(checkout.path)
            owner = self.owner(checkout)
            locked = self.locked([step for step in later if self.is_of(step, root)])
            if any(step.user == checkout.user for step in locked):
                self.make_root(checkout, via)
            for step in locked:
                self.install_locked(step, self.flag(checkout), root)
            later = [step for step in later if step not in locked]
            self.out.add("COPY", f"{self.flag(checkout)}. {dockerfile_word(root)}/", via)
            commands = [command(f"rm -rf {quote(root + '/rootfs')}", via)]
            entry = self.composed.files.entries.get(root)
            if entry is not None and entry.user_and_group:
                commands += ownership_commands([(root, entry)])
            elif owner:
                commands.append(command(f"chown {quote(owner)} {quote(root)}", via))
            self.out.run_as_root(commands)
        self.steps(later)

    def start(self) -> None:
        via = self.main.via if self.main else SKELETON
        if self.runtime:
            script = entrypoint(self.runtime)
            self.files.append(script)
            self.out.add("COPY", f"{script.path} {parent(ENTRYPOINT)}/", *script.via)
            self.out.become("", SKELETON)
            self.out.run([
                command(f"chmod 0755 {ENTRYPOINT}", *script.via),
                *prepare_commands(self.runtime, self.user),
            ])  # fmt: skip
        directory = (self.main.working_directory if self.main else "") or (self.roots[0] if self.roots else "")
        if directory:
            self.out.enter(directory, via)
        self.out.become(self.user, via)
        if not self.user and (last := max((n for n, i in enumerate(self.out.items) if i.keyword == "USER"), default=0)):
            # nobody says who runs it: the host ran it as root
            self.out.items[last] = replace(self.out.items[last], lint_ignore=("DL3002",))
        if self.main is not None and self.main.port is not None:
            self.out.add("EXPOSE", str(self.main.port), via)
        if self.main is not None and self.main.stop_signal not in ("", "SIGTERM"):
            self.out.add("STOPSIGNAL", dockerfile_word(self.main.stop_signal), via)
        if self.runtime:
            vias = unique(via for _, entry in self.runtime for via in entry.via)
            self.out.add("ENTRYPOINT", json.dumps([ENTRYPOINT]), *vias)
        if self.main is not None:
            self.out.add("CMD", json.dumps(list(self.main.command)), via)
