"""One batch in the runbook: where it stands, when it moves, the commands, and texts that stay texts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from typing import Any

from analyzer.model import Application, Job
from analyzer.render.handover import Handover, Place, handover, place, places
from analyzer.render.heartbeats import DAY_S, duration_text
from analyzer.render.names import Names
from analyzer.render.references import readable, replace_references
from analyzer.render.watches import Watch

_HOSTS_SHOWN = 4

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
# One batch
# --------------------------------------------------------------------------------------------------------------------


def batch(application: Application, watch: Watch, names: Names) -> dict[str, Any]:
    """What the pages tell about one batch."""
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
        "where": where(job),
        "window": _window(plan),
        "next": _next(job, plan),
        "recipe": _recipe(job, plan),
        "lock": _lock(application, job),
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
    return f"{duration_text(round(job.footprint.duration_s) or 1)} (runs seen: {job.footprint.runs})"


def where(job: Job) -> str:
    """Where it stands on which hosts; in the playbook where no evidence shows it on one."""
    hosts: dict[str, list[str]] = {}
    for one in places(job):
        hosts.setdefault(f"crontab of {one.user}" if one.kind == "crontab" else one.path, []).append(one.host)
    said = (f"{entry} on {_some(dict.fromkeys(names))}" for entry, names in hosts.items())
    return "; ".join(said) or "; ".join(str(source) for source in job.sources)


def _some(names: Collection[str]) -> str:
    shown = [*names][:_HOSTS_SHOWN]
    more = len(names) - len(shown)
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)


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


def _next(job: Job, plan: Handover) -> str:
    """When the first run on Fargate is; no time of the day where the hand-over can be at any of many."""
    if plan.kind == "quiet":
        return f"{plan.next_firing} {plan.zone}{_days(job)}"
    return f"the next time of `{one_line(job.schedule)}`" if job.schedule else "its next run"


def _days(job: Job) -> str:
    """Said where a time of the day does not tell when the next run is."""
    rare = job.longest_gap_s is not None and job.longest_gap_s > DAY_S
    return f" on the next day of `{one_line(job.schedule)}`" if rare else ""


def _lock(application: Application, job: Job) -> str:
    if not job.single_flight:
        return ""
    what = (
        "a start while another run goes on is skipped"
        if job.single_flight == "skip"
        else "a start waits for the run before it"
    )
    others = [
        one.id
        for one in application.jobs
        if one.id != job.id and one.single_flight and (one.lock or one.id) == (job.lock or job.id)
    ]
    shared = f" It shares its lock with {', '.join(others)}: hand them over at the same time." if others else ""
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
    zone = f" ({plan.zone})" if plan.zone else ""
    return (
        f"Under cron it runs again from the next time of `{one_line(job.schedule)}`{zone} on." if job.schedule else ""
    )
