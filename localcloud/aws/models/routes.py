"""Keeps route tables as EC2 keeps them: one to a subnet, never without its local routes, black holes shown.

Moto: a second association answers with the first and changes nothing; deletes main tables and local routes; routes to
gateways of other networks; a route is active for ever. AWS: Resource.AlreadyAssociated, DependencyViolation,
InvalidParameterValue; a route whose gateway is detached is a blackhole.
Sources: EC2 API reference "AssociateRouteTable", "DeleteRouteTable", "CreateRoute", "Route"; VPC User Guide "Route
tables".
"""

from __future__ import annotations

import ipaddress
from typing import Any

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.networks import depends


def install(calls: Calls) -> None:
    """See the module."""
    calls.before("ec2", "AssociateRouteTable", may_associate)
    calls.before("ec2", "ReplaceRouteTableAssociation", association_is)
    calls.before("ec2", "DisassociateRouteTable", association_is)
    calls.before("ec2", "DisassociateRouteTable", not_main)
    calls.before("ec2", "DeleteRouteTable", table_is_free)
    calls.after("ec2", "DeleteRouteTable", forget)
    calls.before("ec2", "CreateRoute", may_route)
    calls.before("ec2", "ReplaceRoute", may_route)
    calls.before("ec2", "DeleteRoute", not_local)
    _patch()


def _table(call: Call) -> Any:
    return call.backend.get_route_table(call.params["RouteTableId"])


def _holder(call: Call, association: str) -> Any:
    for table in call.backend.route_tables.values():
        if association in table.all_associations_ids:
            return table
    raise Refusal("InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist")


def may_associate(call: Call) -> None:
    """A subnet of the same VPC that has no other table; the same table again is the same association."""
    table, subnet = _table(call), call.params.get("SubnetId")
    if subnet is None:
        return
    if call.backend.get_subnet(subnet).vpc_id != table.vpc_id:
        message = f"Route table {table.id} and subnet {subnet} belong to different networks"
        raise Refusal("InvalidParameterValue", message)
    for other in call.backend.route_tables.values():
        if other is not table and subnet in other._associations.values():  # noqa: SLF001  # moto's only place for it
            message = f"the specified association for route table {table.id} conflicts with an existing association"
            raise Refusal("Resource.AlreadyAssociated", message)


def association_is(call: Call) -> None:
    """An association there is, and a table of its VPC."""
    holder = _holder(call, call.params["AssociationId"])
    if "RouteTableId" in call.params and _table(call).vpc_id != holder.vpc_id:
        message = f"route table {call.params['RouteTableId']} and {holder.id} belong to different networks"
        raise Refusal("InvalidParameterValue", message)


def not_main(call: Call) -> None:
    """The main association can be replaced, not taken away."""
    association = call.params["AssociationId"]
    if _holder(call, association).main_association_id == association:
        message = f"cannot disassociate the main route table association {association}"
        raise Refusal("InvalidParameterValue", message)


def table_is_free(call: Call) -> None:
    """Neither main nor associated."""
    table = _table(call)
    if table.all_associations_ids:
        raise depends(f"The routeTable '{table.id}' has dependencies and cannot be deleted.")


def forget(call: Call, _: Any) -> None:
    """Its tags go with it."""
    call.backend.tags.pop(call.params["RouteTableId"], None)


def may_route(call: Call) -> None:
    """To a gateway of the same network, and not instead of a local route."""
    table, gateway = _table(call), call.params.get("GatewayId", "")
    for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock"):
        if block := call.params.get(name):
            try:
                call.set(name, str(ipaddress.ip_network(block, strict=False)))
            except ValueError:
                message = (
                    f"Value ({block}) for parameter {name[0].lower()}{name[1:]} is invalid. It is not a CIDR block."
                )
                raise Refusal("InvalidParameterValue", message) from None
    if gateway.startswith("igw-"):
        attached = call.backend.internet_gateways[gateway].vpc
        if attached is None or attached.id != table.vpc_id:
            message = f"route table {table.id} and network gateway {gateway} belong to different networks"
            raise Refusal("InvalidParameterValue", message)
    if call.action == "CreateRoute" and _found(call) is not None:
        block = call.params.get("DestinationCidrBlock") or call.params.get("DestinationIpv6CidrBlock")
        raise Refusal("RouteAlreadyExists", f"The route identified by {block} already exists.")


def _found(call: Call) -> Any:
    blocks = {call.params.get("DestinationCidrBlock"), call.params.get("DestinationIpv6CidrBlock")} - {None}
    for route in _table(call).routes:
        if {route.destination_cidr_block, route.destination_ipv6_cidr_block} & blocks:
            return route
    return None


def not_local(call: Call) -> None:
    """The local routes are the network's."""
    route = _found(call)
    if route is not None and route.local:
        message = f"cannot remove local route {route.destination_cidr_block} in route table {route.route_table.id}"
        raise Refusal("InvalidParameterValue", message)


def _patch() -> None:
    from moto.ec2.models.route_tables import Route

    def state(route: Any) -> str:
        """A black hole when what it leads to is not in its network any more."""
        gateway, backend = route.gateway, route.route_table.ec2_backend
        if gateway is not None and gateway.id.startswith("igw-"):
            there = backend.internet_gateways.get(gateway.id)
            if there is None or there.vpc is None or there.vpc.id != route.route_table.vpc_id:
                return "blackhole"
        if route.instance is not None and route.instance.state in {"shutting-down", "terminated"}:
            return "blackhole"
        return "active"

    replaced(Route, "state", property(state))
