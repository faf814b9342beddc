"""What ARM answers beside its resources: subscriptions, providers, operations, all resources, tags of anything."""

from __future__ import annotations

import copy
import re

from localcloud.azure import listing, operations
from localcloud.azure import tags as rules
from localcloud.azure.answers import No, said
from localcloud.azure.paths import Target
from localcloud.azure.providers import authorization, keyvault, machines, msi
from localcloud.azure.store import Store, absent
from localcloud.azure.table import KINDS
from localcloud.azure.verbs import Call
from localcloud.core.asked import Answer

SUBSCRIPTION = re.compile(r"/subscriptions(?:/([^/]+))?", re.IGNORECASE)
OPERATION = re.compile(
    r"/subscriptions/[^/]+/(?:providers/[^/]+/locations/[^/]+/)?(operations|operationresults)/([^/]+)", re.IGNORECASE
)
ALL = re.compile(r"/subscriptions/[^/]+(?:/resourcegroups/([^/]+))?/resources", re.IGNORECASE)
PROVIDER = re.compile(r"/subscriptions/[^/]+/providers(?:/([^/]+)(/register)?)?", re.IGNORECASE)
TAGS = re.compile(r"(.+)/providers/Microsoft\.Resources/tags/default", re.IGNORECASE)
NAME_FREE = re.compile(
    r"/subscriptions/[^/]+/providers/(Microsoft\.Storage|Microsoft\.KeyVault)/checkNameAvailability", re.IGNORECASE
)
IMAGES = re.compile(
    r"/subscriptions/([^/]+)/providers/Microsoft\.Compute/locations/([^/]+)/publishers/([^/]+)/artifacttypes/vmimage/"
    r"offers/([^/]+)/skus/([^/]+)/versions(?:/([^/]+))?",
    re.IGNORECASE,
)
UNIQUE = {"microsoft.storage": "Microsoft.Storage/storageAccounts", "microsoft.keyvault": "Microsoft.KeyVault/vaults"}


def only_asks(target: Target) -> bool:
    """Whether a POST there changes nothing."""
    return target.path.lower().endswith(("/checknameavailability", "/register"))


def answer(store: Store, call: Call, method: str) -> Answer | None:
    """The answer, or None when a path is not one of these."""
    path = call.target.path.rstrip("/")
    if (read := OPERATION.fullmatch(path)) and method == "GET":
        return operations.look(store, read[2], result=read[1].lower() == "operationresults")
    if (read := ALL.fullmatch(path)) and method == "GET":
        group = read[1] or ""
        if group:
            store.in_group(call.target)
        return listing.everything(store, call, group)
    if (read := SUBSCRIPTION.fullmatch(path)) and method == "GET":
        return said(200, _subscription(read[1])) if read[1] else said(200, {"value": _subscriptions(store)})
    if (read := TAGS.fullmatch(path)) and method in {"GET", "PUT", "PATCH", "DELETE"}:
        return _tags(store, call, method, read[1])
    if (read := NAME_FREE.fullmatch(path)) and method == "POST":
        return _name_free(store, UNIQUE[read[1].lower()], str(call.body.get("name", "")))
    if (read := IMAGES.fullmatch(path)) and method == "GET":
        return _images(call, read[2], read[6] or "")
    if (read := PROVIDER.fullmatch(path)) and method in {"GET", "POST"}:
        return _provider(store, call, read[1] or "")
    return keyvault.deleted(store, call, method) or authorization.definitions(call, method)


def _subscription(which: str) -> dict[str, object]:
    return {
        "id": f"/subscriptions/{which}",
        "subscriptionId": which,
        "tenantId": msi.TENANT,
        "displayName": "local",
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"spendingLimit": "Off"},
    }


def _subscriptions(store: Store) -> list[dict[str, object]]:
    return [_subscription(s) for s in dict.fromkeys(r.subscription for r in store.resources.values())]


def _provider(store: Store, call: Call, name: str) -> Answer:
    names = dict.fromkeys(k.provider for k in KINDS.values() if name.lower() in {"", k.provider.lower()})
    if name and not names:
        raise No("InvalidResourceNamespace", f"The resource namespace '{name}' is invalid.", 404)
    shown = [
        {
            "id": f"/subscriptions/{call.target.subscription}/providers/{one}",
            "namespace": one,
            "registrationState": "Registered",
            "resourceTypes": [
                {"resourceType": k.path, "apiVersions": list(reversed(k.versions))}
                for k in KINDS.values()
                if k.provider == one
            ],
        }
        for one in names
    ]
    return said(200, shown[0]) if name else listing.page(store, call, shown)


def _images(call: Call, location: str, version: str) -> Answer:
    """The versions of an image, newest last, or one of them."""
    base = call.target.path.rstrip("/").removesuffix(f"/{version}" if version else "")
    shown = [{"id": f"{base}/{v}", "name": v, "location": location} for v in machines.IMAGES if version in {"", v}]
    if not version:
        top = call.query.get("$top", "")
        newest = "desc" in call.query.get("$orderby", "")
        listed = list(reversed(shown)) if newest else shown
        return said(200, listed[: int(top)] if top.isdigit() else listed)
    if not shown:
        raise No("PlatformImageNotFound", f"The platform image version '{version}' is not available.", 404)
    disk = {"operatingSystem": "Windows" if "windows" in base.lower() else "Linux"}
    return said(200, shown[0] | {"properties": {"osDiskImage": disk, "hyperVGeneration": "V2", "architecture": "x64"}})


def _tags(store: Store, call: Call, method: str, scope: str) -> Answer:
    """The tags of a resource or a group, all or some, without the rest of it."""
    one = store.get(scope)
    if one is None:
        raise absent(call.target)
    tags, given = dict(one.body.get("tags") or {}), (call.body.get("properties") or {}).get("tags") or {}
    match method, str(call.body.get("operation", "Replace")).lower():
        case "GET", _:
            pass
        case "DELETE", _:
            tags = {}
        case "PATCH", "merge":
            tags |= given
        case "PATCH", "delete":
            tags = {k: v for k, v in tags.items() if given.get(k) != v}
        case _:
            tags = dict(given)
    if method != "GET":
        rules.check(tags, one.type)
        one.body["tags"], one.changed, one.etag = copy.deepcopy(tags), store.now, store.new_etag()
        one.changed_by = call.caller
    if method == "DELETE":
        return said(200)
    body = {"id": f"{one.id}/providers/Microsoft.Resources/tags/default", "name": "default"}
    return said(200, body | {"type": "Microsoft.Resources/tags", "properties": {"tags": tags}})


def _name_free(store: Store, type_: str, name: str) -> Answer:
    held = any(r.type == type_ and r.name.lower() == name.lower() for r in store.resources.values())
    held = held or (type_.endswith("/vaults") and name.lower() in store.deleted)
    body: dict[str, object] = {"nameAvailable": not held}
    return said(
        200, body | ({"reason": "AlreadyExists", "message": f"The name {name} is already taken."} if held else {})
    )
