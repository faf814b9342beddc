"""Images of the local AWS: dated, owned, and what a careless look-up falls for."""

from __future__ import annotations

from typing import Any

from tests.cloud import ACCOUNT, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network


def found(aws: LocalAws, name: str, **more: Any) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = aws.client("ec2").describe_images(
        Filters=[{"Name": "name", "Values": [name]}], **more
    )["Images"]
    return sorted(images, key=lambda image: str(image["CreationDate"]))


def test_no_two_at_once(aws: LocalAws) -> None:
    """No two images of one publisher are made at the same moment, so there is always a latest."""
    moments = [image["CreationDate"] for image in found(aws, "*", Owners=["amazon"])]
    assert len(moments) == len(set(moments)) >= 8


def test_the_latest_is_anyones(aws: LocalAws) -> None:
    """The latest image under Amazon's name is a stranger's, unless it is said that Amazon's is meant."""
    assert found(aws, "al2023-ami-*")[-1]["OwnerId"] not in {"137112412989", ACCOUNT}
    assert found(aws, "al2023-ami-*", Owners=["amazon"])[-1]["OwnerId"] == "137112412989"


def test_of_an_instance(aws: LocalAws) -> None:
    """An image of an instance is one's own, and boots from a volume as the instance does."""
    aws.control.settings(**AT_ONCE)
    one = launch(aws, network(aws))["InstanceId"]
    aws.client("ec2").create_image(InstanceId=one, Name="golden")
    [image] = found(aws, "golden", Owners=["self"])
    assert (image["OwnerId"], image["RootDeviceType"], image["RootDeviceName"]) == (ACCOUNT, "ebs", "/dev/xvda")
    assert image["BlockDeviceMappings"][0]["DeviceName"] == "/dev/xvda"
    launch(aws, network(aws, 1), ImageId=image["ImageId"])
