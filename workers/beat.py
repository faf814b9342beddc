"""Heartbeats for every activity, so that a killed worker is noticed within seconds, and a cancel arrives.

Not from the activity's own thread: it may sit in a socket, and that is no sign of death. And for an activity in a
thread never from the loop either: its heartbeat waits for the loop, which would wait for itself.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from temporalio import activity, worker


class BeatInterceptor(worker.Interceptor):
    """Beats at a third of each activity's heartbeat timeout, for as long as it runs."""

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:
        """Calls of activities."""
        return _Beating(next)


class _Beating(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:
        timeout = activity.info().heartbeat_timeout
        if timeout is None:
            return await super().execute_activity(input)
        in_thread = not inspect.iscoroutinefunction(input.fn)
        beating = asyncio.create_task(_beat(timeout.total_seconds() / 3, in_thread=in_thread))
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()


async def _beat(every: float, *, in_thread: bool) -> None:
    while True:
        await asyncio.sleep(every)
        if in_thread:
            await asyncio.to_thread(activity.heartbeat)
        else:
            activity.heartbeat()
