"""Sizes that give less than was seen to be needed: those that a reviewer chose, and the largest that there is."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.decide.platform import FargateSize
from analyzer.decide.sizing.classes import JobNeed
from analyzer.model import Problem, Settings, Severity, Source

_TOO_LARGE = "no Fargate size is larger: run more tasks than there are hosts, or use EC2 capacity"


def too_small(
    name: str, chosen: FargateSize | None, found: FargateSize, need: tuple[float, float], settings: Settings
) -> tuple[Problem, ...]:
    """What the size lacks that a reviewer chose, else the tool's own, of (cores, MiB): no larger one may be there."""
    size = chosen or found
    lacks = lacking(size, *need)
    if not lacks:
        return ()
    message = f"{name} on {size} has only {' and '.join(lacks)}"
    hint = f"choose a larger size for {name}, or none: then the tool does" if chosen else _TOO_LARGE
    return (Problem(Severity.WARNING, "size-too-small", message, _decided_at(name, settings), hint),)


def jobs_too_large(
    name: str, size: FargateSize, needs: Sequence[JobNeed], unsafe: Sequence[str], settings: Settings
) -> list[Problem]:
    """Jobs that a reviewer's size ends for want of memory, or makes late. `unsafe`: no size is enough for them."""
    out = []
    for need in needs:
        if need.fits(size) or need.job in unsafe:
            continue
        if size.memory < need.memory_mib:
            words = f"{size.memory} MiB of the {need.memory_mib:.0f} that {need.job} needs with its margin"
            message = f"{name} on {size} has only {words}"
        else:
            lasts, allowed = f"{need.lasts_s(size.vcpus):.0f}", f"{need.allowed_s:.0f}"
            message = f"on {size}, the size of {name}, {need.job} may take {lasts} s, and {allowed} s are allowed"
        hint = f"choose a larger size for {name}, or none: then the tool does"
        out.append(Problem(Severity.WARNING, "size-too-small", message, _decided_at(name, settings), hint))
    return out


def lacking(size: FargateSize, cpu: float, memory_mib: float) -> list[str]:
    """What a size has too little of, each as `has of needed`."""
    return [
        *([f"{size.vcpus:g} vCPU of {cpu:.2f}"] if size.vcpus < cpu else []),
        *([f"{size.memory} MiB of {memory_mib:.0f}"] if size.memory < memory_mib else []),
    ]


def _decided_at(name: str, settings: Settings) -> Source | None:
    """Where a reviewer chose the size."""
    where = settings.decided_at
    return where.get(f"task_definitions.{name}") or where.get(f"answers.size:{name}")
