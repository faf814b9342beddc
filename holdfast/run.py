"""What is asked for, by whom, and what came of it: the shapes between the front door, the arbiter and a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, WrapSerializer

from holdfast.act import Asked, Look, Rehearsal, Sweep
from holdfast.contract import Answer, OnFailure, Operation, State
from holdfast.errors import Letter
from holdfast.model import Address, Owner, Scope, Wire
from holdfast.packed import Packed, deflate, inflate
from holdfast.plan import Counts, Verb


class Identity(Wire):
    """Who asks, and why. Part of every request from the first day; it travels in headers as well."""

    requester: str
    reason: str = ""
    ticket: str = ""


class Source(Wire):
    """A document as it was given: its text and the values it was given with. Never a secret: those are references."""

    file: str
    text: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class Request(Wire):
    """One request to the arbiter of a stack. The same `id` twice is one run."""

    id: str
    stack: str
    operation: Operation
    identity: Identity
    installation: str
    environment: str = ""
    source: Packed | None = None  # of a Source; a `down` has none
    plan: str | None = None  # the digest of a plan that was agreed on; anything else is refused as stale
    on_failure: OnFailure = OnFailure.rollback
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    refresh_only: bool = False
    confirmed: tuple[str, ...] = ()  # what a person said yes to
    subject: Address | None = None  # of resolve, adopt, forget
    remote_id: str | None = None  # of adopt
    answer: Answer | None = None  # of resolve
    recovers: str | None = None  # of recover: the execution that died

    @property
    def owner(self) -> Owner:
        """Whose marks this request's resources carry."""
        return Owner(self.installation, self.stack)


class Entry(Wire):
    """What the ledger knows of one resource. The cloud's own marks are the truth; this is the way to it."""

    address: Address
    scope: Scope
    remote_id: str
    token: str = ""
    spec: str = ""  # digest of a map in the store that holds, under the address, what was last applied
    depends_on: tuple[Address, ...] = ()
    run: str = ""
    on_remove: str = "delete"
    protect: bool = False
    owed: bool = False  # a run left it as it is here, and a later one may take that back
    before: Entry | None = None  # of what is owed: what the ledger knew when that run began


class Ledger(Wire):
    """All that a stack has: in the arbiter's state, and handed to every run."""

    entries: tuple[Entry, ...] = ()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    sensitive_outputs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()  # the stacks whose outputs went into what stands

    def beside(self, newer: Ledger) -> Ledger:
        """What either ledger knows; where both know something of one resource, the newer one is right."""
        entries = {(e.address, e.remote_id): e for e in self.entries}
        for entry in newer.entries:
            entries.pop((entry.address, entry.remote_id), None)  # so that the newer one's order holds as well
            entries[entry.address, entry.remote_id] = entry
        return newer.model_copy(update={"entries": tuple(entries.values())})


class Fate(StrEnum):
    """What became of one step, at the end of a run."""

    waiting = "waiting"  # never started
    acting = "acting"
    settling = "settling"
    done = "done"
    unchanged = "unchanged"
    failed = "failed"
    skipped = "skipped"  # an operator, or a failed neighbour under `keep`, left it out
    undoing = "undoing"
    undone = "undone"
    stuck = "stuck"  # neither done nor undone; owed
    kept = "kept"  # stands because a stuck one needs it; owed
    lost = "lost"  # irreversibly gone; owed


class Trace(Wire):
    """What the walk remembers of one step: enough to go on in another execution, or to walk back in a recover run."""

    seq: int
    fate: Fate
    remote_id: str | None = None
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    generation: int = 0
    sent: bool = False  # it may have reached the cloud
    renamed: dict[str, str] = Field(default_factory=dict)  # of an undone delete: the old id -> the new
    letter: Letter | None = None
    handle: str | None = None  # the cloud's operation that it began last
    anew: int = 0
    refused: bool = False  # it was refused by an answer, and nothing can have come of it


class Journal(Wire):
    """The walk's memory, whole: what a run carries across continue-as-new."""

    traces: tuple[Trace, ...] = ()
    backwards: bool = False
    cause: Letter | None = None  # the first failure, which turned the walk around
    cancelled: bool = False
    keeping: bool = False  # cancelled, and everything shall stay as it stands
    gone: tuple[int, ...] = ()  # failed steps that were found to have happened, and do not return
    asks_undo: tuple[int, ...] = ()  # failed steps whose undo, not whose act, is in question
    doubted: bool = False  # acts may have been sent that no execution remembers: the run was reset


class Owed(Wire):
    """One resource that a run left for somebody to look at."""

    address: Address
    fate: Fate
    verb: Verb
    letter: Letter
    run: str
    plan: str  # digest of the plan, so that `resolve` can act on it later
    plan_id: str
    execution: str  # the run's last execution, whose history holds the journal it ended with
    trace: Trace
    back: bool = False  # it is the taking back that is owed


# All that is owed: a `down` that was stopped may owe every resource of its stack, each with its letter.
Debts = Annotated[
    tuple[Owed, ...],
    BeforeValidator(inflate),
    WrapSerializer(lambda owed, rows: deflate(rows(owed)), when_used="json"),
]


class Report(Wire):
    """How a run ended. The arbiter reads it from the closed run; `report` renders it."""

    run: str
    stack: str
    operation: Operation
    state: State
    identity: Identity
    plan: str = ""  # the plan's digest
    plan_id: str = ""
    counts: Counts = Counts()
    started: datetime | None = None
    ended: datetime | None = None
    cause: Letter | None = None
    owed: Debts = ()
    settled: tuple[Address, ...] = ()  # owed before, and no longer
    fates: dict[str, int] = Field(default_factory=dict)
    ledger: Packed | None = None  # of a Ledger: what stands now; None where nothing was changed
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    sensitive_outputs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sweeps: tuple[Sweep, ...] = ()  # where a late request might still make something


class Stop(Wire):
    """A request to stop a run, and take back what it did; or, with `keep`, to leave it as it stands."""

    identity: Identity
    keep: bool = False


class Resolve(Wire):
    """An operator's answer about one resource of a paused run."""

    identity: Identity
    address: Address
    answer: Answer


class Settling(Wire):
    """One act that the cloud was asked for and has not finished: how long it may still take."""

    since: datetime
    within: timedelta


class Charge(Wire):
    """What a run is started with, by the arbiter or by itself when it continues as new."""

    run: str
    request: Request
    ledger: Packed
    owed: Debts = ()
    skeleton: Packed | None = None  # of a Skeleton, once there is a plan
    plan_id: str | None = None
    journal: Packed | None = None  # of a Journal
    settling: dict[str, Settling] = Field(default_factory=dict)  # "SEQ", or "SEQ back"
    started: datetime | None = None


class Draft(Wire):
    """A request as a decision is made on it: what the plan activity is given."""

    request: Request
    ledger: Packed
    owed: Debts = ()  # what an earlier run left may stand, and be in no ledger
    looks: tuple[Look, ...] = ()
    seen: tuple[str, ...] = ()  # digests of what each look found
    looked_up: dict[str, JsonValue] = Field(default_factory=dict)  # "data.linux#id" -> value
    stack_outputs: dict[str, JsonValue] = Field(default_factory=dict)
    readers: tuple[str, ...] = ()  # of a `down`: the stacks that read this one's outputs


class Survey(Wire):
    """What has to be read before a plan can be made."""

    looks: tuple[Look, ...] = ()
    asked: tuple[Asked, ...] = ()
    stacks: tuple[str, ...] = ()  # other stacks whose outputs the document reads
    ask_readers: bool = False  # whether to find out who reads this stack's own


class Decision(Wire):
    """A plan was made: what the walk needs of it, and what a person has to say first."""

    skeleton: Packed  # of a Skeleton
    unconfirmed: tuple[str, ...] = ()
    rehearsals: tuple[Rehearsal, ...] = ()  # what to try first, where the cloud can say


class Salvage(Wire):
    """What another run had begun: enough for this one to go on with it. Nothing begun: no skeleton."""

    skeleton: Packed | None = None
    plan_id: str | None = None
    journal: Packed | None = None


class Closing(Wire):
    """What the record activity is given: everything a report is made from."""

    charge: Charge
    journal: Packed
    state: State
    plan: str
    plan_id: str
    execution: str
    ended: datetime
