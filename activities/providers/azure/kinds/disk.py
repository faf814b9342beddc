"""`azure.disk`: a managed disk, encrypted, that nobody downloads over the network unless the document says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import arm, authors, bodies, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.door import Answer
from activities.providers.azure.tags import Tags
from holdfast.errors import NotFound
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Output

SOURCE, OPTION = "properties.creationData.sourceResourceId", "properties.creationData.createOption"
KEY, KEY_TYPE = "properties.encryption.diskEncryptionSetId", "properties.encryption.type"


class DiskSpec(Spec):
    """A disk. Azure encrypts it with its own keys, or with one of yours."""

    name: str = Field(min_length=1, max_length=80, pattern=r"^\w[\w.-]*$", description="unique in its resource group")
    resource_group: str = Field(description=arm.OF_GROUP)
    disk_size_gb: int = Field(ge=1, le=65_536, description="GiB; it grows, and never shrinks")
    sku: Literal[
        "Standard_LRS",
        "StandardSSD_LRS",
        "StandardSSD_ZRS",
        "Premium_LRS",
        "Premium_ZRS",
        "PremiumV2_LRS",
        "UltraSSD_LRS",
    ] = Field(default="StandardSSD_LRS", description="how it is built and copied, and so how fast it is")
    zone: Literal["1", "2", "3"] | None = Field(
        default=None, description="the zone it is in, which a machine that uses it must be in too; without, none"
    )
    source: str | None = Field(default=None, description="the id of the disk or snapshot that it is a copy of")
    disk_encryption_set: str | None = Field(
        default=None, description="the id of the set whose key encrypts it; without, Azure's own keys do"
    )
    network_access_policy: Literal["DenyAll", "AllowAll"] = Field(
        default="DenyAll", description="whether it may be exported by a link; DenyAll: by nobody"
    )
    public_network_access: Literal["Disabled", "Enabled"] = Field(
        default="Disabled", description="whether such a link may be used from the Internet"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class Disk(ArmKind[DiskSpec]):
    """Its PATCH writes single fields. Azure changes some of them only while its machine is deallocated, and says so."""

    kind = "azure.disk"
    spec = DiskSpec
    safety_note, noted = arm.NOTED, True
    outputs = arm.outputs(disk_size_gb=Output("GiB", stable=False))
    immutable = frozenset({"name", "resource_group", "zone", "source", "disk_encryption_set"})
    kept_in_use = arm.ANOTHER_NAME
    one_way = {"disk_size_gb": "a disk does not shrink"}
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on it"
    permissions = arm.granted(
        "Microsoft.Compute/disks",
        create=(
            "Microsoft.Compute/disks/beginGetAccess/action",  # to copy one
            "Microsoft.Compute/snapshots/beginGetAccess/action",
            "Microsoft.Compute/diskEncryptionSets/read",
        ),
    )
    settle_within = {
        Verb.create: timedelta(minutes=20),
        Verb.update: timedelta(minutes=20),
        Verb.delete: timedelta(minutes=20),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
files: {kind: azure.disk, spec: {name: files, resource_group: "${shop.name}", disk_size_gb: 20}}
"""
    trials = {
        "disk_size_gb": 40,
        "sku": "Premium_LRS",
        "network_access_policy": "AllowAll",
        "public_network_access": "Enabled",
        "tags": {"team": "shop"},
    }

    service, arm_type, patches = "compute", "Microsoft.Compute/disks", True
    places = {
        "disk_size_gb": "properties.diskSizeGB",
        "sku": "sku.name",
        "zone": "zones.0",
        "source": SOURCE,
        "disk_encryption_set": KEY,
        "network_access_policy": "properties.networkAccessPolicy",
        "public_network_access": "properties.publicNetworkAccess",
    }
    # As old ones are, which Azure says nothing of. Source: REST, "Disks: Get".
    unsaid = {"network_access_policy": "AllowAll", "public_network_access": "Enabled"}
    references = frozenset({"source", "disk_encryption_set"})

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {"disk_size_gb": bodies.at(raw, self.places["disk_size_gb"])}

    def stood(self, call: Call[DiskSpec], answer: Answer) -> bool:
        """By who made it, where the answer or one look says so: the last to write to it were we, a moment ago."""
        try:
            return authors.differ(answer.body if authors.noted(answer.body) else self.read(call, call.id))
        except NotFound:  # too young to show
            return False

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        if field == "zone":
            body["zones"] = [value]
            return
        super().write(body, field, value)
        if field == "disk_encryption_set":
            bodies.put(body, KEY_TYPE, "EncryptionAtRestWithCustomerKey")

    def body(self, call: Call[DiskSpec]) -> dict[str, Any]:
        whole = super().body(call)
        bodies.put(whole, OPTION, "Copy" if call.wanted.source else "Empty")
        return whole
