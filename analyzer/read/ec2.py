"""`ec2.json`: the answer of `aws ec2 describe-instances`, one instance of it, or the instance identity document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from analyzer.model import Ec2, Problem, Severity, Source
from analyzer.read.evidence_json import NotJsonError, items, line_of, mapping, parse_json, word
from analyzer.read.files import Tree

_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+")
_ARCHITECTURES = {"x86_64": "x86_64", "x86_64_mac": "x86_64", "arm64": "arm64", "arm64_mac": "arm64", "i386": "i386"}

InstanceTypes = Mapping[str, tuple[int, int]]
"""Instance type -> (vCPUs, memory in MiB)."""


def read_ec2(
    host: str,
    evidence: Tree,
    instance_types: InstanceTypes | None = None,
    addresses: tuple[str, ...] = (),
    path: str = "ec2.json",
) -> tuple[Ec2 | None, tuple[Problem, ...]]:
    """The instance that `path` describes, None with a problem where it says nothing usable (None alone: no such file).

    An answer with several instances is searched for `host`: by private address or name (also those in `addresses`),
    public address, or Name tag. `instance_types` gives size where the answer itself does not.
    """
    if not evidence.is_file(path):
        return None, ()
    text = evidence.read_text(path)
    if text is None:
        return None, ()
    try:
        document = parse_json(text)
    except NotJsonError as error:
        found = "the file is empty" if not text.strip() else f"it is not JSON: {error}"
        return None, (_problem("ec2-unreadable", evidence.source(path, error.line), found),)
    instances = tuple(_instances(document))
    if not instances:
        return None, (_problem("ec2-unreadable", evidence.source(path), "there is no instance in it"),)
    chosen, problems = _choose(host, instances, addresses, evidence.source(path))
    if chosen is None:
        return None, problems
    identity = "instanceId" in chosen
    identifier = word(chosen.get("instanceId" if identity else "InstanceId"))
    source = evidence.source(path, line_of(text, f'"{identifier}"' if identifier else ""))
    ec2, more = _instance(chosen, source, instance_types or {}, identity=identity)
    return ec2, (*problems, *more)


def _problem(code: str, source: Source, found: str, hint: str = "", severity: Severity = Severity.ERROR) -> Problem:
    hint = hint or "give the output of `aws ec2 describe-instances --instance-ids …`, or the identity document"
    return Problem(severity, code, found, source, hint)


def _instances(document: object) -> Iterator[Mapping[str, object]]:
    """Every instance in whatever was handed in: whole answer, reservation, list, instance, identity document."""
    if isinstance(document, list):
        for one in document:
            if isinstance(one, dict):
                yield from _instances(one)
        return
    values = mapping(document)
    if "Reservations" in values:
        yield from _instances(values["Reservations"])
    elif "Instances" in values:
        yield from (mapping(one) for one in items(values["Instances"]) if isinstance(one, dict))
    elif "InstanceId" in values or "InstanceType" in values or "instanceId" in values:
        yield values


def _choose(
    host: str, instances: tuple[Mapping[str, object], ...], addresses: tuple[str, ...], source: Source
) -> tuple[Mapping[str, object] | None, tuple[Problem, ...]]:
    if len(instances) == 1:
        return instances[0], ()
    wanted = {host, *addresses} - {""}
    matching = [one for one in instances if wanted & _names(one)]
    if len(matching) > 1:
        matching = [one for one in matching if word(mapping(one.get("State")).get("Name")) == "running"] or matching
    if len(matching) == 1:
        return matching[0], ()
    found = f"it describes {len(instances)} instances and {len(matching)} of them match host {host!r}"
    hint = "keep the one instance that is this host (filter with --instance-ids), or name it in the tag Name"
    return None, (_problem("ec2-ambiguous", source, found, hint),)


def _names(instance: Mapping[str, object]) -> set[str]:
    names = {word(instance.get(key)) for key in ("PrivateIpAddress", "PublicIpAddress", "PublicDnsName", "InstanceId")}
    private_name = word(instance.get("PrivateDnsName"))
    names |= {private_name, private_name.partition(".")[0], _tags(instance.get("Tags")).get("Name", "")}
    return names - {""}


def _tags(value: object) -> dict[str, str]:
    pairs = [(word(tag.get("Key")), word(tag.get("Value"))) for tag in map(mapping, items(value))]
    return {key: text for key, text in sorted(pairs) if key}


def _instance(
    values: Mapping[str, object], source: Source, types: InstanceTypes, *, identity: bool
) -> tuple[Ec2, tuple[Problem, ...]]:
    def get(name: str) -> object:
        return values.get(name[0].lower() + name[1:] if identity else name)

    type_name = word(get("InstanceType"))
    zone = word(get("AvailabilityZone")) or word(mapping(get("Placement")).get("AvailabilityZone"))
    found_region = _REGION.match(zone)
    options = mapping(get("CpuOptions"))
    cores, threads = options.get("CoreCount"), options.get("ThreadsPerCore")
    vcpus = cores * threads if type(cores) is int and type(threads) is int and cores > 0 and threads > 0 else None
    size = types.get(type_name)
    problems: tuple[Problem, ...] = ()
    if types and type_name and size is None:
        found = f"it names the instance type {type_name!r}, which the tool's table does not know"
        hint = "its memory (and vCPUs) are then taken from the host's facts where they are given"
        problems = (_problem("instance-type-unknown", source, found, hint, Severity.WARNING),)
    architecture = word(get("Architecture"))
    volumes = [mapping(mapping(device).get("Ebs")) for device in items(get("BlockDeviceMappings"))]
    groups = [mapping(group) for group in items(get("SecurityGroups"))]
    return Ec2(
        source=source,
        instance_id=word(get("InstanceId")),
        instance_type=type_name,
        region=word(get("Region")) or (found_region[0] if found_region else ""),
        availability_zone=zone,
        architecture=_ARCHITECTURES.get(architecture, architecture),
        vcpus=vcpus if vcpus is not None else size[0] if size else None,
        memory_mib=size[1] if size else None,
        image_id=word(get("ImageId")),
        vpc_id=word(get("VpcId")),
        subnet_id=word(get("SubnetId")),
        private_ip=word(values.get("privateIp")) if identity else word(get("PrivateIpAddress")),
        public_ip="" if identity else word(get("PublicIpAddress")),
        security_group_ids=tuple(sorted({word(group.get("GroupId")) for group in groups} - {""})),
        volume_ids=tuple(sorted({word(volume.get("VolumeId")) for volume in volumes} - {""})),
        iam_instance_profile=word(mapping(get("IamInstanceProfile")).get("Arn")),
        tags=_tags(get("Tags")),
    ), problems
