"""`gcp.bucket_iam_member`: one member with one role in a bucket, beside whatever else its policy says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.gcp.policy import VERSION, Grant, MemberKind
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Output


class BucketMemberSpec(Spec):
    """One binding of a bucket's policy, without a condition."""

    bucket: str = Field(pattern=r"^[^/]+$", description="the bucket's name")
    role: str = Field(
        pattern=r"^((projects|organizations)/[^/]+/)?roles/[^/]+$",
        description="as roles/storage.objectViewer, or one of your own",
    )
    member: str = Field(
        pattern=r"^[A-Za-z]+(:.+)?$",
        description="as user:EMAIL, group:EMAIL or serviceAccount:EMAIL; allUsers is everybody",
    )


class BucketMember(MemberKind[BucketMemberSpec]):
    """Whose a binding is, only the ledger remembers: nothing of a policy can carry our marks."""

    kind = "gcp.bucket_iam_member"
    spec = BucketMemberSpec
    outputs = {"id": Output("bucket, role and member, as buckets/BUCKET/ROLE/members/MEMBER")}
    immutable = frozenset({"bucket", "role", "member"})
    permissions = {
        "observe": ("storage.buckets.getIamPolicy",),
        "discover": ("storage.buckets.getIamPolicy",),
        "create": ("storage.buckets.setIamPolicy",),
        "delete": ("storage.buckets.setIamPolicy",),
        "adopt": ("storage.buckets.getIamPolicy",),
        "disown": ("storage.buckets.getIamPolicy",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = """
robot: {kind: gcp.service_account, spec: {account_id: shop-robot}}
receipts: {kind: gcp.bucket, spec: {name: shop-receipts-7f3a}}
reads:
  kind: gcp.bucket_iam_member
  spec: {bucket: "${receipts.id}", role: roles/storage.objectViewer, member: "${robot.member}"}
"""

    def grant(self, spec: BucketMemberSpec, scope: Scope) -> Grant:
        return Grant(f"buckets/{spec.bucket}", spec.role, spec.member)

    def said(self, grant: Grant) -> dict[str, Any]:
        return {"bucket": grant.parent.partition("/")[2], "role": grant.role, "member": grant.member}

    def read(self, call: Call[BucketMemberSpec], parent: str) -> dict[str, Any]:
        storage, bucket = call.client("storage"), parent.partition("/")[2]
        policy: dict[str, Any] = storage.get_iam_policy(bucket=bucket, options_requested_policy_version=VERSION)
        return policy

    def write(self, call: Call[BucketMemberSpec], parent: str, policy: Mapping[str, Any]) -> None:
        call.client("storage").set_iam_policy(bucket=parent.partition("/")[2], body=dict(policy))
