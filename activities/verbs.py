"""The activities of a cloud's queue: one a verb, for all kinds. Thin: what they guarantee stands in `protocol`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import CancelledError

from activities.clouds import Open, Visit
from activities.letters import broken, is_asked_to_stop, shown, stopping, to_temporal
from activities.plans import Plans
from activities.protocol import change, create, marks, remove
from activities.protocol.job import Job, hushed, rested
from activities.protocol.settle import settle
from activities.secrets import read_secret
from holdfast.act import Act, Done, Settle
from holdfast.catalog import Catalog
from holdfast.contract import Activity
from holdfast.errors import HoldfastError, NameTaken
from holdfast.plan import Verb
from holdfast.store import Store

Carry = Callable[[Job], Done]

# What each verb does, forward, and when it takes another back: a delete takes back a create.
FORWARD: Mapping[Verb, Carry] = {
    Verb.create: hushed(create.create),
    Verb.update: hushed(change.update),
    Verb.delete: hushed(remove.delete),
    Verb.operate: hushed(change.operate),
    Verb.adopt: hushed(marks.adopt),
    Verb.disown: hushed(marks.disown),
}
BACK: Mapping[Verb, Carry] = {
    Verb.create: hushed(rested(remove.uncreate)),
    Verb.update: hushed(rested(change.update_back)),
    Verb.delete: hushed(rested(remove.undelete)),
    Verb.operate: hushed(rested(change.operate)),
    Verb.adopt: hushed(rested(marks.adopt_back)),
    Verb.disown: hushed(rested(marks.disown_back)),
}


class CloudVerbs:
    """Changes to one cloud, or several: whatever `open_visit` reaches."""

    def __init__(self, catalog: Catalog, store: Store, open_visit: Open) -> None:
        self._catalog, self._store, self._open = catalog, store, open_visit
        self._plans = Plans(store)

    @property
    def activities(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return [self.create, self.update, self.delete, self.operate, self.adopt, self.disown, self.settle]

    @activity.defn(name=Activity.create, no_thread_cancel_exception=True)
    def create(self, act: Act) -> Done:
        """Make a resource; or, `back`, bring back one that was deleted."""
        return self._carry_out(act)

    @activity.defn(name=Activity.update, no_thread_cancel_exception=True)
    def update(self, act: Act) -> Done:
        """Write changes; or, `back`, what stood before them."""
        return self._carry_out(act)

    @activity.defn(name=Activity.delete, no_thread_cancel_exception=True)
    def delete(self, act: Act) -> Done:
        """Remove a resource; or, `back`, one that was created."""
        return self._carry_out(act)

    @activity.defn(name=Activity.operate, no_thread_cancel_exception=True)
    def operate(self, act: Act) -> Done:
        """Carry out an operation; or, `back`, its inverse."""
        return self._carry_out(act)

    @activity.defn(name=Activity.adopt, no_thread_cancel_exception=True)
    def adopt(self, act: Act) -> Done:
        """Write ownership marks; or, `back`, those that were taken off."""
        return self._carry_out(act)

    @activity.defn(name=Activity.disown, no_thread_cancel_exception=True)
    def disown(self, act: Act) -> Done:
        """Take ownership marks off; or, `back`, those that were written."""
        return self._carry_out(act)

    @activity.defn(name=Activity.settle, no_thread_cancel_exception=True)
    def settle(self, what: Settle) -> Done:
        """One look at whether an act has come about."""
        waited = datetime.now(UTC) - (what.since or activity.info().scheduled_time)
        with _Letters(what.act, self._open) as visit:
            return settle(self._job(what.act, visit), waited, what.within)

    def _carry_out(self, act: Act) -> Done:
        act = _as_delivered(act)
        with _Letters(act, self._open) as visit:
            job = self._job(act, visit)
            return (BACK if act.back else FORWARD)[job.action.verb](job)

    def _job(self, act: Act, visit: Visit) -> Job:
        return Job(
            act=act,
            action=self._plans.action(act.plan, act.seq),
            kind=self._catalog[act.address.kind],
            client=visit.client,
            again=act.repeated or activity.info().attempt > 1,
            waited=datetime.now(UTC) - activity.info().scheduled_time,
            secret=read_secret,
            requests=lambda: visit.requests,
            pause=_pause,
        )


def _as_delivered(act: Act) -> Act:
    """The act; as a repeated one, of which nobody knows whether it was sent again, when its run was reset since.

    What was under way at the point of a reset the server delivers anew, as a first attempt, whatever became of it.
    """
    if act.execution in {"", activity.info().workflow_run_id}:
        return act
    return act.model_copy(update={"repeated": True, "unmade": False})


class _Letters:
    """Opens a visit, and turns whatever is raised into a failure with a letter that names the address."""

    def __init__(self, act: Act, open_visit: Open) -> None:
        self._act, self._open = act, open_visit
        self._visit: Visit | None = None

    def __enter__(self) -> Visit:
        try:
            self._visit = self._open(self._act.scope)
        except Exception as error:  # noqa: BLE001  it is raised again, as a letter
            raise self._failure(self._letter(error)) from shown(error)
        return self._visit

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is None or isinstance(error, CancelledError):
            return
        raise self._failure(self._letter(error)) from shown(error)

    def _letter(self, error: BaseException) -> HoldfastError:
        return error if isinstance(error, HoldfastError) else broken(error, f"{self._act.verb} of {self._act.address}")

    def _failure(self, error: HoldfastError) -> BaseException:
        attempt = activity.info().attempt
        first = attempt == 1 and not self._act.repeated and not self._act.back
        # That a name is taken is said of what another hand has made, whatever was asked before.
        nothing = self._visit is None or (
            self._visit.untouched or (self._visit.answered and isinstance(error, NameTaken))
        )
        requests = self._visit.requests if self._visit else ()
        return to_temporal(
            error.about(self._act.address, requests=requests), attempt=attempt, certain=first and nothing
        )


def _pause(seconds: float) -> None:
    """Sleep, unless the run was cancelled meanwhile: then whatever was asked so far is for the undo to find.

    Raises `Unavailable` when only the worker is told to stop: another one looks again.
    """
    if is_asked_to_stop():
        raise CancelledError("cancelled between two looks")
    if activity.is_cancelled():
        raise stopping("cut off between two looks")
    time.sleep(seconds)
