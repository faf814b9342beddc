"""What another hand makes between our look at a name and our request: never taken for ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from activities.protocol.create import create
from activities.protocol.remove import uncreate
from activities.providers.azure import arm
from activities.providers.azure.door import AzureVisit
from holdfast.errors import NameTaken, Unavailable
from holdfast.model import Status
from holdfast.resource import ResourceType
from tests.kinds.azure_visit import GROUP, OWNER, an_interface, job, right_before, with_a_subnet
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, machine, signed_in
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


def _disk(azure: LocalAzure) -> None:
    said = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 20}
    body = {"location": WHERE, "tags": THEIRS, "properties": said}
    azure.compute.disks.begin_create_or_update("shop", "files", body, headers=signed_in("them")).result()


def _identity(azure: LocalAzure) -> None:
    body = {"location": WHERE, "tags": THEIRS}
    azure.sdk("msi").user_assigned_identities.create_or_update("shop", "app", body, headers=signed_in("them"))


def _vault(azure: LocalAzure) -> None:
    said = {"tenantId": SUBSCRIPTION, "sku": {"family": "A", "name": "standard"}}
    body = {"location": WHERE, "tags": THEIRS, "properties": said}
    azure.sdk("keyvault").vaults.begin_create_or_update("shop", "shop-vault", body, headers=signed_in("them")).result()


def _account(azure: LocalAzure) -> None:
    body = {"location": WHERE, "tags": THEIRS, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    azure.sdk("storage").storage_accounts.begin_create("shop", "shopfiles", body, headers=signed_in("them")).result()


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
    "azure.disk": (INSIDE | {"name": "files", "disk_size_gb": 20}, _disk),
    "azure.managed_identity": (INSIDE | {"name": "app"}, _identity),
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


NOTED = ("azure.disk", "azure.key_vault", "azure.managed_identity", "azure.storage_account")


def _lost(azure: LocalAzure, ready: AzureVisit, name: str, act: Callable[[], Any], patch: pytest.MonkeyPatch) -> Any:
    """The spec of a create whose answer was lost. `act`: what happens between its look and its request."""
    kind: ResourceType[Any] = catalog()[name]
    spec = kind.spec.model_validate(GAPS[name][0])

    def before() -> None:
        act()
        azure.control.lose_answer(action="*/write", count=1)

    right_before("put", before, patch)
    with pytest.raises(Unavailable):
        create(job(kind, spec, ready))
    return spec


def _tagged(azure: LocalAzure, kind: ResourceType[Any], ready: AzureVisit, spec: Any) -> None:
    """Something else, that tags all that is new, writes to it."""
    [seen] = kind.find(job(kind, spec, ready).call(spec=spec))
    change = {"operation": "Merge", "properties": {"tags": {"cost": "12"}}}
    azure.resource.tags.begin_update_at_scope(seen.remote_id, change, headers=signed_in("them")).result()


@pytest.mark.parametrize("name", NOTED)
def test_what_came_in_between_is_a_strangers_when_the_answer_is_lost_as_well(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where Azure notes who made a thing, another's is told from ours by the next delivery, and left alone."""
    kind: ResourceType[Any] = catalog()[name]
    spec = _lost(azure, ready, name, lambda: GAPS[name][1](azure), monkeypatch)
    with pytest.raises(NameTaken, match="made by another hand between our look and our request"):
        create(job(kind, spec, ready, again=True))
    [seen] = kind.find(job(kind, spec, ready).call(spec=spec))
    assert (seen.owner, seen.address, seen.token) == (None, None, None)
    assert uncreate(job(kind, spec, ready, back=True)).unchanged
    assert kind.find(job(kind, spec, ready).call(spec=spec))


@pytest.mark.parametrize("name", NOTED)
def test_it_is_spared_when_the_create_is_taken_back_at_once(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The letter says what became of it; taking back goes on when it is asked again, and leaves it."""
    kind: ResourceType[Any] = catalog()[name]
    spec = _lost(azure, ready, name, lambda: GAPS[name][1](azure), monkeypatch)
    with pytest.raises(NameTaken, match="made by another hand between our look and our request"):
        uncreate(job(kind, spec, ready, back=True))
    assert uncreate(job(kind, spec, ready, back=True)).unchanged
    assert kind.find(job(kind, spec, ready).call(spec=spec))[0].status is Status.ready


@pytest.mark.parametrize("name", NOTED)
def test_our_own_is_taken_back_when_another_wrote_to_it(azure: LocalAzure, ready: AzureVisit, name: str) -> None:
    """Of a create whose answer came there is no doubt, whoever wrote to it last, and however it stands."""
    kind: ResourceType[Any] = catalog()[name]
    spec = kind.spec.model_validate(GAPS[name][0])
    made = create(job(kind, spec, ready))
    azure.control.step(60)
    change = {"operation": "Merge", "properties": {"tags": {}}}
    azure.resource.tags.begin_update_at_scope(made.remote_id, change, headers=signed_in("them")).result()
    uncreate(job(kind, spec, ready, back=True, remote_id=made.remote_id))
    azure.control.step(60)
    assert not kind.find(job(kind, spec, ready).call(spec=spec))


@pytest.mark.parametrize("name", NOTED)
def test_our_own_is_taken_back_when_the_answer_is_lost(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also where another had it tagged meanwhile."""
    kind: ResourceType[Any] = catalog()[name]
    spec = _lost(azure, ready, name, lambda: None, monkeypatch)
    _tagged(azure, kind, ready, spec)
    uncreate(job(kind, spec, ready, back=True))
    azure.control.step(60)
    assert not kind.find(job(kind, spec, ready).call(spec=spec))


@pytest.mark.parametrize("name", NOTED)
def test_our_own_is_ours_when_the_answer_is_lost(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also where something else, that tags all that is new, was the last to write to it."""
    kind: ResourceType[Any] = catalog()[name]
    spec = _lost(azure, ready, name, lambda: None, monkeypatch)
    _tagged(azure, kind, ready, spec)
    assert create(job(kind, spec, ready, again=True)).adopted


def test_where_azure_notes_nobody_it_is_taken_for_ours(
    azure: LocalAzure, ready: AzureVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network says nothing of who made it: the limit that the kinds' pages name."""
    kind: ResourceType[Any] = catalog()["azure.virtual_network"]
    spec = _lost(azure, ready, "azure.virtual_network", lambda: _network(azure), monkeypatch)
    assert create(job(kind, spec, ready, again=True)).adopted
