"""The distribution for which a project was written, where no evidence names the hosts' own."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import Host, Problem, Severity, Source
from analyzer.read.ansible.facts import DEBIAN_12, assumed_facts
from analyzer.read.ansible.inventory import relative
from analyzer.read.files import is_file

_MAX_FILES = 4_000
_MAX_BYTES = 400_000
_LEFT_OUT = frozenset("evidence migration node_modules collections .git .venv venv tests molecule".split())

_SIGNALS: Mapping[str, re.Pattern[str]] = {
    "apt": re.compile(
        r"^\s*(?:- )?(?:ansible\.builtin\.)?(?:apt|apt_repository|apt_key|deb822_repository)\s*:", re.MULTILINE
    ),
    "rpm": re.compile(r"^\s*(?:- )?(?:ansible\.builtin\.)?(?:yum|dnf|dnf5|yum_repository|rpm_key)\s*:", re.MULTILINE),
    "ppa": re.compile(r"\bppa:[\w.-]+/|archive\.ubuntu\.com|ppa\.launchpad"),
    "ubuntu": re.compile(
        r"""distribution['"]?\]?\s*==\s*['"]Ubuntu|\bubuntu/|/home/ubuntu\b"""
        r"""|\b(?:ansible_user|ansible_ssh_user|remote_user)['"]?\s*[:=]\s*['"]?ubuntu\b"""
        r"""|\b(?:language-pack-\w+|libmysqlclient-dev|libjpeg-turbo8(?:-dev)?|libjpeg8-dev|update-notifier-common"""
        r"""|ubuntu-(?:minimal|standard|server|keyring)|linux-(?:virtual|aws)\w*|chromium-chromedriver)\b"""
    ),
    "debian": re.compile(r"""distribution['"]?\]?\s*==\s*['"]Debian|\bdebian/"""),
    "amazon": re.compile(
        r"""distribution['"]?\]?\s*==\s*['"]Amazon|amazon-linux-extras|\bamzn2"""
        r"""|\b(?:ansible_user|ansible_ssh_user|remote_user)['"]?\s*[:=]\s*['"]?ec2-user\b"""
    ),
}
"""What speaks for a distribution: its archives, conditions, the account of its cloud images, packages of its alone."""
_NAMES = {"bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04",
          "bullseye": "11", "bookworm": "12", "trixie": "13"}  # fmt: skip
_RELEASES = re.compile(rf"\b({'|'.join(_NAMES)})(?:64)?\b")
_VERSIONS = re.compile(
    r"(?i)\bubuntu[ _/-]?(?:server[ _-]?)?(18|20|22|24)\.04|\bdebian[ _/-]?(?:gnu/linux[ _-]?)?(11|12|13)\b"
)
_OF_ONE_RELEASE = {
    "postgresql-10": "bionic", "postgresql-12": "focal", "postgresql-14": "jammy", "postgresql-16": "noble",
    "php7.2": "bionic", "php8.1": "jammy", "php8.3": "noble",
    "postgresql-13": "bullseye", "postgresql-15": "bookworm", "postgresql-17": "trixie",
    "php8.2": "bookworm", "php8.4": "trixie",
}  # fmt: skip
"""Versions that one release alone of both distributions has in its own archive."""
_PACKAGES = re.compile(r"\b(postgresql-1[0-7]|php[78]\.\d)\b(?!\.)")
_OTHER_ARCHIVES = re.compile(
    r"apt\.postgresql\.org|ppa:ondrej|packages\.sury\.org|ppa:|apt_repository|deb822_repository"
)
_BESIDE = (
    "ansible.cfg",
    "hosts",
    "hosts.ini",
    "inventory",
    "inventory.ini",
    "production",
    "README.md",
    "README.rst",
    "README",
)
"""Files beside playbooks that tell the account of a host, or say in words what it runs."""


class Guess(Struct, frozen=True):
    """A distribution that the project's own texts speak for."""

    distribution: str
    version: str
    why: str
    source: Source | None = None
    """The first line that speaks for it."""


class Completion:
    """Completes the facts of a project's hosts: evidence, then what a person says, then what is assumed."""

    def __init__(self, root: Path, folders: Sequence[Path], given: Mapping[str, object]) -> None:
        self._root = root
        self._folders = folders
        self._given = given

    @cached_property
    def guess(self) -> Guess:
        """For hosts of which nothing names the distribution; the project's texts are read when the first one comes."""
        return guess_distribution(self._root, self._folders)

    def complete(self, host: Host) -> Host:
        """`host` with every fact that roles use."""
        host = replace(host, facts={**self._given, **host.facts})
        if "distribution" in host.facts:
            version = host.facts.get("distribution_version", host.facts.get("distribution_major_version", ""))
            return assumed_facts(host, str(host.facts["distribution"]), str(version))
        return assumed_facts(host, self.guess.distribution, self.guess.version)

    def problems(self, hosts: Sequence[Host]) -> tuple[Problem, ...]:
        """One warning for all hosts whose distribution is an assumption."""
        names = [host.name for host in hosts if "distribution" in host.facts_assumed]
        if not names:
            return ()
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        found = f"{self.guess.distribution} {self.guess.version}"
        return (
            Problem(
                Severity.WARNING,
                "facts-assumed",
                f"nothing tells the distribution of {shown}: read for a fresh {found}, since {self.guess.why}",
                self.guess.source,
                "give evidence/HOST/facts.json (migrate-analyze collect), or answer `facts:` in migrate.yml",
            ),
        )


def guess_distribution(root: Path, folders: Sequence[Path]) -> Guess:
    """What the playbooks and roles in `folders` were written for; Debian 12 where nothing speaks for another one."""
    counts: Counter[str] = Counter()
    first: dict[str, Source] = {}
    releases: Counter[str] = Counter()
    packaged: Counter[str] = Counter()
    other_archives = False
    for path, text in _texts(root, folders):
        found = {} if path.name.startswith("README") else {name: _starts(each, text) for name, each in _SIGNALS.items()}
        for match in _VERSIONS.finditer(text):
            version = f"{match[1]}.04" if match[1] else match[2]
            releases.update(name for name, number in _NAMES.items() if number == version)
            found.setdefault("ubuntu" if match[1] else "debian", []).append(match.end())
        for name, places in found.items():
            counts[name] += len(places)
            if places and name not in first:
                first[name] = Source(relative(root, str(path)), text.count("\n", 0, places[0] - 1) + 1)
        releases.update(_RELEASES.findall(text))
        packaged.update(_OF_ONE_RELEASE[name] for name in _PACKAGES.findall(text) if name in _OF_ONE_RELEASE)
        other_archives = other_archives or _OTHER_ARCHIVES.search(text) is not None
    if not other_archives:
        releases = releases or packaged
        for name, number in packaged.items():
            counts["ubuntu" if "." in _NAMES[name] else "debian"] += number
    if counts["rpm"] and not counts["apt"]:
        if counts["amazon"]:
            return Guess("Amazon", "2023", "it speaks of Amazon Linux", first["amazon"])
        return Guess("Rocky", "9", "its packages come by yum or dnf, and nothing uses apt", first["rpm"])
    if counts["ppa"] or counts["ubuntu"] > counts["debian"]:
        why = "it uses Ubuntu's package archives" if counts["ppa"] else "it speaks of Ubuntu"
        return Guess("Ubuntu", _newest(releases, "noble"), why, first.get("ppa") or first.get("ubuntu"))
    if counts["debian"]:
        return Guess("Debian", _newest(releases, "bookworm"), "it speaks of Debian", first.get("debian"))
    return Guess(*DEBIAN_12, "nothing speaks for another distribution")


def _starts(pattern: re.Pattern[str], text: str) -> list[int]:
    return [match.end() for match in pattern.finditer(text)]


def _newest(releases: Counter[str], standard: str) -> str:
    """The version of the release that is named most, of those of the distribution whose release `standard` is."""
    ubuntu = "." in _NAMES[standard]
    named = [name for name in releases if ("." in _NAMES[name]) == ubuntu]
    return _NAMES[max(named, key=lambda name: (releases[name], name), default=standard)]


def _texts(root: Path, folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The YAML files in `folders`, what tells of the hosts beside them, and the Vagrantfile; links are left alone."""
    paths = [root / "Vagrantfile", *(place / name for place in dict.fromkeys((root, *folders)) for name in _BESIDE)]
    paths += [path for folder in folders for path in _yaml_files(folder)]
    for path in list(dict.fromkeys(paths))[:_MAX_FILES]:
        if not is_file(path) or path.is_symlink():
            continue
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                yield path, file.read(_MAX_BYTES)
        except OSError:
            continue


def _yaml_files(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if name.endswith((".yml", ".yaml")))
