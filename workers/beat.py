"""Heartbeats for every activity, so that a killed worker is noticed within seconds, and a cancel arrives.

From the worker's loop, not from the activity: its thread may sit in a socket, and that is no sign of death.
"""

from __future__ import annotations

import asyncio
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
        beating = asyncio.create_task(_beat(timeout.total_seconds() / 3))
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()


async def _beat(every: float) -> None:
    while True:
        await asyncio.sleep(every)
        activity.heartbeat()
