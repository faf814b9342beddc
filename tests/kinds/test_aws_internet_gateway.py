"""`aws.internet_gateway` on the local AWS: made and attached, detached and deleted, each call once or more."""

from __future__ import annotations

import pytest

from activities.providers.aws.kinds.internet_gateway import InternetGateway, InternetGatewaySpec
from holdfast.errors import Blocked, ChangedElsewhere, InvalidInput
from holdfast.resource import Status
from tests.cloud import LocalAws
from tests.kinds.aws_calls import Called
from tests.localcloud.aws_parts import AT_ONCE, launch, network, standing

KIND = InternetGateway()


def door(aws: LocalAws, vpc: str) -> Called[InternetGatewaySpec]:
    return Called(KIND, aws, "door", InternetGatewaySpec(vpc=vpc))


def actions(aws: LocalAws) -> list[str]:
    return [entry.action for entry in aws.control.executed()]


@pytest.fixture
def vpc(aws: LocalAws) -> str:
    made: str = aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    aws.control.forget()
    return made


def test_ready_only_when_attached(aws: LocalAws, vpc: str) -> None:
    """A gateway is ready when it is attached; one that was only made is pending, and of no VPC."""
    made = door(aws, vpc)
    assert made.create().status is Status.ready
    assert actions(aws) == ["CreateInternetGateway", "AttachInternetGateway"]
    aws.client("ec2").detach_internet_gateway(InternetGatewayId=made.remote_id, VpcId=vpc)
    seen = made.observe()
    assert (seen.status, seen.properties["vpc"], made.differs()) == (Status.pending, None, ["vpc"])


def test_completed_after_a_kill(aws: LocalAws, vpc: str) -> None:
    """A gateway that was made and not attached is attached by the next create, and only once."""
    aws.control.lose_request(action="AttachInternetGateway", count=1)
    made = door(aws, vpc)
    with pytest.raises(Exception, match="does not answer"):
        made.create()
    [half] = made.find()
    assert half.status is Status.pending
    for _ in range(2):
        assert made.create(remote_id=half.remote_id).status is Status.ready
    assert actions(aws) == ["CreateInternetGateway", "AttachInternetGateway"]


def test_attached_behind_a_stale_read(aws: LocalAws, vpc: str) -> None:
    """A create that is told of an attachment it cannot see yet asks again later, and then finds it done."""
    aws.control.settings(stale_seconds=60)
    made = door(aws, vpc)
    assert made.create().status is Status.pending
    with pytest.raises(Blocked):
        made.create(remote_id=made.remote_id)
    aws.control.step(61)
    assert made.create(remote_id=made.remote_id).status is Status.ready
    assert actions(aws).count("AttachInternetGateway") == 1


def test_attached_elsewhere_by_another_hand(aws: LocalAws, vpc: str) -> None:
    """A gateway that another hand attached to its own network is left there, and said so."""
    ec2 = aws.client("ec2")
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    aws.control.lose_request(action="AttachInternetGateway", count=1)
    made = door(aws, vpc)
    with pytest.raises(Exception, match="does not answer"):
        made.create()
    [half] = made.find()
    ec2.attach_internet_gateway(InternetGatewayId=half.remote_id, VpcId=other)
    with pytest.raises(ChangedElsewhere, match=other):
        made.create(remote_id=half.remote_id)
    assert standing(aws, "internet_gateway")[half.remote_id or ""]["vpc_id"] == other


def test_a_vpc_with_another_gateway(aws: LocalAws, vpc: str) -> None:
    """Where a VPC has a gateway already the second is refused, and the first keeps its place."""
    ec2 = aws.client("ec2")
    first = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=first, VpcId=vpc)
    with pytest.raises(InvalidInput, match="already has an internet gateway"):
        door(aws, vpc).create()
    assert standing(aws, "internet_gateway")[first]["vpc_id"] == vpc


@pytest.mark.parametrize("lost", ["DetachInternetGateway", "DeleteInternetGateway"])
def test_deleted_after_a_kill(aws: LocalAws, vpc: str, lost: str) -> None:
    """A delete that was cut off after either call, or before it was answered, is finished by the next."""
    for how in (aws.control.lose_request, aws.control.lose_answer):
        made = door(aws, vpc)
        made.create()
        how(action=lost, count=1)
        with pytest.raises(Exception, match="does not answer"):
            made.delete()
        for _ in range(2):
            assert made.delete().status is Status.absent
        assert standing(aws, "internet_gateway") == {}


def test_deleted_behind_a_stale_read(aws: LocalAws, vpc: str) -> None:
    """A gateway that reads still show attached, and is not any more, is deleted all the same."""
    made = door(aws, vpc)
    made.create()
    aws.control.settings(stale_seconds=60)
    aws.client("ec2").detach_internet_gateway(InternetGatewayId=made.remote_id, VpcId=vpc)
    assert made.observe().properties["vpc"] == vpc
    made.delete()
    assert standing(aws, "internet_gateway") == {}


def test_in_use(aws: LocalAws) -> None:
    """While an address of its VPC is mapped a gateway stays, attached, and is asked again later."""
    aws.control.settings(**AT_ONCE)
    where = network(aws)
    made = door(aws, where.vpc)
    made.create()
    nic = {"DeviceIndex": 0, "SubnetId": where.subnet, "AssociatePublicIpAddress": True, "Groups": [where.group]}
    launch(aws, where, SubnetId=None, SecurityGroupIds=None, NetworkInterfaces=[nic])
    with pytest.raises(Blocked):
        made.delete()
    assert made.observe().status is Status.ready


def test_what_cannot_stand_together() -> None:
    """A gateway for another VPC is made before the old one goes; one for the same VPC has to wait for it."""
    assert KIND.collides({"vpc": "vpc-1"}, {"vpc": "vpc-1"})
    assert not KIND.collides({"vpc": "vpc-1"}, {"vpc": "vpc-2"})
    assert not KIND.collides({"vpc": None}, {"vpc": "vpc-1"})
