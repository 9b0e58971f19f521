"""Programs that a build calls and its base image lacks: Ansible's modules did their work in Python, hosts had them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analyzer.decide.image_commands import BuildStep
from analyzer.decide.image_packages import Installed
from analyzer.model import Via

VIA = Via(rule="template:Dockerfile", note="the build calls what Ansible did in Python, or what every host has")


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program, how a command shows that it is needed, and the packages that bring it."""

    call: re.Pattern[str]
    apt: tuple[str, ...]
    dnf: tuple[str, ...]


def _program(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s;&|(\"'`]|\$\()(?:/usr)?(?:/local)?/?(?:s?bin/)?{re.escape(name)}(?=\s)")


_TOOLS: tuple[_Tool, ...] = (
    _Tool(_program("curl"), ("curl", "ca-certificates"), ("curl", "ca-certificates")),
    _Tool(_program("wget"), ("wget", "ca-certificates"), ("wget", "ca-certificates")),
    _Tool(_program("git"), ("git", "ca-certificates"), ("git", "ca-certificates")),
    _Tool(_program("gpg"), ("gnupg",), ("gnupg2",)),
    _Tool(_program("unzip"), ("unzip",), ("unzip",)),
    _Tool(_program("rsync"), ("rsync",), ("rsync",)),
    _Tool(_program("sudo"), ("sudo",), ("sudo",)),
    _Tool(_program("lsb_release"), ("lsb-release",), ("redhat-lsb-core",)),
    _Tool(re.compile(r"\.tar\.xz\b|\.txz\b"), ("xz-utils",), ("xz",)),
    _Tool(re.compile(r"\.tar\.bz2\b|\.tbz2\b"), ("bzip2",), ("bzip2",)),
    _Tool(_program("add-apt-repository"), ("software-properties-common",), ()),
    _Tool(_program("update-locale"), ("locales",), ()),
    _Tool(_program("locale-gen"), ("locales",), ()),
)


def missing_tools(
    sources: Iterable[Sequence[Installed] | BuildStep | str], build: Iterable[BuildStep], manager: str
) -> tuple[str, ...]:
    """Packages that must be there before anything else, since a step calls their program before they are installed.

    `sources`: packages and steps of the package sources in their order; `build`: the steps that follow them all.
    """
    installed: set[str] = set()
    missing: dict[str, None] = {}
    for each in (*sources, *build):
        if isinstance(each, BuildStep):
            text = " ".join((each.json, *(line for one in each.commands for line in one.lines)))
            for tool in _TOOLS:
                packages = tool.apt if manager == "apt" else tool.dnf
                if packages and packages[0] not in installed and tool.call.search(text):
                    missing.update(dict.fromkeys(name for name in packages if name not in installed))
        elif not isinstance(each, str):
            installed.update(re.split(r"[=/:]", name)[0] for one in each for name in one.effect.names)
    return tuple(missing)
