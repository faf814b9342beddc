"""What an arbiter knows of its stack, tells whoever asks, and carries across continue-as-new."""

from __future__ import annotations

from datetime import datetime

from holdfast.act import Sweep
from holdfast.contract import Operation, State
from holdfast.model import Wire
from holdfast.packed import Packed
from holdfast.run import Charge, Debts, Identity, Report, Request


class Ticket(Wire):
    """The answer to a request: its run's number, and how many stand before it."""

    run: str
    ahead: int = 0
    repeated: bool = False  # this request was made before; this is its run


class Withdraw(Wire):
    """A request to take a run out of the queue before it has begun."""

    identity: Identity
    run: str


class Queued(Wire):
    """One run in an arbiter's queue."""

    run: str
    request: Request
    at: datetime


class Past(Wire):
    """One run that ended, as the arbiter remembers it."""

    run: str
    operation: Operation
    state: State
    requester: str
    execution: str
    ended: datetime | None = None


class Board(Wire):
    """A stack as its arbiter knows it."""

    stack: str
    environment: str = ""
    current: str | None = None  # the run in progress
    execution: str | None = None  # its first execution's run id
    queue: tuple[Queued, ...] = ()
    ledger: Packed
    owed: Debts = ()
    past: tuple[Past, ...] = ()  # newest last, bounded


class Inquiry(Wire):
    """Which run to look at: the newest of a stack, or the one that an execution belongs to."""

    stack: str
    execution: str | None = None


class Inspection(Wire):
    """A run of a stack, as the server knows it."""

    execution: str | None = None  # its newest execution's run id; None: there is no such run
    open: bool = False
    report: Report | None = None  # of a closed run; None there: it was terminated, or timed out
    charge: Charge | None = None  # what it was started with, without what it had done


class DueSweep(Wire):
    """A sweep that is still to be made."""

    at: datetime
    run: str
    sweep: Sweep


class Known(Wire):
    """A request that was made, and the run it became."""

    id: str
    run: str
    at: datetime


class Desk(Wire):
    """All that an arbiter carries across continue-as-new. A new one is started with the stack's name alone."""

    stack: str
    environment: str = ""
    restored: bool = False  # the ledger was looked for in what an earlier arbiter's runs left
    number: int = 0  # of the newest run
    queue: tuple[Queued, ...] = ()
    current: Queued | None = None
    execution: str | None = None  # of the current run, the newest
    ledger: Packed | None = None  # of a Ledger
    owed: Debts = ()
    past: tuple[Past, ...] = ()
    known: tuple[Known, ...] = ()
    served: tuple[str, ...] = ()  # requesters, the one served last at the end
    sweeps: tuple[DueSweep, ...] = ()
