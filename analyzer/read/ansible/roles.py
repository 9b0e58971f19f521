"""Roles on disk: where they lie, their variables, tasks, handlers and dependencies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from analyzer.model import Problem, Severity, Source
from analyzer.model.data import MAX_NESTING, MAX_NODES, unfolds_too_far
from analyzer.read.ansible.core import ansible, plain
from analyzer.read.ansible.inventory import Inventory, hide, relative
from analyzer.read.ansible.values import kind
from analyzer.read.files import GIT_CRYPT, VAULT, entries, exists, is_dir, is_file

_SUFFIXES = (".yml", ".yaml", ".json", "")


class Role(Struct):
    """A role as its folder says, tasks not yet resolved."""

    name: str
    path: Path
    defaults: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    dependencies: list[Any] = field(default_factory=list)
    allow_duplicates: bool = False


class YamlReader(Struct):
    """YAML files of the project, with origins; each broken one is a problem once."""

    inventory: Inventory
    problems: list[Problem] = field(default_factory=list)
    vault_passwords: tuple[bytes, ...] = ()
    _seen: dict[Path, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Group and host variables pass through here as well, so that one broken file stops nothing."""
        self.inventory.loader.variables_instead = self._instead

    def _instead(self, path: Path) -> dict[str, Any] | None:
        """What a file of group_vars or host_vars holds, read once; a broken or encrypted one holds nothing."""
        data = self.load(path)
        if data is not None and not isinstance(data, dict):
            self.variables(path)  # notes what is wrong
            return {}
        return data or {}

    def load(self, path: Path) -> Any:
        """The file's data, strings trusted as templates; None where it is empty, broken or encrypted."""
        if path not in self._seen:
            self._seen[path] = self._load(path)
        return self._seen[path]

    def variables(self, path: Path) -> dict[str, Any]:
        """A file of variables, secrets masked."""
        data = self.load(path)
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.note(
                "variables-not-a-mapping",
                path,
                f"holds {kind(data)}, expected a mapping of variables",
                "write `name: value` lines",
            )
            return {}
        return self.inventory.mask(data)

    def source(self, value: Any, path: Path) -> Source:
        """Where a YAML value stands."""
        return self.inventory.source_of(value) or Source(relative(self.inventory.root, str(path)))

    def is_outside(self, name: object, folders: Sequence[Path]) -> bool:
        """Whether a file is there, but outside of the folder that may be read."""
        root = self.inventory.root
        paths = [folder / name for folder in folders] if isinstance(name, str) and name and "\0" not in name else []
        return any(exists(path) and not path.resolve().is_relative_to(root) for path in paths)

    def note(
        self, code: str, path: Path, what: str, hint: str = "", line: int = 1, severity: Severity = Severity.ERROR
    ) -> None:
        """A problem with a file of the project."""
        source = Source(relative(self.inventory.root, str(path)), line)
        self.problems.append(Problem(severity, code, f"{source.file} {what}", source, hint))

    def _load(self, path: Path) -> Any:
        data = self._load_any(path)
        if unfolds_too_far(data):
            self.note(
                "yaml-too-large",
                path,
                f"unfolds to more than {MAX_NODES} values or {MAX_NESTING} levels and is not read",
                "take out the aliases that repeat each other",
            )
            return None
        return data

    def _load_any(self, path: Path) -> Any:
        core = ansible()
        try:
            head = _head(path)
        except OSError as error:
            self.note("file-unreadable", path, f"cannot be read: {error.strerror}", "check its permissions")
            return None
        if head.startswith(GIT_CRYPT):
            self.note(
                "file-encrypted", path, "is encrypted with git-crypt; its variables count as undefined",
                "`git-crypt unlock` in the repository, then run again (values never leave the tool)",
                severity=Severity.WARNING,
            )  # fmt: skip
            return None
        if head.startswith(VAULT):
            return self._load_encrypted(path)
        try:
            return self.inventory.loader.load_once(path)
        except core.AnsibleError as error:
            self._note_syntax(path, error)
        except (RecursionError, ValueError, MemoryError) as error:
            self.note("yaml-syntax", path, f"cannot be read as YAML: {type(error).__name__}", "check it with yamllint")
        return None

    def _load_encrypted(self, path: Path) -> Any:
        core = ansible()
        for password in self.vault_passwords:
            try:
                text = core.VaultLib([("default", core.VaultSecret(password))]).decrypt(path.read_bytes())
                data = self.inventory.loader.load(text.decode(), file_name=str(path))
            except (core.AnsibleError, UnicodeDecodeError):
                continue
            return {key: self._all_secret(plain(key), value, path) for key, value in data.items()} if data else {}
        self.note(
            "vault-file-encrypted", path, "is encrypted and no password was given; its variables count as undefined",
            "give --vault-password-file to learn their names (values never leave the tool)", severity=Severity.WARNING,
        )  # fmt: skip
        return None

    def _all_secret(self, name: str, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: self._all_secret(f"{name}_{key}", item, path) for key, item in value.items()}
        if isinstance(value, list):
            return [self._all_secret(f"{name}_{index}", item, path) for index, item in enumerate(value)]
        source = Source(relative(self.inventory.root, str(path)))
        return self.inventory.book.marker(name, source, "vault", str(value))

    def _note_syntax(self, path: Path, error: Exception) -> None:
        origin = getattr(error, "_origin", None) or getattr(error, "obj", None)
        tag = origin if getattr(origin, "line_num", None) else ansible().Origin.get_tag(origin) if origin else None
        words = hide(self.inventory.root, str(error).strip().splitlines()[0]).removeprefix("YAML parsing failed: ")
        line = int(getattr(tag, "line_num", 0) or 1)
        self.note("yaml-syntax", path, f"cannot be read as YAML: {words}", "check it with yamllint", line)


OUTSIDE = "lies outside of the folder that is read"
GIVE_BOTH = "give the folder above that holds both"


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(15)


class RoleFinder(Struct):
    """Finds and loads roles the way Ansible looks for them."""

    reader: YamlReader
    search: tuple[Path, ...]
    """Folders that hold roles, in order."""
    collections: tuple[Path, ...]
    """`ansible_collections` folders of the project."""
    own: tuple[tuple[str, Path], ...] = ()
    """Collections that the project itself is: `namespace.name`, and the folder of its `galaxy.yml`."""
    outside: tuple[Path, ...] = ()
    """Folders of `roles_path` that may not be read, since they lie outside of the project."""
    namespaces: tuple[str, ...] = ()
    """`collections:` of the play that is being read: where its short role names are looked for first."""
    _loaded: dict[tuple[object, ...], Role | None] = field(default_factory=dict)

    def find(
        self,
        name: str,
        source: Source | None,
        near: Path | None = None,
        vars_from: str = "main",
        defaults_from: str = "main",
    ) -> Role | None:
        """The role, or None after noting that it is absent."""
        key = (name, vars_from, defaults_from, self.namespaces)
        if key not in self._loaded:
            self._loaded[key] = self._load(name, source, near, vars_from, defaults_from)
        return self._loaded[key]

    def _load(
        self, name: str, source: Source | None, near: Path | None, vars_from: str, defaults_from: str
    ) -> Role | None:
        path = self._folder(name, near)
        if path is None:
            message = f"role {name} is not in the project"
            hint = "its tasks are not in the plan; `ansible-galaxy role install -p roles …` puts it there"
            if self.reader.is_outside(name, (*self.outside, *self.search)):
                message, hint = f"role {name} {OUTSIDE}", f"its tasks are not in the plan; {GIVE_BOTH}"
            self.reader.problems.append(Problem(Severity.WARNING, "role-not-found", message, source, hint))
            return None
        if not entries(path):
            where = relative(self.reader.inventory.root, str(path))
            message = f"role {name} is an empty folder, {where}: a submodule that is not checked out, perhaps"
            hint = "git submodule update --init, then run again"
            if not os.access(path, os.R_OK | os.X_OK):
                message, hint = f"role {name}: {where} cannot be read: Permission denied", "check its permissions"
            self.reader.problems.append(Problem(Severity.WARNING, "role-empty", message, source, hint))
        meta = self.entry(path, "meta", "main")
        data = self.reader.load(meta) if meta else None
        data = data if isinstance(data, dict) else {}
        return Role(
            name=name.rpartition("/")[2] or name,
            path=path,
            defaults=self._variables(path, "defaults", defaults_from),
            variables=self._variables(path, "vars", vars_from),
            dependencies=list(data.get("dependencies") or []),
            allow_duplicates=bool(data.get("allow_duplicates")),
        )

    def _folder(self, name: str, near: Path | None) -> Path | None:
        root = self.reader.inventory.root
        wanted = [name] if name.count(".") >= 2 else [f"{namespace}.{name}" for namespace in self.namespaces]
        for namespace, collection, role in (full.split(".", 2) for full in wanted if full.count(".") >= 2):
            for base in self.collections:
                folder = base / namespace / collection / "roles" / role
                if is_dir(folder):
                    return folder
            for own, base in self.own:
                if own == f"{namespace}.{collection}" and is_dir(base / "roles" / role):
                    return base / "roles" / role
        places: tuple[Path, ...] = self.search + ((near.parent, near / "roles") if near else ())
        for place in places:
            folder = place / name
            if is_dir(folder) and folder.resolve().is_relative_to(root):
                return folder
        return None

    def _variables(self, path: Path, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for file in self.entries(path, kind, name):
            found.update(self.reader.variables(file))
        return found

    @staticmethod
    def entry(path: Path, kind: str, name: str) -> Path | None:
        """`tasks/main.yml` and its spellings."""
        for suffix in _SUFFIXES:
            file = path / kind / f"{name}{suffix}"
            if is_file(file):
                return file
        return None

    def entries(self, path: Path, kind: str, name: str) -> Sequence[Path]:
        """`defaults/main.yml`, or every file of the folder `defaults/main/`."""
        if (file := self.entry(path, kind, name)) is not None:
            return [file]
        folder = path / kind / name
        if is_dir(folder):
            files = sorted(folder.rglob("*"))
            return [file for file in files if file.suffix in (".yml", ".yaml", ".json") and is_file(file)]
        return []
