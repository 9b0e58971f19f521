"""Fargate sizes, EC2 types and prices: data of `rules/platform/`, each with its date and source, parsed into types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import OwnPrices, Problem, Severity

FARGATE = "platform/fargate.json"
EC2 = "platform/ec2.json"
HOURS_A_MONTH = 730.0


class FargateSize(Struct, frozen=True, order=True):
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


class Origin(Struct, frozen=True, kw_only=True):
    """Who says a price, and since when it holds."""

    source: str
    as_of: str
    file: str = ""
    """Of the team's own price list; "": the shipped data."""

    @property
    def dated(self) -> str:
        """For the reader of a sum: `2026-11-01 (prices.json)`."""
        return f"{self.as_of} ({self.file})" if self.file else self.as_of

    def __str__(self) -> str:
        return f"{self.source}, as of {self.dated}"


class FargatePrice(Struct, frozen=True, kw_only=True):
    """USD an hour on demand, Linux."""

    region: str
    architecture: str
    vcpu_hour: float
    gib_hour: float
    origin: Origin

    def hourly(self, size: FargateSize) -> float:
        """USD for one task and hour."""
        return size.vcpus * self.vcpu_hour + size.memory / 1024 * self.gib_hour


class Ec2Type(Struct, frozen=True, kw_only=True):
    """An instance type."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    usd_per_hour: Mapping[str, float]
    """By region."""
    origins: Mapping[str, Origin]
    """By region."""


class PlatformData(Struct, frozen=True, kw_only=True):
    """All platform facts that sizing needs."""

    fargate_sizes: tuple[FargateSize, ...]
    """Ascending."""
    fargate_prices: tuple[FargatePrice, ...]
    ec2_types: Mapping[str, Ec2Type]
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


def load_platform(
    texts: Mapping[str, str], prices: OwnPrices | None = None
) -> tuple[PlatformData, tuple[Problem, ...]]:
    """The data of `rules/` (file name -> text); rows of `prices` win over them. Also what of `prices` is of no use."""
    fargate: dict[str, Any] = json.loads(texts[FARGATE])
    ec2: dict[str, Any] = json.loads(texts[EC2])
    fargate_prices = {_price_key(one): one for one in map(_price, fargate["prices"])}
    types = {one.name: one for one in (_ec2_type(row, ec2) for row in ec2["types"])}
    problems: list[Problem] = []
    if prices is not None:
        file = prices.source.file.rsplit("/", 1)[-1]
        fargate_prices |= {_price_key(one): one for one in (_price(row, file) for row in prices.fargate)}
        for row in prices.ec2:
            name = str(row["name"])
            merged = _merged_type(types.get(name), row, file)
            if merged is not None:
                types[name] = merged
                continue
            problems.append(
                Problem(
                    Severity.WARNING,
                    "prices-type-unknown",
                    f"nothing is known of the instance type {name}; its price is not used",
                    prices.source,
                    "say its vcpus, memory_mib and architecture in the same row",
                )
            )
    data = PlatformData(
        fargate_sizes=tuple(
            sorted(FargateSize(row["cpu"], memory) for row in fargate["sizes"] for memory in row["memory"])
        ),
        fargate_prices=tuple(fargate_prices[key] for key in sorted(fargate_prices)),
        ec2_types=types,
        minimum_billed_s=float(fargate["minimum_billed_s"]),
        image_pull_s=float(fargate["image_pull_s"]),
        assumed_sizes={
            name: FargateSize(size["cpu"], size["memory"]) for name, size in fargate["assumed_sizes"].items()
        },
    )
    return data, tuple(problems)


def _price(row: Mapping[str, Any], file: str = "") -> FargatePrice:
    return FargatePrice(
        region=str(row["region"]),
        architecture=str(row["architecture"]),
        vcpu_hour=float(row["vcpu_hour"]),
        gib_hour=float(row["gib_hour"]),
        origin=_origin(row, file),
    )


def _origin(row: Mapping[str, Any], file: str = "") -> Origin:
    return Origin(source=str(row["source"]), as_of=str(row["as_of"]), file=file)


def _merged_type(shipped: Ec2Type | None, row: Mapping[str, Any], file: str) -> Ec2Type | None:
    """A row of the team's list over what is shipped; None where nobody says how large the type is."""
    own = {"usd_per_hour": dict(row["usd_per_hour"]), "source": row["source"], "as_of": row["as_of"]}
    size = {key: row[key] for key in ("vcpus", "memory_mib", "architecture") if key in row}
    if shipped is None:
        return _ec2_type({"name": row["name"], **size}, own, file) if len(size) == len(_SIZE_KEYS) else None
    known = {key: getattr(shipped, key) for key in _SIZE_KEYS}
    mine = _ec2_type({"name": row["name"], **known, **size}, own, file)
    return replace(
        mine,
        usd_per_hour={**shipped.usd_per_hour, **mine.usd_per_hour},
        origins={**shipped.origins, **mine.origins},
    )


_SIZE_KEYS = ("vcpus", "memory_mib", "architecture")


def _price_key(price: FargatePrice) -> tuple[str, str]:
    return price.region, price.architecture


def _ec2_type(row: Mapping[str, Any], prices: Mapping[str, Any], file: str = "") -> Ec2Type:
    """`prices` has `source`, `as_of` and, unless the row itself has, `usd_per_hour`."""
    usd: Mapping[str, Any] = row.get("usd_per_hour") or prices["usd_per_hour"]
    return Ec2Type(
        name=str(row["name"]),
        vcpus=int(row["vcpus"]),
        memory_mib=int(row["memory_mib"]),
        architecture=str(row["architecture"]),
        usd_per_hour={str(region): float(price) for region, price in usd.items()},
        origins={str(region): _origin(prices, file) for region in usd},
    )
