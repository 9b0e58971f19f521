"""Image -> `Dockerfile`, `.dockerignore` and `rootfs/`; each line with the rule and the source lines behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from analyzer.model import (
    Application,
    Image,
    ImageFile,
    Instruction,
    OutputFile,
    Provenance,
    Via,
)
from analyzer.render.jinja import render_template
from analyzer.render.references import run_time_command

SKELETON = Via(rule="template:Dockerfile")
_SOURCES_SHOWN = 3
"""More sources than these are counted in the comment; provenance.json names them all."""

_MARKER = re.compile("[\ue000\ue002]([^\ue001\ue003]*)[\ue001\ue003]")


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:
    """Everything of `<application>/app/` that builds the image."""
    folder = f"{application.name}/app"
    image = application.image
    header = render_template(templates, "dockerfile/header.j2", application=_one_line(application.name))
    return (
        dockerfile(f"{folder}/Dockerfile", image, header),
        _ignore(f"{folder}/.dockerignore", image),
        *(_file(folder, file) for file in image.files),
    )


def dockerfile(path: str, image: Image, header: str) -> OutputFile:
    """The Dockerfile's text, and why each of its lines is there."""
    lines: list[tuple[str, tuple[Via, ...]]] = [(line, (SKELETON,)) for line in header.rstrip("\n").split("\n")]
    previous: tuple[Via, ...] = ()
    for instruction in image.instructions:
        reasons = _unique(via for line in instruction.lines for via in line.via)
        text = _instruction(instruction)
        if reasons == previous and len(instruction.lines) == 1 and instruction.keyword != "FROM":
            # the comment above says it already
            text = text[len(comments(reasons)) :]
        else:
            lines.append(("", (SKELETON,)))
        lines += text
        previous = reasons
    provenance = [
        Provenance(line=number, via=via) for number, (_, vias) in enumerate(lines, 1) for via in vias or (SKELETON,)
    ]
    data = "".join(f"{line}\n" for line, _ in lines).encode()
    return OutputFile(path=path, data=data, provenance=tuple(provenance))


def _instruction(instruction: Instruction) -> list[tuple[str, tuple[Via, ...]]]:
    """One instruction with a comment before each group of lines that have the same reason."""
    everything = _unique(via for line in instruction.lines for via in line.via)
    groups = [line.via for line in instruction.lines]
    inner = len(set(groups)) > 1
    out: list[tuple[str, tuple[Via, ...]]] = []
    if not inner:
        out += [(comment, everything) for comment in comments(everything)]
    if instruction.lint_ignore:
        out.append((f"# hadolint ignore={','.join(instruction.lint_ignore)}", everything))
    before: tuple[Via, ...] | None = None
    for number, line in enumerate(instruction.lines):
        text = _one_line(_run_time(line.text) if instruction.keyword == "CMD" else line.text)
        if inner and number and line.via not in (before, everything):
            out += [(f"    {comment}", line.via) for comment in comments(line.via)]
        before = line.via
        prefix = f"{instruction.keyword} " if number == 0 else "   "
        last = number == len(instruction.lines) - 1
        out.append((prefix + text + ("" if last else " \\"), line.via))
    if inner and instruction.lines[0].via != everything:
        first = [(comment, instruction.lines[0].via) for comment in comments(instruction.lines[0].via)]
        out[0:0] = first
    return out


def _run_time(command: str) -> str:
    """The JSON words of a CMD with variables of the container where markers stood, as the task definition has them."""
    return json.dumps(run_time_command(json.loads(command)))


def comments(vias: Sequence[Via]) -> list[str]:
    """`# via RULE <- FILE:LINE, …` lines, sources of one rule together."""
    by_rule: dict[str, list[str]] = {}
    for via in vias:
        note = f" ({via.note})" if via.note else ""
        sources = by_rule.setdefault((via.rule or "a person's answer") + note, [])
        sources += [str(source) for source in via.sources if str(source) not in sources]
    out = []
    for rule, sources in by_rule.items():
        if rule == SKELETON.rule and not sources:
            continue
        shown = ", ".join(sources[:_SOURCES_SHOWN])
        more = f" and {len(sources) - _SOURCES_SHOWN} more" if len(sources) > _SOURCES_SHOWN else ""
        out.append(_one_line(f"# via {rule}" + (f" <- {shown}{more}" if shown else "")).rstrip("\\"))
    return out


def _one_line(text: str) -> str:
    """The text without anything that ends a Dockerfile line; a marker that is left becomes its variable's name.

    Instructions are composed on one line each already: this holds the promise for whatever comes.
    """
    text = _MARKER.sub(lambda match: "${" + re.sub(r"[^A-Z0-9_]", "_", match[1].upper()) + "}", text)
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text)


def _ignore(path: str, image: Image) -> OutputFile:
    lines = ["# What the build does not need to see; rootfs/ it needs.", *map(_one_line, image.ignore)]
    return OutputFile(
        path=path,
        data=("\n".join(lines) + "\n").encode(),
        provenance=tuple(Provenance(line=number, via=SKELETON) for number in range(1, len(lines) + 1)),
    )


def _file(folder: str, file: ImageFile) -> OutputFile:
    count = max(1, file.data.count(b"\n") + (not file.data.endswith(b"\n")))
    return OutputFile(
        path=f"{folder}/{file.path}",
        data=file.data,
        mode=file.mode,
        provenance=tuple(
            Provenance(line=number, via=via) for number in range(1, count + 1) for via in file.via or (SKELETON,)
        ),
    )


def _unique(vias: Iterable[Via]) -> tuple[Via, ...]:
    return tuple(dict.fromkeys(vias))
