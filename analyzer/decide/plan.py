"""Project -> Plan: one decision for everything that was read. Pure.

tasks -> steps ─┬─> processes ─> image
crontabs ───────┴─> jobs ─> sizes, classes, costs ─> drift
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from analyzer.decide.as_user import as_their_users
from analyzer.decide.checkouts import settle_checkouts
from analyzer.decide.data_folders import file_system_steps, find_data_folders, mounted_data, with_questions
from analyzer.decide.drift import find_drift
from analyzer.decide.image import compose_image, image_user
from analyzer.decide.image_decisions import proposal_problems, settle_decisions
from analyzer.decide.parts import service_is_elsewhere
from analyzer.decide.platform import PlatformData, load_platform
from analyzer.decide.processes import ProcessFindings, find_processes
from analyzer.decide.questions import answers_without_effect, decided_lines, stale_decisions
from analyzer.decide.schedules import decide_jobs
from analyzer.decide.schedules_host import told_zone
from analyzer.decide.secrets import used_secrets
from analyzer.decide.shared_owner import settle_owner, shares_files
from analyzer.decide.sizing import size_application
from analyzer.decide.tasks import CONTROLLER, decide_tasks
from analyzer.model import (
    Application,
    ApplicationInput,
    Decision,
    Host,
    Job,
    Outcome,
    Plan,
    Problem,
    Project,
    Settings,
    Severity,
    Source,
    TaskDefinition,
    Verdict,
    Via,
)
from analyzer.rulepack import RulePack
from analyzer.usage import HostUsage

_SSH = 22
DEFAULT_REGION = "us-east-1"
"""Where neither evidence nor the command line says one; a problem says so."""


def decide(project: Project, pack: RulePack, settings: Settings, data: Mapping[str, str]) -> Plan:
    """The whole plan.

    `data`: texts of `rules/` (prices, sizes, batch rules), by name.
    """
    applications: list[Application] = []
    problems: list[Problem] = list(project.problems)
    counts: Counter[str] = Counter(tasks=0, handlers=0, cron=0, timers=0, hosts=0)
    for given in project.applications:
        application, found = _decide_application(given, project, pack, settings, data)
        applications.append(application)
        problems += found
        counts.update(_counted(given))
    plan = Plan(
        environment=project.environment,
        applications=tuple(applications),
        problems=tuple(dict.fromkeys(problems)),
        counts=dict(counts),
        excerpts=project.excerpts,
        decided=decided_lines(settings),
    )
    told = (*plan.problems, *stale_decisions(plan, settings), *answers_without_effect(plan, settings))
    return replace(plan, problems=tuple(dict.fromkeys(told)))


def _counted(given: ApplicationInput) -> Mapping[str, int]:
    """How many things of each kind were read: what the decisions must add up to."""
    seen = [entry for entry in given.crons if entry.origin == "host"]
    return {
        "tasks": sum(task.kind == "task" for task in given.tasks),
        "handlers": sum(task.kind == "handler" for task in given.tasks),
        "cron": sum(entry.kind == "cron" for entry in seen),
        "timers": sum(entry.kind == "timer" for entry in seen),
        "hosts": len(given.hosts),
    }


def _decide_application(
    given: ApplicationInput, project: Project, pack: RulePack, settings: Settings, data: Mapping[str, str]
) -> tuple[Application, list[Problem]]:
    problems: list[Problem] = []
    region = _region(given.hosts, settings, problems)
    settings = replace(settings, region=region)
    family = str(given.hosts[0].facts.get("os_family", "")) if given.hosts else ""
    manager = {"Debian": "apt", "RedHat": "dnf"}.get(family, "")
    controller = len(project.applications) > 1 and all(host.name in CONTROLLER for host in given.hosts)
    theirs = as_their_users(given.tasks, given.hosts)
    units = {name: unit for host in reversed(given.hosts) for name, unit in host.units.items()}
    seen = (*(str(entry.command) for entry in given.crons), *(text for _, text in units.values()))
    assumed = any("os_family" in host.facts_assumed for host in given.hosts)
    tasks = decide_tasks(
        theirs,
        pack,
        settings,
        package_manager=manager,
        assumed=assumed,
        controller=controller,
        commands=seen,
    )
    jobs = decide_jobs(given.crons, given.hosts, tasks.steps, settings, data, tasks.dropped)
    elsewhere = partial(service_is_elsewhere, pack)
    findings = find_processes(tasks.steps, given.hosts, settings, tasks.dropped, elsewhere=elsewhere, host_units=units)
    checkouts = settle_checkouts(tasks.steps, findings.own, jobs.jobs)
    tasks = replace(tasks, steps=checkouts.steps, decisions=checkouts.of(tasks.decisions))
    platform, found = load_platform(data, settings.prices)
    problems += [*found, *_unknown_types(given.hosts, platform)]
    usages = tuple(usage for usage in given.usage if isinstance(usage, HostUsage))
    serves = may_serve(findings, given.hosts, tasks.decisions, elsewhere)
    if not serves:
        problems.append(_nothing_serves(given))
    if findings.unanswered:
        problems.append(_nothing_behind(given, findings))
    if findings.no_certificates:
        problems.append(_no_certificates(given, findings))
    sizing = size_application(usages, jobs.jobs, findings.processes, given.hosts, settings, platform, serves=serves)
    sized = tuple(
        replace(
            job,
            footprint=sizing.footprints.get(job.id, job.footprint),
            job_class=sizing.classes.get(job.id, job.job_class),
        )
        for job in jobs.jobs
    )
    folders, found = find_data_folders(tasks.steps, findings.own, sized, settings)
    problems += found
    mounted, found = mounted_data(findings.processes, folders, settings)
    folders, problems = (*folders, *mounted), [*problems, *found]
    shared = file_system_steps(folders)
    owner = settle_owner(
        tasks.steps, image_user(findings, sized), given.hosts, shared=shares_files((*tasks.steps, *shared))
    )
    problems += owner.problems
    image = replace(compose_image(owner.steps, given.hosts, findings, sized, settings), user_ids=owner.ids)
    problems += proposal_problems(image)
    task_decisions = _with_jobs(tasks.decisions, jobs.by_task, sized)
    decisions = (
        *with_questions(settle_decisions(task_decisions, owner.steps, image, settings.answers), folders),
        *jobs.decisions,
        *(_host_decision(host) for host in given.hosts),
    )
    application = Application(
        name=settings.application_names.get(given.name, given.name),
        environment=project.environment,
        environments=project.environments,
        region=region,
        timezone=next((host.timezone for host in given.hosts if host.timezone), told_zone(settings)[0]),
        hosts=given.hosts,
        image=image,
        decisions=decisions,
        steps=(*owner.steps, *shared),
        processes=findings.processes,
        jobs=sized,
        task_definitions=tuple(_measured(definition, usages) for definition in sizing.task_definitions),
        secrets=used_secrets(given.secrets, tasks.steps, findings.processes, sized),
        parameters=given.parameters,
        drift=find_drift(given, tasks.steps, sized, tasks.dropped),
        costs=sizing.costs,
        sizing=sizing,
    )
    return application, [*problems, *tasks.problems, *jobs.problems, *sizing.problems]


def _unknown_types(hosts: Sequence[Host], platform: PlatformData) -> list[Problem]:
    """Hosts whose instance type is not in our table: what they cost today and how large they are is not known."""
    return [
        Problem(
            Severity.WARNING,
            "instance-type-unknown",
            f"nothing is known of {host.name}'s type {host.ec2.instance_type}: today's cost is not compared",
            host.ec2.source,
            "correct InstanceType in ec2.json, or describe the type with --prices",
        )
        for host in hosts
        if host.ec2 is not None and host.ec2.instance_type and host.ec2.instance_type not in platform.ec2_types
    ]


def may_serve(
    findings: ProcessFindings, hosts: Sequence[Host], decisions: Sequence[Decision], elsewhere: Callable[[str], bool]
) -> bool:
    """Whether something serves requests, or might: a service, a container or an open port that is not accounted for."""
    if any(process.name == "api" for process in findings.processes) or findings.unresolved:
        return True
    if any(one.question is not None and "process" in one.question.answers for one in decisions):
        return True
    sockets = [one for host in hosts for one in host.listening if not one.address.startswith(("127.", "::1", "[::1]"))]
    return any(not elsewhere(one.process) and one.port != _SSH and one.protocol.startswith("tcp") for one in sockets)


def _nothing_serves(given: ApplicationInput) -> Problem:
    return Problem(
        Severity.NOTE,
        "api-absent",
        f"nothing of {given.name} serves requests: no process of it, and no open port of its hosts; "
        "there is no task definition api",
        given.hosts[0].source if given.hosts else None,
        "if it has an API, add its unit to the playbook or the host's unit file and `ss -tulpn` to the evidence",
    )


def _nothing_behind(given: ApplicationInput, findings: ProcessFindings) -> Problem:
    api = next((one for one in findings.processes if one.name == "api"), None)
    return Problem(
        Severity.WARNING,
        "front-without-application",
        f"the web server of {given.name} hands requests to {', '.join(findings.unanswered)}, and no process of the plan"
        " answers there: it would answer with errors",
        api.source if api is not None else (given.hosts[0].source if given.hosts else None),
        "add the application's unit to the playbook, or the host's unit file to the evidence",
    )


def _no_certificates(given: ApplicationInput, findings: ProcessFindings) -> Problem:
    return Problem(
        Severity.WARNING,
        "front-certificates-absent",
        f"nginx of {given.name} opens {', '.join(findings.no_certificates[:4])} when it starts, and the image does not"
        " hold them: it would not start",
        next((one.source for one in findings.processes if one.name == "api"), None),
        "let it listen without TLS in the container: the load balancer has the certificate",
    )


def _measured(definition: TaskDefinition, usages: Sequence[HostUsage]) -> TaskDefinition:
    """The definition with the files from which its size was reckoned."""
    if definition.via:
        return definition
    sources = tuple(sorted({series.source for usage in usages for series in usage.series}))
    rule = "size-assumed" if definition.assumed or not sources else "size-from-metrics"
    return replace(definition, via=(Via(rule=rule, sources=sources, note=definition.basis),))


def _region(hosts: Sequence[Host], settings: Settings, problems: list[Problem]) -> str:
    if settings.region:
        return settings.region
    regions = sorted({host.ec2.region for host in hosts if host.ec2 is not None and host.ec2.region})
    if len(regions) == 1:
        return regions[0]
    problems.append(
        Problem(
            Severity.WARNING,
            "region-assumed",
            f"hosts lie in {', '.join(regions)}"
            if regions
            else f"no evidence gives the region; {DEFAULT_REGION} is assumed",
            None,
            "choose it with --region",
        )
    )
    return regions[0] if regions else DEFAULT_REGION


def _with_jobs(
    decisions: Iterable[Decision], by_task: Mapping[Source, Sequence[str]], jobs: Sequence[Job]
) -> tuple[Decision, ...]:
    """An Ansible `cron` task becomes what its job became."""
    found = {job.id: job for job in jobs}
    result = []
    for decision in decisions:
        mine = [found[job_id] for job_id in by_task.get(decision.source, ()) if job_id in found]
        if decision.outcome is not Outcome.SCHEDULE or not mine:
            result.append(decision)
            continue
        job = max(mine, key=lambda each: _DEMANDING.index(each.outcome))
        result.append(
            replace(
                decision,
                outcome=Outcome(job.outcome),
                rule=job.via.rule or decision.rule,
                reason=job.reason,
                question=job.question or decision.question,
            )
        )
    return tuple(result)


_DEMANDING = ("skipped", "platform", "schedule", "manual")


def _host_decision(host: Host) -> Decision:
    instance = f" ({host.ec2.instance_type} {host.ec2.instance_id})" if host.ec2 and host.ec2.instance_id else ""
    return Decision(
        kind="host",
        source=host.source,
        name=host.name,
        applies=Verdict.YES,
        outcome=Outcome.PLATFORM,
        rule="host-retired",
        reason=f"Fargate runs its processes and batches; the host{instance} is retired after the month side by side.",
    )
