"""Volumes of the local AWS: over time, and one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import REGION, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, new_volume, refused, tags, volume


def test_a_life(aws: LocalAws) -> None:
    """A volume is creating, available, in-use, deleting, each for its time, and then gone."""
    ec2 = aws.client("ec2")
    one = launch(aws, network(aws))["InstanceId"]
    aws.control.step(10)
    aws.control.settings(**{k: 100 for k in AT_ONCE if k.startswith("volume")})
    it = new_volume(aws)
    assert volume(aws, it)["State"] == "creating"
    with refused("IncorrectState"):
        ec2.attach_volume(VolumeId=it, InstanceId=one, Device="/dev/sdf")
    aws.control.step(101)
    assert volume(aws, it)["State"] == "available"
    ec2.attach_volume(VolumeId=it, InstanceId=one, Device="/dev/sdf")
    assert (volume(aws, it)["State"], volume(aws, it)["Attachments"][0]["State"]) == ("in-use", "attaching")
    aws.control.step(101)
    assert volume(aws, it)["Attachments"][0]["State"] == "attached"
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=it)
    ec2.detach_volume(VolumeId=it)
    assert volume(aws, it)["Attachments"][0]["State"] == "detaching"
    aws.control.step(101)
    assert volume(aws, it)["State"] == "available"
    ec2.delete_volume(VolumeId=it)
    assert volume(aws, it)["State"] == "deleting"
    aws.control.step(101)
    with refused("InvalidVolume.NotFound"):
        volume(aws, it)


@pytest.mark.parametrize(
    "asked,code",
    [
        ({"AvailabilityZone": "eu-central-1z"}, "InvalidZone.NotFound"),
        ({"AvailabilityZone": "us-east-1a"}, "InvalidZone.NotFound"),
        ({"Size": 0}, "InvalidParameterValue"),
        ({"VolumeType": "gp9"}, "InvalidParameterValue"),
        ({"VolumeType": "io2"}, "InvalidParameterDependency"),
        ({"TagSpecifications": tags("instance", a="b")}, "InvalidParameterValue"),
    ],
)
def test_refused(aws: LocalAws, asked: dict[str, Any], code: str) -> None:
    """A volume with a wrong part is refused in EBS's words."""
    with refused(code):
        new_volume(aws, **asked)


def test_defaults(aws: LocalAws) -> None:
    """A gp3 volume has 3000 IOPS and 125 MiB/s unless it asks for others; a gp2 volume has what its size gives."""
    assert (volume(aws, it := new_volume(aws))["Iops"], volume(aws, it)["Throughput"]) == (3000, 125)
    other = volume(aws, new_volume(aws, Iops=4000, Throughput=250))
    assert (other["Iops"], other["Throughput"]) == (4000, 250)
    assert volume(aws, new_volume(aws, VolumeType="gp2", Size=500))["Iops"] == 1500


def test_attaching(aws: LocalAws) -> None:
    """A volume goes to one instance, of its own zone, where nothing is; a root disk comes off a stopped one only."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    one, it = launch(aws, where)["InstanceId"], new_volume(aws)
    elsewhere = new_volume(aws, AvailabilityZone=f"{REGION}b")
    with refused("InvalidVolume.ZoneMismatch"):
        ec2.attach_volume(VolumeId=elsewhere, InstanceId=one, Device="/dev/sdf")
    with refused("InvalidParameterValue"):
        ec2.attach_volume(VolumeId=it, InstanceId=one, Device="/dev/xvda")
    ec2.attach_volume(VolumeId=it, InstanceId=one, Device="/dev/sdf")
    with refused("VolumeInUse"):
        ec2.attach_volume(VolumeId=it, InstanceId=one, Device="/dev/sdg")
    root = next(v["VolumeId"] for v in ec2.describe_volumes()["Volumes"] if v["Attachments"] and v["VolumeId"] != it)
    with refused("OperationNotPermitted"):
        ec2.detach_volume(VolumeId=root)
    ec2.detach_volume(VolumeId=it, InstanceId=one, Device="/dev/sdf")
    with refused("IncorrectState"):
        ec2.detach_volume(VolumeId=it)


def test_changing(aws: LocalAws) -> None:
    """A volume grows, never shrinks, is changed once at a time, and waits for its cooldown where one is set."""
    ec2 = aws.client("ec2")
    aws.control.settings(volume_creating_seconds=0, volume_modifying_seconds=100)
    it = new_volume(aws)
    with refused("InvalidParameterValue"):
        ec2.modify_volume(VolumeId=it, Size=9)
    ec2.modify_volume(VolumeId=it, Size=20)
    assert volume(aws, it)["Size"] == 20
    changes = ec2.describe_volumes_modifications(VolumeIds=[it])["VolumesModifications"]
    assert changes[0]["ModificationState"] == "modifying"
    with refused("IncorrectModificationState"):
        ec2.modify_volume(VolumeId=it, Size=30)
    aws.control.step(101)
    aws.control.settings(volume_modification_cooldown_seconds=1000)
    with refused("VolumeModificationRateExceeded"):
        ec2.modify_volume(VolumeId=it, Size=30)
    aws.control.step(1000)
    ec2.modify_volume(VolumeId=it, Iops=5000)
    assert (volume(aws, it)["Iops"], volume(aws, it)["Throughput"]) == (5000, 125)
    aws.control.step(2000)
    ec2.modify_volume(VolumeId=it, VolumeType="gp2")
    assert volume(aws, it)["Iops"] == 100


def test_deleting_twice(aws: LocalAws) -> None:
    """A volume that is deleting is not there to be deleted."""
    aws.control.settings(volume_creating_seconds=0, volume_deleting_seconds=100)
    it = new_volume(aws)
    aws.client("ec2").delete_volume(VolumeId=it)
    with refused("InvalidVolume.NotFound"):
        aws.client("ec2").delete_volume(VolumeId=it)
