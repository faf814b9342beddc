"""The cloud in memory has a cloud's manners, and writes down what was done to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.errors import InUse, NameTaken, NotOurs, Throttled, Unavailable
from holdfast.resource import Call, Search, Status
from holdfast.testing.sim import OWNER, SCOPE, SimKind, SimNamed, SimThing, SimToken, ThingSpec, address
from holdfast.testing.world import Killed, World


def call(world: World, kind: str = "thing", **more: Any) -> Call[Any]:
    spec = ThingSpec(name="web", **more.pop("spec", {}))
    return Call(address("web", kind), SCOPE, OWNER, world, token=more.pop("token", "t1"), spec=spec, **more)


def test_a_lost_reply_hides_a_success() -> None:
    """The thing is made although no answer comes; it carries its marks, so that it can be found."""
    world, kind = World(), SimThing()
    world.lose_next_reply("create")
    with pytest.raises(Unavailable):
        kind.create(call(world))
    (found,) = kind.find(call(world))
    assert (found.token, found.address, found.owner) == ("t1", "shop/sim.thing/web", "test/shop")


def test_a_fault_is_told_and_nothing_happens() -> None:
    """A throttled create makes nothing, and is written down as refused."""
    world = World()
    world.fail_next(Throttled("slow down"), "create")
    with pytest.raises(Throttled):
        SimThing().create(call(world))
    assert (world.count(), [m.refused for m in world.mutations]) == (0, ["Throttled"])


def test_states_and_lists_lag_on_demand() -> None:
    """A new thing is pending, and out of lists, for as many looks as was asked."""
    world, kind = World(), SimThing()
    world.settle_looks, world.blind_looks, world.partial_lists = 1, 1, True
    made = kind.create(call(world))
    assert made.status is Status.pending
    search = Search(SCOPE, world, OWNER)
    assert list(kind.discover(search)) == []
    assert [o.partial for o in kind.discover(search)] == [True]
    at = call(world, remote_id=made.remote_id)
    assert kind.observe(at).status is Status.ready
    assert kind.delete(at).status is Status.deleting
    assert [kind.observe(at).status for _ in range(2)] == [Status.deleting, Status.absent]


def test_an_update_may_be_read_late() -> None:
    """A stale look still shows what stood before."""
    from holdfast.plan import FieldChange

    world, kind = World(), SimThing()
    world.stale_looks = 1
    at = call(world, remote_id=kind.create(call(world)).remote_id)
    kind.update(replace(at, changes=[FieldChange(path="size", before=1, after=2)]))
    assert [kind.observe(at).properties["size"] for _ in range(2)] == [1, 2]


def test_a_token_makes_one_and_remembers_the_dead() -> None:
    """The same token gives the same thing, and after its death nothing."""
    world, kind = World(), SimToken()
    first = kind.create(call(world, "token"))
    assert kind.create(call(world, "token")).remote_id == first.remote_id
    kind.delete(call(world, "token", remote_id=first.remote_id))
    assert kind.create(call(world, "token")).status is Status.absent
    assert kind.create(call(world, "token", token="t2")).status is Status.ready


@pytest.mark.parametrize("calls", [0, 1])
def test_a_create_killed_between_its_calls_is_completed(calls: int) -> None:
    """It is closed until its last call, and the next create of the same token goes on with it."""
    world, kind = World(), SimNamed()
    world.kill_after(calls)
    with pytest.raises(Killed):
        kind.create(call(world, "named"))
    assert [t.fields["power"] for t in world.things.values()] == ["off"] * calls
    assert kind.create(call(world, "named")).properties["power"] == "on"
    assert world.count() == 1


def test_a_name_is_one_persons() -> None:
    """A taken name is refused: ours of another act, and somebody else's."""
    world, kind = World(), SimNamed()
    kind.create(call(world, "named"))
    with pytest.raises(NameTaken):
        kind.create(call(world, "named", token="t2"))
    world.things["id-1"].marks.clear()
    with pytest.raises(NotOurs):
        kind.create(call(world, "named"))
    assert [o.owner for o in kind.find(call(world, "named"))] == [None]


def test_what_is_in_use_stays() -> None:
    """The cloud refuses to delete what another thing refers to."""
    world, kind = World(), SimThing()
    first = kind.create(call(world))
    kind.create(call(world, token="t2", spec={"base": first.remote_id}))
    with pytest.raises(InUse):
        kind.delete(call(world, remote_id=first.remote_id))


@pytest.mark.parametrize("kind", [SimThing, SimToken, SimNamed])
def test_asking_again_changes_nothing_more(kind: type[SimKind]) -> None:
    """Update, delete, operate, adopt and disown repeated leave one mutation each."""
    world, k = World(), kind()
    short = k.kind.partition(".")[2]
    at = call(world, short, remote_id=k.create(call(world, short)).remote_id)
    world.mutations.clear()
    for _ in range(2):
        k.operate(at, "stop")
        k.disown(at)
    for _ in range(2):
        k.adopt(at)
    for _ in range(2):
        k.delete(at)
    assert [m.verb for m in world.mutations] == ["update", "mark", "mark", "delete"]
