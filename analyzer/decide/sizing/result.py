"""What sizing hands on: footprints, classes, sizes, costs, and what the report draws."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from analyzer.decide.platform import FargateSize
from analyzer.decide.sizing.classes import JobClass
from analyzer.model import Application, Cost, Footprint, Problem, Question, TaskDefinition


class PlotRun(Struct, frozen=True, kw_only=True):
    """The runs of one job, for the plot."""

    job: str
    starts_s: tuple[int, ...]
    ends_s: tuple[int, ...]


class Plot(Struct, frozen=True, kw_only=True):
    """One signal of one host, thinned out: each point stands for `step_s` seconds."""

    host: str
    what: str
    """cpu | memory"""
    unit: str
    """cores | MiB"""
    start_s: int
    step_s: int
    mean: tuple[float | None, ...]
    """None in a gap."""
    peak: tuple[float | None, ...]
    baseline: tuple[float, ...]
    """The API's share."""
    jobs: tuple[float, ...]
    """What all jobs add."""
    runs: tuple[PlotRun, ...] = ()
    origin: str = ""


class JobSizing(Struct, frozen=True, kw_only=True):
    """Why a job is in its class."""

    job: str
    job_class: JobClass
    need_vcpu: float
    need_memory_mib: float
    smallest: FargateSize
    """The smallest size that is safe for it alone."""
    duration_s: float
    """Expected on its class's size."""
    runs_a_month: float
    monthly_usd: float
    assumed: bool
    why: str


class BatchCut(Struct, frozen=True, kw_only=True):
    """One way to part the batches in two sizes."""

    light: FargateSize
    heavy: FargateSize
    light_jobs: tuple[str, ...]
    heavy_jobs: tuple[str, ...]
    monthly_usd: float
    chosen: bool


class Sizing(Struct, frozen=True, kw_only=True):
    """Everything that was found out about what an application needs."""

    footprints: Mapping[str, Footprint]
    """By job id."""
    api: Footprint
    classes: Mapping[str, JobClass]
    """By job id."""
    task_definitions: tuple[TaskDefinition, ...]
    costs: tuple[Cost, ...]
    jobs: tuple[JobSizing, ...] = ()
    cuts: tuple[BatchCut, ...] = ()
    """The chosen one first, then the next cheapest."""
    cut_reason: str = ""
    plots: tuple[Plot, ...] = ()
    problems: tuple[Problem, ...] = ()
    questions: tuple[Question, ...] = ()
    price_basis: str = ""


def price_basis(application: Application) -> str:
    """Where the prices of an application's costs come from; "" where nothing was sized."""
    return application.sizing.price_basis if isinstance(application.sizing, Sizing) else ""


def cuts_of(application: Application) -> tuple[tuple[BatchCut, ...], str]:
    """How an application's batches could be parted, and why they are parted as they are."""
    found = application.sizing
    return (found.cuts, found.cut_reason) if isinstance(found, Sizing) else ((), "")
