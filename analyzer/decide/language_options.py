"""Arguments of Ansible's modules for language packages as the words that these modules give to pip, gem and the like.

Each table follows the module's own source (ansible-core 2.19, community.general 11): an argument that a module turns
into an option becomes the same option here, with the module's own default.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from analyzer.decide.match import boolean
from analyzer.decide.values import text, texts
from analyzer.model import Value

Arguments = Mapping[str, Value]

VCS = ("svn+", "git+", "hg+", "bzr+")
"""What pip installs from a repository; the module then asks for an editable installation."""


def language_values(module: str, args: Arguments) -> dict[str, Any]:
    """Fields of `LanguagePackages` that a module's arguments decide beyond names and state; {} for other modules."""
    made = _MODULES.get(module)
    return made(args) if made else {}


_WITHOUT_QUESTIONS = ("flush", "syncdb", "migrate", "test", "collectstatic")
"""Commands of Django that the module gives `--noinput`."""
_DJANGO_FLAGS = ("failfast", "skip", "merge", "link", "clear")
_DJANGO_VALUES = ("database", "pythonpath", "settings", "testrunner")


def django_command(args: Arguments) -> tuple[str, ...]:
    """The words that `django_manage` runs in the project's folder, by the Python of its virtual environment."""
    written = _words(args.get("command"))
    virtual = text(args.get("virtualenv")).rstrip("/")
    words = [*((f"{virtual}/bin/python", "manage.py") if virtual else ("./manage.py",)), *written]
    if written and written[0] in _WITHOUT_QUESTIONS and "--noinput" not in written:
        words.append("--noinput")
    words += [f"--{name}" for name in _DJANGO_FLAGS if boolean(args.get(name))]
    words += [f"--{name}={text(args[name])}" for name in _DJANGO_VALUES if args.get(name)]
    for name in ("apps", "cache_table", "fixtures"):
        words += _words(args.get(name))
    return tuple(words)


def _flags(args: Arguments, flags: Mapping[str, str], defaults: tuple[str, ...] = ()) -> list[str]:
    """`--flag` for every argument that is true; arguments in `defaults` are true unless given."""
    return [option for name, option in flags.items() if boolean(args.get(name, name in defaults))]


def _valued(args: Arguments, options: Mapping[str, str]) -> list[str]:
    return [word for name, option in options.items() if args.get(name) for word in (option, text(args[name]))]


def _words(value: Value) -> list[str]:
    try:
        return shlex.split(text(value))
    except ValueError:  # an open quote: the module would fail, or hand it on
        return text(value).split()


def _pip(args: Arguments) -> dict[str, Any]:
    options = _words(args.get("extra_args"))
    if boolean(args.get("editable")) and "-e" not in options:
        options.append("-e")
    if args.get("state") == "forcereinstall":
        options.insert(0, "--force-reinstall")
    values: dict[str, Any] = {"options": tuple(options)}
    if args.get("state") in ("latest", "forcereinstall"):
        values["state"] = "latest"
    environment = text(args.get("virtualenv"))
    if environment:
        if args.get("chdir"):
            values["virtualenv"] = posixpath.join(text(args["chdir"]), environment)
        command = _words(args.get("virtualenv_command"))
        if boolean(args.get("virtualenv_site_packages")):
            command = [*(command or ["virtualenv"]), "--system-site-packages"]
        if args.get("virtualenv_python"):
            command = [*(command or ["virtualenv"]), f"-p{text(args['virtualenv_python'])}"]
        values["create"] = tuple(command)
    if boolean(args.get("break_system_packages")):
        # the module sets the variable instead of giving the option, which pip before 23.0.1 does not know
        values["environment"] = {"PIP_BREAK_SYSTEM_PACKAGES": "1"}
    return values


def _gem(args: Arguments) -> dict[str, Any]:
    if args.get("state") == "absent":
        return {"options": tuple(_valued(args, {"install_dir": "--install-dir", "bindir": "--bindir"}))}
    user = boolean(args.get("user_install", True))
    options = [
        *_valued(args, {"repository": "--source"}),
        *([] if boolean(args.get("include_dependencies", True)) else ["--ignore-dependencies"]),
        "--user-install" if user else "--no-user-install",
        *_valued(args, {"install_dir": "--install-dir", "bindir": "--bindir"}),
        *_flags(args, {"pre_release": "--pre"}),
        *([] if boolean(args.get("include_doc")) else ["--no-document"]),
        *_flags(args, {"env_shebang": "--env-shebang", "force": "--force"}),
    ]
    if args.get("build_flags"):
        options += ["--", text(args["build_flags"])]
    values: dict[str, Any] = {"options": tuple(options)}
    if args.get("gem_source"):
        values["names"] = (text(args["gem_source"]),)
    return values


def _npm(args: Arguments) -> dict[str, Any]:
    flags = {
        "global": "--global",
        "production": "--production",
        "ignore_scripts": "--ignore-scripts",
        "unsafe_perm": "--unsafe-perm",
        "no_optional": "--no-optional",
        "no_bin_links": "--no-bin-links",
        "force": "--force",
    }
    values: dict[str, Any] = {"options": (*_flags(args, flags), *_valued(args, {"registry": "--registry"}))}
    if boolean(args.get("ci")):
        values["verb"] = "ci"
    return values


def _yarn(args: Arguments) -> dict[str, Any]:
    options = _flags(args, {"production": "--production", "ignore_scripts": "--ignore-scripts"})
    names = bool(texts(args.get("name")))
    values: dict[str, Any] = {
        "options": (
            *([] if names else ["--non-interactive"]),
            *options,
            *_valued(args, {"registry": "--registry"}),
        )
    }
    verb = ("remove" if args.get("state") == "absent" else "add") if names else "install"
    values["verb"] = f"global {verb}" if boolean(args.get("global")) else verb
    return values


def _bundler(args: Arguments) -> dict[str, Any]:
    if args.get("state") == "latest":
        return {"verb": "update", "options": (*_flags(args, {"local": "--local"}), *_words(args.get("extra_args")))}
    groups = ":".join(texts(args.get("exclude_groups")))
    options = [
        *(["--without", groups] if groups else []),
        *_flags(args, {"clean": "--clean"}),
        *_valued(args, {"gemfile": "--gemfile"}),
        *_flags(args, {"local": "--local", "deployment_mode": "--deployment"}),
        *([] if boolean(args.get("user_install", True)) else ["--system"]),
        *_valued(args, {"gem_path": "--path", "binstub_directory": "--binstubs"}),
        *_words(args.get("extra_args")),
    ]
    return {"options": tuple(options)}


def _composer(args: Arguments) -> dict[str, Any]:
    flags = {
        name: "--" + name.replace("_", "-")
        for name in (
            "prefer_source prefer_dist no_dev no_scripts no_plugins optimize_autoloader classmap_authoritative"
            " ignore_platform_reqs"
        ).split()
    }
    command = text(args.get("command")) or "install"
    # the module asks composer which options a command knows; these belong to the commands that resolve packages
    resolves = command in ("install", "update", "require", "create-project")
    defaults = ("no_dev", "optimize_autoloader")
    options = _flags(args, flags, defaults) if resolves else []
    words = ["global", command] if boolean(args.get("global_command")) else [command]
    return {
        "verb": " ".join(words),
        "options": (
            "--no-ansi",
            "--no-interaction",
            *(["--no-progress"] if resolves else []),
            *options,
            *_words(args.get("arguments")),
        ),
    }


def _cpanm(args: Arguments) -> dict[str, Any]:
    options = [
        *_flags(args, {"notest": "--notest", "mirror_only": "--mirror-only", "installdeps": "--installdeps"}),
        *_valued(args, {"locallib": "--local-lib", "mirror": "--mirror"}),
    ]
    for name, option in (("install_recommendations", "recommends"), ("install_suggestions", "suggests")):
        if args.get(name) is not None:
            options.append(f"--{'with' if boolean(args[name]) else 'without'}-{option}")
    values: dict[str, Any] = {"options": tuple(options)}
    version = text(args.get("version"))
    if version and args.get("name"):
        # as the module writes it: `~` for a plain version, `@` where it stands already or the name is a repository
        mark = "" if version[0] in "@~" else "@" if text(args["name"]).endswith(".git") else "~"
        values["names"] = (f"{text(args['name'])}{mark}{version}",)
    elif not args.get("name") and args.get("from_path"):
        values["names"] = (text(args["from_path"]),)
        values["directory"] = ""
    return values


_MODULES: Mapping[str, Callable[[Arguments], dict[str, Any]]] = {
    "pip": _pip,
    "gem": _gem,
    "npm": _npm,
    "yarn": _yarn,
    "bundler": _bundler,
    "composer": _composer,
    "cpanm": _cpanm,
}
