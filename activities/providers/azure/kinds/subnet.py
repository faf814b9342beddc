"""`azure.subnet`: a part of a virtual network, with no way out of its own unless the document says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import arm, bodies, ids
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.door import Answer
from activities.providers.azure.kinds.virtual_network import NAME
from holdfast.errors import NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, Search
from holdfast.values import has_unknown

PREFIX, PREFIXES = "properties.addressPrefix", "properties.addressPrefixes"
JOINS = arm.joins("networkSecurityGroups", "routeTables", "natGateways")
THEIRS = arm.joins("serviceEndpointPolicies")  # that others have put on it: an update writes it back


class SubnetSpec(Spec):
    """A part of a virtual network. It has no tags: ARM gives it none."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its network")
    virtual_network: str = Field(description="the network's id")
    address_prefixes: list[IPv4Network | IPv6Network] = Field(
        min_length=1, description="its addresses, within the network's and beside other subnets'"
    )
    network_security_group: str | None = Field(
        default=None, description="the id of the group that says what may come in and go out"
    )
    route_table: str | None = Field(default=None, description="the id of a route table; without, Azure's own routes")
    nat_gateway: str | None = Field(default=None, description="the id of a gateway through which it reaches the world")
    default_outbound_access: bool = Field(
        default=False, description="whether what has no other way out gets one of Azure's, under an address of Azure's"
    )
    service_endpoints: list[str] = Field(
        default_factory=list, description="services that are reached from it directly, as in Microsoft.Storage"
    )
    private_endpoint_network_policies: Literal[
        "Disabled", "Enabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"
    ] = Field(default="Enabled", description="whether groups and routes count for private endpoints in it")


class Subnet(ArmKind[SubnetSpec]):
    """A child of its network, and without tags: it carries no marks of its own.

    What stands at its id is ours when the ledger says so. At its name, it is what an earlier delivery of the same act
    made only where it is exactly what was asked for; everything else there is a stranger's, and a create that finds a
    stranger is refused. One thing cannot be told apart: what another hand made of the same name and exactly alike,
    after the plan and before a later delivery of an act whose earlier ones were not answered.

    ARM changes one subnet of a network at a time, and says so until the other is done.
    """

    kind = "azure.subnet"
    spec = SubnetSpec
    outputs = arm.outputs()
    carrier = Carrier.parent
    immutable = frozenset({"name", "virtual_network"})
    delete_undo = UndoLabel.lossy
    delete_note = "what others had delegated it to, and their endpoint policies"
    permissions = {
        **arm.granted("Microsoft.Network/virtualNetworks/subnets"),
        "create": ("Microsoft.Network/virtualNetworks/subnets/write", *JOINS),
        "update": ("Microsoft.Network/virtualNetworks/subnets/write", *JOINS, *THEIRS),
        "adopt": ("Microsoft.Network/virtualNetworks/subnets/read",),  # all that there is to do
        "disown": ("Microsoft.Network/virtualNetworks/subnets/read",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
door: {kind: azure.network_security_group, spec: {name: door, resource_group: "${shop.name}"}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
app:
  kind: azure.subnet
  spec: {name: app, virtual_network: "${net.id}", address_prefixes: [10.0.1.0/24]}
"""
    trials = {
        "address_prefixes": ["10.0.2.0/23"],
        "network_security_group": "${door.id}",
        "route_table": "/subscriptions/s/resourcegroups/g/providers/microsoft.network/routetables/out",
        "nat_gateway": "/subscriptions/s/resourcegroups/g/providers/microsoft.network/natgateways/out",
        "default_outbound_access": True,
        "service_endpoints": ["Microsoft.Storage", "Microsoft.KeyVault"],
        "private_endpoint_network_policies": "Disabled",
    }

    service, arm_type = "network", "Microsoft.Network/virtualNetworks/subnets"
    places = {
        "network_security_group": "properties.networkSecurityGroup.id",
        "route_table": "properties.routeTable.id",
        "nat_gateway": "properties.natGateway.id",
        "default_outbound_access": "properties.defaultOutboundAccess",
        "private_endpoint_network_policies": "properties.privateEndpointNetworkPolicies",
    }
    unsaid = {"default_outbound_access": True, "private_endpoint_network_policies": "Disabled"}
    references = frozenset({"virtual_network", "network_security_group", "route_table", "nat_gateway"})
    unordered = frozenset({"address_prefixes", "service_endpoints"})

    # --- where it stands ---------------------------------------------------------------------------------------

    def path(self, scope: Scope, spec: SubnetSpec) -> str:
        return str(ids.parse(spec.virtual_network).child("subnets", spec.name))

    # --- reading -----------------------------------------------------------------------------------------------

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        one, endpoints = bodies.at(raw, PREFIX), bodies.at(raw, "properties.serviceEndpoints") or ()
        return {
            **super().shown(raw),
            "virtual_network": ids.parse(raw["id"]).parent,
            "address_prefixes": bodies.at(raw, PREFIXES) or ([one] if one else []),
            "service_endpoints": [e["service"] for e in endpoints],
        }

    def observe(self, call: Call[SubnetSpec]) -> Observation:
        """By id. It is ours where the call says that the ledger knows it."""
        seen = super().observe(call)
        return self._marked(seen, call) if call.claimed else seen

    def discover(self, search: Search) -> Iterator[Observation]:
        """Nothing: without marks, whatever stands is nobody's. The way to ours is by the id that the ledger knows."""
        yield from ()

    def find(self, call: Call[SubnetSpec]) -> list[Observation]:
        """At the name. Ours, where an earlier delivery may have made it, if it is exactly what was asked for."""
        if call.spec is None:
            return []
        found = super().find(replace(call, claimed=False))
        return [self._judged(seen, call) for seen in found]

    def find_all(self, calls: Sequence[Call[SubnetSpec]]) -> Iterator[tuple[Call[SubnetSpec], Observation]]:
        """One list for each network."""
        networks: dict[str, list[Call[SubnetSpec]]] = {}
        for call in calls:
            networks.setdefault(ids.canonical(call.wanted.virtual_network), []).append(call)
        for network, inside in networks.items():
            wanted = {ids.canonical(self.path(one.scope, one.wanted)): one for one in inside}
            try:
                for raw in inside[0].client(self.service).pages(f"{network}/subnets"):
                    if (there := wanted.get(ids.canonical(raw["id"]))) is not None:
                        yield there, self._judged(self.see(raw, there.scope), there)
            except NotFound:
                continue  # the network is not there yet

    # --- changing ----------------------------------------------------------------------------------------------

    def body(self, call: Call[SubnetSpec]) -> dict[str, Any]:
        """It has no region and no tags."""
        whole = super().body(call)
        for field in ("address_prefixes", "service_endpoints"):
            self.write(whole, field, call.wanted.plain()[field])
        return {"name": call.wanted.name, "properties": whole["properties"]}

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        """Addresses stand in one of two places; whatever is written stands in the second alone."""
        if field == "address_prefixes":
            bodies.clear(body, PREFIX)
            bodies.put(body, PREFIXES, value)
        elif field == "service_endpoints" and isinstance(value, list):
            bodies.put(body, "properties.serviceEndpoints", [{"service": name} for name in value])
        else:
            super().write(body, field, value)

    def answered(self, call: Call[SubnetSpec], answer: Answer) -> Observation:
        """What has just been written is ours."""
        return self._marked(super().answered(call, answer), call)

    def _leave(self, call: Call[SubnetSpec]) -> None:
        """It bears none."""

    def adopt(self, call: Call[SubnetSpec]) -> Observation:
        """Writes nothing: there is no place for marks. The ledger alone says whose it is."""
        return self._marked(self.observe(call), call)

    def disown(self, call: Call[SubnetSpec]) -> Observation:
        """Writes nothing, for the same reason."""
        return self.observe(replace(call, claimed=False))

    @staticmethod
    def _marked(seen: Observation, call: Call[SubnetSpec]) -> Observation:
        if seen.status is Status.absent:
            return seen
        return seen.model_copy(
            update={"owner": str(call.owner), "address": str(call.address), "token": call.token or None}
        )

    def _judged(self, seen: Observation, call: Call[SubnetSpec]) -> Observation:
        wanted, found = self.canonical(call.wanted.plain()), self.canonical(seen.properties)
        # What the spec leaves out is not there: another hand's may be the same but for that.
        more = any(found.get(field) for field, value in wanted.items() if value is None)
        exact = call.claimed and not more and not self.diff(wanted, None, found)
        return self._marked(seen, call) if exact else seen

    # --- comparing ---------------------------------------------------------------------------------------------

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, or where their addresses overlap, in the same network. What is not known yet is taken to
        be in the way.
        """
        if super().collides(before, after):
            return True
        was, now = self.canonical(before), self.canonical(after)
        if was.get("virtual_network") != now.get("virtual_network"):
            return False
        theirs, ours = was.get("address_prefixes"), now.get("address_prefixes")
        if not isinstance(theirs, list) or not isinstance(ours, list) or has_unknown([theirs, ours]):
            return True
        return any(_overlap(ip_network(one), ip_network(other)) for one in theirs for other in ours)


def _overlap(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.overlaps(other)
