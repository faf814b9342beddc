"""Reading a cloud in bulk: what a plan is made from. Costs calls per page; single gets only where a list disagrees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import JsonValue
from temporalio import activity

from activities.clouds import Open, Visit
from activities.letters import LetGo, is_asked_to_stop, told
from activities.plans import Plans
from activities.protocol import remove
from activities.protocol.job import Job, hushed
from activities.secrets import read_secret, values, without
from holdfast.act import Act, Asked, Look, Rehearsal, Seen, Sweep, Swept
from holdfast.catalog import Catalog
from holdfast.contract import Activity
from holdfast.errors import HoldfastError, NoAccount
from holdfast.model import Address, Scope
from holdfast.plan import Action, Verb, act_token
from holdfast.resource import Call, Observation, ResourceType, Search, Status
from holdfast.secret import hide
from holdfast.store import Store
from holdfast.values import has_unknown, thaw

T = TypeVar("T")

AT_ONCE = 32  # single looks of one activity
REHEARSAL = "rehearsal"  # what stands where an act has its token; nothing is made with it
GENERATIONS = 8  # of one act's token that a sweep looks for: a person re-creates seldom


class CloudReading:
    """Looks at one cloud, or several; and sweeps, which looks and then removes what came too late."""

    def __init__(self, catalog: Catalog, store: Store, open_visit: Open) -> None:
        self._catalog, self._store, self._open = catalog, store, open_visit
        self._plans = Plans(store)

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return [self.discover, self.look_up, self.rehearse, self.sweep]

    @activity.defn(name=Activity.discover, no_thread_cancel_exception=True)
    def discover(self, look: Look) -> Seen:
        """Everything that belongs to an owner in a scope, and what the ledger or the document names besides."""
        return told(
            f"looking at {look.scope}",
            lambda: self._discover(look, self._opened(look.scope)),
            lambda: values(self._written(look)),
        )

    @activity.defn(name=Activity.look_up, no_thread_cancel_exception=True)
    def look_up(self, asked: Asked) -> dict[str, JsonValue]:
        """The outputs of something that is not ours."""
        return told(f"looking up data.{asked.name}", lambda: self._look_up(asked))

    @activity.defn(name=Activity.rehearse, no_thread_cancel_exception=True)
    def rehearse(self, rehearsal: Rehearsal) -> int:
        """Whether the cloud would allow some creates of a plan; how many it was asked about. Changes nothing."""
        return told(
            f"rehearsing in {rehearsal.scope}", lambda: self._rehearse(rehearsal, self._opened(rehearsal.scope))
        )

    @activity.defn(name=Activity.sweep, no_thread_cancel_exception=True)
    def sweep(self, sweep: Sweep) -> Swept:
        """Remove what carries a token of the plan and is in no ledger: a request that came after its undo."""
        return told(
            f"sweeping {sweep.scope}",
            lambda: self._sweep(sweep, self._open(sweep.scope)),
            lambda: values([thaw(action.spec) for action in self._plans.whole(sweep.plan).actions]),
        )

    def _opened(self, scope: Scope) -> Visit:
        """A visit that asks nothing more once nobody waits for what it reads."""
        visit = self._open(scope)
        visit.before_asking = _go_on
        return visit

    def _discover(self, look: Look, visit: Visit) -> Seen:
        hiding = self._hiding(look)
        found = [
            (address, hiding(address, seen))
            for name in look.kinds
            for address, seen in self._there(self._catalog[name], look, visit)
        ]
        value: list[JsonValue] = [{"address": a, "observation": o.model_dump(mode="json")} for a, o in found]
        return Seen(digest=self._store.put(value), count=len(found), calls=visit.calls, requests=visit.requests[-20:])

    def _hiding(self, look: Look) -> Callable[[str, Observation], Observation]:
        """What keeps a secret out of our store that a cloud shows where one was written, or repeats in its words."""
        secret = self._written(look)

        def hidden(address: str, seen: Observation) -> Observation:
            properties: Any = seen.properties
            for spec in secret.get(address, ()):
                properties = hide(properties, spec)
            detail = without(seen.detail, values(secret.get(address))) if seen.detail else ""
            return seen.model_copy(update={"properties": properties, "detail": detail}) if address in secret else seen

        return hidden

    def _written(self, look: Look) -> dict[str, Any]:
        """The specs with a secret in them, by address."""
        return dict(thaw(self._store.get(look.hiding))) if look.hiding else {}

    def _there(self, kind: ResourceType[Any], look: Look, visit: Visit) -> Iterator[tuple[str, Observation]]:
        """As `_of_kind`; and nothing where the account itself is not there for certain.

        That is where the cloud shows that it was deleted. One that does not show at all may be hidden: it is not there
        if the document is to make it, and the ledger knows of nothing in it.
        """
        known = any(Address.parse(address).kind == kind.kind for address, _ in look.known)
        try:
            yield from self._of_kind(kind, look, visit)
        except NoAccount as gone:
            if not gone.deleted and (known or not look.making):
                raise

    def _of_kind(self, kind: ResourceType[Any], look: Look, visit: Visit) -> Iterator[tuple[str, Observation]]:
        """What there is of one kind, each beside the address it is reported at."""
        _go_on()
        listed: dict[str, Observation] = {}
        for seen in kind.discover(Search(look.scope, visit.client, look.owner)):
            _go_on()
            listed[seen.remote_id or ""] = seen
        known = [(a, i) for a, i in look.known if Address.parse(a).kind == kind.kind and i not in listed]
        # Lists lag, and marks get lost: what the ledger knows is fetched by its id before it is called absent.
        closer = [(o.address or "", i) for i, o in listed.items() if o.partial] + known
        yield from ((o.address or "", o) for o in listed.values() if not o.partial)
        yield from self._closer(kind, look, visit, closer)
        wanted = [_call(look, visit, a, None, kind.spec.model_validate(spec)) for a, spec in self._wanted(look, kind)]
        taken = {*listed, *(remote_id for _, remote_id in known)}
        _go_on()
        for call, seen in kind.find_all(wanted):
            _go_on()
            if seen.status is not Status.absent and seen.remote_id not in taken:
                # A stranger at our name bears no address of ours: it is reported at the one that wants it.
                yield str(call.address), seen

    @staticmethod
    def _closer(
        kind: ResourceType[Any], look: Look, visit: Visit, ids: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[str, Observation]]:
        """A closer look at single ones, side by side. Those that have not begun are let go when the others are."""
        _go_on()
        if not ids:
            return
        pool = ThreadPoolExecutor(min(AT_ONCE, len(ids)), thread_name_prefix="look")
        try:
            # Each in the activity's context, whose threads would else not know that nobody waits for them.
            looks = [pool.submit(copy_context().run, kind.observe, _call(look, visit, *pair)) for pair in ids]
            for (address, _), one in zip(ids, looks, strict=True):
                _go_on()
                seen = one.result()
                if seen.status is not Status.absent:
                    yield address or seen.address or "", seen
        finally:
            pool.shutdown(cancel_futures=True)

    def _wanted(self, look: Look, kind: ResourceType[Any]) -> Iterator[tuple[str, Any]]:
        specs: Any = self._store.get(look.wanted) if look.wanted else {}
        for address, frozen in specs.items():
            spec = thaw(frozen)
            if Address.parse(address).kind == kind.kind and not has_unknown(spec):
                yield address, spec

    def _look_up(self, asked: Asked) -> dict[str, JsonValue]:
        kind = self._catalog.data(asked.kind)
        wanted = kind.filter.model_validate(asked.filter)
        return kind.look_up(asked.scope, self._opened(asked.scope).client, wanted)

    def _rehearse(self, rehearsal: Rehearsal, visit: Visit) -> int:
        for seq in rehearsal.seqs:
            _go_on()
            action = self._plans.action(rehearsal.plan, seq)
            act = Act(
                verb=Verb.create,
                address=action.address,
                scope=rehearsal.scope,
                plan=rehearsal.plan,
                seq=seq,
                token=REHEARSAL,
                owner=rehearsal.owner,
            )
            kind = self._catalog[action.address.kind]
            job = Job(act=act, action=action, kind=kind, client=visit.client, secret=read_secret)
            try:
                _rehearse(job)
            except HoldfastError as error:
                error.letter = error.letter.model_copy(
                    update={"standing": error.letter.standing or "nothing was touched"}
                )
                error.about(action.address)
                raise
        return len(rehearsal.seqs)

    def _sweep(self, sweep: Sweep, visit: Visit) -> Swept:
        tokens = {
            made_by(UUID(sweep.plan_id), action, n)
            for action in self._plans.whole(sweep.plan).actions
            if action.verb in {Verb.create, Verb.delete}
            for n in range(GENERATIONS)
        }
        removed: list[tuple[str, str]] = []
        for name in sweep.kinds:
            kind = self._catalog[name]
            for seen in _all(kind, sweep, visit):
                _sweep_on()
                late = seen.token in tokens and seen.owner == str(sweep.owner) and seen.remote_id not in sweep.keep
                if late and seen.stands:
                    # Under a request of its own: a cloud that remembers requests would answer that of the undo,
                    # or of an earlier sweep, with what became of it.
                    anew = int(datetime.now(UTC).timestamp())
                    call = _call(sweep, visit, seen.address, seen.remote_id)
                    kind.delete(replace(call, token=seen.token or "", back=True, anew=anew))
                    removed.append((seen.address or "", seen.remote_id or ""))
        return Swept(removed=tuple(removed), requests=visit.requests)


def _go_on() -> None:
    """Before anything that takes time: raises `LetGo` when nobody waits any longer for what is read.

    Here, and not in the activity's thread wherever it stands, as the SDK would: an import that was cut in two leaves a
    package of which one half is there, and Google's cannot be imported again by that worker.
    """
    if activity.in_activity() and activity.is_cancelled():
        raise LetGo("the reading was let go")


@hushed
def _rehearse(job: Job) -> None:
    job.kind.rehearse(job.call(spec=job.spec(job.desired())))


def _sweep_on() -> None:
    """Before anything that a sweep only looks at: raises `LetGo` when somebody waits. The rest is swept later."""
    if is_asked_to_stop():
        raise LetGo("the sweep was let go")


def _all(kind: ResourceType[Any], sweep: Sweep, visit: Visit) -> list[Observation]:
    """What a sweep finds: nothing where the account itself is not there, in which nothing can have come too late."""
    _sweep_on()
    calm, visit.before_asking = visit.before_asking, _sweep_on
    try:
        return list(kind.discover(Search(sweep.scope, visit.client, sweep.owner)))
    except NoAccount:
        return []
    finally:
        visit.before_asking = calm


def made_by(plan_id: UUID, action: Action, n: int) -> str:
    """The token of what an action made, in its n-th generation; or, of a delete, of what taking it back made."""
    token = act_token(plan_id, action.address, action.verb, action.generation + n)
    return token if action.verb is Verb.create else remove.back_token(token)


def _call(look: Look | Sweep, visit: Visit, address: str | None, remote_id: str | None, spec: Any = None) -> Call[Any]:
    return Call(
        address=Address.parse(address) if address else Address(look.owner.stack, "a.a", "unmarked"),
        scope=look.scope,
        owner=look.owner,
        client=visit.client,
        remote_id=remote_id,
        spec=spec,
        claimed=remote_id is not None,
    )
