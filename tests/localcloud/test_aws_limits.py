"""Who may not, and how much is too much, in the local AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.localcloud.aws_parts import launch, network, new_volume, refused, standing, tags


@pytest.mark.parametrize(
    "service,call,arguments,code,status",
    [
        ("ec2", "describe_vpcs", {}, "AuthFailure", 401),
        ("s3", "list_buckets", {}, "InvalidAccessKeyId", 403),
        ("sqs", "list_queues", {}, "InvalidClientTokenId", 403),
        ("sts", "get_caller_identity", {}, "InvalidClientTokenId", 403),
        ("resourcegroupstaggingapi", "get_resources", {}, "UnrecognizedClientException", 400),
    ],
)
def test_unknown_keys(
    aws: LocalAws, service: str, call: str, arguments: dict[str, Any], code: str, status: int
) -> None:
    """A key that nobody has is refused, by each service in its own words."""
    with refused(code, status):
        getattr(aws.client(service, "AKIAINVALID000000000"), call)(**arguments)


def test_expired_keys(aws: LocalAws) -> None:
    """A session that has ended is refused in other words."""
    with refused("RequestExpired"):
        aws.client("ec2", "AKIAEXPIRED000000000").describe_vpcs()
    with refused("ExpiredToken"):
        aws.client("s3", "AKIAEXPIRED000000000").list_buckets()


def test_keys_can_be_taken_away(aws: LocalAws) -> None:
    """A key that is named in the setting is unknown from then on."""
    sts = aws.client("sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    assert aws.client("sts", OTHER_ACCOUNT).get_caller_identity()["Account"] == OTHER_ACCOUNT
    aws.control.settings(invalid_keys=[ACCOUNT])
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()


def test_denied(aws: LocalAws) -> None:
    """What is denied is refused, by each service in its own words, and changes nothing; the rest goes on."""
    aws.control.settings(denied=["ec2:Create*", "s3:*", "sqs:CreateQueue", "tag:GetResources"])
    with refused("UnauthorizedOperation", 403):
        aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    with refused("AccessDenied", 403):
        aws.client("s3").list_buckets()
    with refused("AccessDenied", 403):
        aws.client("sqs").create_queue(QueueName="q")
    with refused("AccessDeniedException"):
        aws.client("resourcegroupstaggingapi").get_resources()
    aws.client("ec2").describe_vpcs()
    assert standing(aws, "vpc") == standing(aws, "sqs_queue") == {}


def test_quotas(aws: LocalAws) -> None:
    """The one too many of each kind is refused in the kind's own words."""
    where, ec2 = network(aws), aws.client("ec2")
    launch(aws, where)
    new_volume(aws)
    kinds = ("vpc", "subnet", "security_group", "instance", "route_table")
    aws.control.settings(quotas=dict.fromkeys(kinds, 1) | {"volume": 2, "internet_gateway": 0, "bucket": 0, "queue": 0})
    with refused("VpcLimitExceeded"):
        network(aws, 1)
    with refused("SubnetLimitExceeded"):
        ec2.create_subnet(VpcId=where.vpc, CidrBlock="10.0.2.0/24")
    with refused("SecurityGroupLimitExceeded"):
        ec2.create_security_group(GroupName="b", Description="b", VpcId=where.vpc)
    with refused("RouteTableLimitExceeded"):
        ec2.create_route_table(VpcId=where.vpc)
    with refused("InstanceLimitExceeded"):
        launch(aws, where)
    with refused("VolumeLimitExceeded"):
        new_volume(aws)
    with refused("InternetGatewayLimitExceeded"):
        ec2.create_internet_gateway()
    with refused("TooManyBuckets"):
        config = {"LocationConstraint": REGION}
        aws.client("s3").create_bucket(Bucket="a-bucket", CreateBucketConfiguration=config)
    with refused("OverLimit"):
        aws.client("sqs").create_queue(QueueName="q")
    aws.control.settings(quotas={})
    network(aws, 1)


def test_an_unknown_filter(aws: LocalAws) -> None:
    """A filter that the local cloud lacks is refused with 400 and named."""
    launch(aws, network(aws))
    aws.client("ec2").create_internet_gateway()
    for call in ("describe_instances", "describe_internet_gateways", "describe_vpcs"):
        with pytest.raises(ClientError, match="colour") as said:
            getattr(aws.client("ec2"), call)(Filters=[{"Name": "colour", "Values": ["red"]}])
        assert said.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    "wrong,code,words",
    [
        ({"k" * 129: ""}, "InvalidParameterValue", "maximum length of 128 characters"),
        ({"a": "v" * 257}, "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters"),
        ({"aws:a": ""}, "InvalidParameterValue", "reserved for internal use"),
        ({"AWS:a": ""}, "InvalidParameterValue", "reserved for internal use"),
        ({f"k{n}": "" for n in range(51)}, "TagLimitExceeded", "maximum number of Tags"),
    ],
)
def test_wrong_tags_of_ec2(aws: LocalAws, wrong: dict[str, str], code: str, words: str) -> None:
    """What a create, or CreateTags, may not say makes and changes nothing; the longest that are allowed are taken."""
    ec2 = aws.client("ec2")
    longest = {"k" * 128: "v" * 256}
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", **longest))["Vpc"]["VpcId"]
    for call, said in (
        (ec2.create_vpc, {"CidrBlock": "10.1.0.0/16", "TagSpecifications": tags("vpc", **wrong)}),
        (ec2.create_tags, {"Resources": [vpc], "Tags": tags("vpc", **wrong)[0]["Tags"]}),
    ):
        with pytest.raises(ClientError, match=words) as refusal:
            call(**said)
        assert refusal.value.response["Error"]["Code"] == code
    [one] = [v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"]]
    assert one["Tags"] == [{"Key": "k" * 128, "Value": "v" * 256}]
