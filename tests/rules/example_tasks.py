"""Examples of rule packs as the tasks that the reader would hand over."""

from __future__ import annotations

from typing import Any

from analyzer.model import FileContent, Invocation, Source, Task, Unknown, Verdict, secret_reference
from analyzer.ruletypes import effect_name

SOURCE = Source("roles/example/tasks/main.yml", 3)


def value(written: Any) -> Any:
    """YAML's value as the model holds it; `{{ secret('x') }}` is the marker of a secret."""
    if isinstance(written, dict):
        return {key: value(each) for key, each in written.items()}
    if isinstance(written, list):
        return tuple(value(each) for each in written)
    if isinstance(written, str):
        return written.replace("{{ secret('db') }}", secret_reference("db"))
    return written


def contents(module: str, args: dict[str, Any]) -> tuple[tuple[str, FileContent], ...]:
    """What `copy` and `template` deliver: the inline text, or any text for a file of the project."""
    if not module.endswith((".copy", ".template", ".script")) or args.get("remote_src"):
        return ()
    text = args.get("content", "a text\n")
    if isinstance(text, Unknown):
        return (("", FileContent(source=SOURCE, data=None, unknown=text)),)
    return (("", FileContent(source=SOURCE, data=str(text).encode())),)


def task(written: dict[str, Any], **changes: Any) -> Task:
    """A task of one module out of `{module: {argument: value}}`."""
    ((module, given),) = written.items()
    args = value(given)
    fields: dict[str, Any] = {
        "source": SOURCE,
        "role": "example",
        "name": "an example",
        "module": module,
        "invocations": (Invocation(args=args, contents=contents(module, args)),),
        "applies": Verdict.YES,
        "hosts": ("acct01",),
    }
    return Task(**{**fields, **changes})


def told(effect: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """The effect's fields that an example names, in YAML's types."""
    return {
        key: effect_name(effect) if key == "effect" else _plain(getattr(effect, key), each)
        for key, each in wanted.items()
    }


def _plain(found: Any, wanted: Any) -> Any:
    if isinstance(found, tuple):
        return [_plain(each, []) for each in found] if isinstance(wanted, list) else list(found)
    if isinstance(wanted, dict):
        return {key: found[key] if isinstance(found, dict) else getattr(found, key) for key in wanted}
    return found
