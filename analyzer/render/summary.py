"""The summary on the terminal: one screen, blocking questions first; plain text where it is piped, rich where seen."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from analyzer.decide.likeness import question_groups
from analyzer.decide.questions import OpenQuestion, open_questions
from analyzer.model import Application, Outcome, Plan, Severity
from analyzer.render.references import readable
from analyzer.render.texts import Texts

Tone: TypeAlias = Literal["heading", "alert", "good", "quiet", "plain"]
_STYLES: dict[Tone, str] = {"heading": "bold", "alert": "bold red", "good": "green", "quiet": "dim", "plain": ""}
_MOST_QUESTIONS = 5
_MOST_APPLICATIONS = 2
"""More of them get a line each instead of a paragraph: the summary stays one screen."""
_MOST_ROWS = 15
_LABEL = 28
"""Columns before what a line of a paragraph says."""


class Line(Struct, frozen=True):
    """One line of the summary: pieces of text, each with its tone."""

    pieces: tuple[tuple[str, Tone], ...]

    @property
    def text(self) -> str:
        """The line without tones."""
        return "".join(text for text, _ in self.pieces).rstrip()


def render_summary(
    plan: Plan, *, form: str = "text", language: str = "en", color: bool = False, out: str = "", width: int = 0
) -> str:
    """The summary: `form` json is an object, text one screen; `color` for a terminal, plain for a pipe or a log.

    `out` is the folder of the bundle as the person named it; `width` the terminal's, 0 = what is usual.
    """
    if form == "json":
        return json.dumps(summary_object(plan) | ({"bundle": out} if out else {}), ensure_ascii=False, indent=2) + "\n"
    if not color:
        return "".join(f"{line.text}\n" for line in summary_lines(plan, language, width or 100, out))
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    stream = StringIO()
    columns = width or max(60, Console().width)
    console = Console(file=stream, highlight=False, force_terminal=True, width=columns)
    for line in summary_lines(plan, language, columns, out):
        text = Text(no_wrap=True, overflow="ellipsis")
        for piece, tone in line.pieces:
            text.append(piece, _STYLES[tone])
        console.print(text)
    return stream.getvalue()


def summary_object(plan: Plan) -> dict[str, Any]:
    """The summary for programs (`--format json`)."""
    questions = open_questions(plan)
    return {
        "version": 1,
        "environment": plan.environment,
        "blocking": [_question_object(one) for one in questions if one.question.blocking],
        "kinds_of_questions": len(question_groups(questions)),
        "open_questions": sum(not one.question.blocking for one in questions),
        "applications": [_application_object(application) for application in plan.applications],
        "problems": {severity.value: sum(one.severity is severity for one in plan.problems) for severity in Severity},
        "counts": dict(plan.counts),
    }


def _question_object(one: OpenQuestion) -> dict[str, Any]:
    return {
        "applications": list(one.applications),
        "id": one.question.id,
        "subject": readable(one.subject),
        "text": readable(one.question.text),
        "answers": [readable(answer) for answer in one.question.answers],
        "source": str(one.source) if one.source else None,
    }


def _application_object(application: Application) -> dict[str, Any]:
    jobs = application.jobs
    return {
        "name": application.name,
        "hosts": len(application.hosts),
        "tasks": _counted(one.outcome.value for one in application.decisions if one.kind in {"task", "handler"}),
        "jobs": {
            "total": len(jobs),
            "by_outcome": _counted(job.outcome for job in jobs),
            "by_verdict": _counted(job.equivalence.verdict for job in jobs if job.equivalence is not None),
            "by_class": _counted(job.job_class for job in jobs if job.outcome == "schedule"),
        },
        "task_definitions": [
            {
                "name": one.name,
                "cpu": one.cpu,
                "memory": one.memory,
                "jobs": len(one.jobs),
                "jobs_waiting": sum(job.outcome == "manual" for job in application.jobs if job.id in one.jobs),
                "monthly_usd": round(one.monthly_usd, 2),
                "assumed": one.assumed,
            }
            for one in application.task_definitions
        ],
        "costs": [{"name": cost.name, "monthly_usd": round(cost.monthly_usd, 2)} for cost in application.costs],
        "drift": len(application.drift),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def summary_lines(plan: Plan, language: str = "en", width: int = 100, out: str = "") -> tuple[Line, ...]:
    """The summary, line by line, at most `width` columns each."""
    texts = Texts(language)
    questions = open_questions(plan)
    lines = list(_blocking([one for one in questions if one.question.blocking], texts))
    if len(plan.applications) > _MOST_APPLICATIONS:
        lines += _table(plan.applications, texts)
    else:
        for application in plan.applications:
            lines += _application(application, texts, width)
    rest = [one for one in questions if not one.question.blocking]
    lines.append(Line(()))
    more = "summary.open" if len(rest) == len(questions) else "summary.open-more"
    said = texts(more, count=len(rest)) if rest else texts("summary.nothing-open") if not questions else ""
    kinds = len(question_groups(rest))
    said += f" {texts('summary.kinds', count=kinds)}" if kinds < len(rest) else ""
    if said:
        lines.append(Line(((said, "plain"),)))
    lines += _problems(plan, texts)
    lines.append(Line(((texts("summary.report", folder=f"{out.rstrip('/')}/" if out else ""), "quiet"),)))
    return tuple(_cut(line, width) for line in lines)


def _blocking(questions: Sequence[OpenQuestion], texts: Texts) -> Iterator[Line]:
    if not questions:
        return
    yield Line(((texts("summary.blocking", count=len(questions)), "alert"),))
    for one in questions[:_MOST_QUESTIONS]:
        place = f"{one.source}  " if one.source else ""
        yield Line((("  ", "plain"), (_safe(f"{place}{one.subject}"), "heading")))
        yield Line(((_safe(f"    {one.question.text}  [{one.question.id}]"), "plain"),))
    if len(questions) > _MOST_QUESTIONS:
        yield Line(((f"  {texts('summary.more', count=len(questions) - _MOST_QUESTIONS)}", "plain"),))


def _table(applications: Sequence[Application], texts: Texts) -> Iterator[Line]:
    """One line for each of many applications, those with most for a person first, and their sum."""
    heads = [texts(f"summary.column-{name}") for name in ("hosts", "tasks", "manual", "jobs", "manual", "usd")]
    yield Line(())
    yield Line(((f"  {_padded(texts('page.application'), 26)}{''.join(_right(one, 12) for one in heads)}", "quiet"),))
    rows = sorted(((one, _numbers(one)) for one in applications), key=lambda row: -(row[1][2] + row[1][4]))
    for application, numbers in rows[:_MOST_ROWS]:
        yield _numbers_line(application.name, numbers)
    if len(rows) > _MOST_ROWS:
        yield Line(((f"  {texts('summary.more', count=len(rows) - _MOST_ROWS)}", "quiet"),))
    yield _numbers_line(texts("page.total"), [sum(column) for column in zip(*(row for _, row in rows), strict=True)])


def _numbers(application: Application) -> list[float]:
    tasks = [one for one in application.decisions if one.kind in {"task", "handler"}]
    return [
        len(application.hosts),
        len(tasks),
        sum(one.outcome is Outcome.MANUAL for one in tasks),
        len(application.jobs),
        sum(job.outcome == "manual" for job in application.jobs),
        sum(cost.monthly_usd for cost in application.costs if cost.name == "fargate-right-sized"),
    ]


def _numbers_line(name: str, numbers: Sequence[float]) -> Line:
    counts: list[tuple[str, Tone]] = [
        (f"{number:>12,.0f}", "alert" if number and place in {2, 4} else "plain")
        for place, number in enumerate(numbers[:5])
    ]
    return Line(((f"  {_padded(_safe(name)[:24], 26)}", "heading"), *counts, (f"{numbers[5]:>12,.2f}", "plain")))


def _padded(text: str, width: int) -> str:
    return text + " " * max(1, width - _columns(text))


def _right(text: str, width: int) -> str:
    return " " * max(1, width - _columns(text)) + text


def _application(application: Application, texts: Texts, width: int) -> Iterator[Line]:
    hosts = len(application.hosts)
    facts = [
        texts("summary.hosts", count=hosts),
        application.environment,
        application.region,
    ]
    yield Line(())
    yield Line(((application.name, "heading"), (f"  {_safe(', '.join(one for one in facts if one))}", "quiet")))
    ordered = [outcome for outcome in Outcome if outcome is not Outcome.MANUAL]
    tasks = [one.outcome for one in application.decisions if one.kind in {"task", "handler"}]
    counts = Counter(tasks)
    pieces = [f"{counts[one]} {texts(f'outcome.{one.value}')}" for one in ordered if counts[one]]
    label = texts("summary.tasks", count=len(tasks))
    if counts[Outcome.MANUAL]:
        yield _row(label, (f"{counts[Outcome.MANUAL]} {texts('outcome.manual')}", "alert"))
        label = ""
    while pieces:
        fit = next((n for n in range(len(pieces), 1, -1) if _columns(", ".join(pieces[:n])) <= width - _LABEL), 1)
        yield _row(label, (", ".join(pieces[:fit]), "plain"))
        label, pieces = "", pieces[fit:]
    yield from _jobs(application, texts)
    yield from _sizes(application, texts)
    if application.drift:
        yield _row(texts("summary.drift"), (texts("summary.drift-items", count=len(application.drift)), "plain"))


def _jobs(application: Application, texts: Texts) -> Iterator[Line]:
    jobs = application.jobs
    if not jobs:
        return
    outcomes = Counter(job.outcome for job in jobs)
    carried = [job for job in jobs if job.outcome == "schedule"]
    said = [f"{outcomes[one]} {texts(f'job.{one}')}" for one in ("schedule", "platform", "skipped") if outcomes[one]]
    manual = f"{', ' if said else ''}{outcomes['manual']} {texts('job.manual')}" if outcomes["manual"] else ""
    yield _row(texts("summary.jobs", count=len(jobs)), (", ".join(said), "plain"), (manual, "alert"))
    verdicts = Counter(job.equivalence.verdict if job.equivalence else "none" for job in carried)
    order: tuple[tuple[str, Tone], ...] = (
        ("equal", "good"),
        ("equal-except-dst", "plain"),
        ("differs", "alert"),
        ("refused", "alert"),
        ("none", "alert"),
    )
    parts: list[tuple[str, Tone]] = []
    for verdict, tone in order:
        if verdicts[verdict]:
            parts.append((f"{', ' if parts else ''}{verdicts[verdict]} {texts(f'verdict.{verdict}')}", tone))
    classes = Counter(job.job_class for job in carried)
    sizes = ", ".join(f"{classes[one]} {texts(f'class.{one}')}" for one in ("heavy", "light") if classes[one])
    if carried:
        waiting = Counter(job.job_class for job in jobs if job.outcome == "manual")
        both = " + ".join(str(classes[one] + waiting[one]) for one in ("heavy", "light"))
        more = f" ({texts('summary.with-waiting', count=waiting.total(), both=both)})" if waiting else ""
        yield _row("", *parts, (f"; {sizes}{more}", "plain"))


def _sizes(application: Application, texts: Texts) -> Iterator[Line]:
    label = texts("summary.sizes")
    for one in application.task_definitions:
        jobs = (
            texts("summary.jobs", count=len(one.jobs)) if one.jobs else "" if one.process else texts("summary.unused")
        )
        size = f"{one.name:<13}{one.cpu / 1024:>5g} vCPU {one.memory / 1024:>5g} GiB  "
        money = f"{one.monthly_usd:>9,.2f} USD/{texts('summary.month')}  "
        assumed: tuple[str, Tone] = (f"{texts('summary.assumed')}  " if one.assumed else "", "alert")
        yield _row(label, (size, "plain"), (money, "plain"), assumed, (jobs, "quiet"))
        label = ""
    label = texts("summary.cost")
    for cost in application.costs:
        yield _row(
            label, (f"{cost.monthly_usd:>9,.2f} USD  {_safe(texts.named(f'cost.{cost.name}', cost.name))}", "plain")
        )
        label = ""


def _problems(plan: Plan, texts: Texts) -> Iterator[Line]:
    counts = Counter(problem.severity for problem in plan.problems)
    if not counts:
        return
    said = [texts(f"summary.{one.value}", count=counts[one]) for one in Severity if counts[one]]
    tone: Tone = "alert" if counts[Severity.ERROR] else "plain"
    yield Line(((f"{texts('summary.problems')}: {', '.join(said)}", tone),))


def _row(label: str, *pieces: tuple[str, Tone]) -> Line:
    padding = " " * max(2, _LABEL - 2 - _columns(label))
    return Line(((f"  {label}{padding}", "quiet"), *pieces))


def _safe(text: str) -> str:
    """The text on one line, without what a terminal would take as a command."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", readable(text))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _cut(line: Line, width: int) -> Line:
    if _columns(line.text) <= width:
        return line
    room = width - 1
    pieces: list[tuple[str, Tone]] = []
    for text, tone in line.pieces:
        kept = ""
        for character in text:
            room -= _columns(character)
            if room < 0:
                return Line((*pieces, (f"{kept}…", tone)))
            kept += character
        pieces.append((text, tone))
    return line
