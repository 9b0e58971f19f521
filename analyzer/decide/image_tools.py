"""Programs that a build calls and its base image lacks: Ansible's modules did their work in Python, hosts had them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from analyzer.decide.image_base import Manager, manager_of
from analyzer.decide.image_commands import BuildStep
from analyzer.decide.image_composed import Composed
from analyzer.decide.image_packages import Installed
from analyzer.model import Via

VIA = Via(rule="template:Dockerfile", note="the build calls what Ansible did in Python, or what every host has")


class _Tool(Struct, frozen=True):
    """A program, how a command shows that it is needed, and the packages that bring it."""

    call: re.Pattern[str]
    apt: tuple[str, ...]
    dnf: tuple[str, ...]
    small: tuple[str, ...] = ()
    """Packages that only the smallest images of the Red Hat family lack."""
    yum: tuple[str, ...] = ()
    """Names that releases with yum have in place of those in `dnf`."""


def _program(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s;&|(\"'`]|\$\()(?:/usr)?(?:/local)?/?(?:s?bin/)?{re.escape(name)}(?=\s)")


_TOOLS: tuple[_Tool, ...] = (
    _Tool(_program("curl"), ("curl", "ca-certificates"), ()),
    _Tool(_program("wget"), ("wget", "ca-certificates"), ("wget",)),
    _Tool(_program("git"), ("git", "ca-certificates"), ("git",)),
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
    _Tool(re.compile(r"\bdnf (-y )?(copr|config-manager) "), (), ("dnf-plugins-core",)),
    _Tool(
        re.compile(r"\b(dnf|yum) (-y )?versionlock "),
        (),
        ("python3-dnf-plugin-versionlock",),
        yum=("yum-plugin-versionlock",),
    ),
    _Tool(_program("perl"), (), ("perl-interpreter",), yum=("perl",)),
    _Tool(_program("yum-config-manager"), (), ("yum-utils",)),
    _Tool(_program("tar"), (), (), ("tar", "gzip")),
    _Tool(re.compile(rf"{_program('find').pattern}|{_program('xargs').pattern}"), (), (), ("findutils",)),
    _Tool(_program("useradd"), (), (), ("shadow-utils",)),
    _Tool(_program("groupadd"), (), (), ("shadow-utils",)),
)
_PYTHON: tuple[_Tool, ...] = (
    _Tool(_program("pip3"), ("python3-pip",), ("python3-pip",)),
    _Tool(re.compile(r"\bpython3 -m venv "), ("python3-venv",), ()),
    _Tool(_program("virtualenv"), ("virtualenv",), ("python3-virtualenv",)),
)
"""What every host that Ansible reaches may have had for its own sake; a base image of a language has it already."""
_DISTRIBUTIONS = re.compile(r"(debian|ubuntu|rockylinux|almalinux|amazonlinux|fedora|oraclelinux):|.*/(ubi|centos)")
"""Every image of the Red Hat family has a curl (often `curl-minimal`, which the full one would conflict with)."""


def missing_tools(composed: Composed, base: str) -> tuple[str, ...]:
    """Packages that must be there before anything else, since a step calls their program before they are installed."""
    manager = manager_of(base)
    small = manager == "microdnf" or "amazonlinux" in base
    installed: set[str] = set()
    missing: dict[str, None] = {}
    for each in (*composed.sources, *composed.accounts, *composed.build):
        if isinstance(each, str):
            continue
        text = _text(each, apt=manager == "apt")
        for tool in (*_TOOLS, *(_PYTHON if _DISTRIBUTIONS.match(base) else ())):
            packages = tool.apt if manager == "apt" else _of_rpm(tool, manager, small=small)
            if packages and packages[0] not in installed and tool.call.search(text):
                missing.update(dict.fromkeys(name for name in packages if name not in installed))
        if not isinstance(each, BuildStep):
            installed.update(re.split(r"[=/:]", name)[0] for one in each for name in one.effect.names)
    links = (entry.target for entry in composed.files.entries.values() if entry.kind == "link")
    zone = composed.timezone or any(target.startswith("/usr/share/zoneinfo/") for target in links)
    if zone and not base.startswith("debian:") and "tzdata" not in installed:
        missing["tzdata"] = None
    return tuple(missing)


def _of_rpm(tool: _Tool, manager: Manager, *, small: bool) -> tuple[str, ...]:
    named = tool.yum if manager == "yum" and tool.yum else tool.dnf
    return (*named, *(tool.small if small else ()))


def _text(each: BuildStep | Sequence[Installed], *, apt: bool) -> str:
    """What runs: the commands of a step, or the downloads of package files that apt-get does not do itself."""
    if isinstance(each, BuildStep):
        return "\n".join((each.json, *(line for one in each.commands for line in one.lines)))
    downloads = apt and any("://" in name for one in each for name in one.effect.names)
    return "curl -fsSL" if downloads else ""
