"""`aws.vpc`: a network of one's own in a region."""

from __future__ import annotations

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


class VpcSpec(Spec):
    """A network. Nothing in it is reachable from outside until a gateway and a route say so."""

    cidr: IPv4Network = Field(description="its addresses, from /16 to /28")
    dns_support: bool = Field(default=True, description="whether Amazon's resolver answers in it")
    dns_hostnames: bool = Field(default=True, description="whether instances get names in DNS")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class Vpc(Ec2Kind[VpcSpec]):
    """CreateVpc takes no client token, so a create that may have happened is looked for by its tags."""

    kind = "aws.vpc"
    spec = VpcSpec
    outputs = {
        "id": Output("the VPC's id"),
        "arn": Output("its ARN"),
        "cidr": Output("its addresses"),
    }
    safety = Safety.by_tag
    immutable = frozenset({"cidr"})
    permissions = {
        "observe": ("ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"),
        "discover": ("ec2:DescribeVpcs",),
        "create": ("ec2:CreateVpc", "ec2:CreateTags", "ec2:ModifyVpcAttribute"),
        "update": ("ec2:ModifyVpcAttribute", "ec2:CreateTags", "ec2:DeleteTags"),
        "delete": ("ec2:DeleteVpc",),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = "net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}"
    trials = {"dns_support": False, "dns_hostnames": False, "tags": {"team": "shop"}}

    describe, listed_in, id_field, tag_type = "describe_vpcs", "Vpcs", "VpcId", "vpc"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        found = tags.plain(raw.get("Tags"))
        remote_id = raw["VpcId"]
        return Observation(
            kind=self.kind,
            status=Status.ready if raw["State"] == "available" else Status.pending,
            remote_id=remote_id,
            properties={"cidr": raw["CidrBlock"], "tags": tags.own(found)},
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
                "cidr": raw["CidrBlock"],
            },
            detail=f"state {raw['State']}",
            partial=True,
            **tags.seen(found),
        )

    def complete(self, seen: Observation, call: Call[VpcSpec]) -> Observation:
        """The list leaves DNS out: two more calls."""
        ec2 = call.client("ec2")
        try:
            support = ec2.describe_vpc_attribute(VpcId=call.id, Attribute="enableDnsSupport")
            names = ec2.describe_vpc_attribute(VpcId=call.id, Attribute="enableDnsHostnames")
        except NotFound:
            return self.absent(call.remote_id)
        dns = {
            "dns_support": support["EnableDnsSupport"]["Value"],
            "dns_hostnames": names["EnableDnsHostnames"]["Value"],
        }
        return seen.model_copy(update={"properties": {**seen.properties, **dns}, "partial": False})

    def create(self, call: Call[VpcSpec]) -> Observation:
        """CreateVpc, then what it cannot say. Without a gateway there is nothing to reach meanwhile."""
        raw: dict[str, Any] | None = None
        wanted = call.wanted
        if call.remote_id is None:
            raw = call.client("ec2").create_vpc(CidrBlock=str(wanted.cidr), TagSpecifications=self.specification(call))[
                "Vpc"
            ]
            call = self.made(call, raw)
            # As it is made: resolution is on, and names are off. Source: EC2 API reference, CreateVpc.
            support, names = (None if wanted.dns_support else False), (True if wanted.dns_hostnames else None)
            self._dns(call, support, names, was_on=True)
        else:
            self._dns(call, wanted.dns_support, wanted.dns_hostnames, was_on=False)
        return self.shown(call, raw)

    def update(self, call: Call[VpcSpec]) -> Observation:
        self.retag(call)
        support = call.wanted.dns_support if self.changes(call, "dns_support") else None
        names = call.wanted.dns_hostnames if self.changes(call, "dns_hostnames") else None
        self._dns(call, support, names, was_on=bool(call.before.get("dns_support")))
        return self.observe(call)

    def delete(self, call: Call[VpcSpec]) -> Observation:
        try:
            call.client("ec2").delete_vpc(VpcId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    @staticmethod
    def _dns(call: Call[VpcSpec], support: bool | None, names: bool | None, *, was_on: bool) -> None:
        """Write what is not None. Names go on only while resolution is on, which is then put on before, and off after.

        `was_on`: whether resolution is on now, for certain. Source: EC2 API reference, ModifyVpcAttribute.
        """
        lent = bool(names) and not was_on
        asked = [("EnableDnsHostnames", names)] if names is not None else []
        if support or lent:
            asked.insert(0, ("EnableDnsSupport", True))
        if support is False or (lent and not support):
            asked.append(("EnableDnsSupport", False))
        for name, value in asked:
            call.client("ec2").modify_vpc_attribute(VpcId=call.id, **{name: {"Value": value}})
