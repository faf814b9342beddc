"""What was once found wrong in the walk, each with the smallest plan that shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from holdfast.act import Done
from holdfast.contract import Answer, OnFailure, State
from holdfast.errors import Letter
from holdfast.model import Address
from holdfast.plan import UndoLabel, Verb
from holdfast.run import Fate, Journal, Trace
from tests.walk.cases import Case, Wish, step
from tests.walk.judge import broken_promises
from tests.walk.play import Player, carried_over, play, play_reset
from tests.walk.world import Delivery, Effect, Kind, Part, Reply, World
from workflows.walk import Ending, Order, Walk

REFUSED = Delivery(effect=Effect.never)
LOST = Delivery(reply=Reply.failed)
FAILS = Part(acts=(REFUSED,))
FOR_EVER = UndoLabel.irreversible


async def until(walk: Walk, state: State) -> asyncio.Task[Ending]:
    """The walk's run, which has come to this state."""
    task = asyncio.create_task(walk.run())
    for _ in range(100):
        await asyncio.sleep(0)
        if walk.state is state:
            break
    return task


def count(world: World, kind: Kind, seq: int) -> int:
    """How often something happened to a step."""
    return sum(e.kind is kind and e.seq == seq for e in world.record)


def undos_of(world: World) -> list[int]:
    """What was taken back, in order."""
    return [e.seq for e in world.record if e.kind is Kind.undo]


@dataclass(slots=True)
class Renaming(World):
    """A cloud that brings a deleted thing back under another id."""

    async def undo(self, order: Order) -> Done:
        """See `Hands.undo`."""
        done = await World.undo(self, order)
        return done.model_copy(update={"renamed": {f"old-{order.step.seq}": "new"}})


@dataclass(slots=True)
class Meddling(World):
    """A caller that answers from within `moved`, before the failed act's task has ended."""

    walks: list[Walk] = field(default_factory=list)

    def moved(self, seq: int) -> None:
        """See `Hands.moved`."""
        for question in self.walks[0].questions:
            self.walks[0].resolve(question.step.seq, Answer.rollback)


async def test_an_undo_asked_for_twice_is_sent_once() -> None:
    """A failed undo, a drain, and an operator's answer: no undo runs beside itself."""
    steps = (step(0),)
    world = World(steps, {0: Part(undos=(REFUSED, Delivery(before=5)))})
    traces = (Trace(seq=0, fate=Fate.done, sent=True),)
    first = Walk(steps, world, on_failure=OnFailure.pause, journal=Journal(traces=traces, backwards=True))
    task = await until(first, State.paused)
    first.drain()
    assert await task is Ending.drained
    second = Walk(steps, world, on_failure=OnFailure.pause, journal=carried_over(first))
    task = await until(second, State.paused)
    second.resolve(0, Answer.retry)
    assert await task is Ending.finished
    assert count(world, Kind.undo, 0) == 2


async def test_a_rename_by_an_operators_undo_is_remembered() -> None:
    """A deleted thing that an operator brings back is known to later steps, and in the journal, by its new id."""
    steps = (step(0, verb=Verb.delete), step(1, verb=Verb.delete))
    world = Renaming(steps, {0: Part(acts=(LOST,)), 1: Part(acts=(Delivery(before=9),))})
    walk = Walk(steps, world, on_failure=OnFailure.pause)
    task = await until(walk, State.paused)
    walk.resolve(0, Answer.rollback)
    await task
    assert carried_over(walk).traces[0].renamed == {"old-0": "new"}
    assert walk.memory.renamed == {"old-0": "new"}


async def test_a_drained_walk_sets_no_hand_to_work() -> None:
    """An answer that comes after the drain waits in the journal; it does not start an undo that nobody awaits."""
    world = World((step(0),), {0: Part(acts=(LOST,))})
    first = Walk(world.steps, world, on_failure=OnFailure.pause)
    task = await until(first, State.paused)
    first.drain()
    assert await task is Ending.drained
    first.resolve(0, Answer.rollback)
    await asyncio.sleep(0)
    assert undos_of(world) == []
    second = Walk(world.steps, world, on_failure=OnFailure.pause, journal=carried_over(first))
    await second.run()
    assert second.memory.nodes[0].fate is Fate.undone


async def test_an_answer_may_come_before_the_failed_task_has_ended() -> None:
    """The walk keeps its hold on an undo that was asked for while the failed act was still being put away."""
    world = Meddling((step(0),), {0: Part(acts=(LOST,), undos=(Delivery(before=5),))})
    walk = Walk(world.steps, world, on_failure=OnFailure.pause)
    world.walks.append(walk)
    await walk.run()
    assert walk.memory.nodes[0].fate is Fate.undone


def test_an_uninvited_cancellation_does_not_end_the_probe() -> None:
    """When somebody cancels the probing undo itself, nobody knows, and an operator is asked."""
    steps = (step(0, undo=FOR_EVER),)
    played = play(Case(steps, {0: Part(acts=(LOST,), undos=(Delivery(reply=Reply.torn),))}, answers=(Answer.retry,)))
    assert broken_promises(played) == []
    assert played.walk.state is State.done


async def test_another_runs_failure_is_taken_back_without_asking() -> None:
    """A recover run that does not pause asks nobody about what failed in the run before it."""
    world = World((step(0),))
    journal = Journal(traces=(Trace(seq=0, fate=Fate.failed, sent=True),), backwards=True)
    walk = Walk(world.steps, world, on_failure=OnFailure.keep, journal=journal)
    await asyncio.wait_for(walk.run(), 5)
    assert walk.state is State.undone


async def test_a_question_without_a_letter_is_asked() -> None:
    """A failure of which only the fact is known is a question all the same, and not a silent pause."""
    world = World((step(0),))
    journal = Journal(traces=(Trace(seq=0, fate=Fate.failed, sent=True),))
    walk = Walk(world.steps, world, on_failure=OnFailure.pause, journal=journal)
    assert [q.letter.error for q in walk.questions] == ["Cancelled"]


def test_only_a_first_refusal_is_certain() -> None:
    """That an undo, or a second delivery, was refused does not say that the act had no effect."""
    acts = (LOST, REFUSED)  # the second is refused at once, after the first has happened
    parts = {0: Part(acts, (REFUSED,))}
    case = Case((step(0),), parts, OnFailure.pause, answers=(Answer.retry, Answer.rollback, Answer.retry))
    played = play(case)
    assert broken_promises(played) == []
    assert [o.refused for o in played.world.orders] == [False, False, False, False]
    at_once = play(Case((step(0),), {0: FAILS}))
    assert [o.refused for o in at_once.world.orders] == [False, True]


def test_nothing_is_sent_once_a_neighbour_has_failed() -> None:
    """A step that was about to be sent in the very turn in which another failed is not sent."""
    played = play(Case((step(0), step(1)), {0: FAILS}))
    assert " ".join(played.fates.values()) == "undone waiting"
    assert count(played.world, Kind.act, 1) == 0


def test_what_was_left_out_is_not_owed_when_everything_is_taken_back() -> None:
    """An update that never started stands as it stood; after a cancel that undid the rest, nothing is owed for it."""
    steps = (step(0), step(1, [0], verb=Verb.update), step(2))
    parts = {0: Part(acts=(LOST,)), 2: Part(acts=(Delivery(before=30),))}
    played = play(Case(steps, parts, OnFailure.pause, ((25, Wish.cancel),), (Answer.rollback,)))
    assert broken_promises(played) == []
    assert played.walk.state is State.cancelled


def test_what_a_reset_forgot_is_taken_back() -> None:
    """A step that was sent before a reset, and is not reached after it, is undone with the rest."""
    parts = {0: Part(acts=(Delivery(), REFUSED))}
    played = play_reset(Case((step(0), step(1, [0])), parts), turn=12)
    assert " ".join(played.fates.values()) == "undone undone"
    assert not any(played.world.standing.values())
    assert undos_of(played.world) == [1, 0]


async def test_doubt_survives_a_drain() -> None:
    """An execution that continues a reset one knows that its acts may have been sent before."""
    world = World((step(0), step(1, [0])))
    first = Walk(world.steps, world, doubted=True)
    first.drain()
    await first.run()
    second = Walk(world.steps, world, journal=carried_over(first))
    await second.run()
    assert [o.repeated for o in world.orders] == [True, True]


async def test_what_a_repeated_act_finds_unchanged_was_done() -> None:
    """Only a first delivery can say that nothing had to be done; to a repeated one its own effect looks the same."""
    world = World((step(0), step(1)), {1: Part(idle=True)}, standing={0: {0}})
    traces = (Trace(seq=0, fate=Fate.acting, sent=True),)
    walk = Walk(world.steps, world, journal=Journal(traces=traces))
    await walk.run()
    assert [n.fate for n in walk.memory.nodes.values()] == [Fate.done, Fate.unchanged]


def test_what_the_probe_took_back_is_made_again_with_a_new_token() -> None:
    """A create that the probe removed, and that is walked over after all, does not use its spent token again."""
    steps = (step(0, undo=FOR_EVER), step(1, undo=UndoLabel.needs_snapshot))
    late = Delivery(before=5, effect=Effect.never)
    parts = {0: Part(acts=(Delivery(after=9),)), 1: Part(acts=(late,))}
    case = Case(steps, parts, answers=(Answer.retry, Answer.retry))
    played = play(case)
    assert broken_promises(played) == []
    assert played.walk.state is State.done
    assert [o.generation for o in played.world.orders if o.step.seq == 1] == [0, 0, 1]


def test_a_call_is_cancelled_once() -> None:
    """However often the loop wakes while a settle is let go, the settle is cancelled once."""
    steps = (step(0), step(1), step(2))
    slow = Delivery(reply=Reply.pending, settle=20)
    parts = {0: Part(acts=(slow,)), 1: Part(acts=(Delivery(before=12),)), 2: Part(acts=(Delivery(before=14),))}
    played = play(Case(steps, parts, wishes=((8, Wish.drain), (9, Wish.drain), (10, Wish.drain))))
    assert broken_promises(played) == []
    assert played.drains > 0


def test_outputs_of_the_report_are_asked_of_every_act_on_the_resource() -> None:
    """When a resource is changed and then operated on, its outputs are reported as the last act left them."""
    same = Address("shop", "aws.thing", "r0")
    operate = step(1, [0], verb=Verb.operate).model_copy(update={"address": same})
    walk = Walk((step(0), operate), World(()), outputs=[f"{same}#arn"])
    assert [n.gives for n in walk.memory.nodes.values()] == [("arn",), ("arn",)]


async def test_a_step_that_was_begun_and_cannot_go_on_is_named() -> None:
    """What another execution had sent, behind a step that is now given up, is stuck and not forgotten."""
    world = World((step(0), step(1, [0])), {0: FAILS})
    journal = Journal(traces=(Trace(seq=1, fate=Fate.acting, sent=True),))
    walk = Walk(world.steps, world, on_failure=OnFailure.keep, journal=journal)
    await walk.run()
    assert [n.fate for n in walk.memory.nodes.values()] == [Fate.stuck, Fate.stuck]
    assert walk.state is State.owed


async def test_nothing_is_asked_of_a_walk_that_stops() -> None:
    """While a keeping cancel waits for what is in flight, no answer can set anything to work again."""
    parts = {0: FAILS, 1: Part(acts=(Delivery(before=9, cut=False),))}
    player = Player(Case((step(0), step(1)), parts, OnFailure.pause))
    walk = Walk(player.case.steps, player.world, on_failure=OnFailure.pause)
    task = await until(walk, State.paused)
    walk.cancel(keep=True)
    assert walk.questions == []
    await task
    assert walk.state is State.owed


async def test_a_paused_walk_rests() -> None:
    """While somebody is asked the walk sets nothing to work, not even to find that it may not."""
    world = World((step(0), step(1)), {0: FAILS})
    walk = Walk(world.steps, world, on_failure=OnFailure.pause)
    task = await until(walk, State.paused)
    moves = []
    for _ in range(9):
        await asyncio.sleep(0)
        moves.append(len(asyncio.all_tasks()))
    assert set(moves) == {2}  # this test, and the walk's own loop
    walk.resolve(0, Answer.retry)
    await task


async def test_what_is_left_out_shows_at_once() -> None:
    """A step that will never start does not look as if it waited, while the rest goes on."""
    steps = (step(0), step(1, [0]), step(2, [1]), step(3))
    world = World(steps, {0: FAILS, 3: Part(acts=(Delivery(before=90),))})
    walk = Walk(steps, world, on_failure=OnFailure.keep)
    task = asyncio.create_task(walk.run())
    for _ in range(9):
        await asyncio.sleep(0)
    assert [n.fate for n in walk.memory.nodes.values()] == [Fate.stuck, Fate.skipped, Fate.skipped, Fate.acting]
    await task


def test_a_wish_to_turn_is_heard_before_a_long_settle() -> None:
    """An act that answers although it was cut off is not waited for: what it began is taken back."""
    answers = Delivery(before=12, cut=False, reply=Reply.pending, settle=900)
    played = play(
        Case((step(0), step(1)), {0: Part(acts=(Delivery(before=3, effect=Effect.never),)), 1: Part((answers,))})
    )
    assert played.walk.state is State.undone
    assert played.world.turn < 100


async def test_what_is_known_to_have_happened_is_not_called_unknown() -> None:
    """A probe finds that a step was done before a reset, and cannot be taken back; then the walk never comes to it."""
    steps = (step(0), step(1, [0], verb=Verb.update, undo=FOR_EVER), step(2))
    world = World(steps, {0: FAILS, 2: Part(acts=(Delivery(before=90),))}, standing={1: {0}})
    walk = Walk(steps, world, doubted=True)
    task = await until(walk, State.paused)
    walk.resolve(0, Answer.skip)
    for _ in range(9):
        await asyncio.sleep(0)
    left = walk.memory.nodes[1]
    assert left.letter is not None
    assert (left.fate, left.letter.error) == (Fate.stuck, "Gone")
    walk.cancel()
    await task
    assert (left.fate, walk.state) == (Fate.lost, State.owed)


async def test_a_probe_knows_that_an_operator_had_something_taken_back() -> None:
    """Its undo was sent before, and failed: the next one is a repeated one."""
    steps = (step(0, undo=FOR_EVER),)
    world = World(steps, {})
    await Walk(steps, world, journal=Journal(traces=(Trace(seq=0, fate=Fate.failed, sent=True),), asks_undo=(0,))).run()
    assert [o.repeated for o in world.orders] == [True]


@pytest.mark.parametrize("left", [Fate.lost, Fate.stuck])
async def test_nobody_walks_back_over_what_was_left_for_ever(left: Fate) -> None:
    """What does not return was given up by an operator's word: when another step fails, somebody is asked again."""
    steps = (step(0, verb=Verb.update, undo=FOR_EVER), step(1))
    world = World(steps, {1: FAILS}, standing={0: {0}})
    gone = Letter(error="Gone", happened="it is gone", address=steps[0].address)
    walk = Walk(steps, world, journal=Journal(traces=(Trace(seq=0, fate=left, sent=True, letter=gone),)))
    task = await until(walk, State.paused)
    assert [q.step.seq for q in walk.questions] == [1]
    walk.resolve(1, Answer.retry)
    await task
    assert (walk.memory.nodes[0].fate, walk.memory.nodes[1].fate, walk.backwards) == (left, Fate.done, False)


async def test_what_was_refused_for_certain_does_not_hold_a_walk() -> None:
    """Nothing came of it, so nothing of it would be walked over."""
    steps = (step(0, verb=Verb.update, undo=FOR_EVER), step(1))
    world = World(steps, {1: FAILS})
    refused = Letter(error="Refused", happened="no", address=steps[0].address, certain=True)
    walk = Walk(steps, world, journal=Journal(traces=(Trace(seq=0, fate=Fate.stuck, sent=True, letter=refused),)))
    await walk.run()
    assert walk.backwards
