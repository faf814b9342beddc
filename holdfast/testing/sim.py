"""Kinds for a cloud in memory, complete enough that planner, walk and engine meet every case a real kind brings.

    sim.thing   made safe by its tag      sim.named   by its name, in two calls; two of one name cannot stand together
    sim.token   by a client token         sim.vault   holds data, and its delete does not return

All take the same spec. `call.client("sim")` must give the `World`: hand the world itself in as `client`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from holdfast.catalog import Catalog
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.desired import Desired, Goal
from holdfast.diff import apply_changes
from holdfast.errors import InvalidInput, NameTaken, NotOurs
from holdfast.model import Address, Owner, Scope, Spec
from holdfast.plan import UndoLabel, Verb
from holdfast.resource import Call, Observation, Operated, Output, ResourceType, Safety, Search, Status
from holdfast.secret import reveal
from holdfast.testing.world import Thing, World
from holdfast.values import Unknown

SCOPE = Scope("sim", "1", "here")
OWNER = Owner("test", "shop")


class ThingSpec(Spec):
    """A thing: enough fields to change in place, to replace, to operate and to refer with."""

    name: str
    size: int = 1
    model: str = "small"  # changes only while the power is off
    power: Literal["on", "off"] = "on"  # moved by operations
    version: int = 1  # an upgrade does not return
    zone: str = "a"  # immutable
    base: str | None = None  # another thing's id; immutable
    uses: list[str] = Field(default_factory=list)  # other things' ids; order means nothing
    tags: dict[str, str] = Field(default_factory=dict)
    seal: str | None = None  # write-only


class SimKind(ResourceType[ThingSpec]):
    """What the four kinds share."""

    spec = ThingSpec
    outputs: ClassVar[Mapping[str, Output]] = {
        "id": Output("what others refer to"),
        "endpoint": Output("where it is reached; moves with its size", stable=False),
    }
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "observe": ("sim:Get",),
        "discover": ("sim:List",),
        "create": ("sim:Create", "sim:Update"),  # one that takes two calls writes with the second
        "update": ("sim:Update",),
        "delete": ("sim:Delete",),
        "operate": ("sim:Update",),
        "adopt": ("sim:Mark",),
        "disown": ("sim:Mark",),
    }
    settle_within: ClassVar[Mapping[Verb, timedelta]] = {
        verb: timedelta(minutes=1) for verb in (Verb.create, Verb.update, Verb.operate, Verb.delete)
    }
    immutable = frozenset({"name", "zone", "base"})
    visible_within = timedelta(milliseconds=200)
    one_way: ClassVar[Mapping[str, str]] = {"version": "an upgrade cannot be downgraded"}
    operations: ClassVar[Mapping[str, Operated]] = {
        "start": Operated("turn it on", undo="stop", sets={"power": "on"}),
        "stop": Operated("turn it off", undo="start", sets={"power": "off"}),
        "restart": Operated("turn it off and on again"),
    }
    stopped_for: ClassVar[Mapping[str, tuple[str, str]]] = {"model": ("stop", "start")}
    trials: ClassVar[Mapping[str, JsonValue]] = {
        "size": 3,
        "model": "large",
        "version": 2,
        "power": "off",
        "uses": ["elsewhere"],
        "tags": {"team": "shop"},
        "seal": "wax",
    }

    def observe(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.observe`."""
        return self._seen(_world(call).get(call.remote_id), call.remote_id)

    def discover(self, search: Search) -> Iterator[Observation]:
        """See `ResourceType.discover`."""
        world: World = search.client("sim")
        asked = {OWNER_TAG: search.owner, ADDRESS_TAG: search.address, TOKEN_TAG: search.token}
        for thing in world.list(self.kind, search.scope, {k: str(v) for k, v in asked.items() if v}):
            seen = self._seen(thing, thing.id)
            yield seen.model_copy(update={"properties": {}, "partial": True}) if world.partial_lists else seen

    def create(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.create`."""
        if call.remote_id is not None:
            return self.observe(call)  # one call makes all of it, so there is no rest to make
        token = self.safety is Safety.by_token
        made = _world(call).create(
            self.kind, call.scope, self._fields(call.wanted), call.marks, unique=False, token=token
        )
        return self._seen(made, None)

    def update(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.update`. Raises `InvalidInput` where the cloud would."""
        world = _world(call)
        thing = world.get(call.id)
        if thing is None:
            return self.absent(call.id)
        changed = {c.path.partition(".")[0] for c in call.changes}
        if fixed := changed & (self.immutable | {"power"}):
            raise InvalidInput(f"{', '.join(sorted(fixed))} cannot be updated", address=call.address)
        if "model" in changed and thing.fields.get("power") != "off":
            raise InvalidInput("turn it off before its model changes", address=call.address)
        written = apply_changes(thing.fields, call.changes)
        return self._seen(world.update(call.id, {f: written[f] for f in changed}), call.id)

    def delete(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.delete`."""
        return self._seen(_world(call).delete(call.id), call.id)

    def adopt(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.adopt`."""
        return self._seen(_world(call).mark(call.id, call.marks), call.id)

    def disown(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.disown`."""
        return self._seen(_world(call).mark(call.id, dict.fromkeys(call.marks)), call.id)

    def operate(self, call: Call[ThingSpec], operation: str) -> Observation:
        """See `ResourceType.operate`."""
        return self._seen(_world(call).update(call.id, dict(self.operations[operation].sets)), call.id)

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """See `ResourceType.canonical`: the order of `uses` means nothing."""
        form = dict(properties)
        if isinstance(form.get("uses"), list):
            form["uses"] = sorted(form["uses"], key=lambda v: v.text if isinstance(v, Unknown) else str(v))
        return form

    @staticmethod
    def _fields(spec: ThingSpec) -> dict[str, JsonValue]:
        # By hand, nobody reads a secret.
        fields: dict[str, JsonValue] = reveal(spec.plain(), lambda secret: secret.reference)
        return fields

    def _seen(self, thing: Thing | None, remote_id: str | None) -> Observation:
        if thing is None:
            return self.absent(remote_id)
        marks, fields = thing.marks, thing.fields
        return Observation(
            kind=self.kind,
            status=thing.status,
            remote_id=thing.id,
            properties={f: v for f, v in fields.items() if f != "seal"},
            outputs={"id": thing.id, "endpoint": f"{fields['name']}.sim:{fields.get('size')}"},
            owner=marks.get(OWNER_TAG),
            address=marks.get(ADDRESS_TAG),
            token=marks.get(TOKEN_TAG),
            detail=thing.detail,
        )


class SimThing(SimKind):
    """Made safe by its tag."""

    kind = "sim.thing"
    safety = Safety.by_tag
    example = "web: {kind: sim.thing, spec: {name: web, size: 2}}"


class SimToken(SimKind):
    """Made safe by a client token, which the cloud remembers beyond the thing's death."""

    kind = "sim.token"
    safety = Safety.by_token
    token_window = timedelta(hours=1)
    example = "disk: {kind: sim.token, spec: {name: disk}}"


class SimNamed(SimKind):
    """Made safe by its name. A create takes two calls: it is closed (`power: off`) until the second."""

    kind = "sim.named"
    safety = Safety.by_name
    example = "bucket: {kind: sim.named, spec: {name: bucket}}"

    def find(self, call: Call[ThingSpec]) -> list[Observation]:
        """See `ResourceType.find`: what bears the name, whoever made it."""
        if call.spec is None:
            return super().find(call)
        thing = _world(call).named(self.kind, call.scope, call.spec.name)
        return [] if thing is None else [self._seen(thing, thing.id)]

    def create(self, call: Call[ThingSpec]) -> Observation:
        """See `ResourceType.create`. Goes on with what an earlier, killed call of the same token has begun."""
        world, wanted = _world(call), self._fields(call.wanted)
        try:
            thing = world.create(self.kind, call.scope, wanted | {"power": "off"}, call.marks, unique=True, token=False)
        except NameTaken as taken:
            thing = world.named(self.kind, call.scope, call.wanted.name)
            if thing is None or thing.status is Status.deleting:
                raise taken.about(call.address) from None
            if thing.marks.get(OWNER_TAG) != str(call.owner):
                raise NotOurs(f"{thing.id} bears the name already", address=call.address) from taken
            if thing.marks.get(TOKEN_TAG) != call.token:
                raise taken.about(call.address) from None
        if thing is not None and wanted["power"] == "on":
            thing = world.update(thing.id, {"power": "on"})
        return self._seen(thing, None)


class SimVault(SimKind):
    """Holds data: it asks before it is deleted, and deleting it does not return."""

    kind = "sim.vault"
    safety = Safety.by_tag
    holds_data = True
    delete_undo = UndoLabel.irreversible
    delete_note = "all that lies in it"
    example = "ledger: {kind: sim.vault, spec: {name: ledger}}"


KINDS: tuple[type[SimKind], ...] = (SimThing, SimToken, SimNamed, SimVault)


def catalog() -> Catalog:
    """The catalog of this cloud."""
    return Catalog(kind() for kind in KINDS)


def _world(call: Call[ThingSpec]) -> World:
    world: World = call.client("sim")
    return world


# --- writing goals down -----------------------------------------------------------------------------------------------


def address(name: str, kind: str = "thing") -> Address:
    """The address of a thing of the stack `shop`."""
    return Address(OWNER.stack, f"sim.{kind}", name)


def ref(name: str, kind: str = "thing", output: str = "id") -> Unknown:
    """A reference to an output of a thing of the stack."""
    return Unknown.of(address(name, kind), output)


def want(key: str, kind: str = "thing", /, *, about: Mapping[str, Any] | None = None, **spec: Any) -> Desired:
    """One desired thing; `about` holds the other fields of `Desired`. Its own name is its address's, unless given."""
    fields = ThingSpec.model_validate({"name": key, **spec}).plain()
    return Desired(address(key, kind), SCOPE, fields, **(about or {}))


def goal(*resources: Desired, **more: Any) -> Goal:
    """A goal of these resources."""
    return Goal(OWNER.stack, "team-shop", "dev", resources, **more)
