"""The one way in: usage of all hosts and the jobs in, sizes with their reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from analyzer.decide.platform import FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.attribution import JobEstimate
from analyzer.decide.sizing.classes import JobNeed, Partition, partition
from analyzer.decide.sizing.costs import compare_costs
from analyzer.decide.sizing.definitions import api_definition, batch_definitions, process_definitions
from analyzer.decide.sizing.matching import Firings
from analyzer.decide.sizing.needs import Seen, estimates_by_job, footprint, job_need
from analyzer.decide.sizing.one_host import attribute_host
from analyzer.decide.sizing.plots import plots_of
from analyzer.decide.sizing.reasons import batch_cuts, cut_reason, job_sizings, launch_notes
from analyzer.decide.sizing.result import Sizing
from analyzer.model import Host, Job, Problem, Process, Question, Settings, Severity, TaskDefinition, Via
from analyzer.usage import HostUsage

SIZED_OUTCOMES = ("schedule", "manual")
"""Jobs that will, or may, run on Fargate. The others still explain the host's load."""


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
        one = attribute_host(usage, by_name.get(usage.host), jobs, settings, platform, firings, problems)
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
    footprints = {job.id: footprint(job, found.get(job.id, ()), recorded=bool(seen)) for job in jobs}
    sized = [job for job in jobs if job.outcome in SIZED_OUTCOMES]
    needs, assumed = _needs(sized, found, settings)
    cut = partition([need for need in needs.values() if need.memory_mib > 0], price, platform)
    classes = {job.id: cut.classes.get(job.id, needs[job.id].job_class or job.job_class) for job in sized}
    problems += _unsafe(cut)
    api, api_footprint, api_questions, api_problems = api_definition(seen, processes, hosts, settings, platform, price)
    batches, batch_questions, batch_problems = batch_definitions(
        cut, needs, classes, assumed, settings, platform, price, footprints
    )
    others, other_questions, other_problems = process_definitions(usages, processes, settings, platform, price)
    problems += [*(api_problems if serves else ()), *batch_problems, *other_problems]
    questions += [*(api_questions if serves else ()), *batch_questions, *other_questions]
    wanted = (api, *batches, *others) if serves else (*batches, *others)
    definitions = tuple(replace(one, via=(_via(one, usages),)) for one in wanted)
    sizes = {one.name: FargateSize(one.cpu, one.memory) for one in batches}
    details = job_sizings(sized, needs, cut, sizes, classes, assumed, footprints, price, platform)
    problems += launch_notes(details, footprints, price)
    return Sizing(
        footprints=footprints,
        api=api_footprint,
        classes=classes,
        task_definitions=definitions,
        costs=compare_costs(hosts, definitions, needs, classes, platform, price),
        jobs=details,
        cuts=batch_cuts(cut),
        cut_reason=cut_reason(cut),
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
