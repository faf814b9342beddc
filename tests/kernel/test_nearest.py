"""Suggestions: what somebody probably meant, and nothing where nothing is near."""

from __future__ import annotations

import pytest

from holdfast.nearest import nearest
from workers.catalog import catalog


@pytest.mark.parametrize(
    "said, meant",
    [
        ("azure.vm", "azure.virtual_machine"),
        ("azure.nsg", "azure.network_security_group"),
        ("azure.VirtualMachine", "azure.virtual_machine"),
        ("azure.vmss", "azure.vm_scale_set"),
        ("azure.scale_set", "azure.vm_scale_set"),
        ("azure.subnett", "azure.subnet"),
        ("aws.bucket", "aws.s3_bucket"),
        ("aws.queue", "aws.sqs_queue"),
        ("aws.sg", "aws.security_group"),
        ("aws.vcp", "aws.vpc"),
        ("asw.vpc", "aws.vpc"),
        ("gcp.subnet", "gcp.subnetwork"),
        ("gcp.mig", None),
        ("azure.teapot", None),
    ],
)
def test_a_kind_that_was_meant(said: str, meant: str | None) -> None:
    """By a slip of the hand, by one of its words, or by what people shorten it to; and never for its cloud alone."""
    assert nearest(said, catalog().kinds) == meant


def test_a_field_that_was_meant() -> None:
    """A slip counts for more than a word."""
    assert nearest("zone", ["zone_redundant", "zones"]) == "zones"
    assert nearest("size", ["name", "size_gb"]) == "size_gb"
    assert nearest("x", ["name", "size_gb"]) is None
    assert nearest("name", []) is None
