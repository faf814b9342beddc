"""The members of instance groups: as many as a group shall have, made of its template, and made again when one is gone.

A group without a template has none. Members run as soon as they are made; a new template is for new members only.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import catalog, paths
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import Refused
from localcloud.gcp.standing import stand
from localcloud.gcp.state import Known, Thing, fingerprint, remove
from localcloud.gcp.table import GROUP

CREATED_BY = "created-by"  # in a member's metadata, as the real cloud says whose it is


def members(it: Known, group: Thing) -> list[Thing]:
    """The instances of a group, oldest first."""
    return [thing for thing in it.things.values() if thing.member_of == str(group.path)]


def reconcile(cloud: Cloud, it: Known) -> None:
    """Give every group, when nothing is under way on it, the members that it shall have."""
    groups = [t for t in it.things.values() if t.path.collection == "instanceGroupManagers"]
    for group in groups:
        if group.busy:
            continue
        own, size = members(it, group), int(group.body["targetSize"])
        for extra in own[size:]:
            remove(it, extra)
        template = _template(it, group)
        for _ in range(size - len(own) if template is not None else 0):
            _add(cloud, it, group, copy.deepcopy(template.body["properties"]) if template else {})
    standing = {str(group.path) for group in groups}
    for orphan in [t for t in it.things.values() if t.member_of and t.member_of not in standing]:
        remove(it, orphan)


def _template(it: Known, group: Thing) -> Thing | None:
    versions = group.body.get("versions") or [{}]
    text = str(group.body.get("instanceTemplate") or versions[0].get("instanceTemplate") or "")
    path = paths.read(text, group.path.project, "global", "instanceTemplates")
    return it.things.get(str(path)) if path else None


def _zone(it: Known, group: Thing) -> str:
    """Its own, or the one of its region's that has the fewest of its members."""
    if group.path.place.startswith("zones/"):
        return group.path.place
    every = [f"zones/{zone}" for zone in catalog.zones(group.path.place.partition("/")[2])]
    taken = [member.path.place for member in members(it, group)]
    return min(every, key=taken.count)


def _add(cloud: Cloud, it: Known, group: Thing, body: dict[str, Any]) -> None:
    place, suffix = _zone(it, group), f"{cloud.random.randrange(36**4):04x}"[-4:]
    path = Path(group.path.project, place, "instances", f"{group.body['baseInstanceName']}-{suffix}")
    if str(path) in it.things:
        return  # the next look finds another name
    body["machineType"] = f"{place}/machineTypes/{body['machineType']}"
    body["disks"] = [disk | {"autoDelete": True} for disk in body.get("disks", ()) if "source" not in disk] or [{}]
    metadata = body.setdefault("metadata", {})
    metadata["items"] = [*metadata.get("items", ()), {"key": CREATED_BY, "value": str(group.path)}]
    for disk in body["disks"]:
        disk.pop("initializeParams", None)
    try:
        member = stand(cloud, it, path, body)
    except Refused:
        return  # a template that no instance can be made of: whoever asked for something else must not hear of it
    member.body["status"], member.member_of = "RUNNING", str(group.path)


def shown(it: Known, manager: Thing) -> Json:
    """The group of a manager. Its fingerprint is that of its ports."""
    path, ports = replace(manager.path, collection=GROUP.collection), manager.body.get("namedPorts")
    place: dict[str, Any] = {name: manager.body[name] for name in ("zone", "region") if name in manager.body}
    found: dict[str, Any] = {
        "kind": f"compute#{GROUP.singular}",
        "id": manager.body["id"],
        "name": path.name,
        "size": len(members(it, manager)),
        "fingerprint": fingerprint(ports or {}),
        "selfLink": path.link,
        **place,
    }
    return found | ({"namedPorts": ports} if ports else {})


def listed(it: Known, group: Thing) -> Json:
    """As `listManagedInstances` shows them."""
    found: list[Json] = [
        {
            "instance": member.path.link,
            "name": member.path.name,
            "id": member.body["id"],
            "currentAction": "NONE",
            "instanceStatus": member.body["status"],
        }
        for member in members(it, group)
    ]
    return {"managedInstances": found} if found else {}
