"""How the local Azure's requests are read and refused, whatever they are about."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest

from tests.localcloud.azure_parts import (
    SUBSCRIPTION,
    WHERE,
    LocalAzure,
    disk,
    group,
    interface,
    machine,
    network,
    quick,
    refused,
)

BODY = {"location": WHERE, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10}}
DISKS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.Compute/disks"
VERSION = "?api-version=2024-03-02"


def ask(azure: LocalAzure, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """A plain request: status, body and headers."""
    wire = http.client.HTTPConnection("127.0.0.1", azure.port, timeout=20)
    try:
        wire.request(method, path, None if body is None else json.dumps(body), headers)
        answer = wire.getresponse()
        said = answer.read()
        return answer.status, json.loads(said) if said else None, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        wire.close()


def test_what_is_not_there(azure: LocalAzure) -> None:
    """A missing group and a missing resource have codes of their own; deleting what is not there is 204."""
    quick(azure)
    with refused("ResourceGroupNotFound", 404):
        azure.compute.disks.get("shop", "disk")
    with refused("ResourceGroupNotFound", 404):
        disk(azure)
    with refused("ResourceGroupNotFound", 404):
        azure.resource.resource_groups.begin_delete("shop")
    group(azure)
    with refused("ResourceNotFound", 404):
        azure.compute.disks.get("shop", "disk")
    with refused("ParentResourceNotFound", 404):
        azure.network.subnets.begin_create_or_update(
            "shop", "net", "s", {"properties": {"addressPrefix": "10.0.0.0/24"}}
        )
    assert ask(azure, "DELETE", f"{DISKS}/disk{VERSION}")[0] == 204


def test_if_none_match(azure: LocalAzure) -> None:
    """If-None-Match: * makes what is not there, and is refused with 412 when it is: of machines, which say so. The
    others do not hear it.
    """
    quick(azure)
    group(azure)
    only_new, machines = {"If-None-Match": "*"}, azure.compute.virtual_machines
    nic = interface(azure, network(azure).subnets[0].id)
    machines.begin_create_or_update("shop", "web", machine(nic.id), headers=only_new).result()
    with refused("PreconditionFailed", 412):
        machines.begin_create_or_update("shop", "web", machine(nic.id), headers=only_new)
    azure.compute.disks.begin_create_or_update("shop", "disk", BODY, headers=only_new).result()
    azure.compute.disks.begin_create_or_update("shop", "disk", BODY, headers=only_new).result()


def test_if_match(azure: LocalAzure) -> None:
    """A change under an etag goes well while nothing else has changed, and is refused with 412 afterwards."""
    quick(azure)
    group(azure)
    made = network(azure)
    body = {"location": WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}
    networks = azure.network.virtual_networks
    networks.begin_create_or_update("shop", "net", body, headers={"If-Match": made.etag}).result()
    with refused("PreconditionFailed", 412):
        networks.begin_create_or_update("shop", "net", body, headers={"If-Match": made.etag})
    assert networks.get("shop", "net").etag != made.etag


def test_case_does_not_matter(azure: LocalAzure) -> None:
    """A path is the same in small letters, and ids keep the spelling in which they were made."""
    quick(azure)
    group(azure, "Shop")
    made = azure.compute.disks.begin_create_or_update("SHOP", "Disk", BODY).result()
    assert made.id.endswith("/resourceGroups/Shop/providers/Microsoft.Compute/disks/Disk")
    status, body, _ = ask(azure, "GET", f"{DISKS}/disk{VERSION}".lower())
    assert (status, body["id"]) == (200, made.id)


def test_versions(azure: LocalAzure) -> None:
    """A request without a version of the API, or with one that never was, is refused."""
    group(azure)
    assert ask(azure, "GET", DISKS)[1]["error"]["code"] == "MissingApiVersionParameter"
    assert ask(azure, "GET", f"{DISKS}?api-version=2001-01-01")[1]["error"]["code"] == "NoRegisteredProviderFound"
    assert ask(azure, "GET", f"{DISKS}{VERSION}")[0] == 200


def test_what_is_wrong_with_a_body(azure: LocalAzure) -> None:
    """A body that is no JSON, or has no location, or another one than before, is refused."""
    quick(azure)
    group(azure)
    no_place = {k: v for k, v in BODY.items() if k != "location"}
    assert ask(azure, "PUT", f"{DISKS}/disk{VERSION}", no_place)[1]["error"]["code"] == "LocationRequired"
    odd = BODY | {"sku": {"name": 5}}
    assert ask(azure, "PUT", f"{DISKS}/disk{VERSION}", odd)[1]["error"]["code"] == "InvalidRequestContent"
    assert ask(azure, "PUT", f"{DISKS}/disk{VERSION}", [])[1]["error"]["code"] == "InvalidRequestContent"
    disk(azure)
    with refused("InvalidResourceLocation", 409):
        azure.compute.disks.begin_create_or_update("shop", "disk", BODY | {"location": "northeurope"})
    with refused("OperationNotAllowed", 409):
        disk(azure, size=5)


def test_pages(azure: LocalAzure) -> None:
    """A long list comes in pages, which the SDK follows."""
    quick(azure)
    group(azure)
    azure.control.settings(page_size=2)
    for number in range(5):
        disk(azure, f"d{number}")
    assert [d.name for d in azure.compute.disks.list_by_resource_group("shop")] == [f"d{n}" for n in range(5)]
    assert len(list(azure.compute.disks.list())) == 5
    body = ask(azure, "GET", f"{DISKS}{VERSION}")[1]
    assert (len(body["value"]), body["nextLink"].startswith(azure.endpoint)) == (2, True)


def test_filters(azure: LocalAzure) -> None:
    """Resources are found by a tag's name and value, and by type; groups by tags as well."""
    quick(azure)
    group(azure, stack="shop")
    group(azure, "other")
    disk(azure, "a", tags={"stack": "shop"})
    disk(azure, "b", tags={"stack": "other"})
    network(azure)

    def found(text: str) -> list[str]:
        return [r.name for r in azure.resource.resources.list(filter=text)]

    assert found("tagName eq 'stack' and tagValue eq 'shop'") == ["a"]
    assert found("tagName eq 'stack'") == ["a", "b"]
    assert found("resourceType eq 'Microsoft.Network/virtualNetworks'") == ["net"]
    assert [r.name for r in azure.resource.resources.list_by_resource_group("other")] == []
    groups = azure.resource.resource_groups.list(filter="tagName eq 'stack' and tagValue eq 'shop'")
    assert [g.name for g in groups] == ["shop"]
    with refused("InvalidFilterInQueryString", 400):
        found("nonsense")


def test_lists_lag(azure: LocalAzure) -> None:
    """Where lists lag, a new resource is found by its id at once, and listed later."""
    quick(azure)
    group(azure)
    azure.control.settings(listed_after_seconds=30)
    disk(azure)
    assert azure.compute.disks.get("shop", "disk").name == "disk"
    assert [*azure.compute.disks.list(), *azure.resource.resources.list()] == []
    azure.control.step(31)
    assert [r.name for r in azure.resource.resources.list()] == ["disk"]


def test_tags_are_changed(azure: LocalAzure) -> None:
    """PATCH replaces a resource's tags and nothing else; so do a network's own verb and the tags of anything."""
    quick(azure)
    group(azure)
    made = disk(azure, tags={"a": "1"})
    azure.compute.disks.begin_update("shop", "disk", {"tags": {"b": "2"}}).result()
    shown = azure.compute.disks.get("shop", "disk")
    assert (shown.tags, shown.disk_size_gb) == ({"b": "2"}, 10)
    network(azure)
    assert azure.network.virtual_networks.update_tags("shop", "net", {"tags": {"c": "3"}}).tags == {"c": "3"}
    merge = {"operation": "Merge", "properties": {"tags": {"d": "4"}}}
    path = f"{made.id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01"
    assert ask(azure, "PATCH", path, merge)[1]["properties"]["tags"] == {"b": "2", "d": "4"}
    assert azure.resource.resource_groups.update("shop", {"tags": {"e": "5"}}).tags == {"e": "5"}


def test_quotas(azure: LocalAzure) -> None:
    """One more than the quota is refused, until one is gone."""
    quick(azure)
    group(azure)
    azure.control.settings(quotas={"Microsoft.Compute/disks": 1})
    disk(azure)
    with refused("QuotaExceeded", 409):
        disk(azure, "more")
    azure.compute.disks.begin_delete("shop", "disk").result()
    disk(azure, "more")


def test_throttled(azure: LocalAzure) -> None:
    """Too many requests are answered with 429 and Retry-After."""
    group(azure)
    azure.control.throttle(rate=0, burst=1, action="Microsoft.Compute/disks/read")
    assert ask(azure, "GET", f"{DISKS}{VERSION}")[0] == 200
    status, body, headers = ask(azure, "GET", f"{DISKS}{VERSION}")
    assert (status, body["error"]["code"], headers["retry-after"]) == (429, "TooManyRequests", "1")
    azure.control.settings(throttled_seconds=30)
    assert ask(azure, "GET", f"{DISKS}{VERSION}")[2]["retry-after"] == "30"


def test_refused_on_demand(azure: LocalAzure) -> None:
    """A rule refuses by action, in ARM's envelope, and the ledger says so."""
    quick(azure)
    group(azure)
    azure.control.refuse("AuthorizationFailed", status=403, action="Microsoft.Compute/disks/write", count=1)
    with refused("AuthorizationFailed", 403):
        disk(azure)
    assert azure.control.ledger()[-1].outcome == "faulted"
    disk(azure)


def test_an_answer_is_lost(azure: LocalAzure) -> None:
    """A disk whose answer was lost stands; one whose request was lost does not."""
    quick(azure)
    group(azure)
    azure.control.lose_answer(action="Microsoft.Compute/disks/write", count=1)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        azure.compute.disks.begin_create_or_update("shop", "disk", BODY)
    assert azure.compute.disks.get("shop", "disk").provisioning_state == "Succeeded"
    azure.control.lose_request(action="Microsoft.Compute/disks/write", count=1)
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        azure.compute.disks.begin_create_or_update("shop", "other", BODY)
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get("shop", "other")


def test_an_operation_goes_on_elsewhere(azure: LocalAzure) -> None:
    """What one client began, another follows by the link alone, and finds by the id alone."""
    group(azure)
    seen: list[Any] = []
    azure.compute.disks.begin_create_or_update("shop", "disk", BODY, polling=False, raw_response_hook=seen.append)
    look = HttpRequest("GET", seen[0].http_response.headers["Azure-AsyncOperation"])
    other = azure.resource._client
    assert other.send_request(look).json()["status"] == "InProgress"
    azure.control.step(10)
    assert other.send_request(look).json()["status"] == "Succeeded"
    done = other.send_request(HttpRequest("GET", seen[0].http_response.headers["Location"]))
    assert done.json()["properties"]["provisioningState"] == "Succeeded"
    assert azure.resource.resources.get_by_id(f"{DISKS}/disk", api_version="2024-03-02").name == "disk"


def test_a_snapshot(azure: LocalAzure) -> None:
    """A snapshot brings back what stood, operations under way too."""
    group(azure)
    azure.compute.disks.begin_create_or_update("shop", "disk", BODY, polling=False)
    azure.control.save("before")
    azure.control.step(10)
    azure.control.reset()
    azure.control.load("before")
    azure.control.step(10)
    assert azure.compute.disks.get("shop", "disk").provisioning_state == "Succeeded"
