"""`migrate.yml`: the reviewers' decisions, each key checked, each with its line; nothing wrong in it stops a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from analyzer.model import Problem, Settings, Severity
from analyzer.read.evidence_json import writable
from analyzer.read.files import Tree
from analyzer.read.yaml_nodes import NoYamlError, compose, entries

_MAX_NODES = 100_000
"""YAML aliases can make a small file endless; this ends it."""

_PLAYBOOK_HEAD = 65_536
"""Characters in which a playbook's first play begins."""

Node: TypeAlias = "yaml.Node"


def read_decisions(
    tree: Tree, path: str, settings: Settings, given: frozenset[str] = frozenset()
) -> tuple[Settings, tuple[Problem, ...]]:
    """`settings` with what the decisions file `path` says; names in `given` stay (the command line said so).

    Whether an answer still matches something is known only after deciding: `decide.questions.stale_decisions`.
    """
    text = tree.read_text(path)
    if text is None:
        return settings, ()
    reader = _Reader(tree, path)
    try:
        root = compose(text)
    except NoYamlError as error:
        reader.problem("decisions-unreadable", error.line, f"the file is not YAML: {error.what}", "correct the file")
        return settings, tuple(reader.problems)
    values: dict[str, Any] = {"decided_at": {}}
    for key, node in reader.entries(root, "the decisions file"):
        handler = _KEYS.get(key)
        if handler is None:
            reader.unknown(key, node, tuple(_KEYS), "key")
        else:
            handler(reader, key, node, values)
    # Other sections stand for answers that parts of the plan look up by id; an answer written as such wins.
    if meant := values.pop("meant", {}):
        values["answers"] = {**meant, **values.get("answers", settings.answers)}
    values["decided_at"] = {**settings.decided_at, **values["decided_at"]}
    kept = {name: value for name, value in values.items() if name not in given}
    return replace(settings, **kept), tuple(reader.problems)


def is_playbook(path: Path) -> bool:
    """Whether a file is a list of plays, as a playbook that migrates a database may be called just so."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_PLAYBOOK_HEAD).splitlines()
    except OSError:
        return False
    first = next((line for line in lines if line.strip() and not line.startswith(("#", "---", "%"))), "")
    return first.startswith("- ")


def playbook_in_place(name: str) -> Problem:
    """What to say where the only file by the decisions file's name is a playbook."""
    return Problem(
        Severity.NOTE,
        "decisions-are-a-playbook",
        f"{name} is a playbook, so it holds no reviewers' answers",
        None,
        "give the answers in another file with --decisions FILE",
    )


class _Reader(Struct):
    tree: Tree
    path: str
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def problem(self, code: str, line: int, found: str, hint: str) -> None:
        """A problem on the 0-based `line`."""
        source = self.tree.source(self.path, line + 1)
        self.problems.append(Problem(Severity.ERROR, code, found, source, hint))

    def unknown(self, key: str, node: Node, known: tuple[str, ...], what: str) -> None:
        close = get_close_matches(key, known, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        self.problem("decisions-key-unknown", node.start_mark.line, f"unknown {what} {key[:80]!r}; it is ignored", hint)

    def invalid(self, key: str, node: Node, expected: str) -> None:
        self.problem(
            "decisions-value-invalid",
            node.start_mark.line,
            f"{key}: the value is not {expected}",
            f"expected {expected}",
        )

    def entries(self, node: Node | None, where: str) -> list[tuple[str, Node]]:
        """Key and value of a mapping, keys as texts; not a mapping, or a key twice, is a problem."""
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            return []
        if not isinstance(node, yaml.MappingNode):
            self.invalid(where, node, "a mapping (`name: value` lines)")
            return []
        found: list[tuple[str, Node]] = []
        for entry in entries(node):
            name = writable(entry.name)
            if entry.repeated:
                self.problem(
                    "decisions-key-twice",
                    entry.key.start_mark.line,
                    f"the key {name[:80]!r} stands twice in {where}; the first one counts",
                    "keep one of the two",
                )
            else:
                found.append((name, entry.value))
        return found

    def value(self, node: Node, depth: int = 0) -> object:
        """The value as YAML means it: texts, numbers, booleans, lists, mappings."""
        self.nodes += 1
        if depth > 30 or self.nodes > _MAX_NODES:
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, depth + 1) for one in node.value]
        if isinstance(node, yaml.MappingNode):
            return {str(getattr(key, "value", key)): self.value(one, depth + 1) for key, one in node.value}
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self.invalid(node.tag[:40], node, "a plain value (secrets stay in the project's vault)")
            return None
        if node.tag == "tag:yaml.org,2002:str":
            return writable(str(node.value))
        try:
            found: object = yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            return str(node.value)
        return found if isinstance(found, str | int | float | bool) or found is None else str(node.value)

    def say(self, values: dict[str, Any], name: str, node: Node) -> None:
        values["decided_at"][name] = self.tree.source(self.path, node.start_mark.line + 1)


Handler: TypeAlias = "Callable[[_Reader, str, Node, dict[str, Any]], None]"


def _text(pattern: str, expected: str) -> Handler:
    def handle(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
        found = reader.value(node)
        if isinstance(found, str) and re.fullmatch(pattern, found):
            values[key] = found
            reader.say(values, key, node)
        else:
            reader.invalid(key, node, expected)

    return handle


def is_zone(name: str) -> bool:
    """Whether tzdata has a zone of this name."""
    from analyzer.cron.zones import ZoneError, zone

    try:
        zone(name)
    except ZoneError:
        return False
    return True


def _timezone(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    found = str(reader.value(node))
    if is_zone(found):
        values[key] = found
        reader.say(values, key, node)
    else:
        reader.invalid(key, node, "an IANA time zone such as Asia/Tokyo")


def _architecture(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    found = {"x86_64": "X86_64", "amd64": "X86_64", "arm64": "ARM64", "aarch64": "ARM64"}.get(
        str(reader.value(node)).lower()
    )
    if found is None:
        reader.invalid(key, node, "X86_64 or ARM64")
    else:
        values[key] = found
        reader.say(values, key, node)


def _headroom(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    found = reader.value(node)
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 500:
        values[key] = float(found)
        reader.say(values, key, node)
    else:
        reader.invalid(key, node, "a number from 0 to 500 (percent above what was seen)")


def _names(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    names: dict[str, str] = {}
    for application, entry in reader.entries(node, key):
        for name, value in reader.entries(entry, f"{key}.{application}"):
            found = reader.value(value)
            if name != "name":
                reader.unknown(name, value, ("name",), f"key of {key}.{application}")
            elif isinstance(found, str) and re.fullmatch(r"[a-z][a-z0-9-]{0,30}", found):
                names[application] = found
                reader.say(values, f"{key}.{application}", value)
            else:
                reader.invalid(f"{key}.{application}.name", value, "a name: a-z, 0-9 and -, at most 31, a letter first")
    values["application_names"] = names


def _jobs(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    classes: dict[str, str] = {}
    left: list[str] = []
    answers: dict[str, object] = values.setdefault("meant", {})
    for job, entry in reader.entries(node, key):
        reader.say(values, f"{key}.{job}", entry)
        for name, value in reader.entries(entry, f"{key}.{job}"):
            found = reader.value(value)
            number = isinstance(found, int | float) and not isinstance(found, bool)
            where = f"{key}.{job}.{name}"
            if name == "class" and found in {"heavy", "light"}:
                classes[job] = str(found)
                answers[f"class:{job}"] = found
            elif name == "class":
                reader.invalid(where, value, "heavy or light")
            elif name == "leave_behind" and isinstance(found, bool):
                left += [job] if found else []
            elif name == "leave_behind":
                reader.invalid(where, value, "true or false")
            elif name == "deadline_minutes" and number and 0 < float(str(found)) <= 10_080:
                answers[f"deadline:{job}"] = found
            elif name == "deadline_minutes":
                reader.invalid(where, value, "a number of minutes, at most a week")
            elif name == "retries" and isinstance(found, int) and number and 0 <= found <= 10:
                answers[f"retries:{job}"] = found
            elif name == "retries":
                reader.invalid(where, value, "a whole number from 0 to 10")
            else:
                reader.unknown(name, value, _JOB_KEYS, f"key of {key}.{job}")
    values["job_classes"] = classes
    values["jobs_left_behind"] = tuple(sorted(left))


_JOB_KEYS = ("class", "leave_behind", "deadline_minutes", "retries")


def _sizes(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for definition, entry in reader.entries(node, key):
        found: dict[str, int] = {}
        for name, value in reader.entries(entry, f"{key}.{definition}"):
            number = reader.value(value)
            if name not in {"cpu", "memory"}:
                reader.unknown(name, value, ("cpu", "memory"), f"key of {key}.{definition}")
            elif isinstance(number, int) and not isinstance(number, bool) and number > 0:
                found[name] = number
            else:
                unit = "CPU units (1024 = one vCPU)" if name == "cpu" else "MiB"
                reader.invalid(f"{key}.{definition}.{name}", value, f"a whole number of {unit}")
        if len(found) == 2:
            sizes[definition] = (found["cpu"], found["memory"])
            values.setdefault("meant", {})[f"size:{definition}"] = f"{found['cpu']}/{found['memory']}"
            reader.say(values, f"{key}.{definition}", entry)
        else:
            reader.invalid(f"{key}.{definition}", entry, "both cpu and memory")
    values["sizes"] = sizes


def _free(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    found: dict[str, object] = {}
    for name, value in reader.entries(node, key):
        plain = name.removeprefix("ansible_") if key == "facts" else name
        found[plain] = reader.value(value)
        reader.say(values, f"{key}.{plain}", value)
    values[key] = found


def _version(reader: _Reader, key: str, node: Node, values: dict[str, Any]) -> None:
    del values
    if reader.value(node) != 1:
        reader.invalid(key, node, "1, the only version there is")


_KEYS: Mapping[str, Handler] = {
    "version": _version,
    "environment": _text(r"[a-z][a-z0-9-]{0,20}", "a name such as production"),
    "region": _text(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as ap-northeast-1"),
    "timezone": _timezone,
    "base_image": _text(r"[a-z0-9][\w./-]*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", "an image such as debian:bookworm-slim"),
    "headroom_percent": _headroom,
    "architecture": _architecture,
    "applications": _names,
    "jobs": _jobs,
    "task_definitions": _sizes,
    "variables": _free,
    "facts": _free,
    "answers": _free,
}
"""Top-level key -> how it is read; the keys a person may write."""
