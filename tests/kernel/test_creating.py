"""A create that is delivered again: what it waits for, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from activities.protocol.create import create
from activities.protocol.job import KNOWN_WITHIN, Job
from holdfast.act import Act
from holdfast.errors import NameTaken, NotStabilized, Pending, Throttled
from holdfast.model import Address, Owner, Scope, Status
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import Call, Carrier, Observation
from holdfast.testing.sim import SimNamed, ThingSpec
from holdfast.testing.world import World

SCOPE = Scope("sim", "0", "here")
OWNER = Owner("test", "shop")
WEB = Address("shop", "sim.named", "web")
IN_TIME = timedelta(seconds=30)


class Named(SimNamed):
    """A kind that the tests let say what they like."""

    def __init__(self, create: Callable[[Call[ThingSpec]], Observation], found: Callable[[], list[Any]]) -> None:
        self._create, self._found = create, found

    def create(self, call: Call[ThingSpec]) -> Observation:
        return self._create(call)

    def find(self, call: Call[ThingSpec]) -> list[Observation]:
        return self._found()


class Inner(Named):
    """One without marks of its own."""

    carrier: ClassVar[Carrier] = Carrier.parent


def _job(kind: Named, *, again: bool, waited: timedelta = IN_TIME) -> Job:
    undo = Undo(label=UndoLabel.exact, verb=Verb.delete)
    action = Action(seq=0, verb=Verb.create, address=WEB, scope=SCOPE, spec=ThingSpec(name="web").plain(), undo=undo)
    act = Act(verb=Verb.create, address=WEB, scope=SCOPE, plan="0", seq=0, token="t", owner=OWNER)
    slept: list[float] = []
    return Job(act, action, kind, World(), again, waited, pause=slept.append, clock=lambda: sum(slept))


def _raising(error: Exception) -> Callable[..., Any]:
    def raises(*_: Any) -> Any:
        raise error

    return raises


def test_the_rest_of_a_create_is_waited_for_as_long_as_a_settle_would() -> None:
    """What stands and cannot be finished says so when its time is over, and not after two days."""
    ours = Observation(kind="sim.named", status=Status.pending, remote_id="web", owner=str(OWNER), token="t")
    kind = Named(_raising(Pending("it has to run first")), lambda: [ours])
    with pytest.raises(Pending, match="has to run first"):
        create(_job(kind, again=True))
    with pytest.raises(NotStabilized, match="has to run first") as late:
        create(_job(kind, again=True, waited=timedelta(hours=1)))
    assert "web stands" in late.value.letter.standing


@pytest.mark.parametrize("waited", [IN_TIME, timedelta(hours=1)])
def test_the_rest_of_a_create_is_made_although_nobody_was_there_in_its_time(waited: timedelta) -> None:
    """A worker that comes back when the time is over goes on looking for a while before it gives up."""
    ours = Observation(kind="sim.named", status=Status.ready, remote_id="web", owner=str(OWNER), token="t")
    answers: Iterator[Observation | Pending] = iter([Pending("it has to run first"), ours])

    def create_rest(_: Call[ThingSpec]) -> Observation:
        answer = next(answers)
        if isinstance(answer, Pending):
            raise answer
        return answer

    job = _job(Named(create_rest, lambda: [ours]), again=True, waited=waited)
    if waited == IN_TIME:
        with pytest.raises(Pending):  # the waiting is the server's
            create(job)
    assert create(job).adopted


def test_a_name_that_nobody_shows_is_somebody_elses_after_a_while() -> None:
    """A name may be unique beyond what we see: at first it may be our own that does not show yet, later it is not."""
    kind = Named(_raising(NameTaken("taken in all the world")), list)
    with pytest.raises(Pending, match="nothing shows under it yet"):
        create(_job(kind, again=True))
    with pytest.raises(NameTaken, match="all the world"):
        create(_job(kind, again=True, waited=KNOWN_WITHIN))


def test_a_strangers_is_not_ours_because_a_second_look_failed() -> None:
    """A first delivery that found a stranger's is refused, whatever becomes of the look at whose it is: the next would
    take it for what this one had made, where it bears no marks.
    """
    taken, busy = _raising(NameTaken("it stands already")), _raising(Throttled("too many requests"))
    with pytest.raises(NameTaken, match="stands already"):
        create(_job(Inner(taken, busy), again=False))
    for job in (_job(Inner(taken, busy), again=True), _job(Named(taken, busy), again=False)):
        with pytest.raises(Throttled):
            create(job)
