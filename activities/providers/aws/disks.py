"""Disks: those that an instance is launched with, the one it boots from as it stands, and what changes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.errors import InvalidInput, NotFound
from holdfast.resource import Call, Clients

VALUES = 200  # the most that one filter takes; EC2 User Guide, "Filter your resources"
PROVISIONED = frozenset({"gp3", "io1", "io2"})  # types whose speed can be asked for
UNASKED = 3_000  # what gp3 gives. Source: EC2 API reference, ModifyVolume


def fits(kind: Any, iops: Any) -> None:
    """Raises `ValueError` where a type cannot have such a speed, or has none without."""
    if kind in {"io1", "io2"} and iops is None:
        raise ValueError(f"a volume of type {kind} needs its iops")
    if iops is not None and kind in {"gp2", "st1", "sc1", "standard"}:
        raise ValueError(f"a volume of type {kind} has the iops that it has: leave them out")


def speed(raw: Mapping[str, Any]) -> int | None:
    """What a described volume says of its speed; None where its type has no choice."""
    iops: int | None = raw.get("Iops") if raw["VolumeType"] in PROVISIONED else None
    return iops


def modification(call: Call[Any], prefix: str = "") -> dict[str, Any]:
    """Arguments of ModifyVolume for an update's changes of size, type and iops, whose fields have a prefix."""
    wanted = {name: getattr(call.wanted, prefix + name) for name in ("size", "type", "iops")}
    changed = {name for name in wanted if any(c.path == prefix + name for c in call.changes)}
    new = {name: wanted[name] for name in changed if wanted[name] is not None}
    if "iops" in changed and wanted["type"] == "gp3":
        new.setdefault("iops", UNASKED)
    elif "type" in changed and wanted["type"] in PROVISIONED:
        # A type takes its speed along, or has 3000: what stands, whoever wrote it, stays.
        new.setdefault("iops", call.before.get(f"{prefix}iops") or wanted["iops"])
    names = {"size": "Size", "type": "VolumeType", "iops": "Iops"}
    return {names[name]: value for name, value in new.items() if value is not None}


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
                "root_iops": speed(raw),
                "encrypted": raw["Encrypted"],
                "kms_key": raw.get("KmsKeyId"),
            }
    return seen
