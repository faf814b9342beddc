"""What the grounds of the local clouds share: a cloud that is made to fail, stepped and put back over its control."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import Any

from holdfast.testing.laws import Ground, Loss
from holdfast.testing.laws.ground import LATE
from holdfast.testing.world import Killed
from starter.testing.control import Control
from starter.testing.waiting import until

EVERYTHING = 7_200  # seconds, after which all that takes time has come about


class ControlledGround(Ground):
    """See the module. Its time is the cloud's, stepped; real time counts for nothing.

    A subclass sends its clients' requests through `leave`, and says what its own cloud's settings are called.
    """

    def __init__(self, control: Control) -> None:
        self.control = control
        self._asked: list[str] = []
        self._now = 0.0
        self._dies_in: int | None = None
        self._late = self._emptied = False

    # --- using it ----------------------------------------------------------------------------------------------

    def leave(self, action: str) -> None:
        """A request is about to leave: it is written down, and not sent where the process is to die before it."""
        self._asked.append(action)
        if self._dies_in is not None and self.mutates(action):
            self._dies_in -= 1
            if self._dies_in == 0:
                self._dies_in = None
                raise Killed

    def now(self) -> float:
        """See `Ground`."""
        return self._now

    def wait(self, seconds: float) -> None:
        """See `Ground`. Late requests are carried out by threads of the cloud's own: they get a moment for it."""
        self._now += seconds
        self.control.step(seconds)
        if self._late and self.control.late():
            try:
                until(lambda: not self.control.late(), 0.05)
            except TimeoutError:
                return  # it is later than that
            self._late = False

    def rest(self) -> None:
        """See `Ground`. Twice where a request was late: what it began takes its time too."""
        self._now += EVERYTHING
        self.control.step(EVERYTHING)
        if self._late:
            until(lambda: not self.control.late(), 10, "the late ones")
            self._late = False
            self._now += EVERYTHING
            self.control.step(EVERYTHING)

    def asked(self) -> list[str]:
        """See `Ground`."""
        return list(self._asked)

    # --- making it fail ----------------------------------------------------------------------------------------

    def empty(self) -> None:
        """See `Ground`. The emptiness of the first reset is kept: it is much quicker put back than made again."""
        if not self._emptied:
            self.control.reset()
            self.furnish()
            self.control.save("empty")
            self._emptied = True
        self.recall("empty")

    @abstractmethod
    def furnish(self) -> None:
        """What stands or is set before anything else, in a cloud that was reset."""

    def remember(self, name: str) -> None:
        """See `Ground`."""
        self.control.save(_plain(name))

    def recall(self, name: str) -> None:
        """See `Ground`."""
        self.heal()
        self.control.load(_plain(name))

    def strike(self, loss: Loss, nth: int, within: timedelta = LATE) -> None:
        """See `Ground`."""
        match: dict[str, Any] = {"mutates": True, "nth": nth, "count": 1}
        match loss:
            case Loss.killed:
                self._dies_in = nth
            case Loss.request:
                self.control.lose_request(**match)
            case Loss.answer:
                self.control.lose_answer(**match)
            case Loss.late:
                self._late = True
                self.control.late_commit(within.total_seconds(), **match)

    def heal(self) -> None:
        """See `Ground`."""
        self._dies_in = None
        self.control.heal()


def _plain(name: str) -> str:
    return name.replace(".", "-").replace("_", "-")
