"""Taking back a create that was refused: what a refused look says of it, and of which creates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from activities.protocol.job import Job
from activities.verbs import BACK
from holdfast.act import Act, Done
from holdfast.errors import (
    Broken,
    CreateFailed,
    HoldfastError,
    InvalidInput,
    NoAccount,
    NotAllowed,
    NotFound,
    Throttled,
)
from holdfast.model import Status
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import Call, Observation, Underway
from holdfast.testing.sim import OWNER, SCOPE, SimNamed, ThingSpec, address
from holdfast.testing.world import World

CLOSED = NotAllowed("this API has not been used in this project")


class Named(SimNamed):
    """A kind whose looks and operations are the test's."""

    def __init__(self, look: Callable[[], list[Observation]], failed: HoldfastError | None = None) -> None:
        self._look, self._failed, self.asked = look, failed, list[str]()

    def find(self, call: Call[ThingSpec]) -> list[Observation]:
        self.asked.append("find")
        return self._look()

    def observe(self, call: Call[ThingSpec]) -> Observation:
        self.asked.append("observe")
        return self._look()[0]

    def delete(self, call: Call[ThingSpec]) -> Observation:
        self.asked.append("delete")
        return self.absent(call.remote_id)

    def underway(self, call: Call[ThingSpec]) -> Underway | None:
        return Underway("operation-1", ended=True, error=self._failed) if call.handle else None


def _raising(error: HoldfastError) -> Callable[[], Any]:
    def raises() -> Any:
        raise error

    return raises


def _taken_back(kind: Named, **facts: Any) -> Done:
    undo = Undo(label=UndoLabel.exact, verb=Verb.delete)
    at = address("web")
    action = Action(seq=0, verb=Verb.create, address=at, scope=SCOPE, spec=ThingSpec(name="web").plain(), undo=undo)
    said = {"verb": Verb.delete, "back": True, "refused": True, "unmade": True, **facts}
    act = Act(address=at, scope=SCOPE, plan="0", seq=0, token="t", owner=OWNER, **said)
    slept: list[float] = []
    return BACK[Verb.create](Job(act, action, kind, World(), pause=slept.append, clock=lambda: sum(slept)))


@pytest.mark.parametrize(
    "look", [CLOSED, NoAccount("no such project"), NotFound("no such group"), InvalidInput("no such region")], ids=repr
)
def test_a_look_that_is_refused_like_the_create(look: HoldfastError) -> None:
    """A create that an answer refused has made nothing, also where the cloud lets nobody look."""
    kind = Named(_raising(look))
    done = _taken_back(kind)
    assert (done.status, done.unchanged, kind.asked) == (Status.absent, True, ["find"])


@pytest.mark.parametrize("look", [Throttled("not now"), Broken("what is this?")], ids=repr)
def test_a_look_that_may_succeed(look: HoldfastError) -> None:
    """What asking again may answer is asked again."""
    with pytest.raises(type(look)):
        _taken_back(Named(_raising(look)))


@pytest.mark.parametrize(
    "facts",
    [{"unmade": False}, {"unmade": False, "refused": False}, {"unmade": False, "repeated": True}],
    ids=str,
)
def test_a_create_that_may_have_made_something(facts: dict[str, Any]) -> None:
    """Whatever may have been made, if only in what a reset has cut off, is not forgotten because nobody may look."""
    with pytest.raises(NotAllowed, match="has not been used"):
        _taken_back(Named(_raising(CLOSED)), **facts)


def test_a_create_whose_operation_failed() -> None:
    """A cloud took it, and gave up on it: what that has left may stand where nobody may look."""
    kind = Named(_raising(CLOSED), CreateFailed("it gave up"))
    with pytest.raises(NotAllowed, match="has not been used"):
        _taken_back(kind, refused=False, unmade=False, handle="operation-1")
    assert kind.asked == ["find"]  # once, as of one that was refused


@pytest.mark.parametrize("refused", [True, False])
def test_a_look_that_shows_ours(refused: bool) -> None:
    """What carries the act's token is removed, whatever was said of the act."""
    ours = Observation(kind="sim.named", status=Status.ready, remote_id="web", owner=str(OWNER), token="t")
    kind = Named(lambda: [ours])
    _taken_back(kind, refused=refused, unmade=refused)
    assert "delete" in kind.asked
