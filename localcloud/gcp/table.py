"""What there is in Compute Engine: one row a resource type. `compute` does to all of them the same things.

A row says what the cloud adds to a new thing, what a thing may refer to, what can be changed about it and how, and the
few names that the API gives to the same operation on different types. Sources: the Compute REST reference, and recorded
exchanges (`gcp-traces`) where that is silent: whether a reference comes back as it was sent, or as a whole link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

GLOBAL, REGIONS, ZONES = "global", "regions", "zones"
REGION_NAMES: Final = [
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
]


@dataclass(frozen=True, slots=True)
class Ref:
    """A field that names another thing. `[]` in `at` goes through a list."""

    at: str
    to: str  # a collection
    place: str = GLOBAL  # where a bare name is looked for: `global`, `region` or `zone` of the thing itself
    missing: int = 404  # how it is refused when there is nothing
    holds: bool = True  # what is referred to cannot be deleted


@dataclass(frozen=True, slots=True)
class Method:
    """A custom method: the name of its operation, and the fingerprint that it checks."""

    kind: str = ""  # the operation's type, where it is not the method's name
    fingerprint: str = ""
    of: str = "labels"  # the field whose fingerprint that is, where it stands beside it
    needs: bool = False  # a request without the fingerprint is refused as well
    instant: bool = False  # it is answered by a global operation that is done, and that names no target
    done: bool = False  # it is answered by an operation that is done
    reads: bool = False  # it changes nothing, and is answered at once


LABELS: Final = Method(fingerprint="labelFingerprint", needs=True)
LABELS_AT_ONCE: Final = Method(fingerprint="labelFingerprint", needs=True, instant=True)
PLAIN: Final = Method()


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type."""

    collection: str
    singular: str
    noun: str  # in sentences
    places: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[Ref, ...] = ()
    links: tuple[str, ...] = ()  # references that come back as whole links
    labelled: bool = False
    labels_later: bool = False  # it is made without the labels that were asked for; only `setLabels` gives it any
    fingerprint: bool = False
    needs_fingerprint: bool = False  # to be patched
    patch: str = ""  # the type of the operation that a PATCH is; "" when there is no such method
    update: str = ""  # and a PUT
    insert: str = "insert"
    fixed: tuple[str, ...] = ()  # what a PATCH or a PUT must not change
    methods: Mapping[str, Method] = field(default_factory=dict)
    making: tuple[tuple[float, str], ...] = ()  # statuses while it is made: from which share of the time on, and which
    made: str = ""  # and the status when it is
    host: str = "www.googleapis.com"


NETWORK: Final = Ref("network", "networks")
SUBNETWORK: Final = Ref("subnetwork", "subnetworks", "region")

KINDS: Final = {
    kind.collection: kind
    for kind in (
        Kind(
            "networks",
            "network",
            "network",
            (GLOBAL,),
            defaults={"autoCreateSubnetworks": True, "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"},
            links=("networkProfile",),
            patch="updateNetwork",
            fixed=("IPv4Range", "networkProfile", "internalIpv6Range", "autoCreateSubnetworks", "description"),
            methods={"switchToCustomMode": PLAIN},
        ),
        Kind(
            "subnetworks",
            "subnetwork",
            "subnetwork",
            (REGIONS,),
            defaults={
                "privateIpGoogleAccess": False,
                "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
                "purpose": "PRIVATE",
                "stackType": "IPV4_ONLY",
                "state": "READY",
            },
            refs=(Ref("network", "networks", missing=400),),
            links=("network",),
            fingerprint=True,
            needs_fingerprint=True,
            patch="patch",
            fixed=("network", "region", "ipCidrRange", "purpose", "description"),
            methods={"setPrivateIpGoogleAccess": PLAIN, "expandIpCidrRange": PLAIN},
        ),
        Kind(
            "firewalls",
            "firewall",
            "firewall",
            (GLOBAL,),
            defaults={"direction": "INGRESS", "priority": 1000, "disabled": False},
            refs=(NETWORK,),
            patch="compute.firewalls.patch",
            update="compute.firewalls.update",
            fixed=("network", "direction"),
        ),
        Kind(
            "addresses",
            "address",
            "address",
            (GLOBAL, REGIONS),
            refs=(NETWORK, SUBNETWORK),
            labelled=True,
            methods={"setLabels": LABELS_AT_ONCE},
        ),
        Kind(
            "disks",
            "disk",
            "disk",
            (ZONES, REGIONS),
            defaults={"physicalBlockSizeBytes": "4096"},
            refs=(Ref("sourceImage", "images", holds=False), Ref("sourceDisk", "disks", "zone", holds=False)),
            labelled=True,
            methods={"setLabels": LABELS_AT_ONCE, "resize": Method(instant=True)},
            making=((0, "CREATING"),),
            made="READY",
        ),
        Kind(
            "images",
            "image",
            "image",
            (GLOBAL,),
            defaults={"sourceType": "RAW", "storageLocations": ["us"]},
            refs=(Ref("sourceDisk", "disks", "zone", holds=False), Ref("sourceImage", "images", holds=False)),
            labelled=True,
            patch="patch",
            methods={"setLabels": LABELS, "deprecate": PLAIN},
            making=((0, "PENDING"),),
            made="READY",
        ),
        Kind(
            "instances",
            "instance",
            "instance",
            (ZONES,),
            refs=(
                Ref("networkInterfaces[].network", "networks", missing=400),
                Ref("networkInterfaces[].subnetwork", "subnetworks", "region", missing=400),
                Ref("networkInterfaces[].networkIP", "addresses", "region"),
                Ref("networkInterfaces[].accessConfigs[].natIP", "addresses", "region"),
                Ref("disks[].source", "disks", "zone"),
                Ref("disks[].initializeParams.sourceImage", "images", holds=False),
            ),
            labelled=True,
            methods={
                "setLabels": LABELS,
                "setMetadata": Method(fingerprint="metadata.fingerprint"),
                "setTags": Method(fingerprint="tags.fingerprint"),
                "setMachineType": PLAIN,
                "setServiceAccount": PLAIN,
                "setScheduling": PLAIN,
                "setMinCpuPlatform": PLAIN,
                "setMachineResources": PLAIN,
                "updateShieldedInstanceConfig": PLAIN,
                "setDeletionProtection": PLAIN,
                "setDiskAutoDelete": PLAIN,
                "attachDisk": PLAIN,
                "detachDisk": PLAIN,
                "start": PLAIN,
                "stop": PLAIN,
                "reset": PLAIN,
                "suspend": PLAIN,
                "resume": PLAIN,
            },
            making=((0, "PROVISIONING"), (0.5, "STAGING")),
            made="RUNNING",
        ),
        Kind(
            "instanceTemplates",
            "instanceTemplate",
            "instance_template",
            (GLOBAL,),
            refs=(
                Ref("properties.networkInterfaces[].network", "networks", holds=False),
                Ref("properties.networkInterfaces[].subnetwork", "subnetworks", "region", holds=False),
                Ref("properties.disks[].initializeParams.sourceImage", "images", holds=False),
            ),
            insert="compute.instanceTemplates.insert",
            host="compute.googleapis.com",
        ),
        Kind(
            "instanceGroupManagers",
            "instanceGroupManager",
            "instance_group_manager",
            (ZONES, REGIONS),
            refs=(
                Ref("instanceTemplate", "instanceTemplates"),
                Ref("versions[].instanceTemplate", "instanceTemplates"),
                Ref("autoHealingPolicies[].healthCheck", "healthChecks"),
            ),
            fingerprint=True,
            patch="patch",
            fixed=("baseInstanceName", "namedPorts", "zone", "region"),
            methods={
                "resize": PLAIN,
                "setInstanceTemplate": PLAIN,
                "listManagedInstances": Method(reads=True),
            },
        ),
        Kind(
            "healthChecks",
            "healthCheck",
            "health_check",
            (GLOBAL, REGIONS),
            defaults={"checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2},
            patch="patch",
            update="update",
            fixed=("name",),
        ),
        Kind(
            "backendServices",
            "backendService",
            "backend_service",
            (GLOBAL, REGIONS),
            defaults={
                "affinityCookieTtlSec": 0,
                "connectionDraining": {"drainingTimeoutSec": 0},
                "description": "",
                "enableCDN": False,
                "loadBalancingScheme": "EXTERNAL",
                "port": 80,
                "portName": "http",
                "protocol": "HTTP",
                "sessionAffinity": "NONE",
                "timeoutSec": 30,
            },
            refs=(
                Ref("healthChecks[]", "healthChecks", missing=400),
                Ref("backends[].group", "instanceGroupManagers", "zone", missing=400),
                NETWORK,
            ),
            fingerprint=True,
            patch="patch",
            update="update",
            fixed=("name", "loadBalancingScheme"),
        ),
        Kind(
            "forwardingRules",
            "forwardingRule",
            "forwarding_rule",
            (GLOBAL, REGIONS),
            defaults={"IPProtocol": "TCP", "loadBalancingScheme": "EXTERNAL", "networkTier": "PREMIUM"},
            refs=(
                Ref("backendService", "backendServices", "region"),
                Ref("IPAddress", "addresses", "region"),
                NETWORK,
                SUBNETWORK,
            ),
            links=("network", "subnetwork"),
            labelled=True,
            fingerprint=True,
            patch="patch",
            fixed=(
                "IPAddress",
                "IPProtocol",
                "loadBalancingScheme",
                "allPorts",
                "backendService",
                "description",
                "network",
                "portRange",
                "ports",
                "subnetwork",
                "target",
            ),
            labels_later=True,
            methods={
                "setLabels": Method(fingerprint="labelFingerprint", needs=True, done=True),
                "setTarget": Method("SetTarget"),
            },
        ),
    )
}

# What a manager manages. It stands and goes with its manager, and only its ports are changed at it.
GROUP: Final = Kind(
    "instanceGroups",
    "instanceGroup",
    "instance_group",
    (ZONES, REGIONS),
    methods={"setNamedPorts": Method(fingerprint="fingerprint", of="namedPorts")},
)

# What everybody can read and nobody here makes: project -> family -> (image, its number, its size in GB).
PUBLIC_IMAGES: Final = {
    "debian-cloud": {
        "debian-11": ("debian-11-bullseye-v20231010", "2443108620951880213", 10),
        "debian-12": ("debian-12-bookworm-v20240910", "6159842354982136127", 10),
    },
    "ubuntu-os-cloud": {
        "ubuntu-2204-lts": ("ubuntu-2204-jammy-v20240904", "3902734581920137465", 10),
        "ubuntu-2404-lts-amd64": ("ubuntu-2404-noble-amd64-v20240905", "7719280345610293847", 10),
    },
    "cos-cloud": {"cos-stable": ("cos-stable-113-18244-151-80", "1029384756610293847", 10)},
    "rocky-linux-cloud": {"rocky-linux-9": ("rocky-linux-9-v20240910", "5647382910473829105", 20)},
}

# GB of a new disk that is made of nothing.
DISK_SIZES: Final = {"pd-standard": 500, "pd-balanced": 100, "pd-ssd": 100, "hyperdisk-balanced": 100}
