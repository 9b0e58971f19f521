"""What the application's image is made of: the playbook's effects as Dockerfile instructions, from stable to changing.

    FROM · package sources · packages · accounts · files (COPY rootfs) · build steps · lock files, dependencies, code
    · USER, WORKDIR, ENTRYPOINT, CMD

Order inside each part is the playbook's. Across parts the order may change only where the end is the same: packages
come first (Ansible's apt keeps a configuration file that is there, COPY puts it there afterwards), and a file that lies
where an archive was unpacked or code was copied follows that step.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from analyzer.decide.image_base import base_image
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
from analyzer.decide.image_steps import Composed, compose_steps
from analyzer.decide.processes import ProcessFindings
from analyzer.model import (
    CheckoutCode,
    Host,
    Image,
    ImageFile,
    InstallPackages,
    Job,
    Outcome,
    Process,
    Settings,
    Step,
    Via,
)

SKELETON = Via(rule="template:Dockerfile")
"""For lines that no task caused."""

IGNORE = (
    ".git",
    ".github",
    ".circleci",
    ".dockerignore",
    "Dockerfile",
    "docker",
    "**/.env",
    "**/*.pem",
    "**/*.key",
    "**/.vault_pass*",
    "**/__pycache__",
    "**/*.pyc",
    "**/node_modules",
    "**/.bundle",
    "log",
    "tmp",
    "coverage",
    ".vscode",
    ".idea",
)
"""What of the code's repository the engine need not see; `rootfs` is needed."""


_LINT_OF_SCRIPTS = (("DL3003", r"\bcd\s"), ("DL3004", r"\bsudo\s"), ("DL4006", r"\|"))
"""hadolint rules that the playbook's own shell text may break: it is carried over as it stands."""


_TOOLS = (("curl", ("curl", "ca-certificates")), ("git clone", ("git", "ca-certificates")), ("unzip", ("unzip",)))
TOOLS = Via(rule="template:Dockerfile", note="the build downloads with it where Ansible did so in Python")


def compose_image(
    steps: Sequence[Step],
    hosts: Sequence[Host],
    findings: ProcessFindings,
    jobs: Sequence[Job],
    settings: Settings,
) -> Image:
    """The image for `steps`, run by the processes of `findings` and by `jobs`."""
    base, base_via, notes = base_image(hosts, settings)
    roots = tuple(
        dict.fromkeys(
            normal(step.effect.path)
            for step in steps
            if isinstance(step.effect, CheckoutCode) and step.effect.application and step.applies != "no"
        )
    )
    left_out = {each.name: (each.reason, each.outcome) for each in findings.left_out}
    for path in findings.environment_files:
        if not any(path in job.command for job in jobs):
            why = "an environment file of a unit: its values are in the task definition"
            left_out.setdefault(path, (why, Outcome.TASK_DEFINITION))
    composed = compose_steps([*steps, *findings.directories], roots, left_out)
    main = next((each for each in findings.processes if each.name == "api"), None) or next(
        iter(findings.processes), None
    )
    user = main.user if main else next((job.user for job in jobs if job.outcome == "schedule"), "")
    user = "" if user == "root" else user
    unresolved = tuple(
        f"The playbook starts {name} ({', '.join(map(str, via.sources[:1]))}), and nothing says what its command is: "
        "give the host's unit file as evidence, or decide that it is left behind."
        for name, via in findings.unresolved
    )
    writer = _Writer(composed, base=base, base_via=base_via, roots=roots, user=user, main=main)
    return writer.image((*notes, *findings.notes, *unresolved))


class _Writer:
    """Writes the instructions in their order; nothing of it outlives `compose_image`."""

    def __init__(
        self, composed: Composed, *, base: str, base_via: Via, roots: Sequence[str], user: str, main: Process | None
    ) -> None:
        self.composed = composed
        self.base = base
        self.base_via = base_via
        self.roots = tuple(roots)
        self.user = user
        self.main = main
        self.out = Instructions()
        everything = [(path, entry) for path, entry in composed.files.entries.items() if entry.kind == "file"]
        self.runtime = sorted((path, entry) for path, entry in everything if has_marker(entry.text))
        self.known = [(path, entry) for path, entry in everything if not has_marker(entry.text)]
        self.files: list[ImageFile] = list(image_files(self.known))
        self.arguments: set[str] = set()

    def image(self, notes: Sequence[str]) -> Image:
        self.out.add("FROM", self.base, self.base_via)
        debian = not any(word in self.base for word in ("amazonlinux", "rocky", "alma", "ubi", "centos", "fedora"))
        tools = self.missing_tools()
        if debian and (tools or any(not isinstance(each, str) for each in self.composed.sources)):
            self.out.add("ARG", "DEBIAN_FRONTEND=noninteractive", SKELETON)
        if tools:
            effect = InstallPackages(manager="apt" if debian else "dnf", names=tools, recommends=False)
            first = self.composed.sources[0] if self.composed.sources else None
            group = first if isinstance(first, list) and first[0].effect.manager == effect.manager else None
            if group is None:
                group = []
                self.composed.sources.insert(0, group)
            group.insert(0, Installed(effect=effect, via=TOOLS))
        self.packages()
        self.zone()
        self.out.run(self.composed.accounts)
        self.copies()
        self.steps([step for step in self.composed.build if not step.code])
        self.code()
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

    # -- parts ------------------------------------------------------------------------------------------------------

    def missing_tools(self) -> tuple[str, ...]:
        """Programs that the build calls where Ansible's modules did the work in Python."""
        steps = [each for each in self.composed.sources if isinstance(each, BuildStep)]
        early = " ".join(line for step in steps for each in step.commands for line in each.lines)
        late = " ".join(line for step in self.composed.build for each in step.commands for line in each.lines)
        installed = {
            name
            for each in self.composed.sources
            if isinstance(each, list)
            for one in each
            for name in one.effect.names
        }
        found = []
        for program, packages in _TOOLS:
            called = re.compile(rf"(?:^|[\s;]){program} ")
            # the package sources come before the packages of the playbook, so nothing has installed it for them yet
            first = isinstance(self.composed.sources[0], BuildStep) if self.composed.sources else False
            if (first and called.search(early)) or (called.search(early + " " + late) and packages[0] not in installed):
                found += [name for name in packages if first or name not in installed]
        return tuple(dict.fromkeys(found))

    def packages(self) -> None:
        for each in self.composed.sources:
            if isinstance(each, str):
                entry = self.composed.files.get(each)
                if entry is not None and entry.kind == "file":
                    self.copy([(each, entry)])
            elif isinstance(each, BuildStep):
                self.step(each)
            else:
                commands = package_commands(each)
                self.run_packages(commands, LINT_IGNORE[each[0].effect.manager])

    def run_packages(self, commands: Sequence[Command], ignore: tuple[str, ...]) -> None:
        """Arguments on lines of their own belong to the command before them."""
        self.out.run(commands, ignore=ignore)
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
        self.out.run([
            command(f"ln -sfn {quote('/usr/share/zoneinfo/' + name)} /etc/localtime", via),
            command(f"printf '%s\\n' {quote(name)} > /etc/timezone", via),
        ])  # fmt: skip

    def copies(self) -> None:
        now = [(path, entry) for path, entry in self.known if not entry.late and path not in self.composed.early]
        others = [
            (path, entry)
            for path, entry in self.composed.files.entries.items()
            if entry.kind != "file" and not entry.late and not self.is_code(path)
        ]
        # COPY makes the directories that it needs: whether a package brought one has to be asked before
        maybe = [each for each in others if each[1].maybe]
        self.out.run([*self.composed.removals, *ownership_commands(maybe)])
        self.copy(now)
        self.out.run(ownership_commands([*now, *(each for each in others if not each[1].maybe)]))

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
                self.out.become("", vias[0])
                moved = quote(f"{SCRATCH}/{context_name(path).rpartition('/')[2]}")
                make, move = f"mkdir -p {quote(parent(path))}", f"mv {moved} {quote(path)}"
                self.out.run([command(make, *vias), command(move, *vias)])

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
        if commands:
            self.out.become("", commands[0].via[0])
            self.out.run(commands)
            commands.clear()

    def step(self, step: BuildStep) -> None:
        if step.copy:
            entry = self.composed.files.get(step.copy)
            if entry is not None and not has_marker(entry.text):
                self.copy([(step.copy, entry)])
                commands = ownership_commands([(step.copy, entry)])
                if commands:
                    self.out.become("", step.via)
                self.out.run(commands)
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
            self.out.add("RUN", json.dumps([step.shell, "-c", step.json]), step.via, ignore=ignore)
        else:
            self.out.run(step.commands, ignore=step.ignore)

    def code(self) -> None:
        later = [step for step in self.composed.build if step.code]
        for checkout, via in self.composed.checkouts:
            root = normal(checkout.path)
            owner = checkout.user and f"{checkout.user}:{self.composed.groups.get(checkout.user, checkout.user)}"
            flag = f"--chown={dockerfile_word(owner)} " if owner else ""
            locked = [step for step in later if step.lock and step.directory and is_below(normal(step.directory), root)]
            for step in locked:
                # an asterisk keeps COPY going where the project has no lock file
                names = [step.lock[0], *(f"{name}*" for name in step.lock[1:])]
                self.out.add("COPY", f"{flag}{' '.join(names)} {dockerfile_word(root)}/", step.via)
                self.step(step)
            later = [step for step in later if step not in locked]
            self.out.add("COPY", f"{flag}. {dockerfile_word(root)}/", via)
            self.out.become("", via)
            commands = [command(f"rm -rf {quote(root + '/rootfs')}", via)]
            entry = self.composed.files.entries.get(root)
            if entry is not None and entry.user_and_group:
                commands += ownership_commands([(root, entry)])
            elif owner:
                commands.append(command(f"chown {quote(owner)} {quote(root)}", via))
            self.out.run(commands)
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
