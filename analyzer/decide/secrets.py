"""Which secrets the plan really uses, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from analyzer.model import SECRET_CLOSE, SECRET_OPEN, Job, Process, Secret, Source, Step
from analyzer.model.data import texts_in

_MARKER = re.compile(f"{SECRET_OPEN}([^{SECRET_CLOSE}]*){SECRET_CLOSE}")


def used_secrets(
    known: Sequence[Secret], steps: Sequence[Step], processes: Sequence[Process], jobs: Sequence[Job]
) -> tuple[Secret, ...]:
    """The secrets that some file, command or process needs, with the places; the others stay on the old host."""
    places: dict[str, dict[Source, None]] = {}
    for step in steps:
        for name in names_in(step.effect):
            places.setdefault(name, {}).update(dict.fromkeys(step.via.sources))
    for process in processes:
        for name in (*names_in(process.environment), *(secret for _variable, secret in process.secrets)):
            places.setdefault(name, {}).update(dict.fromkeys(process.via.sources))
    for job in jobs:
        for name in names_in((job.container_command, job.environment)):
            places.setdefault(name, {}).update(dict.fromkeys(job.sources))
    by_name = {secret.name: secret for secret in known}
    return tuple(
        replace(by_name.get(name, Secret(name=name, reason="used")), used_at=tuple(sorted(places[name])))
        for name in sorted(places)
    )


def names_in(value: object) -> Iterator[str]:
    """Names of the secrets whose markers stand anywhere inside `value`."""
    for text in texts_in(value):
        yield from _MARKER.findall(text)
