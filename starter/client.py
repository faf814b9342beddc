"""The Python client: ask for runs, watch them, answer them, and read what they left.

    async with asyncio.timeout(60):
        holdfast = await Holdfast.connect()
        ticket = await holdfast.submit(holdfast.request(Operation.up, "shop", source=source))
        report = await holdfast.wait(ticket.run)

Every method raises `holdfast.errors`, with a letter; none returns something that has not happened.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.letters import from_temporal
from activities.server import ended_report, has_worker, submit
from holdfast.arbiter import Board, Past, Ticket, Withdraw
from holdfast.asking import asking
from holdfast.contract import (
    CONTROL_QUEUE,
    Answer,
    Attribute,
    Message,
    OnFailure,
    Operation,
    State,
    Workflow,
    arbiter_id,
    run_id,
)
from holdfast.errors import NotFound, Refused, Unavailable
from holdfast.model import Address
from holdfast.packed import Packed, pack, unpack
from holdfast.plan import Plan
from holdfast.progress import Progress, seen_at
from holdfast.run import Draft, Identity, Ledger, Report, Request, Resolve, Source, Stop
from starter.attending import attend, no_worker
from starter.hindrances import with_hindrances
from starter.questions import ask, unheard
from workers.connecting import connect as connect_client
from workers.connecting import silent, unanswered
from workers.settings import Settings

T = TypeVar("T")

PATIENCE = timedelta(seconds=5)  # for finding out whether anybody is there
LOOK = 0.4  # seconds between two looks at a run
SUBMITS = 5  # how often one request is handed in, when the server has lost patience with a slow worker
BUSY = "Workflow Task in failed state"  # what it says then
HEARD = 60.0  # seconds for a worker to hear a request; it hears at once, or stands still
SILENCE = 120.0  # seconds without a word before watching gives up; the run does not


@dataclass(frozen=True, slots=True)
class Listed:
    """One run in a listing."""

    run: str
    stack: str
    operation: str
    state: str
    requester: str
    started: datetime
    ended: datetime | None
    execution: str


class Holdfast:
    """A connection to one installation."""

    def __init__(self, client: Client, settings: Settings, identity: Identity) -> None:
        self.client, self.settings, self.identity = client, settings, identity
        asking.set(identity)

    @classmethod
    async def connect(cls, *, reason: str = "", ticket: str = "", settings: Settings | None = None) -> Self:
        """As Temporal's environment says. Raises `Unavailable` when no server answers within seconds."""
        requester = os.environ.get("HOLDFAST_REQUESTER") or getpass.getuser()
        try:
            client = await asyncio.wait_for(connect_client(), PATIENCE.total_seconds())
        except TimeoutError as error:
            raise silent() from error
        return cls(client, settings or Settings.read(), Identity(requester=requester, reason=reason, ticket=ticket))

    # --- asking ------------------------------------------------------------------------------------------------

    def request(self, operation: Operation, stack: str, *, source: Source | None = None, **more: Any) -> Request:
        """A request as this client's person makes it. `id` may be given, so that a repeated request is one run."""
        default = OnFailure.keep if operation is Operation.down else OnFailure.rollback
        fields = {
            "id": str(uuid.uuid4()),
            "on_failure": default,
            **{name: value for name, value in more.items() if value is not None},
        }
        return Request(
            stack=stack,
            operation=operation,
            identity=self.identity,
            installation=self.settings.installation,
            source=pack(source) if source else None,
            **fields,
        )

    async def submit(self, request: Request) -> Ticket:
        """Queue a request with its stack's arbiter. Raises `Unavailable` when nobody works on the control queue."""
        await self.need_worker()
        return await self._heard(self._submitted(request))

    async def plan(self, request: Request, *, say: Callable[[str], None] = lambda _: None) -> Plan:
        """What a request would change. Nothing is queued, and nothing changed.

        `say` hears what a plan waits for that is not made within seconds. Raises `Unavailable` when a cloud that it
        asks about has no worker. Whoever stops waiting stops the planning.
        """
        await self.need_worker()
        ledger = await self.ledger(request.stack)
        handle: WorkflowHandle[Any, Packed] = await self.client.start_workflow(
            Workflow.plan,
            Draft(request=request, ledger=pack(ledger)),
            id=f"stack/{request.stack}/plan/{request.id}",
            task_queue=CONTROL_QUEUE,
            result_type=Packed,
            static_summary=f"what would {request.operation} change in {request.stack}?",
        )
        made = asyncio.create_task(handle.result())
        try:
            await attend(self.client, handle, made, say)
            return unpack(await self._asked(made), Plan)
        finally:
            if made.cancel():
                with suppress(RPCError):  # then it ends when it can
                    await handle.cancel()

    async def cancel(self, run: str, *, keep: bool = False) -> None:
        """Stop a run and take back what it did; or, with `keep`, leave it. One in the queue never begins."""
        board = await self.board(stack_of(run))
        arbiter = self.client.get_workflow_handle(arbiter_id(board.stack))
        while any(q.run == run for q in board.queue):
            try:
                await self._heard(arbiter.execute_update(Message.withdraw, Withdraw(identity=self.identity, run=run)))
            except Refused:  # it has left the queue, or does so at this moment
                await asyncio.sleep(LOOK)
                board = await self.board(board.stack)
            else:
                return
        handle = self._open(board, run)
        await self._heard(handle.execute_update(Message.cancel, Stop(identity=self.identity, keep=keep)))

    async def resolve(self, address: Address, answer: Answer) -> str:
        """Answer what a paused run asks about a resource; without one, settle owed work by a run of its own.

        Returns the run's number.
        """
        board = await self.board(address.stack)
        if board.current is not None:
            said = Resolve(identity=self.identity, address=address, answer=answer)
            await self._heard(self._open(board, board.current).execute_update(Message.resolve, said))
            return board.current
        if all(o.address != address for o in board.owed):
            open_ones = ", ".join(str(o.address) for o in board.owed) or "nothing"
            raise NotFound(
                f"nothing is owed about {address}; owed: {open_ones}",
                address=address,
                next=f"`holdfast status {address.stack}` shows what stands and what is owed",
            )
        request = self.request(Operation.resolve, address.stack, subject=address, answer=answer)
        return (await self.submit(request)).run

    # --- looking -----------------------------------------------------------------------------------------------

    async def board(self, stack: str) -> Board:
        """The stack as its arbiter knows it. Raises `NotFound` when there is no such stack."""
        await self.need_worker()
        arbiter = self.client.get_workflow_handle(arbiter_id(stack))
        try:
            board = await self._asked(ask(self.client, arbiter, Message.board, Board))
        except NotFound as error:
            raise NotFound(f"there is no stack {stack!r}", next="`holdfast stacks` lists what there is") from error
        return board

    async def progress(self, run: str) -> Progress | None:
        """A run in progress, as it is now; None when it is not in progress."""
        board = await self.board(stack_of(run))
        if board.current != run or board.execution is None:
            return None
        handle = self.client.get_workflow_handle(run_id(board.stack))
        told = await self._asked(ask(self.client, handle, Message.progress, Progress))
        if told.run != run:
            return None
        return await self._asked(with_hindrances(self.client, handle, seen_at(told, datetime.now(UTC))))

    async def watch(self, run: str, *, every: float = LOOK, silence: float = SILENCE) -> AsyncIterator[Progress]:
        """Look at a run until it has ended. One that waits in the queue shows as `queued`.

        Raises `Unavailable` when nobody has answered for more than `silence` seconds.
        """
        stack, heard = stack_of(run), time.monotonic()
        while True:
            try:
                board = await self.board(stack)
                seen = await self.progress(run) if board.current == run else None
            except Unavailable:
                # A worker that died is started again by whoever keeps it; the run goes on meanwhile.
                if time.monotonic() - heard > silence:
                    raise
                await asyncio.sleep(every)
                continue
            heard = time.monotonic()
            if any(p.run == run for p in board.past):
                return
            queued = next((n for n, q in enumerate(board.queue) if q.run == run), None)
            if queued is not None:
                request = board.queue[queued].request
                ahead = queued + (board.current is not None)
                yield Progress(
                    run=run,
                    stack=stack,
                    operation=request.operation,
                    state=State.queued,
                    identity=request.identity,
                    waiting=f"{ahead} before it" if ahead else "",
                )
            elif seen is not None:
                yield seen
            elif board.current != run:
                raise _no_run(run)
            await asyncio.sleep(every)

    async def wait(self, run: str) -> Report:
        """The report of a run, once it has ended."""
        async for _ in self.watch(run):
            pass
        return await self.report(run)

    async def report(self, run: str) -> Report:
        """How a run ended. Raises `NotFound` while it has not, and for one that left no report."""
        past = await self._past(run)
        handle = self.client.get_workflow_handle(run_id(stack_of(run)), run_id=past.execution, result_type=Report)
        report = await ended_report(handle) if past.execution else None
        if report is None:
            how = "was terminated" if past.execution else "was taken out of the queue before it began"
            raise NotFound(
                f"{run} left no report: it {how}", next=f"`holdfast runs {stack_of(run)}` shows what followed"
            )
        return report

    async def runs(self, stack: str | None = None, *, most: int = 50) -> list[Listed]:
        """Runs, the newest first. The server's listing lags by a second or so."""
        query = f"WorkflowType = '{Workflow.provision}' AND ExecutionStatus != 'ContinuedAsNew'"
        if stack is not None:
            query += f" AND {Attribute.stack} = '{stack}'"
        found = await self._asked(_all(self.client.list_workflows(query, limit=most)))
        return [_listed(execution) for execution in found]

    async def stacks(self) -> list[Board]:
        """Every stack that has an arbiter."""
        query = f"WorkflowType = '{Workflow.stack}' AND ExecutionStatus = 'Running'"
        found = await self._asked(_all(self.client.list_workflows(query)))
        return [await self.board(name) for name in sorted(e.id.removeprefix("stack/") for e in found)]

    async def need_worker(self, queue: str = CONTROL_QUEUE) -> None:
        """Raises `Unavailable` when no worker answers on a queue; a request would wait without a word."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                found = await has_worker(self.client, queue)
                while not found:
                    await asyncio.sleep(LOOK)
                    found = await has_worker(self.client, queue)
        except TimeoutError:
            found = False
        except RPCError as error:
            raise unanswered(self.client, error) from error
        if not found:
            raise no_worker([queue], standing="nothing was asked for")

    # --- helpers -----------------------------------------------------------------------------------------------

    async def ledger(self, stack: str) -> Ledger:
        """What a stack has; nothing, when there is no such stack."""
        try:
            return unpack((await self.board(stack)).ledger, Ledger)
        except NotFound:
            return Ledger()

    def _open(self, board: Board, run: str) -> WorkflowHandle[Any, Any]:
        if board.current != run:
            raise NotFound(f"{run} is not in progress", next=f"`holdfast status {board.stack}` shows what is")
        return self.client.get_workflow_handle(run_id(board.stack))

    async def _past(self, run: str) -> Past:
        board = await self.board(stack_of(run))
        past = next((p for p in board.past if p.run == run), None)
        if past is not None:
            return past
        for listed in await self.runs(board.stack, most=500):
            if listed.run == run and listed.ended is not None:
                state = State(listed.state)
                return Past(
                    run=run,
                    operation=Operation(listed.operation),
                    state=state,
                    requester=listed.requester,
                    execution=listed.execution,
                    ended=listed.ended,
                )
        if run == board.current or any(q.run == run for q in board.queue):
            raise NotFound(f"{run} has not ended, so there is no report yet", next=f"`holdfast watch {run}` shows it")
        raise _no_run(run)

    async def _submitted(self, request: Request) -> Ticket:
        for left in reversed(range(SUBMITS)):
            try:
                return await submit(self.client, request)
            except RPCError as error:
                # The arbiter's first task took a slow worker longer than the server waits. The same request is one run.
                if BUSY not in error.message or not left:
                    raise
            await asyncio.sleep(LOOK)
        raise AssertionError("the last attempt returns or raises")

    async def _asked(self, answer: Awaitable[T]) -> T:
        """The answer, with Temporal's errors in our words."""
        try:
            return await answer
        except (WorkflowUpdateFailedError, WorkflowFailureError) as error:
            raise from_temporal(error.cause) from error
        except WorkflowQueryFailedError as error:
            raise Refused(str(error)) from error
        except RPCError as error:
            said = unanswered(self.client, error)
            if error.status is RPCStatusCode.NOT_FOUND and isinstance(said, Unavailable):
                said = NotFound(error.message)
            raise said from error

    async def _heard(self, answer: Awaitable[T]) -> T:
        """The same, of what a worker hears at once: one that says nothing for a minute stands still."""
        try:
            async with asyncio.timeout(HEARD):
                return await self._asked(answer)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # by Ctrl-C, which the SDK takes for a timeout as well
                raise asyncio.CancelledError from error
            raise unheard("it may still be heard, once a worker goes on; `holdfast runs` shows what was") from error


async def _all(listed: AsyncIterator[T]) -> list[T]:
    return [one async for one in listed]


def _no_run(run: str) -> NotFound:
    return NotFound(f"there is no run {run}", next=f"`holdfast runs {stack_of(run)}` lists those that there are")


def stack_of(run: str) -> str:
    """The stack of a run's number: `shop` of `shop-42`. Raises `NotFound` for anything that is no number."""
    stack, dash, number = run.rpartition("-")
    if not (stack and dash and number.isdecimal()):
        raise NotFound(
            f"{run!r} is not a run's number", next="runs are called like shop-42; `holdfast runs` lists them"
        )
    return stack


def _listed(execution: WorkflowExecution) -> Listed:
    words = {pair.key.name: pair.value for pair in execution.typed_search_attributes.search_attributes}

    def word(name: Attribute) -> str:
        return str(words.get(name.value, ""))

    return Listed(
        run=word(Attribute.run),
        stack=word(Attribute.stack),
        operation=word(Attribute.operation),
        state=word(Attribute.state),
        requester=word(Attribute.requester),
        started=execution.start_time,
        ended=execution.close_time,
        execution=execution.run_id,
    )


__all__ = ["Holdfast", "Listed", "stack_of"]
