"""What a new thing gets from the cloud beyond the defaults of its row, and what it shows that follows from others."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable
from typing import Any

from localcloud.core.cloud import Json
from localcloud.gcp import paths
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import invalid, required
from localcloud.gcp.state import Known, Thing, fingerprint
from localcloud.gcp.table import DISK_SIZES, PUBLIC_IMAGES, REGION_NAMES, Kind

MACHINES = re.compile(
    r"(?P<family>[a-z]\d[a-z]?)-(?P<shape>standard|highmem|highcpu|micro|small|medium)(-(?P<cpus>\d+))?"
)
SHARED = {"micro": (2, 1024), "small": (2, 2048), "medium": (2, 4096)}
MEMORY = {"standard": 4096, "highmem": 8192, "highcpu": 1024}  # MB a CPU
REGION_WIDE = frozenset({"US", "EU", "ASIA"})


def image(text: str, it: Known, project: str) -> tuple[str, str, int] | None:
    """Link, number and size in GB of the image that a reference means, also through its family."""
    path = paths.read(text, project, "global", "images")
    if path is None:
        return None
    own = it.things.get(str(path))
    if own is not None:
        return path.link, str(own.body["id"]), int(own.body["diskSizeGb"])
    families = PUBLIC_IMAGES.get(path.project, {})
    family = path.name.removeprefix("family/")
    found = families.get(family) if family != path.name else None
    if found is None:
        found = next((one for one in families.values() if one[0] == path.name), None)
    if found is not None:
        return Path(path.project, "global", "images", found[0]).link, found[1], found[2]
    if family == path.name:
        return None
    mine = (t for t in it.things.values() if t.path.collection == "images" and t.path.project == path.project)
    in_family = [t for t in mine if t.body.get("family") == family]
    newest = max(in_family, key=lambda t: str(t.body["creationTimestamp"]), default=None)
    if newest is None:
        return None
    return newest.path.link, str(newest.body["id"]), int(newest.body["diskSizeGb"])


def machine(text: str) -> tuple[int, int] | None:
    """CPUs and MB of the machine type that a reference names."""
    found = MACHINES.fullmatch(text.rpartition("/")[2])
    if found is None:
        return None
    if found["cpus"] is None:
        return SHARED.get(found["shape"])
    cpus = int(found["cpus"])
    return (cpus, cpus * MEMORY[found["shape"]]) if found["shape"] in MEMORY and 0 < cpus <= 416 else None  # noqa: PLR2004


def _network(path: Path, body: dict[str, Any], _it: Known) -> None:
    if "routingConfig" in body:
        body["routingConfig"] = {"bgpBestPathSelectionMode": "LEGACY", "routingMode": "REGIONAL"} | body[
            "routingConfig"
        ]
    ula(path, body)


def ula(path: Path, body: dict[str, Any]) -> None:
    """A network that wants an internal IPv6 range has one; that it wants none is not repeated."""
    if not body.get("enableUlaInternalIpv6"):
        body.pop("enableUlaInternalIpv6", None)
        return
    digest = hashlib.sha256(str(path).encode()).hexdigest()
    groups = (int(digest[:2], 16), int(digest[2:6], 16), int(digest[6:10], 16))
    body.setdefault("internalIpv6Range", f"fd20:{groups[1]:x}:{groups[2]:x}:0:0:0:0:0/48")


def _subnetwork(_path: Path, body: dict[str, Any], it: Known) -> None:
    if "ipCidrRange" not in body:
        raise required("resource.ipCidrRange")
    span = cidr(str(body["ipCidrRange"]))
    for other in it.things.values():
        if other.path.collection != "subnetworks" or other.body["network"] != body["network"]:
            continue
        ranges = [other.body, *other.body.get("secondaryIpRanges", ())]
        if any(span.overlaps(cidr(str(one["ipCidrRange"]))) for one in ranges):
            why = f"Invalid IPCidrRange: {span} conflicts with existing subnetwork '{other.path.name}' in region "
            raise invalid("resource.ipCidrRange", str(span), why + f"'{other.path.place.partition('/')[2]}'.")
    body["gatewayAddress"] = str(span.network_address + 1)


def cidr(text: str) -> ipaddress.IPv4Network:
    """A range of addresses. Raises `Refused`."""
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        why = "Must be a CIDR address range that is contained in the RFC1918 private address blocks."
        raise invalid("resource.ipCidrRange", text, why) from None


def _next_address(it: Known, internal: str = "") -> str:
    it.addresses += 1
    base = ipaddress.IPv4Address(internal or "34.64.0.0")
    return str(base + it.addresses + (1 if internal else 0))


def _address(path: Path, body: dict[str, Any], it: Known) -> None:
    internal = body.get("addressType") == "INTERNAL"
    subnetwork = paths.read(str(body.get("subnetwork", "")), path.project, path.place, "subnetworks")
    inside = it.things.get(str(subnetwork)) if subnetwork else None
    start = str(cidr(inside.body["ipCidrRange"]).network_address) if inside else "10.128.0.0"
    body.setdefault("address", _next_address(it, start if internal else ""))
    if path.place != "global":
        body.setdefault("addressType", "EXTERNAL")
        body.setdefault("description", "")
        body.setdefault("networkTier", "PREMIUM")


def _disk(path: Path, body: dict[str, Any], it: Known) -> None:
    body.setdefault("type", f"projects/{path.project}/{path.place}/diskTypes/pd-standard")
    size = DISK_SIZES.get(str(body["type"]).rpartition("/")[2], 10)
    if body.get("sourceImage"):
        found = image(str(body["sourceImage"]), it, path.project)
        if found is not None:
            body["sourceImage"], body["sourceImageId"], size = found
    if source := paths.read(str(body.get("sourceDisk", "")), path.project, path.place, "disks"):
        other = it.things[str(source)].body
        body["sourceDiskId"], size = other["id"], int(other["sizeGb"])
    wanted = int(body.get("sizeGb", size))
    if body.get("sourceImageId") and wanted < size:
        why = f"Disk size: '{wanted} GB' must not be less than the image size: '{size} GB'."
        raise invalid("resource.sizeGb", str(wanted), why)
    body["sizeGb"] = str(wanted)


def _image(path: Path, body: dict[str, Any], it: Known) -> None:
    source = paths.read(str(body.get("sourceDisk", "")), path.project, "global", "disks")
    disk = it.things.get(str(source)) if source else None
    if disk is not None:
        body["sourceDiskId"] = disk.body["id"]
        body.setdefault("diskSizeGb", disk.body["sizeGb"])
    body.setdefault("diskSizeGb", "10")


def _instance(path: Path, body: dict[str, Any], it: Known) -> None:
    zone = path.place.partition("/")[2]
    for name in ("machineType", "disks", "networkInterfaces"):
        if not body.get(name):
            raise required(f"resource.{name}")
    known_machine(str(body["machineType"]), zone, "resource.machineType")
    for number, nic in enumerate(body["networkInterfaces"]):
        network = paths.read(str(nic.get("network", "")), path.project, "global", "networks")
        if "subnetwork" not in nic and network and (where := it.things.get(str(network))):
            own = Path(path.project, paths.region_of(path.place), "subnetworks", network.name)
            if not where.body.get("autoCreateSubnetworks"):
                why = "Network interface must specify a subnet if the network resource is in custom subnet mode."
                raise invalid(f"resource.networkInterfaces[{number}]", str(nic), why)
            subnetwork: Path | None = own
        else:
            subnetwork = paths.read(
                str(nic.get("subnetwork", "")), path.project, paths.region_of(path.place), "subnetworks"
            )
        inside = it.things.get(str(subnetwork)) if subnetwork else None
        span = str(cidr(inside.body["ipCidrRange"]).network_address) if inside else "10.128.0.0"
        nic.setdefault("networkIP", _next_address(it, span))
        for access in nic.get("accessConfigs", ()):
            access.setdefault("natIP", _next_address(it))
    for held in ("metadata", "tags"):
        if body.get(held):
            body[held].pop("fingerprint", None)
            body[held] |= {"fingerprint": fingerprint(body[held])}


def without_lent(path: Path, body: dict[str, Any], it: Known) -> list[dict[str, Any]]:
    """An instance's interfaces without the addresses that were lent to it. A reserved one is its number, or a path."""

    def kept(access: dict[str, Any]) -> dict[str, Any]:
        said = str(access.get("natIP", ""))
        is_lent = "/" not in said and (path.project, said) not in it.reserved
        return {name: value for name, value in access.items() if name != "natIP" or not is_lent}

    return [_outside(nic, kept) for nic in body["networkInterfaces"]]


def with_lent(body: dict[str, Any], it: Known) -> list[dict[str, Any]]:
    """An instance's interfaces, where each that may have an address of the outside has one: lent, if not its own."""
    nics = body["networkInterfaces"]
    return [
        _outside(nic, lambda access: access if "natIP" in access else access | {"natIP": _next_address(it)})
        for nic in nics
    ]


def _outside(nic: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    return nic | {"accessConfigs": [change(one) for one in nic["accessConfigs"]]} if "accessConfigs" in nic else nic


def known_machine(text: str, zone: str, field: str) -> None:
    """Raises `Refused` when there is no such machine type."""
    if machine(text) is None:
        why = f"Machine type with name '{text.rpartition('/')[2]}' does not exist in zone '{zone}'."
        raise invalid(field, text, why)


def _template(_path: Path, body: dict[str, Any], _it: Known) -> None:
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise required("resource.properties")
    for disk in properties.get("disks", ()):
        disk |= {"kind": "compute#attachedDisk", "index": 0, "deviceName": disk.get("deviceName", "boot")}
    for number, nic in enumerate(properties.get("networkInterfaces", ())):
        nic |= {"kind": "compute#networkInterface", "name": f"nic{number}"}
    metadata = properties.setdefault("metadata", {})
    items = "".join(f"{i.get('key')}={i.get('value')}" for i in metadata.get("items", ()))
    digest = hashlib.md5(items.encode(), usedforsecurity=False).digest()
    metadata |= {"kind": "compute#metadata", "fingerprint": base64.b64encode(digest).decode()}
    scheduling = {"automaticRestart": True, "onHostMaintenance": "MIGRATE", "preemptible": False}
    properties["scheduling"] = scheduling | properties.get("scheduling", {})


def _group(path: Path, body: dict[str, Any], _it: Known) -> None:
    body.setdefault("baseInstanceName", path.name)
    body.setdefault("targetSize", 0)
    body["instanceGroup"] = Path(path.project, path.place, "instanceGroups", path.name).link


def _health_check(_path: Path, body: dict[str, Any], _it: Known) -> None:
    for name in ("httpHealthCheck", "httpsHealthCheck", "http2HealthCheck", "tcpHealthCheck", "sslHealthCheck"):
        if isinstance(body.get(name), dict):
            body[name].setdefault("proxyHeader", "NONE")


def _forwarding_rule(path: Path, body: dict[str, Any], it: Known) -> None:
    """An internal one is in its subnetwork. A reserved address is shown by its number, however it was named."""
    subnetwork = paths.read(str(body.get("subnetwork", "")), path.project, path.place, "subnetworks")
    inside = it.things.get(str(subnetwork)) if subnetwork else None
    if inside is not None:
        body.setdefault("network", inside.body["network"])
    start = str(cidr(inside.body["ipCidrRange"]).network_address) if inside else "10.128.0.0"
    internal = str(body["loadBalancingScheme"]).startswith("INTERNAL")
    body.setdefault("IPAddress", _next_address(it, start if internal else ""))
    reserved = paths.read(str(body["IPAddress"]), path.project, path.place, "addresses")
    if reserved is not None and (own := it.things.get(str(reserved))) is not None:
        body["IPAddress"] = own.body["address"]
    if ports := str(body.get("portRange", "")):
        body["portRange"] = ports if "-" in ports else f"{ports}-{ports}"


NEW: dict[str, Callable[[Path, dict[str, Any], Known], None]] = {
    "networks": _network,
    "subnetworks": _subnetwork,
    "addresses": _address,
    "disks": _disk,
    "images": _image,
    "instances": _instance,
    "instanceTemplates": _template,
    "instanceGroupManagers": _group,
    "healthChecks": _health_check,
    "forwardingRules": _forwarding_rule,
}


def finish(kind: Kind, path: Path, body: dict[str, Any], it: Known) -> None:
    """Complete the body of a new thing, whose references are there. Raises `Refused`."""
    for name, value in kind.defaults.items():
        body.setdefault(name, dict(value) if isinstance(value, dict) else value)
    for name in kind.links:
        if body.get(name):
            body[name] = paths.WWW + paths.HOST.sub("", str(body[name]))
    scope, _, place = path.place.partition("/")
    if place:
        body[scope.removesuffix("s")] = f"{paths.WWW}projects/{path.project}/{path.place}"
    if path.collection in NEW:
        NEW[path.collection](path, body, it)


def shown(kind: Kind, thing: Thing, it: Known, users: list[str]) -> dict[str, Json]:
    """A thing as a GET shows it. `users`: the links of what refers to it."""
    path, body = thing.path, dict(thing.body)
    match path.collection:
        case "networks":
            own = [
                t for t in it.things.values() if t.path.collection == "subnetworks" and t.body["network"] == path.link
            ]
            body["subnetworks"] = sorted(t.path.link for t in own)
            body["selfLinkWithId"] = f"{paths.WWW}projects/{path.project}/global/networks/{body['id']}"
        case "addresses" if path.place != "global" or users:
            body["status"] = "IN_USE" if users else "RESERVED"
            body["users"] = [u for u in users if "/networks/" not in u]
        case "disks":
            body["users"] = users
        case "instanceGroupManagers":
            body["status"] = {"isStable": not thing.busy, "versionTarget": {"isReached": not thing.busy}}
        case _:
            pass
    if kind.labelled:
        body["labelFingerprint"] = fingerprint(body.get("labels") or {})
    if kind.fingerprint:
        body["fingerprint"] = fingerprint(thing.body)
    body["selfLink"] = f"https://{kind.host}/compute/v1/{path}"
    return {name: value for name, value in body.items() if value not in ([], None) and (name, value) != ("labels", {})}


def own_subnetworks(network: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The subnetworks of a network in auto mode: one a region, one after the other in 10.128.0.0/9."""
    base = ipaddress.IPv4Address("10.128.0.0")
    return [
        (
            Path(network.project, f"regions/{region}", "subnetworks", network.name),
            {"network": network.link, "ipCidrRange": f"{base + number * 4096}/20"},
        )
        for number, region in enumerate(REGION_NAMES)
    ]
