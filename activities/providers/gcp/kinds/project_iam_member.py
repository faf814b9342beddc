"""`gcp.project_iam_member`: one member with one role in a project, beside whatever else its policy says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from activities.providers.gcp.policy import VERSION, Grant, MemberKind
from activities.providers.gcp.unseen import no_account
from holdfast.errors import NotAllowed
from holdfast.model import Scope, Spec
from holdfast.plan import Verb
from holdfast.resource import Call, Output


class ProjectMemberSpec(Spec):
    """One binding of a project's policy, without a condition."""

    project: str | None = Field(
        default=None, pattern=r"^[^/]+$", description="the project's id; without one, the scope's project"
    )
    role: str = Field(
        pattern=r"^((projects|organizations)/[^/]+/)?roles/[^/]+$", description="as roles/viewer, or one of your own"
    )
    member: str = Field(pattern=r"^[A-Za-z]+(:.+)?$", description="as user:EMAIL, group:EMAIL or serviceAccount:EMAIL")


class ProjectMember(MemberKind[ProjectMemberSpec]):
    """Whose a binding is, only the ledger remembers: nothing of a policy can carry our marks."""

    kind = "gcp.project_iam_member"
    spec = ProjectMemberSpec
    outputs = {"id": Output("project, role and member, as projects/PROJECT/ROLE/members/MEMBER")}
    immutable = frozenset({"project", "role", "member"})
    permissions = {
        "observe": ("resourcemanager.projects.getIamPolicy",),
        "discover": ("resourcemanager.projects.getIamPolicy",),
        "create": ("resourcemanager.projects.setIamPolicy",),
        "delete": ("resourcemanager.projects.setIamPolicy",),
        "adopt": ("resourcemanager.projects.getIamPolicy",),
        "disown": ("resourcemanager.projects.getIamPolicy",),
    }
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = """
robot: {kind: gcp.service_account, spec: {account_id: shop-robot}}
reads: {kind: gcp.project_iam_member, spec: {role: roles/viewer, member: "${robot.member}"}}
"""

    def grant(self, spec: ProjectMemberSpec, scope: Scope) -> Grant:
        return Grant(f"projects/{spec.project or scope.account}", spec.role, spec.member)

    def said(self, grant: Grant) -> dict[str, Any]:
        return {"project": grant.parent.partition("/")[2], "role": grant.role, "member": grant.member}

    def read(self, call: Call[ProjectMemberSpec], parent: str) -> dict[str, Any]:
        """Also raises `NoAccount` when it is the scope's project that is not there."""
        projects, options = call.client("projects"), {"requestedPolicyVersion": VERSION}
        try:
            policy: dict[str, Any] = projects.get_iam_policy(resource=parent, options=options)
        except NotAllowed as refused:
            if parent == f"projects/{call.scope.account}":
                raise no_account(projects, call.scope.account, refused) or refused from refused
            raise
        return policy

    def write(self, call: Call[ProjectMemberSpec], parent: str, policy: Mapping[str, Any]) -> None:
        """Resource Manager writes bindings and etag alone: who is audited stays as it is."""
        call.client("projects").set_iam_policy(resource=parent, body={"policy": dict(policy)})
