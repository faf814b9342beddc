"""Settling believes what shows, and no stale *ready*."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.protocol.change import operate
from activities.protocol.deadline import LAST_LOOKS
from activities.protocol.job import LOOK_EVERY, Job
from activities.protocol.settle import settle
from holdfast.act import Act
from holdfast.errors import ChangedElsewhere, NotStabilized, Pending
from holdfast.model import Status
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import Call
from holdfast.testing.sim import OWNER, SCOPE, SimThing, ThingSpec, address
from holdfast.testing.world import World

WEB = address("web")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def _job(world: World, remote_id: str) -> Job:
    undo = Undo(label=UndoLabel.exact, verb=Verb.operate, operation="start")
    action = Action(seq=0, verb=Verb.operate, address=WEB, scope=SCOPE, operation="stop", after=(), undo=undo)
    act = Act(
        verb=Verb.operate,
        address=WEB,
        scope=SCOPE,
        plan="0",
        seq=0,
        token="t",
        owner=OWNER,
        operation="stop",
        remote_id=remote_id,
    )
    slept: list[float] = []
    return Job(act, action, SimThing(), world, pause=slept.append, clock=lambda: sum(slept))


def test_an_operation_has_settled_when_it_shows() -> None:
    """Right after a stop a stale read says *running*, and ready: it is looked at again until it says *stopped*."""
    world, kind = World(), SimThing()
    made = kind.create(Call(WEB, SCOPE, OWNER, world, token="t0", spec=ThingSpec(name="web")))
    world.stale_looks = 1
    job = _job(world, made.remote_id or "")
    operate(job)
    with pytest.raises(Pending):
        settle(job, timedelta(), timedelta(minutes=1))
    assert settle(job, timedelta(), timedelta(minutes=1)).status is Status.ready


@pytest.mark.parametrize("waited", [timedelta(), HOUR])
def test_what_needs_one_more_look_has_it_although_nobody_was_there_in_its_time(waited: timedelta) -> None:
    """A worker that comes back when the time is over goes on looking before it gives up; in time the server waits."""
    world, kind = World(), SimThing()
    made = kind.create(Call(WEB, SCOPE, OWNER, world, token="t0", spec=ThingSpec(name="web")))
    world.stale_looks = 1
    job = _job(world, made.remote_id or "")
    operate(job)
    if waited < MINUTE:
        with pytest.raises(Pending):
            settle(job, waited, MINUTE)
    assert settle(job, waited, MINUTE).status is Status.ready


def test_what_does_not_come_about_is_given_up_after_its_time() -> None:
    """The last looks have an end too."""
    world, kind = World(), SimThing()
    made = kind.create(Call(WEB, SCOPE, OWNER, world, token="t0", spec=ThingSpec(name="web")))
    world.stale_looks = 1_000
    job = _job(world, made.remote_id or "")
    operate(job)
    before = world.calls["get"]
    with pytest.raises(NotStabilized, match=r"sim.thing/web has not settled after 60 min 0 s: id-1 is ready"):
        settle(job, HOUR, MINUTE)
    assert 1 < world.calls["get"] - before <= LAST_LOOKS / LOOK_EVERY + 1


@pytest.mark.parametrize("broken", [True, False])
def test_what_has_failed_is_written_to_only_where_that_mends_it(broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a failure is of the last change alone, whoever tries again may."""
    monkeypatch.setattr(SimThing, "failed_is_broken", broken)
    world, kind = World(), SimThing()
    world.doomed = {"web"}
    made = kind.create(Call(WEB, SCOPE, OWNER, world, token="t0", spec=ThingSpec(name="web")))
    while kind.observe(Call(WEB, SCOPE, OWNER, world, remote_id=made.remote_id)).status is Status.pending:
        continue
    job = _job(world, made.remote_id or "")
    if broken:
        with pytest.raises(ChangedElsewhere, match="has failed"):
            operate(job)
    else:
        operate(job)
        assert world.get(made.remote_id or "").fields["power"] == "off"  # type: ignore[union-attr]
