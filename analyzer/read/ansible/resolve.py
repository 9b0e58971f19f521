"""One task resolved: its module, its arguments item by item, and the verdict on whether it applies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from analyzer.model import OTHER_ARGUMENTS, Invocation, Source, Unknown, Value, Verdict
from analyzer.read.ansible.arbitrary import release_folders, temporary_path
from analyzer.read.ansible.contents import contents_for
from analyzer.read.ansible.core import ansible, plain
from analyzer.read.ansible.frames import Frame
from analyzer.read.ansible.loops import Loop
from analyzer.read.ansible.names import FREE_FORM, documented_names, is_module_key, resolve_module, split_arguments
from analyzer.read.ansible.run import Items, Run
from analyzer.read.ansible.scope import OMITTED, Scope
from analyzer.read.ansible.values import as_list, both, freeze, kind


class Call(Struct, frozen=True):
    """A task's module and arguments as written."""

    key: str
    """The module's name as written, "" where the task names none."""
    module: str
    layers: tuple[Mapping[str, Any] | str, ...]
    """Arguments by documented name, and templates that give some as a mapping; the later ones over the earlier."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that the task names, and those of `module_defaults`."""
        return {name: value for layer in self.layers if isinstance(layer, Mapping) for name, value in layer.items()}


def call_of(entry: Mapping[str, Any], frame: Frame, run: Run, source: Source) -> Call:
    """Module and arguments of a task, in all the ways they can be written."""
    key, written = _module_of(entry)
    if not key:
        run.note(
            "task-without-module",
            "no module is named in this task",
            source,
            "a task needs exactly one key that is a module, such as `ansible.builtin.copy:`",
        )
        return Call("", "unknown", ())
    module = resolve_module(key)
    try:
        arguments, free = split_arguments(module, written)
    except ValueError as error:
        run.note("arguments-syntax", f"arguments of {key}: {error}", source, "write them as a YAML mapping")
        arguments, free = {}, str(plain(written))
    layers: list[Mapping[str, Any] | str] = []
    defaults = frame.module_defaults.get(module) or frame.module_defaults.get(module.rpartition(".")[2])
    if isinstance(defaults, Mapping):
        layers.append(_named(module, defaults))
    extra = entry.get("args")
    if isinstance(extra, Mapping):
        arguments = {**extra, **arguments}
    elif isinstance(extra, str) and _ONE_TEMPLATE.fullmatch(extra):
        layers.append(extra)
    arguments = _named(module, arguments)
    if free is not None and _ONE_TEMPLATE.fullmatch(free) and module.rpartition(".")[2] not in FREE_FORM:
        layers.append(free)
    elif free is not None:
        arguments["_raw_params"] = free
    return Call(key, module, (*layers, arguments))


def _named(module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their documented names; a command's text is under one name, however it is given."""
    found = documented_names(
        module, {str(name): value for name, value in arguments.items()}
    )  # YAML has other keys, too
    if "cmd" in found and module in ("ansible.builtin.command", "ansible.builtin.shell"):
        found["_raw_params"] = found.pop("cmd")
    return found


def resolve_items(
    call: Call,
    frame: Frame,
    scope: Scope,
    loop: Loop,
    run: Run,
    play_folder: Path,
    source: Source,
    item_scope: Callable[[int, Any], Scope],
) -> Items:
    """An invocation for each item of the loop (one where there is none), with the variables it saw."""
    found = []
    for index, item in enumerate(loop.items or (None,)):
        here = scope
        if not_known := loop.not_known(item):
            here = replace(scope, unknown={**scope.unknown, **not_known})
        elif loop.present:
            here = item_scope(index, item)
        args = _arguments(call, here, run, source)
        if frame.no_log and not call.module.endswith(("set_fact", "debug")):
            args = _hide_no_log(args, run, source)
        verdict = Verdict.YES
        for condition in frame.when if loop.present and loop.items else ():
            verdict = both(verdict, here.verdict(condition)[0])
        invocation = Invocation(
            args=args,
            item=freeze(plain(item), run.hide_root) if loop.present else None,
            applies=verdict,
            contents=contents_for(call.module, args, frame, here, run.reader, play_folder, source),
        )
        found.append((invocation, here))
    return found


def _arguments(call: Call, scope: Scope, run: Run, source: Source) -> dict[str, Value]:
    """All arguments, templated; those of a mapping that is not known stand under OTHER_ARGUMENTS."""
    found: dict[str, Value] = {}
    for layer in call.layers:
        if not isinstance(layer, str):
            values = {name: _argument(call.module, name, value, scope, run, source) for name, value in layer.items()}
            found |= {name: value for name, value in values.items() if value is not OMITTED}
            continue
        value = scope.value(layer, source)
        if isinstance(value, Mapping):
            mask = run.reader.inventory.book.mask
            found |= _named(call.module, {name: freeze(mask(name, one, source)) for name, one in value.items()})
        elif isinstance(value, Unknown):
            found = {OTHER_ARGUMENTS: value}  # it may hold each of those below it
        else:
            run.note("arguments-syntax", f"arguments of {call.key}: `{plain(layer)[:80]}` is {kind(value)}", source,
                     "a template that stands for all arguments must give a mapping")  # fmt: skip
    return found


def _argument(module: str, name: str, value: Any, scope: Scope, run: Run, source: Source) -> Value:
    if module == "ansible.builtin.debug" or (name == "that" and module == "ansible.builtin.assert"):
        return freeze(plain(value), run.hide_root)
    masked = run.reader.inventory.book.mask(name, value, source, encrypted=ansible().EncryptedString)
    return scope.item(masked, source)


_ONE_TEMPLATE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
"""A text that is one template, which may be any kind of data."""


_PROGRAM = re.compile(r"\s*((?:/[\w./-]+/)?[A-Za-z][\w.-]*)\s")
"""The program that a command starts with; what follows it may hold secrets."""


def _hide_no_log(args: Mapping[str, Value], run: Run, source: Source) -> dict[str, Value]:
    """`no_log` promises that nobody sees the arguments; those that say what and where are kept."""
    book = run.reader.inventory.book
    shown = ("name", "path", "dest", "src", "state", "owner", "group", "mode", "user", "enabled")
    hidden: dict[str, Value] = {}
    for key, value in args.items():
        keep = key in shown or not isinstance(value, str) or "\ue000" in value
        program = _PROGRAM.match(value) if key == "_raw_params" and isinstance(value, str) and not keep else None
        where = f"{source.file.rpartition('/')[2]}_{source.line}_{key}".replace(".", "_").replace("-", "_")
        marker = value if keep else book.marker(where, source, "no_log")
        hidden[key] = f"{program[1]} {marker}" if program else marker
    return hidden


def why_never_reached(frame: Frame, run: Run, notified: tuple[Verdict, str] | None) -> str:
    """Why Ansible does not even come to the task, "" if it does: then it may still skip it, and register that."""
    unnotified = notified[1] if notified is not None and notified[0] is Verdict.NO else ""
    return run.ended or frame.never or _left_out_by_tags(frame, run) or unnotified


def verdict_on(
    frame: Frame, scope: Scope, loop: Loop, items: Items, run: Run, notified: tuple[Verdict, str] | None
) -> tuple[Verdict, str]:
    """Whether the task applies, over conditions, tags, loop and (for a handler) notification; and why not."""
    if reason := why_never_reached(frame, run, notified):
        return Verdict.NO, reason
    if loop.present and loop.items:
        verdicts = [invocation.applies for invocation, _ in items]
        if Verdict.YES in verdicts:
            return notified or (Verdict.YES, "")
        verdict = Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.NO
        reason = _deciding(frame, items[0][1], verdict, run)
        return verdict, reason
    if loop.present and loop.unknown is None:
        return Verdict.NO, "the loop has no items"
    verdict, reason = Verdict.YES, ""
    for condition in frame.when:
        here = scope if not loop.present else items[0][1]
        answer, why = here.verdict(condition)
        if answer is not Verdict.YES and both(verdict, answer) is not verdict:
            verdict, reason = both(verdict, answer), f"when: {run.hide_root(why)}"
    if notified is not None and notified[0] is Verdict.UNKNOWN and verdict is Verdict.YES:
        return notified
    return verdict, reason


def _deciding(frame: Frame, scope: Scope, wanted: Verdict, run: Run) -> str:
    for condition in frame.when:
        verdict, why = scope.verdict(condition)
        if verdict is wanted:
            return f"when: {run.hide_root(why)}"
    return ""


def _left_out_by_tags(frame: Frame, run: Run) -> str:
    """Why `--tags`, `--skip-tags` or the tag `never` leave the task out, "" if they do not."""
    tags, chosen = set(frame.tags), set(run.only_tags)
    if "never" in tags and not tags & {*chosen, "always"}:
        return "tagged never"
    selected = (
        not chosen
        or bool(tags & (chosen | {"always"}))
        or "all" in chosen
        or ("tagged" in chosen and bool(tags))
        or ("untagged" in chosen and not tags)
    )
    if not selected:
        return f"not selected by --tags {','.join(sorted(chosen))}"
    if skipped := tags & set(run.skip_tags):
        return f"left out by --skip-tags {','.join(sorted(skipped))}"
    return ""


def environment_of(frame: Frame, scope: Scope) -> Mapping[str, Value]:
    """The `environment:` of task, block, role and play, merged."""
    merged: dict[str, Value] = {}
    for entry in frame.environment:
        value = scope.value(entry)
        if isinstance(value, Mapping):
            merged.update(value)
    return merged


def strings(written: Any, scope: Scope) -> tuple[str, ...]:
    """A text or a list of texts, templated."""
    return tuple(found for item in as_list(written) if (found := text(scope.value(item))))


def _module_of(entry: Mapping[str, Any]) -> tuple[str, Any]:
    for keyword in ("action", "local_action"):
        if keyword in entry:
            written = entry[keyword]
            if isinstance(written, Mapping):
                rest = {key: value for key, value in written.items() if key != "module"}
                return str(plain(written.get("module", ""))).partition(" ")[0], rest
            name, _, rest_text = str(written).strip().partition(" ")
            return name, rest_text or None
    for key in entry:
        if isinstance(key, str) and is_module_key(key):
            return str(plain(key)), entry[key]
    return "", {}


def text(value: Value | None) -> str:
    """A value where a text is wanted; what is unknown stands as its expression."""
    if isinstance(value, Unknown):
        return value.expression
    return "" if value is None else str(value)


def reads_only(entry: Mapping[str, Any]) -> bool:
    """Whether the task says that it never changes anything, and keeps what it finds."""
    never = str(plain(entry.get("changed_when"))).strip().lower()
    return bool(entry.get("register")) and never in ("false", "no", "['false']", "[false]")


def goes_on_after_failure(entry: Mapping[str, Any]) -> bool:
    """Whether the play goes on for sure when the task fails."""
    failed_when = [str(plain(each)).lower() for each in as_list(entry.get("failed_when"))]
    return str(plain(entry.get("ignore_errors"))).lower() in ("true", "yes") or failed_when in (["false"], ["no"])


def with_made_up_path(module: str, entry: Mapping[str, Any], items: Items) -> Items:
    """`tempfile` with the path that it makes as its argument `_path`, `deploy_helper` with those of the release."""
    if module.endswith(".deploy_helper") and len(items) == 1:
        (invocation, scope) = items[0]
        folders = release_folders(invocation.args)
        made = {f"_{name}": folders[name] for name in ("current_path", "new_release_path")} if folders else {}
        return [(replace(invocation, args={**invocation.args, **made}), scope)]
    if not module.endswith(".tempfile") or len(items) != 1:
        return items
    (invocation, scope) = items[0]
    path = temporary_path(invocation.args, str(plain(entry.get("register")) or ""))
    return items if path is None else [(replace(invocation, args={**invocation.args, "_path": path}), scope)]
