"""What another hand makes between our look at a name and our request: never taken for ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from activities.protocol.create import create
from activities.protocol.remove import uncreate
from activities.providers.azure import arm
from activities.providers.azure.door import AzureVisit
from holdfast.errors import NameTaken
from holdfast.resource import ResourceType
from tests.kinds.azure_visit import GROUP, OWNER, an_interface, job, right_before, with_a_subnet
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, machine
from workers.catalog import catalog

THEIRS = {"team": "theirs"}
MACHINE = {
    "name": "app",
    "vm_size": "Standard_B2s",
    "image": "Canonical:ubuntu-24_04-lts:server:latest",
    "admin_username": "ops",
    "ssh_public_keys": ["ssh-ed25519 AAAA ops"],
}
Make = Callable[[LocalAzure], Any]


def _vault(azure: LocalAzure) -> None:
    said = {"tenantId": SUBSCRIPTION, "sku": {"family": "A", "name": "standard"}}
    body = {"location": WHERE, "tags": THEIRS, "properties": said}
    azure.sdk("keyvault").vaults.begin_create_or_update("shop", "shop-vault", body).result()


def _account(azure: LocalAzure) -> None:
    body = {"location": WHERE, "tags": THEIRS, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    azure.sdk("storage").storage_accounts.begin_create("shop", "shopfiles", body).result()


def _network(azure: LocalAzure) -> None:
    body = {"location": WHERE, "tags": THEIRS, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    azure.network.virtual_networks.begin_create_or_update("shop", "app", body).result()


def _subnet(azure: LocalAzure) -> None:
    said = {"properties": {"addressPrefix": "10.0.2.0/24"}}
    azure.network.subnets.begin_create_or_update("shop", "net", "web", said).result()


def _machine(azure: LocalAzure) -> None:
    nic = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"
    azure.compute.virtual_machines.begin_create_or_update("shop", "app", machine(nic) | {"tags": THEIRS}).result()


INSIDE = {"resource_group": "shop"}
NET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"
NIC = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/nic"
GAPS: dict[str, tuple[dict[str, Any], Make]] = {
    "azure.resource_group": (
        {"name": "more"},
        lambda a: a.resource.resource_groups.create_or_update("more", {"location": WHERE, "tags": THEIRS}),
    ),
    "azure.virtual_network": (INSIDE | {"name": "app", "address_space": ["10.9.0.0/16"]}, _network),
    "azure.subnet": ({"name": "web", "virtual_network": NET, "address_prefixes": ["10.0.2.0/24"]}, _subnet),
    "azure.key_vault": (INSIDE | {"name": "shop-vault"}, _vault),
    "azure.storage_account": (INSIDE | {"name": "shopfiles"}, _account),
    "azure.virtual_machine": (MACHINE | INSIDE | {"network_interfaces": [NIC]}, _machine),
}


@pytest.fixture
def ready(azure: LocalAzure) -> AzureVisit:
    visit = with_a_subnet(azure)
    an_interface(visit)
    return visit


@pytest.mark.parametrize("name", GAPS)
def test_what_came_in_between_is_a_strangers(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The name is taken, what stands there bears no mark of ours, and taking the create back leaves it alone."""
    kind: ResourceType[Any] = catalog()[name]
    said, make = GAPS[name]
    spec = kind.spec.model_validate(said)
    right_before("put", lambda: make(azure), monkeypatch)
    with pytest.raises(NameTaken):
        create(job(kind, spec, ready))
    assert name == "azure.subnet" or arm.TAGS_WRITE in kind.permissions["create"]  # of taking our marks off
    [seen] = kind.find(job(kind, spec, ready).call(spec=spec))
    assert (seen.owner, seen.address, seen.token) == (None, None, None)
    for refused in (True, False) if name != "azure.subnet" else (True,):
        assert uncreate(job(kind, spec, ready, back=True, refused=refused)).unchanged
    assert kind.find(job(kind, spec, ready).call(spec=spec))


@pytest.mark.parametrize("name", GAPS)
def test_on_a_calm_day_it_is_made(ready: AzureVisit, name: str) -> None:
    """Where nothing comes in between, the same create goes well, and so does its second delivery."""
    kind: ResourceType[Any] = catalog()[name]
    spec = kind.spec.model_validate(GAPS[name][0])
    made = create(job(kind, spec, ready))
    assert kind.find(job(kind, spec, ready, again=True).call(spec=spec))[0].owner == str(OWNER)
    assert create(job(kind, spec, ready, again=True)).remote_id == made.remote_id
