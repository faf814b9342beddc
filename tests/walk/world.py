"""A tiny cloud that does what its script says and writes down what happened. It never judges: see `judge`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.act import Done
from holdfast.errors import Letter
from holdfast.model import Status
from holdfast.plan import Step, Verb
from workflows.walk import INTERRUPTED, Failed, Order


class Effect(StrEnum):
    """When a delivery takes effect in the cloud."""

    now = "now"
    never = "never"
    late = "late"  # after the call is over


class Reply(StrEnum):
    """What the walk is told."""

    ready = "ready"
    pending = "pending"
    failed = "failed"
    torn = "torn"  # a cancellation that the walk did not wish for


@dataclass(frozen=True, slots=True)
class Delivery:
    """The script of one call: turns of the loop, an effect, and a reply."""

    before: int = 0  # turns until the effect
    after: int = 0  # turns from there to the reply
    effect: Effect = Effect.now
    reply: Reply = Reply.ready
    cut: bool = True  # a cancelled call raises; otherwise it answers as if it had not been
    late: int = 3  # turns until a late effect lands
    unseen: bool = False  # of an undo: a create that lands late is found by the sweep alone
    settle: int = 1  # turns of each settle
    settles: bool = True  # whether what is pending comes to a good end
    interrupted: bool = False  # what is pending is given up by the cloud, for a reason that passes
    error: str = "Refused"


CALM = Delivery()


@dataclass(frozen=True, slots=True)
class Part:
    """How one step behaves: the scripts of its first deliveries; whatever comes after is calm."""

    acts: tuple[Delivery, ...] = ()
    undos: tuple[Delivery, ...] = ()
    idle: bool = False  # the act has nothing to do, whenever it is asked


class Kind(StrEnum):
    """What may stand in the record."""

    act = "act"
    undo = "undo"
    done = "done"  # the walk was told that the act stands
    undone = "undone"  # the walk was told that it was taken back
    failed = "failed"
    undo_failed = "undo-failed"
    gone = "gone"  # the undo told the walk that it cannot be taken back
    settle = "settle"
    interrupted = "interrupted"  # the cloud gave up on what it had taken
    cut = "cut"  # a call was cancelled
    torn = "torn"
    answered = "answered"
    reset = "reset"
    wished = "wished"  # a cancel that the walk could still hear
    overlap = "overlap"  # a call began while another for the same step was under way


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record."""

    turn: int
    kind: Kind
    seq: int
    repeated: bool = False
    refused: bool = False
    generation: int = 0
    note: str = ""


@dataclass(slots=True)
class World:
    """Hands over a model cloud; `standing` is the truth, `record` is how it came about."""

    steps: Sequence[Step]
    parts: Mapping[int, Part] = field(default_factory=dict)
    turn: int = 0
    frozen: bool = False  # the worker is dead: calls neither reach the cloud nor return
    freezes_on_undo: bool = False
    record: list[Event] = field(default_factory=list)
    standing: dict[int, set[int]] = field(default_factory=dict)  # seq -> generations
    swept: list[int] = field(default_factory=list)
    moves: list[int] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)  # of every act and undo, whole
    looked: list[tuple[int, str | None]] = field(default_factory=list)  # which operation a settle looked at
    _spent: set[tuple[int, int]] = field(default_factory=set)
    _late: list[tuple[int, int, int]] = field(default_factory=list)  # (turn, seq, generation)
    _orphans: set[tuple[int, int]] = field(default_factory=set)  # landed after they were taken back
    _taken_back: set[tuple[int, int]] = field(default_factory=set)
    _going: dict[int, set[int]] = field(default_factory=dict)  # seq -> generations that the last undo removed
    _wants_anew: dict[tuple[int, bool], int] = field(default_factory=dict)
    _in_hand: set[int] = field(default_factory=set)
    _delivered: dict[tuple[int, bool], int] = field(default_factory=dict)
    _script: dict[tuple[int, bool], Delivery] = field(default_factory=dict)

    # --- hands -------------------------------------------------------------------------------------------------

    async def act(self, order: Order) -> Done:
        """See `Hands.act`."""
        with self._hold(order):
            return await self._act(order)

    async def undo(self, order: Order) -> Done:
        """See `Hands.undo`."""
        with self._hold(order):
            return await self._undo(order)

    async def settle(self, order: Order, back: bool) -> Done:
        """See `Hands.settle`."""
        with self._hold(order):
            return await self._settle(order, back)

    def moved(self, seq: int) -> None:
        """See `Hands.moved`."""
        self.moves.append(seq)

    async def _act(self, order: Order) -> Done:
        seq, script = order.step.seq, self._next(order.step.seq, back=False)
        self._write(Kind.act, order)
        self._taken_back.discard((seq, order.generation))
        await self._wait(order, script.before, script)
        if (seq, order.generation) in self._spent:
            raise self._failure(Kind.failed, order, "Refused", note="the token was spent on a resource that is gone")
        if self._remembers(order, back=False):
            return Done(status=Status.pending)
        there = order.generation in self.standing.get(seq, set())
        if script.effect is Effect.now:
            self._stand(seq, order.generation)
        elif script.effect is Effect.late:
            self._late.append((self.turn + script.late, seq, order.generation))
        await self._wait(order, script.after, script)
        certain = script.effect is Effect.never and not there
        return self._reply(order, script, Kind.done, Kind.failed, unchanged=there or self._idle(seq), certain=certain)

    async def _undo(self, order: Order) -> Done:
        if self.freezes_on_undo:
            self.frozen = True
        seq, script = order.step.seq, self._next(order.step.seq, back=True)
        self._write(Kind.undo, order)
        await self._wait(order, script.before, script)
        if not (script.unseen and order.step.verb is Verb.create):
            self._land(seq)
        if self._remembers(order, back=True):
            return Done(status=Status.pending)
        self._taken_back.add((seq, order.generation))
        if script.effect is not Effect.never and self.standing.get(seq):
            if not order.step.undo.returns:
                raise self._failure(Kind.gone, order, "Gone", certain=True)
            self._going[seq] = set(self.standing[seq])
            self._spent |= {(seq, generation) for generation in self.standing[seq]}
            self.standing[seq] = set()
        await self._wait(order, script.after, script)
        return self._reply(order, script, Kind.undone, Kind.undo_failed, unchanged=False, certain=True)

    async def _settle(self, order: Order, back: bool) -> Done:
        script = self._script.get((order.step.seq, back), CALM)
        self._write(Kind.settle, order)
        self.looked.append((order.step.seq, order.handle))
        await self._wait(order, script.settle, CALM)
        if script.interrupted or self._remembers(order, back=back):
            self._give_up(order, back=back)
        if not script.settles:
            raise self._failure(Kind.undo_failed if back else Kind.failed, order, "NotStabilized", certain=True)
        self._tell(Kind.undone if back else Kind.done, order)
        return Done(status=Status.ready, outputs={"id": order.step.seq})

    def _give_up(self, order: Order, *, back: bool) -> None:
        """The cloud lets go of what it was asked for: all is as before it was asked."""
        seq = order.step.seq
        if back:
            self._stand_again(seq)
        else:
            self.standing.get(seq, set()).discard(order.generation)
        self._wants_anew[seq, back] = order.anew + 1  # a cloud answers the same request with the same operation
        self._write(Kind.interrupted, order)
        raise Failed(Letter(error=INTERRUPTED, happened=f"given up: {order.step.address}", address=order.step.address))

    @contextmanager
    def _hold(self, order: Order) -> Iterator[None]:
        if order.step.seq in self._in_hand:
            self._write(Kind.overlap, order)
        self._in_hand.add(order.step.seq)
        try:
            yield
        finally:
            self._in_hand.discard(order.step.seq)

    # --- the cloud ---------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """One turn of the loop: what was on its way may arrive."""
        self.turn += 1
        due = [one for one in self._late if one[0] <= self.turn]
        self._late = [one for one in self._late if one[0] > self.turn]
        for _, seq, generation in due:
            self._arrive(seq, generation)

    def settle_down(self) -> None:
        """Long after the end: everything late has arrived, and the arbiter has swept what carries the plan's tokens."""
        for seq in [one[1] for one in self._late]:
            self._land(seq)
        for seq, generation in sorted(self._orphans):
            if generation in self.standing.get(seq, set()):
                self.standing[seq].discard(generation)
                self.swept.append(seq)

    def stands(self, seq: int) -> bool:
        """Whether the step's effect is in the cloud."""
        return bool(self.standing.get(seq))

    def write(self, kind: Kind, seq: int, note: str = "") -> None:
        """A line that is not a call's: what the person at the keyboard did."""
        self.record.append(Event(self.turn, kind, seq, note=note))

    def _idle(self, seq: int) -> bool:
        return self.parts[seq].idle if seq in self.parts else False

    def _stand(self, seq: int, generation: int) -> None:
        if not self._idle(seq):
            self.standing.setdefault(seq, set()).add(generation)

    def _arrive(self, seq: int, generation: int) -> None:
        by_seq = {s.seq: s for s in self.steps}
        bases_stand = all(self.stands(b) or self._idle(b) for b in by_seq[seq].after)
        if (seq, generation) in self._spent or not bases_stand:
            return
        self._stand(seq, generation)
        if (seq, generation) in self._taken_back:
            self._orphans.add((seq, generation))

    def _remembers(self, order: Order, *, back: bool) -> bool:
        """Whether the request is one that the cloud gave up on: it answers with that operation, and does nothing."""
        return order.anew < self._wants_anew.get((order.step.seq, back), 0)

    def _stand_again(self, seq: int) -> None:
        going = self._going.pop(seq, set())
        self.standing.setdefault(seq, set()).update(going)
        self._spent -= {(seq, generation) for generation in going}

    def _land(self, seq: int) -> None:
        mine = [one for one in self._late if one[1] == seq]
        self._late = [one for one in self._late if one[1] != seq]
        for _, _, generation in mine:
            self._arrive(seq, generation)

    # --- the script --------------------------------------------------------------------------------------------

    def _next(self, seq: int, *, back: bool) -> Delivery:
        count = self._delivered.get((seq, back), 0)
        self._delivered[seq, back] = count + 1
        part = self.parts.get(seq, Part())
        scripts = part.undos if back else part.acts
        self._script[seq, back] = script = scripts[count] if count < len(scripts) else CALM
        return script

    async def _wait(self, order: Order, turns: int, script: Delivery) -> None:
        cancelled = False
        await self._while_frozen()
        for _ in range(turns):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if self.frozen:
                    raise
                self._write(Kind.cut, order)
                cancelled = True
            await self._while_frozen()
        if cancelled and script.cut:
            raise asyncio.CancelledError

    async def _while_frozen(self) -> None:
        while self.frozen:
            await asyncio.get_running_loop().create_future()  # until the whole worker is torn down

    def _reply(self, order: Order, script: Delivery, good: Kind, bad: Kind, *, unchanged: bool, certain: bool) -> Done:
        if script.reply is Reply.torn:
            self._write(Kind.torn, order)
            raise asyncio.CancelledError
        if script.reply is Reply.failed or script.effect is not Effect.now:
            raise self._failure(bad, order, script.error, certain=certain)
        if script.reply is Reply.pending:
            return Done(status=Status.pending, handle=f"operation {len(self.orders)}")
        self._tell(good, order)
        return Done(status=Status.ready, unchanged=unchanged, outputs={"id": order.step.seq})

    def _tell(self, kind: Kind, order: Order) -> None:
        self._write(kind, order)
        if kind is Kind.done:  # it is in the ledger
            self._orphans.discard((order.step.seq, order.generation))

    def _failure(self, kind: Kind, order: Order, error: str, *, certain: bool = False, note: str = "") -> Failed:
        self._write(kind, order, note)
        if kind is not Kind.failed:  # the undo did not take it back: it is owed, and the sweep leaves it
            self._taken_back.discard((order.step.seq, order.generation))
            self._orphans = {one for one in self._orphans if one[0] != order.step.seq}
        letter = Letter(error=error, happened=f"{kind} {order.step.address}", address=order.step.address)
        return Failed(letter.model_copy(update={"certain": certain}))

    def _write(self, kind: Kind, order: Order, note: str = "") -> None:
        seq, generation = order.step.seq, order.generation
        if kind in {Kind.act, Kind.undo}:
            self.orders.append(order)
        self.record.append(Event(self.turn, kind, seq, order.repeated, order.refused, generation, note))
