"""Microsoft.Network. Sources: its REST reference ("Virtual Networks - Create Or Update" and so on), and recordings."""

from __future__ import annotations

import ipaddress
from typing import Any

from localcloud.azure.answers import No
from localcloud.azure.kind import Case, Kind, Part, Style
from localcloud.azure.providers import addresses
from localcloud.azure.trees import dig, fill

PROVIDER = "Microsoft.Network"
VERSIONS = ("2015-06-15", "2026-12-31")
RESERVED = 4  # the first address that is anyone's: Azure keeps those before it, and the last
RULE: dict[str, Any] = {
    "sourcePortRanges": [],
    "destinationPortRanges": [],
    "sourceAddressPrefixes": [],
    "destinationAddressPrefixes": [],
}
_STANDARD = (
    ("AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", "VirtualNetwork", "VirtualNetwork", 65000),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer",
        "*",
        65001,
    ),
    ("DenyAllInBound", "Deny all inbound traffic", "*", "*", 65500),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        65000,
    ),
    ("AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet", "*", "Internet", 65001),
    ("DenyAllOutBound", "Deny all outbound traffic", "*", "*", 65500),
)


def _guid(case: Case) -> None:
    store, new, old = case.store, case.new, case.old
    new.properties["resourceGuid"] = old.properties["resourceGuid"] if old else store.uuid()


def _compute_network(case: Case) -> None:
    _guid(case)
    for subnet in case.new.properties["subnets"]:
        for endpoint in subnet["properties"].get("serviceEndpoints") or []:
            fill(endpoint, {"provisioningState": "Succeeded", "locations": [case.new.body["location"]]})
        for delegation in subnet["properties"]["delegations"]:
            delegation["id"] = f"{case.new.id}/subnets/{subnet['name']}/delegations/{delegation['name']}"
            delegation["type"] = "Microsoft.Network/virtualNetworks/subnets/delegations"
            fill(delegation.setdefault("properties", {}), {"provisioningState": "Succeeded", "actions": []})


def _blocks(texts: Any) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(t) for t in texts or []]
    except ValueError as error:
        raise No("InvalidAddressPrefixFormat", f"An address prefix is not valid: {error}.", 400) from None


def prefixes(subnet: dict[str, Any]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """A subnet's blocks, whichever way they were written."""
    said = subnet["properties"]
    return _blocks(said.get("addressPrefixes") or [p for p in [said.get("addressPrefix")] if p])


def _check_network(case: Case) -> None:
    store, new, old = case.store, case.new, case.old
    space = _blocks(dig(new.properties, "addressSpace.addressPrefixes"))
    if not space:
        raise No("InvalidRequestFormat", f"The network {new.name} has no address space.", 400)
    seen: list[tuple[str, Any]] = []
    names: set[str] = set()
    for subnet in new.properties["subnets"]:
        name = subnet["name"]
        if name.lower() in names:
            raise No("InvalidRequestFormat", f"There are two subnets {name}.", 400)
        names.add(name.lower())
        for block in prefixes(subnet):
            if not any(block.version == s.version and block.subnet_of(s) for s in space):  # type: ignore[arg-type]
                raise No(
                    "NetcfgInvalidSubnet",
                    f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of "
                    f"virtual network '{new.name}'.",
                    400,
                )
            for other, theirs in seen:
                if block.overlaps(theirs):
                    raise No("NetcfgSubnetRangesOverlap", f"Subnet '{name}' overlaps with subnet '{other}'.", 400)
            seen.append((name, block))
    for subnet in old.properties["subnets"] if old else []:
        if subnet["name"].lower() not in names and next(store.referring(f"{new.id}/subnets/{subnet['name']}"), None):
            raise No("InUseSubnetCannotBeDeleted", f"Subnet {subnet['name']} is in use and cannot be deleted.", 400)


def _check_group(case: Case) -> None:
    taken: dict[tuple[str, int], str] = {}
    for rule in case.new.properties["securityRules"]:
        said = rule["properties"]
        priority, direction = said.get("priority"), said.get("direction")
        if not isinstance(priority, int) or not 100 <= priority <= 4096:  # noqa: PLR2004  # Azure's own bounds
            raise No("SecurityRuleInvalidPriority", f"Rule {rule['name']} has no priority from 100 to 4096.", 400)
        other = taken.setdefault((str(direction), priority), rule["name"])
        if other != rule["name"]:
            raise No(
                "SecurityRuleConflict",
                f"Security rule {rule['name']} conflicts with rule {other}. Rules cannot have the same Priority and "
                "Direction.",
                400,
            )


def _compute_group(case: Case) -> None:
    _guid(case)
    case.new.properties["defaultSecurityRules"] = [
        {
            "name": name,
            "properties": {
                "description": words,
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": target,
                "access": "Deny" if name.startswith("Deny") else "Allow",
                "priority": priority,
                "direction": "Inbound" if name.endswith("InBound") else "Outbound",
            }
            | RULE,
        }
        for name, words, source, target, priority in _STANDARD
    ]


KINDS: tuple[Kind, ...] = (
    *addresses.KINDS,
    Kind(
        provider=PROVIDER,
        path="virtualNetworks",
        versions=VERSIONS,
        create=Style.operation,
        remove=Style.both,
        seconds=4,
        etag=True,
        defaults={"properties": {"virtualNetworkPeerings": [], "enableDdosProtection": False}},
        computed=("properties.resourceGuid",),
        parts=(
            Part(
                "subnets",
                {
                    "delegations": [],
                    "privateEndpointNetworkPolicies": "Disabled",
                    "privateLinkServiceNetworkPolicies": "Enabled",
                },
                routed=True,
                back=tuple(("properties.ipConfigurations", at, True) for at in addresses.HOLDERS),
                in_use=("InUseSubnetCannotBeDeleted", 400),
            ),
        ),
        in_use=("InUseVirtualNetworkCannotBeDeleted", 400),
        check=_check_network,
        compute=_compute_network,
    ),
    Kind(
        provider=PROVIDER,
        path="networkSecurityGroups",
        versions=VERSIONS,
        create=Style.operation,
        remove=Style.both,
        seconds=4,
        etag=True,
        computed=(
            "properties.resourceGuid",
            "properties.defaultSecurityRules",
            "properties.subnets",
            "properties.networkInterfaces",
        ),
        parts=(Part("securityRules", RULE, routed=True), Part("defaultSecurityRules", RULE)),
        back=(
            ("properties.subnets", "Microsoft.Network/virtualNetworks/subnets", True),
            ("properties.networkInterfaces", "Microsoft.Network/networkInterfaces", True),
        ),
        in_use=("InUseNetworkSecurityGroupCannotBeDeleted", 400),
        check=_check_group,
        compute=_compute_group,
    ),
)
