"""Workers come and go in the middle of an act, and nobody pays for it but with time."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.worker import Worker

from holdfast.contract import Activity, Answer, OnFailure, Operation, State
from holdfast.errors import Broken, Unavailable
from holdfast.testing.sim import SimThing
from tests.engine.harness import Engine, thing
from workers import composition
from workflows import options, planning, stack, watch


async def test_a_worker_that_stops_while_an_act_looks_costs_nothing(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An act that is cut off by its worker's end is carried out by another; the run does not fail for it."""
    monkeypatch.setattr(composition, "GRACE", timedelta(milliseconds=200))
    await shop.rest()
    await shop.work()
    monkeypatch.setattr(SimThing, "visible_within", timedelta(seconds=50))
    shop.cloud.refuse("create", "net", Unavailable("no answer came"))
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))

    async def looking() -> bool:
        return not shop.cloud.faults and shop.cloud.calls["list"] > 2

    await shop.until("the second delivery to look", looking)
    await shop.rest("sim")
    monkeypatch.setattr(SimThing, "visible_within", timedelta(milliseconds=100))
    await shop.work("sim")
    assert (await shop.ended(ticket)).state is State.done
    assert shop.cloud.standing == "net"


async def test_a_cancel_reaches_an_act_that_looks(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act that is looking again and again stops at the next look when its run is cancelled."""
    monkeypatch.setattr(SimThing, "visible_within", timedelta(seconds=50))
    shop.cloud.refuse("create", "net", Unavailable("no answer came"))
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))

    async def looking() -> bool:
        return not shop.cloud.faults and shop.cloud.calls["list"] > 2

    await shop.until("the second delivery to look", looking)
    monkeypatch.setattr(SimThing, "visible_within", timedelta(milliseconds=100))
    await shop.cancel()
    assert (await shop.ended(ticket)).state is State.cancelled
    assert shop.cloud.standing == ""


async def test_a_slow_call_is_no_sign_of_death(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act whose call takes longer than its heartbeat allows beats all the same, and is delivered once."""
    beats = {a: dataclasses.replace(p, heartbeat=timedelta(seconds=1)) for a, p in options.TABLE.items()}
    monkeypatch.setattr(options, "TABLE", beats)
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    await asyncio.sleep(2.5)
    (pending,) = (await shop.run().describe()).raw_description.pending_activities
    assert pending.attempt == 1
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done


async def test_a_run_does_not_depend_on_a_workers_memory(idle: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every task replays its whole run from history, through pause, answer, failure and walk back, to the same end."""
    forgetful = partial(Worker, max_cached_workflows=0)
    monkeypatch.setattr(composition, "Worker", forgetful)
    await idle.work()
    text = idle.doc(net=thing(), app=thing(base="${net.id}"), top=thing("token", base="${app.id}"))
    idle.cloud.refuse("create", "app")
    ticket = await idle.submit(Operation.up, text, on_failure=OnFailure.pause)
    await idle.until_state(State.paused)
    await idle.resolve(idle.address("app"), Answer.retry)
    assert (await idle.ended(ticket)).state is State.done
    idle.cloud.refuse("delete", "app")
    again = idle.doc(net=thing(size=2))
    assert (await idle.up(again)).state is State.undone
    assert idle.cloud.standing == "app net top"


async def test_a_run_may_end_while_it_asks_for_workers(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for workers is a courtesy: a run that ends meanwhile ends."""
    monkeypatch.setattr(watch, "FIRST", timedelta(milliseconds=50))
    asked = asyncio.Event()

    async def slow(*_: Any) -> bool:
        asked.set()
        await asyncio.sleep(60)
        return True

    monkeypatch.setattr("activities.server.has_worker", slow)
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    await asyncio.wait_for(asked.wait(), 20)
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done


async def test_a_run_waits_for_a_store_that_cannot_record(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what came of a run cannot be written down, the run says so and tries again; it does not end without."""
    monkeypatch.setattr(planning, "INSIST_EVERY", timedelta(milliseconds=500))
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)

    def lost(digest: str) -> Any:
        raise Broken(f"the store's value {digest} is not what was put there")

    monkeypatch.setattr(shop.store, "get", lost)
    hold.let_go()

    async def says() -> bool:
        return "cannot record" in (await shop.progress()).waiting

    await shop.until("the run to say that it cannot record", says)
    monkeypatch.undo()
    assert (await shop.ended(ticket)).state is State.done
    assert set(await shop.ledger()) == {"net"}


async def test_an_arbiter_that_gets_no_answer_looks_again(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An arbiter whose question to the server fails decides nothing, keeps its queue, and asks again."""
    monkeypatch.setattr(stack, "LOOK", timedelta(milliseconds=300))
    short = dataclasses.replace(options.TABLE[Activity.inspect], whole=timedelta(milliseconds=300))
    monkeypatch.setitem(options.TABLE, Activity.inspect, short)
    answers = iter([False, False])

    async def silent(*args: Any) -> Any:
        if next(answers, True):
            return await charge(*args)
        raise RuntimeError("no answer")

    from activities.server import Server

    charge = Server._charge
    hold = shop.cloud.hold("create", "net")
    first = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    second = await shop.submit(Operation.up, shop.doc(net=thing(size=2)))
    monkeypatch.setattr(Server, "_charge", silent)
    hold.let_go()
    assert (await shop.ended(first)).state is State.done
    assert (await shop.ended(second)).state is State.done


async def test_an_act_that_no_worker_takes_is_asked_for_again(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an act's whole time passes without a worker, the run asks anew instead of failing, and looks first."""
    short = dataclasses.replace(options.TABLE[Activity.create], whole=timedelta(milliseconds=700))
    monkeypatch.setitem(options.TABLE, Activity.create, short)
    hold = shop.cloud.hold("list", "sim.thing")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    stopping = asyncio.create_task(shop.rest("sim"))
    hold.let_go()
    await stopping

    async def asked_again() -> bool:
        return (await shop.scheduled()).count("create") > 1

    await shop.until("the create to be asked for again", asked_again)
    monkeypatch.setitem(options.TABLE, Activity.create, dataclasses.replace(short, whole=timedelta(minutes=1)))
    await shop.work("sim")
    assert (await shop.ended(ticket)).state is State.done
    assert shop.cloud.standing == "net"
