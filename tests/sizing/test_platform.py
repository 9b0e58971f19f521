"""Fargate sizes and prices as data."""

from __future__ import annotations

import pytest

from analyzer.decide.platform import FargateSize


def test_there_are_77_pairs_and_the_odd_ones_are_right(platform):
    """Steps change with the number of vCPUs; 32 vCPU have three sizes."""
    sizes = set(platform.fargate_sizes)
    assert len(sizes) == 77
    assert {FargateSize(256, 2048), FargateSize(8192, 20480), FargateSize(32768, 249856)} <= sizes
    assert not {FargateSize(256, 3072), FargateSize(8192, 17408), FargateSize(512, 512)} & sizes


def test_every_price_has_its_date_and_source(platform):
    """A figure without them is not shown to anybody."""
    origins = [price.origin for price in platform.fargate_prices]
    origins += [origin for kind in platform.ec2_types.values() for origin in kind.origins.values()]
    assert all(origin.as_of and origin.source for origin in origins)


def test_an_hour_of_half_a_vcpu_and_a_gibibyte(platform):
    """0.5 x 0.04048 + 1 x 0.004445 USD in us-east-1."""
    price, own = platform.price("us-east-1", "X86_64")
    assert own
    assert price.hourly(FargateSize(512, 1024)) == pytest.approx(0.024685)


def test_a_region_without_prices_borrows_and_says_so(platform):
    """The second value is False."""
    price, own = platform.price("eu-north-1", "ARM64")
    assert (price.region, price.architecture, own) == ("us-east-1", "ARM64", False)
