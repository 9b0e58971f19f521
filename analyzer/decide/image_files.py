"""Files, directories and links of the image: the playbook's effects on them, composed in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable

from msgspec import Struct, field

from analyzer.decide.image_modes import apply_mode, octal
from analyzer.decide.image_paths import is_existing, is_plain, may_exist, normal, parent, parents
from analyzer.decide.image_shell import Command, command, has_marker, quote, unique
from analyzer.model import ImageFile, Ownership, Via


class Entry(Struct, kw_only=True):
    """What the playbook leaves at a path, as far as it is known before the build."""

    kind: str
    """file | directory | link"""
    data: bytes = b""
    target: str = ""
    owner: str = ""
    group: str = ""
    mode: int | None = None
    """None: what the file system gives (0644, 0755)."""
    via: list[Via] = field(default_factory=list)
    created: bool = True
    """False for a directory that was there before and only changes owner or mode."""
    maybe: bool = False
    """True for a parent directory that a package may bring: it gets owner and mode only if it is new."""
    late: bool = False
    """True where it must follow a step of the build (an archive unpacked around it, the application's code)."""

    def own(self, ownership: Ownership, via: Via) -> bool:
        """Takes over owner, group and mode; False where the mode cannot be understood."""
        self.owner = ownership.owner or self.owner
        self.group = ownership.group or self.group
        self.via.append(via)
        if not ownership.mode or ownership.mode == "preserve":
            return True
        default = 0o755 if self.kind == "directory" else 0o644
        mode = apply_mode(self.mode if self.mode is not None else default, ownership.mode, directory=default == 0o755)
        if mode is None:
            return False
        self.mode = mode
        return True

    @property
    def user_and_group(self) -> str:
        """`owner:group` as chown takes it, "" where nobody said."""
        if self.owner and self.group:
            return f"{self.owner}:{self.group}"
        return self.owner or (f":{self.group}" if self.group else "")

    @property
    def text(self) -> str:
        """The content as text; undecodable bytes are replaced (used to look for markers only)."""
        return self.data.decode("utf-8", errors="replace")


class FileTree(Struct):
    """Path -> what the playbook leaves there. Paths through links that the playbook makes are resolved."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def resolve(self, path: str) -> str:
        """`path` with the known links above it followed."""
        path = normal(path)
        for _ in range(20):
            for above in parents(path):
                entry = self.entries.get(above)
                if entry is not None and entry.kind == "link":
                    base = entry.target if entry.target.startswith("/") else f"{parent(above)}/{entry.target}"
                    path = normal(base + path[len(above) :])
                    break
            else:
                return path
        return path

    def get(self, path: str) -> Entry | None:
        """The entry at `path`."""
        return self.entries.get(self.resolve(path))

    def write(self, path: str, data: bytes, ownership: Ownership, via: Via, *, late: bool) -> bool:
        """A file with this content; what it was before keeps its owner and mode. False: its mode is not understood."""
        path = self.resolve(path)
        entry = self.entries.get(path)
        if entry is not None and entry.kind == "link":
            path = self.resolve(entry.target if entry.target.startswith("/") else f"{parent(path)}/{entry.target}")
            entry = self.entries.get(path)
        if entry is None or entry.kind != "file":
            entry = self.entries[path] = Entry(kind="file")
        entry.data = data
        entry.late = entry.late or late
        return entry.own(ownership, via)

    def directory(self, path: str, ownership: Ownership, via: Via, *, late: bool) -> bool:
        """A directory; the parents that are new get the same owner and mode, as Ansible gives them."""
        path = self.resolve(path)
        understood = True
        for each in (*parents(path), path):
            entry = self.entries.get(each)
            if each != path and (entry is not None or is_existing(each)):
                continue
            if entry is None or entry.kind != "directory":
                entry = self.entries[each] = Entry(
                    kind="directory",
                    created=not is_existing(each),
                    maybe=each != path and may_exist(each),
                    late=late,
                )
            understood = entry.own(ownership, via) and understood
        return understood

    def link(self, path: str, target: str, via: Via, *, late: bool) -> None:
        """A symbolic link."""
        path = f"{self.resolve(parent(normal(path)))}/{normal(path).rsplit('/', 1)[1]}".replace("//", "/")
        self.entries[path] = Entry(kind="link", target=target, via=[via], late=late)

    def remove(self, path: str) -> None:
        """Nothing is at `path` or below it any more."""
        path = self.resolve(path)
        for each in [each for each in self.entries if each == path or each.startswith(path + "/")]:
            del self.entries[each]

    def below(self, path: str) -> list[Entry]:
        """Entries below `path`, the directories that files imply among them."""
        path = self.resolve(path)
        for each in [each for each in self.entries if each.startswith(path + "/")]:
            for above in parents(each):
                if above.startswith(path + "/") and above not in self.entries:
                    self.entries[above] = Entry(kind="directory")
        return [entry for each, entry in self.entries.items() if each.startswith(path + "/")]


def is_plain_name(path: str) -> bool:
    """Whether COPY takes `path` as it stands."""
    return re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", path) is not None


def context_name(path: str) -> str:
    """Where a file lies below `rootfs/`: at its own path, or under a name that COPY and git can take."""
    if is_plain_name(path):
        return path
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"/.renamed/{digest}-" + re.sub(r"[^A-Za-z0-9_@%+=:,.-]+", "_", path.rpartition("/")[2])


class CopyLine(Struct, frozen=True, kw_only=True):
    """A COPY from `rootfs/`."""

    sources: tuple[str, ...]
    destination: str
    via: tuple[Via, ...]


def image_files(files: Iterable[tuple[str, Entry]]) -> tuple[ImageFile, ...]:
    """The files of the build context, without those that the entrypoint writes."""
    return tuple(
        ImageFile(
            path="rootfs" + context_name(path),
            data=entry.data,
            via=unique(entry.via),
            mode=0o755 if entry.mode is not None and entry.mode & 0o111 else 0o644,
        )
        for path, entry in sorted(files)
    )


def copy_lines(files: Collection[tuple[str, Entry]], context: Collection[str]) -> tuple[CopyLine, ...]:
    """COPY for every file: whole trees where that leaves the directories' owners and modes alone, else file by file.

    `context`: paths of everything below `rootfs/`, which a tree would take along.
    """
    if not files:
        return ()
    by_path = dict(files)
    directories = sorted({each for path in (*by_path, *context) for each in parents(path)})
    # a directory may be copied as a tree if every directory with files in it is as COPY leaves it
    whole = [
        each
        for each in directories
        if all(is_plain(other) for other in directories if other == each or other.startswith(each.rstrip("/") + "/"))
    ]
    lines: list[CopyLine] = []
    done: set[str] = set()
    for directory in whole:
        prefix = directory.rstrip("/") + "/"
        paths = [path for path in sorted(by_path) if path.startswith(prefix) and path not in done]
        # a tree of one file is clearer as that file
        if len({parent(path) for path in paths}) > 1:
            done.update(paths)
            via = unique(via for path in paths for via in by_path[path].via)
            lines.append(CopyLine(sources=(f"rootfs{prefix}",), destination=prefix, via=via))
    rest: dict[str, list[str]] = {}
    for path in sorted(by_path):
        if path not in done:
            rest.setdefault(parent(path), []).append(path)
    for directory, paths in sorted(rest.items()):
        via = unique(via for path in paths for via in by_path[path].via)
        sources = tuple("rootfs" + path for path in paths)
        lines.append(CopyLine(sources=sources, destination=directory.rstrip("/") + "/", via=via))
    return tuple(lines)


def ownership_commands(entries: Iterable[tuple[str, Entry]]) -> tuple[Command, ...]:
    """Directories, links, owners and modes, the higher paths first."""
    commands: list[Command] = []
    ordered = sorted(entries)
    setgid = [path for path, entry in ordered if entry.kind == "directory" and (entry.mode or 0) & 0o2000]
    for path, entry in ordered:
        via = unique(entry.via)
        name = quote(path)
        match entry.kind:
            case "directory":
                inherits = not entry.created or any(path.startswith(each + "/") for each in setgid)
                commands.append(Command(lines=(_directory(name, entry, clear=inherits),), via=via))
            case "link":
                commands.append(command(f"ln -sfn {quote(entry.target)} {name}", *via))
            case _:
                if has_marker(entry.text):
                    continue
                if entry.user_and_group and entry.user_and_group not in ("root", "root:root", ":root"):
                    commands.append(command(f"chown {quote(entry.user_and_group)} {name}", *via))
                if entry.mode is not None and entry.mode not in (0o644, 0o755):
                    commands.append(command(f"chmod {octal(entry.mode)} {name}", *via))
    return _merged(commands)


def _directory(name: str, entry: Entry, *, clear: bool) -> str:
    """`clear`: the directory may have a set-group-ID bit, which only a mode of five digits takes away."""
    owner = f"-o {quote(entry.owner)} " if entry.owner else ""
    group = f"-g {quote(entry.group)} " if entry.group else ""
    mode = f"-m {'0' * clear}{octal(entry.mode)} " if entry.mode is not None else ""
    if not (owner or group or mode):
        return f"mkdir -p {name}"
    make = f"install -d {owner}{group}{mode}{name}"
    return f"if [ ! -d {name} ]; then {make}; fi" if entry.maybe else make


def _merged(commands: list[Command]) -> tuple[Command, ...]:
    """Neighbours that differ in the path alone become one command with a line for each path."""
    merged: list[Command] = []
    heads: list[str] = []
    for each in commands:
        text = each.lines[0]
        head, _, path = text.rpartition(" ")
        simple = text.startswith(("install -d ", "mkdir -p ", "chown ", "chmod ")) and not path.endswith("'")
        if simple and heads and heads[-1] == head and each.via == merged[-1].via:
            last = merged[-1]
            merged[-1] = Command(lines=(f"{last.lines[0]} {path}",), via=last.via)
            continue
        merged.append(each)
        heads.append(head if simple else "")
    return tuple(merged)
