"""A request may reach the cloud after we gave up on it. What it makes is found, and removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG, Operation, State
from holdfast.testing.sim import SCOPE
from tests.engine.harness import Engine, thing
from workflows import stack


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "SWEEPS", (timedelta(milliseconds=300), timedelta(seconds=2)))


async def _late(shop: Engine) -> str:
    """A create that reached the cloud after its run was walked back."""
    shop.cloud.refuse("create", "app")
    report = await shop.up(shop.doc(net=thing(), app=thing(base="${net.id}")))
    assert report.state is State.undone
    made = next(m for m in shop.cloud.mutations if m.verb == "create" and not m.refused)
    marks = {OWNER_TAG: f"test/{shop.stack}", ADDRESS_TAG: str(made.address), TOKEN_TAG: str(made.token)}
    return shop.cloud.plant("sim.thing", SCOPE, {"name": "late"}, marks).id


async def test_what_came_late_is_swept(shop: Engine) -> None:
    """After a walk back the arbiter looks again for the plan's tokens, and removes what it finds."""
    await _late(shop)

    async def gone() -> bool:
        return shop.cloud.standing == ""

    await shop.until("the sweep", gone)


async def test_what_came_late_of_a_taking_back_is_swept(shop: Engine) -> None:
    """What taking a delete back has made is in the ledger and stays; a second one of the same token is removed."""
    await shop.up(shop.doc(net=thing(), gone=thing(base="${net.id}")))
    shop.cloud.refuse("delete", "net")
    report = await shop.up(shop.doc(other=thing()))
    assert report.state is State.undone
    back = next(t for t in shop.cloud.things.values() if t.fields["name"] == "gone")
    shop.cloud.plant("sim.thing", SCOPE, {"name": "late"}, back.marks)
    assert shop.cloud.standing == "gone late net"

    async def gone() -> bool:
        return shop.cloud.standing == "gone net"

    await shop.until("the sweep", gone)


async def test_what_belongs_is_not_swept(shop: Engine) -> None:
    """A sweep never touches what is in the ledger, nor what another plan or another hand has made."""
    report = await shop.up(shop.doc(net=thing(), app=thing(base="${net.id}")))
    assert report.sweeps
    stranger = shop.cloud.plant("sim.thing", SCOPE, {"name": "stranger"}, {OWNER_TAG: f"test/{shop.stack}"})
    theirs = shop.cloud.plant("sim.thing", SCOPE, {"name": "theirs"}, {OWNER_TAG: "other/shop", TOKEN_TAG: "t"})

    async def swept() -> bool:
        history = await shop.arbiter().fetch_history()
        names = [e.activity_task_scheduled_event_attributes.activity_type.name for e in history.events]
        done = [e for e in history.events if e.HasField("activity_task_completed_event_attributes")]
        return names.count("sweep") == 2 and len(done) >= len([n for n in names if n])

    await shop.until("both sweeps", swept)
    assert shop.cloud.standing == "app net stranger theirs"
    assert {stranger.id, theirs.id} <= set(shop.cloud.things)


async def test_nobody_waits_for_a_sweep(shop: Engine) -> None:
    """A sweep whose cloud does not answer is let go when a request comes, and made again later."""
    await _late(shop)
    hold = shop.cloud.hold("list", "sim.thing")
    await shop.reached(hold)
    ticket = await shop.submit(Operation.up, shop.doc(other=thing()))
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done

    async def gone() -> bool:
        return shop.cloud.standing == "other"

    await shop.until("the sweep that was let go", gone)


async def test_a_sweep_without_a_worker_blocks_nobody(shop: Engine) -> None:
    """With no worker on the cloud's queue the sweep waits, and requests do not wait for it."""
    await _late(shop)
    await shop.rest("sim")

    async def sweeping() -> bool:
        history = await shop.arbiter().fetch_history()
        return any(e.activity_task_scheduled_event_attributes.activity_type.name == "sweep" for e in history.events)

    await shop.until("the sweep to be asked for", sweeping)
    ticket = await shop.submit(Operation.up, shop.doc(other=thing()))

    async def begun() -> bool:
        return (await shop.board()).current == ticket.run

    await shop.until("the run to begin", begun)
    await shop.work("sim")
    assert (await shop.ended(ticket)).state is State.done
