"""One request to Compute, and how things come to stand and are shown, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import catalog, refs, shapes
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import not_found
from localcloud.gcp.state import Known, Thing, number, stamp
from localcloud.gcp.table import GROUP, KINDS, Kind

WITH_USERS = frozenset({"addresses", "disks"})  # they show who uses them


@dataclass(slots=True)
class Call:
    """One request to Compute."""

    verb: str  # get, list, aggregatedList, insert, patch, update, delete, or a custom method
    project: str
    place: str
    collection: str
    name: str
    query: Mapping[str, str]
    body: dict[str, Any]
    made: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Of the thing that it is about."""
        return Path(self.project, self.place, self.collection, self.name)


def begin(cloud: Cloud, it: Known, project: str) -> None:
    """A project that is seen for the first time has its default network."""
    if project in it.projects or project in catalog.IMAGE_PROJECTS:
        return
    it.projects.add(project)
    if cloud.settings["default_network"]:
        path = Path(project, "global", "networks", "default")
        body = {"name": "default", "description": "Default network for the project"}
        stand(cloud, it, path, body, auto=True)


def stand(cloud: Cloud, it: Known, path: Path, body: dict[str, Any], *, auto: bool = False) -> Thing:
    """Put a thing into the world, with everything that the cloud adds."""
    kind = KINDS[path.collection]
    body["name"] = path.name
    shapes.finish(kind, path, body, it)
    body |= {
        "kind": f"compute#{kind.singular}",
        "id": number(cloud),
        "creationTimestamp": stamp(cloud.clock.now()),
    }
    if auto and kind.made:
        body["status"] = kind.made
    thing = it.things[str(path)] = Thing(path, body, cloud.clock.now(), auto)
    if path.collection == "addresses":
        it.reserved[path.project, str(body["address"])] = path
    if path.collection == "networks" and body.get("autoCreateSubnetworks"):
        for own, rest in shapes.own_subnetworks(path):
            stand(cloud, it, own, rest, auto=True)
    return thing


def standing(it: Known, call: Call) -> Thing:
    """What a request is about; of a group, its manager. Raises `Refused`."""
    path = call.path
    if path.collection == GROUP.collection:
        path = replace(path, collection="instanceGroupManagers")
    thing = it.things.get(str(path))
    if thing is None:
        raise not_found(str(call.path))
    return thing


def shower(it: Known, kind: Kind, project: str) -> Callable[[Thing], dict[str, Json]]:
    """What shows many things of one kind in a project as a GET does."""
    used = refs.index(project, it) if kind.collection in WITH_USERS else {}
    return lambda thing: shapes.shown(kind, thing, it, [user.path.link for user in used.get(thing.path, ())])


def show(it: Known, kind: Kind, thing: Thing) -> dict[str, Json]:
    """A thing as a GET shows it."""
    used = refs.users(thing.path, it) if kind.collection in WITH_USERS else []
    return shapes.shown(kind, thing, it, [user.path.link for user in used])
