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


def test_the_file_system_is_found_by_its_name(cloud: dict[str, str], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """The lines that the host needs name the file system that Terraform made, among others."""
    efs = client(cloud, "efs")
    (wanted, _) = (
        efs.create_file_system(CreationToken=name, Tags=[{"Key": "Name", "Value": name}])["FileSystemId"]
        for name in ("two-processes-staging-srv-shared", "another")
    )
    found = next(one for one in blocks(page("two-processes", "cutover")) if "describe-file-systems" in one)
    assert shell(cloud, tmp_path, found) == f"server={wanted}.efs.ap-northeast-1.amazonaws.com\n"


def test_a_host_is_retired(cloud: dict[str, str], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """Every command of the page in its order: an image and a snapshot stay, the host and what only it had goes, no more."""
    ec2, iam, cloudwatch = (client(cloud, service) for service in ("ec2", "iam", "cloudwatch"))
    base = ec2.describe_images()["Images"][0]["ImageId"]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="accounting-host", Description="x", VpcId=vpc)["GroupId"]
    host, other = (
        ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1, **more)["Instances"][0]["InstanceId"]
        for more in ({"SecurityGroupIds": [group], "DisableApiTermination": True}, {})
    )
    zone = ec2.describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"][0]["Placement"][
        "AvailabilityZone"
    ]
    volume = ec2.create_volume(Size=8, AvailabilityZone=zone)["VolumeId"]
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(InstanceId=host, AllocationId=address["AllocationId"])
    iam.create_role(RoleName="accounting-role", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="accounting")
    iam.add_role_to_instance_profile(InstanceProfileName="accounting", RoleName="accounting-role")
    for name, instance in (("cpu of the host", host), ("cpu of another", other)):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average", Period=300, Threshold=90,
            EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Dimensions=[{"Name": "InstanceId", "Value": instance}],
        )  # fmt: skip

    def step(word: str) -> str:
        text = block("retire", word)
        known = {
            "i-0abc1234def567890": host,
            "vol-0123456789abcdef0": volume,
            "sg-0123456789abcdef0": group,
            "eipalloc-0123456789abcdef0": address["AllocationId"],
        }
        for written, real in known.items():
            text = text.replace(written, real)
        return shell(cloud, tmp_path, text)

    assert step("create-image").split()[1:] == ["available"]
    assert address["AllocationId"] in (stopping := step("stop-instances"))
    assert '"stopping"' in stopping
    assert step("alarms-of-host.txt").splitlines() == ["cpu of the host"]
    step("xargs")
    assert [one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]] == ["cpu of another"]
    step("terminate-instances")
    assert "is complete" in step("create-snapshot")
    step("release-address")
    # moto keeps the interface of an instance that is gone, so the count before it is not AWS's
    assert step("delete-security-group").split()[1] == "[]"
    text = block("retire", "delete-instance-profile")
    shell(cloud, tmp_path, "\n".join(line for line in text.splitlines() if "grep" not in line))
    states = {
        one["InstanceId"]: one["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
    }
    assert (states[host], states[other]) == ("terminated", "running")
    assert [one["Name"] for one in ec2.describe_images(Owners=["self"])["Images"]] == ["acct01-before-retirement"]
    assert volume not in {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]}
    assert volume in {one["VolumeId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert ec2.describe_addresses()["Addresses"] == []
    assert group not in {one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]}
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    assert [one["RoleName"] for one in iam.list_roles()["Roles"]] == ["accounting-role"]
