"""What every container of an application gets from outside: environment variables, secrets, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from analyzer.model import Application, Job, Process, TaskDefinition, TaskSetting, Via
from analyzer.render.names import variable
from analyzer.render.references import has_reference, is_secret, parameter_names, readable, secret_names


class Variable(Struct, frozen=True, kw_only=True):
    """One environment variable of a container."""

    name: str
    kind: Literal["plain", "secret", "parameter"]
    value: str
    """plain: the value. secret: the secret's name. parameter: the text of the analysed environment, for people."""
    via: Via


class _Variables(Struct):
    """Variables by name; what was said first stays."""

    plain_allowed: bool
    port: int | None = None
    items: dict[str, Variable] = field(default_factory=dict)

    def add(self, name: str, value: str, via: Via) -> None:
        """`NAME=value`, where the value may hold markers."""
        if is_secret(value):
            self.put("secret", name, secret_names(value)[0], via)
        elif secret_names(value):
            # ECS cannot compose a value: the whole text becomes one secret, named after its variable
            note = f"the secret holds the whole value: {readable(value)}"
            self.put("secret", name, name.lower(), Via(rule=via.rule, sources=via.sources, note=note))
        elif parameter_names(value) or not (self.plain_allowed or value == str(self.port)):
            self.put("parameter", name, readable(value), via)
        else:
            self.put("plain", name, value, via)

    def put(self, kind: Literal["plain", "secret", "parameter"], name: str, value: str, via: Via) -> None:
        self.items.setdefault(name, Variable(name=name, kind=kind, value=value, via=via))

    def add_references(self, text: str, via: Via) -> None:
        """The variables that a text with markers reads: `${DB_PASSWORD}` for the secret `db_password`."""
        for secret in secret_names(text):
            self.put("secret", variable(secret), secret, via)
        for parameter in parameter_names(text):
            self.put("parameter", variable(parameter), f"<{parameter}>", via)


def process_of(application: Application, definition: TaskDefinition) -> Process | None:
    """The process that a definition keeps running; None for batches."""
    return next((one for one in application.processes if definition.process and one.name == definition.process), None)


def jobs_of(application: Application, definition: TaskDefinition) -> tuple[Job, ...]:
    """The batches that run on a definition; one that a person must still decide about has no say in it."""
    members = set(definition.jobs)
    return tuple(job for job in scheduled_jobs(application) if job.id in members)


def scheduled_jobs(application: Application) -> tuple[Job, ...]:
    """The jobs that get schedules and a state machine."""
    return tuple(job for job in application.jobs if job.outcome == "schedule")


def environments(application: Application) -> tuple[str, ...]:
    """The environments that get files, the analysed one first."""
    return tuple(dict.fromkeys((application.environment, *application.environments)))


def settings(application: Application, kind: str) -> Iterable[tuple[TaskSetting, Via]]:
    """The task settings of one kind that the plays ask for, each with its reason."""
    for step in application.steps:
        if isinstance(step.effect, TaskSetting) and step.effect.kind == kind:
            yield step.effect, step.via


def variables(application: Application, environment: str, definition: TaskDefinition) -> tuple[Variable, ...]:
    """The environment of a definition's container, by name.

    Values were read for the analysed environment only. In any other one each plain value becomes an SSM parameter that
    Terraform asks for, so that no value of production silently rules in development.
    """
    process = process_of(application, definition)
    found = _Variables(environment == application.environment, process.port if process is not None else None)
    if process is not None:
        for name, secret in process.secrets:
            found.put("secret", name, secret, process.via)
        for name, value in process.environment:
            found.add(name, value, process.via)
        for word in (*process.entrypoint, *process.command):
            found.add_references(word, process.via)
        if process.health_check is not None:
            for word in process.health_check.command:
                found.add_references(word, process.health_check.via or process.via)
    for job in jobs_of(application, definition):
        for name, value in job.environment:
            if has_reference(value):  # plain values travel with the start of each run
                found.add(name, value, job.via)
        for word in job.container_command:
            found.add_references(word, job.via)
    for setting, via in settings(application, "environment"):
        found.add(setting.name, setting.value, via)
    own = process is None or not process.image
    for name, value, kind in application.image.runtime_variables if own else ():
        via = Via(rule="template:task_definition", note="the image's entrypoint writes files from it")
        found.put(kind, name, value if kind == "secret" else f"<{value}>", via)
    if application.timezone and not (own and "TZ" in dict(application.image.environment)):
        found.put("plain", "TZ", application.timezone, _timezone_via(application))
    return tuple(found.items[name] for name in sorted(found.items))


def _timezone_via(application: Application) -> Via:
    sources = tuple(host.timezone_source for host in application.hosts if host.timezone_source is not None)
    return Via(rule="template:task_definition", sources=sources, note="the zone in which the hosts reckoned")


def secrets_by_name(application: Application, environment: str) -> dict[str, tuple[str, ...]]:
    """Every secret that a container reads -> the variables that carry it; what Terraform declares."""
    found: dict[str, set[str]] = {}
    for definition in application.task_definitions:
        for item in variables(application, environment, definition):
            if item.kind == "secret":
                found.setdefault(item.value, set()).add(item.name)
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def parameters_by_name(application: Application, environment: str) -> dict[str, str]:
    """Every variable that comes from an SSM parameter -> the text it has in the analysed environment, for people."""
    found: dict[str, str] = {}
    for definition in application.task_definitions:
        for item in variables(application, environment, definition):
            if item.kind == "parameter":
                found.setdefault(item.name, item.value)
    return dict(sorted(found.items()))
