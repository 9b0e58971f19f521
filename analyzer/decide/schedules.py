"""Jobs: what every crontab line and timer becomes, once, however often it was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.cron.daemons import daemon_of
from analyzer.decide.batch_rules import load_batch_rules
from analyzer.decide.job_names import kebab, unique_names
from analyzer.decide.schedules_job import UndecidedJob
from analyzer.decide.schedules_merge import merge
from analyzer.model import (
    CronEntry,
    Decision,
    Host,
    Job,
    Outcome,
    Problem,
    Settings,
    Severity,
    Source,
    Step,
    Verdict,
)


class JobDecisions(Struct, frozen=True, kw_only=True):
    """What became of all schedules of an application."""

    jobs: tuple[Job, ...]
    decisions: tuple[Decision, ...]
    """One for each entry that a host's evidence shows; those that only Ansible knows are decided with their task."""
    by_task: Mapping[Source, tuple[str, ...]]
    """Ansible task -> ids of the jobs it makes."""
    problems: tuple[Problem, ...]


def decide_jobs(
    entries: Sequence[CronEntry],
    hosts: Sequence[Host],
    steps: Sequence[Step],
    settings: Settings,
    data: Mapping[str, str],
    dropped: Sequence[Step] = (),
) -> JobDecisions:
    """One job for each schedule of the application.

    Args:
        entries: of the playbooks and of every host.
        hosts: the application's, for zones, accounts and the cron program.
        steps: effects of the tasks, for zones and accounts that Ansible sets.
        settings: zone and answers a person gave.
        data: texts of `rules/` by name; `batches.yaml` is used.
        dropped: what tasks do to the host and the bundle leaves out, such as files of containers.

    """
    rules = load_batch_rules(data["batches.yaml"])
    problems: list[Problem] = []
    groups = merge([_with_daemon(entry, hosts) for entry in entries])
    work = [UndecidedJob.of(group, hosts, steps, settings, rules, dropped) for group in groups]
    names = unique_names([(item.name, item.identity, bool(item.entry.name)) for item in work])
    locks = _lock_names(work)
    jobs: list[Job] = []
    decisions: dict[Source, list[tuple[CronEntry, Job]]] = {}
    by_task: dict[Source, list[str]] = {}
    for item, name in zip(work, names, strict=True):
        job = item.job(name, locks, settings)
        jobs.append(job)
        problems += item.problems(job)
        for entry in item.group.entries:
            if entry.origin == "host":
                decisions.setdefault(entry.source, []).append((entry, job))
            else:
                by_task.setdefault(entry.source, []).append(job.id)
    problems += _coupled(jobs)
    problems += _other_users(jobs)
    return JobDecisions(
        jobs=tuple(jobs),
        decisions=tuple(
            _decision(entry, job, by_task) for source in sorted(decisions) for entry, job in decisions[source]
        ),
        by_task={source: tuple(dict.fromkeys(ids)) for source, ids in by_task.items()},
        problems=tuple(dict.fromkeys(problems)),
    )


def _with_daemon(entry: CronEntry, hosts: Sequence[Host]) -> CronEntry:
    """An entry that only Ansible knows is read by the cron of the hosts it is for."""
    if entry.origin == "host" or entry.kind == "timer":
        return entry
    found = {daemon for host in hosts if (daemon := daemon_of(host.facts, host.packages)) is not None}
    return replace(entry, daemon=found.pop()) if len(found) == 1 else entry


def _decision(entry: CronEntry, job: Job, by_task: Mapping[Source, Sequence[str]]) -> Decision:
    task = next((str(source) for source, ids in by_task.items() if job.id in ids), "")
    seen = f" The same job as in Ansible, {task}." if task else ""
    return Decision(
        kind=entry.kind,
        source=entry.source,
        name=job.id,
        applies=Verdict.NO if entry.dead else Verdict.YES,
        outcome=Outcome(job.outcome),
        rule=job.via.rule,
        reason=job.reason + seen,
        question=job.question,
        answered=job.question is not None and job.question.id in job.answered_questions,
    )


def _lock_names(work: Sequence[UndecidedJob]) -> dict[tuple[str, str], str]:
    """Lock file -> name of the lock; two files of one name stay two locks."""
    paths = list(dict.fromkeys(item.lock_key() for item in work if item.lock_key()[1]))
    short = {
        key: kebab(key[1].rstrip("/").rpartition("/")[2].removesuffix(".lock").removesuffix(".pid")) for key in paths
    }
    many = Counter(short.values())
    return {key: name if name and many[name] == 1 else kebab(f"{key[0]} {key[1]}") for key, name in short.items()}


def _other_users(jobs: Sequence[Job]) -> list[Problem]:
    """A run may override command and environment, not the user: who is not like the rest must be looked at."""
    scheduled = [job for job in jobs if job.outcome == "schedule"]
    users = Counter(job.user for job in scheduled)
    if len(users) < 2:
        return []
    usual = max(sorted(users), key=lambda user: users[user])
    return [
        Problem(
            Severity.WARNING,
            "cron-user",
            f"{job.id} ran as {job.user}, the other batches as {usual}; a run of a task cannot change the user",
            job.sources[0] if job.sources else None,
            f"check what {job.id} may do as {usual}, or give it a task definition of its own",
        )
        for job in scheduled
        if job.user != usual
    ]


def _coupled(jobs: Sequence[Job]) -> list[Problem]:
    """Jobs that share a lock exclude each other: that must be seen."""
    found = []
    for lock in sorted({job.lock for job in jobs if job.lock and job.outcome == "schedule"}):
        sharing = [job for job in jobs if job.lock == lock and job.outcome == "schedule"]
        if len(sharing) > 1:
            names = ", ".join(job.id for job in sharing)
            message = f"{names} share the lock `{lock}`: while one runs, the others wait or are skipped, as on the host"
            found.append(Problem(Severity.NOTE, "cron-shared-lock", message, sharing[0].sources[0], ""))
    return found
