"""One run of a stack: decide, walk, report. It holds the stack's lock by being open under `stack/<name>/run`.

Whatever kills it can be waited out: its plan, its journal and its questions live in history, and its acts carry tokens
that are the same for every attempt, reset and worker.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from holdfast import contract
from holdfast.contract import Activity, Answer, Message, OnFailure, Operation, State, Workflow, arbiter_id
from holdfast.errors import Letter
from holdfast.packed import pack, unpack
from holdfast.plan import Skeleton, plan_id
from holdfast.progress import Progress
from holdfast.run import (
    Charge,
    Closing,
    Decision,
    Draft,
    Journal,
    Report,
    Resolve,
    Salvage,
    Stop,
)
from holdfast.tree import LINES, markdown
from holdfast.values import pointers, thaw
from workflows.attributes import say_owed, say_state, say_waiting
from workflows.detached import detached
from workflows.picture import Picture
from workflows.planning import ask, decide
from workflows.reach import Reach
from workflows.versions import PINNED
from workflows.walk import Ending, Failed, Question, Walk
from workflows.watch import Watch

FULL = 2_900  # events: with everything in flight let go, the execution still ends below 4,096


@workflow.defn(name=Workflow.provision, versioning_behavior=PINNED)
class Provision:
    """Carry out one request. Returns the report, or fails with it, so that the Web UI's colours tell the truth."""

    @workflow.init
    def __init__(self, charge: Charge) -> None:
        self._charge = charge.model_copy(update={"started": charge.started or workflow.now()})
        self._picture = Picture(self._charge)
        self._walk: Walk | None = None
        self._skeleton: Skeleton | None = None
        self._plan_id: UUID | None = None
        self._state = State.planning
        self._preparing: asyncio.Task[Journal | None] | None = None
        self._stopped = self._drawing = False
        self._watch = Watch(self._wait_for)

    @workflow.run
    async def run(self, charge: Charge) -> Report:
        """See the class."""
        return await detached(self._run(), lambda: self._stop(keep=False))

    async def _run(self) -> Report:
        self._draw()
        watch = asyncio.create_task(self._watch.run())
        try:
            report = await self._through()
        finally:
            watch.cancel()
        return await self._close(report)

    async def _through(self) -> Report:
        request = self._charge.request
        if request.operation is Operation.resolve and request.answer is Answer.skip and request.subject is not None:
            done = self._ended_early(State.done)
            return done.model_copy(update={"settled": (request.subject,)})
        self._preparing = asyncio.create_task(self._prepare())
        try:
            journal = await self._preparing
        except Failed as refusal:
            return self._ended_early(State.refused, refusal.letter)
        except asyncio.CancelledError:
            return self._ended_early(State.cancelled)
        if self._skeleton is None or self._plan_id is None:
            return self._ended_early(State.unchanged)
        walk = self._begin(self._skeleton, self._plan_id, journal)
        if await walk.run() is Ending.drained:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(self._onwards(walk))
        self._show_state(self._ending(walk))
        return await self._record(walk)

    # --- deciding ----------------------------------------------------------------------------------------------

    async def _prepare(self) -> Journal | None:
        """Bring about a skeleton: from what an earlier execution or another run left, or from a new plan."""
        charge = self._charge
        begun = Salvage(skeleton=charge.skeleton, plan_id=charge.plan_id, journal=charge.journal)
        if begun.skeleton is None and charge.request.operation in {Operation.recover, Operation.resolve}:
            begun = await ask(Activity.salvage, charge, Salvage, summary="what was begun and has not ended")
            if begun.skeleton is None:
                return None
        if begun.skeleton is not None:
            self._skeleton = unpack(begun.skeleton, Skeleton)
            self._plan_id = UUID(begun.plan_id)
            return unpack(begun.journal, Journal) if begun.journal else None
        draft = Draft(request=charge.request, ledger=charge.ledger)
        decision = await decide(draft, self._watch.queues.update)
        self._skeleton = self._agreed(decision)
        info = workflow.info()
        self._plan_id = plan_id(info.workflow_id, info.original_execution_run_id, self._skeleton.plan)
        return None

    def _agreed(self, decision: Decision) -> Skeleton:
        """The plan, if it is the one that was agreed on and every question about it was answered beforehand."""
        skeleton = unpack(decision.skeleton, Skeleton)
        agreed = self._charge.request.plan
        if agreed is not None and agreed != skeleton.plan:
            raise Failed(
                Letter(
                    error="PlanStale",
                    happened="the world or the document has changed since the plan was made",
                    standing="nothing was touched",
                    next="make a new plan, read it, and run that one",
                )
            )
        if agreed is None and decision.unconfirmed:
            raise Failed(
                Letter(
                    error="NotAllowed",
                    happened=f"the plan asks before it goes on: {', '.join(decision.unconfirmed)}",
                    standing="nothing was touched",
                    next="read the plan, then run it again with --yes",
                )
            )
        return skeleton

    # --- walking -----------------------------------------------------------------------------------------------

    def _begin(self, skeleton: Skeleton, plan: UUID, journal: Journal | None) -> Walk:
        self._watch.queues |= {contract.queue(step.scope.cloud) for step in skeleton.steps}
        info = workflow.info()
        self._walk = walk = Walk(
            skeleton.steps,
            Reach(skeleton.plan, plan, self._charge.request.owner, self._moved),
            on_failure=self._on_failure,
            journal=journal,
            outputs=pointers(thaw(skeleton.outputs)),
            doubted=info.run_id != info.original_execution_run_id,
        )
        self._picture.begin(walk, workflow.now())
        if self._stopped:
            walk.cancel()
        self._show_state(walk.state)
        return walk

    @property
    def _on_failure(self) -> OnFailure:
        """A recover or a resolve never turns around: what it cannot do stays owed."""
        request = self._charge.request
        if request.operation in {Operation.recover, Operation.resolve}:
            return OnFailure.keep
        return request.on_failure

    def _moved(self, seq: int) -> None:
        self._picture.moved(seq, workflow.now())
        self._watch.moved()
        if self._walk is not None and workflow.info().get_current_history_length() > FULL:
            self._walk.drain()
        if not self._drawing:
            # Once per turn of the loop, however many steps moved in it.
            self._drawing = True
            asyncio.get_running_loop().call_soon(self._draw)

    def _onwards(self, walk: Walk) -> Charge:
        return self._charge.model_copy(
            update={
                "skeleton": pack(self._skeleton) if self._skeleton else None,
                "plan_id": str(self._plan_id),
                "journal": pack(walk.journal()),
            }
        )

    # --- ending ------------------------------------------------------------------------------------------------

    def _ending(self, walk: Walk) -> State:
        if self._charge.request.operation is Operation.resolve and walk.state is State.undone:
            return State.done
        return State.unchanged if walk.state is State.done and not walk.memory.nodes else walk.state

    async def _record(self, walk: Walk) -> Report:
        closing = Closing(
            charge=self._charge,
            journal=pack(walk.journal()),
            state=self._state,
            plan=self._skeleton.plan if self._skeleton else "",
            plan_id=str(self._plan_id),
            execution=workflow.info().run_id,
            ended=workflow.now(),
        )
        return await ask(Activity.record, closing, Report, summary="what stands now")

    def _ended_early(self, state: State, cause: Letter | None = None) -> Report:
        request = self._charge.request
        self._show_state(state)
        return Report(
            run=self._charge.run,
            stack=request.stack,
            operation=request.operation,
            state=state,
            identity=request.identity,
            started=self._charge.started,
            ended=workflow.now(),
            cause=cause,
        )

    async def _close(self, report: Report) -> Report:
        self._show_state(report.state)
        say_owed(report.state is State.owed)
        say_waiting("")
        await workflow.wait_condition(workflow.all_handlers_finished)
        await self._tell_arbiter()
        if report.state in {State.done, State.unchanged}:
            return report
        said = report.cause.happened if report.cause else report.state.value
        raise ApplicationError(f"{report.run}: {report.state}: {said}", report, type=report.state, non_retryable=True)

    async def _tell_arbiter(self) -> None:
        arbiter = workflow.get_external_workflow_handle(arbiter_id(self._charge.request.stack))
        try:
            await arbiter.signal(Message.ended, self._charge.run)
        except ApplicationError:
            workflow.logger.info("run.arbiter_absent")  # it looks for itself when it is started again

    # --- from outside ------------------------------------------------------------------------------------------

    @workflow.update(name=Message.cancel, description="Stop, and take back what was done (or keep it)")
    async def cancel(self, stop: Stop) -> str:
        """See `walk.Walk.cancel`."""
        self._stop(keep=stop.keep)
        return self._state.value

    @cancel.validator
    def _may_cancel(self, stop: Stop) -> None:
        if self._walk is not None and self._walk.backwards:
            raise ApplicationError("it is walking back already", type="Refused", non_retryable=True)
        if self._state not in {State.planning, State.walking, State.paused, State.waiting, State.undoing}:
            raise ApplicationError(f"it has ended: {self._state}", type="Refused", non_retryable=True)

    @workflow.update(name=Message.resolve, description="Answer what a paused run asks about one resource")
    async def resolve(self, said: Resolve) -> str:
        """See `walk.Walk.resolve`."""
        asked = next(q for q in self._questions() if q.step.address == said.address)
        assert self._walk is not None  # noqa: S101  there is no question without a walk
        self._walk.resolve(asked.step.seq, said.answer)
        return self._state.value

    @resolve.validator
    def _may_resolve(self, said: Resolve) -> None:
        asked = [q.step.address for q in self._questions()]
        if said.address not in asked:
            open_ones = ", ".join(map(str, asked)) or "nothing"
            raise ApplicationError(f"nothing is asked about {said.address}; open: {open_ones}", type="NotFound")

    @workflow.query(name=Message.progress, description="The live tree")
    def progress(self) -> Progress:
        """Every row; the Web UI's tree is the same picture, cut to what a person reads."""
        return self._picture.progress(self._walk, self._state, workflow.now())

    def _questions(self) -> list[Question]:
        return self._walk.questions if self._walk else []

    def _stop(self, *, keep: bool) -> None:
        self._stopped = True
        if self._walk is not None:
            self._walk.cancel(keep=keep)
        elif self._preparing is not None:
            self._preparing.cancel()
        self._draw()

    # --- showing -----------------------------------------------------------------------------------------------

    def _wait_for(self, words: str) -> None:
        self._picture.waiting = words
        say_waiting(words)
        self._draw()

    def _show_state(self, state: State) -> None:
        if state is not self._state and self._walk is not None and state in {State.undoing, State.walking}:
            self._picture.begin(self._walk, workflow.now())
        self._state = state
        say_state(state)
        self._draw()

    def _draw(self) -> None:
        self._drawing = False
        if self._walk is not None and self._walk.state is not self._state and self._walk.is_open:
            return self._show_state(self._walk.state)
        picture = self._picture.progress(self._walk, self._state, workflow.now(), lines=LINES)
        workflow.set_current_details(markdown(picture))
        return None
