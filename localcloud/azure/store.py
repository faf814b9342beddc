"""What stands in the local Azure, what is under way, and what refers to what.

All of it is in `cloud.memory`, so that it is saved, loaded and reset with the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.azure.answers import No
from localcloud.azure.kind import Body, Case, Kind, Part
from localcloud.azure.paths import Target, parse
from localcloud.azure.table import KINDS
from localcloud.azure.trees import put
from localcloud.core.cloud import Cloud


@dataclass(slots=True)
class Resource:
    """One resource. `body` is as its owner and the cloud have written it; what others add is shown by `render`."""

    id: str
    type: str
    name: str
    subscription: str
    group: str
    body: Body
    created: datetime
    changed: datetime
    etag: str = ""
    state: str = "Succeeded"
    power: str = ""
    doing: str = ""  # the operation that is under way
    made_by: str = "local"  # who, as the token names them
    changed_by: str = "local"
    failed: Body | None = None  # the error that the last one ended in; cleared by one that goes well
    refers: list[tuple[str, str]] = field(default_factory=list)  # (the element that refers, to what), as ids

    @property
    def kind(self) -> Kind:
        return KINDS[self.type.lower()]

    @property
    def properties(self) -> Body:
        found: Body = self.body.setdefault("properties", {})
        return found


@dataclass(slots=True)
class Operation:
    """Something that takes time."""

    id: str
    verb: str  # create, update, delete, or an action's name
    resource: str
    subscription: str
    provider: str
    location: str
    began: datetime
    due: datetime
    asked: Body
    status: str = "InProgress"
    error: Body | None = None
    result: Body | None = None


class Store:
    """See the module."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    @property
    def resources(self) -> dict[str, Resource]:
        """By id in small letters."""
        found: dict[str, Resource] = self.cloud.memory.setdefault("azure.resources", {})
        return found

    @property
    def operations(self) -> dict[str, Operation]:
        """By id, those that have ended as well."""
        found: dict[str, Operation] = self.cloud.memory.setdefault("azure.operations", {})
        return found

    @property
    def running(self) -> set[str]:
        """Ids of the operations that have not ended."""
        found: set[str] = self.cloud.memory.setdefault("azure.running", set())
        return found

    @property
    def referred(self) -> dict[str, list[str]]:
        """Who refers to an id in small letters."""
        found: dict[str, list[str]] = self.cloud.memory.setdefault("azure.referred", {})
        return found

    @property
    def deleted(self) -> dict[str, Resource]:
        """Vaults that were deleted and can be recovered, by name in small letters."""
        found: dict[str, Resource] = self.cloud.memory.setdefault("azure.deleted", {})
        return found

    @property
    def now(self) -> datetime:
        return self.cloud.clock.now()

    def uuid(self) -> str:
        """A new one, from the cloud's own chance."""
        return str(uuid.UUID(int=self.cloud.random.getrandbits(128), version=4))

    def get(self, resource: str) -> Resource | None:
        """A resource by its id."""
        return self.resources.get(resource.lower())

    def group(self, subscription: str, name: str) -> Resource | None:
        return self.get(f"/subscriptions/{subscription}/resourceGroups/{name}")

    def owner(self, one: str) -> tuple[Resource | None, Target]:
        """The resource that an id is of, or inside of, with how the id was read."""
        target = parse(one)
        return self.get(target.parent if target.part else target.id), target

    def stands(self, one: str) -> bool:
        """Whether an id is that of a resource, or of an element inside one."""
        owner, target = self.owner(one)
        if owner is None or not target.part:
            return owner is not None
        return element(owner, target.part, target.names[-1]) is not None

    def inside(self, outer: str) -> list[Resource]:
        """Every resource below an id, the nested ones too, the newest first."""
        start = outer.lower() + "/"
        return [r for key, r in reversed(list(self.resources.items())) if key.startswith(start)]

    def referring(self, to: str, but: str = "") -> Iterator[tuple[Resource, str]]:
        """What refers to an id, or to something inside it: the resource, and the element's id."""
        exact, below, own = to.lower(), to.lower() + "/", but.lower()
        for key, one in self.resources.items():
            if not one.kind.holds or key == own or (own and key.startswith(own + "/")):
                continue
            for by, target in one.refers:
                low = target.lower()
                if low == exact or low.startswith(below):
                    yield one, by

    def refer(self, one: Resource, refers: list[tuple[str, str]]) -> None:
        """From now on it refers to these."""
        for by, to in one.refers:
            known = self.referred.get(to.lower(), [])
            if by in known:
                known.remove(by)
        one.refers = refers
        for by, to in refers:
            known = self.referred.setdefault(to.lower(), [])
            if by not in known:
                known.append(by)

    def make(self, type_: str, resource: str, body: Body) -> Resource:
        """A new resource, written down as standing."""
        target = parse(resource)
        now = self.now
        one = Resource(
            target.id, type_, target.names[-1], target.subscription, target.group, body, now, now, self.new_etag()
        )
        self.resources[one.id.lower()] = one
        return one

    def shown(self, one: Resource) -> Body:
        """A resource as it is shown, for a row's functions."""
        return render(self, one)

    def new_etag(self) -> str:
        return f'W/"{self.uuid()}"'

    def remove(self, one: Resource) -> None:
        """It is gone, with all inside it."""
        for inner in [*self.inside(one.id), one]:
            if self.resources.pop(inner.id.lower(), None) is not None:
                self.refer(inner, [])
                if inner.kind.gone:
                    inner.kind.gone(Case(self, inner))

    def find(self, target: Target) -> Resource:
        """The resource that a path names. Raises `No`."""
        if target.group and target.type != "Microsoft.Resources/resourceGroups":
            self.in_group(target)
        found = self.get(target.parent if target.part else target.id)
        if found is None:
            raise absent(target)
        return found

    def in_group(self, target: Target) -> Resource:
        """The group that a path names. Raises `No`."""
        group = self.group(target.subscription, target.group)
        if group is None:
            raise No("ResourceGroupNotFound", f"Resource group '{target.group}' could not be found.", 404)
        return group


def absent(target: Target) -> No:
    """What is said about something that is not there."""
    if target.type == "Microsoft.Resources/resourceGroups":
        return No("ResourceGroupNotFound", f"Resource group '{target.names[-1]}' could not be found.", 404)
    if target.type == "Microsoft.Authorization/roleAssignments":
        return No("RoleAssignmentNotFound", f"The role assignment '{target.names[-1]}' is not found.", 404)
    what = f"{target.type}/{target.names[-1]}" if len(target.names) == 1 else target.id.partition("/providers/")[2]
    if target.part:
        return No("NotFound", f"Resource {target.id} not found.", 404)
    where = f" under resource group '{target.group}'" if target.group else ""
    return No(
        "ResourceNotFound",
        f"The Resource '{what}'{where} was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
        404,
    )


def element(owner: Resource, part: Part, name: str) -> Body | None:
    """An element of a list inside a resource, by its name."""
    for one in owner.properties.get(part.at) or []:
        if str(one.get("name", "")).lower() == name.lower():
            found: Body = one
            return found
    return None


def render(store: Store, one: Resource) -> Body:
    """A resource as it is shown."""
    kind = one.kind
    body: Body = {"id": one.id, "name": one.name, "type": kind.name, **one.body}
    properties: Body = {**one.properties}
    body["properties"] = properties
    if kind.etag:
        body["etag"] = one.etag
    if kind.authors:
        body["systemData"] = {
            "createdBy": one.made_by,
            "createdByType": "Application",
            "createdAt": one.created.isoformat(),
            "lastModifiedBy": one.changed_by,
            "lastModifiedByType": "Application",
            "lastModifiedAt": one.changed.isoformat(),
        }
    if kind.stateful:
        properties["provisioningState"] = one.state
    for part in kind.parts:
        properties[part.at] = [_inside(store, one, part, e) for e in properties.get(part.at) or []]
    _back(store, one.id, body, kind.back)
    if kind.show:
        kind.show(Case(store, one), body)
    return body


def _inside(store: Store, one: Resource, part: Part, said: Body) -> Body:
    element_id = f"{one.id}/{part.at}/{said['name']}"
    properties = {**said.get("properties", {}), "provisioningState": said.get("state") or "Succeeded"}
    shown: Body = {"name": said["name"], "id": element_id, "etag": one.etag, "type": f"{one.type}/{part.at}"}
    shown |= {k: v for k, v in said.items() if k not in {"properties", "state", "id", "etag", "type"}}
    shown["properties"] = properties
    _back(store, element_id, shown, part.back)
    return shown


def _back(store: Store, to: str, body: Body, rows: tuple[tuple[str, str, bool], ...]) -> None:
    if not rows:
        return
    found = store.referred.get(to.lower(), [])
    for at, by_whom, many in rows:
        ids = [by for by in found if parse(by).type.lower() == by_whom.lower()]
        if ids:
            put(body, at, [{"id": i} for i in ids] if many else ids[0] if at == "managedBy" else {"id": ids[0]})
