"""Fetch the histories of stacks, whole, and hand them to `holdfast.audit`. Asks the Temporal server and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from holdfast.audit import Event, History, Line, trail
from holdfast.contract import Workflow, arbiter_id, run_id
from holdfast.errors import NotFound
from workers.connecting import unanswered

AT_ONCE = 16  # histories


async def lines(client: Client, stack: str | None = None) -> list[Line]:
    """The trail of a stack, or of all, across every execution that the server still keeps.

    Raises `NotFound` when there is nothing of that stack, and `Unavailable`.
    """
    try:
        names = [stack] if stack is not None else await _stacks(client)
        found = [history for name in names for history in await _histories(client, name)]
    except RPCError as error:
        raise unanswered(client, error) from error
    if stack is not None and not found:
        raise NotFound(f"there is no history of a stack {stack!r}", next="`holdfast stacks` lists what there is")
    return trail(found)


async def _stacks(client: Client) -> list[str]:
    query = f"WorkflowType IN ('{Workflow.stack}', '{Workflow.provision}')"
    ids = {execution.id async for execution in client.list_workflows(query)}
    return sorted({name.split("/")[1] for name in ids if name.startswith("stack/")})


async def _histories(client: Client, stack: str) -> list[History]:
    """Every execution: those that are listed, and, since a listing lags, those that histories themselves name."""
    ids = (arbiter_id(stack), run_id(stack))
    query = " OR ".join(f"WorkflowId = '{name}'" for name in ids)
    wanted: set[tuple[str, str | None]] = {(e.id, e.run_id) async for e in client.list_workflows(query)}
    wanted |= {(name, None) for name in ids}
    fetched: dict[tuple[str, str], History] = {}
    asked: set[tuple[str, str | None]] = set()
    gate = asyncio.Semaphore(AT_ONCE)

    async def fetch(workflow: str, execution: str | None) -> tuple[History, set[tuple[str, str | None]]] | None:
        async with gate:
            return await _history(client, stack, workflow, execution)

    while new := wanted - asked:
        asked |= new
        for got in await asyncio.gather(*(fetch(*which) for which in sorted(new, key=str))):
            if got is not None:
                history, named = got
                fetched[history.workflow, history.execution] = history
                asked.add((history.workflow, history.execution))
                wanted |= {which for which in named if which[0] in ids}
    return list(fetched.values())


async def _history(
    client: Client, stack: str, workflow: str, execution: str | None
) -> tuple[History, set[tuple[str, str | None]]] | None:
    """One history, and the executions it names: what it continues, what went on, and the runs it started."""
    handle = client.get_workflow_handle(workflow, run_id=execution)
    try:
        if execution is None:
            execution = (await handle.describe()).run_id
            handle = client.get_workflow_handle(workflow, run_id=execution)
        raw = [event async for event in handle.fetch_history_events()]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None  # it is older than what the server keeps
        raise
    kind = raw[0].workflow_execution_started_event_attributes.workflow_type.name
    named: set[tuple[str, str | None]] = set()
    for event in raw:
        started = event.workflow_execution_started_event_attributes
        onwards = event.workflow_execution_continued_as_new_event_attributes
        child = event.child_workflow_execution_started_event_attributes.workflow_execution
        named |= {(workflow, which) for which in (started.continued_execution_run_id, onwards.new_execution_run_id)}
        named.add((child.workflow_id, child.run_id))
    events = [await _event(client, event) for event in raw]
    found = History(stack, workflow, execution, kind, tuple(events))
    return found, {(name, which) for name, which in named if name and which}


async def _event(client: Client, raw: HistoryEvent) -> Event:
    facts: dict[str, Any] = {}
    match raw.WhichOneof("attributes"):
        case "workflow_execution_started_event_attributes":
            started = raw.workflow_execution_started_event_attributes
            facts = {
                "given": await _first(client, started.input),
                "goes_on": bool(started.continued_execution_run_id),
                "identity": started.identity,
            }
        case "workflow_execution_update_accepted_event_attributes":
            accepted = raw.workflow_execution_update_accepted_event_attributes.accepted_request
            facts = {
                "name": accepted.input.name,
                "given": await _first(client, accepted.input.args),
                "identity": accepted.meta.identity,
            }
        case "workflow_execution_update_completed_event_attributes":
            completed = raw.workflow_execution_update_completed_event_attributes
            failed = completed.outcome.HasField("failure")
            facts = {
                "of": completed.accepted_event_id,
                "gave": None if failed else await _first(client, completed.outcome.success),
                "failure": await _failure(client, completed.outcome.failure) if failed else None,
            }
        case "activity_task_scheduled_event_attributes":
            scheduled = raw.activity_task_scheduled_event_attributes
            facts = {"name": scheduled.activity_type.name, "given": await _first(client, scheduled.input)}
        case "activity_task_completed_event_attributes":
            ended = raw.activity_task_completed_event_attributes
            facts = {"of": ended.scheduled_event_id, "gave": await _first(client, ended.result)}
        case "activity_task_failed_event_attributes":
            broke = raw.activity_task_failed_event_attributes
            facts = {"of": broke.scheduled_event_id, "failure": await _failure(client, broke.failure)}
        case "activity_task_timed_out_event_attributes":
            late = raw.activity_task_timed_out_event_attributes
            facts = {"of": late.scheduled_event_id, "failure": await _failure(client, late.failure)}
        case "activity_task_canceled_event_attributes":
            facts = {"of": raw.activity_task_canceled_event_attributes.scheduled_event_id}
        case "workflow_execution_completed_event_attributes":
            facts = {"gave": await _first(client, raw.workflow_execution_completed_event_attributes.result)}
        case "workflow_execution_failed_event_attributes":
            facts = {"failure": await _failure(client, raw.workflow_execution_failed_event_attributes.failure)}
        case "workflow_execution_terminated_event_attributes":
            killed = raw.workflow_execution_terminated_event_attributes
            facts = {"identity": killed.identity, "words": killed.reason}
        case "workflow_execution_cancel_requested_event_attributes":
            wish = raw.workflow_execution_cancel_requested_event_attributes
            facts = {"identity": wish.identity, "words": wish.cause}
        case _:
            pass  # of the machinery: timers, tasks, markers
    kind = EventType.Name(raw.event_type).removeprefix("EVENT_TYPE_")
    return Event(id=raw.event_id, at=raw.event_time.ToDatetime(tzinfo=UTC), type=kind, **facts)


async def _failure(client: Client, failure: Failure) -> Mapping[str, Any]:
    """Ours is the innermost that carries details: Temporal wraps what an activity failed with."""
    inner = failure
    while not inner.application_failure_info.type and inner.HasField("cause"):
        inner = inner.cause
    details: Sequence[Any] = await _all(client, inner.application_failure_info.details)
    return {"type": inner.application_failure_info.type, "message": inner.message, "details": list(details)}


async def _first(client: Client, payloads: Payloads) -> Any:
    found = await _all(client, payloads)
    return found[0] if found else None


async def _all(client: Client, payloads: Payloads) -> Sequence[Any]:
    return await client.data_converter.decode(payloads.payloads) if payloads.payloads else []
