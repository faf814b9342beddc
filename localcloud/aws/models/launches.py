"""Refuses launches that EC2 refuses, and fills in what it fills in.

Moto: takes any image, type and key pair; drops the image's own disks when one is named; forgets a disk's throughput,
and fails for its operations a second.
AWS: InvalidAMIID.NotFound, InvalidParameterValue, InvalidKeyPair.NotFound; the request's disks are laid over the
image's.
Sources: EC2 API reference "RunInstances", "EbsBlockDevice", "Error codes".
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from localcloud.aws.models.calls import Call, Calls, Refusal
from localcloud.aws.models.volumes import settle_performance, valid_size

PROVISIONED = {"io1", "io2"}  # types whose operations a second must be said


def install(calls: Calls) -> None:
    """See the module."""
    calls.before("ec2", "RunInstances", valid)
    calls.before("ec2", "ModifyInstanceAttribute", valid_type)
    calls.instead("ec2", "RunInstances", launch)


def _types() -> dict[str, Any]:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    types: dict[str, Any] = INSTANCE_TYPES
    return types


def valid_type(call: Call) -> None:
    """A type there is. Source: Error codes, InvalidInstanceAttributeValue."""
    wanted = call.params.get("InstanceType")
    name = wanted.get("Value") if isinstance(wanted, dict) else None
    if name is not None and name not in _types():
        raise Refusal("InvalidInstanceAttributeValue", f"Invalid value '{name}' for InstanceType")


def _image(call: Call) -> Any:
    image = call.params.get("ImageId")
    if not image:
        raise Refusal("MissingParameter", "The request must contain the parameter ImageId")
    if not image.startswith("ami-"):
        raise Refusal("InvalidAMIID.Malformed", f'Invalid id: "{image}" (expecting "ami-...")')
    found = call.backend.amis.get(image)
    if found is None:
        raise Refusal("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
    return found


def valid(call: Call) -> None:
    """Refuse what cannot be launched. Launch templates are left to moto."""
    asked, backend = call.params, call.backend
    if asked.get("LaunchTemplate"):
        return
    image, name = _image(call), asked.get("InstanceType", "m1.small")
    if name not in _types():
        raise Refusal("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    can = _types()[name].get("ProcessorInfo", {}).get("SupportedArchitectures", [])
    if can and image.architecture not in can:
        message = f"The architecture '{', '.join(can)}' of the specified instance type does not match the architecture "
        raise Refusal("InvalidParameterValue", f"{message}'{image.architecture}' of the specified AMI.")
    if asked.get("KeyName") and asked["KeyName"] not in backend.key_pairs:
        raise Refusal("InvalidKeyPair.NotFound", f"The key pair '{asked['KeyName']}' does not exist")
    low, high = int(asked.get("MinCount", 1)), int(asked.get("MaxCount", 1))
    if not 1 <= low <= high:
        raise Refusal("InvalidParameterValue", "MinCount must be positive, and MaxCount at least MinCount")
    _network(call)
    zone = asked.get("Placement", {}).get("AvailabilityZone")
    if zone and backend.get_zone_by_name(zone) is None:
        raise Refusal("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    for disk in asked.get("BlockDeviceMappings", []):
        if not disk.get("DeviceName"):
            raise Refusal("MissingParameter", "The request must contain the parameter deviceName")
        ebs = disk.get("Ebs", {})
        if size := ebs.get("VolumeSize"):
            valid_size(ebs.get("VolumeType", "gp3"), size)
        if ebs.get("VolumeType") in PROVISIONED and not ebs.get("Iops"):
            message = f"The parameter iops must be specified for {ebs['VolumeType']} volumes."
            raise Refusal("MissingParameter", message)


def _network(call: Call) -> None:
    nics = call.params.get("NetworkInterfaces", [])
    if nics and (call.params.get("SecurityGroupIds") or call.params.get("SubnetId")):
        message = "Network interfaces and an instance-level subnet ID or security groups may not be specified together"
        raise Refusal("InvalidParameterCombination", message)
    places = [(call.params.get("SubnetId"), call.params.get("SecurityGroupIds", []))]
    places += [(nic.get("SubnetId"), nic.get("Groups", [])) for nic in nics]
    for subnet, groups in places:
        vpc = call.backend.get_subnet(subnet).vpc_id if subnet else call.backend.default_vpc.id
        for group in groups:
            if group not in call.backend.groups.get(vpc, {}):
                message = f"Security group {group} and subnet {subnet} belong to different networks."
                raise Refusal("InvalidParameter", message)
        if subnet and call.backend.get_subnet(subnet).available_ip_address_count < int(call.params.get("MaxCount", 1)):
            message = f"There are not enough free addresses in subnet '{subnet}' for the requested number of instances."
            raise Refusal("InsufficientFreeAddressesInSubnet", message)


def disks(call: Call) -> list[dict[str, Any]]:
    """The image's disks with the request's laid over them, as moto wants to see them."""
    image = call.backend.amis[call.params["ImageId"]]
    laid = {
        m["DeviceName"]: {"DeviceName": m["DeviceName"], "Ebs": dict(m["Ebs"])} for m in image.block_device_mappings
    }
    for wanted in call.params.get("BlockDeviceMappings", []):
        device = wanted["DeviceName"]
        if wanted.get("NoDevice") is not None:
            laid.pop(device, None)
        elif "Ebs" in wanted:
            own = laid.get(device, {"Ebs": {"VolumeType": "gp2", "DeleteOnTermination": True}})["Ebs"]
            laid[device] = {"DeviceName": device, "Ebs": {**own, **wanted["Ebs"]}}
            if "VolumeType" in wanted["Ebs"] and wanted["Ebs"]["VolumeType"] != own.get("VolumeType"):
                for name in {"Iops", "Throughput"} - set(wanted["Ebs"]):
                    laid[device]["Ebs"].pop(name, None)
    return list(laid.values())


def _for_moto(disk: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in disk["Ebs"].items() if name != "SnapshotId"}
    if said.get("VolumeType") in PROVISIONED:
        del said["VolumeType"]  # it is given to the volume afterwards
    return {**disk, "Ebs": said}


def launch(call: Call, proceed: Any) -> Any:
    """Launch MaxCount instances with their disks."""
    if call.params.get("LaunchTemplate"):
        return proceed()
    wanted = disks(call)
    call.set("BlockDeviceMappings", [_for_moto(d) for d in wanted])
    call.set("MinCount", call.params.get("MaxCount", 1))
    result = proceed()
    made: Any = result.result if isinstance(result, ActionResult) else None
    by_device = {d["DeviceName"]: d["Ebs"] for d in wanted}
    for instance in made.instances if made else ():
        for device, attached in instance.block_device_mapping.items():
            volume, said = call.backend.volumes[attached.volume_id], by_device.get(device, {})
            volume.snapshot_id, volume.volume_type = said.get("SnapshotId"), said.get("VolumeType", volume.volume_type)
            settle_performance(volume, said.get("Iops"), said.get("Throughput"))
    return result
