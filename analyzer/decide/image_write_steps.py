"""Writes what does not depend on the application's code: packages, accounts, files, and single steps of the build."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from msgspec.structs import replace

from analyzer.decide.image_base import manager_of
from analyzer.decide.image_commands import SCRATCH, BuildStep
from analyzer.decide.image_composed import Composed
from analyzer.decide.image_files import Entry, context_name, copy_lines, image_files, is_plain_name, ownership_commands
from analyzer.decide.image_packages import LINT_IGNORE, Continued, Installed, package_commands
from analyzer.decide.image_paths import is_below, parent
from analyzer.decide.image_shell import Command, Instructions, command, has_marker, quote, unique
from analyzer.decide.image_stages import Stages
from analyzer.decide.image_tools import VIA as VIA_OF_TOOLS
from analyzer.model import ImageFile, InstallPackages, Via

SKELETON = Via(rule="template:Dockerfile")
"""For lines that no task caused."""

_LINT_OF_SCRIPTS = (("DL3003", r"\bcd\s"), ("DL3004", r"\bsudo\s"), ("DL4006", r"\|"))
"""hadolint rules that the playbook's own shell text may break: it is carried over as it stands."""


class StepWriter:
    """Writes packages, files and steps; the instructions so far are in `out`."""

    def __init__(self, composed: Composed, base: str, roots: Sequence[str], stages: Stages | None) -> None:
        self.composed = composed
        self.manager = manager_of(base)
        self.roots = tuple(roots)
        self.stages = stages
        """None for one stage."""
        self.out = Instructions()
        everything = [(path, entry) for path, entry in composed.files.entries.items() if entry.kind == "file"]
        self.runtime = sorted((path, entry) for path, entry in everything if has_marker(entry.text))
        """Files that are written when the container starts."""
        self.known = [(path, entry) for path, entry in everything if not has_marker(entry.text)]
        self.files: list[ImageFile] = list(image_files(self.known))
        self.arguments: set[str] = set()
        """Build arguments that this stage has."""

    def frontend(self) -> None:
        """apt asks nothing in this stage."""
        if self.manager == "apt" and any(not isinstance(each, str) for each in self.composed.sources):
            self.out.add("ARG", "DEBIAN_FRONTEND=noninteractive", SKELETON)

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

    def accounts(self) -> None:
        for each in self.composed.accounts:
            if isinstance(each, BuildStep):
                self.out.run_as_root(each.commands)
            elif (entry := self.composed.files.get(each)) is not None and entry.kind == "file":
                self.copy([(each, entry)])

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
