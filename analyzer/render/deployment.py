"""The application team's deployment: CircleCI, GitHub Actions, and the scripts that both use."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from analyzer.model import Application, OutputFile, Provenance, ReleaseStep, TaskDefinition, Via
from analyzer.render.containers import environments, process_of
from analyzer.render.jinja import render_template
from analyzer.render.names import Names, fit, hardened
from analyzer.render.references import shell_text

SCRIPTS = ("fill-in.sh", "run-task.sh", "move-service.sh")
MAIN_BRANCH, SECOND_BRANCH = "main", "develop"


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:
    """`.circleci/config.yml`, `.github/workflows/deploy.yml` and `docker/*.sh`."""
    base = f"{application.name}/app"
    context = _context(application)
    return (
        _text(f"{base}/.circleci/config.yml", "ci/circleci.yml.j2", application, templates, context),
        _text(f"{base}/.github/workflows/deploy.yml", "ci/github.yml.j2", application, templates, context),
        *(_text(f"{base}/docker/{name}", f"ci/{name}", application, templates, None, mode=0o755) for name in SCRIPTS),
    )


def _text(
    path: str,
    template: str,
    application: Application,
    templates: Mapping[str, str],
    context: Mapping[str, Any] | None,
    mode: int = 0o644,
) -> OutputFile:
    text = templates[template] if context is None else render_template(templates, template, **context)
    steps = {_line(application, step): via for step, via in _release_steps(application)}
    default = Via(rule=f"template:{template}")
    provenance = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            via = next((via for command, via in steps.items() if context is not None and command in line), default)
            provenance.append(Provenance(line=number, via=via))
    return OutputFile(path=path, data=text.encode(), provenance=tuple(provenance), mode=mode)


def branches(application: Application) -> dict[str, str]:
    """Environment -> the branch from which it is deployed: customers get `main`, the first other one `develop`."""
    found: dict[str, str] = {}
    for environment in environments(application):
        if hardened(environment) and MAIN_BRANCH not in found.values():
            found[environment] = MAIN_BRANCH
        elif not hardened(environment) and SECOND_BRANCH not in found.values():
            found[environment] = SECOND_BRANCH
        else:
            found[environment] = fit(environment, 60)
    if MAIN_BRANCH not in found.values():
        found[application.environment] = MAIN_BRANCH
    return found


def first_run_differs(application: Application) -> bool:
    """Whether the first deployment leaves something out: services that Terraform has not made, steps of a release."""
    services = any(process_of(application, one) is not None for one in application.task_definitions)
    return services or bool(_release_steps(application))


def _context(application: Application) -> dict[str, Any]:
    names = Names(application.name, application.environment, application.region)
    arm = any(definition.architecture == "ARM64" for definition in application.task_definitions)
    return {
        "repository": names.repository,
        "region": application.region or "where Terraform was applied",
        "dns_suffix": "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com",
        "platform": "linux/arm64" if arm else "linux/amd64",
        "first_run_differs": first_run_differs(application),
        "deployments": [
            _deployment(application, environment, branch) for environment, branch in branches(application).items()
        ],
    }


def _deployment(application: Application, environment: str, branch: str) -> dict[str, Any]:
    names = Names(application.name, environment, application.region)
    definitions = [
        {"name": one.name, "family": names.task_family(one.name), "step_id": f"register-{fit(one.name, 60)}"}
        for one in application.task_definitions
    ]
    services = []
    for one in application.task_definitions:
        process = process_of(application, one)
        if process is not None:
            services.append(
                {
                    "name": names.service(process.name),
                    "family": names.task_family(one.name),
                    "step_id": f"register-{fit(one.name, 60)}",
                }
            )
    return {
        "id": fit(environment, 40),
        "environment": environment,
        "branch": branch,
        "branch_text": f"'{branch}'",
        "approval": hardened(environment),
        "context": f"{names.prefix}",
        "cluster": names.cluster,
        "definitions": definitions,
        "services": services,
        "release_steps": [
            _release_step(step.name or "Release step", _line(application, step, environment))
            for step, _ in _release_steps(application)
        ],
    }


def _release_step(name: str, line: str) -> dict[str, str]:
    """Each CI system has a mark of its own that begins an expression; in a command it must stay text."""
    return {
        "circleci_name": name.replace("<<", "\\<<"),
        "circleci_line": line.replace("<<", "\\<<"),
        "github_name": name.replace("${{", "${{ '${{' }}"),
        "github_line": line.replace("${{", "${{ '${{' }}"),
    }


def _release_steps(application: Application) -> tuple[tuple[ReleaseStep, Via], ...]:
    return tuple((step.effect, step.via) for step in application.steps if isinstance(step.effect, ReleaseStep))


def _line(application: Application, step: ReleaseStep, environment: str | None = None) -> str:
    """The shell line that runs a release step as a task; without an environment only the command's own part of it."""
    command = shell_text(step.command)
    if step.directory:
        command = f"cd {shlex.quote(step.directory)} && {command}"
    quoted = shlex.quote(command)
    if environment is None:
        return quoted
    names = Names(application.name, environment, application.region)
    definition = release_definition(application)
    family = names.task_family(definition.name) if definition is not None else names.task_family("api")
    return f"docker/run-task.sh {shlex.quote(names.cluster)} {shlex.quote(family)} {quoted}"


def release_definition(application: Application) -> TaskDefinition | None:
    """The task definition on which release steps run: the API's, whose configuration they were written for."""
    by_name = {one.name: one for one in application.task_definitions}
    return by_name.get("api") or by_name.get("batch_light") or next(iter(by_name.values()), None)
