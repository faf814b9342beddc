"""Say aloud when a queue has no worker: a run that waits for one must not look as if it worked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from holdfast.contract import Activity
from workflows.options import on_control

FIRST = timedelta(seconds=30)
LAST = timedelta(minutes=10)


class Watch:
    """Looks at the queues a run needs whenever nothing has moved for a while, ever less often."""

    def __init__(self, say: Callable[[str], None], needs_workers: Callable[[], bool]) -> None:
        self.queues: set[str] = set()
        self._say, self._needs_workers = say, needs_workers
        self._moves, self._said = 0, ""

    def moved(self) -> None:
        """Something came back from a worker."""
        self._moves += 1
        self._tell("")

    async def run(self) -> None:
        """Until cancelled. Costs two events while a run moves, a handful each time it stands still, and none while it
        is paused.
        """
        wait, seen = FIRST, self._moves
        while True:
            await workflow.sleep(wait, summary="is anything standing still?")
            if self._moves != seen:
                wait, seen = FIRST, self._moves
                continue
            wait = min(wait * 2, LAST)
            if self._needs_workers():
                await self._look()
            elif workflow.patched("a-pause-sets-no-timers"):
                # A person may take weeks to answer. Whatever ends the pause moves something.
                await workflow.wait_condition(lambda: self._moves != seen)  # noqa: B023  awaited in the loop

    async def _look(self) -> None:
        try:
            empty: list[str] = await workflow.execute_activity(
                Activity.pollers,
                sorted(self.queues),
                result_type=list[str],
                summary="which queues have no worker",
                **on_control(Activity.pollers),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            return  # only a courtesy: the next look tries again
        self._tell(f"waiting for a worker on {', '.join(empty)}" if empty else "")

    def _tell(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._say(words)
