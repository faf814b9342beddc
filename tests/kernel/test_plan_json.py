"""A plan as the tools for Terraform's plan JSON read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from holdfast.model import Address
from holdfast.plan import Plan
from holdfast.plan_json import plan_json
from holdfast.planners.converge import converge
from holdfast.secret import Secret
from holdfast.testing.byhand import Book, carry_out, look
from holdfast.testing.sim import OWNER, SCOPE, ThingSpec, address, catalog, goal, ref, want
from holdfast.testing.world import World

KINDS = catalog()


def planned(world: World, book: Book, *resources: Any, **more: Any) -> Plan:
    about = {k: more.pop(k) for k in ("outputs", "sensitive_outputs", "moved") if k in more}
    wanted = None if more.get("operation") == "down" else goal(*resources, **about)
    return converge(KINDS, look(KINDS, world, book, wanted, [SCOPE], **more))


def stood(*resources: Any) -> tuple[World, Book]:
    world, book = World(), Book(OWNER)
    carry_out(KINDS, world, book, planned(world, book, *resources))
    return world, book


def actions(written: dict[str, Any]) -> dict[str, list[str]]:
    return {c["address"]: c["change"]["actions"] for c in written["resource_changes"]}


def test_a_create_reads_as_written_by_hand() -> None:
    """The whole document of a small plan, field by field."""
    plan = planned(
        World(),
        Book(OWNER),
        want("net"),
        want("app[a]", name="app", base=ref("net"), uses=[ref("net")], tags={"key": Secret("env:KEY"), "x": "1"}),
        outputs={"id": ref("net"), "fixed": "1"},
    )
    written = plan_json(plan, outputs={"gone": 1}, timestamp=datetime(2026, 11, 23, tzinfo=UTC))
    net = ThingSpec(name="net").plain()
    app = ThingSpec(name="app", tags={"x": "1"}).plain()
    app_values = {k: v for k, v in app.items() if k != "base"} | {"uses": [None], "tags": {"key": "•••", "x": "1"}}
    named = {"mode": "managed", "type": "sim.thing", "provider_name": "holdfast/sim"}
    assert json.loads(json.dumps(written)) == {
        "format_version": "1.2",
        "timestamp": "2026-11-23T00:00:00Z",
        "planned_values": {
            "outputs": {"id": {"sensitive": False}, "fixed": {"sensitive": False, "value": "1"}},
            "root_module": {
                "resources": [
                    {
                        "address": "shop/sim.thing/net",
                        "name": "net",
                        **named,
                        "schema_version": 0,
                        "values": net,
                        "sensitive_values": {},
                    },
                    {
                        "address": "shop/sim.thing/app[a]",
                        "name": "app",
                        "index": "a",
                        **named,
                        "schema_version": 0,
                        "values": app_values,
                        "sensitive_values": {"tags": {"key": True}},
                    },
                ]
            },
        },
        "resource_changes": [
            {
                "address": "shop/sim.thing/net",
                "name": "net",
                **named,
                "change": {
                    "actions": ["create"],
                    "before": None,
                    "after": net,
                    "after_unknown": {},
                    "before_sensitive": False,
                    "after_sensitive": {},
                },
            },
            {
                "address": "shop/sim.thing/app[a]",
                "name": "app",
                "index": "a",
                **named,
                "change": {
                    "actions": ["create"],
                    "before": None,
                    "after": app_values,
                    "after_unknown": {"base": True, "uses": [True]},
                    "before_sensitive": False,
                    "after_sensitive": {"tags": {"key": True}},
                },
            },
        ],
        "resource_drift": [],
        "output_changes": {
            "gone": _output("delete", 1, None),
            "id": _output("create", None, None, unknown=True),
            "fixed": _output("create", None, "1"),
        },
        "prior_state": {
            "format_version": "1.0",
            "values": {"outputs": {"gone": {"sensitive": False, "value": 1}}, "root_module": {"resources": []}},
        },
        "applyable": True,
        "complete": True,
        "errored": False,
        "holdfast": {
            "digest": plan.digest,
            "stack": "shop",
            "operation": "up",
            "point_of_no_return": None,
            "confirmations": [],
            "warnings": [],
            "counts": plan.counts.model_dump(mode="json"),
            "steps": [
                _step(0, "shop/sim.thing/net", []),
                _step(1, "shop/sim.thing/app[a]", [0]),
            ],
        },
    }


def test_a_replace_is_a_pair() -> None:
    """Whoever scans for `delete` finds every destructive change, in the order in which it happens."""
    world, book = stood(want("net"), want("store", "named"), want("old"))
    plan = planned(world, book, want("net", zone="b"), want("store", "named", zone="b"))
    written = plan_json(plan)
    assert actions(written) == {
        "shop/sim.thing/net": ["create", "delete"],
        "shop/sim.named/store": ["delete", "create"],
        "shop/sim.thing/old": ["delete"],
    }
    net = next(c for c in written["resource_changes"] if c["name"] == "net")
    assert net["change"]["replace_paths"] == [["zone"]]
    assert net["action_reason"] == "replace_because_cannot_update"
    assert (net["change"]["before"]["zone"], net["change"]["after"]["zone"]) == ("a", "b")
    old = next(c for c in written["resource_changes"] if c["name"] == "old")
    assert (old["change"]["after"], old["change"]["after_sensitive"]) == (None, False)
    assert old["action_reason"] == "delete_because_no_resource_config"
    assert written["holdfast"]["confirmations"] == ["delete-first"]


def test_an_update_keeps_what_it_does_not_manage() -> None:
    """Before and after show the whole resource; brackets of an update are part of one change."""
    world, book = stood(want("web"))
    world.meddle("id-1", tags={"theirs": "1"})
    written = plan_json(planned(world, book, want("web", model="large")))
    (change,) = (c["change"] for c in written["resource_changes"])
    assert change["actions"] == ["update"]
    assert change["after"] == change["before"] | {"model": "large"}
    assert [s.get("operation", s["verb"]) for s in written["holdfast"]["steps"]] == ["stop", "update", "start"]


def test_unchanged_moved_adopted_and_forgotten() -> None:
    """What is left alone is a no-op, a rename names its old address, an adoption its id, and letting go is a forget."""
    world, book = stood(want("a"), want("old", name="n"))
    stranger = world.plant("sim.thing", SCOPE, ThingSpec(name="s").plain())
    plan = planned(
        world,
        book,
        want("a"),
        want("new", name="n"),
        want("s"),
        moved={address("old"): address("new")},
        adopt={address("s"): stranger.id},
    )
    shown: dict[Address, dict[str, Any]] = {address("a"): {"name": "a"}}
    changes = {c["name"]: c for c in plan_json(plan, standing=shown)["resource_changes"]}
    assert {n: c["change"]["actions"] for n, c in changes.items()} == {n: ["no-op"] for n in ("a", "new", "s")}
    assert changes["new"]["previous_address"] == "shop/sim.thing/old"
    assert changes["s"]["change"]["importing"] == {"id": stranger.id}
    assert changes["a"]["change"]["after"] == {"name": "a"}
    forget = planned(world, book, forget=frozenset({address("a")}), operation="forget")
    assert actions(plan_json(forget))["shop/sim.thing/a"] == ["forget"]


def test_drift_and_hidden_outputs() -> None:
    """Drift shows what differs and from what; a sensitive output shows as dots; nothing to do is not applyable."""
    world, book = stood(want("web"), want("gone"))
    world.meddle("id-1", size=3)
    world.vanish("id-2")
    plan = planned(
        world, book, want("web", size=3), want("gone"), outputs={"k": "v"}, sensitive_outputs=("k",), refresh_only=True
    )
    written = plan_json(plan, outputs={"k": "v"})
    drift = {d["name"]: d["change"] for d in written["resource_drift"]}
    assert (drift["web"]["actions"], drift["web"]["before"], drift["web"]["after"]) == (
        ["update"],
        {"size": 1},
        {"size": 3},
    )
    assert (drift["gone"]["actions"], drift["gone"]["after"]) == (["delete"], None)
    assert written["output_changes"]["k"]["after"] == "•••"
    assert "v" not in json.dumps(written["planned_values"]["outputs"]["k"]["value"])
    assert not written["applyable"]


def _output(action: str, before: Any, after: Any, *, unknown: bool = False) -> dict[str, Any]:
    return {
        "actions": [action],
        "before": before,
        "after": after,
        "after_unknown": unknown,
        "before_sensitive": False,
        "after_sensitive": False,
    }


def _step(seq: int, where: str, after: list[int]) -> dict[str, Any]:
    undo = {"label": "exact", "verb": "delete"}
    head = {"seq": seq, "verb": "create", "address": where, "scope": "sim/1/here"}
    return head | {"after": after, "undo": undo, "reason": "not there"}
