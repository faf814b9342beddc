"""From a request to a plan: survey, look, decide. Shared by a run and by the `plan` workflow; changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from holdfast import contract
from holdfast.act import Asked, Look, Rehearsal, Seen
from holdfast.contract import Activity
from holdfast.model import JsonValue
from holdfast.run import Decision, Draft, Survey
from workflows.options import on_cloud, on_control
from workflows.reach import failed
from workflows.walk import Failed

T = TypeVar("T")

INSIST_EVERY = timedelta(minutes=5)


async def decide(draft: Draft, needs: Callable[[set[str]], None]) -> Decision:
    """Read what the request needs, cloud by cloud and side by side, and let the planner decide.

    `needs` hears which queues are asked. Raises `walk.Failed` with the letter of whatever refused.
    """
    survey = await ask(Activity.survey, draft, Survey, summary=f"what to read for {draft.request.operation}")
    scopes = [*(look.scope for look in survey.looks), *(asked.scope for asked in survey.asked)]
    needs({contract.queue(scope.cloud) for scope in scopes})
    seen = [asyncio.create_task(_look(look)) for look in survey.looks]
    found = [asyncio.create_task(_look_up(asked)) for asked in survey.asked]
    try:
        digests = [(await task).digest for task in seen]
        looked_up: dict[str, JsonValue] = {}
        for asked, task in zip(survey.asked, found, strict=True):
            looked_up |= {f"data.{asked.name}#{output}": value for output, value in (await task).items()}
    except (Exception, asyncio.CancelledError):  # not what ends a coroutine: that one must not wait any more
        for waiting in (*seen, *found):
            waiting.cancel()
        await asyncio.gather(*seen, *found, return_exceptions=True)
        raise
    outputs: dict[str, JsonValue] = {}
    for stack in survey.stacks:
        found_there = await ask(Activity.outputs, stack, dict[str, Any], summary=f"the outputs of {stack}")
        outputs |= {f"stack.{stack}#{name}": value for name, value in found_there.items()}
    readers: list[str] = []
    if survey.ask_readers:
        stack = draft.request.stack
        readers = await ask(Activity.readers, stack, list[str], summary=f"who reads the outputs of {stack}")
    whole = {
        "looks": survey.looks,
        "seen": tuple(digests),
        "looked_up": looked_up,
        "stack_outputs": outputs,
        "readers": tuple(readers),
    }
    decision: Decision = await ask(
        Activity.plan,
        draft.model_copy(update=whole),
        Decision,
        summary=f"plan {draft.request.operation} {draft.request.stack}",
    )
    return decision


async def rehearse(decision: Decision) -> None:
    """Ask each cloud whether it would allow what the plan asks for. Raises `walk.Failed` with the first refusal."""
    asking = [asyncio.create_task(_rehearse(one)) for one in decision.rehearsals]
    try:
        for task in asking:
            await task
    except (Exception, asyncio.CancelledError):
        for waiting in asking:
            waiting.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        raise


async def _rehearse(rehearsal: Rehearsal) -> None:
    options = on_cloud(Activity.rehearse, rehearsal.scope)
    await ask_with(options, Activity.rehearse, rehearsal, int, summary=f"would {rehearsal.scope} allow it?")


async def ask(activity: Activity, what: object, answer: type[T], *, summary: str) -> T:
    """One activity of the control queue. Raises `walk.Failed` with its letter."""
    return await ask_with(on_control(activity), activity, what, answer, summary=summary)


async def insist(activity: Activity, what: object, answer: type[T], *, summary: str, say: Callable[[str], None]) -> T:
    """Ask the control queue until it answers: for what a run cannot end without. `say` hears why it waits."""
    while True:
        try:
            answered = await ask(activity, what, answer, summary=summary)
        except Failed as failure:
            say(f"cannot {activity}: {failure.letter.happened.splitlines()[0][:160]}")
            await workflow.sleep(INSIST_EVERY, summary=f"{activity} again")
        else:
            say("")
            return answered


async def _look(look: Look) -> Seen:
    summary = f"look at {look.scope}: {', '.join(look.kinds)}"
    return await ask_with(on_cloud(Activity.discover, look.scope), Activity.discover, look, Seen, summary=summary)


async def _look_up(asked: Asked) -> dict[str, JsonValue]:
    summary = f"look up data.{asked.name} ({asked.kind})"
    options = on_cloud(Activity.look_up, asked.scope)
    found: dict[str, JsonValue] = await ask_with(options, Activity.look_up, asked, dict[str, Any], summary=summary)
    return found


async def ask_with(options: dict[str, Any], activity: Activity, what: object, answer: type[T], *, summary: str) -> T:
    """The same, of any queue."""
    try:
        result: T = await workflow.execute_activity(
            activity, what, result_type=answer, summary=summary[:180], **options
        )
    except ActivityError as error:
        raise failed(error) from error
    return result
