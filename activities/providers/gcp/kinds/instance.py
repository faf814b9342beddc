"""`gcp.instance`: a virtual machine, shielded, and without rights or an address outside unless it is given some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import labelling, labels, machines
from activities.providers.gcp.compute import ComputeKind, Step, step
from activities.providers.gcp.labelling import Labels
from activities.providers.gcp.paths import IMAGE, NAME, ZONE, Path, bare, last, reference, versionless, zonal
from activities.providers.gcp.rules import ordered
from holdfast.errors import InvalidInput, NotFound, Pending
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Operated, Output
from holdfast.values import is_opaque


class InstanceSpec(Spec):
    """A machine in one subnetwork."""

    name: str = Field(pattern=NAME, description="unique in the project and zone")
    zone: str = Field(pattern=ZONE, description="as in us-central1-a")
    machine_type: str = Field(
        pattern=r"^[a-z][a-z0-9-]*$", description="as in e2-small; changes only while it is stopped"
    )
    image: str = Field(pattern=IMAGE, description="the image it boots from; not a family: that means another later")
    subnetwork: str | None = Field(
        default=None, pattern=reference("subnetworks"), description="where its interface is, by its `self_link`"
    )
    network: str | None = Field(
        default=None, pattern=reference("networks"), description="instead, a network that has made subnetworks itself"
    )
    network_ip: IPv4Address | None = Field(
        default=None, description="its address in the subnetwork; without, Google picks one"
    )
    external_ip: bool = Field(default=False, description="an address of the outside, another after each start")
    nat_ip: IPv4Address | None = Field(
        default=None, description="the address of the outside that it keeps, of a `gcp.address`; with external_ip"
    )
    tags: list[str] = Field(default_factory=list, description="network tags, which firewall rules go by")
    service_account: str | None = Field(
        default=None, description="the e-mail of whom it acts as; nobody without. Changes only while it is stopped"
    )
    boot_disk_size_gb: int | None = Field(
        default=None, ge=10, le=65_536, description="GB; without, the image's own; it grows, and never shrinks"
    )
    boot_disk_type: str = Field(default="pd-balanced", pattern=r"^[a-z][a-z0-9-]*$", description="how it is built")
    kms_key: str | None = Field(
        default=None, description="a key of Cloud KMS for its boot disk; without, Google's own key encrypts it"
    )
    enable_secure_boot: bool = Field(default=True, description="boot only what is signed")
    enable_vtpm: bool = Field(default=True, description="a virtual TPM, which keeps keys and measures the boot")
    enable_integrity_monitoring: bool = Field(default=True, description="compare each boot with the first")
    os_login: bool = Field(default=True, description="let IAM say who may log in, and not keys in metadata")
    metadata: dict[str, str] = Field(default_factory=dict, description="what it may read of itself; no secrets")
    deletion_protection: bool = Field(
        default=False, description="let Google refuse to delete it; Holdfast's own delete takes it off first"
    )
    can_ip_forward: bool = Field(default=False, description="whether it may send packets that are not its own")
    provisioning_model: Literal["STANDARD", "SPOT"] = Field(
        default="STANDARD", description="SPOT: cheaper, and Google may stop it at any time"
    )
    automatic_restart: bool = Field(default=True, description="start it again when its host fails; SPOT cannot")
    power: Literal["running", "stopped"] = Field(default="running", description="moved by starting and stopping it")
    description: str = Field(default="", max_length=1500, description="said once, when it is made")
    labels: Labels = Field(default_factory=dict, description=f"{labelling.ABOUT}; on its boot disk at first")

    @model_validator(mode="after")
    def _fits_together(self) -> InstanceSpec:
        if self.subnetwork is None and self.network is None:
            raise ValueError("say where its interface is: subnetwork")
        if self.nat_ip is not None and self.external_ip is False:
            raise ValueError("a nat_ip is an address of the outside, and `external_ip` says not to have one")
        if self.provisioning_model == "SPOT" and self.automatic_restart is True:
            raise ValueError("what is SPOT cannot restart by itself: say `automatic_restart: false`")
        if not is_opaque(self.metadata) and machines.OS_LOGIN in self.metadata:
            raise ValueError(f"{machines.OS_LOGIN} is said by `os_login`")
        return self


class Instance(ComputeKind[InstanceSpec]):
    """One insert makes machine, boot disk and interface; the disk bears the same labels, so nothing is nobody's.

    The image, the disk's type and a kept address do not show in what Google tells of an instance; they are compared
    with what was applied last.

    Source: Compute Engine API v1, instances; "Modify Shielded VM options", "Change the attached service account",
    "Suspend or resume a Compute Engine instance".
    """

    kind = "gcp.instance"
    spec = InstanceSpec
    collection, argument, relabels = "instances", "instance", "instance"
    services = {"zones": "instances"}
    references = frozenset({"image", "subnetwork", "network"})
    outputs = {
        "id": Output("its path: projects/PROJECT/zones/ZONE/instances/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
        "network_ip": Output("its address in the subnetwork"),
        "nat_ip": Output("its address of the outside; null without one", stable=False),
        "boot_disk": Output("the path of the disk it boots from"),
    }
    immutable = frozenset(
        {
            *("name", "zone", "image", "subnetwork", "network", "network_ip", "external_ip", "nat_ip"),
            *("boot_disk_type", "kms_key", "can_ip_forward", "provisioning_model", "description"),
        }
    )
    one_way = {"boot_disk_size_gb": "a disk does not shrink"}
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on its boot disk, and its addresses"
    permissions = {
        "observe": ("compute.instances.get", "compute.zoneOperations.get", "compute.zoneOperations.list"),
        "discover": ("compute.instances.list",),
        "create": (
            "compute.instances.create",
            "compute.instances.setMetadata",
            "compute.instances.setTags",
            "compute.instances.setLabels",
            "compute.instances.setServiceAccount",
            "compute.instances.stop",
            "compute.disks.create",
            "compute.disks.setLabels",
            "compute.images.useReadOnly",
            "compute.subnetworks.use",
            "compute.subnetworks.useExternalIp",
            "compute.addresses.use",
            "iam.serviceAccounts.actAs",
        ),
        "update": (
            "compute.instances.setLabels",
            "compute.instances.setTags",
            "compute.instances.setMetadata",
            "compute.instances.setMachineType",
            "compute.instances.setServiceAccount",
            "compute.instances.updateShieldedInstanceConfig",
            "compute.instances.setDeletionProtection",
            "compute.instances.setScheduling",
            "compute.disks.get",
            "compute.disks.resize",
            "iam.serviceAccounts.actAs",
        ),
        "operate": (
            "compute.instances.start",
            "compute.instances.stop",
            "compute.instances.reset",
            "compute.instances.resume",
        ),
        "delete": ("compute.instances.delete", "compute.instances.setDeletionProtection", "compute.disks.delete"),
        "adopt": ("compute.instances.setLabels",),
        "disown": ("compute.instances.setLabels",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=15),
        Verb.update: timedelta(minutes=10),
        Verb.operate: timedelta(minutes=20),
        Verb.delete: timedelta(minutes=20),
    }
    operations = {
        "start": Operated("start it", undo="stop", sets={"power": "running"}),
        "stop": Operated("stop it; what lies in memory is lost", undo="start", sets={"power": "stopped"}),
        "reset": Operated("restart it at once, without asking its system"),
    }
    stopped_for: ClassVar[Mapping[str, tuple[str, str]]] = dict.fromkeys(
        ("machine_type", "service_account", "enable_secure_boot", "enable_vtpm", "enable_integrity_monitoring"),
        ("stop", "start"),
    )
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
web:
  kind: gcp.instance
  spec:
    name: web
    zone: us-central1-a
    machine_type: e2-small
    image: projects/debian-cloud/global/images/debian-12-bookworm-v20240910
    subnetwork: ${app.self_link}
"""
    trials = {
        "machine_type": "e2-medium",
        "tags": ["web"],
        "service_account": "reader@a-project.iam.gserviceaccount.com",
        "boot_disk_size_gb": 30,
        "enable_secure_boot": False,
        "enable_vtpm": False,
        "enable_integrity_monitoring": False,
        "os_login": False,
        "metadata": {"shop": "open"},
        "deletion_protection": True,
        "automatic_restart": False,
        "labels": {"team": "shop"},
    }

    _STATUS = {
        "PROVISIONING": Status.pending,
        "STAGING": Status.pending,
        "RUNNING": Status.ready,
        "STOPPING": Status.pending,  # also while it is being deleted: then its operation says so
        "TERMINATED": Status.ready,
        "SUSPENDING": Status.pending,
        "SUSPENDED": Status.ready,
        "REPAIRING": Status.pending,
        "DEPROVISIONING": Status.deleting,
    }
    _POWER = {
        **dict.fromkeys(("STOPPING", "TERMINATED"), "stopped"),
        **dict.fromkeys(("SUSPENDING", "SUSPENDED"), "suspended"),
    }

    def place(self, spec: InstanceSpec, scope: Scope) -> str:
        return zonal(spec.zone, scope.region)

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        nic, boot, status = machines.nic(raw), machines.boot(raw), str(raw["status"])
        outside = nic.get("accessConfigs", ())
        outputs = {
            "network_ip": nic.get("networkIP"),
            "nat_ip": outside[0].get("natIP") if outside else None,
            "boot_disk": bare(boot["source"]) if "source" in boot else None,
        }
        detail = ": ".join(filter(None, (f"status {status}", raw.get("statusMessage", ""))))
        return self.seen(raw, self._said(raw), outputs, self._STATUS.get(status, Status.pending), detail)

    def _said(self, raw: dict[str, Any]) -> dict[str, Any]:
        nic, boot, scheduling = machines.nic(raw), machines.boot(raw), raw.get("scheduling", {})
        items, shield = machines.items(raw), raw.get(machines.SHIELDED, {})
        accounts, key = raw.get("serviceAccounts", ()), boot.get("diskEncryptionKey", {}).get("kmsKeyName")
        said = {
            "zone": last(raw["zone"]),
            "machine_type": last(raw["machineType"]),
            "subnetwork": bare(nic["subnetwork"]) if "subnetwork" in nic else None,
            "network": bare(nic["network"]) if "network" in nic else None,
            "network_ip": nic.get("networkIP"),
            "external_ip": bool(nic.get("accessConfigs")),
            "tags": list(raw.get("tags", {}).get("items", ())),
            "service_account": accounts[0]["email"] if accounts else None,
            "kms_key": versionless(key) if key else None,
            **{ours: shield.get(theirs, False) for ours, theirs in machines.SHIELD.items()},
            "os_login": items.get(machines.OS_LOGIN, "").upper() == "TRUE",
            "metadata": {name: value for name, value in items.items() if name != machines.OS_LOGIN},
            "deletion_protection": raw.get("deletionProtection", False),
            "can_ip_forward": raw.get("canIpForward", False),
            "provisioning_model": "SPOT" if machines.is_spot(scheduling) else "STANDARD",
            "automatic_restart": scheduling.get("automaticRestart", False),
            "power": self._POWER.get(raw["status"], "running"),
            "description": raw.get("description", ""),
        }
        return said | ({"boot_disk_size_gb": int(boot["diskSizeGb"])} if "diskSizeGb" in boot else {})

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[InstanceSpec]) -> Observation:
        """One insert. To stand stopped it has to have run: until it does that is `Pending`, and the next delivery's."""
        seen = super().create(call)
        if call.wanted.power == "running" or seen.properties.get("power") == "stopped":
            return seen
        if seen.status is not Status.ready:
            at_work = self.underway(replace(call, handle=seen.handle)) if seen.handle else None
            if at_work is not None and at_work.error is not None:
                return seen  # there will be nothing to stop; the settle says why
            raise Pending(f"{seen.remote_id} is starting; it is stopped when it runs", address=call.address)
        return self.operate(replace(call, remote_id=seen.remote_id), "stop")

    def body(self, call: Call[InstanceSpec]) -> dict[str, Any]:
        wanted, path = call.wanted, self.path(call)
        here = f"projects/{path.project}/{path.place}"
        disk = {
            "sourceImage": wanted.image,
            "diskSizeGb": wanted.boot_disk_size_gb,
            "diskType": f"{here}/diskTypes/{wanted.boot_disk_type}",
            "labels": labels.marked(call),
        }
        key = {"diskEncryptionKey": {"kmsKeyName": wanted.kms_key}} if wanted.kms_key else {}
        nic = machines.said({"subnetwork": wanted.subnetwork, "network": wanted.network})
        nic |= {"networkIP": str(wanted.network_ip)} if wanted.network_ip else {}
        outside = {"type": "ONE_TO_ONE_NAT", "name": "External NAT"}
        outside |= {"natIP": str(wanted.nat_ip)} if wanted.nat_ip else {}
        asked: dict[str, Any] = {
            "machineType": f"{here}/machineTypes/{wanted.machine_type}",
            "networkInterfaces": [nic | ({"accessConfigs": [outside]} if wanted.external_ip else {})],
            "disks": [{"boot": True, "autoDelete": True, "initializeParams": machines.said(disk), **key}],
            "metadata": {"items": machines.listed(_metadata(wanted))},
            machines.SHIELDED: {theirs: getattr(wanted, ours) for ours, theirs in machines.SHIELD.items()},
            "deletionProtection": wanted.deletion_protection,
            "canIpForward": wanted.can_ip_forward,
            "scheduling": {
                "automaticRestart": wanted.automatic_restart,
                **(machines.SPOT if wanted.provisioning_model == "SPOT" else {}),
            },
        }
        asked |= {"tags": {"items": list(wanted.tags)}} if wanted.tags else {}
        asked |= {"serviceAccounts": [_account(wanted)]} if wanted.service_account else {}
        return asked | ({"description": wanted.description} if wanted.description else {})

    def steps(self, call: Call[InstanceSpec]) -> Iterator[Step]:
        """A method for each. Tags and metadata are built on what was read a moment ago, which a fingerprint says."""
        wanted, path = call.wanted, self.path(call)
        said: dict[str, Any]
        if self.changes(call, "tags"):
            said = {"items": list(wanted.tags), **machines.fingerprint(self.get(call), "tags")}
            yield self.asking(call, "set_tags", said)
        if self.changes(call, "metadata") or self.changes(call, "os_login"):
            raw = self.get(call)
            said = {
                "items": machines.listed(self._written(call, machines.items(raw))),
                **machines.fingerprint(raw, "metadata"),
            }
            yield self.asking(call, "set_metadata", said)
        if self.changes(call, "machine_type"):
            said = {"machineType": f"projects/{path.project}/{path.place}/machineTypes/{wanted.machine_type}"}
            yield self.asking(call, "set_machine_type", said)
        if self.changes(call, "service_account"):
            yield self.asking(call, "set_service_account", _account(wanted) if wanted.service_account else {})
        shield = {theirs: getattr(wanted, ours) for ours, theirs in machines.SHIELD.items() if self.changes(call, ours)}
        if shield:
            yield self.asking(call, "update_shielded_instance_config", shield)
        if self.changes(call, "automatic_restart"):
            said = {**self.get(call).get("scheduling", {}), "automaticRestart": wanted.automatic_restart}
            yield self.asking(call, "set_scheduling", said)
        if self.changes(call, "boot_disk_size_gb") and wanted.boot_disk_size_gb is not None:
            yield from self._grown(call, wanted.boot_disk_size_gb)
        if self.changes(call, "deletion_protection"):
            yield self._protecting(call, on=wanted.deletion_protection)

    def _written(self, call: Call[InstanceSpec], found: Mapping[str, str]) -> dict[str, str]:
        """All metadata once the changes are written: those of others stay."""
        items: dict[str, Any] = dict(found)
        for change in call.changes:
            field, _, name = change.path.partition(".")
            if field == "metadata":
                items[name] = change.after
            if field == "os_login":
                items[machines.OS_LOGIN] = _metadata(call.wanted)[machines.OS_LOGIN]
        return {name: str(value) for name, value in items.items() if value is not None}

    def _grown(self, call: Call[InstanceSpec], size: int) -> Iterator[Step]:
        """Its boot disk is a resource of its own, and grows by a method of that."""
        path = Path.read(machines.boot(self.get(call))["source"])
        disks = call.client("disks")
        before = int(disks.get(**path.where, disk=path.name)["sizeGb"])
        if size < before:
            raise InvalidInput(
                f"its boot disk has {before} GB, and shall have {size}: {self.one_way['boot_disk_size_gb']}",
                standing="untouched by this step",
                next=f"let the document say {before} or more",
            )
        if size > before:
            body = {"sizeGb": size}
            yield step(
                "resize", lambda id_: disks.resize(**path.where, disk=path.name, body=body, request_id=id_), body
            )

    def _protecting(self, call: Call[InstanceSpec], *, on: bool) -> Step:
        path, instances = self.path(call), call.client("instances")
        said = {"resource": path.name, "deletion_protection": on}
        return step(
            "protection", lambda id_: instances.set_deletion_protection(**path.where, **said, request_id=id_), said
        )

    def operate(self, call: Call[InstanceSpec], operation: str) -> Observation:
        """By the method of that name. What another hand has suspended is not started but resumed, memory and all."""
        suspended = operation == "start" and self.get(call)["status"] == "SUSPENDED"
        return self.run(call, iter([self.asking(call, "resume" if suspended else operation)]))

    def delete(self, call: Call[InstanceSpec]) -> Observation:
        """Its boot disk goes along. What protects it is taken off first, since whoever asks for this has been asked."""
        try:
            if self.get(call).get("deletionProtection"):
                seen = self.run(call, iter([self._protecting(call, on=False)]))
                if seen.status is Status.pending and seen.handle is not None:
                    raise Pending(f"{call.id} is not protected in a moment; then it is deleted", address=call.address)
        except NotFound:
            return self.absent(call.remote_id)
        return super().delete(call)

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The order of tags means nothing."""
        form = super().canonical(properties)
        if isinstance(form.get("tags"), list | tuple):
            form["tags"] = ordered(form["tags"])
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name; or at the same address, where it is asked for."""
        if super().collides(before, after):
            return True
        one, other = ([of.get(field) for field in ("subnetwork", "network_ip")] for of in (before, after))
        return None not in other and all(bare(str(was)) == bare(str(is_)) for was, is_ in zip(one, other, strict=True))


def _metadata(wanted: InstanceSpec) -> dict[str, str]:
    return {**wanted.metadata, machines.OS_LOGIN: "TRUE" if wanted.os_login else "FALSE"}


def _account(wanted: InstanceSpec) -> dict[str, Any]:
    return {"email": wanted.service_account, "scopes": [machines.EVERYTHING]}
