"""`aws.route_table`: where packets that leave a VPC's subnets go; exactly the routes and subnets of the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from activities.providers.aws import roads, tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.tags import Tags
from holdfast.contract import OWNER_TAG
from holdfast.errors import Blocked, InUse, NameTaken, NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import Verb
from holdfast.resource import Call, Observation, Output, Safety
from holdfast.values import is_opaque

PrefixList = Annotated[str, StringConstraints(pattern=r"^pl-[0-9a-f]+$")]


class Route(Spec):
    """One road out of the subnets."""

    destination: IPv4Network | IPv6Network | PrefixList = Field(
        description="where the packets want to go: a block of either family, or a prefix list's id"
    )
    via: Annotated[str, StringConstraints(pattern=roads.PATTERN)] = Field(
        description="what they go through, by its id, whose prefix says what it is: an internet gateway (igw-), a NAT "
        "gateway (nat-), an instance (i-), a network interface that is on no instance (eni-), a transit gateway "
        "(tgw-), a peering (pcx-), an egress-only gateway (eigw-), a VPN gateway (vgw-), and their like"
    )


class RouteTableSpec(Spec):
    """A table. The VPC's own `local` route is in it always, and is never written down."""

    vpc: str = Field(description="the VPC's id")
    routes: list[Route] = Field(default_factory=list, description="all of them, in any order")
    subnets: list[str] = Field(
        default_factory=list, description="the ids of the subnets that follow it; the others follow the VPC's main one"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @field_validator("routes")
    @classmethod
    def _one_road_to_each(cls, value: Any) -> Any:
        known = [
            str(r.destination) for r in roads.members(value) if isinstance(r, Route) and not is_opaque(r.destination)
        ]
        if twice := sorted({d for d in known if known.count(d) > 1}):
            raise ValueError(f"there are two routes to {twice[0]}")
        return value


class RouteTable(Ec2Kind[RouteTableSpec]):
    """Made in several calls: subnets follow it last, when all its roads are there.

    No packet ever takes a road that neither the old table nor the new one has for it: see `roads.steps`. Subnets that
    leave do so before any route changes, and those that join come after. A subnet that another table has is not taken
    from it: where that table is the stack's own, it is asked again until it has let go, and between the two the subnet
    follows the VPC's main table. (ReplaceRouteTableAssociation would leave no such moment; but of two acts side by side
    only the one that takes could make that call, and the one that lets go does not know whether anybody takes.)

    CreateRouteTable takes a client token, and is not sent ours: a spent one is answered with the table that it made,
    dead or alive, and nothing tells a dead one from one that is not known everywhere yet. It is looked for by its tags.
    """

    kind = "aws.route_table"
    spec = RouteTableSpec
    outputs = {"id": Output("the table's id"), "arn": Output("its ARN")}
    safety = Safety.by_tag
    immutable = frozenset({"vpc"})
    stepwise = frozenset({"routes", "subnets"})
    permissions = {
        "observe": ("ec2:DescribeRouteTables",),
        "discover": ("ec2:DescribeRouteTables",),
        "create": (
            "ec2:CreateRouteTable",
            "ec2:CreateTags",
            "ec2:CreateRoute",
            "ec2:ReplaceRoute",
            "ec2:AssociateRouteTable",
        ),
        "update": (
            "ec2:CreateRoute",
            "ec2:ReplaceRoute",
            "ec2:DeleteRoute",
            "ec2:AssociateRouteTable",
            "ec2:DisassociateRouteTable",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ),
        "delete": ("ec2:DisassociateRouteTable", "ec2:DeleteRouteTable"),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=5),
        Verb.update: timedelta(minutes=5),
        Verb.delete: timedelta(minutes=5),
    }
    example = """
net: {kind: aws.vpc, spec: {cidr: 10.0.0.0/16}}
app: {kind: aws.subnet, spec: {vpc: "${net.id}", cidr: 10.0.1.0/24, zone: eu-central-1a}}
web: {kind: aws.subnet, spec: {vpc: "${net.id}", cidr: 10.0.2.0/24, zone: eu-central-1b}}
door: {kind: aws.internet_gateway, spec: {vpc: "${net.id}"}}
out:
  kind: aws.route_table
  spec:
    vpc: ${net.id}
    routes:
      - {destination: 0.0.0.0/0, via: "${door.id}"}
    subnets: ["${web.id}"]
"""
    trials = {
        "routes": [
            {"destination": "192.0.2.0/24", "via": "${door.id}"},
            {"destination": "2001:db8::/32", "via": "${door.id}"},
        ],
        "subnets": ["${app.id}", "${web.id}"],
        "tags": {"team": "shop"},
    }

    describe, listed_in, id_field, tag_type = "describe_route_tables", "RouteTables", "RouteTableId", "route-table"
    page = 100  # EC2 API reference, DescribeRouteTables

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """Without the local route, what a VPN gateway or an endpoint puts in by itself, and the main association."""
        found = tags.plain(raw.get("Tags"))
        remote_id = raw["RouteTableId"]
        ties = _ties(raw)
        unsettled = sorted(t["SubnetId"] for t in ties if _state(t) == "associating")
        dead = sorted(roads.destination(r) for r in raw.get("Routes", ()) if r.get("State") == "blackhole")
        words = [f"{s} is being associated" for s in unsettled] + [f"the route to {d} leads nowhere" for d in dead]
        return Observation(
            kind=self.kind,
            status=Status.pending if unsettled else Status.ready,
            remote_id=remote_id,
            properties={
                "vpc": raw["VpcId"],
                "routes": roads.canonical(roads.seen(raw.get("Routes", ()))),
                "subnets": sorted(t["SubnetId"] for t in ties),
                "tags": tags.own(found),
            },
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
            },
            detail="; ".join(words),
            **tags.seen(found),
        )

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[RouteTableSpec]) -> Observation:
        """CreateRouteTable, its routes, and its subnets last."""
        raw: dict[str, Any] | None = None
        wanted = self.canonical(call.wanted.plain())
        if call.remote_id is None:
            raw = call.client("ec2").create_route_table(
                VpcId=call.wanted.vpc, TagSpecifications=self.specification(call)
            )["RouteTable"]
            call = self.made(call, raw)
        with self.young(call):
            stands = raw or self._raw(call) or {}
            self._route(call, roads.seen(stands.get("Routes", ())), wanted["routes"])
            self._join(call, stands, wanted["subnets"])
        return self.shown(call, raw)

    def update(self, call: Call[RouteTableSpec]) -> Observation:
        self.retag(call)
        wanted = self.canonical(call.wanted.plain())
        stands = self._raw(call) or {}
        if self.changes(call, "subnets"):
            self._leave(call, stands, [t["SubnetId"] for t in _ties(stands) if t["SubnetId"] not in wanted["subnets"]])
        if self.changes(call, "routes"):
            self._route(call, roads.seen(stands.get("Routes", ())), wanted["routes"])
        if self.changes(call, "subnets"):
            self._join(call, stands, wanted["subnets"])
        return self.observe(call)

    def delete(self, call: Call[RouteTableSpec]) -> Observation:
        """Let its subnets go, then delete it. They follow the VPC's main table from then on.

        Raises `Blocked` where the ledger knows its subnets and others follow it: those are another hand's.
        """
        stands = self._raw(call)
        if stands is not None:
            there = [t["SubnetId"] for t in _ties(stands)]
            ours = call.spec.subnets if call.spec is not None else there
            if others := sorted(set(there) - set(ours)):
                named = ", ".join(others)
                raise Blocked(
                    f"{call.address} ({call.id}) is followed by {named}, which this stack did not associate with it",
                    address=call.address,
                    standing="as it was; none of its subnets was let go",
                    next=f"associate {named} with another table",
                )
            self._leave(call, stands, there)
        try:
            call.client("ec2").delete_route_table(RouteTableId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.absent(call.remote_id)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Routes by destination, subnets by id: the order of neither means anything."""
        form = dict(properties)
        if isinstance(form.get("routes"), list | tuple):
            form["routes"] = roads.canonical(form["routes"])
        if isinstance(form.get("subnets"), list | tuple):
            form["subnets"] = roads.unique(form["subnets"])
        return form

    # --- EC2's calls -------------------------------------------------------------------------------------------

    def _raw(self, call: Call[RouteTableSpec]) -> dict[str, Any] | None:
        try:
            found = self._members(call.client("ec2").describe_route_tables(RouteTableIds=[call.id]))
        except NotFound:
            return None
        return found[0] if found else None

    def _route(
        self, call: Call[RouteTableSpec], live: Sequence[dict[str, Any]], wanted: Sequence[dict[str, Any]]
    ) -> None:
        ec2 = call.client("ec2")
        for step in roads.steps(live, wanted):
            if step.verb == "delete":
                try:
                    ec2.delete_route(RouteTableId=call.id, **step.arguments)
                except NotFound as error:
                    if error.letter.code != "InvalidRoute.NotFound":
                        raise
            elif step.verb == "replace":
                ec2.replace_route(RouteTableId=call.id, **step.arguments)
            else:
                try:
                    ec2.create_route(RouteTableId=call.id, **step.arguments)
                except NameTaken:
                    # An earlier delivery made it, and the read was stale.
                    ec2.replace_route(RouteTableId=call.id, **step.arguments)

    def _join(self, call: Call[RouteTableSpec], stands: dict[str, Any], wanted: Sequence[str]) -> None:
        there = {t["SubnetId"] for t in _ties(stands)}
        for subnet in wanted:
            if subnet in there:
                continue
            try:
                call.client("ec2").associate_route_table(RouteTableId=call.id, SubnetId=subnet)
            except Blocked as error:
                self._held(call, subnet, error)

    def _held(self, call: Call[RouteTableSpec], subnet: str, refused: Blocked) -> None:
        """The subnet has a table: this one, which a stale read hid; one that will let it go; or another hand's."""
        where = [{"Name": "association.subnet-id", "Values": [subnet]}]
        for raw in self._members(call.client("ec2").describe_route_tables(Filters=where)):
            if raw["RouteTableId"] == call.id:
                return
            if tags.plain(raw.get("Tags")).get(OWNER_TAG) != str(call.owner):
                raise InUse(
                    f"{subnet} follows {raw['RouteTableId']}, which another hand made",
                    address=call.address,
                    standing=f"{subnet} as it was; {call.id} has its routes and not this subnet",
                    next=f"take {subnet} out of {raw['RouteTableId']}, or out of the document, and run again",
                    code=refused.letter.code,
                ) from refused
        raise refused

    @staticmethod
    def _leave(call: Call[RouteTableSpec], stands: dict[str, Any], subnets: Sequence[str]) -> None:
        for tie in _ties(stands):
            if tie["SubnetId"] in subnets:
                try:
                    call.client("ec2").disassociate_route_table(AssociationId=tie["RouteTableAssociationId"])
                except NotFound:
                    continue  # gone already: an earlier delivery's work, or the subnet took it along


def _ties(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The associations of subnets: not the main one, and not those of gateways."""
    going = {"disassociating", "disassociated", "failed"}
    return [t for t in raw.get("Associations", ()) if t.get("SubnetId") and _state(t) not in going]


def _state(tie: Mapping[str, Any]) -> str:
    state: str = tie.get("AssociationState", {}).get("State", "associated")
    return state
