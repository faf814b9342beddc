"""`azure.vm_scale_set`: what the laws cannot see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activities.providers.azure import ids, tags
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.disk import Disk
from activities.providers.azure.kinds.vm_scale_set import INTERFACES, VmScaleSet, VmScaleSetSpec
from holdfast.errors import Pending
from holdfast.model import Address, Owner
from holdfast.plan import FieldChange
from holdfast.resource import Call, Observation, Search
from tests.kinds.azure_visit import A_DISK, DISK, GROUP, SCOPE, SUBNET, right_before, with_a_subnet
from tests.localcloud.azure_parts import WHERE, LocalAzure

OWNER = Owner("test", "shop")
KIND = VmScaleSet()
SET = ids.inside(GROUP, "Microsoft.Compute/virtualMachineScaleSets", "web")
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
MINE, THEIRS = (ids.inside(GROUP, IDENTITIES, name) for name in ("mine", "theirs"))


@pytest.fixture
def visit(azure: LocalAzure) -> AzureVisit:
    visit = with_a_subnet(azure)
    for one in (MINE, THEIRS):
        visit.client("msi").put(one, {"location": WHERE})
    return visit


def _call(visit: AzureVisit, **more: Any) -> Call[VmScaleSetSpec]:
    said = {
        "name": "web",
        "resource_group": "shop",
        "sku": "Standard_D2s_v5",
        "capacity": 2,
        "image_reference": "Canonical:ubuntu-24_04-lts:server:latest",
        "subnet": SUBNET,
        "ssh_public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxhd3M shop"],
    }
    spec = VmScaleSetSpec.model_validate(said | more)
    return Call(Address(OWNER.stack, KIND.kind, "web"), SCOPE, OWNER, visit.client, token="a", spec=spec)


def _made(visit: AzureVisit, azure: LocalAzure, **more: Any) -> dict[str, Any]:
    KIND.create(_call(visit, **more))
    azure.control.step(120)
    return visit.client("compute").get(SET).body


def _changed(visit: AzureVisit, azure: LocalAzure, **more: Any) -> Observation:
    changes = tuple(FieldChange(path=field, after=None) for field in more)
    KIND.update(replace(_call(visit, **more), remote_id=SET, changes=changes))
    azure.control.step(120)
    return KIND.observe(replace(_call(visit), remote_id=SET))


@pytest.mark.parametrize("mode", ["Flexible", "Uniform"])
def test_a_set_is_made_safe(visit: AzureVisit, azure: LocalAzure, mode: str) -> None:
    """Trusted launch, keys alone, no public address, and no machine replaced unasked, in either mode."""
    said = _made(visit, azure, orchestration_mode=mode)["properties"]
    profile = said["virtualMachineProfile"]
    assert profile["securityProfile"] == {
        "securityType": "TrustedLaunch",
        "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        "encryptionAtHost": False,
    }
    assert profile["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is True
    assert said["upgradePolicy"] == {"mode": "Manual"}
    assert "publicIPAddressConfiguration" not in str(profile)
    assert ("networkApiVersion" in profile["networkProfile"]) is (mode == "Flexible")
    assert KIND.observe(replace(_call(visit), remote_id=SET)).properties["orchestration_mode"] == mode


def test_machines_come_and_stay(visit: AzureVisit, azure: LocalAzure) -> None:
    """A greater capacity brings a machine; another image replaces none of those that stand."""
    _made(visit, azure, orchestration_mode="Uniform")
    seen = _changed(visit, azure, capacity=3)
    assert seen.properties["capacity"] == 3
    first = [one["properties"]["vmId"] for one in visit.client("compute").pages(f"{SET}/virtualMachines")]
    _changed(visit, azure, image_reference="Canonical:ubuntu-24_04-lts:server:1.0.20260101")
    left = list(visit.client("compute").pages(f"{SET}/virtualMachines"))
    assert [one["properties"]["vmId"] for one in left] == first
    assert {one["properties"]["latestModelApplied"] for one in left} == {False}


def test_anothers_identity_stays(visit: AzureVisit, azure: LocalAzure) -> None:
    """An identity of the set's own comes and goes without those that others have given it."""
    _made(visit, azure, user_assigned_identities=[MINE])
    both = {"type": "UserAssigned", "userAssignedIdentities": {MINE: {}, THEIRS: {}}}
    visit.client("compute").patch(SET, {"identity": both})
    azure.control.step(120)
    seen = _changed(visit, azure, system_assigned_identity=True)
    assert seen.outputs["principal_id"]
    assert KIND.canonical(seen.properties)["user_assigned_identities"] == [one.lower() for one in (MINE, THEIRS)]
    seen = _changed(visit, azure, user_assigned_identities=[THEIRS])
    assert (seen.properties["system_assigned_identity"], seen.properties["user_assigned_identities"]) == (
        True,
        [THEIRS],
    )


def test_what_is_beside_the_first_address_stays(visit: AzureVisit, azure: LocalAzure) -> None:
    """Another group for the first interface leaves a second interface that somebody has added."""
    said = _made(visit, azure)
    listed = said["properties"]["virtualMachineProfile"]["networkProfile"]["networkInterfaceConfigurations"]
    addresses = [{"name": "second", "properties": {"subnet": {"id": SUBNET}}}]
    second = {"name": "second", "properties": {"ipConfigurations": addresses}}
    profile = {"networkProfile": {"networkInterfaceConfigurations": [*listed, second]}}
    visit.client("compute").patch(SET, {"properties": {"virtualMachineProfile": profile}})
    azure.control.step(120)
    seen = _changed(visit, azure, enable_accelerated_networking=True)
    assert seen.properties["enable_accelerated_networking"] is True
    body: Any = visit.client("compute").get(SET).body
    for key in INTERFACES.split("."):
        body = body[key]
    assert [one["name"] for one in body] == ["primary", "second"]


def test_what_comes_in_between_is_not_lost(
    visit: AzureVisit, azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set that another hand changes between our look and our request is looked at again, and that change stays."""
    _made(visit, azure)

    def theirs() -> None:
        azure.compute.virtual_machine_scale_sets.begin_update("shop", "web", {"sku": {"capacity": 5}}).result()
        azure.control.step(120)

    azure.control.settings(seconds={"*": 0})
    right_before("patch", theirs, monkeypatch)
    with pytest.raises(Pending):
        _changed(visit, azure, sku="Standard_D4s_v5")
    seen = _changed(visit, azure, sku="Standard_D4s_v5")
    assert (seen.properties["sku"], seen.properties["capacity"]) == ("Standard_D4s_v5", 5)


def test_a_part_of_a_set_is_no_resource_of_its_own(visit: AzureVisit, azure: LocalAzure) -> None:
    """What a set brings along bears the set's tags, and is not taken for a disk of ours that nobody knows."""
    visit.client("compute").put(DISK, {**A_DISK, "tags": tags.marks(_call(visit))})
    azure.control.step(60)
    assert list(Disk().discover(Search(SCOPE, visit.client, OWNER))) == []
    assert KIND.is_mine(str(_call(visit).address))
