"""The walk's hands under Temporal: one activity an act, and what came of it in the walk's own words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeout

from holdfast.act import Act, Done, Settle
from holdfast.contract import Activity, act_id
from holdfast.errors import Letter
from holdfast.model import Address, Owner, Status
from holdfast.plan import Step, Verb, act_token
from holdfast.run import Settling
from workflows.options import on_cloud
from workflows.walk import INTERRUPTED, Failed, Order

# How each verb is taken back. What taking back means exactly is the activity's business: see `activities.protocol`.
BACK: dict[Verb, Verb] = {
    Verb.create: Verb.delete,
    Verb.update: Verb.update,
    Verb.delete: Verb.create,
    Verb.operate: Verb.operate,
    Verb.adopt: Verb.disown,
    Verb.disown: Verb.adopt,
}
AT_REST = frozenset({Status.ready, Status.absent})
DEFAULT_SETTLE = timedelta(minutes=20)
FIRST_REST, LONGEST_REST = timedelta(seconds=1), timedelta(seconds=30)


class Reach:
    """Hands for one plan: `walk.Hands`, over activities."""

    def __init__(
        self,
        plan: str,
        plan_id: UUID,
        owner: Owner,
        moved: Callable[[int], None],
        settling: Mapping[str, Settling],
    ) -> None:
        self._plan, self._plan_id, self._owner, self.moved = plan, plan_id, owner, moved
        self.settling = dict(settling)  # what is being waited for, and until when: it goes on in the next execution

    async def act(self, order: Order) -> Done:
        """See `Hands.act`."""
        step = order.step
        await self._rest(order)
        done = await self._run(Activity(step.verb), self._act(order, step.verb, back=False), order, back=False)
        return self._asked(step, done, back=False)

    async def undo(self, order: Order) -> Done:
        """See `Hands.undo`."""
        verb = BACK[order.step.verb]
        await self._rest(order)
        self.settling.pop(_key(order.step, back=False), None)
        done = await self._run(Activity(verb), self._act(order, verb, back=True), order, back=True)
        return self._asked(order.step, done, back=True)

    async def settle(self, order: Order, back: bool) -> Done:
        """See `Hands.settle`."""
        step, key = order.step, _key(order.step, back=back)
        # Without an entry it was a dead run that asked: its time begins anew.
        asked = self.settling.setdefault(key, Settling(since=workflow.now(), within=DEFAULT_SETTLE))
        act = self._act(order, BACK[step.verb] if back else step.verb, back=back)
        looks = Settle(act=act, within=asked.within, since=asked.since)
        try:
            done = await self._run(Activity.settle, looks, order, back=back)
        except Failed as failed:
            if failed.letter.error != INTERRUPTED:  # then it is asked anew, in the same time
                del self.settling[key]  # whoever tries again has all the time again
            raise
        del self.settling[key]
        return done

    @staticmethod
    async def _rest(order: Order) -> None:
        """Before a request is made anew: the reason for which the cloud gave up on the last one needs time to pass."""
        if order.given_up:
            await workflow.sleep(min(LONGEST_REST, FIRST_REST * 2 ** min(order.given_up - 1, 10)))

    def _asked(self, step: Step, done: Done, *, back: bool) -> Done:
        if done.status not in AT_REST:
            within = done.settle_within or DEFAULT_SETTLE
            self.settling.setdefault(_key(step, back=back), Settling(since=workflow.now(), within=within))
        return done

    def _act(self, order: Order, verb: Verb, *, back: bool) -> Act:
        step = order.step
        return Act(
            verb=verb,
            address=step.address,
            scope=step.scope,
            plan=self._plan,
            seq=step.seq,
            token=act_token(self._plan_id, step.address, step.verb, order.generation, step.operation),
            owner=self._owner,
            operation=step.operation,
            remote_id=order.remote_id,
            inputs=order.inputs,
            gives=order.gives,
            back=back,
            repeated=order.repeated,
            refused=order.refused,
            unmade=order.unmade,
            renamed=order.renamed,
            handle=order.handle,
            anew=order.anew,
            execution=workflow.info().run_id,
        )

    async def _run(self, activity: Activity, what: Act | Settle, order: Order, *, back: bool) -> Done:
        act = what.act if isinstance(what, Settle) else what
        while True:
            try:
                done: Done = await workflow.execute_activity(
                    activity,
                    what,
                    result_type=Done,
                    activity_id=act_id(activity, order.step.seq, act.token, back=back),
                    summary=summary(order.step, settling=activity is Activity.settle, back=back),
                    **on_cloud(activity, act.scope, back=back),
                )
            except ActivityError as error:
                if not _never_started(error):
                    raise failed(error, order.step.address) from error
                # No worker took it in all that time: there is nobody to ask but again. One may just have begun.
                what = _again(what)
            else:
                return done


def _key(step: Step, *, back: bool) -> str:
    return f"{step.seq}{' back' if back else ''}"


def _again(what: Act | Settle) -> Act | Settle:
    return what.model_copy(update={"repeated": True}) if isinstance(what, Act) else what


def summary(step: Step, *, settling: bool = False, back: bool = False) -> str:
    """What the Web UI shows beside the event: `+ shop/aws.vpc/main`."""
    what = f" ({step.operation})" if step.operation else ""
    return f"{'↩ ' if back else ''}{'… ' if settling else ''}{step.verb.sign} {step.address}{what}"


def failed(error: ActivityError, address: Address | None = None) -> BaseException:
    """What an activity's end means to the walk: `Failed` with its letter, or that it was cut off."""
    cause = error.cause
    if isinstance(cause, CancelledError):
        return asyncio.CancelledError()
    if isinstance(cause, ApplicationError) and cause.details:
        return Failed(Letter.model_validate(cause.details[0]))
    said = cause.message if isinstance(cause, ApplicationError | ActivityTimeout) else str(cause or error)
    letter = Letter(
        error="Unavailable" if isinstance(cause, ActivityTimeout) else "Broken",
        happened=f"{error.activity_type} of {address or 'this step'} did not come to an end: {said}",
        address=address,
        standing="whether it took effect is not known",
        next="see the activity's last failure in the Web UI",
    )
    return Failed(letter)


def _never_started(error: ActivityError) -> bool:
    cause = error.cause
    if not isinstance(cause, ActivityTimeout) or cause.last_heartbeat_details:
        return False
    in_queue = {TimeoutType.SCHEDULE_TO_START, TimeoutType.SCHEDULE_TO_CLOSE}
    return cause.type in in_queue and cause.cause is None
