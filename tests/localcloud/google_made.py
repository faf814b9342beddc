"""Things in the local Compute Engine, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.cloud import compute_v1 as c

from tests.localcloud.google_parts import PROJECT, ZONE, LocalGcp

HERE = {"project": PROJECT, "zone": ZONE, "retry": None}
FOR_ALL = {"project": PROJECT, "retry": None}
SLOW = {"operation_seconds": 100.0}


def network(gcp: LocalGcp, name: str = "net", **request: Any) -> Any:
    body = c.Network(name=name, auto_create_subnetworks=False)
    request = {"project": PROJECT, "network_resource": body} | request
    return gcp.compute("Networks").insert_unary(c.InsertNetworkRequest(request), retry=None)


def disk(gcp: LocalGcp, name: str = "disk", **more: Any) -> Any:
    return gcp.compute("Disks").insert_unary(disk_resource=c.Disk(name=name, size_gb=10, **more), **HERE)


def instance(
    gcp: LocalGcp,
    name: str = "vm",
    net: str = "global/networks/default",
    outside: Sequence[c.AccessConfig] = (),
    **more: Any,
) -> Any:
    body = c.Instance(
        name=name,
        machine_type=f"zones/{ZONE}/machineTypes/e2-small",
        network_interfaces=[c.NetworkInterface(network=net, access_configs=outside)],
        disks=[
            c.AttachedDisk(
                boot=True,
                auto_delete=True,
                initialize_params=c.AttachedDiskInitializeParams(
                    source_image="projects/debian-cloud/global/images/family/debian-12", disk_size_gb=20
                ),
            )
        ],
        **more,
    )
    return gcp.compute("Instances").insert_unary(instance_resource=body, **HERE)


def status(gcp: LocalGcp, name: str = "vm") -> str:
    return str(gcp.compute("Instances").get(instance=name, **HERE).status)
