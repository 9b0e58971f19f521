"""Packages of the system and of languages, and where a package manager finds them."""

from __future__ import annotations

from msgspec.structs import replace

from analyzer.decide.image_commands import BuildStep, after_code
from analyzer.decide.image_composed import Composition
from analyzer.decide.image_edit_repositories import PROGRAM, SCRIPT, may_be_of_the_base, section_commands
from analyzer.decide.image_languages import language_step
from analyzer.decide.image_packages import Installed, brings_sources, repository_commands
from analyzer.decide.image_paths import normal
from analyzer.decide.image_shell import Command
from analyzer.decide.repositories import with_section
from analyzer.model import InstallPackages, LanguagePackages, Ownership, PackageRepository, Via


def install(to: Composition, effect: InstallPackages, via: Via) -> None:
    """Packages join those before them, where no repository stands between."""
    names = tuple(
        name
        for name in effect.names
        if name.split("=")[0] not in to.excluded and not (effect.state == "present" and name in to.installed)
    )
    for name in effect.names:
        if name.split("=")[0] in to.excluded:
            to.refuse(via, f"package {name}", *to.excluded[name.split("=")[0]])
    if effect.state == "absent":
        to.installed -= {each for each in to.installed if each.split("=")[0] in names}
    if not names:
        return
    for name in names:
        if name.startswith("/") and (there := to.out.files.get(normal(name))) and there.kind == "file":
            _bring_package(to, normal(name))
    kept = InstallPackages(
        manager=effect.manager,
        names=names,
        state=effect.state,
        recommends=effect.recommends,
        options=effect.options,
    )
    sources = to.out.sources
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
            to.installed |= {name for each in group if each.effect.state != "absent" for name in each.effect.names}
    fresh = tuple(name for name in names if effect.state != "present" or name not in to.installed)
    if fresh:
        sources.append([Installed(effect=replace(kept, names=fresh), via=via)])


def _bring_package(to: Composition, path: str) -> None:
    """A package file of the project comes into the image before the package manager reads it."""
    to.out.build[:] = [step for step in to.out.build if step.copy != path]
    to.early(path)


def add_repository(to: Composition, effect: PackageRepository, via: Via) -> None:
    """The file of a repository goes in before the packages that follow."""
    if effect.path and effect.content:
        content = effect.content
        before = to.out.files.get(effect.path)
        if effect.kind == "yum-repository" and before is not None and before.kind == "file":
            content = with_section(before.data.decode(errors="replace"), content)
        elif effect.kind == "yum-repository" and before is None and _may_be_there(to, effect.path):
            _add_section(to, effect, via)
            return
        to.out.files.write(effect.path, content.encode(), Ownership(), via, late=False)
        to.early(effect.path)
    commands = repository_commands(effect, via)
    if commands:
        to.out.sources.append(BuildStep(commands=commands, via=via))


def _may_be_there(to: Composition, path: str) -> bool:
    """Whether the base image, or a package of sources that the image has by then, may have brought the file."""
    names = (name for group in to.out.sources if isinstance(group, list) for one in group for name in one.effect.names)
    return may_be_of_the_base(path) or any(map(brings_sources, names))


def _add_section(to: Composition, effect: PackageRepository, via: Via) -> None:
    if to.out.files.get(SCRIPT) is None:
        to.out.files.write(SCRIPT, PROGRAM.encode(), Ownership(), via, late=True)
        to.early(SCRIPT)
    commands = (Command(lines=tuple(section_commands(effect.path, effect.content)), via=(via,)),)
    to.out.sources.append(BuildStep(commands=commands, via=via))


def install_language(to: Composition, effect: LanguagePackages, via: Via) -> None:
    """Packages of a language; names of one loop become one command."""
    last = to.out.build[-1] if to.out.build else None
    if last is not None and last.packages is not None and last.via == via and effect.names:
        before = last.packages
        # a loop over names: one command installs them all
        if before.names and replace(before, names=effect.names) == effect and not set(before.names) & {*effect.names}:
            effect = replace(effect, names=(*before.names, *effect.names))
            to.out.build.pop()
            if last.made_environment:
                to.environments.discard(normal(effect.virtualenv))
    step = language_step(effect, via, to.roots, to.environments, to.prefixes)
    if to.in_code(f"{effect.requirements} {effect.virtualenv} {effect.directory}"):
        step = after_code(step)
    if effect.virtualenv:
        to.environments.add(normal(effect.virtualenv))
    to.mention(f"{effect.virtualenv} {effect.directory if not step.code else ''}")
    to.build(step)
