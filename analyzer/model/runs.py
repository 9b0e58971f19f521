"""What runs: long-running processes, and jobs with their schedules, proofs and footprints."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from analyzer.model.basics import Source
from analyzer.model.decisions import Question
from analyzer.model.effects import Via


class HealthCheck(Struct, frozen=True, kw_only=True):
    """How a process says that it is well."""

    command: tuple[str, ...]
    """ECS form: ("CMD-SHELL", "…") or ("CMD", …)."""
    path: str = ""
    """HTTP path for the target group, "" if none is known."""
    via: Via | None = None


class Process(Struct, frozen=True, kw_only=True):
    """A long-running process: one task definition each."""

    name: str
    """`api` for the one that serves the load balancer, else its own name."""
    command: tuple[str, ...]
    user: str = ""
    working_directory: str = ""
    port: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    """Plain values; no secrets."""
    secrets: tuple[tuple[str, str], ...] = ()
    """(environment variable, secret name)."""
    nofile: int | None = None
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    health_check: HealthCheck | None = None
    image: str = ""
    """An image that a registry has; "" for the application's own, which the bundle builds."""
    entrypoint: tuple[str, ...] = ()
    """In the place of the entrypoint of `image`."""
    mounts: tuple[tuple[str, str, bool], ...] = ()
    """(file system by its path on the host, path in the container, read-only): all that a process of `image` mounts."""
    memory_limit_mib: int | None = None
    """What the host allowed it."""
    cpu_limit: float | None = None
    source: Source
    via: Via
    notes: tuple[str, ...] = ()


class Expression(Struct, frozen=True, kw_only=True):
    """One EventBridge schedule of a job."""

    name: str
    """1-64 of [0-9A-Za-z-_.], unique within the application."""
    expression: str
    """`cron(…)`, `at(…)` or `rate(…)`."""
    timezone: str
    role: Literal["regular", "catch-up"] = "regular"
    """catch-up: an optional one-time `at()` for a run that a clock change would drop."""


class Equivalence(Struct, frozen=True, kw_only=True):
    """The proof that the expressions fire when cron fired."""

    verdict: Literal["equal", "equal-except-dst", "differs", "refused"]
    deduplicated: bool = False
    missed: tuple[str, ...] = ()
    """Instants (ISO, with offset) at which cron ran and the schedules do not."""
    extra: tuple[str, ...] = ()
    method: str = ""
    """How it was shown, in words, with horizon and tz data version."""
    differences: tuple[tuple[str, str], ...] = ()
    """(instant, what each side does)."""


class Estimate(Struct, frozen=True, kw_only=True):
    """A figure with its 90 % interval."""

    value: float
    low: float
    high: float


Confidence: TypeAlias = Literal["high", "medium", "low", "none"]


class Footprint(Struct, frozen=True, kw_only=True):
    """What a job (or the API) was seen to need."""

    vcpu: float | None = None
    """Cores it can use while it runs (p95 over runs of its busiest phase)."""
    cpu_s: float | None = None
    """CPU-seconds a run."""
    memory_mib: int | None = None
    """Peak a run, without margin."""
    duration_s: float | None = None
    runs: int = 0
    confidence: Confidence = "none"
    """The lower of CPU's and memory's."""
    basis: str = "no metrics"
    """In words: samples, days, method, percentile."""
    cpu_confidence: Confidence = "none"
    memory_confidence: Confidence = "none"
    cpu_interval: tuple[float, float] | None = None
    memory_interval: tuple[float, float] | None = None
    advice: str = ""
    """The exact command or move that would raise a low confidence."""


class Job(Struct, frozen=True, kw_only=True):
    """A batch: one line of a crontab, one timer, one script of a run-parts folder."""

    id: str
    """Stable kebab-case name, unique in the application."""
    sources: tuple[Source, ...]
    """The deciding source first; the same job seen in Ansible and on the host has both."""
    via: Via
    user: str
    schedule: str
    """As written."""
    timezone: str
    enabled: bool
    command: str
    """The crontab's own text."""
    container_command: tuple[str, ...] = ()
    working_directory: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    outcome: Literal["schedule", "platform", "manual", "skipped"]
    reason: str
    question: Question | None = None
    answered_questions: tuple[str, ...] = ()
    """Ids of the questions that a person's answer settled."""
    job_class: Literal["heavy", "light"] = "light"
    expressions: tuple[Expression, ...] = ()
    equivalence: Equivalence | None = None
    footprint: Footprint = Footprint()
    single_flight: Literal["", "skip", "queue"] = ""
    """From flock and the like: skip = `-n`, queue = wait."""
    lock: str = ""
    """Lock name; jobs that share one exclude each other."""
    timeout_s: int | None = None
    """Limit of one attempt; from `timeout N`, else derived from the observed duration."""
    retries: int = 0
    """Further attempts after a non-zero exit; 0 as under cron, more only where a person asked for it."""
    flexible_window_minutes: int | None = None
    day_guard: str = ""
    """Set where a state-machine guard (not the expression) restricts the days; e.g. `dom-or-dow`."""
    longest_gap_s: int | None = None
    """Longest time between two firings, for the dead-man alarm."""
    shortest_gap_s: int | None = None
    end_marker: str = ""
    """The heartbeat text, `{batch} End.`"""
    end_marker_added: bool = False
    """True where the batch did not print it itself and the container command appends it."""
    notes: tuple[str, ...] = ()
