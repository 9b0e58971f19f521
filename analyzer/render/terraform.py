"""The infrastructure team's Terraform: modules and roots that are the same for all, and this application's values.

The `.tf` files are plain files without a placeholder; all that the analysis knows stands in each environment's
`terraform.tfvars`, written from values, never from a template. What only the infrastructure team knows has a place in
`site.auto.tfvars.example`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from analyzer.model import Application, OutputFile, Source, TaskDefinition, Via
from analyzer.render import alarms, heartbeat_check, schedules
from analyzer.render.containers import (
    environments,
    parameters_by_name,
    process_of,
    scheduled_jobs,
    secrets_by_name,
)
from analyzer.render.firewall import EVERYWHERE, Rule, description, firewall
from analyzer.render.hcl import Hcl, Line, Noted, assignments, comment_lines
from analyzer.render.names import CONTAINER, Names, hardened
from analyzer.render.storage import STRANGER_ID, file_owner, file_systems
from analyzer.render.terraform_site import OWNER, RULE, site_example, terraform_file
from analyzer.render.watches import watches

_FOLDER = "terraform/"

_ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?P<cn>\.cn)?/(?P<name>[a-z0-9._/-]+)[:@]"
)


def render(application: Application, templates: Mapping[str, str]) -> tuple[OutputFile, ...]:
    """Modules once, and one root for each environment."""
    base = f"{application.name}/infra"
    files: list[OutputFile] = []
    for name, text in sorted(templates.items()):
        if name.startswith(f"{_FOLDER}modules/"):
            files.append(_static(f"{base}/{name.removeprefix(_FOLDER)}", name, text))
        elif name.startswith(f"{_FOLDER}root/"):
            files += [
                _static(f"{base}/{environment}/{name.removeprefix(f'{_FOLDER}root/')}", name, text)
                for environment in environments(application)
            ]
    for environment in environments(application):
        files.append(_values(application, environment))
        files.append(site_example(application, environment))
    files += heartbeat_check.render(application, templates)
    return tuple(files)


def _static(path: str, template: str, text: str) -> OutputFile:
    lines = [Line(f"# {OWNER}"), Line("")] + [Line(line) for line in text.splitlines()]
    return terraform_file(path, lines, Via(rule=f"template:{template}"))


# --------------------------------------------------------------------------------------------------------------------
# terraform.tfvars
# --------------------------------------------------------------------------------------------------------------------


def _values(application: Application, environment: str) -> OutputFile:
    names = Names(application.name, environment, application.region)
    about = (
        f"{OWNER} What the analysis of {application.name} found, as values for {environment}.\n"
        "Run migrate-analyze again rather than edit this; what only you know goes into site.auto.tfvars."
    )
    lines = [Line(text) for text in comment_lines(about)]
    lines.append(Line(""))
    lines += assignments(dict(_sections(application, environment, names)))
    path = f"{application.name}/infra/{environment}/terraform.tfvars"
    return terraform_file(path, lines, Via(rule=RULE))


def _sections(application: Application, environment: str, names: Names) -> Iterator[tuple[str, Hcl | Noted]]:
    yield "application", application.name
    yield "environment", environment
    if application.region:
        yield "region", application.region
    yield "ecs_exec", Noted(value=not hardened(environment), via=Via(rule=RULE, note="off where customers are served"))
    yield "deletion_protection", hardened(environment)
    yield "names", _names(application, names)
    yield "log_groups", {one.name: names.log_group(one.name) for one in application.task_definitions}
    yield "processes", _processes(application, names)
    yield "jobs", _jobs(application, environment, names)
    yield "heartbeat_checks", heartbeat_check.values(application, names)
    yield "alarms", alarms.values(application, names)
    yield "secrets", _secrets(application, environment, names)
    yield "parameter_names", {name: names.parameter(name) for name in parameters_by_name(application, environment)}
    yield "file_systems", _file_systems(application, names)
    if repositories := _other_repositories(application):
        yield "other_repositories", repositories
    yield from _security_groups(application)
    yield "old_addresses", _old_addresses(application, environment)


def _names(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    balanced = next((one for one in application.task_definitions if alarms.load_balanced(application, one)), None)
    return {
        "cluster": names.cluster,
        "container": CONTAINER,
        "repository": names.repository,
        "topic": names.topic,
        "load_balancer": names.load_balancer,
        "target_group": names.target_group(balanced.process if balanced is not None else "api"),
        "load_balancer_security_group": names.security_group("load-balancer"),
        "tasks_security_group": names.security_group("tasks"),
        "file_systems_security_group": names.security_group("efs"),
        "execution_role": names.role("execution"),
        "task_role": names.role("task"),
        "states_role": names.role("states"),
        "heartbeat_check_role": names.role("heartbeat-check"),
        "scheduler_role": names.role("scheduler"),
        "deploy_role": names.role("deploy"),
        "lock_table": names.lock_table,
        "dead_letter_queue": names.dead_letter_queue,
        "schedule_group": names.schedule_group,
        "state_machine_log_group": names.state_machine_log_group,
        "heartbeat_check": names.heartbeat_check,
        "metric_namespace": names.metric_namespace,
        "batch_tasks_rule": names.event_rule("batch-tasks"),
        "service_tasks_rule": names.event_rule("service-tasks"),
    }


def _processes(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    made: dict[str, Hcl | Noted] = {}
    for definition in application.task_definitions:
        process = process_of(application, definition)
        if process is None:
            continue
        balanced = alarms.load_balanced(application, definition)
        desired = max(definition.desired_count, 2) if balanced else max(definition.desired_count, 1)
        value: dict[str, Hcl | Noted] = {
            "service": names.service(process.name),
            "family": names.task_family(definition.name),
            "load_balanced": balanced,
            "desired_count": desired,
            # the observed load fits the smallest number; room for three times it without a person's hand
            "max_count": desired * 3 if balanced else desired,
            "cpu_target_percent": 60,
        }
        comment = definition.basis
        if process.port is not None:
            value["port"] = process.port
        if balanced:
            value |= _health_check(process.health_check.path if process.health_check is not None else "")
            value["deregistration_delay_seconds"] = max(process.stop_timeout_s or 30, 30)
        else:
            value["singleton"] = True
            comment += "\nsingleton: nobody said that two of it may run at once, and the host ran one"
        via = Via(rule=process.via.rule, sources=(*process.via.sources, *_sources(definition)), note=definition.basis)
        made[process.name] = Noted(value=value, via=via, comment=comment)
    return made


def _health_check(path: str) -> dict[str, Hcl | Noted]:
    if path.startswith("/") and path.isprintable() and len(path) <= 1024 and " " not in path:
        return {"health_check_path": path}
    unknown = Via(rule=RULE, note="no health endpoint is known")
    comment = "No health endpoint is known: any answer below 500 counts as well. Name a real one."
    return {"health_check_path": Noted(value="/", via=unknown, comment=comment), "health_check_matcher": "200-499"}


def _sources(definition: TaskDefinition) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for via in definition.via for source in via.sources))


def _jobs(application: Application, environment: str, names: Names) -> dict[str, Hcl | Noted]:
    made: dict[str, Hcl | Noted] = {}
    by_job = {job: one.name for one in application.task_definitions for job in one.jobs}
    counting = {watch.job.id for watch in watches(application) if not watch.from_log}
    for job in scheduled_jobs(application):
        if job.id not in by_job:
            continue
        proof = job.equivalence
        comment = f"{job.sources[0]}: {job.schedule}" if job.sources else job.schedule
        if proof is not None:
            comment += f"\nproof: {proof.verdict}; {proof.method}"
            listed = [f"missed {when}" for when in proof.missed] + [f"extra {when}" for when in proof.extra]
            comment += "".join(f"\n  {text}" for text in listed[:10])
            if len(listed) > 10:
                comment += f"\n  and {len(listed) - 10} more, in plan.json"
        if not job.enabled:
            comment += "\nswitched off on the host: leave it switched off"
        value: dict[str, Hcl | Noted] = {
            "state_machine": names.state_machine(job.id),
            "definition": f"{job.id}.asl.json",
            "task_definition": names.task_family(by_job[job.id]),
            "schedules": {
                expression.name: _schedule(schedules.request(application, environment, job, expression)[0])
                for expression in job.expressions
            },
        }
        if job.id in counting:
            value["counts_own_ends"] = True
        made[job.id] = Noted(value=value, via=job.via, comment=comment)
    return made


def _schedule(request: Mapping[str, object]) -> dict[str, Hcl | Noted]:
    """The values of one CreateSchedule request, so that Terraform and the JSON file say the same."""
    target = _mapping(request["Target"])
    retry = _mapping(target.get("RetryPolicy", {}))
    window = _mapping(request["FlexibleTimeWindow"])
    value: dict[str, Hcl | Noted] = {
        "description": _text(request.get("Description", "")),
        "expression": _text(request["ScheduleExpression"]),
        "timezone": _text(request.get("ScheduleExpressionTimezone", "UTC")),
        "retry_attempts": _number(retry.get("MaximumRetryAttempts", 0)),
        "max_age_seconds": _number(retry.get("MaximumEventAgeInSeconds", 3600)),
        "input": _text(target.get("Input", "{}")),
    }
    if window.get("Mode") == "FLEXIBLE":
        value["window_minutes"] = _number(window["MaximumWindowInMinutes"])
    for key, name in (("StartDate", "start_date"), ("EndDate", "end_date")):
        if key in request:
            value[name] = _text(request[key])
    return value


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _number(value: object) -> int:
    return value if isinstance(value, int) else int(str(value))


def _secrets(application: Application, environment: str, names: Names) -> dict[str, Hcl | Noted]:
    known = {secret.name: secret for secret in application.secrets}
    made: dict[str, Hcl | Noted] = {}
    for name, variables in secrets_by_name(application, environment).items():
        secret = known.get(name)
        source = secret.source if secret is not None else None
        via = Via(rule="secret", sources=(source,) if source is not None else ())
        value: dict[str, Hcl | Noted] = {
            "name": names.secret(name),
            "description": f"{', '.join(variables)} of {application.name}"[:2048],
        }
        made[name] = Noted(value=value, via=via, comment=f"defined at {source}" if source is not None else "")
    return made


def _file_systems(application: Application, names: Names) -> dict[str, Hcl | Noted]:
    made: dict[str, Hcl | Noted] = {}
    known = file_owner(application)
    uid, gid = known or (STRANGER_ID, STRANGER_ID)
    for one in file_systems(application):
        value: dict[str, Hcl | Noted] = {
            "name": names.file_system(one.name),
            "uid": uid,
            "gid": gid,
        }
        comment = f"{one.path}; its files belong to {application.image.user or 'root'}"
        if known is None:
            comment += f", whose ids are not known: {STRANGER_ID} is an assumption, set what the image has"
        made[one.name] = Noted(value=value, via=one.via, comment=comment)
    return made


def _other_repositories(application: Application) -> list[str]:
    """ARNs of the repositories in ECR from which processes run images that exist already."""
    found = set()
    for process in application.processes:
        if match := _ECR_IMAGE.match(process.image):
            partition = "aws-cn" if match["cn"] else "aws"
            found.add(f"arn:{partition}:ecr:{match['region']}:{match['account']}:repository/{match['name']}")
    return sorted(found)


def _security_groups(application: Application) -> Iterator[tuple[str, Hcl | Noted]]:
    found = firewall(application)
    comments = [f"not carried over: {text}" for text, _ in found.left_out]
    balanced = any(alarms.load_balanced(application, one) for one in application.task_definitions)
    if balanced and not found.load_balancer:
        comments.insert(
            0, "No firewall rule of the hosts opens a web port: nobody can reach the load balancer until you say who."
        )
    via = Via(rule=RULE, sources=tuple(dict.fromkeys(source for _, one in found.left_out for source in one.sources)))
    rules = {rule.key: _rule(rule, with_protocol=False) for rule in found.load_balancer}
    yield "load_balancer_ingress", Noted(value=rules, via=via, comment="\n".join(comments))
    yield "tasks_ingress", {rule.key: _rule(rule, with_protocol=True) for rule in found.tasks}
    yield (
        "tasks_egress",
        {
            "everything": Noted(
                value={
                    "description": "Databases, APIs, AWS itself",
                    "protocol": "-1",
                    "cidr_ipv4": EVERYWHERE,
                },
                via=Via(
                    rule=RULE, note="nothing on the hosts forbade it; narrow it when you know where tasks connect to"
                ),
                comment="Nothing on the hosts forbade it; narrow it when you know where tasks connect to.",
            )
        },
    )


def _rule(rule: Rule, *, with_protocol: bool) -> Noted:
    where = ", ".join(str(source) for source in rule.via.sources)
    value: dict[str, Hcl | Noted] = {
        "description": description(f"as on the hosts: {where}" if where else "as on the hosts")
    }
    if with_protocol:
        value |= {"protocol": rule.protocol, "port": rule.port, "to_port": rule.to_port}
    else:
        value["port"] = rule.port
    value["cidr_ipv6" if rule.is_v6 else "cidr_ipv4"] = rule.cidr
    return Noted(value=value, via=rule.via)


def _old_addresses(application: Application, environment: str) -> Hcl | Noted:
    if environment != application.environment:
        return []
    hosts = [host.ec2 for host in application.hosts if host.ec2 is not None and host.ec2.public_ip]
    comment = "the hosts, as long as they share the traffic"
    if not hosts:
        private = [host.ec2.private_ip for host in application.hosts if host.ec2 is not None and host.ec2.private_ip]
        comment = (
            "No public address is in the evidence: name in site.auto.tfvars what the DNS records show today"
            f" (private: {', '.join(private) or 'not known'}), or all traffic moves at once."
        )
    return Noted(
        value=[ec2.public_ip for ec2 in hosts],
        via=Via(rule=RULE, sources=tuple(ec2.source for ec2 in hosts)),
        comment=comment,
    )
