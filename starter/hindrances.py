"""Why what is under way is not done yet: the latest failed attempt of whatever is asked, as the server remembers it.

No event of a history says so, and no workflow knows it: retrying is the server's.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.exceptions import ApplicationError, ServerError

from holdfast.contract import Activity, Message, State, seq_of
from holdfast.errors import Letter
from holdfast.progress import UNDER_WAY, Progress
from starter.questions import ask

READS = frozenset({Activity.discover, Activity.look_up})  # before a plan, in every place that it is about
CALM = timedelta(seconds=3)  # what has been under way no longer than this is not asked about


async def with_hindrances(client: Client, run: WorkflowHandle[Any, Any], progress: Progress) -> Progress:
    """The same picture; with the reason of each act, and of whatever else the run asks, that is being tried again."""
    if not _stands_still(progress, datetime.now(UTC) - CALM):
        return progress
    found = await _tried(client, run)
    letters: dict[int | None, Letter | None] = {tried.seq: tried.letter for tried in found if tried.seq is not None}
    rows = tuple(row.model_copy(update={"hindrance": letters.get(row.seq)}) for row in progress.rows)
    said = _words(found)
    if _is_kept_from_reading(found) and await _asks_several(client, run):
        said = f"{said} (or cancel it, and go on elsewhere with `--target ADDRESS`)"
    waiting = ", ".join(part for part in (progress.waiting, said) if part)
    return progress.model_copy(update={"rows": rows, "waiting": waiting})


async def asked_again(client: Client, planning: WorkflowHandle[Any, Any], *, several: bool = False) -> str:
    """Why a plan is not made yet: `asks again: AWS refused DescribeVpcs: …`; empty, when nothing has failed.

    With `several` clouds to ask, a person may go on without the one that does not answer, and is told how.
    """
    found = await _tried(client, planning)
    said = _words(found)
    if several and _is_kept_from_reading(found):
        return f"{said} (`--target ADDRESS` asks only where it has to)"
    return said


class Tried(NamedTuple):
    """An activity whose latest attempt came to nothing."""

    activity: str
    seq: int | None  # the step that it belongs to, if any
    letter: Letter | None  # why; None where trying again is all that it does


def _is_kept_from_reading(found: list[Tried]) -> bool:
    return any(tried.activity in READS and tried.letter is not None for tried in found)


async def _asks_several(client: Client, run: WorkflowHandle[Any, Any]) -> bool:
    """Whether a run needs more than one cloud."""
    with suppress(WorkflowQueryFailedError):  # a worker of an older release, which knows no such question
        return len(await ask(client, run, Message.needs, list[str])) > 1
    return False


def _stands_still(progress: Progress, until: datetime) -> bool:
    """Whether something has been under way since before then: an act; or, where there is none, what decides of them."""
    rows = [row for row in progress.rows if row.fate in UNDER_WAY]
    if not rows:
        return progress.state is not State.paused and (progress.started is None or progress.started < until)
    return any(row.since is None or row.since < until for row in rows)


async def _tried(client: Client, workflow: WorkflowHandle[Any, Any]) -> list[Tried]:
    pending = (await workflow.describe()).raw_description.pending_activities
    courtesy = Activity.pollers  # what it finds out is said in words of its own
    tried = [p for p in pending if p.HasField("last_failure") and p.activity_type.name != courtesy]
    return [Tried(p.activity_type.name, seq_of(p.activity_id), await _letter(client, p)) for p in tried]


def _words(found: list[Tried]) -> str:
    """Of what belongs to no step. The same, asked of many, is said once."""
    letters = [tried.letter for tried in found if tried.seq is None and tried.letter is not None]
    happened = [letter.happened.partition("\n")[0] for letter in letters]
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
