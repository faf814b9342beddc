"""Ask a workflow a question, and tell a server that does not answer from a worker that does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.server import has_worker
from holdfast.contract import CONTROL_QUEUE, Message
from holdfast.errors import Unavailable

T = TypeVar("T")

ANSWER = timedelta(seconds=15)  # a worker that has to replay a long history first takes some
SILENT = frozenset({RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED})
UNMANNED = RPCStatusCode.FAILED_PRECONDITION  # Temporal's own word for it, when no worker has polled for a while


async def ask(client: Client, workflow: WorkflowHandle[Any, Any], question: Message, shape: type[T]) -> T:
    """The answer to a query. Raises `Unavailable` when Temporal is there and no worker answers; and `RPCError`."""
    try:
        answer: T = await workflow.query(question, result_type=shape, rpc_timeout=ANSWER)
    except RPCError as error:
        if error.status in SILENT:
            await has_worker(client, CONTROL_QUEUE)  # Temporal itself, which raises when it does not answer either
        elif error.status is not UNMANNED:
            raise
        raise unheard("nothing was asked for; runs go on once a worker does") from error
    return answer


def unheard(standing: str) -> Unavailable:
    """The letter of a worker that has polled, and gives no answer."""
    return Unavailable(
        f"the worker on {CONTROL_QUEUE} does not answer, though Temporal does: it ended, was stopped, or is overrun",
        standing=standing,
        next="see that worker's log and start it again; or `holdfast worker --queues control` starts one beside it",
    )
