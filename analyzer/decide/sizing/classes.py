"""From needs to Fargate sizes: the cheapest pair of batch sizes that is safe for every job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from analyzer.decide.platform import FargatePrice, FargateSize, PlatformData

JobClass: TypeAlias = Literal["heavy", "light"]

LATER_FACTOR = 1.25
"""A batch may take so much longer than on the host, where no deadline says otherwise."""
ALWAYS_ALLOWED_S = 120.0
"""Two minutes (or a quarter of the interval, if shorter) are allowed to any batch."""
CPU_MARGIN = 1.10


class JobNeed(Struct, frozen=True, kw_only=True):
    """What a size must give to one job."""

    job: str
    phases: tuple[float, ...]
    """Cores in each equal part of a run."""
    duration_s: float
    """Usual length on the host."""
    duration_p95_s: float
    memory_mib: float
    """With its margin."""
    runs_a_month: float
    period_s: float
    cpu_upper_s: float | None = None
    """A bound in place of a profile: no more CPU-seconds than this."""
    deadline_s: float | None = None
    """A reviewer's word; without it `allowed_s` applies."""
    job_class: JobClass | None = None
    """A reviewer's word."""

    @property
    def allowed_s(self) -> float:
        """How long a run may take on Fargate."""
        if self.deadline_s is not None:
            return self.deadline_s
        return max(LATER_FACTOR * self.duration_p95_s, min(ALWAYS_ALLOWED_S, self.period_s / 4))

    def lasts_s(self, vcpus: float, duration_s: float | None = None) -> float:
        """Time of a run on so many vCPUs: each part is stretched where it wants more."""
        usual = self.duration_p95_s if duration_s is None else duration_s
        parts = self.phases or (0.0,)
        stretched = usual * sum(max(1.0, CPU_MARGIN * cores / vcpus) for cores in parts) / len(parts)
        if self.cpu_upper_s is not None and duration_s is None:
            # a bound that is mostly other jobs' load must not make a short frequent job a giant
            mean_s = CPU_MARGIN * usual * sum(parts) / len(parts)
            bound = min(self.cpu_upper_s, 3 * mean_s + 5) if self.period_s <= 900 else self.cpu_upper_s
            stretched = max(stretched, bound / vcpus)
        return stretched

    def fits(self, size: FargateSize) -> bool:
        """Safe on that size: memory with its margin, and in time."""
        return size.memory >= self.memory_mib and self.lasts_s(size.vcpus) <= self.allowed_s * 1.02


def monthly_usd(need: JobNeed, size: FargateSize, price: FargatePrice, platform: PlatformData) -> float:
    """Cost of all runs of a job in a month, billed from the image pull on and for a minute at least."""
    lasts = need.lasts_s(size.vcpus, need.duration_s)
    billed_s = max(platform.minimum_billed_s, lasts + platform.image_pull_s)
    return need.runs_a_month * billed_s / 3600 * price.hourly(size)


def cheapest(sizes: Sequence[FargateSize], needs: Sequence[JobNeed], price: FargatePrice) -> FargateSize:
    """The cheapest size that is safe for all; the largest where none is."""
    fitting = [size for size in sizes if all(need.fits(size) for need in needs)]
    return min(fitting, key=lambda size: (price.hourly(size), size)) if fitting else max(sizes)


class Partition(Struct, frozen=True, kw_only=True):
    """Which job runs on which of two sizes."""

    light: FargateSize
    heavy: FargateSize
    classes: Mapping[str, JobClass]
    monthly_usd: float
    cheapest_usd: float = 0.0
    """What the cheapest of all cuts would cost."""
    unsafe: tuple[str, ...] = ()
    """Jobs that no Fargate size is large enough for."""
    tried: tuple[Partition, ...] = ()
    """Every other way to part the jobs, at its cheapest pair of sizes, ascending by cost."""

    @property
    def parts(self) -> frozenset[tuple[str, ...]]:
        """The two sets of jobs, whichever is called heavy: all jobs light and all jobs heavy are both one size."""
        return frozenset({self.members("heavy"), self.members("light")})

    def members(self, job_class: JobClass) -> tuple[str, ...]:
        """The jobs of a class, by name."""
        return tuple(sorted(job for job, one in self.classes.items() if one == job_class))


USUAL_LIGHT = FargateSize(512, 1024)
"""A light job is one that this size is enough for, unless another cut is clearly cheaper."""
_WORTH_USD, _WORTH_SHARE = 30.0, 1 / 3
"""A cheaper cut must save at least so much a month: classes shall not change for cents from one run to the next."""


def partition(needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> Partition:
    """All cuts and pairs of sizes tried; the usual cut stays unless another one saves enough to be worth it."""
    unsafe = tuple(need.job for need in needs if not any(need.fits(size) for size in platform.fargate_sizes))
    able = [need for need in needs if need.job not in unsafe]
    cuts = all_cuts(able, price, platform)
    best, usual = cuts[0], _usual_cut(able, price, platform)
    saves = usual.monthly_usd - best.monthly_usd
    chosen = best if saves > max(_WORTH_USD, _WORTH_SHARE * usual.monthly_usd) else usual
    heavy = max(platform.fargate_sizes) if unsafe else chosen.heavy
    return Partition(
        light=chosen.light,
        heavy=heavy,
        classes={**chosen.classes, **dict.fromkeys(unsafe, "heavy")},
        monthly_usd=chosen.monthly_usd,
        cheapest_usd=best.monthly_usd,
        unsafe=unsafe,
        tried=tuple(one for one in cuts if one.parts != chosen.parts),
    )


def _usual_cut(needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> Partition:
    classes: dict[str, JobClass] = {
        need.job: need.job_class or ("light" if need.fits(USUAL_LIGHT) else "heavy") for need in needs
    }
    sizes: dict[JobClass, FargateSize] = {}
    total = 0.0
    for one in ("light", "heavy"):
        members = [need for need in needs if classes[need.job] == one]
        fitting = [size for size in platform.fargate_sizes if all(need.fits(size) for need in members)]
        costs = {size: sum(monthly_usd(need, size, price, platform) for need in members) for size in fitting}
        if members:
            best = min(fitting, key=lambda size: (costs[size], price.hourly(size), size))
            sizes["light" if one == "light" else "heavy"] = best
            total += costs[best]
    light = sizes.get("light", USUAL_LIGHT)
    heavy = sizes.get("heavy", light)
    return Partition(light=light, heavy=heavy, classes=classes, monthly_usd=total)


def best_pair(needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> Partition:
    """The cheapest of all cuts and pairs of sizes that are safe."""
    return all_cuts(needs, price, platform)[0]


def all_cuts(needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> tuple[Partition, ...]:
    """Each way to part the jobs that some pair of sizes makes the cheapest, at its cheapest pair, ascending by cost."""
    sizes = _useful(platform.fargate_sizes, needs, price) or [USUAL_LIGHT]
    costs = {
        size: [monthly_usd(need, size, price, platform) if need.fits(size) else math.inf for need in needs]
        for size in sizes
    }
    pairs = [(light, heavy) for index, light in enumerate(sizes) for heavy in sizes[index:]]
    totals = {
        (light, heavy): sum(_cost(need, costs[light][i], costs[heavy][i]) for i, need in enumerate(needs))
        for light, heavy in pairs
    }
    found: dict[frozenset[tuple[str, ...]], Partition] = {}
    for light, heavy in sorted(pairs, key=lambda pair: (totals[pair], pair[1], pair[0])):
        if math.isinf(totals[light, heavy]) and found:
            break
        cut = Partition(
            light=light,
            heavy=heavy,
            classes={
                need.job: need.job_class or ("light" if costs[light][i] <= costs[heavy][i] else "heavy")
                for i, need in enumerate(needs)
            },
            monthly_usd=totals[light, heavy],
        )
        found.setdefault(cut.parts, cut)
    return tuple(found.values())


def _cost(need: JobNeed, light: float, heavy: float) -> float:
    if need.job_class == "heavy":
        return heavy
    return light if need.job_class == "light" else min(light, heavy)


def _useful(sizes: Sequence[FargateSize], needs: Sequence[JobNeed], price: FargatePrice) -> list[FargateSize]:
    """Sizes that are the cheapest for some set of jobs, by price: others can never be part of the best pair."""
    # the cheapest size for a set of jobs is decided by its largest memory and its largest CPU need
    memories = sorted({need.memory_mib for need in needs})
    cpus = sorted({size.cpu for size in sizes})
    found = set()
    for cpu in cpus:
        for memory in memories:
            fitting = [size for size in sizes if size.cpu >= cpu and size.memory >= memory]
            if fitting:
                found.add(min(fitting, key=lambda size: (price.hourly(size), size)))
    return sorted(found, key=lambda size: (price.hourly(size), size))
