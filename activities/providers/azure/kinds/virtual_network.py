"""`azure.virtual_network`: a network of one's own in a region. Its subnets are resources of their own."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from pydantic import Field

from activities.providers.azure import arm, bodies, ids, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.tags import Tags
from holdfast.errors import Blocked, NotFound
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation

NAME = r"^[A-Za-z0-9](?:[\w.-]*\w)?$"


class VirtualNetworkSpec(Spec):
    """A network. Nothing in it is reachable from outside until something in it has a public address."""

    name: str = Field(min_length=2, max_length=64, pattern=NAME, description="unique in its resource group")
    resource_group: str = Field(description=arm.OF_GROUP)
    address_space: list[IPv4Network | IPv6Network] = Field(
        min_length=1, description="its addresses, as blocks; one that a subnet lies in cannot be taken away"
    )
    dns_servers: list[IPv4Address | IPv6Address] = Field(
        default_factory=list, description="who answers its machines' questions; without any, Azure does"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class VirtualNetwork(ArmKind[VirtualNetworkSpec]):
    """Its subnets are part of what ARM reads and writes: an update reads them, and writes them back under the etag, so
    that one which is made meanwhile is not lost. ARM also removes a network with all its subnets, whoever made them, as
    long as nothing is in them: so it is asked only when there are none.
    """

    kind = "azure.virtual_network"
    spec = VirtualNetworkSpec
    outputs = arm.outputs()
    immutable = frozenset({"name", "resource_group"})
    delete_undo = UndoLabel.lossy
    delete_note = "its peerings: the other side of each has to be joined again"
    # Its subnets are written back with it, and so is what they, and it, refer to.
    permissions = arm.granted(
        "Microsoft.Network/virtualNetworks",
        update=arm.joins(
            "networkSecurityGroups", "routeTables", "natGateways", "serviceEndpointPolicies", "ddosProtectionPlans"
        ),
    )
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
"""
    trials = {
        "address_space": ["10.1.0.0/16", "10.0.0.0/16"],
        "dns_servers": ["10.0.0.4", "10.0.0.5"],
        "tags": {"team": "shop"},
    }

    service, arm_type = "network", "Microsoft.Network/virtualNetworks"
    places = {
        "address_space": "properties.addressSpace.addressPrefixes",
        "dns_servers": "properties.dhcpOptions.dnsServers",
    }
    unsaid = {"address_space": [], "dns_servers": []}
    unordered = frozenset({"address_space"})

    def delete(self, call: Call[VirtualNetworkSpec]) -> Observation:
        """Only without subnets, under the etag with which there were none."""
        service = call.client(self.service)
        try:
            found = service.get(call.id)
        except NotFound:
            return self.absent(call.remote_id)
        if left := [str(one["name"]) for one in bodies.at(found.body, "properties.subnets") or ()]:
            name = ids.parse(call.id).name
            raise Blocked(f"the network {name} still has subnets, and would take along {', '.join(left)}")
        return self.removed(call, if_match=found.etag)
