"""The local Azure as a `Ground`: the laws' judge of what stands, and what makes it fail.

Its process's environment has to name the cloud (`LocalCloud.environment`): kinds are reached through the one door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from activities.providers.azure import ids, sdk
from activities.providers.azure.door import open_visit
from holdfast.model import Scope
from holdfast.resource import Clients
from holdfast.testing.laws import Thing
from starter.testing.benches import kinds
from starter.testing.cloud import LocalCloud
from starter.testing.controlled import ControlledGround
from workers.catalog import catalog

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
WHERE = "westeurope"

LAGS = {"listed_after_seconds": 5}
QUICK = {"Microsoft.Compute/virtualMachine*": 10}  # seconds: a law is given forty deliveries, one a second
# What Azure throws dice for, or reads off a clock: two that were made alike differ in it, and one that was put back.
CHANCE = frozenset({
    "LastOwnershipUpdateTime", "clientId", "creationTime", "createdOn", "etag", "internalDomainNameSuffix", "ipAddress",
    "keyCreationTime", "lastEnabledTime", "macAddress", "principalId", "resourceGuid", "systemData", "timeCreated",
    "uniqueId", "updatedOn", "vmId",
})  # fmt: skip
# Lists inside of something, whose members are things of their own.
INNER = {"Microsoft.Network/virtualNetworks": "subnets"}
OPENED = {"Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"}  # over the network, unless they say no
MEMBER = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
GROUPS = "microsoft.resources/resourcegroups"
# To refer to something takes a permission of its own. Source: Azure RBAC, "Azure permissions for Networking".
REFERRING = ("/join/action", "/assign/action")
JOINED = "microsoft.network/"
ASSIGNED = "microsoft.managedidentity/userassignedidentities"
VERBS = {"get": "read", "pages": "read", "put": "write", "patch": "write", "delete": "delete"}


def forget() -> None:
    """Close and forget the door's clients: they would lead to another cloud."""
    sdk.forget()


class AzureGround(ControlledGround):
    """See the module."""

    scope: ClassVar[Scope] = Scope("azure", SUBSCRIPTION, WHERE)

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(cloud.control)
        self.cloud = cloud
        # Permissions are read in any case. What a kind declares says how they are spelled.
        said = (name for kind in kinds("azure") for names in catalog()[kind].permissions.values() for name in names)
        self._spelled = {name.lower(): name for name in said}

    # --- using it ----------------------------------------------------------------------------------------------

    def clients(self) -> Clients:
        """See `Ground`."""
        visit = open_visit(self.scope)
        return lambda service: _Watched(self, visit.client(service))

    # --- judging it --------------------------------------------------------------------------------------------

    def things(self) -> list[Thing]:
        """See `Ground`."""
        world: dict[str, Any] = dict(self.control.world().get(SUBSCRIPTION, {}))
        # A set's machines are as many as it says: they are no things of their own while it stands.
        for raw in [raw for raw in world.values() if raw["type"] == MEMBER and raw["id"].rsplit("/", 2)[0] in world]:
            world[raw["id"].rsplit("/", 2)[0]].setdefault("members", []).append(world.pop(raw["id"]))
        return [thing for raw in world.values() for thing in _things(raw)]

    def mutates(self, action: str) -> bool:
        """See `Ground`."""
        return not action.endswith(("/read", "/checknameavailability/action", *REFERRING))

    def permissions(self, action: str) -> frozenset[str]:
        """See `Ground`."""
        return frozenset({self._spelled.get(action, action)})

    def reachable(self, thing: Thing) -> bool:
        """See `Ground`: a disk that may be downloaded by whoever holds a link, a service that denies nobody."""
        said = thing.fields.get("properties", {})
        if thing.kind in OPENED:
            lets_in = (said.get("networkAcls") or {}).get("defaultAction", "Allow") == "Allow"
            return bool(lets_in and said.get("publicNetworkAccess", "Enabled") == "Enabled")
        policy = str(said.get("networkAccessPolicy", "DenyAll"))
        return thing.kind == "Microsoft.Compute/disks" and policy != "DenyAll"

    # --- making it fail ----------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """See `ControlledGround`."""
        self.control.settings(seconds=QUICK)

    def lag(self) -> None:
        """See `Ground`. ARM's lists lag; what is read by its id is as it stands."""
        self.control.settings(**LAGS)

    def slow(self) -> None:
        """See `Ground`."""
        self.control.settings(seconds={"*": 3600})

    def give_up(self, words: str) -> bool:
        """See `Ground`."""
        self.control.settings(failing={"*": words})
        return True

    def request(self, method: str, path: str) -> None:
        """One request is about to leave: written down, and where the process is to die, not sent."""
        self.leave(_action(method, path))

    def refers(self, path: str, body: Any) -> None:
        """What a request refers to is written down as the permission that this takes."""
        for one in _named(body):
            if not one.startswith("/subscriptions/") or ids.within(one, path):
                continue
            type_ = ids.type_of(one)
            if type_.startswith(JOINED):
                self._asked.append(f"{type_}/join/action")
            elif type_ == ASSIGNED:
                self._asked.append(f"{type_}/assign/action")


class _Watched:
    """A client whose requests are written down."""

    def __init__(self, ground: AzureGround, inner: Any) -> None:
        self._ground, self._inner = ground, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)

        def send(path: str, *given: Any, **named: Any) -> Any:
            if name == "pages":
                return self._pages(path, found(path, *given, **named))
            self._ground.request(name, path)
            if name in {"put", "patch"}:
                self._ground.refers(path, given[0])
            return found(path, *given, **named)

        return send

    def _pages(self, path: str, pages: Iterator[Any]) -> Iterator[Any]:
        self._ground.request("pages", path)
        yield from pages


def _action(method: str, path: str) -> str:
    """The permission that a request needs, in small letters: `microsoft.network/virtualnetworks/read`.

    Source: Azure RBAC, "Azure resource provider operations".
    """
    if method == "operation":
        return "operations/read"
    at, _, verb = path.rpartition("/") if method == "post" else (path, "", "")
    type_ = ids.type_of(at)
    if type_ == "microsoft.resources/subscriptions" and at.count("/") == 2:  # noqa: PLR2004  # /subscriptions/ID
        return f"{type_}/read"
    if type_.startswith(("microsoft.resources/resourcegroups", "microsoft.resources/subscriptions")):
        type_ = "microsoft.resources/subscriptions/resourcegroups"
        if at.lower().endswith("/resources"):
            type_ += "/resources"
    elif type_.startswith("microsoft.resources/tags"):
        type_ = "microsoft.resources/tags"
    return f"{type_}/{verb.lower()}/action" if method == "post" else f"{type_}/{VERBS[method]}"


def _things(raw: Mapping[str, Any]) -> Iterator[Thing]:
    """A resource, and what is inside it and counts by itself, without what chance has put there."""
    said = _steady(raw)
    inner = said.get("properties", {}).pop(INNER.get(raw["type"], ""), [])
    marks = said.pop("tags", None) or _described(said)
    yield Thing(raw["type"], raw["id"], said, marks)
    for one in inner:
        yield Thing(f"{raw['type']}/{INNER[raw['type']]}", one["id"], one)


def _described(said: Mapping[str, Any]) -> dict[str, str]:
    """Our marks, out of a description, in which a person's words are left."""
    if said["type"] != "Microsoft.Authorization/roleAssignments":
        return {}
    properties = said["properties"]
    words, _, marks = str(properties.get("description") or "").partition("[holdfast-")
    properties["description"] = words.strip()
    return dict(mark.split("=", 1) for mark in f"holdfast-{marks}".rstrip("]").split() if "=" in mark)


def _steady(value: Any) -> Any:
    if isinstance(value, Mapping):
        picked = {"privateIPAddress"} if value.get("privateIPAllocationMethod") == "Dynamic" else set()
        return {k: _steady(v) for k, v in value.items() if k not in CHANCE | picked}
    return [_steady(v) for v in value] if isinstance(value, list) else value


def _named(value: Any) -> Iterator[str]:
    """Everything that a body refers to: the text under an `id`."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key == "id" and isinstance(one, str):
                yield one
            elif key == "userAssignedIdentities" and isinstance(one, Mapping):
                yield from one
            else:
                yield from _named(one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one)
