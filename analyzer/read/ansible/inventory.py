"""Hosts, groups and their variables, by ansible-core's own inventory and variable managers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Problem, Severity, Source
from analyzer.model.data import MAX_NESTING, MAX_NODES, unfolds_too_far
from analyzer.read.ansible.core import MESSAGES, ansible, guarded_loader_class, plain, warnings_since
from analyzer.read.evidence_json import NotJsonError, parse_json
from analyzer.read.files import GIT_CRYPT, VAULT, entries, exists, is_dir, is_file, not_utf8
from analyzer.read.secrets import SecretBook

_NOT_INVENTORY = (".bak", ".cfg", ".md", ".orig", ".pyc", ".pyo", ".retry", ".rpm", ".rst", ".swp", ".txt", "~")
_NO_SOURCES = ("group_vars", "host_vars", "vars_plugins")
_MAGIC_OF_THIS_MACHINE = ("ansible_playbook_python", "ansible_config_file", "ansible_version", "hostvars", "omit")


class Inventory(Struct):
    """An Ansible inventory as ansible-core reads it, less anything that would have to be executed."""

    root: Path
    loader: Any
    manager: Any
    variable_manager: Any
    book: SecretBook
    problems: list[Problem] = field(default_factory=list)
    not_run: bool = False
    """Whether a source is a program or a plugin's configuration, so that more hosts may be there than are known."""
    assumed: dict[str, Source] = field(default_factory=dict)
    """Hosts that no source names -> the play for which each is assumed."""

    @property
    def host_names(self) -> tuple[str, ...]:
        """Every host, in inventory order."""
        return tuple(str(host.name) for host in self.manager.get_hosts("all"))

    def matching(self, pattern: object) -> tuple[str, ...]:
        """Hosts that a `hosts:` pattern selects."""
        patterns = [str(item) for item in pattern] if isinstance(pattern, (list, tuple)) else str(pattern)
        try:
            return tuple(str(host.name) for host in self.manager.get_hosts(patterns))
        except ansible().AnsibleError:
            return ()

    def groups_of(self, host: str) -> tuple[str, ...]:
        """The host's groups, `all` and `ungrouped` left out."""
        found = self.manager.get_host(host)
        return (
            tuple(sorted(str(g.name) for g in found.get_groups() if g.name not in ("all", "ungrouped")))
            if found
            else ()
        )

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Group -> hosts, as the magic variable `groups` says."""
        return {
            str(name): tuple(str(h.name) for h in group.get_hosts())
            for name, group in sorted(self.manager.groups.items())
        }

    def variables_of(self, host: str) -> dict[str, Any]:
        """Inventory variables of a host by precedence, secrets masked, this machine's facts left out."""
        found = self.manager.get_host(host)
        if found is None:
            return {}
        raw = self.variable_manager.get_vars(host=found, include_hostvars=False)
        for name in [name for name, value in raw.items() if unfolds_too_far(value)]:
            source = self.source_of(raw.pop(name)) or Source("inventory")
            self.problems.append(
                Problem(
                    Severity.ERROR,
                    "yaml-too-large",
                    f"variable {name} unfolds to more than {MAX_NODES} values or {MAX_NESTING} levels and is not read",
                    source,
                    "take out the aliases that repeat each other",
                )
            )
        if found.implicit:  # localhost that no source names: Ansible gives it its own interpreter
            raw["ansible_python_interpreter"] = "/usr/bin/python3"
        return self.mask({name: value for name, value in raw.items() if name not in _MAGIC_OF_THIS_MACHINE})

    def kinds_of(self, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """The hosts by what can make their variables differ: groups, variables of their own, a host_vars file."""
        kinds: dict[tuple[object, ...], list[str]] = {}
        for name in hosts:
            found = self.manager.get_host(name)
            if found is None:
                kinds.setdefault((name,), []).append(name)
                continue
            own = sorted(
                (str(key), str(value)) for key, value in found.vars.items() if not str(key).startswith("inventory_")
            )
            private = any(exists(folder / f"{name}{suffix}") for folder in self._host_variable_folders()
                          for suffix in ("", ".yml", ".yaml", ".json"))  # fmt: skip
            kinds.setdefault((self.groups_of(name), tuple(own), name if private else ""), []).append(name)
        return [tuple(names) for names in kinds.values()]

    def _host_variable_folders(self) -> list[Path]:
        places = [Path(path) for path in self.manager._sources]  # noqa: SLF001 - the manager offers no accessor
        folders = {path if is_dir(path) else path.parent for path in places} | {Path(self.loader.get_basedir())}
        return [folder / "host_vars" for folder in sorted(folders)]

    @property
    def sources(self) -> tuple[str, ...]:
        """The files and folders that were given."""
        return tuple(str(path) for path in self.manager._sources)  # noqa: SLF001 - the manager offers no accessor

    def assume_host(self, name: str, group: str, play: Source) -> None:
        """Add a host that no source names, to a group where one is given."""
        data = self.manager._inventory  # noqa: SLF001 - as `add_host` does it
        group = data.add_group(group) if group else "ungrouped"
        data.add_host(name, group)
        data.reconcile_inventory()
        self.manager.clear_caches()
        self.assumed[name] = play

    def add_to_group(self, host: str, group: str) -> None:
        """What `group_by` does."""
        data = self.manager._inventory  # noqa: SLF001 - as the strategy plugin does it
        if self.manager.get_host(host) is not None:
            data.add_group(group)
            data.add_child(group, host)
            data.reconcile_inventory()
            self.manager.clear_caches()

    def mask(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The same variables with secrets, and what placeholders stand for, as markers."""
        encrypted = ansible().EncryptedString
        return {
            (key := str(plain(name))): self.book.mask(
                key, value, self.source_of(value), encrypted=encrypted, place_of=self.source_of
            )
            for name, value in variables.items()
        }

    def encoding_problems(self) -> tuple[Problem, ...]:
        """A warning for each file whose bytes are not all UTF-8."""
        return tuple(
            not_utf8(Source(relative(self.root, path), line)) for path, line in sorted(self.loader.not_utf8.items())
        )

    def source_of(self, value: Any) -> Source | None:
        """Where a value stands in the project."""
        tag = ansible().Origin.get_tag(value)
        if tag is None or tag.path is None:
            return None
        return Source(relative(self.root, str(tag.path)), int(tag.line_num or 1))

    def source_of_host(self, host: str) -> Source:
        """The first line of an inventory source that names the host (or the range that makes it)."""
        if host in self.assumed:
            return self.assumed[host]
        for path in self.manager._sources:  # noqa: SLF001 - the manager offers no accessor
            for file in listed_files(Path(path)):
                if (line := _line_naming(file, host)) is not None:
                    return Source(relative(self.root, str(file)), line)
        return Source(relative(self.root, str(self.manager._sources[0])) if self.manager._sources else "inventory")  # noqa: SLF001


def read_inventory(
    root: Path, sources: Sequence[Path], playbook_folder: Path, book: SecretBook, *, merge_hashes: bool = False,
    snapshot: Path | None = None,
) -> Inventory:  # fmt: skip
    """Parse inventory sources (files, or folders of files); nothing in them is executed.

    `snapshot` is what a source that would have to be executed said when it was collected: it is read in its place.
    """
    core = ansible()
    core.constants.DEFAULT_HASH_BEHAVIOUR = "merge" if merge_hashes else "replace"
    loader = guarded_loader_class()([root, *([snapshot] if snapshot else [])])
    loader.set_basedir(str(playbook_folder))
    problems: list[Problem] = []
    usable: list[str] = []
    for path in sources:
        for file in listed_files(path):
            problem = _cannot_be_read_as_text(root, file) or _unfolds(root, file, loader)
            if problem is None:
                usable.append(str(file))
            else:
                problems.append(problem)
    if snapshot is not None and any(one.code in NOT_RUN for one in problems):
        usable.append(str(snapshot))
        sources = (*sources, snapshot)
        problems = [_read_instead(one, root, snapshot) if one.code in NOT_RUN else one for one in problems]
    mark, failed = len(MESSAGES.texts), len(MESSAGES.failures)
    manager = core.InventoryManager(loader=loader, sources=usable or None)
    manager._sources = [str(path) for path in sources]  # noqa: SLF001 - group_vars lie beside the sources as given
    warnings = warnings_since(mark) if usable else ()  # without a source ansible-core says that it parsed none
    problems += _parse_problems(root, warnings, MESSAGES.failures[failed:], usable)
    variables = core.VariableManager(loader=loader, inventory=manager)
    not_run = any(one.code in NOT_RUN for one in problems)
    return Inventory(root, loader, manager, variables, book, problems, not_run)


def _read_instead(problem: Problem, root: Path, snapshot: Path) -> Problem:
    file = problem.source.file if problem.source else ""
    message = f"{file} is not run: what it said when it was collected is read, {relative(root, str(snapshot))}"
    hint = "run `migrate-analyze collect` again where hosts have come or gone"
    return Problem(Severity.NOTE, "inventory-collected", message, problem.source, hint)


_MAX_DEPTH = 8
"""Folders inside each other in an inventory folder; a link to a folder above would never end."""


def listed_files(path: Path, depth: int = 0) -> list[Path]:
    """The sources in a file or folder, in the order of ansible-core, which goes into the folders of a folder, too."""
    if is_file(path):
        return [path]
    if not is_dir(path):
        return []
    found: list[Path] = []
    for entry in entries(path):
        if entry.name.startswith(".") or entry.name.endswith(_NOT_INVENTORY) or entry.name in _NO_SOURCES:
            continue
        if entry.suffix == ".ini" and is_file(entry.with_suffix(".py")):
            continue  # the settings of a program that would be executed: `ec2.ini` of `ec2.py`
        if is_file(entry):
            found.append(entry)
        elif depth < _MAX_DEPTH:
            found += listed_files(entry, depth + 1)
    return found


NOT_RUN = ("inventory-dynamic", "inventory-plugin")
"""Problems of sources that Ansible would execute."""

_SAVE_IT = (
    "`migrate-analyze collect` keeps what it says; or save what `ansible-inventory -i FILE --list --export` prints as "
    "a file, e.g. hosts.json, and give that with -i"
)


def _cannot_be_read_as_text(root: Path, file: Path) -> Problem | None:
    source = Source(relative(root, str(file)))
    if not file.resolve().is_relative_to(root):
        message = f"{source.file} leads out of the project and is not read"
        hint = "copy it into the project, or give a folder that holds both"
        return Problem(Severity.ERROR, "path-outside-project", message, source, hint)
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        return Problem(
            Severity.ERROR,
            "inventory-unreadable",
            f"{source.file} cannot be read: {error.strerror}",
            source,
            "check its permissions",
        )
    if head.startswith((VAULT, GIT_CRYPT)):
        message = f"{source.file} is an encrypted inventory and is not read"
        hint = "give its hosts as a file that is not encrypted with -i: what `ansible-inventory --list --export` prints"
        return Problem(Severity.ERROR, "inventory-encrypted", message, source, hint)
    if head.startswith(b"#!"):
        return Problem(
            Severity.WARNING,
            "inventory-dynamic",
            f"{source.file} is an executable inventory and is not run",
            source,
            _SAVE_IT,
        )
    if re.search(rb"^plugin\s*:", head, re.MULTILINE):
        return Problem(
            Severity.WARNING,
            "inventory-plugin",
            f"{source.file} configures an inventory plugin, which is not run",
            source,
            _SAVE_IT,
        )
    if head.lstrip()[:1] == b"{" and file.suffix not in (".yml", ".yaml"):  # where it may be a flow mapping
        return _broken_listing(file, source)
    return None


def _broken_listing(file: Path, source: Source) -> Problem | None:
    """JSON that is none: Ansible's parser of INI files would make hosts of its braces."""
    try:
        parse_json(file.read_text(encoding="utf-8", errors="replace"))
    except NotJsonError as error:
        where = replace(source, line=error.line)
        message = f"{source.file} cannot be read as an inventory: {error}"
        return Problem(Severity.ERROR, "inventory-syntax", message, where, "save the whole of the listing again")
    return None


def _unfolds(root: Path, file: Path, loader: Any) -> Problem | None:
    """A YAML inventory whose aliases would keep ansible-core's parser busy for ever."""
    if file.suffix not in (".yml", ".yaml", ".json"):
        return None
    try:
        data = loader.load_from_file(str(file))
    except (ansible().AnsibleError, RecursionError, ValueError):
        return None  # the inventory's own parser says what is wrong
    if not unfolds_too_far(data):
        return None
    source = Source(relative(root, str(file)))
    return Problem(
        Severity.ERROR,
        "yaml-too-large",
        f"{source.file} unfolds to more than {MAX_NODES} values or {MAX_NESTING} levels and is not read",
        source,
        "take out the aliases that repeat each other",
    )


_PYTHON_TYPE = re.compile(r"<class '[\w.]*?(?:_AnsibleTagged)?(\w+)'>")


def _parse_problems(
    root: Path, texts: Sequence[str], failures: Sequence[tuple[str, BaseException]], usable: Sequence[str]
) -> list[Problem]:
    """One problem for each source that ansible-core could not parse, in the words of the parser for such files."""
    found = []
    for file in usable:
        if not any(f"Unable to parse {file} " in text for text in texts):
            continue
        plugin = "'yaml'" if file.endswith((".yml", ".yaml", ".json")) else "'ini'"
        source, why = Source(relative(root, file)), "no parser of Ansible takes it"
        for message, error in failures:
            if plugin in message and file in str(getattr(error, "obj", "")):
                origin = ansible().Origin.get_tag(getattr(error, "obj", None))
                source = Source(source.file, int(origin.line_num or 1) if origin else 1)
                why = _PYTHON_TYPE.sub(r"\1", hide(root, str(error).strip().splitlines()[0]))
                break
        message = f"{source.file} cannot be read as an inventory: {why}"
        hint = "its hosts are not in the plan; compare `ansible-inventory -i FILE --list`"
        found.append(Problem(Severity.ERROR, "inventory-syntax", message, source, hint))
    return found


def names_host(source: Path, host: str) -> bool:
    """Whether an inventory (file or folder) names the host, as text."""
    return any(_line_naming(file, host) is not None for file in listed_files(source))


@lru_cache(maxsize=256)
def _lines(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()


def _line_naming(file: Path, host: str) -> int | None:
    pattern = re.compile(rf"(?:^|[\s\"'\[,]){re.escape(host)}(?:$|[\s\"':,\]])")
    lines = _lines(file)
    for number, line in enumerate(lines, 1):
        if pattern.search(line) and not line.lstrip().startswith("#"):
            return number
    stem = re.escape(host.rstrip("0123456789")) if host[-1:].isdigit() else None
    if stem:
        for number, line in enumerate(lines, 1):
            if re.match(rf"\s*{stem}[\w.-]*\[\w+:\w+", line):
                return number
    return None


@lru_cache(maxsize=20_000)
def relative(root: Path, path: str) -> str:
    """`path` as the reader of the bundle knows it: relative to the project's root."""
    try:
        return Path(os.path.normpath(path) if ".." in path else path).relative_to(root).as_posix()
    except ValueError:
        return Path(path).name


def hide(root: Path, text: str) -> str:
    """`text` without this machine's path to the project."""
    return text.replace(f"{root}/", "").replace(str(root), ".")
