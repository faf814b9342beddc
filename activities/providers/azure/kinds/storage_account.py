"""`azure.storage_account`: an account, encrypted, over TLS only, without keys, and reached by nobody unless it says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import acls, arm, bodies, tags
from activities.providers.azure.acls import NetworkAcls
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.tags import StorageTags
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Output

TYPE = "Microsoft.Storage/storageAccounts"
SERVICES = ("blob", "file", "queue", "table", "dfs", "web")
INFRASTRUCTURE = "require_infrastructure_encryption"
FIRST_TIER = "Hot"  # of whatever has tiers

Redundancy = Literal[
    "Standard_LRS",
    "Standard_ZRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "StandardV2_LRS",
    "StandardV2_ZRS",
    "StandardV2_GRS",
    "StandardV2_GZRS",
    "PremiumV2_LRS",
    "PremiumV2_ZRS",
]


class StorageAccountSpec(Spec):
    """An account for blobs, files, queues and tables. Its name is unique in all of Azure."""

    name: str = Field(
        pattern=r"^[a-z0-9]{3,24}$", description="unique among everybody's accounts: small letters and digits"
    )
    resource_group: str = Field(min_length=1, max_length=90, description=arm.OF_GROUP)
    kind: Literal["StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage"] = Field(
        default="StorageV2", description="what it can hold; StorageV2 holds everything"
    )
    sku: Redundancy = Field(
        default="Standard_LRS", description="how fast it is, and where its copies are; V2: of files"
    )
    access_tier: Literal["Hot", "Cool", "Cold", "Smart", "Premium"] | None = Field(
        default=None, description="of blobs that say nothing else; without one, Hot where there are tiers"
    )
    minimum_tls_version: Literal["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"] = Field(
        default="TLS1_2", description="older ones are refused"
    )
    supports_https_traffic_only: bool = Field(default=True, description="refuse plain HTTP")
    allow_blob_public_access: bool = Field(default=False, description="whether a container may be open to everybody")
    allow_shared_key_access: bool = Field(
        default=False, description="whether its keys open it; else only roles in the directory do"
    )
    allow_cross_tenant_replication: bool = Field(
        default=False, description="whether objects may be replicated into another directory's accounts"
    )
    public_network_access: Literal["Enabled", "Disabled", "SecuredByPerimeter"] = Field(
        default="Enabled", description="whether it is reached at all without a private endpoint; then see network_acls"
    )
    network_acls: NetworkAcls = Field(default_factory=NetworkAcls, description=acls.ABOUT)
    is_hns_enabled: bool = Field(default=False, description="directories, as Data Lake has them")
    require_infrastructure_encryption: bool = Field(
        default=False, description="encrypt a second time, below the service, with another key"
    )
    tags: StorageTags = Field(default_factory=dict, description=tags.ABOUT)


class StorageAccount(ArmKind[StorageAccountSpec]):
    """Everything is said in the PUT that makes it, so it is closed from its first moment.

    That PUT is answered with 202 and a Location, never with 201, and takes no condition: see `arm`. Another
    subscription's account of the same name is refused by Azure (`StorageAccountAlreadyTaken`), also if it is nobody's
    that we can see.
    """

    kind = "azure.storage_account"
    spec = StorageAccountSpec
    safety_note, noted = arm.NOTED, True
    outputs = arm.outputs(
        **{
            f"{service}_endpoint": Output(f"the URL of its {service} service; none where it has no such service")
            for service in SERVICES
        }
    )
    immutable = frozenset({"name", "resource_group", "kind", "is_hns_enabled", INFRASTRUCTURE})
    holds_data = True
    delete_undo = UndoLabel.irreversible
    delete_note = "everything in it"
    permissions = arm.granted(TYPE, create=(acls.JOIN,), update=(acls.JOIN,))
    settle_within = {
        Verb.create: timedelta(minutes=15),
        Verb.update: timedelta(minutes=15),
        Verb.delete: timedelta(minutes=15),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
files: {kind: azure.storage_account, spec: {name: shopfiles0, resource_group: "${shop.name}"}}
"""
    trials = {
        "sku": "Standard_GRS",
        "access_tier": "Cool",
        "minimum_tls_version": "TLS1_3",
        "supports_https_traffic_only": False,
        "allow_blob_public_access": True,
        "allow_shared_key_access": True,
        "allow_cross_tenant_replication": True,
        "public_network_access": "Disabled",
        "network_acls": {"ip_rules": ["203.0.113.7", "198.51.100.0/24"], "bypass": ["Metrics", "Logging"]},
        "tags": {"team": "shop"},
    }

    service, arm_type, patches = "storage", TYPE, True
    wholes = frozenset({acls.FIELD})
    places = {
        "kind": "kind",
        "sku": "sku.name",
        "access_tier": "properties.accessTier",
        "minimum_tls_version": "properties.minimumTlsVersion",
        "supports_https_traffic_only": "properties.supportsHttpsTrafficOnly",
        "allow_blob_public_access": "properties.allowBlobPublicAccess",
        "allow_shared_key_access": "properties.allowSharedKeyAccess",
        "allow_cross_tenant_replication": "properties.allowCrossTenantReplication",
        "public_network_access": "properties.publicNetworkAccess",
        acls.FIELD: acls.PLACE,
        "is_hns_enabled": "properties.isHnsEnabled",
        INFRASTRUCTURE: "properties.encryption.requireInfrastructureEncryption",
    }
    # Accounts that were made before a property was, or without a word of it, are open.
    # Source: Storage REST, "Storage Accounts - Get Properties", each property's description.
    unsaid = {
        "minimum_tls_version": "TLS1_0",
        "supports_https_traffic_only": False,
        "allow_blob_public_access": True,
        "allow_shared_key_access": True,
        "allow_cross_tenant_replication": True,
        "public_network_access": "Enabled",
        "is_hns_enabled": False,
        INFRASTRUCTURE: False,
    }

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return super().shown(raw) | {acls.FIELD: acls.seen(bodies.at(raw, acls.PLACE))}

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {f"{s}_endpoint": bodies.at(raw, f"properties.primaryEndpoints.{s}") for s in SERVICES}

    def write(self, body: dict[str, Any], field: str, value: Any) -> None:
        match field:
            case acls.FIELD:
                bodies.put(body, acls.PLACE, acls.written(value))
            case "require_infrastructure_encryption" if not value:
                return  # as it is without a word
            case "require_infrastructure_encryption":
                bodies.put(body, "properties.encryption", _encrypted_twice())
            case _:
                super().write(body, field, value)

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        """Of a tier, Azure takes no null for its own choice."""
        if field == "access_tier":
            self.write(body, field, FIRST_TIER)
        else:
            super().withdraw(body, field)

    def _write_all(
        self, body: dict[str, Any], call: Call[StorageAccountSpec], fields: set[str], stands: Mapping[str, Any]
    ) -> None:
        super()._write_all(body, call, fields - {acls.FIELD}, stands)
        if acls.FIELD in fields:
            wanted, now = call.wanted.plain()[acls.FIELD], bodies.at(stands, acls.PLACE)
            bodies.put(body, acls.PLACE, acls.changed(call.changes, wanted, now))

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        form = super().canonical(properties)
        return form | {acls.FIELD: acls.form(form[acls.FIELD])} if acls.FIELD in form else form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, in whichever group: it is unique in all of Azure."""
        return bool(before.get("name") == after.get("name"))


def _encrypted_twice() -> dict[str, Any]:
    """Source: Azure Storage, "Enable infrastructure encryption for double encryption of data"."""
    service = {"enabled": True, "keyType": "Account"}
    return {
        "services": {"blob": service, "file": service},
        "keySource": "Microsoft.Storage",
        "requireInfrastructureEncryption": True,
    }
