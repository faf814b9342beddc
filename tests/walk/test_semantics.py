"""What the walk does, line by line: one small plan, one event, and what became of each step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from holdfast.contract import Answer, OnFailure, State
from holdfast.errors import Letter
from holdfast.plan import UndoLabel, Verb
from holdfast.run import Fate, Journal, Trace
from tests.walk.cases import Case, Wish, step
from tests.walk.judge import broken_promises
from tests.walk.play import Played, Player, play
from tests.walk.world import Delivery, Effect, Event, Kind, Part, Reply, World
from workflows.walk import Walk

REFUSED = Delivery(effect=Effect.never)  # it failed, and nothing happened
LOST = Delivery(reply=Reply.failed)  # it happened, and the answer was lost
SLOW = Delivery(before=20)
SLOW_TO_LAND = Delivery(after=20)
SETTLING = Delivery(reply=Reply.pending, settle=20)
TORN = Delivery(reply=Reply.torn)
GIVEN_UP = Delivery(reply=Reply.pending, interrupted=True)

FAILS = Part(acts=(REFUSED,))
FAILS_LATER = Part(acts=(Delivery(before=5, effect=Effect.never),))
WILL_NOT_GO = Part(undos=(REFUSED,))
FOR_EVER = UndoLabel.irreversible

BASE, MIDDLE, TOP = step(0), step(1, [0]), step(2, [1])
LINE = (BASE, MIDDLE, TOP)
FORK = (BASE, step(1, [0]), step(2, [0]))  # two that stand on one


@dataclass(frozen=True)
class Line:
    """One claim: `fates` in the plan's order."""

    claim: str
    fates: str
    state: State
    case: Case
    asked: str = ""  # "seq answer, …" as it was answered


ROLLBACK = [
    Line("a calm day", "done done done", State.done, Case(LINE)),
    Line("nothing to do", "unchanged done done", State.done, Case(LINE, {0: Part(idle=True)})),
    Line("the failed step is undone too", "undone undone waiting", State.undone, Case(LINE, {1: FAILS})),
    Line("a lost answer is undone too", "undone undone waiting", State.undone, Case(LINE, {1: Part(acts=(LOST,))})),
    Line(
        "what settles badly is undone",
        "undone undone waiting",
        State.undone,
        Case(LINE, {1: Part(acts=(Delivery(reply=Reply.pending, settles=False),))}),
    ),
    Line(
        "what was in flight is cut off and undone",
        "undone undone undone",
        State.undone,
        Case(FORK, {1: FAILS_LATER, 2: Part(acts=(SLOW_TO_LAND,))}),
    ),
    Line(
        "an undo that fails is stuck, and what it stands on is kept",
        "kept stuck undone",
        State.owed,
        Case(LINE, {1: WILL_NOT_GO, 2: FAILS}),
    ),
    Line(
        "keeping goes all the way down",
        "kept kept stuck",
        State.owed,
        Case(LINE, {2: Part(acts=(REFUSED,), undos=(REFUSED,))}),
    ),
    Line(
        "an uninvited cancellation is a failure", "undone undone waiting", State.undone, Case(LINE, {1: Part((TORN,))})
    ),
    Line(
        "an uninvited cancellation of an undo leaves it stuck",
        "kept stuck undone",
        State.owed,
        Case(LINE, {1: Part(undos=(TORN,)), 2: FAILS}),
    ),
]

OF_NO_RETURN = (BASE, step(1, [0], undo=FOR_EVER), step(2, [1]))
BESIDE = (BASE, step(1, undo=FOR_EVER), step(2, [0]))

NO_RETURN = [
    Line(
        "past it a failure pauses",
        "done done done",
        State.done,
        Case(OF_NO_RETURN, {2: FAILS}, answers=(Answer.retry,)),
        "2 retry",
    ),
    Line(
        "what settles counts as done",
        "done done done",
        State.done,
        Case(BESIDE, {1: Part(acts=(SETTLING,)), 2: FAILS}, answers=(Answer.retry,)),
        "2 retry",
    ),
    Line(
        "a failed one that never happened does not hold the rest",
        "undone undone waiting",
        State.undone,
        Case(OF_NO_RETURN, {1: FAILS}),
    ),
    Line(
        "a failed one that did happen pauses",
        "done done done",
        State.done,
        Case(OF_NO_RETURN, {1: Part(acts=(LOST,))}, answers=(Answer.retry,)),
        "1 retry",
    ),
    Line(
        "a cut-off one that did happen pauses",
        "done done done",
        State.done,
        Case(BESIDE, {1: Part(acts=(Delivery(after=20),)), 2: FAILS_LATER}, answers=(Answer.retry,) * 2),
        "1 retry, 2 retry",
    ),
    Line(
        "one of which nobody can say whether it happened pauses",
        "done stuck skipped",
        State.owed,
        Case(OF_NO_RETURN, {1: Part(acts=(REFUSED,), undos=(REFUSED,))}, answers=(Answer.skip,)),
        "1 skip",
    ),
    Line(
        "a person's cancel goes back over it: it is lost, what it stood on is kept",
        "kept lost undone",
        State.owed,
        Case(OF_NO_RETURN, {2: Part(acts=(SLOW,))}, wishes=((12, Wish.cancel),)),
    ),
    Line(
        "a person may take back one that is gone: it is lost",
        "done lost skipped",
        State.owed,
        Case(OF_NO_RETURN, {1: Part(acts=(LOST,))}, answers=(Answer.rollback,)),
        "1 rollback",
    ),
]

UPDATE = step(2, [1], verb=Verb.update)


def pausing(parts: dict[int, Part], *answers: Answer, wishes: tuple[tuple[int, Wish], ...] = ()) -> Case:
    return Case((BASE, MIDDLE, UPDATE, step(3)), parts, OnFailure.pause, wishes, answers)


TWICE = Part(acts=(REFUSED, REFUSED))
PAUSE = [
    Line("retry acts again", "done done done done", State.done, pausing({1: FAILS}, Answer.retry), "1 retry"),
    Line(
        "retry may fail again",
        "done done done done",
        State.done,
        pausing({1: TWICE}, Answer.retry, Answer.retry),
        "1 retry, 1 retry",
    ),
    Line(
        "skip leaves out what needs it", "done stuck kept done", State.owed, pausing({1: FAILS}, Answer.skip), "1 skip"
    ),
    Line(
        "rollback undoes this one, and the rest goes on",
        "done undone kept done",
        State.owed,
        pausing({1: Part(acts=(LOST,))}, Answer.rollback),
        "1 rollback",
    ),
    Line(
        "an undo alone that fails asks again",
        "done undone kept done",
        State.owed,
        pausing({1: Part(acts=(LOST,), undos=(REFUSED,))}, Answer.rollback, Answer.retry),
        "1 rollback, 1 retry",
    ),
    Line(
        "what is in flight goes on to its end",
        "done stuck kept done",
        State.owed,
        pausing({1: FAILS, 3: Part(acts=(SLOW,))}, Answer.skip),
        "1 skip",
    ),
    Line(
        "a cancel while paused takes everything back",
        "undone undone waiting undone",
        State.cancelled,
        Case(pausing({}).steps, {1: FAILS}, OnFailure.pause, ((6, Wish.cancel),), patience=99),
    ),
    Line(
        "a failed undo asks on the way back: retry",
        "undone undone waiting undone",
        State.cancelled,
        Case(
            pausing({}).steps,
            {1: Part((SLOW_TO_LAND,), (REFUSED,))},
            OnFailure.pause,
            ((8, Wish.cancel),),
            (Answer.retry,),
        ),
        "1 retry",
    ),
    Line(
        "a failed undo asks on the way back: skip",
        "kept stuck waiting undone",
        State.owed,
        Case(
            pausing({}).steps,
            {1: Part((SLOW_TO_LAND,), (REFUSED,))},
            OnFailure.pause,
            ((8, Wish.cancel),),
            (Answer.skip,),
        ),
        "1 skip",
    ),
]

KEEP = [
    Line(
        "the rest goes on with what can go",
        "done stuck kept done",
        State.owed,
        Case((BASE, MIDDLE, UPDATE, step(3)), {1: FAILS}, OnFailure.keep),
    ),
    Line(
        "creates that never started are skipped",
        "done stuck skipped",
        State.owed,
        Case(LINE, {1: FAILS}, OnFailure.keep),
    ),
    Line(
        "adoptions that never started are skipped",
        "stuck skipped",
        State.owed,
        Case((BASE, step(1, [0], verb=Verb.adopt)), {0: FAILS}, OnFailure.keep),
    ),
]

CANCEL = [
    Line(
        "a cancel before anything", "waiting waiting waiting", State.cancelled, Case(LINE, wishes=((0, Wish.cancel),))
    ),
    Line(
        "a cancel takes everything back",
        "undone undone waiting",
        State.cancelled,
        Case(LINE, {1: Part(acts=(SLOW_TO_LAND,))}, wishes=((8, Wish.cancel),)),
    ),
    Line(
        "a keeping cancel names what was cut off",
        "done stuck skipped",
        State.owed,
        Case(LINE, {1: Part(acts=(SLOW_TO_LAND,))}, wishes=((8, Wish.keep),)),
    ),
    Line(
        "a keeping cancel keeps what settles",
        "done kept skipped",
        State.owed,
        Case(LINE, {1: Part(acts=(SETTLING,))}, wishes=((12, Wish.keep),)),
    ),
    Line(
        "a cancel on the way back changes nothing",
        "undone undone waiting",
        State.undone,
        Case(LINE, {0: Part(undos=(SLOW,)), 1: FAILS}, wishes=((18, Wish.cancel), (19, Wish.keep))),
    ),
    Line(
        "everything back, after all",
        "undone undone waiting",
        State.cancelled,
        Case(LINE, {1: Part(acts=(Delivery(before=20, cut=False),))}, wishes=((8, Wish.keep), (10, Wish.cancel))),
    ),
    Line(
        "keep is heard while a failure turns the walk",
        "done stuck done",
        State.owed,
        Case(FORK, {1: FAILS_LATER, 2: Part(acts=(Delivery(after=20, cut=False),))}, wishes=((15, Wish.keep),)),
    ),
]


@pytest.mark.parametrize("line", [*ROLLBACK, *NO_RETURN, *PAUSE, *KEEP, *CANCEL], ids=lambda line: line.claim)
def test_the_walk_does_what_it_says(line: Line) -> None:
    """Each line of the tables above holds."""
    played = play(line.case)
    assert broken_promises(played) == []
    assert " ".join(played.fates.values()) == line.fates
    assert played.walk.state is line.state
    answered = [f"{e.seq} {e.note}" for e in played.world.record if e.kind is Kind.answered]
    assert ", ".join(answered) == line.asked


UNDISTURBED = [one for one in (*ROLLBACK, *NO_RETURN, *PAUSE, *KEEP) if not one.case.wishes]


@pytest.mark.parametrize("line", UNDISTURBED, ids=lambda line: line.claim)
@pytest.mark.parametrize("every", [1, 2, 5])
def test_a_drained_walk_goes_on_as_if_nothing_had_happened(line: Line, every: int) -> None:
    """However often a walk is drained and resumed from its journal, it ends the same."""
    drains = tuple((turn, Wish.drain) for turn in range(0, 60, every))
    played = play(replace(line.case, wishes=drains))
    assert played.drains > 0
    assert broken_promises(played) == []
    assert " ".join(played.fates.values()) == line.fates
    assert played.walk.state is line.state


def test_what_fails_after_a_cancel_is_not_its_cause() -> None:
    """A walk that a person stopped gives no resource's error as its cause; one that failed before gives that."""
    refused_later = Part(acts=(Delivery(before=20, cut=False, effect=Effect.never),))
    played = play(Case(LINE, {1: refused_later}, wishes=((8, Wish.cancel),)))
    assert (played.walk.state, played.walk.cause) == (State.cancelled, None)
    assert any(e.kind is Kind.failed for e in played.world.record)
    played = play(Case(LINE, {1: FAILS}, OnFailure.pause, ((6, Wish.cancel),), patience=99))
    assert played.walk.state is State.cancelled
    assert played.walk.cause is not None


@pytest.mark.parametrize("seq", [0, 1, 99])
def test_an_answer_to_no_question_is_refused(seq: int) -> None:
    """Nobody can resolve what is not asked, nor a step that is not there."""
    walk = Walk(LINE, Player(Case(LINE)).world)
    with pytest.raises(LookupError, match=f"step {seq}"):
        walk.resolve(seq, Answer.retry)


def test_outputs_reach_those_who_need_them() -> None:
    """A step is sent with the outputs of what it needs, under their addresses, and is told what it shall give."""
    played = play(Case(LINE))
    sent = {o.step.seq: o for o in played.world.orders}
    assert sent[1].inputs == {"shop/aws.thing/r0#id": 0}
    assert sent[0].gives == ("id",)
    assert played.walk.memory.nodes[2].fate is Fate.done


class TestGivenUp:
    """The cloud took a request, and gave up on it for a reason that passes."""

    def test_forward_it_is_asked_anew(self) -> None:
        played = play(Case(LINE, {1: Part(acts=(GIVEN_UP, GIVEN_UP))}))
        assert played.walk.state is State.done
        assert [(o.anew, o.repeated, o.handle) for o in played.world.orders if o.step.seq == 1] == [
            (0, False, None),
            (1, True, "operation 2"),
            (2, True, "operation 3"),
        ]

    def test_back_it_is_asked_anew(self) -> None:
        played = play(Case(LINE, {1: Part(acts=(SETTLING,), undos=(GIVEN_UP,)), 2: FAILS}))
        assert played.walk.state is State.undone
        assert played.world.standing[1] == set()
        assert [(o.anew, o.handle) for o in played.world.orders if o.step.seq == 1] == [
            (0, None),
            (0, None),  # what made it has come to its end
            (1, "operation 5"),  # its own, which has failed
        ]
        assert [handle for seq, handle in played.world.looked if seq == 1] == ["operation 2", "operation 5"]

    def test_a_walk_that_turns_asks_nothing_anew(self) -> None:
        beside = Part(acts=(replace(GIVEN_UP, settle=6),))
        played = play(Case(FORK, {1: beside, 2: FAILS_LATER}))
        assert played.walk.state is State.undone
        acts = [e.kind for e in played.world.record if e.seq == 1 and e.kind in {Kind.act, Kind.undo}]
        assert acts == [Kind.act, Kind.undo]
        # Whoever takes it back is told of the operation that is at work.
        assert next(o for o in reversed(played.world.orders) if o.step.seq == 1).handle == "operation 2"

    def test_another_operation_is_not_taken_for_the_last(self) -> None:
        """An answer without one says that there is none, whatever an earlier delivery began."""
        pending = Delivery(reply=Reply.pending)
        played = play(Case((BASE,), {0: Part(acts=(GIVEN_UP, pending))}))
        assert played.walk.state is State.done
        assert played.world.looked == [(0, "operation 1"), (0, "operation 2")]
        assert played.walk.memory.nodes[0].handle is None

    async def test_what_a_drained_walk_leaves_remembers_the_operation(self) -> None:
        player = Player(Case(LINE, {0: Part(acts=(GIVEN_UP, SETTLING))}, wishes=((12, Wish.drain),)))
        played = await player.play()
        assert played.walk.state is State.done
        assert played.drains == 1
        assert [handle for seq, handle in played.world.looked if seq == 0] == [
            "operation 1",
            "operation 2",
            "operation 2",
        ]
        assert played.walk.memory.nodes[0].anew == 1


class TestRefused:
    """What was refused by an answer made nothing, and whoever takes it back is told so."""

    CERTAIN = Part(acts=(REFUSED,), undos=(REFUSED,))

    def test_also_when_a_person_asks_for_it(self) -> None:
        case = Case(LINE, {1: self.CERTAIN}, OnFailure.pause, answers=(Answer.rollback, Answer.rollback))
        played = play(case)
        undos = [o for e, o in zip(_sent(played), played.world.orders, strict=True) if e.kind is Kind.undo]
        assert [(o.step.seq, o.refused) for o in undos if o.step.seq == 1] == [(1, True), (1, True)]
        assert not any(o.unmade for o in undos)

    def test_and_that_nothing_can_have_come_of_it(self) -> None:
        """Unless the run was reset: then a person may have tried again, in what that has cut off."""
        played = play(Case(LINE, {1: self.CERTAIN}))
        undos = [o for e, o in zip(_sent(played), played.world.orders, strict=True) if e.kind is Kind.undo]
        assert [(o.step.seq, o.unmade) for o in undos if o.step.seq == 1] == [(1, True)]

    @pytest.mark.parametrize("doubted", [False, True])
    async def test_of_what_failed_before_a_reset(self, doubted: bool) -> None:
        certain = Letter(error="Refused", happened="no", address=LINE[0].address, certain=True)
        trace = Trace(seq=0, fate=Fate.failed, sent=True, letter=certain)
        world = World(LINE[:1])
        await Walk(LINE[:1], world, journal=Journal(traces=(trace,), backwards=True, doubted=doubted)).run()
        assert [(o.refused, o.unmade) for o in world.orders] == [(True, not doubted)]

    def test_not_when_it_was_sent_again_since(self) -> None:
        case = Case(LINE, {1: Part(acts=(REFUSED, LOST))}, OnFailure.pause, answers=(Answer.retry, Answer.rollback))
        played = play(case)
        undos = [o for e, o in zip(_sent(played), played.world.orders, strict=True) if e.kind is Kind.undo]
        assert [o.refused for o in undos if o.step.seq == 1] == [False]


def _sent(played: Played) -> list[Event]:
    return [e for e in played.world.record if e.kind in {Kind.act, Kind.undo}]
