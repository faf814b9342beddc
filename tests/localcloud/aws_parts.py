"""What the tests of the local AWS's behaviour are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, LocalAws

AT_ONCE = {
    "instance_pending_seconds": 0,
    "instance_stopping_seconds": 0,
    "instance_shutting_down_seconds": 0,
    "volume_creating_seconds": 0,
    "volume_deleting_seconds": 0,
    "volume_attaching_seconds": 0,
    "volume_detaching_seconds": 0,
    "volume_modifying_seconds": 0,
}


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[None]:
    """What is done in here is refused with this code, and this status."""
    with pytest.raises(ClientError) as said:
        yield
    assert said.value.response["Error"]["Code"] == code, said.value
    assert status in {None, said.value.response["ResponseMetadata"]["HTTPStatusCode"]}


@dataclass(frozen=True, slots=True)
class Network:
    """A VPC with one subnet and one group."""

    vpc: str
    subnet: str
    group: str


def network(aws: LocalAws, block: int = 0) -> Network:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=f"10.{block}.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{block}.1.0/24", AvailabilityZone=f"{REGION}a")["Subnet"][
        "SubnetId"
    ]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    return Network(vpc, subnet, group)


def image(aws: LocalAws, architecture: str = "x86_64") -> str:
    """The newest Amazon Linux."""
    filters = [{"Name": "name", "Values": ["al2023-ami-2023.*"]}, {"Name": "architecture", "Values": [architecture]}]
    found = aws.client("ec2").describe_images(Owners=["amazon"], Filters=filters)["Images"]
    return str(max(found, key=lambda i: i["CreationDate"])["ImageId"])


def launch(aws: LocalAws, where: Network, **more: Any) -> dict[str, Any]:
    asked = {
        "ImageId": image(aws),
        "InstanceType": "t3.micro",
        "MinCount": 1,
        "MaxCount": 1,
        "SubnetId": where.subnet,
        "SecurityGroupIds": [where.group],
        **more,
    }
    said = {name: value for name, value in asked.items() if value is not None}
    made: dict[str, Any] = aws.client("ec2").run_instances(**said)["Instances"][0]
    return made


def instance(aws: LocalAws, one: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("ec2").describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]
    return found


def volume(aws: LocalAws, one: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("ec2").describe_volumes(VolumeIds=[one])["Volumes"][0]
    return found


def new_volume(aws: LocalAws, **more: Any) -> str:
    asked = {"AvailabilityZone": f"{REGION}a", "Size": 10, "VolumeType": "gp3", **more}
    return str(aws.client("ec2").create_volume(**asked)["VolumeId"])


def tags(kind: str, **named: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in named.items()]}]


def standing(aws: LocalAws, kind: str) -> dict[str, Any]:
    """What stands of a kind in the usual account and region."""
    found: dict[str, Any] = aws.control.world().get(ACCOUNT, {}).get(REGION, {}).get(kind, {})
    return found
