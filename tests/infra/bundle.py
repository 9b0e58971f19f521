"""All files that the infrastructure renderers make for an application, as the bundle holds them."""

from __future__ import annotations

from analyzer.model import Application, OutputFile
from analyzer.render import schedules, state_machines, task_definitions, terraform
from analyzer.resources import template_texts

RENDERERS = (task_definitions, schedules, state_machines, terraform)


def files(application: Application) -> tuple[OutputFile, ...]:
    templates = template_texts()
    return tuple(file for renderer in RENDERERS for file in renderer.render(application, templates))
