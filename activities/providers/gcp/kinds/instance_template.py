"""`gcp.instance_template`: how the members of a group are made. It never changes: another one takes its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from activities.providers.gcp import descriptions, labels, machines
from activities.providers.gcp.compute import ComputeKind
from activities.providers.gcp.labelling import Labels
from activities.providers.gcp.paths import IMAGE_OR_FAMILY, NAME, bare, last, reference, versionless
from activities.providers.gcp.rules import ordered
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Carrier, Observation, Output
from holdfast.values import is_opaque

DIGITS: Final = 12  # of a token, at the end of a name


class InstanceTemplateSpec(Spec):
    """What its instances are. Shielded, without an address outside and acting as nobody unless it says so."""

    name: str | None = Field(
        default=None, pattern=NAME, description="unique in the project; say another one for another template"
    )
    name_prefix: str | None = Field(
        default=None,
        pattern=r"^[a-z][-a-z0-9]{0,50}$",
        description="instead, how its name begins: each new template ends it anew, so that a group can go from one to "
        "the next",
    )
    machine_type: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="as in e2-small")
    image: str = Field(
        pattern=IMAGE_OR_FAMILY, description="the image they boot from; of a family, the newest when each is made"
    )
    subnetwork: str | None = Field(
        default=None, pattern=reference("subnetworks"), description="where their interfaces are, by its `self_link`"
    )
    network: str | None = Field(
        default=None, pattern=reference("networks"), description="instead, a network that has made subnetworks itself"
    )
    external_ip: bool = Field(default=False, description="an address of the outside for each")
    tags: list[str] = Field(default_factory=list, description="network tags, which firewall rules go by")
    service_account: str | None = Field(default=None, description="the e-mail of whom they act as; nobody without")
    boot_disk_size_gb: int | None = Field(default=None, ge=10, le=65_536, description="GB; without, the image's own")
    boot_disk_type: str = Field(default="pd-balanced", pattern=r"^[a-z][a-z0-9-]*$", description="how it is built")
    kms_key: str | None = Field(
        default=None, description="a key of Cloud KMS for their disks; without, Google's own key encrypts them"
    )
    enable_secure_boot: bool = Field(default=True, description="boot only what is signed")
    enable_vtpm: bool = Field(default=True, description="a virtual TPM, which keeps keys and measures the boot")
    enable_integrity_monitoring: bool = Field(default=True, description="compare each boot with the first")
    os_login: bool = Field(default=True, description="let IAM say who may log in, and not keys in metadata")
    metadata: dict[str, str] = Field(default_factory=dict, description="what they may read of themselves; no secrets")
    can_ip_forward: bool = Field(default=False, description="whether they may send packets that are not their own")
    provisioning_model: Literal["STANDARD", "SPOT"] = Field(
        default="STANDARD", description="SPOT: cheaper, and Google may stop them at any time"
    )
    automatic_restart: bool = Field(default=True, description="start them again when a host fails; SPOT cannot")
    labels: Labels = Field(default_factory=dict, description="of its instances and their disks")
    description: str = Field(default="", max_length=1500, description="for people")

    @model_validator(mode="after")
    def _fits_together(self) -> InstanceTemplateSpec:
        if self.name is None and self.name_prefix is None:
            raise ValueError("say what it is called: name_prefix, or name")
        if not any(is_opaque(v) for v in (self.name, self.name_prefix)):
            self._check_name()
        if self.subnetwork is None and self.network is None:
            raise ValueError("say where their interfaces are: subnetwork")
        if self.provisioning_model == "SPOT" and self.automatic_restart is True:
            raise ValueError("what is SPOT cannot restart by itself: say `automatic_restart: false`")
        if not is_opaque(self.metadata) and machines.OS_LOGIN in self.metadata:
            raise ValueError(f"{machines.OS_LOGIN} is said by `os_login`")
        return self

    def _check_name(self) -> None:
        """What is made again after it was deleted has its old name, and the prefix that it was made with."""
        if self.name is not None and not self.name.startswith(self.name_prefix or ""):
            raise ValueError("say name, or name_prefix: of both, the name begins with the prefix")


class InstanceTemplate(ComputeKind[InstanceTemplateSpec]):
    """A template's labels are its instances'; its own marks stand in its description, which is written once.

    Google does not delete one that a group uses. With a `name_prefix` another one is made beside it, the group goes
    over to that, and the old one goes last. The end of such a name is the act's: whoever makes it again finds it.

    Source: Compute Engine API v1, instanceTemplates.
    """

    kind = "gcp.instance_template"
    spec = InstanceTemplateSpec
    collection, argument = "instanceTemplates", "instance_template"
    services = {"global": "instance_templates"}
    references = frozenset({"image", "subnetwork", "network"})
    carrier = Carrier.description
    marks_fixed = "a template cannot change, and neither can its description, which bears the marks"
    outputs = {
        "id": Output("its path: projects/PROJECT/global/instanceTemplates/NAME"),
        "self_link": Output("its URL, which groups refer to"),
        "name": Output("its name"),
    }
    immutable = frozenset(InstanceTemplateSpec.model_fields)
    kept_in_use = (
        "say `name_prefix` instead of `name`, and each new template has a name of its own; or say another name"
    )
    permissions = {
        "observe": ("compute.instanceTemplates.get", "compute.globalOperations.get", "compute.globalOperations.list"),
        "discover": ("compute.instanceTemplates.list",),
        "create": (
            "compute.instanceTemplates.create",
            "compute.images.useReadOnly",
            "compute.networks.get",
            "compute.subnetworks.use",
            "iam.serviceAccounts.actAs",
        ),
        "delete": ("compute.instanceTemplates.delete",),
    }
    settle_within = {Verb.create: timedelta(minutes=10), Verb.delete: timedelta(minutes=10)}
    example = """
net: {kind: gcp.network, spec: {name: net}}
app: {kind: gcp.subnetwork, spec: {name: app, network: "${net.self_link}", ip_cidr_range: 10.0.0.0/24}}
web:
  kind: gcp.instance_template
  spec:
    name_prefix: web-
    machine_type: e2-small
    image: projects/debian-cloud/global/images/debian-12-bookworm-v20240910
    subnetwork: ${app.self_link}
    tags: [web]
"""

    def place(self, spec: InstanceTemplateSpec, scope: Scope) -> str:
        return "global"

    def named(self, call: Call[InstanceTemplateSpec]) -> str:
        """Behind a prefix, the act's token."""
        wanted = call.wanted
        return wanted.name or f"{wanted.name_prefix}{call.token.replace('-', '')[:DIGITS]}"

    def find(self, call: Call[InstanceTemplateSpec]) -> list[Observation]:
        """Behind a prefix there is no name before there is an act: then by our marks."""
        return super().find(replace(call, spec=None) if _is_nameless(call) else call)

    def find_all(
        self, calls: Sequence[Call[InstanceTemplateSpec]]
    ) -> Iterator[tuple[Call[InstanceTemplateSpec], Observation]]:
        """One list for all that have a name."""
        yield from super().find_all([call for call in calls if not _is_nameless(call)])
        for call in filter(_is_nameless, calls):
            yield from ((call, seen) for seen in self.find(call))

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        made = raw["properties"]
        nic, boot, scheduling = machines.nic(made), machines.boot(made), made.get("scheduling", {})
        disk, items, shield = boot.get("initializeParams", {}), machines.items(made), made.get(machines.SHIELDED, {})
        accounts, key = made.get("serviceAccounts", ()), boot.get("diskEncryptionKey", {}).get("kmsKeyName")
        said = {
            "machine_type": last(made["machineType"]),
            "subnetwork": bare(nic["subnetwork"]) if "subnetwork" in nic else None,
            "network": bare(nic["network"]) if "network" in nic else None,
            "external_ip": bool(nic.get("accessConfigs")),
            "tags": list(made.get("tags", {}).get("items", ())),
            "service_account": accounts[0]["email"] if accounts else None,
            "boot_disk_size_gb": int(disk["diskSizeGb"]) if "diskSizeGb" in disk else None,
            "kms_key": versionless(key) if key else None,
            **{ours: shield.get(theirs, False) for ours, theirs in machines.SHIELD.items()},
            "os_login": items.get(machines.OS_LOGIN, "").upper() == "TRUE",
            "metadata": {name: value for name, value in items.items() if name != machines.OS_LOGIN},
            "can_ip_forward": made.get("canIpForward", False),
            "provisioning_model": "SPOT" if machines.is_spot(scheduling) else "STANDARD",
            "automatic_restart": scheduling.get("automaticRestart", False),
            "labels": dict(made.get("labels", {})),
            "description": descriptions.own(raw.get("description", "")),
        }
        said |= {"image": bare(disk["sourceImage"])} if "sourceImage" in disk else {}
        return self.seen(raw, said | ({"boot_disk_type": last(disk["diskType"])} if "diskType" in disk else {}))

    def body(self, call: Call[InstanceTemplateSpec]) -> dict[str, Any]:
        wanted = call.wanted
        disk = {
            "sourceImage": wanted.image,
            "diskSizeGb": wanted.boot_disk_size_gb,
            "diskType": wanted.boot_disk_type,
            "labels": labels.asked(call) or None,
        }
        nic = machines.said({"subnetwork": wanted.subnetwork, "network": wanted.network})
        outside = {"type": "ONE_TO_ONE_NAT", "name": "External NAT"}
        key = {"diskEncryptionKey": {"kmsKeyName": wanted.kms_key}} if wanted.kms_key else {}
        items = {**wanted.metadata, machines.OS_LOGIN: "TRUE" if wanted.os_login else "FALSE"}
        made: dict[str, Any] = {
            "machineType": wanted.machine_type,
            "networkInterfaces": [{**nic, **({"accessConfigs": [outside]} if wanted.external_ip else {})}],
            "disks": [{"boot": True, "autoDelete": True, "initializeParams": machines.said(disk), **key}],
            "metadata": {"items": machines.listed(items)},
            machines.SHIELDED: {theirs: getattr(wanted, ours) for ours, theirs in machines.SHIELD.items()},
            "canIpForward": wanted.can_ip_forward,
            "scheduling": {
                "automaticRestart": wanted.automatic_restart,
                **(machines.SPOT if wanted.provisioning_model == "SPOT" else {}),
            },
        }
        made |= {"labels": mine} if (mine := labels.asked(call)) else {}
        made |= {"tags": {"items": list(wanted.tags)}} if wanted.tags else {}
        if wanted.service_account:
            made["serviceAccounts"] = [{"email": wanted.service_account, "scopes": [machines.EVERYTHING]}]
        return {"properties": made}

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The order of tags means nothing."""
        form = super().canonical(properties)
        if isinstance(form.get("tags"), list | tuple):
            form["tags"] = ordered(form["tags"])
        return form


def _is_nameless(call: Call[InstanceTemplateSpec]) -> bool:
    return call.spec is not None and call.spec.name is None and not call.token
