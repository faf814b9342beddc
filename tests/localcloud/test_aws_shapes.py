"""The local AWS's answers beside recorded ones: what AWS says of a thing, the local cloud says too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, tags

# What moto does not say, and none of our kinds asks.
UNSAID = (
    "CapacityReservationSpecification",
    "CpuOptions",
    "EnaSupport",
    "EnclaveOptions",
    "HibernationOptions",
    "MaintenanceOptions",
    "PlatformDetails",
    "PrivateDnsName",
    "PrivateDnsNameOptions",
    "RequesterId",
    "UsageOperation",
    "UsageOperationUpdateTime",
)
# What an instance has only when it is launched with it, which ours here is not.
NOT_ASKED = ("IamInstanceProfile", "KeyName", "Platform")
MOMENTS = {"year", "month", "day", "hour", "minute", "second", "microsecond"}  # how the recordings write a time


def members(said: Any, path: str = "") -> Iterator[str]:
    """The path of every member of an answer."""
    if isinstance(said, list):
        for item in said:
            yield from members(item, path)
    elif isinstance(said, dict):
        for name, item in said.items():
            if name not in MOMENTS | {"__class__", "ResponseMetadata"}:
                yield f"{path}.{name}"
                yield from members(item, f"{path}.{name}")


def recorded(kind: str) -> set[str]:
    if "HOLDFAST_FIXTURES" not in os.environ:
        pytest.skip("HOLDFAST_FIXTURES is not set")
    files = sorted(Path(os.environ["HOLDFAST_FIXTURES"], "aws").glob(f"*/ec2.Describe{kind}_*.json"))
    assert files
    return {path for file in files for path in members(json.loads(file.read_text())["data"])}


@pytest.mark.fixtures
@pytest.mark.parametrize(
    "kind,call",
    [
        ("Vpcs", "describe_vpcs"),
        ("SecurityGroups", "describe_security_groups"),
        ("Instances", "describe_instances"),
        ("Volumes", "describe_volumes"),
    ],
)
def test_members(aws: LocalAws, kind: str, call: str) -> None:
    """Every member that a recorded answer has is in ours, but for a list that is written down."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    ranges = [{"CidrIp": "10.0.0.0/8", "Description": "d"}]
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": ranges}
    permission["UserIdGroupPairs"] = [{"GroupId": where.group}]
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[permission])
    ec2.create_tags(Resources=[where.vpc, where.group], Tags=[{"Key": "a", "Value": "b"}])
    nic = {"DeviceIndex": 0, "SubnetId": where.subnet, "Groups": [where.group], "AssociatePublicIpAddress": True}
    launch(
        aws,
        where,
        SubnetId=None,
        SecurityGroupIds=None,
        NetworkInterfaces=[nic],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
        TagSpecifications=tags("instance", a="b"),
    )
    missing = recorded(kind) - set(members(getattr(ec2, call)()))
    assert not [path for path in sorted(missing) if not {*UNSAID, *NOT_ASKED} & set(path.split("."))]
