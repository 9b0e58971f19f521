"""Steps and Dockerfiles in text form, for the golden cases of this folder."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from analyzer import model
from analyzer.decide.image import compose_image
from analyzer.decide.parts import service_is_elsewhere
from analyzer.decide.processes import find_processes
from analyzer.model import FileContent, Host, Image, OutputFile, Ownership, Settings, Source, Step, Via
from analyzer.render.dockerfile import dockerfile
from analyzer.resources import rule_texts
from analyzer.rulepack import load_pack

EFFECTS = {kind.__name__: kind for kind in typing.get_args(model.Effect)}
DEBIAN = Host(name="web01", source=Source("hosts", 1), facts={"distribution": "Debian", "distribution_version": "12"})
MARKERS = {"<secret ": model.SECRET_OPEN, "<parameter ": model.PARAMETER_OPEN}


def marked(text: str) -> str:
    """`<secret name>` and `<parameter name>` become markers."""
    for word, opening in MARKERS.items():
        while word in text:
            before, _, rest = text.partition(word)
            name, _, after = rest.partition(">")
            closing = model.SECRET_CLOSE if opening == model.SECRET_OPEN else model.PARAMETER_CLOSE
            text = f"{before}{opening}{name}{closing}{after}"
    return text


def step(number: int, text: Mapping[str, Any]) -> Step:
    """`{effect: WriteFile, path: /x, content: text, owner: app}` -> a step of tasks.yml:<number>.

    `task`: another task's number, for the second round of a loop.
    """
    values = dict(text)
    task = values.pop("task", number)
    kind = EFFECTS[values.pop("effect")]
    applies = model.Verdict(values.pop("applies", "yes"))
    names = set(kind.__struct_fields__)
    ownership = {key: values.pop(key) for key in ("owner", "group", "mode") if key in values and key not in names}
    if "ownership" in names:
        values["ownership"] = Ownership(**ownership)
    if kind in (model.WriteFile, model.Unpack) and isinstance(values.get("content"), str):
        values["content"] = FileContent(
            source=Source(f"templates/{number}.j2"), data=marked(values["content"]).encode()
        )
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(marked(each) if isinstance(each, str) else each for each in value)
        elif isinstance(value, str):
            values[name] = marked(value)
    via = Via(rule=kind.__name__.lower(), sources=(Source("tasks.yml", task),))
    return Step(effect=kind(**values), via=via, applies=applies)


def steps(texts: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps of one case."""
    return [step(number, text) for number, text in enumerate(texts, 1)]


ELSEWHERE = partial(service_is_elsewhere, load_pack(rule_texts()))
"""What the rules say of services, for `find_processes`."""


def image(given: Sequence[Step], host: Host = DEBIAN, answers: Mapping[str, object] = MappingProxyType({})) -> Image:
    """The image that the pipeline makes of the steps."""
    settings = Settings(answers=answers)
    return compose_image(given, [host], find_processes(given, [host], settings, elsewhere=ELSEWHERE), [], settings)


def rendered(made: Image) -> OutputFile:
    """Its Dockerfile."""
    return dockerfile("Dockerfile", made, "# header\n")
