"""A run as it is at this moment: the one shape from which `status`, `watch` and the Web UI's tree are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import Field

from holdfast.contract import Operation, State
from holdfast.errors import Letter
from holdfast.model import Address, Wire
from holdfast.plan import Verb
from holdfast.run import Entry, Fate, Identity

UNDER_WAY = frozenset({Fate.acting, Fate.settling, Fate.undoing})
_MADE = frozenset({Fate.done, Fate.unchanged})
_NOT_THERE = frozenset({Fate.waiting, Fate.undone, Fate.skipped, Fate.lost})


class Row(Wire):
    """One resource in a live tree."""

    address: Address
    verb: Verb
    fate: Fate
    letter: Letter | None = None
    since: datetime | None = None
    remote_id: str | None = None
    seq: int | None = None
    hindrance: Letter | None = None  # why the latest attempt came to nothing; it is made again by itself


class Progress(Wire):
    """A run as it is at this moment. `status`, `watch` and the Web UI's tree are all drawn from it."""

    run: str
    stack: str
    operation: Operation
    state: State
    identity: Identity
    rows: tuple[Row, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)  # fate -> how many
    total: int = 0
    started: datetime | None = None
    now: datetime | None = None
    left: timedelta | None = None  # an estimate; None while nothing is known
    waiting: str = ""  # what it waits for, in words
    questions: tuple[Address, ...] = ()
    cause: Letter | None = None


def seen_at(progress: Progress, now: datetime) -> Progress:
    """The same picture, looked at later: a run knows the time of its last event only, and may stand still since.

    The time left grows by what has passed; one that an act has outlasted already was wrong, and is not told.
    """
    if progress.now is None or progress.left is None:
        return progress
    left = progress.left + max(now - progress.now, timedelta())
    begun = min((row.since for row in progress.rows if row.fate in UNDER_WAY and row.since), default=now)
    return progress.model_copy(update={"now": now, "left": left if left >= now - begun else None})


class Stands(NamedTuple):
    """One resource in a listing, as the ledger and the run in progress know it."""

    address: Address
    remote_id: str
    state: str
    run: str


def standing(entries: Iterable[Entry], progress: Progress | None = None) -> list[Stands]:
    """What stands: by the ledger, which a run writes at its end, and by what a run in progress has made so far."""
    found = {(e.address, e.remote_id): Stands(e.address, e.remote_id, "stands", e.run) for e in entries}
    for row in progress.rows if progress else ():
        if row.remote_id is None:
            continue
        key = row.address, row.remote_id
        if row.verb in {Verb.create, Verb.adopt} and row.fate not in _NOT_THERE:
            state = "stands" if row.fate in _MADE else row.fate.value
            found[key] = Stands(*key, state, progress.run if progress else "")
        elif row.verb in {Verb.delete, Verb.disown} and row.fate in {*_MADE, Fate.lost}:
            found.pop(key, None)
    return list(found.values())
