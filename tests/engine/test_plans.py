"""Whoever waits for a plan is told what it waits for, and does not wait for a worker that nobody has started."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from holdfast.contract import CONTROL_QUEUE, Message, Operation, queue
from holdfast.errors import Unavailable
from starter import attending, client, questions
from starter.client import Holdfast
from tests.engine.harness import ADA, Engine, thing
from workers.settings import Settings


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here needs the time that a person has."""
    monkeypatch.setattr(attending, "CALM", 0.1)
    monkeypatch.setattr(attending, "LOOK", 0.05)


def _holdfast(shop: Engine) -> Holdfast:
    return Holdfast(shop.client, Settings(store=""), ADA)


def _only(monkeypatch: pytest.MonkeyPatch, *manned: str) -> None:
    """What the server would say, had no test before this one served another queue."""

    async def has_worker(_: Client, name: str) -> bool:
        return name in manned

    for module in (client, attending, questions):
        monkeypatch.setattr(module, "has_worker", has_worker)


async def test_a_plan_does_not_wait_for_a_worker_without_a_word(idle: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue without a worker is named at once, and after a while ends the wait, with how to start one."""
    monkeypatch.setattr(attending, "WORKERS", 0.5)
    _only(monkeypatch, CONTROL_QUEUE)
    await idle.work("control")
    said: list[str] = []
    request = idle.request(Operation.up, idle.doc(net=thing()))
    with pytest.raises(Unavailable) as refusal:
        await _holdfast(idle).plan(request, say=said.append)
    assert said[-1] == f"waiting for a worker on {queue('sim')}"
    assert "holdfast worker --queues sim" in refusal.value.letter.next
    handle = idle.client.get_workflow_handle(f"stack/{idle.stack}/plan/{request.id}")

    async def over() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.CANCELED

    await idle.until("the planning to be stopped", over)


async def test_a_plan_says_what_the_cloud_refuses(shop: Engine) -> None:
    """A cloud that does not answer is waited for, in its own words; and when it does, the plan is made."""
    shop.cloud.refuse("list", "sim.thing", Unavailable("no list of things today"), times=1_000)
    said: list[str] = []
    request = shop.request(Operation.up, shop.doc(net=thing()))
    planning = asyncio.create_task(_holdfast(shop).plan(request, say=said.append))

    async def told() -> bool:
        return "asks again: no list of things today" in said

    await shop.until("the reason to be said", told)
    shop.cloud.mend()
    assert [a.address.name for a in (await planning).actions] == ["net"]


async def test_a_worker_that_stands_still_is_not_taken_for_the_server(
    idle: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a worker has polled and answers nothing, the letter names the worker: Temporal does answer."""
    monkeypatch.setattr(questions, "ANSWER", timedelta(milliseconds=300))
    _only(monkeypatch, CONTROL_QUEUE)
    said: list[str] = []
    request = idle.request(Operation.up, idle.doc(net=thing()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await _holdfast(idle).plan(request, say=said.append)
    (word,) = said
    assert "does not answer, though Temporal does" in word
    handle: Any = idle.client.get_workflow_handle(f"stack/{idle.stack}/plan/{request.id}")
    with pytest.raises(Unavailable, match="though Temporal does"):
        await questions.ask(idle.client, handle, Message.needs, list[str])
    await handle.terminate("the test is over")


async def test_a_request_that_no_worker_hears_is_given_up(idle: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stands still hears no request either: the letter says that it may yet, and Ctrl-C stays Ctrl-C."""
    _only(monkeypatch, CONTROL_QUEUE)
    idle.stacks.add(idle.stack)
    request = idle.request(Operation.up, idle.doc(net=thing()))
    asked = asyncio.create_task(_holdfast(idle).submit(request))
    await asyncio.sleep(0.3)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    monkeypatch.setattr(client, "HEARD", 0.3)
    with pytest.raises(Unavailable, match="though Temporal does") as refusal:
        await _holdfast(idle).submit(request)
    assert "may still be heard" in refusal.value.letter.standing
