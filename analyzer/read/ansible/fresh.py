"""Which paths a machine has before anything is installed on it, and which of them the tasks so far may have made."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from analyzer.model import Unknown, Value
from analyzer.model.basics import PARAMETER_OPEN, SECRET_OPEN
from analyzer.read.ansible.values import first_unknown

_OF_THE_SYSTEM = (
    "/etc /usr /bin /sbin /lib /lib32 /lib64 /libx32 /proc /sys /dev /run /boot /snap /var/log /var/cache "
    "/var/spool /var/run /var/lock /var/mail /var/backups /var/tmp /var/lib/dpkg /var/lib/apt /var/lib/cloud "
    "/var/lib/systemd /var/lib/dbus /var/lib/pam /var/lib/ucf /var/lib/python /var/lib/rpm /var/lib/dnf "
    "/var/lib/yum /var/lib/amazon /var/lib/snapd /var/lib/selinux /var/lib/alternatives /var/lib/rpm-state "
    "/var/lib/private /var/lib/logrotate /var/lib/chrony /var/lib/dhcp /var/lib/polkit-1 /var/lib/misc "
    "/var/lib/initramfs-tools /var/lib/unattended-upgrades /var/lib/update-notifier /var/lib/update-manager "
    "/var/lib/ubuntu-advantage /var/lib/command-not-found"
).split()
"""Folders whose content the system's image decides."""
_EMPTY_AT_FIRST = frozenset(
    "/ /opt /srv /home /root /tmp /mnt /media /var /var/lib /var/opt /var/local /var/www".split()
)
"""Folders that are there, with nothing in them that a playbook asks for."""
_OF_THE_ADMINISTRATOR = ("/usr/local", "/etc/ssl/private")
_OF_USR_LOCAL = frozenset("bin etc games include lib man sbin share src".split())
_OF_A_HOME = re.compile(r"(?:~|/root|/home/[^/]+)/\.(?:bash\w*|profile|ssh|ssh/authorized_keys|cache|gnupg)")
_HOME_OF_THE_IMAGE = re.compile(
    r"~[\w.-]*|/home/(?:ubuntu|ec2-user|admin|debian|centos|rocky|almalinux|fedora|vagrant|azureuser|opc)"
)

_NO_FILES = frozenset(
    "stat debug set_fact assert fail meta pause wait_for_connection setup gather_facts package_facts service_facts "
    "find slurp fetch getent add_host group_by ping include include_tasks import_tasks include_role import_role "
    "include_vars import_playbook hostname cron sysctl".split()
)
_PACKAGES = frozenset(
    "apt apt_rpm dnf dnf5 yum package zypper apk pacman homebrew snap flatpak pip gem npm yarn pnpm bundler composer "
    "cargo cpanm easy_install pipx".split()
)
_OF_PACKAGES = ("/var/lib/", "/var/www/html/", "/var/opt/")
"""What distributions' packages bring beyond what is the system's anyway."""
_SERVICES = frozenset("service systemd systemd_service sysvinit supervisorctl".split())
_ONE_PATH = frozenset("file lineinfile blockinfile replace ini_file acl tempfile authorized_key known_hosts".split())
"""Modules that make the path that they name and nothing below it. What others name may hold anything."""
_COMMANDS = frozenset("command shell script raw expect".split())

_WORDS_WITH_PATHS = re.compile(r"(?<![\w.$}\ue001\ue003])[/~][\w.@+~/-]*")
_HOME_VARIABLE = re.compile(r"\$(?:HOME\b|\{HOME\})")
_UNKNOWN_PART = re.compile("\\{\\{|\\{%|[" + SECRET_OPEN + PARAMETER_OPEN + "]")
_INSTALLS = re.compile(
    r"\b(?:make|ninja|cmake|meson|npm|yarn|pnpm|pip[\d.]*|pipx|gem|cargo|go|cpan\w*|composer|python[\d.]*|ruby|perl|luarocks|"
    r"easy_install)\b.*\b(?:install|add|i)\b", re.DOTALL
)  # fmt: skip
_RUNS_A_SCRIPT = re.compile(
    r"\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:[A-Z_]+=\S*\s+)*(?:/\S*/)?(?:ba|da|z|k)?sh\b"
    r"|(?:^|[\s;&|(])(?:\./|\S*\.sh\b|\S+/(?:install|setup|configure|bootstrap)\b)"
    r"|\b(?:ba|da|z|k)?sh\s+<\(|\beval\b"
)
"""A program that came from elsewhere: what it makes, and where, stands in no line that was read."""
_A_WORD_IS_A_PARAMETER = re.compile(rf"(?<![^\s=\"']){PARAMETER_OPEN}[^\s]*")
ANYWHERE = "/"
ANYTHING = "*"


_SHORT = 3
"""Letters of a name that must be all of a folder's name; a longer one may be a part of it."""


class Made(Struct):
    """What the tasks so far may have made."""

    paths: set[str] = field(default_factory=set)
    """One that ends in a slash may hold anything; home folders all stand as `~`."""
    names: set[str] = field(default_factory=set)
    """First words of packages and services: what they bring often lies in a folder called so."""
    packages: set[str] = field(default_factory=set)
    """Packages by their whole names, and the commands that may install some; ANYTHING where one is not known."""

    def add(self, module: str, args: Mapping[str, Value], environment: Mapping[str, Value]) -> None:
        """Note what a task makes that calls `module` with `args`."""
        short = module.rpartition(".")[2]
        if short in _NO_FILES or args.get("state") == "absent":
            return
        if short in _PACKAGES or short in _SERVICES:
            self.paths.update(_OF_PACKAGES if short in _PACKAGES else ())
            self.names.update(_first_words(args.get("name")))
            self.packages.update(_said(args))
        if short in ("pip", "gem", "npm", "yarn", "pnpm", "cargo", "composer", "pipx", "cpanm"):
            self.paths.add("/usr/local/")
        if short == "user":
            self.paths.update(_home_of(args))
            return
        if short in _COMMANDS:
            self.packages.update(_said(args))
            self.paths.update(_of_a_command(short, args, environment))
        for value in _paths_in(args, short):
            self.paths.update(_named(value, "" if short in _ONE_PATH and args.get("state") != "link" else "/"))

    def names_path(self, path: str) -> bool:
        """Whether an earlier task made this very path."""
        path = _normal(path)
        return path in self.paths or f"{path}/" in self.paths

    def may_hold(self, path: str) -> bool:
        """Whether `path` may exist by what was done so far."""
        path = _normal(path)
        parts = path.split("/")
        of_a_name = any(
            name == part or (len(name) > _SHORT and name in part) for name in self.names for part in parts[2:]
        )
        if of_a_name and not path.startswith("/usr/local/"):
            return True
        return ANYWHERE in self.paths or any(
            path == other.rstrip("/")
            or other.startswith(path + "/")
            or (other.endswith("/") and path.startswith(other))
            for other in self.paths
        )


def removes_nothing(module: str, calls: Iterable[Mapping[str, Value]], made: Made) -> bool:
    """Whether a task only removes paths that surely are not there: `state: absent`, or `rm` without wildcards."""
    short = module.rpartition(".")[2]
    paths: list[Value] = []
    for args in calls:
        if short == "file" and args.get("state") == "absent":
            paths.append(next((args[name] for name in ("path", "dest", "name") if name in args), None))
        elif short in ("command", "shell") and (found := _removed(args.get("_raw_params"))):
            paths += found
        else:
            return False
    return bool(paths) and all(
        isinstance(path, str) and is_absent_at_first(path) and not made.may_hold(path) for path in paths
    )


def _removed(written: Value) -> tuple[str, ...]:
    """The paths of a command that is `rm` and nothing else."""
    if not isinstance(written, str) or not re.fullmatch(r"rm( -\w+)*( \"?[/~][\w./~-]+\"?)+", written.strip()):
        return ()
    return tuple(word.strip('"') for word in written.split()[1:] if not word.startswith("-"))


def is_absent_at_first(path: str) -> bool:
    """Whether a machine on which nothing was done yet surely has nothing at `path`."""
    path = _absolute(path)
    if not path.startswith(("/", "~/")) or path in _EMPTY_AT_FIRST or _OF_A_HOME.fullmatch(path):
        return False
    if _HOME_OF_THE_IMAGE.fullmatch(path):
        return False
    for folder in _OF_THE_ADMINISTRATOR:
        if path.startswith(folder + "/"):
            return not (folder == "/usr/local" and path.removeprefix("/usr/local/") in _OF_USR_LOCAL)
    return not any(path == folder or path.startswith(folder + "/") for folder in _OF_THE_SYSTEM)


def _absolute(path: str) -> str:
    return path if path.startswith("~") and "/" not in path else re.sub("^//+", "/", posixpath.normpath(path))


def _normal(path: str) -> str:
    """The path with any user's home as `~`: whose home a task means depends on who it becomes."""
    return re.sub(r"^(?:~[\w.-]*|/root|/home/[^/]+)(?=/|$)", "~", _absolute(path))


def _named(value: Value, ending: str) -> Iterator[str]:
    """The path that an argument names, or the folder that is known of it."""
    written = value.expression if isinstance(value, Unknown) else str(value)
    unknown = _UNKNOWN_PART.search(written)
    if unknown is None:
        if written.startswith(("/", "~")) and _normal(written) != "/":
            yield _normal(written) + ending
        return
    folder = written[: unknown.start()].rpartition("/")[0]
    yield _normal(folder) + "/" if folder.startswith(("/", "~")) and folder.strip("/") else ANYWHERE


_NO_PLACES = ("src", "content", "line", "block")
_ARGUMENTS = (
    "dest",
    "path",
    "creates",
    "virtualenv",
    "chdir",
    "dir",
    "directory",
    "working_dir",
    "root",
    "home",
    "prefix",
)


def _paths_in(args: Mapping[str, Value], short: str) -> Iterator[Value]:
    """The arguments that say where something is made: those called so, and all paths unless it is a command."""
    for name, value in args.items():
        is_path = isinstance(value, str) and value.startswith(("/", "~/"))
        if name in _ARGUMENTS or (is_path and short not in _COMMANDS and name not in _NO_PLACES):
            yield value


def _of_a_command(short: str, args: Mapping[str, Value], environment: Mapping[str, Value]) -> Iterator[str]:
    given = [args.get(name) for name in ("_raw_params", "cmd", "argv")]
    if short in ("script", "raw") or any(isinstance(value, Unknown) for value in given):
        yield ANYWHERE
        return
    words = [" ".join(map(str, value)) if isinstance(value, tuple) else value for value in given]
    texts = [_HOME_VARIABLE.sub("~", text) for text in words if isinstance(text, str)]
    if any(_RUNS_A_SCRIPT.search(text) for text in texts):
        yield ANYWHERE
        return
    if any(_INSTALLS.search(text) for text in texts):
        yield "/usr/local/"
    if any(_A_WORD_IS_A_PARAMETER.search(text) for text in texts):
        yield ANYWHERE
    for program in (text.split()[0] for text in texts if text.strip()):
        if is_absent_at_first(program):
            yield "/".join(_normal(program).split("/")[:3]) + "/"  # it knows the folder that it lies in
    texts += [value for value in environment.values() if isinstance(value, str)]
    upwards = any(".." in text for text in (*texts, str(args.get("chdir", ""))))
    for path in (path for text in texts for path in _WORDS_WITH_PATHS.findall(text)):
        for made in _named(path, "/"):
            yield "/".join(made.split("/")[:2]) + "/" if upwards else made
    if upwards and isinstance(where := args.get("chdir"), str):
        yield "/".join(_normal(where).split("/")[:2]) + "/"


def _home_of(args: Mapping[str, Value]) -> Iterator[str]:
    home, name = args.get("home"), args.get("name")
    where = home if home is not None else f"/home/{name}" if isinstance(name, str) else Unknown("/home/{{ name }}")
    for path in _named(where, ""):
        yield path
        yield f"{path.rstrip('/')}/.ssh/"


def _said(args: Mapping[str, Value]) -> Iterator[str]:
    """The texts of a task's arguments in small letters."""
    for value in args.values():
        yield str(value).lower()
        if first_unknown(value) is not None or _A_WORD_IS_A_PARAMETER.search(str(value)):
            yield ANYTHING


def _first_words(value: Value) -> Iterator[str]:
    """`gitlab` of the package `gitlab-ce=16.0`."""
    for one in value if isinstance(value, tuple) else str(value or "").split(","):
        word = re.match(r"[a-z]{3,}", str(one).strip().lower())
        if word is not None:
            yield word[0]
