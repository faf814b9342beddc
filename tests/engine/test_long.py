"""Executions end before their history is full, and the next one goes on where they were."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from holdfast.contract import Attribute, Operation, State
from tests.engine.harness import Engine, thing
from workflows import provision, stack, watch


def _many(shop: Engine, count: int = 12, kind: str = "token") -> str:
    things = {f"t{n}": thing(kind, uses=[f"${{t{n - 1}.id}}"] if n else []) for n in range(count)}
    return shop.doc({"last": f"${{t{count - 1}.id}}"}, **things)


async def test_a_long_walk_goes_on_in_a_new_execution(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost, repeated or forgotten when a run continues as new in mid-walk, forward and back."""
    monkeypatch.setattr(provision, "FULL", 60)
    text = _many(shop)
    report = await shop.up(text)
    assert report.state is State.done
    assert report.fates == {"done": 12}
    execution = (await shop.board()).past[-1].execution
    assert len(await shop.chain(execution)) > 1
    assert await shop.attribute(Attribute.run) == report.run
    assert await shop.outputs() == {"last": "id-12"}
    shop.cloud.refuse("create", "t12")
    failed = await shop.up(_many(shop, 13))
    assert failed.state is State.undone
    assert (await shop.down()).state is State.done
    assert shop.cloud.standing == ""
    assert len([m for m in shop.cloud.mutations if m.verb == "create" and not m.refused]) == 12


async def test_a_walk_back_goes_on_in_a_new_execution(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that turns around in one execution is finished in another, with the cause in its report."""
    monkeypatch.setattr(provision, "FULL", 60)
    shop.cloud.refuse("create", "t11")
    report = await shop.up(_many(shop))
    assert report.state is State.undone
    assert report.cause is not None
    assert "no create of t11" in report.cause.happened
    assert shop.cloud.standing == ""


async def test_a_later_execution_that_walks_back_may_be_reset(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset to its very beginning, where it still went forward, it goes on taking back: some of it is gone already."""
    monkeypatch.setattr(provision, "FULL", 60)
    shop.cloud.refuse("create", "t11")
    hold = shop.cloud.hold("delete", "t10", after=True)
    ticket = await shop.submit(Operation.up, _many(shop, kind="thing"))
    await shop.reached(hold)
    history = await shop.run().fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    monkeypatch.setattr(provision, "FULL", 3_000)
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    await shop.reset(next(e.event_id for e in history.events if e.event_type == done))
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.undone
    assert shop.cloud.standing == ""
    assert len([m for m in shop.cloud.mutations if m.verb == "create" and not m.refused]) == 11


async def test_a_terminated_later_execution_is_taken_back_whole(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recover run takes back what earlier executions of the run did as well."""
    monkeypatch.setattr(provision, "FULL", 60)
    hold = shop.cloud.hold("create", "t11", after=True)
    await shop.submit(Operation.up, _many(shop))
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    assert (await shop.ended(f"{shop.stack}-2")).state is State.undone
    assert shop.cloud.standing == ""


async def test_settling_goes_on_with_the_time_it_has_left(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline travels into the next execution: continuing as new does not give a resource more time."""
    monkeypatch.setattr(watch, "FIRST", timedelta(seconds=1))
    monkeypatch.setattr(provision, "FULL", 12)
    shop.cloud.settle_looks = 1_000_000
    ticket = await shop.submit(Operation.up, shop.doc(slow=thing(about={"timeouts": {"create": "4s"}})))

    async def settling() -> bool:
        return (await shop.progress()).counts == {"settling": 1}

    await shop.until("the create to settle", settling)
    shop.cloud.settle_looks = 0  # for its removal
    report = await shop.ended(ticket)
    assert report.cause is not None
    # No execution lasts as long as that: with all the time again in each, this would never have come.
    assert report.cause.error == "NotStabilized"
    assert len(await shop.chain((await shop.board()).past[-1].execution)) > 2


async def test_the_arbiter_goes_on_with_its_queue(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An arbiter that continues as new keeps its queue, its ledger and its numbers, and misses no end of a run."""
    monkeypatch.setattr(stack, "FULL", 15)
    hold = shop.cloud.hold("create", "t0")
    tickets = [await shop.submit(Operation.up, _many(shop, n)) for n in range(1, 6)]
    await shop.reached(hold)
    hold.let_go()
    reports = [await shop.ended(t) for t in tickets]
    assert [r.state for r in reports] == [State.done] * 5
    assert [r.run for r in reports] == [f"{shop.stack}-{n}" for n in range(1, 6)]
    assert set(await shop.ledger()) == {f"t{n}" for n in range(5)}
    seen = await shop.arbiter().describe()
    first = (await shop.arbiter().fetch_history()).events[0].workflow_execution_started_event_attributes
    assert first.first_execution_run_id != seen.run_id
    again = await shop.submit(Operation.up, _many(shop, 1))
    assert again.run == f"{shop.stack}-6"
