"""Packages of the operating system and of languages: the commands that install them as Ansible's modules do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.decide.image_shell import Command, command, quote, unique
from analyzer.model import InstallPackages, LanguagePackages, PackageRepository, Via

APT = (
    "apt-get install -y",
    "-o Dpkg::Options::=--force-confdef",
    "-o Dpkg::Options::=--force-confold",
)
"""Ansible's apt answers dpkg's questions about changed configuration files so: keep what is there."""

LINT_IGNORE = {"apt": ("DL3008",), "dnf": ("DL3041",), "pip": ("DL3013",), "gem": ("DL3028",), "npm": ("DL3016",)}
"""The playbook decides what is pinned (fidelity first); hadolint would want every version pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One `InstallPackages` effect with its reason."""

    effect: InstallPackages
    via: Via


def package_commands(group: Sequence[Installed]) -> tuple[Command, ...]:
    """Commands of one RUN for packages that nothing separates; the package lists go in the same layer."""
    if not group:
        return ()
    apt = group[0].effect.manager == "apt"
    everything = unique(each.via for each in group)
    commands: list[Command] = []
    pending: list[Installed] = []

    def flush() -> None:
        if pending:
            commands.extend(_apt_batch(pending) if apt else _dnf_batch(pending))
            pending.clear()

    for each in group:
        if pending and _batch(pending[0].effect) != _batch(each.effect):
            flush()
        pending.append(each)
    flush()
    if not commands:
        return ()
    if apt:
        return (
            Command(lines=("apt-get update",), via=everything),
            *commands,
            Command(lines=("rm -rf /var/lib/apt/lists/*",), via=everything),
        )
    return (*commands, Command(lines=("dnf clean all",), via=everything))


def _batch(effect: InstallPackages) -> tuple[str, bool, tuple[str, ...]]:
    state = "absent" if effect.state == "absent" else "present"
    return (state, effect.recommends, effect.options)


def _names(batch: Sequence[Installed]) -> list[tuple[str, tuple[Via, ...]]]:
    """Each package once with every reason for it; those of one task together, sorted."""
    reasons: dict[str, list[Via]] = {}
    for each in batch:
        for name in sorted(each.effect.names):
            reasons.setdefault(name, []).append(each.via)
    by_reason: dict[tuple[Via, ...], list[str]] = {}
    for name, vias in reasons.items():
        by_reason.setdefault(unique(vias), []).append(name)
    return [(name, vias) for vias, names in by_reason.items() for name in names]


def _command_with_names(start: str, batch: Sequence[Installed]) -> tuple[Command, ...]:
    names = _names(batch)
    if not names:
        return ()
    head = Command(lines=(start,), via=unique(each.via for each in batch))
    # each package has a line of its own, and that line its own source
    return (head, *(Command(lines=(quote(name),), via=via) for name, via in names))


def _joined(parts: Sequence[Command]) -> tuple[Command, ...]:
    return tuple(Continued(lines=part.lines, via=part.via) if index else part for index, part in enumerate(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued(Command):
    """Arguments of the command before it, on lines of their own."""


def _apt_batch(batch: Sequence[Installed]) -> tuple[Command, ...]:
    first = batch[0].effect
    options = " ".join(quote(option) for option in first.options)
    if first.state == "absent":
        return _joined(_command_with_names(" ".join(filter(None, ("apt-get remove -y", options))), batch))
    start = " ".join(filter(None, (*APT, "" if first.recommends else "--no-install-recommends", options)))
    return _joined(_command_with_names(start, batch))


def _dnf_batch(batch: Sequence[Installed]) -> tuple[Command, ...]:
    first = batch[0].effect
    options = " ".join(quote(option) for option in first.options)
    verb = "remove" if first.state == "absent" else "install"
    weak = "" if first.recommends or verb == "remove" else "--setopt=install_weak_deps=False"
    return _joined(_command_with_names(" ".join(filter(None, (f"dnf {verb} -y", weak, options))), batch))


def repository_commands(repository: PackageRepository, via: Via) -> tuple[Command, ...]:
    """Commands for a package source that is not merely a file; () where its file says it all."""
    match repository.kind:
        case "ppa":
            return (command(f"add-apt-repository -y {quote(repository.content or repository.url)}", via),)
        case "apt-key":
            path = repository.path or "/etc/apt/trusted.gpg.d/migrated.asc"
            if not repository.url:
                return ()
            return (command(f"curl -fsSL -o {quote(path)} {quote(repository.url)}", via),)
        case "rpm-key":
            return (command(f"rpm --import {quote(repository.url or repository.path)}", via),)
        case "apt-repository" | "deb822" | "yum-repository":
            return ()


def language_commands(effect: LanguagePackages, via: Via) -> tuple[Command, ...]:
    """pip, gem, npm, bundler and the like, without caches left in the layer."""
    options = " ".join(quote(option) for option in effect.options)
    names = " ".join(quote(name) for name in effect.names)
    match effect.manager:
        case "pip":
            return _pip(effect, names, options, via)
        case "gem":
            program = quote(effect.executable or "gem")
            verb = "uninstall -x" if effect.state == "absent" else "install --no-document"
            commands = []
            for name in effect.names:
                gem, _, version = name.partition(":")
                pin = f" -v {quote(version)}" if version else ""
                commands.append(command(" ".join(filter(None, (program, verb, quote(gem) + pin, options))), via))
            return tuple(commands)
        case "npm":
            program = quote(effect.executable or "npm")
            if effect.names:
                where = f"--prefix {quote(effect.directory)}" if effect.directory else "--global"
                verb = "uninstall" if effect.state == "absent" else "install"
                text = " ".join(filter(None, (program, verb, where, options, names)))
            else:
                text = " ".join(filter(None, (program, "ci", options)))
            return (command(text, via), command("npm cache clean --force", via))
        case "bundler":
            return (command(" ".join(filter(None, (quote(effect.executable or "bundle"), "install", options))), via),)
        case "composer":
            return (command(" ".join(filter(None, ("composer install --no-interaction", options))), via),)
        case "yarn":
            return (command(" ".join(filter(None, ("yarn install --frozen-lockfile", options))), via),)
        case "cpanm":
            return (command(" ".join(filter(None, ("cpanm --notest", options, names))), via),)


def _pip(effect: LanguagePackages, names: str, options: str, via: Via) -> tuple[Command, ...]:
    commands: list[Command] = []
    program = quote(effect.executable or "pip3")
    if effect.virtualenv:
        interpreter = quote(effect.executable) if "python" in effect.executable else "python3"
        commands.append(command(f"{interpreter} -m venv {quote(effect.virtualenv)}", via))
        program = quote(effect.virtualenv.rstrip("/") + "/bin/pip")
    if effect.state == "absent":
        return (*commands, command(f"{program} uninstall -y {names}", via))
    what = f"-r {quote(effect.requirements)}" if effect.requirements else names
    upgrade = "--upgrade" if effect.state == "latest" else ""
    text = " ".join(filter(None, (program, "install --no-cache-dir", upgrade, options, what)))
    return (*commands, command(text, via))


def touches_packages(text: str) -> bool:
    """Whether a command may change what a package manager will do after it."""
    return bool(
        re.search(
            r"\b(apt|apt-get|apt-key|add-apt-repository|dpkg|dpkg-reconfigure|debconf|rpm|yum|dnf|gpg|sources\.list)\b"
            r"|keyrings|\|\s*(sudo\s+)?(ba)?sh\b",
            text,
        )
    )
