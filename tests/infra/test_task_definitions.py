"""Task definitions are accepted by ECS, legal on Fargate, and each value says why it is there."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from analyzer.model import Application, HealthCheck, MakeDirectory, Ownership, Step, secret_reference
from analyzer.render import checks, terraform
from analyzer.render.containers import parameters_by_name, secrets_by_name
from analyzer.render.task_definitions import render
from analyzer.resources import template_texts
from tests.infra import factory
from tests.strict_botocore import findings


def documents(application: Application) -> dict[str, dict]:
    return {file.path: json.loads(file.data) for file in render(application, {})}


def container(application: Application, name: str, environment: str = "production") -> dict:
    path = f"{application.name}/app/docker/{environment}/task_definition.{name}.json"
    return documents(application)[path]["containerDefinitions"][0]


@pytest.mark.parametrize("name", factory.APPLICATIONS)
def test_every_request_is_accepted(name: str) -> None:
    """Botocore's model, read strictly, and our own checks find nothing in any definition."""
    for path, request in documents(factory.APPLICATIONS[name]).items():
        assert findings("ecs", "RegisterTaskDefinition", request) == [], path
        assert checks.task_definition(request) == (), path


def test_one_file_a_definition_and_environment() -> None:
    """The contract's paths are written for every environment of the inventory."""
    assert list(documents(factory.application())) == [
        f"accounting/app/docker/{environment}/task_definition.{name}.json"
        for environment in ("production", "development")
        for name in ("api", "batch_heavy", "batch_light")
    ]


def test_logs_of_batches_block_and_those_of_a_process_do_not() -> None:
    """The heartbeat line of a batch cannot be dropped; a slow log service does not stop the API."""
    application = factory.application()
    assert container(application, "batch_light")["logConfiguration"]["options"]["mode"] == "blocking"
    api = container(application, "api")["logConfiguration"]["options"]
    assert (api["mode"], api["max-buffer-size"]) == ("non-blocking", "25m")


def test_root_is_read_only_only_where_ecs_exec_is_off() -> None:
    """Production's API has a read-only root with room to write; development's stays writable for ECS Exec."""
    application = factory.application()
    production = container(application, "api")
    assert production["readonlyRootFilesystem"] is True
    assert [item["containerPath"] for item in production["linuxParameters"]["tmpfs"]] == ["/tmp", "/var/log/accounting"]
    development = container(application, "api", "development")
    assert development["readonlyRootFilesystem"] is False
    assert "tmpfs" not in development["linuxParameters"]


def test_a_directory_that_the_image_fills_is_not_hidden() -> None:
    """A tmpfs is not laid over a directory into which the image puts files."""
    from analyzer.model import FileContent, Source, WriteFile

    here = factory.via("x")
    steps = (
        Step(effect=MakeDirectory(path="/var/lib/app", ownership=Ownership(owner="app")), via=here),
        Step(effect=WriteFile(path="/var/lib/app/seed", content=FileContent(source=Source("f"), data=b"")), via=here),
    )
    places = container(factory.application(more_steps=steps), "api")["linuxParameters"]["tmpfs"]
    assert "/var/lib/app" not in [place["containerPath"] for place in places]


def test_a_batch_definition_without_a_batch_fails() -> None:
    """A batch task that names no batch ends with a usage error instead of starting the API."""
    assert "exit 64" in container(factory.application(), "batch_light")["command"][2]


def test_values_of_production_do_not_rule_in_development() -> None:
    """Plain values of the analysed environment become parameters elsewhere, except the port."""
    application = factory.application()
    assert {item["name"]: item["value"] for item in container(application, "api")["environment"]} == {
        "PORT": "3000",
        "RACK_ENV": "production",
        "TZ": "Asia/Tokyo",
    }
    development = container(application, "api", "development")
    assert {item["name"] for item in development["environment"]} == {"PORT", "TZ"}
    assert parameters_by_name(application, "development") == {"RACK_ENV": "production"}
    assert {
        "name": "RACK_ENV",
        "valueFrom": "arn:aws:ssm:ap-northeast-1:000000000000:parameter/accounting-development/RACK_ENV",
    } in development["secrets"]


def test_markers_become_references() -> None:
    """No marker is left in any file; each secret is a reference of the container that uses it, and of no other."""
    application = factory.two_processes()
    for file in render(application, {}):
        assert not set(file.data.decode()) & set("\ue000\ue001\ue002\ue003"), file.path
    names = {item["name"] for item in container(application, "worker", "staging")["secrets"]}
    assert names == {"REDIS_URL", "WORKER_FILE"}
    assert container(application, "worker", "staging")["command"][2].endswith("'-r' './'\"${WORKER_FILE}\"''")
    light = {item["name"] for item in container(application, "batch_light", "staging")["secrets"]}
    assert light == {"BANK_PASSWORD", "TOKEN"}
    assert set(secrets_by_name(application, "staging")) == {
        "accounting_db_password",
        "bank_password",
        "bank_token",
        "redis_url",
    }


def test_limits_are_those_of_fargate() -> None:
    """More open files than Fargate gives are capped; kernel settings of the host are left out."""
    api = container(factory.application(), "api")
    assert api["ulimits"] == [{"name": "nofile", "softLimit": 65535, "hardLimit": 65535}]
    assert api["systemControls"] == [{"namespace": "net.core.somaxconn", "value": "1024"}]
    assert api["stopTimeout"] == 45


def test_every_leaf_has_a_reason() -> None:
    """Each JSON leaf carries its line, its pointer and why it is there; sizes point to their metrics."""
    file = next(
        file for file in render(factory.application(), {}) if file.path.endswith("production/task_definition.api.json")
    )
    lines = file.data.decode().splitlines()
    by_pointer = {item.pointer: item for item in file.provenance}
    size = by_pointer["/cpu"]
    assert '"cpu": "256"' in lines[size.line - 1]
    assert size.via.sources[0].file == "evidence/acct01/metrics/sadf.json"
    assert by_pointer["/containerDefinitions/0/command/2"].via.rule == "process-systemd-unit"

    def leaves(value: object, pointer: str = "") -> list[str]:
        if isinstance(value, dict) and value:
            return [leaf for key, item in value.items() for leaf in leaves(item, f"{pointer}/{key}")]
        if isinstance(value, list) and value:
            return [leaf for index, item in enumerate(value) for leaf in leaves(item, f"{pointer}/{index}")]
        return [pointer]

    assert sorted(by_pointer) == sorted(leaves(json.loads(file.data)))


def test_a_secret_in_a_health_check_is_read_from_the_environment() -> None:
    """A marker in a health check becomes a variable, in whatever quotes it stood."""
    check = HealthCheck(command=("CMD-SHELL", f"curl -u 'x:{secret_reference('pw')}' localhost"))
    application = factory.application(processes=(replace(factory.API, health_check=check),))
    api = container(application, "api")
    assert api["healthCheck"]["command"] == ["CMD-SHELL", "curl -u 'x:'\"${PW}\"'' localhost"]
    assert "PW" in {item["name"] for item in api["secrets"]}


def test_what_the_entrypoint_writes_files_from_reaches_every_container() -> None:
    """Variables that the image's entrypoint needs are given to processes and batches; their roots stay writable."""
    application = factory.application()
    image = replace(application.image, runtime_variables=(("DB_PW", "db_pw", "secret"), ("ZONE", "zone", "parameter")))
    application = replace(application, image=image)
    for name in ("api", "batch_heavy", "batch_light"):
        made = container(application, name)
        assert {"DB_PW", "ZONE"} <= {item["name"] for item in made["secrets"]}
        assert made["readonlyRootFilesystem"] is False


def test_a_batch_that_waits_for_a_person_has_no_say() -> None:
    """A job that is still to be decided changes neither the user nor the secrets of its class."""
    waiting = factory.job("tar", user="root", outcome="manual", environment=(("TOKEN", secret_reference("t")),))
    application = factory.application(members=(*factory.jobs(), waiting))
    definitions = tuple(
        replace(one, jobs=(*one.jobs, "tar")) if one.name == "batch_light" else one
        for one in application.task_definitions
    )
    image = replace(application.image, user="www")
    made = container(replace(application, task_definitions=definitions, image=image), "batch_light")
    assert made["user"] == "app"
    assert "secrets" not in made


def test_a_container_of_a_registry_keeps_its_image_and_mounts_only_its_own_folders() -> None:
    """Its task definition has its image, entrypoint and data; the application's containers do not see that data."""
    application = factory.two_processes()
    mailer = container(application, "mailer", "staging")
    assert (mailer["image"], mailer["entryPoint"], mailer["command"]) == (
        factory.MAILER.image,
        ["/init"],
        ["--queue", "out"],
    )
    assert [(one["sourceVolume"], one["containerPath"]) for one in mailer["mountPoints"]] == [
        ("srv-spool", "/var/spool/mailer")
    ]
    assert mailer["readonlyRootFilesystem"] is False
    for name in ("api", "worker", "batch_heavy"):
        other = container(application, name, "staging")
        assert other["image"].endswith(":REVISION")
        assert [one["containerPath"] for one in other["mountPoints"]] == ["/srv/shared"]


def test_a_process_of_another_registry_in_ecr_may_be_pulled() -> None:
    """The role that pulls images has the repository's ARN, in its own account and region."""
    files = terraform.render(factory.two_processes(), template_texts())
    values = next(one.data.decode() for one in files if one.path.endswith("staging/terraform.tfvars"))
    assert '"arn:aws:ecr:ap-northeast-1:210987654321:repository/tools/mailer"' in values
