"""`azure.virtual_machine`: a Linux machine that starts only what is signed, and lets in keys and no passwords."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import arm, bodies, ids, machines, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.door import Answer
from activities.providers.azure.tags import Tags
from holdfast.errors import Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Operated, Output

OS_DISK: Final = "properties.storageProfile.osDisk"
DATA_DISKS: Final = "properties.storageProfile.dataDisks"
ALLOCATED: Final = ("os_disk_sku", "os_disk_size_gb")  # what Azure shows only of a machine that has a host


class VirtualMachineSpec(Spec):
    """A machine of its own, on interfaces that are resources of their own. Its system's disk comes and goes with it."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$",
        description="unique in its resource group, and what its system calls itself",
    )
    resource_group: str = Field(description=arm.OF_GROUP)
    vm_size: str = Field(pattern=r"^\w+$", description="as in Standard_B2s; changes only while it is deallocated")
    image: str = Field(
        pattern=r"^(/.+|[^:/]+:[^:/]+:[^:/]+:[^:/]+)$",
        description="PUBLISHER:OFFER:SKU:VERSION, `latest` being a version, or an image's id; of the second generation",
    )
    network_interfaces: list[str] = Field(min_length=1, description="ids; the first is the one it is spoken to by")
    admin_username: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$", description="who may log in")
    ssh_public_keys: list[str] = Field(min_length=1, description="the keys with which that may be done; no password is")
    custom_data: str | None = Field(
        default=None, max_length=49_152, description="handed to its first boot, as cloud-init reads it"
    )
    zone: Literal["1", "2", "3"] | None = Field(default=None, description="the zone it is in; without, none")
    os_disk_size_gb: int | None = Field(
        default=None, ge=1, le=4095, description="GiB of the disk it boots from; without, the image's own"
    )
    os_disk_sku: Literal["Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"] = Field(
        default="StandardSSD_LRS", description="how that disk is built and copied, and so how fast it is"
    )
    disk_encryption_set: str | None = Field(
        default=None, description="the id of the set whose key encrypts that disk; without, Azure's own keys do"
    )
    data_disks: list[str] | None = Field(
        default=None, description="ids of the other disks it has; without, whatever is attached stays"
    )
    encryption_at_host: bool = Field(
        default=False, description="encrypt caches and temporary disks too; the subscription has to be let once"
    )
    secure_boot: bool = Field(default=True, description="start only what is signed")
    vtpm: bool = Field(default=True, description="measure what was started, in a chip of its own")
    system_identity: bool = Field(default=False, description="whether it is somebody, who can be given roles")
    power: Literal["running", "deallocated"] = Field(
        default="running", description="moved by starting and deallocating it; without a host it costs its disks only"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class VirtualMachine(ArmKind[VirtualMachineSpec]):
    """One PUT makes it whole, under `If-None-Match`, which ARM heeds for machines.

    An update writes single parts of it by PATCH, each as it was read just before, under the etag: whatever else stands
    in that part stays. `custom_data` is not read back: Azure tells it nobody.
    """

    kind = "azure.virtual_machine"
    spec = VirtualMachineSpec
    safety_note = ""  # see above
    outputs = arm.outputs(
        vm_id=Output("what its system knows it by"),
        principal_id=Output("whom to give roles to; null without an identity", stable=False),
        os_disk=Output("the id of the disk it boots from"),
    )
    immutable = frozenset({
        "name", "resource_group", "image", "network_interfaces", "admin_username", "ssh_public_keys", "custom_data",
        "zone", "os_disk_size_gb", "os_disk_sku", "disk_encryption_set",
    })  # fmt: skip
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on the disk it boots from"
    permissions = arm.granted(
        "Microsoft.Compute/virtualMachines",
        observe=("Microsoft.Compute/virtualMachines/instanceView/read",),
        create=(
            *arm.joins("networkInterfaces"),
            "Microsoft.Compute/disks/read",  # of those that it is given
            "Microsoft.Compute/disks/write",
            "Microsoft.Compute/images/read",
            "Microsoft.Compute/galleries/images/versions/read",
            "Microsoft.Compute/diskEncryptionSets/read",
            "Microsoft.Compute/virtualMachines/deallocate/action",
        ),
        update=(
            "Microsoft.Compute/virtualMachines/reapply/action",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",  # of those that others gave it
        ),
        operate=tuple(
            f"Microsoft.Compute/virtualMachines/{verb}/action" for verb in ("start", "deallocate", "restart")
        ),
        delete=("Microsoft.Compute/disks/delete",),
    )
    settle_within = {
        Verb.create: timedelta(minutes=20),
        Verb.update: timedelta(minutes=20),
        Verb.operate: timedelta(minutes=20),
        Verb.delete: timedelta(minutes=30),
    }
    operations = {
        "start": Operated("start it, on any host", undo="deallocate", sets={"power": "running"}),
        "deallocate": Operated(
            "stop it and give its host back; what lies in memory and on temporary disks is lost",
            undo="start",
            sets={"power": "deallocated"},
        ),
        "restart": Operated("let its system restart, on the same host and with the same addresses"),
    }
    stopped_for = dict.fromkeys(("vm_size", "encryption_at_host", "secure_boot", "vtpm"), ("deallocate", "start"))
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
app:
  kind: azure.subnet
  spec: {name: app, virtual_network: "${net.id}", address_prefixes: [10.0.1.0/24]}
nic:
  kind: azure.network_interface
  spec: {name: web, resource_group: "${shop.name}", subnet: "${app.id}"}
files: {kind: azure.disk, spec: {name: files, resource_group: "${shop.name}", disk_size_gb: 20}}
web:
  kind: azure.virtual_machine
  spec:
    name: web
    resource_group: ${shop.name}
    vm_size: Standard_B2s
    image: Canonical:ubuntu-24_04-lts:server:latest
    network_interfaces: ["${nic.id}"]
    admin_username: ops
    ssh_public_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx ops]
"""
    trials = {
        "vm_size": "Standard_B4ms",
        "data_disks": ["${files.id}"],
        "encryption_at_host": True,
        "secure_boot": False,
        "vtpm": False,
        "system_identity": True,
        "power": "deallocated",
        "tags": {"team": "shop"},
    }

    service, arm_type = "compute", "Microsoft.Compute/virtualMachines"
    query = {"expand": "instanceView"}
    places = {
        "vm_size": "properties.hardwareProfile.vmSize",
        "admin_username": "properties.osProfile.adminUsername",
        "zone": "zones.0",
        "os_disk_size_gb": f"{OS_DISK}.diskSizeGB",
        "os_disk_sku": f"{OS_DISK}.managedDisk.storageAccountType",
        "disk_encryption_set": f"{OS_DISK}.managedDisk.diskEncryptionSet.id",
        "encryption_at_host": "properties.securityProfile.encryptionAtHost",
        "secure_boot": "properties.securityProfile.uefiSettings.secureBootEnabled",
        "vtpm": "properties.securityProfile.uefiSettings.vTpmEnabled",
    }
    unsaid = {"encryption_at_host": False, "secure_boot": False, "vtpm": False}
    references = frozenset({"network_interfaces", "disk_encryption_set", "data_disks"})
    unordered = frozenset({"data_disks"})
    any_case = frozenset({"name", "image", "vm_size"})

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: Mapping[str, Any], scope: Scope) -> Observation:
        """A list, and the answer to a change, leave out how it runs: a closer look tells.

        A machine that has a power state stands, and has failed in nothing but the last that was asked of it, as a start
        for which there was no room: that is said, and is no reason to make it anew.
        Source: Azure Virtual Machines, "States and billing of Azure Virtual Machines": they have two states each.
        """
        seen, view = super().see(raw, scope), bodies.at(raw, "properties.instanceView")
        stands = seen.status is Status.failed and "power" in seen.properties
        why = machines.failure(view)
        return seen.model_copy(
            update={
                "partial": view is None,
                "status": Status.ready if stands else seen.status,
                "gave_up": stands,
                "detail": f"{seen.detail}: {why}" if why and self.gave_up(seen) else seen.detail,
            }
        )

    def gave_up(self, seen: Observation) -> bool:
        return seen.detail.partition(":")[0].endswith((" Failed", " Canceled"))

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        nics = bodies.at(raw, "properties.networkProfile.networkInterfaces") or ()
        disks = bodies.at(raw, DATA_DISKS) or ()
        found = super().shown(raw) | {
            "image": machines.image(bodies.at(raw, "properties.storageProfile.imageReference")),
            "network_interfaces": [nic["id"] for nic in nics],
            "ssh_public_keys": machines.keys(bodies.at(raw, "properties.osProfile.linuxConfiguration.ssh")),
            "data_disks": [d["managedDisk"]["id"] for d in disks if bodies.at(d, "managedDisk.id")],
            "system_identity": "SystemAssigned" in machines.identities(raw),
            "power": machines.power(bodies.at(raw, "properties.instanceView")),
        }
        unseen = {name for name in (*ALLOCATED, "power") if found[name] is None}
        return {name: value for name, value in found.items() if name not in unseen}

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {
            "vm_id": bodies.at(raw, "properties.vmId"),
            "principal_id": bodies.at(raw, "identity.principalId"),
            "os_disk": bodies.at(raw, f"{OS_DISK}.managedDisk.id"),
        }

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[VirtualMachineSpec]) -> Observation:
        """One PUT. What shall stand deallocated has to run first: until it does, that is `Pending`, and asked again."""
        seen = super().create(call)
        if call.wanted.power == "running" or seen.properties.get("power") == "deallocated":
            return seen
        if seen.status is Status.pending:
            raise Pending(
                f"{seen.remote_id} is deallocated when it runs; it is being made: {seen.detail}", address=call.address
            )
        return self._act(call, seen.remote_id or "", "deallocate")

    def body(self, call: Call[VirtualMachineSpec]) -> dict[str, Any]:
        wanted, whole = call.wanted, self.started(call)
        whole["properties"] = {
            "osProfile": {
                "computerName": wanted.name,
                "linuxConfiguration": {
                    "disablePasswordAuthentication": True,
                    "ssh": machines.written_keys(wanted.admin_username, wanted.ssh_public_keys),
                },
            },
            "storageProfile": {
                "imageReference": machines.image_reference(wanted.image),
                "osDisk": {"name": f"{wanted.name}-os", "createOption": "FromImage", "deleteOption": "Delete"},
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": nic, "properties": {"primary": n == 0, "deleteOption": "Detach"}}
                    for n, nic in enumerate(wanted.network_interfaces)
                ]
            },
            "securityProfile": {"securityType": "TrustedLaunch"},
        }
        if wanted.custom_data is not None:
            told = base64.b64encode(wanted.custom_data.encode()).decode()
            whole["properties"]["osProfile"]["customData"] = told
        self.write(whole, "data_disks", wanted.plain()["data_disks"])
        self.write(whole, "system_identity", wanted.system_identity)
        return self.filled(whole, call)

    def write(self, body: dict[str, Any], field: str, value: JsonValue) -> None:
        match field:
            case "zone":
                body["zones"] = [value]
            case "data_disks":
                listed = bodies.at(body, DATA_DISKS) or []
                bodies.put(body, DATA_DISKS, machines.attached(listed, value if isinstance(value, list) else []))
            case "system_identity":
                machines.identify(body, is_somebody=bool(value))
            case _:
                super().write(body, field, value)

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        self.write(body, field, None)

    def update(self, call: Call[VirtualMachineSpec]) -> Observation:
        """Tags; and then those parts that change, in one PATCH.

        Source: REST, "Virtual Machines: Reapply", of what failed and shows as it shall be.
        """
        retagging = self.retag(call)
        fields = {c.path.partition(".")[0] for c in call.changes} - {"tags"}
        if not fields:
            return self._shown_tags(call, retagging)
        service = call.client(self.service)
        found = service.get(call.id)
        whole = copy.deepcopy(found.body)
        self._write_all(whole, call, fields, found.body)
        part = machines.difference(found.body, whole)
        if not part:
            seen = self.observe(call)
            # As wanted already, and not carried out: Azure is asked to do what it has been told.
            return self.answered(call, service.post(f"{call.id}/reapply")) if self.gave_up(seen) else seen
        return self.answered(call, service.patch(call.id, part, if_match=found.etag))

    def operate(self, call: Call[VirtualMachineSpec], operation: str) -> Observation:
        return self._act(call, call.id, operation)

    def _act(self, call: Call[VirtualMachineSpec], remote_id: str, operation: str) -> Observation:
        """The answer says that it is on its way, and to where; a read may be behind."""
        answer: Answer = call.client(self.service).post(f"{remote_id}/{operation}")
        seen = self.answered(self._at(call, remote_id), answer)
        if not seen.stands or seen.status is not Status.pending:
            return seen
        return seen.model_copy(update={"properties": {**seen.properties, **self.operations[operation].sets}})

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """An image's id in small letters, and keys in one line, since ARM may break them."""
        form = super().canonical(properties)
        image, keys = form.get("image"), form.get("ssh_public_keys")
        if isinstance(image, str) and image.startswith("/"):
            form["image"] = ids.canonical(image)
        if isinstance(keys, list):
            form["ssh_public_keys"] = [machines.key(k) if isinstance(k, str) else k for k in keys]
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, or where both want one interface, or one disk."""
        was, now = self.canonical(before), self.canonical(after)
        shared = (
            one
            for field in ("network_interfaces", "data_disks")
            for one in now.get(field) or ()
            if isinstance(one, str) and one in (was.get(field) or ())
        )
        return super().collides(before, after) or any(shared)
