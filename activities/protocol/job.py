"""One delivery of one act: everything that carrying it out may know, and the questions every verb asks of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic import ValidationError

from activities import secrets
from activities.letters import broken
from holdfast.act import Act, Done
from holdfast.diff import renamed_in
from holdfast.errors import Ambiguous, HoldfastError, InvalidInput, Pending, PlanStale
from holdfast.model import Address, JsonValue, Spec
from holdfast.plan import Action, Verb
from holdfast.resource import Call, Clients, Observation, ResourceType
from holdfast.secret import Secret, reveal
from holdfast.values import freeze, pointers, resolve, thaw

F = TypeVar("F")
P = ParamSpec("P")

KNOWN_WITHIN = timedelta(minutes=3)  # how long clouds may take to know everywhere what they have just made
LOOK_EVERY = timedelta(seconds=1)
APPLIED_LIMIT = 2_000  # bytes of JSON that a reader of the history is shown


@dataclass(slots=True)
class Job:
    """One delivery of an act. `again` says that an earlier one may have reached the cloud."""

    act: Act
    action: Action
    kind: ResourceType[Any]
    client: Clients
    again: bool = False
    waited: timedelta = timedelta()  # since the act was first sent
    secret: Callable[[Secret], str] = str  # reads one, for a single call of an SDK; the default hides it
    requests: Callable[[], tuple[str, ...]] = tuple  # the cloud's request ids so far
    pause: Callable[[float], None] = time.sleep  # seconds; beats, and raises when the worker is told to stop
    clock: Callable[[], float] = time.monotonic
    _spec: dict[str, Any] | None = field(default=None, init=False)
    _read: list[str] = field(default_factory=list, init=False, repr=False)  # of secrets, in the clear

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self.act.address

    def id(self) -> str:
        """The id that the plan, or the create, knew; on the way back, of what stands in its place, where it had to be
        made anew. Raises `PlanStale` where there is none.
        """
        if self.act.remote_id is None:
            raise PlanStale(f"{self.address}: the plan does not know its id", address=self.address, next="plan again")
        return self.act.renamed.get(self.act.remote_id, self.act.remote_id) if self.act.back else self.act.remote_id

    # --- what shall stand --------------------------------------------------------------------------------------

    def desired(self) -> dict[str, Any]:
        """The action's spec with every value known and canonical, secrets still as references.

        When the act takes a delete back, that is what stood before, with the ids of whatever had to be made anew.
        """
        if self._spec is None:
            plain = resolve(thaw(self.action.spec), self.act.inputs)
            if missing := self.missing():
                raise PlanStale(
                    f"{self.address} waits for {', '.join(missing)}, which no step of the plan gave",
                    address=self.address,
                    next="plan again",
                )
            known: Any = renamed_in(plain, self.act.renamed)
            self._spec = self.kind.canonical(known)
        return self._spec

    def missing(self) -> list[str]:
        """What the spec waits for, and the act was not given."""
        return list(pointers(resolve(thaw(self.action.spec), self.act.inputs)))

    def spec(self, plain: Mapping[str, Any]) -> Spec:
        """The kind's own spec, valid, with secrets in the clear; never stored, never sent to Temporal."""
        try:
            return self.kind.spec.model_validate(reveal(dict(plain), self._reveal))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise InvalidInput(
                f"{self.address}: now that every value is known, its spec is not valid: {wrong}", address=self.address
            ) from None  # its words repeat the values, and one of them may be a secret

    def sought(self) -> Spec | None:
        """The spec to look for what bears its name, secrets as references; None when it is not known, or not valid."""
        if self.missing():
            return None
        try:
            return self.kind.spec.model_validate(self.desired())
        except ValidationError:
            return None

    def live(self, seen: Observation) -> dict[str, Any]:
        """What was read of a resource, in canonical form, and nothing that could not be read."""
        form = self.kind.canonical(seen.properties)
        return {name: form.get(name) for name in seen.properties}

    def clear(self, value: JsonValue) -> Any:
        """A frozen value with its secrets in the clear, for one call of the kind."""
        return reveal(thaw(value), self._reveal)

    def _reveal(self, secret: Secret) -> str:
        self._read.append(self.secret(secret))
        return self._read[-1]

    def hush(self, error: HoldfastError) -> HoldfastError | None:
        """The error without the values of secrets, and without its cause; None when neither holds any.

        Of every secret that the action writes or takes back: another delivery may have sent it, and the cloud's
        operation may repeat it later.
        """
        action = self.action
        written = [action.spec, action.before, *(side for c in action.changes for side in (c.before, c.after))]
        return secrets.hushed(error, [*self._read, *secrets.values(thaw(written), self.secret)])

    # --- calling the kind --------------------------------------------------------------------------------------

    def call(self, remote_id: str | None = None, **more: Any) -> Call[Any]:
        """A call of the kind for this act."""
        return Call(
            address=self.address,
            scope=self.act.scope,
            owner=self.act.owner,
            client=self.client,
            token=self.act.token,
            remote_id=remote_id,
            **{
                "back": self.act.back,
                "anew": self.act.anew,
                "handle": self.act.handle,
                "waited": self.waited,
                "claimed": remote_id is not None or self.may_have_acted,
                **more,
            },
        )

    @property
    def young(self) -> bool:
        """Whether the act was first sent moments ago: what it refers to, or has made, may not be known everywhere."""
        return self.waited < KNOWN_WITHIN

    @property
    def may_have_acted(self) -> bool:
        """Whether what is found may be of this act's own doing: an earlier delivery's, or the act's that is undone."""
        return not self.act.refused if self.act.back else self.again

    def rest(self) -> None:
        """Before an act is taken back: wait for the cloud's operation that it began, whose end nobody may have seen.

        A create whose operation has failed has made nothing, and is taken back as one that was refused.
        Raises `Pending` while one is at work.
        """
        if self.act.refused:
            return
        call = self.call(self.act.remote_id, spec=self.sought())
        found = self.kind.underway(call)
        if found is not None and found.ended and call.handle is not None:
            failed = found.error is not None and self.action.verb is Verb.create
            self.act = self.act.model_copy(update={"refused": failed})
            found = self.kind.underway(replace(call, handle=None))  # another delivery may have begun another one
        if found is not None and not found.ended:
            raise Pending(f"an operation of {self.address} is at work yet: {found.detail or found.handle}")

    def observe(self, remote_id: str) -> Observation:
        """What stands at an id."""
        return self.kind.observe(self.call(remote_id))

    def is_ours(self, seen: Observation) -> bool:
        """Whether what was seen carries this stack's mark. Whatever does not is never touched."""
        return seen.owner == str(self.act.owner)

    def find_mine(self, call: Call[Any]) -> Observation | None:
        """What an earlier delivery of this very act made: ours, standing, with our token.

        Raises `Ambiguous`, naming both, when there are two: a request came late and made a second one.
        """
        mine = [o for o in self.kind.find(call) if self.is_ours(o) and o.token == self.act.token and o.stands]
        ids = sorted({o.remote_id or "" for o in mine})
        if len(ids) > 1:
            raise Ambiguous(
                f"{' and '.join(ids)} both carry the address {self.address} and the token of one act",
                address=self.address,
                next=f"`holdfast resolve {self.address} rollback` removes both",
            )
        return mine[0] if mine else None

    def look_until(self, look: Callable[[], F], shows: Callable[[F], bool]) -> F:
        """Look until it shows, or until what is new would have had to show. The last look."""
        until = self.clock() + self.kind.visible_within.total_seconds()
        while True:
            found = look()
            if shows(found) or self.clock() >= until:
                return found
            self.pause(LOOK_EVERY.total_seconds())

    def look_back(self, look: Callable[[], F], shows: Callable[[F], bool]) -> F:
        """Look at what an act has done that is to be taken back.

        What looks as if it had never been may be a stale read: that is believed at once only when the act was refused.
        """
        return look() if self.act.refused else self.look_until(look, shows)

    # --- answering ---------------------------------------------------------------------------------------------

    def done(self, seen: Observation, **more: Any) -> Done:
        """The answer about what was seen. Outputs that nobody waits for stay out of history."""
        return Done(
            status=seen.status,
            remote_id=seen.remote_id,
            handle=seen.handle,
            outputs={name: seen.outputs[name] for name in self.act.gives if name in seen.outputs},
            requests=self.requests(),
            **more,
        )

    def applied(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """`applied` of a `Done`: what the reader of the history sees. Small, and secrets only as references."""
        frozen: dict[str, JsonValue] = {k: freeze(v) for k, v in plain.items() if v not in (None, {}, [])}
        small = frozen if len(str(frozen)) <= APPLIED_LIMIT else {"fields": sorted(frozen)}
        return {"applied": small}

    def settles(self) -> timedelta:
        """How long to wait for what this act asked for."""
        return self.action.settle_within or self.kind.settle_within.get(self.act.verb, timedelta(minutes=10))


def rested(carry: Callable[[Job], F]) -> Callable[[Job], F]:
    """What takes an act back, once the cloud's operation that the act began has come to its end."""

    @functools.wraps(carry)
    def carried(job: Job) -> F:
        job.rest()
        return carry(job)

    return carried


def hushed(carry: Callable[Concatenate[Job, P], F]) -> Callable[Concatenate[Job, P], F]:
    """What carries an act out, or settles it, with secrets kept out of whatever it raises, foreseen or not."""

    @functools.wraps(carry)
    def carried(job: Job, /, *more: P.args, **named: P.kwargs) -> F:
        try:
            return carry(job, *more, **named)
        except Exception as error:
            letter = error
            if not isinstance(letter, HoldfastError):
                letter = broken(error, f"{job.act.verb} of {job.address}")
                letter.__cause__ = error
            quiet = job.hush(letter)
            if quiet is None:
                raise
        raise quiet  # out here it has no context either

    return carried
