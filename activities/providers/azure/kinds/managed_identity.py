"""`azure.managed_identity`: a principal of one's own in the directory, which machines use without a password."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, JsonValue

from activities.providers.azure import arm, bodies, tags
from activities.providers.azure.arm import ArmKind
from activities.providers.azure.tags import Tags
from holdfast.model import Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Output

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


class ManagedIdentitySpec(Spec):
    """An identity. It may do nothing until `azure.role_assignment` says so."""

    name: str = Field(
        min_length=3,
        max_length=128,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        description="unique in its resource group: letters, digits, `-` and `_`, first a letter or a digit",
    )
    resource_group: str = Field(min_length=1, max_length=90, description=arm.OF_GROUP)
    tags: Tags = Field(default_factory=dict, description=tags.ABOUT)


class ManagedIdentity(ArmKind[ManagedIdentitySpec]):
    """It is made at once; its principal may be unknown to other services for minutes: see `PrincipalNotFound`.

    Source: Azure RBAC, "Troubleshoot Azure RBAC", new principals.
    """

    kind = "azure.managed_identity"
    spec = ManagedIdentitySpec
    safety_note, noted = arm.NOTED, True
    outputs = arm.outputs(
        principal_id=Output("its object id in the directory, which roles are given to"),
        client_id=Output("its application id, which whoever uses it names"),
        tenant_id=Output("the directory that it is in"),
    )
    immutable = frozenset({"name", "resource_group"})
    delete_undo = UndoLabel.lossy
    delete_note = "its principal: the new one has another, and roles that others gave to the old one are gone with it"
    permissions = arm.granted(TYPE)
    settle_within = {Verb.create: timedelta(minutes=5), Verb.delete: timedelta(minutes=5)}
    example = """
shop: {kind: azure.resource_group, spec: {name: shop}}
app: {kind: azure.managed_identity, spec: {name: shop-app, resource_group: "${shop.name}"}}
"""
    trials = {"tags": {"team": "shop"}}

    service, arm_type = "msi", TYPE

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        wanted = {"principal_id": "principalId", "client_id": "clientId", "tenant_id": "tenantId"}
        return {ours: bodies.at(raw, f"properties.{theirs}") for ours, theirs in wanted.items()}
