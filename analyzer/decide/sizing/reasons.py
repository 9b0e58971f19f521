"""Why each batch is in its class, what the other cuts would cost, and which batches are no batches, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from analyzer.decide.platform import HOURS_A_MONTH, FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.classes import LATER_FACTOR, JobNeed, Partition, cheapest, monthly_usd
from analyzer.decide.sizing.result import BatchCut, JobSizing
from analyzer.model import Footprint, Job, Problem, Severity

MOST_CUTS_SHOWN = 8


def job_sizings(
    jobs: Sequence[Job],
    needs: Mapping[str, JobNeed],
    cut: Partition,
    sizes: Mapping[str, FargateSize],
    classes: Mapping[str, str],
    assumed: set[str],
    footprints: Mapping[str, Footprint],
    price: FargatePrice,
    platform: PlatformData,
) -> tuple[JobSizing, ...]:
    """One for each job, with the reason of its class. `sizes`: by task definition, as the reviewer may have chosen."""
    out = []
    for job in jobs:
        need = needs[job.id]
        heavy = classes[job.id] == "heavy"
        size = sizes["batch_heavy" if heavy else "batch_light"]
        alone = cheapest(platform.fargate_sizes, [need], price)
        if need.job_class is not None:
            why = f"a reviewer chose {need.job_class}"
        elif not footprints[job.id].runs:
            why = "no run was seen: its class is an assumption"
        else:
            why = " ".join([f"Its smallest safe size is {alone}.", *_class_reason(need, cut, heavy=heavy)])
        one = JobSizing(
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
        if words := _launches(one, footprints[job.id].duration_s, price):
            why += f" Better a worker than a batch: {job.id} {words}."
        out.append(replace(one, why=why))
    return tuple(out)


def _class_reason(need: JobNeed, cut: Partition, *, heavy: bool) -> list[str]:
    if not heavy:
        return [f"It is light: {cut.light} is enough for it."]
    if need.memory_mib > cut.light.memory:
        has = cut.light.memory
        needs = f"{need.memory_mib:.0f}"
        return [f"It is heavy because it needs {needs} MiB with its margin and {cut.light} has only {has} MiB."]
    if need.fits(cut.light):
        return [f"It would fit {cut.light}, but is cheaper on {cut.heavy}."]
    lasts, allowed = need.lasts_s(cut.light.vcpus), f"{need.allowed_s:.0f}"
    words = [f"It is heavy because a run may take up to {lasts:.0f} s on {cut.light}, and {allowed} s are allowed."]
    if need.deadline_s is None:
        answer = f"`jobs: {{{need.job}: {{deadline_minutes: {math.ceil(lasts / 60)}}}}}`"
        words.append(
            f"Nothing says that it may take over {100 * (LATER_FACTOR - 1):.0f} % longer than on the host; if it may, "
            f"{answer} in migrate.yml makes it light."
        )
    return words


def batch_cuts(cut: Partition) -> tuple[BatchCut, ...]:
    """The chosen cut first, then the cheapest others."""
    shown = [cut, *cut.tried[:MOST_CUTS_SHOWN]]
    return tuple(
        BatchCut(
            light=one.light,
            heavy=one.heavy,
            light_jobs=one.members("light"),
            heavy_jobs=one.members("heavy"),
            monthly_usd=round(one.monthly_usd, 2),
            chosen=one is cut,
        )
        for one in shown
        if one.classes
    )


def cut_reason(cut: Partition) -> str:
    """Why this cut and no other; "" where there is no job."""
    if not cut.classes:
        return ""
    if not cut.tried:
        return "There is one way to part the batches. Of every pair of sizes this one costs least."
    count = len(cut.tried) + 1
    if cut.monthly_usd <= cut.cheapest_usd + 0.005:
        return f"{count} ways to part the batches were reckoned with every pair of sizes; this one costs least."
    saved = f"${cut.monthly_usd - cut.cheapest_usd:.2f}"
    return (
        f"{count} ways to part the batches were reckoned with every pair of sizes. The cheapest saves {saved} a month, "
        "too little for classes that change from one run to the next: light is what the usual light size is enough for."
    )


def launch_notes(
    details: Sequence[JobSizing], footprints: Mapping[str, Footprint], price: FargatePrice
) -> list[Problem]:
    """A task a minute is an always-on task with extra start latency."""
    found = [(one, _launches(one, footprints[one.job].duration_s, price)) for one in details]
    return [
        Problem(
            Severity.NOTE,
            "job-better-as-worker",
            f"{one.job} {words}",
            None,
            "turn it into a long-running worker, or let the API's scheduler do it",
        )
        for one, words in found
        if words
    ]


def _launches(one: JobSizing, duration_s: float | None, price: FargatePrice) -> str:
    """Words for a job that is launched so often that a task which stays is cheaper or simpler; else ""."""
    every_minute = one.runs_a_month > HOURS_A_MONTH * 60 * 0.9
    if not every_minute and not (one.runs_a_month > HOURS_A_MONTH * 11 and duration_s is not None and duration_s < 15):
        return ""
    always = HOURS_A_MONTH * price.hourly(one.smallest)
    return (
        f"starts {one.runs_a_month:.0f} times a month, each billed for a minute at least (${one.monthly_usd:.2f}); one "
        f"task of its size that keeps running costs ${always:.2f} and has no start latency"
    )
