"""What the real Compute Engine has answered, as recorded: it becomes a complete observation, and a spec again.

The recordings stand outside of the project: see `HOLDFAST_FIXTURES` in CONTRIBUTING.md.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from activities.providers.gcp.compute import ComputeKind
from holdfast.model import Address, Owner, Scope, Status
from holdfast.resource import Call
from tests.localcloud.google_traces import read
from workers.catalog import catalog

FIXTURES = os.environ.get("HOLDFAST_FIXTURES")
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# What Google does not show, and a document says all the same: see the kind.
UNREAD: dict[str, dict[str, Any]] = {
    "gcp.instance": {
        "image": "projects/a-project/global/images/an-image",
        "boot_disk_type": "pd-balanced",
        "boot_disk_size_gb": None,
        "nat_ip": None,
    },
    # One recording boots from a disk that stands already.
    "gcp.instance_template": {
        "name_prefix": None,  # of which the name is the whole
        "image": "projects/a-project/global/images/an-image",
        "boot_disk_type": "pd-balanced",
    },
    "gcp.instance_group_manager": {  # one recording has a group without one
        "instance_template": "projects/a-project/global/instanceTemplates/a-template"
    },
    "gcp.network": {"mtu": None},
    "gcp.disk": {"size_gb": None},  # which some of the recordings have lost
}
# What Google adds to every one, and takes from none.
ADDED = ("id", "kind", "selfLink", "status", "zone", "region", "creationTimestamp", "state")


def every(found: Any) -> Iterator[dict[str, Any]]:
    """Every resource in an answer: itself, or the items of a list, of one place or of all."""
    if isinstance(found, list):
        for one in found:
            yield from every(one)
    elif isinstance(found, dict) and "selfLink" in found and "items" not in found:
        yield found
    elif isinstance(found, dict):
        for one in found.values():
            yield from every(one)


def recorded() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Kind -> where it was recorded, and the resource."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    collections = {k.collection: k.kind for k in catalog() if isinstance(k, ComputeKind)}
    for where, answer in answers():
        for raw in every(answer):
            collection = raw["selfLink"].split("/")[-2]
            if raw.get("name") and collection in collections:
                found.setdefault(collections[collection], []).append((where, raw))
    return found


def answers() -> Iterator[tuple[str, Any]]:
    """What was answered to a GET."""
    directory = Path(FIXTURES or "")
    for file in sorted(directory.glob("gcp/*/get-compute-*.json")):
        yield f"{file.parent.name}/{file.name}", json.loads(file.read_text())["body"]
    for file in sorted(directory.glob("gcp-traces/*.log")):
        for number, exchange in enumerate(read(file)):
            if exchange.method == "GET" and exchange.status == 200:
                named = PLACEHOLDER.sub(lambda it: it[1].lower(), json.dumps(exchange.answer))
                yield f"{file.name} {number}", json.loads(named)


def kinds() -> list[str]:
    return [k.kind for k in catalog() if isinstance(k, ComputeKind)]


def call(kind: ComputeKind[Any], properties: Mapping[str, Any], remote_id: str) -> Call[Any]:
    plain = {**UNREAD.get(kind.kind, {}), **properties}
    if "/" in str(plain.get("network_ip")):  # one recording has an address's path in its place
        del plain["network_ip"]
    spec = kind.spec.model_validate(plain)
    project, place = remote_id.split("/")[1:4:2] if "/global/" not in remote_id else (remote_id.split("/")[1], "")
    scope = Scope("gcp", project, place.rpartition("-")[0] if "/zones/" in remote_id else place or "us-central1")
    owner = Owner("test", "shop")
    return Call(Address("shop", kind.kind, "it"), scope, owner, lambda _: None, token="t", spec=spec)


pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(FIXTURES is None, reason="HOLDFAST_FIXTURES is not set"),
]


@pytest.mark.parametrize("name", kinds())
def test_what_stood_is_observed_completely(name: str) -> None:
    """Every field of the spec and every output is read, and nobody's resource is nobody's."""
    kind: Any = catalog()[name]
    found = recorded().get(name, [])
    if not found:
        pytest.skip(f"there is no recording of a {name}")
    for where, raw in found:
        seen = kind.see(raw, Scope("gcp", "a-project", "us-central1"))
        fields = set(kind.spec.model_fields) - set(UNREAD.get(name, {}))
        assert fields <= set(seen.properties), where
        assert set(seen.outputs) == set(kind.outputs), where
        assert seen.status in {Status.ready, Status.pending}, where
        assert (seen.owner, seen.address, seen.token) == (None, None, None), where


@pytest.mark.parametrize("name", kinds())
def test_what_stood_can_be_made_again(name: str) -> None:
    """What was observed is a valid spec, and what a create sends for it is observed as the same again."""
    kind: Any = catalog()[name]
    found = recorded().get(name, [])
    if not found:
        pytest.skip(f"there is no recording of a {name}")
    for where, raw in found:
        seen = kind.see(raw, Scope("gcp", "a-project", "us-central1"))
        asked = call(kind, seen.properties, seen.remote_id)
        path = kind.path(asked)
        assert str(path) == seen.remote_id, where
        sent = {"name": path.name, **kind.body(asked), **kind._marked(asked)}
        added = {field: raw[field] for field in ADDED if field in raw}
        again = kind.see({**added, **sent}, asked.scope)
        assert again.owner == "test/shop", where
        before, after = kind.canonical(seen.properties), kind.canonical(again.properties)
        before = {f: v for f, v in before.items() if f != "network_ip" or "/" not in str(v)}
        assert {f: after.get(f) for f in before} == before, where
