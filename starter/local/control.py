"""The strings of a local cloud, as far as the demo pulls them: see `localcloud/core/control.py` for all of them."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any


class Control:
    """The control interface of one local cloud."""

    def __init__(self, endpoint: str) -> None:
        self._base = f"{endpoint}/_holdfast"

    async def ask(self, method: str, path: str, said: Any = None) -> Any:
        """One request, and the answer's JSON. Raises `OSError` when the cloud says no, or nothing."""
        return await asyncio.to_thread(self._ask, method, path, said)

    async def fault(self, effect: str, **rule: Any) -> str:
        """Set a rule; returns its id."""
        return str((await self.ask("POST", "faults", {"effect": effect, **rule}))[0]["id"])

    async def heal(self, rule: str) -> None:
        """Take back a rule."""
        await self.ask("DELETE", f"faults/{rule}")

    async def held(self) -> list[dict[str, Any]]:
        """Requests that wait for a word, oldest first."""
        held: list[dict[str, Any]] = await self.ask("GET", "held")
        return held

    async def drop(self) -> None:
        """Let go of whatever is held; nobody hears an answer."""
        await self.ask("POST", "held/all/release", {"drop": True})

    async def world(self) -> dict[str, Any]:
        """Everything that stands: account -> region -> kind -> id -> fields."""
        world: dict[str, Any] = await self.ask("GET", "world")
        return world

    async def executed(self) -> int:
        """How many changes were carried out, ever."""
        entries = (await self.ask("GET", "ledger?since=0"))["entries"]
        return sum(1 for entry in entries if entry["outcome"] == "executed")

    def _ask(self, method: str, path: str, said: Any) -> Any:
        body = None if said is None else json.dumps(said).encode()
        request = urllib.request.Request(f"{self._base}/{path}", body, method=method)  # noqa: S310  # our own, local
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())
