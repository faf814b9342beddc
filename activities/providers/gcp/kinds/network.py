"""`gcp.network`: a network of one's own, in every region, without a subnetwork that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from activities.providers.gcp import descriptions
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.paths import NAME
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output


class NetworkSpec(Spec):
    """A network. Nothing comes into it before a firewall rule says so."""

    name: str = Field(pattern=NAME, description="unique in the project")
    auto_create_subnetworks: bool = Field(
        default=False, description="whether Google makes a subnetwork in every region, in 10.128.0.0/9"
    )
    routing_mode: Literal["REGIONAL", "GLOBAL"] = Field(
        default="REGIONAL", description="whether routers advertise the subnetworks of their own region, or of all"
    )
    mtu: int | None = Field(default=None, ge=1300, le=8896, description="bytes of a packet; 1460 without")
    description: str = Field(default="", max_length=1500, description="said once, when it is made")


class Network(ComputeKind[NetworkSpec]):
    """A network has no labels, and its description is said in the create alone: so are our marks.

    `mtu` could be changed while no instance is running in it; here it makes another network, which is seen in a plan.

    Source: Compute Engine API v1, networks.patch.
    """

    kind = "gcp.network"
    spec = NetworkSpec
    collection, argument = "networks", "network"
    services = {"global": "networks"}
    carrier = Carrier.description
    marks_fixed = "a network has no labels, and its description, which bears the marks, is written once"
    outputs = {
        "id": Output("its path: projects/PROJECT/global/networks/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
    }
    immutable = frozenset({"name", "auto_create_subnetworks", "mtu", "description"})
    permissions = {
        "observe": ("compute.networks.get", "compute.globalOperations.get", "compute.globalOperations.list"),
        "discover": ("compute.networks.list",),
        "create": ("compute.networks.create",),
        "update": ("compute.networks.update",),
        "delete": ("compute.networks.delete",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = "net: {kind: gcp.network, spec: {name: net}}"
    trials = {"routing_mode": "GLOBAL"}

    def place(self, spec: NetworkSpec, scope: Scope) -> str:
        return "global"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        said = {
            "auto_create_subnetworks": raw.get("autoCreateSubnetworks", False),
            "routing_mode": raw.get("routingConfig", {}).get("routingMode", "REGIONAL"),
            "description": descriptions.own(raw.get("description", "")),
        }
        return self.seen(raw, said | ({"mtu": raw["mtu"]} if "mtu" in raw else {}))

    def body(self, call: Call[NetworkSpec]) -> dict[str, Any]:
        wanted = call.wanted
        return {
            "autoCreateSubnetworks": wanted.auto_create_subnetworks,
            "routingConfig": {"routingMode": wanted.routing_mode},
            **({"mtu": wanted.mtu} if wanted.mtu is not None else {}),
        }

    def steps(self, call: Call[NetworkSpec]) -> Iterator[Step]:
        if self.changes(call, "routing_mode"):
            yield self.patching(call, {"routingConfig": {"routingMode": call.wanted.routing_mode}})
