"""Kinds whose marks cannot be written after the create: what would need that is refused before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from activities.testing import hands
from holdfast.catalog import Catalog
from holdfast.desired import Goal, OnRemove
from holdfast.errors import InvalidInput, NotOurs
from holdfast.plan import Plan, Verb
from holdfast.planners.converge import converge
from holdfast.resource import Call, Observation
from holdfast.testing.byhand import Book, carry_out, look
from holdfast.testing.laws import LAWS, Bench, broken
from holdfast.testing.laws.memory import MemoryGround
from holdfast.testing.sim import OWNER, SCOPE, SimNamed, SimThing, ThingSpec, address, goal, want
from holdfast.testing.world import World


class Engraved(SimThing):
    marks_fixed = "its marks are engraved"


class Refusing(Engraved):
    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {
        verb: names for verb, names in SimThing.permissions.items() if verb not in {"adopt", "disown"}
    }

    def adopt(self, call: Call[ThingSpec]) -> Observation:
        raise InvalidInput(self.marks_fixed)

    disown = adopt


class Etched(SimNamed):
    marks_fixed = "its marks are etched"


KINDS = Catalog([Engraved(), Etched()])


@pytest.fixture
def stood() -> tuple[World, Book]:
    """One thing, made by us."""
    world, book = World(), Book(OWNER)
    carry_out(KINDS, world, book, plan(world, book, goal(want("web"))))
    return world, book


def plan(world: World, book: Book, wanted: Goal | None, **more: Any) -> Plan:
    return converge(KINDS, look(KINDS, world, book, wanted, [SCOPE], **more))


def test_it_lives_as_others_do(stood: tuple[World, Book]) -> None:
    """It is made, changed and removed."""
    assert plan(*stood, goal(want("web"))).actions == ()
    assert [a.verb for a in plan(*stood, goal(want("web", size=4))).actions] == [Verb.update]
    assert [a.verb for a in plan(*stood, goal()).actions] == [Verb.delete]


def test_it_is_not_taken_over() -> None:
    """A stranger of such a kind stays one; the letter says why, and what to do instead."""
    world, book = World(), Book(OWNER)
    stranger = world.plant("sim.thing", SCOPE, ThingSpec(name="web").plain())
    with pytest.raises(InvalidInput, match="cannot be taken over: its marks are engraved"):
        plan(world, book, goal(want("web")), adopt={address("web"): stranger.id}, operation="adopt")
    assert stranger.marks == {}


def test_it_does_not_move(stood: tuple[World, Book]) -> None:
    """Its address is engraved too."""
    wanted = goal(want("shop", name="web"), moved={address("web"): address("shop")})
    with pytest.raises(InvalidInput, match=r"cannot be moved from shop/sim.thing/web: its marks are engraved"):
        plan(*stood, wanted)


def test_it_is_not_let_go_of(stood: tuple[World, Book]) -> None:
    """Neither on request, nor because its document said to keep it."""
    with pytest.raises(InvalidInput, match="cannot be let go of"):
        plan(*stood, None, forget=frozenset({address("web")}), operation="forget")
    world, book = World(), Book(OWNER)
    kept = replace(want("web"), on_remove=OnRemove.keep)
    carry_out(KINDS, world, book, plan(world, book, goal(kept)))
    with pytest.raises(InvalidInput, match="cannot be let go of"):
        plan(world, book, goal())


def test_what_bears_no_marks_is_not_marked_again(stood: tuple[World, Book]) -> None:
    """Another hand made it anew at the same id: it may be forgotten, since nothing has to be written for that."""
    world, book = stood
    (thing,) = world.things.values()
    thing.marks.clear()
    with pytest.raises(InvalidInput, match="cannot be marked again"):
        plan(world, book, goal(want("web")))
    assert [a.verb for a in plan(world, book, None, forget=frozenset({address("web")})).actions] == [Verb.disown]


def test_a_stranger_at_its_name_is_not_offered_for_adoption() -> None:
    """No letter points to a way that leads nowhere."""
    world, book = World(), Book(OWNER)
    world.plant("sim.named", SCOPE, ThingSpec(name="web").plain())
    with pytest.raises(NotOurs) as refused:
        plan(world, book, goal(want("web", "named")))
    assert refused.value.letter.next == "choose another name"


@pytest.mark.parametrize("law", LAWS)
def test_it_keeps_the_laws(law: str) -> None:
    """The laws ask nothing of it that it says it cannot do, and everything else."""
    assert broken(Bench(Refusing(), Catalog([Refusing()]), MemoryGround(), hands), law) == []


def test_a_kind_that_says_so_and_writes_them_all_the_same_is_found() -> None:
    found = broken(Bench(Engraved(), KINDS, MemoryGround(), hands), "marks_are_all_that_adopting_writes")
    assert any("adopt does not refuse" in str(one) for one in found)
