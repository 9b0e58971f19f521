"""Which rule and which source lines made each output line, both ways: `provenance.json` and the decisions' outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from analyzer.model import Decision, Output, OutputFile, Plan, Source, Via

MAX_OUTPUTS = 200
"""Outputs listed for one decision; a task that made more says so by its first ones."""


def with_outputs(plan: Plan, files: Sequence[OutputFile]) -> Plan:
    """`plan` with each decision's `outputs`: the lines whose provenance names the decision's source."""
    by_source: dict[Source, dict[Output, None]] = {}
    for file in files:
        for entry in file.provenance:
            output = Output(file=file.path, line=entry.line, pointer=entry.pointer)
            for source in entry.via.sources:
                by_source.setdefault(source, {})[output] = None
    applications = tuple(
        replace(
            application,
            decisions=tuple(
                _with_outputs(decision, by_source, f"{application.name}/") for decision in application.decisions
            ),
        )
        for application in plan.applications
    )
    return replace(plan, applications=applications)


def _with_outputs(decision: Decision, by_source: Mapping[Source, Mapping[Output, None]], prefix: str) -> Decision:
    mine = [output for output in by_source.get(decision.source, ()) if output.file.startswith(prefix)]
    return replace(decision, outputs=tuple(mine[:MAX_OUTPUTS]))


def render(files: Iterable[OutputFile]) -> OutputFile:
    """`provenance.json`: file -> entries of line and/or JSON pointer -> rule and sources; reasons are listed once."""
    reasons: dict[tuple[str | None, tuple[str, ...], str], int] = {}
    entries: dict[str, list[list[object]]] = {}
    for file in sorted(files, key=lambda each: each.path):
        rows: list[list[object]] = [[each.line, each.pointer, _number(reasons, each.via)] for each in file.provenance]
        if rows:
            entries[file.path] = rows
    document = {
        "version": 1,
        "about": "files: output file -> [line, JSON pointer, index into reasons]; reasons: rule, source lines, note",
        "reasons": [{"rule": rule, "sources": list(sources), "note": note} for rule, sources, note in reasons],
        "files": entries,
    }
    return OutputFile(path="provenance.json", data=_compact(document))


def _number(reasons: dict[tuple[str | None, tuple[str, ...], str], int], via: Via) -> int:
    key = (via.rule, tuple(str(source) for source in via.sources), via.note)
    return reasons.setdefault(key, len(reasons))


def _compact(document: Mapping[str, object]) -> bytes:
    """JSON with one reason and one file a line: small, and a diff shows what moved."""
    import orjson  # tens of thousands of rows

    lines = [b"{"]
    for key, value in document.items():
        name = orjson.dumps(key)
        if isinstance(value, list):
            lines += [name + b": [", b",\n".join(orjson.dumps(item) for item in value), b"],"]
        elif isinstance(value, dict):
            rows = (orjson.dumps(path) + b": " + orjson.dumps(item) for path, item in value.items())
            lines += [name + b": {", b",\n".join(rows), b"},"]
        else:
            lines.append(name + b": " + orjson.dumps(value) + b",")
    lines[-1] = lines[-1].rstrip(b",")
    return b"\n".join([*lines, b"}"]) + b"\n"
