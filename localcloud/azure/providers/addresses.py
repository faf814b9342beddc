"""What has addresses: public ones, interfaces, balancers.

Sources: "Public IP Addresses", "Network Interfaces" and "Load Balancers" in Azure's REST reference.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind, Part, Style
from localcloud.azure.trees import dig, fill

if TYPE_CHECKING:
    from localcloud.azure.store import Store

PROVIDER = "Microsoft.Network"
VERSIONS = ("2015-06-15", "2026-12-31")
HOLDERS = (
    "Microsoft.Network/networkInterfaces/ipConfigurations",
    "Microsoft.Network/loadBalancers/frontendIPConfigurations",
)
RESERVED = 4  # Azure keeps a subnet's first four addresses, and the last
PUBLIC = int(ipaddress.ip_address("203.0.113.0"))  # for documentation: nobody's


def _guid(case: Case) -> None:
    was = case.old.properties if case.old else {}
    case.new.properties["resourceGuid"] = was.get("resourceGuid") or case.store.uuid()


def _public(case: Case) -> None:
    _guid(case)
    new, old = case.new, case.old
    fill(new.body["sku"], {"tier": "Regional"})
    static = "Static" if new.body["sku"]["name"] == "Standard" else "Dynamic"
    new.properties.setdefault("publicIPAllocationMethod", static)
    known = old.properties.get("ipAddress") if old else None
    if known is None:
        count = case.store.cloud.memory.get("azure.addresses", 0) + 1
        case.store.cloud.memory["azure.addresses"] = count
        known = str(ipaddress.ip_address(PUBLIC + count))
    new.properties["ipAddress"] = known
    label = dig(new.properties, "dnsSettings.domainNameLabel")
    if label:
        new.properties["dnsSettings"]["fqdn"] = f"{label}.{new.body['location']}.cloudapp.azure.com"


def _show_public(case: Case, body: Body) -> None:
    if case.new.properties["publicIPAllocationMethod"] == "Dynamic" and "ipConfiguration" not in body["properties"]:
        body["properties"].pop("ipAddress", None)


def _check_public_use(case: Case, at: str) -> None:
    for one in case.new.properties[at]:
        public = dig(one["properties"], "publicIPAddress.id")
        own = f"{case.new.id}/{at}/{one['name']}".lower()
        others = [by for by in case.store.referred.get(str(public).lower(), []) if by.lower() != own]
        if public and others:
            name = public.rpartition("/")[2]
            raise No("PublicIPAddressInUse", f"Resource {own} refers to {name}, which {others[0]} uses.", 400)


def _taken(store: Store, subnet: str, but: str) -> set[str]:
    """The private addresses in use in a subnet, those of one resource aside."""
    found = set()
    for by in store.referred.get(subnet.lower(), []):
        owner, target = store.owner(by)
        if owner is None or owner.id.lower() == but.lower() or target.part is None:
            continue
        for one in owner.properties.get(target.part.at) or []:
            if dig(one["properties"], "subnet.id") and dig(one["properties"], "subnet.id").lower() == subnet.lower():
                found.add(str(one["properties"].get("privateIPAddress")))
    return found


def _private(case: Case, at: str) -> None:
    """Give each element in a subnet an address: what it had, what it asks for, or the first that is free."""
    new, store = case.new, case.store
    had = {e["name"].lower(): e["properties"] for e in (case.old.properties.get(at) or [] if case.old else [])}
    for one in new.properties[at]:
        said, subnet = one["properties"], dig(one["properties"], "subnet.id")
        if not subnet:
            continue
        owner, target = store.owner(subnet)
        found = [
            e for e in (owner.properties["subnets"] if owner else []) if e["name"].lower() == target.names[-1].lower()
        ]
        blocks = [p for e in found for p in _prefixes(e["properties"])]
        taken = _taken(store, target.id, new.id)
        taken |= {str(e["properties"].get("privateIPAddress")) for e in new.properties[at] if e is not one}
        was = had.get(one["name"].lower(), {})
        if said["privateIPAllocationMethod"] == "Static" and said.get("privateIPAddress"):
            if said["privateIPAddress"] in taken:
                message = f"IP configuration {one['name']} is using the private IP address {said['privateIPAddress']}"
                raise No("PrivateIPAddressInUse", f"{message} which is already allocated.", 400)
        elif dig(was, "subnet.id") == subnet and was.get("privateIPAddress"):
            said["privateIPAddress"] = was["privateIPAddress"]
        elif said.get("privateIPAddress") in {None, *taken}:
            said["privateIPAddress"] = _first_free(blocks, taken, subnet)


def _prefixes(said: Body) -> list[Any]:
    return [ipaddress.ip_network(p) for p in said.get("addressPrefixes") or [said["addressPrefix"]]]


def _first_free(blocks: list[Any], taken: set[str], subnet: str) -> str:
    for block in blocks:
        for number in range(RESERVED, min(block.num_addresses - 1, 65536)):
            if (address := str(block[number])) not in taken:
                return address
    raise No("SubnetIsFull", f"Subnet {subnet} does not have enough capacity for 1 IP address.", 400)


def _check_interface(case: Case) -> None:
    listed = case.new.properties["ipConfigurations"]
    if not listed:
        raise No("NetworkInterfaceMustHaveOneIpConfiguration", f"{case.new.name} must have an IP configuration.", 400)
    _check_public_use(case, "ipConfigurations")


def _interface(case: Case) -> None:
    _guid(case)
    listed = case.new.properties["ipConfigurations"]
    first = not any(e["properties"].get("primary") for e in listed)
    for number, one in enumerate(listed):
        fill(one["properties"], {"primary": first and number == 0})
    suffix = f"{case.new.properties['resourceGuid'].replace('-', '')[:20]}.bx.internal.cloudapp.net"
    fill(case.new.properties["dnsSettings"], {"internalDomainNameSuffix": suffix})
    _private(case, "ipConfigurations")


def _show_interface(case: Case, body: Body) -> None:
    if "virtualMachine" in body["properties"]:
        digits = case.new.properties["resourceGuid"].replace("-", "")[:6].upper()
        body["properties"]["macAddress"] = f"00-0D-3A-{digits[:2]}-{digits[2:4]}-{digits[4:]}"
        body["properties"]["primary"] = True


def _balancer(case: Case) -> None:
    _guid(case)
    fill(case.new.body["sku"], {"tier": "Regional"})
    _private(case, "frontendIPConfigurations")


KINDS: tuple[Kind, ...] = (
    Kind(
        provider=PROVIDER,
        path="publicIPAddresses",
        versions=VERSIONS,
        create=Style.operation,
        remove=Style.both,
        seconds=3,
        etag=True,
        defaults={
            "sku": {"name": "Standard"},
            "properties": {"publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4, "ipTags": []},
        },
        computed=("properties.resourceGuid", "properties.ipAddress", "properties.ipConfiguration"),
        fixed=("zones", "properties.publicIPAddressVersion"),
        back=tuple(("properties.ipConfiguration", at, False) for at in HOLDERS),
        in_use=("PublicIPAddressCannotBeDeleted", 400),
        over=("PublicIPCountLimitReached", 400),
        compute=_public,
        show=_show_public,
    ),
    Kind(
        provider=PROVIDER,
        path="networkInterfaces",
        versions=VERSIONS,
        create=Style.operation,
        remove=Style.both,
        seconds=3,
        etag=True,
        defaults={
            "properties": {
                "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
                "enableAcceleratedNetworking": False,
                "enableIPForwarding": False,
                "hostedWorkloads": [],
                "tapConfigurations": [],
                "nicType": "Standard",
            }
        },
        computed=(
            "properties.resourceGuid",
            "properties.macAddress",
            "properties.virtualMachine",
            "properties.primary",
        ),
        parts=(
            Part(
                "ipConfigurations",
                {"privateIPAllocationMethod": "Dynamic", "privateIPAddressVersion": "IPv4"},
            ),
        ),
        back=(("properties.virtualMachine", "Microsoft.Compute/virtualMachines", False),),
        in_use=("NicInUse", 400),
        check=_check_interface,
        compute=_interface,
        show=_show_interface,
    ),
    Kind(
        provider=PROVIDER,
        path="loadBalancers",
        versions=VERSIONS,
        create=Style.operation,
        remove=Style.both,
        seconds=4,
        etag=True,
        defaults={"sku": {"name": "Standard"}},
        computed=("properties.resourceGuid",),
        parts=(
            Part("frontendIPConfigurations", {"privateIPAllocationMethod": "Dynamic"}),
            Part("backendAddressPools", routed=True, back=(("properties.backendIPConfigurations", HOLDERS[0], True),)),
            Part("loadBalancingRules", {"idleTimeoutInMinutes": 4, "enableFloatingIP": False}),
            Part("probes", {"numberOfProbes": 1}),
            Part("inboundNatRules", {"idleTimeoutInMinutes": 4, "enableFloatingIP": False}, routed=True),
            Part("outboundRules"),
            Part("inboundNatPools"),
        ),
        in_use=("LoadBalancerInUseByVirtualMachineScaleSet", 400),
        check=lambda case: _check_public_use(case, "frontendIPConfigurations"),
        compute=_balancer,
    ),
)
