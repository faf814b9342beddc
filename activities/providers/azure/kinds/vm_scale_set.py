"""`azure.vm_scale_set`: as many alike machines as the document says, on trusted hardware, entered by SSH keys alone."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, JsonValue

from activities.providers.azure import arm, bodies, ids, machines, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.tags import Tags
from holdfast.errors import HoldfastError, NotYet
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output

TYPE: Final = "Microsoft.Compute/virtualMachineScaleSets"
JOINS: Final = (
    *arm.joins("virtualNetworks/subnets", "networkSecurityGroups", "loadBalancers/backendAddressPools"),
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.Compute/images/read",
    "Microsoft.Compute/galleries/images/versions/read",
)
# What others have put its interfaces in: an update writes that back.
THEIRS: Final = (
    *arm.joins("loadBalancers/inboundNatPools", "applicationGateways/backendAddressPools", "publicIPPrefixes"),
    "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
)
PROFILE: Final = "properties.virtualMachineProfile"
NETWORK: Final = f"{PROFILE}.networkProfile"
INTERFACES: Final = f"{NETWORK}.networkInterfaceConfigurations"
INTERFACE: Final = f"{INTERFACES}.0.properties"
ADDRESS: Final = f"{INTERFACE}.ipConfigurations.0.properties"
IMAGE, SSH = f"{PROFILE}.storageProfile.imageReference", f"{PROFILE}.osProfile.linuxConfiguration.ssh"
POOLS: Final = f"{ADDRESS}.loadBalancerBackendAddressPools"
# What is read before it is written, since a PATCH takes all of it: the fields, and where what holds them stands.
WHOLE: Final = {
    "sku": "sku",
    "capacity": "sku",
    "network_security_group": NETWORK,
    "load_balancer_backend_address_pools": NETWORK,
    "enable_accelerated_networking": NETWORK,
}
IDENTITIES: Final = frozenset({"system_assigned_identity", "user_assigned_identities"})


class VmScaleSetSpec(Spec):
    """Machines with Linux. A change of what they are made of reaches those that are made after it."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$",
        description="unique in its resource group",
    )
    resource_group: str = Field(min_length=1, max_length=90, description=arm.OF_GROUP)
    orchestration_mode: Literal["Flexible", "Uniform"] = Field(
        default="Flexible",
        description="Flexible: machines that stand by themselves; Uniform: instances of the set",
    )
    sku: str = Field(min_length=1, description="the size of each machine, as in Standard_D2s_v5")
    capacity: int = Field(ge=0, le=1_000, description="how many machines")
    zones: list[Literal["1", "2", "3"]] | None = Field(
        default=None, min_length=1, description="the zones that they are spread over; without, none is promised"
    )
    platform_fault_domain_count: int = Field(
        default=1, ge=1, le=5, description="over how many fault domains of a zone; 1: over as many as there are"
    )
    image_reference: str = Field(
        pattern=r"^(/.+|[^:/]+:[^:/]+:[^:/]+:[^:/]+)$",
        description="publisher:offer:sku:version, with a version or `latest`; or an image's id",
    )
    os_disk_storage_account_type: Literal[
        "Premium_LRS", "Premium_ZRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Standard_LRS"
    ] = Field(default="Premium_LRS", description="of the disk that each machine starts from")
    os_disk_size_gb: int | None = Field(default=None, ge=1, le=4_095, description="in GiB; without, the image's")
    subnet: str = Field(description="the id of the subnet that they are in; none gets a public address")
    network_security_group: str | None = Field(
        default=None, description="the id of the group that says what may come in and go out"
    )
    load_balancer_backend_address_pools: list[str] = Field(
        default_factory=list, description="ids of pools that they are in, as in ${balancer.id}/backendAddressPools/app"
    )
    enable_accelerated_networking: bool = Field(
        default=False, description="past the host's switch; only some sizes of machines can"
    )
    computer_name_prefix: str | None = Field(
        default=None,
        max_length=58,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
        description="how their names begin; without, as the set's",
    )
    admin_username: str = Field(
        default="azureuser", pattern=r"^[a-z_][a-z0-9_-]{0,31}$", description="who enters; there is no password"
    )
    ssh_public_keys: list[str] = Field(min_length=1, description="whoever has a key's other half may enter")
    system_assigned_identity: bool = Field(default=False, description="whether the set has an identity of its own")
    user_assigned_identities: list[str] = Field(default_factory=list, description="ids of identities that they may use")
    secure_boot_enabled: bool = Field(default=True, description="start only what is signed")
    v_tpm_enabled: bool = Field(default=True, description="a TPM, which vouches for how it started")
    encryption_at_host: bool = Field(
        default=False, description="encrypt caches and temporary disks too; a subscription has to register for it once"
    )
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class VmScaleSet(ArmKind[VmScaleSetSpec]):
    """The upgrade policy is Manual: Azure never replaces a machine because the set was changed.

    Sources: Compute REST, "Virtual Machine Scale Sets - Create Or Update" and "- Update"; Azure Virtual Machine Scale
    Sets, "Orchestration modes" and "Trusted launch".
    """

    kind = "azure.vm_scale_set"
    spec = VmScaleSetSpec
    safety_note = ""  # it heeds `If-None-Match`
    outputs = arm.outputs(
        principal_id=Output("the object id of its own identity; null without one", stable=False),
    )
    immutable = frozenset(
        {
            "name",
            "resource_group",
            "orchestration_mode",
            "zones",
            "platform_fault_domain_count",
            "os_disk_storage_account_type",
            "os_disk_size_gb",
            "subnet",
            "computer_name_prefix",
            "admin_username",
            "secure_boot_enabled",
            "v_tpm_enabled",
            "encryption_at_host",
        }
    )
    delete_undo = UndoLabel.lossy
    delete_note = "the machines and what is on their disks: others are made of the same image"
    permissions = arm.granted(TYPE, observe=(f"{TYPE}/instanceView/read",), create=JOINS, update=(*JOINS, *THEIRS))
    settle_within = {
        Verb.create: timedelta(minutes=30),
        Verb.update: timedelta(minutes=30),
        Verb.delete: timedelta(minutes=30),
    }
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
door: {kind: azure.network_security_group, spec: {name: door, resource_group: "${shop.name}"}}
app: {kind: azure.managed_identity, spec: {name: shop-app, resource_group: "${shop.name}"}}
net:
  kind: azure.virtual_network
  spec: {name: net, resource_group: "${shop.name}", address_space: [10.0.0.0/16]}
inside:
  kind: azure.subnet
  spec: {name: app, virtual_network: "${net.id}", address_prefixes: [10.0.1.0/24]}
balancer:
  kind: azure.load_balancer
  spec:
    name: web
    resource_group: ${shop.name}
    frontend_ip_configurations: [{name: inside, subnet: "${inside.id}"}]
    backend_address_pools: [app]
web:
  kind: azure.vm_scale_set
  spec:
    name: web
    resource_group: ${shop.name}
    sku: Standard_D2s_v5
    capacity: 2
    image_reference: Canonical:ubuntu-24_04-lts:server:latest
    subnet: ${inside.id}
    ssh_public_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxhd3M shop]
"""
    trials = {
        "sku": "Standard_D4s_v5",
        "capacity": 3,
        "image_reference": "Canonical:ubuntu-24_04-lts:server:1.0.20260101",
        "network_security_group": "${door.id}",
        "load_balancer_backend_address_pools": ["${balancer.id}/backendAddressPools/app"],
        "enable_accelerated_networking": True,
        "ssh_public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxhd3Mtbm90 shop"],
        "system_assigned_identity": True,
        "user_assigned_identities": ["${app.id}"],
        "tags": {"team": "shop"},
    }

    service, arm_type, patches = "compute", TYPE, True
    wholes = frozenset({*WHOLE, *IDENTITIES})
    places = {
        "orchestration_mode": "properties.orchestrationMode",
        "sku": "sku.name",
        "capacity": "sku.capacity",
        "zones": "zones",
        "platform_fault_domain_count": "properties.platformFaultDomainCount",
        "image_reference": IMAGE,
        "os_disk_storage_account_type": f"{PROFILE}.storageProfile.osDisk.managedDisk.storageAccountType",
        "os_disk_size_gb": f"{PROFILE}.storageProfile.osDisk.diskSizeGB",
        "subnet": f"{ADDRESS}.subnet.id",
        "network_security_group": f"{INTERFACE}.networkSecurityGroup.id",
        "load_balancer_backend_address_pools": POOLS,
        "enable_accelerated_networking": f"{INTERFACE}.enableAcceleratedNetworking",
        "computer_name_prefix": f"{PROFILE}.osProfile.computerNamePrefix",
        "admin_username": f"{PROFILE}.osProfile.adminUsername",
        "ssh_public_keys": SSH,
        "secure_boot_enabled": f"{PROFILE}.securityProfile.uefiSettings.secureBootEnabled",
        "v_tpm_enabled": f"{PROFILE}.securityProfile.uefiSettings.vTpmEnabled",
        "encryption_at_host": f"{PROFILE}.securityProfile.encryptionAtHost",
    }
    unsaid = {
        "orchestration_mode": "Uniform",
        "platform_fault_domain_count": 1,
        "enable_accelerated_networking": False,
        "secure_boot_enabled": False,
        "v_tpm_enabled": False,
        "encryption_at_host": False,
    }
    references = frozenset(
        {
            "subnet",
            "network_security_group",
            "load_balancer_backend_address_pools",
            "user_assigned_identities",
        }
    )
    unordered = frozenset(
        {
            "zones",
            "load_balancer_backend_address_pools",
            "ssh_public_keys",
            "user_assigned_identities",
        }
    )

    # --- reading -----------------------------------------------------------------------------------------------

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        kind = str(bodies.at(raw, "identity.type") or "")
        return super().shown(raw) | {
            "image_reference": machines.image(bodies.at(raw, IMAGE)),
            "load_balancer_backend_address_pools": [pool["id"] for pool in bodies.at(raw, POOLS) or ()],
            "ssh_public_keys": machines.keys(bodies.at(raw, SSH)),
            "system_assigned_identity": "SystemAssigned" in kind,
            "user_assigned_identities": list(bodies.at(raw, "identity.userAssignedIdentities") or ()),
        }

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        return {"principal_id": bodies.at(raw, "identity.principalId")}

    def told(self, call: Call[VmScaleSetSpec], seen: Observation) -> str:
        """As its instance view says, which no other read of a set shows. Who may not read that is told no more."""
        try:
            return machines.failure(call.client(self.service).get(f"{call.id}/instanceView").body)
        except NotYet:
            raise
        except HoldfastError:
            return ""

    # --- changing ----------------------------------------------------------------------------------------------

    def started(self, call: Call[VmScaleSetSpec]) -> dict[str, Any]:
        """What no field says. A Flexible set names the version in which its interfaces are made, a Uniform one not."""
        wanted = call.wanted
        flexible = wanted.orchestration_mode == "Flexible"
        address = {"name": "primary", "properties": {"primary": True}}
        interface = {"name": "primary", "properties": {"primary": True, "ipConfigurations": [address]}}
        network: dict[str, Any] = {"networkInterfaceConfigurations": [interface]}
        profile = {
            "storageProfile": {"osDisk": {"createOption": "FromImage", "caching": "ReadWrite", "osType": "Linux"}},
            "osProfile": {
                "computerNamePrefix": wanted.computer_name_prefix or re.sub(r"[^A-Za-z0-9]", "-", wanted.name)[:58],
                "linuxConfiguration": {"disablePasswordAuthentication": True},
            },
            "networkProfile": network | ({"networkApiVersion": "2020-11-01"} if flexible else {}),
            "securityProfile": {"securityType": "TrustedLaunch"},
        }
        said = {
            "singlePlacementGroup": False,
            "upgradePolicy": {"mode": "Manual"},
            "virtualMachineProfile": profile,
        }
        if not flexible:
            said["overprovision"] = False
        return {**super().started(call), "properties": said}

    def filled(self, body: dict[str, Any], call: Call[VmScaleSetSpec]) -> dict[str, Any]:
        body = super().filled(body, call)
        self._keys(body, call)
        wanted = call.wanted
        if wanted.system_assigned_identity or wanted.user_assigned_identities:
            body["identity"] = _identity(wanted.user_assigned_identities, own=wanted.system_assigned_identity)
        return body

    def write(self, body: dict[str, Any], field: str, value: Any) -> None:
        match field:
            case "image_reference":
                bodies.put(body, IMAGE, machines.image_reference(value))
            case "load_balancer_backend_address_pools":
                bodies.put(body, POOLS, [{"id": pool} for pool in value])
            case _:
                super().write(body, field, value)

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        """Of a list that is written whole, what is not wanted is left out."""
        if WHOLE.get(field) == NETWORK:
            bodies.clear(body, self.places[field])
        else:
            super().withdraw(body, field)

    def _write_all(
        self, body: dict[str, Any], call: Call[VmScaleSetSpec], fields: set[str], stands: Mapping[str, Any]
    ) -> None:
        for place in {WHOLE[field] for field in fields & WHOLE.keys()}:
            bodies.put(body, place, copy.deepcopy(bodies.at(stands, place)))
        super()._write_all(body, call, fields - IDENTITIES, stands)
        if "ssh_public_keys" in fields:
            self._keys(body, call)
        if fields & IDENTITIES:
            now, wanted = self.shown(stands), call.wanted.plain()
            new = {field: (wanted if field in fields else now)[field] for field in IDENTITIES}
            body["identity"] = _identity(
                new["user_assigned_identities"],
                own=new["system_assigned_identity"],
                before=now["user_assigned_identities"],
            )

    @staticmethod
    def _keys(body: dict[str, Any], call: Call[VmScaleSetSpec]) -> None:
        wanted = call.wanted
        bodies.put(body, SSH, machines.written_keys(wanted.admin_username, wanted.ssh_public_keys))

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """An image's id in small letters; a key without the line's end that some tools leave on it."""
        form = dict(properties)
        if isinstance(form.get("image_reference"), str) and form["image_reference"].startswith("/"):
            form["image_reference"] = ids.canonical(form["image_reference"])
        if isinstance(form.get("ssh_public_keys"), list):
            keys = form["ssh_public_keys"]
            form["ssh_public_keys"] = [key.strip() if isinstance(key, str) else key for key in keys]
        return super().canonical(form)


def _identity(users: list[str], *, own: bool, before: list[str] | None = None) -> dict[str, Any]:
    """A PATCH takes an identity off by null; whatever it does not name stays. Source: Compute REST, "- Update"."""
    kinds = [kind for kind, is_so in (("SystemAssigned", own), ("UserAssigned", users)) if is_so]
    wanted = {ids.canonical(user) for user in users}
    gone = [user for user in before or () if ids.canonical(user) not in wanted]
    named: dict[str, Any] = dict.fromkeys(gone) | {user: {} for user in users}
    return {"type": ", ".join(kinds) or "None"} | ({"userAssignedIdentities": named} if named else {})
