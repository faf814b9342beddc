"""Lets volumes be made, attached, changed and deleted as EBS does it: over time, and one after the other.

Settings: `volume_creating_seconds`, `volume_deleting_seconds`, `volume_attaching_seconds`,
`volume_detaching_seconds`, `volume_modifying_seconds`, `volume_modification_cooldown_seconds`.

Moto: available at once, gone at once; attaches across zones and twice; shrinks; changes again at any time. AWS:
creating, available, in-use, deleting; InvalidVolume.ZoneMismatch, VolumeInUse, IncorrectState; never smaller; a
changed volume cannot be changed again for six hours (the cooldown, which is off here unless set).
Sources: EBS User Guide "EBS volume lifecycle", "Modify an EBS volume"; EC2 API reference "AttachVolume",
"DetachVolume", "ModifyVolume", "Error codes".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal, replaced
from localcloud.aws.models.times import happening, later, seconds
from localcloud.core.cloud import Cloud

SIZES = {
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "st1": (125, 16_384),
    "sc1": (125, 16_384),
    "standard": (1, 1_024),
}


def install(calls: Calls) -> None:
    """See the module."""
    cloud = calls.cloud
    cloud.declare("volume_creating_seconds", 1.0, "from create to available")
    cloud.declare("volume_deleting_seconds", 1.0, "from delete to gone")
    cloud.declare("volume_attaching_seconds", 0.5, "from attach to attached")
    cloud.declare("volume_detaching_seconds", 0.5, "from detach to available")
    cloud.declare("volume_modifying_seconds", 1.0, "from modify to completed")
    cloud.declare("volume_modification_cooldown_seconds", 0.0, "how long a changed volume refuses; AWS: 21600")
    calls.before("ec2", "CreateVolume", valid)
    calls.after("ec2", "CreateVolume", made)
    calls.instead("ec2", "DeleteVolume", delete)
    calls.before("ec2", "AttachVolume", may_attach)
    calls.after("ec2", "AttachVolume", attached)
    calls.instead("ec2", "DetachVolume", detach)
    calls.before("ec2", "ModifyVolume", may_change)
    calls.after("ec2", "ModifyVolume", changed)
    _patch()


def valid_size(kind: str, size: int) -> None:
    """A type there is, of a size it can have."""
    if kind not in SIZES:
        raise Refusal("InvalidParameterValue", f"Value ({kind}) for parameter volumeType is invalid.")
    low, high = SIZES[kind]
    if not low <= size <= high:
        message = f"Volume of {size}GiB is too {'small' if size < low else 'large'} for volume type {kind}; "
        raise Refusal("InvalidParameterValue", f"{message}it has from {low} to {high} GiB.")


def settle_performance(volume: Any, iops: int | None, throughput: int | None) -> None:
    """What EBS gives where nothing is asked for. Source: EBS User Guide "General Purpose SSD volumes"."""
    match volume.volume_type:
        case "gp3":
            volume.iops, volume.throughput = iops or 3000, throughput or 125
        case "gp2":
            volume.iops, volume.throughput = min(16_000, max(100, 3 * volume.size)), None
        case "io1" | "io2":
            volume.iops, volume.throughput = iops or volume.iops, None
        case _:
            volume.iops = volume.throughput = None


def valid(call: Call) -> None:
    """Refuse what EBS refuses."""
    asked = call.params
    if asked.get("Size") is None and not asked.get("SnapshotId"):
        raise Refusal("MissingParameter", "The request must contain the parameter size/snapshot")
    if asked.get("Size") is not None:
        valid_size(asked.get("VolumeType", "gp2"), asked["Size"])
    zone = asked.get("AvailabilityZone")
    if call.backend.get_zone_by_name(zone) is None:
        raise Refusal("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")


def made(call: Call, result: ActionResult) -> None:
    """Begin as creating."""
    volume: Any = result.result
    settle_performance(volume, call.params.get("Iops"), call.params.get("Throughput"))
    volume.passing = "creating"
    later(call.cloud, "volume_creating_seconds", "volume.made", volume)


@happening("volume.made")
def _made(_: Cloud, volume: Any) -> None:
    if volume.passing == "creating":
        volume.passing = None


def _volume(call: Call) -> Any:
    volume = call.backend.get_volume(call.params["VolumeId"])
    if getattr(volume, "passing", None) == "deleting":
        raise Refusal("InvalidVolume.NotFound", f"The volume '{volume.id}' does not exist.")
    return volume


def delete(call: Call, _: Any) -> Any:
    """Be deleting for a while. Moto: gone."""
    volume = _volume(call)
    if volume.attachment:
        message = f"Volume {volume.id} is currently attached to {volume.attachment.instance.id}"
        raise Refusal("VolumeInUse", message)
    if volume.passing == "creating":
        raise Refusal("IncorrectState", f"The volume '{volume.id}' is 'creating'.")
    volume.passing = "deleting"
    later(call.cloud, "volume_deleting_seconds", "volume.deleted", volume)
    return ActionResult(None)


@happening("volume.deleted")
def _deleted(_: Cloud, volume: Any) -> None:
    volume.ec2_backend.volumes.pop(volume.id, None)
    volume.ec2_backend.tags.pop(volume.id, None)
    volume.passing = "deleted"  # what its client token still answers


def may_attach(call: Call) -> None:
    """Free, in the same zone, on an instance that can take it, where nothing is yet."""
    volume, instance = _volume(call), call.backend.get_instance(call.params["InstanceId"])
    if volume.attachment:
        raise Refusal("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.passing:
        raise Refusal("IncorrectState", f"{volume.id} is not 'available'.")
    if instance.state not in {"running", "stopped"}:
        raise Refusal("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if volume.availability_zone != instance.availability_zone:
        message = f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'"
        raise Refusal("InvalidVolume.ZoneMismatch", message)
    device = call.params.get("Device")
    if device in instance.block_device_mapping:
        message = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        raise Refusal("InvalidParameterValue", message)


def attached(call: Call, _: ActionResult) -> None:
    """Be attaching for a while."""
    volume = call.backend.get_volume(call.params["VolumeId"])
    volume.attachment.status = "attaching"
    later(call.cloud, "volume_attaching_seconds", "volume.attached", volume.attachment)


@happening("volume.attached")
def _attached(_: Cloud, attachment: Any) -> None:
    if attachment.status == "attaching":
        attachment.status = "attached"


def detach(call: Call, _: Any) -> Any:
    """Be detaching for a while. The instance and the device may be left unsaid, or must be right."""
    volume = _volume(call)
    attachment = volume.attachment
    if attachment is None or attachment.status == "detaching":
        raise Refusal("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
    asked, instance, device = call.params, attachment.instance, attachment.device
    if asked.get("InstanceId", instance.id) != instance.id or asked.get("Device", device) != device:
        raise Refusal("InvalidAttachment.NotFound", f"The volume '{volume.id}' is not attached like that")
    if attachment.device == instance.root_device_name and instance.state != "stopped":
        message = f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'"
        raise Refusal("OperationNotPermitted", message)
    attachment.status = "detaching"
    later(call.cloud, "volume_detaching_seconds", "volume.detached", attachment)
    return ActionResult(
        {
            "VolumeId": volume.id,
            "InstanceId": instance.id,
            "Device": attachment.device,
            "State": "detaching",
            "AttachTime": attachment.attach_time,
        }
    )


@happening("volume.detached")
def _detached(_: Cloud, attachment: Any) -> None:
    if attachment.status == "detaching" and attachment.volume.attachment is attachment:
        attachment.instance.block_device_mapping.pop(attachment.device, None)
        attachment.volume.attachment, attachment.status = None, "detached"


def may_change(call: Call) -> None:
    """Larger, faster, another kind; one change at a time."""
    volume, asked = _volume(call), call.params
    if volume.passing:
        raise Refusal("IncorrectState", f"The volume '{volume.id}' is '{volume.passing}'.")
    kind, size = asked.get("VolumeType", volume.volume_type), asked.get("Size", volume.size)
    if size < volume.size:
        raise Refusal("InvalidParameterValue", "New size cannot be smaller than existing size")
    valid_size(kind, size)
    if volume.modifications and volume.modifications[-1].modification_state != "completed":
        raise Refusal("IncorrectModificationState", f"Volume {volume.id} is being modified already.")
    wait, last = seconds(call.cloud, "volume_modification_cooldown_seconds"), getattr(volume, "changed_at", None)
    if wait and last and last + timedelta(seconds=wait) > call.cloud.clock.now():
        message = f"You've reached the maximum modification rate per volume limit. Wait to modify {volume.id} again."
        raise Refusal("VolumeModificationRateExceeded", message)


def changed(call: Call, _: ActionResult) -> None:
    """In effect at once, and completed later."""
    volume = call.backend.get_volume(call.params["VolumeId"])
    kept = "VolumeType" not in call.params
    settle_performance(
        volume,
        call.params.get("Iops") or (volume.iops if kept else None),
        call.params.get("Throughput") or (volume.throughput if kept else None),
    )
    for device in volume.attachment.instance.block_device_mapping.values() if volume.attachment else ():
        if device.volume_id == volume.id:
            device.size = volume.size
    volume.changed_at = call.cloud.clock.now()
    volume.modifications[-1].still = "modifying"
    later(call.cloud, "volume_modifying_seconds", "volume.changed", volume.modifications[-1])


@happening("volume.changed")
def _changed(_: Cloud, modification: Any) -> None:
    modification.still = "completed"


def _ends_with_instance(attachment: Any) -> bool:
    disk = attachment.instance.block_device_mapping.get(attachment.device)
    return bool(disk is not None and disk.delete_on_termination)


def _patch() -> None:
    from moto.ec2.models.elastic_block_store import Volume, VolumeAttachment, VolumeModification
    from moto.ec2.responses import EC2Response

    del EC2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER["CreateVolumeResponse.State"]
    status: Any = Volume.__dict__["status"]
    setattr(Volume, "passing", None)  # noqa: B010  # what a volume is on its way to; moto's class has no such attribute
    replaced(Volume, "status", property(lambda v: v.passing or status.fget(v)))
    if hasattr(VolumeAttachment, "delete_on_termination"):
        raise TypeError("moto's VolumeAttachment has learned delete_on_termination: ours can go")
    setattr(VolumeAttachment, "delete_on_termination", property(_ends_with_instance))  # noqa: B010  # as above
    replaced(VolumeModification, "modification_state", property(lambda m: getattr(m, "still", "completed")))
    replaced(VolumeModification, "progress", property(lambda m: 100 if m.modification_state == "completed" else 50))
