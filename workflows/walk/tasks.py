"""Cancelling asyncio's tasks with care, under Temporal's loop as well as under its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

Task = asyncio.Task[None]


def cancel(tasks: Iterable[Task]) -> None:
    """Cancel each task once: a second time would break into the waiting that the first one began."""
    for task in tasks:
        if not task.cancelling():
            task.cancel()


async def let_go(tasks: Iterable[Task]) -> None:
    """Cancel the tasks, and wait until they can do no more."""
    all_of_them = list(tasks)
    cancel(all_of_them)
    await asyncio.gather(*all_of_them, return_exceptions=True)


def was_cancelled() -> bool:
    """Whether the task that asks was cancelled by somebody who holds it, and not only by what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
