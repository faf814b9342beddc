"""What is tried again by itself says why, wherever a run is looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from holdfast.contract import Message, Operation, State, queue
from holdfast.errors import Blocked, Unavailable
from holdfast.progress import Progress, standing
from holdfast.run import Fate
from holdfast.tree import headline, words
from starter import hindrances
from tests.engine.harness import Engine, thing


async def _seen(shop: Engine) -> Progress:
    return await hindrances.with_hindrances(shop.client, shop.run(), await shop.progress())


async def test_an_undo_that_the_cloud_blocks_says_what_blocks_it(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource that cannot be taken back yet shows why; once it can, nothing is said any more."""
    monkeypatch.setattr(hindrances, "CALM", timedelta(0))
    shop.cloud.refuse("create", "app")
    shop.cloud.refuse("delete", "net", Blocked("an interface is still attached"), times=1_000)
    ticket = await shop.submit(Operation.up, shop.doc(net=thing(), app=thing(base="${net.id}")))

    async def blocked() -> bool:
        return any(row.hindrance is not None for row in (await _seen(shop)).rows)

    await shop.until("the undo to be blocked", blocked)
    (net,) = [row for row in (await _seen(shop)).rows if row.address.name == "net"]
    assert words(net) == f"undoing · {net.remote_id} · asks again: an interface is still attached"
    shop.cloud.mend()
    assert (await shop.ended(ticket)).state is State.undone


async def test_what_only_settles_is_not_hindered(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again is what settling means; it is no hindrance. What has been made stands, before the run has ended."""
    monkeypatch.setattr(hindrances, "CALM", timedelta(0))
    shop.cloud.settle_looks = 1_000
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.until_fate("net", Fate.settling)
    await shop.until("two looks", lambda: _looked(shop))
    progress = await _seen(shop)
    assert [row.hindrance for row in progress.rows] == [None]
    assert [(s.address.name, s.state, s.run) for s in standing((), progress)] == [("net", "settling", ticket.run)]
    shop.cloud.settle_looks = 0
    await shop.cancel()
    assert (await shop.ended(ticket)).state is State.cancelled


async def test_a_run_that_cannot_read_the_cloud_says_why(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While there is no plan yet, and so no row, the run itself says what it asks for again, and nothing afterwards."""
    monkeypatch.setattr(hindrances, "CALM", timedelta(0))
    shop.cloud.refuse("list", "sim.thing", Unavailable("no list of things today"), times=1_000)
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))

    async def refused() -> bool:
        return bool((await _seen(shop)).waiting)

    await shop.until("the look to be refused", refused)
    assert headline(await _seen(shop)) == f"{ticket.run} up: planning, asks again: no list of things today"
    hold = shop.cloud.hold("create", "net")
    shop.cloud.faults.popleft()
    await shop.reached(hold)
    assert (await _seen(shop)).waiting == ""
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done


async def test_a_run_that_one_of_several_clouds_keeps_waiting_names_the_way_out(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a run reads several clouds, and one does not answer, the line says once how to go on without it."""
    monkeypatch.setattr(hindrances, "CALM", timedelta(0))
    shop.cloud.refuse("list", "sim.thing", Unavailable("no list of things today"), times=1_000)
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))

    async def refused() -> bool:
        return bool((await _seen(shop)).waiting)

    await shop.until("the look to be refused", refused)
    assert await shop.run().query(Message.needs) == [queue("sim")]
    assert await hindrances.asked_again(shop.client, shop.run()) == "asks again: no list of things today"
    several = await hindrances.asked_again(shop.client, shop.run(), several=True)
    assert several == "asks again: no list of things today (`--target ADDRESS` asks only where it has to)"

    async def needs(*_: object) -> list[str]:
        return [queue("aws"), queue("sim")]

    monkeypatch.setattr(hindrances, "ask", needs)
    waiting = (await _seen(shop)).waiting
    assert waiting.endswith("today (or cancel it, and go on elsewhere with `--target ADDRESS`)")
    shop.cloud.mend()
    assert (await shop.ended(ticket)).state is State.done


async def _looked(shop: Engine) -> bool:
    pending = (await shop.run().describe()).raw_description.pending_activities
    return any(p.attempt > 2 for p in pending)
