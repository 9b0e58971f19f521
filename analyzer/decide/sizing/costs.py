"""What it costs now and after: USD a month, prices from data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyzer.decide.platform import HOURS_A_MONTH, FargatePrice, FargateSize, PlatformData
from analyzer.decide.sizing.classes import JobClass, JobNeed, cheapest, monthly_usd
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
        names = ", ".join(sorted({kind.name for kind in known}))
        out.append(
            Cost(
                name="ec2-now",
                monthly_usd=round(sum(kind.usd_per_hour[region] for kind in known) * HOURS_A_MONTH, 2),
                basis=f"{len(known)} x {names} on demand in {region}, prices as of {known[0].origins[region].dated}; "
                "no storage, no discounts",
            )
        )
        as_is = [smallest(kind.vcpus, kind.memory_mib, price, platform) for kind in known]
        out.append(
            Cost(
                name="fargate-as-it-is",
                monthly_usd=round(sum(price.hourly(size) for size in as_is) * HOURS_A_MONTH, 2),
                basis=f"one task of {as_is[0]} always on for each host, jobs inside, in {region} as of "
                f"{price.origin.dated}",
            )
        )
    standing = sum(one.monthly_usd for one in definitions if one.desired_count)
    batches = sum(one.monthly_usd for one in definitions if not one.desired_count)
    out.append(
        Cost(
            name="fargate-right-sized",
            monthly_usd=round(standing + batches, 2),
            basis=f"always on ${standing:.2f}, {len(classes)} batches ${batches:.2f}; Fargate {price.architecture} in "
            f"{region} as of {price.origin.dated}, on demand; no load balancer, logs or data transfer",
        )
    )
    out.append(_other_architecture(definitions, platform, price))
    alone = sum(
        monthly_usd(need, cheapest(platform.fargate_sizes, [need], price), price, platform)
        for need in needs.values()
        if need.memory_mib > 0
    )
    out.append(
        Cost(
            name="fargate-each-batch-alone",
            monthly_usd=round(standing + alone, 2),
            basis="as right-sized, with a size of its own for every batch: the least that separate sizes could save",
        )
    )
    return tuple(out)


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
