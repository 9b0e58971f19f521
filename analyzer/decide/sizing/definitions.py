"""The task definitions' sizes, each with why it is not smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from analyzer.decide.platform import HOURS_A_MONTH, FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.classes import JobClass, JobNeed, Partition, monthly_usd
from analyzer.decide.sizing.memory import NEVER_SAMPLED_MIB
from analyzer.decide.sizing.needs import Seen
from analyzer.decide.sizing.too_small import jobs_too_large, lacking, too_small
from analyzer.model import Confidence, Footprint, Host, Problem, Process, Question, Settings, TaskDefinition
from analyzer.usage import HostUsage

FEWEST_API_TASKS = 2
"""One task that is replaced or lost must not take the API down."""
MEMORY_MARGIN = 1.10
_NO_JOB = "no job is in it: it stands for the next one and costs nothing until then"


def chosen_size(name: str, settings: Settings, platform: PlatformData) -> FargateSize | None:
    """A reviewer's `size:<name>` answer, `CPU/MEMORY` in units and MiB, if it is a legal pair."""
    answer = settings.answers.get(f"size:{name}")
    parts = str(answer).split("/") if answer is not None else []
    if len(parts) == 2 and all(part.strip().isdigit() for part in parts):
        size = FargateSize(int(parts[0]), int(parts[1]))
        return size if size in platform.fargate_sizes else None
    return None


def smallest(cpu: float, memory_mib: float, price: FargatePrice, platform: PlatformData) -> FargateSize:
    """The cheapest size with at least so many vCPUs and MiB, the largest where none has."""
    fitting = [size for size in platform.fargate_sizes if size.vcpus >= cpu and size.memory >= memory_mib]
    return min(fitting, key=lambda size: (price.hourly(size), size)) if fitting else max(platform.fargate_sizes)


def api_definition(
    seen: Sequence[Seen],
    processes: Sequence[Process],
    hosts: Sequence[Host],
    settings: Settings,
    platform: PlatformData,
    price: FargatePrice,
) -> tuple[TaskDefinition, Footprint, tuple[Question, ...], tuple[Problem, ...]]:
    """The API: what the hosts did without their jobs, a high percentile with headroom, two tasks at least."""
    name = next((process.name for process in processes if process.name == "api"), "api")
    count = max(FEWEST_API_TASKS, len(hosts))
    chosen = chosen_size("api", settings, platform)
    api = [one.attribution.api for one in seen]
    footprint = Footprint()
    questions: tuple[Question, ...] = ()
    problems: tuple[Problem, ...] = ()
    assumed = False
    if api:
        peak, memory = max(one.cpu_peak for one in api), max(one.memory_peak_mib for one in api)
        headroom = 1 + settings.headroom_percent / 100
        days = max(one.days for one in api)
        memory_known = memory > 0
        need_memory = memory * MEMORY_MARGIN if memory_known else float(platform.assumed_sizes["api"].memory)
        size = smallest(peak * headroom, need_memory, price, platform)
        confidence: Confidence = "high" if days >= 7 and all(one.extrapolation == 1 for one in api) else "medium"
        basis = (
            f"99.9th percentile of one-minute CPU over {days:.1f} days without the jobs: {peak:.2f} cores, "
            f"plus {settings.headroom_percent:g} % headroom; "
            + (
                f"highest memory without the jobs {memory:.0f} MiB (the host's own services included), plus 10 %"
                if memory_known
                else "no memory metrics: its memory is assumed"
            )
        )
        footprint = Footprint(
            vcpu=round(peak, 3),
            memory_mib=round(memory) if memory_known else None,
            runs=0,
            confidence=confidence if memory_known else "low",
            cpu_confidence=confidence,
            memory_confidence=confidence if memory_known else "none",
            basis=basis,
        )
        why = _not_smaller(size, peak * headroom, need_memory, price, platform)
        assumed = not memory_known
        problems = too_small("api", chosen, size, (peak * headroom, memory * MEMORY_MARGIN), settings)
    elif limit := _limited(next((one for one in processes if one.name == "api"), None), "api", platform, price):
        (size, basis), why = limit, ""
    else:
        size = platform.assumed_sizes["api"]
        basis, why, assumed = "no metrics: an assumed size", "", True
    if assumed and chosen is None:
        questions = (_size_question(name, size),)
    if chosen is not None:
        basis, why, size, assumed = f"a reviewer chose it; seen: {basis}", "", chosen, False
    definition = TaskDefinition(
        name="api",
        cpu=size.cpu,
        memory=size.memory,
        architecture=_architecture(settings),
        process=name,
        basis=f"{basis}. {why}".strip(),
        assumed=assumed,
        monthly_usd=round(count * HOURS_A_MONTH * price.hourly(size), 2),
        desired_count=count,
    )
    return definition, footprint, questions, problems


def batch_definitions(
    cut: Partition,
    needs: Mapping[str, JobNeed],
    classes: Mapping[str, JobClass],
    assumed: set[str],
    settings: Settings,
    platform: PlatformData,
    price: FargatePrice,
    footprints: Mapping[str, Footprint],
) -> tuple[tuple[TaskDefinition, ...], tuple[Question, ...], tuple[Problem, ...]]:
    """batch_heavy and batch_light."""
    out, questions = [], []
    problems: list[Problem] = []
    known = {name for name, need in needs.items() if need.memory_mib > 0}
    for name, cut_size, job_class in (("batch_heavy", cut.heavy, "heavy"), ("batch_light", cut.light, "light")):
        members = tuple(sorted(job for job, one in classes.items() if one == job_class))
        measured = [needs[job] for job in members if job in known]
        chosen = chosen_size(name, settings, platform)
        size = chosen or cut_size
        is_assumed = not measured
        if measured:
            hungry = max(measured, key=lambda need: (need.memory_mib, need.job))
            slow = max(measured, key=lambda need: (need.lasts_s(1.0) / need.allowed_s, need.job))
            allowed, lasts = f"{slow.allowed_s:.0f}", f"{slow.lasts_s(size.vcpus):.0f}"
            memory = (
                f"{hungry.memory_mib:.0f} MiB are assumed for {hungry.job}"
                if hungry.job in assumed
                else f"{hungry.job} needs {hungry.memory_mib:.0f} MiB with its margin"
            )
            basis = (
                f"{_seen_of(len(measured), len(members))}; memory: {memory}; CPU: {slow.job} may take {allowed} s and "
                f"takes {lasts} s on it; least certain member: {_least_certain(members, footprints)}. "
                + ("" if chosen else _job_not_smaller(size, measured, price, platform))
            )
        else:
            size = chosen or (cut_size if known and not members else platform.assumed_sizes[name])
            basis = "no metrics of its jobs: an assumed size" if members else _NO_JOB
        if chosen is not None:
            basis, is_assumed = f"a reviewer chose it; seen: {basis}", False
            problems += jobs_too_large(name, chosen, measured, cut.unsafe, settings)
        elif is_assumed and members:
            questions.append(_size_question(name, size))
        unseen = [job for job in members if job in assumed and job in known]
        if unseen and chosen is None and not is_assumed:
            questions.append(_unseen_question(name, size, unseen))
        out.append(
            TaskDefinition(
                name=name,
                cpu=size.cpu,
                memory=size.memory,
                architecture=_architecture(settings),
                jobs=members,
                basis=basis.strip(),
                assumed=is_assumed and bool(members),
                monthly_usd=round(sum(monthly_usd(needs[job], size, price, platform) for job in members), 2),
            )
        )
    return tuple(out), tuple(questions), tuple(problems)


def process_definitions(
    usages: Sequence[HostUsage],
    processes: Sequence[Process],
    settings: Settings,
    platform: PlatformData,
    price: FargatePrice,
) -> tuple[tuple[TaskDefinition, ...], tuple[Question, ...], tuple[Problem, ...]]:
    """Long-running processes beside the API; sized from per-process series where there are any."""
    out, questions = [], []
    problems: list[Problem] = []
    headroom = 1 + settings.headroom_percent / 100
    for process in processes:
        if process.name == "api":
            continue
        peak, memory, basis = _process_peak(usages, process)
        chosen = chosen_size(process.name, settings, platform)
        limit = None if basis else _limited(process, "process", platform, price)
        assumed = chosen is None and not basis and limit is None
        need = (peak * headroom, memory * MEMORY_MARGIN)
        if basis:
            size, words = smallest(*need, price, platform), basis
            problems += too_small(process.name, chosen, size, need, settings)
        elif limit is not None:
            size, words = limit
        else:
            size, words = platform.assumed_sizes["process"], "no metrics of this process: an assumed size"
        if chosen is not None:
            size, words = chosen, f"a reviewer chose it; seen: {basis}" if basis else "a reviewer chose it"
        elif assumed:
            questions.append(_size_question(process.name, size))
        out.append(
            TaskDefinition(
                name=process.name,
                cpu=size.cpu,
                memory=size.memory,
                architecture=_architecture(settings),
                process=process.name,
                basis=words,
                assumed=assumed,
                monthly_usd=round(HOURS_A_MONTH * price.hourly(size), 2),
                desired_count=1,
            )
        )
    return tuple(out), tuple(questions), tuple(problems)


def _limited(
    process: Process | None, assumed: str, platform: PlatformData, price: FargatePrice
) -> tuple[FargateSize, str] | None:
    """The size that has what the host's engine allowed a container, and why; None where it set no limit."""
    if process is None or (process.cpu_limit is None and process.memory_limit_mib is None):
        return None
    cpu = process.cpu_limit or platform.assumed_sizes[assumed].vcpus
    memory = process.memory_limit_mib or platform.assumed_sizes[assumed].memory
    said = [f"{process.cpu_limit:g} CPUs"] if process.cpu_limit is not None else []
    said += [f"{process.memory_limit_mib} MiB"] if process.memory_limit_mib is not None else []
    return smallest(cpu, memory, price, platform), f"no metrics; the host allows its container {' and '.join(said)}"


def _process_peak(usages: Sequence[HostUsage], process: Process) -> tuple[float, float, str]:
    """(cores, MiB, in words) from series that name the process; ("", no words) where none does."""
    program = process.command[0].rsplit("/", 1)[-1] if process.command else process.name
    names = {process.name, program}
    cpu = [s for u in usages for s in u.series if s.quantity == "cpu" and s.process in names]
    memory = [s for u in usages for s in u.series if s.quantity == "memory" and s.process in names]
    if not cpu or not memory:
        return 0.0, 0.0, ""
    peak, most = max(float(s.values.max()) for s in cpu), max(float(s.values.max()) for s in memory)
    return (
        peak,
        most,
        f"highest of its own series ({cpu[0].source.file}): {peak:.2f} cores, {most:.0f} MiB, plus headroom",
    )


def _architecture(settings: Settings) -> Literal["X86_64", "ARM64"]:
    return "ARM64" if settings.architecture == "ARM64" else "X86_64"


def _not_smaller(size: FargateSize, cpu: float, memory: float, price: FargatePrice, platform: PlatformData) -> str:
    cheaper = [one for one in platform.fargate_sizes if price.hourly(one) < price.hourly(size)]
    if not cheaper:
        return "It is the smallest size there is."
    below = max(cheaper, key=lambda one: (price.hourly(one), one))
    return f"The next cheaper size, {below}, has only {' and '.join(lacking(below, cpu, memory))}."


def _job_not_smaller(size: FargateSize, needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> str:
    cheaper = [one for one in platform.fargate_sizes if price.hourly(one) < price.hourly(size)]
    if not cheaper:
        return "It is the smallest size there is."
    below = max(cheaper, key=lambda one: (price.hourly(one), one))
    for need in sorted(needs, key=lambda one: one.job):
        if below.memory < need.memory_mib:
            return f"The next cheaper size, {below}, has too little memory for {need.job}."
        if not need.fits(below):
            return f"On the next cheaper size, {below}, {need.job} would take {need.lasts_s(below.vcpus):.0f} s."
    return f"The next cheaper size, {below}, would make the jobs longer and cost more in all."


def _seen_of(seen: int, jobs: int) -> str:
    return f"{jobs} job{'s' if jobs != 1 else ''}" if seen == jobs else f"{seen} of {jobs} jobs were seen to run"


def _least_certain(jobs: Sequence[str], footprints: Mapping[str, Footprint]) -> str:
    order = ("none", "low", "medium", "high")
    if not jobs:
        return "none"
    worst = min(jobs, key=lambda job: (order.index(footprints[job].confidence), job))
    return f"{worst} ({footprints[worst].confidence})"


def _size_question(name: str, size: FargateSize) -> Question:
    return Question(
        id=f"size:{name}",
        text=f"No metrics tell what {name} needs. Is {size} enough?",
        answers=(f"{size.cpu}/{size.memory}",),
    )


def _unseen_question(name: str, size: FargateSize, jobs: Sequence[str]) -> Question:
    return Question(
        id=f"size:{name}",
        text=f"No memory sample ever met {', '.join(jobs)} while running, so {NEVER_SAMPLED_MIB} MiB are assumed for "
        f"each. Is {size} enough?",
        answers=(f"{size.cpu}/{size.memory}",),
    )
