"""What changed between two bundles, in a reviewer's terms: from two `plan.json`, as text or as an object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

Json: TypeAlias = "Mapping[str, Any]"


class Change(Struct, frozen=True):
    """One line of the comparison."""

    application: str
    """"" for what concerns the whole plan."""
    topic: str
    """A key of `_PLURALS`."""
    mark: str
    """+ new, - gone, ~ changed"""
    text: str


def find_changes(old: Json, new: Json) -> tuple[Change, ...]:
    """Every difference that a reviewer would want to know, in the order of the topics; moved lines are no change."""
    changes: list[Change] = list(_decided(old, new))
    before, after = _by(old.get("applications"), _name), _by(new.get("applications"), _name)
    for was, name in _renamed(before, after):
        before[name] = before.pop(was)
        changes.append(Change(name, "application", "~", f"was called {was}"))
    for name in _all(before, after):
        if name not in after:
            changes.append(Change(name, "application", "-", f"is no longer in the plan ({_counted(before[name])})"))
        elif name not in before:
            changes.append(Change(name, "application", "+", f"is new in the plan ({_counted(after[name])})"))
        else:
            changes += _application(name, before[name], after[name], _answers(new))
    changes += _listed("", "problem", _problems(old), _problems(new))
    return tuple(changes)


def render_diff(old: Json, new: Json, form: str = "text") -> str:
    """The comparison as text (grouped by application and topic, nothing but a line where nothing changed) or JSON."""
    changes = find_changes(old, new)
    if form == "json":
        rows = [
            {"application": one.application, "topic": one.topic, "mark": one.mark, "text": one.text} for one in changes
        ]
        return json.dumps({"version": 1, "changes": rows}, ensure_ascii=False, indent=2) + "\n"
    if not changes:
        return "no difference that a reviewer would see\n"
    lines: list[str] = []
    group = ("", "")
    for one in changes:
        if (one.application, one.topic) != group:
            lines += ["", f"{one.application}: {_PLURALS[one.topic]}" if one.application else _PLURALS[one.topic]]
            group = (one.application, one.topic)
        lines.append(f"  {one.mark} {_one_line(one.text)}")
    marks = [one.mark for one in changes]
    lines += [
        "",
        f"{len(changes)} changes: {marks.count('+')} new, {marks.count('-')} gone, {marks.count('~')} changed",
    ]
    return "\n".join(lines[1:]) + "\n"


_PLURALS = {
    "decision": "decided in migrate.yml",
    "application": "application",
    "image": "image",
    "task": "tasks and handlers",
    "job": "jobs",
    "task definition": "task definitions",
    "process": "processes",
    "secret": "secrets",
    "parameter": "parameters",
    "drift": "drift",
    "question": "questions",
    "cost": "cost a month",
    "problem": "problems",
}


def _renamed(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Pairs of old and new names of applications that have the same hosts."""
    gone = {tuple(_words(before[name], "hosts")): name for name in before if name not in after}
    return [
        (gone[hosts], name)
        for name in after
        if name not in before and (hosts := tuple(_words(after[name], "hosts"))) and hosts in gone
    ]


def _counted(application: Json) -> str:
    counts = [f"{len(_items(application.get(key)))} {key}" for key in ("decisions", "jobs", "processes")]
    return ", ".join(counts)


def _answers(plan: Json) -> dict[str, str]:
    """Question id -> the answer in migrate.yml."""
    said = {_text(one.get("key")): _text(one.get("value")) for one in _items(plan.get("decided"))}
    return {key.removeprefix("answers."): value for key, value in said.items() if key.startswith("answers.")}


def _decided(old: Json, new: Json) -> Iterator[Change]:
    """Lines of migrate.yml that came, went, or say something else."""
    before, after = ({_text(one.get("key")): one for one in _items(plan.get("decided"))} for plan in (old, new))
    yield from _compared(
        "",
        "decision",
        before,
        after,
        lambda was, now: [f"{was.get('value')} -> {now.get('value')}"] if was.get("value") != now.get("value") else [],
        lambda one: _text(one.get("value")) or "(given)",
    )


def _application(name: str, old: Json, new: Json, answers: Mapping[str, str]) -> Iterator[Change]:
    if old and old.get("base_image") != new.get("base_image"):
        yield Change(name, "image", "~", f"base image: {old.get('base_image')} -> {new.get('base_image')}")
    asked, still = _questions(old), _questions(new)
    for key in _all(asked, still):
        if key not in still:
            told = f"answered {answers[key]!r}: " if key in answers else ""
            yield Change(name, "question", "-", f"{key}: {told}{asked[key]}")
        elif key not in asked:
            yield Change(name, "question", "+", f"{key}: {still[key]}")
        elif asked[key] != still[key]:
            yield Change(name, "question", "~", f"{key}: {still[key]}")
    yield from _compared(name, "task", _tasks(old), _tasks(new), _task_changes, _task_text)
    yield from _compared(name, "job", _by(old.get("jobs"), _id), _by(new.get("jobs"), _id), _job_changes, _job_text)
    sizes = _by(old.get("task_definitions"), _name), _by(new.get("task_definitions"), _name)
    yield from _compared(name, "task definition", *sizes, _size_changes, _size_text)
    processes = _by(old.get("processes"), _name), _by(new.get("processes"), _name)
    yield from _compared(name, "process", *processes, _process_changes, lambda one: " ".join(_words(one, "command")))
    costs = _by(old.get("costs"), _name), _by(new.get("costs"), _name)
    yield from _compared(name, "cost", *costs, _cost_changes, lambda one: f"{_usd(one):,.2f} USD")
    for topic, key in (("secret", "secrets"), ("parameter", "parameters")):
        yield from _listed(name, topic, set(_by(old.get(key), _name)), set(_by(new.get(key), _name)))
    yield from _listed(name, "drift", _drift(old), _drift(new))


def _compared(
    application: str,
    topic: str,
    old: Mapping[str, Json],
    new: Mapping[str, Json],
    changes: Callable[[Json, Json], Sequence[str]],
    text: Callable[[Json], str],
) -> Iterator[Change]:
    for key in _all(old, new):
        if key not in new:
            yield Change(application, topic, "-", f"{key}: {text(old[key])}")
        elif key not in old:
            yield Change(application, topic, "+", f"{key}: {text(new[key])}")
        elif found := changes(old[key], new[key]):
            yield Change(application, topic, "~", f"{key}: {'; '.join(found)}")


def _listed(application: str, topic: str, old: set[str], new: set[str]) -> Iterator[Change]:
    for one in sorted(old - new):
        yield Change(application, topic, "-", one)
    for one in sorted(new - old):
        yield Change(application, topic, "+", one)


# --- what makes two things the same, and what of them matters --------------------------------------------------------


def _tasks(application: Json) -> dict[str, Json]:
    """Decisions by what they are about, not by their line: a task that only moved is the same."""
    found: dict[str, Json] = {}
    for one in _items(application.get("decisions")):
        if one.get("kind") not in {"task", "handler"}:
            continue
        file = _text(_object(one, "source").get("file"))
        key = f"{file} {_text(one.get('name'))!r}"
        number = 2
        while key in found:
            key = f"{file} {_text(one.get('name'))!r} ({number})"
            number += 1
        found[key] = one
    return found


def _task_text(one: Json) -> str:
    return f"{_text(one.get('outcome'))} ({_text(one.get('rule')) or 'no rule'})"


def _task_changes(old: Json, new: Json) -> list[str]:
    found = []
    if old.get("outcome") != new.get("outcome"):
        answered = ", answered by a person" if new.get("answered") else ""
        found.append(f"{old.get('outcome')} -> {new.get('outcome')} ({new.get('rule') or 'no rule'}{answered})")
    elif old.get("rule") != new.get("rule"):
        found.append(f"rule {old.get('rule')} -> {new.get('rule')}")
    if old.get("applies") != new.get("applies"):
        found.append(f"applies: {old.get('applies')} -> {new.get('applies')}")
    if old.get("module") != new.get("module"):
        found.append(f"module {old.get('module')} -> {new.get('module')}")
    if not found and old.get("reason") != new.get("reason") and _files(old) != _files(new):
        found.append(f"{_shown(_text(new.get('reason')))}")
    return found


def _files(one: Json) -> set[str]:
    """Files of the bundle in which a decision shows."""
    return {_text(output.get("file")) for output in _items(one.get("outputs"))}


def _job_text(one: Json) -> str:
    return f"`{_text(one.get('schedule'))}` {_text(one.get('outcome'))}"


def _job_changes(old: Json, new: Json) -> list[str]:
    found = [
        f"{label}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key, label in (
            ("outcome", "outcome"),
            ("schedule", "cron"),
            ("timezone", "zone"),
            ("enabled", "enabled"),
            ("user", "user"),
            ("command", "command"),
            ("class", "class"),
            ("timeout_s", "time limit"),
            ("single_flight", "overlap"),
        )
        if old.get(key) != new.get(key)
    ]
    expressions = [[_text(item.get("expression")) for item in _items(one.get("expressions"))] for one in (old, new)]
    if expressions[0] != expressions[1]:
        found.append(f"expressions: {', '.join(expressions[0]) or 'none'} -> {', '.join(expressions[1]) or 'none'}")
    verdicts = [_text(_object(one, "equivalence").get("verdict")) or "none" for one in (old, new)]
    if verdicts[0] != verdicts[1]:
        found.append(f"proof: {verdicts[0]} -> {verdicts[1]}")
    confidence = [_text(_object(one, "footprint").get("confidence")) or "none" for one in (old, new)]
    if confidence[0] != confidence[1]:
        found.append(f"confidence: {confidence[0]} -> {confidence[1]}")
    return found


def _size_text(one: Json) -> str:
    return f"{one.get('cpu')} CPU units, {one.get('memory')} MiB, {_usd(one):,.2f} USD a month"


def _size_changes(old: Json, new: Json) -> list[str]:
    found = [
        f"{label} {old.get(key)} -> {new.get(key)}"
        for key, label in (
            ("cpu", "CPU units"),
            ("memory", "MiB"),
            ("architecture", "architecture"),
            ("desired_count", "tasks"),
        )
        if old.get(key) != new.get(key)
    ]
    gone, came = (
        sorted(set(_words(one, "jobs")) - set(_words(other, "jobs"))) for one, other in ((old, new), (new, old))
    )
    found += [f"without {', '.join(gone)}"] if gone else []
    found += [f"with {', '.join(came)}"] if came else []
    if found and old.get("monthly_usd") != new.get("monthly_usd"):
        found.append(f"{_usd(old):,.2f} -> {_usd(new):,.2f} USD a month")
    return found


def _cost_changes(old: Json, new: Json) -> list[str]:
    if old.get("monthly_usd") == new.get("monthly_usd"):
        return []
    return [f"{_usd(old):,.2f} -> {_usd(new):,.2f} USD"]


def _process_changes(old: Json, new: Json) -> list[str]:
    keys = (
        "image",
        "entrypoint",
        "mounts",
        "command",
        "user",
        "port",
        "working_directory",
        "environment",
        "secrets",
        "health_check",
    )
    return [f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}" for key in keys if old.get(key) != new.get(key)]


def _questions(application: Json) -> dict[str, str]:
    subjects = [*_items(application.get("decisions")), *_items(application.get("jobs"))]
    return {
        _text(one.get("question_id")): _text(one.get("question"))
        for one in subjects
        if one.get("question_id") and not one.get("answered")
    }


def _drift(application: Json) -> set[str]:
    return {
        f"{_text(one.get('kind'))} {_text(one.get('name'))} ({_text(one.get('seen'))})"
        for one in _items(application.get("drift"))
    }


def _problems(plan: Json) -> set[str]:
    """Without their lines: a problem that only moved is the same."""
    return {
        f"{_text(one.get('severity'))}: {_text(_object(one, 'source').get('file'))} {_text(one.get('message'))}"
        for one in _items(plan.get("problems"))
    }


# --- reading what may have been written by another version -----------------------------------------------------------


def _items(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(one: Json, key: str) -> Json:
    value = one.get(key)
    return value if isinstance(value, dict) else {}


def _usd(one: Json) -> float:
    value = one.get("monthly_usd")
    return float(value) if isinstance(value, int | float) else 0.0


def _by(value: object, key: Callable[[Json], str]) -> dict[str, Json]:
    return {key(one): one for one in _items(value)}


def _name(one: Json) -> str:
    return _text(one.get("name"))


def _id(one: Json) -> str:
    return _text(one.get("id"))


def _words(one: Json, key: str) -> list[str]:
    value = one.get(key)
    return [str(word) for word in value] if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return (text if len(text) <= 120 else text[:119] + "…") or '""'


def _all(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Keys of both, in the new order, what is gone at its old place's end."""
    known = list(new)
    return [*known, *(key for key in old if key not in set(known))]


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
