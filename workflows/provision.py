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
from holdfast.plan import Skeleton, Verb, plan_id
from holdfast.progress import Progress
from holdfast.run import (
    Charge,
    Closing,
    Decision,
    Draft,
    Journal,
    Report,
    Request,
    Resolve,
    Salvage,
    Stop,
)
from holdfast.tree import LINES, markdown
from holdfast.values import pointers, thaw
from workflows.attributes import say_owed, say_state, say_waiting
from workflows.detached import detached
from workflows.picture import Picture
from workflows.planning import decide, insist, rehearse
from workflows.reach import Reach
from workflows.refusal import refusal
from workflows.versions import PINNED
from workflows.walk import Ending, Failed, Question, Walk
from workflows.walk.tasks import let_go
from workflows.watch import Watch

FULL = 2_900  # events: with everything in flight let go, the execution still ends below 4,096
FOLLOWING = frozenset({Operation.recover, Operation.resolve})  # they go on with what another run has begun


@workflow.defn(name=Workflow.provision, versioning_behavior=PINNED)
class Provision:
    """Carry out one request. Returns the report, or fails with it, so that the Web UI's colours tell the truth."""

    @workflow.init
    def __init__(self, charge: Charge) -> None:
        self._charge = charge.model_copy(update={"started": charge.started or workflow.now()})
        self._picture = Picture(self._charge)
        self._walk: Walk | None = None
        self._reach: Reach | None = None
        self._skeleton: Skeleton | None = None
        self._plan_id: UUID | None = None
        self._state = State.planning
        self._journal: Journal | None = None
        self._deciding: asyncio.Task[Skeleton] | None = None
        self._stop_keeps: bool | None = None  # None: nobody asked to stop
        self._drawing = self._doubted = False
        self._questioned = 0
        self._watch = Watch(self._wait_for, self._tick)

    @workflow.run
    async def run(self, charge: Charge) -> Report:
        """See the class."""
        return await detached(self._run(), lambda: self._stop(keep=False))

    async def _run(self) -> Report:
        self._draw()
        watching = asyncio.create_task(self._watch.run())
        report = await self._through()
        # Nothing may be asked of the server behind an execution's last command, so nobody goes on.
        await let_go([watching])
        await workflow.wait_condition(workflow.all_handlers_finished)
        if report is None:
            workflow.continue_as_new(self._onwards())
        return await self._close(report)

    async def _through(self) -> Report | None:
        """The report; None when this execution is full, and another one has to go on."""
        request = self._charge.request
        if request.operation is Operation.resolve and all(o.address != request.subject for o in self._charge.owed):
            return self._ended_early(State.refused, _not_owed(request))
        if request.operation is Operation.resolve and request.answer is Answer.skip and request.subject is not None:
            done = self._ended_early(State.done)
            return done.model_copy(update={"settled": (request.subject,)})
        early = await self._prepare()
        if early is not None:
            return self._ended_early(*early)
        if self._skeleton is None or self._plan_id is None:
            return self._ended_early(State.unchanged)
        walk = self._begin(self._skeleton, self._plan_id)
        if await walk.run() is Ending.drained:
            walk.backwards = walk.backwards or (self._doubted and await self._had_turned())
            return None
        self._show_state(self._ending(walk))
        return await self._record(walk)

    # --- deciding ----------------------------------------------------------------------------------------------

    async def _prepare(self) -> tuple[State, Letter | None] | None:
        """Bring about a skeleton: what an earlier execution, or another run, has begun; or a new plan.

        Returns how the run ends without one, and why.
        """
        charge, early = self._charge, None
        follows = charge.request.operation in FOLLOWING
        begun = Salvage(skeleton=charge.skeleton, plan_id=charge.plan_id, journal=charge.journal)
        doubted = self._doubts()
        if begun.skeleton is None and (follows or doubted):
            begun = await self._begun()
        if begun.skeleton is None and not follows:
            early = await self._plan()
            if self._doubts() and not doubted:
                begun = await self._begun()
        if begun.skeleton is None:
            return early
        self._skeleton, self._plan_id = unpack(begun.skeleton, Skeleton), UUID(begun.plan_id)
        self._journal = unpack(begun.journal, Journal) if begun.journal else None
        if charge.skeleton is not None and doubted and await self._had_turned():
            self._journal = (self._journal or Journal()).model_copy(update={"backwards": True})
        return None

    async def _plan(self) -> tuple[State, Letter | None] | None:
        charge, info = self._charge, workflow.info()
        unheard = tuple(o for o in charge.owed if o.verb is Verb.create and o.trace.sent)
        draft = Draft(request=charge.request, ledger=charge.ledger, owed=unheard)
        self._deciding = asyncio.create_task(self._decide(draft))
        if self._stop_keeps is not None:
            self._deciding.cancel()
        try:
            self._skeleton = await self._deciding
        except Failed as failed:
            return State.refused, failed.letter
        except asyncio.CancelledError:
            return State.cancelled, None
        self._plan_id = plan_id(info.workflow_id, info.original_execution_run_id, self._skeleton.plan)
        return None

    async def _decide(self, draft: Draft) -> Skeleton:
        decision = await decide(draft, self._watch.queues.update)
        skeleton = self._agreed(decision)
        await rehearse(decision)
        return skeleton

    async def _begun(self) -> Salvage:
        """What was begun and has not ended: by the run that is recovered, or by this one before it was reset."""
        summary = "what was begun and has not ended"
        return await insist(Activity.salvage, self._charge, Salvage, summary=summary, say=self._wait_for)

    def _doubts(self) -> bool:
        """Whether this execution was reset, and is past the point to which it was.

        Before that point it must do what its history says it did; behind it, acts may have been sent that its history
        no longer holds. Each question has a name of its own, since the answer to a name never changes.
        """
        info = workflow.info()
        if not self._doubted and info.run_id != info.original_execution_run_id:
            self._questioned += 1
            self._doubted = workflow.patched(f"reset-{self._questioned}")
        return self._doubted

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

    def _begin(self, skeleton: Skeleton, plan: UUID) -> Walk:
        self._watch.queues |= {contract.queue(step.scope.cloud) for step in skeleton.steps}
        self._reach = Reach(skeleton.plan, plan, self._charge.request.owner, self._moved, self._charge.settling)
        self._walk = walk = Walk(
            skeleton.steps,
            self._reach,
            on_failure=self._on_failure,
            journal=self._journal,
            outputs=pointers(thaw(skeleton.outputs)),
            doubted=self._doubts(),
        )
        self._picture.begin(walk, workflow.now())
        if self._stop_keeps is not None:
            walk.cancel(keep=self._stop_keeps)
        self._show_state(walk.state)
        return walk

    @property
    def _on_failure(self) -> OnFailure:
        """A recover or a resolve never turns around: what it cannot do stays owed."""
        request = self._charge.request
        if request.operation in FOLLOWING:
            return OnFailure.keep
        return request.on_failure

    def _moved(self, seq: int) -> None:
        self._picture.moved(seq, workflow.now())
        self._watch.moved()
        self._tick()
        if not self._drawing:
            # Once per turn of the loop, however many steps moved in it.
            self._drawing = True
            asyncio.get_running_loop().call_soon(self._draw)

    def _tick(self) -> bool:
        """Come to rest when the history is full; otherwise say whether the run waits for workers at all."""
        info = workflow.info()
        self._recollect()
        if self._walk is not None and (info.get_current_history_length() > FULL or info.is_continue_as_new_suggested()):
            self._walk.drain()
        return self._state is not State.paused

    def _recollect(self) -> None:
        """Tell the walk when a reset has cut something away: before it is told anything else that it may act on."""
        if self._walk is not None and not self._doubted and self._doubts():
            self._walk.doubt()
            self._walk.drain()  # nothing else is begun before what was cut off has been read

    async def _had_turned(self) -> bool:
        """Whether the reset has cut off a walk back. What it took back is gone, whatever this history says."""
        if self._charge.request.operation in FOLLOWING:  # the direction of these was never its own
            return False
        begun = await self._begun()
        return begun.journal is not None and unpack(begun.journal, Journal).backwards

    def _onwards(self) -> Charge:
        """What the next execution begins with. Taken last: an answer may have come while the walk came to rest."""
        assert self._walk is not None  # noqa: S101  only a walk fills a history
        assert self._skeleton is not None  # noqa: S101
        return self._charge.model_copy(
            update={
                "skeleton": pack(self._skeleton),
                "plan_id": str(self._plan_id),
                "journal": pack(self._walk.journal()),
                "settling": self._reach.settling if self._reach else {},
            }
        )

    # --- ending ------------------------------------------------------------------------------------------------

    def _ending(self, walk: Walk) -> State:
        if self._charge.request.operation is Operation.resolve and walk.state is State.undone:
            return State.done
        return State.unchanged if walk.state is State.done and not walk.memory.nodes else walk.state

    async def _record(self, walk: Walk) -> Report:
        closing = Closing(
            charge=self._charge.model_copy(update={"skeleton": None, "journal": None, "settling": {}}),
            journal=pack(walk.journal()),
            state=self._state,
            plan=self._skeleton.plan if self._skeleton else "",
            plan_id=str(self._plan_id),
            execution=workflow.info().run_id,
            ended=workflow.now(),
        )
        return await insist(Activity.record, closing, Report, summary="what stands now", say=self._wait_for)

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
        await self._tell_arbiter()
        await workflow.wait_condition(workflow.all_handlers_finished)
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
        run = self._charge.run
        if self._charge.request.operation is Operation.recover:
            said = f"takes back what {self._charge.request.recovers} left behind, and has to come to an end"
            raise refusal(f"{run} {said}", next=f"`holdfast watch {run}` shows how far it is")
        if self._walk is not None and self._walk.backwards:
            raise refusal(f"{run} is walking back already", next=f"`holdfast watch {run}` shows how far it is")
        if self._state not in {State.planning, State.walking, State.paused, State.waiting, State.undoing}:
            raise refusal(f"{run} has ended: {self._state}", next=f"`holdfast report {run}` shows how")

    @workflow.update(name=Message.resolve, description="Answer what a paused run asks about one resource")
    async def resolve(self, said: Resolve) -> str:
        """See `walk.Walk.resolve`."""
        asked = next(q for q in self._questions() if q.step.address == said.address)
        assert self._walk is not None  # noqa: S101  there is no question without a walk
        self._recollect()
        self._walk.resolve(asked.step.seq, said.answer)
        return self._state.value

    @resolve.validator
    def _may_resolve(self, said: Resolve) -> None:
        asked = [q.step.address for q in self._questions()]
        if said.address not in asked:
            open_ones = ", ".join(map(str, asked)) or "nothing"
            raise refusal(
                f"{self._charge.run} asks nothing about {said.address}; it asks about {open_ones}",
                next=f"`holdfast status {said.address.stack}` shows what is asked",
                error="NotFound",
            )

    @workflow.query(name=Message.progress, description="The live tree")
    def progress(self) -> Progress:
        """Every row; the Web UI's tree is the same picture, cut to what a person reads."""
        return self._picture.progress(self._walk, self._state, workflow.now())

    @workflow.query(name=Message.needs, description="The queues of clouds that it asks")
    def needs(self) -> list[str]:
        """Those of all that it has to read, before there is a plan."""
        return sorted(self._watch.queues)

    def _questions(self) -> list[Question]:
        return self._walk.questions if self._walk else []

    def _stop(self, *, keep: bool) -> None:
        if self._charge.request.operation is Operation.recover:
            return
        # What a resolve walks over again was done by another run: it is not taken back because this one is stopped.
        self._stop_keeps = keep = keep or self._charge.request.operation is Operation.resolve
        self._recollect()
        if self._walk is not None:
            self._walk.cancel(keep=keep)
        elif self._deciding is not None:
            self._deciding.cancel()
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


def _not_owed(request: Request) -> Letter:
    return Letter(
        error="NotFound",
        happened=f"nothing is owed about {request.subject}",
        address=request.subject,
        standing="nothing was touched",
        next=f"`holdfast status {request.stack}` shows what is owed",
    )
