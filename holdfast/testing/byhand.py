"""A walk by hand: carries a plan out step by step, and takes it back, with nothing durable about it.

For judging planners: it does what the plan says and no more, so what goes wrong is the plan's fault. The real walk,
with its retries, its windows and its memory, is in `workflows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import JsonValue

from holdfast.catalog import Catalog
from holdfast.contract import ADDRESS_TAG, TOKEN_TAG
from holdfast.desired import Goal
from holdfast.diff import arrived, renamed_in, undo_changes
from holdfast.errors import Broken, PlanStale
from holdfast.model import Address, Owner, Scope
from holdfast.plan import Action, FieldChange, Plan, Verb, act_token
from holdfast.planners.facts import Facts
from holdfast.resource import Call, Clients, Observation, ResourceType, Search, Status
from holdfast.run import Entry, Ledger
from holdfast.values import freeze, resolve, thaw

_LOOKS = 1000  # after which we no longer believe that it will settle


@dataclass
class Book:
    """What one stack remembers between two plans."""

    owner: Owner
    entries: dict[Address, Entry] = field(default_factory=dict)
    applied: dict[Address, dict[str, Any]] = field(default_factory=dict)  # frozen
    runs: int = 0

    @property
    def ledger(self) -> Ledger:
        """The ledger as a run is given it."""
        return Ledger(entries=tuple(self.entries.values()))


@dataclass
class Carried:
    """What came of a plan, as far as it was carried out."""

    plan: Plan
    id: UUID
    ids: dict[int, str | None] = field(default_factory=dict)  # seq -> the remote id acted on
    wrote: dict[int, tuple[FieldChange, ...]] = field(default_factory=dict)  # seq of an update -> with all values known
    known: dict[str, JsonValue] = field(default_factory=dict)
    specs: dict[int, dict[str, Any]] = field(default_factory=dict)  # seq -> the spec that was applied, frozen
    calls: int = 0


def look(
    catalog: Catalog, clients: Clients, book: Book, goal: Goal | None, scopes: Iterable[Scope] = (), **more: Any
) -> Facts:
    """The facts of this moment: lists by owner, the ledger's ids singly, by_name kinds by their name."""
    found: dict[Address, dict[str | None, Observation]] = {}
    found_in: dict[Address, Scope] = {}
    everywhere = {*scopes, *(e.scope for e in book.entries.values()), *(goal.scopes if goal else ())}

    def add(address: Address, scope: Scope, o: Observation) -> None:
        if o.status is not Status.absent:
            found.setdefault(address, {}).setdefault(o.remote_id, o)
            found_in.setdefault(address, scope)

    call: Call[Any]
    for scope in sorted(everywhere):
        for kind in catalog:
            for o in kind.discover(Search(scope, clients, book.owner)):
                if o.address is not None:
                    address = Address.parse(o.address)
                    call = Call(address, scope, book.owner, clients, remote_id=o.remote_id)
                    add(address, scope, kind.observe(call) if o.partial else o)
    for entry in book.entries.values():
        if entry.remote_id not in found.get(entry.address, {}):
            call = Call(entry.address, entry.scope, book.owner, clients, remote_id=entry.remote_id)
            add(entry.address, entry.scope, catalog[entry.address.kind].observe(call))
    for desired in goal.resources if goal else ():
        kind = catalog[desired.address.kind]
        if type(kind).find is not ResourceType.find:
            call = Call(
                desired.address, desired.scope, book.owner, clients, spec=kind.spec.model_validate(desired.spec)
            )
            for o in kind.find(call):
                add(desired.address, desired.scope, o)
    for address, remote_id in more.get("adopt", {}).items():
        where = {d.address: d.scope for d in goal.resources} if goal else {}
        if address in where:
            call = Call(address, where[address], book.owner, clients, remote_id=remote_id)
            add(address, where[address], catalog[address.kind].observe(call))
    return Facts(
        owner=book.owner,
        goal=goal,
        ledger=book.ledger,
        observations={a: tuple(o.values()) for a, o in found.items()},
        last_applied=dict(book.applied),
        found_in=found_in,
        **more,
    )


def carry_out(catalog: Catalog, clients: Clients, book: Book, plan: Plan, upto: int | None = None) -> Carried:
    """Do every action in order (or only the first `upto`), each settled before the next, and write it into the book.

    Raises `Broken` when an action comes before one that it waits for.
    """
    book.runs += 1
    carried = Carried(plan, uuid5(NAMESPACE_URL, f"{book.owner}/{book.runs}"))
    for action in plan.actions[:upto]:
        if early := [a for a in action.after if a not in carried.ids]:
            raise Broken(f"{action.address}: comes before {early}", address=action.address)
        o = _settled(catalog, _do(catalog, clients, book.owner, carried, action), _call(clients, book.owner, action))
        carried.known.update({f"{action.address}#{name}": value for name, value in o.outputs.items()})
        carried.ids[action.seq] = o.remote_id or action.remote_id
        _write(book, carried, action, o)
    for standing in plan.standing:
        old = book.entries.get(standing.address)
        book.entries[standing.address] = Entry(
            address=standing.address,
            scope=standing.scope,
            remote_id=standing.remote_id,
            token=standing.token,
            spec=standing.digest or (old.spec if old else ""),
            depends_on=standing.depends_on,
            protect=standing.protect,
            on_remove=standing.on_remove,
        )
        if standing.spec:
            book.applied[standing.address] = standing.spec
    if upto is None:
        living = {s.address for s in plan.standing} | {
            a.address for a in plan.actions if a.verb not in {Verb.delete, Verb.disown}
        }
        for address in [a for a in book.entries if a not in living]:
            del book.entries[address]
            book.applied.pop(address, None)
    return carried


def take_back(catalog: Catalog, clients: Clients, owner: Owner, carried: Carried) -> list[FieldChange]:
    """Undo everything that was carried out, last first. Returns what another hand has changed since and was left.

    A resource that was deleted and made again has a new id. What was written back before that was known is written
    once more, so that it refers to the living.
    """
    renamed: dict[str, str] = {}
    foreign: list[FieldChange] = []
    done = [a for a in carried.plan.actions if a.seq in carried.ids]
    for action in reversed(done):
        foreign += _undo(catalog, clients, owner, carried, action, renamed)
    for action in reversed(done):
        if renamed and action.verb is Verb.update:
            _undo(catalog, clients, owner, carried, action, renamed)
    return foreign


def _call(clients: Clients, owner: Owner, action: Action, **more: Any) -> Call[Any]:
    about: dict[str, Any] = {"remote_id": action.remote_id, "before": action.before or {}} | more
    return Call(action.address, action.scope, owner, clients, **about)


def _do(catalog: Catalog, clients: Clients, owner: Owner, carried: Carried, action: Action) -> Observation:
    kind = catalog[action.address.kind]
    token = act_token(carried.id, action.address, action.verb, action.generation, action.operation)
    carried.specs[action.seq] = spec = resolve(thaw(action.spec), carried.known)
    call = _call(clients, owner, action, token=token)
    match action.verb:
        case Verb.create:
            return kind.create(replace(call, remote_id=None, spec=kind.spec.model_validate(spec)))
        case Verb.update:
            changes = arrived(kind, action, carried.known)
            carried.wrote[action.seq] = changes
            if moved := [c.path for c in changes if c.replaces]:
                raise PlanStale(f"{', '.join(moved)} turned out to change", address=action.address)
            live = kind.observe(call)
            return kind.update(replace(call, changes=changes, spec=kind.spec.model_validate(spec))) if changes else live
        case Verb.delete:
            return kind.delete(call)
        case Verb.operate:
            return kind.operate(call, action.operation or "")
        case Verb.adopt:
            return kind.adopt(call)
        case Verb.disown:
            return kind.disown(call)


def _settled(catalog: Catalog, o: Observation, call: Call[Any]) -> Observation:
    kind = catalog[call.address.kind]
    for _ in range(_LOOKS):
        if o.status in {Status.ready, Status.absent, Status.failed}:
            return o
        o = kind.observe(replace(call, remote_id=o.remote_id))
    raise Broken(f"{call.address} does not settle", address=call.address)


def _write(book: Book, carried: Carried, action: Action, o: Observation) -> None:
    if action.verb in {Verb.delete, Verb.disown}:
        entry = book.entries.get(action.address)
        if entry is not None and entry.remote_id == action.remote_id:
            del book.entries[action.address]
        return
    book.entries[action.address] = Entry(
        address=action.address,
        scope=action.scope,
        remote_id=o.remote_id or "",
        token=o.token or "",
        spec=action.digest,
        depends_on=action.depends_on,
        protect=action.protect,
        on_remove=action.on_remove,
    )
    frozen = freeze(carried.specs[action.seq])
    book.applied[action.address] = frozen if isinstance(frozen, dict) else {}


def _undo(
    catalog: Catalog, clients: Clients, owner: Owner, carried: Carried, action: Action, renamed: dict[str, str]
) -> tuple[FieldChange, ...]:
    if action.undo.nothing:
        return ()
    kind: ResourceType[Any] = catalog[action.address.kind]
    call = _call(clients, owner, action, remote_id=renamed.get(carried.ids[action.seq] or "", carried.ids[action.seq]))
    foreign: tuple[FieldChange, ...] = ()
    o: Observation
    match action.verb:
        case Verb.create:
            o = kind.delete(call)
        case Verb.update:
            live = kind.canonical(kind.observe(call).properties)
            changes, foreign = undo_changes(carried.wrote[action.seq], live, renamed, kind)
            o = kind.update(replace(call, changes=changes)) if changes else kind.observe(call)
        case Verb.delete:
            token = act_token(carried.id, action.address, Verb.create, action.generation + 1000)
            spec = kind.spec.model_validate(thaw(renamed_in(dict(action.spec), renamed)))
            o = kind.create(replace(call, spec=spec, token=token, remote_id=None))
            renamed[action.remote_id or ""] = o.remote_id or ""
        case Verb.operate:
            o = kind.operate(call, action.undo.operation or "")
        case Verb.adopt | Verb.disown:
            alone = action.undo.verb is Verb.disown
            o = kind.disown(call) if alone else kind.adopt(_marked(call, action.before or {}))
        case _ as never:
            assert_never(never)
    _settled(catalog, o, call)
    return foreign


def _marked(call: Call[Any], marks: Mapping[str, JsonValue]) -> Call[Any]:
    address = Address.parse(str(marks[ADDRESS_TAG]))
    return replace(call, address=address, token=str(marks.get(TOKEN_TAG, "")))
