"""Resource groups."""

from __future__ import annotations

from localcloud.azure.kind import Kind, Style

KINDS = (
    Kind(
        provider="Microsoft.Resources",
        path="resourceGroups",
        versions=("2015-11-01", "2026-12-31"),
        remove=Style.location,
        seconds=30,
        busy="ResourceGroupBeingDeleted",
        over=("ResourceGroupQuotaExceeded", 409),
    ),
)
