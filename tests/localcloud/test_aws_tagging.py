"""The tagging API of the local AWS: what stands, by its tags, page by page."""

from __future__ import annotations

from typing import Any

from tests.cloud import ACCOUNT, OTHER_ACCOUNT, REGION, LocalAws
from tests.localcloud.aws_parts import refused, tags

OWNED = [{"Key": "holdfast-owner", "Values": ["me"]}]


def listed(aws: LocalAws, account: str = ACCOUNT, region: str = REGION, **more: Any) -> list[str]:
    pages = aws.client("resourcegroupstaggingapi", account, region).get_paginator("get_resources").paginate(**more)
    return [r["ResourceARN"] for page in pages for r in page["ResourceTagMappingList"]]


def populate(aws: LocalAws) -> None:
    owner = {"holdfast-owner": "me"}
    for index in range(7):
        aws.client("sqs").create_queue(QueueName=f"q{index}", tags=owner if index else {"holdfast-owner": "you"})
    config = {"LocationConstraint": REGION, "Tags": [{"Key": k, "Value": v} for k, v in owner.items()]}
    aws.client("s3").create_bucket(Bucket="a-bucket", CreateBucketConfiguration=config)
    aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", **owner))


def test_what_is_owned(aws: LocalAws) -> None:
    """Buckets, queues and networks are found by owner and by kind, in their own account and region only."""
    populate(aws)
    assert len(listed(aws, TagFilters=OWNED)) == 8
    assert listed(aws, TagFilters=OWNED, ResourceTypeFilters=["s3"]) == ["arn:aws:s3:::a-bucket"]
    assert len(listed(aws, TagFilters=OWNED, ResourceTypeFilters=["sqs"])) == 6
    assert listed(aws, OTHER_ACCOUNT, TagFilters=OWNED) == listed(aws, region="us-east-1", TagFilters=OWNED) == []


def test_pages(aws: LocalAws) -> None:
    """Every page has at most what is asked for, and together they have all, once."""
    populate(aws)
    api = aws.client("resourcegroupstaggingapi")
    first = api.get_resources(TagFilters=OWNED, ResourcesPerPage=3)
    assert len(first["ResourceTagMappingList"]) == 3
    assert first["PaginationToken"]
    every = listed(aws, TagFilters=OWNED, PaginationConfig={"PageSize": 3})
    assert len(every) == len(set(every)) == 8
    with refused("InvalidParameterException"):
        api.get_resources(ResourcesPerPage=101)


def test_tagging_a_queue(aws: LocalAws) -> None:
    """The tagging API tags queues too."""
    populate(aws)
    api, arn = aws.client("resourcegroupstaggingapi"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:q0"
    assert api.tag_resources(ResourceARNList=[arn], Tags={"holdfast-owner": "me"})["FailedResourcesMap"] == {}
    assert arn in listed(aws, TagFilters=OWNED)
    api.untag_resources(ResourceARNList=[arn], TagKeys=["holdfast-owner"])
    assert arn not in listed(aws, TagFilters=OWNED)
