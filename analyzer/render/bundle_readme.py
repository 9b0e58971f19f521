"""The bundle's README.md: what is here, in the order to read and apply it, and who owns which part."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from analyzer.decide.questions import OpenQuestion, open_questions
from analyzer.model import Application, OutputFile, Plan, Severity
from analyzer.render.jinja import render_template
from analyzer.render.references import readable
from analyzer.render.texts import Texts

_MOST_PROBLEMS = 20
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def render(plan: Plan, templates: Mapping[str, str], language: str = "en") -> tuple[OutputFile, ...]:
    """README.md at the bundle's root, in English or Japanese."""
    texts = Texts(language)
    questions = open_questions(plan)
    problems = sorted(
        (one for one in plan.problems if one.severity is not Severity.NOTE), key=lambda one: _ORDER[one.severity]
    )
    names = ", ".join(application.name for application in plan.applications)
    text = render_template(
        templates,
        f"report/README.{texts.language}.md.j2",
        title=_line(texts("readme.title", names=names, environment=plan.environment)),
        blocking=[_question(one) for one in questions if one.question.blocking],
        open=len(questions),
        applications=[_application(application, texts) for application in plan.applications],
        problems=[
            {
                "severity": texts(f"severity.{one.severity.value}"),
                "message": readable(one.message),
                "where": readable(str(one.source)) if one.source else "",
                "hint": readable(one.hint),
            }
            for one in problems[:_MOST_PROBLEMS]
        ],
        more_problems=max(0, len(problems) - _MOST_PROBLEMS),
    )
    return (OutputFile(path="README.md", data=(re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n").encode()),)


def _line(text: str) -> str:
    return " ".join(readable(text).split())


def _question(one: OpenQuestion) -> dict[str, str]:
    return {
        "where": readable(f"{one.source or ', '.join(one.applications)}"),
        "text": readable(f"{one.subject}: {one.question.text} (`{one.question.id}`)"),
        "answers": readable(" / ".join(one.question.answers)),
    }


def _application(application: Application, texts: Texts) -> dict[str, Any]:
    name = application.name
    app, infra = texts("readme.owner-app"), texts("readme.owner-infra")
    both = texts("readme.owner-both")
    steps = [(texts("readme.step-infra"), f"{name}/infra/{application.environment}/", infra)]
    if application.secrets:
        steps.append((texts("readme.step-secrets", count=len(application.secrets)), "AWS Secrets Manager", both))
    steps.append((texts("readme.step-image"), f"{name}/app/", app))
    steps.append((texts("readme.step-parallel"), f"{name}/ops/parallel-run.md", both))
    if application.processes:
        steps.append((texts("readme.step-services"), f"{name}/app/docker/{application.environment}/", both))
    active = sum(job.outcome == "schedule" and job.enabled for job in application.jobs)
    if active:
        steps.append((texts("readme.step-batches", count=active), f"{name}/ops/schedules.sh", both))
    steps.append((texts("readme.step-retire"), f"{name}/ops/retire.md", infra))
    return {
        "name": name,
        "shell_name": shlex.quote(name),
        "steps": [{"what": what, "where": where, "owner": owner} for what, where, owner in steps],
        "sizes": [
            {
                "name": one.name,
                "vcpu": f"{one.cpu / 1024:g}",
                "memory": f"{one.memory / 1024:g} GiB",
                "runs": readable(one.process or ", ".join(one.jobs)) or texts("summary.unused"),
                "usd": f"{one.monthly_usd:,.2f}" + (f" ({texts('summary.assumed')})" if one.assumed else ""),
            }
            for one in application.task_definitions
        ],
        "secrets": ", ".join(f"`{_line(secret.name)}`" for secret in application.secrets),
    }
