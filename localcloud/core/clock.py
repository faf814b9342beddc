"""A cloud's own time, which runs with real time and can be stepped forward.

Everything in a local cloud that takes time takes it from here: one step ends every wait that it passes.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus what it was stepped by. Safe for threads; never goes back."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._base = time.monotonic()
        self._offset = timedelta(0)
        self._moved = threading.Condition()

    @property
    def offset(self) -> timedelta:
        """What it was stepped by so far."""
        return self._offset

    def now(self) -> datetime:
        """The cloud's moment, aware and UTC."""
        return self._began + timedelta(seconds=time.monotonic() - self._base) + self._offset

    def step(self, by: timedelta) -> datetime:
        """Go forward at once, wake all who wait, and say what time it is now. Raises `ValueError` on a step back."""
        if by < timedelta(0):
            raise ValueError(f"the clock cannot be stepped back by {-by}")
        with self._moved:
            self._offset += by
            self._moved.notify_all()
        return self.now()

    def sleep_until(self, moment: datetime, stop: threading.Event | None = None) -> bool:
        """Wait until the cloud's clock has reached `moment`. False when `stop` was set before."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            if stop is not None and stop.is_set():
                return False
            with self._moved:
                self._moved.wait(min(left, 0.5))  # and look whether to stop
        return True

    def sleep(self, length: timedelta, stop: threading.Event | None = None) -> bool:
        """`sleep_until` a moment that far away."""
        return self.sleep_until(self.now() + length, stop)
