"""What only the Temporal server can say: how a run ended, what a dead one had begun, and which queues have a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import JsonValue
from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowContinuedAsNewError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.letters import from_temporal, to_temporal
from activities.salvage import salvage
from holdfast.arbiter import Board, Desk, Inquiry, Inspection, Ticket
from holdfast.contract import CONTROL_QUEUE, Activity, Message, Workflow, arbiter_id, run_id
from holdfast.errors import NotFound
from holdfast.packed import unpack
from holdfast.plan import Plan
from holdfast.run import Charge, Ledger, Report, Request, Salvage

AT_ONCE = 20  # queries under way of one activity
ALIVE = timedelta(seconds=75)  # a worker polls for 60 s at a time, so one that polled longer ago has gone
M = TypeVar("M")


class Server:
    """Activities of the control queue that ask the server itself."""

    def __init__(self, client: Client, plans: Callable[[str], Plan]) -> None:
        self._client, self._plans = client, plans

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return [self.inspect, self.salvage, self.outputs, self.readers, self.pollers, self.submit]

    @activity.defn(name=Activity.inspect)
    async def inspect(self, asked: Inquiry) -> Inspection:
        """A run of a stack: open, ended with a report, or ended without one."""
        execution = asked.execution
        while True:
            handle = self._client.get_workflow_handle(run_id(asked.stack), run_id=execution, result_type=Report)
            try:
                seen = await handle.describe()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return Inspection()
                raise
            if seen.status is not WorkflowExecutionStatus.CONTINUED_AS_NEW:
                break
            execution = await _next_of(handle)
        handle = self._client.get_workflow_handle(run_id(asked.stack), run_id=seen.run_id, result_type=Report)
        is_open = seen.status is WorkflowExecutionStatus.RUNNING
        charge = await self._charge(handle)
        return Inspection(
            execution=seen.run_id,
            open=is_open,
            report=None if is_open else await ended_report(handle),
            charge=charge.model_copy(update={"skeleton": None, "journal": None}),
        )

    @activity.defn(name=Activity.salvage)
    async def salvage(self, charge: Charge) -> Salvage:
        """What another run had begun: of a recover, from the dead run's history; of a resolve, from what is owed."""
        return await salvage(self._client, self._plans, charge, activity.info().workflow_run_id or "")

    @activity.defn(name=Activity.outputs)
    async def outputs(self, stack: str) -> dict[str, JsonValue]:
        """What a stack gives to others. Raises `NotFound` when there is no such stack."""
        arbiter = self._client.get_workflow_handle(arbiter_id(stack))
        try:
            board = await arbiter.query(Message.board, result_type=Board)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            missing = NotFound(
                f"there is no stack {stack!r} whose outputs could be read", next=f"bring {stack} up first"
            )
            raise to_temporal(missing, attempt=1) from error
        ledger = unpack(board.ledger, Ledger)
        return {name: value for name, value in ledger.outputs.items() if name not in ledger.sensitive_outputs}

    @activity.defn(name=Activity.readers)
    async def readers(self, stack: str) -> list[str]:
        """The stacks whose standing resources were made with outputs of this one, sorted.

        Asks every arbiter there is. A stack that has never ended an `up` is in nobody's list yet.
        """
        query = f"WorkflowType = '{Workflow.stack}' AND ExecutionStatus = 'Running'"
        names = [e.id.removeprefix("stack/") async for e in self._client.list_workflows(query)]
        window = asyncio.Semaphore(AT_ONCE)

        async def reads(name: str) -> bool:
            arbiter = self._client.get_workflow_handle(arbiter_id(name))
            async with window:
                activity.heartbeat()
                try:
                    board = await arbiter.query(Message.board, result_type=Board)
                except RPCError as error:
                    if error.status is RPCStatusCode.NOT_FOUND:  # it ended since it was listed
                        return False
                    raise
            return stack in unpack(board.ledger, Ledger).uses

        others = sorted(name for name in names if name != stack)
        answers = await asyncio.gather(*map(reads, others))
        return [name for name, is_reader in zip(others, answers, strict=True) if is_reader]

    @activity.defn(name=Activity.pollers)
    async def pollers(self, queues: list[str]) -> list[str]:
        """Those of the queues that no worker polls."""
        return [queue for queue in queues if not await has_worker(self._client, queue)]

    @activity.defn(name=Activity.submit)
    async def submit(self, request: Request) -> Ticket:
        """Hand a request to its arbiter, which is started if it is not there. Raises what the arbiter refuses with."""
        try:
            return await submit(self._client, request)
        except WorkflowUpdateFailedError as error:
            if not isinstance(error.cause, ApplicationError):
                raise
            raise to_temporal(from_temporal(error.cause), attempt=activity.info().attempt) from error

    async def _charge(self, handle: WorkflowHandle[Any, Any]) -> Charge:
        async for event in handle.fetch_history_events(page_size=1):
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            decoded = await self._client.data_converter.decode(payloads, [Charge])
            return Charge.model_validate(decoded[0])
        raise AssertionError("a history begins with the event that started it")


async def submit(client: Client, request: Request) -> Ticket:
    """Queue a request. The same request twice is one run."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        Workflow.stack,
        Desk(stack=request.stack, environment=request.environment),
        id=arbiter_id(request.stack),
        task_queue=CONTROL_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=f"the arbiter of {request.stack}: its queue, its ledger, its lock",
    )
    ticket: Ticket = await client.execute_update_with_start_workflow(
        Message.submit, request, id=request.id, result_type=Ticket, start_workflow_operation=start
    )
    return ticket


async def has_worker(client: Client, queue: str) -> bool:
    """Whether a live worker polls a queue. One that was killed stays listed for minutes, so its last poll decides."""
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if queue == CONTROL_QUEUE else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    asked = DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind)
    answer = await client.workflow_service.describe_task_queue(asked, timeout=timedelta(seconds=5))
    now = datetime.now(UTC)
    return any(now - p.last_access_time.ToDatetime(tzinfo=UTC) < ALIVE for p in answer.pollers)


async def _next_of(handle: WorkflowHandle[Any, Report]) -> str | None:
    """The execution in which one went on."""
    try:
        await handle.result(follow_runs=False)
    except WorkflowContinuedAsNewError as onwards:
        return onwards.new_execution_run_id
    return None


async def ended_report(handle: WorkflowHandle[Any, Report]) -> Report | None:
    """The report of a closed run: its result, or the details of its failure. None: it was terminated or timed out."""
    try:
        return await handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.details and isinstance(cause.details[0], dict):
            return Report.model_validate(cause.details[0])
        return None
