"""What is said to Google's typed clients, and what they answer, as REST's JSON."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.providers.gcp import door, wire
from tests.localcloud.google_parts import LocalGcp

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


def bodies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=1, max_size=3)


FIREWALL = bodies(
    name=names,
    description=words,
    priority=st.integers(0, 65535),
    disabled=st.booleans(),
    direction=st.sampled_from(["INGRESS", "EGRESS"]),
    sourceRanges=some(st.just("10.0.0.0/8")),
    allowed=some(bodies(IPProtocol=st.sampled_from(["tcp", "udp"]), ports=some(st.just("22")))),
    logConfig=bodies(enable=st.booleans()),
)
DISK = bodies(
    name=names,
    sizeGb=st.integers(0, 2**63 - 1).map(str),
    labels=st.dictionaries(names, words, min_size=1, max_size=3),
    id=st.integers(0, 2**64 - 1).map(str),
    selfLink=words,
    physicalBlockSizeBytes=st.integers(0, 2**63 - 1).map(str),
)
INSTANCE = bodies(
    name=names,
    canIpForward=st.booleans(),
    deletionProtection=st.booleans(),
    networkInterfaces=some(
        bodies(
            network=words,
            networkIP=words,
            accessConfigs=some(bodies(natIP=words, name=words, type=st.just("ONE_TO_ONE_NAT"))),
        )
    ),
    metadata=bodies(fingerprint=words, items=some(bodies(key=names, value=words))),
    scheduling=bodies(automaticRestart=st.booleans(), onHostMaintenance=st.just("MIGRATE")),
)
OPERATION = bodies(
    name=names,
    status=st.sampled_from(["PENDING", "RUNNING", "DONE"]),
    progress=st.integers(0, 100),
    httpErrorStatusCode=st.just(400),
    error=bodies(errors=some(bodies(code=words, message=words))),
)


@pytest.mark.parametrize(
    "kind, shape",
    [("Firewall", FIREWALL), ("Disk", DISK), ("Instance", INSTANCE), ("Operation", OPERATION)],
    ids=["Firewall", "Disk", "Instance", "Operation"],
)
def test_there_and_back(kind: str, shape: st.SearchStrategy[dict[str, Any]]) -> None:
    """What is said in REST's JSON comes back from the SDK's message as it was, false and zero and nothing included."""
    from google.cloud import compute_v1

    @settings(max_examples=60, deadline=None)
    @given(said=shape)
    def law(said: dict[str, Any]) -> None:
        assert wire.shown(wire.message(getattr(compute_v1, kind), said)) == said

    law()


SERVICES = [
    *("projects", "folders", "networks", "subnetworks", "firewalls", "addresses", "global_addresses", "routes"),
    *("instances", "disks", "region_disks", "images", "snapshots", "instance_templates"),
    *("instance_group_managers", "instance_groups", "region_instance_groups"),
    *("global_operations", "region_operations", "zone_operations"),
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_body_has_one_place(gcp: LocalGcp, gcp_visit: door.GcpVisit, service: str) -> None:
    """In no request of the SDK's is there a choice where a body goes, and what has pages is read by pages."""
    client = gcp_visit._principal.client(service).__class__
    for name, method in inspect.getmembers(client, inspect.isfunction):
        if name.startswith("_") or "request" not in inspect.signature(method).parameters:
            continue
        fields = wire._bare(wire._takes(client, name)).DESCRIPTOR.fields
        bodies = [f.name for f in fields if f.message_type is not None and f.message_type.full_name != wire.MASK]
        assert len(bodies) <= 1, name
        if any(f.name == "page_token" for f in fields):
            assert "Pager" in str(inspect.signature(method).return_annotation), name
