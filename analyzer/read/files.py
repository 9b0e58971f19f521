"""The one way in which readers open files: inside a root, bounded, never through a way out of it."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from analyzer.model import Problem, Severity, Source

MAX_BYTES = 512 * 1024 * 1024
"""Largest file, unpacked, that is read; a gzip bomb ends here."""


MAX_LOOKED_AT = 400_000
"""Characters of a file that are looked at to tell what it is."""

GIT_CRYPT = b"\0GITCRYPT\0"
"""How a file begins that git-crypt keeps encrypted as long as the repository is locked."""

VAULT = b"$ANSIBLE_VAULT;"
"""How a file begins that ansible-vault has encrypted."""


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where it may not be looked into or is none."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def is_file(path: Path) -> bool:
    """Whether a file is there and may be looked at: in a folder that may not, nothing is."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_dir(path: Path) -> bool:
    """Whether a folder is there and may be looked at."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Whether anything is there that may be looked at."""
    return is_file(path) or is_dir(path)


def beginning_of(path: Path) -> str:
    """As much of a file's text as tells what it is; "" where it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_LOOKED_AT)
    except OSError:
        return ""


def first_inside(paths: Iterable[Path], root: Path) -> Path | None:
    """The first of the paths that is there and inside `root`; else the first that is there."""
    there = [path for path in paths if exists(path)]
    inside = (path for path in there if path.resolve().is_relative_to(root))
    return next(inside, there[0] if there else None)


def is_folder_name(host: str) -> bool:
    """Whether the evidence of a host of this name can lie in a folder of that name; `..` and `/` lead elsewhere."""
    return host not in ("", ".", "..") and "/" not in host and "\0" not in host and not host.startswith("-")


def not_utf8(source: Source) -> Problem:
    """The warning for a text whose first byte that is not UTF-8 stands at `source`."""
    message = f"{source.file} is not UTF-8; undecodable bytes are replaced"
    return Problem(Severity.WARNING, "file-not-utf8", message, source, "convert it to UTF-8")


class Tree(Struct):
    """A folder that may be read, and the problems met while reading it.

    Paths given and returned are POSIX and relative to `root`. Symbolic links and `..` that lead out are refused.
    """

    root: Path
    label: str = ""
    """Prefix of `Source.file` for files of this tree, e.g. `evidence`; "" for the project itself."""
    problems: list[Problem] = field(default_factory=list)

    def source(self, path: str, line: int = 1) -> Source:
        """Where `path` stands, for messages and provenance."""
        return Source(f"{self.label}/{path}" if self.label else path, line)

    def _inside(self, path: str) -> Path | None:
        try:
            root = Path(os.path.realpath(self.root))
            real = Path(os.path.realpath(root / path))
        except (OSError, ValueError):  # a link that may not be read, a path with a null byte
            return None
        return real if real == root or root in real.parents else None

    def is_file(self, path: str) -> bool:
        """Whether `path` (or `path`.gz) is a file inside the tree."""
        return any((real := self._inside(name)) is not None and real.is_file() for name in (path, path + ".gz"))

    def is_dir(self, path: str) -> bool:
        """Whether `path` is a folder inside the tree."""
        real = self._inside(path)
        return real is not None and real.is_dir()

    def read_bytes(self, path: str) -> bytes | None:
        """The file's bytes, gunzipped where it is `*.gz` (or only `path`.gz exists); None after noting a problem."""
        real = self._inside(path)
        if real is None:
            self._refuse(
                "path-outside-project",
                path,
                "leads out of the folder that may be read",
                "copy the file into the project",
            )
            return None
        if not real.is_file() and (packed := self._inside(path + ".gz")) is not None and packed.is_file():
            real = packed
        try:
            with real.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
            if data[:2] == b"\x1f\x8b":
                data = self._gunzip(path, data)
        except FileNotFoundError:
            self._refuse("file-not-found", path, "does not exist", "check the path")
            return None
        except (OSError, EOFError, zlib.error) as error:
            self._refuse(
                "file-unreadable", path, f"cannot be read: {_plain(error)}", "check its permissions, or copy it again"
            )
            return None
        if len(data) > MAX_BYTES:
            self._refuse("file-too-large", path, f"has more than {MAX_BYTES} bytes", "give a shorter excerpt")
            return None
        return data

    def _gunzip(self, path: str, data: bytes) -> bytes:
        decoder = zlib.decompressobj(wbits=31)
        out = decoder.decompress(data, MAX_BYTES + 1)
        if not decoder.eof and len(out) <= MAX_BYTES:
            self._refuse(
                "file-truncated", path, "is a gzip file that ends too early; what was there is used", "copy it again"
            )
            return out
        rest = decoder.unused_data
        return out + (gzip.decompress(rest)[: MAX_BYTES + 1] if rest[:2] == b"\x1f\x8b" else b"")

    def read_text(self, path: str) -> str | None:
        """The file as UTF-8; undecodable bytes are replaced and noted. None after noting a problem."""
        data = self.read_bytes(path)
        if data is None:
            return None
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problems.append(not_utf8(self.source(path, data.count(b"\n", 0, error.start) + 1)))
            return data.decode("utf-8", errors="replace")

    def walk(self, path: str = "") -> Iterator[str]:
        """Every file below `path`, sorted, without following links that lead out of the tree."""
        start = self._inside(path)
        if start is None or not start.is_dir():
            return
        root = Path(os.path.realpath(self.root))
        for folder, folders, names in os.walk(start):
            folders.sort()
            for name in sorted(names):
                relative = PurePosixPath(Path(folder, name).relative_to(root)).as_posix()
                if (real := self._inside(relative)) is not None and real.is_file():
                    yield relative

    def _refuse(self, code: str, path: str, what: str, hint: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(severity, code, f"{self.source(path).file} {what}", self.source(path), hint))


def _plain(error: BaseException) -> str:
    """An error's text without the absolute path that Python adds to it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
