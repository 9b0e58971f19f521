"""What it costs now and after: USD a month, prices from data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from analyzer.decide.platform import HOURS_A_MONTH, FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.classes import JobClass, JobNeed, monthly_usd
from analyzer.decide.sizing.definitions import smallest
from analyzer.model import Cost, Host, TaskDefinition


def compare_costs(
    hosts: Sequence[Host],
    definitions: Sequence[TaskDefinition],
    needs: Mapping[str, JobNeed],
    classes: Mapping[str, JobClass],
    platform: PlatformData,
    price: FargatePrice,
) -> tuple[Cost, ...]:
    """EC2 now; Fargate in the host's size; right-sized, here and on the other architecture; a size for every batch."""
    out = []
    kinds = [platform.ec2_types.get(host.ec2.instance_type) if host.ec2 else None for host in hosts]
    region = price.region
    known = [kind for kind in kinds if kind is not None and region in kind.usd_per_hour]
    if known and len(known) == len(hosts):
        names = _counted([kind.name for kind in known])
        out.append(
            Cost(
                name="ec2-now",
                monthly_usd=round(sum(kind.usd_per_hour[region] for kind in known) * HOURS_A_MONTH, 2),
                basis=f"{names} on demand in {region}, prices as of {known[0].origins[region].dated}; "
                "no storage, no discounts",
            )
        )
        as_is = [smallest(kind.vcpus, kind.memory_mib, price, platform) for kind in known]
        # a host larger than every Fargate size has no task of its size, and no cost of one
        if all(
            size.vcpus >= kind.vcpus and size.memory >= kind.memory_mib for kind, size in zip(known, as_is, strict=True)
        ):
            out.append(
                Cost(
                    name="fargate-as-it-is",
                    monthly_usd=round(sum(price.hourly(size) for size in as_is) * HOURS_A_MONTH, 2),
                    basis=f"a task in the size of each host, always on, jobs inside: {_counted(map(str, as_is))}, in "
                    f"{region} as of {price.origin.dated}",
                )
            )
    standing = sum(one.monthly_usd for one in definitions if one.desired_count)
    batches = sum(one.monthly_usd for one in definitions if not one.desired_count)
    out.append(
        Cost(
            name="fargate-right-sized",
            monthly_usd=round(standing + batches, 2),
            basis=f"always on ${standing:.2f}, {len(classes)} batch{'es' if len(classes) != 1 else ''} ${batches:.2f}; "
            f"Fargate {price.architecture} in {region} as of {price.origin.dated}, on demand; no load balancer, logs "
            "or data transfer",
        )
    )
    out.append(_other_architecture(definitions, platform, price))
    sizes = {one.name: FargateSize(one.cpu, one.memory) for one in definitions}
    alone = sum(
        _alone_usd(needs[job], sizes[f"batch_{job_class}"], price, platform) for job, job_class in classes.items()
    )
    out.append(
        Cost(
            name="fargate-each-batch-alone",
            monthly_usd=round(standing + alone, 2),
            basis="as right-sized, with the cheapest size of its own for every batch that was seen to run: no parting "
            "of the batches costs less",
        )
    )
    return tuple(out)


def _counted(names: Iterable[str]) -> str:
    """`2 x t3.large, 1 x m5.xlarge`."""
    return ", ".join(f"{count} x {name}" for name, count in sorted(Counter(names).items()))


def _alone_usd(need: JobNeed, planned: FargateSize, price: FargatePrice, platform: PlatformData) -> float:
    """A month of a job on the size that is the cheapest for it; on the planned one where nothing tells its need."""
    fitting = [size for size in platform.fargate_sizes if need.memory_mib > 0 and need.fits(size)]
    return min(monthly_usd(need, size, price, platform) for size in fitting or [planned])


def _other_architecture(definitions: Sequence[TaskDefinition], platform: PlatformData, price: FargatePrice) -> Cost:
    """The planned sizes at the other architecture's prices: what is billed scales with the price of an hour."""
    other, _own = platform.price(price.region, "X86_64" if price.architecture == "ARM64" else "ARM64")
    sizes = [(one, FargateSize(cpu=one.cpu, memory=one.memory)) for one in definitions]
    total = sum(one.monthly_usd * other.hourly(size) / price.hourly(size) for one, size in sizes)
    return Cost(
        name=f"fargate-{other.architecture.lower().replace('_', '-')}",
        monthly_usd=round(total, 2),
        basis=f"the planned sizes at {other.architecture} prices in {other.region} as of {other.origin.dated}; "
        "every package and binary of the image must exist for it",
    )
