"""A run that fails takes back what it did: the world afterwards is the world before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.catalog import Catalog
from holdfast.contract import Attribute, State
from holdfast.errors import InvalidInput
from holdfast.resource import Call, Observation
from holdfast.testing import sim
from holdfast.testing.sim import SimThing
from tests.engine.harness import Engine, thing
from workflows import provision


def _before(shop: Engine, kind: str) -> str:
    return shop.doc(
        net=thing(kind, zone="a"),
        app=thing(kind, base="${net.id}"),
        changed=thing(kind, size=1, tags={"a": "1"}),
        bare=thing(kind),
        gone=thing(kind, uses=["${bare.id}"]),
    )


def _after(shop: Engine, kind: str) -> str:
    return shop.doc(
        net=thing(kind, zone="b"),
        app=thing(kind, base="${net.id}"),
        changed=thing(kind, size=2, tags={"b": "2"}),
        fresh=thing(kind, base="${net.id}"),
    )


MAKING = (("create", "net"), ("create", "app"), ("create", "fresh"), ("update", "changed"))
REMOVING = (("delete", "gone"), ("delete", "app"), ("delete", "bare"), ("delete", "net"))


@pytest.mark.parametrize(
    "kind, places, settle_looks",
    [
        ("thing", MAKING, 0),
        ("thing", REMOVING, 0),
        ("thing", REMOVING[-1:], 2),
        ("token", (MAKING[1], REMOVING[-1]), 0),
    ],
)
async def test_rollback_is_exact(
    shop: Engine, kind: str, places: tuple[tuple[str, str], ...], settle_looks: int
) -> None:
    """Create, update, replace and delete in one plan: wherever it fails, the world is as it was, field by field."""
    assert (await shop.up(_before(shop, kind))).state is State.done
    before = shop.cloud.snapshot()
    shop.cloud.settle_looks = settle_looks
    for verb, name in places:
        shop.cloud.refuse(verb, name)
        report = await shop.up(_after(shop, kind))
        assert report.state is State.undone, (verb, name, report)
        assert not shop.cloud.faults, (verb, name)
        assert report.cause is not None
        assert f"no {verb} of {name}" in report.cause.happened
        assert shop.cloud.snapshot() == before, (verb, name)
        assert set(await shop.ledger()) == {"net", "app", "changed", "gone", "bare"}
    # And on a calm day the same plan is carried out, and the ledger knows all that stands.
    assert (await shop.up(_after(shop, kind))).state is State.done
    assert (await shop.up(_after(shop, kind))).state is State.unchanged
    assert (await shop.down()).state is State.done
    assert shop.cloud.count() == 0


async def test_a_delete_first_replace_is_taken_back(shop: Engine) -> None:
    """A thing whose name collides is gone for a while; when its heir is refused, it comes back as it was."""
    await shop.up(shop.doc(box=thing("named", zone="a", size=3)))
    before = shop.cloud.snapshot()
    shop.cloud.refuse("create", "box")
    report = await shop.up(shop.doc(box=thing("named", zone="b")), confirmed=("delete-first",))
    assert report.state is State.undone
    assert shop.cloud.snapshot() == before


@pytest.mark.parametrize("full", [2_900, 40])
async def test_what_stands_on_a_delete_first_replace_comes_back_to_its_heir(
    shop: Engine, monkeypatch: pytest.MonkeyPatch, full: int
) -> None:
    """Its dependants were written back before it came back under a new id; they are written once more, to that one."""
    monkeypatch.setattr(provision, "FULL", full)
    shop.cloud.guarded = False  # a cloud that lets things go while others refer to them
    await shop.up(shop.doc(box=thing("named", zone="a"), app=thing(uses=["${box.id}"]), other=thing()))
    before = shop.cloud.snapshot()
    shop.cloud.refuse("create", "last")
    after = shop.doc(
        box=thing("named", zone="b"),
        app=thing(uses=["${box.id}"]),
        other=thing(size=2),
        last=thing(uses=["${app.id}", "${other.endpoint}"]),
    )
    report = await shop.up(after, confirmed=("delete-first",))
    assert report.state is State.undone, report
    assert shop.cloud.snapshot() == before


async def test_a_failure_with_a_lost_effect_is_taken_back_too(shop: Engine) -> None:
    """An act that failed after its effect is undone like one that succeeded."""
    shop.cloud.doomed = {"bad"}
    report = await shop.up(shop.doc(net=thing(), bad=thing(base="${net.id}")))
    assert report.state is State.undone
    assert shop.cloud.standing == ""
    assert await shop.attribute(Attribute.state) == State.undone


async def test_lost_answers_on_the_way_back_change_nothing(shop: Engine) -> None:
    """Undo is repeated until it is known to have happened, and nothing is undone twice."""
    await shop.up(shop.doc(net=thing(), old=thing(size=1)))
    before = shop.cloud.snapshot()
    shop.cloud.refuse("create", "last", InvalidInput("no such size"))
    shop.cloud.lose("delete", "new", times=2)
    shop.cloud.lose("create", "new")
    shop.cloud.lose("update", "old", times=2)
    text = shop.doc(
        net=thing(), old=thing(size=2), new=thing(uses=["${old.id}"]), last=thing("token", base="${new.id}")
    )
    report = await shop.up(text)
    assert report.state is State.undone
    assert shop.cloud.snapshot() == before


@pytest.mark.parametrize("full", [2_900, 45])
async def test_what_comes_back_under_a_new_id_is_referred_to_by_it(
    shop: Engine, monkeypatch: pytest.MonkeyPatch, full: int
) -> None:
    """A deleted thing comes back with another id, and whatever pointed to the old one points to the new, in any list.

    Also when the run continues as new between the two.
    """
    monkeypatch.setattr(provision, "FULL", full)
    last, one, two = thing(), thing(uses=["${last.id}"]), thing()
    await shop.up(shop.doc(last=last, one=one, two=two, app=thing(uses=["${one.id}", "${two.id}"])))
    before = shop.cloud.snapshot()
    shop.cloud.settle_looks = 2
    shop.cloud.refuse("delete", "last")
    report = await shop.up(shop.doc(two=two, app=thing(uses=["${two.id}"])))
    assert report.state is State.undone, report
    assert shop.cloud.snapshot() == before
    ids = {t.fields["name"]: t.id for t in shop.cloud.things.values()}
    assert ids["one"] == "id-5"
    assert {n: e.remote_id for n, e in (await shop.ledger()).items()} == ids
    assert (await shop.up(shop.doc(last=last, one=one, two=two, app=thing(uses=["${one.id}", "${two.id}"])))).state is (
        State.unchanged
    )


class Pair(SimThing):
    """Made by its tag alone, in two calls; the second may be refused when the first has already made something."""

    kind = "sim.pair"

    def create(self, call: Call[Any]) -> Observation:
        made = call.remote_id or super().create(call).remote_id
        call.client("sim").update(made, {"version": 2})
        return self.observe(replace(call, remote_id=made))


async def test_a_refusal_of_a_later_call_does_not_hide_the_first(idle: Engine) -> None:
    """A create that is refused at its second call has made something all the same, and that is looked for."""
    idle.kinds = Catalog([Pair(), *sim.catalog()])
    await idle.work()
    idle.cloud.refuse("update", "net")
    idle.cloud.blind_looks = 3
    report = await idle.up(idle.doc(net=thing("pair")))
    assert report.state is State.undone
    assert idle.cloud.standing == ""
