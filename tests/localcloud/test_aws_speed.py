"""The local AWS stays quick however much stands: tests of a thousand resources measure us, and not it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cloud import REGION, LocalAws
from tests.localcloud.aws_parts import network, tags

MOST = 300
OWNER = {"holdfast-owner": "me", "holdfast-address": "shop/aws.vpc/main", "holdfast-token": "0" * 36}


def makers(aws: LocalAws) -> dict[str, Callable[[int], Any]]:
    ec2, sqs = aws.client("ec2"), aws.client("sqs")
    where = network(aws)
    return {
        "subnet": lambda n: ec2.create_subnet(
            VpcId=where.vpc,
            CidrBlock=f"10.0.{2 + n // 16}.{n % 16 * 16}/28",
            TagSpecifications=tags("subnet", **OWNER),
        ),
        "group": lambda n: ec2.create_security_group(
            GroupName=f"g{n}", Description="g", VpcId=where.vpc, TagSpecifications=tags("security-group", **OWNER)
        ),
        "volume": lambda n: ec2.create_volume(
            AvailabilityZone=f"{REGION}a", Size=1, ClientToken=f"t{n}", TagSpecifications=tags("volume", **OWNER)
        ),
        "queue": lambda n: sqs.create_queue(QueueName=f"q{n}", tags=OWNER),
    }


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["subnet", "group", "volume", "queue"])
def test_many(aws: LocalAws, kind: str) -> None:
    """More than sixty of a kind are made a second, the last as quickly as the first."""
    make = makers(aws)[kind]
    with ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        list(pool.map(make, range(MOST)))
        took = time.monotonic() - began
    assert MOST / took > 60
