"""Why what is under way is not done yet: the latest failed attempt of each act, as the server remembers it.

No event of a history says so, and no workflow knows it: retrying is the server's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ServerError

from holdfast.contract import Activity, seq_of
from holdfast.errors import Letter
from holdfast.progress import UNDER_WAY, Progress

CALM = timedelta(seconds=3)  # what has been under way no longer than this is not asked about


async def with_hindrances(client: Client, run: WorkflowHandle[Any, Any], progress: Progress) -> Progress:
    """The same picture; with the reason of each act that is being tried again."""
    until = datetime.now(UTC) - CALM
    if not any(row.fate in UNDER_WAY and (row.since is None or row.since < until) for row in progress.rows):
        return progress
    pending = (await run.describe()).raw_description.pending_activities
    tried = {seq_of(p.activity_id): p for p in pending if p.HasField("last_failure")}
    letters = {seq: await _letter(client, p) for seq, p in tried.items()}
    rows = tuple(row.model_copy(update={"hindrance": letters.get(row.seq)}) for row in progress.rows)
    return progress.model_copy(update={"rows": rows})


async def _letter(client: Client, pending: PendingActivityInfo) -> Letter | None:
    error: BaseException | None = await client.data_converter.decode_failure(pending.last_failure)
    if isinstance(error, ServerError) and error.cause is not None:
        error = error.cause  # with its stack trace it is too large for the server, which keeps its words and its type
    if not isinstance(error, ApplicationError):
        return Letter(error="Unavailable", happened=str(error))
    found = error.details[0] if error.details else {"error": error.type or "Broken", "happened": error.message}
    letter = Letter.model_validate(found)
    waits = pending.activity_type.name == Activity.settle and letter.error == "Pending"
    return None if waits else letter  # that is what settling means
