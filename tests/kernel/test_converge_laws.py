"""What holds for every plan, whatever the goal, the world, and what other hands did to it in between."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.desired import Goal
from holdfast.errors import HoldfastError, Refused
from holdfast.model import Address
from holdfast.plan import Plan, Verb, skeleton
from holdfast.planners.converge import Facts, converge
from holdfast.resource import Observation, Status
from holdfast.run import Entry, Ledger
from holdfast.testing.byhand import Book, carry_out, look, take_back
from holdfast.testing.sim import OWNER, SCOPE, address, catalog, goal, ref, want
from holdfast.testing.strategies import goals
from holdfast.testing.world import World
from holdfast.values import pointers, thaw

KINDS = catalog()
thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def plan_for(world: World, book: Book, wanted: Goal | None, **more: Any) -> Plan:
    return converge(KINDS, look(KINDS, world, book, wanted, **more))


def up(world: World, book: Book, wanted: Goal) -> Plan:
    plan = plan_for(world, book, wanted)
    guard(world, plan)
    carry_out(KINDS, world, book, plan)
    return plan


def guard(world: World, plan: Plan) -> None:
    """The cloud refuses to delete what is in use, except where a delete must come first and so cannot wait."""
    early = {s for a in plan.actions if a.verb is Verb.create for s in a.after if plan.actions[s].verb is Verb.delete}
    world.guarded = not early


def meddle(world: World, seed: int) -> None:
    """Another hand changes fields, and removes things that nothing refers to."""
    chance = random.Random(seed)
    for thing in list(world.things.values()):
        what = chance.randrange(8)
        used = any(thing.id in str(other.fields) for other in world.things.values())
        if what == 0:
            world.meddle(thing.id, size=chance.randrange(1, 4))
        elif what == 1:
            world.meddle(thing.id, tags={"theirs": "1"})
        elif what == 2:
            world.meddle(thing.id, zone="c")
        elif what == 3 and not used:
            world.vanish(thing.id)
        elif what == 4:
            world.meddle(thing.id, power="off")


def changed(plan: Plan) -> list[str]:
    return [f"{a.verb} {a.address}: {a.reason}" for a in plan.actions]


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16))
def test_a_plan_reaches_its_goal(first: Goal, second: Goal, seed: int) -> None:
    """Once a plan is carried out there is nothing left to plan, and nobody else's tags were touched."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    meddle(world, seed)
    theirs = {t.id for t in world.things.values() if t.fields["tags"].get("theirs")}
    try:
        plan = plan_for(world, book, second)
    except Refused:
        return
    guard(world, plan)
    carry_out(KINDS, world, book, plan)
    assert changed(plan_for(world, book, second)) == []
    assert world.count() == len(second.resources)
    assert all(world.things[i].fields["tags"].get("theirs") for i in theirs if i in world.things)
    assert set(book.entries) == {d.address for d in second.resources}


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16), down=st.booleans())
def test_taking_everything_back_restores_the_world(first: Goal, second: Goal, seed: int, *, down: bool) -> None:
    """Undoing every act, last first, leaves every field as it was before the plan, under new ids where need be."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    meddle(world, seed)
    before = world.snapshot()
    try:
        more = {"operation": "down"} if down else {}
        plan = plan_for(world, book, None if down else second, **more)
    except Refused:
        return
    guard(world, plan)
    carried = carry_out(KINDS, world, book, plan)
    world.guarded = False  # references to what is remade are mended last

    assert take_back(KINDS, world, OWNER, carried) == []
    assert world.snapshot() == before


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16))
def test_every_order_that_after_allows_respects_references(first: Goal, second: Goal, seed: int) -> None:
    """`after` alone is enough: a walk that shuffles everything it leaves open also arrives."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    try:
        plan = plan_for(world, book, second)
    except Refused:
        return
    chance, open_, order = random.Random(seed), {a.seq: set(a.after) for a in plan.actions}, []
    while open_:
        ready = [s for s, after in open_.items() if not after]
        chosen = chance.choice(ready)
        order.append(chosen)
        del open_[chosen]
        for after in open_.values():
            after.discard(chosen)
    guard(world, plan)
    shuffled = plan.model_copy(update={"actions": tuple(plan.actions[s] for s in order)})
    carry_out(KINDS, world, book, shuffled)
    assert changed(plan_for(world, book, second)) == []


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16))
def test_what_does_not_return_comes_last(first: Goal, second: Goal, seed: int) -> None:
    """An act that cannot be taken back waits for every act that can, unless that act waits for one such."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    meddle(world, seed)
    try:
        plan = plan_for(world, book, second)
    except Refused:
        return
    waits: dict[int, set[int]] = {}
    for action in plan.actions:
        waits[action.seq] = set().union(*(waits[s] | {s} for s in action.after))
    fixed = {a.seq for a in plan.actions if not a.undo.label.returns}
    free = {a.seq for a in plan.actions if a.undo.label.returns and not waits[a.seq] & fixed}
    assert all(free <= waits[s] for s in fixed)
    assert plan.point_of_no_return == (min(fixed) if fixed else None)
    assert [a.seq for a in plan.actions] == list(range(len(plan.actions)))


@thorough
@given(first=goals(), second=goals())
def test_one_moment_has_one_plan(first: Goal, second: Goal) -> None:
    """The same facts give the same plan to the last byte, in whatever order they were collected."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    try:
        facts = look(KINDS, world, book, second)
        plan = converge(KINDS, facts)
    except Refused:
        return
    turned = Facts(
        **{k: v for k, v in vars(facts).items() if k not in {"observations", "last_applied"}},
        observations=dict(reversed(list(facts.observations.items()))),
        last_applied=dict(reversed(list(facts.last_applied.items()))),
    )
    assert converge(KINDS, turned).digest == plan.digest
    assert Plan.model_validate_json(plan.model_dump_json()).digest == plan.digest


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16))
def test_the_walk_is_given_all_that_it_waits_for(first: Goal, second: Goal, seed: int) -> None:
    """Every pointer that is left in a plan leads to an act of the plan that comes before."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    meddle(world, seed)
    try:
        plan = plan_for(world, book, second)
    except Refused:
        return
    for step in skeleton(plan).steps:
        assert all(seq < step.seq for seq, _ in step.needs)
        assert len(step.model_dump_json(exclude_defaults=True)) <= 300 + 5 * len(step.after)
    for action in plan.actions:
        sources = {p.partition("#")[0] for p in pointers(thaw(action.spec))}
        assert sources <= {str(a.address) for a in plan.actions[: action.seq]}


@thorough
@given(first=goals(), second=goals(), seed=st.integers(0, 2**16))
def test_a_target_brings_what_it_takes(first: Goal, second: Goal, seed: int) -> None:
    """A plan for some targets can be carried out alone, and the rest follows with the next plan."""
    world, book = World(), Book(OWNER)
    up(world, book, first)
    meddle(world, seed)
    every = sorted(d.address for d in second.resources)
    targets = tuple(a for i, a in enumerate(every) if seed >> i & 1)
    try:
        plan = plan_for(world, book, second, targets=targets)
    except Refused:
        return
    guard(world, plan)
    carry_out(KINDS, world, book, plan)
    assert set(targets) <= set(book.entries)
    try:
        plan = plan_for(world, book, second)
    except Refused:
        return
    guard(world, plan)
    carry_out(KINDS, world, book, plan)
    assert changed(plan_for(world, book, second)) == []


@thorough
@given(wanted=goals(), seed=st.integers(0, 2**16))
def test_a_refresh_changes_nothing(wanted: Goal, seed: int) -> None:
    """A refresh plans no action, whatever other hands have done, and keeps what stands in the ledger."""
    world, book = World(), Book(OWNER)
    up(world, book, wanted)
    meddle(world, seed)
    plan = plan_for(world, book, wanted, refresh_only=True)
    assert plan.actions == ()
    assert {s.remote_id for s in plan.standing} == set(world.things)


@pytest.mark.parametrize(
    "parent", [lambda i: (i - 1) // 2, lambda _: 0, lambda i: i - 1], ids=["tree", "star", "chain"]
)
@pytest.mark.parametrize("case", ["create", "unchanged", "replace", "down"])
def test_planning_is_linear(case: str, parent: Callable[[int], int]) -> None:
    """Four times the resources take about four times the steps of the interpreter, not sixteen."""

    def steps(n: int) -> int:
        facts = _shape(n, case, parent)
        count = 0

        def counting(frame: object, event: str, arg: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(counting)
        try:
            converge(KINDS, facts)
        finally:
            sys.setprofile(None)
        return count

    small, large = steps(100), steps(400)
    assert large < 4.4 * small


def test_a_refused_plan_names_every_address() -> None:
    """All that stands in the way is said at once, each with its address."""
    world, book = World(), Book(OWNER)
    protected = {"about": {"protect": True}}
    up(world, book, goal(want("a", **protected), want("b", **protected), want("c")))
    with pytest.raises(HoldfastError) as refused:
        plan_for(world, book, goal(want("a", zone="b", **protected), want("b", zone="b", **protected)))
    assert all(str(address(n)) in str(refused.value) for n in "ab")
    assert refused.value.letter.error == "Protected"


def _shape(n: int, case: str, parent: Callable[[int], int]) -> Facts:
    wanted = goal(*(want(f"t{i}", uses=[ref(f"t{parent(i)}")] if i else []) for i in range(n)))
    if case == "create":
        return Facts(OWNER, wanted)
    seen: dict[Address, tuple[Observation, ...]] = {}
    entries = []
    for i, d in enumerate(wanted.resources):
        stands_on = d.depends_on or tuple(address(f"t{parent(i)}") for _ in range(bool(i)))
        properties = d.spec | {"uses": [f"id-{parent(i)}"] if i else [], "zone": "a"}
        seen[d.address] = (
            Observation(
                kind="sim.thing",
                status=Status.ready,
                remote_id=f"id-{i}",
                properties={k: v for k, v in properties.items() if k != "seal"},
                outputs={"id": f"id-{i}"},
                owner=str(OWNER),
                address=str(d.address),
            ),
        )
        entries.append(Entry(address=d.address, scope=SCOPE, remote_id=f"id-{i}", depends_on=stands_on))
    ledger = Ledger(entries=tuple(entries))
    if case == "down":
        return Facts(OWNER, None, ledger, seen, operation="down")
    replace = tuple(seen) if case == "replace" else ()
    return Facts(OWNER, wanted, ledger, seen, replace=replace)
