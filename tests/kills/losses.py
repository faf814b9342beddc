"""The ways in which an answer can be lost, each as something a test can do to many acts at one instant."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.cloud import Control
from tests.kills.crew import Worker
from tests.kills.wire import Wire

Completed = Callable[[], Awaitable[int]]  # how many activities have completed, as the server knows


@dataclass(frozen=True, slots=True)
class Target:
    """One request that shall be struck, by what it asks and a piece of what it says."""

    action: str
    contains: str
    region: str
    nth: int = 1  # which of the requests that fit: the second one may be the taking back


@dataclass(frozen=True, slots=True)
class Scene:
    """What a loss strikes, and with what."""

    control: Control
    worker: Worker
    wire: Wire
    targets: tuple[Target, ...]
    completed: Completed
    lags: Mapping[str, float]  # the cloud's settings under which its reads are behind
    rules: dict[str, Target] = field(default_factory=dict)

    def set(self, effect: str, **more: Any) -> None:
        """The same rule for every target."""
        for t in self.targets:
            rule = self.control.fault(
                effect, action=t.action, contains=t.contains, region=t.region, nth=t.nth, count=1, **more
            )
            self.rules[rule] = t

    def spared(self) -> list[Target]:
        """The targets that no rule has struck."""
        fired = {rule["id"] for rule in self.control.faults() if rule["fired"]}
        return [target for rule, target in self.rules.items() if rule not in fired]


class Loss(ABC):
    """Arm before the acts are sent; strike while they are under way."""

    name: ClassVar[str]

    @abstractmethod
    def arm(self, scene: Scene) -> None:
        """Set the trap."""

    async def strike(self, scene: Scene) -> None:
        """Spring it, and let a new worker come. The default waits for a loss that springs by itself.

        Raises `TimeoutError`, naming what was spared.
        """
        for _ in range(240):
            if not scene.spared():
                return
            await asyncio.sleep(0.25)
        raise TimeoutError(f"these requests were never made: {scene.spared()}")


class _Held(Loss):
    """A loss that needs the requests to be held in the cloud first."""

    executed: ClassVar[bool] = True

    def arm(self, scene: Scene) -> None:
        scene.set("hold" if self.executed else "hold_before")

    async def strike(self, scene: Scene) -> None:
        await super().strike(scene)
        await asyncio.to_thread(scene.control.wait_held, len(scene.targets), 5)
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
        await asyncio.sleep(1.5)  # the worker has its answers now, and speaks into a wire that carries nothing
        scene.worker.kill()


class AcknowledgementLost(_Held):
    name = "killed after the completion arrived, before it was acknowledged"

    async def kill(self, scene: Scene) -> None:
        before = await scene.completed()
        scene.wire.hold_down()
        scene.control.release()
        for _ in range(40):  # each act may have calls to make yet, and one whose turn has come tells the server so
            if await scene.completed() >= before + len(scene.targets):
                break
            await asyncio.sleep(0.25)
        scene.worker.kill()


class AnswerLost(Loss):
    name = "executed, and the connection dropped"

    def arm(self, scene: Scene) -> None:
        scene.set("lose_answer")


class RequestLost(Loss):
    name = "not executed, and the connection dropped"

    def arm(self, scene: Scene) -> None:
        scene.set("lose_request")


class LateCommit(Loss):
    name = "the connection dropped, and executed seconds later"

    def arm(self, scene: Scene) -> None:
        scene.set("late_commit", after=4)


class StaleReads(Loss):
    name = "executed, the connection dropped, and lists that lag"

    def arm(self, scene: Scene) -> None:
        scene.control.settings(**scene.lags)
        scene.set("lose_answer")


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
