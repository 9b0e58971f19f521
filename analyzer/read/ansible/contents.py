"""The files that copy, template, script and unarchive take from the project, found where Ansible looks, rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from analyzer.model import FileContent, Severity, Source, Unknown, Value
from analyzer.read.ansible.core import plain
from analyzer.read.ansible.expressions import analyse_template
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.inventory import relative
from analyzer.read.ansible.roles import GIVE_BOTH, OUTSIDE, YamlReader
from analyzer.read.ansible.scope import OMITTED, Scope
from analyzer.read.ansible.stand_ins import StandIns
from analyzer.read.ansible.values import holds_unknown, thaw
from analyzer.read.files import GIT_CRYPT, is_dir, is_file
from analyzer.read.secrets import is_secret_text

MAX_FILES = 2_000
"""Files of one copied folder."""

MAX_FILE_BYTES = 16 * 1024 * 1024

_FOLDERS = {
    "ansible.builtin.template": "templates",
    "ansible.builtin.copy": "files",
    "ansible.builtin.script": "files",
    "ansible.builtin.unarchive": "files",
    "ansible.builtin.assemble": "files",
    "ansible.posix.synchronize": "files",
    "ansible.posix.patch": "files",
}
"""Modules that carry files from the project, and the role folder where Ansible looks first."""


def contents_for(
    module: str,
    args: Mapping[str, Value],
    frame: Frame,
    scope: Scope,
    reader: YamlReader,
    play_folder: Path,
    task: Source,
) -> tuple[tuple[str, FileContent], ...]:
    """Destination-relative path ("" for a single file) -> content, for modules that deliver files of the project."""
    if module == "ansible.builtin.copy" and "content" in args:
        return (("", _inline(args["content"], task)),)
    folder = _FOLDERS.get(module)
    if folder is None or args.get("remote_src") in (True, "yes", "true", "True"):
        return ()
    if module == "ansible.builtin.unarchive" and not _boolean(args.get("copy"), default=True):
        return ()
    script = module == "ansible.builtin.script"
    written = (args.get("_raw_params") or args.get("cmd") or "") if script else args.get("src")
    if isinstance(written, Unknown):
        return (("", FileContent(source=task, data=None, unknown=written)),)
    if not isinstance(written, str) or not written:
        return ()
    if script:
        written = written.split()[0]
    if module == "ansible.builtin.unarchive" and re.match(r"[a-z]+://", written):
        return ()
    path = find_file(written, folder, frame, reader, play_folder)
    if path is None and (name := _absent_secret(module, written, args.get("dest"))):
        data = reader.inventory.book.marker(name, task, "not in the project").encode()
        return (("", FileContent(source=task, data=data)),)
    if path is None:
        reason = f"{written} is not in the project ({folder}/ of the role and of the playbook were searched)"
        if reader.is_outside(written, _places(folder, frame, play_folder)):
            reason = f"{written} {OUTSIDE}; {GIVE_BOTH}"
        return (("", FileContent(source=task, data=None, unknown=Unknown(written, reason))),)
    if is_dir(path):
        return _folder_contents(path, written, reader)
    if module == "ansible.builtin.template":
        return (("", _rendered(path, args, frame, scope, reader, play_folder)),)
    return (("", _file(path, reader)),)


_SECRET_FILE = re.compile(
    r"(?:.*[._-])?id_(?:rsa|dsa|ecdsa|ed25519)|.*private[._-]?key.*|.*privkey.*|.+\.key|\.(?:netrc|pgpass)"
    r"|(?:.*[._-])?(?:passwords?|passwd|secrets?|tokens?|credentials?)(?:\.(?:txt|yml|yaml|json|key|ini|conf|env))?",
    re.IGNORECASE,
)
_PYTHON_2 = re.compile(r"\.iter(items|keys|values)\(\)")
"""Methods that dictionaries had while Ansible ran on Python 2: templates of that time mean `items()`."""
_PUBLIC_KEYS = re.compile(r"/(?:etc/apt|usr/share/keyrings|etc/pki/rpm-gpg)(?:/.*)?|.*\.(?:pub|crt|asc|gpg)")
"""Keys by which packages and people are known; nobody keeps them secret."""


def _absent_secret(module: str, written: str, dest: Value) -> str:
    """The secret's name, where a file that the project does not hold is one that nobody commits; else ""."""
    if module != "ansible.builtin.copy" or not isinstance(dest, str) or ".." in written.split("/"):
        return ""
    name = (written if dest.endswith("/") else dest).rstrip("/").rpartition("/")[2]
    source = written.rpartition("/")[2]
    if any(_PUBLIC_KEYS.fullmatch(each) for each in (dest, written)):
        return ""
    if not (_SECRET_FILE.fullmatch(name) or _SECRET_FILE.fullmatch(source)):
        return ""
    return re.sub(r"\W+", "_", name).strip("_").lower()


def find_file(name: str, folder: str, frame: Frame, reader: YamlReader, play_folder: Path) -> Path | None:
    """A file by Ansible's search order: the role, its parents, the playbook's folder; None if absent or outside."""
    root = reader.inventory.root
    # the last: an absolute path inside the project, as look-ups give it, less this machine's part
    for candidate in (place / name for place in (*_places(folder, frame, play_folder), root)):
        if (is_file(candidate) or is_dir(candidate)) and candidate.resolve().is_relative_to(root):
            return candidate
    return None


def _places(folder: str, frame: Frame, play_folder: Path) -> list[Path]:
    """Where Ansible looks for a file of a task, in its order."""
    roles = [role.path for role in (frame.role, *reversed(frame.parents)) if role is not None]
    places = [base / sub for base in roles for sub in (folder, "", f"tasks/{folder}", "tasks")]
    return [*places, frame.file.parent / folder, frame.file.parent, play_folder / folder, play_folder]


def is_outside(name: object, folder: str, frame: Frame, reader: YamlReader, play_folder: Path) -> bool:
    """Whether the file that `find_file` does not find lies outside of the folder that may be read."""
    return reader.is_outside(name, _places(folder, frame, play_folder))


def _inline(content: Value, task: Source) -> FileContent:
    if isinstance(content, Unknown) or holds_unknown(content):
        unknown = content if isinstance(content, Unknown) else Unknown("content", "a part of it is not known")
        return FileContent(source=task, data=None, unknown=unknown)
    text = content if isinstance(content, str) else json.dumps(thaw(content), ensure_ascii=False)
    return FileContent(source=task, data=text.encode())


def _file(path: Path, reader: YamlReader) -> FileContent:
    source = Source(relative(reader.inventory.root, str(path)))
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return FileContent(source=source, data=None, unknown=Unknown(source.file, f"cannot be read: {error.strerror}"))
    if len(data) > MAX_FILE_BYTES:
        return FileContent(
            source=source, data=None, unknown=Unknown(source.file, f"has more than {MAX_FILE_BYTES} bytes")
        )
    if data.startswith(GIT_CRYPT) or is_secret_text(data[:65536].decode("utf-8", errors="ignore")):
        name = re.sub(r"\W+", "_", path.name).strip("_").lower()
        return FileContent(source=source, data=reader.inventory.book.marker(name, source, "content").encode())
    return FileContent(source=source, data=data)


def _folder_contents(path: Path, written: str, reader: YamlReader) -> tuple[tuple[str, FileContent], ...]:
    root = reader.inventory.root
    files = [file for file in sorted(path.rglob("*")) if is_file(file) and file.resolve().is_relative_to(root)]
    prefix = "" if written.endswith("/") else f"{path.name}/"
    if len(files) > MAX_FILES:
        source = Source(relative(root, str(path)))
        return (
            ("", FileContent(source=source, data=None, unknown=Unknown(written, f"holds more than {MAX_FILES} files"))),
        )
    return tuple((prefix + file.relative_to(path).as_posix(), _file(file, reader)) for file in files)


def _rendered(
    path: Path, args: Mapping[str, Value], frame: Frame, scope: Scope, reader: YamlReader, play_folder: Path
) -> FileContent:
    raw = _file(path, reader)
    if raw.data is None:
        return raw
    try:
        text = raw.data.decode("utf-8")
    except UnicodeDecodeError:
        return FileContent(source=raw.source, data=None, unknown=Unknown(raw.source.file, "is not UTF-8"))
    text = _PYTHON_2.sub(r".\1()", text)
    scope = replace(scope, variables={**_template_variables(path, args, reader), **scope.variables})
    analysis = analyse_template(text)
    if analysis.error:
        reader.note(
            "jinja-syntax", path, f"cannot be parsed by Jinja: {analysis.error}",
            "correct it; what it renders to is unknown in the plan", analysis.error_line, Severity.WARNING,
        )  # fmt: skip
    stand_ins = StandIns(scope, raw.source)
    own_marks = {"variable_start_string", "variable_end_string"} & args.keys()
    if not own_marks and StandIns(scope, raw.source).why_not(analysis):
        text = stand_ins.computed(text)
        analysis = analyse_template(text)
    if reason := stand_ins.why_not(analysis):
        return FileContent(source=raw.source, data=None, unknown=Unknown(raw.source.file, reason))
    overrides: dict[str, Any] = {"trim_blocks": _boolean(args.get("trim_blocks"), default=True),
                                 "lstrip_blocks": _boolean(args.get("lstrip_blocks"), default=False)}  # fmt: skip
    for name in ("variable_start_string", "variable_end_string", "block_start_string", "block_end_string",
                 "comment_start_string", "comment_end_string", "newline_sequence"):  # fmt: skip
        if isinstance(args.get(name), str):
            overrides[name] = args[name]
    places = [role.path for role in (frame.role, *reversed(frame.parents)) if role is not None] + [play_folder]
    search = [str(place / sub) for place in (*places, path.parent) for sub in ("templates", "")]
    rendered = scope.render(
        text,
        analysis,
        raw.source,
        searchpath=search,
        stand_ins=stand_ins.values,
        escape_backslashes=False,
        overrides=overrides,
    )
    if isinstance(rendered, Unknown):
        return FileContent(source=raw.source, data=None, unknown=rendered)
    rendered = "" if rendered in (None, OMITTED) else rendered
    body = rendered if isinstance(rendered, str) else str(plain(rendered))
    return FileContent(source=raw.source, data=scope.hide_root(body).encode())


def _template_variables(path: Path, args: Mapping[str, Value], reader: YamlReader) -> dict[str, Any]:
    """What the template action adds, without this machine's name, users, times and paths."""
    name = relative(reader.inventory.root, str(path))
    return {
        "ansible_managed": "Ansible managed",
        "template_path": name,
        "template_fullpath": name,
        "template_destpath": plain(args.get("dest")) if isinstance(args.get("dest"), str) else None,
        "template_host": "localhost",
        "template_uid": "root",
        "template_mtime": "",
        "template_run_date": "",
    }


def _boolean(value: Value, *, default: bool) -> bool:
    if value is None or isinstance(value, Unknown):
        return default
    return str(value).lower() in ("yes", "true", "on", "1") if isinstance(value, str) else bool(value)
