"""Buckets of the local AWS: had once in the world, private and encrypted from the first instant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.localcloud.aws_parts import refused, standing


def make(aws: LocalAws, name: str = "a-bucket", account: str = ACCOUNT, region: str = REGION, **more: Any) -> Any:
    config: dict[str, Any] = {"LocationConstraint": region} if region != "us-east-1" else {}
    config |= more.pop("config", {})
    asked = {"Bucket": name, **more} | ({"CreateBucketConfiguration": config} if config else {})
    return aws.client("s3", account, region).create_bucket(**asked)


def policy(name: str, **statement: Any) -> str:
    said = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **statement,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in said.items() if v is not None}]})


def test_secure_from_the_start(aws: LocalAws) -> None:
    """A new bucket is encrypted with SSE-S3, blocks what is public, belongs to its owner alone, has no versions."""
    make(aws)
    s3 = aws.client("s3")
    rule = s3.get_bucket_encryption(Bucket="a-bucket")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(s3.get_public_access_block(Bucket="a-bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    ownership = s3.get_bucket_ownership_controls(Bucket="a-bucket")["OwnershipControls"]
    assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "Status" not in s3.get_bucket_versioning(Bucket="a-bucket")
    s3.delete_bucket_encryption(Bucket="a-bucket")
    assert s3.get_bucket_encryption(Bucket="a-bucket")["ServerSideEncryptionConfiguration"]["Rules"][0] == rule


WRONG_TAGS: tuple[tuple[list[dict[str, str]], str], ...] = (
    ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "InvalidTag"),
    ([{"Key": "aws:a", "Value": "1"}], "InvalidTag"),
    ([{"Key": "k" * 129, "Value": "1"}], "InvalidTag"),
    ([{"Key": "a", "Value": "v" * 257}], "InvalidTag"),
    ([{"Key": "a,b", "Value": "1"}], "InvalidTag"),
    ([{"Key": "a", "Value": "inv&alid"}], "InvalidTag"),
    ([{"Key": f"k{n}", "Value": ""} for n in range(51)], "BadRequest"),
)


@pytest.mark.parametrize("region", ["us-east-1", REGION])
def test_tags_with_the_create(aws: LocalAws, region: str) -> None:
    """The tags of a create stand with the bucket, at once."""
    make(aws, region=region, config={"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}]})
    found = aws.client("s3", region=region).get_bucket_tagging(Bucket="a-bucket")["TagSet"]
    assert found == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}]


def test_wrong_tags_make_nothing(aws: LocalAws) -> None:
    """A create whose tags are refused makes no bucket."""
    for wrong, code in WRONG_TAGS:
        with refused(code, 400):
            make(aws, config={"Tags": wrong})
    assert standing(aws, "s3_bucket") == {}


def test_wrong_tags_change_nothing(aws: LocalAws) -> None:
    """Those that a bucket has stay; and as many as may be, as long as may be, of all letters, are taken."""
    make(aws, config={"Tags": [{"Key": "a", "Value": "b"}]})
    s3 = aws.client("s3")
    for wrong, code in WRONG_TAGS:
        with refused(code, 400):
            s3.put_bucket_tagging(Bucket="a-bucket", Tagging={"TagSet": wrong})
    assert s3.get_bucket_tagging(Bucket="a-bucket")["TagSet"] == [{"Key": "a", "Value": "b"}]
    most = [{"Key": f"{'größe +-=._:/@'}{n:0114}", "Value": "v" * 256} for n in range(50)]
    s3.put_bucket_tagging(Bucket="a-bucket", Tagging={"TagSet": most})
    assert len(s3.get_bucket_tagging(Bucket="a-bucket")["TagSet"]) == 50


def test_names(aws: LocalAws) -> None:
    """A name is had once in the world: its owner hears one thing, others another; us-east-1 says yes to its owner."""
    make(aws)
    with refused("BucketAlreadyOwnedByYou", 409):
        make(aws)
    with refused("BucketAlreadyExists", 409):
        make(aws, account=OTHER_ACCOUNT)
    make(aws, "b-bucket", region="us-east-1", config={"Tags": [{"Key": "a", "Value": "b"}]})
    make(aws, "b-bucket", region="us-east-1", config={"Tags": [{"Key": "a", "Value": "c"}]})
    tagged = aws.client("s3", region="us-east-1").get_bucket_tagging(Bucket="b-bucket")["TagSet"]
    assert tagged == [{"Key": "a", "Value": "b"}]
    for wrong in ("A-Bucket", "a..b", "-ab", "192.168.0.1"):
        with refused("InvalidBucketName"):
            make(aws, wrong)


def test_a_freed_name(aws: LocalAws) -> None:
    """A deleted bucket's name is free at once, or held as long as it is told; its tags are not inherited."""
    make(aws, config={"Tags": [{"Key": "a", "Value": "b"}]})
    s3 = aws.client("s3")
    s3.delete_bucket(Bucket="a-bucket")
    make(aws)
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket="a-bucket")
    aws.control.settings(bucket_name_held_seconds=100)
    s3.delete_bucket(Bucket="a-bucket")
    with refused("OperationAborted", 409):
        make(aws)
    aws.control.step(101)
    make(aws)


def test_not_empty(aws: LocalAws) -> None:
    """A bucket with something in it stays."""
    make(aws)
    s3 = aws.client("s3")
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket="a-bucket")
    s3.delete_object(Bucket="a-bucket", Key="k")
    s3.delete_bucket(Bucket="a-bucket")
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket="a-bucket")
    with refused("404", 404):
        s3.head_bucket(Bucket="a-bucket")


def test_strangers(aws: LocalAws) -> None:
    """Another account's bucket can be neither read nor changed."""
    make(aws)
    s3 = aws.client("s3", OTHER_ACCOUNT)
    with refused("403", 403):
        s3.head_bucket(Bucket="a-bucket")
    with refused("AccessDenied", 403):
        s3.get_bucket_tagging(Bucket="a-bucket")
    with refused("AccessDenied", 403):
        s3.delete_bucket(Bucket="a-bucket")
    assert s3.list_buckets()["Buckets"] == []


def test_a_tls_only_policy(aws: LocalAws) -> None:
    """A policy that refuses what is not TLS is kept, is not public, and refuses when requests count as plain."""
    make(aws)
    s3 = aws.client("s3")
    s3.put_bucket_policy(Bucket="a-bucket", Policy=policy("a-bucket"))
    assert json.loads(s3.get_bucket_policy(Bucket="a-bucket")["Policy"]) == json.loads(policy("a-bucket"))
    assert s3.get_bucket_policy_status(Bucket="a-bucket")["PolicyStatus"] == {"IsPublic": False}
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")
    s3.get_object(Bucket="a-bucket", Key="k")
    aws.control.settings(secure_transport=False)
    with refused("403", 403):
        s3.get_object(Bucket="a-bucket", Key="k")


def test_wrong_policies(aws: LocalAws) -> None:
    """A policy that cannot be read, speaks of another bucket, or makes a blocked bucket public is refused."""
    make(aws)
    s3 = aws.client("s3")
    for wrong in (
        "{",
        json.dumps({"Version": "2012-10-17"}),
        policy("other-bucket"),
        policy("a-bucket", Effect="Maybe"),
    ):
        with refused("MalformedPolicy"):
            s3.put_bucket_policy(Bucket="a-bucket", Policy=wrong)
    public = policy("a-bucket", Effect="Allow", Condition=None)
    with refused("AccessDenied", 403):
        s3.put_bucket_policy(Bucket="a-bucket", Policy=public)
    s3.delete_public_access_block(Bucket="a-bucket")
    s3.put_bucket_policy(Bucket="a-bucket", Policy=public)
    assert s3.get_bucket_policy_status(Bucket="a-bucket")["PolicyStatus"] == {"IsPublic": True}


def test_access_lists(aws: LocalAws) -> None:
    """A bucket of its owner alone takes no access list; one that allows them does."""
    with refused("InvalidBucketAclWithObjectOwnership"):
        make(aws, ACL="public-read")
    make(aws)
    with refused("AccessControlListNotSupported"):
        aws.client("s3").put_bucket_acl(Bucket="a-bucket", ACL="public-read")
    make(aws, "b-bucket", ACL="public-read", ObjectOwnership="ObjectWriter")


def test_versioning(aws: LocalAws) -> None:
    """Versioning is switched on and suspended."""
    make(aws)
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket="a-bucket", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="a-bucket")["Status"] == "Enabled"
    s3.put_bucket_versioning(Bucket="a-bucket", VersioningConfiguration={"Status": "Suspended"})
    with refused("IllegalVersioningConfigurationException"):
        s3.put_bucket_versioning(Bucket="a-bucket", VersioningConfiguration={})


def test_where_it_is(aws: LocalAws) -> None:
    """A bucket says its region, to its own account, and is listed by name, page by page."""
    make(aws, "b-bucket")
    make(aws, "a-bucket", region="us-east-1")
    s3 = aws.client("s3")
    assert s3.get_bucket_location(Bucket="b-bucket")["LocationConstraint"] == REGION
    assert s3.head_bucket(Bucket="b-bucket")["BucketRegion"] == REGION
    first = s3.list_buckets(MaxBuckets=1)
    assert [b["Name"] for b in first["Buckets"]] == ["a-bucket"]
    rest = s3.list_buckets(MaxBuckets=1, ContinuationToken=first["ContinuationToken"])
    assert [(b["Name"], b["BucketRegion"]) for b in rest["Buckets"]] == [("b-bucket", REGION)]
    assert "ContinuationToken" not in rest
    with refused("IllegalLocationConstraintException"):
        s3.create_bucket(Bucket="c-bucket")
