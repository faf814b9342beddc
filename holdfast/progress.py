"""A run as it is at this moment: the one shape from which `status`, `watch` and the Web UI's tree are drawn."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from holdfast.contract import Operation, State
from holdfast.errors import Letter
from holdfast.model import Address, Wire
from holdfast.plan import Verb
from holdfast.run import Fate, Identity


class Row(Wire):
    """One resource in a live tree."""

    address: Address
    verb: Verb
    fate: Fate
    letter: Letter | None = None
    since: datetime | None = None
    remote_id: str | None = None


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
