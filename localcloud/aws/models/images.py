"""Offers a few images in every region, each with a name, an owner and a date that look-ups can choose by.

Moto: thirteen hundred images a region, all as old as the process, whose disks are lost when the instance ends or not by
chance; an image of one's own boots from no volume. AWS: new Amazon Linux images every two weeks, no two at the same
moment; the root disk goes with its instance; and whoever likes publishes images under names like Amazon's.
Sources: Amazon Linux 2023 User Guide "Deterministic upgrades"; EC2 API reference "DescribeImages".
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, replaced

AMAZON, CANONICAL, DEBIAN = "137112412989", "099720109477", "136693071363"
STRANGER = "666677778888"
MINUTES = {"arm64": timedelta(minutes=5), "x86_64": timedelta(minutes=10)}  # one is built after the other
OLD, OLD_ID = "amzn-ami-hvm-2015.03.1.x86_64-gp2", "ami-03cf127a"  # one that has the same id in every region
# Owner, owner's alias, name, architecture, made on. Newest last.
IMAGES = [
    (AMAZON, "amazon", "amzn2-ami-hvm-2.0.20260601.0-x86_64-gp2", "x86_64", datetime(2026, 6, 1, tzinfo=UTC)),
    *(
        (AMAZON, "amazon", f"al2023-ami-2023.{minor}.{made:%Y%m%d}.0-kernel-6.1-{arch}", arch, made + MINUTES[arch])
        for minor, made in (
            (9, datetime(2026, 3, 9, tzinfo=UTC)),
            (10, datetime(2026, 6, 15, tzinfo=UTC)),
            (12, datetime(2026, 9, 30, tzinfo=UTC)),
        )
        for arch in ("arm64", "x86_64")
    ),
    (
        AMAZON,
        "amazon",
        "al2023-ami-minimal-2023.12.20260930.0-kernel-6.1-x86_64",
        "x86_64",
        datetime(2026, 9, 30, tzinfo=UTC),
    ),
    # What a look-up that does not say whose image it means finds as the latest.
    (
        STRANGER,
        "",
        "al2023-ami-2023.99.20261101.0-kernel-6.1-x86_64",
        "x86_64",
        datetime(2026, 11, 1, tzinfo=UTC),
    ),
    (
        CANONICAL,
        "",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260915",
        "x86_64",
        datetime(2026, 9, 15, tzinfo=UTC),
    ),
    (AMAZON, "amazon", OLD, "x86_64", datetime(2015, 9, 14, tzinfo=UTC)),
    (DEBIAN, "", "debian-13-amd64-20260911-2230", "x86_64", datetime(2026, 9, 11, tzinfo=UTC)),
]
DISK_SIZE = 8  # GiB


def install(calls: Calls) -> None:
    """See the module."""
    calls.after("ec2", "CreateImage", of_an_instance)
    from moto.ec2.models.amis import Ami, AmiBackend

    replaced(AmiBackend, "_load_amis", load)
    replaced(Ami, "block_device_mappings", property(disks))


def of_an_instance(call: Call, _: ActionResult) -> None:
    """It boots as its instance does."""
    for image in call.backend.amis.values():
        if image.instance_id == call.params["InstanceId"]:
            image.root_device_type, image.root_device_name = "ebs", image.instance.root_device_name


def image_id(name: str, region: str) -> str:
    """The id of an image: another in each region, the same in every run."""
    return OLD_ID if name == OLD else f"ami-{hashlib.sha256(f'{region}/{name}'.encode()).hexdigest()[:17]}"


def load(backend: Any) -> None:
    """Put the images into a region."""
    from moto.ec2.models.amis import Ami

    for owner, alias, name, architecture, made in IMAGES:
        found = Ami(
            backend,
            image_id(name, backend.region_name),
            name=name,
            description=name,
            owner_id=owner,
            owner_alias=alias or None,
            public=True,
            virtualization_type="hvm",
            architecture=architecture,
            creation_date=made.replace(tzinfo=None),
            image_location=f"{alias or owner}/{name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name="/dev/xvda" if owner == AMAZON else "/dev/sda1",
            region_name=f"{backend.region_name}a",
        )
        found.ebs_snapshot.volume.size = DISK_SIZE
        backend.amis[found.id] = found


def disks(image: Any) -> list[dict[str, Any]]:
    """The image's own disk."""
    return [
        {
            "DeviceName": image.root_device_name,
            "Ebs": {
                "SnapshotId": image.ebs_snapshot.id,
                "VolumeSize": image.ebs_snapshot.volume.size,
                "DeleteOnTermination": True,
                "VolumeType": "gp3",
                "Encrypted": False,
            },
        }
    ]
