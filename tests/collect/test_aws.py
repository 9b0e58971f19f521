"""EC2 and CloudWatch: the right instance, the finest period kept, every page, and a message a person can act on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.collect.aws import ACTIONS, Aws, AwsError, Identity, explained, find_instance, policy
from analyzer.collect.cloudwatch import KEPT, POINTS_PER_CALL, documents, metrics_of, segments
from analyzer.collect.inventory import Found
from analyzer.collect.run import collect
from analyzer.collect.work import Request
from analyzer.model import Source
from analyzer.read.files import Tree
from analyzer.read.metrics import cloudwatch as reader
from analyzer.read.metrics.reading import MetricFile
from tests.collect.cloud import REGION, client, make_instance

NOW = datetime(2026, 11, 8, 0, 30, tzinfo=UTC)


@pytest.fixture
def cloud(endpoint: str) -> Iterator[tuple[Aws, str]]:
    """Two instances, acct01 at 10.20.11.37 and acct02 at another address."""
    (made, *_rest) = make_instance(endpoint)
    ec2 = client(endpoint, "ec2")
    tags = [
        {
            "ResourceType": "instance",
            "Tags": [{"Key": "Name", "Value": "acct02"}, {"Key": "DeployToken", "Value": "hunter2hunter2"}],
        }
    ]
    for _ in range(2):
        ec2.run_instances(
            ImageId="ami-03cf127a", MinCount=1, MaxCount=1, InstanceType="t3.micro", TagSpecifications=tags
        )
    return iter(((Aws("", ""), made),)).__next__()


def identity(**known: Any) -> Identity:
    """A host of Tokyo."""
    return Identity(host="acct01", region=REGION, **known)


@pytest.mark.parametrize(
    "known",
    [
        {"names": ("acct01",)},
        {"addresses": ("10.20.11.37",)},
        {"addresses": ("192.0.2.1",), "names": ("acct01",)},
        {"instance_ids": ("i-00000000000000000",), "addresses": ("10.20.11.37",)},
    ],
)
def test_an_instance_is_found_by_what_is_known(cloud: tuple[Aws, str], known: dict[str, Any]) -> None:
    """By id, by private address, by tag Name; one that leads nowhere does not end the search."""
    aws, made = cloud
    assert find_instance(aws, identity(**known))["Instances"][0]["InstanceId"] == made


def test_an_instance_is_found_by_its_id(cloud: tuple[Aws, str]) -> None:
    """Before everything else."""
    aws, made = cloud
    assert find_instance(aws, identity(instance_ids=(made,), names=("acct02",)))["Instances"][0]["InstanceId"] == made


def test_several_that_fit_are_named(cloud: tuple[Aws, str]) -> None:
    """Never one of them picked silently."""
    with pytest.raises(AwsError, match="fits several instances") as caught:
        find_instance(cloud[0], identity(names=("acct02",)))
    assert "ec2_instance_id" in caught.value.hint


def test_none_that_fits_says_what_was_tried(cloud: tuple[Aws, str]) -> None:
    """And how to name it."""
    with pytest.raises(AwsError, match="no instance in ap-northeast-1 has tag Name nowhere"):
        find_instance(cloud[0], identity(names=("nowhere",)))


def test_the_evidence_of_an_instance(cloud: tuple[Aws, str], tmp_path: Path) -> None:
    """ec2.json is what the reader takes, volumes and security groups lie beside it, tags lose their secrets."""
    found = Found(root=tmp_path, playbook_folder=tmp_path, inventories=(), hosts=("acct01",), dynamic=(), variables={})
    request = Request(found=found, evidence=tmp_path, region=REGION, with_hosts=False)
    outcome = collect(request, NOW)
    assert outcome.status == 0, outcome.failures
    folder = tmp_path / "acct01"
    from analyzer.read.ec2 import read_ec2

    ec2, problems = read_ec2("acct01", Tree(folder))
    assert ec2 is not None
    assert (ec2.instance_type, ec2.private_ip, problems) == ("m5.large", "10.20.11.37", ())
    assert json.loads((folder / "aws/volumes.json").read_text())["Volumes"][0]["VolumeId"] == ec2.volume_ids[0]
    assert (
        json.loads((folder / "aws/security-groups.json").read_text())["SecurityGroups"][0]["GroupId"]
        == ec2.security_group_ids[0]
    )
    assert collect(request, NOW).before["acct01"] == ["ec2", "cloudwatch"]


def put(endpoint: str, namespace: str, name: str, dimensions: dict[str, str], points: dict[datetime, float]) -> None:
    """Data points of one metric."""
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Timestamp": moment,
            "Value": value,
        }
        for moment, value in points.items()
    ]
    client(endpoint, "cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def test_metrics_of_the_agent_are_found_whatever_their_dimensions(cloud: tuple[Aws, str], endpoint: str) -> None:
    """Each once: the smallest set of dimensions, the total of the CPUs, every process."""
    aws, made = cloud
    one = {NOW - timedelta(hours=1): 1.0}
    put(
        endpoint,
        "CWAgent",
        "mem_used_percent",
        {"InstanceId": made, "ImageId": "ami-1", "InstanceType": "m5.large"},
        one,
    )
    put(endpoint, "CWAgent", "mem_used_percent", {"InstanceId": made, "InstanceType": "m5.large"}, one)
    put(endpoint, "CWAgent", "cpu_usage_active", {"InstanceId": made, "cpu": "cpu0"}, one)
    put(endpoint, "CWAgent", "cpu_usage_active", {"InstanceId": made, "cpu": "cpu-total"}, one)
    put(endpoint, "CWAgent", "procstat_memory_rss", {"InstanceId": made, "exe": "puma"}, one)
    put(endpoint, "CWAgent", "procstat_memory_rss", {"InstanceId": made, "exe": "sidekiq"}, one)
    put(endpoint, "CWAgent", "disk_used_percent", {"InstanceId": made, "path": "/"}, one)
    put(endpoint, "CWAgent", "mem_used_percent", {"InstanceId": "i-0fffffffffffffff0"}, one)
    instance = find_instance(aws, identity(instance_ids=(made,)))["Instances"][0]
    found = metrics_of(aws, REGION, instance, (), "CWAgent")
    assert [(one.name, dict(one.dimensions).get("exe", dict(one.dimensions).get("cpu", ""))) for one in found] == [
        ("CPUUtilization", ""),
        ("cpu_usage_active", "cpu-total"),
        ("mem_used_percent", ""),
        ("procstat_memory_rss", "puma"),
        ("procstat_memory_rss", "sidekiq"),
    ]
    assert len(dict(found[2].dimensions)) == 2


def test_an_agent_that_knows_only_the_name_of_the_host_is_found(cloud: tuple[Aws, str], endpoint: str) -> None:
    """Without append_dimensions the agent writes `host` and no instance id."""
    aws, made = cloud
    put(endpoint, "CWAgent", "mem_used_percent", {"host": "acct01"}, {NOW - timedelta(hours=1): 1.0})
    instance = find_instance(aws, identity(instance_ids=(made,)))["Instances"][0]
    assert [one.name for one in metrics_of(aws, REGION, instance, ("acct01",), "CWAgent")] == [
        "CPUUtilization",
        "mem_used_percent",
    ]


@pytest.mark.parametrize("points_per_call", [POINTS_PER_CALL, 12])
def test_what_is_fetched_is_what_the_reader_reads(cloud: tuple[Aws, str], endpoint: str, points_per_call: int) -> None:
    """Every point of three hours, in one call or in thirty, with its statistic."""
    aws, made = cloud
    start = NOW - timedelta(hours=3)
    points = {start + timedelta(minutes=5 * step): 10.0 + step for step in range(36)}
    put(endpoint, "AWS/EC2", "CPUUtilization", {"InstanceId": made}, points)
    instance = find_instance(aws, identity(instance_ids=(made,)))["Instances"][0]
    metrics = metrics_of(aws, REGION, instance, (), "CWAgent")
    (name, document), *more = documents(aws, REGION, metrics, start, NOW, NOW, points_per_call).items()
    assert name == "metrics/cloudwatch.json.gz"
    assert more == []
    reading = reader.read(MetricFile(source=Source("x"), data=json.dumps(document).encode()))
    series = {one.statistic: one for one in reading.series}
    assert set(series) == {"average", "maximum"}
    assert series["average"].times_s.tolist() == [int(moment.timestamp()) for moment in points]
    assert series["maximum"].values.tolist() == pytest.approx([value / 100 for value in points.values()])


@settings(deadline=None)
@given(st.integers(1, 455), st.integers(0, 90), st.sampled_from([60, 300]))
def test_the_window_is_covered_once_at_the_finest_period_kept(days: int, ago: int, finest_s: int) -> None:
    """No gap, no overlap; no period finer than what CloudWatch keeps at that age or than the metric has."""
    end = NOW - timedelta(days=ago)
    start = end - timedelta(days=days)
    found = sorted(segments(start, end, NOW, finest_s), key=lambda one: one[2])
    reach = NOW - timedelta(days=KEPT[-1][1])
    assert found[-1][3] == end
    assert found[0][2] <= max(start, reach + timedelta(hours=1))
    for before, after in pairwise(found):
        assert before[3] == after[2]
    for index, period_s, begin, finish in found:
        assert begin < finish
        assert period_s >= finest_s
        assert (NOW - begin) <= timedelta(days=KEPT[index][1]) + timedelta(hours=1)
        assert begin.timestamp() % period_s == 0


class RefusedError(Exception):
    """As botocore's ClientError carries its code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}}


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RefusedError("UnauthorizedOperation"), "--dry-run"),
        (RefusedError("AccessDenied"), "--dry-run"),
        (RefusedError("ExpiredToken"), "aws sso login"),
        (RefusedError("AuthFailure"), "--profile"),
        (type("NoCredentialsError", (Exception,), {})(), "--no-aws"),
        (type("NoRegionError", (Exception,), {})(), "--region"),
        (type("EndpointConnectionError", (Exception,), {})(), "HTTPS_PROXY"),
        (RefusedError("InternalError"), "run it again"),
    ],
)
def test_a_failed_call_says_what_to_do(error: Exception, hint: str) -> None:
    """Every kind of failure has its own advice."""
    assert hint in explained(error, "ec2:DescribeInstances").hint


def test_a_call_that_is_not_allowed_costs_only_itself(
    cloud: tuple[Aws, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Volumes may not be described: the instance and its metrics are there all the same, and a second run tries again."""
    real = Aws.pages

    def pages(self: Aws, service: str, region: str, operation: str, **arguments: Any) -> Iterator[Any]:
        if operation == "describe_volumes":
            raise explained(RefusedError("UnauthorizedOperation"), "ec2:DescribeVolumes")
        return real(self, service, region, operation, **arguments)

    found = Found(root=tmp_path, playbook_folder=tmp_path, inventories=(), hosts=("acct01",), dynamic=(), variables={})
    request = Request(found=found, evidence=tmp_path, region=REGION, with_hosts=False)
    with monkeypatch.context() as patch:
        patch.setattr(Aws, "pages", pages)
        outcome = collect(request, NOW)
    assert outcome.status == 1
    assert "ec2:DescribeVolumes is not allowed" in [one.message for one in outcome.failures]
    assert (tmp_path / "acct01/ec2.json").is_file()
    assert (tmp_path / "acct01/aws/security-groups.json").is_file()
    assert outcome.done["acct01"] == ["cloudwatch"]
    assert collect(request, NOW).status == 0


def test_the_policy_names_exactly_what_is_called() -> None:
    """The least policy: reads only, and every action is one that botocore knows."""
    import botocore.session

    assert json.loads(policy())["Statement"][0]["Action"] == list(ACTIONS)
    for action in ACTIONS:
        service, operation = action.split(":")
        assert operation.startswith(("Describe", "List", "Get"))
        assert operation in botocore.session.get_session().get_service_model(service).operation_names


def test_compressed_metrics_have_no_clock_in_them(cloud: tuple[Aws, str], endpoint: str, tmp_path: Path) -> None:
    """Same answers, same bytes."""
    _aws, made = cloud
    put(endpoint, "AWS/EC2", "CPUUtilization", {"InstanceId": made}, {NOW - timedelta(hours=1): 5.0})
    found = Found(root=tmp_path, playbook_folder=tmp_path, inventories=(), hosts=("acct01",), dynamic=(), variables={})
    texts = []
    for name in ("a", "b"):
        collect(Request(found=found, evidence=tmp_path / name, region=REGION, with_hosts=False), NOW)
        texts.append((tmp_path / name / "acct01/metrics/cloudwatch.json.gz").read_bytes())
    assert texts[0] == texts[1]
    assert json.loads(gzip.decompress(texts[0]))["MetricDataResults"][0]["Values"] == [5.0]
