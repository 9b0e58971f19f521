"""Packages of languages as steps of the build: which lock files they need of the application's code, and no more."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.image_commands import BuildStep, Lock
from analyzer.decide.image_packages import LINT_IGNORE, language_commands
from analyzer.decide.image_paths import is_below, normal
from analyzer.decide.image_products import of_packages
from analyzer.model import LanguagePackages, RunCommand, Via

_FILES = {
    "bundler": ("Gemfile", "Gemfile.lock", ".ruby-version", ".tool-versions"),
    "npm": ("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
    "yarn": ("package.json", "yarn.lock", ".yarnrc", ".yarnrc.yml", ".npmrc"),
    "pnpm": ("package.json", "pnpm-lock.yaml", ".npmrc"),
    "composer": ("composer.json", "composer.lock", "auth.json"),
}
"""Manager -> what it reads of the application's code: the first file is there, the others may be."""

_INSTALLS = {
    "bundle": ("bundler", ("", "install", "config", "check")),
    "bundler": ("bundler", ("", "install", "config", "check")),
    "npm": ("npm", ("ci", "install", "i", "config")),
    "yarn": ("yarn", ("", "install", "config")),
    "pnpm": ("pnpm", ("install", "i", "config")),
    "composer": ("composer", ("install", "config")),
}
"""Program -> (manager, words after it that install what a lock file says or set how that is done)."""


def language_step(
    effect: LanguagePackages, via: Via, roots: Sequence[str], made: Collection[str], prefixes: Mapping[str, str]
) -> BuildStep:
    """The step that installs the packages.

    `roots`: where the application's code lies; `made`: virtual environments that are there by now; `prefixes`: as
    `image_products.of_command` keeps them.
    """
    place = effect.directory or posixpath.dirname(effect.requirements)
    root = _root(place, roots) or _root(effect.virtualenv, roots)
    lock = None
    if effect.manager == "pip":
        lock = _requirements(effect, roots)
    elif not effect.names and "--local" not in effect.options and _root(place, roots):
        lock = lock_of(effect.manager, place, _root(place, roots))
    inside = effect.manager in ("bundler", "npm", "yarn", "composer") or not effect.names
    return BuildStep(
        commands=language_commands(effect, via, venv_there=normal(effect.virtualenv) in made),
        user=effect.user,
        directory=effect.directory if inside else "",
        via=via,
        ignore=LINT_IGNORE.get(effect.manager, ()) if effect.names else (),
        code=bool(root),
        lock=lock,
        product=of_packages(effect, prefixes),
        packages=effect,
        made_environment=bool(effect.virtualenv) and normal(effect.virtualenv) not in made,
    )


def lock_of(manager: str, directory: str, root: str) -> Lock | None:
    """What of the code in `directory` the manager reads; None for a manager without lock files."""
    inner = normal(directory).removeprefix(root).lstrip("/")
    names = _FILES.get(manager)
    if names is None:
        return None
    return Lock(files=tuple(posixpath.join(inner, name) for name in names), folder=normal(directory))


def lock_of_command(effect: RunCommand, roots: Sequence[str]) -> Lock | None:
    """The lock files of a command that does nothing but install what they say; None for any other command."""
    root = _root(effect.directory, roots)
    if not root:
        return None
    shell = not isinstance(effect.command, tuple)
    if shell and re.search(r"[<>$`*]", str(effect.command)):
        return None
    commands = simple_commands(str(effect.command)) if shell else argument_command(tuple(effect.command))
    managers = set()
    for each in commands:
        manager, verbs = _INSTALLS.get(each.words[0], ("", ()))
        first = each.operands[0] if each.operands else ""
        if "--local" in each.words and "config" not in each.words:
            return None  # the gems themselves lie in the code
        named = first in ("install", "i") and len(each.operands) > 1 and manager in ("npm", "pnpm")
        if not manager or first not in verbs or named:
            return None
        managers.add(manager)
    if len(managers) != 1:
        return None
    return lock_of(managers.pop(), effect.directory, root)


def _requirements(effect: LanguagePackages, roots: Sequence[str]) -> Lock | None:
    """A requirements file of the code; one that names others, or the code itself, cannot be seen from here."""
    path = normal(posixpath.join(effect.directory or "/", effect.requirements)) if effect.requirements else ""
    root = _root(path, roots)
    editable = "-e" in effect.options or "--editable" in effect.options
    needs_code = any(root and root in option for option in effect.options)
    if not root or editable or needs_code or _root(effect.virtualenv, roots):
        return None
    inner = path.removeprefix(root).lstrip("/")
    folder = posixpath.dirname(inner)
    # it may name files beside it with -r or -c
    beside = [
        posixpath.join(folder, name) for name in (("*.txt",) if folder else ("requirements*.txt", "constraints*.txt"))
    ]
    named = () if fnmatchcase(inner, beside[0]) else (inner,)
    return Lock(files=(*named, *beside), folder=posixpath.dirname(path))


def _root(path: str, roots: Sequence[str]) -> str:
    return next((root for root in roots if path.startswith("/") and is_below(normal(path), root)), "")
