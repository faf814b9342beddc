"""Managed disks. Sources: "Disks - Create Or Update" in Azure's REST reference, "Managed disk types", recordings."""

from __future__ import annotations

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind, Style
from localcloud.azure.trees import dig

GIB = 1024**3
# Size in GiB up to which, operations and MB a second, and the tier's name.
PREMIUM = (
    (4, 120, 25, "P1"),
    (8, 120, 25, "P2"),
    (16, 120, 25, "P3"),
    (32, 120, 25, "P4"),
    (64, 240, 50, "P6"),
    (128, 500, 100, "P10"),
    (256, 1100, 125, "P15"),
    (512, 2300, 150, "P20"),
    (1024, 5000, 200, "P30"),
    (2048, 7500, 250, "P40"),
    (4096, 7500, 250, "P50"),
    (8192, 16000, 500, "P60"),
    (16384, 18000, 750, "P70"),
    (32767, 20000, 900, "P80"),
)
COMPUTED = (
    "managedBy",
    "managedByExtended",
    "sku.tier",
    *(f"properties.{p}" for p in ("timeCreated", "diskState", "diskSizeBytes", "uniqueId", "LastOwnershipUpdateTime")),
)

DEFAULTS: Body = {
    "sku": {"name": "Standard_LRS"},
    "properties": {
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
    },
}


def _check(case: Case) -> None:
    new, old = case.new, case.old
    said = new.properties
    option = dig(said, "creationData.createOption")
    if option is None:
        raise No("InvalidParameter", "Required parameter 'disk.properties.creationData.createOption' is missing.", 400)
    size = said.get("diskSizeGB")
    if option == "Empty" and size is None:
        raise No("InvalidParameter", "Required parameter 'disk.properties.diskSizeGB' is missing (null).", 400)
    if size is not None and (not isinstance(size, int) or not 1 <= size <= 65536):  # noqa: PLR2004  # Azure's own bounds
        raise No("InvalidParameter", "The value of parameter 'disk.properties.diskSizeGB' is out of range.", 400)
    was = old.properties["diskSizeGB"] if old else 0
    if isinstance(size, int) and size < was:
        raise No("OperationNotAllowed", f"Disk {new.name} has {was} GB and cannot be made smaller.", 409)


def compute(case: Case) -> None:
    """Also called for a disk that comes with a machine."""
    store, new, old = case.store, case.new, case.old
    said, sku = new.properties, new.body["sku"]
    sku["tier"] = sku["name"].partition("_")[0].removesuffix("V2").replace("StandardSSD", "Standard")
    was = old.properties if old else {}
    said.setdefault("diskSizeGB", was.get("diskSizeGB", 30))
    size = said["diskSizeGB"]
    if sku["name"].startswith("Premium_"):
        _, operations, through, tier = next(row for row in PREMIUM if size <= row[0] or row is PREMIUM[-1])
        said["tier"] = tier
    else:
        said.pop("tier", None)
        operations, through = 500, 60
    if sku["name"].startswith(("UltraSSD", "PremiumV2")):
        said.setdefault("diskIOPSReadWrite", 3000)
        said.setdefault("diskMBpsReadWrite", 125)
    else:
        said |= {"diskIOPSReadWrite": operations, "diskMBpsReadWrite": through}
    said["diskSizeBytes"] = size * GIB
    said["uniqueId"] = was.get("uniqueId") or store.uuid()
    said["timeCreated"] = was.get("timeCreated") or store.now.isoformat()


def _show(case: Case, body: Body) -> None:
    users = case.store.referred.get(case.new.id.lower(), [])
    owner = case.store.get(users[0]) if users else None
    state = "Unattached" if owner is None else "Reserved" if owner.power == "deallocated" else "Attached"
    body["properties"]["diskState"] = state
    if owner is not None:
        body["properties"]["LastOwnershipUpdateTime"] = owner.created.isoformat()


KINDS = (
    Kind(
        provider="Microsoft.Compute",
        path="disks",
        versions=("2016-04-30", "2026-12-31"),
        create=Style.both,
        update=Style.both,
        remove=Style.both,
        seconds=4,
        working=("Creating", "Updating"),
        defaults=DEFAULTS,
        computed=COMPUTED,
        fixed=("properties.creationData", "zones"),
        back=(("managedBy", "Microsoft.Compute/virtualMachines", False),),
        in_use=("OperationNotAllowed", 409),
        missing=("NotFound", 404),
        busy="ConflictingConcurrentWriteNotAllowed",
        over=("QuotaExceeded", 409),
        check=_check,
        compute=compute,
        authors=True,
        show=_show,
    ),
)
