"""The local Azure answers as the recorded one did.

What can be written of each recorded resource is put again, and what comes back is held against the recording.
"""

from __future__ import annotations

import copy
import http.client
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.localcloud.azure_parts import LocalAzure, quick

FIXTURES = os.environ.get("HOLDFAST_FIXTURES", "")
SERVED = (
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Compute/disks",
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
)
# What the cloud decides. It is not put, and its values are its own; that it is there, and of which type, is compared.
COMPUTED = {
    *("etag", "provisioningState", "resourceGuid", "uniqueId", "vmId", "timeCreated", "LastOwnershipUpdateTime"),
    *("diskState", "diskIOPSReadWrite", "diskMBpsReadWrite", "diskSizeBytes", "managedBy", "exactVersion", "tier"),
    *("creationTime", "keyCreationTime", "lastEnabledTime", "primaryEndpoints", "secondaryEndpoints", "instanceView"),
    *("primaryLocation", "secondaryLocation", "statusOfPrimary", "statusOfSecondary", "keyType", "resources"),
    *("principalId", "tenantId", "clientId", "ipAddress", "macAddress", "vaultUri", "systemData", "fqdn"),
    *("internalDomainNameSuffix", "privateEndpointConnections", "defaultSecurityRules"),
}
# What others make true by referring to it.
BACK = {"subnets": "networkSecurityGroups", "networkInterfaces": "networkSecurityGroups", "ipConfigurations": "subnets"}
BACK |= {"virtualMachine": "networkInterfaces", "ipConfiguration": "publicIPAddresses"}
ELSEWHERE = {
    "ipConfigurations",
    "virtualMachine",
    "ipConfiguration",
    "backendIPConfigurations",
    "primary",
    "macAddress",
}


@dataclass(frozen=True)
class Recorded:
    """A resource as an answer had it, and the API version of that answer."""

    file: str
    version: str
    body: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def type(self) -> str:
        return next((s for s in SERVED if s.lower() == str(self.body.get("type")).lower()), "")


def recordings() -> Iterator[Recorded]:
    seen = set()
    for file in sorted(Path(FIXTURES, "azure").glob("*.json")) if FIXTURES else ():
        for one in json.loads(file.read_text())["interactions"]:
            version = parse_qs(urlsplit(one["request"]["uri"]).query).get("api-version", [""])[0]
            said = one["response"]["body"]
            try:
                body = said["data"] if "data" in said else json.loads(said["string"])
            except (ValueError, KeyError, TypeError):
                continue
            if not isinstance(body, dict):
                continue
            for item in body.get("value", [body]):
                if not isinstance(item, dict) or not str(item.get("id", "")).startswith("/subscriptions/"):
                    continue
                found = Recorded(file.stem, version, item)
                text = json.dumps(item, sort_keys=True)
                if found.type and "properties" in item and text not in seen:
                    seen.add(text)
                    yield found


@dataclass(frozen=True)
class Wire:
    """Plain requests, as no SDK would send them twice in the same way."""

    azure: LocalAzure
    version: str

    def ask(self, method: str, path: str, body: Any = None, version: str = "", more: str = "") -> Any:
        wire = http.client.HTTPConnection("127.0.0.1", self.azure.port, timeout=20)
        try:
            text = None if body is None else json.dumps(body)
            wire.request(method, f"{quote(path)}?api-version={version or self.version}{more}", text)
            answer = wire.getresponse()
            said = answer.read()
            assert answer.status < 400, f"{method} {path}: {answer.status} {said.decode()}"
            return json.loads(said) if said else None
        finally:
            wire.close()

    def there(self, one: str) -> bool:
        try:
            self.ask("GET", one, version=NOW)
        except AssertionError:
            return False
        return True


NOW = "2024-05-01"
PLACE = re.compile(
    r"(/subscriptions/[^/]+/resourceGroups/[^/]+)/providers/([^/]+/[^/]+)/([^/]+)(?:/([^/]+)/([^/]+))?", re.IGNORECASE
)


def stub(wire: Wire, one: str, where: str, **more: Any) -> None:
    """Something must stand under an id: the least that can."""
    read = PLACE.match(one)
    if read is None or wire.there(one):
        return
    group, type_, name, inner, _ = read.groups()
    wire.ask("PUT", group, {"location": where}, NOW)
    base = f"{group}/providers/{type_}/{name}"
    properties: dict[str, Any] = {}
    body: dict[str, Any] = {"location": where, "properties": properties}
    match type_.lower():
        case "microsoft.network/virtualnetworks":
            if not wire.there(base):
                properties["addressSpace"] = {"addressPrefixes": ["10.0.0.0/8"]}
                wire.ask("PUT", base, body, NOW)
            if inner:
                known = wire.ask("GET", base, version=NOW)["properties"]["subnets"]
                wire.ask("PUT", one, {"properties": {"addressPrefix": f"10.{len(known)}.0.0/16", **more}}, NOW)
            return
        case "microsoft.network/networkinterfaces":
            subnet = f"{group}/providers/Microsoft.Network/virtualNetworks/stub/subnets/stub"
            stub(wire, subnet, where)
            properties |= {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": subnet}}}], **more}
        case "microsoft.network/loadbalancers":
            properties |= {"backendAddressPools": [{"name": one.rpartition("/")[2]}]}
        case "microsoft.compute/disks":
            properties |= {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}
        case "microsoft.compute/virtualmachines":
            nic = f"{group}/providers/Microsoft.Network/networkInterfaces/stub-{name}"
            stub(wire, nic, where)
            properties |= {"hardwareProfile": {"vmSize": "Standard_B1s"}, "storageProfile": more["profile"]}
            properties |= {"networkProfile": {"networkInterfaces": [{"id": nic}]}}
        case "microsoft.storage/storageaccounts":
            body |= {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        case _:
            properties |= more
    wire.ask("PUT", base, body, NOW)


def writable(value: Any, key: str = "") -> Any:
    """What of a recording one would write oneself."""
    if isinstance(value, list):
        return [writable(v, key) for v in value]
    if not isinstance(value, dict):
        return value
    named = "name" in value and "properties" in value
    dropped = COMPUTED | ({"id", "type"} if named else set())
    if "principalId" not in value:  # a vault's tenant is its owner's choice, an identity's is not
        dropped = dropped - {"tenantId"}
    made = {k: writable(v, k) for k, v in value.items() if k not in dropped}
    if str(value.get("createOption")) in {"FromImage", "Empty"} and "managedDisk" in made:
        made["managedDisk"].pop("id", None)
    return made


def referred(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from referred(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "id" and isinstance(item, str):
                yield item
            elif key == "userAssignedIdentities":
                yield from item
            else:
                yield from referred(item)


def differences(ours: Any, theirs: Any, at: str = "", key: str = "") -> Iterator[str]:
    """Where an answer of ours has less than the recording, or other values where the caller chose them."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            yield f"{at}: {ours!r} is no object"
            return
        for name, value in theirs.items():
            if name in ELSEWHERE:
                continue
            if name not in ours:
                yield f"{at}.{name} is missing"
            else:
                loose = key if key in COMPUTED else name
                yield from differences(ours[name], value, f"{at}.{name}", loose)
    elif isinstance(theirs, list):
        if not isinstance(ours, list):
            yield f"{at}: {ours!r} is no list"
        elif len(ours) != len(theirs) and key not in COMPUTED:
            yield f"{at}: {len(ours)} instead of {len(theirs)}"
        else:
            for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
                yield from differences(one, other, f"{at}[{number}]", key)
    elif type(ours) is not type(theirs) or (key not in COMPUTED | {"id"} and ours != theirs):
        yield f"{at}: {ours!r} instead of {theirs!r}"


def surround(wire: Wire, one: Recorded, body: dict[str, Any], where: str) -> None:
    """Let everything stand that it refers to."""
    for to in referred({k: v for k, v in body.items() if k in {"properties", "identity"}}):
        if not to.lower().startswith(one.id.lower()):
            stub(wire, to, where)


def look_back(wire: Wire, one: Recorded, where: str) -> None:
    """Let everything stand that refers to it."""
    said = one.body["properties"]
    if one.type.endswith("/networkSecurityGroups"):
        for to in referred([said.get("subnets"), said.get("networkInterfaces")]):
            stub(wire, to, where, networkSecurityGroup={"id": one.id})
    if one.type.endswith("/disks") and "managedBy" in one.body:
        disk: dict[str, Any] = {"createOption": "Attach", "managedDisk": {"id": one.id}}
        main = disk | {"osType": said.get("osType", "Linux")}
        other = {"osDisk": {"createOption": "FromImage"}, "dataDisks": [disk | {"lun": 0}]}
        stub(wire, one.body["managedBy"], where, profile={"osDisk": main} if "osType" in said else other)
    for inner in one.body.get("resources") or []:
        least = {"location": where, "properties": {"publisher": "p", "type": "t", "typeHandlerVersion": "1.0"}}
        wire.ask("PUT", inner["id"], writable(inner) if "properties" in inner else least, NOW)


@pytest.mark.fixtures
@pytest.mark.skipif(not FIXTURES, reason="HOLDFAST_FIXTURES names no directory")
@pytest.mark.parametrize("one", list(recordings()), ids=lambda r: f"{r.file}-{r.body.get('name')}")
def test_recorded(azure: LocalAzure, one: Recorded) -> None:
    """A recorded resource, put again, comes back with the same fields, and with the values that its owner chose."""
    quick(azure)
    wire = Wire(azure, one.version)
    body, where = writable(copy.deepcopy(one.body)), one.body["location"]
    for outer in ("id", "name", "type"):
        body.pop(outer, None)
    for back in BACK:
        if BACK[back] == one.type.rpartition("/")[2]:
            body["properties"].pop(back, None)
    read = PLACE.match(one.id)
    assert read is not None
    wire.ask("PUT", read[1], {"location": where}, NOW)
    surround(wire, one, body, where)
    wire.ask("PUT", one.id, body)
    look_back(wire, one, where)
    shown = wire.ask("GET", one.id, more="&$expand=instanceView" if "instanceView" in one.body["properties"] else "")
    assert list(differences(shown, one.body)) == []
