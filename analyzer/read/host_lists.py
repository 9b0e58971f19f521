"""What read-only commands print about a host, line by line: packages, units, sockets, accounts, the zone.

Each parser takes the text and gives the entries with their line numbers, and the lines that it could not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from msgspec import Struct, field

from analyzer.read.evidence_json import NotJsonError, items, mapping, parse_json, word

Entry = TypeVar("Entry")

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_ARCHITECTURE = re.compile(r"\.(?:noarch|x86_64|aarch64|i[3-6]86|armv7hl|ppc64le|s390x|src|\(none\))$")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|target|mount|path|slice|scope|device|swap|automount)")
_ACTIVE = {"active", "inactive", "failed", "activating", "deactivating", "reloading", "maintenance"}
_ENABLED = {
    "enabled", "enabled-runtime", "disabled", "static", "masked", "masked-runtime", "indirect", "generated", "alias",
    "linked", "linked-runtime", "transient", "bad",
}  # fmt: skip


class Lines(Struct, Generic[Entry]):
    """Entries with the line each stands on, and the lines that were not understood."""

    entries: list[tuple[int, Entry]] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)


class Unit(Struct, frozen=True):
    """A unit; what the listing does not say is ""."""

    name: str
    active: str = ""
    enabled: str = ""
    description: str = ""


class Socket(Struct, frozen=True):
    """A socket that accepts connections or datagrams."""

    protocol: str
    address: str
    port: int
    process: str = ""


class Account(Struct, frozen=True):
    """A line of passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number and text without colours and edges; empty lines are left out."""
    for number, line in enumerate(text.split("\n"), start=1):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        if plain:
            yield number, plain


def parse_dpkg(text: str) -> Lines[tuple[str, str]]:
    """Installed packages: `dpkg-query -W` (`name<TAB>version`) or `dpkg -l` (`ii  name  version …`)."""
    parsed: Lines[tuple[str, str]] = Lines()
    for number, line in _lines(text):
        words = line.split()
        if re.match(r"Desired=|\| Status=|\|/ Err|\|\|/ Name|\+\+\+-|Listing\.\.\.", line):
            continue
        status = re.fullmatch(r"([uirph])([ncufhwti])[R ]?", words[0]) if len(words) >= 3 else None
        if status is not None and "\t" not in line:
            if status[2] != "i":  # removed with its configuration left (rc), unknown (un), half installed
                continue
            words = words[1:]
        name = words[0].partition(":")[0].partition("/")[0]
        if len(words) >= 2 and _PACKAGE.fullmatch(name) and re.match(r"\d|[A-Za-z0-9.+~:-]*\d", words[1]):
            parsed.entries.append((number, (name, words[1])))
        elif not (len(words) == 1 and "\t" not in line and _PACKAGE.fullmatch(name)):  # known to dpkg, not installed
            parsed.unreadable.append((number, line))
    return parsed


def parse_rpm(text: str) -> Lines[tuple[str, str]]:
    """Installed packages: `rpm -qa` (`name-version-release.arch`) or `name<TAB or space>version`."""
    parsed: Lines[tuple[str, str]] = Lines()
    for number, line in _lines(text):
        words = line.split()
        name, version = words[0], words[1] if len(words) > 1 else ""
        if not version:
            parts = _ARCHITECTURE.sub("", name).rsplit("-", 2)
            name, version = (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else ("", "")
        if _PACKAGE.fullmatch(name) and re.search(r"\d", version):
            parsed.entries.append((number, (name, version)))
        else:
            parsed.unreadable.append((number, line))
    return parsed


def parse_names(text: str) -> Lines[str]:
    """One package name a line: `apt-mark showmanual`, `dnf repoquery --userinstalled --qf '%{name}'`."""
    parsed: Lines[str] = Lines()
    for number, line in _lines(text):
        name = line.partition(":")[0]
        if _PACKAGE.fullmatch(name):
            parsed.entries.append((number, name))
        else:
            parsed.unreadable.append((number, line))
    return parsed


def parse_verification(text: str) -> Lines[str]:
    """Changed configuration files: `dpkg -V` and `rpm -Va` (`??5?????? c /etc/…`), `debsums -ce` (a path a line)."""
    parsed: Lines[str] = Lines()
    for number, line in _lines(text):
        match = re.fullmatch(r"([A-Za-z0-9.?]{8,9})\s+(?:([cdglr])\s+)?(/.*)", line)
        if match and match[1] != "missing":
            if match[1][2] == "5" and (match[2] == "c" or match[3].startswith("/etc/")):
                parsed.entries.append((number, match[3]))
        elif line.startswith("/etc/"):
            parsed.entries.append((number, line))
        elif not line.startswith(("missing", "debsums:", "dpkg:", "Unsatisfied")):
            parsed.unreadable.append((number, line))
    return parsed


def parse_units(text: str) -> Lines[Unit]:
    """Units of `systemctl list-units` or `list-unit-files`, as text or with `-o json`."""
    parsed: Lines[Unit] = Lines()
    if text.lstrip().startswith("["):
        try:
            found = items(parse_json(text))
        except NotJsonError as error:
            parsed.unreadable.append((error.line, str(error)))
            return parsed
        for one in map(mapping, found):
            name = word(one.get("unit")) or word(one.get("unit_file"))
            if _UNIT.fullmatch(name):
                unit = Unit(name, word(one.get("active")), word(one.get("state")), word(one.get("description")))
                parsed.entries.append((1, unit))
        return parsed
    for number, line in _lines(text):
        words = line.lstrip("●*○×↻ ").split(maxsplit=4)
        if not words or words[0] in {"UNIT", "LOAD", "ACTIVE", "SUB", "To"} or re.match(r"\d+ (loaded )?unit", line):
            continue
        if not _UNIT.fullmatch(words[0]):
            parsed.unreadable.append((number, line))
        elif len(words) >= 4 and words[2] in _ACTIVE:
            description = words[4] if len(words) == 5 else ""
            parsed.entries.append((number, Unit(words[0], words[2], "", description)))
        elif len(words) >= 2 and words[1] in _ENABLED:
            parsed.entries.append((number, Unit(words[0], "", words[1])))
        else:
            parsed.unreadable.append((number, line))
    return parsed


def parse_sockets(text: str) -> Lines[Socket]:
    """Listening sockets of `ss -tulpn` (also without the first column) or `netstat -tulpn`."""
    parsed: Lines[Socket] = Lines()
    for number, line in _lines(text):
        words = line.split()
        if words[0] in {"Netid", "State", "Proto", "Active", "Recv-Q"}:
            continue
        protocol = words[0] if re.fullmatch(r"(tcp|udp)6?", words[0]) else "" if words[0] != "UNCONN" else "udp"
        rest = words[1:] if protocol and words[0] != "UNCONN" else words
        if not protocol and words[0] == "LISTEN":
            protocol = "tcp"
        if not protocol:
            # Unix, netlink and raw sockets are none of the network's listeners.
            if not re.fullmatch(r"u_\w+|nl|raw6?|p_\w+|icmp6|v_\w+|sctp|unix|mptcp|\?\?\?", words[0]):
                parsed.unreadable.append((number, line))
            continue
        states = {"LISTEN", "UNCONN"}
        if rest and rest[0] in states:  # ss: State Recv-Q Send-Q Local Peer Process
            local, process = rest[3] if len(rest) > 3 else "", re.search(r'users:\(\("([^"]*)"', line)
        else:  # netstat: Recv-Q Send-Q Local Foreign [LISTEN] PID/Program
            local, process = rest[2] if len(rest) > 2 else "", re.search(r"\s\d+/([^\s:]+)", line)
            if protocol.startswith("tcp") and "LISTEN" not in rest:
                continue
        address, colon, port = local.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            parsed.unreadable.append((number, line))
            continue
        address = address.strip("[]").partition("%")[0]
        parsed.entries.append(
            (number, Socket(protocol.rstrip("6"), address or "*", int(port), process[1] if process else ""))
        )
    return parsed


def parse_passwd(text: str) -> Lines[Account]:
    """Accounts of /etc/passwd or `getent passwd`."""
    parsed: Lines[Account] = Lines()
    for number, line in _lines(text):
        fields = line.split(":")
        if line.startswith(("#", "+", "-")):
            continue
        if len(fields) == 7 and fields[0] and all(re.fullmatch(r"[0-9]{1,10}", one) for one in fields[2:4]):
            account = Account(fields[0], int(fields[2]), int(fields[3]), fields[5], fields[6])
            parsed.entries.append((number, account))
        else:
            parsed.unreadable.append((number, line))
    return parsed
