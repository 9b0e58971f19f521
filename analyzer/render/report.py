"""`report.html`: the review as one self-contained page. No network: scripts, styles and data are inside, by hash.

Texts of the input reach the page in two ways only: as JSON in a data element (escaped, see `escaped_json`), which the
script shows as text nodes, and through Jinja's autoescape. The policy in the page's head lets nothing else run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence

from analyzer.decide.questions import open_questions
from analyzer.decide.sizing.result import cuts_of, price_basis
from analyzer.model import Application, Outcome, OutputFile, Plan, TaskDefinition
from analyzer.render.jinja import render_template
from analyzer.render.references import readable
from analyzer.render.report_data import escaped_json, page_data
from analyzer.render.report_picture import picture
from analyzer.render.texts import Texts

SCRIPTS = (
    "report/vendor/uPlot.iife.min.js",
    "report/dom.js",
    "report/files.js",
    "report/ledger.js",
    "report/roles.js",
    "report/machine.js",
    "report/jobs.js",
    "report/calendar.js",
    "report/plots.js",
    "report/questions.js",
    "report/lists.js",
    "report/fidelity.js",
    "report/page.js",
)
"""In this order, as one script. The plots are uPlot's (MIT, licence beside it): tens of thousands of points with zoom,
for 51 kB; everything else is drawn by the page's own few lines."""
STYLES = ("report/vendor/uPlot.min.css", "report/page.css")


def render(
    plan: Plan, templates: Mapping[str, str], files: Sequence[OutputFile] = (), language: str = "en"
) -> tuple[OutputFile, ...]:
    """The page; `files` are the bundle's other files, shown line by line with their reasons."""
    texts = Texts(language)
    script = "\n".join(templates[name] for name in SCRIPTS)
    style = "\n".join(templates[name] for name in STYLES)
    data = readable(json.dumps(page_data(plan, files), ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    words = json.dumps(
        texts.all(
            "page.",
            "answer.",
            "outcome.",
            "verdict.",
            "job.",
            "class.",
            "confidence.",
            "seen.",
            "kind.",
            "because.",
            "severity.",
            "summary.",
        ),
        ensure_ascii=False,
    )
    names = ", ".join(application.name for application in plan.applications)
    text = render_template(
        {name: body for name, body in templates.items() if name.endswith(".html.j2")},
        "report/page.html.j2",
        language=texts.language,
        t=texts,
        title=readable(texts("readme.title", names=names, environment=plan.environment)),
        script=script,
        script_hash=_hash(script),
        style=style,
        style_hash=_hash(style),
        data=escaped_json(data),
        words=escaped_json(words),
        applications=[_overview(application, texts) for application in plan.applications],
        blocking=sum(one.question.blocking for one in open_questions(plan)),
        open=len(open_questions(plan)),
    )
    return (OutputFile(path="report.html", data=text.encode("utf-8", "replace")),)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _overview(application: Application, texts: Texts) -> dict[str, object]:
    """What the page shows without its script."""
    counts = {outcome: sum(one.outcome is outcome for one in application.decisions) for outcome in Outcome}
    most = max((cost.monthly_usd for cost in application.costs), default=0.0) or 1.0
    return {
        "name": application.name,
        "region": readable(application.region),
        "timezone": readable(application.timezone),
        "image": readable(application.image.base_image),
        "hosts": ", ".join(readable(host.name) for host in application.hosts),
        "picture": picture(application, texts),
        "total": len(application.decisions),
        "outcomes": [
            {"name": outcome.value, "text": texts(f"outcome.{outcome.value}"), "count": count}
            for outcome, count in counts.items()
            if count
        ],
        "jobs": len(application.jobs),
        "scheduled": sum(job.outcome == "schedule" for job in application.jobs),
        "proved": sum(
            job.outcome == "schedule" and job.equivalence is not None and job.equivalence.verdict.startswith("equal")
            for job in application.jobs
        ),
        "definitions": [
            {
                "name": one.name,
                "vcpu": f"{one.cpu / 1024:g}",
                "memory": f"{one.memory / 1024:g}",
                "runs": readable(one.process) if one.process else _jobs_of(application, one, texts),
                "usd": f"{one.monthly_usd:,.2f}",
                "basis": readable(one.basis),
                "assumed": one.assumed,
            }
            for one in application.task_definitions
        ],
        "cuts": [
            {
                "light": str(one.light),
                "heavy": str(one.heavy),
                "light_jobs": [readable(job) for job in one.light_jobs],
                "heavy_jobs": [readable(job) for job in one.heavy_jobs],
                "usd": f"{one.monthly_usd:,.2f}",
                "chosen": one.chosen,
            }
            for one in cuts_of(application)[0]
        ],
        "cut_reason": readable(cuts_of(application)[1]),
        "prices": readable(price_basis(application)),
        "costs": [
            {
                "name": texts.named(f"cost.{one.name}", readable(one.name)),
                "now": one.name.startswith("ec2"),
                "usd": f"{one.monthly_usd:,.2f}",
                "basis": readable(one.basis),
                "share": max(0, min(100, round(100 * one.monthly_usd / most))),
            }
            for one in application.costs
        ],
    }


def _jobs_of(application: Application, definition: TaskDefinition, texts: Texts) -> str:
    """How many jobs run on it; those that wait for an answer are in its size and cost, and are said apart."""
    waiting = {job.id for job in application.jobs if job.outcome == "manual"} & set(definition.jobs)
    if waiting:
        return texts("summary.jobs-waiting", count=len(definition.jobs), waiting=len(waiting))
    return texts("summary.jobs", count=len(definition.jobs)) if definition.jobs else texts("summary.unused")
