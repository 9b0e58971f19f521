"""Arguments of Ansible's modules for system packages as options of apt-get and dnf, as the modules use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analyzer.decide.match import boolean
from analyzer.decide.values import text, texts
from analyzer.model import Value

Arguments = Mapping[str, Value]

DPKG = ("force-confdef", "force-confold")
"""Ansible's answer to dpkg's question about a configuration file that was changed: keep what is there."""

_APT = {
    "allow_unauthenticated": "--allow-unauthenticated",
    "allow_downgrade": "--allow-downgrades",
    "allow_change_held_packages": "--allow-change-held-packages",
    "fail_on_autoremove": "--no-remove",
}
_DNF = {
    "disable_gpg_check": "--nogpgcheck",
    "nobest": "--nobest",
    "allowerasing": "--allowerasing",
    "skip_broken": "--skip-broken",
}
_DNF_LISTS = {
    "enablerepo": "--enablerepo",
    "disablerepo": "--disablerepo",
    "exclude": "--exclude",
    "disable_excludes": "--disableexcludes",
    "releasever": "--releasever",
    "enable_plugin": "--enableplugin",
    "disable_plugin": "--disableplugin",
}


def package_values(module: str, args: Arguments) -> Mapping[str, Any] | str:
    """Fields of `InstallPackages` that a module's arguments decide beyond names; a text where nothing can be made."""
    match module:
        case "apt":
            return _apt(args)
        case "dnf" | "yum" | "dnf5":
            if boolean(args.get("download_only")):
                return "the packages are only downloaded"
            if text(args.get("installroot")) not in ("", "/"):
                return f"the packages go into another root, {text(args['installroot'])}"
            return _dnf(args)
        case _:
            return {}


def _apt(args: Arguments) -> Mapping[str, Any]:
    if args.get("state") in ("absent", "removed"):
        flags = {"purge": "--purge", "autoremove": "--auto-remove", **_APT}
        return {"options": tuple(option for name, option in flags.items() if boolean(args.get(name)))}
    options = [option for name, option in _APT.items() if boolean(args.get(name))]
    if boolean(args.get("force")):
        options.append("--force-yes")
    if boolean(args.get("only_upgrade")):
        options.append("--only-upgrade")
    if args.get("default_release"):
        options += ["-t", text(args["default_release"])]
    given = tuple(texts(args.get("dpkg_options"))) if args.get("dpkg_options") else DPKG
    options += [f"-oDpkg::Options::=--{each}" for each in given] if given != DPKG else []
    return {"options": tuple(options)}


def _dnf(args: Arguments) -> Mapping[str, Any]:
    options = [option for name, option in _DNF.items() if boolean(args.get(name))]
    if boolean(args.get("best")) is not None and args.get("best") is not None:
        options.append("--best" if boolean(args["best"]) else "--nobest")
    for name, option in _DNF_LISTS.items():
        options += [f"{option}={each}" for each in texts(args.get(name))]
    if args.get("state") in ("absent", "removed") and not boolean(args.get("autoremove")):
        options.append("--noautoremove")
    return {"options": tuple(options)}
