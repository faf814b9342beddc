"""One change at a time: requests of one stack queue behind each other, fairly, and nobody is asked twice."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    ScheduleState,
    WorkflowUpdateFailedError,
)

from activities.letters import from_temporal
from activities.server import submit
from holdfast.arbiter import Board, Queued, Ticket
from holdfast.contract import CONTROL_QUEUE, Operation, State, Workflow
from holdfast.run import Identity
from starter.client import Holdfast
from tests.engine.harness import ADA, Engine, document, thing
from workers.settings import Settings
from workflows import stack


def _one(shop: Engine, size: int = 1) -> str:
    return shop.doc(net=thing(size=size))


async def test_two_ups_on_one_stack_queue(shop: Engine) -> None:
    """The second waits until the first has ended, and then sees what it made."""
    hold = shop.cloud.hold("create", "net")
    first = await shop.submit(Operation.up, _one(shop))
    await shop.reached(hold)
    second = await shop.submit(Operation.up, _one(shop, size=2))
    assert (first.ahead, second.ahead) == (0, 1)
    assert [q.run for q in (await shop.board()).queue] == [second.run]
    hold.let_go()
    assert (await shop.ended(first)).state is State.done
    report = await shop.ended(second)
    assert (report.state, report.counts.update) == (State.done, 1)
    assert shop.cloud.standing == "net"


async def test_two_stacks_run_side_by_side(shop: Engine) -> None:
    """A run of another stack does not wait."""
    other = f"{shop.stack}-b"
    hold = shop.cloud.hold("create", "net")
    first = await shop.submit(Operation.up, _one(shop))
    await shop.reached(hold)
    second = await shop.submit(Operation.up, document(other, {"web": thing()}), stack=other)
    assert (await shop.ended(second, other)).state is State.done
    assert (await shop.board()).current == first.run
    hold.let_go()
    assert (await shop.ended(first)).state is State.done


async def test_the_same_request_twice_is_one_run(shop: Engine) -> None:
    """A repeated request is answered with its run, while it waits, while it runs and after it has ended."""
    hold = shop.cloud.hold("create", "net")
    first = await shop.submit(Operation.up, _one(shop), id="once")
    again = await shop.submit(Operation.up, _one(shop), id="once")
    assert (again.run, again.repeated or again == first) == (first.run, True)
    hold.let_go()
    await shop.ended(first)
    later = await shop.submit(Operation.up, _one(shop), id="once")
    assert later.run == first.run
    assert len((await shop.board()).past) == 1
    assert (await shop.board()).queue == ()


async def test_a_repeated_request_finds_its_run_after_the_arbiter_went_on(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request ids survive continue-as-new, where Temporal's own memory of updates does not."""
    monkeypatch.setattr(stack, "FULL", 5)
    first = await shop.submit(Operation.up, _one(shop), id="once")
    await shop.ended(first)
    later = await shop.submit(Operation.up, _one(shop), id="once")
    assert (later.run, later.repeated) == (first.run, True)


async def test_a_run_that_has_not_begun_can_be_withdrawn(shop: Engine) -> None:
    """A withdrawn run never was; one that has begun is not withdrawn."""
    hold = shop.cloud.hold("create", "net")
    first = await shop.submit(Operation.up, _one(shop))
    await shop.reached(hold)
    second = await shop.submit(Operation.up, _one(shop, size=2))
    await shop.withdraw(second.run)
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.withdraw(first.run)
    hold.let_go()
    assert (await shop.ended(first)).state is State.done
    past = {p.run: p.state for p in (await shop.board()).past}
    assert past == {first.run: State.done, second.run: State.cancelled}
    assert next(iter(shop.cloud.things.values())).fields["size"] == 1


async def test_a_run_that_is_just_beginning_is_not_withdrawn(shop: Engine) -> None:
    """What is called withdrawn never begins: at the very moment of its beginning a run cannot be withdrawn any more."""
    await shop.up(_one(shop))
    for _ in range(5):
        ticket = await shop.submit(Operation.up, _one(shop))
        with contextlib.suppress(WorkflowUpdateFailedError):
            await shop.withdraw(ticket.run)
        await shop.up(_one(shop))
        assert len([p for p in (await shop.board()).past if p.run == ticket.run]) == 1


async def test_whoever_stops_a_run_that_has_just_begun_stops_it(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client saw it in the queue, and it has left it since: then the run itself is stopped."""
    hold = shop.cloud.hold("create", "net")
    request = shop.request(Operation.up, _one(shop))
    ticket = await submit(shop.client, request)
    await shop.reached(hold)
    holdfast = Holdfast(shop.client, Settings(store=""), ADA)
    now = await holdfast.board(shop.stack)
    queued = Queued(run=ticket.run, request=request, at=datetime.now(UTC))
    boards = [now.model_copy(update={"queue": (queued,), "current": None}), now]

    async def board(_: str) -> Board:
        return boards.pop(0)

    monkeypatch.setattr(holdfast, "board", board)
    await holdfast.cancel(ticket.run)
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.cancelled


async def test_nobody_crowds_out_the_others(shop: Engine) -> None:
    """Whoever was served longest ago comes next: one request of Bob's does not wait for all of Ada's."""
    hold = shop.cloud.hold("create", "net")
    await shop.submit(Operation.up, _one(shop))
    await shop.reached(hold)
    for size in (2, 3):
        await shop.submit(Operation.up, _one(shop, size=size))
    bob = await shop.submit(Operation.up, _one(shop, size=4), identity=Identity(requester="bob"))
    last = await shop.submit(Operation.up, _one(shop, size=5))
    hold.let_go()
    await shop.ended(last)
    order = [p.run for p in (await shop.board()).past]
    assert order == [f"{shop.stack}-{n}" for n in (1, 4, 2, 3, 5)]
    assert bob.run == f"{shop.stack}-4"


async def test_a_schedule_asks_once_for_each_time(shop: Engine) -> None:
    """A schedule submits through the thin workflow; its request's id is the schedule's own id and time."""
    request = shop.request(Operation.up, _one(shop))
    action = ScheduleActionStartWorkflow(Workflow.request, request, id=f"{shop.stack}-due", task_queue=CONTROL_QUEUE)
    plan = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(paused=True))
    schedule = await shop.client.create_schedule(f"{shop.stack}-nightly", plan)
    try:
        await schedule.trigger()

        async def asked() -> bool:
            return len((await shop.board()).past) == 1

        await shop.until("the schedule's run to end", asked)
        assert shop.cloud.standing == "net"
        assert (await shop.board()).past[0].state is State.done
        due = [w async for w in shop.client.list_workflows(f"TemporalScheduledById = '{shop.stack}-nightly'")]
        assert len(due) <= 1  # the list lags
    finally:
        await schedule.delete()


async def test_a_request_that_the_arbiter_refuses_fails_with_its_words(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue refuses; the thin workflow of a schedule says so instead of trying for ever."""
    monkeypatch.setattr(stack, "LONGEST_QUEUE", 1)
    hold = shop.cloud.hold("create", "net")
    await shop.submit(Operation.up, _one(shop))
    await shop.reached(hold)
    await shop.submit(Operation.up, _one(shop))
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.submit(Operation.up, _one(shop))
    request = shop.request(Operation.up, _one(shop))
    started = await shop.client.start_workflow(
        Workflow.request, request, id=f"{shop.stack}-thin", task_queue=CONTROL_QUEUE, result_type=Ticket
    )
    with pytest.raises(Exception, match="Workflow execution failed") as failed:
        await asyncio.wait_for(started.result(rpc_timeout=timedelta(seconds=20)), 20)
    said = from_temporal(failed.value.__cause__).letter
    assert said.happened == f"the queue of {shop.stack} is full, with 1 in it"
    assert f"`holdfast status {shop.stack}`" in said.next
