"""What `collect` tells a person: the dry run, and the summary at the end."""

from __future__ import annotations

from analyzer.collect.aws import ACTIONS, policy
from analyzer.collect.steps import AWS_STEPS, HOST_STEPS
from analyzer.collect.work import Outcome, Request


def dry_run(request: Request) -> str:
    """Hosts, files, commands, calls and the policy; nothing of it is touched."""
    found = request.found
    lines = [f"would be written below {request.evidence}", ""]
    if found.dynamic:
        lines += [f"would be executed on this machine: {', '.join(found.dynamic)} (dynamic inventory)", ""]
    more = ", and those that the dynamic inventory names" if found.dynamic else ""
    lines.append(
        f"{len(found.hosts)} host{'s' if len(found.hosts) != 1 else ''}: {', '.join(found.hosts) or 'none'}{more}"
    )
    if request.with_hosts:
        lines += ["", "on each host, through ansible-playbook, read-only (files as they are, $ commands):"]
        for step in HOST_STEPS:
            for number, read in enumerate(step.reads):
                lines.append(f"  {step.name if not number else '':<15}{read}")
        lines += [f"  of logs and sysstat files those of the last {request.days} days"]
    if request.with_aws:
        days = f"{request.days} days, 1 min where CloudWatch keeps it (15 days), then 5 min"
        lines += ["", f"from AWS{f' in {request.region}' if request.region else ''} ({days}):"]
        lines += [f"  {action}" for action in ACTIONS]
        lines += ["", "the least IAM policy for it:", *policy().split("\n")]
    lines += ["", "secrets are taken out before anything is written: passwords, keys and tokens become <redacted>"]
    return "\n".join(lines) + "\n"


def summary(request: Request, outcome: Outcome, project: str) -> str:
    """For stdout: what is there for each host, and what to do next."""
    wanted = [*(step.name for step in HOST_STEPS if request.with_hosts), *(AWS_STEPS if request.with_aws else ())]
    lines = []
    for host, done in sorted(outcome.done.items()):
        there = [step for step in done if step in wanted]
        old = [step for step in outcome.before.get(host, ()) if step in there]
        missing = [step for step in wanted if step not in there]
        lacking = f"; missing: {', '.join(missing)}" if missing else ""
        kept = f" ({len(old)} from before)" if old else ""
        if not there:
            lines.append(f"{host:<24} nothing")
            continue
        lines.append(f"{host:<24} {len(there)} of {len(wanted)} steps{kept}{lacking}")
    if outcome.redacted:
        lines.append(
            f"{outcome.redacted} secrets were taken out before writing; look the files over before you share them"
        )
    if outcome.snapshot:
        lines.append(
            f"the dynamic inventory was run; the analysis reads its snapshot, or give it with -i {outcome.snapshot}"
        )
    if outcome.interrupted:
        lines.append("interrupted; the same command goes on from here")
    elif outcome.status == 1:
        lines.append("run the same command again for what is missing; it fetches nothing twice")
    if any(outcome.done.values()):
        lines.append(f"next: migrate-analyze {project} --evidence {request.evidence}")
    return "".join(f"{line}\n" for line in lines)


def failures(outcome: Outcome) -> list[str]:
    """For stderr, one line each: where, what, what to do."""
    lines = []
    for one in outcome.failures:
        where = " ".join(part for part in (one.where, f"({one.step})" if one.step else "") if part)
        hint = f" ({one.hint})" if one.hint else ""
        lines.append(f"{'note' if one.partial else 'error'}: {where}{': ' if where else ''}{one.message}{hint}")
    kept: dict[str, list[str]] = {}
    for name in outcome.kept:
        kept.setdefault(name.partition("/")[0], []).append(name.partition("/")[2])
    for host, names in kept.items():
        more = f" and {len(names) - 3} more files" if len(names) > 3 else ""
        shown = ", ".join(names[:3])
        lines.append(
            f"note: {host}: {shown}{more} were there before collect and are kept (remove them to have them collected)"
        )
    return lines
