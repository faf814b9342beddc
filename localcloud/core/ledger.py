"""What was asked of a cloud and what became of it: every mutating request, in the order in which it was decided.

The judge of the tests: what stands here was executed, whatever the caller was told.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from localcloud.core.asked import Asked
from localcloud.core.cloud import Json

LONGEST_TEXT = 2_000
MOST_ENTRIES = 200_000
TOKENS = ("ClientToken", "ClientRequestToken", "IdempotencyToken", "CreationToken", "requestId")


class Outcome(StrEnum):
    """What became of a request."""

    executed = "executed"
    refused = "refused"  # by the cloud itself
    faulted = "faulted"  # by a rule: an error of its choosing, nothing executed
    dropped = "dropped"  # by a rule: nothing executed, nothing answered
    broken = "broken"  # the emulator fell over: nobody knows


class Told(StrEnum):
    """What the caller was told."""

    answered = "answered"
    held = "held"
    lost = "lost"


@dataclass(frozen=True, slots=True)
class Entry:
    """One mutating request."""

    seq: int
    at: datetime
    account: str
    region: str
    service: str
    action: str
    parameters: dict[str, Json]
    outcome: Outcome
    told: Told
    status: int
    code: str
    request_id: str
    made: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    late: bool = False  # executed after its caller had gone
    faults: tuple[str, ...] = ()  # the rules that fired

    def to_json(self) -> dict[str, Json]:
        """As control shows it."""
        return {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "account": self.account,
            "region": self.region,
            "service": self.service,
            "action": self.action,
            "parameters": self.parameters,
            "token": token(self.parameters),
            "tags": dict(tags(self.parameters)),
            "outcome": self.outcome.value,
            "told": self.told.value,
            "status": self.status,
            "code": self.code,
            "request_id": self.request_id,
            "made": list(self.made),
            "touched": list(self.touched),
            "late": self.late,
            "faults": list(self.faults),
        }


class Ledger:
    """Every entry since the last reset, at most `MOST_ENTRIES`. Safe for threads."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._last = 0
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """The number of the latest entry."""
        return self._last

    def add(
        self,
        asked: Asked,
        at: datetime,
        outcome: Outcome,
        told: Told,
        status: int,
        code: str,
        request_id: str,
        **more: Any,
    ) -> int:
        """Write an entry, and say its number."""
        with self._lock:
            self._last += 1
            self._entries[self._last] = Entry(
                self._last,
                at,
                asked.account,
                asked.region,
                asked.service,
                asked.action,
                shortened(asked.parameters),
                outcome,
                told,
                status,
                code,
                request_id,
                **more,
            )
            if len(self._entries) > MOST_ENTRIES:
                del self._entries[next(iter(self._entries))]
            return self._last

    def tell(self, seq: int, told: Told) -> None:
        """Amend what the caller was told."""
        with self._lock:
            if seq in self._entries:
                self._entries[seq] = replace(self._entries[seq], told=told)

    def since(self, seq: int = 0) -> list[Entry]:
        """Entries with a higher number, oldest first."""
        with self._lock:
            return [entry for number, entry in self._entries.items() if number > seq]

    def clear(self) -> None:
        """Forget all entries. Numbers go on."""
        with self._lock:
            self._entries.clear()

    def dump(self) -> tuple[int, dict[int, Entry]]:
        """What `load` takes."""
        with self._lock:
            return self._last, dict(self._entries)

    def load(self, state: tuple[int, dict[int, Entry]]) -> None:
        """Be what another was."""
        with self._lock:
            self._last, self._entries = state[0], dict(state[1])


def shortened(parameters: dict[str, Json]) -> dict[str, Json]:
    """The parameters with long texts cut, so that the ledger stays small."""
    return {key: _short(value) for key, value in parameters.items()}


def _short(value: Json) -> Json:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return value


def token(parameters: dict[str, Json]) -> str:
    """The client token of a request, or nothing."""
    return next((value for name in TOKENS if isinstance(value := parameters.get(name), str)), "")


def tags(value: Json) -> list[tuple[str, Json]]:
    """Every tag or label that a request carries, wherever its shape keeps them."""
    found: list[tuple[str, Json]] = []
    if isinstance(value, list):
        for item in value:
            found += tags(item)
    elif isinstance(value, dict):
        if set(value) == {"Key", "Value"}:
            return [(str(value["Key"]), value["Value"])]
        for key, item in value.items():
            if key.lower() in {"tags", "labels"} and isinstance(item, dict):
                found += [(name, text) for name, text in item.items() if isinstance(text, str)]
            else:
                found += tags(item)
    return found
