"""Wait for a plan, and say what it waits for: a person sits in front of it, and a queue without a worker ends the wait.

A run waits for workers as long as it takes; a plan holds nothing, and is asked for again as easily.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from activities.server import has_worker
from holdfast.contract import CONTROL_QUEUE, Message
from holdfast.errors import Unavailable
from starter.hindrances import asked_again
from starter.questions import ask
from workers.connecting import unanswered

Say = Callable[[str], None]

CALM = 3.0  # seconds: of a plan that takes no longer, nothing is said
LOOK = 1.0
WORKERS = 30.0  # seconds for which a queue may be without a worker; by then a run says so as well


async def attend(client: Client, planning: WorkflowHandle[Any, Any], made: asyncio.Future[Any], say: Say) -> None:
    """Return when the plan is made, or has failed. `say` hears what it waits for, whenever that changes.

    Raises `Unavailable` when a queue that it needs has had no worker for a while.
    """
    said: str | None = None
    needs: set[str] = {CONTROL_QUEUE}
    manned = time.monotonic()
    await asyncio.wait([made], timeout=CALM)
    while not made.done():
        silent = await _looked(client, _learn(client, planning, needs))
        empty = [queue for queue in sorted(needs) if not await _manned(client, queue)]
        several = len(needs - {CONTROL_QUEUE}) > 1
        again = await _looked(client, asked_again(client, planning, several=several))
        waits = f"waiting for a worker on {', '.join(empty)}" if empty else silent
        words = ", ".join(part for part in (waits, again) if part)
        if words != said and not made.done():
            say(words)
            said = words
        now = time.monotonic()
        manned = manned if empty else now
        if now - manned > WORKERS and not made.done():
            raise no_worker(empty, standing="nothing was touched")
        await asyncio.wait([made], timeout=LOOK)


def no_worker(queues: Iterable[str], *, standing: str) -> Unavailable:
    """The letter of queues that nobody works on."""
    names = list(queues)
    short = ",".join(name.removeprefix("holdfast-") for name in names)
    return Unavailable(
        f"no worker answers on {', '.join(names)}",
        standing=standing,
        next=f"`holdfast worker --queues {short}` starts one; `holdfast local start` starts all",
    )


async def _learn(client: Client, planning: WorkflowHandle[Any, Any], needs: set[str]) -> str:
    with suppress(WorkflowQueryFailedError):  # a worker of an older release, which knows no such question
        needs.update(await ask(client, planning, Message.needs, list[str]))
    return ""


async def _manned(client: Client, queue: str) -> bool:
    try:
        return await has_worker(client, queue)
    except RPCError:  # who is there is not known, and it is said elsewhere that nobody answers
        return True


async def _looked(client: Client, looking: Awaitable[str]) -> str:
    """What came of a look; or why nothing came of it. The next one tries again."""
    try:
        return await looking
    except Unavailable as away:
        return away.letter.happened
    except RPCError as error:
        return unanswered(client, error).letter.happened
