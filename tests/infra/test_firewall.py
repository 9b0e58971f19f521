"""Firewall rules of the hosts become rules of security groups where somebody listens, and are told where nobody does."""

from __future__ import annotations

import pytest

from analyzer.model import Infrastructure, Step
from analyzer.render.firewall import firewall
from tests.infra import factory

TABLE = """
# details                                                  -> load balancer              | tasks
port=443 protocol=tcp source=any                           -> tcp 443 0.0.0.0/0          |
port=443                                                   -> tcp 443 0.0.0.0/0          |
port=80,443 protocol=tcp source=10.0.0.0/8                 -> tcp 80 10.0.0.0/8, tcp 443 10.0.0.0/8 |
port=443/tcp source=192.0.2.7                              -> tcp 443 192.0.2.7/32       |
port=443 source=2001:db8::/32                              -> tcp 443 2001:db8::/32      |
service=https                                              -> tcp 443 0.0.0.0/0          |
port=3000 source=10.1.0.0/16                               -> tcp 80 10.1.0.0/16, tcp 443 10.1.0.0/16 |
port=9000:9200 protocol=tcp source=10.2.0.0/16             ->                            | tcp 9100 10.2.0.0/16
port=9000-9200 protocol=udp source=10.2.0.0/16             ->                            | udp 9100 10.2.0.0/16
port=22 source=10.0.0.0/8                                  ->                            |
port=443 protocol=udp                                      ->                            |
port=https-alt                                             ->                            |
port=70000                                                 ->                            |
port=443 source=@office                                    ->                            |
port=443 direction=out                                     ->                            |
port=443 protocol=vrrp                                     ->                            |
"""
ROWS = [line.split("->") for line in TABLE.strip().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("details", "expected"), ROWS, ids=[row[0].strip() for row in ROWS])
def test_rules(details: str, expected: str) -> None:
    """One rule of a host, and who may reach the load balancer and the tasks because of it."""
    from msgspec.structs import replace

    given = dict(word.split("=", 1) for word in details.split())
    step = Step(effect=Infrastructure(kind="security-group-rule", name="x", details=given), via=factory.via("f"))
    metrics = replace(factory.WORKER, port=9100, name="metrics")
    application = replace(factory.application(processes=(factory.API, metrics)), steps=(step,))
    found = firewall(application)
    balancer, tasks = (
        ", ".join(f"{rule.protocol} {rule.port} {rule.cidr}" for rule in sorted(rules, key=lambda rule: rule.port or 0))
        for rules in (found.load_balancer, found.tasks)
    )
    assert [balancer, tasks] == [part.strip() for part in expected.split("|")]
    assert bool(found.left_out) == (not balancer and not tasks)
