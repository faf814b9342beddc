"""Instances of the local AWS: their lives, their disks, and what they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import ACCOUNT, LocalAws
from tests.localcloud.aws_parts import (
    AT_ONCE,
    image,
    instance,
    launch,
    network,
    new_volume,
    refused,
    standing,
    tags,
    volume,
)


def test_a_life(aws: LocalAws) -> None:
    """An instance is pending, running, stopping, stopped, shutting-down, terminated, each for its time, then gone."""
    ec2, where = aws.client("ec2"), network(aws)
    aws.control.settings(**{k: 100 for k in AT_ONCE if k.startswith("instance")}, instance_gone_seconds=1000)
    one = launch(aws, where)
    assert one["State"]["Name"] == "pending"
    ids = {"InstanceIds": [one["InstanceId"]]}
    seen = []
    for change in (None, ec2.stop_instances, ec2.start_instances, ec2.terminate_instances):
        if change:
            change(**ids)
        seen.append(instance(aws, one["InstanceId"])["State"]["Name"])
        aws.control.step(101)
        seen.append(instance(aws, one["InstanceId"])["State"]["Name"])
    assert seen == ["pending", "running", "stopping", "stopped", "pending", "running", "shutting-down", "terminated"]
    aws.control.step(1000)
    with refused("InvalidInstanceID.NotFound"):
        instance(aws, one["InstanceId"])


def test_no_time_at_all(aws: LocalAws) -> None:
    """With lengths of 0 an instance is in its final state with the answer that asked for it."""
    aws.control.settings(**AT_ONCE)
    one = launch(aws, network(aws))
    assert one["State"]["Name"] == "running"
    ended = aws.client("ec2").terminate_instances(InstanceIds=[one["InstanceId"]])["TerminatingInstances"][0]
    assert (ended["PreviousState"]["Name"], ended["CurrentState"]["Name"]) == ("running", "terminated")


def test_terminate_is_repeatable(aws: LocalAws) -> None:
    """Terminating what is terminated succeeds and says so."""
    aws.control.settings(**AT_ONCE)
    one = launch(aws, network(aws))["InstanceId"]
    ec2 = aws.client("ec2")
    ec2.terminate_instances(InstanceIds=[one])
    again = ec2.terminate_instances(InstanceIds=[one])["TerminatingInstances"][0]
    assert (again["PreviousState"]["Name"], again["CurrentState"]["Name"]) == ("terminated", "terminated")


def test_a_launch_that_fails(aws: LocalAws) -> None:
    """A launch can end terminated, with its reason."""
    aws.control.settings(instance_fails="Client.VolumeLimitExceeded", instance_pending_seconds=5)
    one = launch(aws, network(aws))["InstanceId"]
    aws.control.step(6)
    found = instance(aws, one)
    assert (found["State"]["Name"], found["StateReason"]["Code"]) == ("terminated", "Client.VolumeLimitExceeded")


def test_termination_protection(aws: LocalAws) -> None:
    """DisableApiTermination holds from the launch on, and can be taken off."""
    ec2, one = aws.client("ec2"), launch(aws, network(aws), DisableApiTermination=True)["InstanceId"]
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[one])
    ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[one])


def test_resize(aws: LocalAws) -> None:
    """The type changes on a stopped instance only, and only to one there is."""
    aws.control.settings(**AT_ONCE)
    ec2, one = aws.client("ec2"), launch(aws, network(aws))["InstanceId"]
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
    ec2.stop_instances(InstanceIds=[one])
    with refused("InvalidInstanceAttributeValue"):
        ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.enormous"})
    ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
    ec2.start_instances(InstanceIds=[one])
    assert instance(aws, one)["InstanceType"] == "t3.small"


@pytest.mark.parametrize(
    "asked,code",
    [
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "image"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "t3.enormous"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SubnetId": "subnet-00000000000000000"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 100_000}}]},
            "InvalidParameterValue",
        ),
        ({"TagSpecifications": tags("vpc", a="b")}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_refused_launches(aws: LocalAws, asked: dict[str, Any], code: str) -> None:
    """A launch with a wrong part is refused in EC2's words, and leaves nothing."""
    where = network(aws)
    with refused(code):
        launch(aws, where, **asked)
    assert standing(aws, "instance") == standing(aws, "volume") == {}


def test_a_group_of_another_network(aws: LocalAws) -> None:
    """An instance takes no security group of another VPC."""
    here, there = network(aws, 0), network(aws, 1)
    with refused("InvalidParameter"):
        launch(aws, here, SecurityGroupIds=[there.group])


def test_a_full_subnet(aws: LocalAws) -> None:
    """A subnet without a free address takes no instance."""
    ec2, where = aws.client("ec2"), network(aws)
    small = ec2.create_subnet(VpcId=where.vpc, CidrBlock="10.0.2.0/28")["Subnet"]["SubnetId"]
    launch(aws, where, SubnetId=small, MinCount=11, MaxCount=11)
    with refused("InsufficientFreeAddressesInSubnet"):
        launch(aws, where, SubnetId=small)


def test_disks(aws: LocalAws) -> None:
    """The request's disks are laid over the image's: encrypted, sized, typed, tagged, gone with the instance or not."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    disks = [
        {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 20}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False}},
    ]
    specifications = tags("instance", name="i") + tags("volume", name="v")
    one = launch(aws, where, BlockDeviceMappings=disks, TagSpecifications=specifications)["InstanceId"]
    found = {v["Attachments"][0]["Device"]: v for v in ec2.describe_volumes()["Volumes"]}
    root, data = found["/dev/xvda"], found["/dev/sdf"]
    assert (root["Encrypted"], root["Size"], root["VolumeType"], root["State"]) == (True, 20, "gp3", "in-use")
    assert root["KmsKeyId"].startswith("arn:aws:kms:")
    assert (data["Encrypted"], data["Size"], data["VolumeType"]) == (False, 5, "gp2")
    assert root["Tags"] == data["Tags"] == [{"Key": "name", "Value": "v"}]
    assert instance(aws, one)["Tags"] == [{"Key": "name", "Value": "i"}]
    ec2.terminate_instances(InstanceIds=[one])
    assert [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]] == [data["VolumeId"]]


def test_the_image_brings_its_disk(aws: LocalAws) -> None:
    """A launch that names no disk, or only another one, has the image's root disk."""
    for disks in (None, [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}}]):
        one = launch(aws, network(aws), BlockDeviceMappings=disks)
        devices = [d["DeviceName"] for d in instance(aws, one["InstanceId"])["BlockDeviceMappings"]]
        assert devices[0] == one["RootDeviceName"] == "/dev/xvda"


def test_metadata_options(aws: LocalAws) -> None:
    """IMDSv2 is set with the launch, and a change leaves alone what it does not name."""
    wanted = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"}
    one = launch(aws, network(aws), MetadataOptions=wanted)["InstanceId"]
    assert wanted.items() <= instance(aws, one)["MetadataOptions"].items()
    aws.client("ec2").modify_instance_metadata_options(InstanceId=one, HttpPutResponseHopLimit=1)
    assert {**wanted, "HttpPutResponseHopLimit": 1}.items() <= instance(aws, one)["MetadataOptions"].items()


def test_groups_of_an_instance(aws: LocalAws) -> None:
    """Groups change on a running instance, and its interface has them too."""
    ec2, where = aws.client("ec2"), network(aws)
    other = ec2.create_security_group(GroupName="b", Description="b", VpcId=where.vpc)["GroupId"]
    one = launch(aws, where)["InstanceId"]
    ec2.modify_instance_attribute(InstanceId=one, Groups=[other])
    found = instance(aws, one)
    assert [g["GroupId"] for g in found["SecurityGroups"]] == [other]
    assert [g["GroupId"] for g in found["NetworkInterfaces"][0]["Groups"]] == [other]


def test_a_profile(aws: LocalAws) -> None:
    """An instance shows the profile that it was launched with."""
    iam = aws.client("iam")
    arn = iam.create_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Arn"]
    one = launch(aws, network(aws), IamInstanceProfile={"Name": "p"})["InstanceId"]
    assert instance(aws, one)["IamInstanceProfile"]["Arn"] == arn == standing(aws, "instance")[one]["instance_profile"]


def test_the_network_without_its_dead(aws: LocalAws) -> None:
    """A terminated instance is in no subnet: the network's list does not have it, and the network can be deleted."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    one = launch(aws, where)["InstanceId"]
    filters = [{"Name": "vpc-id", "Values": [where.vpc]}]
    assert ec2.describe_instances(Filters=filters)["Reservations"]
    ec2.terminate_instances(InstanceIds=[one])
    assert not ec2.describe_instances(Filters=filters)["Reservations"]
    ec2.delete_security_group(GroupId=where.group)
    ec2.delete_subnet(SubnetId=where.subnet)
    ec2.delete_vpc(VpcId=where.vpc)
    assert standing(aws, "vpc") == {}


def test_all_or_none_started(aws: LocalAws) -> None:
    """A stop that one of its instances refuses stops none."""
    aws.control.settings(**{**AT_ONCE, "instance_pending_seconds": 100})
    where = network(aws)
    first = launch(aws, where)["InstanceId"]
    aws.control.step(101)
    second = launch(aws, where)["InstanceId"]
    with refused("IncorrectInstanceState"):
        aws.client("ec2").stop_instances(InstanceIds=[first, second])
    assert instance(aws, first)["State"]["Name"] == "running"


def test_images(aws: LocalAws) -> None:
    """Images are found by owner, name and architecture; the newest is the newest by its date; ids differ by region."""
    ec2 = aws.client("ec2")
    filters = [{"Name": "name", "Values": ["al2023-ami-2023.*-x86_64"]}, {"Name": "state", "Values": ["available"]}]
    found = sorted(ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"], key=lambda i: i["CreationDate"])
    assert len(found) > 1
    assert ".20260930." in found[-1]["Name"]
    assert found[-1]["ImageId"] == image(aws) != image(aws, "arm64")
    elsewhere = aws.client("ec2", region="us-east-1").describe_images(Owners=["amazon"], Filters=filters)["Images"]
    assert not {i["ImageId"] for i in found} & {i["ImageId"] for i in elsewhere}
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=["ami-00000000000000000"])


def test_types(aws: LocalAws) -> None:
    """Instance types are described by name, and come in pages otherwise."""
    ec2 = aws.client("ec2")
    found = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
    assert found["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    page = ec2.describe_instance_types()
    assert len(page["InstanceTypes"]) == 100
    assert page["NextToken"]


def test_detach_and_terminate(aws: LocalAws) -> None:
    """An attached volume outlives its instance and is free then."""
    aws.control.settings(**AT_ONCE)
    ec2, one, free = aws.client("ec2"), launch(aws, network(aws))["InstanceId"], new_volume(aws)
    ec2.attach_volume(VolumeId=free, InstanceId=one, Device="/dev/sdf")
    ec2.terminate_instances(InstanceIds=[one])
    assert standing(aws, "volume")[free]["state"] == "available"


def test_monitoring(aws: LocalAws) -> None:
    """Monitoring is turned on and off, again and again, and not of what is dead."""
    aws.control.settings(**AT_ONCE)
    ec2, one = aws.client("ec2"), launch(aws, network(aws))["InstanceId"]
    for change, said, state in (
        (ec2.monitor_instances, "pending", "enabled"),
        (ec2.monitor_instances, "pending", "enabled"),
        (ec2.unmonitor_instances, "disabling", "disabled"),
    ):
        answer = change(InstanceIds=[one])["InstanceMonitorings"]
        assert answer == [{"InstanceId": one, "Monitoring": {"State": said}}]
        assert instance(aws, one)["Monitoring"]["State"] == state
    ec2.terminate_instances(InstanceIds=[one])
    with refused("IncorrectInstanceState"):
        ec2.monitor_instances(InstanceIds=[one])


def test_whose_public_address(aws: LocalAws) -> None:
    """A public address that comes with a launch is Amazon's, and an elastic one the account's."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    nic = {"DeviceIndex": 0, "SubnetId": where.subnet, "AssociatePublicIpAddress": True}
    one = launch(aws, where, SubnetId=None, SecurityGroupIds=None, NetworkInterfaces=[nic])["InstanceId"]
    assert instance(aws, one)["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "amazon"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=where.vpc)
    elastic = ec2.allocate_address(Domain="vpc")["AllocationId"]
    other = launch(aws, where)["InstanceId"]
    ec2.associate_address(AllocationId=elastic, InstanceId=other)
    assert instance(aws, other)["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == ACCOUNT


def test_operations_a_second(aws: LocalAws) -> None:
    """A launch says how many operations a second its provisioned disks have, and is refused when it does not."""
    where = network(aws)
    disk: dict[str, Any] = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "io2", "VolumeSize": 20}}
    with refused("MissingParameter"):
        launch(aws, where, BlockDeviceMappings=[disk])
    assert standing(aws, "instance") == {}
    disk["Ebs"]["Iops"] = 500
    one = launch(aws, where, BlockDeviceMappings=[disk])["InstanceId"]
    found = volume(aws, instance(aws, one)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])
    assert (found["VolumeType"], found["Iops"], found["Size"]) == ("io2", 500, 20)


def test_profiles(aws: LocalAws) -> None:
    """An instance shows the profile that it was launched with, was given since, or none."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    arns = [
        aws.client("iam").create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
        for name in ("reader", "writer")
    ]
    one = launch(aws, where, IamInstanceProfile={"Name": "reader"})["InstanceId"]
    assert instance(aws, one)["IamInstanceProfile"]["Arn"] == arns[0]
    [link] = ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=link["AssociationId"], IamInstanceProfile={"Name": "writer"}
    )
    assert instance(aws, one)["IamInstanceProfile"]["Arn"] == arns[1]
    ec2.disassociate_iam_instance_profile(AssociationId=link["AssociationId"])
    assert "IamInstanceProfile" not in instance(aws, one)
