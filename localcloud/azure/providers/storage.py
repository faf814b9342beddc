"""Microsoft.Storage. Sources: "Storage Accounts - Create" in Azure's REST reference, and recordings."""

from __future__ import annotations

import re
from typing import Any

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind, Style
from localcloud.azure.trees import dig

NAME = re.compile(r"[a-z0-9]{3,24}")
PAIRED = {
    "westeurope": "northeurope",
    "northeurope": "westeurope",
    "eastus": "westus",
    "southcentralus": "northcentralus",
}
SERVICES = {
    "Storage": ("blob", "queue", "table", "file"),
    "StorageV2": ("dfs", "web", "blob", "queue", "table", "file"),
    "BlobStorage": ("dfs", "blob", "table"),
    "BlockBlobStorage": ("dfs", "web", "blob"),
    "FileStorage": ("file",),
}


def _check(case: Case) -> None:
    new, old = case.new, case.old
    if not NAME.fullmatch(new.name):
        message = (
            f"{new.name} is not a valid storage account name. Storage account name must be between 3 and 24 characters"
        )
        raise No("AccountNameInvalid", f"{message} in length and use numbers and lower-case letters only.", 400)
    if not (new.body.get("sku") or {}).get("name"):
        raise No("InvalidRequestPropertyValue", "The value of the property 'sku.name' is missing.", 400)
    if new.body["kind"] not in SERVICES:
        raise No("InvalidValuesForRequestParameters", "Values for request parameters are invalid: kind.", 400)
    for once in ("isHnsEnabled", "encryption.requireInfrastructureEncryption"):
        now = dig(new.properties, once)
        was = dig(old.properties, once) if old is not None else now
        if now is not None and bool(was) != bool(now):
            message = f"The property '{once.rpartition('.')[2]}' was specified in the input, but it cannot be updated."
            raise No("PropertyImmutable", message, 409)


def _compute(case: Case) -> None:
    new, old, said = case.new, case.old, case.new.properties
    sku, name, moment = new.body["sku"], new.name, case.store.now.isoformat()
    sku["tier"] = sku["name"].partition("_")[0]
    said["creationTime"] = old.properties["creationTime"] if old else moment
    said["keyCreationTime"] = old.properties["keyCreationTime"] if old else {"key1": moment, "key2": moment}
    for service in said["encryption"]["services"].values():
        service.setdefault("lastEnabledTime", said["creationTime"])
        service.setdefault("keyType", "Account")
    services = SERVICES[new.body["kind"]]
    if sku["tier"] == "Premium" and new.body["kind"] in {"Storage", "StorageV2"}:
        services = ("blob",) if new.body["kind"] == "Storage" else ("web", "blob")
    said["primaryEndpoints"] = _endpoints(name, services)
    said |= {"primaryLocation": new.body["location"], "statusOfPrimary": "available"}
    if "GRS" in sku["name"] or "GZRS" in sku["name"]:
        said["secondaryLocation"] = PAIRED.get(new.body["location"], new.body["location"])
        said["statusOfSecondary"] = "available"
        if sku["name"].startswith("Standard_RA"):
            said["secondaryEndpoints"] = _endpoints(f"{name}-secondary", [s for s in services if s != "file"])
    if new.body["kind"] in {"StorageV2", "BlobStorage"}:
        said.setdefault("accessTier", "Hot")


def _endpoints(name: str, services: Any) -> Body:
    zone = {"web": "z6.web"}
    return {s: f"https://{name}.{zone.get(s, s)}.core.windows.net/" for s in services}


def _keys(case: Case) -> Body:
    names = case.new.properties["keyCreationTime"]
    return {"keys": [{"keyName": n, "value": "bG9jYWw=", "permissions": "FULL"} for n in names]}


SERVICE = {"enabled": True, "keyType": "Account"}

KINDS: tuple[Kind, ...] = (
    Kind(
        provider="Microsoft.Storage",
        path="storageAccounts",
        versions=("2015-06-15", "2026-12-31"),
        create=Style.location,
        seconds=18,
        authors=True,
        working=("Creating", "Succeeded"),
        holds=False,
        taken="StorageAccountAlreadyTaken",
        busy="StorageAccountOperationInProgress",
        over=("MaxStorageAccountsCountPerSubscriptionExceeded", 409),
        defaults={
            "kind": "StorageV2",
            "tags": {},
            "properties": {
                "networkAcls": {
                    "bypass": "AzureServices",
                    "virtualNetworkRules": [],
                    "ipRules": [],
                    "defaultAction": "Allow",
                },
                "privateEndpointConnections": [],
                "allowCrossTenantReplication": False,
                "allowBlobPublicAccess": False,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": True,
                "encryption": {"services": {"file": SERVICE, "blob": SERVICE}, "keySource": "Microsoft.Storage"},
            },
        },
        computed=(
            "sku.tier",
            *(
                f"properties.{p}"
                for p in (
                    "creationTime",
                    "keyCreationTime",
                    "primaryEndpoints",
                    "primaryLocation",
                    "statusOfPrimary",
                    "secondaryEndpoints",
                    "secondaryLocation",
                    "statusOfSecondary",
                    "privateEndpointConnections",
                )
            ),
        ),
        fixed=("kind",),
        actions=("listKeys",),
        views=("listKeys",),
        check=_check,
        compute=_compute,
        view=_keys,
    ),
)
