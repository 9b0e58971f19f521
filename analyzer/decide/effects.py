"""What a rule emits, filled with a task's arguments: `Emit` + arguments -> `Effect`s, or why that is not possible."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from analyzer.decide.language_options import django_command, language_values
from analyzer.decide.match import boolean, first_unknown
from analyzer.decide.package_options import package_values
from analyzer.decide.repositories import with_file
from analyzer.decide.values import Words, mode, text, texts, told
from analyzer.model import (
    CheckoutCode,
    Download,
    EditFile,
    Effect,
    FileContent,
    InstallPackages,
    Invocation,
    LanguagePackages,
    MakeUser,
    Ownership,
    PackageRepository,
    RunCommand,
    RunContainer,
    Task,
    Unknown,
    Unpack,
    Value,
    WriteFile,
)
from analyzer.ruletypes import EFFECTS, Emit, required_fields

_STATES = {"installed": "present", "removed": "absent", "fixed": "present"}
_NOT_EDITS = frozenset({"path", "dest", "name", "destfile", "owner", "group", "mode", "backup", "validate"})
_OWNERSHIP = ("owner", "group", "mode")


class Refusal(Struct, frozen=True):
    """Why no effect can be made of a task although the rule knows it."""

    reason: str
    unknown: Unknown | None = None


class Built(Struct, frozen=True):
    """The effects of one invocation, and what was left open in them."""

    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()


def build(
    emits: tuple[Emit, ...],
    args: Mapping[str, Value],
    task: Task,
    invocation: Invocation,
    beside: Mapping[str, Value] = MappingProxyType({}),
) -> Built | Refusal:
    """All effects that a rule promises for one invocation; one that cannot be made refuses them all.

    `args` are the module's arguments as the rule sees them, `beside` other names that its emits may use.
    """
    effects: list[Effect] = []
    notes: list[str] = []
    scope: Mapping[str, Value] = {
        **args,
        **beside,
        "args": dict(args),
        "django": _django(args) if beside.get("subject") == "django_manage" else None,
        "task.become_user": task.become_user if task.become else "",
        "task.environment": task.environment,
        "task.name": task.name,
        "task.role": task.role,
    }
    for emit in emits:
        for one in _each(emit, scope):
            made = _build_one(emit, one, invocation, notes)
            if isinstance(made, Refusal):
                return made
            effects.extend(made)
    return Built(tuple(effects), tuple(dict.fromkeys(notes)))


def _django(args: Mapping[str, Value]) -> Value:
    """Words for `$django`; unknown where one of the arguments is."""
    return first_unknown(tuple(args.values())) or Words(django_command(args))


def _each(emit: Emit, scope: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    if not emit.each:
        yield scope
        return
    values = scope.get(emit.each)
    for value in values if isinstance(values, tuple) else texts(values):
        yield {**scope, "each": value}


def _build_one(
    emit: Emit, scope: Mapping[str, Value], invocation: Invocation, notes: list[str]
) -> tuple[Effect, ...] | Refusal:
    kind = EFFECTS[emit.effect]
    values: dict[str, Any] = {}
    required = required_fields(kind)
    for name in kind.__struct_fields__:
        if name in emit.fields:
            value = _resolve(emit.fields[name], scope)
        elif name == "ownership":
            value = {key: scope[key] for key in _OWNERSHIP if scope.get(key) is not None}
        else:
            continue
        if value is None:
            if name in required:
                return Refusal(f"{name} is not given")
            continue
        if name == "ownership":
            value = {key: each for key, each in value.items() if not _left_open(key, each, notes)}
        unknown = first_unknown(value)
        if unknown is not None and kind is not EditFile:
            return Refusal(f"{name} is not known: {told(unknown)}", unknown)
        values[name] = _CONVERT[kind.__annotations__[name]](value)
        if values[name] is None:
            return Refusal(f"{name} is `{value}`")
    return _finish(kind, values, scope, invocation)


def _finish(
    kind: type[Effect], values: dict[str, Any], scope: Mapping[str, Value], invocation: Invocation
) -> tuple[Effect, ...] | Refusal:
    """Effects that need more of the task than its arguments' values."""
    if kind is WriteFile:
        return _files(values, scope, invocation)
    if kind is RunContainer:
        from analyzer.decide.container_tasks import containers_in  # only projects with containers need it

        found = containers_in(scope)
        return Refusal(found) if isinstance(found, str) else found
    if kind is EditFile:
        args = scope["args"]
        assert isinstance(args, Mapping)
        given = {name: value for name, value in sorted(args.items()) if name not in _NOT_EDITS}
        if (unknown := first_unknown(tuple(given.values()))) is not None:
            return Refusal(f"the edit is not known: {told(unknown)}", unknown)
        values["args"] = given
    elif kind is Unpack and not values.get("remote"):
        there = boolean(scope.get("remote_src")) or boolean(scope.get("copy")) is False
        values["content"] = None if there else next((content for _, content in invocation.contents), None)
        if values["content"] is None and not there:
            return Refusal(f"the archive {values['archive']} was not found in the project")
    elif kind is MakeUser:
        values.update(_account(scope["args"]))
    elif kind is Download:
        if why_not := _download(values, scope["args"]):
            return Refusal(why_not)
    elif kind is RunCommand and not values.get("command"):
        return Refusal("there is no command")
    if missing := [name for name in required_fields(kind) if name not in values]:
        return Refusal(f"{missing[0]} is not given")
    if kind is InstallPackages:
        args = scope["args"]
        assert isinstance(args, Mapping)
        if (unknown := first_unknown(tuple(args.values()))) is not None:
            return Refusal(f"an argument is not known: {told(unknown)}", unknown)
        more = package_values(text(scope.get("subject")), args)
        if isinstance(more, str):
            return Refusal(more)
        values.update(more)
    if kind is LanguagePackages:
        values["names"] = _versioned(values, scope)
        unknown = _language(values, scope)
        if unknown is not None:
            return Refusal(f"an argument is not known: {told(unknown)}", unknown)
    if kind is CheckoutCode and invocation.contents and _of_a_role(invocation):
        return _files({"path": values["path"]}, scope, invocation)
    effect = kind(**values)
    return with_file(effect) if isinstance(effect, PackageRepository) else (effect,)


def _of_a_role(invocation: Invocation) -> bool:
    """Whether what is pushed to the host are files of a role or playbook, and not the application's code."""
    return all(content.data is not None and "files/" in content.source.file for _, content in invocation.contents)


def _language(values: dict[str, Any], scope: Mapping[str, Value]) -> Unknown | None:
    """Fills in what the module's other arguments and the task's environment say; the unknown among them, if any."""
    args = scope["args"]
    assert isinstance(args, Mapping)
    environment = scope["task.environment"]
    given = environment if isinstance(environment, Mapping) else {}
    if (unknown := first_unknown((*args.values(), *given.values()))) is not None:
        return unknown
    more = language_values(text(scope.get("subject")), args)
    values.update({name: value for name, value in more.items() if name != "environment"})
    values["environment"] = {**given, **more.get("environment", {})}
    return None


def _account(args: Any) -> dict[str, Any]:
    """What `user` asks of useradd and usermod beyond the fields of its rule."""
    options: list[str] = []
    if args.get("skeleton"):
        options += ["-k", text(args["skeleton"])]
    if args.get("umask") is not None:
        options += ["-K", f"UMASK={text(args['umask'])}"]
    if boolean(args.get("non_unique")):
        options.append("-o")
    found: dict[str, Any] = {"options": tuple(options)}
    if args.get("groups") and not boolean(args.get("append")):
        found["append"] = False
    if boolean(args.get("move_home")):
        found["move_home"] = True
    return found


def _download(values: dict[str, Any], args: Any) -> str:
    """Fills in curl's options and the file's name below a directory; why the build cannot download it, or ""."""
    if args.get("url_password") or args.get("client_cert") or args.get("client_key"):
        return "the download needs a password or key, which may not stand in a layer of the image"
    path: str = values.get("path", "")
    if path.endswith("/"):
        values["path"] = path + text(values.get("url")).split("?")[0].rstrip("/").rpartition("/")[2]
    headers = args.get("headers") or args.get("http_headers") or {}
    if isinstance(headers, str):  # `name:value,name:value`, until Ansible 2.11
        headers = dict(pair.split(":", 1) for pair in headers.split(",") if ":" in pair)
    if not isinstance(headers, Mapping):
        return "the headers of the download are no mapping"
    options = [word for name, value in headers.items() for word in ("-H", f"{name}: {text(value)}")]
    if boolean(args.get("validate_certs", True)) is False:
        options.append("-k")
    if args.get("http_agent"):
        options += ["-A", text(args["http_agent"])]
    values["options"] = tuple(options)
    return ""


def _versioned(values: Mapping[str, Any], scope: Mapping[str, Value]) -> tuple[str, ...]:
    """Names with the version that the task gives beside them, as their manager writes it."""
    names: tuple[str, ...] = values.get("names", ())
    between = {"gem": ":", "pip": "==", "npm": "@", "yarn": "@"}.get(values["manager"], "")
    version = scope.get("version")
    if version is None or isinstance(version, Unknown) or not between or len(names) != 1:
        return names
    return (f"{names[0]}{between}{text(version)}",)


def _files(values: dict[str, Any], scope: Mapping[str, Value], invocation: Invocation) -> tuple[Effect, ...] | Refusal:
    path: str = values["path"]
    if not invocation.contents:
        return Refusal(f"the content of {path} was not found")
    effects = []
    for relative, content in invocation.contents:
        if content.data is None:
            why = told(content.unknown) if content.unknown else content.source.file
            return Refusal(f"the content of {path} is not known: {why}", content.unknown)
        if relative:
            target = posixpath.join(path, relative)
        elif path.endswith("/"):
            target = path + posixpath.basename(text(scope.get("src")) or content.source.file)
        else:
            target = path
        effects.append(WriteFile(**{**values, "path": target, "content": content}))
    return tuple(effects)


def _left_open(key: str, value: Value, notes: list[str]) -> bool:
    if (unknown := first_unknown(value)) is None:
        return False
    notes.append(f"{key} is left as it is: {told(unknown)}")
    return True


def _resolve(value: Any, scope: Mapping[str, Value]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return scope.get(value[1:])
    if isinstance(value, Mapping):
        return {key: found for key, each in value.items() if (found := _resolve(each, scope)) is not None}
    if isinstance(value, list):
        words: list[Any] = []
        for each in value:
            found = [_resolve(one, scope) for one in each] if isinstance(each, list) else [_resolve(each, scope)]
            # a list in the list is an option with its value: both or none of them
            words.extend(() if None in found else found)
        return Words(words)
    return value


def _ownership(value: Mapping[str, Value]) -> Ownership:
    return Ownership(owner=text(value.get("owner")), group=text(value.get("group")), mode=mode(value.get("mode") or ""))


def _integer(value: object) -> int | None:
    return int(text(value)) if text(value).lstrip("-").isdigit() else None


def _literal(value: object) -> str:
    return _STATES.get(text(value), text(value))


def _command(value: object) -> str | tuple[str, ...]:
    if not isinstance(value, tuple):
        return text(value)
    return tuple(word for each in value for word in _words(each))


def _words(value: object) -> Iterator[str]:
    """The words of one part of a command: a list's entries, a mapping's as `name=value`."""
    if isinstance(value, Mapping):
        yield from (name if one is None else f"{name}={text(one)}" for name, one in value.items())
    elif isinstance(value, tuple):
        yield from map(text, value)
    else:
        yield text(value)


def _mapping(value: object) -> Mapping[str, Value]:
    return dict(value) if isinstance(value, Mapping) else {}


def _same_content(value: object) -> object:
    return value if isinstance(value, FileContent) else None


class _Converters(dict[str, Callable[[Any], Any]]):
    """Annotation of an effect's field -> converter; every `Literal[...]` is a word."""

    def __missing__(self, annotation: str) -> Callable[[Any], Any]:
        if annotation.startswith("Literal["):
            return _literal
        raise KeyError(annotation)


_CONVERT = _Converters(
    {
        "str": text,
        "tuple[str, ...]": texts,
        "bool": boolean,
        "bool | None": boolean,
        "int | None": _integer,
        "Ownership": _ownership,
        "Mapping[str, Value]": _mapping,
        "str | tuple[str, ...]": _command,
        "FileContent": _same_content,
        "FileContent | None": _same_content,
    }
)
