"""Where the things lie that a step of the build compiles: in folders of their own, or all over the system.

What lies in folders of its own (a virtual environment, `vendor/bundle`, `node_modules`, a `--prefix`) can be made in an
earlier stage of the build and copied, so that compilers need not be in the image.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from analyzer.decide.command_wrappers import SimpleCommand
from analyzer.decide.commands_in_tasks import argument_command, simple_commands
from analyzer.decide.image_paths import is_existing, normal
from analyzer.model import LanguagePackages, RunCommand

TOOLS = re.compile(
    r"build-essential|gcc|gcc-\d+|gcc-c\+\+|g\+\+|g\+\+-\d+|cpp|clang(-\d+)?|llvm(-\d+)?(-dev)?|make|gmake|cmake|ninja-build|meson"
    r"|autoconf|automake|autotools-dev|libtool(-bin)?|bison|flex|m4|patch|patchutils|pkg-config|pkgconf(-pkg-config)?"
    r"|dpkg-dev|debhelper|devscripts|fakeroot|rpm-build|redhat-rpm-config|rustc|cargo|golang(-go)?|gfortran|nasm|yasm|swig"
    r"|@?development( |-)tools|@development|linux-headers-.+|kernel-headers|libc6-dev|.+-dev|.+-devel",
    re.IGNORECASE,
)
"""Packages (and groups of packages) that compile or are compiled against; a name may carry `=version`."""

_INTERPRETER = re.compile(r"(python[0-9.]*|ruby[0-9.]*|php[0-9.]*)-(?:dev|devel)")


def is_tool(package: str) -> bool:
    """Whether a package is needed for compiling only."""
    return TOOLS.fullmatch(re.split(r"[=:]", package)[0]) is not None


def kept_of(package: str) -> str:
    """What an image without `package` still needs of it: the interpreter whose headers it brings, "" where nothing."""
    match = _INTERPRETER.fullmatch(re.split(r"[=:]", package)[0])
    if match is None:
        return ""
    return f"{match[1]}-cli" if match[1].startswith("php") else match[1]


class Product(Struct, frozen=True, kw_only=True):
    """What a step that may compile leaves."""

    folders: tuple[str, ...] = ()
    """Folders that hold all of it; () where it spreads."""
    why_not: str = ""
    """Why it cannot be copied from another stage, in words; "" where it can."""


def of_packages(effect: LanguagePackages, prefixes: Mapping[str, str]) -> Product | None:
    """The product of a language's package manager; None for one that compiles nothing."""
    options = dict(zip(effect.options, effect.options[1:], strict=False))
    match effect.manager:
        case "pip":
            why = f"pip installs {_some(effect.names)} into the system's own folders, not into a virtual environment"
            return _one(effect.virtualenv, why)
        case "bundler":
            path = options.get("--path") or str(effect.environment.get("BUNDLE_PATH", ""))
            if not path and "--deployment" in effect.options:
                path = "vendor/bundle"
            path = path or prefixes.get(_bundle(effect.directory), "")
            why = "bundler installs into the system's gem folder (no deployment mode, no path)"
            return _one(_below(effect.directory, path), why, _below(effect.directory, ".bundle"))
        case "npm" | "yarn":
            here = "--global" not in effect.options and not effect.verb.startswith("global") and effect.directory
            why = f"{effect.manager} installs {_some(effect.names)} globally"
            return _one(_below(effect.directory, "node_modules") if here else "", why)
        case "gem":
            why = f"gem installs {_some(effect.names)} into the system's or the user's gem folder"
            return _one(options.get("--install-dir", ""), why)
        case "cpanm":
            return _one(options.get("--local-lib", ""), "cpanm installs into the system's own folders")
        case "composer":
            return None


def of_command(effect: RunCommand, prefixes: dict[str, str]) -> Product | None:
    """The product of a command; None where nothing of it compiles.

    `prefixes`: source folder -> the `--prefix` that an earlier `configure` chose there, and where `bundle config` says
    that gems go; taken note of here.
    """
    folders: list[str] = []
    compiles = False
    if isinstance(effect.command, tuple):
        commands: Sequence[SimpleCommand] = argument_command(effect.command)
    else:
        commands = simple_commands(effect.command)
        if (entered := re.match(r"\s*cd\s+([\w./-]+)", effect.command)) and not effect.directory:
            effect = RunCommand(command=effect.command, directory=entered[1], environment=effect.environment)
    for each in commands:
        found = _of_words(each, effect.directory, effect.environment, prefixes)
        if found is None:
            continue
        if found.why_not:
            return found
        compiles = True
        folders += found.folders
    return Product(folders=tuple(dict.fromkeys(folders))) if compiles else None


def _bundle(directory: str) -> str:
    """The key under which bundler's path is remembered."""
    return f"bundle {normal(directory)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "") if names else "packages"


def _one(folder: str, why_not: str, *more: str) -> Product:
    return Product(folders=(folder, *more)) if folder else Product(why_not=why_not)


def _below(directory: str, path: str) -> str:
    if not path or (not directory and not path.startswith("/")):
        return ""
    return normal(posixpath.join(directory or "/", path))


def _option(words: Sequence[str], *names: str) -> str:
    for number, word in enumerate(words):
        for name in names:
            if word == name and number + 1 < len(words):
                return words[number + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return ""


def _of_words(
    command: SimpleCommand, directory: str, environment: Mapping[str, object], prefixes: dict[str, str]
) -> Product | None:
    words = command.words
    program, text = words[0], command.text
    folder = text.split()[0].rpartition("/")[0] if "/" in text.split()[0] else ""
    operands = command.operands
    first = operands[0] if operands else ""
    if program in ("configure", "cmake", "config"):
        prefix = _option(words, "--prefix", "-DCMAKE_INSTALL_PREFIX")
        prefixes[normal(directory)] = prefix
        return _prefixed(prefix, f"{program} without a prefix of its own")
    if program in ("make", "gmake", "ninja") and "test" not in operands:
        prefix = _option(words, "PREFIX", "prefix") or next(
            (prefixes[each] for each in sorted(prefixes, key=len, reverse=True) if normal(directory).startswith(each)),
            "",
        )
        if first in ("", "all", "world") and not prefix:
            return Product(folders=())
        return _prefixed(prefix, f"`{text}` installs into the system's own folders")
    if program in ("python", "python3") and words[1:3] in (("-m", "venv"), ("-m", "virtualenv")):
        return _one(_below(directory, operands[-1] if len(operands) > 1 else ""), "")
    if program == "virtualenv" and operands:
        return _one(_below(directory, operands[-1]), "")
    is_pip = re.fullmatch(r"pip[0-9.]*", program) or words[1:3] == ("-m", "pip")
    if is_pip and "install" in words:
        inside = posixpath.dirname(folder) if posixpath.basename(folder) == "bin" and not is_existing(folder) else ""
        return _one(_below(directory, inside), f"`{text}` installs into the system's own folders")
    if program in ("bundle", "bundler") and first == "config":
        said = [word for word in operands[1:] if word not in ("set", "true")]
        if said[:1] == ["path"] and len(said) > 1:
            prefixes[_bundle(directory)] = said[1]
        elif said[:1] == ["deployment"]:
            prefixes.setdefault(_bundle(directory), "vendor/bundle")
        return Product(folders=(_below(directory, ".bundle"),) if "--local" in words and directory else ())
    if program in ("bundle", "bundler") and first in ("", "install", "update"):
        path = _option(words, "--path") or str(environment.get("BUNDLE_PATH", ""))
        path = path or ("vendor/bundle" if "--deployment" in words else "") or prefixes.get(_bundle(directory), "")
        why = f"`{text}` installs into the system's gem folder (no --deployment, no --path)"
        return _one(_below(directory, path), why, _below(directory, ".bundle"))
    if program in ("npm", "yarn", "pnpm") and first in ("", "ci", "install", "i", "add"):
        here = not {"-g", "--global"} & set(words)
        return _one(_below(directory, "node_modules") if here else "", f"`{text}` installs globally")
    if program in ("rbenv", "pyenv", "nodenv", "phpenv") and first == "install":
        root = posixpath.dirname(folder) if folder.endswith("/bin") else ""
        root = str(environment.get(f"{program.upper()}_ROOT", "")) or root
        return _one(_below("", f"{root}/versions" if root else ""), f"nothing says where {program} installs")
    if program in ("ruby-build", "python-build") and len(operands) > 1:
        return _prefixed(operands[-1], "")
    if program in (
        "gcc",
        "g++",
        "cc",
        "c++",
        "gem",
        "easy_install",
        "cargo",
        "go",
        "pecl",
        "cpanm",
        "cpan",
        "luarocks",
    ):
        listing = ("list", "env", "version", "query", "which", "uninstall", "config", "channel-update")
        return None if first in listing else Product(why_not=f"nothing says where `{text}` leaves what it makes")
    return None


def _prefixed(prefix: str, why_not: str) -> Product:
    """A prefix is a folder of its own unless the system has things there."""
    place = normal(prefix) if prefix.startswith("/") else ""
    return Product(folders=(place,)) if place and not is_existing(place) else Product(why_not=why_not)
