"""What ARM's JSON says of a machine that has no place of its own: its image, its keys, its disks, who it is, and how it
runs. Reading and writing only; what is wanted, the kinds know.

Source: REST, "Virtual Machines: Create Or Update", "Virtual Machines: Instance View"; Azure Virtual Machines, "States
and billing of Azure Virtual Machines".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from activities.providers.azure import ids

_IMAGE: Final = ("publisher", "offer", "sku", "version")
_POWER: Final[Mapping[str, str]] = {
    "running": "running",
    "starting": "running",
    "deallocated": "deallocated",
    "deallocating": "deallocated",
}  # `stopped` and `stopping` are neither: such a machine keeps its host, and its price


def image(said: Any) -> str | None:
    """An image as a document names it: `PUBLISHER:OFFER:SKU:VERSION`, or an id; None for a machine without one."""
    if not isinstance(said, Mapping):
        return None
    named = next(
        (said[key] for key in ("id", "sharedGalleryImageId", "communityGalleryImageId") if said.get(key)), None
    )
    if named is not None:
        return str(named)
    return ":".join(str(said.get(word, "")) for word in _IMAGE) if said.get("publisher") else None


def image_reference(name: str) -> dict[str, str]:
    """The same, as ARM takes it."""
    return {"id": name} if name.startswith("/") else dict(zip(_IMAGE, name.split(":"), strict=True))


def keys(ssh: Any) -> list[str]:
    """The public keys that may log in."""
    listed = (ssh or {}).get("publicKeys") or ()
    return [key(str(one.get("keyData", ""))) for one in listed]


def key(text: str) -> str:
    """A key in one line. One that Azure generated comes back broken into lines of 64: so it was recorded."""
    return "".join(text.splitlines()).strip()


def written_keys(user: str, wanted: Sequence[str]) -> dict[str, Any]:
    """The same, as ARM takes them: it puts them into that one file, and into no other."""
    path = f"/home/{user}/.ssh/authorized_keys"
    return {"publicKeys": [{"path": path, "keyData": key} for key in wanted]}


def attached(listed: Sequence[dict[str, Any]], wanted: Sequence[Any]) -> list[dict[str, Any]]:
    """A machine's list of data disks with these, by id: those that it has stay as and where they are."""
    has = {ids.canonical(d["managedDisk"]["id"]): d for d in listed if (d.get("managedDisk") or {}).get("id")}
    stay = [has[ids.canonical(one)] for one in wanted if ids.canonical(one) in has]
    free = (n for n in range(64) if n not in {d.get("lun") for d in stay})
    come = [
        {"lun": next(free), "createOption": "Attach", "deleteOption": "Detach", "managedDisk": {"id": one}}
        for one in wanted
        if ids.canonical(one) not in has
    ]
    return [*stay, *come]


def identities(raw: Mapping[str, Any]) -> list[str]:
    """The sorts of identities that it has: `SystemAssigned`, `UserAssigned`, both or none."""
    said = str((raw.get("identity") or {}).get("type") or "None")
    return [sort for sort in said.replace(" ", "").split(",") if sort != "None"]


def identify(body: dict[str, Any], *, is_somebody: bool) -> None:
    """Give it an identity of its own, or take that away; those that were assigned to it stay."""
    others = [sort for sort in identities(body) if sort != "SystemAssigned"]
    sorts = [*(["SystemAssigned"] if is_somebody else []), *others]
    if not sorts and not identities(body):
        return
    users: dict[str, Any] = {one: {} for one in (body.get("identity") or {}).get("userAssignedIdentities") or {}}
    body["identity"] = {"type": ", ".join(sorts) or "None"} | ({"userAssignedIdentities": users} if users else {})


def power(view: Any) -> str | None:
    """Whether it runs, or what else it does; None where nothing says."""
    codes = [str(status.get("code", "")) for status in (view or {}).get("statuses") or ()]
    found = next((code.partition("/")[2] for code in codes if code.startswith("PowerState/")), None)
    return None if found is None else _POWER.get(found, found)


def failure(view: Any) -> str:
    """Why the last that was asked of it has failed, as its instance view says; nothing where it does not.

    Its own status tells, or else that of a disk or of an extension, which is named.
    """
    view = view or {}
    inside = [one for of in ("disks", "extensions") for one in view.get(of) or ()]
    parts = ((str(one.get("name", "")), one.get("statuses")) for one in inside)
    for name, statuses in (("", view.get("statuses")), *parts):
        for status in statuses or ():
            word, *more = str(status.get("code", "")).split("/")  # ProvisioningState/failed/AllocationFailed
            words = [part for part in (*more[1:], str(status.get("message") or "")) if part]
            if word == "ProvisioningState" and more[:1] == ["failed"] and words:
                return ": ".join((name, *words) if name else words)
    return ""


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, JsonValue]:
    """A PATCH that makes of the one body the other: every part that differs, whole; of the disks, the data disks."""
    part: dict[str, Any] = {}
    if identities(before) != identities(after):
        part["identity"] = after["identity"]
    was, now = before.get("properties") or {}, after.get("properties") or {}
    changed = {name: copy.deepcopy(value) for name, value in now.items() if value != was.get(name)}
    if "storageProfile" in changed:
        changed["storageProfile"] = {"dataDisks": changed["storageProfile"].get("dataDisks") or []}
    return part | ({"properties": changed} if changed else {})
