"""Settle: one look at whether what was asked for has come about. Waiting is the server's; polling leaves no events."""

from __future__ import annotations

from datetime import timedelta

from activities.protocol.deadline import in_time
from activities.protocol.job import Job, hushed
from holdfast.act import Done
from holdfast.errors import (
    ChangedElsewhere,
    CreateFailed,
    Interrupted,
    NotFound,
    NotStabilized,
    Pending,
)
from holdfast.plan import Verb
from holdfast.resource import Observation, Status


@hushed
def settle(job: Job, waited: timedelta, within: timedelta) -> Done:
    """Look once. `waited` is how long this act has been settling, `within` how long it may.

    Raises `Pending` while there is hope, `NotStabilized` when its time has run out, `CreateFailed` when the cloud gave
    up, or what its operation ended in, `Interrupted` where that passes, and `ChangedElsewhere` when it vanished.
    """
    return in_time(
        job,
        lambda: _look(job, waited, within),
        waited,
        within,
        what="has not settled",
        standing="kept: it may still come about, and a timeout does not taint it",
    )


def _look(job: Job, waited: timedelta, within: timedelta) -> Done:
    remote_id = job.act.remote_id or ""
    if (waiting := _at_work(job, in_time=waited < within)) is not None:
        status = Status.deleting if job.act.verb is Verb.delete else Status.pending
        raise Pending(_words(job, status, waiting))
    live = job.observe(remote_id)
    if job.act.verb is Verb.delete:
        if live.status is Status.absent and _is_gone(job, remote_id):
            return job.done(live)
    else:
        if live.status is Status.failed or _came_to_nothing(job, live):
            why, then = job.kind.why(job.call(remote_id), live)
            words = f"the cloud gave up on {job.address} ({remote_id}): {why}"
            raise CreateFailed(words, address=job.address, next=then)
        if live.status is Status.ready and _has_moved(job, live):
            return job.done(live)
        vanished = not live.stands and waited >= job.kind.visible_within
        if vanished:
            why = live.detail or "somebody removed it"
            raise ChangedElsewhere(
                f"{job.address} ({remote_id}) was on its way and is {live.status} now: {why}",
                address=job.address,
            )
    if live.status is Status.failed and waited >= within:  # of a delete: until then it may be a stale read
        why, then = job.kind.why(job.call(remote_id), live)
        raise Pending(_words(job, live.status, why), next=then)
    raise Pending(_words(job, live.status, live.detail))


def _at_work(job: Job, *, in_time: bool) -> str | None:
    """The words about the operation that is to bring it about, while that is at work; None when it has done its part.

    Raises what it ended in; where that passes `Interrupted`, or `NotStabilized` when there is no time to ask anew.
    """
    found = job.kind.underway(job.call(job.act.remote_id)) if job.act.handle else None
    if found is None:
        return None
    if not found.ended:
        return found.detail or found.handle
    if found.error is None:
        return None
    if isinstance(found.error, NotFound) and job.act.verb is Verb.delete:
        return None  # another hand was quicker
    if not found.error.again:
        raise found.error.about(job.address)
    if in_time:
        raise Interrupted(found.error.letter.happened, address=job.address, code=found.error.letter.code)
    often = " again and again, at last" if job.act.anew else ""
    raise NotStabilized(
        f"{job.address} ({job.act.remote_id or ''}): the cloud gave up on it{often} because: "
        f"{found.error.letter.happened}",
        address=job.address,
        standing="its last operation has ended, and nothing is under way",
        next="mend what its words name, then try again; a longer `timeouts:` in the document asks more often",
    )


def _came_to_nothing(job: Job, live: Observation) -> bool:
    """Whether it stands, and what this act asked of it has not come about, where no operation is known that tells.

    Of tags alone that cannot be said: they are written beside whatever else was asked of it, and failed before.
    """
    if not live.gave_up or job.act.handle is not None:
        return False
    match job.act.verb:
        case Verb.create:
            return True
        case Verb.update:
            return any(c.path.partition(".")[0] != job.kind.tagged for c in job.action.changes)
        case _:
            return not _has_moved(job, live)


def _words(job: Job, status: Status, detail: str) -> str:
    return f"{job.act.remote_id or 'it'} is {status}: {detail or 'the cloud says no more'}"


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
