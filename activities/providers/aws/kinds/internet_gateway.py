"""`aws.internet_gateway`: the door between a VPC and the internet; nobody goes through it without a route."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.aws import tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.tags import Tags
from holdfast.errors import Blocked, ChangedElsewhere, NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Observation, Output, Safety


class InternetGatewaySpec(Spec):
    """A door. A subnet is public when its route table leads to one, and only then."""

    vpc: str = Field(description="the VPC's id; it has at most one gateway")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class InternetGateway(Ec2Kind[InternetGatewaySpec]):
    """Made, then attached, and ready only when it is attached. Neither call takes a client token.

    `vpc` is immutable although AWS could attach it elsewhere: a gateway leaves a VPC only when no address in it is
    mapped any more, so to move one would wait for what goes away last. Its replacement is made first instead, and the
    old network stays reachable until everything in it has moved.
    """

    kind = "aws.internet_gateway"
    spec = InternetGatewaySpec
    outputs = {"id": Output("the gateway's id"), "arn": Output("its ARN")}
    safety = Safety.by_tag
    immutable = frozenset({"vpc"})
    permissions = {
        "observe": ("ec2:DescribeInternetGateways",),
        "discover": ("ec2:DescribeInternetGateways",),
        "create": ("ec2:CreateInternetGateway", "ec2:CreateTags", "ec2:AttachInternetGateway"),
        "update": ("ec2:CreateTags", "ec2:DeleteTags"),
        "delete": ("ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=5),
        Verb.update: timedelta(minutes=5),
        Verb.delete: timedelta(minutes=20),
    }
    example = """
net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
door: {kind: aws.internet_gateway, spec: {vpc: "${net.id}"}}
"""
    trials = {"tags": {"team": "shop"}}

    describe, listed_in, id_field, tag_type = (
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
        "internet-gateway",
    )

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """Its attachment's state is `available`, or `attached`: AWS writes the one and documents the other."""
        found = tags.plain(raw.get("Tags"))
        remote_id = raw["InternetGatewayId"]
        attached = [a for a in raw.get("Attachments", ()) if a["State"] not in {"detaching", "detached"}]
        state = attached[0]["State"] if attached else "detached"
        return Observation(
            kind=self.kind,
            status=Status.ready if state in {"available", "attached"} else Status.pending,
            remote_id=remote_id,
            properties={"vpc": attached[0]["VpcId"] if attached else None, "tags": tags.own(found)},
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
            },
            detail=f"attachment {state}",
            **tags.seen(found),
        )

    def create(self, call: Call[InternetGatewaySpec]) -> Observation:
        """CreateInternetGateway, then AttachInternetGateway."""
        raw: dict[str, Any] | None = None
        if call.remote_id is None:
            raw = call.client("ec2").create_internet_gateway(TagSpecifications=self.specification(call))[
                "InternetGateway"
            ]
            call = self.made(call, raw)
        elif self._attached_to(self.observe(call)) == call.wanted.vpc:
            return self.observe(call)
        with self.young(call):
            self._attach(call)
        return self.shown(call, raw)

    def update(self, call: Call[InternetGatewaySpec]) -> Observation:
        """Tags only."""
        self.retag(call)
        return self.observe(call)

    def delete(self, call: Call[InternetGatewaySpec]) -> Observation:
        """Detach it from wherever it is, then delete it. AWS refuses the first while an address is mapped."""
        ec2 = call.client("ec2")
        vpc = self._attached_to(self.observe(call))
        if vpc is not None:
            try:
                ec2.detach_internet_gateway(InternetGatewayId=call.id, VpcId=vpc)
            except NotFound as error:
                # A stale read showed an attachment that an earlier delivery took off.
                if error.letter.code != "Gateway.NotAttached":
                    return self.absent(call.remote_id)
        try:
            ec2.delete_internet_gateway(InternetGatewayId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """A VPC takes one gateway."""
        return before.get("vpc") is not None and before.get("vpc") == after.get("vpc")

    def _attach(self, call: Call[InternetGatewaySpec]) -> None:
        try:
            call.client("ec2").attach_internet_gateway(InternetGatewayId=call.id, VpcId=call.wanted.vpc)
        except Blocked as error:
            # Attached already: by an earlier delivery, which a stale read hid, or by another hand to another network.
            vpc = self._attached_to(self.observe(call))
            if error.letter.code != "Resource.AlreadyAssociated" or vpc is None:
                raise
            if vpc != call.wanted.vpc:
                raise ChangedElsewhere(
                    f"{call.address} ({call.id}) was made for {call.wanted.vpc}, and another hand attached it to {vpc}",
                    address=call.address,
                    standing="as that hand left it",
                    next=f"detach {call.id} from {vpc}, and run again",
                ) from error

    @staticmethod
    def _attached_to(seen: Observation) -> str | None:
        vpc = seen.properties.get("vpc")
        return vpc if isinstance(vpc, str) else None
