"""What takes time in the local Azure, seen through the official SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.localcloud.azure_parts import WHERE, LocalAzure, disk, group, network, quick, refused

EMPTY = {"location": WHERE, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10}}
SPACE = {"location": WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


def first(seen: list[Any]) -> dict[str, str]:
    return {k.lower(): v for k, v in seen[0].http_response.headers.items()}


def test_a_network_and_a_disk_come_up(azure: LocalAzure) -> None:
    """On a calm day a group, a network with a subnet, and a disk are made, read and removed."""
    quick(azure)
    group(azure)
    made = network(azure)
    assert [(s.name, s.provisioning_state) for s in made.subnets] == [("s0", "Succeeded")]
    subnet = azure.network.subnets.begin_create_or_update(
        "shop", "net", "s9", {"properties": {"addressPrefix": "10.0.9.0/24"}}
    )
    assert subnet.result().id == f"{made.id}/subnets/s9"
    assert disk(azure).disk_state == "Unattached"
    azure.compute.disks.begin_delete("shop", "disk").result()
    azure.network.virtual_networks.begin_delete("shop", "net").result()
    azure.resource.resource_groups.begin_delete("shop").result()
    assert list(azure.resource.resource_groups.list()) == []


def test_a_create_takes_time(azure: LocalAzure) -> None:
    """A network's create is answered with 201 and a link, is Updating until its time has come, and then stands."""
    group(azure)
    seen: list[Any] = []
    networks = azure.network.virtual_networks
    networks.begin_create_or_update("shop", "net", SPACE, polling=False, raw_response_hook=seen.append)
    assert seen[0].http_response.status_code == 201
    assert "/operations/" in first(seen)["azure-asyncoperation"]
    assert first(seen)["retry-after"] == "1"
    assert networks.get("shop", "net").provisioning_state == "Updating"
    with refused("AnotherOperationInProgress", 409) as busy:
        networks.begin_create_or_update("shop", "net", SPACE)
    assert busy.value.response is not None
    assert busy.value.response.headers["retry-after"] == "1"
    azure.control.step(10)
    assert networks.get("shop", "net").provisioning_state == "Succeeded"


def test_a_location_is_followed(azure: LocalAzure) -> None:
    """A group's removal is answered with 202 and a place to look, which says 202 until the group is gone."""
    group(azure)
    seen: list[Any] = []
    azure.resource.resource_groups.begin_delete("shop", polling=False, raw_response_hook=seen.append)
    assert seen[0].http_response.status_code == 202
    assert "azure-asyncoperation" not in first(seen)
    from azure.core.rest import HttpRequest

    look = HttpRequest("GET", first(seen)["location"])
    assert azure.resource._client.send_request(look).status_code == 202
    assert azure.resource.resource_groups.get("shop").properties.provisioning_state == "Deleting"
    with refused("ResourceGroupBeingDeleted", 409):
        azure.compute.disks.begin_create_or_update("shop", "disk", EMPTY)
    azure.control.step(60)
    assert azure.resource._client.send_request(look).status_code == 200
    assert azure.resource.resource_groups.check_existence("shop") is False


def test_an_operation_fails(azure: LocalAzure) -> None:
    """An operation that fails says so in ARM's envelope, and what it leaves is Failed; asked again, it goes well."""
    quick(azure)
    group(azure)
    azure.control.settings(failing={"create Microsoft.Compute/disks/*": "AllocationFailed"})
    with pytest.raises(HttpResponseError, match="AllocationFailed"):
        disk(azure)
    assert azure.compute.disks.get("shop", "disk").provisioning_state == "Failed"
    azure.control.settings(failing={})
    assert disk(azure).provisioning_state == "Succeeded"


def test_a_group_takes_all_inside(azure: LocalAzure) -> None:
    """With a group goes everything in it."""
    quick(azure)
    group(azure)
    network(azure)
    disk(azure)
    azure.resource.resource_groups.begin_delete("shop").result()
    assert azure.control.world() == {}
    group(azure)
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get("shop", "disk")


def test_the_ledger(azure: LocalAzure) -> None:
    """Every mutation is written down with what it made; reading is not."""
    quick(azure)
    group(azure)
    made = disk(azure, tags={"holdfast": "x"})
    azure.compute.disks.get("shop", "disk")
    ours, theirs = azure.control.ledger()
    assert ours.action == "Microsoft.Resources/resourceGroups/write"
    assert (theirs.service, theirs.action) == ("Microsoft.Compute", "Microsoft.Compute/disks/write")
    assert (theirs.account, theirs.region, theirs.status) == (azure.compute._config.subscription_id, WHERE, 202)
    assert (theirs.made, theirs.tags) == ([made.id], {"holdfast": "x"})


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    """What stands, and what is under way, outlives the process."""
    with LocalAzure(tmp_path, state=True) as own:
        group(own)
        own.compute.disks.begin_create_or_update("shop", "disk", EMPTY, polling=False)
        own.stop()
        own.start()
        assert own.compute.disks.get("shop", "disk").provisioning_state == "Creating"
        own.control.step(10)
        assert own.compute.disks.get("shop", "disk").provisioning_state == "Succeeded"
