"""Drift: what the hosts have and no role makes, what roles make and the hosts do not have, and what is not the same.

Much of a real host was never in Ansible. Each item says what was seen, what speaks for it and what to do; where the
evidence cannot tell (which packages somebody asked for, whether a file is its package's own), the item says that.
Not compared: packages of language managers, the content of directories, kernel and network settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from analyzer.decide import drift_known as known
from analyzer.decide.drift_files import find_files
from analyzer.decide.drift_roles import RoleEffects
from analyzer.decide.image_shell import has_marker
from analyzer.decide.processes_units import Unit
from analyzer.model import (
    PARAMETER_OPEN,
    SECRET_OPEN,
    ApplicationInput,
    CheckoutCode,
    Drift,
    Host,
    Infrastructure,
    Job,
    Source,
    Step,
    Verdict,
)

_MANAGED = {
    3306: "MySQL or MariaDB: Amazon RDS",
    5432: "PostgreSQL: Amazon RDS",
    6379: "Redis: Amazon ElastiCache",
    11211: "memcached: Amazon ElastiCache",
    27017: "MongoDB: Amazon DocumentDB",
    9200: "a search engine: Amazon OpenSearch Service",
    5672: "a message broker: Amazon MQ",
    25: "a mail server: Amazon SES, or the existing relay",
}


def find_drift(
    application_input: ApplicationInput, steps: Sequence[Step], jobs: Sequence[Job], dropped: Sequence[Step] = ()
) -> tuple[Drift, ...]:
    """Every difference between the application's hosts and what its roles would make of them, each with a proposal.

    `steps` are carried over, `dropped` are left out on purpose: they explain what a host has. A host about which
    nothing of a kind is known (no package list, no units …) gives no item of that kind.
    """
    roles = RoleEffects(_possible(steps), _possible(dropped))
    found: dict[tuple[str, str, str], tuple[Drift, list[str]]] = {}
    for host in application_input.hosts:
        for find in (_packages, _services, _ports, _users, find_files):
            for drift in find(host, roles):
                found.setdefault((drift.kind, drift.name, drift.seen), (drift, []))[1].append(host.name)
    several = len(application_input.hosts) > 1
    merged = [
        replace(drift, details=f"{drift.details} (on {', '.join(hosts)})") if several else drift
        for drift, hosts in found.values()
    ]
    merged += _crontabs(application_input, jobs)
    return tuple(sorted(merged, key=lambda drift: (drift.kind, drift.name, drift.seen, drift.details)))


def _possible(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.applies is not Verdict.NO)


def _packages(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    if not host.packages:
        return
    for name, (written, step, effect) in sorted(roles.packages.items()):
        if (
            step.applies is not Verdict.YES
            or SECRET_OPEN in written
            or PARAMETER_OPEN in written
            or name[:1] in {"@", ""}
        ):
            continue
        installed = [one for one in host.packages if fnmatchcase(one, name)]
        item = Drift(kind="package", name=name, seen="ansible-only", details="", proposal="", source=_first(step))
        pinned = written.partition("=")[2].lstrip("=") if "/" not in written else ""
        if effect.state == "absent" and installed:
            details = f"The role removes {written}, but version {host.packages[installed[0]]} is installed."
            yield replace(item, seen="differs", details=details, proposal="Run the playbook, or drop the task.")
        elif effect.state != "absent" and not installed:
            details = f"A role installs {written}; no package of that name is on the host. It may be a virtual name."
            proposal = (
                "The image gets it, since the role says so. If the host does well without, drop it from the role."
            )
            yield replace(item, details=details, proposal=proposal)
        elif effect.state != "absent" and pinned and not fnmatchcase(host.packages[installed[0]], pinned):
            details = f"The role asks for {written}, the host has {host.packages[installed[0]]}."
            proposal = "Pin the version that is known to work; the image gets what the role asks for."
            yield replace(item, seen="differs", details=details, proposal=proposal)
    yield from _packages_of_host(host, roles)


def _packages_of_host(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    others = [
        name
        for name in sorted(host.packages)
        if not known.is_base_package(name)
        and not any(fnmatchcase(name, asked) for asked in roles.known_packages)
        and not roles.mentions(name)
    ]
    if host.packages_manual is not None:
        for name in sorted(set(others) & set(host.packages_manual)):
            details = (
                f"Version {host.packages[name]} was installed on request (not as a dependency); no role installs it."
            )
            yield Drift(kind="package", name=name, seen="host-only", details=details, proposal=known.proposal_for(name))
        return
    in_use = {one.process for one in host.listening} | {
        known.service_name(one.name) for one in host.services if one.active == "active"
    }
    for name in sorted(set(others) & in_use):
        details = f"Version {host.packages[name]} is installed and running; no role installs it."
        yield Drift(kind="package", name=name, seen="host-only", details=details, proposal=known.proposal_for(name))
    rest = [name for name in others if name not in in_use and not known.DEPENDENCY_SHAPED.fullmatch(name)]
    if rest:
        shown = ", ".join(rest[:12]) + (f" and {len(rest) - 12} more" if len(rest) > 12 else "")
        details = (
            f"{len(rest)} packages are neither in a role nor in a cloud image as delivered: {shown}. Which of them"
            " somebody asked for and which are dependencies cannot be told from a package list."
        )
        proposal = "Add `apt-mark showmanual` (or `dnf repoquery --userinstalled`) to the evidence, then run again."
        yield Drift(kind="package", name="(not in a role)", seen="host-only", details=details, proposal=proposal)


def _explained(program: str, roles: RoleEffects) -> bool:
    """Whether a package or service of the roles brings the program; the kernel cuts its name to 15 characters."""
    name = known.PROGRAMS.get(program, program)
    names = roles.known_packages | roles.known_services
    cut = len(name) == 15 and any(one.startswith(name) for one in names)
    # `postfix@-` is an instance that the package postfix brings.
    return name in names or cut or name.partition("@")[0] in names


def _services(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    if not host.services:
        return
    seen = {known.service_name(one.name): one for one in host.services}
    for name, service in sorted(seen.items()):
        unit = service.name.removesuffix(".service")
        unit_file = f"/etc/systemd/system/{service.name}"
        if service.active not in {"active", "failed"} or known.BASE_SERVICES.fullmatch(unit):
            continue
        explained = _explained(name, roles) or _explained(unit, roles) or unit_file in roles.known_paths
        if explained or roles.mentions(name) or roles.mentions(unit):
            continue
        said = f" ({service.description})" if service.description else ""
        details = f"{service.name}{said} is {service.active}; no role installs, starts or mentions it."
        ran = _of_application(host, unit, roles)
        yield Drift(
            kind="service",
            name=unit,
            seen="host-only",
            details=f"{details} It runs {ran}." if ran else details,
            proposal=_OWN_PROCESS if ran else known.proposal_for(unit),
            source=service.source,
        )
    for name, (step, effect) in sorted(roles.services.items()):
        if step.applies is not Verdict.YES:
            continue
        unit = effect.name.removesuffix(".service")
        service_seen = seen.get(name)
        item = Drift(kind="service", name=unit, seen="differs", details="", proposal="", source=_first(step))
        if effect.state == "started" and service_seen is None:
            proposal = "Check whether the process is still wanted before it gets a task definition."
            yield replace(
                item,
                seen="ansible-only",
                details=f"A role starts {unit}; it is not among the host's units.",
                proposal=proposal,
            )
        elif effect.state == "started" and service_seen is not None and service_seen.active in {"inactive", "failed"}:
            proposal = "Look into the host's journal first: the container would carry the same fault."
            yield replace(
                item, details=f"A role starts {unit}; on the host it is {service_seen.active}.", proposal=proposal
            )
        elif effect.state == "stopped" and service_seen is not None and service_seen.active == "active":
            details = f"A role stops {unit}; on the host it is active."
            yield replace(item, details=details, proposal="Somebody needed it: ask, and settle it in the role.")


_OWN_PROCESS = (
    "It looks like a process of the application itself. Write its unit and the task that starts it into a role and run"
    " again: it gets a task definition of its own, from the same image."
)


def _of_application(host: Host, unit: str, roles: RoleEffects) -> str:
    """What a unit of the host runs, where that is the application's: its account, its code or its folders; else ""."""
    text = host.units.get(f"{unit}.service", (None, ""))[1]
    if not text or has_marker(text):
        return ""
    parsed = Unit().read(text)
    command = parsed.last("ExecStart")
    accounts = {name for name in roles.known_users if name != "root"}
    code = [step.effect.path for step in roles.steps if isinstance(step.effect, CheckoutCode)]
    place = f"{command} {parsed.last('WorkingDirectory')}"
    if not command or not (parsed.last("User") in accounts or any(path in place for path in code)):
        return ""
    user = parsed.last("User")
    return f"`{_short(command)}`" + (f" as {user}" if user else "")


def _ports(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    listening: dict[tuple[str, int], list[str]] = {}
    for socket in host.listening:
        listening.setdefault((socket.protocol, socket.port), []).append(socket.address)
    sources = {(one.protocol, one.port): (one.process, one.source) for one in reversed(host.listening)}
    for (protocol, port), addresses in sorted(listening.items()):
        process, source = sources[protocol, port]
        by_role = _explained(process, roles) or roles.mentions(str(port))
        if by_role or process in known.BASE_LISTENERS or (protocol, port) in {("tcp", 22), ("udp", 68), ("udp", 123)}:
            continue
        local = all(address.startswith("127.") or address == "::1" for address in addresses)
        reach = "from the host itself only" if local else f"on {', '.join(sorted(set(addresses)))}"
        who = process or "an unnamed process (ss was not run as root)"
        proposal = (
            f"Looks like {_MANAGED[port]} instead of the container."
            if port in _MANAGED
            else known.proposal_for(process)
        )
        details = f"{who} listens {reach}; no role mentions the port."
        yield Drift(
            kind="port", name=f"{port}/{protocol}", seen="host-only", details=details, proposal=proposal, source=source
        )
    if not listening:
        return
    for step in roles.steps:
        if isinstance(step.effect, Infrastructure) and step.effect.kind == "security-group-rule":
            wanted, protocol = step.effect.details.get("port"), str(step.effect.details.get("protocol") or "tcp")
            inbound = step.effect.details.get("direction", "in") in {"in", "ingress", "inbound"}
            action = str(step.effect.details.get("action", "allow")).lower()
            number = int(wanted) if isinstance(wanted, int | str) and str(wanted).isdigit() else None
            if number and inbound and action in {"allow", "accept", "limit"} and (protocol, number) not in listening:
                details = f"A role opens {protocol} port {number}; nothing listens there."
                proposal = "Leave the rule out of the security group unless something is to come."
                yield Drift(
                    kind="port",
                    name=f"{number}/{protocol}",
                    seen="ansible-only",
                    details=details,
                    proposal=proposal,
                    source=_first(step),
                )


def _users(host: Host, roles: RoleEffects) -> Iterator[Drift]:
    if not host.users:
        return
    seen = {user.name: user for user in host.users}
    for name, user in sorted(seen.items()):
        if 1000 <= user.uid < 60000 and name not in roles.known_users and name not in known.BASE_USERS:
            if roles.mentions(name):
                continue
            details = f"uid {user.uid}, home {user.home}, shell {user.shell}; no role makes this account."
            proposal = (
                "A person's log-in stays behind. If files or jobs of the application belong to it, add it to a role."
            )
            yield Drift(
                kind="user", name=name, seen="host-only", details=details, proposal=proposal, source=user.source
            )
    for name, (step, effect) in sorted(roles.users.items()):
        if step.applies is not Verdict.YES or SECRET_OPEN in name or PARAMETER_OPEN in name:
            continue
        item = Drift(kind="user", name=name, seen="differs", details="", proposal="", source=_first(step))
        there = seen.get(name)
        if effect.state == "present" and there is None:
            proposal = "Was the playbook run since the account was added? The image gets it, since the role says so."
            yield replace(
                item, seen="ansible-only", details="A role makes it; the host has no such user.", proposal=proposal
            )
        elif effect.state == "absent" and there is not None:
            details = f"A role removes it; the host still has it (uid {there.uid})."
            yield replace(
                item, details=details, proposal="Run the playbook, or drop the task. The image has no such user."
            )
        elif effect.state == "present" and there is not None and effect.uid not in {None, there.uid}:
            details = f"The role says uid {effect.uid}, the host has {there.uid}."
            proposal = f"Files that move to EFS or S3 belong to {there.uid}: settle on one number before the cutover."
            yield replace(item, details=details, proposal=proposal)


_HOST_ONLY_JOB = {
    True: "It is carried over as a schedule unless you leave it behind; write it into the repository either way.",
    False: "Nothing carries it over before somebody answers its question; write it into the repository if it stays.",
}
"""Whether the job becomes a schedule -> what to do about a line that no role knows."""


def _crontabs(application_input: ApplicationInput, jobs: Sequence[Job]) -> Iterator[Drift]:
    entries = {entry.source: entry for entry in application_input.crons}
    hosts_seen = any(entry.origin == "host" for entry in application_input.crons)

    def origins(job: Job) -> set[str]:
        return {entries[source].origin for source in job.sources if source in entries}

    only_host = [job for job in jobs if origins(job) == {"host"} and job.outcome != "platform"]
    only_ansible = [job for job in jobs if origins(job) == {"ansible"}]
    for job in only_host:
        twin = next((one for one in only_ansible if _same_work(one, job)), None)
        entry = entries[job.sources[0]]
        if twin is not None:
            only_ansible.remove(twin)
            details = f"The host runs it at `{_when(job)}` as {job.user}, the role says `{_when(twin)}` as {twin.user}."
            proposal = "Ask which of the two is meant; leave the other behind."
            yield Drift(
                kind="crontab", name=job.id, seen="differs", details=details, proposal=proposal, source=entry.source
            )
            continue
        if entry.dead:
            continue
        details = (
            f"`{_when(job)}` as {job.user} in {entry.path or 'a crontab'}: {_short(job.command)}. No role makes it."
        )
        proposal = _HOST_ONLY_JOB[job.outcome == "schedule"]
        yield Drift(
            kind="crontab", name=job.id, seen="host-only", details=details, proposal=proposal, source=entry.source
        )
    if not hosts_seen:
        return
    for job in only_ansible:
        if job.enabled and job.outcome != "skipped":
            details = (
                f"A role makes `{_when(job)}` as {job.user}: {_short(job.command)}. It is in no crontab of the hosts."
            )
            proposal = "Was the playbook run since it was added? If the job is gone on purpose, remove the task."
            yield Drift(
                kind="crontab",
                name=job.id,
                seen="ansible-only",
                details=details,
                proposal=proposal,
                source=job.sources[0],
            )


def _same_work(one: Job, other: Job) -> bool:
    return one.command.split() == other.command.split()


def _when(job: Job) -> str:
    return job.schedule.replace("\n", ", ")


def _short(command: str) -> str:
    return f"`{command[:100]}…`" if len(command) > 100 else f"`{command}`"


def _first(step: Step) -> Source | None:
    return step.via.sources[0] if step.via.sources else None
