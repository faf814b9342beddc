"""Waiting for what another process does, and tells nobody of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T | None], within: float = 15, what: str = "it") -> T:
    """Look until there is something to see. Raises `TimeoutError`."""
    end = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {within} s")
        time.sleep(0.02)
