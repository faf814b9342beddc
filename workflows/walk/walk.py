"""The walk: one loop that looks at the memory, sets hands to work, and sleeps until one of them comes back.

All waiting is in one place. Whatever arrives from outside (a cancel, an operator's answer, a wish to drain) only sets a
field and wakes the loop, so there is one order of events, and a replay finds the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from holdfast.act import Done
from holdfast.contract import Answer, OnFailure, State
from holdfast.errors import Letter
from holdfast.model import Status
from holdfast.plan import Step
from holdfast.run import Fate, Journal
from workflows.walk.hands import Failed, Hands, Order
from workflows.walk.memory import LEFT, Memory, Node
from workflows.walk.probe import probe, walk_on
from workflows.walk.tasks import Task, cancel, let_go, was_cancelled
from workflows.walk.words import GONE, INTERRUPTED, Ending, Question, cut_off, uncertain

ACTS = 50  # in flight at once: above it the server refuses to close workflow tasks (`FORCE_CLOSE_COMMAND`)
SETTLES = 500  # waiting at once: they cost the server nothing, but pending activities are limited to 2,000
_AT_REST = frozenset({Status.ready, Status.absent})


class Walk:
    """One plan being carried out. `run` may be awaited once; everything else may be called at any moment."""

    def __init__(
        self,
        steps: Sequence[Step],
        hands: Hands,
        *,
        on_failure: OnFailure = OnFailure.rollback,
        journal: Journal | None = None,
        outputs: Iterable[str] = (),
        doubted: bool = False,
    ) -> None:
        """`journal` is what an earlier execution left; `doubted` says that acts may have been sent unseen (a reset)."""
        journal = journal or Journal()
        self._doubted = doubted or journal.doubted
        self.memory = Memory(steps, journal, outputs, doubted=self._doubted)
        self.backwards, self.cancelled, self.cause = journal.backwards, journal.cancelled, journal.cause
        self._hands, self._on_failure = hands, on_failure
        self._gone, self._asks_undo = set(journal.gone), set(journal.asks_undo)
        self._keeping, self._draining, self._ended = journal.keeping, False, False
        self._turning = self._must_turn
        self._acting: dict[int, Task] = {}
        self._settling: dict[int, Task] = {}
        self._wake = asyncio.Event()
        self._bug: BaseException | None = None

    # --- from outside ------------------------------------------------------------------------------------------

    def cancel(self, *, keep: bool = False) -> None:
        """Stop, and take everything back; or, with `keep`, leave everything as it stands. Back stays back."""
        decided = self.cancelled and not self._keeping
        if self.backwards or self._ended or (keep and decided):
            return
        self.cancelled, self._keeping, self._turning = True, keep, not keep
        self._wake.set()

    def drain(self) -> None:
        """Come to rest half way: acts are awaited, settles are let go, and `run` returns `drained`."""
        self._draining = True
        self._wake.set()

    def doubt(self) -> None:
        """From now on, acts may have been sent that no execution remembers: the run was reset to here."""
        self._doubted = True
        if not self.backwards:
            self.memory.doubt()

    @property
    def questions(self) -> list[Question]:
        """What the walk waits for an operator to say. It starts nothing while there is a question."""
        failed = self.memory.of(Fate.failed) if self._is_asking else []
        return [Question(n.step, n.letter or cut_off(n.step), self._is_about_undo(n)) for n in failed]

    def resolve(self, seq: int, answer: Answer) -> None:
        """An operator's answer about one failed step. Raises `LookupError` when nothing is asked about that step."""
        node = self.memory.nodes.get(seq)
        if node is None or node.fate is not Fate.failed or not self._is_asking:
            raise LookupError(f"nothing is asked about step {seq}")
        if answer is Answer.skip:
            self.memory.leave(node, Fate.stuck, node.letter or cut_off(node.step))
        elif answer is Answer.rollback or self._is_about_undo(node):
            self._asks_undo.add(seq)
            self.memory.again(node, Fate.undoing)
        else:
            self.memory.again(node, Fate.acting)
        self._hands.moved(seq)
        self._wake.set()

    def journal(self) -> Journal:
        """The walk's memory, to go on with in another execution."""
        return Journal(
            traces=self.memory.traces(),
            backwards=self.backwards,
            cause=self.cause,
            cancelled=self.cancelled,
            keeping=self._keeping,
            gone=tuple(sorted(self._gone)),
            asks_undo=tuple(sorted(self._asks_undo)),
            doubted=self._doubted,
        )

    @property
    def is_open(self) -> bool:
        """Whether the walk has not come to its end."""
        return not self._ended

    @property
    def state(self) -> State:
        """What the walk is doing, or how it ended."""
        tally = self.memory.tally
        if not self._ended:
            if self._is_asking:
                return State.paused
            return State.undoing if self.backwards or self._turning else State.walking
        if any(tally[fate] for fate in LEFT):
            return State.owed
        if self.backwards:
            return State.cancelled if self.cancelled else State.undone
        return State.owed if tally[Fate.skipped] or tally[Fate.undone] else State.done

    # --- the loop ----------------------------------------------------------------------------------------------

    async def run(self) -> Ending:
        """Walk to an end, in one direction or the other. Raises nothing but bugs."""
        self._face()
        while True:
            self._wake.clear()
            if self._bug is not None:
                raise self._bug
            if self._keeping:
                await self._let_go()
                if not self._keeping:  # somebody asked for everything back after all
                    continue
                self._name_cut_off()
                break
            if self._turning:
                await self._turn()
                continue
            if self._draining:
                cancel(self._settling.values())
            elif not self._is_asking:
                self._set_to_work()
            if not self._acting and not self._settling:
                if self._draining:
                    return Ending.drained
                if not self._is_asking:
                    break
            await self._wake.wait()
        if not self.backwards:
            self.memory.leave_out_all()
        self._ended = True
        return Ending.finished

    @property
    def _is_asking(self) -> bool:
        return self.memory.tally[Fate.failed] > 0 and not self._turning and not self._keeping

    def _is_stopping(self) -> bool:
        return self._turning or self._keeping or self._draining

    def _face(self) -> None:
        if not self.backwards:
            self.memory.face_forward()
            return
        if self._on_failure is not OnFailure.pause:  # nobody would be asked: another execution's failure is taken back
            self._undo_failed()
        self.memory.face_back()

    def _undo_failed(self) -> None:
        for node in self.memory.of(Fate.failed):
            self.memory.put(node, Fate.undoing)

    def _set_to_work(self) -> None:
        while len(self._acting) < ACTS and len(self._settling) < SETTLES:
            node = self.memory.take_returning() if self.backwards else self.memory.take_ready()
            if node is None:
                return
            if self.backwards:
                self._start(node, self._back)
            else:
                self._start(node, self._back_alone if node.fate is Fate.undoing else self._forward)

    # --- one step ----------------------------------------------------------------------------------------------

    async def _forward(self, node: Node) -> None:
        order = self._order(node, repeated=node.sent)
        settled = node.fate is Fate.settling
        if settled:
            done = await self._settle(node, back=False)
        else:
            self._move(node, Fate.acting, sent=True)
            done = await self._hands.act(order)
            settled = done.status not in _AT_REST
            if settled:
                self._learn(node, done)
                self._move(node, Fate.settling)
                done = await self._settle(node, back=False)
        self._learn(node, done)
        # What a repeated delivery finds unchanged, an earlier one may have changed.
        idle = done.unchanged and not order.repeated and not settled
        self.memory.finish(node, Fate.unchanged if idle else Fate.done)
        self._hands.moved(node.step.seq)

    async def _back(self, node: Node) -> None:
        repeated = node.fate is Fate.undoing or node.step.seq in self._gone  # by an operator, or by the probe
        self._move(node, Fate.undoing)
        await self._undo(node, repeated=repeated)

    async def _back_alone(self, node: Node) -> None:
        """An operator takes one failed step back, and the rest of the plan goes on without it."""
        await self._undo(node, repeated=True)
        self._asks_undo.discard(node.step.seq)
        self.memory.leave_out(node)

    async def _undo(self, node: Node, *, repeated: bool) -> None:
        done = await self._take_back(node, repeated=repeated)
        self.memory.undone(node, done.remote_id, done.renamed)
        self._hands.moved(node.step.seq)

    async def _take_back(self, node: Node, *, repeated: bool) -> Done:
        done = await self._hands.undo(self._order(node, repeated=repeated or self._doubted))
        if done.status in _AT_REST:
            return done
        node.remote_id, node.handle = done.remote_id or node.remote_id, done.handle
        await self._settle(node, back=True)
        return done

    async def _settle(self, node: Node, *, back: bool) -> Done:
        """Wait outside the window of acts. A wish to stop that came while the act ran is heard here."""
        seq = node.step.seq
        if seq in self._acting:
            if self._is_stopping():
                raise asyncio.CancelledError
            self._settling[seq] = self._acting.pop(seq)
            self._wake.set()
        return await self._hands.settle(self._order(node, repeated=True), back)

    def _order(self, node: Node, *, repeated: bool) -> Order:
        nodes = self.memory.nodes
        needed = ((nodes[seq], output) for seq, output in node.step.needs)
        return Order(
            step=node.step,
            inputs={f"{n.step.address}#{output}": n.outputs[output] for n, output in needed if output in n.outputs},
            gives=node.gives,
            remote_id=node.remote_id,
            generation=node.generation,
            repeated=repeated,
            refused=node.refused_for_certain,
            # A person's retry counts as another one: where what is owed is asked for, nobody knows of a reset.
            unmade=node.refused_for_certain and not self._doubted and not node.anew,
            renamed=dict(self.memory.renamed),
            handle=node.handle,
            anew=node.anew,
            given_up=node.given_up,
        )

    @staticmethod
    def _learn(node: Node, done: Done) -> None:
        # Another operation than that of an earlier delivery, or none: that one must not be taken for it.
        node.remote_id, node.handle = done.remote_id or node.remote_id, done.handle
        node.outputs |= done.outputs

    def _move(self, node: Node, fate: Fate, *, sent: bool = False) -> None:
        self.memory.put(node, fate)
        node.sent = node.sent or sent
        self._hands.moved(node.step.seq)

    def _ask_anew(self, node: Node) -> None:
        """The cloud took the request and gave up on it: the step waits for its turn, as if its answer had been lost."""
        self.memory.anew(node)
        self._hands.moved(node.step.seq)

    # --- failure -----------------------------------------------------------------------------------------------

    def _fail(self, node: Node, letter: Letter) -> None:
        if node.fate is Fate.undoing:
            self._fail_back(node, letter)
            return
        node.letter = letter
        if not self.cancelled:  # what fails once a person has stopped the run is not why it ends
            self.cause = self.cause or letter
        if self._on_failure is OnFailure.keep:
            self.memory.leave(node, Fate.stuck, letter)
        else:
            self.memory.put(node, Fate.failed)
            self._turning = self._turning or self._must_turn
        self._hands.moved(node.step.seq)

    def _fail_back(self, node: Node, letter: Letter) -> None:
        if letter.error == GONE:
            self.memory.leave(node, Fate.lost, letter)
        elif self.backwards and self._on_failure is not OnFailure.pause:
            self.memory.leave(node, Fate.stuck, letter)
        else:
            node.letter = letter
            self.memory.put(node, Fate.failed)
        self._hands.moved(node.step.seq)

    def _is_about_undo(self, node: Node) -> bool:
        return self.backwards or node.step.seq in self._asks_undo

    @property
    def _past_return(self) -> bool:
        return bool(self._gone) or self.memory.past_return

    @property
    def _must_turn(self) -> bool:
        """Whether what happened so far turns the walk around, whoever asks and in whichever execution."""
        if self.backwards or self._keeping:
            return False
        failed = self._on_failure is OnFailure.rollback and self.memory.tally[Fate.failed] > 0
        return self.cancelled or (failed and not self._past_return)

    # --- turning and stopping ----------------------------------------------------------------------------------

    async def _turn(self) -> None:
        """Stop everything, wait for it, and face back; or, past the point of no return, ask instead."""
        await self._let_go()
        if not self.cancelled and not self._past_return:
            taken_back = await probe(self.memory, self._undo, self._hands.moved, self._gone, self._asks_undo)
            if self._gone and not self.cancelled:
                walk_on(self.memory, taken_back)
        self._turning = False
        if self._keeping:  # a person's word, before anything was taken back
            return
        if self.cancelled or not self._past_return:
            self.backwards = True
            self._undo_failed()
        self._face()

    def _name_cut_off(self) -> None:
        for node in self.memory.of(Fate.acting, Fate.failed, Fate.undoing, Fate.settling):
            node.letter = node.letter or cut_off(node.step)
            self._move(node, Fate.kept if node.fate is Fate.settling else Fate.stuck)

    async def _let_go(self) -> None:
        await let_go([*self._acting.values(), *self._settling.values()])

    # --- tasks -------------------------------------------------------------------------------------------------

    def _start(self, node: Node, work: Callable[[Node], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._guard(node, work))
        self._acting[node.step.seq] = task
        # Not a `finally` in the guard: a task that is cancelled before its first step never enters it.
        task.add_done_callback(partial(self._came_back, node.step.seq))

    async def _guard(self, node: Node, work: Callable[[Node], Awaitable[None]]) -> None:
        """Turn what becomes of a step into its fate. One that was cut off keeps the fate it has."""
        if self._is_stopping() or self._is_asking:  # since this task was made
            self.memory.put_off(node)
            return
        first = not node.sent
        try:
            await work(node)
        except Failed as failure:
            if failure.letter.error == INTERRUPTED:
                self._ask_anew(node)
                return
            letter = failure.letter if first and node.fate is Fate.acting else uncertain(failure.letter)
            self._fail(node, letter)
        except asyncio.CancelledError:
            if self._is_stopping() or was_cancelled():
                self._hands.moved(node.step.seq)
            else:  # not at our wish: somebody cancelled the activity itself
                self._fail(node, cut_off(node.step))

    def _came_back(self, seq: int, task: Task) -> None:
        for tasks in (self._acting, self._settling):
            if tasks.get(seq) is task:  # and not a later one, for the same step
                del tasks[seq]
        if self._bug is None and not task.cancelled():
            self._bug = task.exception()
        self._wake.set()


__all__ = ["Walk"]
