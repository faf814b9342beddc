"""Microsoft.KeyVault. A deleted vault keeps its name until it is purged, and can be recovered until then.

Sources: "Vaults - Create Or Update", "Vaults - Purge Deleted" in Azure's REST reference; "Azure Key Vault soft-delete";
Azure/azure-rest-api-specs, issue 21306, of what a recovered vault is.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body, Case, Kind
from localcloud.core.asked import Answer

if TYPE_CHECKING:
    from localcloud.azure.store import Resource, Store
    from localcloud.azure.verbs import Call

NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]")
DELETED = re.compile(
    r"/subscriptions/([^/]+)/providers/Microsoft\.KeyVault/"
    r"(?:deletedVaults|locations/([^/]+)/deletedVaults/([^/]+)(/purge)?)",
    re.IGNORECASE,
)


def _check(case: Case) -> None:
    new, held = case.new, case.store.deleted.get(case.new.name.lower())
    if held is not None and _over(case.store, held):
        held = None
    if not NAME.fullmatch(new.name):
        raise No("VaultNameNotValid", f"The vault name '{new.name}' is invalid.", 400)
    recover = new.properties.get("createMode") == "recover"
    if recover and held is None and case.old is None:
        raise No("ResourceNotFound", f"There is no deleted vault {new.name} to recover.", 404)
    if held is not None and not recover:
        raise No(
            "ConflictError",
            f"A vault with the same name already exists in deleted state. You need to either recover or purge existing "
            f"key vault {new.name}.",
            409,
        )
    if not recover:
        for wanted in ("tenantId", "sku"):
            if not new.properties.get(wanted):
                raise No("BadRequest", f"The parameter '{wanted}' is required.", 400)
    was = case.old.properties if case.old else {}
    if new.properties.get("enablePurgeProtection") is False:
        message = (
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault '
        )
        raise No("BadRequest", f"{message}is an irreversible action.", 400)
    if was.get("enableSoftDelete") and new.properties.get("enableSoftDelete") is False:
        raise No("BadRequest", 'The property "enableSoftDelete" cannot be set to false once it was true.', 400)
    days = "softDeleteRetentionInDays"
    if days in was and new.properties.get(days, was[days]) != was[days]:
        raise No("BadRequest", f'The property "{days}" has been set already and it can\'t be modified.', 400)


def _compute(case: Case) -> None:
    new = case.new
    recover = new.properties.pop("createMode", "") == "recover"
    held = case.store.deleted.pop(new.name.lower(), None) if recover else None
    if held is not None:
        new.body = held.body  # as it was, whatever else is said
        new.created = held.created
    new.properties["vaultUri"] = f"https://{new.name.lower()}.vault.azure.net/"
    if case.old is not None:  # said once, they stay
        for kept in ("enablePurgeProtection", "tenantId"):
            if kept in case.old.properties:
                new.properties.setdefault(kept, case.old.properties[kept])


def _gone(case: Case) -> None:
    case.store.deleted[case.new.name.lower()] = case.new
    case.new.changed = case.store.now


def deleted(store: Store, call: Call, method: str) -> Answer | None:
    """Lists, shows and purges deleted vaults; None for any other path."""
    read = DELETED.fullmatch(call.target.path)
    if read is None:
        return None
    mine = [
        v for v in list(store.deleted.values()) if v.subscription.lower() == read[1].lower() and not _over(store, v)
    ]
    if read[2] is None:
        return said(200, {"value": [_shown(v) for v in mine]})
    for vault in mine:
        if vault.name.lower() != read[3].lower() or vault.body["location"] != read[2].lower():
            continue
        if method == "GET" and not read[4]:
            return said(200, _shown(vault))
        if method == "POST" and read[4]:
            if vault.properties.get("enablePurgeProtection"):
                raise No("MethodNotAllowed", f'Operation "purge" is not allowed on vault {vault.name}.', 409)
            del store.deleted[vault.name.lower()]
            return said(200)
    raise No("DeletedVaultNotFound", f"The specified deleted vault '{read[3]}' does not exist.", 404)


def _over(store: Store, vault: Resource) -> bool:
    """Purged by itself, when its days were over."""
    over = vault.changed + timedelta(days=int(vault.properties.get("softDeleteRetentionInDays", 90))) <= store.now
    if over:
        store.deleted.pop(vault.name.lower(), None)
    return over


def _shown(vault: Resource) -> Body:
    place = f"/subscriptions/{vault.subscription}/providers/Microsoft.KeyVault/locations/{vault.body['location']}"
    days = int(vault.properties.get("softDeleteRetentionInDays", 90))
    return {
        "id": f"{place}/deletedVaults/{vault.name}",
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": {
            "vaultId": vault.id,
            "location": vault.body["location"],
            "tags": vault.body.get("tags") or {},
            "deletionDate": vault.changed.isoformat(),
            "scheduledPurgeDate": (vault.changed + timedelta(days=days)).isoformat(),
            "purgeProtectionEnabled": bool(vault.properties.get("enablePurgeProtection")),
        },
    }


KINDS: tuple[Kind, ...] = (
    Kind(
        provider="Microsoft.KeyVault",
        path="vaults",
        versions=("2015-06-01", "2026-12-31"),
        holds=False,
        taken="VaultAlreadyExists",
        over=("VaultQuotaExceeded", 409),
        defaults={
            "properties": {
                "accessPolicies": [],
                "enabledForDeployment": False,
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 90,
                "enableRbacAuthorization": False,
                "publicNetworkAccess": "Enabled",
            }
        },
        computed=("properties.vaultUri",),
        check=_check,
        compute=_compute,
        authors=True,
        gone=_gone,
    ),
)
