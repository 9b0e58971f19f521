"""The plan: decisions, image, processes, jobs, sizes, costs; and the files of the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from analyzer.model.basics import Problem, Source, Verdict
from analyzer.model.effects import Step, Via
from analyzer.model.inputs import Host, Parameter, Secret


class Outcome(StrEnum):
    """What became of something that was read; exactly one each (contract, section 4)."""

    IMAGE = "image"
    PROCESS = "process"
    TASK_DEFINITION = "task-definition"
    SCHEDULE = "schedule"
    INFRASTRUCTURE = "infrastructure"
    SECRET = "secret"
    DEPLOY = "deploy"
    PLATFORM = "platform"
    CONTROL = "control"
    SKIPPED = "skipped"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A line or JSON pointer of the bundle that a decision made."""

    file: str
    line: int | None = None
    pointer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person must say, with answers offered."""

    id: str
    """Stable over re-runs: made from application, kind and source text, never from a position."""
    text: str
    answers: tuple[str, ...] = ()
    """Ready answers; the first is the default."""
    blocking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The one decision for one thing that was read."""

    kind: Literal["task", "handler", "cron", "timer", "process", "package", "host"]
    source: Source
    role: str = ""
    name: str
    module: str = ""
    applies: Verdict = Verdict.YES
    outcome: Outcome
    rule: str | None
    """None: no rule knows it."""
    reason: str
    outputs: tuple[Output, ...] = ()
    question: Question | None = None
    answered: bool = False
    answered_questions: tuple[str, ...] = ()
    """Ids of the questions that a person's answer settled here; an answer that is listed nowhere is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A file of the build context (below `rootfs/`, or beside the Dockerfile)."""

    path: str
    """Relative to the folder `app/`, e.g. `rootfs/etc/nginx/nginx.conf`."""
    data: bytes
    via: tuple[Via, ...]
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One Dockerfile instruction; each of its lines carries its own reasons."""

    keyword: str
    """FROM, RUN, COPY, ENV, …"""
    lines: tuple[InstructionLine, ...]
    """The text after the keyword; more than one line are joined by ` \\` at the end (the lines hold no backslash)."""
    stage: str = ""
    lint_ignore: tuple[str, ...] = ()
    """hadolint rules that this instruction breaks on purpose; the renderer writes the pragma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionLine:
    """One physical line of an instruction."""

    text: str
    via: tuple[Via, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LeftOut:
    """An effect that a rule gave to the image and that the image, seen as a whole, does without."""

    source: Source
    """The task."""
    what: str
    """A path, `package nginx`, `command`."""
    reason: str
    outcome: Outcome = Outcome.PLATFORM
    """What becomes of it instead; MANUAL where it cannot be made and a person must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProposal:
    """What an expert would do better than the playbook did, asked on one of its tasks, or why that cannot be."""

    source: Source
    """The task."""
    question: Question | None = None
    """None where there is no choice."""
    answer: str | None = None
    """What a reviewer answered, whether or not it can be carried out."""
    reason: str = ""
    """A sentence for the task's decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What the application's image is made of."""

    base_image: str
    instructions: tuple[Instruction, ...]
    files: tuple[ImageFile, ...] = ()
    ignore: tuple[str, ...] = ()
    """Lines of the .dockerignore."""
    user: str = ""
    workdir: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    runtime_variables: tuple[tuple[str, str, Literal["secret", "parameter"]], ...] = ()
    """(environment variable, name, kind): what every container of this image needs, since its entrypoint writes the
    files that hold secrets or parameters from these variables at start."""
    left_out: tuple[LeftOut, ...] = ()
    """Effects that the playbook has and the image has not."""
    proposals: tuple[ImageProposal, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How a process says that it is well."""

    command: tuple[str, ...]
    """ECS form: ("CMD-SHELL", "…") or ("CMD", …)."""
    path: str = ""
    """HTTP path for the target group, "" if none is known."""
    via: Via | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
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
    source: Source
    via: Via
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One EventBridge schedule of a job."""

    name: str
    """1-64 of [0-9A-Za-z-_.], unique within the application."""
    expression: str
    """`cron(…)`, `at(…)` or `rate(…)`."""
    timezone: str
    role: Literal["regular", "catch-up"] = "regular"
    """catch-up: an optional one-time `at()` for a run that a clock change would drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 90 % interval."""

    value: float
    low: float
    high: float


Confidence: TypeAlias = Literal["high", "medium", "low", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """USD a month for one line of the comparison, with how it was reckoned."""

    name: str
    monthly_usd: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A difference between the host and what Ansible says."""

    kind: Literal["package", "service", "crontab", "port", "user", "file"]
    name: str
    seen: Literal["host-only", "ansible-only", "differs"]
    details: str
    proposal: str
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One line of `migrate.yml`: what a person has decided."""

    key: str
    """`answers.<question id>`, `jobs.<id>`, `base_image` …"""
    value: str
    """As people read it; "" for values of variables and facts, which are not repeated."""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Why one line (or JSON value) of an output file is there."""

    line: int | None = None
    pointer: str | None = None
    """RFC 6901, for JSON files."""
    via: Via


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One file of the bundle."""

    path: str
    """Relative to the bundle, POSIX."""
    data: bytes
    provenance: tuple[Provenance, ...] = ()
    mode: int = 0o644
