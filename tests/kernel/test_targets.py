"""What is read for some targets, and what becomes of that which nobody has looked at: nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.desired import Desired, Goal
from holdfast.errors import InvalidInput, Refused
from holdfast.ledger import ledger_after
from holdfast.model import Address, Scope
from holdfast.plan import Plan
from holdfast.planners.converge import Facts, converge
from holdfast.planners.targets import reached, scopes_of
from holdfast.run import Journal
from holdfast.testing.byhand import Book, carry_out, look
from holdfast.testing.sim import OWNER, SCOPE, address, catalog, goal, ref, want
from holdfast.testing.strategies import goals
from holdfast.testing.world import World
from holdfast.values import Unknown
from tests.kernel.test_converge_laws import guard, meddle, up

KINDS = catalog()
AWAY = Scope("sim", "2", "away")
thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def away(desired: Desired) -> Desired:
    return replace(desired, scope=AWAY)


def spread(wanted: Goal, names: str) -> Goal:
    """The same, with some of its resources in another scope."""
    return replace(wanted, resources=tuple(away(d) if d.address.name in names else d for d in wanted.resources))


def seen_in(facts: Facts, scopes: set[Scope]) -> Facts:
    """What is known when only these scopes were read."""
    seen = {a: found for a, found in facts.observations.items() if facts.found_in[a] in scopes}
    return replace(facts, observations=seen, read=frozenset(scopes))


def needed(facts: Facts) -> set[Scope] | None:
    about = reached(facts)
    return None if about is None else {s for a, scopes in scopes_of(facts).items() if a in about for s in scopes}


def narrow(world: World, book: Book, wanted: Goal | None, *targets: str, **more: Any) -> Plan:
    """The plan for some targets, by as little as has to be read for it."""
    facts = look(KINDS, world, book, wanted, targets=tuple(address(t) for t in targets), **more)
    scopes = needed(facts)
    return converge(KINDS, facts if scopes is None else seen_in(facts, scopes))


def said(plan: Plan) -> list[str]:
    return [f"{a.verb.sign} {a.address.name}" for a in plan.actions]


@thorough
@given(
    first=goals(),
    second=goals(),
    names=st.sets(st.sampled_from("abcdefgh")),
    seed=st.integers(0, 2**16),
    data=st.data(),
)
def test_who_reads_less_plans_the_same(
    first: Goal, second: Goal, names: set[str], seed: int, data: st.DataObject
) -> None:
    """By what has to be read for its targets, a plan has the acts that it has by all; or it names what to add to them.
    What nobody looked at is in the ledger afterwards as it was before.
    """
    world, book = World(), Book(OWNER)
    first, second = spread(first, "".join(names)), spread(second, "".join(names))
    up(world, book, first)
    meddle(world, seed)
    every = sorted({d.address for d in second.resources} | set(book.entries))
    targets = tuple(data.draw(st.lists(st.sampled_from(every), min_size=1, unique=True))) if every else ()
    facts = look(KINDS, world, book, second, targets=targets)
    scopes = needed(facts)
    if scopes is None:
        return
    try:
        whole = converge(KINDS, facts)
    except Refused:
        return
    less = seen_in(facts, scopes)
    try:
        plan = converge(KINDS, less)
    except Refused as refused:
        assert "--target" in str(refused)  # noqa: PT017  the other outcome is below
        return
    assert plan.actions == whole.actions
    after = {e.address: e for e in ledger_after(book.ledger, plan, Journal(), run="r", specs="s", ended=True).entries}
    for entry in book.ledger.entries:
        if entry.scope not in scopes:
            assert after[entry.address] == entry
    guard(world, plan)


@pytest.fixture
def three() -> tuple[World, Book, Goal]:
    """A queue here; a net and a host on it there; and something here that names the host."""
    world, book = World(), Book(OWNER)
    wanted = goal(
        want("queue"),
        away(want("net")),
        away(want("host", base=ref("net"))),
        want("alarm", uses=[ref("host")]),
    )
    carry_out(KINDS, world, book, converge(KINDS, look(KINDS, world, book, wanted)))
    return world, book, wanted


def changed(wanted: Goal, specs: Mapping[str, Mapping[str, Any]]) -> Goal:
    """The same goal, with other values."""
    made = (replace(d, spec=d.spec | dict(specs.get(d.address.name, {}))) for d in wanted.resources)
    return replace(wanted, resources=tuple(made))


def test_only_what_targets_are_about_is_read(three: tuple[World, Book, Goal]) -> None:
    """A target's own scope, and those of what it stands on and of what stands on it."""
    world, book, wanted = three

    def scopes(*names: str, **more: Any) -> set[Scope] | None:
        return needed(look(KINDS, world, book, wanted, targets=tuple(map(address, names)), **more))

    assert scopes("queue") == {SCOPE}
    assert scopes("net") == scopes("host") == scopes("alarm") == scopes("queue", "net") == {SCOPE, AWAY}
    assert scopes() is None
    assert scopes("queue", refresh_only=True) is None
    assert scopes("nobody") is None


def test_what_nobody_looked_at_is_not_decided_about(three: tuple[World, Book, Goal]) -> None:
    """It is neither made again, nor gone, nor changed; nor is what stands on it. The plan says where nobody looked."""
    world, book, wanted = three
    wanted = changed(wanted, {"queue": {"size": 2}, "alarm": {"size": 2}, "net": {"size": 2}})
    plan = narrow(world, book, wanted, "queue")
    assert said(plan) == ["~ queue"]
    assert (plan.drift, plan.standing, plan.partial) == ((), (), True)
    assert plan.warnings == ("nothing was looked at in sim/2/away: what stands there is as the ledger says",)
    left = replace(wanted, resources=tuple(d for d in wanted.resources if d.address.name in {"queue", "net"}))
    assert said(narrow(world, book, left, "queue")) == ["~ queue"]  # nor is anything removed


def test_a_resource_that_moves_is_looked_for_where_it_stood(three: tuple[World, Book, Goal]) -> None:
    """What the ledger has in another scope than the document is read in both: else it would be made twice."""
    world, book, wanted = three
    moved = replace(wanted, resources=tuple(replace(d, scope=SCOPE) for d in wanted.resources))
    with pytest.raises(Refused, match="nothing moves"):
        narrow(world, book, moved, "net")
    assert said(narrow(world, book, changed(moved, {"queue": {"size": 2}}), "queue")) == ["~ queue"]


def test_a_rename_elsewhere_waits(three: tuple[World, Book, Goal]) -> None:
    """What gets another name, where nobody looked, keeps its old one in the ledger; targeted by either, it is read."""
    world, book, wanted = three
    host = next(d for d in wanted.resources if d.address.name == "host")
    alarm = want("alarm", uses=[ref("server")])
    others = tuple(d for d in wanted.resources if d.address.name not in {"host", "alarm"})
    wanted = replace(
        wanted,
        resources=(*others, replace(host, address=address("server")), alarm),
        moved={address("host"): address("server")},
    )
    assert said(narrow(world, book, changed(wanted, {"queue": {"size": 2}}), "queue")) == ["~ queue"]
    after = ledger_after(book.ledger, narrow(world, book, wanted, "queue"), Journal(), run="r", specs="s", ended=True)
    assert {e.address.name for e in after.entries} == {"queue", "net", "host", "alarm"}
    assert "server" in {a.address.name for a in narrow(world, book, wanted, "server").actions}


def test_what_would_change_unread_has_to_be_named(three: tuple[World, Book, Goal]) -> None:
    """Where a target's replacement would touch what stands on something unread, the letter says what to add."""
    world, book = World(), Book(OWNER)
    far = Scope("sim", "3", "far")
    wanted = goal(
        want("queue"), replace(want("key"), scope=far), away(want("host", base=ref("queue"), uses=[ref("key")]))
    )
    carry_out(KINDS, world, book, converge(KINDS, look(KINDS, world, book, wanted)))
    wanted = changed(wanted, {"queue": {"zone": "b"}})
    with pytest.raises(Refused, match=r"(?s)name it too: `--target shop/sim\.thing/key`"):
        narrow(world, book, wanted, "queue")
    assert said(narrow(world, book, wanted, "queue", "key")) == ["+ queue", "+ host", "- host", "- queue"]


def test_a_look_up_that_was_not_asked_holds_back_nobody_else(three: tuple[World, Book, Goal]) -> None:
    """What refers to a look-up that nobody made is left alone, and no error."""
    world, book, wanted = three
    wanted = replace(wanted, resources=(*wanted.resources, want("cron", model=Unknown("${data.image#id}"))))
    assert said(narrow(world, book, changed(wanted, {"queue": {"size": 2}}), "queue")) == ["~ queue"]


def test_an_output_is_told_whole_or_stays_as_it_was(three: tuple[World, Book, Goal]) -> None:
    """What an output tells beside a target is read as well; one about what nobody looked at is left, and said to be."""
    world, book, wanted = three
    outputs = {"ids": [ref("queue"), ref("net")], "far": ref("net")}
    wanted = changed(replace(wanted, outputs=outputs), {"queue": {"zone": "b"}})
    targets = (address("queue"),)
    facts = look(KINDS, world, book, wanted, targets=targets)
    assert needed(facts) == {SCOPE, AWAY}
    far = replace(wanted, outputs={"far": ref("net")})
    facts = look(KINDS, world, book, far, targets=targets)
    facts = replace(facts, ledger=facts.ledger.model_copy(update={"outputs": {"far": "id-before"}}))
    plan = converge(KINDS, seen_in(facts, needed(facts) or set()))
    assert plan.outputs == {"far": "id-before"}
    assert any(w.startswith("output far stays as it was: nobody looked at") for w in plan.warnings)


def test_the_letter_names_what_was_not_looked_at(three: tuple[World, Book, Goal]) -> None:
    """What is left for what it stands on is not said to be where nobody looked."""
    world, book, wanted = three
    wanted = changed(wanted, {"queue": {"zone": "b"}})
    wanted = replace(
        wanted, resources=(*wanted.resources, want("cron", base=ref("queue"), model=Unknown("${data.i#id}")))
    )
    facts = look(KINDS, world, book, wanted, targets=(address("queue"), address("cron")))
    with pytest.raises(Refused, match="what it stands on or refers to was not"):
        converge(KINDS, seen_in(facts, {SCOPE}))


def test_a_name_that_nobody_bears_is_said_as_ever(three: tuple[World, Book, Goal]) -> None:
    """A target that is nowhere is refused by its name."""
    world, book, wanted = three
    with pytest.raises(InvalidInput, match=r"there is no shop/sim\.thing/nope to target"):
        narrow(world, book, wanted, "nope")


def _names(addresses: frozenset[Address]) -> str:
    return " ".join(sorted(a.name for a in addresses))


def test_a_replace_is_about_what_stands_on_it(three: tuple[World, Book, Goal]) -> None:
    """A target's base that shall be made anew takes with it what stands on it, elsewhere as well."""
    world, book = World(), Book(OWNER)
    wanted = goal(want("base"), want("web", base=ref("base")), away(want("host", base=ref("base"))))
    carry_out(KINDS, world, book, converge(KINDS, look(KINDS, world, book, wanted)))
    facts = look(KINDS, world, book, wanted, targets=(address("web"),))
    assert _names(reached(facts) or frozenset()) == "base web"
    assert _names(reached(replace(facts, replace=(address("base"),))) or frozenset()) == "base host web"
