"""Client tokens of the local AWS: one token, one thing."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectionClosedError

from tests.cloud import REGION, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, new_volume, refused, standing, tags, volume


def test_the_same_again(aws: LocalAws) -> None:
    """A launch, a volume and a route table that are asked for twice with one token are made once."""
    ec2, where = aws.client("ec2"), network(aws)
    first, second = (launch(aws, where, ClientToken="t", TagSpecifications=tags("instance", a="b")) for _ in range(2))
    assert first["InstanceId"] == second["InstanceId"]
    assert new_volume(aws, ClientToken="t") == new_volume(aws, ClientToken="t")
    tables = {ec2.create_route_table(VpcId=where.vpc, ClientToken="t")["RouteTable"]["RouteTableId"] for _ in range(2)}
    assert len(tables) == 1
    assert len(standing(aws, "instance")) == 1


def test_a_lost_answer(aws: LocalAws) -> None:
    """A launch whose answer was lost is found by its token."""
    where = network(aws)
    rule = aws.control.lose_answer(action="RunInstances", count=1)
    with pytest.raises(ConnectionClosedError):
        launch(aws, where, ClientToken="t")
    aws.control.heal(rule)
    again = launch(aws, where, ClientToken="t")
    assert list(standing(aws, "instance")) == [again["InstanceId"]]
    filters = [{"Name": "client-token", "Values": ["t"]}]
    assert len(aws.client("ec2").describe_instances(Filters=filters)["Reservations"]) == 1


def test_other_parameters(aws: LocalAws) -> None:
    """A token that comes back with other parameters is refused."""
    where = network(aws)
    launch(aws, where, ClientToken="t")
    with refused("IdempotentParameterMismatch"):
        launch(aws, where, ClientToken="t", InstanceType="t3.small")
    new_volume(aws, ClientToken="t")
    with refused("IdempotentParameterMismatch"):
        new_volume(aws, ClientToken="t", Size=11)


def test_a_spent_token(aws: LocalAws) -> None:
    """The token of a dead thing answers with the dead, also when lists have forgotten it, and makes nothing new."""
    aws.control.settings(**AT_ONCE, instance_gone_seconds=0)
    where, ec2 = network(aws), aws.client("ec2")
    one = launch(aws, where, ClientToken="t")["InstanceId"]
    ec2.terminate_instances(InstanceIds=[one])
    again = launch(aws, where, ClientToken="t")
    assert (again["InstanceId"], again["State"]["Name"]) == (one, "terminated")
    it = new_volume(aws, ClientToken="t")
    ec2.delete_volume(VolumeId=it)
    assert new_volume(aws, ClientToken="t") == it
    assert standing(aws, "instance") == standing(aws, "volume") == {}
    aws.control.settings(spent_token="refused")
    with refused("IdempotentInstanceTerminated"):
        launch(aws, where, ClientToken="t")


def test_the_state_of_now(aws: LocalAws) -> None:
    """A token answers with the thing as it is, not as it was."""
    aws.control.settings(volume_creating_seconds=100)
    it = new_volume(aws, ClientToken="t")
    aws.control.step(101)
    again = aws.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=10, VolumeType="gp3", ClientToken="t")
    assert (again["VolumeId"], again["State"]) == (it, "available")
    assert volume(aws, it)["State"] == "available"


def test_regions_and_windows(aws: LocalAws) -> None:
    """A token means something else in another region, and nothing when its time is over."""
    first = new_volume(aws, ClientToken="t")
    other = aws.client("ec2", region="us-east-1").create_volume(AvailabilityZone="us-east-1a", Size=10, ClientToken="t")
    assert other["VolumeId"] != first
    aws.control.settings(token_seconds=50)
    aws.control.step(51)
    assert new_volume(aws, ClientToken="t") != first


def test_a_refused_request_spends_no_token(aws: LocalAws) -> None:
    """A token whose request was refused can be used again, with other parameters."""
    where = network(aws)
    with refused("InvalidParameterValue"):
        launch(aws, where, ClientToken="t", InstanceType="t3.enormous")
    launch(aws, where, ClientToken="t")
    assert len(standing(aws, "instance")) == 1
