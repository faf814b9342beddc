"""`azure.virtual_machine`: what it asks for, and what of another hand's its updates leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from activities.protocol.change import update
from activities.protocol.create import create
from activities.protocol.job import Job
from activities.protocol.settle import settle
from activities.providers.azure import machines
from activities.providers.azure.kinds.virtual_machine import VirtualMachine, VirtualMachineSpec
from holdfast.errors import Interrupted, NotStabilized, Pending
from holdfast.model import Address, Scope, Status
from holdfast.plan import FieldChange, Verb
from holdfast.resource import Call, Observation
from tests.kinds.azure_visit import OWNER, an_interface, job, with_a_subnet
from tests.localcloud.azure_parts import LocalAzure

DISK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/{}"
NIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/{}"
SCOPE = Scope("azure", "s", "westeurope")
USER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a"


def _spec(**more: Any) -> VirtualMachineSpec:
    spec = {
        "name": "web",
        "resource_group": "g",
        "vm_size": "Standard_B2s",
        "image": "Canonical:ubuntu-24_04-lts:server:latest",
        "network_interfaces": [NIC.format("a"), NIC.format("b")],
        "admin_username": "ops",
        "ssh_public_keys": ["ssh-ed25519 AAAA ops"],
        **more,
    }
    return VirtualMachineSpec.model_validate(spec)


def _body(**more: Any) -> dict[str, Any]:
    address = Address(OWNER.stack, "azure.virtual_machine", "web")
    return VirtualMachine().body(Call(address, SCOPE, OWNER, lambda _: None, token="a", spec=_spec(**more)))


def test_it_is_asked_for_securely() -> None:
    """Signed boot, a chip that measures it, no password, and a system disk that goes with the machine."""
    said = _body()["properties"]
    assert said["securityProfile"] == {
        "securityType": "TrustedLaunch",
        "encryptionAtHost": False,
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
    }
    assert said["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is True
    assert "adminPassword" not in said["osProfile"]
    assert said["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
    nics = said["networkProfile"]["networkInterfaces"]
    assert [(n["properties"]["primary"], n["properties"]["deleteOption"]) for n in nics] == [
        (True, "Detach"),
        (False, "Detach"),
    ]


def test_what_its_first_boot_is_told_is_encoded() -> None:
    """ARM takes it in base64."""
    assert _body(custom_data="#cloud-config\n")["properties"]["osProfile"]["customData"] == "I2Nsb3VkLWNvbmZpZwo="


@pytest.mark.parametrize("name", ["Canonical:ubuntu-24_04-lts:server:latest", DISK.format("i")])
def test_an_image_is_read_as_it_is_written(name: str) -> None:
    """By its four words, or by its id."""
    assert machines.image(machines.image_reference(name)) == name


def test_a_disk_stays_where_it_is_when_another_comes() -> None:
    """A machine's disks keep their numbers, under which its system knows them; a new one takes the first free."""
    a, b, c = (DISK.format(n) for n in "abc")
    has = [{"lun": n, "createOption": "Attach", "managedDisk": {"id": one}} for n, one in ((0, a), (1, b))]
    assert [(d["lun"], d["managedDisk"]["id"]) for d in machines.attached(has, [b.lower(), c])] == [(1, b), (0, c)]


@pytest.mark.parametrize(
    "before, is_somebody, after",
    [
        (None, True, {"type": "SystemAssigned"}),
        ({"type": "SystemAssigned"}, False, {"type": "None"}),
        (None, False, None),
        (
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {USER: {"clientId": "c"}}},
            False,
            {"type": "UserAssigned", "userAssignedIdentities": {USER: {}}},
        ),
        (
            {"type": "UserAssigned", "userAssignedIdentities": {USER: {"clientId": "c"}}},
            True,
            {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {USER: {}}},
        ),
    ],
)
def test_identities_that_others_assigned_stay(before: Any, is_somebody: bool, after: Any) -> None:
    """Its own identity comes and goes; those that were assigned to it are left."""
    body = {"identity": before} if before else {}
    machines.identify(body, is_somebody=is_somebody)
    assert body.get("identity") == after


def _seen(state: str, power: str | None) -> Observation:
    view = {"statuses": [{"code": f"ProvisioningState/{state.lower()}"}, *([{"code": power}] if power else [])]}
    said = {**_body()["properties"], "provisioningState": state, "instanceView": view}
    vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web"
    return VirtualMachine().see({**_body(), "id": vm, "name": "web", "properties": said}, SCOPE)


def test_a_machine_whose_start_failed_still_stands() -> None:
    """Azure calls a machine failed when the last change of it failed; one with a power state is there all the same."""
    for power, state in (("PowerState/deallocated", "deallocated"), ("PowerState/running", "running")):
        seen = _seen("Failed", power)
        assert (seen.status, seen.properties["power"]) == (Status.ready, state)
        assert VirtualMachine().gave_up(seen)
    assert _seen("Failed", None).status is Status.failed
    assert not VirtualMachine().gave_up(_seen("Succeeded", "PowerState/running"))


def test_why_a_machine_failed_is_told() -> None:
    """What Azure says of it stands in its instance view, and nowhere else."""
    status = {"code": "ProvisioningState/failed/AllocationFailed", "message": "No room."}
    assert machines.failure({"statuses": [{"code": "PowerState/running"}, status]}) == "AllocationFailed: No room."
    assert machines.failure({"statuses": [{"code": "ProvisioningState/succeeded"}]}) == ""
    script = {"name": "script", "statuses": [{"code": "ProvisioningState/failed/0", "message": "exit status=127"}]}
    bare = {"statuses": [{"code": "ProvisioningState/failed"}], "disks": [{"name": "os"}], "extensions": [script]}
    assert machines.failure(bare) == "script: 0: exit status=127"


def test_one_that_shall_not_run_and_cannot_be_made_says_so_in_time(azure: LocalAzure) -> None:
    """While there is time it is asked again; then a letter says what became of it, and not after two days."""
    visit = with_a_subnet(azure)
    nic = an_interface(visit)
    azure.control.settings(seconds={"Microsoft.Compute/virtualMachines": 60}, failing={"*/web": "AllocationFailed"})
    spec = _spec(network_interfaces=[nic], power="deallocated", resource_group="shop")
    with pytest.raises(Pending, match="deallocated when it runs"):
        create(job(VirtualMachine(), spec, visit))
    azure.control.step(60)
    with pytest.raises(Pending, match="asked again after provisioningState Failed"):
        create(job(VirtualMachine(), spec, visit, again=True, waited=timedelta(minutes=1)))
    azure.control.step(60)
    with pytest.raises(NotStabilized, match=r"after 20 min 0 s: .*Failed"):
        create(job(VirtualMachine(), spec, visit, again=True, waited=timedelta(minutes=20)))
    azure.control.settings(failing={})
    azure.control.step(60)
    done = create(job(VirtualMachine(), spec, visit, again=True))
    azure.control.step(60)
    assert VirtualMachine().observe(job(VirtualMachine(), spec, visit).call(done.remote_id)).properties["power"] == (
        "deallocated"
    )


def test_a_change_that_azure_gave_up_on_is_asked_for_again(azure: LocalAzure) -> None:
    """A machine that stands shows what it was told, also where Azure gave up on it: so Azure is asked to do it."""
    visit = with_a_subnet(azure)
    said: dict[str, Any] = {"network_interfaces": [an_interface(visit)], "resource_group": "shop"}
    kind, was, spec = VirtualMachine(), _spec(**said), _spec(**said, system_identity=True)
    made = create(job(kind, was, visit))
    changes = (FieldChange(path="system_identity", before=False, after=True),)

    def delivered(**facts: Any) -> Job:
        return job(kind, spec, visit, Verb.update, changes=changes, remote_id=made.remote_id, **facts)

    azure.control.settings(failing={"update */web": "InternalServerError"})
    handle = update(delivered()).handle
    with pytest.raises(Interrupted):
        settle(delivered(handle=handle), timedelta(), timedelta(minutes=10))
    azure.control.settings(failing={})
    done = update(delivered(again=True, anew=1))
    assert done.handle not in {None, handle}
    assert settle(delivered(handle=done.handle), timedelta(), timedelta(minutes=10)).status is Status.ready
    assert not kind.observe(delivered().call(made.remote_id)).gave_up


def test_a_machine_that_its_own_system_stopped_is_neither() -> None:
    """It keeps its host and its price: to start it is one way on, and to deallocate it the other."""
    assert _seen("Succeeded", "PowerState/stopped").properties["power"] == "stopped"


def test_an_update_writes_whole_parts_and_only_those_that_change() -> None:
    """A PATCH names the part that changes, with all that stood in it; of the disks, the data disks alone."""
    before = {
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B2s", "vmSizeProperties": {"vCPUsPerCore": 1}},
            "storageProfile": {"osDisk": {"name": "os"}, "dataDisks": []},
            "osProfile": {"computerName": "web"},
        }
    }
    hardware = {"vmSize": "Standard_B4ms", "vmSizeProperties": {"vCPUsPerCore": 1}}
    storage = {"osDisk": {"name": "os"}, "dataDisks": [{"lun": 0}]}
    after = {"properties": {**before["properties"], "hardwareProfile": hardware, "storageProfile": storage}}
    assert machines.difference(before, after) == {
        "properties": {"hardwareProfile": hardware, "storageProfile": {"dataDisks": [{"lun": 0}]}}
    }
    assert machines.difference(before, before) == {}
