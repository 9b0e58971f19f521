"""What becomes of the containers of a task that nothing else takes the place of: processes, or questions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from analyzer.decide.container_images import tagged
from analyzer.decide.parts import Part
from analyzer.model import PARAMETER_CLOSE, PARAMETER_OPEN, Outcome, RunContainer

_PARAMETER = re.compile(f"{PARAMETER_OPEN}(.*?){PARAMETER_CLOSE}")


def as_processes(part: Part, built: Collection[str], *, several: bool = False) -> Iterator[Part]:
    """The part, or one for each container that it starts: a process from an image that exists, or a question.

    `built`: images that tasks of the playbook build on the host. `several`: the task starts others, too.
    """
    found = [one for one in part.effects if isinstance(one, RunContainer)]
    if part.outcome is not Outcome.PROCESS or not found:
        yield part
        return
    rest = tuple(one for one in part.effects if not isinstance(one, RunContainer))
    if rest:
        yield replace(part, effects=rest, question="", answers=())
    for effect in found:
        name = effect.name or effect.image
        asks_for = name if several or len(found) > 1 else ""
        yield _process(replace(part, subject=f"container {name}", asks_for=asks_for), effect, built)


def _process(part: Part, effect: RunContainer, built: Collection[str]) -> Part:
    from analyzer.decide.containers import described  # only projects with containers need it

    facts = described(effect)
    clear = replace(part, effects=(), alternative=(effect,), shared_question=False)
    if not effect.image or tagged(effect.image) in built:
        return replace(
            clear,
            outcome=Outcome.MANUAL,
            reason=f"Its image is built on the host, so no registry has it ({facts}).",
            question=f"The host builds and runs {part.subject} ({facts}). Let a pipeline build its image and push it to"
            " ECR, then name that image in the playbook and run again; or is the container not needed?",
            answers=("drop", "deploy"),
        )
    if names := _PARAMETER.findall(effect.image):
        missing = f"{', '.join(dict.fromkeys(names))}, which differs between hosts or is defined nowhere"
        return replace(
            clear,
            outcome=Outcome.MANUAL,
            reason=f"Which image it is depends on {missing} ({facts}).",
            question=f"The host runs {part.subject} ({facts}). Which image it is depends on {missing}."
            " A value under `variables` in the decisions file makes it a process; or is it not needed?",
            answers=("drop", "deploy"),
        )
    return replace(
        part,
        effects=(effect,),
        alternative=(effect,),
        shared_question=False,
        reason=f"{part.reason} Read: {facts}.",
        question=f"The host runs {part.subject} ({facts}). It becomes a task definition of its own from that image."
        " Is that right, or is it not needed?",
        answers=("process", "drop"),
    )
