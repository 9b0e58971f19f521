"""What kept a host from giving what was asked of it: then its series show less than the need."""

from __future__ import annotations

import re

from analyzer.decide.sizing.attribution import SATURATED
from analyzer.decide.sizing.signals import Signal
from analyzer.model import Problem, Severity
from analyzer.usage import HostUsage

_BURSTABLE = re.compile(r"t\d[a-z]*\.")


def censored(usage: HostUsage, cpu: Signal, vcpus: float | None, instance_type: str) -> list[Problem]:
    """A host that could not give what was asked shows less than the need."""
    import numpy as np

    out = []
    source = usage.series[0].source if usage.series else None
    if vcpus:
        full = float(np.mean(cpu.values[cpu.have] > SATURATED * vcpus))
        if full > 0.001:
            out.append(
                Problem(
                    Severity.WARNING,
                    "sizing-cpu-saturated",
                    f"{usage.host}: all CPUs were busy in {full:.1%} of the time: needs are lower bounds there",
                    source,
                    "the jobs that ran then may be faster on Fargate than on the host",
                )
            )
    for series in usage.series:
        if series.quantity == "steal" and vcpus and series.unit == "cores":
            share = float(np.mean(series.values > 0.02 * vcpus))
            if share > 0.01:
                out.append(
                    Problem(
                        Severity.WARNING,
                        "sizing-cpu-steal",
                        f"{usage.host}: in {share:.1%} of the time the hypervisor held back more than 2 % of the CPU",
                        series.source,
                        "needs are lower bounds there",
                    )
                )
        if series.quantity == "credit-balance":
            empty = float(np.mean(series.values < 1.0))
            if empty > 0.001:
                out.append(
                    Problem(
                        Severity.WARNING,
                        "sizing-credits-exhausted",
                        f"{usage.host}: its CPU credits were used up in {empty:.1%} of the time, so its CPU was held "
                        "down to the baseline: needs are lower bounds. Fargate has no credits and no burst.",
                        series.source,
                        "measure again on a size that is not throttled, or with unlimited credits",
                    )
                )
    if _BURSTABLE.match(instance_type) and not any(series.quantity == "credit-balance" for series in usage.series):
        out.append(
            Problem(
                Severity.WARNING,
                "sizing-credits-unknown",
                f"{usage.host}: a {instance_type} lives on CPU credits, and no metric tells of them: needs are lower "
                "bounds if it ever ran out of them. Fargate has no credits and no burst.",
                source,
                "add CPUCreditBalance of the same days from CloudWatch",
            )
        )
    return out
