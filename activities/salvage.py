"""What a dead run had begun, from its own history: every act that was scheduled may have reached a cloud.

Nothing else is trusted: not the store's idea of it, nor anybody's memory. What completed is known; the rest is sent,
with unknown effect, and taking it back looks first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from holdfast.act import Act, Done, Settle
from holdfast.contract import Activity, Answer, OnFailure, Operation, run_id
from holdfast.errors import Letter
from holdfast.model import Status
from holdfast.packed import pack, unpack
from holdfast.plan import Plan, Skeleton, Step, act_token, plan_id, skeleton
from holdfast.run import Charge, Closing, Decision, Fate, Journal, Owed, Salvage, Trace

_ACTS = {Activity.create, Activity.update, Activity.delete, Activity.operate, Activity.adopt, Activity.disown}
GENERATIONS = 64  # of one step: each is a person's retry
_AT_REST = {Status.ready, Status.absent}
_AT_WORK = {Fate.acting, Fate.undoing}


async def salvage(client: Client, plans: Callable[[str], Plan], charge: Charge, execution: str) -> Salvage:
    """See the module. Nothing begun: an empty answer. `execution` is the one that asks."""
    if charge.request.operation is Operation.resolve:
        return await _owed(client, plans, charge)
    recovers = charge.request.recovers
    found = await _begun(client, run_id(charge.request.stack), recovers or execution)
    if found is None or found.skeleton is None or not (found.traces or found.doubted):
        return Salvage()
    journal = Journal(traces=tuple(found.traces.values()), doubted=found.doubted)
    if recovers is None:
        journal = journal.model_copy(update={"backwards": await _had_turned(client, found)})
    else:
        returns = {s.seq for s in found.skeleton.steps if s.undo.returns}
        passed = any(t.fate in {Fate.done, Fate.settling} and t.seq not in returns for t in found.traces.values())
        keep = not found.backwards and (passed or charge.request.on_failure is OnFailure.keep)
        journal = journal.model_copy(update={"backwards": not keep, "cancelled": keep, "keeping": keep})
    return Salvage(skeleton=pack(found.skeleton), plan_id=str(found.plan_id), journal=pack(journal))


async def _begun(client: Client, workflow_id: str, execution: str) -> _Reading | None:
    """The execution that had a plan: this one; or the one that it was reset from, or that it was to recover."""
    behind: str | None = execution
    while behind is not None:
        found = await _Reading(client, workflow_id, behind).read()
        if found.skeleton is not None:
            return found
        behind = found.behind
    return None


async def _had_turned(client: Client, found: _Reading) -> bool:
    """Whether a run had turned around: before it was reset, or in what the reset has cut off."""
    readings = [found]
    for reading in readings:  # which grow meanwhile
        if reading.turned:
            return True
        others = [e for e in (reading.reset_from, reading.went_on) if e is not None]
        readings += [await _Reading(client, reading.workflow_id, e).read() for e in others]
    return False


class _Reading:
    """One pass over the history of a dead execution."""

    def __init__(self, client: Client, workflow_id: str, execution: str) -> None:
        self._client = client
        self._handle = client.get_workflow_handle(workflow_id, run_id=execution)
        self.workflow_id, self._execution = workflow_id, execution
        self.skeleton: Skeleton | None = None
        self.plan_id: UUID | None = None
        self.traces: dict[int, Trace] = {}
        self.backwards = self.doubted = False  # `backwards`: something was taken back, if only what had failed
        self.turned = False  # something was taken back that stood
        self.behind: str | None = None
        self.reset_from: str | None = None
        self.went_on: str | None = None
        self._original = ""
        self._steps: dict[int, Step] = {}
        self._scheduled: dict[int, tuple[Activity, Act | None]] = {}

    async def read(self) -> _Reading:
        async for event in self._handle.fetch_history_events():
            match event.event_type:
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                    await self._started(event)
                case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    self._was_reset(event)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                    await self._was_scheduled(event)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                    await self._completed(event)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                    await self._refused(event)
                case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                    self.went_on = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
                case _:
                    continue  # the rest of the history says nothing about what reached a cloud
        return self

    async def _decode(self, payloads: Any, into: type[Any]) -> Any:
        return (await self._client.data_converter.decode(payloads.payloads, [into]))[0]

    async def _started(self, event: HistoryEvent) -> None:
        attributes = event.workflow_execution_started_event_attributes
        self._original = attributes.original_execution_run_id
        self.doubted = self._execution != self._original  # acts were sent that a reset has cut off
        charge = Charge.model_validate(await self._decode(attributes.input, Charge))
        self.behind = charge.request.recovers
        if charge.skeleton is not None and charge.plan_id is not None:
            self._take(unpack(charge.skeleton, Skeleton), UUID(charge.plan_id))
            self._recall(unpack(charge.journal, Journal) if charge.journal else Journal())

    def _was_reset(self, event: HistoryEvent) -> None:
        attributes = event.workflow_task_failed_event_attributes
        if attributes.cause is WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
            self.behind = self.reset_from = attributes.base_run_id

    async def _was_scheduled(self, event: HistoryEvent) -> None:
        attributes = event.activity_task_scheduled_event_attributes
        activity = Activity(attributes.activity_type.name)
        act: Act | None = None
        if activity in _ACTS:
            act = Act.model_validate(await self._decode(attributes.input, Act))
            stood = act.seq in self.traces and self.traces[act.seq].fate is Fate.done
            self.turned = self.turned or (act.back and stood)
            self._put(act, fate=Fate.undoing if act.back else Fate.acting)
            self.backwards = self.backwards or act.back
        elif activity is Activity.settle:
            act = Settle.model_validate(await self._decode(attributes.input, Settle)).act
        self._scheduled[event.event_id] = activity, act

    async def _completed(self, event: HistoryEvent) -> None:
        attributes = event.activity_task_completed_event_attributes
        activity, act = self._scheduled[attributes.scheduled_event_id]
        if activity is Activity.plan:
            decision = Decision.model_validate(await self._decode(attributes.result, Decision))
            plan = unpack(decision.skeleton, Skeleton)
            self._take(plan, plan_id(self.workflow_id, self._original, plan.plan))
        elif activity is Activity.salvage:
            found = Salvage.model_validate(await self._decode(attributes.result, Salvage))
            if found.skeleton is not None and found.plan_id is not None:
                self._take(unpack(found.skeleton, Skeleton), UUID(found.plan_id))
                self._recall(unpack(found.journal, Journal) if found.journal else Journal())
        elif act is not None:
            self._learn(act, Done.model_validate(await self._decode(attributes.result, Done)))

    def _take(self, plan: Skeleton, identity: UUID) -> None:
        self.skeleton, self.plan_id = plan, identity
        self._steps = {s.seq: s for s in plan.steps}

    def _recall(self, journal: Journal) -> None:
        self.traces |= {t.seq: t for t in journal.traces}
        self.backwards = self.backwards or journal.backwards
        self.turned = self.turned or journal.backwards
        self.doubted = self.doubted or journal.doubted

    def _learn(self, act: Act, done: Done) -> None:
        resting = done.status in _AT_REST
        at_rest, on_the_way = (Fate.undone, Fate.undoing) if act.back else (Fate.done, Fate.settling)
        fate = at_rest if resting else on_the_way
        known = {"remote_id": done.remote_id or act.remote_id, "outputs": done.outputs, "renamed": done.renamed}
        self._put(act, fate=fate, handle=done.handle, **known)

    async def _refused(self, event: HistoryEvent) -> None:
        """An act that was refused by an answer at its first delivery: nothing can have come of it."""
        attributes = event.activity_task_failed_event_attributes
        _, act = self._scheduled[attributes.scheduled_event_id]
        details = attributes.failure.application_failure_info.details
        if act is None or act.back or not details.payloads:
            return
        letter = Letter.model_validate((await self._client.data_converter.decode(details.payloads))[0])
        if letter.certain:
            self.traces[act.seq] = self.traces[act.seq].model_copy(update={"refused": True})

    def _put(self, act: Act, *, fate: Fate, handle: str | None = None, **learned: Any) -> None:
        old = self.traces.get(act.seq) or Trace(seq=act.seq, fate=fate)
        known = {k: v for k, v in learned.items() if v}
        known |= {"handle": handle or (act.handle if fate in _AT_WORK else None), "anew": act.anew}
        known["refused"] = act.back and old.refused
        if "outputs" in known:
            known["outputs"] = old.outputs | known["outputs"]
        generation = self._generation(act)
        self.traces[act.seq] = old.model_copy(update={"fate": fate, "sent": True, "generation": generation, **known})

    def _generation(self, act: Act) -> int:
        """Which generation of its step an act was: its token tells. Taking it back needs the same token."""
        step, plan = self._steps[act.seq], self.plan_id
        assert plan is not None  # noqa: S101  an act is scheduled after its plan was made
        tries = range(step.generation, step.generation + GENERATIONS)
        tokens = (act_token(plan, step.address, step.verb, n, step.operation) for n in tries)
        return next((n for n, token in zip(tries, tokens, strict=True) if token == act.token), step.generation)


async def _owed(client: Client, plans: Callable[[str], Plan], charge: Charge) -> Salvage:
    """Owed work as a walk: the subject is tried again, and what was kept or left out because of it goes along."""
    request = charge.request
    subject = next((o for o in charge.owed if o.address == request.subject), None)
    if subject is None or request.answer is None:
        return Salvage()
    left = await _journal_of(client, run_id(request.stack), subject.execution)
    back = request.answer is Answer.rollback or subject.back
    journal = _back(left, subject) if back else _forward(left, subject)
    plan = await asyncio.to_thread(plans, subject.plan)
    return Salvage(skeleton=pack(skeleton(plan)), plan_id=subject.plan_id, journal=pack(journal))


def _back(left: Journal, subject: Owed) -> Journal:
    """Take the subject back. After a walk back, what was kept because of it follows; after a walk forward, nothing."""
    mine = _once_more(subject, fate=Fate.undoing)
    others = [t for t in left.traces if t.seq != mine.seq] if subject.back else []
    freed = [t.model_copy(update={"fate": Fate.done}) if t.fate is Fate.kept and t.sent else t for t in others]
    return Journal(traces=(mine, *freed), backwards=True)


def _forward(left: Journal, subject: Owed) -> Journal:
    """Do the subject after all, and then whatever was left out behind it."""
    mine = _once_more(subject, fate=Fate.acting, sent=True)
    others = [t for t in left.traces if t.seq != mine.seq and t.sent]
    return Journal(traces=(mine, *others))


def _once_more(subject: Owed, **more: Any) -> Trace:
    """What is owed, to be asked for by another request: a cloud answers the last one with what became of it."""
    letter = subject.trace.letter
    refused = subject.trace.refused or (letter is not None and letter.certain)
    back = more["fate"] is Fate.undoing
    update = {**more, "letter": None, "anew": subject.trace.anew + 1, "refused": refused and back}
    return subject.trace.model_copy(update=update)


async def _journal_of(client: Client, workflow_id: str, execution: str) -> Journal:
    """The journal a run ended with: what its record activity was given."""
    found: Closing | None = None
    handle = client.get_workflow_handle(workflow_id, run_id=execution)
    async for event in _events(handle):
        attributes = event.activity_task_scheduled_event_attributes
        if attributes.activity_type.name == Activity.record:
            decoded = await client.data_converter.decode(attributes.input.payloads, [Closing])
            found = Closing.model_validate(decoded[0])
    return unpack(found.journal, Journal) if found else Journal()


async def _events(handle: WorkflowHandle[Any, Any]) -> AsyncIterator[HistoryEvent]:
    """A run's history; nothing once the server has forgotten it. What is owed outlives that."""
    try:
        async for event in handle.fetch_history_events():
            yield event
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
