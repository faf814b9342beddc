"""Who may reach an account or a vault over the network: `networkAcls`, as storage and Key Vault alike have it.

Unless the document says more, nobody: the default action is to deny, and no rule allows. What ARM adds of its own (an
action for each rule, `/32` behind a single address, small letters in ids) is taken off: one meaning has one form.

Sources: Storage REST, "Storage Accounts - Create", NetworkRuleSet; Key Vault REST, "Vaults - Create Or Update",
NetworkRuleSet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from activities.providers.azure import ids
from holdfast.model import Spec
from holdfast.plan import FieldChange
from holdfast.values import has_unknown

FIELD: Final = "network_acls"  # of a spec
PLACE: Final = "properties.networkAcls"
ABOUT: Final = "who may reach it while public network access is enabled; unless it says more, nobody"
# To let a subnet in takes a permission of its own. Source: Azure RBAC, "Azure permissions for Networking".
JOIN: Final = "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"
_NOBODY: Final = "None"


class NetworkAcls(Spec):
    """Rules for those who come over the public network."""

    default_action: Literal["Allow", "Deny"] = Field(default="Deny", description="for whoever no rule is about")
    bypass: list[str] = Field(
        default=["AzureServices"],
        description="whom no rule is about: AzureServices, Microsoft's own that it trusts; of a storage account also "
        "Logging and Metrics",
    )
    ip_rules: list[str] = Field(default_factory=list, description="addresses that may, IPv4, alone or as a range")
    virtual_network_rules: list[str] = Field(
        default_factory=list, description="ids of subnets that may; each needs the service's endpoint"
    )


def written(acls: Mapping[str, Any]) -> dict[str, Any]:
    """Some or all of it, as ARM takes it."""
    body: dict[str, Any] = {}
    for key, value in acls.items():
        match key:
            case "bypass":
                body["bypass"] = ", ".join(value) or _NOBODY
            case "ip_rules":
                body["ipRules"] = [{"value": rule} for rule in value]
            case "virtual_network_rules":
                body["virtualNetworkRules"] = [{"id": rule} for rule in value]
            case _:
                body["defaultAction"] = value
    return body


def seen(raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """All of it, as ARM shows it. Where it shows none, everybody may: so it is with what was made without any."""
    said = raw or {}
    bypass = str(said.get("bypass") or ("AzureServices" if raw is None else _NOBODY))
    return {
        "default_action": said.get("defaultAction") or "Allow",
        "bypass": [part.strip() for part in bypass.split(",") if part.strip() != _NOBODY],
        "ip_rules": [rule["value"] for rule in said.get("ipRules") or ()],
        "virtual_network_rules": [rule["id"] for rule in said.get("virtualNetworkRules") or ()],
    }


def changed(changes: Sequence[FieldChange], wanted: Mapping[str, Any], raw: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an update writes: its changes, over what stands, since both services take all of it or reset the rest."""
    keys = [key for field, _, key in (c.path.partition(".") for c in changes) if field == FIELD]
    new = wanted if "" in keys else {key: wanted[key] for key in keys}
    return {**(raw or {}), **written(new)}


def form(acls: Any) -> Any:
    """One form for one meaning, of all of it or of some."""
    if not isinstance(acls, dict):
        return acls
    return {key: _sorted(key, value) for key, value in acls.items()}


def _sorted(key: str, value: Any) -> Any:
    if not isinstance(value, list) or has_unknown(value):
        return value
    match key:
        case "ip_rules":
            return sorted(rule.removesuffix("/32") for rule in value)
        case "virtual_network_rules":
            return sorted(ids.canonical(rule) for rule in value)
        case _:
            return sorted(value)
