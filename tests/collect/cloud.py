"""The fixture's instance and its metrics in a simulated AWS."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any

from tests.collect.hosts import RECORDED

REGION = "ap-northeast-1"


def client(endpoint: str, service: str) -> Any:
    """A client of the simulated AWS."""
    import boto3

    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def recorded_instance() -> dict[str, Any]:
    """The instance of the fixture's evidence."""
    return json.loads((RECORDED / "ec2.json").read_text(encoding="utf-8"))["Reservations"][0]["Instances"][0]


def make_instance(endpoint: str, name: str = "acct01") -> dict[str, str]:
    """Starts an instance like the fixture's; its ids -> the fixture's."""
    wanted = recorded_instance()
    ec2, iam = client(endpoint, "ec2"), client(endpoint, "iam")
    profile = wanted["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    if profile not in [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]]:
        iam.create_instance_profile(InstanceProfileName=profile)
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    zone = wanted["Placement"]["AvailabilityZone"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.11.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="accounting-host", Description="x", VpcId=vpc)["GroupId"]
    made = ec2.run_instances(
        ImageId="ami-03cf127a",  # one of those that the simulation has
        MinCount=1,
        MaxCount=1,
        InstanceType=wanted["InstanceType"],
        SubnetId=subnet,
        SecurityGroupIds=[group],
        PrivateIpAddress=wanted["PrivateIpAddress"],
        Monitoring={"Enabled": True},
        IamInstanceProfile={"Name": profile},
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{**tag, "Value": name} if tag["Key"] == "Name" else tag for tag in wanted["Tags"]],
            }
        ],
    )["Instances"][0]
    volume = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [made["InstanceId"]]}])
    return {
        made["InstanceId"]: wanted["InstanceId"],
        made["ImageId"]: wanted["ImageId"],
        volume["Volumes"][0]["VolumeId"]: wanted["BlockDeviceMappings"][0]["Ebs"]["VolumeId"],
        vpc: wanted["VpcId"],
        subnet: wanted["SubnetId"],
        group: wanted["SecurityGroups"][0]["GroupId"],
    }


def put_metrics(endpoint: str, instance: str) -> None:
    """The fixture's series as data points: each period holds two whose mean and maximum are the recorded ones."""
    with gzip.open(RECORDED / "metrics/cloudwatch.json.gz") as stream:
        results = {one["Id"]: one for one in json.load(stream)["MetricDataResults"]}
    cloudwatch = client(endpoint, "cloudwatch")
    own = [{"Name": "InstanceId", "Value": instance}]
    # the agent adds dimensions of its own; the same metric lies there a second time without them
    more = [*own, {"Name": "InstanceType", "Value": "m5.large"}]
    for prefix, namespace, name, dimensions in (
        ("cpu", "AWS/EC2", "CPUUtilization", own),
        ("mem", "CWAgent", "mem_used_percent", more),
    ):
        average, maximum = results[f"{prefix}_average"], results[f"{prefix}_maximum"]
        data = [
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Timestamp": datetime.fromisoformat(stamp),
                "Values": [high, 2 * mean - high],
                "Counts": [1, 1],
            }
            for stamp, mean, high in zip(average["Timestamps"], average["Values"], maximum["Values"], strict=True)
        ]
        for place in range(0, len(data), 500):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[place : place + 500])
