"""Who made what stands, and who wrote to it last, as ARM notes it and some services pass on: `systemData`.

Compared is who, and not when: a service that writes down its own moments would look like two hands. Nothing here knows
who we are, since ARM names a user, an application and a managed identity each in its own way.

Source: Azure/azure-resource-manager-rpc, "Common API Contracts", system metadata for all Azure resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.providers.azure import bodies


def differ(raw: Mapping[str, Any]) -> bool:
    """Whether one identity made it, and another wrote to it last. Not where nothing says so."""
    made, wrote = (str(bodies.at(raw, f"systemData.{word}") or "").lower() for word in ("createdBy", "lastModifiedBy"))
    return bool(made and wrote) and made != wrote


def noted(raw: Mapping[str, Any]) -> bool:
    """Whether anything says who made it."""
    return bool(bodies.at(raw, "systemData.createdBy"))
