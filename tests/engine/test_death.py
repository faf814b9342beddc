"""Whatever somebody terminates or resets in the Web UI, the promise holds."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowUpdateFailedError

from activities.salvage import salvage
from holdfast.contract import Answer, OnFailure, Operation, State
from holdfast.run import Fate
from tests.engine.harness import Engine, thing
from workflows import stack


def _three(shop: Engine) -> str:
    return shop.doc(net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))


async def _recovered(shop: Engine, run: str) -> State:
    """The state of the recover run that follows a run without a report."""
    number = int(run.rpartition("-")[2])
    return (await shop.ended(f"{shop.stack}-{number + 1}")).state


# --- terminate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
async def test_a_terminated_run_is_taken_back(shop: Engine, after: bool) -> None:
    """A run that is terminated in mid-walk is followed by a recover run, which takes back everything it did."""
    await shop.up(shop.doc(old=thing(size=1), gone=thing()))
    before = shop.cloud.snapshot()
    hold = shop.cloud.hold("create", "app", after=after)
    text = shop.doc(old=thing(size=2), net=thing("token"), app=thing("token", base="${net.id}"))
    ticket = await shop.submit(Operation.up, text)
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    assert await _recovered(shop, ticket.run) is State.undone
    assert shop.cloud.snapshot() == before
    past = {p.run: p.state for p in (await shop.board()).past}
    assert past[ticket.run] is State.owed
    assert set(await shop.ledger()) == {"old", "gone"}


async def test_a_replace_that_was_terminated_is_taken_back(shop: Engine) -> None:
    """The new half of a replace is found by its own token, and the old half stays."""
    await shop.up(shop.doc(net=thing(zone="a"), app=thing(base="${net.id}")))
    before = shop.cloud.snapshot()
    hold = shop.cloud.hold("delete", "app")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing(zone="b"), app=thing(base="${net.id}")))
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    assert await _recovered(shop, ticket.run) is State.undone
    assert shop.cloud.snapshot() == before


async def test_a_recover_run_may_be_terminated_too(shop: Engine) -> None:
    """Whoever terminates the recover run as well only makes another one."""
    first = shop.cloud.hold("create", "top", after=True)
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(first)
    second = shop.cloud.hold("delete", "app")
    await shop.run().terminate("by hand")
    first.let_go()
    await shop.reached(second)
    await shop.run().terminate("by hand, again")
    second.let_go()
    assert await _recovered(shop, f"{shop.stack}-2") is State.undone
    assert ticket.run == f"{shop.stack}-1"
    assert shop.cloud.standing == ""


async def test_a_recover_run_that_had_not_begun_is_not_forgotten(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recover run that is terminated before it has read anything leaves its work to the next."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def held(*args: object) -> object:
        asked.set()
        await go_on.wait()
        return await salvage(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("activities.server.salvage", held)
    hold = shop.cloud.hold("create", "app", after=True)
    await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    await asyncio.wait_for(asked.wait(), 20)
    await shop.run().terminate("by hand, again")
    go_on.set()
    assert await _recovered(shop, f"{shop.stack}-2") is State.undone
    assert shop.cloud.standing == ""


async def test_a_terminated_run_that_keeps_is_handed_over(shop: Engine) -> None:
    """A `down` that keeps is not walked back: what it left is named, and owed."""
    await shop.up(_three(shop))
    hold = shop.cloud.hold("delete", "app")
    ticket = await shop.submit(Operation.down, on_failure=OnFailure.keep)
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    assert await _recovered(shop, ticket.run) is State.owed
    board = await shop.board()
    assert {o.address.name for o in board.owed} == {"app", "net"}
    assert (await shop.settle(shop.address("app"), Answer.retry)).state is State.done
    assert (await shop.board()).owed == ()
    assert shop.cloud.standing == ""


async def test_a_run_that_ended_properly_is_not_recovered(shop: Engine) -> None:
    """Done, undone, cancelled, refused, owed: none of them is followed by a recover."""
    await shop.up(_three(shop))
    shop.cloud.refuse("create", "new")
    await shop.up(shop.doc(net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"), new=thing()))
    await shop.up("nonsense: [")
    shop.cloud.refuse("delete", "top")
    await shop.down(on_failure=OnFailure.keep)
    past = (await shop.board()).past
    assert [p.state for p in past] == [State.done, State.undone, State.refused, State.owed]
    assert all(p.operation is not Operation.recover for p in past)
    assert (await shop.board()).queue == ()


async def test_a_run_that_was_terminated_in_planning_leaves_nothing(shop: Engine) -> None:
    """There is nothing to take back, and the recover run says so."""
    hold = shop.cloud.hold("list", "sim.thing")
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    assert await _recovered(shop, ticket.run) is State.unchanged
    assert (await shop.up(_three(shop))).state is State.done


# --- reset ------------------------------------------------------------------------------------------------------------


async def _finished_tasks(shop: Engine) -> list[int]:
    history = await shop.run().fetch_history()
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return [e.event_id for e in history.events if e.event_type == done]


@pytest.mark.parametrize("kind", ["thing", "token"])
@pytest.mark.parametrize("early", [True, False])
async def test_a_reset_run_makes_nothing_twice(shop: Engine, early: bool, kind: str) -> None:
    """A run that is reset in mid-walk goes on, adopts what it had made, and makes nothing twice."""
    text = shop.doc(net=thing(kind), app=thing(kind, base="${net.id}"), top=thing(kind, base="${app.id}"))
    hold = shop.cloud.hold("create", "top")
    ticket = await shop.submit(Operation.up, text)
    await shop.reached(hold)
    tasks = await _finished_tasks(shop)
    await shop.reset(tasks[0] if early else tasks[-2])
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done
    assert shop.cloud.standing == "app net top"
    assert (await shop.up(text)).state is State.unchanged
    past = (await shop.board()).past
    assert [p.operation for p in past] == [Operation.up, Operation.up]


async def test_a_reset_run_takes_back_what_it_forgot(shop: Engine) -> None:
    """When a reset run then fails, everything is undone, also what its own history no longer holds."""
    hold = shop.cloud.hold("create", "top", after=True)
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    tasks = await _finished_tasks(shop)
    shop.cloud.refuse("create", "top")
    await shop.reset(tasks[3])
    await shop.cancel()
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.cancelled
    assert shop.cloud.standing == ""


async def test_a_reset_run_that_is_terminated_is_taken_back(shop: Engine) -> None:
    """Reset, and then terminated: the recover run knows that more may have been sent than it can read."""
    hold = shop.cloud.hold("create", "top", after=True)
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    tasks = await _finished_tasks(shop)
    plan_made = 4
    again = shop.cloud.hold("list", "sim.thing")
    await shop.reset(tasks[plan_made])
    await shop.reached(again)
    await shop.run().terminate("by hand")
    hold.let_go()
    again.let_go()
    assert await _recovered(shop, ticket.run) is State.undone
    assert shop.cloud.standing == ""


@pytest.mark.parametrize("kind", ["thing", "named"])
async def test_a_reset_delivers_anew_what_was_under_way(shop: Engine, kind: str) -> None:
    """A create that was under way at the point of a reset, and has happened since, is looked for and adopted."""
    other, top = shop.cloud.hold("create", "other", after=True), shop.cloud.hold("create", "top")
    text = shop.doc(net=thing(), other=thing(kind), top=thing(base="${net.id}"))
    ticket = await shop.submit(Operation.up, text)
    await shop.reached(other, top)
    tasks = await _finished_tasks(shop)
    other.let_go()
    await shop.until_fate("other", Fate.done)
    await shop.reset(tasks[-1])
    top.let_go()
    assert (await shop.ended(ticket)).state is State.done
    assert shop.cloud.standing == "net other top"


@pytest.mark.parametrize("answer", [None, Answer.skip])
async def test_a_run_that_is_reset_to_its_question_knows_what_it_forgot(shop: Engine, answer: Answer | None) -> None:
    """Reset to where it asked, and then stopped or answered: what was done behind the question is not forgotten."""
    shop.cloud.refuse("create", "app")
    ticket = await shop.submit(Operation.up, _three(shop), on_failure=OnFailure.pause)
    await shop.until_state(State.paused)
    asked = (await _finished_tasks(shop))[-1]
    hold = shop.cloud.hold("create", "top", after=True)
    await shop.resolve(shop.address("app"), Answer.retry)
    await shop.reached(hold)
    await shop.reset(asked, unsaid=True)
    hold.let_go()
    await shop.until_state(State.paused)
    if answer is None:
        await shop.cancel()
        assert (await shop.ended(ticket)).state is State.cancelled
        assert shop.cloud.standing == ""
    else:

        async def answered() -> bool:  # while it reads what was cut off, it asks nothing
            with contextlib.suppress(WorkflowUpdateFailedError):
                await shop.resolve(shop.address("app"), answer)
                return True
            return False

        await shop.until("the answer to be heard", answered)
        report = await shop.ended(ticket)
        assert {o.address.name: o.fate for o in report.owed} == {"app": "stuck", "top": "stuck"}


async def test_what_a_reset_cut_off_is_not_forgotten_where_nobody_may_look(shop: Engine) -> None:
    """Refused, made by a retry that a reset has cut off, and then not to be seen: a person is asked, and it goes."""
    shop.cloud.refuse("create", "app")
    ticket = await shop.submit(
        Operation.up, shop.doc(net=thing(), app=thing(base="${net.id}")), on_failure=OnFailure.pause
    )
    await shop.until_state(State.paused)
    asked = (await _finished_tasks(shop))[-1]
    hold = shop.cloud.hold("create", "app", after=True)
    await shop.resolve(shop.address("app"), Answer.retry)
    await shop.reached(hold)
    await shop.reset(asked, unsaid=True)
    hold.let_go()
    await shop.until_state(State.paused)
    shop.cloud.refuse("list", "sim.thing", times=100)
    await shop.cancel()

    async def not_seen() -> bool:
        return any(row.letter and "no list" in row.letter.happened for row in (await shop.progress()).rows)

    await shop.until("the look to be refused", not_seen)
    shop.cloud.mend()
    await shop.resolve(shop.address("app"), Answer.rollback)
    assert (await shop.ended(ticket)).state is State.cancelled
    assert shop.cloud.standing == ""


@pytest.mark.parametrize("back", [1, 2, 3])
async def test_a_run_that_walks_back_may_be_reset(shop: Engine, back: int) -> None:
    """A run that is reset after it has turned around takes back what is left, and brings nothing back twice."""
    await shop.up(shop.doc(old=thing(size=1), gone=thing()))
    making = shop.cloud.hold("create", "new")
    bad = thing(about={"depends_on": ["new"]})
    ticket = await shop.submit(Operation.up, shop.doc(old=thing(size=2), new=thing(), bad=bad))
    await shop.until_fate("gone", Fate.done)
    shop.cloud.refuse("create", "bad")
    returning, removing = shop.cloud.hold("create", "gone", after=True), shop.cloud.hold("delete", "new")
    making.let_go()
    await shop.reached(returning, removing)
    await shop.until_fate("old", Fate.undone)
    tasks = await _finished_tasks(shop)
    returning.let_go()
    await shop.until_fate("gone", Fate.undone)
    await shop.reset(tasks[-back])
    removing.let_go()
    assert (await shop.ended(ticket)).state is State.undone
    assert shop.cloud.standing == "gone old"
    assert next(t for t in shop.cloud.things.values() if t.fields["name"] == "old").fields["size"] == 1
    assert set(await shop.ledger()) == {"old", "gone"}
    assert (await shop.down()).state is State.done
    assert shop.cloud.standing == ""


async def test_an_old_run_may_be_reset(shop: Engine) -> None:
    """A run that ended is reset while nobody works: the arbiter takes it up, files it, and forgets nothing."""
    await shop.up(shop.doc(net=thing()))
    history = await shop.run().fetch_history()
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    first = next(e.event_id for e in history.events if e.event_type == done)
    execution = await shop.run().describe()
    await shop.reset(first)

    async def filed() -> bool:
        return len((await shop.board()).past) == 2

    await shop.until("the reset run to be filed", filed)
    assert (await shop.board()).past[-1].execution != execution.run_id
    assert shop.cloud.standing == "net"
    assert set(await shop.ledger()) == {"net"}
    assert (await shop.up(shop.doc(net=thing()))).state is State.unchanged


# --- the arbiter ------------------------------------------------------------------------------------------------------


async def test_an_arbiter_that_was_terminated_is_restored(shop: Engine) -> None:
    """A new arbiter finds the run in progress, keeps the lock and the number, and takes over the ledger."""
    await shop.up(shop.doc(net=thing()))
    hold = shop.cloud.hold("create", "app")
    await shop.submit(Operation.up, shop.doc(net=thing(), app=thing(base="${net.id}")))
    await shop.reached(hold)
    await shop.arbiter().terminate("by hand")
    ticket = await shop.submit(Operation.up, _three(shop))
    assert ticket.run == f"{shop.stack}-3"
    board = await shop.board()
    assert (board.current, [q.run for q in board.queue]) == (f"{shop.stack}-2", [ticket.run])
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done
    assert [p.run for p in (await shop.board()).past] == [f"{shop.stack}-2", f"{shop.stack}-3"]
    assert shop.cloud.standing == "app net top"
    assert set(await shop.ledger()) == {"net", "app", "top"}


async def test_a_run_outlives_its_arbiter(shop: Engine) -> None:
    """A run whose arbiter is gone comes to its end, and the next arbiter files its report."""
    hold = shop.cloud.hold("create", "net")
    await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    await shop.arbiter().terminate("by hand")
    hold.let_go()
    assert (await shop.run().result()).state is State.done
    report = await shop.up(shop.doc(net=thing()))
    assert (report.run, report.state) == (f"{shop.stack}-2", State.unchanged)
    assert [p.state for p in (await shop.board()).past] == [State.done, State.unchanged]


async def test_a_recover_run_cannot_be_stopped(shop: Engine) -> None:
    """A cancel, ours or native, does not keep a recover run from taking everything back."""
    first = shop.cloud.hold("create", "app", after=True)
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(first)
    second = shop.cloud.hold("delete", "app")
    await shop.run().terminate("by hand")
    first.let_go()
    await shop.reached(second)
    with pytest.raises(Exception, match="update failed"):
        await shop.cancel(keep=True)
    await shop.run().cancel()
    second.let_go()
    assert await _recovered(shop, ticket.run) is State.undone
    assert shop.cloud.standing == ""


async def test_run_and_arbiter_may_be_terminated_together(shop: Engine) -> None:
    """The next request starts an arbiter that finds the dead run, and has it taken back before anything else."""
    hold = shop.cloud.hold("create", "app", after=True)
    await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    await shop.arbiter().terminate("by hand")
    await shop.run().terminate("by hand")
    hold.let_go()
    ticket = await shop.submit(Operation.up, shop.doc(other=thing()))
    assert (await shop.ended(ticket)).state is State.done
    assert shop.cloud.standing == "other"
    past = [(p.operation, p.state) for p in (await shop.board()).past]
    assert past == [
        (Operation.up, State.owed),
        (Operation.recover, State.undone),
        (Operation.up, State.done),
    ]


async def test_a_run_whose_history_was_deleted_holds_nobody_up(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can take back what nobody remembers; the stack is not locked for it."""
    monkeypatch.setattr(stack, "LOOK", timedelta(milliseconds=300))
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    await shop.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=shop.client.namespace, workflow_execution=WorkflowExecution(workflow_id=shop.run().id)
        )
    )
    hold.let_go()

    async def filed() -> bool:
        return [(p.run, p.state) for p in (await shop.board()).past] == [(ticket.run, State.owed)]

    await shop.until("the run to be given up", filed)
    assert (await shop.up(shop.doc(net=thing()))).state in {State.done, State.unchanged}
    assert shop.cloud.standing == "net"
