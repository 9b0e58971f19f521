"""The one way in: usage of all hosts and the jobs in, sizes with their reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from analyzer.decide.platform import HOURS_A_MONTH, FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.attribution import SATURATED, JobEstimate, attribute
from analyzer.decide.sizing.classes import JobNeed, Partition, cheapest, monthly_usd, partition
from analyzer.decide.sizing.clock import clock_offset_s
from analyzer.decide.sizing.costs import compare_costs
from analyzer.decide.sizing.definitions import api_definition, batch_definitions, process_definitions
from analyzer.decide.sizing.matching import Firings, match_runs
from analyzer.decide.sizing.needs import Seen, estimates_by_job, footprint, job_need
from analyzer.decide.sizing.plots import plots_of
from analyzer.decide.sizing.result import JobSizing, Sizing
from analyzer.decide.sizing.signals import Signal, cpu_signal, memory_signal
from analyzer.model import Footprint, Host, Job, Problem, Process, Question, Settings, Severity, TaskDefinition, Via
from analyzer.usage import HostUsage

SIZED_OUTCOMES = ("schedule", "manual")
"""Jobs that will, or may, run on Fargate. The others still explain the host's load."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Capacity:
    vcpus: float | None
    memory_mib: float | None


def size_application(
    usages: Sequence[HostUsage],
    jobs: Sequence[Job],
    processes: Sequence[Process],
    hosts: Sequence[Host],
    settings: Settings,
    platform: PlatformData,
    firings: Firings | None = None,
    *,
    serves: bool = True,
) -> Sizing:
    """Footprints, classes, task definitions and costs of one application.

    `serves`: it has an API, so that there is a task definition for one.
    `firings` gives the instants at which a job's schedule fires; it is asked only where no cron log tells.
    """
    problems: list[Problem] = []
    questions: list[Question] = []
    by_name = {host.name: host for host in hosts}
    seen: list[Seen] = []
    for usage in usages:
        one = _attribute(usage, by_name.get(usage.host), jobs, settings, platform, firings, problems)
        if one is not None:
            seen.append(one)
    found = estimates_by_job(seen)
    price, own_region = platform.price(_region(settings, hosts), settings.architecture)
    if not own_region and _region(settings, hosts):
        problems.append(
            Problem(
                Severity.NOTE,
                "price-region-unknown",
                f"no Fargate prices for {_region(settings, hosts)}; those of {price.region} are used",
                None,
                "give the region's prices with --prices",
            )
        )
    footprints = {job.id: footprint(job, found.get(job.id, ())) for job in jobs}
    sized = [job for job in jobs if job.outcome in SIZED_OUTCOMES]
    needs, assumed = _needs(sized, found, settings)
    cut = partition([need for need in needs.values() if need.memory_mib > 0], price, platform)
    classes = {job.id: cut.classes.get(job.id, needs[job.id].job_class or job.job_class) for job in sized}
    problems += _unsafe(cut)
    api, api_footprint, api_questions = api_definition(seen, processes, hosts, settings, platform, price)
    batches, batch_questions = batch_definitions(cut, needs, classes, assumed, settings, platform, price, footprints)
    others, other_questions = process_definitions(usages, processes, settings, platform, price)
    questions += [*(api_questions if serves else ()), *batch_questions, *other_questions]
    wanted = (api, *batches, *others) if serves else (*batches, *others)
    definitions = tuple(replace(one, via=(_via(one, usages),)) for one in wanted)
    details = _details(sized, needs, cut, classes, assumed, footprints, price, platform)
    problems += _launch_notes(details, footprints, price)
    return Sizing(
        footprints=footprints,
        api=api_footprint,
        classes=classes,
        task_definitions=definitions,
        costs=compare_costs(hosts, definitions, needs, classes, platform, price),
        jobs=details,
        plots=tuple(plot for one in seen for plot in plots_of(one)),
        problems=tuple(dict.fromkeys(problems)),
        questions=tuple(questions),
        price_basis=_price_basis(hosts, platform, price),
    )


def _via(definition: TaskDefinition, usages: Sequence[HostUsage]) -> Via:
    """Rule and evidence behind a size."""
    if definition.basis.startswith("a reviewer"):
        return Via(rule="size-chosen-by-reviewer")
    if definition.assumed:
        return Via(rule="size-assumed", note="no metrics")
    kinds = [one.source for usage in usages for one in usage.series if one.quantity in ("cpu", "memory")]
    logs = [] if definition.process else [runs.source for usage in usages for runs in usage.runs]
    rule = "size-percentile-with-headroom" if definition.process else "size-cheapest-safe-pair"
    return Via(rule=rule, sources=tuple(dict.fromkeys([*kinds, *logs])))


def _price_basis(hosts: Sequence[Host], platform: PlatformData, price: FargatePrice) -> str:
    """Where the prices of the costs come from, and of when they are."""
    kinds = [platform.ec2_types.get(host.ec2.instance_type) for host in hosts if host.ec2 is not None]
    origins = [str(kind.origins[price.region]) for kind in kinds if kind is not None and price.region in kind.origins]
    fargate = f"Fargate {price.architecture} in {price.region}: {price.origin}"
    return f"{fargate}; EC2: {', '.join(dict.fromkeys(origins))}" if origins else fargate


def _region(settings: Settings, hosts: Sequence[Host]) -> str:
    return settings.region or next((host.ec2.region for host in hosts if host.ec2 and host.ec2.region), "")


def _capacity(usage: HostUsage, host: Host | None, platform: PlatformData) -> _Capacity:
    kind = platform.ec2_types.get(host.ec2.instance_type) if host is not None and host.ec2 is not None else None
    return _Capacity(
        vcpus=usage.vcpus or (float(kind.vcpus) if kind else None),
        memory_mib=usage.memory_total_mib or (float(kind.memory_mib) if kind else None),
    )


def _attribute(
    usage: HostUsage,
    host: Host | None,
    jobs: Sequence[Job],
    settings: Settings,
    platform: PlatformData,
    firings: Firings | None,
    problems: list[Problem],
) -> Seen | None:
    capacity = _capacity(usage, host, platform)
    zone_s = _utc_offset(usage, settings)
    cpu = cpu_signal(usage, capacity.vcpus, zone_s)
    memory = memory_signal(usage, capacity.memory_mib, zone_s)
    if cpu is None:
        if usage.series:
            problems.append(
                Problem(
                    Severity.WARNING,
                    "sizing-no-cpu-series",
                    f"{usage.host}: no CPU series of six hours or more, or nothing says how many CPUs it has",
                    usage.series[0].source,
                    "add a day of `sadf -j -- -u -r` or CloudWatch CPUUtilization, and facts.json",
                )
            )
        return None
    runs = match_runs(usage, jobs, cpu, firings)
    offset = clock_offset_s(cpu, runs)
    if offset:
        problems.append(
            Problem(
                Severity.ERROR,
                "sizing-clocks-differ",
                f"{usage.host}: the load follows the runs of the cron log {abs(offset) // 3600} h "
                f"{'later' if offset > 0 else 'earlier'}: their clocks differ, and nothing is attributed",
                usage.runs[0].source if usage.runs else None,
                "check etc/timezone in the evidence, and the zone in which the metrics were exported",
            )
        )
        return None
    held_down = _censored(usage, cpu, capacity)
    problems += held_down
    throttled = any(problem.code in ("sizing-credits-exhausted", "sizing-cpu-steal") for problem in held_down)
    return Seen(host=usage.host, attribution=attribute(cpu, memory, runs, capacity.vcpus, throttled=throttled))


def _utc_offset(usage: HostUsage, settings: Settings) -> int:
    name = usage.timezone or settings.timezone
    first = min((int(one.times_s[0]) for one in usage.series), default=0)
    try:
        offset = datetime.fromtimestamp(first, UTC).astimezone(ZoneInfo(name)).utcoffset() if name else None
    except (KeyError, ValueError, OSError):
        offset = None
    return int(offset.total_seconds()) if offset is not None else 0


def _censored(usage: HostUsage, cpu: Signal, capacity: _Capacity) -> list[Problem]:
    """A host that could not give what was asked shows less than the need."""
    import numpy as np

    out = []
    source = usage.series[0].source if usage.series else None
    if capacity.vcpus:
        full = float(np.mean(cpu.values[cpu.have] > SATURATED * capacity.vcpus))
        if full > 0.001:
            out.append(
                Problem(
                    Severity.WARNING,
                    "sizing-cpu-saturated",
                    f"{usage.host}: all CPUs were busy in {full:.1%} of the time: needs are lower bounds there",
                    source,
                    "the jobs that ran then may be faster on Fargate than on the host",
                )
            )
    for series in usage.series:
        if series.quantity == "steal" and capacity.vcpus and series.unit == "cores":
            share = float(np.mean(series.values > 0.02 * capacity.vcpus))
            if share > 0.01:
                out.append(
                    Problem(
                        Severity.WARNING,
                        "sizing-cpu-steal",
                        f"{usage.host}: in {share:.1%} of the time the hypervisor held back more than 2 % of the CPU",
                        series.source,
                        "needs are lower bounds there",
                    )
                )
        if series.quantity == "credit-balance":
            empty = float(np.mean(series.values < 1.0))
            if empty > 0.001:
                out.append(
                    Problem(
                        Severity.WARNING,
                        "sizing-credits-exhausted",
                        f"{usage.host}: its CPU credits were used up in {empty:.1%} of the time, so its CPU was held "
                        "down to the baseline: needs are lower bounds. Fargate has no credits and no burst.",
                        series.source,
                        "measure again on a size that is not throttled, or with unlimited credits",
                    )
                )
    return out


def _needs(
    jobs: Sequence[Job], found: Mapping[str, Sequence[tuple[Seen, JobEstimate]]], settings: Settings
) -> tuple[dict[str, JobNeed], set[str]]:
    needs: dict[str, JobNeed] = {}
    assumed: set[str] = set()
    for job in jobs:
        need, is_assumed = job_need(job, found.get(job.id, ()), settings, float(job.shortest_gap_s or 86400))
        needs[job.id] = need
        if is_assumed:
            assumed.add(job.id)
    return needs, assumed


def _unsafe(cut: Partition) -> list[Problem]:
    return [
        Problem(
            Severity.ERROR,
            "sizing-too-large-for-fargate",
            f"{job}: no Fargate size is large enough for it",
            None,
            "split the batch, or run it on EC2 capacity",
        )
        for job in cut.unsafe
    ]


def _details(
    jobs: Sequence[Job],
    needs: Mapping[str, JobNeed],
    cut: Partition,
    classes: Mapping[str, str],
    assumed: set[str],
    footprints: Mapping[str, Footprint],
    price: FargatePrice,
    platform: PlatformData,
) -> tuple[JobSizing, ...]:
    out = []
    for job in jobs:
        need = needs[job.id]
        heavy = classes[job.id] == "heavy"
        size: FargateSize = cut.heavy if heavy else cut.light
        alone = cheapest(platform.fargate_sizes, [need], price)
        why = (
            f"needs {alone} alone; {'does not fit' if heavy and not need.fits(cut.light) else 'is cheapest on'} "
            f"{cut.light if heavy and not need.fits(cut.light) else size}"
        )
        if need.job_class is not None:
            why = f"a reviewer chose {need.job_class}"
        elif not footprints[job.id].runs:
            why = "no run was seen: its class is an assumption"
        out.append(
            JobSizing(
                job=job.id,
                job_class="heavy" if heavy else "light",
                need_vcpu=alone.vcpus,
                need_memory_mib=round(need.memory_mib, 1),
                smallest=alone,
                duration_s=round(need.lasts_s(size.vcpus, need.duration_s), 1),
                runs_a_month=round(need.runs_a_month, 1),
                monthly_usd=round(monthly_usd(need, size, price, platform), 2),
                assumed=job.id in assumed,
                why=why,
            )
        )
    return tuple(out)


def _launch_notes(
    details: Sequence[JobSizing], footprints: Mapping[str, Footprint], price: FargatePrice
) -> list[Problem]:
    """A task a minute is an always-on task with extra start latency."""
    out = []
    for one in details:
        duration = footprints[one.job].duration_s
        every_minute = one.runs_a_month > HOURS_A_MONTH * 60 * 0.9
        if every_minute or (one.runs_a_month > HOURS_A_MONTH * 11 and duration is not None and duration < 15):
            always = HOURS_A_MONTH * price.hourly(one.smallest)
            out.append(
                Problem(
                    Severity.NOTE,
                    "job-better-as-worker",
                    f"{one.job} starts {one.runs_a_month:.0f} times a month, each billed for a minute at least "
                    f"(${one.monthly_usd:.2f}); one task of its size that keeps running costs ${always:.2f} and has no "
                    "start latency",
                    None,
                    "turn it into a long-running worker, or let the API's scheduler do it",
                )
            )
    return out
