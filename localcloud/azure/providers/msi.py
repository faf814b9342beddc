"""Microsoft.ManagedIdentity. Source: "User Assigned Identities" in Azure's REST reference."""

from __future__ import annotations

from localcloud.azure.kind import Case, Kind

TENANT = "00000000-0000-0000-0000-00000000000a"  # the one directory that there is


def _compute(case: Case) -> None:
    was = case.old.properties if case.old else {}
    for one in ("principalId", "clientId"):
        case.new.properties[one] = was.get(one) or case.store.uuid()
    case.new.properties["tenantId"] = was.get("tenantId") or TENANT


KINDS: tuple[Kind, ...] = (
    Kind(
        provider="Microsoft.ManagedIdentity",
        path="userAssignedIdentities",
        versions=("2015-08-31", "2026-12-31"),
        computed=("properties.principalId", "properties.clientId", "properties.tenantId"),
        stateful=False,
        authors=True,
        compute=_compute,
    ),
    Kind(
        provider="Microsoft.ManagedIdentity",
        path="userAssignedIdentities/federatedIdentityCredentials",
        versions=("2022-01-31", "2026-12-31"),
        located=False,
        stateful=False,
    ),
)
