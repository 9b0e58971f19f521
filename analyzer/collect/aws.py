"""EC2 and CloudWatch through boto3: which instance a host is, and what AWS knows about it. Every call is a read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from analyzer.read.redact import redact_data

ACTIONS = (
    "ec2:DescribeInstances", "ec2:DescribeVolumes", "ec2:DescribeSecurityGroups", "ec2:DescribeAddresses",
    "cloudwatch:ListMetrics", "cloudwatch:GetMetricData",
)  # fmt: skip
"""Everything that is called; none of them can be limited to single resources."""


def policy() -> str:
    """The least IAM policy, as JSON."""
    statement = {"Sid": "MigrateAnalyzeCollect", "Effect": "Allow", "Action": list(ACTIONS), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


class Identity(Struct, frozen=True, kw_only=True):
    """What is known about the instance that a host is."""

    host: str
    instance_ids: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """IP addresses: the private one, or the public one that the inventory connects to."""
    names: tuple[str, ...] = ()
    """Values that its Name tag or private DNS name may have."""
    region: str = ""


class AwsError(Exception):
    """A call failed; the text is for the person, `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def explained(error: Exception, call: str) -> AwsError:
    """What an exception of botocore means to a person."""
    name = type(error).__name__
    code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
    text = str(error).strip().split("\n")[0]
    if name in ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"):
        return AwsError(
            "no AWS credentials were found", "log in (aws sso login), set --profile, or leave AWS out: --no-aws"
        )
    if name in ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "SSOError") or code in (
        "ExpiredToken",
        "RequestExpired",
    ):
        return AwsError(f"the AWS session has expired ({text})", "log in again (aws sso login) and run this again")
    if name == "ProfileNotFound":
        return AwsError(text, "see `aws configure list-profiles`")
    if name == "NoRegionError":
        return AwsError("no AWS region is known", "give it with --region")
    if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"):
        return AwsError(
            f"{call} is not allowed", "`migrate-analyze collect PROJECT --dry-run` prints the policy that is needed"
        )
    if code in ("AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"):
        return AwsError(f"AWS does not accept the credentials ({code})", "check --profile and the machine's clock")
    if name in (
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ProxyConnectionError",
    ):
        return AwsError(f"{call}: AWS cannot be reached ({name})", "check the network, HTTPS_PROXY and --region")
    return AwsError(f"{call}: {text}", "run it again; what is there already is kept")


class Aws:
    """boto3 clients by region, with retries that back off."""

    def __init__(self, profile: str, region: str) -> None:
        import boto3

        try:
            self._session = boto3.Session(profile_name=profile or None, region_name=region or None)
        except Exception as error:  # noqa: BLE001 - botocore's exceptions have no common root
            raise explained(error, "reading the AWS configuration") from None
        self._given = region
        self._clients: dict[tuple[str, str], Any] = {}

    def region_of(self, identity: Identity) -> str:
        """--region, else what the host says, else the AWS configuration; raises AwsError where none does."""
        region = self._given or identity.region or self._session.region_name or ""
        if not region:
            raise AwsError("no AWS region is known", "give it with --region")
        return str(region)

    def client(self, service: str, region: str) -> Any:
        """A client of one service."""
        if (service, region) not in self._clients:
            from botocore.config import Config

            config = Config(retries={"mode": "adaptive", "max_attempts": 10}, connect_timeout=10, read_timeout=60)
            try:
                self._clients[service, region] = self._session.client(service, region_name=region, config=config)
            except Exception as error:  # noqa: BLE001 - as above
                raise explained(error, f"{service} in {region}") from None
        return self._clients[service, region]

    def pages(self, service: str, region: str, operation: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """Every page of an operation; raises AwsError."""
        call = f"{service}:{''.join(part.capitalize() for part in operation.split('_'))}"
        client = self.client(service, region)
        try:
            if client.can_paginate(operation):
                yield from client.get_paginator(operation).paginate(**arguments)
            else:
                yield getattr(client, operation)(**arguments)
        except Exception as error:
            if isinstance(error, AwsError):
                raise
            raise explained(error, call) from None


_ALIVE = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped", "shutting-down"]}


def find_instance(aws: Aws, identity: Identity) -> Mapping[str, Any]:
    """The reservation with the one instance that the host is: by id, by private address, by name. Raises AwsError."""
    region = aws.region_of(identity)
    tried = []
    for what, name, values in (
        ("instance id", "instance-id", identity.instance_ids),
        ("private address", "private-ip-address", identity.addresses),
        ("public address", "ip-address", identity.addresses),
        ("tag Name", "tag:Name", identity.names),
        ("private DNS name", "private-dns-name", identity.names),
    ):
        if not values:
            continue
        tried.append(f"{what} {', '.join(values)}")
        found = _reservations(aws, region, [{"Name": name, "Values": list(values)[:200]}, _ALIVE])
        running = [one for one in found if one["Instances"][0].get("State", {}).get("Name") == "running"]
        found = running if len(found) > 1 and running else found
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            several = ", ".join(str(one["Instances"][0].get("InstanceId")) for one in found)
            raise AwsError(f"{what} {', '.join(values)} fits several instances in {region}: {several}",
                           f"set ec2_instance_id for {identity.host} in the inventory")  # fmt: skip
    raise AwsError(
        f"no instance in {region} has {' or '.join(tried) or 'anything that is known of the host'}",
        f"set ec2_instance_id for {identity.host} in the inventory, or give another --region or --profile",
    )


def _reservations(aws: Aws, region: str, filters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One reservation an instance."""
    return [
        {**{key: value for key, value in reservation.items() if key != "Instances"}, "Instances": [instance]}
        for page in aws.pages("ec2", region, "describe_instances", Filters=list(filters))
        for reservation in page.get("Reservations", ())
        for instance in reservation.get("Instances", ())
    ]


BESIDE = (
    ("volumes", "describe_volumes", "Volumes"),
    ("security-groups", "describe_security_groups", "SecurityGroups"),
    ("addresses", "describe_addresses", "Addresses"),
)
"""File below `aws/`, operation, and the list in its answer."""


def describe(aws: Aws, region: str, instance: Mapping[str, Any], operation: str, key: str) -> dict[str, Any]:
    """What belongs to the instance: its volumes, security groups or addresses. Raises AwsError."""
    groups = [str(group["GroupId"]) for group in instance.get("SecurityGroups", ()) if group.get("GroupId")]
    name, values = {
        "describe_volumes": ("attachment.instance-id", [str(instance["InstanceId"])]),
        "describe_security_groups": ("group-id", groups),
        "describe_addresses": ("instance-id", [str(instance["InstanceId"])]),
    }[operation]
    if not values:
        return {key: []}
    pages = aws.pages("ec2", region, operation, Filters=[{"Name": name, "Values": values}])
    return {key: [one for page in pages for one in page.get(key, ())]}


def as_json(document: Any) -> bytes:
    """An answer as the AWS CLI prints it, without secrets that stand in tags."""
    plain = json.loads(json.dumps(document, default=_stamp))
    return (json.dumps(redact_data(plain), indent=4, ensure_ascii=False) + "\n").encode()


def _stamp(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
