"""An operation whose URL nobody knows any more: what is said when it fails, and that it is not taken for done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.protocol.change import operate, update
from activities.protocol.create import create
from activities.protocol.job import Job
from activities.protocol.remove import delete
from activities.protocol.settle import settle
from activities.providers.azure.door import AzureVisit, Service
from holdfast.errors import CreateFailed, NotAllowed, NotStabilized, Pending
from holdfast.model import Status
from holdfast.plan import FieldChange, Verb
from holdfast.resource import ResourceType
from tests.kinds.azure_visit import SUBNET, an_interface, job, with_a_subnet
from tests.localcloud.azure_parts import LocalAzure
from workers.catalog import catalog

IMAGE, KEYS = "Canonical:ubuntu-24_04-lts:server:latest", ["ssh-ed25519 AAAA ops"]
SET = {"resource_group": "shop", "sku": "Standard_D2s_v5", "capacity": 1, "image_reference": IMAGE, "subnet": SUBNET}
SAID: dict[str, dict[str, Any]] = {
    "azure.virtual_machine": {
        "resource_group": "shop",
        "vm_size": "Standard_B2s",
        "image": IMAGE,
        "admin_username": "ops",
        "ssh_public_keys": KEYS,
    },
    "azure.vm_scale_set": SET | {"ssh_public_keys": KEYS},
    "azure.virtual_network": {"resource_group": "shop", "address_space": ["10.9.0.0/16"]},
}
WITHIN = timedelta(minutes=10)
WORDS = "AllocationFailed: create of app failed on demand"


@pytest.fixture
def visit(azure: LocalAzure) -> AzureVisit:
    return with_a_subnet(azure)


def _asked(visit: AzureVisit, name: str, **more: Any) -> tuple[ResourceType[Any], Any]:
    kind: ResourceType[Any] = catalog()[name]
    nics = {"network_interfaces": [an_interface(visit)]} if name == "azure.virtual_machine" else {}
    return kind, kind.spec.model_validate({"name": "app", **SAID[name], **nics, **more})


def _given_up(azure: LocalAzure, visit: AzureVisit, name: str) -> CreateFailed:
    """What is said of a create that failed, and whose operation nobody knew."""
    azure.control.settings(seconds={"*": 30}, failing={"create */app": "AllocationFailed"})
    kind, spec = _asked(visit, name)
    made = create(job(kind, spec, visit))
    delivered = job(kind, spec, visit, again=True, remote_id=made.remote_id)
    with pytest.raises(Pending):
        settle(delivered, timedelta(), WITHIN)
    azure.control.step(30)
    with pytest.raises(CreateFailed) as said:
        settle(delivered, timedelta(), WITHIN)
    return said.value


@pytest.mark.parametrize("name", ["azure.virtual_machine", "azure.vm_scale_set"])
def test_the_instance_view_says_why(azure: LocalAzure, visit: AzureVisit, name: str) -> None:
    """Of a machine, and of a set of them, one look gives Azure's own reason."""
    letter = _given_up(azure, visit, name).letter
    assert f"provisioningState Failed: {WORDS}" in letter.happened
    assert letter.next == "the cloud's words above say why; mend that and run again"


def test_a_set_whose_instance_view_nobody_may_read_has_a_letter_all_the_same(
    azure: LocalAzure, visit: AzureVisit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it failed, and where the reason is."""
    get = Service.get

    def closed(self: Service, path: str, **more: Any) -> Any:
        if path.endswith("/instanceView"):
            raise NotAllowed("AuthorizationFailed")
        return get(self, path, **more)

    monkeypatch.setattr(Service, "get", closed)
    letter = _given_up(azure, visit, "azure.vm_scale_set").letter
    assert "provisioningState Failed; where it stands, Azure does not show why" in letter.happened
    assert "Microsoft.Compute/virtualMachineScaleSets/app --status Failed" in letter.next


def test_where_azure_shows_no_reason_the_letter_says_where_it_is(azure: LocalAzure, visit: AzureVisit) -> None:
    """The command is filled in; a person copies it."""
    letter = _given_up(azure, visit, "azure.virtual_network").letter
    assert "where it stands, Azure does not show why" in letter.happened
    net = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop"
    net += "/providers/Microsoft.Network/virtualNetworks/app"
    assert f"`az monitor activity-log list --resource-id {net} --status Failed --offset 1d`" in letter.next


def test_a_delete_that_azure_gave_up_on_says_where_the_reason_is(azure: LocalAzure, visit: AzureVisit) -> None:
    """Once its time has run out: before that, what shows may be a stale read of how it stood."""
    kind, spec = _asked(visit, "azure.virtual_network")
    made = create(job(kind, spec, visit))
    delivered = job(kind, spec, visit, Verb.delete, remote_id=made.remote_id)
    azure.control.settings(failing={"delete */app": "InUse"})
    delete(delivered)
    with pytest.raises(Pending):
        settle(delivered, timedelta(), WITHIN)
    with pytest.raises(NotStabilized) as said:
        settle(delivered, WITHIN, WITHIN)
    assert "provisioningState Failed; where it stands, Azure does not show why" in said.value.letter.happened
    assert "az monitor activity-log list" in said.value.letter.next


def _standing(visit: AzureVisit, verb: Verb, path: str, after: Any, **facts: Any) -> tuple[Job, str]:
    """An act on a machine that was made before. `path`: what of it changes, to `after`."""
    kind, was = _asked(visit, "azure.virtual_machine")
    made = create(job(kind, was, visit))
    field, _, key = path.partition(".")
    spec = kind.spec.model_validate({**was.plain(), field: {key: after} if key else after})
    changes = (FieldChange(path=path, before=None if key else was.plain()[field], after=after),)
    return job(kind, spec, visit, verb, changes=changes, remote_id=made.remote_id, **facts), made.remote_id or ""


def test_a_change_that_came_to_nothing_is_not_done(azure: LocalAzure, visit: AzureVisit) -> None:
    """A machine whose change failed stands and shows what was written: still nobody is told that it is done."""
    delivered, _ = _standing(visit, Verb.update, "system_identity", True)
    azure.control.settings(failing={"update */app": "AllocationFailed"})
    update(delivered)
    with pytest.raises(CreateFailed, match="AllocationFailed: update of app failed on demand"):
        settle(delivered, timedelta(), WITHIN)


def test_a_start_that_came_to_nothing_is_said_at_once(azure: LocalAzure, visit: AzureVisit) -> None:
    """And not after its time has run out."""
    delivered, _ = _standing(visit, Verb.operate, "power", "running", operation="start")
    operate(
        job(delivered.kind, delivered.spec(delivered.desired()), visit, Verb.operate, **_of(delivered, "deallocate"))
    )
    azure.control.settings(failing={"start */app": "AllocationFailed"})
    operate(delivered)
    with pytest.raises(CreateFailed, match="AllocationFailed: start of app failed on demand"):
        settle(delivered, timedelta(), WITHIN)


def _of(delivered: Job, operation: str) -> dict[str, Any]:
    return {"remote_id": delivered.act.remote_id, "operation": operation}


def test_tags_are_written_beside_what_failed_before(azure: LocalAzure, visit: AzureVisit) -> None:
    """What was asked of a machine earlier, and failed, does not make a change of its tags fail."""
    delivered, remote_id = _standing(visit, Verb.update, "tags.team", "shop")
    azure.control.settings(failing={"redeploy */app": "AllocationFailed"})
    visit.client("compute").post(f"{remote_id}/redeploy")
    done = update(delivered)
    assert delivered.kind.observe(delivered.call(remote_id)).gave_up
    assert done.handle is None
    assert settle(delivered, timedelta(), WITHIN).status is Status.ready
