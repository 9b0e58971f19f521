"""Facts of a host: what `ansible -m setup` printed, a fact-cache file, or what os-release lets one say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from analyzer.model import Problem, Severity, Source
from analyzer.read.evidence_json import NotJsonError, mapping, parse_adhoc, parse_json, writable
from analyzer.read.files import Tree

KEPT_ENVIRONMENT = re.compile(r"HOME|PATH|LANG|LANGUAGE|LC_[A-Z]+|PWD|USER|LOGNAME|SHELL|TERM|TZ|HOSTNAME")
"""The environment of the login that gathered the facts may hold credentials: only these are taken over."""

# os-release ID -> (distribution as Ansible names it, os_family)
_DISTRIBUTIONS = {
    "debian": ("Debian", "Debian"),
    "ubuntu": ("Ubuntu", "Debian"),
    "raspbian": ("Raspbian", "Debian"),
    "amzn": ("Amazon", "RedHat"),
    "rhel": ("RedHat", "RedHat"),
    "centos": ("CentOS", "RedHat"),
    "rocky": ("Rocky", "RedHat"),
    "almalinux": ("AlmaLinux", "RedHat"),
    "ol": ("OracleLinux", "RedHat"),
    "fedora": ("Fedora", "RedHat"),
    "alpine": ("Alpine", "Alpine"),
    "sles": ("SLES", "Suse"),
    "opensuse-leap": ("openSUSE Leap", "Suse"),
}


def read_facts(host: str, evidence: Tree, path: str = "facts.json") -> tuple[dict[str, object], tuple[Problem, ...]]:
    """Facts without their `ansible_` prefix; empty without such a file; a problem where it says nothing."""
    if not evidence.is_file(path):
        return {}, ()
    text = evidence.read_text(path)
    if text is None:
        return {}, ()
    source = evidence.source(path)
    hint = f"give the output of `ansible {host} -m setup`, or the fact-cache file of the host"
    try:
        answers, plain = parse_adhoc(text)
        found, problems = _answer_of(host, answers, plain, source, hint)
        found = _cache_payload(found)
    except NotJsonError as error:
        message = "the file is empty" if not text.strip() else f"the facts are not JSON: {error}"
        at = evidence.source(path, error.line)
        return {}, (Problem(Severity.ERROR, "facts-unreadable", message, at, hint),)
    found = _untagged(found, 0)
    values = mapping(found)
    values = mapping(values["ansible_facts"]) if isinstance(values.get("ansible_facts"), dict) else values
    facts = {key.removeprefix("ansible_"): value for key, value in values.items() if key != "ansible_facts"}
    if not facts and not problems:
        problems = (
            Problem(Severity.ERROR, "facts-unreadable", f"there are no facts of host {host} in it", source, hint),
        )
    if isinstance(facts.get("env"), dict):
        kept = mapping(facts["env"])
        facts["env"] = {name: kept[name] for name in kept if KEPT_ENVIRONMENT.fullmatch(name)}
    return facts, problems


def _answer_of(
    host: str, answers: Mapping[str, tuple[str, object]], plain: object, source: Source, hint: str
) -> tuple[object, tuple[Problem, ...]]:
    if not answers:
        return plain, ()
    # A file that lies in the host's own folder and holds one answer is that host's, whatever it was called there.
    name = host if host in answers else next(iter(answers)) if len(answers) == 1 else ""
    if not name:
        message = f"there are facts of {', '.join(sorted(answers))}, but not of {host}"
        return {}, (Problem(Severity.ERROR, "facts-of-other-host", message, source, hint),)
    status, value = answers[name]
    if status not in {"SUCCESS", "CHANGED"}:
        why = str(mapping(value).get("msg", "no message")).strip().partition("\n")[0][:200]
        message = f"Ansible says {status} for {name}: {why}"
        hint = "reach the host with `ansible -m ping`, then gather its facts again"
        return {}, (Problem(Severity.ERROR, "facts-not-gathered", message, source, hint),)
    if name != host:
        message = f"the host is called {name} here; its folder says {host}, which is used"
        return value, (Problem(Severity.NOTE, "facts-host-name", message, source, "nothing to do if that is right"),)
    return value, ()


def _cache_payload(value: object) -> object:
    """Fact caches since ansible-core 2.19 hold their JSON as a text inside JSON."""
    payload = mapping(value).get("__payload__")
    return parse_json(payload) if isinstance(payload, str) else value


def _untagged(value: object, depth: int) -> object:
    """`value` without the type marks of ansible-core's own JSON (`{"__ansible_type": …, "value": …}`)."""
    if depth > 50:
        return None
    if isinstance(value, dict):
        if "__ansible_type" in value:
            return _untagged(value.get("value"), depth + 1)
        return {writable(key): _untagged(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_untagged(one, depth + 1) for one in value]
    return writable(value) if isinstance(value, str) else value


def facts_of_release(evidence: Tree) -> dict[str, object]:
    """What os-release says in Ansible's words: distribution, its version and release, family, package manager."""
    for path in ("fs/etc/os-release", "fs/usr/lib/os-release", "cmd/os-release.txt"):
        if evidence.is_file(path) and (text := evidence.read_text(path)):
            return _release(text)
    return {}


def _release(text: str) -> dict[str, object]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Z_0-9]+", name):
            try:
                fields[name] = "".join(shlex.split(value))
            except ValueError:  # an unbalanced quote
                fields[name] = value.strip("\"'")
    distribution, family = _DISTRIBUTIONS.get(fields.get("ID", ""), ("", ""))
    if not distribution:
        return {}
    version = fields.get("VERSION_ID", "")
    major = version.partition(".")[0]
    facts: dict[str, object] = {"distribution": distribution, "os_family": family, "system": "Linux"}
    if version:
        facts |= {"distribution_version": version, "distribution_major_version": major}
    if fields.get("VERSION_CODENAME"):
        facts["distribution_release"] = fields["VERSION_CODENAME"]
    # Amazon Linux counts 2, then by year: 2023 has dnf, 2 has yum.
    if family == "Debian":
        facts["pkg_mgr"] = "apt"
    elif family == "RedHat" and major.isdigit():
        facts["pkg_mgr"] = "dnf" if int(major) >= 8 else "yum"
    return facts
