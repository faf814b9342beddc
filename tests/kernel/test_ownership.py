"""Whose is what: adopted, let go of, renamed, taken over, lost and found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.catalog import Catalog
from holdfast.contract import ADDRESS_TAG, OWNER_TAG
from holdfast.desired import Desired, Goal
from holdfast.errors import Ambiguous, InvalidInput, NameTaken, NotFound, NotOurs, Refused
from holdfast.plan import Plan, Verb
from holdfast.planners.converge import converge
from holdfast.resource import Status
from holdfast.testing.byhand import Book, Carried, carry_out, look, take_back
from holdfast.testing.sim import OWNER, SCOPE, SimThing, ThingSpec, address, catalog, goal, ref, want
from holdfast.testing.world import Thing, World

KINDS = catalog()


class Stack:
    """One stack in one world."""

    def __init__(self, kinds: Catalog = KINDS) -> None:
        self.kinds, self.world, self.book = kinds, World(), Book(OWNER)

    def plan(self, wanted: Goal | None, **more: Any) -> Plan:
        return converge(self.kinds, look(self.kinds, self.world, self.book, wanted, [SCOPE], **more))

    def up(self, *resources: Desired, **more: Any) -> Carried:
        return self.carry(self.plan(goal(*resources), **more))

    def carry(self, plan: Plan) -> Carried:
        return carry_out(self.kinds, self.world, self.book, plan)

    def thing(self, name: str) -> Thing:
        return next(t for t in self.world.things.values() if t.marks.get(ADDRESS_TAG, "").endswith(f"/{name}"))


@pytest.fixture
def stack() -> Stack:
    return Stack()


def said(plan: Plan) -> list[str]:
    return [f"{a.verb.sign}{a.operation or ''} {a.address.name}" for a in plan.actions]


def test_a_stranger_at_our_name_is_not_touched(stack: Stack) -> None:
    """What stands at our name and is not ours refuses the plan, and says how to take it over."""
    fields = ThingSpec(name="store").plain()
    stranger = stack.world.plant("sim.named", SCOPE, fields)
    with pytest.raises(NotOurs, match=f"holdfast adopt FILE shop/sim.named/store {stranger.id}"):
        stack.plan(goal(want("store", "named")))
    stranger.marks[OWNER_TAG] = "other/stack"
    with pytest.raises(NotOurs, match="belongs to other/stack"):
        stack.plan(goal(want("store", "named")))


def test_adoption_writes_marks_then_what_differs(stack: Stack) -> None:
    """What is taken over is marked first and changed after; undoing it leaves it nobody's."""
    fields = ThingSpec(name="web", tags={"theirs": "1"}).plain()
    stranger = stack.world.plant("sim.thing", SCOPE, fields)
    plan = stack.plan(goal(want("web", size=2)), adopt={address("web"): stranger.id})
    assert said(plan) == ["< web", "~ web"]
    carried = stack.carry(plan)
    assert stranger.fields["tags"] == {"theirs": "1"}
    assert said(stack.plan(goal(want("web", size=2)))) == []
    take_back(KINDS, stack.world, OWNER, carried)
    assert (stranger.marks, stranger.fields["size"]) == ({}, 1)
    stack.book.entries.clear()
    with pytest.raises(Refused, match="cannot be taken over"):
        stack.plan(goal(want("web", zone="b")), adopt={address("web"): stranger.id})
    with pytest.raises(NotFound, match="id-99"):
        stack.plan(goal(want("web")), adopt={address("web"): "id-99"})


def test_adopt_and_forget_touch_only_marks(stack: Stack) -> None:
    """The commands `adopt` and `forget` change ownership and nothing else, of one resource and no other."""
    stack.up(want("other", size=2))
    stranger = stack.world.plant("sim.thing", SCOPE, ThingSpec(name="web").plain())
    wanted = goal(want("web", size=5), want("other", size=9))
    plan = stack.plan(wanted, adopt={address("web"): stranger.id}, operation="adopt")
    assert said(plan) == ["< web"]
    assert plan.partial
    stack.carry(plan)
    plan = stack.plan(None, forget=frozenset({address("web")}), operation="forget")
    assert said(plan) == ["> web"]
    stack.carry(plan)
    assert set(stack.book.entries) == {address("other")}
    with pytest.raises(NotFound):
        stack.plan(None, forget=frozenset({address("web")}), operation="forget")


@pytest.mark.parametrize("how", ["adopt", "up"])
def test_what_cannot_be_read_is_written_after_an_adoption(stack: Stack, how: str) -> None:
    """Nobody knows what stands there: that it was asked for is not taken for having been written."""
    stranger = stack.world.plant("sim.thing", SCOPE, ThingSpec(name="web").plain())
    wanted, adopt = goal(want("web", seal="red")), {address("web"): stranger.id}
    if how == "adopt":
        stack.carry(stack.plan(wanted, adopt=adopt, operation="adopt"))
        assert stranger.fields["seal"] is None
        adopt = {}
    stack.carry(stack.plan(wanted, adopt=adopt))
    assert stranger.fields["seal"] == "red"
    assert said(stack.plan(wanted)) == []


@pytest.mark.parametrize("how", ["adopt", "up"])
def test_what_cannot_be_read_nor_changed_is_believed_after_an_adoption(how: str) -> None:
    """To write it would mean to replace what was taken over."""

    class Cast(SimThing):
        immutable = SimThing.immutable | {"seal"}

    stack = Stack(Catalog([Cast()]))
    stranger = stack.world.plant("sim.thing", SCOPE, ThingSpec(name="web").plain())
    wanted, adopt = goal(want("web", seal="red")), {address("web"): stranger.id}
    if how == "adopt":
        stack.carry(stack.plan(wanted, adopt=adopt, operation="adopt"))
        adopt = {}
    assert said(stack.plan(wanted, adopt=adopt)) == (["< web"] if adopt else [])


def test_a_rename_keeps_the_resource(stack: Stack) -> None:
    """A moved address rewrites one mark; undoing it writes the old one; afterwards the line may stay or go."""
    stack.up(want("old", name="same"), want("dns", uses=[ref("old")]))
    wanted = goal(want("new", name="same"), want("dns", uses=[ref("new")]), moved={address("old"): address("new")})
    plan = stack.plan(wanted)
    assert said(plan) == ["< new"]
    carried = stack.carry(plan)
    assert stack.thing("new").id == "id-1"
    assert said(stack.plan(wanted)) == []
    assert said(stack.plan(replace(wanted, moved={}))) == []
    take_back(KINDS, stack.world, OWNER, carried)
    assert stack.thing("old").id == "id-1"


def test_a_rename_that_cannot_be_is_refused(stack: Stack) -> None:
    """A rename to what stands already, or of what the document still names, is said before anything is touched."""
    stack.up(want("old"), want("new"))
    with pytest.raises(Refused, match="stands already"):
        stack.plan(goal(want("new"), moved={address("old"): address("new")}))
    with pytest.raises(InvalidInput, match="still names it"):
        stack.plan(goal(want("old"), want("new"), moved={address("old"): address("new")}))


def test_stripped_marks_are_written_again(stack: Stack) -> None:
    """Marks that somebody took off come back with the next `up`; a `down` does not remove what no longer bears them."""
    stack.up(want("web"))
    stack.thing("web").marks.clear()
    with pytest.raises(NotOurs, match="forget"):
        stack.plan(None, operation="down")
    plan = stack.plan(goal(want("web")))
    assert said(plan) == ["< web"]
    stack.carry(plan)
    assert said(stack.plan(goal(want("web")))) == []


def test_two_at_one_address_are_named(stack: Stack) -> None:
    """Two live resources of one address are refused by their ids."""
    stack.up(want("web"))
    web = stack.thing("web")
    twin = stack.world.plant("sim.thing", SCOPE, web.fields, web.marks)
    with pytest.raises(Ambiguous, match=f"{web.id} and {twin.id}"):
        stack.plan(goal(want("web")))
    twin.status, twin.settles = Status.deleting, 9
    assert said(stack.plan(goal(want("web")))) == []


def test_the_old_half_of_an_earlier_replace_is_removed(stack: Stack) -> None:
    """What the ledger remembers as an older holder of the address goes with the next `up`."""
    stack.up(want("web"))
    web = stack.thing("web")
    old = stack.world.plant("sim.thing", SCOPE, web.fields, web.marks)
    entry = stack.book.entries[address("web")]
    facts = look(KINDS, stack.world, stack.book, goal(want("web")))
    ledger = facts.ledger.model_copy(update={"entries": (entry.model_copy(update={"remote_id": old.id}), entry)})
    (action,) = converge(KINDS, replace(facts, ledger=ledger)).actions
    assert (action.verb, action.remote_id, action.deposed) == (Verb.delete, old.id, True)


def test_what_is_ours_comes_back_into_the_ledger(stack: Stack) -> None:
    """A resource of ours that the ledger has lost is found by its marks, and nothing is done to it."""
    stack.up(want("web"))
    stack.book.entries.clear()
    plan = stack.plan(goal(want("web")))
    assert plan.actions == ()
    assert plan.standing[0].remote_id == stack.thing("web").id
    assert plan.standing[0].spec["name"] == "web"
    assert said(stack.plan(None, operation="down")) == ["- web"]


def test_what_is_gone_is_made_again(stack: Stack) -> None:
    """What another hand removed is drift, and is made again; what is still going is waited for."""
    stack.up(want("web"))
    stack.world.vanish("id-1")
    plan = stack.plan(goal(want("web")))
    assert plan.actions[0].reason == "gone: id-1 was removed by another hand"
    assert [(d.address, d.gone) for d in plan.drift] == [(address("web"), True)]
    stack.carry(plan)
    web = stack.thing("web")
    web.status, web.settles = Status.deleting, 5
    plan = stack.plan(goal(want("web")))
    assert said(plan) == ["- web", "+ web"]
    assert plan.actions[0].undo.nothing
    assert plan.actions[1].after == (0,)
    assert "still going away" in plan.actions[1].reason
    stack.carry(plan)


def test_a_name_that_is_given_up_is_free_for_another(stack: Stack) -> None:
    """A create waits for the delete that frees its name, and is refused where nobody frees it."""
    stack.up(want("a", "named", name="n"))
    plan = stack.plan(goal(want("b", "named", name="n")))
    assert said(plan) == ["- a", "+ b"]
    with pytest.raises(NameTaken):
        stack.plan(goal(want("a", "named", name="n"), want("b", "named", name="n")))


def test_what_others_took_over_leaves_the_ledger(stack: Stack) -> None:
    """What bears another owner's mark now is not removed; we only stop speaking of it."""
    stack.up(want("web"))
    stack.thing("web").marks[OWNER_TAG] = "other/stack"
    plan = stack.plan(None, operation="down")
    assert plan.actions == ()
    assert plan.standing == ()
    assert "belongs to other/stack now" in plan.warnings[0]
