"""`gcp.address`: an address that stays, of the outside or of a network, in a region or everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import labelling
from activities.providers.gcp.compute import ComputeKind
from activities.providers.gcp.labelling import Labels
from activities.providers.gcp.paths import NAME, Path, at_one_number, bare, reference
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output
from holdfast.values import is_opaque

_ANOTHER: Final = "its number: Google gives another"  # lost by the delete of an external one


class AddressSpec(Spec):
    """An address, or a range of a network's own."""

    name: str = Field(pattern=NAME, description="unique in the project, and in the region unless it is global")
    location: Literal["regional", "global"] = Field(
        default="regional", description="in the region of its scope, or everywhere, as some load balancers need it"
    )
    address_type: Literal["INTERNAL", "EXTERNAL"] = Field(description="of a network, or of the outside")
    address: str | None = Field(
        default=None, description="which one, of an INTERNAL address; Google chooses without. An EXTERNAL one is given"
    )
    subnetwork: str | None = Field(
        default=None, pattern=reference("subnetworks"), description="of an INTERNAL regional one: where it is of"
    )
    network: str | None = Field(
        default=None, pattern=reference("networks"), description="of an INTERNAL global one: the network it is of"
    )
    purpose: str | None = Field(
        default=None,
        pattern=r"^[A-Z_]+$",
        description="of an INTERNAL one, as in VPC_PEERING",
    )
    prefix_length: int | None = Field(default=None, ge=8, le=96, description="of a range: its prefix's length")
    network_tier: Literal["PREMIUM", "STANDARD"] | None = Field(
        default=None, description="of an EXTERNAL regional one: whose network its traffic takes; the project's without"
    )
    description: str = Field(default="", max_length=1500, description="said once, when it is made")
    labels: Labels = Field(default_factory=dict, description=labelling.ABOUT)

    @model_validator(mode="after")
    def _fits_together(self) -> AddressSpec:
        if is_opaque(self.address_type):
            return self
        if self.address_type == "EXTERNAL" and (self.address or self.subnetwork or self.network or self.purpose):
            raise ValueError("an EXTERNAL address is given by Google: no address, subnetwork, network or purpose")
        if self.address_type == "INTERNAL" and self.network_tier is not None:
            raise ValueError("network_tier is of EXTERNAL addresses")
        return self


class Address(ComputeKind[AddressSpec]):
    """An external address that is given back is somebody else's: what is made anew in its place is another number."""

    kind = "gcp.address"
    spec = AddressSpec
    collection, argument = "addresses", "address"
    services = {"regions": "addresses", "global": "global_addresses"}
    references = frozenset({"subnetwork", "network"})
    outputs = {
        "id": Output("its path: projects/PROJECT/regions/REGION/addresses/NAME, or global/addresses/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
        "address": Output("the address itself"),
    }
    immutable = frozenset(AddressSpec.model_fields) - {"labels"}
    delete_lossy = {"an external one": _ANOTHER}
    permissions = {
        "observe": (
            "compute.addresses.get",
            "compute.globalAddresses.get",
            "compute.regionOperations.get",
            "compute.regionOperations.list",
            "compute.globalOperations.get",
            "compute.globalOperations.list",
        ),
        "discover": ("compute.addresses.list", "compute.globalAddresses.list"),
        "create": (
            "compute.addresses.create",
            "compute.addresses.createInternal",
            "compute.addresses.setLabels",
            "compute.globalAddresses.create",
            "compute.globalAddresses.createInternal",
            "compute.globalAddresses.setLabels",
            "compute.networks.use",
            "compute.subnetworks.use",
        ),
        "update": ("compute.addresses.setLabels", "compute.globalAddresses.setLabels"),
        "delete": (
            "compute.addresses.delete",
            "compute.addresses.deleteInternal",
            "compute.globalAddresses.delete",
            "compute.globalAddresses.deleteInternal",
        ),
        "adopt": ("compute.addresses.setLabels", "compute.globalAddresses.setLabels"),
        "disown": ("compute.addresses.setLabels", "compute.globalAddresses.setLabels"),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
db: {kind: gcp.address, spec: {name: db, address_type: INTERNAL, subnetwork: "${app.self_link}", address: 10.0.0.9}}
"""
    trials = {"labels": {"team": "shop"}}

    def place(self, spec: AddressSpec, scope: Scope) -> str:
        return "global" if spec.location == "global" else f"regions/{scope.region}"

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        internal = raw.get("addressType", "EXTERNAL") == "INTERNAL"
        said = {
            "location": "global" if Path.read(raw["selfLink"]).place == "global" else "regional",
            "address_type": "INTERNAL" if internal else "EXTERNAL",
            "subnetwork": bare(raw["subnetwork"]) if "subnetwork" in raw else None,
            "network": bare(raw["network"]) if "network" in raw else None,
            "purpose": raw.get("purpose"),
            "prefix_length": raw.get("prefixLength"),
            "network_tier": None if internal else raw.get("networkTier"),
            "description": raw.get("description", ""),
        }
        said |= {"address": raw.get("address")} if internal else {"address": None}
        status = Status.pending if raw.get("status") == "RESERVING" else Status.ready
        return self.seen(raw, said, {"address": raw.get("address")}, status, f"status {raw.get('status', '')}")

    def body(self, call: Call[AddressSpec]) -> dict[str, Any]:
        wanted = call.wanted
        said = {
            "addressType": wanted.address_type,
            "address": wanted.address,
            "subnetwork": wanted.subnetwork,
            "network": wanted.network,
            "purpose": wanted.purpose,
            "prefixLength": wanted.prefix_length,
            "networkTier": wanted.network_tier,
            "description": wanted.description or None,
        }
        return {name: value for name, value in said.items() if value is not None}

    def delete_label(self, live: Mapping[str, Any]) -> tuple[UndoLabel, str]:
        """Only an internal one can be asked for by its number."""
        if live.get("address_type") == "INTERNAL":
            return UndoLabel.exact, ""
        return UndoLabel.lossy, _ANOTHER

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name in the same place, or at the same number of one network."""
        return super().collides(before, after) or at_one_number(before, after, "address")
