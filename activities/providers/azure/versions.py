"""Which version of its API each type of ARM's is spoken to in: the one that the official SDK uses for it.

The SDK keeps these in the code of each call, where they cannot be read, and has several in one package: Compute has one
each for machines, disks and galleries. So they stand here, and `tests/kinds/test_azure_door.py` asks the SDK for each:
after a new SDK it names those that moved, and what a kind sends or reads may have to move with them.

Source: azure-mgmt-resource 26.0.0, -network 33.1.0, -compute 39.0.0, -storage 25.3.0, -keyvault 14.1.0, -msi 7.1.0,
-authorization 4.0.0. Subscriptions, which no installed package asks for: REST, "Subscriptions: Get".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from activities.providers.azure import ids
from holdfast.errors import Broken

# By type, or the beginning of one, in small letters; the longest that fits counts.
VERSIONS: Final[Mapping[str, str]] = {
    "microsoft.resources": "2025-04-01",
    "microsoft.resources/subscriptions": "2022-12-01",
    "microsoft.network": "2026-03-01",
    "microsoft.compute": "2026-04-01",
    "microsoft.compute/disks": "2026-03-02",
    "microsoft.compute/snapshots": "2026-03-02",
    "microsoft.storage": "2026-09-01",
    "microsoft.keyvault": "2026-05-15",
    "microsoft.managedidentity": "2024-11-30",
    "microsoft.authorization": "2022-04-01",
}


def of(path: str) -> str:
    """The version for an id, a list or an action. Raises `Broken` for a provider that is not here."""
    kind = ids.type_of(path)
    while kind:
        if kind in VERSIONS:
            return VERSIONS[kind]
        kind = kind.rpartition("/")[0]
    raise Broken(f"no version of the API is known for {path}", next="name its provider in azure/versions.py")
