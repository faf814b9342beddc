"""`azure.public_ip`: an address that the world can reach, and that stays the same for as long as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator

from activities.providers.azure import arm, bodies, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.kinds.virtual_network import NAME
from activities.providers.azure.tags import Tags
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Output
from holdfast.secret import Secret

DNS = "properties.dnsSettings"


class PublicIpSpec(Spec):
    """An address of the Standard kind, which lets nothing in until a network security group does."""

    name: str = Field(min_length=1, max_length=80, pattern=NAME, description="unique in its resource group")
    resource_group: str = Field(description=arm.OF_GROUP)
    public_ip_address_version: Literal["IPv4", "IPv6"] = Field(default="IPv4", description="IPv4 or IPv6")
    zones: list[Literal["1", "2", "3"]] | None = Field(
        default=None, min_length=1, description="the zones that it is in; without, Azure's choice: all of them"
    )
    idle_timeout_in_minutes: int = Field(default=4, ge=4, le=30, description="after which a silent connection is cut")
    domain_name_label: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]{1,61}[a-z0-9]$",
        description="gives it a name in DNS; unique among everybody's in the region",
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @field_validator("domain_name_label", mode="before")
    @classmethod
    def _is_for_all_to_see(cls, value: Any) -> Any:
        if isinstance(value, Secret):
            raise ValueError("a name in DNS is for all to see, and no secret")  # noqa: TRY004  pydantic hears no TypeError
        return value


class PublicIp(ArmKind[PublicIpSpec]):
    """Always of the Standard kind and static: the Basic kind is open to everybody, and Azure has retired it.

    Source: Azure Virtual Network, "Public IP addresses", SKU.
    """

    kind = "azure.public_ip"
    spec = PublicIpSpec
    outputs = arm.outputs(
        ip_address=Output("the address"),
        fqdn=Output("its name in DNS; null without a label", stable=False),
    )
    immutable = frozenset({"name", "resource_group", "public_ip_address_version", "zones"})
    kept_in_use = arm.ANOTHER_NAME
    delete_undo = UndoLabel.lossy
    delete_note = "the address itself: what is made anew has another"
    permissions = arm.granted("Microsoft.Network/publicIPAddresses")
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=20),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
door: {kind: azure.public_ip, spec: {name: door, resource_group: "${shop.name}"}}
"""
    trials = {"idle_timeout_in_minutes": 10, "domain_name_label": "shop-door-7f3a", "tags": {"team": "shop"}}

    service, arm_type = "network", "Microsoft.Network/publicIPAddresses"
    places = {
        "public_ip_address_version": "properties.publicIPAddressVersion",
        "zones": "zones",
        "idle_timeout_in_minutes": "properties.idleTimeoutInMinutes",
        "domain_name_label": f"{DNS}.domainNameLabel",
    }
    unsaid = {"public_ip_address_version": "IPv4", "idle_timeout_in_minutes": 4}
    unordered = frozenset({"zones"})

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {"ip_address": bodies.at(raw, "properties.ipAddress"), "fqdn": bodies.at(raw, f"{DNS}.fqdn")}

    def body(self, call: Call[PublicIpSpec]) -> dict[str, Any]:
        whole = super().body(call)
        whole["sku"] = {"name": "Standard", "tier": "Regional"}
        whole["properties"]["publicIPAllocationMethod"] = "Static"
        return whole

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        """With a label goes the name that Azure made of it, and what held both when nothing else is in there."""
        super().withdraw(body, field)
        if field == "domain_name_label":
            bodies.clear(body, f"{DNS}.fqdn")
            if bodies.at(body, DNS) == {}:
                bodies.clear(body, DNS)

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, or where both want one name in DNS."""
        label = after.get("domain_name_label")
        return super().collides(before, after) or (label is not None and label == before.get("domain_name_label"))
