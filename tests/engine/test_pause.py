"""A run that may pause asks a person, and goes on as the person says."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities import server
from holdfast.contract import Answer, Attribute, OnFailure, Operation, State
from tests.engine.harness import Engine, thing
from workflows import watch


def _three(shop: Engine) -> str:
    return shop.doc(net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))


async def _paused(shop: Engine) -> str:
    """A run that asks about the create of `app`."""
    shop.cloud.refuse("create", "app")
    ticket = await shop.submit(Operation.up, _three(shop), on_failure=OnFailure.pause)
    await shop.until_state(State.paused)
    return ticket.run


async def test_the_question_is_seen_everywhere(shop: Engine) -> None:
    """A paused run shows what it asks in its progress, in the Web UI and in its search attributes."""
    run = await _paused(shop)
    progress = await shop.progress()
    assert progress.questions == (shop.address("app"),)
    row = next(r for r in progress.rows if r.address == shop.address("app"))
    assert row.letter is not None
    assert "no create of app" in row.letter.happened
    details = await shop.details()
    assert f"holdfast resolve {shop.address('app')} retry|skip|rollback --run {run}" in details
    assert "no create of app" in details

    async def said() -> bool:
        return await shop.attribute(Attribute.state) == State.paused

    await shop.until("the search attribute to say so", said)


@pytest.mark.parametrize(
    "answer, state, standing",
    [
        (Answer.retry, State.done, "app net top"),
        (Answer.skip, State.owed, "net"),
        (Answer.rollback, State.owed, "net"),
    ],
)
async def test_each_answer_about_a_failed_act(shop: Engine, answer: Answer, state: State, standing: str) -> None:
    """`retry` tries again, `skip` leaves it as it is, `rollback` takes this one back; the rest goes on."""
    run = await _paused(shop)
    await shop.resolve(shop.address("app"), answer)
    report = await shop.ended(run)
    assert report.state is state
    assert shop.cloud.standing == standing
    owed = {o.address.name for o in (await shop.board()).owed}
    assert owed == ({"app", "top"} if answer is Answer.skip else {"top"} if answer is Answer.rollback else set())


@pytest.mark.parametrize(
    "answer, state, standing",
    [
        (Answer.retry, State.cancelled, ""),
        (Answer.skip, State.owed, "app net"),
        (Answer.rollback, State.cancelled, ""),
    ],
)
async def test_each_answer_about_a_failed_undo(shop: Engine, answer: Answer, state: State, standing: str) -> None:
    """On the way back `retry` and `rollback` try the undo again, and `skip` leaves it stuck and names what it keeps."""
    shop.cloud.refuse("create", "top")
    shop.cloud.refuse("delete", "app")
    ticket = await shop.submit(Operation.up, _three(shop), on_failure=OnFailure.pause)
    await shop.until_state(State.paused)
    await shop.cancel()

    async def asks() -> bool:
        return (await shop.progress()).questions == (shop.address("app"),)

    await shop.until("a question about the undo", asks)
    assert "no delete of app" in await shop.details()
    await shop.resolve(shop.address("app"), answer)
    report = await shop.ended(ticket)
    assert report.state is state
    assert shop.cloud.standing == standing
    if answer is Answer.skip:
        assert {(o.address.name, o.fate) for o in report.owed} == {("app", "stuck"), ("net", "kept")}


async def test_a_paused_run_outlives_its_workers(shop: Engine) -> None:
    """Workers come and go while a run is paused; it still asks, and still goes on."""
    run = await _paused(shop)
    await shop.rest()
    await shop.work()
    assert (await shop.progress()).questions == (shop.address("app"),)
    await shop.resolve(shop.address("app"), Answer.retry)
    assert (await shop.ended(run)).state is State.done


async def test_a_pause_costs_no_history(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a run waits for an answer, its history does not grow; afterwards it watches as before."""
    monkeypatch.setattr(watch, "FIRST", timedelta(milliseconds=50))
    run = await _paused(shop)

    async def length() -> int:
        return (await shop.run().describe()).history_length

    # What was under way as it paused may arrive yet, on a busy machine seconds later. A watch would go on for ever.
    lengths = [await length()]
    while len(lengths) < 4 or len(set(lengths[-4:])) > 1:
        assert len(lengths) < 20, lengths
        await asyncio.sleep(0.7)
        lengths.append(await length())
    await shop.rest("sim")
    await shop.resolve(shop.address("app"), Answer.retry)

    async def said() -> bool:
        return "waiting for a worker on holdfast-sim" in await shop.details()

    monkeypatch.setattr(server, "ALIVE", timedelta(seconds=1))
    await shop.until("the run to say what it waits for", said)
    await shop.work("sim")
    assert (await shop.ended(run)).state is State.done


async def test_what_is_not_asked_is_not_answered(shop: Engine) -> None:
    """An answer about a resource that nothing is asked about is refused, and names what is open."""
    run = await _paused(shop)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await shop.resolve(shop.address("net"), Answer.skip)
    assert str(shop.address("app")) in str(refused.value.cause)
    await shop.resolve(shop.address("app"), Answer.retry)
    assert (await shop.ended(run)).state is State.done
