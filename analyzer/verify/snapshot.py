"""What is in a container: packages, files with digests, accounts. Read with the container's own tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FILES = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o "
    r"-printf '%y\t%m\t%u\t%g\t%l\t%p\0'"
)
DIGESTS = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o "
    r"-type f -size -65536k -print0 | xargs -0 -r sha256sum -z"
)
PACKAGES = (
    "if command -v dpkg-query >/dev/null; then dpkg-query -W "
    r"-f '${Package}\t${Version}\t${db:Status-Abbrev}\t${Depends}, ${Pre-Depends}\t${Provides}\t${Recommends}\n'; "
    r"else rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\tii \t\t\t\n'; fi"
)
OWNERS = 'cd /var/lib/dpkg/info 2>/dev/null && for list in *.list; do sed "s|^|${list%.list}\t|" "$list"; done'
ACCOUNTS = "cat /etc/passwd; echo; echo --; cat /etc/group"
COMMANDS = {"FILES": FILES, "DIGESTS": DIGESTS, "PACKAGES": PACKAGES, "OWNERS": OWNERS, "ACCOUNTS": ACCOUNTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One path."""

    kind: str
    """f file, d directory, l link, or another letter of find's %y"""
    mode: str
    owner: str
    group: str
    target: str = ""
    digest: str = ""

    def differs(self, other: File) -> list[str]:
        """In what two paths differ."""
        if self.kind != other.kind:
            return ["kind"]
        out = []
        if self.kind == "l":
            return ["target"] if self.target != other.target else []
        if self.mode != other.mode:
            out.append("mode")
        if (self.owner, self.group) != (other.owner, other.group):
            out.append("owner")
        if self.digest != other.digest:
            out.append("content")
        return out

    def __str__(self) -> str:
        if self.kind == "l":
            return f"-> {self.target}"
        digest = f" {self.digest[:12]}" if self.digest else ""
        return f"{self.mode} {self.owner}:{self.group}{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One container's content."""

    packages: Mapping[str, str] = field(default_factory=dict)
    """Installed package -> version."""
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Package -> the packages that it depends on, each a name that may be virtual."""
    recommends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Package -> the packages that it recommends."""
    provides: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Virtual package -> packages that provide it."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Path -> the package that brings it."""
    files: Mapping[str, File] = field(default_factory=dict)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> (uid, gid, home, shell)."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> (gid, members sorted)."""

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """Those of `names` that are installed, with every installed package that they depend on."""
        queue = [each for name in names for each in (name, *self.provides.get(name, ()))]
        found: set[str] = set()
        while queue:
            name = queue.pop()
            if name in self.packages and name not in found:
                found.add(name)
                queue += [each for need in self.needs.get(name, ()) for each in (need, *self.provides.get(need, ()))]
        return frozenset(found)


def read_snapshot(outputs: Mapping[str, bytes]) -> Snapshot:
    """The snapshot from the outputs of the commands above, by their names in this module."""
    digests: dict[str, str] = {}
    for record in outputs["DIGESTS"].decode("utf-8", "replace").split("\0"):
        digest, _, path = record.partition("  ")
        if path:
            digests[path] = digest
    files: dict[str, File] = {}
    for record in outputs["FILES"].decode("utf-8", "replace").split("\0"):
        parts = record.split("\t", 5)
        if len(parts) == 6:
            kind, mode, owner, group, target, path = parts
            files[path] = File(
                kind=kind,
                mode=mode.zfill(4),
                owner=owner,
                group=group,
                target=target,
                digest=digests.get(path, "") if kind == "f" else "",
            )
    packages = _Packages().read(outputs["PACKAGES"].decode("utf-8", "replace"))
    users, groups = _accounts(outputs["ACCOUNTS"].decode("utf-8", "replace"))
    owners: dict[str, str] = {}
    for line in outputs["OWNERS"].decode("utf-8", "replace").splitlines():
        package, _, path = line.partition("\t")
        if path and path != "/.":
            # packages may still name /lib and /bin, which are links to /usr
            owners.setdefault(re.sub(r"^/(bin|sbin|lib\w*)(?=/|$)", r"/usr/\1", path), package.split(":")[0])
    return Snapshot(
        packages=packages.versions,
        needs=packages.needs,
        recommends=packages.recommends,
        provides=packages.provides,
        owners=owners,
        files=files,
        users=users,
        groups=groups,
    )


@dataclass(slots=True)
class _Packages:
    """The lines of the package manager."""

    versions: dict[str, str] = field(default_factory=dict)
    needs: dict[str, frozenset[str]] = field(default_factory=dict)
    recommends: dict[str, frozenset[str]] = field(default_factory=dict)
    provides: dict[str, frozenset[str]] = field(default_factory=dict)

    def read(self, text: str) -> _Packages:
        """Takes the lines in; packages that are not installed are none."""
        for line in text.splitlines():
            name, version, status, depends, provided, recommended = (*line.split("\t"), "", "", "", "", "", "")[:6]
            if not status.startswith(("ii", "hi")):
                continue
            self.versions[name] = version
            self.needs[name] = _names(depends)
            self.recommends[name] = _names(recommended)
            for each in _names(provided):
                self.provides[each] = self.provides.get(each, frozenset()) | {name}
        return self


def _names(relation: str) -> frozenset[str]:
    """The packages that a relation such as `a (>= 1), b | c` names."""
    return frozenset(re.findall(r"[a-z0-9][a-z0-9+.-]+(?=\s*(?:[(:,|]|$))", relation))


def _accounts(text: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    passwd, _, group = text.partition("\n--\n")
    users: dict[str, tuple[str, ...]] = {}
    for line in passwd.splitlines():
        parts = line.split(":")
        if len(parts) == 7:
            users[parts[0]] = (parts[2], parts[3], parts[5], parts[6])
    groups: dict[str, tuple[str, ...]] = {}
    for line in group.splitlines():
        parts = line.split(":")
        if len(parts) == 4:
            groups[parts[0]] = (parts[2], ",".join(sorted(filter(None, parts[3].split(",")))))
    return users, groups
