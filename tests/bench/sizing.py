"""How well sizing splits simulated hosts: errors against truth, calibration of the labels, safety, cost against an oracle.

    python tests/bench/sizing.py [--hosts 50] [--first 12000] [--modes 60:ends,300:ends,60:starts,300:starts] [--real DIR]

`--real DIR`: only the table for real CPU series (CSV: timestamp,value in percent) in place of the simulated API.
Naive baselines beside it: before/after (in the run less just before it), window (95th percentile in the run's window
less the median outside), host peak.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "sizing"))

from simulator import BEGIN_S, DAY_S, RECORDED_DAYS, SHAPES, STEP_S, Mode, Run, Truth, evidence, simulate

from analyzer.decide.platform import FargatePrice, FargateSize, PlatformData, load_platform
from analyzer.decide.sizing import Sizing, size_application
from analyzer.decide.sizing.classes import JobNeed, Partition, best_pair, partition
from analyzer.decide.sizing.definitions import smallest
from analyzer.model import Settings
from analyzer.resources import rule_texts
from analyzer.usage import HostUsage

PLATFORM: PlatformData = load_platform(rule_texts())[0]
PRICE: FargatePrice = PLATFORM.price("us-east-1", "X86_64")[0]
CPU_STEPS = sorted({size.vcpus for size in PLATFORM.fargate_sizes})
LARGE_MIB = 512.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job of one host: what was true, what was said."""

    name: str
    runs: int
    cpu_true: float
    cpu_said: float
    memory_true: float
    memory_said: float
    need_true: float
    need_said: float
    class_true: str
    class_said: str
    cpu_label: str
    memory_label: str
    covered: bool
    separable: bool
    safe_memory: bool
    safe_cpu: bool


def stretched(run: Run, shape: str, vcpus: float) -> float:
    """Length of a run on so many vCPUs."""
    return sum(share * run.length_s * max(1.0, run.cores * cpu / vcpus) for share, cpu, _ in SHAPES[shape])


def true_need(truth: Truth, index: int) -> JobNeed:
    """What the job really needs: all its runs of six weeks known."""
    workload = truth.workloads[index]
    mine = [run for run in truth.runs if run.workload == index]
    later = [run for run in truth.future if run.workload == index]

    def in_time(run: Run, vcpus: float) -> bool:
        allowed = max(1.25 * run.length_s, min(120.0, workload.period_s / 4))
        return stretched(run, workload.shape, vcpus) <= allowed + 1e-6

    vcpus = next(c for c in CPU_STEPS if np.mean([in_time(run, c) for run in later]) >= 0.95)
    peak = max([run.peak_mib for run in mine] + [run.memory_mib for run in later])
    # a profile that needs exactly `vcpus`: one phase at that height, in time only from that size on
    return JobNeed(
        job=workload.name,
        phases=(vcpus / 1.1,),
        duration_s=float(np.mean([run.end_s - run.start_s for run in mine])),
        duration_p95_s=1.0,
        deadline_s=1.0,
        memory_mib=peak / 0.95,
        runs_a_month=len(mine) / RECORDED_DAYS * 30.4,
        period_s=workload.period_s,
    )


def cost_of(cut: Partition, needs: Sequence[JobNeed], api: FargateSize) -> float:
    """A month of two API tasks and all batches."""
    total = 2 * 730 * PRICE.hourly(api)
    for need in needs:
        size = cut.heavy if cut.classes[need.job] == "heavy" else cut.light
        billed = max(60.0, need.duration_s + PLATFORM.image_pull_s)
        total += need.runs_a_month * billed / 3600 * PRICE.hourly(size)
    return total


def true_api(truth: Truth) -> tuple[float, float]:
    """(99.9th percentile of one-minute CPU, highest memory) over six weeks."""
    both = np.r_[truth.api_cpu, truth.future_api_cpu]
    minutes = both[: len(both) // 6 * 6].reshape(-1, 6).mean(axis=1)
    return float(np.quantile(minutes, 0.999)), float(max(truth.api_memory.max(), truth.future_api_memory.max()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One host in one mode by one method."""

    rows: tuple[Row, ...]
    cost_ratio: float
    api_safe: bool
    api_ratio: float
    seconds: float


def judge(truth: Truth, cut: Partition, api: FargateSize, said: dict[str, dict[str, object]], seconds: float) -> Judged:
    """Compare with the truth."""
    needs = [true_need(truth, index) for index in range(len(truth.workloads)) if _ran(truth, index)]
    oracle = partition(needs, PRICE, PLATFORM)
    best = best_pair(needs, PRICE, PLATFORM)
    api_cpu, api_memory = true_api(truth)
    rows = []
    for index, workload in enumerate(truth.workloads):
        if not _ran(truth, index):
            continue
        need = next(one for one in needs if one.job == workload.name)
        mine = [run for run in truth.runs if run.workload == index]
        size = cut.heavy if cut.classes[workload.name] == "heavy" else cut.light
        one = said[workload.name]
        cpu_true = float(np.mean([run.cpu_s for run in mine]))
        low, high = one.get("interval") or (math.nan, math.nan)
        rows.append(
            Row(
                name=workload.name,
                runs=len(mine),
                cpu_true=cpu_true,
                cpu_said=float(one["cpu"]),
                memory_true=max(run.peak_mib for run in mine),
                memory_said=float(one["memory"]),
                need_true=need.memory_mib,
                need_said=float(one["need"]),
                class_true=oracle.classes[workload.name],
                class_said=cut.classes[workload.name],
                cpu_label=str(one.get("cpu_label", "-")),
                memory_label=str(one.get("memory_label", "-")),
                covered=bool(low <= cpu_true <= high),
                separable=one.get("cpu_label") in ("high", "medium"),
                safe_memory=need.memory_mib * 0.95 <= size.memory,
                safe_cpu=need.phases[0] * 1.1 <= size.vcpus + 1e-9,
            )
        )
    oracle_api = smallest(api_cpu, api_memory / 0.95, PRICE, PLATFORM)
    return Judged(
        rows=tuple(rows),
        cost_ratio=cost_of(cut, needs, api) / cost_of(best, needs, oracle_api),
        api_safe=api.vcpus >= api_cpu and api.memory >= api_memory,
        api_ratio=api.vcpus / api_cpu,
        seconds=seconds,
    )


def _ran(truth: Truth, index: int) -> bool:
    return any(run.workload == index for run in truth.runs) and any(run.workload == index for run in truth.future)


def product(truth: Truth, mode: Mode) -> Judged:
    """The product's own answer."""
    usage, jobs = evidence(truth, mode)
    began = time.perf_counter()
    sizing: Sizing = size_application([usage], jobs, [], [], Settings(region="us-east-1"), PLATFORM)
    seconds = time.perf_counter() - began
    said = {}
    for one in sizing.jobs:
        footprint = sizing.footprints[one.job]
        said[one.job] = {
            "cpu": footprint.cpu_s or 0.0,
            "memory": footprint.memory_mib or 0.0,
            "need": one.need_memory_mib,
            "interval": footprint.cpu_interval,
            "cpu_label": footprint.cpu_confidence,
            "memory_label": footprint.memory_confidence,
        }
    sizes = {one.name: FargateSize(one.cpu, one.memory) for one in sizing.task_definitions}
    cut = Partition(
        light=sizes["batch_light"], heavy=sizes["batch_heavy"], classes=dict(sizing.classes), monthly_usd=0.0
    )
    return judge(truth, cut, sizes["api"], said, seconds)


def naive(truth: Truth, mode: Mode, method: str) -> Judged:
    """What one would do without taking the host apart."""
    usage, _ = evidence(truth, mode)
    began = time.perf_counter()
    cpu, memory, peak = _arrays(usage, mode)
    step = mode.step_s
    busy = np.zeros(len(cpu), dtype=bool)
    windows = []
    for index, workload in enumerate(truth.workloads):
        mine = []
        for run in truth.runs:
            if run.workload == index:
                length = run.end_s - run.start_s if mode.ends else min(workload.period_s, 3600.0)
                first = int(run.start_s // step)
                last = max(first + 1, min(math.ceil((run.start_s + length) / step), len(cpu)))
                if first < len(cpu):
                    mine.append((first, last, length))
        windows.append(mine)
        if len(mine) <= 400:
            for first, last, _ in mine:
                busy[first:last] = True
    calm = ~busy if (~busy).any() else np.ones(len(cpu), dtype=bool)
    said, needs = {}, []
    for workload, mine in zip(truth.workloads, windows, strict=True):
        if not mine:
            continue
        lengths = np.array([length for *_, length in mine])
        cores, used = _naive_need(method, mine, cpu, memory, peak, calm)
        cpu_s = cores * float(lengths.mean())
        margin = 1.0 if method == "host peak" else 1.2
        said[workload.name] = {"cpu": cpu_s, "memory": used, "need": used * margin}
        needs.append(
            JobNeed(
                job=workload.name,
                phases=(cores,),
                duration_s=float(lengths.mean()),
                duration_p95_s=float(np.quantile(lengths, 0.95)),
                memory_mib=max(used * margin, 1.0),
                runs_a_month=len(mine) / RECORDED_DAYS * 30.4,
                period_s=workload.period_s,
            )
        )
    everything = method == "host peak"
    api_cpu = float(cpu.max() if everything else np.quantile(cpu[calm], 0.995))
    api_memory = float(peak.max() if everything else np.quantile(peak[calm], 0.999))
    cut = partition(needs, PRICE, PLATFORM)
    return judge(
        truth, cut, smallest(api_cpu * 1.2, api_memory * 1.1, PRICE, PLATFORM), said, time.perf_counter() - began
    )


def _naive_need(
    method: str,
    windows: list[tuple[int, int, float]],
    cpu: np.ndarray,
    memory: np.ndarray,
    peak: np.ndarray,
    calm: np.ndarray,
) -> tuple[float, float]:
    if method == "host peak":
        return float(cpu.max()), float(peak.max())
    if method == "window":
        inside = np.concatenate([np.arange(first, last) for first, last, _ in windows])
        return (
            max(0.0, float(np.quantile(cpu[inside], 0.95) - np.median(cpu[calm]))),
            max(0.0, float(np.quantile(peak[inside], 0.95) - np.median(memory[calm]))),
        )
    cores, used = [], []
    for first, last, _ in windows:
        before = slice(max(0, first - (last - first)), first)
        if first > before.start:
            cores.append(float(cpu[first:last].mean() - cpu[before].mean()))
            used.append(float(peak[first:last].max() - memory[before].mean()))
    return max(0.0, float(np.mean(cores))) if cores else 0.0, max(0.0, float(np.quantile(used, 0.95))) if used else 0.0


def _arrays(usage: HostUsage, mode: Mode) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = RECORDED_DAYS * DAY_S // mode.step_s
    out = []
    for quantity, statistic in (("cpu", "average"), ("memory", "average"), ("memory", "maximum")):
        found = [s for s in usage.series if (s.quantity, s.statistic) == (quantity, statistic)]
        series = found[0] if found else next(s for s in usage.series if s.quantity == quantity)
        values = np.interp(BEGIN_S + np.arange(size) * mode.step_s, series.times_s, series.values)
        out.append(values)
    return out[0], out[1], out[2]


def error(said: float, true: float) -> float:
    """Relative."""
    return abs(said - true) / max(true, 1e-9)


def close(row: Row, what: str) -> bool:
    """Within 20 %, or for memory within 64 MiB."""
    if what == "cpu":
        return error(row.cpu_said, row.cpu_true) <= 0.2
    return abs(row.memory_said - row.memory_true) <= max(0.2 * row.memory_true, 64.0)


def figures(values: Sequence[float]) -> str:
    """`median / p90`."""
    return f"{np.median(values):.2f}/{np.quantile(values, 0.9):.2f}" if len(values) else "-"


def share(flags: Sequence[bool]) -> str:
    """`0.97 (n=120)`."""
    return f"{np.mean(flags):.2f} (n={len(flags)})" if len(flags) else "-"


def line(mode: str, method: str, judged: Sequence[Judged]) -> str:
    """One row of the table."""
    rows = [row for one in judged for row in one.rows]
    heavy = [row for row in rows if row.class_true == "heavy"]
    large = [row for row in rows if row.memory_true >= LARGE_MIB]
    separable = [row for row in rows if row.separable]
    cells = [
        f"{mode:13s}",
        f"{method:12s}",
        figures([error(row.cpu_said, row.cpu_true) for row in heavy]),
        figures([error(row.cpu_said, row.cpu_true) for row in rows]),
        f"{np.mean([close(row, 'cpu') for row in heavy]):.2f}",
        figures([error(row.memory_said, row.memory_true) for row in large]),
        f"{np.mean([row.class_said == row.class_true for row in rows]):.2f}",
        share([row.class_said == row.class_true for row in separable]),
        f"{np.mean([row.class_said == 'heavy' for row in rows if row.class_true == 'heavy']):.2f}",
        f"{sum(any(not row.safe_memory for row in one.rows) for one in judged)}",
        f"{sum(any(not row.safe_cpu for row in one.rows) for one in judged)}",
        f"{sum(not one.api_safe for one in judged)}",
        f"{np.median([one.cost_ratio for one in judged]):.2f}/{np.quantile([one.cost_ratio for one in judged], 0.9):.2f}",
        f"{np.mean([one.seconds for one in judged]):.2f}s",
    ]
    return " | ".join(cells)


HEADER = (
    "mode          | method       | CPU-s heavy | CPU-s all | <=20% | mem >=0.5GiB | class | class separable | heavy recall"
    " | hosts unsafe: mem | cpu | api | cost/oracle | time"
)


def calibration(judged: Sequence[Judged]) -> str:
    """How often each label tells the truth."""
    rows = [row for one in judged for row in one.rows]
    parts = []
    for what in ("cpu", "memory"):
        for label in ("high", "medium", "low"):
            mine = [row for row in rows if getattr(row, f"{what}_label") == label]
            text = f"{what} {label} {share([close(row, what) for row in mine])}"
            if what == "memory":
                text += f" need safe {share([row.need_said >= 0.95 * row.need_true for row in mine])}"
            parts.append(text)
    known = [row for row in rows if row.cpu_label in ("high", "medium")]
    parts.append(f"interval covers {share([row.covered for row in known])}")
    return "    " + "; ".join(parts)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--hosts", type=int, default=50)
    arguments.add_argument(
        "--first", type=int, default=12000, help="first seed; 12000 and up were never used for tuning"
    )
    arguments.add_argument("--modes", default="60:ends,300:ends,60:starts,300:starts")
    arguments.add_argument("--naive", action=argparse.BooleanOptionalAction, default=True)
    arguments.add_argument("--worst", type=int, default=0, help="list the worst jobs of each mode")
    arguments.add_argument("--real", type=Path, help="folder of real CPU series; only their table is printed")
    given = arguments.parse_args()
    if given.real is not None:
        real_table([simulate(seed) for seed in range(given.first, given.first + given.hosts)], given.real)
        return
    print(f"{given.hosts} hosts a mode, seeds from {given.first}; heavy: truly in batch_heavy; errors median/p90")
    print(HEADER)
    truths = [simulate(seed) for seed in range(given.first, given.first + given.hosts)]
    for text in given.modes.split(","):
        step, info, *rest = text.split(":")
        mode = Mode(step_s=int(step), ends=info == "ends", maximum="average" not in rest, gaps="gaps" in rest)
        mine = [product(truth, mode) for truth in truths]
        print(line(str(mode), "product", mine), flush=True)
        print(calibration(mine))
        if given.worst:
            _print_worst(truths, mine, given.worst)
        if given.naive:
            for method in ("before/after", "window", "host peak"):
                print(line(str(mode), method, [naive(truth, mode, method) for truth in truths]), flush=True)


def with_real_baseline(truth: Truth, path: Path) -> Truth:
    """The simulated jobs on top of a real five-minute CPU series (timestamp,value in percent) in place of the API's."""
    percent = np.array([float(row.split(",")[1]) for row in path.read_text().splitlines()[1:]])
    size = len(truth.cpu)
    api = np.resize(np.repeat(percent / 100 * truth.vcpus, 300 // STEP_S), size)
    jobs = np.maximum(truth.cpu - truth.api_cpu, 0)
    return replace(truth, cpu=np.minimum(api + jobs, truth.vcpus), api_cpu=api)


def real_table(truths: Sequence[Truth], folder: Path) -> None:
    """Errors of CPU-seconds of jobs of a minute and more on each real baseline; 5-minute averages, ends known."""
    mode = Mode(step_s=300, ends=True)
    print("\nreal baseline | CPU-s of jobs >= 60: median/p90 | <=20% | only high: median/p90 (n) | high within 20 %")
    everything = []
    for path in sorted(folder.glob("*.csv")):
        rows = [row for truth in truths for row in product(with_real_baseline(truth, path), mode).rows]
        rows = [row for row in rows if row.cpu_true >= 60]
        everything += rows
        print(" | ".join([path.stem, *_real_cells(rows)]), flush=True)
    print(" | ".join(["all", *_real_cells(everything)]))


def _real_cells(rows: Sequence[Row]) -> list[str]:
    high = [row for row in rows if row.cpu_label == "high"]
    return [
        figures([error(row.cpu_said, row.cpu_true) for row in rows]),
        f"{np.mean([close(row, 'cpu') for row in rows]):.2f}",
        f"{figures([error(row.cpu_said, row.cpu_true) for row in high])} ({len(high)})",
        share([close(row, "cpu") for row in high]),
    ]


def _print_worst(truths: Sequence[Truth], judged: Sequence[Judged], count: int) -> None:
    pairs = [(truth.seed, row) for truth, one in zip(truths, judged, strict=True) for row in one.rows]
    for title, chosen in (
        ("unsafe memory", [pair for pair in pairs if not pair[1].safe_memory]),
        ("unsafe cpu", [pair for pair in pairs if not pair[1].safe_cpu]),
        ("high and wrong, cpu", [p for p in pairs if p[1].cpu_label == "high" and not close(p[1], "cpu")]),
        ("high and wrong, memory", [p for p in pairs if p[1].memory_label == "high" and not close(p[1], "memory")]),
        (
            "heavy cpu error",
            sorted(
                (p for p in pairs if p[1].class_true == "heavy"), key=lambda p: -error(p[1].cpu_said, p[1].cpu_true)
            ),
        ),
    ):
        print(f"    {title}: {len(chosen)}")
        for seed, row in chosen[:count]:
            print(
                f"      {seed} {row.name:18s} n={row.runs} cpu {row.cpu_true:.0f}->{row.cpu_said:.0f} {row.cpu_label} "
                f"mem {row.memory_true:.0f}->{row.memory_said:.0f} need {row.need_true:.0f}->{row.need_said:.0f} "
                f"{row.memory_label} {row.class_true}->{row.class_said}"
            )


if __name__ == "__main__":
    main()
