"""What Azure really answered, read by the kinds: complete, and written again as it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from activities.providers.azure import ids
from activities.providers.azure.arm import ArmKind
from holdfast.model import Address, Owner, Scope, Status
from holdfast.resource import Call
from workers.catalog import catalog

FIXTURES = os.environ.get("HOLDFAST_FIXTURES", "")
KINDS = {
    "microsoft.compute/disks": "azure.disk",
    "microsoft.compute/virtualmachines": "azure.virtual_machine",
    "microsoft.network/networksecuritygroups": "azure.network_security_group",
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx ops"
UNREAD = {"custom_data"}  # Azure tells it nobody
OWNER = Owner("test", "shop")


def _recorded() -> Iterator[Any]:
    seen: set[str] = set()
    for file in sorted(Path(FIXTURES, "azure").glob("*.json")) if FIXTURES else ():
        for one in json.loads(file.read_text())["interactions"]:
            for raw in _within(one["response"]["body"]):
                text = json.dumps(raw, sort_keys=True)
                if text not in seen:
                    seen.add(text)
                    yield pytest.param(raw, id=f"{raw['name']}-{len(seen)}")


def _within(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        if str(value.get("type", "")).lower() in KINDS and "id" in value:
            yield value
        for inner in value.values():
            yield from _within(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner)


RECORDED = list(_recorded())
pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(not RECORDED, reason="HOLDFAST_FIXTURES names no recorded answers"),
]


def _kind(raw: Mapping[str, Any]) -> ArmKind[Any]:
    kind = catalog()[KINDS[str(raw["type"]).lower()]]
    assert isinstance(kind, ArmKind)
    return kind


def _scope(raw: Mapping[str, Any]) -> Scope:
    return Scope("azure", ids.parse(raw["id"]).subscription, str(raw["location"]))


@pytest.mark.parametrize("raw", RECORDED)
def test_it_becomes_a_complete_observation(raw: Mapping[str, Any]) -> None:
    """Every field of the spec is read, every output given; a list that leaves out how a machine runs says so."""
    kind = _kind(raw)
    seen = kind.see(raw, _scope(raw))
    assert seen.status is Status.ready
    assert seen.remote_id == str(raw["id"]).lower()
    assert (seen.owner, seen.address, seen.token) == (None, None, None)
    assert set(seen.outputs) == set(kind.outputs)
    unread = UNREAD | ({"power"} if seen.partial else set())
    assert set(seen.properties) == set(kind.spec.model_fields) - (unread & set(kind.spec.model_fields))
    assert seen.properties["tags"] == (raw.get("tags") or {})


@pytest.mark.parametrize("raw", RECORDED)
def test_what_was_read_is_written_as_it_was(raw: Mapping[str, Any]) -> None:
    """A create of what was observed asks for all that the spec manages, exactly as it stood.

    Where users have passwords, which no document of ours can say, a key stands for them: all else is as it was.
    """
    kind = _kind(raw)
    seen = kind.see(raw, _scope(raw))
    plain = kind.canonical(seen.properties)
    unsaid = {"ssh_public_keys"} if plain.get("ssh_public_keys") == [] else set()
    plain |= {field: [KEY] for field in unsaid}
    spec = kind.spec.model_validate(plain)
    address = Address(OWNER.stack, kind.kind, "it")
    body = kind.body(Call(address, _scope(raw), OWNER, lambda _: None, token="a", spec=spec))
    again = kind.see({**body, "id": raw["id"], "name": raw["name"]}, _scope(raw))
    live = kind.canonical(again.properties)
    assert kind.diff(spec.plain(), spec.plain(), {f: live[f] for f in again.properties}) == ()
    managed = set(seen.properties) - unsaid - {"power"}  # which is no part of what a create sends
    before = kind.canonical(seen.properties)
    assert {f: live[f] for f in managed} == {f: before[f] for f in managed}
    assert (again.owner, again.address) == (str(OWNER), str(address))
