"""The plan: applications with sizes, costs and drift; and the files of the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from analyzer.model.basics import Problem, Source
from analyzer.model.decisions import Decision
from analyzer.model.effects import Step, Via
from analyzer.model.image import Image
from analyzer.model.inputs import Host, Parameter, Secret
from analyzer.model.runs import Job, Process


class Cost(Struct, frozen=True, kw_only=True):
    """USD a month for one line of the comparison, with how it was reckoned."""

    name: str
    monthly_usd: float
    basis: str


class TaskDefinition(Struct, frozen=True, kw_only=True):
    """One of the three classes (or one more long-running process), sized."""

    name: str
    """api | batch_heavy | batch_light | <process>"""
    cpu: int
    """CPU units, 1024 = one vCPU."""
    memory: int
    """MiB."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    process: str = ""
    """Name of the `Process` it runs, "" for batches."""
    jobs: tuple[str, ...] = ()
    """Ids of the jobs that run on it."""
    basis: str
    """Why this size and not the next smaller."""
    assumed: bool = False
    """True: no metrics, the size is an assumption and a question."""
    monthly_usd: float = 0.0
    desired_count: int = 0
    """Tasks kept running; 0 for batches."""
    ephemeral_storage_gib: int | None = None
    via: tuple[Via, ...] = ()


class Drift(Struct, frozen=True, kw_only=True):
    """A difference between the host and what Ansible says."""

    kind: Literal["package", "service", "crontab", "port", "user", "file"]
    name: str
    seen: Literal["host-only", "ansible-only", "differs"]
    details: str
    proposal: str
    source: Source | None = None


class Application(Struct, frozen=True, kw_only=True):
    """The plan of one application: everything the renderers need."""

    name: str
    environment: str
    environments: tuple[str, ...]
    region: str
    timezone: str
    hosts: tuple[Host, ...]
    image: Image
    decisions: tuple[Decision, ...]
    steps: tuple[Step, ...]
    """Every effect, in order; infrastructure and task settings are read from here."""
    processes: tuple[Process, ...]
    jobs: tuple[Job, ...]
    task_definitions: tuple[TaskDefinition, ...]
    secrets: tuple[Secret, ...]
    parameters: tuple[Parameter, ...]
    drift: tuple[Drift, ...] = ()
    costs: tuple[Cost, ...] = ()
    sizing: object | None = None
    """`decide.sizing.Sizing`: series, runs and baselines for the report's plots."""


class Decided(Struct, frozen=True, kw_only=True):
    """One line of `migrate.yml`: what a person has decided."""

    key: str
    """`answers.<question id>`, `jobs.<id>`, `base_image` …"""
    value: str
    """As people read it; "" for values of variables and facts, which are not repeated."""
    source: Source


class Plan(Struct, frozen=True, kw_only=True):
    """The whole decision, ready to be rendered."""

    environment: str
    applications: tuple[Application, ...]
    problems: tuple[Problem, ...]
    counts: Mapping[str, int]
    """What was read: tasks, handlers, cron, timers, hosts; reconciled with the decisions."""
    excerpts: Mapping[Source, tuple[str, ...]] = field(default_factory=dict)
    """As in `Project`."""
    decided: tuple[Decided, ...] = ()
    question_texts: Mapping[str, str] = field(default_factory=dict)
    """English text of a question -> how people read it, in another language."""


class Provenance(Struct, frozen=True, kw_only=True):
    """Why one line (or JSON value) of an output file is there."""

    line: int | None = None
    pointer: str | None = None
    """RFC 6901, for JSON files."""
    via: Via


class OutputFile(Struct, frozen=True, kw_only=True):
    """One file of the bundle."""

    path: str
    """Relative to the bundle, POSIX."""
    data: bytes
    provenance: tuple[Provenance, ...] = ()
    mode: int = 0o644
