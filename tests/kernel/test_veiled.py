"""A secret that a cloud shows goes into no plan: where it was written as a reference, it is remembered as one."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.desired import Desired
from holdfast.plan import Plan
from holdfast.planners.converge import converge
from holdfast.secret import HIDDEN, Secret, hide, veil
from holdfast.testing.byhand import Book, carry_out, look
from holdfast.testing.sim import OWNER, SCOPE, catalog, goal, want
from holdfast.testing.world import World

KINDS = catalog()
PIN = Secret("env:PIN")
SHOWN = "4711-and-nobody-may-read-it"


@pytest.mark.parametrize(
    "wanted",
    [
        (),
        (want("web", tags={"pin": PIN}, model="large"),),
        (want("web", tags={"pin": PIN}, size=2),),
        (want("web", tags={"pin": PIN}, power="off"),),
    ],
    ids=["deleted", "replaced", "updated", "operated"],
)
def test_no_plan_holds_what_a_cloud_shows_of_a_secret(wanted: tuple[Desired, ...]) -> None:
    world, book = World(), Book(OWNER)

    def plan(*resources: Desired) -> Plan:
        return converge(KINDS, look(KINDS, world, book, goal(*resources), [SCOPE]))

    carry_out(KINDS, world, book, plan(want("web", tags={"pin": PIN})))
    (thing,) = world.things.values()
    thing.fields["tags"] = {"pin": SHOWN, "other": "by another hand"}
    made = plan(*wanted)
    assert made.actions
    written = made.model_dump_json()
    assert SHOWN not in written
    assert "env:PIN" in written
    assert "by another hand" in written


@pytest.mark.parametrize(
    "shown, written, veiled",
    [
        ("clear", PIN, PIN),
        ({"a": "clear", "b": 1}, {"a": PIN}, {"a": PIN, "b": 1}),
        (["clear", "x"], [PIN, "x"], [PIN, "x"]),
        (["x"], [PIN, "x"], ["x"]),
        ({"a": {"b": "clear"}}, {"a": {"b": PIN}}, {"a": {"b": PIN}}),
        ("clear", None, "clear"),
    ],
)
def test_veil(shown: Any, written: Any, veiled: Any) -> None:
    assert veil(shown, written) == veiled


@pytest.mark.parametrize(
    "shown, written, hidden",
    [
        ("clear", PIN, HIDDEN),
        ({"a": "clear", "b": "x"}, {"a": PIN, "b": "y"}, {"a": HIDDEN, "b": "x"}),
        (["x", "clear", 1], [PIN, "x", 1], [HIDDEN, HIDDEN, 1]),
        ([{"a": "clear"}], [{"a": PIN}, {"a": "x"}], [{"a": HIDDEN}]),
        ({"a": "clear"}, [PIN], {"a": HIDDEN}),
        ({"a": {"b": "clear"}}, {"a": {"b": PIN}}, {"a": {"b": HIDDEN}}),
        (["x"], ["y"], ["x"]),
        ("clear", None, "clear"),
    ],
)
def test_hide(shown: Any, written: Any, hidden: Any) -> None:
    """What is kept of an observation; in whichever order a cloud shows it."""
    assert hide(shown, written) == hidden
