"""Every storage account in Azure's recorded answers is read whole. Skipped without `HOLDFAST_FIXTURES`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.providers.azure import acls, ids, tags
from activities.providers.azure.kinds.storage_account import StorageAccount, StorageAccountSpec
from holdfast.model import Address, Owner, Scope, Status
from holdfast.resource import Call, Search

FIXTURES = os.environ.get("HOLDFAST_FIXTURES", "")
KIND = StorageAccount()
pytestmark = [
    pytest.mark.fixtures,
    pytest.mark.skipif(not FIXTURES, reason="HOLDFAST_FIXTURES names no directory of recorded answers"),
]


class Recorded:
    """Storage, as far as it lists."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found

    def pages(self, _path: str) -> Iterator[dict[str, Any]]:
        return iter(self._found)


def accounts() -> list[dict[str, Any]]:
    """Each account in each of its states, once."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted((Path(FIXTURES) / "azure").glob("Storage*.json")) if FIXTURES else ():
        for one in json.loads(file.read_text())["interactions"]:
            body = one["response"]["body"].get("data") or {}
            for raw in body.get("value", [body] if "kind" in body else []):
                found[json.dumps(raw, sort_keys=True)] = raw
    return list(found.values())


def scope(raw: dict[str, Any]) -> Scope:
    return Scope("azure", ids.parse(raw["id"]).subscription, raw["location"])


@pytest.mark.parametrize("raw", accounts(), ids=lambda raw: raw["name"])
def test_an_account_is_read_whole(raw: dict[str, Any]) -> None:
    """Each shows every field of the spec, every output, and no mark that is not there; and its spec says the same."""
    [seen] = KIND.discover(Search(scope(raw), lambda _: Recorded([raw])))
    assert (seen.status, seen.remote_id) == (Status.ready, ids.canonical(raw["id"]))
    assert (seen.owner, seen.address, seen.token) == (None, None, None)
    assert set(seen.properties) == set(StorageAccountSpec.model_fields)
    assert set(seen.outputs) == set(KIND.outputs)
    spec = StorageAccountSpec.model_validate(seen.properties)
    assert KIND.canonical(spec.plain()) == KIND.canonical(seen.properties)
    assert KIND.diff(spec.plain(), None, KIND.canonical(seen.properties)) == ()


@pytest.mark.parametrize("raw", accounts(), ids=lambda raw: raw["name"])
def test_an_account_is_written_as_it_was_read(raw: dict[str, Any]) -> None:
    """What a create would send of an account's spec is what was recorded, as far as that says anything."""
    spec = StorageAccountSpec.model_validate(KIND.see(raw, scope(raw)).properties)
    address = Address("shop", KIND.kind, "files")
    body = KIND.body(Call(address, scope(raw), Owner("test", "shop"), lambda _: None, token="a", spec=spec))
    assert tags.own(body["tags"]) == raw["tags"]
    assert (body["location"], body["kind"], body["sku"]) == (raw["location"], raw["kind"], {"name": raw["sku"]["name"]})
    sent, said = body["properties"], raw["properties"]
    assert acls.seen(sent.pop("networkAcls")) == acls.seen(said["networkAcls"])
    assert {name: value for name, value in sent.items() if name in said} == {n: said[n] for n in sent if n in said}


def test_what_was_recorded() -> None:
    """Accounts of 2019 take plain HTTP; one lets in two addresses alone; one was given a newer TLS, and shows it."""
    seen: list[dict[str, Any]] = [{**KIND.see(raw, scope(raw)).properties} for raw in accounts()]
    assert any(not one["supports_https_traffic_only"] for one in seen)
    assert {"TLS1_0", "TLS1_2"} <= {one["minimum_tls_version"] for one in seen}
    ruled = [one["network_acls"] for one in seen if one["network_acls"]["default_action"] == "Deny"]
    assert [acls.form(one)["ip_rules"] for one in ruled] == [["1.2.2.128/25", "3.1.1.1"]]
