"""All files that the infrastructure renderers make for an application, as the bundle holds them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from analyzer.model import Application, OutputFile
from analyzer.render import deployment, operations, schedules, state_machines, task_definitions, terraform
from analyzer.resources import template_texts
from tests.infra import factory

RENDERERS = (task_definitions, schedules, state_machines, terraform, deployment, operations)


def files(application: Application) -> tuple[OutputFile, ...]:
    templates = template_texts()
    return tuple(file for renderer in RENDERERS for file in renderer.render(application, templates))


@cache
def texts(name: str) -> dict[str, str]:
    """Path inside of the application's folder -> text, for one of the hand-made applications."""
    application = factory.APPLICATIONS[name]
    return {file.path.removeprefix(f"{application.name}/"): file.data.decode() for file in files(application)}


def write(folder: Path, application: Application) -> Path:
    """Writes the files; the application's folder."""
    for file in files(application):
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(file.mode)
    return folder / application.name
