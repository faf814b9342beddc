"""The ways in which an answer can be lost, each as something a test can do to three acts at once."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.cloud import Control
from tests.kills.crew import Worker
from tests.kills.wire import Wire

Completed = Callable[[], Awaitable[int]]  # how many activities have completed, as the server knows


@dataclass(frozen=True, slots=True)
class Scene:
    """What a loss strikes: requests with one of these actions, one of each."""

    control: Control
    worker: Worker
    wire: Wire
    actions: tuple[str, ...]
    completed: Completed
    nth: int = 1  # which of the requests with one action is struck: the second one may be the taking back

    def match(self, action: str) -> dict[str, Any]:
        """A rule's match for one of the actions."""
        return {"action": action, "nth": self.nth, "count": 1}


class Loss(ABC):
    """Arm before the acts are sent; strike while they are under way."""

    name: ClassVar[str]

    @abstractmethod
    def arm(self, scene: Scene) -> None:
        """Set the trap."""

    async def strike(self, scene: Scene) -> None:
        """Spring it, and let a new worker come; the default waits for a loss that springs by itself."""
        await asyncio.sleep(0)


class _Held(Loss):
    """A loss that needs the requests to be held in the cloud first."""

    executed: ClassVar[bool] = True

    def arm(self, scene: Scene) -> None:
        for action in scene.actions:
            (scene.control.hold if self.executed else scene.control.hold_before)(**scene.match(action))

    async def strike(self, scene: Scene) -> None:
        await asyncio.to_thread(scene.control.wait_held, len(scene.actions), 40)
        await self.kill(scene)
        scene.control.heal()
        scene.wire.release()
        scene.wire.cut()
        await asyncio.to_thread(scene.worker.start)

    @abstractmethod
    async def kill(self, scene: Scene) -> None:
        """The moment itself."""


class BeforeTheCall(_Held):
    name, executed = "killed before the call took effect", False

    async def kill(self, scene: Scene) -> None:
        scene.worker.kill()
        scene.control.release(drop=True)


class ExecutedAnswerLost(_Held):
    name = "killed after the call took effect, before its answer"

    async def kill(self, scene: Scene) -> None:
        scene.worker.kill()
        scene.control.release(drop=True)


class CompletionNotSent(_Held):
    name = "killed with the answer in hand, before the completion left"

    async def kill(self, scene: Scene) -> None:
        scene.wire.hold_up()
        scene.control.release()
        await asyncio.sleep(1)  # the worker has its answers now, and speaks into a wire that carries nothing
        scene.worker.kill()


class AcknowledgementLost(_Held):
    name = "killed after the completion arrived, before it was acknowledged"

    async def kill(self, scene: Scene) -> None:
        before = await scene.completed()
        scene.wire.hold_down()
        scene.control.release()
        for _ in range(100):
            if await scene.completed() > before:
                break
            await asyncio.sleep(0.1)
        scene.worker.kill()


class AnswerLost(Loss):
    name = "executed, and the connection dropped"

    def arm(self, scene: Scene) -> None:
        for action in scene.actions:
            scene.control.lose_answer(**scene.match(action))


class RequestLost(Loss):
    name = "not executed, and the connection dropped"

    def arm(self, scene: Scene) -> None:
        for action in scene.actions:
            scene.control.lose_request(**scene.match(action))


class LateCommit(Loss):
    name = "the connection dropped, and executed seconds later"

    def arm(self, scene: Scene) -> None:
        for action in scene.actions:
            scene.control.late_commit(4, **scene.match(action))


class StaleReads(Loss):
    name = "executed, the connection dropped, and lists that lag"

    def arm(self, scene: Scene) -> None:
        scene.control.settings(new_list_lag_seconds=5, stale_seconds=3, deleted_lag_seconds=3)
        for action in scene.actions:
            scene.control.lose_answer(**scene.match(action))


LOSSES: tuple[Loss, ...] = (
    BeforeTheCall(),
    ExecutedAnswerLost(),
    CompletionNotSent(),
    AcknowledgementLost(),
    AnswerLost(),
    RequestLost(),
    LateCommit(),
    StaleReads(),
)
