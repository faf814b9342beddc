"""`aws.vpc` on the local AWS: its two switches of DNS, of which one needs the other."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from activities.providers.aws.kinds.vpc import Vpc, VpcSpec
from tests.cloud import LocalAws
from tests.kinds.aws_calls import Called

STATES = list(product((True, False), repeat=2))


def vpc(aws: LocalAws, support: bool, names: bool) -> Called[VpcSpec]:
    spec = {"cidr": "10.0.0.0/16", "dns_support": support, "dns_hostnames": names}
    return Called(Vpc(), aws, "net", VpcSpec.model_validate(spec))


@pytest.mark.parametrize("support, names", STATES)
def test_made_and_completed(aws: LocalAws, support: bool, names: bool) -> None:
    """Any of the four is made, and is completed from wherever an earlier delivery was cut off."""
    made = vpc(aws, support, names)
    made.create()
    assert made.differs() == []
    made.create(remote_id=made.remote_id)
    assert made.differs() == []


@pytest.mark.parametrize("old, new", list(permutations(STATES, 2)))
def test_from_each_to_each(aws: LocalAws, old: tuple[bool, bool], new: tuple[bool, bool]) -> None:
    """EC2 gives names only where resolution is on: each of the four is reached from each, and so taken back."""
    made = vpc(aws, *old)
    made.create()
    made.update(dns_support=new[0], dns_hostnames=new[1])
    assert made.differs() == []
