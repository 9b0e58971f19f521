"""The runbook: cut-over, rollback, side-by-side month, retirement and cost, with real names and real commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from analyzer.model import Application, Host, Job, OutputFile, Provenance, Via
from analyzer.render.alarms import Watch, load_balanced, watches
from analyzer.render.alarms import values as alarm_values
from analyzer.render.containers import environments, process_of, scheduled_jobs, secrets_by_name
from analyzer.render.handover import Handover, Place, handover, place, places
from analyzer.render.hcl import Noted
from analyzer.render.heartbeats import DAY_S, duration_text
from analyzer.render.jinja import render_template
from analyzer.render.names import Names, fit, hardened
from analyzer.render.references import readable, replace_references
from analyzer.render.storage import STRANGER_ID, file_owner, file_systems

_COSTS: Mapping[str, str] = {
    "ec2-now": "EC2 today",
    "fargate-as-it-is": "Fargate, same size as today",
    "fargate-right-sized": "Fargate, as planned here",
    "fargate-each-batch-alone": "Fargate, a size for every batch",
}
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
# Texts that cannot leave their place
# --------------------------------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """`text` without line ends and other control characters."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).split())


def inline(text: str) -> str:
    """A text inside of a sentence: no markup, no HTML."""
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", one_line(text)).replace("&", "&amp;").replace("<", "&lt;")


def fenced(text: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def cron_text(job: Job) -> str:
    """The command of the crontab line on one line, secrets by name."""
    return one_line(readable(job.command))


def cron_tail(job: Job) -> str:
    """The end of the crontab line's command, by which the line is found: what stands behind the last secret."""
    return one_line(replace_references(job.command, lambda _: "\0").rpartition("\0")[2])


# --------------------------------------------------------------------------------------------------------------------
# What the pages tell
# --------------------------------------------------------------------------------------------------------------------


def _context(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    watched = watches(application)
    jobs = [_job(application, watch, names) for watch in watched]
    scheduled = {watch.job.id for watch in watched}
    active = [job for job in jobs if job["enabled"]]
    balanced = next((one for one in application.task_definitions if load_balanced(application, one)), None)
    owner = file_owner(application) or (STRANGER_ID, STRANGER_ID)
    other = next((one for one in environments(application) if not hardened(one)), application.environment)
    return {
        "application": inline(application.name),
        "application_slug": one_line(application.name),
        "environment": inline(application.environment),
        "environment_word": shlex.quote(application.environment),
        "other_environment_word": shlex.quote(other),
        "region": application.region or "not known",
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
        "balanced": {
            "path": _path(application),
            "log_group": names.log_group(balanced.name),
        }
        if balanced is not None
        else None,
        "families": [names.task_family(one.name) for one in application.task_definitions],
        "batch_families": [names.task_family(one.name) for one in application.task_definitions if not one.process],
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
        "left": [
            {"id": job.id, "reason": f"{job.outcome}: {job.reason}"}
            for job in application.jobs
            if job.id not in scheduled
        ],
        "job_count": len(jobs),
        "rehearsal": active[0]["id"] if active else "JOB",
        "rare": [watch.job.id for watch in watched if (watch.job.longest_gap_s or 0) > 6 * DAY_S],
        "clock_changes": [
            watch.job.id
            for watch in watched
            if watch.job.equivalence is not None and watch.job.equivalence.verdict == "equal-except-dst"
        ],
        "hosts": [_host(host) for host in application.hosts],
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
        "costs": [
            {"name": one.name, "usd": f"{one.monthly_usd:,.2f}", "basis": one.basis} for one in application.costs
        ],
        "definitions": [
            {
                "name": one.name,
                "vcpu": f"{one.cpu / 1024:g}",
                "memory": f"{one.memory:,} MiB",
                "count": one.desired_count or "as started",
                "usd": f"{one.monthly_usd:,.2f}",
                "basis": one.basis,
            }
            for one in application.task_definitions
        ],
    }


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


def _host(host: Host) -> dict[str, Any]:
    ec2 = host.ec2
    found: dict[str, Any] = {"name": host.name, "label": inline(host.name), "instance": ""}
    if ec2 is None or not ec2.instance_id:
        return found
    profile = ec2.iam_instance_profile.rpartition("/")[2]
    return found | {
        "instance": one_line(ec2.instance_id),
        "type": ec2.instance_type or "type not known",
        "zone": ec2.availability_zone or ec2.region or "zone not known",
        "volumes": [one_line(volume) for volume in ec2.volume_ids],
        "groups": [one_line(group) for group in ec2.security_group_ids],
        "private": ec2.private_ip or "not known",
        "public": ec2.public_ip,
        "public_word": shlex.quote(one_line(ec2.public_ip or "ADDRESS")),
        "public_query": re.sub(r"[^0-9a-fA-F.:]", "", ec2.public_ip),
        "profile": ec2.iam_instance_profile,
        "profile_name": one_line(profile),
        "image_name": fit(f"{host.name}-before-retirement", 120, "0-9A-Za-z._-"),
    }


# --------------------------------------------------------------------------------------------------------------------
# One batch
# --------------------------------------------------------------------------------------------------------------------


def _job(application: Application, watch: Watch, names: Names) -> dict[str, Any]:
    job = watch.job
    plan = handover(job)
    found = places(job)
    return {
        "id": job.id,
        "enabled": job.enabled,
        "family": names.task_family(watch.definition.name),
        "state_machine": names.state_machine(job.id),
        "log_group": names.log_group(watch.definition.name),
        "expressions": ", ".join(f"`{one.expression}` {inline(one.timezone)}" for one in job.expressions),
        "first_schedule": job.expressions[0].name if job.expressions else job.id,
        "where": "; ".join(_where(one) for one in found) or "; ".join(str(source) for source in job.sources),
        "window": _window(plan),
        "next": f"{plan.next_firing} {plan.zone}{_days(job)}" if plan.next_firing else "its next run",
        "recipe": _recipe(job, plan),
        "lock": _lock(job),
        "warnings": _warnings(application, job),
        "places": [_place(job, one) for one in found],
        "look": _look(job),
        "marker": f'"{job.end_marker}"' if watch.from_log else "",
        "marker_text": job.end_marker or "none",
        "command": fenced(cron_text(job)),
        "gap": f"at least every {duration_text(job.longest_gap_s)}" if job.longest_gap_s else job.schedule,
        "observed": _observed(job),
        "missed": _missed(job, plan),
    }


def _observed(job: Job) -> str:
    if job.footprint.duration_s is None:
        return "duration not known"
    return f"{duration_text(round(job.footprint.duration_s) or 1)} ({job.footprint.runs} runs seen)"


def _where(one: Place) -> str:
    match one.kind:
        case "crontab":
            return f"crontab of {one.user} on {one.host}"
        case "timer":
            return f"{one.path} on {one.host}"
        case _:
            return f"{one.path} on {one.host}"


def _window(plan: Handover) -> str:
    match plan.kind:
        case "quiet":
            return f"{plan.start} to {plan.end} {plan.zone}"
        case "between":
            return f"{plan.minutes} min after each run"
        case "continuous":
            return "none: runs follow each other"
        case _:
            return "see its schedule"


def _recipe(job: Job, plan: Handover) -> str:
    days = _days(job)
    match plan.kind:
        case "quiet":
            text = (
                f"Do it between {plan.start} and {plan.end} ({plan.zone}): nothing of it fires then, so neither order "
                "of the two steps makes a double run or a gap. "
                f"The next run, at {plan.next_firing}{days}, is the first on Fargate."
            )
        case "between":
            text = (
                f"Do it right after a run has ended: there are about {plan.minutes} minutes until the next one (for "
                f"example from {plan.start} to {plan.end} {plan.zone}). Have both commands ready. Off first, then on; "
                "if it takes longer, runs fall out until it is done, but none runs twice."
            )
        case "continuous":
            text = (
                "There is no time between two runs. Off first, wait until the run that goes on has ended, then on: the "
                "firings in between fall out, none runs twice. "
            )
            text += "Its lock does not reach from the host to AWS." if job.single_flight else "Two at once may do harm."
        case _:
            text = "Choose a time well before its next run: off on the host first, then on in AWS."
    return text


def _days(job: Job) -> str:
    """Said where a time of the day does not tell when the next run is."""
    rare = job.longest_gap_s is not None and job.longest_gap_s > DAY_S
    return f" on the next day of `{one_line(job.schedule)}`" if rare else ""


def _lock(job: Job) -> str:
    if not job.single_flight:
        return ""
    what = (
        "a start while another run goes on is skipped"
        if job.single_flight == "skip"
        else "a start waits for the run before it"
    )
    shared = (
        f" It shares the lock `{inline(job.lock)}`: hand over all batches that do at the same time."
        if job.lock and job.lock != job.id
        else ""
    )
    return f"Single flight: {what}. The lock on the host and the one in AWS do not know each other.{shared}"


def _warnings(application: Application, job: Job) -> list[str]:
    found = []
    if job.user and application.image.user and job.user != application.image.user:
        found.append(
            f"On the host it ran as {job.user}; the image's user is {application.image.user}: check its rights."
        )
    made = [str(source) for source in job.sources if place(source) is None and "/cmd/" not in source.file]
    if made:
        found.append(f"Ansible makes this line ({', '.join(made)}): a playbook run would switch it on again.")
    if job.equivalence is not None and job.equivalence.verdict in ("differs", "equal-except-dst"):
        found.append(f"Its firings are {job.equivalence.verdict}: the list is in plan.json.")
    return found


def _place(job: Job, one: Place) -> dict[str, str]:
    word = shlex.quote(job.id)
    match one.kind:
        case "timer":
            line, target = f"systemctl list-timers --all {shlex.quote(one.path)}", one.path
        case "script":
            line, target = one.path, one.path
        case "crontab":
            line, target = f"{one_line(job.schedule)} {cron_text(job)}", f"the crontab of {one.user}"
        case _:
            line, target = f"{one_line(job.schedule)} {one_line(job.user)} {cron_text(job)}", one.path
    return {
        "host": inline(one.host),
        "line": fenced(line),
        "off": f"sudo ./host-cron.sh show {word}\nsudo ./host-cron.sh off {word}",
        "on": f"sudo ./host-cron.sh on {word}",
        "expected": f"{job.id}: {inline(target)}: off",
    }


def _look(job: Job) -> str:
    """A command that shows the batch's process, by the most telling word of its own command."""
    command = cron_text(job).replace("/dev/null", "")
    own = re.search("[-_.]?".join(re.escape(part) for part in job.id.split("-")), command)
    script = re.search(r"[\w-]+\.(?:rb|py|sh|pl|php|js|jar)\b", command)
    words = sorted(re.findall(r"[A-Za-z][\w-]{4,}", command), key=len)
    word = script[0] if script else own[0] if own else words[-1] if words else job.id
    # the brackets keep the pattern from finding the search itself
    return f"ps -eo pid,lstart,args | grep {shlex.quote(f'[{word[0]}]{re.escape(word[1:])}')}"


def _missed(job: Job, plan: Handover) -> str:
    next_text = f"The next run under cron is at {plan.next_firing} {plan.zone}." if plan.next_firing else ""
    return f"A run that falls out meanwhile can be made up with `ops/run-batch.sh {job.id}`. {next_text}".strip()
