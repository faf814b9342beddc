"""Work that outlives a cancel: the one place where `asyncio.shield` stands.

Temporal delivers a cancel to the workflow's main task, once. A plain shield would let the main task end while the work
goes on unheard; here the main task waits, tells the work that it was asked to stop, and ends with its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def detached(work: Coroutine[Any, Any, T], on_cancel: Callable[[], None]) -> T:
    """The result of `work`, which a cancel does not reach; `on_cancel` is called each time one arrives."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)  # noqa: TID251  the one place
        except asyncio.CancelledError:
            if task.done():
                break
            on_cancel()
    return task.result()
