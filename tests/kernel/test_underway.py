"""A cloud's long-running operations: waited for, and asked anew when they end badly for a reason that passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from activities.protocol.job import KNOWN_WITHIN, Job
from activities.protocol.settle import settle
from activities.verbs import BACK, FORWARD
from holdfast.act import Act, Done
from holdfast.errors import (
    Blocked,
    HoldfastError,
    Interrupted,
    NameTaken,
    NotStabilized,
    Pending,
    QuotaExceeded,
    Throttled,
)
from holdfast.model import Status
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import Call, Observation, Underway
from holdfast.testing.sim import OWNER, SCOPE, SimNamed, ThingSpec, address
from holdfast.testing.world import World

WEB = address("web", "named")
TOKEN = "6f1c1a52-6a55-5a0e-9d5b-0b0a4f3f7f11"
MINUTE = timedelta(minutes=1)


@dataclass
class Operations:
    """What a cloud works at, by name."""

    at_work: dict[str, Underway] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)  # the handles that were asked about


class Slow(SimNamed):
    """What stands or goes only when an operation has ended. Nothing of it shows before."""

    kind = "sim.named"

    def __init__(self, operations: Operations) -> None:
        self.operations_ = operations
        self.taken = False  # whether the cloud says so of its name

    def create(self, call: Call[ThingSpec]) -> Observation:
        """The operation is named by the request's id."""
        if self.taken:
            raise NameTaken(f"{call.wanted.name} exists already")
        handle = call.request("insert")
        self.operations_.at_work.setdefault(handle, Underway(handle, ended=False, detail="PENDING, 0 %"))
        return Observation(kind=self.kind, status=Status.pending, remote_id="named-web", handle=handle)

    def underway(self, call: Call[ThingSpec]) -> Underway | None:
        self.operations_.asked.append(call.handle)
        if call.handle is not None:
            return self.operations_.at_work[call.handle]
        return next((o for o in self.operations_.at_work.values() if not o.ended), None)

    def end(self, error: HoldfastError | None = None) -> None:
        """Whatever is at work comes to its end."""
        for handle, one in self.operations_.at_work.items():
            if not one.ended:
                self.operations_.at_work[handle] = Underway(handle, ended=True, error=error)


@pytest.fixture
def kind() -> Slow:
    return Slow(Operations())


def _job(kind: Slow, world: World, **facts: Any) -> Job:
    spec = ThingSpec(name="web").plain()
    undo = Undo(label=UndoLabel.exact, verb=Verb.delete)
    action = Action(seq=0, verb=Verb.create, address=WEB, scope=SCOPE, spec=spec, undo=undo)
    facts = {"verb": Verb.create, "token": TOKEN, **facts}
    act = Act(address=WEB, scope=SCOPE, plan="0", seq=0, owner=OWNER, **facts)
    return Job(act=act, action=action, kind=kind, client=world, pause=lambda _: None, clock=iter(range(999)).__next__)


def _made(kind: Slow, world: World) -> Done:
    return FORWARD[Verb.create](_job(kind, world))


def _asked(done: Done, **more: Any) -> dict[str, Any]:
    return {"remote_id": done.remote_id, "handle": done.handle, **more}


def test_while_it_is_at_work_nothing_is_believed(kind: Slow) -> None:
    """What does not show while an operation makes it has not vanished."""
    world = World()
    done = _made(kind, world)
    assert done.handle is not None
    with pytest.raises(Pending, match="PENDING, 0 %"):
        settle(_job(kind, world, **_asked(done)), kind.visible_within * 2, MINUTE)


def test_when_it_has_ended_the_look_decides(kind: Slow) -> None:
    world = World()
    done = _made(kind, world)
    kind.end()
    made = SimNamed().create(Call(WEB, SCOPE, OWNER, world, token=TOKEN, spec=ThingSpec(name="web")))
    settled = settle(_job(kind, world, **_asked(done, remote_id=made.remote_id)), timedelta(), MINUTE)
    assert settled.status is Status.ready


@pytest.mark.parametrize("error", [Blocked("in use by another"), Throttled("too many"), Pending("not ready")])
def test_what_passes_is_asked_anew_with_another_request(kind: Slow, error: HoldfastError) -> None:
    world = World()
    done = _made(kind, world)
    kind.end(error)
    with pytest.raises(Interrupted, match=error.letter.happened):
        settle(_job(kind, world, **_asked(done)), timedelta(), MINUTE)
    again = FORWARD[Verb.create](_job(kind, world, **_asked(done, anew=1)))
    assert again.handle != done.handle
    with pytest.raises(Pending):
        settle(_job(kind, world, **_asked(again, anew=1)), timedelta(), MINUTE)


def test_what_passes_is_not_asked_anew_for_ever(kind: Slow) -> None:
    world = World()
    done = _made(kind, world)
    kind.end(Blocked("in use by another"))
    with pytest.raises(NotStabilized, match="gave up on it because: in use by another"):
        settle(_job(kind, world, **_asked(done)), MINUTE, MINUTE)
    with pytest.raises(NotStabilized, match="again and again, at last because: in use by another"):
        settle(_job(kind, world, **_asked(done, anew=1)), MINUTE, MINUTE)


def test_what_does_not_pass_is_said_in_its_own_words(kind: Slow) -> None:
    world = World()
    done = _made(kind, world)
    kind.end(QuotaExceeded("no more of them", code="QUOTA_EXCEEDED"))
    with pytest.raises(QuotaExceeded) as said:
        settle(_job(kind, world, **_asked(done)), timedelta(), MINUTE)
    assert said.value.letter.address == WEB


@pytest.mark.parametrize("known", [True, False], ids=["answered", "unheard"])
def test_taking_back_waits_for_what_is_at_work(kind: Slow, known: bool) -> None:
    """Whoever looks for what a create has made while it is being made finds nothing, and would leave it."""
    world = World()
    done = _made(kind, world)
    facts = _asked(done) if known else {}
    with pytest.raises(Pending, match="at work"):
        BACK[Verb.create](_job(kind, world, verb=Verb.delete, back=True, **facts))
    kind.end()
    SimNamed().create(Call(WEB, SCOPE, OWNER, world, token=TOKEN, spec=ThingSpec(name="web")))
    back = BACK[Verb.create](_job(kind, world, verb=Verb.delete, back=True, **facts))
    assert back.status is Status.absent
    # Of the one that is known, and then whether another delivery has begun another one.
    assert kind.operations_.asked[-2:] == ([facts["handle"], None] if known else [None, None])


@pytest.mark.parametrize("known", [True, False], ids=["answered", "unheard"])
def test_a_name_that_is_taken_while_an_operation_is_at_work_may_be_our_own(kind: Slow, known: bool) -> None:
    """Nothing shows of it yet, however long that takes; when it has ended, it shows, or it is somebody else's."""
    world = World()
    done = _made(kind, world)
    kind.taken = True

    def again() -> Done:
        job = _job(kind, world, handle=done.handle if known else None)
        job.again, job.waited = True, KNOWN_WITHIN * 2
        return FORWARD[Verb.create](job)

    with pytest.raises(Pending, match="nothing shows under it yet"):
        again()
    kind.end()
    with pytest.raises(NameTaken):
        again()
    kind.taken = False
    SimNamed().create(Call(WEB, SCOPE, OWNER, world, token=TOKEN, spec=ThingSpec(name="web")))
    assert again().adopted


def test_what_was_refused_began_nothing(kind: Slow) -> None:
    world = World()
    back = BACK[Verb.create](_job(kind, world, verb=Verb.delete, back=True, refused=True))
    assert back.unchanged
    assert kind.operations_.asked == []


def test_requests_have_ids_of_their_own() -> None:
    """The same at every delivery; another for each step, for the way back, and when it is asked anew."""

    def asked(**more: Any) -> str:
        return Call(WEB, SCOPE, OWNER, World(), token=TOKEN, **more).request("insert")

    call: Call[ThingSpec] = Call(WEB, SCOPE, OWNER, World(), token=TOKEN)
    ids = [asked(), asked(back=True), asked(anew=1), asked(anew=2), asked(back=True, anew=1), call.request("delete")]
    assert len(set(ids)) == len(ids)
    assert asked() == ids[0]


def test_what_is_claimed() -> None:
    """A kind that can carry no mark is told whether what it finds may be of our own doing."""
    seen: list[bool] = []

    class Bare(SimNamed):
        def find(self, call: Call[ThingSpec]) -> list[Observation]:
            seen.append(call.claimed)
            return super().find(call)

    kind: Any = Bare()
    FORWARD[Verb.create](_job(kind, World()))
    assert seen == []  # nothing was looked for
    again = _job(kind, World())
    again.again = True
    FORWARD[Verb.create](again)
    BACK[Verb.create](_job(kind, World(), verb=Verb.delete, back=True))
    BACK[Verb.create](_job(kind, World(), verb=Verb.delete, back=True, refused=True))
    assert seen == [True, *[True] * (len(seen) - 2), False]
