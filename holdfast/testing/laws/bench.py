"""One kind on one ground: its example built, and acts made of it as the planner would make them."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from holdfast.act import Act, Done
from holdfast.catalog import Catalog
from holdfast.desired import Desired
from holdfast.document import bind_text, load
from holdfast.document.nodes import plain
from holdfast.document.writing import write
from holdfast.errors import Interrupted, NotYet
from holdfast.model import Owner
from holdfast.plan import Action, FieldChange, Undo, UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation, ResourceType, Search, Status
from holdfast.testing.laws.ground import Delivery, Ground, Hands, Thing
from holdfast.testing.world import Killed
from holdfast.values import freeze, resolve

OWNER = Owner("laws", "laws")
STRANGER = Owner("another", "laws")
HEAD = """\
version: 1
stack: laws
owner: the laws
environment: test
scopes: {{main: {{cloud: {0.cloud}, account: "{0.account}", region: {0.region}}}}}
defaults: {{scope: main}}
resources:
"""
DELIVERIES = 40  # of one act, after which nobody believes that it will be done
LOOKS = 400  # of settling one
LOOK_EVERY = 5.0  # seconds between them
LONG_AGO = timedelta(hours=1)  # when an act was sent of which no list can be behind any more


class Unfinished(Exception):
    """An act is not done after as many deliveries as it is given."""


class Bench:
    """Everything a law may do. `begin` puts the world to where nothing but the example's needs stand."""

    def __init__(self, kind: ResourceType[Any], catalog: Catalog, ground: Ground, hands: Hands) -> None:
        self.kind, self.catalog, self.ground, self.hands = kind, catalog, ground, hands
        self.known: dict[str, JsonValue] = {}  # "ADDRESS#OUTPUT" of what the example needs
        self.needs: dict[tuple[str, str], Thing] = {}  # all that stands before the subject
        self._built = False
        self._stands: Observation | None = None
        self._usual: Counter[str] | None = None
        self._bound: dict[str, tuple[Desired, ...]] = {}
        self._tokens = 0

    # --- the example -------------------------------------------------------------------------------------------

    def text(self, over: Mapping[str, Any] | None = None) -> str:
        """The example as a whole document; `over` are other values of the subject's fields."""
        text = HEAD.format(self.ground.scope) + textwrap.indent(textwrap.dedent(self.kind.example).strip(), "  ") + "\n"
        if not over:
            return text
        document = plain(load(text, "the example").tree)
        last = list(document["resources"])[-1]
        document["resources"][last].setdefault("spec", {}).update(over)
        return write(document)

    def bound(self, over: Mapping[str, Any] | None = None) -> tuple[Desired, ...]:
        """The example's resources, the subject last. Raises `InvalidDocument`."""
        key = json.dumps(over, sort_keys=True)
        if key in self._bound:
            return self._bound[key]
        resources = bind_text(self.text(over), "the example", self.catalog).resources
        if not resources or resources[-1].address.kind != self.kind.kind:
            raise AssertionError(f"the last resource of the example is no {self.kind.kind}")
        self._bound[key] = resources
        return resources

    def begin(self) -> None:
        """Only what the example needs stands; it is built once, and put back later."""
        if self._built:
            self.ground.recall(self.kind.kind)
            return
        self.ground.empty()
        for needed in self.bound()[:-1]:
            kind = self.catalog[needed.address.kind]
            spec = kind.spec.model_validate(kind.canonical(resolve(needed.spec, self.known)))
            call = Call(needed.address, needed.scope, OWNER, self.ground.clients(), token=self.token(), spec=spec)
            seen = self.settled(kind, replace(call, remote_id=kind.create(call).remote_id))
            self.known |= {f"{needed.address}#{name}": value for name, value in seen.outputs.items()}
            self.ground.rest()  # what shows may be at work yet, and not ready to be referred to
        self.needs = self.standing()
        self.ground.remember(self.kind.kind)
        self._built = True

    def token(self) -> str:
        """A token that nobody has used."""
        self._tokens += 1
        return str(uuid5(NAMESPACE_URL, f"holdfast:laws:{self.kind.kind}:{self._tokens}"))

    def spec(self, over: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The subject's spec, every value known and canonical."""
        return self.kind.canonical(resolve(self.bound(over)[-1].spec, self.known))

    @property
    def subject(self) -> Desired:
        """The example's last resource."""
        return self.bound()[-1]

    # --- calls of the kind alone -------------------------------------------------------------------------------

    def call(self, token: str, remote_id: str | None = None, **more: Any) -> Call[Any]:
        """A call of the kind about the subject, with the spec of the example unless another is given. With an id it is
        claimed, as a job's is: what asks by its id knows it from the ledger.
        """
        plain = more.pop("plain", None) or self.spec()
        call = Call(
            self.subject.address,
            self.ground.scope,
            OWNER,
            self.ground.clients(),
            token=token,
            spec=self.kind.spec.model_validate(plain),
            remote_id=remote_id,
            waited=LONG_AGO,
            claimed=remote_id is not None,
        )
        return replace(call, **more)

    def search(self, owner: Owner | None = OWNER) -> Search:
        """A search for the subject's kind."""
        return Search(self.ground.scope, self.ground.clients(), owner)

    def live(self, seen: Observation) -> dict[str, Any]:
        """What was read, in canonical form, and nothing that could not be read."""
        form = self.kind.canonical(seen.properties)
        return {name: form.get(name) for name in seen.properties}

    def look(self, remote_id: str | None) -> Observation:
        """What stands at an id."""
        return self.kind.observe(self.call("", remote_id or ""))

    def settled(self, kind: ResourceType[Any], call: Call[Any]) -> Observation:
        """What a call's resource comes to. Raises `Unfinished`."""
        seen = kind.observe(call)
        for _ in range(LOOKS):
            if seen.status in {Status.ready, Status.failed}:
                return seen
            self.ground.wait(LOOK_EVERY)
            seen = kind.observe(call)
        raise Unfinished(f"{call.address} is {seen.status} after {LOOKS * LOOK_EVERY:.0f} s")

    def made(self, over: Mapping[str, Any] | None = None) -> Observation:
        """The subject, made by its kind and come to rest."""
        token = self.token()
        call = self.call(token, plain=self.spec(over))
        seen = self.settled(self.kind, replace(call, remote_id=self.kind.create(call).remote_id))
        self.ground.rest()
        return self.look(seen.remote_id)

    def stands(self) -> Observation:
        """The subject, made in peace over what it needs, and nothing else: made once, and put back later."""
        kept = f"{self.kind.kind}-stands"
        if self._stands is None:
            self.begin()
            made = self.made()
            self.ground.remember(kept)
            self._stands = made
        else:
            self.ground.recall(kept)
        return self._stands.model_copy(deep=True)

    # --- acts --------------------------------------------------------------------------------------------------

    def action(self, verb: Verb, plain: Mapping[str, Any], live: Observation | None = None, **facts: Any) -> Action:
        """An action as the planner writes it; `live` is what stands."""
        if live is not None:
            facts.setdefault("before", freeze(self.kind.canonical(live.properties)))
            facts |= {"remote_id": live.remote_id, "token": live.token, "gave": dict(live.outputs)}
        facts.setdefault("undo", Undo(label=UndoLabel.exact, verb=verb))
        frozen = {name: freeze(value) for name, value in plain.items()}
        return Action(seq=0, verb=verb, address=self.subject.address, scope=self.ground.scope, spec=frozen, **facts)

    def act(self, action: Action, token: str, **facts: Any) -> Act:
        """The act of an action, or (`back`) the one that takes it back."""
        facts = {"verb": action.verb, "remote_id": action.remote_id, "operation": action.operation} | facts
        return Act(
            address=action.address,
            scope=action.scope,
            plan="laws",
            seq=action.seq,
            token=token,
            owner=OWNER,
            gives=tuple(self.kind.outputs),
            **facts,
        )

    def deliver(self, act: Act, action: Action, *, again: bool = False, **more: Any) -> Done:
        """Deliver once."""
        return self.hands.carry(Delivery(act, action, self.kind, self.ground, again=again, **more))

    def carry(self, act: Act, action: Action, *, again: bool = False) -> Done:
        """Deliver until it is done and has settled, whatever is lost on the way. Raises `Unfinished`, or a refusal."""
        last: BaseException | None = None
        for attempt in range(DELIVERIES):
            try:
                done = self.deliver(act, action, again=again or attempt > 0)
                return self._settle(act, action, done)
            except (Killed, NotYet) as error:
                last = error
            except Interrupted as error:
                last, act = error, act.model_copy(update={"anew": act.anew + 1})
            self.ground.wait(1)
        raise Unfinished(f"it is not done after {DELIVERIES} deliveries; the last said: {last or 'nothing'}")

    def _settle(self, act: Act, action: Action, done: Done) -> Done:
        waited = 0.0
        asked = act.model_copy(
            update={"remote_id": done.remote_id or act.remote_id, "handle": done.handle or act.handle}
        )
        while done.status not in {Status.ready, Status.absent} and waited < LOOKS * LOOK_EVERY:
            delivery = Delivery(asked, action, self.kind, self.ground, again=True)
            try:
                settled = self.hands.settle(delivery, timedelta(seconds=waited), timedelta(hours=1))
                return done.model_copy(
                    update={"status": settled.status, "remote_id": settled.remote_id or done.remote_id}
                )
            except NotYet:
                self.ground.wait(LOOK_EVERY)
                waited += LOOK_EVERY
        return done

    # --- judging -----------------------------------------------------------------------------------------------

    def standing(self) -> dict[tuple[str, str], Thing]:
        """All that stands."""
        return {(t.kind, t.id): t for t in self.ground.things()}

    def added(self) -> list[Thing]:
        """What stands beside the needs."""
        return [t for key, t in self.standing().items() if key not in self.needs]

    def usual(self) -> Counter[str]:
        """What stands beside the needs when the subject was made once, in peace: cloud's kind -> how many.

        Found out at the first time, which puts the world back: ask before a scene.
        """
        if self._usual is None:
            self.stands()
            self._usual = Counter(t.kind for t in self.added())
        return self._usual

    def differs(self, desired: Mapping[str, Any], seen: Observation) -> tuple[FieldChange, ...]:
        """What is still to be changed."""
        return self.kind.diff(desired, desired, self.live(seen))


def bears_marks(kind: ResourceType[Any]) -> bool:
    """Whether what stands bears marks that tell whose it is.

    What is carried by its parent bears none. The ledger alone knows it, by its id; it is in no list of ours, it has no
    marks to write or to take off, and whatever is claimed for us, by its id or as what an earlier delivery has made, is
    taken for ours. So laws that judge by marks do not hold for it, and say so where they leave it out.
    """
    return kind.carrier is not Carrier.parent


def changed(before: Mapping[Any, Thing], after: Mapping[Any, Thing]) -> list[str]:
    """How two worlds differ, in words; nothing when they do not."""
    found = [f"{t.kind} {t.id} is new" for key, t in after.items() if key not in before]
    found += [f"{t.kind} {t.id} is gone" for key, t in before.items() if key not in after]
    for key, was in before.items():
        now = after.get(key)
        if now is not None and (now.fields, now.marks) != (was.fields, was.marks):
            found.append(f"{was.kind} {was.id} changed: {_fields(was, now)}")
    return found


def _fields(was: Thing, now: Thing) -> str:
    pairs = [(was.fields, now.fields), (was.marks, now.marks)]
    return ", ".join(
        f"{name} from {old.get(name)!r} to {new.get(name)!r}"
        for old, new in pairs
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def likeness(things: Iterable[Thing], tokens: Iterable[str | None] = ()) -> list[str]:
    """Things as texts that are equal when people would say that they are alike, whatever ids they were given."""
    listed = list(things)
    texts = [json.dumps([t.kind, t.id, t.fields, dict(t.marks)], sort_keys=True, default=str) for t in listed]
    names = {t.id: f"<{t.kind}>" for t in listed} | {t.token: "<token>" for t in listed if t.token}
    names |= {token: "<token>" for token in tokens if token}
    for old in sorted(names, key=len, reverse=True):
        texts = [text.replace(old, names[old]) for text in texts]
    return sorted(texts)
