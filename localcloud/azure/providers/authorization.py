"""Microsoft.Authorization: role assignments at any scope, and the built-in roles.

Sources: "Role Assignments - Create" in Azure's REST reference; "Troubleshoot Azure RBAC"; "Azure built-in roles".
"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body, Case, Kind
from localcloud.core.asked import Answer

if TYPE_CHECKING:
    from localcloud.azure.verbs import Call

DEFINITIONS = re.compile(r"(.*)/providers/Microsoft\.Authorization/roleDefinitions(?:/([^/]+))?", re.IGNORECASE)
NAMED = re.compile(r"roleName\s+eq\s+'([^']*)'", re.IGNORECASE)
BUILT_IN = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Virtual Machine Contributor": "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Storage Account Contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Key Vault Administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
}


def _check(case: Case) -> None:
    store, new, said_ = case.store, case.new, case.new.properties
    try:
        uuid.UUID(new.name)
    except ValueError:
        message = f"The role assignment ID '{new.name}' is not valid. The role assignment ID must be a GUID."
        raise No("InvalidRoleAssignmentId", message, 400) from None
    for wanted in ("principalId", "roleDefinitionId"):
        if not said_.get(wanted):
            raise No("BadRequestFormat", f"The request was incorrectly formatted: {wanted} is missing.", 400)
    if case.old is not None and any(case.old.properties[k] != said_[k] for k in ("principalId", "roleDefinitionId")):
        message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise No("RoleAssignmentUpdateNotPermitted", message, 409)
    scope = new.id.rpartition("/providers/")[0]
    if scope.count("/") > 2 and not store.stands(scope):  # noqa: PLR2004  # more than a subscription
        group = scope.count("/") == 4  # noqa: PLR2004
        code = "ResourceGroupNotFound" if group else "ResourceNotFound"
        raise No(code, f"The scope '{scope}' could not be found.", 404)
    for other in store.resources.values():
        same = other.type == new.type and other.id.rpartition("/providers/")[0].lower() == scope.lower()
        if same and case.old is None and _gives(other.properties) == _gives(said_):
            message = f"The role assignment already exists. The ID of the existing role assignment is {other.name}."
            raise No("RoleAssignmentExists", message, 409)
    unknown = timedelta(seconds=float(str(store.cloud.settings["identity_unknown_seconds"])))
    for other in store.resources.values():
        is_they = other.properties.get("principalId") == said_["principalId"] and other.type != new.type
        if is_they and store.now < other.created + unknown:
            message = f"Principal {said_['principalId']} does not exist in the directory."
            raise No("PrincipalNotFound", message, 400)


def _gives(said_: Body) -> tuple[str, str]:
    return str(said_["principalId"]).lower(), str(said_["roleDefinitionId"]).rpartition("/")[2].lower()


def _compute(case: Case) -> None:
    store, new = case.store, case.new
    scope = new.id.rpartition("/providers/")[0]
    moment = store.now.isoformat()
    new.properties["scope"] = scope or "/"
    new.properties["createdOn"] = case.old.properties["createdOn"] if case.old else moment
    new.properties.update(updatedOn=moment, createdBy="local", updatedBy="local")


def definitions(call: Call, method: str) -> Answer | None:
    """Lists and shows the built-in roles; None for any other path."""
    read = DEFINITIONS.fullmatch(call.target.path)
    if read is None or method != "GET":
        return None
    named = NAMED.search(call.query.get("$filter", ""))
    prefix = "/".join(read[1].split("/")[:3])
    roles = [
        {
            "id": f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
            "name": guid,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {"roleName": name, "type": "BuiltInRole", "description": name, "assignableScopes": ["/"]},
        }
        for name, guid in BUILT_IN.items()
        if (named is None or named[1] == name) and (read[2] or guid) == guid
    ]
    if read[2] is None:
        return said(200, {"value": roles})
    if not roles:
        raise No("RoleDefinitionDoesNotExist", f"The specified role definition '{read[2]}' does not exist.", 404)
    return said(200, roles[0])


KINDS: tuple[Kind, ...] = (
    Kind(
        provider="Microsoft.Authorization",
        path="roleAssignments",
        versions=("2015-07-01", "2026-12-31"),
        located=False,
        grouped=False,
        stateful=False,
        over=("RoleAssignmentLimitExceeded", 400),
        defaults={"properties": {"principalType": "ServicePrincipal", "condition": None, "conditionVersion": None}},
        computed=tuple(f"properties.{p}" for p in ("scope", "createdOn", "updatedOn", "createdBy", "updatedBy")),
        check=_check,
        compute=_compute,
    ),
)
