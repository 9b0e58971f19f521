"""What was read: hosts, tasks, schedules, and what the person asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from analyzer.model.basics import Problem, Source, Unknown, Value, Verdict


class FileContent(Struct, frozen=True, kw_only=True):
    """The content that a `copy` or `template` task delivers, rendered for the application's hosts."""

    source: Source
    """The file it comes from (`roles/api/templates/puma.service.j2`) or, for inline `content:`, the task."""
    data: bytes | None
    """UTF-8 for text, with secret and parameter markers in it; None where unknown."""
    unknown: Unknown | None = None
    """Why the data is not known (a lookup that must not run, an unresolvable expression, a missing file)."""


OTHER_ARGUMENTS = "_variable_params"
"""Where a template gives a task its arguments (`copy: "{{ settings }}"`) and its value is not known, that `Unknown`
stands under this name, ansible-core's own: what is not among the arguments may be there, too."""


class Invocation(Struct, frozen=True, kw_only=True):
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


class Task(Struct, frozen=True, kw_only=True):
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
    removes_nothing: bool = False
    """All that it does is to remove paths that a fresh machine surely does not have when the task's turn comes."""
    tags: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """The hosts of the application for which it applies or may apply."""


class Host(Struct, frozen=True, kw_only=True):
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


class Ec2(Struct, frozen=True, kw_only=True):
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


class HostService(Struct, frozen=True, kw_only=True, order=True):
    """A unit seen on the host."""

    name: str
    active: str = ""
    """active | inactive | failed"""
    enabled: str = ""
    description: str = ""
    source: Source | None = None


class ListeningSocket(Struct, frozen=True, kw_only=True, order=True):
    """A line of `ss -tulpn`."""

    protocol: str
    address: str
    port: int
    process: str = ""
    source: Source | None = None


class HostUser(Struct, frozen=True, kw_only=True, order=True):
    """A line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    source: Source | None = None


class CronDaemon(StrEnum):
    """Which program reads the crontab; it decides what a line means (`reference: schedules`, section A)."""

    DEBIAN = "debian"
    CRONIE_1_4 = "cronie-1.4"
    CRONIE_1_5 = "cronie-1.5"
    CRONIE_1_7 = "cronie-1.7"
    BUSYBOX = "busybox"
    SYSTEMD = "systemd"
    ANACRON = "anacron"


class CronEntry(Struct, frozen=True, kw_only=True):
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


class ApplicationInput(Struct, frozen=True, kw_only=True):
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


class Project(Struct, frozen=True, kw_only=True):
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


class Parameter(Struct, frozen=True, kw_only=True, order=True):
    """A value that the bundle takes from outside: it differs between hosts, or nothing in the project defines it."""

    name: str
    """The Ansible variable's name."""
    source: Source | None = None
    values: tuple[tuple[str, str], ...] = ()
    """(host, value) where known."""
    reason: str = ""


class Secret(Struct, frozen=True, kw_only=True, order=True):
    """A value that must never be seen: only its name and its places."""

    name: str
    """The Ansible variable's name, e.g. `accounting_db_password`."""
    source: Source | None = None
    """Where it is defined."""
    reason: str = ""
    """vault | no_log | name"""
    used_at: tuple[Source, ...] = ()


class OwnPrices(Struct, frozen=True, kw_only=True):
    """Rows of a `--prices` file, checked; shaped like those of `rules/platform/`."""

    source: Source
    fargate: tuple[Mapping[str, object], ...] = ()
    ec2: tuple[Mapping[str, object], ...] = ()
    """Size and architecture only where the file says them."""


class Settings(Struct, frozen=True, kw_only=True):
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
