"""What the local AWS says stands: enough to compare two moments field by field."""

from __future__ import annotations

import json

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, launch, network, new_volume, standing, tags


def test_an_account_before_anybody_asks(aws: LocalAws) -> None:
    """Looking at an empty account, in any region, makes nothing stand."""
    for region in (REGION, "us-east-1"):
        aws.client("ec2", region=region).describe_vpcs()
        aws.client("sqs", region=region).list_queues()
    aws.client("s3").list_buckets()
    assert aws.control.world() == {}


def test_everything_and_back(aws: LocalAws) -> None:
    """What is made is in the world, by account, region and kind, with its tags; what is deleted leaves no trace."""
    aws.control.settings(**AT_ONCE, queue_delete_seconds=0)
    ec2, s3, sqs = aws.client("ec2"), aws.client("s3"), aws.client("sqs")
    where = network(aws)
    one, free = launch(aws, where, TagSpecifications=tags("instance", a="b"))["InstanceId"], new_volume(aws)
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    url = sqs.create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"]
    found = aws.control.world()
    assert list(found) == [ACCOUNT]
    assert list(found[ACCOUNT]) == [REGION]
    assert {kind: len(found[ACCOUNT][REGION][kind]) for kind in found[ACCOUNT][REGION]} == {
        "instance": 1,
        "route_table": 1,
        "s3_bucket": 1,
        "security_group": 2,
        "sqs_queue": 1,
        "subnet": 1,
        "volume": 2,
        "vpc": 1,
    }
    assert found[ACCOUNT][REGION]["instance"][one]["tags"] == {"a": "b"}
    assert found == json.loads(json.dumps(found, sort_keys=True))
    ec2.terminate_instances(InstanceIds=[one])
    ec2.delete_volume(VolumeId=free)
    ec2.delete_security_group(GroupId=where.group)
    ec2.delete_subnet(SubnetId=where.subnet)
    ec2.delete_vpc(VpcId=where.vpc)
    s3.delete_bucket(Bucket="a-bucket")
    sqs.delete_queue(QueueUrl=url)
    assert aws.control.world() == {}


def test_a_change_and_back(aws: LocalAws) -> None:
    """A changed field shows, and changed back it is as if nothing had been."""
    ec2, where = aws.client("ec2"), network(aws)
    before = aws.control.world()
    ec2.create_tags(Resources=[where.vpc], Tags=[{"Key": "a", "Value": "b"}])
    ec2.modify_vpc_attribute(VpcId=where.vpc, EnableDnsHostnames={"Value": True})
    changed = standing(aws, "vpc")[where.vpc]
    assert (changed["tags"], changed["dns_hostnames"]) == ({"a": "b"}, True)
    ec2.delete_tags(Resources=[where.vpc], Tags=[{"Key": "a"}])
    ec2.modify_vpc_attribute(VpcId=where.vpc, EnableDnsHostnames={"Value": False})
    assert aws.control.world() == before


def test_accounts_apart(aws: LocalAws) -> None:
    """What another account makes is its own."""
    aws.client("ec2", OTHER_ACCOUNT).create_vpc(CidrBlock="10.0.0.0/16")
    network(aws)
    assert set(aws.control.world()) == {ACCOUNT, OTHER_ACCOUNT}
    assert len(standing(aws, "vpc")) == 1


def test_memory_survives(aws: LocalAws) -> None:
    """What was due and which tokens are spent is part of a snapshot: time goes on where it stopped."""
    aws.control.settings(volume_creating_seconds=100)
    it = new_volume(aws, ClientToken="t")
    aws.control.save("moment")
    aws.control.reset()
    aws.control.load("moment")
    assert standing(aws, "volume")[it]["state"] == "creating"
    aws.control.step(101)
    assert standing(aws, "volume")[it]["state"] == "available"
    assert new_volume(aws, ClientToken="t") == it
