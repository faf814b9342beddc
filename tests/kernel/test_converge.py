"""What the planner decides, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.contract import ADDRESS_TAG, TOKEN_TAG
from holdfast.desired import Desired, Goal, OnRemove, Where
from holdfast.errors import InUse, InvalidInput, NotFound, Protected, Refused
from holdfast.model import Scope
from holdfast.plan import Plan, UndoLabel, Verb, skeleton
from holdfast.planners.converge import converge
from holdfast.run import Entry
from holdfast.testing.byhand import Book, Carried, carry_out, look, take_back
from holdfast.testing.sim import OWNER, SCOPE, SimNamed, SimThing, address, catalog, goal, ref, want
from holdfast.testing.world import Thing, World
from holdfast.values import Unknown

KINDS = catalog()


class Stack:
    """One stack in one world."""

    def __init__(self) -> None:
        self.world, self.book = World(), Book(OWNER)

    def plan(self, wanted: Goal | None, **more: Any) -> Plan:
        return converge(KINDS, look(KINDS, self.world, self.book, wanted, [SCOPE], **more))

    def up(self, *resources: Desired, **more: Any) -> Carried:
        return self.carry(self.plan(goal(*resources), **more))

    def carry(self, plan: Plan) -> Carried:
        return carry_out(KINDS, self.world, self.book, plan)

    def thing(self, name: str) -> Thing:
        return next(t for t in self.world.things.values() if t.marks.get(ADDRESS_TAG, "").endswith(f"/{name}"))


@pytest.fixture
def stack() -> Stack:
    return Stack()


def said(plan: Plan) -> list[str]:
    return [f"{a.verb.sign}{a.operation or ''} {a.address.name}" for a in plan.actions]


def plain(thing: Thing, **other: Any) -> dict[str, Any]:
    return {k: v for k, v in thing.fields.items() if k != "seal"} | other


# --- a calm day -------------------------------------------------------------------------------------------------------


def test_a_first_plan_makes_everything(stack: Stack) -> None:
    """What is not there is made, each after what it refers to, and can be taken back exactly."""
    plan = stack.plan(goal(want("web", base=ref("net")), want("net"), outputs={"id": ref("web")}))
    assert said(plan) == ["+ net", "+ web"]
    assert [a.reason for a in plan.actions] == ["not there"] * 2
    assert [(a.undo.label, a.undo.verb) for a in plan.actions] == [(UndoLabel.exact, Verb.delete)] * 2
    assert plan.actions[1].depends_on == (address("net"),)
    assert skeleton(plan).steps[1].needs == ((0, "id"),)
    assert plan.outputs == {"id": {"$unknown": "${shop/sim.thing/web#id}"}}
    stack.carry(plan)
    again = stack.plan(goal(want("web", base=ref("net")), want("net"), outputs={"id": ref("web")}))
    assert again.actions == ()
    assert again.outputs == {"id": stack.thing("web").id}
    assert again.counts.unchanged == 2


def test_an_update_writes_what_differs(stack: Stack) -> None:
    """A mutable field changes in place; the action carries what stood, its id, its token and its outputs."""
    stack.up(want("web", about={"timeouts": {Verb.update: timedelta(minutes=9)}}))
    web = stack.thing("web")
    (action,) = stack.plan(goal(want("web", size=2, about={"timeouts": {Verb.update: timedelta(minutes=9)}}))).actions
    assert (action.verb, action.reason) == (Verb.update, "size changes")
    assert (action.remote_id, action.token) == (web.id, web.marks[TOKEN_TAG])
    assert action.before == plain(web)
    assert action.gave["id"] == web.id
    assert [(c.path, c.before, c.after) for c in action.changes] == [("size", 1, 2)]
    assert action.undo.label is UndoLabel.exact
    assert action.settle_within == timedelta(minutes=9)


def test_down_removes_from_the_top(stack: Stack) -> None:
    """A stack goes down in the reverse of the order it came up in, whatever the ledger's order."""
    stack.up(want("web", base=ref("net")), want("net"), want("dns", uses=[ref("web")]))
    plan = stack.plan(None, operation="down")
    assert said(plan) == ["- dns", "- web", "- net"]
    assert plan.outputs == {}
    stack.carry(plan)
    assert stack.world.count() == 0


# --- replace ----------------------------------------------------------------------------------------------------------


def test_a_replace_cascades(stack: Stack) -> None:
    """What was made on a replaced resource is replaced too, what only refers to it is updated; old halves go last."""
    shape = [want("app", base=ref("net")), want("dns", uses=[ref("app")]), want("other")]
    stack.up(want("net"), *shape)
    plan = stack.plan(goal(want("net", zone="b"), *shape))
    assert said(plan) == ["+ net", "+ app", "~ dns", "- app", "- net"]
    net, app, dns, old_app, old_net = plan.actions
    assert (net.reason, net.reason_code) == ("zone changes and cannot change in place", "replace_because_cannot_update")
    assert app.reason == f"base follows {address('net')} and cannot change in place"
    assert (old_net.deposed, old_net.replaces, old_net.spec["zone"]) == (True, True, "a")
    assert set(old_app.after) >= {app.seq, dns.seq}
    assert set(old_net.after) >= {net.seq, old_app.seq}
    assert plan.counts.replace == 2
    assert net.generation == 1


def test_what_collides_is_deleted_first_and_asks(stack: Stack) -> None:
    """Two of one name cannot stand side by side: the old one goes first, is labelled so, and a person is asked."""
    stack.up(want("store", "named"), want("reader", "token", base=ref("store", "named")))
    plan = stack.plan(goal(want("store", "named", zone="b"), want("reader", "token", base=ref("store", "named"))))
    assert said(plan) == ["- reader", "- store", "+ store", "+ reader"]
    assert plan.confirmations == ("delete-first",)
    assert plan.unconfirmed(["delete-first"]) == ()
    assert any("store is deleted before" in w for w in plan.warnings)
    assert not any(a.deposed for a in plan.actions)
    stack.carry(plan)


def test_what_is_in_use_is_not_deleted_first(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its cloud keeps while others name it is not replaced under its name while one of them stays."""
    shape = [
        want("dns", uses=[ref("store", "named")]),
        want("reader", about={"depends_on": (address("store", "named"),)}),
    ]
    stack.up(want("store", "named"), *shape)
    anew = goal(want("store", "named", zone="b"), *shape)
    assert said(stack.plan(anew)) == ["- store", "+ store", "~ dns"]
    monkeypatch.setattr(SimNamed, "kept_in_use", "choose another name")
    with pytest.raises(InUse, match=r"shop/sim\.thing/dns uses it until then") as refused:
        stack.plan(anew)
    assert refused.value.letter.address == address("store", "named")
    assert refused.value.letter.next.startswith("choose another name")
    # What goes as well, or is made anew, or goes by the document alone, is not in the way.
    assert said(stack.plan(goal(want("store", "named", zone="b"), shape[1]))) == ["- dns", "- store", "+ store"]
    assert said(stack.plan(anew, replace=(address("dns"),))) == ["- dns", "- store", "+ store", "+ dns"]


def test_a_replace_on_request(stack: Stack) -> None:
    """`--replace` makes a resource anew although nothing differs."""
    stack.up(want("web"))
    plan = stack.plan(goal(want("web")), replace=(address("web"),))
    assert said(plan) == ["+ web", "- web"]
    assert plan.actions[0].reason_code == "replace_by_request"
    with pytest.raises(InvalidInput, match="nope"):
        stack.plan(goal(want("web")), replace=(address("nope"),))


def test_what_failed_in_its_last_change_alone_is_written_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a cloud says of what stands that its last change has failed, nobody replaces it for that."""
    monkeypatch.setattr(SimThing, "failed_is_broken", False)
    stack.world.doomed = {"web"}
    stack.up(want("web"))
    plan = stack.plan(goal(want("web")))
    assert said(plan) == []
    assert "the last change to it has failed: the cloud gave up on it" in plan.warnings[0]
    assert "--replace" in plan.warnings[0]
    changed = stack.plan(goal(want("web", size=7)))
    assert said(changed) == ["~ web"]


def test_what_failed_is_replaced(stack: Stack) -> None:
    """A resource that the cloud gave up on is made anew."""
    stack.world.doomed = {"web"}
    stack.up(want("web"))
    plan = stack.plan(goal(want("web")))
    assert said(plan) == ["+ web", "- web"]
    assert plan.actions[0].reason == "it failed: the cloud gave up on it"
    assert plan.actions[0].reason_code == "replace_because_tainted"


def test_a_guess_does_not_replace(stack: Stack) -> None:
    """A value that may change with an update is waited for; an immutable field is not replaced on a guess."""
    stack.up(want("net"), want("web", base=ref("net", output="endpoint")))
    wanted = goal(want("net", size=2), want("web", base=ref("net", output="endpoint")))
    plan = stack.plan(wanted)
    assert said(plan) == ["~ net", "~ web"]
    assert plan.actions[1].changes[0].replaces


def test_a_stable_output_is_known_at_once(stack: Stack) -> None:
    """What an update does not change is not waited for."""
    stack.up(want("net"), want("web", base=ref("net")))
    assert said(stack.plan(goal(want("net", size=2), want("web", base=ref("net"))))) == ["~ net"]


def test_an_update_fed_by_a_guess_may_end_unchanged(stack: Stack) -> None:
    """An update that waits for a value which turns out the same does nothing."""
    tagged = want("web", tags={"at": ref("net", output="endpoint")})
    stack.up(want("net"), tagged)
    plan = stack.plan(goal(want("net", tags={"new": "1"}), tagged))
    assert said(plan) == ["~ net", "~ web"]
    carried = stack.carry(plan)
    assert carried.wrote[1] == ()


# --- operations -------------------------------------------------------------------------------------------------------


def test_an_operation_moves_its_field(stack: Stack) -> None:
    """A field that an operation moves is operated, not updated, and operated back."""
    stack.up(want("web"))
    (action,) = stack.plan(goal(want("web", power="off"))).actions
    assert (action.verb, action.operation, action.undo.operation) == (Verb.operate, "stop", "start")


def test_an_operation_that_is_not_quite_taken_back(stack: Stack) -> None:
    """Where its inverse leads elsewhere than back, as from asleep by on to off, the plan says what does not return."""
    stack.up(want("web"))
    stack.world.meddle("id-1", power="asleep")
    (action,) = stack.plan(goal(want("web"))).actions
    assert (action.operation, action.undo.operation, action.undo.label) == ("start", "stop", UndoLabel.lossy)
    assert action.undo.note == "power is asleep, and off when this is taken back"


@pytest.mark.parametrize(
    "was, shall, steps",
    [
        ("on", "on", ["!stop web", "~ web", "!start web"]),
        ("on", "off", ["!stop web", "~ web"]),
        ("off", "on", ["~ web", "!start web"]),
        ("off", "off", ["~ web"]),
    ],
)
def test_an_update_that_needs_a_stop_is_bracketed(stack: Stack, was: str, shall: str, steps: list[str]) -> None:
    """What can only change while stopped is stopped for it, and runs afterwards where it shall."""
    stack.up(want("web", power=was))
    plan = stack.plan(goal(want("web", power=shall, model="large"), want("dns", uses=[ref("web", output="endpoint")])))
    assert [s for s in said(plan) if "web" in s] == steps
    dns = next(a for a in plan.actions if a.address == address("dns"))
    assert dns.after == (len(steps) - 1,)
    stack.carry(plan)
    assert stack.thing("web").fields["power"] == shall


def test_a_one_way_field_is_the_point_of_no_return(stack: Stack) -> None:
    """An update that does not return is labelled, says why, and waits for all that does."""
    stack.up(want("a"), want("b"))
    plan = stack.plan(goal(want("a", version=2), want("b", size=2), want("c")))
    assert said(plan) == ["~ b", "+ c", "~ a"]
    last = plan.actions[2]
    assert (last.undo.label, last.undo.note) == (UndoLabel.irreversible, "version: an upgrade cannot be downgraded")
    assert last.after == (0, 1)
    assert plan.point_of_no_return == 2


def test_an_update_that_loses_something_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field whose old value comes back, and not all that went with it, is lossy, and the walk may take it back."""
    monkeypatch.setattr(SimThing, "lossy", {"size": "those that went are made anew"})
    stack.up(want("a"))
    (action,) = stack.plan(goal(want("a", size=2, tags={"team": "shop"}))).actions
    assert (action.undo.label, action.undo.note) == (UndoLabel.lossy, "size: those that went are made anew")
    assert action.undo.label.returns


# --- what goes --------------------------------------------------------------------------------------------------------


def test_what_the_document_drops_is_removed(stack: Stack) -> None:
    """A resource that left the document goes after those that stood on it have moved."""
    stack.up(want("old"), want("web", uses=[ref("old")]))
    plan = stack.plan(goal(want("web")))
    assert said(plan) == ["~ web", "- old"]
    assert plan.actions[1].after == (0,)
    assert plan.actions[1].reason_code == "delete_because_no_resource_config"


def test_a_dropped_key_says_so(stack: Stack) -> None:
    """A key that left a `for_each` is told from a resource that left the document."""
    stack.up(want("app[a]", name="a"), want("app[b]", name="b"))
    (action,) = stack.plan(goal(want("app[a]", name="a"))).actions
    assert (action.address.key, action.reason_code) == ("b", "delete_because_each_key")


def test_keep_lets_go(stack: Stack) -> None:
    """`on_remove: keep` takes our marks off and leaves the resource; undoing writes them again."""
    stack.up(want("web", about={"on_remove": OnRemove.keep}))
    marks = dict(stack.thing("web").marks)
    plan = stack.plan(None, operation="down")
    assert said(plan) == ["> web"]
    carried = stack.carry(plan)
    (thing,) = stack.world.things.values()
    assert thing.marks == {}
    take_back(KINDS, stack.world, OWNER, carried)
    assert thing.marks == marks


def test_protect_refuses(stack: Stack) -> None:
    """What is protected is neither replaced nor removed, and the letter says where that is written."""
    about = {"protect": True, "where": Where("shop.yaml", 12, 3)}
    stack.up(want("web", about=about))
    with pytest.raises(Protected, match=r"shop\.yaml:12:3") as refused:
        stack.plan(goal(want("web", zone="b", about=about)))
    assert refused.value.letter.address == address("web")
    for wanted, operation in ((goal(), "up"), (None, "down")):
        with pytest.raises(Protected):
            stack.plan(wanted, operation=operation)
    assert said(stack.plan(goal(want("web", about={"protect": False})))) == []


def test_data_asks_before_it_goes(stack: Stack) -> None:
    """Removing what holds data is irreversible here, asks, and comes last."""
    stack.up(want("safe", "vault"), want("web"))
    plan = stack.plan(None, operation="down")
    assert said(plan) == ["- web", "- safe"]
    assert plan.confirmations == ("data",)
    assert plan.actions[1].undo.note == "all that lies in it"


def test_what_would_be_left_without_its_ground_is_named(stack: Stack) -> None:
    """A line that was left out does not replace a resource; what it stands on cannot go without a word either."""
    stack.up(want("net"), want("web", base=ref("net")))
    with pytest.raises(InUse, match=r"--replace shop/sim\.thing/web"):
        stack.plan(goal(want("web")))
    assert said(stack.plan(goal(want("web")), replace=(address("web"),))) == ["+ web", "- web", "- net"]


# --- drift, targets, pointers -----------------------------------------------------------------------------------------


def test_drift_is_told_from_change(stack: Stack) -> None:
    """Drift compares with what was applied, whatever the document says now; ignored paths are not drift."""
    stack.up(want("web"))
    stack.world.meddle("id-1", size=7, tags={"a": "1"})
    plan = stack.plan(goal(want("web", size=7)), refresh_only=True)
    assert [(c.path, c.before, c.after) for c in plan.drift[0].changes] == [("size", 1, 7)]
    plan = stack.plan(goal(want("web", about={"ignore_changes": ("size",)})))
    assert (plan.actions, plan.drift) == ((), ())


def test_ignored_paths_cover_their_members(stack: Stack) -> None:
    """`ignore_changes: [tags]` covers every tag, and another field still changes."""
    about = {"ignore_changes": ("tags", "zone")}
    stack.up(want("web", tags={"a": "1"}, about=about))
    (action,) = stack.plan(goal(want("web", tags={"a": "2"}, zone="b", size=2, about=about))).actions
    assert [c.path for c in action.changes] == ["size"]
    assert (action.spec["tags"], action.spec["zone"]) == ({"a": "1"}, "a")


def test_targets_leave_the_rest(stack: Stack) -> None:
    """A target comes with what it stands on; the rest stays, also in the ledger."""
    stack.up(want("net"), want("web"), want("gone"))
    wanted = goal(want("net", size=2), want("web", base=ref("net"), size=2), want("new"))
    plan = stack.plan(wanted, targets=(address("net"),))
    assert said(plan) == ["~ net"]
    assert plan.partial
    assert {s.address.name: s.depends_on for s in plan.standing} == {"web": (), "gone": ()}  # as it stands now
    with pytest.raises(InvalidInput, match=r"there is no shop/sim\.thing/nope to target"):
        stack.plan(wanted, targets=(address("nope"),))
    keyed = goal(want("app[a]", name="a"), want("app[b]", name="b"), want("net"))
    assert said(stack.plan(keyed, targets=(address("app"),))) == ["+ app[a]", "+ app[b]"]


def test_pointers_that_lead_nowhere_are_named(stack: Stack) -> None:
    """What was looked up is filled in; what was not found, and what nothing gives, is said with the address."""
    wanted = goal(want("web", model=Unknown("${data.linux#id}")), want("a", tags={"x": Unknown("${stack.net#vpc}")}))
    plan = stack.plan(wanted, looked_up={"data.linux#id": "img-1"}, stack_outputs={"stack.net#vpc": "vpc-1"})
    assert [a.spec["model"] for a in plan.actions] == ["img-1", "small"]
    with pytest.raises(NotFound) as refused:
        stack.plan(wanted)
    assert str(address("web")) in str(refused.value)
    assert str(address("a")) in str(refused.value)
    stack.up(want("net"))
    with pytest.raises(Refused, match="does not give"):
        stack.plan(goal(want("net"), want("web", base=ref("net", output="nope"))))


def test_a_value_of_the_wrong_type_is_named_when_it_arrives(stack: Stack) -> None:
    """A looked-up value that the field does not take is an error of the document, with its place."""
    wanted = goal(want("web", size=Unknown("${data.x#y}"), about={"where": Where("shop.yaml", 3, 1)}))
    with pytest.raises(InvalidInput, match=r"size.*\n.*shop\.yaml:3:1"):
        stack.plan(wanted, looked_up={"data.x#y": "many"})


def test_a_circle_is_refused(stack: Stack) -> None:
    """Resources that need each other are refused by name."""
    with pytest.raises(InvalidInput, match="->"):
        stack.plan(goal(want("a", base=ref("b")), want("b", base=ref("a"))))


def test_a_protected_flag_reaches_the_ledger(stack: Stack) -> None:
    """What the document says of a standing resource is remembered although nothing is done to it."""
    stack.up(want("web"))
    plan = stack.plan(goal(want("web", about={"protect": True, "on_remove": OnRemove.keep})))
    assert plan.actions == ()
    assert (plan.standing[0].protect, plan.standing[0].on_remove) == (True, "keep")


def test_an_unknown_kind_in_the_ledger_is_named(stack: Stack) -> None:
    """A kind that this release no longer knows is an error with the address, not a crash."""
    lost = replace(address("web"), kind="sim.gone")
    stack.book.entries[lost] = Entry(address=lost, scope=SCOPE, remote_id="id-1")
    facts = look(KINDS, stack.world, Book(OWNER), goal())
    with pytest.raises(InvalidInput, match=r"sim\.gone") as refused:
        converge(KINDS, replace(facts, ledger=stack.book.ledger))
    assert refused.value.letter.address == lost


def test_nothing_moves_to_another_place(stack: Stack) -> None:
    """A document that gives a resource another region would lose sight of what stands, and make it twice."""
    stack.up(want("web"))
    moved = replace(want("web"), scope=Scope("sim", "1", "elsewhere"))
    with pytest.raises(Refused, match="stands in sim/1/here; the document wants it in sim/1/elsewhere"):
        stack.plan(goal(moved))
    # Under a name of its own it is made there, and the old one is removed where it stands.
    plan = stack.plan(goal(replace(want("web2"), scope=Scope("sim", "1", "elsewhere"))))
    assert [(str(a.verb), a.address.name, a.scope.region) for a in plan.actions] == [
        ("create", "web2", "elsewhere"),
        ("delete", "web", "here"),
    ]
