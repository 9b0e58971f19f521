"""Commands, downloads, archives, and code from repositories."""

from __future__ import annotations

import posixpath
import re

from msgspec.structs import replace

from analyzer.decide.image_accounts import BASE_ACCOUNTS
from analyzer.decide.image_commands import (
    SCRATCH,
    BuildStep,
    after_code,
    attributes,
    download_commands,
    run_step,
    runs_as_another,
    unpack_commands,
)
from analyzer.decide.image_composed import Composition
from analyzer.decide.image_languages import lock_of_command
from analyzer.decide.image_packages import touches_packages
from analyzer.decide.image_paths import normal
from analyzer.decide.image_products import of_command
from analyzer.decide.image_shell import command, marker_names, quote
from analyzer.model import CheckoutCode, Download, Ownership, RunCommand, Unknown, Unpack, Via


def run_command(to: Composition, effect: RunCommand, via: Via) -> None:
    """A command runs in the order of the playbook, before packages where it prepares them."""
    if any(isinstance(value, Unknown) for value in effect.environment.values()):
        to.refuse(via, "command", "a variable of its environment is unknown")
        return
    step = replace(
        run_step(effect, via),
        product=of_command(effect, to.prefixes),
        lock=lock_of_command(effect, to.roots),
    )
    text = " ".join((step.json, *(line for each in step.commands for line in each.lines)))
    everything = f"{text} {effect.directory} {effect.creates}"
    to.mention(everything)
    if re.search(r"\b(?:virtualenv|venv)\b", text):
        to.environments.update(normal(path) for path in re.findall(r"(?<![\w.])/[\w.@+/-]+", text))
    if (
        to.number < to.last_install
        and touches_packages(text)
        and not to.in_code(everything)
        and not runs_as_another(effect)
    ):
        to.out.sources.append(step)
        return
    code = to.in_code(everything)
    if code and not isinstance(effect.command, str) and posixpath.basename(effect.command[0]) in ("cp", "mv"):
        to.from_code.append(normal(effect.command[-1]))
    for place in ("GIT_WORK_TREE", "DESTDIR"):
        if code and str(effect.environment.get(place, "")).startswith("/"):
            to.from_code.append(normal(str(effect.environment[place])))
    to.build(step if not code else after_code(step))


def download_file(to: Composition, effect: Download, via: Via) -> None:
    """A file from an address."""
    path = to.inside(effect.path, effect.url.split("?")[0])
    effect = replace(effect, path=path)
    early = to.is_early(normal(path)) or (to.number < to.last_install and re.search(r"\.(deb|rpm|asc|gpg)$", path))
    owned: list[str] = []
    if early and not {effect.ownership.owner, effect.ownership.group} <= {"", *BASE_ACCOUNTS}:
        owned = attributes(effect.ownership, path)
        effect = replace(effect, ownership=Ownership())
    step = BuildStep(
        commands=download_commands(effect, via),
        via=via,
        code=to.in_code(effect.path),
        fetches=normal(effect.path),
    )
    if early:
        to.out.sources.append(step)
        for text in owned:  # the accounts come after the packages
            to.cheap(via, text, path)
        return
    to.mentioned.append(normal(effect.path))
    to.build(step)


def unpack_archive(to: Composition, effect: Unpack, via: Via) -> None:
    """An archive, of the project or of the image."""
    if effect.content is not None and effect.content.data is None:
        to.refuse(via, effect.archive, "the archive is not in the project")
        return
    archive = effect.archive
    if effect.content is not None and effect.content.data is not None:
        archive = f"{SCRATCH}/" + archive.rstrip("/").rsplit("/", 1)[-1]
        to.out.files.write(archive, effect.content.data, Ownership(), via, late=True)
        to.build(BuildStep(copy=archive, via=via))
    to.mention(effect.creates)
    if normal(effect.directory) != "/":
        to.mentioned.append(normal(effect.directory))
    commands = unpack_commands(effect, archive, via)
    code = to.in_code(effect.directory)
    to.build(BuildStep(commands=commands, via=via, code=code, fetches=normal(effect.directory)))


def check_out_code(to: Composition, effect: CheckoutCode, via: Via) -> None:
    """The application's code comes from the context of the build, other code from its repository."""
    if effect.application:
        for number, (other, before) in enumerate(to.out.checkouts):
            if normal(other.path) == normal(effect.path) and other.user == effect.user:
                # provisioning and release check the same code out: the context enters the image once
                sources = tuple(dict.fromkeys((*before.sources, *via.sources)))
                to.out.checkouts[number] = (other, Via(rule=before.rule, sources=sources, note=before.note))
                return
        to.out.checkouts.append((effect, via))
        return
    if names := marker_names(effect.repository + effect.version):
        to.refuse(via, "its repository", f"the build would have to know {', '.join(names)}")
        return
    if re.match(r"^(git@|ssh://)", effect.repository):
        to.refuse(via, effect.repository, "the build has no key for this repository")
        return
    if not re.search(r"://|^[\w.-]+@[\w.-]+:|^\w[\w.-]+:(?!//)", effect.repository):
        to.refuse(via, effect.repository, "it is a folder beside Ansible, and no build context has it")
        return
    # GitHub has not answered git:// since March 2022
    repository = re.sub(r"^git://(?=github\.com/)", "https://", effect.repository)
    branch = f"--branch {quote(effect.version)} " if effect.version and effect.version != "HEAD" else ""
    text = f"git clone {branch}{quote(repository)} {quote(effect.path)}"
    if re.fullmatch(r"[0-9a-f]{7,40}", effect.version):
        text = (
            f"git clone {quote(repository)} {quote(effect.path)}"
            f" && git -C {quote(effect.path)} checkout -q {effect.version}"
        )
    to.mentioned.append(normal(effect.path))
    to.build(BuildStep(commands=(command(text, via),), user=effect.user, via=via, fetches=normal(effect.path)))
