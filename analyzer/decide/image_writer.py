"""Writes the instructions of the Dockerfile in their order, in one stage or in three (runtime, build, the image)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import replace

from analyzer.decide.image_commands import SCRATCH, BuildStep
from analyzer.decide.image_composed import Composed
from analyzer.decide.image_entrypoint import PATH as ENTRYPOINT
from analyzer.decide.image_entrypoint import entrypoint, prepare_commands, runtime_variables
from analyzer.decide.image_files import ownership_commands
from analyzer.decide.image_ignore import IGNORE
from analyzer.decide.image_packages import LINT_IGNORE, package_commands
from analyzer.decide.image_paths import is_below, normal, parent
from analyzer.decide.image_shell import Command, command, dockerfile_word, quote, unique
from analyzer.decide.image_stages import Stages, hand_over_commands, library_commands
from analyzer.decide.image_tools import missing_tools
from analyzer.decide.image_write_code import CodeWriter
from analyzer.decide.image_write_steps import SKELETON, StepWriter
from analyzer.model import Image, Process, Via


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
        users: frozenset[str],
        main: Process | None,
        stages: Stages | None,
    ) -> None:
        self.composed = composed
        self.base = base
        self.base_via = base_via
        self.roots = tuple(roots)
        self.user = user
        self.several = len(users) > 1
        """Whether containers run as several accounts."""
        self.main = main
        self.stages = stages
        """None for one stage."""
        self.writer = StepWriter(composed, base, roots, stages)
        self.code = CodeWriter(self.writer)
        self.out = self.writer.out

    def image(self, notes: Sequence[str]) -> Image:
        stages = self.stages
        self.out.add("FROM", self.base + (" AS runtime" if stages else ""), self.base_via)
        self.writer.add_tools(missing_tools(self.composed, self.base))
        if self.composed.sources:
            self.writer.frontend()
        self.writer.packages()
        self.writer.zone()
        self.writer.accounts()
        self.writer.copies()
        early = [step for step in self.composed.build if not step.code]
        late = [step for step in self.composed.build if step.code]
        if stages is None:
            self.writer.steps(early)
            self.code.write(late)
        else:
            ahead, after = self.around_compiling(early, stages)
            self.writer.steps(ahead)
            self.build_stage(stages, [step for step in early if step.product], late)
            self.hand_over(stages)
            self.writer.steps(after)
            self.code.write([step for step in late if step.product is None])
        self.start()
        return Image(
            base_image=self.base,
            instructions=tuple(self.out.items),
            files=tuple(sorted(self.writer.files, key=lambda file: file.path)),
            ignore=IGNORE,
            user=self.user,
            workdir=self.out.workdir if self.out.workdir != "/" else "",
            runtime_variables=runtime_variables(self.writer.runtime),
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
        self.writer.frontend()
        group = [each for each in stages.tools if each.effect.names]
        self.writer.run_packages(package_commands(group, self.writer.manager), LINT_IGNORE[self.writer.manager])
        self.writer.steps(early)
        compiling = [step for step in late if step.product]
        for checkout, via in self.composed.checkouts:
            root = normal(checkout.path)
            mine = [step for step in compiling if self.code.is_of(step, root)]
            if mine:
                self.code.make_root(checkout, via)
            for step in self.code.locked(mine):
                self.code.install_locked(step, self.code.flag(checkout), root)
            rest = [step for step in mine if step not in self.code.locked(mine)]
            if rest:
                last = max(late.index(step) for step in rest)
                done = self.code.locked(mine)
                self.out.add("COPY", f"{self.code.flag(checkout)}. {dockerfile_word(root)}/", via)
                self.writer.steps([
                    step for number, step in enumerate(late)
                    if number <= last and step not in done and (step.product or step.copy or step.group)
                ])  # fmt: skip
        if self.out.user != "root":
            self.out.become("", stages.via)
            # nobody runs this stage
            self.out.items[-1] = replace(self.out.items[-1], lint_ignore=("DL3002",))
        lines = library_commands(stages, apt=self.writer.manager == "apt")
        self.out.run([Command(lines=lines, via=(stages.via,))], ignore=("DL4006",))
        self.begin("runtime", stages.via)
        self.out.user, self.out.workdir = user, workdir

    def begin(self, source: str, via: Via) -> tuple[str, str]:
        """A further stage; USER and WORKDIR are those of the stage that it starts from."""
        self.out.add("FROM", source, via)
        self.writer.arguments.clear()
        return self.out.user, self.out.workdir

    def hand_over(self, stages: Stages) -> None:
        """What the compiling stage made, with the libraries that it is linked with."""
        via = stages.via
        self.out.become("", via)
        self.writer.frontend()
        self.out.add("COPY", f"--from=build {SCRATCH}/packages {SCRATCH}/libraries {SCRATCH}/", via)
        for folder in stages.folders:
            self.out.add("COPY", f"--from=build {dockerfile_word(folder)} {dockerfile_word(folder)}", via)
        commands = [
            command(text, via) for text in hand_over_commands(apt=self.writer.manager == "apt", dnf=self.writer.manager)
        ]
        for folder in stages.folders:
            commands += self.owners_of(folder, via)
        self.out.run(commands, ignore=("DL3008",) if self.writer.manager == "apt" else ())

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

    # -- the end ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        via = self.main.via if self.main else SKELETON
        if self.writer.runtime:
            script = entrypoint(self.writer.runtime, several=self.several)
            self.writer.files.append(script)
            self.out.add("COPY", f"{script.path} {parent(ENTRYPOINT)}/", *script.via)
            self.out.become("", SKELETON)
            self.out.run([
                command(f"chmod 0755 {ENTRYPOINT}", *script.via),
                *prepare_commands(self.writer.runtime, self.user, several=self.several),
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
        if self.writer.runtime:
            vias = unique(via for _, entry in self.writer.runtime for via in entry.via)
            self.out.add("ENTRYPOINT", json.dumps([ENTRYPOINT]), *vias)
        if self.main is not None:
            self.out.add("CMD", json.dumps(list(self.main.command)), via)
