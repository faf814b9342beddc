"""Scale sets with uniform instances. Source: "Virtual Machine Scale Sets" and "... VMs" in Azure's REST reference."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind
from localcloud.azure.providers import machines
from localcloud.azure.trees import dig, fill

if TYPE_CHECKING:
    from localcloud.azure.store import Resource

SET = "Microsoft.Compute/virtualMachineScaleSets"
INSTANCE = f"{SET}/virtualMachines"
ACTIONS = (
    "start",
    "powerOff",
    "deallocate",
    "restart",
    "redeploy",
    "reimage",
    "manualupgrade",
    "delete",
    "instanceView",
)
NIC = {"primary": True, "enableAcceleratedNetworking": False, "dnsSettings": {"dnsServers": []}}
NIC |= {"enableIPForwarding": False}


def _check(case: Case) -> None:
    if case.new.properties["orchestrationMode"] == "Flexible" and "virtualMachineProfile" not in case.new.properties:
        return  # a frame for machines that are made one by one
    sku = case.new.body.get("sku") or {}
    if not sku.get("name") or not isinstance(sku.get("capacity"), int):
        raise No("InvalidParameter", "Required parameter 'sku' is missing: it needs name and capacity.", 400)
    if not dig(case.new.properties, "virtualMachineProfile.storageProfile"):
        raise No("InvalidParameter", "Required parameter 'virtualMachineProfile' is missing.", 400)


def _compute(case: Case) -> None:
    new, old = case.new, case.old
    said = new.properties
    if old is not None:
        new.body["next"] = old.body.get("next", 0)
    said["uniqueId"] = old.properties["uniqueId"] if old else case.store.uuid()
    said["timeCreated"] = new.created.isoformat()
    machines.identity(case)
    if new.body.get("identity") and not new.body["identity"].get("userAssignedIdentities"):
        new.body["identity"].pop("userAssignedIdentities", None)
    if (new.body.get("identity") or {}).get("type") == "None":
        del new.body["identity"]
    if "virtualMachineProfile" not in said:
        return
    new.body["sku"]["tier"] = new.body["sku"]["name"].partition("_")[0]
    profile = said["virtualMachineProfile"]
    which = machines.system(profile["storageProfile"])
    size = 127 if which == "Windows" else 30
    disk = {"createOption": "FromImage", "caching": "ReadWrite", "osType": which, "diskSizeGB": size}
    fill(
        profile["storageProfile"].setdefault("osDisk", {}),
        disk | {"managedDisk": {"storageAccountType": "Premium_LRS"}},
    )
    machines.login(profile.get("osProfile"), which)
    for nic in dig(profile, "networkProfile.networkInterfaceConfigurations") or []:
        fill(nic.setdefault("properties", {}), NIC)
        for address in nic["properties"].get("ipConfigurations") or []:
            fill(address.setdefault("properties", {}), {"privateIPAddressVersion": "IPv4"})
    if old is not None and profile != old.properties["virtualMachineProfile"]:
        automatic = dig(said, "upgradePolicy.mode") in {"Automatic", "Rolling"}
        for one in _instances(case):
            if automatic:
                one.body["model"] = copy.deepcopy(profile)
            one.properties["latestModelApplied"] = one.body["model"] == profile


def _instances(case: Case) -> list[Resource]:
    return [r for r in reversed(case.store.inside(case.new.id)) if r.type == INSTANCE]


def _finish(case: Case) -> None:
    """Have as many instances as were asked for, or do with them what was asked."""
    new, store = case.new, case.store
    chosen = [str(i) for i in case.asked.get("instanceIds") or []]
    standing = _instances(case)
    meant = [r for r in standing if not chosen or r.name in chosen]
    if case.verb == "deleteInside":
        for one in meant:
            store.remove(one)
    elif case.verb == "manualupgrade":
        for one in meant:
            one.properties["latestModelApplied"] = True
            one.body["model"] = copy.deepcopy(new.properties["virtualMachineProfile"])
    elif case.verb in {"create", "update"}:
        capacity = dig(new.body, "sku.capacity") if "virtualMachineProfile" in new.properties else 0
        for one in standing[capacity:]:
            store.remove(one)
        for _ in range(capacity - len(standing)):
            _add(case)
    else:
        for one in meant:
            machines.finish(Case(store, one, verb=case.verb))


def _add(case: Case) -> None:
    new, store = case.new, case.store
    number = new.body.setdefault("next", 0)
    new.body["next"] = number + 1
    profile = new.properties["virtualMachineProfile"]
    prefix = dig(profile, "osProfile.computerNamePrefix") or new.name
    properties: Body = {
        "latestModelApplied": True,
        "vmId": store.uuid(),
        "timeCreated": store.now.isoformat(),
        "hardwareProfile": {},
        "osProfile": {"computerName": f"{prefix}{number:06d}"},
        "networkProfileConfiguration": copy.deepcopy(profile.get("networkProfile") or {}),
    }
    sku = {k: v for k, v in new.body["sku"].items() if k != "capacity"}
    body: Body = {"location": new.body["location"], "sku": sku, "instanceId": str(number), "properties": properties}
    body["model"] = copy.deepcopy(profile)  # what it was made of
    one = store.make(INSTANCE, f"{new.id}/virtualMachines/{number}", body)
    one.power = "running"


def _view(case: Case) -> Body:
    counts: dict[str, int] = {}
    for one in _instances(case):
        state = f"ProvisioningState/{one.state.lower()}"
        counts[state] = counts.get(state, 0) + 1
    summary = [{"code": code, "count": count} for code, count in counts.items()]
    mine = machines.view(Case(case.store, case.new))["statuses"][:1]
    return {"virtualMachine": {"statusesSummary": summary}, "statuses": mine}


def _show(_: Case, body: Body) -> None:
    body.pop("next", None)


def _show_instance(case: Case, body: Body) -> None:
    body.pop("model", None)
    body["name"] = f"{case.new.id.split('/')[-3]}_{case.new.name}"


def _gone_instance(case: Case) -> None:
    owner = case.store.get(case.new.id.rsplit("/", 2)[0])
    if owner is not None:
        left = len(_instances(Case(case.store, owner)))
        owner.body["sku"]["capacity"] = min(owner.body["sku"]["capacity"], left)


KINDS: tuple[Kind, ...] = (
    Kind(
        **machines.COMMON,
        path="virtualMachineScaleSets",
        conditional=True,
        authors=True,
        seconds=40,
        etag=True,
        shouts=True,
        defaults={
            "properties": {
                "singlePlacementGroup": True,
                "orchestrationMode": "Uniform",
                "overprovision": True,
                "upgradePolicy": {"mode": "Manual"},
            }
        },
        computed=("sku.tier", "properties.uniqueId", "properties.timeCreated"),
        fixed=("zones", "properties.orchestrationMode"),
        actions=ACTIONS,
        views=("instanceView",),
        check=_check,
        compute=_compute,
        finish=_finish,
        view=_view,
        show=_show,
    ),
    Kind(
        **machines.COMMON,
        path="virtualMachineScaleSets/virtualMachines",
        seconds=20,
        actions=machines.ACTIONS,
        views=("instanceView",),
        finish=machines.finish,
        view=machines.view,
        show=_show_instance,
        gone=_gone_instance,
    ),
)
