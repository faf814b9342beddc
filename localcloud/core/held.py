"""Requests that wait for a word from control, so that a test can do something exactly then: kill a worker, say."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.core.asked import Asked
from localcloud.core.cloud import Json
from localcloud.core.ledger import shortened


@dataclass(slots=True)
class Held:
    """One request that waits."""

    id: str
    asked: Asked
    rules: tuple[str, ...]
    executed: bool
    since: datetime
    entry: int  # its number in the ledger; 0 when it was not executed, or changes nothing
    released: threading.Event = field(default_factory=threading.Event)
    drop: bool = False

    def to_json(self) -> dict[str, Json]:
        """As control shows it."""
        return {
            "id": self.id,
            "service": self.asked.service,
            "action": self.asked.action,
            "account": self.asked.account,
            "region": self.asked.region,
            "parameters": shortened(self.asked.parameters),
            "rules": list(self.rules),
            "executed": self.executed,
            "since": self.since.isoformat(),
            "entry": self.entry,
        }


class Waiting:
    """All that wait. Safe for threads."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._held: dict[str, Held] = {}
        self._count = 0
        self._lock = threading.Lock()

    def hold(
        self,
        asked: Asked,
        rules: tuple[str, ...],
        now: datetime,
        seconds: float,
        *,
        executed: bool,
        entry: int = 0,
    ) -> bool:
        """Wait here until released, or for so long. False when the caller shall hear nothing."""
        with self._lock:
            self._count += 1
            one = Held(f"held-{self._count}", asked, rules, executed, now, entry)
            self._held[one.id] = one
        try:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not one.released.wait(min(left, 0.25)):
                if self._stopping.is_set():
                    return False
            return not one.drop
        finally:
            with self._lock:
                self._held.pop(one.id, None)

    def release(self, which: str, *, drop: bool = False) -> int:
        """Let one go, or "all", and say how many that were. `drop`: its caller hears nothing; not executed stays so."""
        with self._lock:
            chosen = [h for h in self._held.values() if which in {"all", h.id}]
            for one in chosen:
                del self._held[one.id]
                one.drop = drop
                one.released.set()
            return len(chosen)

    def to_json(self) -> list[Json]:
        """All that wait, oldest first."""
        with self._lock:
            return [h.to_json() for h in self._held.values()]
