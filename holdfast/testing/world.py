"""A cloud in memory: it keeps what is made in it, shows it late if told to, and writes down every change.

It has a cloud's manners and none of ours: it knows no stacks and no plans, only things with marks on them. What the
tests judge is its `mutations`. Its kinds are in `sim`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.errors import Blocked, HoldfastError, InUse, NameTaken, NotFound, Unavailable
from holdfast.model import Scope
from holdfast.resource import Status


class Killed(BaseException):
    """The process died here. Not an `Exception`, so that no handler keeps the code under test alive."""


@dataclass(slots=True)
class Thing:
    """One thing in the world. `fields` hold all that was written, also what cannot be read."""

    id: str
    kind: str
    scope: Scope
    fields: dict[str, Any]
    marks: dict[str, str]
    status: Status = Status.ready
    settles: int = 0  # looks until `pending` becomes ready, or `deleting` absent
    unseen: int = 0  # looks during which lists do not show it yet
    past: dict[str, Any] | None = None  # what stale reads still show
    stale: int = 0  # looks during which they do
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change that the cloud carried out, or was asked for and refused (`refused`)."""

    verb: str
    kind: str
    id: str
    address: str | None = None
    token: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""
    by: str = "us"


class World:
    """The cloud. Knobs are plain attributes, and hold until they are set again.

    - `settle_looks`: how many looks a create stays pending and a delete deleting.
    - `blind_looks`: how many lists leave a new thing out.
    - `stale_looks`: how many looks still show what stood before an update.
    - `guarded`: whether a thing that others refer to can be deleted (`InUse`, or `Blocked` while they are going away).
    - `partial_lists`: lists show that a thing exists, and no more.
    - `doomed`: names whose creates end as failed.
    - `gives_up`: every create ends so, with these words.
    - `page`: how many things one call of a list shows.
    """

    def __init__(self) -> None:
        self.settle_looks = 0
        self.blind_looks = 0
        self.stale_looks = 0
        self.guarded = True
        self.partial_lists = False
        self.doomed: set[str] = set()
        self.gives_up = ""
        self.page = 100
        self.things: dict[str, Thing] = {}
        self.mutations: list[Mutation] = []
        self.calls: Counter[str] = Counter()
        self._tokens: dict[tuple[str, str], str] = {}  # (kind, token) -> id: it remembers the dead as well
        self._serial = 0
        self._faults: list[tuple[str | None, str | None, HoldfastError | None, bool]] = []
        self._kill_after: int | None = None
        self._lock = threading.RLock()

    def __call__(self, service: str) -> World:
        """A `Clients` that opens this world, whatever the service."""
        return self

    # --- knobs that are used up --------------------------------------------------------------------------------

    def lose_next_reply(self, verb: str | None = None, kind: str | None = None) -> None:
        """The next such change happens, and its answer never arrives (`Unavailable`)."""
        self._faults.append((verb, kind, None, True))

    def fail_next(self, error: HoldfastError, verb: str | None = None, kind: str | None = None, times: int = 1) -> None:
        """The next such changes do not happen; they raise this."""
        self._faults += [(verb, kind, error, False)] * times

    def kill_after(self, calls: int) -> None:
        """The process dies when it has made this many more calls that change something."""
        self._kill_after = calls

    # --- other hands -------------------------------------------------------------------------------------------

    def plant(
        self, kind: str, scope: Scope, fields: Mapping[str, Any], marks: Mapping[str, str] | None = None
    ) -> Thing:
        """Another hand makes a thing, ready at once."""
        with self._lock:
            thing = self._new(kind, scope, fields, dict(marks or {}))
            self._note("create", thing, by="another hand")
            return thing

    def meddle(self, remote_id: str, **fields: Any) -> None:
        """Another hand writes fields of a thing."""
        with self._lock:
            self.things[remote_id].fields.update(deepcopy(fields))
            self._note("update", self.things[remote_id], fields, by="another hand")

    def vanish(self, remote_id: str) -> None:
        """Another hand removes a thing, and it is gone at once."""
        with self._lock:
            self._note("delete", self.things[remote_id], by="another hand")
            del self.things[remote_id]

    # --- reading -----------------------------------------------------------------------------------------------

    def get(self, remote_id: str | None) -> Thing | None:
        """A look at one thing, as it shows itself now; each look brings it nearer to rest."""
        with self._lock:
            self.calls["get"] += 1
            thing = self.things.get(remote_id or "")
            return None if thing is None else self._look(thing)

    def list(self, kind: str, scope: Scope, marks: Mapping[str, str]) -> Iterator[Thing]:
        """All things of a kind in a scope that carry these marks, page by page; new ones may be left out at first."""
        with self._lock:
            shown: list[Thing] = []
            for thing in list(self.things.values()):
                if thing.kind != kind or thing.scope != scope:
                    continue
                if any(thing.marks.get(k) != v for k, v in marks.items()):
                    continue
                if thing.unseen > 0:
                    thing.unseen -= 1
                    continue
                seen = self._look(thing)
                if seen is not None:
                    shown.append(seen)
            self.calls["list"] += max(1, -(-len(shown) // self.page))
        yield from shown

    def named(self, kind: str, scope: Scope, name: str) -> Thing | None:
        """The one thing of a name, as the cloud itself sees it: names are never stale."""
        with self._lock:
            self.calls["get"] += 1
            found = self._bearer(kind, scope, name)
            return None if found is None else self._look(found)

    def count(self, kind: str | None = None) -> int:
        """How many things there are that are not on their way out."""
        return sum(1 for t in self.things.values() if kind in {None, t.kind} and t.status is not Status.deleting)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Everything that stands, by its address mark or else its id: fields alone, ids written as addresses.

        Two snapshots are equal when people would say that nothing has changed, whatever ids things were given.
        """
        standing = [t for t in self.things.values() if t.status is not Status.deleting]
        called = {t.id: t.marks.get(ADDRESS_TAG, t.id) for t in standing}
        return {called[t.id]: _called(t.fields, called) | {"owner": t.marks.get(OWNER_TAG)} for t in standing}

    # --- changing ----------------------------------------------------------------------------------------------

    def create(
        self, kind: str, scope: Scope, fields: Mapping[str, Any], marks: Mapping[str, str], *, unique: bool, token: bool
    ) -> Thing | None:
        """Ask for a thing. With `token` the cloud answers a token it knows with its thing, None when that is dead."""
        with self._lock, self._change("create", kind) as lost:
            spent = self._tokens.get((kind, marks.get(TOKEN_TAG, ""))) if token else None
            if spent is not None:
                return self._shown(self.things.get(spent))
            if unique and self._bearer(kind, scope, fields["name"]):
                raise NameTaken(f"{kind} {fields['name']} exists already")
            for other in _ids_in(fields):
                if other.startswith("id-") and (
                    other not in self.things or self.things[other].status is Status.deleting
                ):
                    raise NotFound(f"{fields['name']} refers to {other}, which is not there")
            thing = self._new(kind, scope, fields, dict(marks))
            thing.unseen = self.blind_looks
            thing.status, thing.settles = self._begins(Status.pending, Status.ready)
            if self._is_doomed(thing):
                thing.detail = self.gives_up or "the cloud gave up on it"
                thing.status = Status.failed if thing.status is Status.ready else thing.status
            self._tokens[kind, marks.get(TOKEN_TAG, "")] = thing.id
            self._note("create", thing, fields)
            lost.raise_if()
            return self._shown(thing)

    def update(self, remote_id: str, fields: Mapping[str, Any]) -> Thing:
        """Write fields of a thing."""
        with self._lock, self._change("update", self._kind(remote_id)) as lost:
            thing = self._there(remote_id)
            if self.stale_looks:
                thing.past, thing.stale = deepcopy(thing.fields), self.stale_looks
            if any(thing.fields.get(k) != v for k, v in fields.items()):
                thing.fields.update(deepcopy(dict(fields)))
                self._note("update", thing, fields)
            lost.raise_if()
            return deepcopy(thing)

    def mark(self, remote_id: str, marks: Mapping[str, str | None]) -> Thing:
        """Write marks, and take off those that are None."""
        with self._lock, self._change("mark", self._kind(remote_id)) as lost:
            thing = self._there(remote_id)
            after = {k: v for k, v in {**thing.marks, **marks}.items() if v is not None}
            if after != thing.marks:
                thing.marks = after
                self._note("mark", thing)
            lost.raise_if()
            return deepcopy(thing)

    def delete(self, remote_id: str) -> Thing | None:
        """Ask that a thing go away; None when it is gone already or at once."""
        with self._lock, self._change("delete", self._kind(remote_id)) as lost:
            thing = self.things.get(remote_id)
            if thing is not None and thing.status is not Status.deleting:
                self._unused(thing)
                self._note("delete", thing)
                thing.status, thing.settles = self._begins(Status.deleting, Status.absent)
                if thing.status is Status.absent:
                    del self.things[remote_id]
                    thing = None
            lost.raise_if()
            return deepcopy(thing)

    # --- inside ------------------------------------------------------------------------------------------------

    def _is_doomed(self, thing: Thing) -> bool:
        return bool(self.gives_up) or thing.fields.get("name") in self.doomed

    def _new(self, kind: str, scope: Scope, fields: Mapping[str, Any], marks: dict[str, str]) -> Thing:
        self._serial += 1
        thing = Thing(f"id-{self._serial}", kind, scope, deepcopy(dict(fields)), marks)
        self.things[thing.id] = thing
        return thing

    def _begins(self, meanwhile: Status, then: Status) -> tuple[Status, int]:
        return (meanwhile, self.settle_looks) if self.settle_looks else (then, 0)

    def _look(self, thing: Thing) -> Thing | None:
        """What a reader sees, and one look's worth of time for the thing."""
        seen = deepcopy(thing)
        if thing.stale > 0 and thing.past is not None:
            seen.fields = deepcopy(thing.past)
            thing.stale -= 1
        if thing.status in {Status.pending, Status.deleting} and thing.settles > 0:
            thing.settles -= 1
        elif thing.status is Status.pending:
            thing.status = Status.failed if self._is_doomed(thing) else Status.ready
            seen.status = thing.status
        elif thing.status is Status.deleting:
            del self.things[thing.id]
            return None
        return seen

    @staticmethod
    def _shown(thing: Thing | None) -> Thing | None:
        return None if thing is None or thing.status is Status.deleting else deepcopy(thing)

    def _bearer(self, kind: str, scope: Scope, name: str) -> Thing | None:
        same = (t for t in self.things.values() if t.kind == kind and t.scope == scope)
        return next((t for t in same if t.fields.get("name") == name), None)

    def _there(self, remote_id: str) -> Thing:
        thing = self.things.get(remote_id)
        if thing is None or thing.status is Status.deleting:
            raise NotFound(f"{remote_id} is not there")
        return thing

    def _kind(self, remote_id: str) -> str:
        return self.things[remote_id].kind if remote_id in self.things else ""

    def _unused(self, thing: Thing) -> None:
        if not self.guarded:
            return
        users = [t for t in self.things.values() if t.id != thing.id and thing.id in _ids_in(t.fields)]
        if users and all(u.status is Status.deleting for u in users):
            raise Blocked(f"{thing.id} waits for {users[0].id} to go")
        if users:
            raise InUse(f"{thing.id} is in use by {users[0].id}")

    def _note(self, verb: str, thing: Thing, fields: Mapping[str, Any] | None = None, by: str = "us") -> None:
        address, token = thing.marks.get(ADDRESS_TAG), thing.marks.get(TOKEN_TAG)
        self.mutations.append(Mutation(verb, thing.kind, thing.id, address, token, dict(fields or {}), by=by))

    def _change(self, verb: str, kind: str) -> _Change:
        self.calls[verb] += 1
        if self._kill_after is not None:
            if self._kill_after == 0:
                self._kill_after = None
                raise Killed
            self._kill_after -= 1
        for fault in self._faults:
            wanted_verb, wanted_kind, error, lose = fault
            if wanted_verb in {None, verb} and wanted_kind in {None, kind}:
                self._faults.remove(fault)
                if error is not None:
                    self.mutations.append(Mutation(verb, kind, "", refused=type(error).__name__))
                    raise error
                return _Change(lose)
        return _Change(False)


@dataclass(slots=True)
class _Change:
    """One change under way: `raise_if` is where its answer would be sent."""

    lose: bool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def raise_if(self) -> None:
        """Lose the answer, if it shall be lost. Raises `Unavailable`."""
        if self.lose:
            raise Unavailable("no answer came")


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _ids_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from _ids_in(member)


def _called(value: Any, called: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return called.get(value, value)
    if isinstance(value, list):
        return sorted(_called(v, called) for v in value)
    if isinstance(value, dict):
        return {k: _called(v, called) for k, v in value.items()}
    return value
