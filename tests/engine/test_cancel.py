"""A run can be stopped at any moment: by us, or in the Web UI."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.letters import from_temporal
from holdfast.contract import Operation, State
from holdfast.errors import Unavailable
from tests.engine.harness import Engine, thing


def _three(shop: Engine) -> str:
    return shop.doc(net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))


@pytest.mark.parametrize("native", [False, True])
async def test_cancel_in_mid_walk_takes_everything_back(shop: Engine, native: bool) -> None:
    """A cancel, ours or Temporal's own, waits for what is under way and takes back all of it."""
    hold = shop.cloud.hold("create", "app")
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    if native:
        await shop.run().cancel()
    else:
        await shop.cancel()
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.cancelled
    assert shop.cloud.standing == ""
    assert await shop.ledger() == {}


async def test_cancel_keep_leaves_everything_standing(shop: Engine) -> None:
    """`cancel --keep` waits for what is under way, leaves it, and names what was never begun."""
    hold = shop.cloud.hold("create", "app", after=True)
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    await shop.cancel(keep=True)
    hold.let_go()
    report = await shop.ended(ticket)
    assert report.state is State.owed
    assert shop.cloud.standing == "app net"
    assert set(await shop.ledger()) == {"app", "net"}
    assert {o.address.name for o in report.owed} == {"top"}
    assert (await shop.up(_three(shop))).state is State.done
    assert (await shop.board()).owed == ()


@pytest.mark.parametrize("how", ["cancel", "keep", "native"])
async def test_cancel_while_planning_touches_nothing(shop: Engine, how: str) -> None:
    """A run that is stopped before it has a plan ends as cancelled, and nothing was touched."""
    hold = shop.cloud.hold("list", "sim.thing")
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    if how == "native":
        await shop.run().cancel()
    else:
        await shop.cancel(keep=how == "keep")
    report = await shop.ended(ticket)
    assert report.state is State.cancelled
    assert shop.cloud.mutations == []


async def test_a_native_cancel_while_walking_back_changes_nothing(shop: Engine) -> None:
    """Walking back is not stopped by a cancel, whoever sends it, and ours is told so."""
    shop.cloud.refuse("create", "top")
    hold = shop.cloud.hold("delete", "app")
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await shop.cancel()
    said = from_temporal(refused.value.cause).letter
    assert (said.error, said.happened) == ("Refused", f"{ticket.run} is walking back already")
    assert f"`holdfast watch {ticket.run}`" in said.next
    await shop.run().cancel()
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.undone
    assert shop.cloud.standing == ""


async def test_cancel_of_a_settling_create_removes_it(shop: Engine) -> None:
    """What is still on its way when the run is stopped is removed like what has arrived."""
    shop.cloud.settle_looks = 1_000_000
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))

    async def settling() -> bool:
        return (await shop.progress()).counts == {"settling": 1}

    await shop.until("the create to settle", settling)
    shop.cloud.settle_looks = 0
    await shop.cancel()
    assert (await shop.ended(ticket)).state is State.cancelled
    assert shop.cloud.count() == 0


async def test_cancel_stops_an_act_between_two_tries(shop: Engine) -> None:
    """An act that is tried again and again is given up on a cancel."""
    shop.cloud.refuse("create", "net", Unavailable("the cloud is away"), times=1000)
    ticket = await shop.submit(Operation.up, shop.doc(net=thing("token")))

    async def trying() -> bool:
        return shop.cloud.faults[0].times < 998

    await shop.until("a second try", trying)
    await shop.cancel()
    report = await shop.ended(ticket)
    assert (report.state, report.cause) == (State.cancelled, None)
    assert shop.cloud.standing == ""
