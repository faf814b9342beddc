"""The wire: what AWS's own SDK reads from the local cloud's answers, and what the ledger reads from requests."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws


@pytest.mark.parametrize(
    "service,call,arguments,code",
    [
        ("ec2", "describe_fpga_images", {}, "InvalidAction"),
        ("iam", "simulate_principal_policy", {"PolicySourceArn": "a" * 20, "ActionNames": ["a:b"]}, "InvalidAction"),
        ("sqs", "cancel_message_move_task", {"TaskHandle": "x"}, "UnknownOperationException"),
        ("s3", "get_bucket_request_payment", {"Bucket": "some-bucket"}, "NotImplemented"),
        ("resourcegroupstaggingapi", "start_report_creation", {"S3Bucket": "bucket"}, "UnknownOperationException"),
        ("ssm", "describe_instance_information", {}, "UnknownOperationException"),
        ("pricing", "get_products", {"ServiceCode": "AmazonEC2"}, "UnknownOperationException"),
        ("accessanalyzer", "list_analyzers", {}, "UnknownOperationException"),
    ],
)
def test_what_is_not_there(aws: LocalAws, service: str, call: str, arguments: dict[str, Any], code: str) -> None:
    """An operation that the local cloud lacks is refused with 400 in the protocol's shape, never with 500."""
    with pytest.raises(ClientError) as refused:
        getattr(aws.client(service), call)(**arguments)
    said = refused.value.response
    assert (said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert said["ResponseMetadata"]["RequestId"]


def test_an_unknown_sub_resource_makes_nothing(aws: LocalAws) -> None:
    """A part of a bucket that the local cloud lacks is not taken for the bucket itself."""
    with pytest.raises(ClientError, match="NotImplemented"):
        aws.client("s3", region="us-east-1").put_bucket_analytics_configuration(
            Bucket="never-made",
            Id="x",
            AnalyticsConfiguration={"Id": "x", "StorageClassAnalysis": {}},
        )
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_request_ids(aws: LocalAws) -> None:
    """The request id that the SDK reads is the ledger's, in every protocol, and no two are alike."""
    bucket = {"Bucket": "a-bucket", "CreateBucketConfiguration": {"LocationConstraint": REGION}}
    answers = [
        aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16"),
        aws.client("s3").create_bucket(**bucket),
        aws.client("sqs").create_queue(QueueName="q"),
        aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}"),
    ]
    with pytest.raises(ClientError) as refused:
        aws.client("s3").delete_bucket(Bucket="no-such-bucket")
    answers.append(refused.value.response)
    ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
    assert ids == [entry.request_id for entry in aws.control.ledger()]
    assert len(set(ids)) == len(ids)


def test_what_the_ledger_reads(aws: LocalAws) -> None:
    """The ledger has a mutation's parameters as the SDK was given them, its token, its tags, and what it made."""
    tags = [{"Key": "holdfast:token", "Value": "t-1"}]
    vpc = aws.client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
    )["Vpc"]["VpcId"]
    aws.client("ec2").delete_vpc(VpcId=vpc)
    made, deleted = aws.control.ledger()
    assert made.parameters["TagSpecifications"] == [{"ResourceType": "vpc", "Tags": tags}]
    assert made.tags == {"holdfast:token": "t-1"}
    assert vpc in made.made
    assert (made.service, made.account, made.region, made.status) == ("ec2", ACCOUNT, REGION, 200)
    assert deleted.parameters == {"VpcId": vpc}
    assert vpc in deleted.touched
    assert [e.action for e in aws.control.ledger(since=made.seq)] == ["DeleteVpc"]


def test_reads_are_not_written_down(aws: LocalAws) -> None:
    """Whatever changes nothing, a dry run included, is not in the ledger."""
    aws.client("ec2").describe_vpcs()
    aws.client("s3").list_buckets()
    aws.client("sts").get_caller_identity()
    with pytest.raises(ClientError, match="DryRunOperation"):
        aws.client("ec2").create_vpc(CidrBlock="10.99.0.0/16", DryRun=True)
    assert aws.control.ledger() == []
    assert "10.99.0.0/16" not in [vpc["CidrBlock"] for vpc in aws.client("ec2").describe_vpcs()["Vpcs"]]


def test_what_aws_refuses(aws: LocalAws) -> None:
    """A mutation that the cloud itself refused is in the ledger, with its code."""
    with pytest.raises(ClientError):
        aws.client("ec2").delete_vpc(VpcId="vpc-00000000")
    (entry,) = aws.control.ledger()
    assert (entry.outcome, entry.code, entry.status) == ("refused", "InvalidVpcID.NotFound", 400)


def test_accounts(aws: LocalAws) -> None:
    """An access key of twelve digits is that account's, and accounts do not see each other's resources."""
    assert aws.client("sts", account=OTHER_ACCOUNT).get_caller_identity()["Account"] == OTHER_ACCOUNT
    aws.client("sqs", account=OTHER_ACCOUNT).create_queue(QueueName="theirs")
    assert "QueueUrls" not in aws.client("sqs").list_queues()
    assert [e.account for e in aws.control.ledger()] == [OTHER_ACCOUNT]


def test_objects(aws: LocalAws) -> None:
    """Objects come back as they went, whatever their names; the ledger has their size and not their content."""
    s3, key, body = aws.client("s3"), "a/b c%2Fd/ü+&?", b"<RequestId>mine</RequestId>" * 60_000
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="a-bucket", Key=key, Body=body)
    with s3.get_object(Bucket="a-bucket", Key=key)["Body"] as stream:
        assert stream.read() == body
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="a-bucket")["Contents"]] == [key]
    with pytest.raises(ClientError) as absent:
        s3.head_object(Bucket="a-bucket", Key="another")
    assert absent.value.response["Error"]["Code"] == "404"
    written = aws.control.ledger()[-1]
    assert (written.action, written.parameters["Body"]) == ("PutObject", f"{len(body)} bytes")


def test_a_long_poll_holds_up_nobody(aws: LocalAws) -> None:
    """While a queue is long-polled other requests are answered."""
    import time
    from concurrent.futures import ThreadPoolExecutor

    url = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(aws.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=2)
        time.sleep(0.3)
        aws.client("ec2").describe_vpcs()
        assert not polled.done()
        polled.result(10)


def test_garbage(aws: LocalAws) -> None:
    """A request that nobody can read is refused with 400, and the cloud goes on."""
    for headers, body in (
        ({}, b"\xff\xfe"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"Action=Nonsense&Version=1"),
        ({"X-Amz-Target": "Nonsense.Nothing", "Content-Type": "application/x-amz-json-1.0"}, b"{"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request, x"}, b"{"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=10)
        connection.request("POST", "/", body, headers)
        assert 400 <= connection.getresponse().status < 500
        connection.close()
    assert aws.control.health()["cloud"] == "aws"
