"""The runbook: cut-over, rollback, side-by-side month, retirement and cost, with real names and real commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from analyzer.decide.sizing.result import cuts_of, price_basis
from analyzer.model import Application, Job, OutputFile, Provenance, Via
from analyzer.render.alarms import load_balanced
from analyzer.render.alarms import values as alarm_values
from analyzer.render.containers import environments, process_of, scheduled_jobs, secrets_by_name
from analyzer.render.deployment import first_run_differs
from analyzer.render.hcl import Noted
from analyzer.render.heartbeats import DAY_S
from analyzer.render.jinja import render_template
from analyzer.render.names import Names, hardened
from analyzer.render.runbook_batches import batch, inline, one_line, where
from analyzer.render.runbook_hosts import cron_unit, host_texts, install_command, units
from analyzer.render.storage import STRANGER_ID, file_owner, file_systems
from analyzer.render.watches import watches

_COSTS: Mapping[str, str] = {
    "ec2-now": "EC2 today",
    "fargate-as-it-is": "Fargate, same size as today",
    "fargate-right-sized": "Fargate, as planned here",
    "fargate-arm64": "Fargate, as planned here, on ARM",
    "fargate-x86-64": "Fargate, as planned here, on x86",
    "fargate-each-batch-alone": "Fargate, a size for every batch",
}
SPOT_DISCOUNT = 0.7
"""The most that AWS promises; a fixed rate is not published (https://aws.amazon.com/fargate/pricing, 2026-11)."""
_CENT = 0.005
PAGES = ("cutover", "rollback", "parallel-run", "retire", "cost")


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:
    """One Markdown page for each of `PAGES`."""
    context = _context(application)
    files = []
    for page in PAGES:
        name = f"ops/{page}.md.j2"
        text = _tidy(render_template(templates, name, **context))
        files.append(
            OutputFile(
                path=f"{application.name}/ops/{page}.md",
                data=text.encode(errors="replace"),
                provenance=_provenance(application, text, Via(rule=f"template:{name}")),
            )
        )
    return tuple(files)


def _tidy(text: str) -> str:
    """At most one blank line in a row: where a part was left out two would meet."""
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def _provenance(application: Application, text: str, default: Via) -> tuple[Provenance, ...]:
    """Each line's reason; the lines of a batch's section carry the batch's sources."""
    by_heading = {f"### {job.id}": Via(rule=default.rule, sources=job.sources) for job in scheduled_jobs(application)}
    found = []
    via = default
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            via = by_heading.get(line, default)
        if line.strip():
            found.append(Provenance(line=number, via=via))
    return tuple(found)


# --------------------------------------------------------------------------------------------------------------------
# What the pages tell
# --------------------------------------------------------------------------------------------------------------------


def _context(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    watched = watches(application)
    jobs = [batch(application, watch, names) for watch in watched]
    scheduled = {watch.job.id for watch in watched}
    active = [job for job in jobs if job["enabled"]]
    balanced = next((one for one in application.task_definitions if load_balanced(application, one)), None)
    owner = file_owner(application) or (STRANGER_ID, STRANGER_ID)
    other = next((one for one in environments(application) if one != application.environment and not hardened(one)), "")
    steps = _steps(application, active)
    batch_usd = sum(one.monthly_usd for one in application.task_definitions if not one.process)
    return {
        "application": inline(application.name),
        "application_slug": one_line(application.name),
        "environment": inline(application.environment),
        "environment_word": shlex.quote(application.environment),
        "other_environment": inline(other),
        "other_environment_word": shlex.quote(other),
        "steps": steps,
        "parallel_steps": ", ".join(
            str(steps[one]) for one in ("infrastructure", "secrets", "deployment", "services") if one in steps
        ),
        "region": application.region or "not known",
        "region_known": bool(application.region),
        "region_word": shlex.quote(application.region or "REGION"),
        "cluster": names.cluster,
        "prefix": names.prefix,
        "topic": names.topic,
        "deploy_role": names.role("deploy"),
        "dlq": names.dead_letter_queue,
        "load_balancer": names.load_balancer,
        "alarm_errors": names.alarm("api-errors"),
        "alarm_5xx": names.alarm("server-errors"),
        "alarm_hosts": names.alarm("no-healthy-hosts"),
        "alarm_count": _count_alarms(application, names),
        "processes": _processes(application, names),
        "process_count": len(application.processes),
        "first_run": first_run_differs(application),
        "balanced": {
            "path": _path(application),
            "log_group": names.log_group(balanced.name),
        }
        if balanced is not None
        else None,
        "families": [names.task_family(one.name) for one in application.task_definitions],
        "batch_families": [names.task_family(one.name) for one in application.task_definitions if one.jobs],
        "secrets": [
            {
                "name": names.secret(name),
                "comment": one_line(", ".join(variables)),
                "other_name": Names(application.name, other, application.region).secret(name),
            }
            for name, variables in secrets_by_name(application, application.environment).items()
        ],
        "secret_count": len(secrets_by_name(application, application.environment)),
        "active": active,
        "inactive": [job for job in jobs if not job["enabled"]],
        "undecided": [_left(job) for job in application.jobs if job.id not in scheduled and job.outcome == "manual"],
        "left": [_left(job) for job in application.jobs if job.id not in scheduled and job.outcome != "manual"],
        "open_count": sum(decision.outcome == "manual" for decision in application.decisions),
        "job_count": len(jobs),
        "rehearsal": active[0]["id"] if active else "JOB",
        "rare": [watch.job.id for watch in watched if (watch.job.longest_gap_s or 0) > 6 * DAY_S],
        "clock_changes": [
            watch.job.id
            for watch in watched
            if watch.job.equivalence is not None and watch.job.equivalence.verdict == "equal-except-dst"
        ],
        "hosts": [host_texts(host) for host in application.hosts],
        "units": units(application),
        "cron_unit": cron_unit(application),
        "install": install_command(application),
        "drift": application.drift,
        "file_systems": [
            {
                "path": one.path,
                "path_word": shlex.quote(one.path),
                "name": names.file_system(one.name),
                "uid": owner[0],
                "gid": owner[1],
            }
            for one in file_systems(application)
            if not one.read_only
        ],
        "dns_suffix": "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com",
        "user": shlex.quote(application.image.user or "root"),
        "prices": price_basis(application),
        "batch_usd": f"{batch_usd:,.2f}" if batch_usd >= _CENT else "",
        "spot_usd": f"{SPOT_DISCOUNT * batch_usd:,.2f}",
        "cuts": [
            {
                "light": str(one.light),
                "heavy": str(one.heavy),
                "light_jobs": ", ".join(one.light_jobs) or "-",
                "heavy_jobs": ", ".join(one.heavy_jobs) or "-",
                "usd": f"{one.monthly_usd:,.2f}{' (chosen)' if one.chosen else ''}",
            }
            for one in cuts_of(application)[0]
        ],
        "cut_reason": cuts_of(application)[1],
        "costs": [
            {"name": _COSTS.get(one.name, one.name), "usd": f"{one.monthly_usd:,.2f}", "basis": one.basis}
            for one in application.costs
        ],
        "definitions": [
            {
                "name": one.name,
                "vcpu": f"{one.cpu / 1024:g}",
                "memory": f"{one.memory:,} MiB",
                "count": one.desired_count or "as started",
                "kept": bool(one.process),
                "unused": not one.process and not one.jobs,
                "usd": f"{one.monthly_usd:,.2f}",
                "basis": one.basis,
            }
            for one in application.task_definitions
        ],
    }


def _steps(application: Application, active: Sequence[object]) -> dict[str, int]:
    """The numbers of the cut-over's steps; one that has nothing to do is left out."""
    there = {
        "infrastructure": True,
        "secrets": bool(secrets_by_name(application, application.environment)),
        "files": any(not one.read_only for one in file_systems(application)),
        "deployment": True,
        "services": bool(application.processes),
        "rehearsal": bool(active),
        "traffic": any(load_balanced(application, one) for one in application.task_definitions),
        "batches": bool(application.jobs),
        "done": True,
    }
    return {step: number for number, step in enumerate((one for one, needed in there.items() if needed), 1)}


def _left(job: Job) -> dict[str, str]:
    return {"id": job.id, "where": where(job), "reason": job.reason}


def _count_alarms(application: Application, names: Names) -> int:
    values = alarm_values(application, names)
    several = ("error_lines", "heartbeats", "executions", "scheduler", "running_tasks")
    single = ("dead_letters", "healthy_hosts", "server_errors")

    def size(value: object) -> int:
        inner = value.value if isinstance(value, Noted) else value
        return len(inner) if isinstance(inner, Mapping) else 0

    return sum(size(values.get(name)) for name in several) + sum(name in values for name in single)


def _path(application: Application) -> str:
    api = next((process for process in application.processes if process.name == "api"), None)
    path = api.health_check.path if api is not None and api.health_check is not None else ""
    return path if re.fullmatch(r"/[\w./?=&%+-]*", path) else "/"


def _processes(application: Application, names: Names) -> list[dict[str, str]]:
    found = []
    for definition in application.task_definitions:
        process = process_of(application, definition)
        if process is not None:
            found.append(
                {
                    "name": process.name,
                    "service": names.service(process.name),
                    "family": names.task_family(definition.name),
                    "log_group": names.log_group(definition.name),
                }
            )
    return found
