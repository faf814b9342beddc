"""Why what is under way is not done yet: the latest failed attempt of whatever is asked, as the server remembers it.

No event of a history says so, and no workflow knows it: retrying is the server's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError, ServerError

from holdfast.contract import Activity, State, seq_of
from holdfast.errors import Letter
from holdfast.progress import UNDER_WAY, Progress

CALM = timedelta(seconds=3)  # what has been under way no longer than this is not asked about


async def with_hindrances(client: Client, run: WorkflowHandle[Any, Any], progress: Progress) -> Progress:
    """The same picture; with the reason of each act, and of whatever else the run asks, that is being tried again."""
    if not _stands_still(progress, datetime.now(UTC) - CALM):
        return progress
    found = await _tried(client, run)
    letters: dict[int | None, Letter | None] = {seq: letter for seq, letter in found if seq is not None}
    rows = tuple(row.model_copy(update={"hindrance": letters.get(row.seq)}) for row in progress.rows)
    waiting = ", ".join(part for part in (progress.waiting, _words(found)) if part)
    return progress.model_copy(update={"rows": rows, "waiting": waiting})


async def asked_again(client: Client, planning: WorkflowHandle[Any, Any]) -> str:
    """Why a plan is not made yet: `asks again: AWS refused DescribeVpcs: …`; empty, when nothing has failed."""
    return _words(await _tried(client, planning))


def _stands_still(progress: Progress, until: datetime) -> bool:
    """Whether something has been under way since before then: an act; or, where there is none, what decides of them."""
    rows = [row for row in progress.rows if row.fate in UNDER_WAY]
    if not rows:
        return progress.state is not State.paused and (progress.started is None or progress.started < until)
    return any(row.since is None or row.since < until for row in rows)


async def _tried(client: Client, workflow: WorkflowHandle[Any, Any]) -> list[tuple[int | None, Letter | None]]:
    """Of each activity whose latest attempt came to nothing: its step, where it belongs to one, and why."""
    pending = (await workflow.describe()).raw_description.pending_activities
    courtesy = Activity.pollers  # what it finds out is said in words of its own
    tried = [p for p in pending if p.HasField("last_failure") and p.activity_type.name != courtesy]
    return [(seq_of(p.activity_id), await _letter(client, p)) for p in tried]


def _words(found: list[tuple[int | None, Letter | None]]) -> str:
    """Of what belongs to no step. The same, asked of many, is said once."""
    happened = [letter.happened.partition("\n")[0] for seq, letter in found if seq is None and letter is not None]
    return ", ".join(f"asks again: {said}" for said in dict.fromkeys(happened))


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
