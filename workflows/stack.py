"""The arbiter of one stack: a fair queue, the ledger, and at most one run at a time.

It decides nothing about resources. A request only enters the queue and learns its run's number; the lock is the
server's own, since every run has the same workflow id. Whatever the arbiter misses it finds by looking: after a
restart, a lost signal, a terminate or a reset of either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from holdfast.act import Swept
from holdfast.arbiter import Board, Desk, DueSweep, Inquiry, Inspection, Known, Past, Queued, Ticket, Withdraw
from holdfast.asking import asking
from holdfast.contract import (
    CONTROL_QUEUE,
    SWEEPS,
    Activity,
    Message,
    OnFailure,
    Operation,
    State,
    Workflow,
    arbiter_id,
    run_id,
)
from holdfast.packed import Packed, pack, unpack
from holdfast.run import Charge, Ledger, Report, Request
from workflows.attributes import of_run, say_stack
from workflows.options import on_cloud
from workflows.planning import ask, ask_with
from workflows.refusal import refusal
from workflows.versions import AUTO_UPGRADE
from workflows.walk import Failed
from workflows.walk.tasks import let_go

SOON = timedelta(seconds=1)  # after a run said that it ended: it says so just before it does
LOOK = timedelta(minutes=1)  # between two looks at a run that says nothing; twice as long each time
LOOK_SELDOM = timedelta(minutes=15)
LONGEST_QUEUE = 50  # requests that may wait; more are refused
LARGEST_QUEUE = 256 * 1024  # bytes of their documents, packed: the queue travels in one payload
REMEMBERED = 500  # request ids, and none older than a week
WEEK = timedelta(days=7)
PAST = 30  # ended runs on the board
FULL = 2_000  # events


@workflow.defn(name=Workflow.stack, versioning_behavior=AUTO_UPGRADE)
class Stack:
    """See the module."""

    @workflow.init
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ledger = desk.ledger or pack(Ledger())
        self._woken = self._called = False
        self._patience = LOOK
        self._hearing: asyncio.Task[None] | None = None
        self._starting = ""  # the run that the server is being asked to begin: still in the queue, and no longer ours

    @workflow.run
    async def run(self, desk: Desk) -> None:
        """For ever, execution after execution."""
        say_stack(self._desk.stack, self._desk.environment)
        while True:
            self._woken = False
            try:
                await self._turn()
            except Failed as silence:
                # The server did not answer for days, or not in words we know. Nothing is decided without it.
                workflow.logger.warning("stack.cannot_look", extra={"why": silence.letter.happened})
                self._patience, self._called = max(self._patience, LOOK), True
            if self._is_full and not self._woken:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self._put(ledger=self._ledger))
            try:
                await workflow.wait_condition(lambda: self._woken, timeout=self._pause(), timeout_summary="look again")
            except TimeoutError:
                self._patience = min(self._patience * 2, LOOK_SELDOM)

    async def _turn(self) -> None:
        """Look at what there is, and begin what may begin. Raises `Failed` when the server cannot say."""
        called, self._called = self._called, False
        if not self._desk.restored or (called and self._desk.current is None):
            await self._find()
        if self._desk.current is not None:
            await self._look()
        if self._desk.current is None and self._desk.queue:
            await self._start(self._next())
        if self._desk.current is None and not self._desk.queue:
            await self._sweep()

    @property
    def _is_full(self) -> bool:
        info = workflow.info()
        return info.get_current_history_length() > FULL or info.is_continue_as_new_suggested()

    # --- messages ----------------------------------------------------------------------------------------------

    @workflow.update(name=Message.submit, description="Queue a request; returns its run's number")
    async def submit(self, request: Request) -> Ticket:
        """The same request twice is one run."""
        await workflow.wait_condition(lambda: self._desk.restored)
        known = next((k for k in self._desk.known if k.id == request.id), None)
        if known is not None:
            return Ticket(run=known.run, ahead=self._ahead(known.run), repeated=True)
        queued = self._enqueue(request)
        return Ticket(run=queued.run, ahead=self._ahead(queued.run))

    @submit.validator
    def _may_submit(self, request: Request) -> None:
        stack = self._desk.stack
        if request.stack != stack:
            raise refusal(
                f"this is the arbiter of {stack}, and not of {request.stack}",
                next=f"hand the request to {arbiter_id(request.stack)}",
            )
        if request.operation is Operation.recover:
            raise refusal(
                "only the arbiter itself asks for a recover",
                next=f"a run that was terminated is taken back unasked: `holdfast status {stack}` shows it",
            )
        if any(k.id == request.id for k in self._desk.known):
            return
        waiting = [q.request for q in self._desk.queue]
        if len(waiting) >= LONGEST_QUEUE or (sum(map(_weight, [*waiting, request])) > LARGEST_QUEUE and waiting):
            raise refusal(
                f"the queue of {stack} is full, with {len(waiting)} in it",
                error="QuotaExceeded",
                standing="nothing was queued",
                next=f"ask again when some have run; `holdfast status {stack}` shows them, and `holdfast cancel RUN` "
                "takes one out",
            )

    @workflow.update(name=Message.withdraw, description="Take a run out of the queue before it begins")
    async def withdraw(self, wish: Withdraw) -> None:
        """The run never was."""
        gone = next(q for q in self._desk.queue if q.run == wish.run)
        self._put(queue=tuple(q for q in self._desk.queue if q is not gone))
        self._remember_past(gone, State.cancelled, "")

    @withdraw.validator
    def _may_withdraw(self, wish: Withdraw) -> None:
        if all(q.run != wish.run for q in self._desk.queue):
            raise refusal(
                f"{wish.run} is not in the queue of {self._desk.stack}",
                error="NotFound",
                next=f"`holdfast status {self._desk.stack}` shows what runs and what waits",
            )
        if wish.run == self._starting:
            raise refusal(f"{wish.run} is just beginning", next=f"`holdfast cancel {wish.run}`, once it has begun")

    @workflow.signal(name=Message.ended, description="A run has ended: look at it")
    def ended(self, run: str) -> None:
        """Only wakes the arbiter; what happened it reads from the server."""
        self._patience, self._called = SOON, True
        self._wake()

    @workflow.query(name=Message.board, description="The stack as its arbiter knows it")
    def board(self) -> Board:
        """See `Board`."""
        desk = self._desk
        return Board(
            stack=desk.stack,
            environment=desk.environment,
            current=desk.current.run if desk.current else None,
            execution=desk.execution,
            queue=desk.queue,
            ledger=self._ledger,
            owed=desk.owed,
            past=desk.past,
        )

    # --- the queue ---------------------------------------------------------------------------------------------

    def _enqueue(self, request: Request, *, first: bool = False) -> Queued:
        now = workflow.now()
        number = self._desk.number + 1
        queued = Queued(run=f"{self._desk.stack}-{number}", request=request, at=now)
        known = [k for k in self._desk.known if now - k.at < WEEK][-REMEMBERED + 1 :]
        self._put(
            number=number,
            environment=request.environment or self._desk.environment,
            queue=(queued, *self._desk.queue) if first else (*self._desk.queue, queued),
            known=(*known, Known(id=request.id, run=queued.run, at=now)),
        )
        self._wake()
        return queued

    def _next(self) -> Queued:
        """A recover before everything; then whoever was served longest ago, and of theirs the oldest."""
        queue = self._desk.queue
        recover = [q for q in queue if q.request.operation is Operation.recover]
        turn = {who: n for n, who in enumerate(self._desk.served, start=1)}
        return recover[0] if recover else min(queue, key=lambda q: turn.get(q.request.identity.requester, 0))

    def _ahead(self, run: str) -> int:
        waiting = [q.run for q in self._desk.queue]
        return waiting.index(run) + (self._desk.current is not None) if run in waiting else 0

    # --- the run -----------------------------------------------------------------------------------------------

    async def _start(self, queued: Queued) -> None:
        desk, request = self._desk, queued.request
        charge = Charge(run=queued.run, request=request, ledger=self._ledger, owed=desk.owed)
        asked = asking.set(request.identity)
        self._starting = queued.run
        try:
            handle = await workflow.start_child_workflow(
                Workflow.provision,
                charge,
                id=run_id(desk.stack),
                task_queue=CONTROL_QUEUE,
                result_type=Report,
                parent_close_policy=ParentClosePolicy.ABANDON,
                cancellation_type=ChildWorkflowCancellationType.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=of_run(queued.run, request),
                static_summary=f"{queued.run}: {request.operation} {desk.stack}",
                static_details=_details(request),
            )
        except WorkflowAlreadyStartedError:
            # A run is open that this arbiter does not know: an earlier arbiter's, or an old one that was reset.
            await self._find()
            return
        finally:
            asking.reset(asked)
            self._starting = ""
        who = request.identity.requester
        self._put(
            current=queued,
            execution=handle.first_execution_run_id,
            queue=tuple(q for q in self._desk.queue if q.run != queued.run),
            served=(*(w for w in desk.served if w != who), who)[-50:],
        )
        self._patience = LOOK
        self._hearing = asyncio.create_task(self._hear(handle))

    async def _hear(self, handle: workflow.ChildWorkflowHandle[Any, Report]) -> None:
        try:
            await handle
        except FailureError:
            workflow.logger.debug("run.failed")  # how, the server will say: see `_look`
        self._wake()

    async def _look(self) -> None:
        """Whether the current run has ended, and how. A run that ended without a report is recovered."""
        current = self._desk.current
        assert current is not None  # noqa: S101  whoever calls has just seen it
        seen = await self._inspect()
        if seen.charge is not None and seen.charge.run != current.run:
            # An older run was reset, and the server terminated ours for it. What became of ours is asked by its id.
            seen = await self._inspect(self._desk.execution)
        if seen.open:
            self._put(execution=seen.execution)
        elif seen.report is not None:
            self._file(current, seen.report, seen)
        else:
            self._remember_past(current, State.owed, seen.execution or "")
            self._put(current=None, execution=None)
            if seen.execution is not None:  # else somebody deleted its history, and nobody can say what it did
                self._recover(current.request, seen.execution)

    def _recover(self, request: Request, execution: str) -> None:
        # What a resolve walked over again was done by another run: it is not for this one to take back.
        keep = request.operation is Operation.resolve
        recover = request.model_copy(
            update={
                "id": f"recover:{execution}",
                "on_failure": OnFailure.keep if keep else request.on_failure,
                "operation": Operation.recover,
                "recovers": execution,
                "source": None,
                "plan": None,
            }
        )
        self._enqueue(recover, first=True)

    def _file(self, current: Queued, report: Report, seen: Inspection) -> None:
        """What a run left: the ledger, what is owed, and where a late request may still make something."""
        settled = set(report.settled) | {o.address for o in report.owed}
        ended = report.ended or workflow.now()
        due = [DueSweep(at=ended + after, run=report.run, sweep=s) for s in report.sweeps for after in SWEEPS]
        if report.ledger is not None:
            began_here = seen.charge is not None and seen.charge.ledger == self._ledger
            self._ledger = report.ledger if began_here else _both(self._ledger, report.ledger)
        self._remember_past(current, report.state, seen.execution or "")
        self._put(
            current=None,
            execution=None,
            owed=(*(o for o in self._desk.owed if o.address not in settled), *report.owed),
            sweeps=tuple(sorted((*self._desk.sweeps, *due), key=lambda s: s.at)),
        )

    # --- runs that this arbiter did not start -------------------------------------------------------------------

    async def _find(self) -> None:
        """Take up a run that nobody told of: an earlier arbiter's, with its stack's ledger, or one that was reset."""
        seen = await self._inspect()
        charge, desk = seen.charge, self._desk
        if charge is not None and all(p.execution != seen.execution for p in desk.past):
            if not desk.restored:
                self._ledger = charge.ledger
                self._put(owed=charge.owed)
            met = Queued(run=charge.run, request=charge.request, at=charge.started or workflow.now())
            self._put(
                number=max(self._desk.number, int(charge.run.rpartition("-")[2])),
                environment=charge.request.environment or self._desk.environment,
                current=met,
                execution=seen.execution,
            )
            self._wake()
        self._put(restored=True)

    async def _inspect(self, execution: str | None = None) -> Inspection:
        asked = Inquiry(stack=self._desk.stack, execution=execution)
        return await ask(Activity.inspect, asked, Inspection, summary=f"the newest run of {self._desk.stack}")

    # --- sweeping ----------------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        """Remove what late requests made. Only while no run is open: nothing fights a sweep, and it fights nothing.

        A request that comes meanwhile does not wait for a cloud that does not answer: the sweep is let go, and made
        again later.
        """
        now = workflow.now()
        for due in [s for s in self._desk.sweeps if s.at <= now]:
            sweeping = asyncio.create_task(self._sweep_one(due))
            await workflow.wait_condition(lambda: self._woken or sweeping.done())  # noqa: B023  awaited in the loop
            if not sweeping.done():
                await let_go([sweeping])
                return
            self._put(sweeps=tuple(s for s in self._desk.sweeps if s is not due))

    async def _sweep_one(self, due: DueSweep) -> None:
        keep = tuple(e.remote_id for e in unpack(self._ledger, Ledger).entries)
        sweep = due.sweep.model_copy(update={"keep": keep})
        summary, options = f"sweep {sweep.scope} after {due.run}", on_cloud(Activity.sweep, sweep.scope, back=True)
        try:
            swept = await ask_with(options, Activity.sweep, sweep, Swept, summary=summary)
        except Failed as failed:
            workflow.logger.warning("sweep.failed", extra={"run": due.run, "why": failed.letter.happened})
        else:
            if swept.removed:
                workflow.logger.warning("sweep.removed", extra={"run": due.run, "what": swept.removed})

    # --- helpers -----------------------------------------------------------------------------------------------

    def _pause(self) -> timedelta | None:
        if self._desk.current is not None or self._desk.queue or not self._desk.restored:
            return self._patience
        if self._desk.sweeps:
            return max(self._desk.sweeps[0].at - workflow.now(), timedelta(seconds=1))
        return None

    def _remember_past(self, queued: Queued, state: State, execution: str) -> None:
        past = Past(
            run=queued.run,
            operation=queued.request.operation,
            state=state,
            requester=queued.request.identity.requester,
            execution=execution,
            ended=workflow.now(),
        )
        self._put(past=(*self._desk.past, past)[-PAST:])

    def _put(self, **changed: object) -> Desk:
        self._desk = self._desk.model_copy(update=changed)
        return self._desk

    def _wake(self) -> None:
        self._woken = True


def _weight(request: Request) -> int:
    """What a request takes of the queue's payload."""
    source = request.source
    return len(source.text or source.deflated or "") if source else 0


def _both(mine: Packed, theirs: Packed) -> Packed:
    """Everything that either ledger knows. What stands no more the next plan finds gone, and forgets."""
    return pack(unpack(mine, Ledger).beside(unpack(theirs, Ledger)))


def _details(request: Request) -> str:
    """What the Web UI shows of a run before it has drawn anything itself."""
    who = request.identity
    lines: Sequence[tuple[str, str]] = [
        ("asked by", who.requester),
        ("reason", who.reason),
        ("ticket", who.ticket),
        ("on failure", request.on_failure.value),
        ("targets", ", ".join(request.targets)),
        ("recovers", request.recovers or ""),
    ]
    return "\n".join(f"- {name}: {value}" for name, value in lines if value)
