"""Writes the application's code with its dependencies: lock files first, since they change less often than the code."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.decide.image_commands import BuildStep
from analyzer.decide.image_files import is_plain_name, ownership_commands
from analyzer.decide.image_paths import normal
from analyzer.decide.image_shell import command, dockerfile_word, quote
from analyzer.decide.image_write_steps import StepWriter
from analyzer.model import CheckoutCode, Via


class CodeWriter:
    """Writes COPY of the code, and what is installed before and after it."""

    def __init__(self, writer: StepWriter) -> None:
        self.writer = writer
        self.out = writer.out
        self.composed = writer.composed
        self.lock_copied = ""

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
        for path, entry in self.writer.known:
            # settings of the package manager that the playbook writes beside the lock files
            if path in self.manager_settings(step, root):
                self.writer.copy([(path, entry)])
                self.out.run_as_root(ownership_commands([(path, entry)]))
        self.writer.step(step)

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

    def write(self, later: Sequence[BuildStep]) -> None:
        """The code of each checkout, its dependencies before it, then `later`: the steps that need it."""
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
        self.writer.steps(later)
