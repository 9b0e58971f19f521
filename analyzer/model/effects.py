"""Effects: what a rule makes of a task, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from analyzer.model.basics import Source, Value, Verdict
from analyzer.model.inputs import FileContent


class InstallPackages(Struct, frozen=True, kw_only=True):
    """OS packages present (or absent) after the task."""

    manager: Literal["apt", "dnf"]
    names: tuple[str, ...]
    """As written: `puma`, `nginx=1.22*`, a URL or path of a `.deb`/`.rpm`."""
    state: Literal["present", "absent", "latest", "build-dep"] = "present"
    recommends: bool = True
    """False for `install_recommends: false`."""
    options: tuple[str, ...] = ()
    update_cache: bool = False


class PackageRepository(Struct, frozen=True, kw_only=True):
    """A package source or its key."""

    kind: Literal["apt-repository", "apt-key", "deb822", "yum-repository", "rpm-key", "ppa"]
    path: str
    """File it makes, "" where a command adds it."""
    content: str = ""
    url: str = ""
    """Key to download."""
    options: Mapping[str, Value] = field(default_factory=dict)


class LanguagePackages(Struct, frozen=True, kw_only=True):
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


class Ownership(Struct, frozen=True, kw_only=True):
    """Owner, group and mode; "" where the task leaves them alone."""

    owner: str = ""
    group: str = ""
    mode: str = ""
    """Octal with leading zero (`0644`), or symbolic as written (`u=rw,g=r`)."""


class WriteFile(Struct, frozen=True, kw_only=True):
    """A file with known content, or one whose content only the build or run time knows."""

    path: str
    content: FileContent
    ownership: Ownership = Ownership()
    force: bool = True
    """False: only if it is not there yet."""
    validate: str = ""


class MakeDirectory(Struct, frozen=True, kw_only=True):
    """A directory, parents included."""

    path: str
    ownership: Ownership = Ownership()
    recurse: bool = False


class MakeLink(Struct, frozen=True, kw_only=True):
    """A symbolic or hard link."""

    path: str
    target: str
    hard: bool = False
    force: bool = False


class TouchFile(Struct, frozen=True, kw_only=True):
    """`state: touch` or `state: file`: ownership of a file that is there, or an empty one."""

    path: str
    ownership: Ownership = Ownership()
    create: bool = True


class RemovePath(Struct, frozen=True, kw_only=True):
    """`state: absent`."""

    path: str


class EditFile(Struct, frozen=True, kw_only=True):
    """An edit of a file whose content may come from a package or from an earlier `WriteFile`."""

    path: str
    method: Literal["lineinfile", "blockinfile", "replace", "ini_file"]
    args: Mapping[str, Value]
    """The module's documented arguments, defaults left out."""
    ownership: Ownership = Ownership()


class MakeUser(Struct, frozen=True, kw_only=True):
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


class MakeGroup(Struct, frozen=True, kw_only=True):
    """A group in the image."""

    name: str
    state: Literal["present", "absent"] = "present"
    gid: int | None = None
    system: bool = False


class RunCommand(Struct, frozen=True, kw_only=True):
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


class Download(Struct, frozen=True, kw_only=True):
    """get_url."""

    url: str
    path: str
    checksum: str = ""
    """`sha256:…` or "" ."""
    ownership: Ownership = Ownership()
    force: bool = False
    options: tuple[str, ...] = ()
    """Of curl: headers, the agent's name."""


class Unpack(Struct, frozen=True, kw_only=True):
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


class CheckoutCode(Struct, frozen=True, kw_only=True):
    """The application's own code, or third-party code, from version control (git, svn, deploy modules)."""

    repository: str
    path: str
    version: str = ""
    application: bool = True
    """True: it is the team's own code and enters the image by COPY from the repository that holds the Dockerfile."""
    user: str = ""


class ServiceState(Struct, frozen=True, kw_only=True):
    """service/systemd: which unit runs, starts at boot, or is restarted."""

    name: str
    state: str = ""
    """started | stopped | restarted | reloaded | "" """
    enabled: bool | None = None
    masked: bool | None = None


class SetTimezone(Struct, frozen=True, kw_only=True):
    """The host's zone."""

    name: str


class TaskSetting(Struct, frozen=True, kw_only=True):
    """Something the task definition says instead of the host."""

    kind: Literal["sysctl", "ulimit", "environment", "volume", "tmpfs", "health-check"]
    name: str
    value: str
    user: str = ""


class Infrastructure(Struct, frozen=True, kw_only=True):
    """Something Terraform owns."""

    kind: Literal[
        "security-group-rule", "efs", "database", "cache", "load-balancer", "dns", "bucket", "certificate", "queue"
    ]
    name: str
    details: Mapping[str, Value] = field(default_factory=dict)
    """security-group-rule: protocol, port (or `from`-`to`), source (CIDR or group), direction, action."""


class ReleaseStep(Struct, frozen=True, kw_only=True):
    """Belongs to a release: a database migration, an asset upload, a cache warm-up."""

    name: str
    command: str
    directory: str = ""
    user: str = ""


class ScheduleJob(Struct, frozen=True, kw_only=True):
    """An Ansible `cron` task; the schedule itself is decided in decide/schedules.py."""

    name: str


class RunContainer(Struct, frozen=True, kw_only=True):
    """A container that the host's engine keeps running, from an image that a registry has."""

    name: str
    image: str = ""
    """As the engine pulls it; "" where the host builds it."""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    """Files of the host with `NAME=value` lines; `environment` goes before them."""
    ports: tuple[tuple[str, str], ...] = ()
    """(port or range on the host, "" for none; port or range in the container, maybe with `/udp`)"""
    volumes: tuple[tuple[str, str, bool], ...] = ()
    """(path on the host, path in the container, read-only)"""
    user: str = ""
    working_directory: str = ""
    """In the container."""
    health_check: tuple[str, ...] = ()
    """As a task definition has it: ("CMD", …) or ("CMD-SHELL", …)."""
    memory_mib: int | None = None
    cpus: float | None = None
    nofile: int | None = None
    stop_signal: str = ""
    stop_timeout_s: int | None = None
    left: tuple[str, ...] = ()
    """What the host's engine gives it and a task has not, in words."""


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
    | RunContainer
)
"""A closed union: `match` over it and close with `assert_never`."""


class Via(Struct, frozen=True, kw_only=True):
    """Why an output line exists: the rule and the source lines behind it."""

    rule: str | None
    """Rule id; `template:Dockerfile` for skeleton lines that no task caused; None where a person must decide."""
    sources: tuple[Source, ...] = ()
    note: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """One effect in the order of the run."""

    effect: Effect
    via: Via
    role: str = ""
    applies: Verdict = Verdict.YES
    """UNKNOWN: the effect is carried over, with a note that the condition could not be decided."""
