"""The cloud in memory as a `Ground`: the shortest example of one."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from holdfast.errors import HoldfastError, Unavailable
from holdfast.model import Scope
from holdfast.resource import Clients, Status
from holdfast.testing import sim
from holdfast.testing.laws.ground import LATE, Ground, Loss, Thing
from holdfast.testing.world import Killed, World

CHANGES = frozenset({"create", "update", "mark", "delete"})
NAMES = {
    "create": "sim:Create",
    "update": "sim:Update",
    "mark": "sim:Mark",
    "delete": "sim:Delete",
    "get": "sim:Get",
    "named": "sim:Get",
    "list": "sim:List",
}


class MemoryGround(Ground):
    """See the module. `World` counts looks where a real cloud counts seconds: a lag is one look."""

    scope: ClassVar[Scope] = sim.SCOPE

    def __init__(self) -> None:
        self.world = World()
        self._kept: dict[str, Any] = {}
        self._asked: list[str] = []
        self._now = 0.0
        self._struck: tuple[Loss, int, timedelta] | None = None
        self._late: deque[tuple[float, Callable[[], Any]]] = deque()

    def clients(self) -> Clients:
        """See `Ground`."""
        return lambda _: _Door(self)

    def now(self) -> float:
        """See `Ground`."""
        return self._now

    def wait(self, seconds: float) -> None:
        """See `Ground`."""
        self._now += seconds
        while self._late and self._late[0][0] <= self._now:
            _, request = self._late.popleft()
            try:
                request()
            except HoldfastError:
                continue  # nobody hears it

    def rest(self) -> None:
        """See `Ground`."""
        self.wait(3600)
        for thing in list(self.world.things.values()):
            thing.unseen = thing.stale = 0
            while thing.id in self.world.things and thing.status in {Status.pending, Status.deleting}:
                thing.settles = min(thing.settles, 1)
                self.world.get(thing.id)

    def things(self) -> list[Thing]:
        """See `Ground`."""
        return [
            Thing(t.kind, t.id, copy.deepcopy(t.fields) | {"status": str(t.status)}, dict(t.marks))
            for t in self.world.things.values()
        ]

    def asked(self) -> list[str]:
        """See `Ground`."""
        return list(self._asked)

    def mutates(self, action: str) -> bool:
        """See `Ground`."""
        return action not in {"sim:Get", "sim:List"}

    def permissions(self, action: str) -> frozenset[str]:
        """See `Ground`. An operation is written as an update."""
        return frozenset({action})

    def empty(self) -> None:
        """See `Ground`."""
        self.world = World()
        self._late.clear()
        self.heal()

    def remember(self, name: str) -> None:
        """See `Ground`."""
        world = self.world
        self._kept[name] = copy.deepcopy((world.things, world._tokens, world._serial))  # noqa: SLF001  a snapshot

    def recall(self, name: str) -> None:
        """See `Ground`."""
        self.empty()
        world = self.world
        world.things, world._tokens, world._serial = copy.deepcopy(self._kept[name])  # noqa: SLF001  a snapshot

    def strike(self, loss: Loss, nth: int, within: timedelta = LATE) -> None:
        """See `Ground`."""
        self._struck = loss, nth, within

    def heal(self) -> None:
        """See `Ground`."""
        self._struck = None

    def lag(self) -> None:
        """See `Ground`."""
        self.world.blind_looks = self.world.stale_looks = self.world.settle_looks = 1

    def slow(self) -> None:
        """See `Ground`."""
        self.world.settle_looks = 10_000

    def give_up(self, words: str) -> bool:
        """See `Ground`. Of a create: an update takes no time here."""
        self.world.settle_looks, self.world.gives_up = 1, words
        return True

    def request(self, name: str, call: Callable[[], Any]) -> Any:
        """One request through the door."""
        self._asked.append(NAMES[name])
        if name not in CHANGES or self._struck is None:
            return call()
        loss, nth, within = self._struck
        self._struck = (loss, nth - 1, within) if nth > 1 else None
        if nth > 1:
            return call()
        match loss:
            case Loss.killed:
                raise Killed
            case Loss.request:
                raise Unavailable("the request never arrived")
            case Loss.answer:
                call()
                raise Unavailable("no answer came")
            case Loss.late:
                self._late.append((self._now + within.total_seconds(), call))
                raise Unavailable("no answer came yet")


class _Door:
    """A client: the world, as a kind is given it."""

    def __init__(self, ground: MemoryGround) -> None:
        self._ground = ground

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ground.world, name)
        if name not in NAMES:
            return found
        return lambda *given, **named: self._ground.request(name, lambda: found(*given, **named))
