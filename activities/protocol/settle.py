"""Settle: one look at whether what was asked for has come about. Waiting is the server's; polling leaves no events."""

from __future__ import annotations

from datetime import timedelta

from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.errors import ChangedElsewhere, CreateFailed, NotStabilized, Pending
from holdfast.plan import Verb
from holdfast.resource import Observation, Status


def settle(job: Job, waited: timedelta, within: timedelta) -> Done:
    """Look once. `waited` is how long this act has been settling, `within` how long it may.

    Raises `Pending` while there is hope, `NotStabilized` when its time has run out, `CreateFailed` when the cloud gave
    up, and `ChangedElsewhere` when it vanished.
    """
    remote_id = job.act.remote_id or ""
    live = job.observe(remote_id)
    if job.act.verb is Verb.delete:
        if live.status is Status.absent and _is_gone(job, remote_id):
            return job.done(live)
    else:
        if live.status is Status.ready and _has_moved(job, live):
            return job.done(live)
        if live.status is Status.failed:
            raise CreateFailed(
                f"the cloud gave up on {job.address} ({remote_id}): {live.detail}",
                address=job.address,
                next="the cloud's words above say why; mend that and run again",
            )
        vanished = not live.stands and waited >= job.kind.visible_within
        if vanished:
            why = live.detail or "somebody removed it"
            raise ChangedElsewhere(
                f"{job.address} ({remote_id}) was on its way and is {live.status} now: {why}",
                address=job.address,
            )
    if waited >= within:
        raise NotStabilized(
            f"{job.address} ({remote_id}) is {live.status} after {_minutes(within)}: {_words(live)}",
            address=job.address,
            standing="kept: it may still come about, and a timeout does not taint it",
            next="look at it in the cloud's console; a longer `timeouts:` in the document gives it more time",
        )
    raise Pending(f"{job.address} ({remote_id}) is {live.status}: {_words(live)}")


def _has_moved(job: Job, live: Observation) -> bool:
    """Whether an operation shows: right after a stop a stale read still says *running*, and ready."""
    if job.act.verb is not Verb.operate:
        return True
    operation = (job.action.undo.operation if job.act.back else job.act.operation) or ""
    sets = job.kind.operations[operation].sets
    return all(live.properties.get(name, value) == value for name, value in sets.items())


def _is_gone(job: Job, remote_id: str) -> bool:
    job.pause(0.2)
    return job.observe(remote_id).status is Status.absent


def _words(live: Observation) -> str:
    return live.detail or "the cloud says no more"


def _minutes(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
