"""`azure.network_interface`: a machine's place in a subnet; without a public address unless the document names one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from pydantic import Field, JsonValue

from activities.providers.azure import arm, bodies, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.kinds.virtual_network import NAME
from activities.providers.azure.tags import Tags
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Output

JOINS: Final = arm.joins("virtualNetworks/subnets", "networkSecurityGroups", "publicIPAddresses")
# What others have put it in: an update writes that back.
THEIRS: Final = (
    *arm.joins(
        "loadBalancers/backendAddressPools", "loadBalancers/inboundNatRules", "applicationGateways/backendAddressPools"
    ),
    "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
)
FIRST: Final = "properties.ipConfigurations.0.properties"  # others may be beside it: they are left as they are
METHOD: Final = f"{FIRST}.privateIPAllocationMethod"


class NetworkInterfaceSpec(Spec):
    """An interface with one address in a subnet. Of the two groups, its own and its subnet's, both have to let in."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its resource group")
    resource_group: str = Field(description=arm.OF_GROUP)
    subnet: str = Field(description="the subnet's id, which says the network too")
    private_ip_address: IPv4Address | None = Field(
        default=None, description="its address in the subnet; without, Azure picks one, and it stays"
    )
    public_ip_address: str | None = Field(default=None, description="the id of a public address; without, none")
    network_security_group: str | None = Field(
        default=None, description="the id of the group that says what may come in and go out"
    )
    dns_servers: list[IPv4Address | IPv6Address] = Field(
        default_factory=list, description="who answers its questions; without any, whoever the network says"
    )
    enable_accelerated_networking: bool = Field(
        default=False, description="past the host's switch; only some sizes of machines can"
    )
    enable_ip_forwarding: bool = Field(default=False, description="pass on what is not meant for it, as routers do")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class NetworkInterface(ArmKind[NetworkInterfaceSpec]):
    """Whatever else its first IP configuration has, as its place behind a load balancer, is read and written back."""

    kind = "azure.network_interface"
    spec = NetworkInterfaceSpec
    outputs = arm.outputs(private_ip_address=Output("its address in the subnet", stable=False))
    immutable = frozenset({"name", "resource_group", "subnet"})
    kept_in_use = arm.ANOTHER_NAME
    delete_undo = UndoLabel.lossy
    delete_note = (
        "its address, where that was Azure's to choose, its MAC address, and pools and groups that others had put it in"
    )
    permissions = arm.granted("Microsoft.Network/networkInterfaces", create=JOINS, update=(*JOINS, *THEIRS))
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),  # it stays its gone machine's for 180 s
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
door: {kind: azure.network_security_group, spec: {name: door, resource_group: "${shop.name}"}}
out: {kind: azure.public_ip, spec: {name: out, resource_group: "${shop.name}"}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
app:
  kind: azure.subnet
  spec: {name: app, virtual_network: "${net.id}", address_prefixes: [10.0.1.0/24]}
web:
  kind: azure.network_interface
  spec: {name: web, resource_group: "${shop.name}", subnet: "${app.id}"}
"""
    trials = {
        "private_ip_address": "10.0.1.20",
        "public_ip_address": "${out.id}",
        "network_security_group": "${door.id}",
        "dns_servers": ["10.0.0.4", "10.0.0.5"],
        "enable_accelerated_networking": True,
        "enable_ip_forwarding": True,
        "tags": {"team": "shop"},
    }

    service, arm_type = "network", "Microsoft.Network/networkInterfaces"
    places = {
        "subnet": f"{FIRST}.subnet.id",
        "private_ip_address": f"{FIRST}.privateIPAddress",
        "public_ip_address": f"{FIRST}.publicIPAddress.id",
        "network_security_group": "properties.networkSecurityGroup.id",
        "dns_servers": "properties.dnsSettings.dnsServers",
        "enable_accelerated_networking": "properties.enableAcceleratedNetworking",
        "enable_ip_forwarding": "properties.enableIPForwarding",
    }
    unsaid = {"dns_servers": [], "enable_accelerated_networking": False, "enable_ip_forwarding": False}
    references = frozenset({"subnet", "public_ip_address", "network_security_group"})

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """An address that Azure picked is nobody's wish."""
        found = super().shown(raw)
        static = str(bodies.at(raw, METHOD)).lower() == "static"
        return found | {"private_ip_address": found["private_ip_address"] if static else None}

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {"private_ip_address": bodies.at(raw, self.places["private_ip_address"])}

    def body(self, call: Call[NetworkInterfaceSpec]) -> dict[str, Any]:
        whole = self.started(call)
        whole["properties"]["ipConfigurations"] = [{"name": "primary", "properties": {"primary": True}}]
        bodies.put(whole, METHOD, "Dynamic")
        return self.filled(whole, call)

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        super().write(body, field, value)
        if field == "private_ip_address":
            bodies.put(body, METHOD, "Static")

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        super().withdraw(body, field)
        if field == "private_ip_address":
            bodies.put(body, METHOD, "Dynamic")

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, or where both want one address."""
        was, now = self.canonical(before), self.canonical(after)
        public, private = now.get("public_ip_address"), now.get("private_ip_address")
        return (
            super().collides(before, after)
            or (public is not None and public == was.get("public_ip_address"))
            or (
                private is not None
                and (private, now.get("subnet")) == (was.get("private_ip_address"), was.get("subnet"))
            )
        )
