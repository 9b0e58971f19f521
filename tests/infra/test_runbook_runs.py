"""Commands of the runbook, as they stand there, in a simulated AWS."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.infra.test_moto import client, cloud  # noqa: F401 - cloud is a fixture
from tests.infra.test_runbook import blocks, page


def block(which: str, word: str) -> str:
    """The first code block of a page that has `word` in it."""
    return next(one for one in blocks(page("typical", which)) if word in one)


def shell(cloud: dict[str, str], folder: Path, text: str, given: str = "") -> str:  # noqa: F811 - not the fixture
    made = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", text],
        cwd=folder, env=cloud, input=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_a_secret_goes_in_without_a_line_end(cloud: dict[str, str], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """What is typed becomes the secret's value, spaces kept and no line end added, and is not shown."""
    name = "accounting-production/accounting_db_password"
    client(cloud, "secretsmanager").create_secret(Name=name)
    shown = shell(cloud, tmp_path, block("cutover", "put()"), " two words\\n \n")
    assert "AWSCURRENT" in shown
    assert "two words" not in shown
    value = client(cloud, "secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    assert value == " two words\\n "
    check = block("cutover", "is empty")
    assert shell(cloud, tmp_path, check) == ""


def test_the_simple_record_becomes_a_weighted_one(cloud: dict[str, str], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """One change batch replaces the record: the same addresses, all the weight, nothing beside it."""
    route53 = client(cloud, "route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
    record = {
        "Name": "app.example.com.",
        "Type": "A",
        "TTL": 300,
        "ResourceRecords": [{"Value": "203.0.113.10"}, {"Value": "203.0.113.11"}],
    }
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    first = block("cutover", "name=app.example.com").replace("Z0123456789EXAMPLE", zone)
    assert json.loads(shell(cloud, tmp_path, first)) == ["203.0.113.10", "203.0.113.11"]
    replace = block("cutover", "change-resource-record-sets")
    aws = "\n".join(line for line in replace.splitlines() if not line.startswith("terraform"))
    shell(cloud, tmp_path, f"name=app.example.com\nzone={zone}\n{aws}")
    found = [
        one
        for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if one["Name"] == record["Name"]
    ]
    assert found == [record | {"TTL": 60, "SetIdentifier": "ec2", "Weight": 100}]
    assert json.loads((tmp_path / "old-app.example.com.json").read_text()) == record


def test_batches_go_back_one_revision(cloud: dict[str, str], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """Taking the newest revision out of service leaves the one before it as the only active one here."""
    ecs = client(cloud, "ecs")
    families = ("accounting-production-batch_heavy", "accounting-production-batch_light")
    for family in families:
        for number in range(2):
            container = {"name": "app", "image": f"x:{number}", "memory": 128}
            ecs.register_task_definition(family=family, containerDefinitions=[container])
    shown = shell(
        cloud, tmp_path, block("rollback", "list-task-definitions --family-prefix accounting-production-batch")
    )
    assert shown.count(":task-definition/") == 4
    assert shell(cloud, tmp_path, block("rollback", "deregister-task-definition")).split() == ['"INACTIVE"'] * 2
    for family in families:
        active = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
        assert [arn.rpartition(":")[2] for arn in active] == ["1"]
