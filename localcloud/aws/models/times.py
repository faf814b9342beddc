"""Lets things happen later: what is due on the cloud's clock is carried out before the next look at the world.

Nothing runs by itself. Whoever looks first calls `tick`, and sees the world as it would have become by now.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.cloud import Cloud

Happening = Callable[..., None]

_HAPPENINGS: dict[str, Happening] = {}


def happening(name: str) -> Callable[[Happening], Happening]:
    """Give what can happen a name, under which it is remembered across restarts."""

    def known(function: Happening) -> Happening:
        _HAPPENINGS[name] = function
        return function

    return known


def later(cloud: Cloud, setting: str, name: str, *about: Any) -> None:
    """Let something happen when as much time has passed as a setting says; at once when that is nothing."""
    length = seconds(cloud, setting)
    if length <= 0:
        _HAPPENINGS[name](cloud, *about)
        return
    due: list[tuple[datetime, int, str, tuple[Any, ...]]] = cloud.memory.setdefault("due", [])
    number = cloud.memory["due_last"] = cloud.memory.get("due_last", 0) + 1
    heapq.heappush(due, (cloud.clock.now() + timedelta(seconds=length), number, name, about))


def tick(cloud: Cloud) -> None:
    """Let everything happen whose moment has come, in order."""
    due: list[tuple[datetime, int, str, tuple[Any, ...]]] = cloud.memory.get("due", [])
    if not due:
        return
    now = cloud.clock.now()
    while due and due[0][0] <= now:
        _, _, name, about = heapq.heappop(due)
        _HAPPENINGS[name](cloud, *about)


def seconds(cloud: Cloud, setting: str) -> float:
    """A setting that is a length of time."""
    value = cloud.settings[setting]
    return float(value) if isinstance(value, int | float) else 0.0
