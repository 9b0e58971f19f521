"""Drift of configuration files: those no role writes, and those whose lines are not the role's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from analyzer.decide import drift_known as known
from analyzer.decide.drift_known import NEEDED
from analyzer.decide.drift_roles import RoleEffects
from analyzer.model import PARAMETER_OPEN, SECRET_OPEN, Drift, Host, RemovePath, Step, Verdict, WriteFile, line_digest

_MOST_LINES = 3
"""Lines that are shown of each side."""
_IDENTITY = re.compile(
    r"/etc/((passwd|group|shadow|gshadow|subuid|subgid)-?|hostname|hosts|machine-id|machine-info|mtab|resolv\.conf|fstab"
    r"|(os|lsb|system|amazon-linux|redhat|debian)[-_](release|version)|timezone|localtime|adjtime|ld\.so\.cache|mailname"
    r"|ssh/ssh_host_.*|alternatives/.*|crontab|anacrontab|cron\..*|at\.(deny|allow)|ssl/certs/.*|[^/]*\.wants/.*"
    r"|systemd/system/(.*\.wants/.*|.*\.timer|dbus-org.*|[^/]*@?\.(target|socket)))"
)


def find_files(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    for path in sorted({*host.files, *host.changed_files}):
        if not path.startswith(("/etc/", "/opt/", "/srv/", "/usr/local/")) or _IDENTITY.fullmatch(path):
            continue
        unit = re.fullmatch(r"/etc/systemd/system/([^/]+)\.service(\.d/.*)?", path)
        if path.startswith(roles.folders) or (unit and known.BASE_SERVICES.fullmatch(unit[1])):
            continue
        source = host.changed_files.get(path) or host.files[path]
        writers = roles.paths.get(path, [])
        if not writers and path in roles.known_paths:
            continue
        if not writers:
            if path in host.changed_files:
                details = "Differs from what its package delivers; no role writes it."
            elif host.changed_files:
                details = (
                    "Is on the host; no role writes it. It is not listed as changed: new, or as its package has it."
                )
            else:
                details = "Is on the host; no role writes it. Whether it differs from its package's own is not known."
            proposal = f"Compare it with the package's version. {NEEDED}"
            yield Drift(kind="file", name=path, seen="host-only", details=details, proposal=proposal, source=source)
        elif (step := writers[-1]).applies is Verdict.YES and path in host.files:
            if isinstance(step.effect, RemovePath):
                details = "A role removes it; it is on the host."
                proposal = "Run the playbook, or drop the task. The image does not have the file."
                yield Drift(kind="file", name=path, seen="differs", details=details, proposal=proposal, source=source)
            elif len(writers) == 1 and (said := _difference(step, host.file_lines.get(path))):
                details = f"Is not what {_task(step)} writes: {said}. Edited by hand, or the role changed since."
                proposal = "Compare the two; the image gets the role's version. Take over by hand what must stay."
                yield Drift(kind="file", name=path, seen="differs", details=details, proposal=proposal, source=source)


def _difference(step: Step, seen: tuple[str, ...] | None) -> str:
    """Which lines only one side has, "" for none; a line with a value from outside may be any line of the host."""
    effect = step.effect
    if seen is None or not isinstance(effect, WriteFile) or not effect.force or effect.content.data is None:
        return ""
    rows = effect.content.data.decode(errors="replace").split("\n")
    # Values from outside differ by nature; older Ansible wrote the date into `ansible_managed`.
    sure = [(number, row) for number, row in enumerate(rows, 1) if not _variable(row)]
    on_host = Counter(seen)
    missing = []
    for number, row in sure:
        digest = line_digest(row)
        if on_host[digest]:
            on_host[digest] -= 1
        else:
            missing.append((number, row))
    extra = []
    for number, digest in enumerate(seen, 1):
        if on_host[digest]:
            on_host[digest] -= 1
            extra.append(number)
    blank = line_digest("")
    missing = [(number, row) for number, row in missing if row.strip()]
    outside = {number for number, row in enumerate(rows, 1) if _variable(row)}
    extra = [number for number in extra if seen[number - 1] != blank and number not in outside]
    if not missing and not extra:
        return ""
    said = []
    if missing:
        shown = ", ".join(f"`{row.strip()[:80]}` (line {number})" for number, row in missing[:_MOST_LINES])
        said.append(f"only the role has {shown}{_more(len(missing))}")
    if extra:
        shown = ", ".join(str(number) for number in extra[:_MOST_LINES])
        said.append(f"only the host has what stands in its line {shown}{_more(len(extra))}")
    return "; ".join(said)


def _variable(row: str) -> bool:
    return SECRET_OPEN in row or PARAMETER_OPEN in row or "ansible managed" in row.lower()


def _more(count: int) -> str:
    return f" and {count - _MOST_LINES} more" if count > _MOST_LINES else ""


def _task(step: Step) -> str:
    return str(step.via.sources[0]) if step.via.sources else "its role"
