"""From needs to Fargate sizes: the cheapest pair of batch sizes that is safe for every job."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from analyzer.decide.platform import FargatePrice, FargateSize, PlatformData

JobClass: TypeAlias = Literal["heavy", "light"]

LATER_FACTOR = 1.25
"""A batch may take so much longer than on the host, where no deadline says otherwise."""
ALWAYS_ALLOWED_S = 120.0
"""Two minutes (or a quarter of the interval, if shorter) are allowed to any batch."""
CPU_MARGIN = 1.10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNeed:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Which job runs on which of two sizes."""

    light: FargateSize
    heavy: FargateSize
    classes: Mapping[str, JobClass]
    monthly_usd: float
    unsafe: tuple[str, ...] = ()
    """Jobs that no Fargate size is large enough for."""


def partition(needs: Sequence[JobNeed], price: FargatePrice, platform: PlatformData) -> Partition:
    """All pairs of sizes tried; of equally cheap ones the smallest."""
    unsafe = tuple(need.job for need in needs if not any(need.fits(size) for size in platform.fargate_sizes))
    able = [need for need in needs if need.job not in unsafe]
    sizes = _useful(platform.fargate_sizes, able, price)
    costs = {
        size: [monthly_usd(need, size, price, platform) if need.fits(size) else math.inf for need in able]
        for size in sizes
    }
    best: tuple[float, FargateSize, FargateSize] | None = None
    for index, light in enumerate(sizes):
        for heavy in sizes[index:]:
            total = sum(_cost(need, costs[light][i], costs[heavy][i]) for i, need in enumerate(able))
            if math.isfinite(total) and (best is None or (total, heavy, light) < best):
                best = (total, heavy, light)
    if best is None:
        # a reviewer's class made it impossible with two sizes; the largest is then both
        largest = max(sizes, default=max(platform.fargate_sizes))
        best = (sum(min(costs[largest][i], 1e9) for i in range(len(able))) if sizes else 0.0, largest, largest)
    total, heavy, light = best
    classes: dict[str, JobClass] = {}
    for index, need in enumerate(able):
        on_light = costs[light][index] if light in costs else 0.0
        on_heavy = costs[heavy][index] if heavy in costs else 0.0
        classes[need.job] = need.job_class or ("light" if on_light <= on_heavy else "heavy")
    classes |= dict.fromkeys(unsafe, "heavy")
    if unsafe:
        heavy = max(platform.fargate_sizes)
    return Partition(light=light, heavy=heavy, classes=classes, monthly_usd=total, unsafe=unsafe)


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
