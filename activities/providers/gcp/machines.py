"""Machines as Compute's JSON has them: an instance, or the properties of a template, and their parts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OS_LOGIN: Final = "enable-oslogin"  # the metadata that lets IAM say who may log in
EVERYTHING: Final = "https://www.googleapis.com/auth/cloud-platform"  # IAM says what an account may do, not its scopes
SHIELDED: Final = "shieldedInstanceConfig"
SPOT: Final[Mapping[str, str]] = {
    "provisioningModel": "SPOT",
    "instanceTerminationAction": "STOP",
    "onHostMaintenance": "TERMINATE",
}
SHIELD: Final[Mapping[str, str]] = {
    "enable_secure_boot": "enableSecureBoot",
    "enable_vtpm": "enableVtpm",
    "enable_integrity_monitoring": "enableIntegrityMonitoring",
}


def nic(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Its first interface."""
    return next(iter(raw.get("networkInterfaces", ())), {})


def boot(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The disk it boots from, as it is attached."""
    return next((disk for disk in raw.get("disks", ()) if disk.get("boot")), {})


def items(raw: Mapping[str, Any]) -> dict[str, str]:
    """Its metadata."""
    return {item["key"]: item.get("value", "") for item in raw.get("metadata", {}).get("items", ()) if "key" in item}


def listed(items: Mapping[str, str]) -> list[dict[str, str]]:
    """Metadata as Compute takes it."""
    return [{"key": name, "value": value} for name, value in sorted(items.items())]


def fingerprint(raw: Mapping[str, Any], field: str) -> dict[str, str]:
    """What says that a field is still as it was read."""
    found = raw.get(field, {}).get("fingerprint")
    return {"fingerprint": found} if found else {}


def is_spot(scheduling: Mapping[str, Any]) -> bool:
    """Whether Google may stop it at any time; `preemptible` is how that was said before."""
    return scheduling.get("provisioningModel") == "SPOT" or bool(scheduling.get("preemptible"))


def said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, without what was not."""
    return {name: value for name, value in fields.items() if value is not None}
