"""`aws.route_table` on the local AWS: exactly the roads that are written, and no other meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.providers.aws import roads
from activities.providers.aws.kinds.route_table import RouteTable, RouteTableSpec
from holdfast.errors import Blocked, InUse
from holdfast.resource import Status
from holdfast.values import Unknown
from tests.cloud import REGION, LocalAws
from tests.kinds.aws_calls import OWNER, SCOPE, Called
from tests.localcloud.aws_parts import standing, tags

KIND = RouteTable()


@dataclass(frozen=True, slots=True)
class Place:
    """A VPC with a gateway and three subnets."""

    vpc: str
    gateway: str
    subnets: Sequence[str]


@pytest.fixture
def where(aws: LocalAws) -> Place:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    blocks = [f"10.0.{n}.0/24" for n in range(3)]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=b, AvailabilityZone=f"{REGION}a")["Subnet"] for b in blocks]
    aws.control.forget()
    return Place(vpc, gateway, sorted(s["SubnetId"] for s in subnets))


def table(aws: LocalAws, where: Place, name: str = "out", **more: Any) -> Called[RouteTableSpec]:
    return Called(KIND, aws, name, RouteTableSpec.model_validate({"vpc": where.vpc, **more}))


def actions(aws: LocalAws) -> list[str]:
    return [entry.action for entry in aws.control.executed()]


def to(destination: str, via: str) -> dict[str, str]:
    return {"destination": destination, "via": via}


# --- making ---------------------------------------------------------------------------------------------------------


def test_subnets_follow_last(aws: LocalAws, where: Place) -> None:
    """No subnet follows a table before all its roads are there; afterwards nothing differs."""
    routes = [to("0.0.0.0/0", where.gateway), to("::/0", where.gateway)]
    made = table(aws, where, routes=routes, subnets=where.subnets[:2])
    seen = made.create()
    assert actions(aws) == ["CreateRouteTable", *["CreateRoute"] * 2, *["AssociateRouteTable"] * 2]
    assert (seen.status, made.differs()) == (Status.ready, [])
    assert seen.properties["subnets"] == where.subnets[:2]


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_completed_after_a_kill(aws: LocalAws, where: Place, lost: str, nth: int) -> None:
    """A create cut off at any of its later calls is completed by the next, whether or not that call arrived."""
    routes = [to("0.0.0.0/0", where.gateway), to("192.0.2.0/24", where.gateway)]
    made = table(aws, where, routes=routes, subnets=where.subnets[:2])
    getattr(aws.control, lost)(action="*", service="ec2", mutates=True, nth=nth + 1, count=1)
    with pytest.raises(Exception, match="does not answer"):
        made.create()
    [half] = made.find()
    whole = made.create(remote_id=half.remote_id)
    assert (whole.remote_id, made.differs()) == (half.remote_id, [])
    assert actions(aws).count("CreateRouteTable") == 1


def test_completed_behind_a_stale_read(aws: LocalAws, where: Place) -> None:
    """What an earlier delivery did and reads do not show yet is taken for done, and is not done twice."""
    made = table(aws, where, routes=[to("0.0.0.0/0", where.gateway)], subnets=where.subnets[:1])
    made.create()
    aws.control.settings(stale_seconds=60)
    made.update(tags={"a": "b"})
    before = standing(aws, "route_table")
    made.create(remote_id=made.remote_id)
    assert standing(aws, "route_table") == before


def test_not_known_everywhere_yet(aws: LocalAws, where: Place) -> None:
    """A table that AWS does not know everywhere yet is asked for again later, and is completed then."""
    aws.control.settings(new_use_lag_seconds=60, lag_kinds=["rtb"])
    made = table(aws, where, routes=[to("0.0.0.0/0", where.gateway)])
    with pytest.raises(Exception, match="not known everywhere yet"):
        made.create()
    aws.control.step(61)
    [half] = made.find()
    made.create(remote_id=half.remote_id)
    assert made.differs() == []


# --- reading --------------------------------------------------------------------------------------------------------


def test_only_what_somebody_wrote_is_shown() -> None:
    """Neither the local route, nor what AWS puts in by itself, nor the main association, nor a gateway's is shown."""
    raw = {
        "RouteTableId": "rtb-0a",
        "VpcId": "vpc-0a",
        "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable"},
            {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-0a", "Origin": "EnableVgwRoutePropagation"},
            {"DestinationPrefixListId": "pl-0a", "GatewayId": "vpce-0a", "Origin": "CreateRoute"},
            {"DestinationPrefixListId": "pl-0b", "TransitGatewayId": "tgw-0a", "Origin": "CreateRoute"},
            {
                "DestinationCidrBlock": "0.0.0.0/0",
                "InstanceId": "i-0a",
                "NetworkInterfaceId": "eni-0a",
                "Origin": "CreateRoute",
                "State": "blackhole",
            },
        ],
        "Associations": [
            {"RouteTableAssociationId": "rtbassoc-0a", "Main": True, "AssociationState": {"State": "associated"}},
            {"RouteTableAssociationId": "rtbassoc-0b", "GatewayId": "igw-0a", "Main": False},
            {
                "RouteTableAssociationId": "rtbassoc-0c",
                "SubnetId": "subnet-0a",
                "AssociationState": {"State": "associating"},
            },
            {
                "RouteTableAssociationId": "rtbassoc-0d",
                "SubnetId": "subnet-0b",
                "AssociationState": {"State": "disassociated"},
            },
        ],
    }
    seen = KIND.see(raw, SCOPE)
    assert seen.properties["routes"] == [to("0.0.0.0/0", "i-0a"), to("pl-0b", "tgw-0a")]
    assert seen.properties["subnets"] == ["subnet-0a"]
    assert seen.status is Status.pending
    assert seen.detail == "subnet-0a is being associated; the route to 0.0.0.0/0 leads nowhere"


def test_one_form_for_one_meaning() -> None:
    """The order of routes and subnets means nothing, and neither does the way a block is written."""
    one = {"routes": [to("::/0", "igw-0a"), to("10.0.0.0/8", "tgw-0a")], "subnets": ["subnet-0b", "subnet-0a"]}
    other = {
        "routes": [to("10.0.0.0/255.0.0.0", "tgw-0a"), to("0:0:0:0:0:0:0:0/0", "igw-0a")],
        "subnets": ["subnet-0a", "subnet-0b", "subnet-0a"],
    }
    assert KIND.canonical(one) == KIND.canonical(other)
    unknown = Unknown("${shop/aws.internet_gateway/door#id}")
    assert KIND.canonical({"routes": [{"destination": "::/0", "via": unknown}]})["routes"][0]["via"] == unknown


@pytest.mark.parametrize(
    "routes",
    [
        [to("0.0.0.0/0", "local")],
        [to("0.0.0.0/0", "sg-0a")],
        [to("somewhere", "igw-0a")],
        [to("10.0.0.1/8", "igw-0a")],
        [to("10.0.0.0/8", "igw-0a"), to("10.0.0.0/8", "tgw-0a")],
    ],
)
def test_what_is_no_route(routes: list[dict[str, str]]) -> None:
    """A route leads to a block or a prefix list, through something that packets can go through, and once."""
    with pytest.raises(ValidationError):
        RouteTableSpec.model_validate({"vpc": "vpc-0a", "routes": routes})


def test_each_target_has_its_parameter() -> None:
    """The prefix of an id says what a route leads through, and how CreateRoute is told."""
    arn = "arn:aws:networkmanager::123456789012:core-network/core-network-0a"
    said = {
        "igw-0a": "GatewayId",
        "vgw-0a": "GatewayId",
        "eigw-0a": "EgressOnlyInternetGatewayId",
        "nat-0a": "NatGatewayId",
        "i-0a": "InstanceId",
        "eni-0a": "NetworkInterfaceId",
        "tgw-0a": "TransitGatewayId",
        "pcx-0a": "VpcPeeringConnectionId",
        "vpce-0a": "VpcEndpointId",
        arn: "CoreNetworkArn",
    }
    for via, parameter in said.items():
        assert re.fullmatch(roads.PATTERN, via)
        [step] = roads.steps([], [to("0.0.0.0/0", via)])
        assert step.arguments == {"DestinationCidrBlock": "0.0.0.0/0", parameter: via}


# --- changing -------------------------------------------------------------------------------------------------------


def road(routes: Mapping[str, str], packet: IPv4Address) -> str | None:
    """Where a packet goes: by the longest prefix that holds it."""
    holding = [IPv4Network(d) for d in routes if packet in IPv4Network(d)]
    return routes[str(max(holding, key=lambda n: n.prefixlen))] if holding else None


def tables() -> st.SearchStrategy[dict[str, str]]:
    blocks = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/16", "10.0.1.0/24", "10.128.0.0/9", "10.128.0.0/24"]
    return st.dictionaries(st.sampled_from(blocks), st.sampled_from(["igw-0a", "tgw-0a", "nat-0a"]))


@settings(deadline=None)  # a shared machine has pauses of its own
@given(before=tables(), after=tables())
def test_no_packet_takes_a_third_road(before: dict[str, str], after: dict[str, str]) -> None:
    """While a table changes, every packet goes where it went before, or where it will go afterwards."""

    def listed(routes: Mapping[str, str]) -> list[dict[str, str]]:
        return [to(d, v) for d, v in routes.items()]

    stands = dict(before)
    packets = [IPv4Address(p) for p in ("8.8.8.8", "10.0.1.1", "10.0.9.9", "10.9.9.9", "10.128.0.1", "10.200.0.1")]
    for step in roads.steps(listed(before), listed(after)):
        destination = step.arguments["DestinationCidrBlock"]
        assert (destination in stands) is (step.verb != "create")
        if step.verb == "delete":
            del stands[destination]
        else:
            [stands[destination]] = [v for k, v in step.arguments.items() if not k.startswith("Destination")]
        for packet in packets:
            assert road(stands, packet) in {road(before, packet), road(after, packet)}
    assert stands == after


def test_leave_then_change_then_join(aws: LocalAws, where: Place) -> None:
    """A subnet that leaves a table never sees its new roads, and one that joins never sees its old ones."""
    one, two, three = where.subnets
    made = table(aws, where, routes=[to("192.0.2.0/24", where.gateway)], subnets=[one, two])
    made.create()
    aws.control.forget()
    made.update(routes=[to("0.0.0.0/0", where.gateway)], subnets=[two, three])
    assert actions(aws) == ["DisassociateRouteTable", "CreateRoute", "DeleteRoute", "AssociateRouteTable"]
    assert made.differs() == []
    made.update(routes=[to("192.0.2.0/24", where.gateway)], subnets=[one, two])
    assert made.differs() == []


def test_a_road_is_replaced_in_place(aws: LocalAws, where: Place) -> None:
    """A route that leads elsewhere is replaced in one call, of either family; those that stay are not touched."""
    ec2 = aws.client("ec2")
    nic = ec2.create_network_interface(SubnetId=where.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    stays = to("192.0.2.0/24", where.gateway)
    made = table(aws, where, routes=[stays, to("0.0.0.0/0", where.gateway), to("2001:db8::/32", where.gateway)])
    made.create()
    aws.control.forget()
    made.update(routes=[stays, to("0.0.0.0/0", nic), to("2001:db8::/32", nic)])
    assert actions(aws) == ["ReplaceRoute", "ReplaceRoute"]
    assert made.differs() == []
    made.update(routes=[])
    assert actions(aws)[2:] == ["DeleteRoute"] * 3
    assert made.observe().properties["routes"] == []


def test_another_hands_table_keeps_its_subnet(aws: LocalAws, where: Place) -> None:
    """A subnet that follows a stranger's table stays with it, and the letter names both."""
    ec2, subnet = aws.client("ec2"), where.subnets[0]
    theirs = ec2.create_route_table(VpcId=where.vpc, TagSpecifications=tags("route-table", team="x"))["RouteTable"]
    ec2.associate_route_table(RouteTableId=theirs["RouteTableId"], SubnetId=subnet)
    with pytest.raises(InUse, match=f"{subnet} follows {theirs['RouteTableId']}"):
        table(aws, where, subnets=[subnet]).create()
    assert standing(aws, "route_table")[theirs["RouteTableId"]]["associations"] == [subnet]


def test_our_own_table_lets_its_subnet_go(aws: LocalAws, where: Place) -> None:
    """A subnet that moves from one table of a stack to another is waited for."""
    subnet = where.subnets[0]
    old, new = table(aws, where, "old", subnets=[subnet]), table(aws, where, "new", subnets=[])
    old.create()
    new.create()
    with pytest.raises(Blocked):
        new.update(subnets=[subnet])
    old.update(subnets=[])
    new.update(subnets=[subnet])
    assert [o.differs() for o in (old, new)] == [[], []]


# --- removing -------------------------------------------------------------------------------------------------------


def test_deleted_after_a_kill(aws: LocalAws, where: Place) -> None:
    """A delete lets the subnets go and then the table; cut off between any two calls, the next finishes it."""
    before = standing(aws, "route_table")
    for nth in range(1, 4):
        for lost in (aws.control.lose_request, aws.control.lose_answer):
            made = table(aws, where, routes=[to("0.0.0.0/0", where.gateway)], subnets=where.subnets[:2])
            made.create()
            lost(mutates=True, nth=nth, count=1)
            with pytest.raises(Exception, match="does not answer"):
                made.delete()
            assert made.delete().status is Status.absent
            assert standing(aws, "route_table") == before


def test_another_hands_association_is_left(aws: LocalAws, where: Place) -> None:
    """Where another hand let a subnet follow our table, the table is not deleted under it, and ours keep theirs."""
    ours, theirs, _ = where.subnets
    made = table(aws, where, subnets=[ours])
    made.create()
    aws.client("ec2").associate_route_table(RouteTableId=made.remote_id, SubnetId=theirs)
    with pytest.raises(Blocked, match=theirs):
        made.delete()
    assert made.observe().properties["subnets"] == sorted([ours, theirs])
    assert made.observe().owner == str(OWNER)
