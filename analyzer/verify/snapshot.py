"""What is in a container: packages, files with digests, accounts. Read with the container's own tools."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

_EVERYWHERE = r"find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o"
FILES = rf"{_EVERYWHERE} -printf '%y\t%m\t%u\t%g\t%s\t%l\t%p\0'"
DIGESTS = f"{_EVERYWHERE} -type f -size -{1024 * 1024}k -print0 | xargs -0 -r sha256sum -z"
"""Of larger files, such as a swap file, only the size is compared."""
CAPABILITIES = (
    # tar needs none of libcap's programs: the second tells which files have some, the third packs those
    f"{_EVERYWHERE} -type f -perm /111 -print0"
    " | tar -P --null --no-recursion --xattrs --xattrs-include=security.capability -T - -cf - 2>/dev/null"
    " | tar -P --xattrs --xattrs-include='*' --quoting-style=literal -tvvf - 2>/dev/null"
    r" | sed -n 's|^[^ ]*\* [^ ]* *[^ ]* [^ ]* [^ ]* /|/|p'"
    " | tar -P --format=pax --no-recursion --xattrs --xattrs-include=security.capability -T - -cf - 2>/dev/null"
)
PACKAGES = (
    "if command -v dpkg-query >/dev/null; then dpkg-query -W "
    r"-f '${Package}\t${Version}\t${db:Status-Abbrev}\t${Depends}, ${Pre-Depends}\t${Provides}\t${Recommends}\n'; "
    r"else rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\tii \t\t\t\n'; fi"
)
OWNERS = 'cd /var/lib/dpkg/info 2>/dev/null && for list in *.list; do sed "s|^|${list%.list}\t|" "$list"; done'
ACCOUNTS = "cat /etc/passwd; echo; echo --; cat /etc/group"
COMMANDS = {
    "FILES": FILES,
    "DIGESTS": DIGESTS,
    "CAPABILITIES": CAPABILITIES,
    "PACKAGES": PACKAGES,
    "OWNERS": OWNERS,
    "ACCOUNTS": ACCOUNTS,
}


class File(Struct, frozen=True, kw_only=True):
    """One path."""

    kind: str
    """f file, d directory, l link, or another letter of find's %y"""
    mode: str
    owner: str
    group: str
    target: str = ""
    digest: str = ""
    """SHA-256 of a file, its size where it is very large"""
    capabilities: str = ""
    """the attribute `security.capability` in hexadecimal digits"""

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
        if self.capabilities != other.capabilities:
            out.append("capabilities")
        return out

    def __str__(self) -> str:
        if self.kind == "l":
            return f"-> {self.target}"
        digest = f" {self.digest[:12]}" if self.digest else ""
        capabilities = f" capabilities {self.capabilities}" if self.capabilities else ""
        return f"{self.mode} {self.owner}:{self.group}{digest}{capabilities}"


class Snapshot(Struct, frozen=True, kw_only=True):
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
    capabilities = _capabilities(outputs["CAPABILITIES"])
    files: dict[str, File] = {}
    for record in outputs["FILES"].decode("utf-8", "replace").split("\0"):
        parts = record.split("\t", 6)
        if len(parts) == 7:
            kind, mode, owner, group, size, target, path = parts
            files[path] = File(
                kind=kind,
                mode=mode.zfill(4),
                owner=owner,
                group=group,
                target=target,
                digest=digests.get(path, f"{size} bytes") if kind == "f" else "",
                capabilities=capabilities.get(path, ""),
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


def _capabilities(archive: bytes) -> dict[str, str]:
    """Path -> its capabilities, from the archive of the files that have some."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            found = {member.name: member.pax_headers.get("SCHILY.xattr.security.capability", "") for member in members}
    except tarfile.TarError:  # there is no tar in the container
        return {}
    return {path: value.encode("utf-8", "surrogateescape").hex() for path, value in found.items() if value}


class _Packages(Struct):
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
