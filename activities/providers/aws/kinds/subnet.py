"""`aws.subnet`: a part of a VPC in one zone, handing out no public addresses unless the document says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any

from pydantic import Field

from activities.providers.aws import tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.tags import Tags
from holdfast.errors import NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Observation, Output, Safety


class SubnetSpec(Spec):
    """A part of a VPC. What is reachable in it is decided by its route table and by security groups."""

    vpc: str = Field(description="the VPC's id")
    cidr: IPv4Network = Field(description="its addresses, from /16 to /28, within the VPC's and beside other subnets'")
    zone: str = Field(description="the availability zone, as in eu-west-1a")
    public_ips: bool = Field(default=False, description="whether instances get a public address when they are launched")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class Subnet(Ec2Kind[SubnetSpec]):
    """CreateSubnet takes no client token, so a create that may have happened is looked for by its tags."""

    kind = "aws.subnet"
    spec = SubnetSpec
    outputs = {
        "id": Output("the subnet's id"),
        "arn": Output("its ARN"),
        "cidr": Output("its addresses"),
        "zone": Output("its availability zone"),
    }
    safety = Safety.by_tag
    immutable = frozenset({"vpc", "cidr", "zone"})
    permissions = {
        "observe": ("ec2:DescribeSubnets",),
        "discover": ("ec2:DescribeSubnets",),
        "create": ("ec2:CreateSubnet", "ec2:CreateTags", "ec2:ModifySubnetAttribute"),
        "update": ("ec2:ModifySubnetAttribute", "ec2:CreateTags", "ec2:DeleteTags"),
        "delete": ("ec2:DeleteSubnet",),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=5),
        Verb.update: timedelta(minutes=5),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
app: {kind: aws.subnet, spec: {vpc: "${net.id}", cidr: 10.0.1.0/24, zone: eu-central-1a}}
"""
    trials = {"public_ips": True, "tags": {"team": "shop"}}

    describe, listed_in, id_field, tag_type = "describe_subnets", "Subnets", "SubnetId", "subnet"

    _STATUS = {
        "pending": Status.pending,
        "available": Status.ready,
        "unavailable": Status.pending,
        "failed": Status.failed,
        "failed-insufficient-capacity": Status.failed,
    }

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        found = tags.plain(raw.get("Tags"))
        remote_id, cidr, zone = raw["SubnetId"], raw.get("CidrBlock"), raw["AvailabilityZone"]
        return Observation(
            kind=self.kind,
            status=self._STATUS[raw["State"]],
            remote_id=remote_id,
            properties={
                "vpc": raw["VpcId"],
                "cidr": cidr,
                "zone": zone,
                "public_ips": bool(raw.get("MapPublicIpOnLaunch")),
                "tags": tags.own(found),
            },
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
                "cidr": cidr,
                "zone": zone,
            },
            detail=f"state {raw['State']}",
            **tags.seen(found),
        )

    def create(self, call: Call[SubnetSpec]) -> Observation:
        """CreateSubnet makes a private one; public addresses, where they are wanted, are the last call."""
        raw: dict[str, Any] | None = None
        wanted = call.wanted
        if call.remote_id is None:
            raw = call.client("ec2").create_subnet(
                VpcId=wanted.vpc,
                CidrBlock=str(wanted.cidr),
                AvailabilityZone=wanted.zone,
                TagSpecifications=self.specification(call),
            )["Subnet"]
            call = self.made(call, raw)
        if wanted.public_ips:
            with self.young(call):
                self._public_ips(call)
        return self.shown(call, raw)

    def update(self, call: Call[SubnetSpec]) -> Observation:
        self.retag(call)
        if self.changes(call, "public_ips"):
            self._public_ips(call)
        return self.observe(call)

    def delete(self, call: Call[SubnetSpec]) -> Observation:
        """AWS refuses while an interface is in it; what it hangs on is then on its way out, and it is asked again."""
        try:
            call.client("ec2").delete_subnet(SubnetId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """In one VPC no two subnets share an address. What is not known yet is taken to be in the way."""
        if before.get("vpc") != after.get("vpc"):
            return False
        one, other = before.get("cidr"), after.get("cidr")
        if not isinstance(one, str) or not isinstance(other, str):
            return True
        return IPv4Network(one).overlaps(IPv4Network(other))

    @staticmethod
    def _public_ips(call: Call[SubnetSpec]) -> None:
        wish = {"Value": call.wanted.public_ips}
        call.client("ec2").modify_subnet_attribute(SubnetId=call.id, MapPublicIpOnLaunch=wish)
