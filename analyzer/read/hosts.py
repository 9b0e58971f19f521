"""One host as its evidence shows it: facts, EC2 metadata, packages, units, sockets, accounts, zone, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from analyzer.model import Ec2, Host, HostService, HostUser, ListeningSocket, Problem, Severity, Source, line_digest
from analyzer.read.crons.secrets import marked
from analyzer.read.crons.timers import unit_texts
from analyzer.read.ec2 import InstanceTypes, read_ec2
from analyzer.read.evidence_json import items, mapping, word
from analyzer.read.facts import facts_of_release, read_facts
from analyzer.read.files import Tree
from analyzer.read.host_lists import (
    Lines,
    parse_dpkg,
    parse_names,
    parse_passwd,
    parse_rpm,
    parse_sockets,
    parse_units,
    parse_verification,
)

Entry = TypeVar("Entry")

_MAX_COMPARED = 1_000_000
"""Bytes of a configuration file that is compared line by line."""


def read_host(
    name: str, evidence: Tree, inventory_source: Source | None, instance_types: InstanceTypes | None = None
) -> tuple[Host, tuple[Problem, ...]]:
    """Host `name` as the folder `evidence` (label `evidence/<name>`) shows it, and what was odd there.

    Every file is optional. `evidence.problems` holds what opening the files met; it is not repeated here.
    `inventory_source` is the host's line in the inventory; the evidence folder stands for it where there is none.
    """
    problems: list[Problem] = []
    facts, found = read_facts(name, evidence)
    problems += found
    ec2, found = read_ec2(name, evidence, instance_types, _addresses(facts))
    problems += found
    facts = _completed(facts, evidence, ec2, problems)
    timezone, timezone_source = _timezone(facts, evidence, problems)
    files = _files(evidence, problems)
    host = Host(
        name=name,
        source=inventory_source or Source(evidence.label or f"evidence/{name}"),
        facts=facts,
        timezone=timezone,
        timezone_source=timezone_source,
        ec2=ec2,
        packages=_packages(facts, evidence, problems),
        services=_services(facts, evidence, problems),
        listening=_listening(evidence, problems),
        users=_users(evidence, problems),
        files=files,
        file_lines=_file_lines(files, evidence),
        units=_units(evidence),
        packages_manual=_packages_manual(evidence, problems),
        changed_files=_changed_files(evidence, problems),
    )
    return host, tuple(problems)


def _units(evidence: Tree) -> dict[str, tuple[Source, str]]:
    """Services' unit files with their drop-ins, line by line without secrets."""
    return {
        name: (unit.source, "\n".join(map(marked, unit.text.split("\n"))))
        for name, unit in sorted(unit_texts(evidence).items())
        if name.endswith(".service")
    }


def _addresses(facts: Mapping[str, object]) -> tuple[str, ...]:
    names = [word(facts.get(key)) for key in ("hostname", "nodename", "fqdn")]
    return tuple(sorted({*names, *map(word, items(facts.get("all_ipv4_addresses")))} - {"", "localhost"}))


def _completed(
    facts: Mapping[str, object], evidence: Tree, ec2: Ec2 | None, problems: list[Problem]
) -> dict[str, object]:
    """Facts, with what other evidence says where they are silent; a release that contradicts them is a problem."""
    release = facts_of_release(evidence)
    given = facts.get("distribution")
    if given and release and given != release["distribution"]:
        message = f"facts say {given}, os-release says {release['distribution']}; the facts are used"
        hint = "one of the two was copied from another host: gather both again"
        problems.append(
            Problem(Severity.WARNING, "release-contradicts-facts", message, evidence.source("facts.json"), hint)
        )
        release = {}
    if ec2 is not None and ec2.architecture:
        release["architecture"] = {"arm64": "aarch64"}.get(ec2.architecture, ec2.architecture)
    for path in ("fs/etc/hostname", "cmd/hostname.txt"):
        if evidence.is_file(path) and (text := evidence.read_text(path)):
            node = text.strip().partition("\n")[0].strip()
            if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", node):
                release |= {"nodename": node, "hostname": node.partition(".")[0]}
                break
    return {**release, **facts}


def _parsed(
    evidence: Tree, paths: Sequence[str], parse: Callable[[str], Lines[Entry]], what: str, problems: list[Problem]
) -> list[tuple[Source, Entry]]:
    """Entries of every file of `paths` that is there; lines that could not be read become one problem a file."""
    entries: list[tuple[Source, Entry]] = []
    for path in paths:
        if not evidence.is_file(path) or (text := evidence.read_text(path)) is None:
            continue
        lines = parse(text)
        entries += [(evidence.source(path, number), entry) for number, entry in lines.entries]
        if lines.unreadable:
            number, line = lines.unreadable[0]
            more = f" (and {len(lines.unreadable) - 1} more lines)" if len(lines.unreadable) > 1 else ""
            source = evidence.source(path, number)
            shown = repr(line[:80]) if line[:80].isprintable() and "\ufffd" not in line else "binary data"
            message = f"{shown} is no {what}{more}; skipped"
            hint = "give the command's output as it was printed"
            problems.append(Problem(Severity.WARNING, "evidence-line-unreadable", message, source, hint))
    return entries


def _packages(facts: Mapping[str, object], evidence: Tree, problems: list[Problem]) -> dict[str, str]:
    found = _parsed(evidence, ("cmd/dpkg-query.txt", "cmd/dpkg-l.txt"), parse_dpkg, "package of dpkg", problems)
    found += _parsed(evidence, ("cmd/rpm-qa.txt",), parse_rpm, "package of rpm", problems)
    if found:
        return dict(sorted(entry for _, entry in found))
    gathered = mapping(facts.get("packages"))  # module package_facts
    versions = {name: word(mapping(next(iter(items(one)), None)).get("version")) for name, one in gathered.items()}
    return {name: versions[name] for name in sorted(versions) if versions[name]}


def _packages_manual(evidence: Tree, problems: list[Problem]) -> tuple[str, ...] | None:
    paths = ("cmd/apt-mark-showmanual.txt", "cmd/dnf-userinstalled.txt")
    if not any(evidence.is_file(path) for path in paths):
        return None
    return tuple(sorted({name for _, name in _parsed(evidence, paths, parse_names, "package name", problems)}))


def _changed_files(evidence: Tree, problems: list[Problem]) -> dict[str, Source]:
    paths = ("cmd/dpkg-verify.txt", "cmd/rpm-verify.txt", "cmd/debsums.txt")
    found = _parsed(evidence, paths, parse_verification, "line of dpkg -V, rpm -Va or debsums -ce", problems)
    return {path: source for source, path in sorted(found, key=lambda one: one[1])}


def _file_lines(files: Mapping[str, Source], evidence: Tree) -> dict[str, tuple[str, ...]]:
    lines: dict[str, tuple[str, ...]] = {}
    for path, source in files.items():
        # Accounts and passwords are compared elsewhere, or never.
        if path.startswith(("/etc/", "/opt/", "/srv/", "/usr/local/")) and not re.fullmatch(
            r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?", path
        ):
            data = evidence.read_bytes(
                source.file.removeprefix(evidence.label + "/") if evidence.label else source.file
            )
            if data is not None and len(data) <= _MAX_COMPARED and b"\0" not in data:
                lines[path] = tuple(line_digest(line) for line in data.decode(errors="replace").split("\n"))
    return lines


def _services(facts: Mapping[str, object], evidence: Tree, problems: list[Problem]) -> tuple[HostService, ...]:
    """Services of `list-units` and `list-unit-files`, joined by name; where there is neither, of service_facts."""
    paths = ("cmd/systemctl-units.txt", "cmd/systemctl-unit-files.txt")
    services: dict[str, HostService] = {}
    for source, unit in _parsed(evidence, paths, parse_units, "unit of systemctl", problems):
        if not unit.name.endswith(".service"):
            continue
        before = services.get(unit.name, HostService(name=unit.name, source=source))
        services[unit.name] = HostService(
            name=unit.name,
            active=unit.active or before.active,
            enabled=unit.enabled or before.enabled,
            description=unit.description or before.description,
            source=before.source,
        )
    if not services:  # module service_facts
        for name, one in mapping(facts.get("services")).items():
            state = word(mapping(one).get("state"))
            services[name] = HostService(
                name=name,
                active={"running": "active", "stopped": "inactive"}.get(state, state),
                enabled=word(mapping(one).get("status")),
                source=evidence.source("facts.json"),
            )
    return tuple(services[name] for name in sorted(services))


def _listening(evidence: Tree, problems: list[Problem]) -> tuple[ListeningSocket, ...]:
    paths = ("cmd/ss.txt", "cmd/netstat.txt")
    found = _parsed(evidence, paths, parse_sockets, "listening socket with its port as a number", problems)
    sockets = {(one.protocol, one.address, one.port, one.process): source for source, one in reversed(found)}
    return tuple(
        ListeningSocket(protocol=key[0], address=key[1], port=key[2], process=key[3], source=sockets[key])
        for key in sorted(sockets)
    )


def _users(evidence: Tree, problems: list[Problem]) -> tuple[HostUser, ...]:
    paths = ("fs/etc/passwd", "cmd/passwd.txt", "cmd/getent-passwd.txt")
    users: dict[str, HostUser] = {}
    for source, one in _parsed(evidence, paths, parse_passwd, "line of passwd", problems):
        user = HostUser(name=one.name, uid=one.uid, gid=one.gid, home=one.home, shell=one.shell, source=source)
        users.setdefault(one.name, user)
    return tuple(users[name] for name in sorted(users))


def _files(evidence: Tree, problems: list[Problem]) -> dict[str, Source]:
    """Path on the host -> evidence file. `.gz` is the collector's, except on logs, which logrotate packs itself."""
    files: dict[str, Source] = {}
    for path in evidence.walk("fs"):
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = path.encode(errors="backslashreplace").decode()
            message = f"{evidence.label}: the file name {shown!r} is not UTF-8; the file is skipped"
            problems.append(
                Problem(
                    Severity.WARNING, "file-name-not-utf8", message, Source(evidence.label or "evidence"), "rename it"
                )
            )
            continue
        on_host = path.removeprefix("fs")
        files[on_host if on_host.startswith("/var/log/") else on_host.removesuffix(".gz")] = evidence.source(path)
    return dict(sorted(files.items()))


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone."""
    from analyzer.cron.zones import ZoneError, zone

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", name):
        return False
    try:
        zone(name)
    except ZoneError:
        return False
    return True


def _timezone(facts: Mapping[str, object], evidence: Tree, problems: list[Problem]) -> tuple[str, Source | None]:
    """The zone cron uses: /etc/localtime above all, then what is said about it; sources that disagree are a problem."""
    said = _zones_said(evidence, problems)
    clock = word(mapping(facts.get("date_time")).get("tz"))
    # Abbreviations are no zones: EST is an IANA name without daylight saving, CET one with the rules of Brussels.
    if ("/" in clock or clock == "UTC") and is_zone(clock):
        said.append((clock, evidence.source("facts.json")))
    if not said:
        return "", None
    zone, source = said[0]
    utc = {"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"}
    others = [(name, at) for name, at in said[1:] if name != zone and not {name, zone} <= utc]
    if others:
        name, at = others[0]
        message = f"{source} says the zone is {zone}, {at} says {name}; {zone} is used"
        hint = "run `readlink -f /etc/localtime` on the host and correct the evidence, or give --timezone"
        problems.append(Problem(Severity.WARNING, "timezone-contradiction", message, at, hint))
    return zone, source


def _zones_said(evidence: Tree, problems: list[Problem]) -> list[tuple[str, Source]]:
    patterns = (
        ("cmd/readlink-localtime.txt", r"zoneinfo/(?:posix/|right/)?(\S+)"),
        ("fs/etc/localtime", r"zoneinfo/(?:posix/|right/)?(\S+)"),
        ("cmd/timedatectl.txt", r"Time ?zone[:=]\s*(\S+)"),
        ("fs/etc/timezone", r"^\s*([^#\s]\S*)"),
        ("fs/etc/sysconfig/clock", r"^\s*ZONE=\"?([^\"\s]+)"),
    )
    said: list[tuple[str, Source]] = []
    for path, pattern in patterns:
        if not evidence.is_file(path) or (data := evidence.read_bytes(path)) is None or data[:4] == b"TZif":
            continue  # a compiled zone does not say its name
        text = data.decode(errors="replace")
        match = re.search(pattern, text, re.MULTILINE)
        source = evidence.source(path, text.count("\n", 0, match.start(1)) + 1 if match else 1)
        if match and is_zone(match[1]):
            said.append((match[1], source))
        else:
            found = f"names {match[1][:60]!r}, which is no IANA zone" if match else "names no time zone"
            problems.append(
                Problem(
                    Severity.WARNING,
                    "timezone-unreadable",
                    f"the file {found}",
                    source,
                    "expected e.g. Asia/Tokyo",
                )
            )
    return said
