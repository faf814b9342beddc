"""Regions lie in partitions of AWS, and names in them say so."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from activities.providers.aws import arns
from holdfast.model import Scope

PARTITIONS = get_session().get_component("data_loader").load_data("endpoints")["partitions"]
REGIONS = [(region, p["partition"], p["dnsSuffix"]) for p in PARTITIONS for region in p["regions"]]


@pytest.mark.parametrize("region, partition, suffix", REGIONS)
def test_every_region_the_sdk_knows(region: str, partition: str, suffix: str) -> None:
    """The partition of each region, and its suffix in DNS, are those that the SDK has."""
    assert arns.partition(region) == (partition, suffix)


def test_as_they_are_written() -> None:
    """An ARN says partition, service, region and account; a bucket's leaves the last two out."""
    here, there = Scope("aws", "123456789012", "eu-central-1"), Scope("aws", "123456789012", "us-gov-west-1")
    assert arns.arn(here, "ec2", "vpc/vpc-0a") == "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0a"
    assert arns.of_bucket(there, "receipts") == "arn:aws-us-gov:s3:::receipts"
