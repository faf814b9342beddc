"""Tags that the local Azure refuses as ARM does, by whichever way they come."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, group, quick, refused

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
WRONG: list[tuple[dict[str, str], str]] = [
    ({f"k{n}": "" for n in range(51)}, "InvalidTags"),
    ({"": "x"}, "InvalidTagName"),
    ({"  ": "x"}, "InvalidTagName"),
    ({"k" * 513: "x"}, "InvalidTagName"),
    ({"kubernetes.io/cluster": "owned"}, "InvalidTagNameCharacters"),
    ({"a<b": "x"}, "InvalidTagNameCharacters"),
    ({"a\tb": "x"}, "InvalidTagNameCharacters"),
    ({"a": "v" * 257}, "InvalidTagValueLength"),
]
RIGHT: list[dict[str, str]] = [
    {f"k{n}": "" for n in range(50)},
    {"k" * 512: "v" * 256},
    {"Cost Center: größe": "<42> / %&?"},
    {"hidden-link:/subscriptions/s/resourceGroups/g": "Resource"},
]


def _ways(azure: LocalAzure, tags: dict[str, str]) -> list[Any]:
    """Every way in which tags are written: with a whole, in a part, and at the scope of what stands."""
    client, said = azure.network.public_ip_addresses, {"location": WHERE, "sku": {"name": "Standard"}}
    static = {"properties": {"publicIPAllocationMethod": "Static"}}
    merge = {"operation": "Merge", "properties": {"tags": tags}}
    return [
        lambda: azure.resource.resource_groups.create_or_update("more", {"location": WHERE, "tags": tags}),
        lambda: client.begin_create_or_update("shop", "ip", said | static | {"tags": tags}).result(),
        lambda: client.update_tags("shop", "stands", {"tags": tags}),
        lambda: azure.resource.tags.begin_update_at_scope(GROUP, merge).result(),
    ]


@pytest.fixture
def ready(azure: LocalAzure) -> LocalAzure:
    quick(azure)
    group(azure)
    body = {"location": WHERE, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    azure.network.public_ip_addresses.begin_create_or_update("shop", "stands", body).result()
    return azure


@pytest.mark.parametrize("tags, code", WRONG, ids=[code for _, code in WRONG])
def test_wrong_tags_are_refused(ready: LocalAzure, tags: dict[str, str], code: str) -> None:
    """With ARM's code, and nothing is made or changed."""
    before = ready.control.world()
    for write in _ways(ready, tags):
        with refused(code, 400):
            write()
    assert ready.control.world() == before


@pytest.mark.parametrize("tags", RIGHT, ids=range(len(RIGHT)))
def test_what_is_allowed_is_taken(ready: LocalAzure, tags: dict[str, str]) -> None:
    """As many and as long as may be, of any letters; Azure's own links hold an id."""
    for write in _ways(ready, tags):
        write()
    assert ready.resource.resource_groups.get("shop").tags == tags


def test_there_may_be_fifty_with_those_that_are_there(ready: LocalAzure) -> None:
    """What is merged is counted with what it is merged into, and the refusal says how many that would be."""
    _ways(ready, {f"k{n}": "" for n in range(50)})[3]()
    with pytest.raises(HttpResponseError, match=r"count - '51'\. Maximum number of tags allowed - '50'"):
        _ways(ready, {"one-more": ""})[3]()
    _ways(ready, {"k1": "another"})[3]()


def test_a_storage_accounts_names_are_shorter(ready: LocalAzure) -> None:
    """128 characters instead of 512."""
    body = {"location": WHERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    accounts = ready.sdk("storage").storage_accounts
    with refused("InvalidTagName", 400):
        accounts.begin_create("shop", "shopfiles", body | {"tags": {"k" * 129: ""}}).result()
    assert accounts.begin_create("shop", "shopfiles", body | {"tags": {"k" * 128: ""}}).result().tags == {"k" * 128: ""}
