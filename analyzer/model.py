"""Core types of migrate-analyze.

Everything may import this module; it imports nothing of ours, opens nothing and knows neither a file format nor an AWS
limit. Collections are tuples or read-only mappings, units stand in the names (`memory_mib`, `duration_s`).

    PROJECT ──read──> Project ──decide(+ rules)──> Plan ──render(+ templates)──> OutputFile* ──write──> bundle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Literal, TypeAlias

# --------------------------------------------------------------------------------------------------------------------
# Where something came from, and what went wrong
# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in the input (or in a rule pack)."""

    file: str
    """POSIX path relative to the project's root (evidence: relative to the folder that holds the evidence tree's
    parent, so it reads `evidence/acct01/fs/etc/crontab`)."""
    line: int = 1
    """1-based."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Severity(StrEnum):
    """How much a `Problem` matters: an error lost input, a warning may mislead, a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something in the input that is not what one hoped for; reading went on past it."""

    severity: Severity
    code: str
    """Permanent kebab-case id, e.g. `role-not-found`."""
    message: str
    """What was found and what was expected."""
    source: Source | None = None
    hint: str = ""
    """What the person can do about it."""


# --------------------------------------------------------------------------------------------------------------------
# Values that are known, unknown or secret
# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only the live host or a person knows. Never equal to anything known, never false."""

    expression: str
    """The expression as written, e.g. `{{ result.stdout }}`."""
    reason: str = ""
    """Why it cannot be known, e.g. "registered by roles/api/tasks/main.yml:12"."""


SECRET_OPEN = "\ue000"
SECRET_CLOSE = "\ue001"
"""A secret inside a text is written as SECRET_OPEN + name + SECRET_CLOSE (private-use characters, so no input clashes).
The secret's value never enters the model. `secret_names` finds them; renderers turn them into references."""

PARAMETER_OPEN = "\ue002"
PARAMETER_CLOSE = "\ue003"
"""The same for a value that differs between hosts, or an undefined variable that became a parameter."""


def secret_reference(name: str) -> str:
    """The marker that stands for secret `name` inside a text."""
    return f"{SECRET_OPEN}{name}{SECRET_CLOSE}"


def parameter_reference(name: str) -> str:
    """The marker that stands for parameter `name` inside a text."""
    return f"{PARAMETER_OPEN}{name}{PARAMETER_CLOSE}"


Value: TypeAlias = "str | int | float | bool | Unknown | tuple[Value, ...] | Mapping[str, Value] | None"
"""An argument's value after templating. A `str` may hold secret and parameter markers."""


def line_digest(line: str) -> str:
    """A line's fingerprint, blanks at its end left out."""
    return sha256(line.rstrip().encode(errors="replace")).hexdigest()[:16]


class Verdict(StrEnum):
    """Three-valued truth, for conditions."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


# --------------------------------------------------------------------------------------------------------------------
# What was read: Ansible
# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """The content that a `copy` or `template` task delivers, rendered for the application's hosts."""

    source: Source
    """The file it comes from (`roles/api/templates/puma.service.j2`) or, for inline `content:`, the task."""
    data: bytes | None
    """UTF-8 for text, with secret and parameter markers in it; None where unknown."""
    unknown: Unknown | None = None
    """Why the data is not known (a lookup that must not run, an unresolvable expression, a missing file)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a task's module: a task without a loop has one, a task with a loop has one an item."""

    args: Mapping[str, Value]
    """Arguments by documented name (aliases resolved where known), free form under `_raw_params`, k=v folded in."""
    item: Value = None
    """The loop item, None without a loop."""
    applies: Verdict = Verdict.YES
    """The verdict on `when` for this item."""
    contents: tuple[tuple[str, FileContent], ...] = ()
    """For copy/template/unarchive/script and the like: destination-relative path ("" for a single file) -> content.
    A directory copied from the project has one entry a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task or handler where it stands in the run of an application's plays, arguments resolved."""

    kind: Literal["task", "handler"] = "task"
    source: Source
    role: str = ""
    """Role name, "" in a play itself."""
    name: str
    """The task's `name`, templated as far as possible; the module's name where there is none."""
    module: str
    """Fully qualified: `ansible.builtin.apt`."""
    invocations: tuple[Invocation, ...]
    """At least one; a loop over nothing or over something unknown has one with `Unknown` arguments."""
    applies: Verdict
    """Verdict over all invocations, tags and loops: YES if any applies for sure, NO if none can."""
    applies_reason: str = ""
    """Why NO or UNKNOWN, in words, e.g. "when: ansible_os_family == 'RedHat' (evidence: Debian)"."""
    loop_unknown: bool = False
    """The loop's items could not be known; `invocations` then shows the arguments with `item` unknown."""
    register: str = ""
    notify: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    become_user: str = ""
    """User the module runs as, "" = root (become without user) or the connection user (`become` false)."""
    become: bool = False
    environment: Mapping[str, Value] = field(default_factory=dict)
    delegate_to: Value = None
    may_fail: bool = False
    """`ignore_errors: true` or `failed_when: false`: the play goes on."""
    run_once: bool = False
    no_log: bool = False
    reads_only: bool = False
    """It says of itself that it changes nothing (`changed_when: false`) and keeps its result (`register`)."""
    tags: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """The hosts of the application for which it applies or may apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host of the inventory, or one assumed for a `hosts:` pattern, with what its evidence says."""

    name: str
    source: Source
    """Its line in the inventory, or the evidence folder."""
    groups: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """`ansible_*` facts without the prefix as far as evidence gives them, e.g. `distribution`, `memtotal_mb`."""
    facts_assumed: tuple[str, ...] = ()
    """Names of facts that are declared assumptions, not evidence."""
    timezone: str = ""
    timezone_source: Source | None = None
    ec2: Ec2 | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    """Installed package -> version (dpkg-query, rpm -qa)."""
    services: tuple[HostService, ...] = ()
    listening: tuple[ListeningSocket, ...] = ()
    users: tuple[HostUser, ...] = ()
    files: Mapping[str, Source] = field(default_factory=dict)
    """Absolute path on the host -> evidence file, for every file below `fs/`."""
    units: Mapping[str, tuple[Source, str]] = field(default_factory=dict)
    """`worker.service` -> evidence file and text with its drop-ins, secrets as markers."""
    file_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Absolute path -> `line_digest` of each line, for text files below /etc, /opt, /srv and /usr/local: enough to say
    where a file is not what a role writes, and nothing of what stands in it."""
    packages_manual: tuple[str, ...] | None = None
    """Packages asked for, no dependencies (`apt-mark showmanual`, `dnf repoquery --userinstalled`); None: unknown."""
    changed_files: Mapping[str, Source] = field(default_factory=dict)
    """Configuration files that differ from their package's (`dpkg -V`, `rpm -Va`, `debsums -ce`) -> evidence line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2:
    """What `describe-instances` or the identity document says."""

    source: Source
    instance_id: str = ""
    instance_type: str = ""
    region: str = ""
    availability_zone: str = ""
    architecture: str = ""
    """x86_64 | arm64"""
    vcpus: int | None = None
    memory_mib: int | None = None
    image_id: str = ""
    vpc_id: str = ""
    subnet_id: str = ""
    private_ip: str = ""
    public_ip: str = ""
    security_group_ids: tuple[str, ...] = ()
    volume_ids: tuple[str, ...] = ()
    iam_instance_profile: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class HostService:
    """A unit seen on the host."""

    name: str
    active: str = ""
    """active | inactive | failed"""
    enabled: str = ""
    description: str = ""
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ListeningSocket:
    """A line of `ss -tulpn`."""

    protocol: str
    address: str
    port: int
    process: str = ""
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class HostUser:
    """A line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    source: Source | None = None


# --------------------------------------------------------------------------------------------------------------------
# What was read: cron
# --------------------------------------------------------------------------------------------------------------------


class CronDaemon(StrEnum):
    """Which program reads the crontab; it decides what a line means (`reference: schedules`, section A)."""

    DEBIAN = "debian"
    CRONIE_1_4 = "cronie-1.4"
    CRONIE_1_5 = "cronie-1.5"
    CRONIE_1_7 = "cronie-1.7"
    BUSYBOX = "busybox"
    SYSTEMD = "systemd"
    ANACRON = "anacron"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronEntry:
    """One job as some schedule source states it, nothing interpreted yet but the line's columns."""

    kind: Literal["cron", "timer"] = "cron"
    source: Source
    """The line that defines it; for an Ansible task, the task."""
    host: str = ""
    """Inventory name of the host where it was seen, "" for an entry known from Ansible alone."""
    origin: Literal["ansible", "host"]
    daemon: CronDaemon
    name: str = ""
    """The `#Ansible: name` marker, the `cron` task's name, the unit's or run-parts script's name."""
    path: str = ""
    """Where it lies on the host, e.g. `/etc/cron.d/accounting`, `/var/spool/cron/crontabs/app`."""
    user: str
    schedule: str
    """Five fields or a nickname as written; for a timer its OnCalendar / monotonic settings, one a line."""
    command: str | Unknown
    """The crontab's own text after the time (and user) columns."""
    environment: tuple[tuple[str, str], ...] = ()
    """NAME=value lines that apply to it, in order."""
    enabled: bool = True
    timezone: str = ""
    """Own zone (CRON_TZ, zone suffix of OnCalendar), "" = the host's."""
    dead: str = ""
    """Why the daemon never runs it although it stands there ("Syntax error in line 7: whole file ignored")."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Timer and anacron extras: `RandomizedDelaySec`, `Persistent`, `AccuracySec`, `delay` …"""


# --------------------------------------------------------------------------------------------------------------------
# Everything read
# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationInput:
    """A set of hosts to which the same plays apply, and what was read for them."""

    name: str
    hosts: tuple[Host, ...]
    tasks: tuple[Task, ...]
    """In the order Ansible would run them, handlers last."""
    crons: tuple[CronEntry, ...]
    """Ansible's own `cron` tasks appear both here and in `tasks`; a decision is made once, on the task."""
    usage: tuple[object, ...] = ()
    """`analyzer.read.metrics` series of the hosts (numpy arrays; typed in decide/sizing)."""
    parameters: tuple[Parameter, ...] = ()
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All that was read."""

    root: str
    """Display name of the project folder; no absolute path."""
    environment: str
    environments: tuple[str, ...] = ()
    """All environments the inventory knows (`production`, `development`), the analysed one first."""
    applications: tuple[ApplicationInput, ...]
    problems: tuple[Problem, ...] = ()
    excerpts: Mapping[Source, tuple[str, ...]] = field(default_factory=dict)
    """Source of a task -> its lines as they stand in the file, without secrets; for the report only."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Parameter:
    """A value that the bundle takes from outside: it differs between hosts, or nothing in the project defines it."""

    name: str
    """The Ansible variable's name."""
    source: Source | None = None
    values: tuple[tuple[str, str], ...] = ()
    """(host, value) where known."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Secret:
    """A value that must never be seen: only its name and its places."""

    name: str
    """The Ansible variable's name, e.g. `accounting_db_password`."""
    source: Source | None = None
    """Where it is defined."""
    reason: str = ""
    """vault | no_log | name"""
    used_at: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrices:
    """Rows of a `--prices` file, checked; shaped like those of `rules/platform/`."""

    source: Source
    fargate: tuple[Mapping[str, object], ...] = ()
    ec2: tuple[Mapping[str, object], ...] = ()
    """Size and architecture only where the file says them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person asked for: command line and `migrate.yml`, in one place."""

    environment: str = "production"
    region: str = ""
    timezone: str = ""
    base_image: str = ""
    headroom_percent: float = 20.0
    architecture: str = "X86_64"
    answers: Mapping[str, object] = field(default_factory=dict)
    """Question id -> the reviewer's answer."""
    application_names: Mapping[str, str] = field(default_factory=dict)
    """Name the tool would give an application -> the name it shall have."""
    job_classes: Mapping[str, Literal["heavy", "light"]] = field(default_factory=dict)
    """Job id -> class, where a person has decided it."""
    jobs_left_behind: tuple[str, ...] = ()
    """Ids of jobs that a person does not want to move."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Task definition (api, batch_heavy, batch_light, a process) -> (CPU units, memory in MiB)."""
    variables: Mapping[str, object] = field(default_factory=dict)
    """Values of variables that nothing in the project defines; they rank as extra variables."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Values of facts that no evidence gives, without the `ansible_` prefix."""
    decided_at: Mapping[str, Source] = field(default_factory=dict)
    """`answers.<id>`, `jobs.<id>`, `task_definitions.<name>` … -> the line of the decisions file that says so."""
    prices: OwnPrices | None = None
    """They win over the shipped ones."""


# --------------------------------------------------------------------------------------------------------------------
# Effects: what a rule makes of a task
# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPackages:
    """OS packages present (or absent) after the task."""

    manager: Literal["apt", "dnf"]
    names: tuple[str, ...]
    """As written: `puma`, `nginx=1.22*`, a URL or path of a `.deb`/`.rpm`."""
    state: Literal["present", "absent", "latest", "build-dep"] = "present"
    recommends: bool = True
    """False for `install_recommends: false`."""
    options: tuple[str, ...] = ()
    update_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRepository:
    """A package source or its key."""

    kind: Literal["apt-repository", "apt-key", "deb822", "yum-repository", "rpm-key", "ppa"]
    path: str
    """File it makes, "" where a command adds it."""
    content: str = ""
    url: str = ""
    """Key to download."""
    options: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePackages:
    """Packages of a language's own manager."""

    manager: Literal["pip", "gem", "npm", "bundler", "composer", "yarn", "cpanm"]
    names: tuple[str, ...] = ()
    """name or name+version in the manager's notation; empty with a requirements file or lock file."""
    state: Literal["present", "absent", "latest"] = "present"
    requirements: str = ""
    directory: str = ""
    """Where it is installed: virtualenv, `chdir`, project path."""
    virtualenv: str = ""
    executable: str = ""
    user: str = ""
    options: tuple[str, ...] = ()
    """Words between the manager's verb and the names; what follows `--` goes behind the names."""
    verb: str = ""
    """What the manager is told to do, "" for its own word for installing (npm's `ci`, bundler's `update`)."""
    create: tuple[str, ...] = ()
    """Command that makes `virtualenv`, without the path; () for the interpreter's own `venv`."""
    environment: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Owner, group and mode; "" where the task leaves them alone."""

    owner: str = ""
    group: str = ""
    mode: str = ""
    """Octal with leading zero (`0644`), or symbolic as written (`u=rw,g=r`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFile:
    """A file with known content, or one whose content only the build or run time knows."""

    path: str
    content: FileContent
    ownership: Ownership = Ownership()
    force: bool = True
    """False: only if it is not there yet."""
    validate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectory:
    """A directory, parents included."""

    path: str
    ownership: Ownership = Ownership()
    recurse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLink:
    """A symbolic or hard link."""

    path: str
    target: str
    hard: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchFile:
    """`state: touch` or `state: file`: ownership of a file that is there, or an empty one."""

    path: str
    ownership: Ownership = Ownership()
    create: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePath:
    """`state: absent`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditFile:
    """An edit of a file whose content may come from a package or from an earlier `WriteFile`."""

    path: str
    method: Literal["lineinfile", "blockinfile", "replace", "ini_file"]
    args: Mapping[str, Value]
    """The module's documented arguments, defaults left out."""
    ownership: Ownership = Ownership()


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeUser:
    """An account in the image."""

    name: str
    state: Literal["present", "absent"] = "present"
    uid: int | None = None
    group: str = ""
    groups: tuple[str, ...] = ()
    home: str = ""
    shell: str = ""
    system: bool = False
    create_home: bool = True
    comment: str = ""
    options: tuple[str, ...] = ()
    """Further options of useradd: another skeleton, an id that is taken."""
    append: bool = True
    """False: of an account that is there, other supplementary groups are taken away."""
    move_home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeGroup:
    """A group in the image."""

    name: str
    state: Literal["present", "absent"] = "present"
    gid: int | None = None
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """A command that the build runs as the playbook did."""

    command: str | tuple[str, ...]
    """A shell text (`shell`) or an argument vector (`command`)."""
    directory: str = ""
    user: str = ""
    creates: str = ""
    removes: str = ""
    executable: str = ""
    environment: Mapping[str, Value] = field(default_factory=dict)
    stdin: str = ""
    may_fail: bool = False
    """The playbook goes on when it fails, so the build does too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """get_url."""

    url: str
    path: str
    checksum: str = ""
    """`sha256:…` or "" ."""
    ownership: Ownership = Ownership()
    force: bool = False
    options: tuple[str, ...] = ()
    """Of curl: headers, the agent's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpack:
    """unarchive."""

    archive: str
    """Path in the image, or a URL with `remote`."""
    directory: str
    remote: bool = False
    creates: str = ""
    options: tuple[str, ...] = ()
    ownership: Ownership = Ownership()
    content: FileContent | None = None
    """The archive itself where the project carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutCode:
    """The application's own code, or third-party code, from version control (git, svn, deploy modules)."""

    repository: str
    path: str
    version: str = ""
    application: bool = True
    """True: it is the team's own code and enters the image by COPY from the repository that holds the Dockerfile."""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """service/systemd: which unit runs, starts at boot, or is restarted."""

    name: str
    state: str = ""
    """started | stopped | restarted | reloaded | "" """
    enabled: bool | None = None
    masked: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimezone:
    """The host's zone."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSetting:
    """Something the task definition says instead of the host."""

    kind: Literal["sysctl", "ulimit", "environment", "volume", "tmpfs", "health-check"]
    name: str
    value: str
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Something Terraform owns."""

    kind: Literal[
        "security-group-rule", "efs", "database", "cache", "load-balancer", "dns", "bucket", "certificate", "queue"
    ]
    name: str
    details: Mapping[str, Value] = field(default_factory=dict)
    """security-group-rule: protocol, port (or `from`-`to`), source (CIDR or group), direction, action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStep:
    """Belongs to a release: a database migration, an asset upload, a cache warm-up."""

    name: str
    command: str
    directory: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleJob:
    """An Ansible `cron` task; the schedule itself is decided in decide/schedules.py."""

    name: str


Effect: TypeAlias = (
    InstallPackages
    | PackageRepository
    | LanguagePackages
    | WriteFile
    | MakeDirectory
    | MakeLink
    | TouchFile
    | RemovePath
    | EditFile
    | MakeUser
    | MakeGroup
    | RunCommand
    | Download
    | Unpack
    | CheckoutCode
    | ServiceState
    | SetTimezone
    | TaskSetting
    | Infrastructure
    | ReleaseStep
    | ScheduleJob
)
"""A closed union: `match` over it and close with `assert_never`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """Why an output line exists: the rule and the source lines behind it."""

    rule: str | None
    """Rule id; `template:Dockerfile` for skeleton lines that no task caused; None where a person must decide."""
    sources: tuple[Source, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One effect in the order of the run."""

    effect: Effect
    via: Via
    role: str = ""
    applies: Verdict = Verdict.YES
    """UNKNOWN: the effect is carried over, with a note that the condition could not be decided."""


# --------------------------------------------------------------------------------------------------------------------
# The plan
# --------------------------------------------------------------------------------------------------------------------


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


# --------------------------------------------------------------------------------------------------------------------
# Output
# --------------------------------------------------------------------------------------------------------------------


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
