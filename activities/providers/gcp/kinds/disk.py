"""`gcp.disk`: a disk in one zone, encrypted as every disk of Google's is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import Field, model_validator

from activities.providers.gcp import labelling
from activities.providers.gcp.compute import ComputeKind, Step
from activities.providers.gcp.labelling import Labels
from activities.providers.gcp.paths import IMAGE, NAME, ZONE, bare, last, reference, versionless, zonal
from holdfast.errors import InvalidInput
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output


class DiskSpec(Spec):
    """A disk. Without an image or a snapshot it is empty."""

    name: str = Field(pattern=NAME, description="unique in the project and zone")
    zone: str = Field(pattern=ZONE, description="as in us-central1-a")
    type: str = Field(
        default="pd-balanced", pattern=r"^[a-z][a-z0-9-]*$", description="how it is built: pd-balanced, pd-ssd, …"
    )
    size_gb: int | None = Field(
        default=None, ge=1, le=65_536, description="GB; without, as many as its source has; it grows, never shrinks"
    )
    source_image: str | None = Field(
        default=None, pattern=IMAGE, description="the image that it begins with; not a family: that means another later"
    )
    source_snapshot: str | None = Field(
        default=None, pattern=reference("snapshots"), description="the snapshot that it begins with"
    )
    kms_key: str | None = Field(
        default=None, description="a key of Cloud KMS, from `projects/` on; without, Google's own key encrypts it"
    )
    description: str = Field(default="", max_length=1500, description="said once, when it is made")
    labels: Labels = Field(default_factory=dict, description=labelling.ABOUT)

    @model_validator(mode="after")
    def _begins_once(self) -> DiskSpec:
        if self.source_image is not None and self.source_snapshot is not None:
            raise ValueError("it begins with an image or with a snapshot, not with both")
        return self


class Disk(ComputeKind[DiskSpec]):
    """Google encrypts what is written on any disk; `kms_key` says with a key of whose."""

    kind = "gcp.disk"
    spec = DiskSpec
    collection, argument = "disks", "disk"
    services = {"zones": "disks"}
    references = frozenset({"source_image", "source_snapshot"})
    outputs = {
        "id": Output("its path: projects/PROJECT/zones/ZONE/disks/NAME"),
        "self_link": Output("its URL, which others refer to"),
        "name": Output("its name"),
        "size_gb": Output("GB", stable=False),
    }
    immutable = frozenset({"name", "zone", "type", "source_image", "source_snapshot", "kms_key", "description"})
    one_way = {"size_gb": "a disk does not shrink"}
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on it"
    permissions = {
        "observe": ("compute.disks.get", "compute.zoneOperations.get", "compute.zoneOperations.list"),
        "discover": ("compute.disks.list",),
        "create": (
            "compute.disks.create",
            "compute.disks.setLabels",
            "compute.images.useReadOnly",
            "compute.snapshots.useReadOnly",
        ),
        "update": ("compute.disks.setLabels", "compute.disks.resize"),
        "delete": ("compute.disks.delete",),
        "adopt": ("compute.disks.setLabels",),
        "disown": ("compute.disks.setLabels",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=15),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=15),
    }
    example = "disk: {kind: gcp.disk, spec: {name: disk, zone: us-central1-a, size_gb: 20}}"
    trials = {"size_gb": 30, "labels": {"team": "shop"}}

    _STATUS = {
        "CREATING": Status.pending,
        "RESTORING": Status.pending,
        "READY": Status.ready,
        "DELETING": Status.deleting,
        "FAILED": Status.failed,
    }

    def place(self, spec: DiskSpec, scope: Scope) -> str:
        return zonal(spec.zone, scope.region)

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        key = raw.get("diskEncryptionKey", {}).get("kmsKeyName")
        said = {
            "source_image": bare(raw["sourceImage"]) if "sourceImage" in raw else None,
            "source_snapshot": bare(raw["sourceSnapshot"]) if "sourceSnapshot" in raw else None,
            "kms_key": versionless(key) if key else None,
            "description": raw.get("description", ""),
        }
        # One of a whole region has no zone.
        said |= {field: last(raw[field]) for field in ("zone", "type") if field in raw}
        said |= {"size_gb": int(raw["sizeGb"])} if "sizeGb" in raw else {}
        status = self._STATUS.get(raw["status"], Status.pending)
        return self.seen(raw, said, {"size_gb": said.get("size_gb")}, status, f"status {raw['status']}")

    def body(self, call: Call[DiskSpec]) -> dict[str, Any]:
        wanted, path = call.wanted, self.path(call)
        said = {
            "type": f"projects/{path.project}/{path.place}/diskTypes/{wanted.type}",
            "sizeGb": wanted.size_gb,
            "sourceImage": wanted.source_image,
            "sourceSnapshot": wanted.source_snapshot,
            "diskEncryptionKey": {"kmsKeyName": wanted.kms_key} if wanted.kms_key else None,
            "description": wanted.description or None,
        }
        return {name: value for name, value in said.items() if value is not None}

    def steps(self, call: Call[DiskSpec]) -> Iterator[Step]:
        if self.changes(call, "size_gb") and call.wanted.size_gb is not None:
            before = int(self.get(call)["sizeGb"])
            if call.wanted.size_gb < before:
                raise InvalidInput(
                    f"it has {before} GB, and shall have {call.wanted.size_gb}: {self.one_way['size_gb']}",
                    standing="untouched by this step",
                    next=f"let the document say {before} or more",
                )
            if call.wanted.size_gb > before:
                yield self.asking(call, "resize", {"sizeGb": call.wanted.size_gb})
