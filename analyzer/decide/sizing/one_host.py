"""One host: its signals and runs, what they cannot tell, and what contradicts between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from analyzer.cron.zones import ZoneError, zone
from analyzer.decide.platform import PlatformData
from analyzer.decide.schedules_host import told_zone
from analyzer.decide.sizing.attribution import attribute
from analyzer.decide.sizing.censoring import censored
from analyzer.decide.sizing.clock import ClockOffset, clock_offset
from analyzer.decide.sizing.matching import Firings, match_runs
from analyzer.decide.sizing.needs import Seen
from analyzer.decide.sizing.signals import Signal, cpu_signal, memory_signal
from analyzer.model import Host, Job, Problem, Settings, Severity
from analyzer.usage import HostUsage, Quantity


class _Capacity(Struct, frozen=True, kw_only=True, eq=False):
    vcpus: float | None
    memory_mib: float | None


def attribute_host(
    usage: HostUsage,
    host: Host | None,
    jobs: Sequence[Job],
    settings: Settings,
    platform: PlatformData,
    firings: Firings | None,
    problems: list[Problem],
) -> Seen | None:
    """The host taken apart, None where its evidence does not allow that; `problems` get what is to be said."""
    instance_type = host.ec2.instance_type if host is not None and host.ec2 is not None else ""
    capacity = _capacity(usage, instance_type, platform)
    local = _zone(usage, settings)
    cpu = cpu_signal(usage, capacity.vcpus, local)
    if cpu is None:
        problems += _no_cpu(usage)
        return None
    memory = memory_signal(usage, capacity.memory_mib, local, cpu)
    if memory is None:
        problems += _no_memory(usage)
    if cpu.left_out:
        problems.append(_record_cut(usage, cpu))
    runs = match_runs(usage, jobs, cpu, firings)
    if runs and usage.log_span_s is None:
        problems.append(_no_log(usage))
    offset = clock_offset(cpu, runs)
    if offset.seconds:
        problems.append(_clocks_differ(usage, offset))
        if offset.sure:
            return None
    held_down = censored(usage, cpu, capacity.vcpus, instance_type)
    problems += held_down
    throttled = any(problem.code in ("sizing-credits-exhausted", "sizing-cpu-steal") for problem in held_down)
    return Seen(host=usage.host, attribution=attribute(cpu, memory, runs, capacity.vcpus, throttled=throttled))


def _capacity(usage: HostUsage, instance_type: str, platform: PlatformData) -> _Capacity:
    kind = platform.ec2_types.get(instance_type)
    return _Capacity(
        vcpus=usage.vcpus or (float(kind.vcpus) if kind else None),
        memory_mib=usage.memory_total_mib or (float(kind.memory_mib) if kind else None),
    )


def _zone(usage: HostUsage, settings: Settings) -> tzinfo:
    name = usage.timezone or told_zone(settings)[0]
    try:
        return zone(name) if name else UTC
    except ZoneError:
        return UTC


def _no_cpu(usage: HostUsage) -> list[Problem]:
    if not usage.series:
        return []
    in_percent = _only_shares(usage, "cpu") and cpu_signal(usage, 1.0) is not None
    return [
        Problem(
            Severity.WARNING,
            "sizing-no-cpu-series",
            f"{usage.host}: its CPU is in percent, and nothing says how many CPUs it has"
            if in_percent
            else f"{usage.host}: no CPU series of six hours or more",
            usage.series[0].source,
            "add facts.json (processor_vcpus) or ec2.json to the evidence"
            if in_percent
            else "add a day of `sadf -j -- -u -r` or CloudWatch CPUUtilization",
        )
    ]


def _no_memory(usage: HostUsage) -> list[Problem]:
    """Only where there are figures that cannot be used: that there are none, every footprint says."""
    found = [one.source for one in usage.series if one.quantity == "memory" and not one.process]
    if not found or not _only_shares(usage, "memory"):
        return []
    return [
        Problem(
            Severity.WARNING,
            "sizing-no-memory-total",
            f"{usage.host}: its memory is in percent, and nothing says how much it has: the jobs' memory is assumed",
            found[0],
            "add facts.json (memtotal_mb) or ec2.json to the evidence",
        )
    ]


def _only_shares(usage: HostUsage, quantity: Quantity) -> bool:
    return all(one.unit == "share" for one in usage.series if one.quantity == quantity and not one.process)


def _no_log(usage: HostUsage) -> Problem:
    return Problem(
        Severity.NOTE,
        "sizing-no-cron-log",
        f"{usage.host}: no cron log shows when jobs ran: every firing of their schedules counts as a run",
        usage.series[0].source,
        "add the host's syslog, cron log or journal to the evidence",
    )


def _record_cut(usage: HostUsage, cpu: Signal) -> Problem:
    begin, end = (datetime.fromtimestamp(at, UTC).date() for at in (cpu.start_s, cpu.start_s + cpu.size * cpu.step_s))
    return Problem(
        Severity.NOTE,
        "sizing-record-cut",
        f"{usage.host}: its sizes go by the CPU of {begin} to {end}, at most a quarter of a year; {cpu.left_out} "
        "samples outside of that are not used",
        usage.series[0].source,
        "if that is the wrong time, leave the files of other times out of the evidence",
    )


def _clocks_differ(usage: HostUsage, offset: ClockOffset) -> Problem:
    shift = f"{abs(offset.seconds) // 3600} h {'later' if offset.seconds > 0 else 'earlier'}"
    message = (
        f"{usage.host}: the load follows the runs of the cron log {shift}: their clocks differ, and nothing is "
        "attributed"
        if offset.sure
        else f"{usage.host}: hardly any load begins with the jobs, more of it {shift}: the clocks of log and metrics "
        "may differ, and then no figure of its jobs is right"
    )
    return Problem(
        Severity.ERROR if offset.sure else Severity.WARNING,
        "sizing-clocks-differ",
        message,
        usage.runs[0].source if usage.runs else usage.series[0].source,
        "check etc/timezone in the evidence, and the zone in which the metrics were exported",
    )
