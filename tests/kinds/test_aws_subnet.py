"""`aws.subnet` on the local AWS: what is special to it beside the laws."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.aws.kinds.subnet import Subnet, SubnetSpec
from holdfast.errors import Blocked
from holdfast.resource import Status
from holdfast.values import Unknown
from tests.cloud import REGION, LocalAws
from tests.kinds.aws_calls import Called
from tests.localcloud.aws_parts import AT_ONCE, Network, launch, network

KIND = Subnet()


def subnet(aws: LocalAws, vpc: str, **more: Any) -> Called[SubnetSpec]:
    spec = {"vpc": vpc, "cidr": "10.0.9.0/24", "zone": f"{REGION}b", **more}
    return Called(KIND, aws, "app", SubnetSpec.model_validate(spec))


def actions(aws: LocalAws) -> list[str]:
    return [entry.action for entry in aws.control.executed()]


@pytest.fixture
def vpc(aws: LocalAws) -> str:
    made: str = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    aws.control.forget()
    return made


def test_private_unless_said(aws: LocalAws, vpc: str) -> None:
    """A subnet hands out public addresses only where the document says so, and then by its last call."""
    subnet(aws, vpc).create()
    assert actions(aws) == ["CreateSubnet"]
    aws.control.forget()
    public = subnet(aws, vpc, cidr="10.0.10.0/24", public_ips=True)
    assert public.create().properties["public_ips"] is True
    assert actions(aws) == ["CreateSubnet", "ModifySubnetAttribute"]
    public.update(public_ips=False)
    assert public.observe().properties["public_ips"] is False


def test_completed_after_a_kill(aws: LocalAws, vpc: str) -> None:
    """A subnet whose create was cut off after its first call is completed, and not made again."""
    aws.control.lose_request(action="ModifySubnetAttribute", count=1)
    public = subnet(aws, vpc, public_ips=True)
    with pytest.raises(Exception, match="does not answer"):
        public.create()
    [half] = public.find()
    assert half.properties["public_ips"] is False
    whole = public.create(remote_id=half.remote_id)
    assert (whole.remote_id, whole.properties["public_ips"]) == (half.remote_id, True)
    assert actions(aws).count("CreateSubnet") == 1


def test_not_ready_at_once(aws: LocalAws, vpc: str) -> None:
    """A subnet that AWS is still making is pending, and nobody waits for it in the call."""
    aws.control.settings(subnet_pending_seconds=100)
    made = subnet(aws, vpc)
    assert made.create().status is Status.pending
    aws.control.step(101)
    assert made.observe().status is Status.ready


def test_in_use(aws: LocalAws) -> None:
    """A subnet with an instance in it is asked again later."""
    aws.control.settings(**AT_ONCE)
    where: Network = network(aws)
    launch(aws, where)
    held = subnet(aws, where.vpc, cidr="10.0.1.0/24")
    held.remote_id = where.subnet
    with pytest.raises(Blocked):
        held.delete()


@pytest.mark.parametrize(
    "vpc, cidr, collides",
    [
        ("vpc-1", "10.0.1.0/24", True),
        ("vpc-1", "10.0.0.0/16", True),
        ("vpc-1", "10.0.2.0/24", False),
        ("vpc-2", "10.0.1.0/24", False),
        ("vpc-1", Unknown("${shop/aws.vpc/net#cidr}"), True),
        (Unknown("${shop/aws.vpc/net#id}"), "10.0.1.0/24", False),
    ],
)
def test_what_cannot_stand_together(vpc: Any, cidr: Any, collides: bool) -> None:
    """A subnet's replacement is made first, unless both would hold an address of one VPC."""
    before = {"vpc": "vpc-1", "cidr": "10.0.1.0/24", "zone": "a"}
    assert KIND.collides(before, {"vpc": vpc, "cidr": cidr, "zone": "b"}) is collides
