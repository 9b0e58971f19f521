"""Python that a play installs only so that Ansible can work on the host: `raw: test -e /usr/bin/python3 || apt …`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from analyzer.decide.parts import Decided, Part, package_name
from analyzer.decide.values import text
from analyzer.model import Effect, InstallPackages, LanguagePackages, Outcome, ReleaseStep, RunCommand, Task, WriteFile
from analyzer.ruletypes import Rule, RulePack

RULE = "storage-ansible-helpers"
_INTERPRETER = re.compile(r"python([23](\.?\d+)?)?(-minimal|-is-python3|-simplejson|-apt|-yaml)?|python-is-python3")
_ONLY_WAY = frozenset({"ansible.builtin.raw", "ansible.legacy.raw"})
"""What works on a host that has no Python yet; a play uses it for little else."""
_USES = re.compile(
    r"\b(python[\d.]*|pip[23]?(\.\d+)?|pipenv|poetry|virtualenv|venv|gunicorn|uwsgi|uvicorn|celery|django-admin|flask)\b|\.py\b"
)
_SCRIPT = re.compile(r"#!.*python")
_STARTS = re.compile(r"/(systemd|supervisor[^/]*|init\.d|cron[^/]*)/")
"""Folders whose files say what runs."""


def without_bootstrap(
    tasks: Sequence[Task], decided: Sequence[Decided], pack: RulePack, commands: Iterable[str]
) -> list[Decided]:
    """The parts of all tasks, without the Python that only Ansible uses; `commands`: what the hosts are seen to run."""
    rule = next((rule for rule in pack.rules if rule.id == RULE), None)
    raw = [number for number, task in enumerate(tasks) if task.module in _ONLY_WAY]
    if not raw or rule is None or not any(_names(part) for number in raw for part, _ in decided[number]):
        return list(decided)
    others = (part for number, parts in enumerate(decided) if number not in raw for part, _ in parts)
    said = (*commands, *(one for part in others for effect in _known(part) for one in _texts(effect)), *_jobs(tasks))
    if any(map(_USES.search, said)):
        return list(decided)
    return [
        [(piece, applies) for part, applies in parts for piece in _split(part, rule)] if number in raw else parts
        for number, parts in enumerate(decided)
    ]


def _known(part: Part) -> tuple[Effect, ...]:
    return part.effects or part.alternative


def _names(part: Part) -> list[str]:
    """The interpreters among the packages that a part installs."""
    return [
        name
        for effect in _known(part)
        if isinstance(effect, InstallPackages) and effect.state != "absent"
        for name in effect.names
        if _INTERPRETER.fullmatch(package_name(name))
    ]


def _split(part: Part, rule: Rule) -> Iterator[Part]:
    names = _names(part)
    if not names or part.outcome is not Outcome.IMAGE or len(_known(part)) != 1:
        yield part
        return
    (effect,) = _known(part)
    assert isinstance(effect, InstallPackages)
    left = replace(effect, names=tuple(names))
    yield replace(
        part,
        outcome=rule.outcome,
        rule=rule,
        reason=f"{rule.reason} No process, job or step of the image names Python.",
        subject=", ".join(names),
        effects=(),
        dropped=(*part.dropped, left),
        alternative=(left,),
    )
    if rest := tuple(name for name in effect.names if name not in names):
        kept = (replace(effect, names=rest),)
        yield replace(part, effects=kept if part.effects else (), alternative=kept)


def _texts(effect: Effect) -> Iterator[str]:
    """What an effect says of programs that run."""
    match effect:
        case RunCommand(command=command):
            yield command if isinstance(command, str) else " ".join(command)
        case ReleaseStep(command=command):
            yield command
        case LanguagePackages(manager="pip"):
            yield "pip"
        case WriteFile(path=path, content=content) if content.data is not None:
            data = content.data.decode(errors="replace")
            yield data if _STARTS.search(path) else "python" if _SCRIPT.match(data) else ""
        case _:
            pass


def _jobs(tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        if task.module.endswith(".cron"):
            yield from (text(one.args.get("job")) for one in task.invocations)
