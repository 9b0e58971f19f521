"""What is in a container: packages, files with digests, accounts. Read with the container's own tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    r"-f '${Package}\t${Version}\t${db:Status-Abbrev}\t${Depends}, ${Pre-Depends}, ${Recommends}\t${Provides}\n'; "
    r"else rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\tii \t\t\n'; fi"
)
OWNERS = 'cd /var/lib/dpkg/info 2>/dev/null && for list in *.list; do sed "s|^|${list%.list}\t|" "$list"; done'
SCRIPTS = (
    "cd /var/lib/dpkg/info 2>/dev/null && grep -EHo '(adduser|useradd|addgroup|groupadd)[^|&;]*' *.postinst *.preinst"
)
SCRIPT_PATHS = (
    "cd /var/lib/dpkg/info 2>/dev/null && "
    "grep -EHo '/(etc|var|usr|root|srv|opt)/[A-Za-z0-9_.@/-]+' *.postinst *.preinst *.config; "
    "cd /usr/lib/tmpfiles.d 2>/dev/null && "
    "grep -EHo '^[a-zA-Z+!-]+[[:space:]]+/[^[:space:]]+' *.conf"
)
SYSUSERS = "cd /usr/lib/sysusers.d 2>/dev/null && grep -EHo '^[ug]!?[[:space:]]+[^[:space:]]+' *.conf"
HISTORY = "cat /var/log/apt/history.log 2>/dev/null"
ACCOUNTS = "cat /etc/passwd; echo; echo --; cat /etc/group"


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
    """Package -> the packages that it depends on or recommends, each a name that may be virtual."""
    provides: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Virtual package -> packages that provide it."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Path -> the package that brings it."""
    accounts_of_packages: Mapping[str, str] = field(default_factory=dict)
    """Text of the account commands in a package's scripts -> package."""
    paths_of_scripts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Path that a package's scripts or its tmpfiles.d name -> packages."""
    runs: tuple[tuple[frozenset[str], frozenset[str]], ...] = ()
    """(packages asked for, all packages installed) of each run of apt."""
    files: Mapping[str, File] = field(default_factory=dict)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> (uid, gid, home, shell)."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> (gid, members sorted)."""


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
    packages, needs, provides = _packages(outputs["PACKAGES"].decode("utf-8", "replace"))
    users, groups = _accounts(outputs["ACCOUNTS"].decode("utf-8", "replace"))
    owners: dict[str, str] = {}
    for line in outputs["OWNERS"].decode("utf-8", "replace").splitlines():
        package, _, path = line.partition("\t")
        if path and path != "/.":
            # packages may still name /lib and /bin, which are links to /usr
            owners.setdefault(re.sub(r"^/(bin|sbin|lib\w*)(?=/|$)", r"/usr/\1", path), package.split(":")[0])
    accounts: dict[str, str] = {}
    for line in outputs["SCRIPTS"].decode("utf-8", "replace").splitlines():
        script, text = _script_and_text(line)
        accounts[text] = re.sub(r"(:\w+)?\.(post|pre)inst$", "", script)
    for line in outputs["SYSUSERS"].decode("utf-8", "replace").splitlines():
        name, _, text = line.partition(":")
        accounts[f"sysusers {text.split()[-1]}"] = owners.get(f"/usr/lib/sysusers.d/{name}", "systemd")
    return Snapshot(
        packages=packages,
        needs=needs,
        provides=provides,
        owners=owners,
        accounts_of_packages=accounts,
        paths_of_scripts=_script_paths(outputs["SCRIPT_PATHS"].decode("utf-8", "replace"), owners),
        runs=_runs(outputs["HISTORY"].decode("utf-8", "replace")),
        files=files,
        users=users,
        groups=groups,
    )


def _script_and_text(line: str) -> tuple[str, str]:
    """grep's `name:text`, where the name may hold a colon too (`libc6:amd64.postinst`)."""
    match = re.match(r"(.+?\.(?:postinst|preinst|config|conf)):(.*)", line)
    return (match[1], match[2]) if match else ("", "")


def _script_paths(output: str, owners: Mapping[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in output.splitlines():
        name, text = _script_and_text(line)
        path = text.split()[-1] if text.split() else ""
        if name.endswith(".conf"):
            package = owners.get(f"/usr/lib/tmpfiles.d/{name}", "")
        else:
            package = re.sub(r"(:\w+)?\.(postinst|preinst|config)$", "", name)
        if package and path.count("/") > 1:
            found.setdefault(path.rstrip("/."), set()).add(package)
    return {path: frozenset(packages) for path, packages in found.items()}


def _runs(text: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    runs = []
    for entry in text.split("\n\n"):
        match = re.search(r"^Install: (.*)$", entry, re.MULTILINE)
        if match is None:
            continue
        packages = re.findall(r"([a-z0-9][a-z0-9+.-]*)(?::\w+)? \(([^)]*)\)", match[1])
        asked = frozenset(name for name, how in packages if "automatic" not in how)
        runs.append((asked, frozenset(name for name, _ in packages)))
    return tuple(runs)


def _packages(text: str) -> tuple[dict[str, str], dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    packages: dict[str, str] = {}
    needs: dict[str, frozenset[str]] = {}
    provides: dict[str, set[str]] = {}
    for line in text.splitlines():
        name, version, status, depends, provided = (*line.split("\t"), "", "", "", "", "")[:5]
        if not status.startswith(("ii", "hi")):
            continue
        packages[name] = version
        needs[name] = frozenset(re.findall(r"[a-z0-9][a-z0-9+.-]+(?=\s*(?:[(:,|]|$))", depends))
        for each in re.findall(r"[a-z0-9][a-z0-9+.-]+(?=\s*(?:[(:,]|$))", provided):
            provides.setdefault(each, set()).add(name)
    return packages, needs, {name: frozenset(found) for name, found in provides.items()}


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
