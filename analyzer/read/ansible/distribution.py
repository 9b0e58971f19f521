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
    "ubuntu": re.compile(r"""distribution['"]?\]?\s*==\s*['"]Ubuntu|\bubuntu/"""),
    "debian": re.compile(r"""distribution['"]?\]?\s*==\s*['"]Debian|\bdebian/"""),
    "amazon": re.compile(r"""distribution['"]?\]?\s*==\s*['"]Amazon|amazon-linux-extras|\bamzn2"""),
}
_RELEASES = re.compile(r"\b(bionic|focal|jammy|noble)\b")
_UBUNTU = {"bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04"}


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
    for path, text in _texts(root, folders):
        for name, pattern in _SIGNALS.items():
            found = list(pattern.finditer(text))
            counts[name] += len(found)
            if found and name not in first:
                line = text.count("\n", 0, found[0].end() - 1) + 1
                first[name] = Source(relative(root, str(path)), line)
        releases.update(_RELEASES.findall(text))
    if counts["rpm"] and not counts["apt"]:
        if counts["amazon"]:
            return Guess("Amazon", "2023", "it speaks of Amazon Linux", first["amazon"])
        return Guess("Rocky", "9", "its packages come by yum or dnf, and nothing uses apt", first["rpm"])
    if counts["ppa"] or counts["ubuntu"] > counts["debian"]:
        release = max(releases, key=lambda name: (releases[name], name)) if releases else "noble"
        why = "it uses Ubuntu's package archives" if counts["ppa"] else "it speaks of Ubuntu"
        return Guess("Ubuntu", _UBUNTU[release], why, first.get("ppa") or first["ubuntu"])
    return Guess(*DEBIAN_12, "nothing speaks for another distribution")


def _texts(root: Path, folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The YAML files in `folders`, and the project's Vagrantfile; links are left alone."""
    paths = [root / "Vagrantfile", *(path for folder in folders for path in _yaml_files(folder))]
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
