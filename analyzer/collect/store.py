"""The evidence tree on disk: files appear whole or not at all, and each host's `collect.json` says what is done.

Only what this tool wrote is ever replaced or removed; what a person put there stays until `--refresh`.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from analyzer.collect.records import Content
from analyzer.read.files import is_folder_name
from analyzer.read.redact import Flavour, redact
from analyzer.read.secrets import REDACTED

STATE = "collect.json"
_GZIP_FROM = 1_000_000
"""Bytes from which a file is gzipped."""


class StoreError(Exception):
    """The evidence folder cannot be written."""


class HostStore(Struct):
    """The folder of one host and its state."""

    folder: Path
    state: dict[str, Any]
    kept: list[str] = field(default_factory=list)
    """Files that a person put there and that were left as they are."""

    @classmethod
    def open(cls, evidence: Path, host: str) -> HostStore:
        """The folder `evidence/<host>` with what its collect.json says; a damaged one counts as none."""
        if not is_folder_name(host):
            raise StoreError(f"host {host!r}: no folder can have this name; rename it in the inventory")
        folder = evidence / host
        try:
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            state = {}
        if not isinstance(state, dict) or state.get("version") != 1 or not isinstance(state.get("steps"), dict):
            state = {"version": 1, "host": host, "steps": {}}
        return cls(folder, state)

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self.folder.name

    # -- what is done ---------------------------------------------------------------------------------------------

    def is_done(self, step: str, asked: Any) -> bool:
        """Whether the step was finished for what is `asked` of it (window, options), and its files are there."""
        done = self._step(step)
        return done.get("status") == "done" and done.get("asked") == asked and self._are_there(done.get("files", ()))

    def items(self, step: str, asked: Any) -> list[str]:
        """Items of an unfinished step that are there already."""
        done = self._step(step)
        if done.get("asked") != asked:
            return []
        return [item for item, files in done.get("items", {}).items() if self._are_there(files)]

    def _step(self, step: str) -> dict[str, Any]:
        found = self.state["steps"].get(step)
        return found if isinstance(found, dict) else {}

    def _are_there(self, files: Sequence[str]) -> bool:
        return all((self.folder / name).is_file() for name in files)

    def forget(self, step: str) -> None:
        """The step is to be done again; its files stay until they are replaced."""
        done = self._step(step)
        if done:
            self.state["steps"][step] = {"status": "outdated", "files": done.get("files", [])}

    def finish(self, step: str, asked: Any, at: str, status: str, files: Sequence[str], **more: Any) -> None:
        """Note how the step ended, after its files were written; files of an earlier run that are gone go."""
        before = self._step(step)
        items = before.get("items", {}) if before.get("asked") == asked else {}
        items |= more.pop("items", {})
        kept = sorted({*files, *(name for some in items.values() for name in some)})
        if status == "done":
            others = {
                name for other in self.state["steps"] if other != step for name in self._step(other).get("files", ())
            }
            for name in before.get("files", ()):
                if name not in kept and name not in others:
                    (self.folder / name).unlink(missing_ok=True)
        else:
            kept = sorted({*kept, *before.get("files", ())})
        entry: dict[str, Any] = {"status": status, "asked": asked, "at": at, "files": kept, **more}
        if items:
            entry["items"] = items
        self.state["steps"][step] = entry
        self._save()

    def note_item(self, step: str, asked: Any, item: str, files: Sequence[str]) -> None:
        """One file of a step with many is there: a run that goes on need not fetch it again."""
        before = self._step(step)
        if before.get("asked") != asked:
            before = {"files": before.get("files", [])}
        items = {**before.get("items", {}), item: list(files)}
        owned = sorted({*before.get("files", ()), *files})
        self.state["steps"][step] = {**before, "status": "unfinished", "asked": asked, "files": owned, "items": items}
        self._save()

    def note(self, **values: Any) -> None:
        """Keep something about the host that is no step: its instance, its region."""
        self.state |= values
        self._save()

    def _save(self) -> None:
        self._put(STATE, (json.dumps(self.state, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())

    # -- files ----------------------------------------------------------------------------------------------------

    def write(self, name: str, data: bytes, *, mine: bool = False) -> str:
        """Write a file whose secrets were taken out, gzipped when large; its name, "" where a person's is kept."""
        packed = name + ".gz"
        ours = {file for step in self.state["steps"] for file in self._step(step).get("files", ())}
        for other in (name, packed):
            if not mine and other not in ours and (self.folder / other).exists():
                self.kept.append(other)
                return ""
        if len(data) >= _GZIP_FROM and not name.endswith(".gz"):
            name = packed
        if name.endswith(".gz"):
            data = gzip.compress(data, 6, mtime=0)
        self._put(name, data)
        twin = name.removesuffix(".gz") if name.endswith(".gz") else packed
        if twin in ours:
            (self.folder / twin).unlink(missing_ok=True)
        return name

    def _put(self, name: str, data: bytes) -> None:
        target = self.folder / name
        staged = target.with_name(f".{target.name[:200]}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self.folder.resolve()):
                raise StoreError(f"{target}: a link leads out of the evidence folder; remove it")
            with staged.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            staged.replace(target)
        except OSError as error:
            raise StoreError(f"{target}: {error.strerror or error}") from None
        finally:  # there only where something stopped it, an interruption among them
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)


def place_of(content: Content, step: str) -> str:
    """Where in the host's folder a content belongs; "" for one that is not kept (binary, empty output)."""
    if content.kind == "cmd":
        return f"cmd/{content.name}.txt" if content.data.strip() else ""
    base = content.name.rsplit("/", 1)[-1]
    if content.kind == "metrics":
        if content.data.lstrip()[:1] == b"{":
            return f"metrics/sadf-{base.removeprefix('sa')}.json.gz"
        return f"metrics/{base.removesuffix('.gz')}.pacct.gz" if content.data and "pacct" in base else ""
    if step == "usage":
        return (
            f"fs{content.name}"
            if content.name.endswith(".gz") or len(content.data) < _GZIP_FROM
            else f"fs{content.name}.gz"
        )
    return "" if b"\0" in content.data else f"fs{content.name}"


def clean(content: Content) -> tuple[bytes, int]:
    """The content without its secrets, and how many were taken out."""
    if content.kind == "metrics":
        return content.data, 0
    text = content.data.decode("utf-8", "surrogateescape")
    found = redact(text, flavour_of(content.name, script=content.data[:2] == b"#!"))
    if content.name in ("/etc/passwd", "/etc/group"):  # hosts from before shadow keep the hash in its second field
        found = re.sub(r"^([^:\n]+):(?![x*!]*:)[^:\n]+:", rf"\1:{REDACTED}:", found, flags=re.MULTILINE)
    return found.encode("utf-8", "surrogateescape"), max(0, found.count(REDACTED) - text.count(REDACTED))


def flavour_of(name: str, *, script: bool = False) -> Flavour:
    """How far a value reaches in a file of the host (absolute path) or in a command's output."""
    if name == "journal-cron":
        return Flavour.JOURNAL
    if script or not name.startswith("/etc/") or name.startswith(_SHELL_PLACES) or name.endswith(_UNITS):
        return Flavour.CRONTAB if not script and name.startswith("/var/spool/cron/") else Flavour.SHELL
    return Flavour.CRONTAB if name.startswith(("/etc/cron", "/etc/anacrontab")) else Flavour.CONFIG


_SHELL_PLACES = ("/etc/systemd/", "/etc/cron.hourly/", "/etc/cron.daily/", "/etc/cron.weekly/", "/etc/cron.monthly/",
                 "/etc/init.d/", "/etc/profile")  # fmt: skip
_UNITS = (".service", ".timer", ".socket", ".sh")
