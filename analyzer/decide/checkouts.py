"""Which of the checked-out repositories is the application's own, the one that will hold the Dockerfile.

A build has one context, so at most one repository enters the image by COPY. It is the one that processes and batches
run in; other checkouts are third-party code that the build clones. Where no task brings the code (another tool
releases it), the folder that the API runs in gets the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from analyzer.decide.image_paths import is_below, normal
from analyzer.model import (
    PARAMETER_OPEN,
    CheckoutCode,
    Decision,
    Job,
    MakeLink,
    MakeUser,
    Process,
    Source,
    Step,
    Unpack,
    Verdict,
    Via,
    WriteFile,
)

CLONED = "languages-clone"
RELEASED_ELSEWHERE = "languages-released-elsewhere"
CURRENT_LINK = "languages-current-release"

_PATH = re.compile(r"(?<![\w./-])/[\w.@+/-]+")
_NO_CODE = re.compile(r"(/|/root|/tmp|/home/[^/]+|/(etc|usr|bin|lib|run|proc|var/lib|var/run|var/cache)(/.*)?)")
"""Working directories that are not where an application's code lies."""


class Checkouts(Struct, frozen=True):
    """The steps with each checkout settled."""

    steps: tuple[Step, ...]
    cloned: Mapping[Source, str]
    """Task -> why the repository that it checks out is not the application's."""

    def of(self, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
        """The decisions, those of cloned repositories with the rule and the reason that hold."""
        return tuple(
            replace(decision, rule=CLONED, reason=self.cloned[decision.source])
            if decision.source in self.cloned and decision.kind == "task"
            else decision
            for decision in decisions
        )


def settle_checkouts(steps: Sequence[Step], processes: Sequence[Process], jobs: Sequence[Job]) -> Checkouts:
    """`steps` with at most one application's repository among their checkouts."""
    of_api, used = _used_paths(processes, jobs)
    nearness: dict[str, int] = {}
    for effect in filter(None, map(_application_of, steps)):
        near = 2 * _nearness(effect, of_api) or _nearness(effect, used)
        nearness[effect.repository] = max(near, nearness.get(effect.repository, 0))
    if len(nearness) > 1:
        candidates = [name for name, near in nearness.items() if near and near == max(nearness.values())]
        candidates += [name for name in nearness if _is_private(name)]
        own = next(iter(candidates), None)
        steps = [_settled(step, own) for step in steps]
    own_paths = [effect.path for effect in map(_application_of, steps) if effect is not None]
    cloned = {
        step.via.sources[0]: _why_cloned(step.effect, own_paths, used)
        for step in steps
        if isinstance(step.effect, CheckoutCode) and step.via.rule == CLONED and step.via.sources
    }
    if any(map(_application_of, steps)):
        steps = [*steps, *_link_to_release(steps, processes)]
    else:
        steps = [*steps, *_released_elsewhere(steps, processes)]
    return Checkouts(tuple(steps), cloned)


def _application_of(step: Step) -> CheckoutCode | None:
    """The step's checkout, if a rule took it for the application's code."""
    effect = step.effect
    return (
        effect if isinstance(effect, CheckoutCode) and effect.application and step.applies is not Verdict.NO else None
    )


def _settled(step: Step, own: str | None) -> Step:
    effect = _application_of(step)
    if effect is None or effect.repository == own:
        return step
    return replace(step, effect=replace(effect, application=False), via=replace(step.via, rule=CLONED))


def _why_cloned(effect: CheckoutCode, own: Sequence[str], used: Sequence[str]) -> str:
    if own and _nearness(effect, used):
        return (
            f"Processes or batches run in {effect.path}, too, but the Dockerfile can live in one repository only,"
            f" that of {own[0]}: this one is cloned while the image is built."
        )
    where = ", ".join(used[:2])
    return (
        f"No process and no batch runs in {effect.path}{f' (they use {where})' if where else ''}, and the Dockerfile"
        " can live in one repository only: this one is cloned while the image is built."
    )


def _used_paths(processes: Sequence[Process], jobs: Sequence[Job]) -> tuple[list[str], list[str]]:
    """Folders and files that the API names; those that any process or batch names, the API's first."""
    api = [text for one in processes if one.name == "api" for text in (one.working_directory, *one.command)]
    texts = [text for process in processes for text in (process.working_directory, *process.command)]
    texts += [job.command for job in jobs if job.outcome == "schedule"]
    return _paths(api), _paths([*api, *texts])


def _paths(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(normal(path) for text in texts for path in _PATH.findall(text)))


def _nearness(effect: CheckoutCode, used: Sequence[str]) -> int:
    """2: something runs in the checkout; 1: it is a release beside the `current` in which something runs."""
    path = normal(effect.path)
    if any(is_below(each, path) for each in used):
        return 2
    bases = [each.partition("/current")[0] for each in used if "/current" in each]
    return int(any(is_below(path, f"{base}/releases") for base in bases))


def _is_private(repository: str) -> bool:
    return PARAMETER_OPEN in repository or bool(re.match(r"(?:git@|ssh://|[\w.-]+@)", repository))


def _released_elsewhere(steps: Sequence[Step], processes: Sequence[Process]) -> list[Step]:
    """COPY of the repository to where the API runs, if that is a folder of its own that no task fills.

    Where the API is a web server that names no folder: to where all other processes run.
    """
    api = next((one for one in processes if one.name == "api"), None)
    if api is not None and not api.working_directory.startswith("/"):
        others = [one for one in processes if one.working_directory.startswith("/") and not one.image]
        api = others[0] if len({one.working_directory for one in others}) == 1 else None
    if api is None:
        return []
    path = normal(api.working_directory)
    homes = [step.effect.home for step in steps if isinstance(step.effect, MakeUser)]
    unpacked = [step.effect.directory for step in steps if isinstance(step.effect, Unpack)]
    pages = (step.effect.path for step in steps if isinstance(step.effect, WriteFile))
    filled = any(is_below(normal(each), path) and re.search(r"/index\.\w+$", each) for each in pages)
    if filled or _NO_CODE.fullmatch(path) or path in homes or any(is_below(path, normal(each)) for each in unpacked):
        return []
    via = Via(rule=RELEASED_ELSEWHERE, sources=(api.source,), note=f"no task brings the code that runs in {path}")
    beside = (one.user for one in processes if one.user and normal(one.working_directory or "/") == path)
    user = api.user or next(beside, "")  # a web server of root serves what the application's account works with
    return [Step(effect=CheckoutCode(repository="", path=path, user=user), via=via)]


def _link_to_release(steps: Sequence[Step], processes: Sequence[Process]) -> list[Step]:
    """A link from where the API runs to the checkout, where the release would have made one.

    Deployments copy the checkout to a folder with the time in its name and point `current` to it: no task's path is
    known, and an image holds one release only.
    """
    api = next((one for one in processes if one.name == "api"), None)
    code = [(normal(effect.path), step) for step in steps if (effect := _application_of(step)) is not None]
    if api is None or not api.working_directory.startswith("/") or len({path for path, _ in code}) != 1:
        return []
    place, step = normal(api.working_directory), code[0][1]
    path = code[0][0]
    base = place.partition("/current")[0]
    if "/current" not in place or is_below(place, path) or not is_below(path, base):
        return []
    made = (str(getattr(one.effect, "path", "") or getattr(one.effect, "directory", "")) for one in steps)
    if any(each.startswith("/") and is_below(normal(each), f"{base}/current") for each in made):
        return []
    note = "the release makes it point to a copy of the code"
    via = Via(rule=CURRENT_LINK, sources=(*step.via.sources[:1], api.source), note=note)
    return [Step(effect=MakeLink(path=f"{base}/current", target=path), via=via)]
