"""Late sight in the local AWS: the new is not seen yet, the changed is seen as it was, the gone is seen still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import REGION, LocalAws
from tests.localcloud.aws_parts import AT_ONCE, instance, launch, network, new_volume, refused, standing, tags

Make = Callable[[LocalAws], str]
Look = Callable[[LocalAws, str], Any]


def bucket(aws: LocalAws) -> str:
    config = {"LocationConstraint": REGION, "Tags": [{"Key": "a", "Value": "b"}]}
    aws.client("s3").create_bucket(Bucket="a-bucket", CreateBucketConfiguration=config)
    return "a-bucket"


def queue(aws: LocalAws) -> str:
    return str(aws.client("sqs").create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"])


MAKE: dict[str, tuple[Make, Look, Callable[[LocalAws], list[str]]]] = {
    "vpc": (
        lambda a: a.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"],
        lambda a, i: a.client("ec2").describe_vpcs(VpcIds=[i]),
        lambda a: [v["VpcId"] for v in a.client("ec2").describe_vpcs()["Vpcs"]],
    ),
    "subnet": (
        lambda a: network(a).subnet,
        lambda a, i: a.client("ec2").describe_subnets(SubnetIds=[i]),
        lambda a: [s["SubnetId"] for s in a.client("ec2").describe_subnets()["Subnets"]],
    ),
    "igw": (
        lambda a: a.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
        lambda a, i: a.client("ec2").describe_internet_gateways(InternetGatewayIds=[i]),
        lambda a: [g["InternetGatewayId"] for g in a.client("ec2").describe_internet_gateways()["InternetGateways"]],
    ),
    "rtb": (
        lambda a: a.client("ec2").create_route_table(VpcId=network(a).vpc)["RouteTable"]["RouteTableId"],
        lambda a, i: a.client("ec2").describe_route_tables(RouteTableIds=[i]),
        lambda a: [t["RouteTableId"] for t in a.client("ec2").describe_route_tables()["RouteTables"]],
    ),
    "sg": (
        lambda a: network(a).group,
        lambda a, i: a.client("ec2").describe_security_groups(GroupIds=[i]),
        lambda a: [g["GroupId"] for g in a.client("ec2").describe_security_groups()["SecurityGroups"]],
    ),
    "i": (
        lambda a: launch(a, network(a))["InstanceId"],
        instance,
        lambda a: [
            i["InstanceId"] for r in a.client("ec2").describe_instances()["Reservations"] for i in r["Instances"]
        ],
    ),
    "vol": (
        new_volume,
        lambda a, i: a.client("ec2").describe_volumes(VolumeIds=[i]),
        lambda a: [v["VolumeId"] for v in a.client("ec2").describe_volumes()["Volumes"]],
    ),
    "bucket": (
        bucket,
        lambda a, i: a.client("s3").get_bucket_tagging(Bucket=i),
        lambda a: [b["Name"] for b in a.client("s3").list_buckets()["Buckets"]],
    ),
    "queue": (
        queue,
        lambda a, i: a.client("sqs").get_queue_url(QueueName=i.rpartition("/")[2]),
        lambda a: a.client("sqs").list_queues().get("QueueUrls", []),
    ),
}


@pytest.mark.parametrize("kind", MAKE)
def test_new_things(aws: LocalAws, kind: str) -> None:
    """A new thing is missing from lists, then NotFound by its id, for as long as is set; it stands all the while."""
    make, look, every = MAKE[kind]
    aws.control.settings(new_list_lag_seconds=200, new_get_lag_seconds=100, lag_kinds=[kind])
    it = make(aws)
    assert it not in every(aws)
    with pytest.raises(ClientError, match=r"NotFound|NoSuch|NonExistent"):
        look(aws, it)
    aws.control.step(101)
    look(aws, it)
    assert it not in every(aws)
    aws.control.step(100)
    assert it in every(aws)


def test_using_what_is_new(aws: LocalAws) -> None:
    """What names a new thing can be refused, as if it were not there, and changes nothing."""
    aws.control.settings(new_use_lag_seconds=100)
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    with refused("InvalidVpcID.NotFound"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")
    bucket(aws)
    with refused("NoSuchBucket"):
        aws.client("s3").put_bucket_versioning(Bucket="a-bucket", VersioningConfiguration={"Status": "Enabled"})
    aws.control.step(101)
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")
    aws.client("s3").put_bucket_versioning(Bucket="a-bucket", VersioningConfiguration={"Status": "Enabled"})


def test_an_old_token_still_answers(aws: LocalAws) -> None:
    """While a new instance is not seen, its token finds it: nothing is made twice."""
    aws.control.settings(new_list_lag_seconds=100, new_get_lag_seconds=100)
    where = network(aws)
    assert launch(aws, where, ClientToken="t")["InstanceId"] == launch(aws, where, ClientToken="t")["InstanceId"]
    assert len(standing(aws, "instance")) == 1


def test_stale_attributes(aws: LocalAws) -> None:
    """A change is seen late: attributes, rules, associations and types are read as they were."""
    aws.control.settings(**AT_ONCE)
    ec2, where = aws.client("ec2"), network(aws)
    one, it = launch(aws, where)["InstanceId"], new_volume(aws)
    table = ec2.create_route_table(VpcId=where.vpc)["RouteTable"]["RouteTableId"]
    ec2.stop_instances(InstanceIds=[one])

    def read() -> list[Any]:
        subnet = ec2.describe_subnets(SubnetIds=[where.subnet])["Subnets"][0]
        group = ec2.describe_security_groups(GroupIds=[where.group])["SecurityGroups"][0]
        routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        kind = instance(aws, one)["InstanceType"]
        size = ec2.describe_volumes(VolumeIds=[it])["Volumes"][0]["Size"]
        support = ec2.describe_vpc_attribute(VpcId=where.vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]
        return [
            subnet["MapPublicIpOnLaunch"],
            len(group["IpPermissions"]),
            len(routes["Associations"]),
            kind,
            size,
            support["Value"],
        ]

    before = read()
    aws.control.settings(stale_seconds=100)
    ec2.modify_subnet_attribute(SubnetId=where.subnet, MapPublicIpOnLaunch={"Value": True})
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=where.group, IpPermissions=[permission])
    ec2.associate_route_table(RouteTableId=table, SubnetId=where.subnet)
    ec2.modify_instance_attribute(InstanceId=one, InstanceType={"Value": "t3.small"})
    ec2.modify_volume(VolumeId=it, Size=20)
    ec2.modify_vpc_attribute(VpcId=where.vpc, EnableDnsHostnames={"Value": True})
    assert read() == before == [False, 0, 0, "t3.micro", 10, False]
    assert standing(aws, "volume")[it]["size"] == 20
    aws.control.step(101)
    assert read() == [True, 1, 1, "t3.small", 20, True]


def test_two_changes(aws: LocalAws) -> None:
    """Of two changes the first is seen first."""
    aws.control.settings(stale_seconds=100)
    sqs, url = aws.client("sqs"), queue(aws)

    def delay() -> str:
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["DelaySeconds"])

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    aws.control.step(50)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "2"})
    seen = [delay()]
    for seconds in (51, 50):
        aws.control.step(seconds)
        seen.append(delay())
    assert seen == ["0", "1", "2"]


def test_stale_tags(aws: LocalAws) -> None:
    """Tags are read, and filtered by, as they were: of networks, queues and buckets."""
    ec2, s3, sqs = aws.client("ec2"), aws.client("s3"), aws.client("sqs")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags("vpc", a="b"))["Vpc"]["VpcId"]
    url, name = queue(aws), bucket(aws)
    aws.control.settings(stale_seconds=100)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "c"}])
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "c"}]})
    sqs.tag_queue(QueueUrl=url, Tags={"a": "c"})

    def read() -> list[str]:
        found = [v for v in "bc" if ec2.describe_vpcs(Filters=[{"Name": "tag:a", "Values": [v]}])["Vpcs"]]
        tagged = s3.get_bucket_tagging(Bucket=name)["TagSet"][0]["Value"]
        return [*found, tagged, sqs.list_queue_tags(QueueUrl=url)["Tags"]["a"]]

    assert read() == ["b", "b", "b"]
    aws.control.step(101)
    assert read() == ["c", "c", "c"]


def test_the_tagging_api_lags_alone(aws: LocalAws) -> None:
    """The tagging API can be behind what every other read shows: new, changed and deleted."""
    api, ec2 = aws.client("resourcegroupstaggingapi"), aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags("vpc", a="b"))["Vpc"]["VpcId"]
    aws.control.settings(tag_api_lag_seconds=100)
    queue(aws)
    bucket(aws)
    ec2.delete_vpc(VpcId=vpc)

    def read() -> list[str]:
        found = api.get_resources(TagFilters=[{"Key": "a"}])["ResourceTagMappingList"]
        return [r["ResourceARN"].split(":")[2] for r in found]

    assert aws.client("sqs").list_queues()["QueueUrls"]
    assert read() == ["ec2"]
    aws.control.step(101)
    assert read() == ["s3", "sqs"]


def test_what_is_gone(aws: LocalAws) -> None:
    """A deleted thing is shown for a while, with its tags, and cannot be used."""
    aws.control.settings(deleted_lag_seconds=100)
    ec2, where = aws.client("ec2"), network(aws)
    ec2.create_tags(Resources=[where.subnet], Tags=[{"Key": "a", "Value": "b"}])
    ec2.delete_subnet(SubnetId=where.subnet)
    found = ec2.describe_subnets(Filters=[{"Name": "tag:a", "Values": ["b"]}])["Subnets"]
    assert [s["SubnetId"] for s in found] == [where.subnet]
    assert where.subnet not in standing(aws, "subnet")
    with refused("InvalidSubnetID.NotFound"):
        ec2.delete_subnet(SubnetId=where.subnet)
    aws.control.step(101)
    with refused("InvalidSubnetID.NotFound"):
        ec2.describe_subnets(SubnetIds=[where.subnet])


def test_on_a_calm_day(aws: LocalAws) -> None:
    """Unless it is set otherwise, everything is seen at once."""
    for make, look, every in MAKE.values():
        it = make(aws)
        look(aws, it)
        assert it in every(aws)
