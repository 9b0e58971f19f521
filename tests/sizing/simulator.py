"""A host with known truth: an API, 10 to 14 cron jobs, two weeks on record and four more that decide what was safe.

Ten-second steps; units cores, MiB, seconds; day 0 is Monday 2026-06-01 00:00 UTC. The same seed gives the same host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from analyzer.model import Job, Source, Via
from analyzer.usage import CommandRuns, HostUsage, Series

STEP_S = 10
DAY_S = 86400
RECORDED_DAYS = 14
FUTURE_DAYS = 28
BEGIN_S = 1780272000
"""2026-06-01T00:00:00Z, a Monday."""
NAN = float("nan")

Shape = tuple[tuple[float, float, float], ...]
"""(part of the run, CPU relative to `cores`, memory relative to `memory_mib`)."""

SHAPES: dict[str, Shape] = {
    "even": ((0.1, 1.0, 0.5), (0.4, 1.0, 0.95), (0.5, 1.0, 1.0)),
    "growing": ((0.25, 1.0, 0.3), (0.25, 1.0, 0.55), (0.3, 1.0, 0.8), (0.2, 1.0, 1.0)),
    "load-transform-store": ((0.2, 0.3, 0.3), (0.35, 1.0, 0.7), (0.25, 1.0, 1.0), (0.2, 0.4, 0.45)),
    "late-peak": ((0.3, 0.4, 0.6), (0.35, 1.0, 0.65), (0.1, 0.8, 1.0), (0.25, 0.5, 0.6)),
    "waiting": ((0.1, 1.0, 0.7), (0.9, 1.0, 1.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One job's nature."""

    name: str
    schedule: str
    ticks: tuple[int, ...]
    """Minutes of the day."""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    cores: float
    duration_s: float
    memory_mib: float
    shape: str = "even"
    duration_spread: float = 0.1
    memory_spread: float = 0.05
    growth: float = 0.0
    """A day, of duration and memory."""
    monday: float = 1.0

    @property
    def period_s(self) -> float:
        """Usual time between starts."""
        if len(self.ticks) > 1:
            return (self.ticks[1] - self.ticks[0]) * 60.0
        return float(DAY_S if len(self.weekdays) > 1 else 7 * DAY_S)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run, as it really was."""

    workload: int
    start_s: float
    length_s: float
    """Without contention."""
    cores: float
    memory_mib: float
    end_s: float = NAN
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    done: float = 0.0


@dataclass(slots=True, kw_only=True)
class Truth:
    """A simulated host."""

    seed: int
    vcpus: int
    memory_mib: int
    workloads: tuple[Workload, ...]
    cpu: np.ndarray
    memory: np.ndarray
    api_cpu: np.ndarray
    api_memory: np.ndarray
    runs: list[Run]
    future: list[Run]
    future_api_cpu: np.ndarray
    future_api_memory: np.ndarray
    extra: dict[str, float] = field(default_factory=dict)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _log_between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _every(minutes: int, offset: int = 0) -> tuple[int, ...]:
    return tuple(range(offset, 1440, minutes))


def draw_workloads(
    rng: np.random.Generator, vcpus: int, memory_mib: int, *, everything: bool = False
) -> tuple[Workload, ...]:
    """Ten to fourteen jobs, or the whole menu; always an hourly one and two at midnight."""

    def one_of(*names: str) -> str:
        return str(rng.choice(names))

    def u(low: float, high: float) -> float:
        return _between(rng, low, high)

    def lg(low: float, high: float) -> float:
        return _log_between(rng, low, high)

    large = 0.28 * memory_mib
    hourly_minute = int(rng.choice([0, 7, 20, 40]))
    weekday_tick = int(rng.choice([360, 480, 1110]))
    noon_tick = int(rng.choice([720, 750, 795]))
    menu = (
        Workload(
            name="hourly-rates",
            schedule="0 * * * *",
            ticks=_every(60),
            cores=u(0.6, 1.0),
            duration_s=lg(60, 400),
            memory_mib=lg(250, 1500),
            shape=one_of("even", "growing"),
        ),
        Workload(
            name="nightly-close",
            schedule="0 0 * * *",
            ticks=(0,),
            cores=u(1.0, min(vcpus, 3)),
            duration_s=lg(1200, 5400),
            memory_mib=u(0.4, 1.0) * large,
            shape=one_of("load-transform-store", "growing"),
        ),
        Workload(
            name="database-dump",
            schedule="0 0 * * *",
            ticks=(0,),
            cores=u(0.2, 0.6),
            duration_s=lg(480, 2400),
            memory_mib=lg(80, 350),
            shape="waiting",
        ),
        Workload(
            name="journal-import",
            schedule="*/5 * * * *",
            ticks=_every(5),
            cores=u(0.4, 1.0),
            duration_s=lg(8, 60),
            memory_mib=lg(80, 300),
        ),
        Workload(
            name="queue-check",
            schedule="*/5 * * * *",
            ticks=_every(5),
            cores=u(0.2, 0.9),
            duration_s=lg(2, 12),
            memory_mib=lg(20, 110),
        ),
        Workload(
            name="bank-sync",
            schedule="*/15 * * * *",
            ticks=_every(15),
            cores=u(0.3, 1.0),
            duration_s=lg(15, 120),
            memory_mib=lg(90, 480),
        ),
        Workload(
            name="mail-digest",
            schedule=f"{hourly_minute} * * * *",
            ticks=_every(60, hourly_minute),
            cores=u(0.1, 0.4),
            duration_s=lg(10, 90),
            memory_mib=lg(50, 250),
        ),
        Workload(
            name="statement-run",
            schedule="0 2 * * *",
            ticks=(120,),
            cores=1.0,
            duration_s=lg(300, 1800),
            memory_mib=lg(500, max(600.0, large)),
            shape=one_of("late-peak", "growing", "even"),
        ),
        Workload(
            name="tmp-sweep",
            schedule="30 3 * * *",
            ticks=(210,),
            cores=u(0.3, 1.0),
            duration_s=lg(20, 240),
            memory_mib=lg(50, 400),
        ),
        Workload(
            name="invoice-batch",
            schedule=f"{weekday_tick % 60} {weekday_tick // 60} * * 1-5",
            ticks=(weekday_tick,),
            weekdays=(0, 1, 2, 3, 4),
            cores=u(0.8, 1.0),
            duration_s=lg(200, 1200),
            memory_mib=lg(400, 2000),
            shape=one_of("late-peak", "even"),
        ),
        Workload(
            name="weekly-archive",
            schedule="0 3 * * 0",
            ticks=(180,),
            weekdays=(6,),
            cores=u(1.0, min(vcpus, 2)),
            duration_s=lg(1800, 7200),
            memory_mib=u(0.3, 0.9) * large,
            shape="load-transform-store",
        ),
        Workload(
            name="log-pack",
            schedule="25 6 * * *",
            ticks=(385,),
            cores=u(0.5, 0.9),
            duration_s=lg(5, 40),
            memory_mib=lg(20, 60),
        ),
        Workload(
            name="noon-import",
            schedule=f"{noon_tick % 60} {noon_tick // 60} * * *",
            ticks=(noon_tick,),
            cores=u(0.6, 1.0),
            duration_s=lg(120, 900),
            memory_mib=lg(200, 1200),
            shape=one_of("growing", "even"),
        ),
        Workload(
            name="midnight-rollup",
            schedule="0 0 * * *",
            ticks=(0,),
            cores=u(0.3, 0.9),
            duration_s=lg(60, 600),
            memory_mib=lg(100, 800),
        ),
        Workload(
            name="heartbeat",
            schedule="* * * * *",
            ticks=_every(1),
            cores=u(0.1, 0.3),
            duration_s=lg(1, 4),
            memory_mib=lg(20, 50),
        ),
        Workload(
            name="evening-reconcile",
            schedule="45 20 * * *",
            ticks=(1245,),
            cores=u(0.6, min(vcpus, 2)),
            duration_s=lg(240, 1500),
            memory_mib=lg(300, 2500),
            shape=one_of("load-transform-store", "late-peak"),
        ),
    )
    chosen = {0, 1, 2} | set(rng.choice(len(menu), size=int(rng.integers(8, 13)), replace=False).tolist())
    return tuple(
        replace(
            menu[index],
            duration_spread=u(0.08, 0.3),
            memory_spread=u(0.03, 0.15),
            growth=float(rng.choice([0.0, 0.0, 0.003])),
            monday=float(rng.choice([1.0, 1.0, 1.4])),
        )
        for index in (range(len(menu)) if everything else sorted(chosen))
    )


def _wander(rng: np.random.Generator, size: int, memory_s: float, spread: float) -> np.ndarray:
    """First-order autoregressive noise on a one-minute grid, spread over the steps."""
    count = size // 6 + 2
    keep = math.exp(-60 / memory_s)
    shocks = rng.normal(0, spread * math.sqrt(1 - keep * keep), count)
    out = np.empty(count)
    value = 0.0
    for index, shock in enumerate(shocks.tolist()):
        value = keep * value + shock
        out[index] = value
    return np.repeat(out, 6)[:size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The API's habits."""

    idle: float
    busy: float
    peak_hour: float
    weekend: float
    wander: float
    bursts_a_day: float
    memory_mib: float
    leak_a_day: float
    restart_days: int

    def series(self, rng: np.random.Generator, days: int) -> tuple[np.ndarray, np.ndarray]:
        """(cores, MiB with the operating system's own)."""
        size = days * DAY_S // STEP_S
        seconds = np.arange(size) * STEP_S
        hour = seconds % DAY_S / 3600
        weekend = np.where(seconds // DAY_S % 7 >= 5, self.weekend, 1.0)
        daily = np.exp(1.6 * (np.cos((hour - self.peak_hour) / 12 * np.pi) - 1)) + 0.25 * np.exp(
            -0.5 * (((hour - self.peak_hour + 6) % 24) / 1.2) ** 2
        )
        of_day = np.exp(rng.normal(0, 0.06, days + 1))[seconds // DAY_S]
        noise = _wander(rng, size, 1800, self.wander) + _wander(rng, size, 180, 0.7 * self.wander)
        load = daily * weekend * of_day * np.exp(noise) * np.exp(rng.normal(0, 0.15, size))
        cores = self.idle + self.busy * load
        for first in np.flatnonzero(rng.random(size) < self.bursts_a_day * STEP_S / DAY_S):
            cores[first : first + int(rng.integers(1, 12))] += _between(rng, 0.4, 1.8) * self.busy
        smooth = np.convolve(load, np.ones(360) / 360, "same")
        age_days = seconds % (self.restart_days * DAY_S) / DAY_S
        memory = self.memory_mib * (1 + self.leak_a_day * age_days + 0.12 * smooth) + np.abs(rng.normal(0, 4, size))
        return cores, memory + 250 + 10 * np.sin(seconds / DAY_S * 2 * np.pi)


def draw_api(rng: np.random.Generator, vcpus: int, memory_mib: int) -> Api:
    """Habits of one API."""
    return Api(
        idle=_between(rng, 0.03, 0.12),
        busy=_between(rng, 0.15, 0.35) * min(vcpus, 4),
        peak_hour=_between(rng, 10, 20),
        weekend=_between(rng, 0.4, 0.9),
        wander=_between(rng, 0.1, 0.25),
        bursts_a_day=_between(rng, 3, 24),
        memory_mib=_between(rng, 500, 0.16 * memory_mib),
        leak_a_day=float(rng.choice([0.0, 0.01, 0.03])),
        restart_days=int(rng.choice([7, 14])),
    )


def _draw_run(rng: np.random.Generator, workload: Workload, index: int, start_s: float) -> Run:
    day = int(start_s // DAY_S)
    growth = 1 + workload.growth * day
    monday = workload.monday if day % 7 == 0 else 1.0
    return Run(
        workload=index,
        start_s=start_s,
        length_s=max(1.0, workload.duration_s * growth * monday * math.exp(rng.normal(0, workload.duration_spread))),
        cores=workload.cores * math.exp(rng.normal(0, 0.05)),
        memory_mib=workload.memory_mib
        * growth
        * (1 + 0.3 * (monday - 1))
        * math.exp(rng.normal(0, workload.memory_spread)),
    )


def _starts(workload: Workload, first_day: int, last_day: int) -> list[float]:
    return [
        day * DAY_S + tick * 60.0
        for day in range(first_day, last_day)
        if day % 7 in workload.weekdays
        for tick in workload.ticks
    ]


def _part(shape: Shape, done: float) -> tuple[float, float]:
    total = 0.0
    for share, cpu, memory in shape:
        total += share
        if done < total:
            return cpu, memory
    return shape[-1][1], shape[-1][2]


def simulate(seed: int, *, everything: bool = False) -> Truth:
    """One host, with every kind of job if `everything`: the machine's CPU is shared fairly when more is wanted than there is."""
    rng = np.random.default_rng(seed)
    vcpus = int(rng.choice([2, 4, 8], p=[0.3, 0.5, 0.2]))
    memory_mib = {2: 8, 4: 16, 8: 32}[vcpus] * 1024
    api = draw_api(rng, vcpus, memory_mib)
    workloads = draw_workloads(rng, vcpus, memory_mib, everything=everything)
    api_cpu, api_memory = api.series(rng, RECORDED_DAYS)
    wanted = sorted(
        (start + _between(rng, 0.5, 2.0), index)
        for index, workload in enumerate(workloads)
        for start in _starts(workload, 0, RECORDED_DAYS)
        if rng.random() >= 0.003
    )
    cpu, memory, runs = _share(rng, vcpus, workloads, wanted, api_cpu, api_memory)
    cpu = np.clip(cpu + rng.normal(0, 0.004 * vcpus, len(cpu)), 0, vcpus)
    later = np.random.default_rng(seed + 1_000_003)
    future = [
        _draw_run(later, workload, index, start)
        for index, workload in enumerate(workloads)
        for start in _starts(workload, RECORDED_DAYS, RECORDED_DAYS + FUTURE_DAYS)
    ]
    future_cpu, future_memory = api.series(later, FUTURE_DAYS)
    return Truth(
        seed=seed,
        vcpus=vcpus,
        memory_mib=memory_mib,
        workloads=workloads,
        cpu=cpu,
        memory=memory,
        api_cpu=api_cpu,
        api_memory=api_memory,
        runs=runs,
        future=future,
        future_api_cpu=future_cpu,
        future_api_memory=future_memory,
    )


def _share(
    rng: np.random.Generator,
    vcpus: int,
    workloads: tuple[Workload, ...],
    wanted: list[tuple[float, int]],
    api_cpu: np.ndarray,
    api_memory: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, list[Run]]:
    cpu, memory = api_cpu.copy(), api_memory.copy()
    size, place, step = len(cpu), 0, 0
    active: list[tuple[Run, float]] = []
    finished: list[Run] = []
    busy_until: dict[int, float] = {}
    while step < size:
        now = step * STEP_S
        while place < len(wanted) and wanted[place][0] < now + STEP_S:
            start, index = wanted[place]
            place += 1
            if busy_until.get(index, -1.0) > start and rng.random() < 0.7:
                continue  # most jobs guard themselves against overlapping
            run = _draw_run(rng, workloads[index], index, start)
            busy_until[index] = start + run.length_s
            active.append((run, start))
        if not active:
            step = max(step + 1, int(wanted[place][0] // STEP_S)) if place < len(wanted) else size
            continue
        parts = [_part(SHAPES[workloads[run.workload].shape], run.done) for run, _ in active]
        demand = api_cpu[step] + sum(run.cores * part[0] for (run, _), part in zip(active, parts, strict=True))
        speed = min(1.0, vcpus * 0.995 / demand)
        cpu[step] *= speed
        going = []
        for (run, since), (cores, share) in zip(active, parts, strict=True):
            left = (1 - run.done) * run.length_s / speed
            lasted = min(now + STEP_S - since, left)
            used = run.cores * cores * speed * lasted
            cpu[step] += used / STEP_S
            run.cpu_s += used
            run.done += lasted * speed / run.length_s
            run.peak_mib = max(run.peak_mib, run.memory_mib * (1.0 if run.length_s < STEP_S else share))
            if lasted >= left - 1e-6:
                run.end_s = since + lasted
                finished.append(run)
            else:
                memory[step] += run.memory_mib * share
                going.append((run, since + lasted))
        active = going
        step += 1
    for run, since in active:
        run.end_s = since
        finished.append(run)
    return cpu, memory, sorted(finished, key=lambda run: run.start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """What the evidence holds, e.g. 60-second data with the ends of runs."""

    step_s: int
    ends: bool
    maximum: bool = True
    """CloudWatch's Maximum statistic beside the Average."""
    gaps: bool = False

    def __str__(self) -> str:
        parts = [str(self.step_s), "ends" if self.ends else "starts"]
        return ":".join(parts + (["average"] if not self.maximum else []) + (["gaps"] if self.gaps else []))


def evidence(truth: Truth, mode: Mode, name: str = "sim01") -> tuple[HostUsage, tuple[Job, ...]]:
    """What a reader would have made of that host's metrics and cron log."""
    rng = np.random.default_rng(truth.seed + 7)
    source = Source(f"evidence/{name}/metrics/simulated.json")
    block = mode.step_s // STEP_S
    cpu = truth.cpu[: len(truth.cpu) // block * block].reshape(-1, block).mean(axis=1)
    noisy = truth.memory + rng.normal(0, 3, len(truth.memory))
    samples = noisy[int(rng.integers(0, 6)) :: 6]  # an agent samples once a minute, at a phase of its own
    per_bin = mode.step_s // 60
    samples = samples[: len(samples) // per_bin * per_bin].reshape(-1, per_bin)
    keep = np.ones(len(cpu), dtype=bool)
    if mode.gaps:
        keep = rng.random(len(cpu)) >= 0.03
        hole = int(rng.integers(0, len(cpu) - 8 * 3600 // mode.step_s))
        keep[hole : hole + 8 * 3600 // mode.step_s] = False
    times = BEGIN_S + np.arange(len(cpu), dtype=np.int64) * mode.step_s
    series = [
        Series(
            quantity="cpu",
            unit="cores",
            statistic="average",
            interval_s=mode.step_s,
            times_s=times[keep],
            values=cpu[keep],
            source=source,
        ),
        Series(
            quantity="memory",
            unit="mib",
            statistic="average",
            interval_s=mode.step_s,
            times_s=times[keep],
            values=samples.mean(axis=1)[keep],
            source=source,
        ),
    ]
    if mode.maximum:
        series.append(
            Series(
                quantity="memory",
                unit="mib",
                statistic="maximum",
                interval_s=mode.step_s,
                times_s=times[keep],
                values=samples.max(axis=1)[keep],
                source=source,
            )
        )
    jobs, logged = [], []
    for index, workload in enumerate(truth.workloads):
        runs = [run for run in truth.runs if run.workload == index]
        starts = np.array([math.floor(run.start_s) for run in runs], dtype=np.int64) + BEGIN_S
        ends = np.array([math.floor(run.end_s) for run in runs], dtype=float) + BEGIN_S
        nothing = np.full(len(runs), NAN)
        logged.append(
            CommandRuns(
                user="app",
                command=f"/srv/app/bin/{workload.name}",
                starts_s=starts,
                ends_s=ends if mode.ends else nothing,
                pids=np.full(len(runs), -1, dtype=np.int64),
                cpu_s=nothing,
                memory_mib=nothing,
                end_evidence=(("END line", len(runs)),) if mode.ends else (),
                source=Source(f"evidence/{name}/fs/var/log/syslog"),
            )
        )
        jobs.append(
            Job(
                id=workload.name,
                sources=(Source("crontab", index + 1),),
                via=Via(rule=None),
                user="app",
                schedule=workload.schedule,
                timezone="UTC",
                enabled=True,
                command=f"/srv/app/bin/{workload.name}",
                outcome="schedule",
                reason="",
                shortest_gap_s=int(workload.period_s),
            )
        )
    usage = HostUsage(
        host=name,
        vcpus=float(truth.vcpus),
        memory_total_mib=float(truth.memory_mib),
        timezone="UTC",
        series=tuple(series),
        runs=tuple(logged),
        log_span_s=(BEGIN_S, BEGIN_S + RECORDED_DAYS * DAY_S),
    )
    return usage, tuple(jobs)
