"""Fargate sizes, EC2 types and prices: data of `rules/platform/`, each with its date and source, parsed into types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analyzer.model import Problem, Severity, Source

FARGATE = "platform/fargate.json"
EC2 = "platform/ec2.json"
HOURS_A_MONTH = 730.0


@dataclass(frozen=True, slots=True, order=True)
class FargateSize:
    """A pair that RegisterTaskDefinition accepts for Fargate on Linux."""

    cpu: int
    """CPU units, 1024 = one vCPU."""
    memory: int
    """MiB."""

    @property
    def vcpus(self) -> float:
        """In vCPUs."""
        return self.cpu / 1024

    def __str__(self) -> str:
        return f"{self.vcpus:g} vCPU / {self.memory / 1024:g} GiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class FargatePrice:
    """USD an hour on demand, Linux."""

    region: str
    architecture: str
    vcpu_hour: float
    gib_hour: float
    as_of: str
    source: str

    def hourly(self, size: FargateSize) -> float:
        """USD for one task and hour."""
        return size.vcpus * self.vcpu_hour + size.memory / 1024 * self.gib_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Type:
    """An instance type."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    usd_per_hour: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformData:
    """All platform facts that sizing needs."""

    fargate_sizes: tuple[FargateSize, ...]
    """Ascending."""
    fargate_prices: tuple[FargatePrice, ...]
    ec2_types: Mapping[str, Ec2Type]
    ec2_source: str
    ec2_as_of: str
    minimum_billed_s: float
    image_pull_s: float
    assumed_sizes: Mapping[str, FargateSize]

    def price(self, region: str, architecture: str) -> tuple[FargatePrice, bool]:
        """(price, whether it is that region's own); us-east-1 stands in for a region without data."""
        fitting = [price for price in self.fargate_prices if price.architecture == architecture]
        for price in fitting:
            if price.region == region:
                return price, True
        return next(price for price in fitting if price.region == "us-east-1"), False


def load_platform(texts: Mapping[str, str], prices: str | None = None) -> tuple[PlatformData, tuple[Problem, ...]]:
    """The data of `rules/` (file name -> text) and what is wrong with a `--prices` file.

    `prices`: its text, with `prices` as in fargate.json and `types` as in ec2.json; its entries win over the shipped.
    """
    fargate: dict[str, Any] = json.loads(texts[FARGATE])
    ec2: dict[str, Any] = json.loads(texts[EC2])
    problems: tuple[Problem, ...] = ()
    fargate_prices = {_price_key(one): one for one in map(_price, fargate["prices"])}
    types = {one.name: one for one in map(_ec2_type, ec2["types"])}
    if prices is not None:
        try:
            own = json.loads(prices)
            fargate_prices |= {_price_key(one): one for one in map(_price, own.get("prices", []))}
            types |= {one.name: one for one in map(_ec2_type, own.get("types", []))}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"the prices file cannot be used ({error}); the shipped prices are"
            hint = "use the shape of rules/platform/fargate.json and ec2.json"
            problems = (Problem(Severity.ERROR, "prices-invalid", message, Source("prices", 1), hint),)
    data = PlatformData(
        fargate_sizes=tuple(
            sorted(FargateSize(row["cpu"], memory) for row in fargate["sizes"] for memory in row["memory"])
        ),
        fargate_prices=tuple(fargate_prices[key] for key in sorted(fargate_prices)),
        ec2_types=types,
        ec2_source=str(ec2["source"]),
        ec2_as_of=str(ec2["as_of"]),
        minimum_billed_s=float(fargate["minimum_billed_s"]),
        image_pull_s=float(fargate["image_pull_s"]),
        assumed_sizes={
            name: FargateSize(size["cpu"], size["memory"]) for name, size in fargate["assumed_sizes"].items()
        },
    )
    return data, problems


def _price(row: Mapping[str, Any]) -> FargatePrice:
    return FargatePrice(
        region=str(row["region"]),
        architecture=str(row["architecture"]),
        vcpu_hour=float(row["vcpu_hour"]),
        gib_hour=float(row["gib_hour"]),
        as_of=str(row.get("as_of", "")),
        source=str(row.get("source", "")),
    )


def _price_key(price: FargatePrice) -> tuple[str, str]:
    return price.region, price.architecture


def _ec2_type(row: Mapping[str, Any]) -> Ec2Type:
    return Ec2Type(
        name=str(row["name"]),
        vcpus=int(row["vcpus"]),
        memory_mib=int(row["memory_mib"]),
        architecture=str(row["architecture"]),
        usd_per_hour={str(region): float(usd) for region, usd in row["usd_per_hour"].items()},
    )
