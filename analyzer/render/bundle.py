"""Plan -> files. One literal list of renderers; `plan.json` and `provenance.json` come last: they tell of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analyzer.model import Application, OutputFile, Plan
from analyzer.render import (
    bundle_readme,
    decisions_file,
    deployment,
    dockerfile,
    operations,
    plan_json,
    provenance,
    report,
    schedules,
    state_machines,
    task_definitions,
    terraform,
)
from analyzer.render.markdown import translated_page
from analyzer.render.translated import sayer, translated_plan

RENDERERS: tuple[Callable[[Application, Mapping[str, str]], tuple[OutputFile, ...]], ...] = (
    dockerfile.render,
    task_definitions.render,
    schedules.render,
    state_machines.render,
    terraform.render,
    deployment.render,
    operations.render,
)
"""What each application gets. Each renderer takes the application and the output templates (name -> text)."""


def render(plan: Plan, templates: Mapping[str, str], language: str = "en") -> tuple[Plan, tuple[OutputFile, ...]]:
    """(the plan with every decision's outputs, its texts in `language`; all files of the bundle sorted by path).

    `plan.json` and what machines read stay English in every language.
    """
    files = [
        file for application in plan.applications for renderer in RENDERERS for file in renderer(application, templates)
    ]
    say = sayer(language, templates)
    if say is not None:
        files = [translated_page(file, say) if file.path.endswith(".md") else file for file in files]
    plan = provenance.with_outputs(plan, files)
    told = plan if say is None else translated_plan(plan, say)
    files += decisions_file.render(told, templates, language)
    files += bundle_readme.render(told, templates, language)
    files += report.render(told, templates, files, language)
    files.append(plan_json.render(plan))
    files.append(provenance.render(files))
    return told, tuple(sorted(files, key=lambda file: file.path))
