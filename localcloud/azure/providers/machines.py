"""Virtual machines and their extensions.

Sources: "Virtual Machines" in Azure's REST reference; "States and billing of Azure Virtual Machines"; recordings.
"""

from __future__ import annotations

from typing import Any

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind, Style
from localcloud.azure.providers import disks
from localcloud.azure.trees import dig, fill

VERSIONS = ("2015-06-15", "2026-12-31")
EXTENSION = "Microsoft.Compute/virtualMachines/extensions"
IMAGES = ("1.0.20250101", "1.0.20250701", "1.0.20260101")  # the versions of every image; the last is the latest
TENANT = "00000000-0000-0000-0000-00000000000a"
AFTER = {"create": "running", "start": "running", "restart": "running", "reimage": "running", "redeploy": "running"}
AFTER |= {"powerOff": "stopped", "deallocate": "deallocated"}
MEANWHILE = {"start": "starting", "powerOff": "stopping", "deallocate": "deallocating"}
ACTIONS = ("start", "powerOff", "deallocate", "restart", "redeploy", "reapply", "reimage", "instanceView")
LINUX = {
    "disablePasswordAuthentication": False,
    "provisionVMAgent": True,
    "patchSettings": {"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"},
}
WINDOWS = {
    "provisionVMAgent": True,
    "enableAutomaticUpdates": True,
    "patchSettings": {"patchMode": "AutomaticByOS", "assessmentMode": "ImageDefault"},
}


def system(profile: Body) -> str:
    """Linux or Windows, as the image's publisher lets one think."""
    said = dig(profile, "osDisk.osType")
    return str(said or ("Windows" if "windows" in str(profile.get("imageReference")).lower() else "Linux"))


def login(profile: Body | None, which: str) -> None:
    """Fill in a profile of the operating system, and forget what is secret."""
    if profile is None:
        return
    for secret in ("adminPassword", "customData"):
        profile.pop(secret, None)
    at = f"{which.lower()}Configuration"
    profile[at] = fill(profile.get(at) or {}, WINDOWS if which == "Windows" else LINUX)
    fill(profile, {"secrets": [], "allowExtensionOperations": True, "requireGuestProvisionSignal": True})


def identity(case: Case) -> None:
    """Give whoever asks for an identity its principal."""
    said, was = case.new.body.get("identity"), (case.old.body.get("identity") or {}) if case.old else {}
    if not isinstance(said, dict):
        return
    if said.get("type") == "None":
        case.new.body.pop("identity")
        return
    said.pop("principalId", None)
    if "SystemAssigned" in str(said.get("type")):
        said |= {"principalId": was.get("principalId") or case.store.uuid(), "tenantId": TENANT}
    for one in said.get("userAssignedIdentities") or {}:
        theirs = case.store.get(one)
        shown = {k: theirs.properties[k] for k in ("principalId", "clientId")} if theirs else {}
        said["userAssignedIdentities"][one] = shown


def _check(case: Case) -> None:
    new, store = case.new, case.store
    for wanted in ("hardwareProfile.vmSize", "storageProfile.osDisk.createOption", "networkProfile.networkInterfaces"):
        if not dig(new.properties, wanted):
            raise No("InvalidParameter", f"Required parameter '{wanted}' is missing (null).", 400)
    for nic in new.properties["networkProfile"]["networkInterfaces"]:
        for by in store.referred.get(nic["id"].lower(), []):
            if by.lower() != new.id.lower():
                message = f"Network Interface {nic['id']} is used by existing resource {by}."
                raise No("NicInUse", message, 400)
    luns = [d.get("lun") for d in new.properties["storageProfile"]["dataDisks"]]
    if len(luns) != len(set(luns)):
        raise No("InvalidParameter", "Two data disks have the same value of 'lun'.", 400)
    for disk in _disks(new.properties["storageProfile"]):
        known = dig(disk, "managedDisk.id")
        for by in store.referred.get(str(known).lower(), []):
            if by.lower() != new.id.lower():
                name = str(known).rpartition("/")[2]
                message = f"Disk '{name}' cannot be attached as the disk is already owned by VM '{by}'."
                raise No("ConflictingUserInput", message, 409)


def _disks(profile: Body) -> list[Body]:
    return [profile["osDisk"], *profile["dataDisks"]]


def _compute(case: Case) -> None:
    new, old, store = case.new, case.old, case.store
    said = new.properties
    said["vmId"] = old.properties["vmId"] if old else store.uuid()
    said["timeCreated"] = new.created.isoformat()
    profile = said["storageProfile"]
    which = system(profile)
    image = profile.get("imageReference")
    if isinstance(image, dict) and "publisher" in image:
        image["exactVersion"] = IMAGES[-1] if image.get("version", "latest") == "latest" else image["version"]
    fill(profile["osDisk"], {"osType": which, "caching": "ReadWrite", "deleteOption": "Detach"})
    fill(profile["osDisk"], {"diskSizeGB": 127 if which == "Windows" else 30})
    before = {d.get("lun", "os"): d for d in (_disks(old.properties["storageProfile"]) if old else [])}
    for disk in _disks(profile):
        _disk(case, disk, before.get(disk.get("lun", "os")))
    login(said.get("osProfile"), which)
    identity(case)


def _disk(case: Case, disk: Body, before: Body | None) -> None:
    """Make the disk that a machine comes with, or find the one that it shall have."""
    new, store = case.new, case.store
    option = str(disk["createOption"])
    main = "lun" not in disk
    if "vhd" in disk:  # a blob in somebody's account: no disk of its own
        disk.setdefault("name", new.name)
        return
    managed = disk.setdefault("managedDisk", {})
    if not main:
        fill(disk, {"caching": "None", "toBeDetached": False, "deleteOption": "Detach"})
    if (
        before is not None
        and disk.get("name") in {None, before["name"]}
        and "vhd" not in before
        and option.lower() != "attach"
    ):
        managed.setdefault("id", dig(before, "managedDisk.id"))
    if "id" in managed:
        disk.setdefault("name", managed["id"].rpartition("/")[2])
    word = "OsDisk_1" if main else f"disk{disk['lun'] + 2}"
    disk.setdefault("name", f"{new.name}_{word}_{store.uuid().replace('-', '')}")
    place = new.id.rpartition("/providers/")[0]
    managed.setdefault("id", f"{place}/providers/Microsoft.Compute/disks/{disk['name']}")
    one = store.get(managed["id"])
    if one is None:
        size = disk.setdefault("diskSizeGB", 30)
        sku = managed.setdefault("storageAccountType", "Standard_LRS")
        creation: Body = {"createOption": option}
        properties: Body = {"creationData": creation, "diskSizeGB": size}
        if main:
            properties |= {"osType": disk["osType"], "hyperVGeneration": "V2"}
        body: Body = {"location": new.body["location"], "sku": {"name": sku}, "properties": properties}
        one = store.make("Microsoft.Compute/disks", managed["id"], fill(body, disks.DEFAULTS))
        disks.compute(Case(store, one))
    managed["storageAccountType"] = one.body["sku"]["name"]
    disk["diskSizeGB"] = one.properties["diskSizeGB"]
    managed["id"] = one.id
    new.refers.append((new.id, one.id))


def finish(case: Case) -> None:
    """What a machine does after it was created, or acted upon."""
    case.new.power = AFTER.get(case.verb, case.new.power)


def view(case: Case) -> Body:
    """The instance view: how the machine is just now."""
    one, store = case.new, case.store
    doing = store.operations[one.doing].verb if one.doing else ""
    power = MEANWHILE.get(doing, one.power)
    moment = one.changed.isoformat()
    words = {"Succeeded": "Provisioning succeeded", "Failed": "Provisioning failed"}
    state = one.state.lower() if one.state in words else one.state[:1].lower() + one.state[1:]
    failed = one.failed if one.state == "Failed" else None
    statuses: list[Body] = [
        {
            "code": "/".join(("ProvisioningState", state, *([failed["code"]] if failed else []))),
            "level": "Error" if one.state == "Failed" else "Info",
            "displayStatus": words.get(one.state, one.state),
            **({"message": failed["message"]} if failed else {}),
            "time": moment,
        }
    ]
    if power:
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"})
    shown: Body = {"statuses": statuses}
    profile = one.properties.get("storageProfile")
    if isinstance(profile, dict) and "osDisk" in profile:
        well = [{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}]
        shown["disks"] = [
            {"name": d["name"], "statuses": [w | {"time": moment} for w in well]} for d in _disks(profile)
        ]
        shown["hyperVGeneration"] = "V2"
    if one.power == "running" and not doing:
        ready = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready"}
        agent = [ready | {"message": "Guest Agent is running", "time": store.now.isoformat()}]
        shown |= {"computerName": dig(one.properties, "osProfile.computerName") or one.name, "osName": "local"}
        shown |= {"osVersion": "1", "vmAgent": {"vmAgentVersion": "2.9", "statuses": agent, "extensionHandlers": []}}
    if dig(one.properties, "diagnosticsProfile.bootDiagnostics.enabled"):
        at = f"https://local.blob.core.windows.net/bootdiagnostics-{one.name}/{one.properties['vmId']}"
        names = ("consoleScreenshotBlobUri", "screenshot.bmp"), ("serialConsoleLogBlobUri", "serialconsole.log")
        shown["bootDiagnostics"] = {key: f"{at}.{file}" for key, file in names}
    _extended(case, shown)
    return shown


def _extensions(case: Case) -> list[Any]:
    return [r for r in reversed(case.store.inside(case.new.id)) if r.type == EXTENSION]


def _extended(case: Case, shown: Body) -> None:
    """What the instance view says about extensions."""
    well = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
    for one in _extensions(case):
        version = str(one.properties.get("typeHandlerVersion", "1.0"))
        kind = f"{one.properties.get('publisher')}.{one.properties.get('type')}"
        said = {"type": kind, "typeHandlerVersion": version}
        done = [well | {"message": "Enable succeeded"}]
        shown.setdefault("extensions", []).append({"name": one.name, **said, "statuses": done})
        if "vmAgent" in shown:
            ready = well | {"displayStatus": "Ready", "message": "Plugin enabled"}
            shown["vmAgent"]["extensionHandlers"].append(said | {"status": ready})


def _show(case: Case, body: Body) -> None:
    inner = _extensions(case)
    if inner:
        body["resources"] = [case.store.shown(r) for r in inner]


def _gone(case: Case) -> None:
    """With a machine go the disks and interfaces that were to go with it."""
    properties = case.new.properties
    for disk in _disks(properties["storageProfile"]):
        one = case.store.get(dig(disk, "managedDisk.id") or "")
        if one is not None and disk.get("deleteOption") == "Delete":
            case.store.remove(one)
    for nic in properties["networkProfile"]["networkInterfaces"]:
        one = case.store.get(nic["id"])
        if one is not None and dig(nic, "properties.deleteOption") == "Delete":
            case.store.remove(one)


COMMON: dict[str, Any] = {
    "provider": "Microsoft.Compute",
    "versions": VERSIONS,
    "create": Style.operation,
    "update": Style.operation,
    "remove": Style.both,
    "working": ("Creating", "Updating"),
    "missing": ("NotFound", 404),
    "busy": "ConflictingConcurrentWriteNotAllowed",
    "over": ("OperationNotAllowed", 409),
}

KINDS: tuple[Kind, ...] = (
    Kind(
        **COMMON,
        path="virtualMachines",
        conditional=True,
        authors=True,
        seconds=40,
        etag=True,
        shouts=True,
        defaults={"properties": {"storageProfile": {"dataDisks": []}, "priority": "Regular"}},
        computed=("resources", "properties.vmId", "properties.timeCreated", "properties.instanceView"),
        fixed=("zones", "properties.osProfile.computerName", "properties.osProfile.adminUsername"),
        actions=ACTIONS,
        views=("instanceView",),
        check=_check,
        compute=_compute,
        finish=finish,
        view=view,
        show=_show,
        gone=_gone,
    ),
    Kind(**COMMON, path="virtualMachines/extensions", seconds=15),
)
