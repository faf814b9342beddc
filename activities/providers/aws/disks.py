"""The disks of an instance: those that it is launched with, and the one it boots from, as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.errors import InvalidInput, NotFound
from holdfast.resource import Clients

VALUES = 200  # the most that one filter takes; EC2 User Guide, "Filter your resources"


def launched(client: Clients, image: str, root: Mapping[str, Any], keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`BlockDeviceMappings` of a launch: every disk of the image, with `keys`, and gone with its instance.

    `root` is what the disk it boots from has besides. `keys` without any leaves encryption to the image: EC2 refuses to
    hear False where the image's snapshot is encrypted. Raises `NotFound`, and `InvalidInput` for an image that boots
    from no volume.
    """
    found = client("ec2").describe_images(ImageIds=[image])["Images"]
    if not found:
        raise NotFound(f"there is no image {image} here, or it is not for this account")
    device = found[0].get("RootDeviceName")
    named = [m["DeviceName"] for m in found[0].get("BlockDeviceMappings", ()) if "Ebs" in m]
    if device not in named:
        raise InvalidInput(
            f"the image {image} boots from no EBS volume, so its disk cannot be encrypted or kept",
            next="choose an image whose root device is `ebs`",
        )
    every = {"DeleteOnTermination": True, **keys}
    return [{"DeviceName": name, "Ebs": {**every, **(root if name == device else {})}} for name in named]


def root(raw: Mapping[str, Any]) -> str | None:
    """The id of the volume that an instance boots from; None before it is attached."""
    disks = (d for d in raw.get("BlockDeviceMappings", ()) if d["DeviceName"] == raw.get("RootDeviceName"))
    return next((d["Ebs"]["VolumeId"] for d in disks if "Ebs" in d), None)


def read(client: Clients, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the spec of an instance says of its root disk, by the disk's id: one call for two hundred.

    Asked for by filter and not by id: a disk that has gone meanwhile is left out, and no error.
    """
    seen: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), VALUES):
        wanted = [{"Name": "volume-id", "Values": list(ids[start : start + VALUES])}]
        for raw in client("ec2").describe_volumes(Filters=wanted)["Volumes"]:
            seen[raw["VolumeId"]] = {
                "root_size": raw["Size"],
                "root_type": raw["VolumeType"],
                "encrypted": raw["Encrypted"],
                "kms_key": raw.get("KmsKeyId"),
            }
    return seen
