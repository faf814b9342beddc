"""`aws.volume`: a disk, encrypted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from activities.providers.aws import disks, tags
from activities.providers.aws.ec2 import Ec2Kind
from activities.providers.aws.tags import Tags
from holdfast.errors import NotFound
from holdfast.model import Scope, Spec, Status
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Output, Safety


class VolumeSpec(Spec):
    """A disk in one zone."""

    zone: str = Field(description="the availability zone, as in eu-west-1a")
    size: int = Field(ge=1, le=65_536, description="GiB; it grows, and never shrinks")
    type: Literal["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"] = Field(
        default="gp3", description="how it is built, and so how fast it is"
    )
    iops: int | None = Field(
        default=None, ge=100, le=256_000, description="operations a second; io1 and io2 need it, gp3 has 3000 without"
    )
    encrypted: bool = Field(default=True, description="whether what is written on it is encrypted")
    kms_key: str | None = Field(default=None, description="a KMS key's ARN; without one, the account's own for disks")
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)

    @model_validator(mode="after")
    def _provisioned(self) -> VolumeSpec:
        disks.fits(self.type, self.iops)
        return self


class Volume(Ec2Kind[VolumeSpec]):
    """CreateVolume takes a client token, so asking twice is asking once."""

    kind = "aws.volume"
    spec = VolumeSpec
    outputs = {"id": Output("the volume's id"), "arn": Output("its ARN"), "size": Output("GiB", stable=False)}
    safety = Safety.by_token
    token_window = timedelta(hours=24)  # EC2 API reference, "Ensuring idempotency"
    immutable = frozenset({"zone", "encrypted", "kms_key"})
    one_way = {"size": "a volume does not shrink"}
    holds_data = True
    delete_undo = UndoLabel.needs_snapshot
    delete_note = "what is written on it"
    permissions = {
        "observe": ("ec2:DescribeVolumes",),
        "discover": ("ec2:DescribeVolumes",),
        "create": ("ec2:CreateVolume", "ec2:CreateTags"),
        "update": ("ec2:ModifyVolume", "ec2:CreateTags", "ec2:DeleteTags"),
        "delete": ("ec2:DeleteVolume",),
        "adopt": ("ec2:CreateTags",),
        "disown": ("ec2:DeleteTags",),
    }
    settle_within = {
        Verb.create: timedelta(minutes=10),
        Verb.update: timedelta(minutes=10),
        Verb.delete: timedelta(minutes=10),
    }
    example = "disk: {kind: aws.volume, spec: {zone: eu-central-1a, size: 20, iops: 3500}}"
    trials = {"size": 30, "type": "io2", "iops": 4000, "tags": {"team": "shop"}}

    describe, listed_in, id_field, tag_type = "describe_volumes", "Volumes", "VolumeId", "volume"

    _STATUS = {
        "creating": Status.pending,
        "available": Status.ready,
        "in-use": Status.ready,
        "deleting": Status.deleting,
        "deleted": Status.absent,
        "error": Status.failed,
    }

    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        found = tags.plain(raw.get("Tags"))
        remote_id = raw["VolumeId"]
        return Observation(
            kind=self.kind,
            status=self._STATUS[raw["State"]],
            remote_id=remote_id,
            properties={
                "zone": raw["AvailabilityZone"],
                "size": raw["Size"],
                "type": raw["VolumeType"],
                "iops": disks.speed(raw),
                "encrypted": raw["Encrypted"],
                "kms_key": raw.get("KmsKeyId"),
                "tags": tags.own(found),
            },
            outputs={
                "id": remote_id,
                "arn": self.arn(scope, remote_id),
                "size": raw["Size"],
            },
            detail=f"state {raw['State']}",
            **tags.seen(found),
        )

    def create(self, call: Call[VolumeSpec]) -> Observation:
        wanted = call.wanted
        if call.remote_id is not None:
            return self.observe(call)
        key = {"KmsKeyId": wanted.kms_key} if wanted.kms_key else {}
        speed = {} if wanted.iops is None else {"Iops": wanted.iops}
        raw = call.client("ec2").create_volume(
            AvailabilityZone=wanted.zone,
            Size=wanted.size,
            VolumeType=wanted.type,
            Encrypted=wanted.encrypted,
            ClientToken=call.token,
            TagSpecifications=self.specification(call),
            **key,
            **speed,
        )
        return self.see(raw, call.scope)

    def update(self, call: Call[VolumeSpec]) -> Observation:
        self.retag(call)
        new = disks.modification(call)
        if new:
            call.client("ec2").modify_volume(VolumeId=call.id, **new)
        return self.observe(call)

    def delete(self, call: Call[VolumeSpec]) -> Observation:
        try:
            call.client("ec2").delete_volume(VolumeId=call.id)
        except NotFound:
            return self.absent(call.remote_id)
        return self.observe(call)
