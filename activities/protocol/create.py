"""Create: look if it may have been made before, adopt what an earlier delivery made, and only then ask for it.

The cloud's own protection differs by kind (`Safety`). What they share: the first call of a create already carries
owner, address and token, so whatever a lost answer leaves behind can be found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from activities.protocol.deadline import in_time
from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.errors import CreateFailed, NameTaken, NotFound, NotYet, Pending
from holdfast.resource import Call, Carrier, Observation, Safety, Status


def create(job: Job) -> Done:
    """Make what the action describes, once, however often this is delivered.

    Raises `NameTaken` when the name is borne by something that this act did not make.
    """
    plain = job.desired()
    call = replace(job.call(), spec=job.spec(plain))
    found = _earlier(job, call) if job.again else None
    seen = _finish(job, replace(call, remote_id=found.remote_id)) if found is not None else _ask(job, call)
    if not seen.stands:
        raise CreateFailed(
            f"the cloud answered the create of {job.address} with {seen.remote_id or 'something'}, which is "
            f"{seen.status}: a token that made something before makes nothing new",
            address=job.address,
            next="plan again: a new plan has new tokens",
        )
    return job.done(seen, adopted=found is not None, settle_within=job.settles(), **job.applied(plain))


def _earlier(job: Job, call: Call[Any]) -> Observation | None:
    """What an earlier delivery made. A kind that is found by its tags alone needs time to become visible."""
    if job.kind.safety is Safety.by_tag:
        return job.look_until(lambda: job.find_mine(call), lambda found: found is not None)
    return job.find_mine(call)


def _finish(job: Job, call: Call[Any]) -> Observation:
    """The rest of its calls, where it has several. For what they wait for they wait no longer than a settle would.

    Raises `NotStabilized` after that.
    """
    return in_time(
        job,
        lambda: job.kind.create(call),
        job.waited,
        job.settles(),
        what="is not made",
        standing=f"{call.remote_id} stands, and the rest of what was asked for does not",
    )


def _ask(job: Job, call: Call[Any]) -> Observation:
    try:
        return job.kind.create(call)
    except NotFound as unknown:
        if not (job.young and job.act.inputs):
            raise
        # It names what the plan itself has just made, and that is not known everywhere in the cloud yet. Not here and
        # now: the first of several calls may have made something, which the next delivery looks for.
        said = unknown.letter.happened
        raise Pending(f"{job.address} refers to what the cloud does not know everywhere yet: {said}") from unknown
    except NameTaken as taken:
        standing = _standing(job, call, taken)
        mine = next((o for o in standing if job.is_ours(o) and o.token == job.act.token), None)
        if mine is not None:
            return job.kind.create(replace(call, remote_id=mine.remote_id))
        if not standing and job.again and (job.young or _is_at_work(job, call)):
            # The name is taken, yet nothing shows: it may be our own, not visible yet. When it stays so, and nothing is
            # at work on it, it is somebody else's, whom we cannot see: a name may be unique beyond what we see.
            raise Pending(f"the name of {job.address} is taken, and nothing shows under it yet") from taken
        deleting = next((o for o in standing if job.is_ours(o) and o.status is Status.deleting), None)
        if deleting is not None:
            raise Pending(
                f"the name of {job.address} is still held by {deleting.remote_id}, which is going away"
            ) from taken
        raise


def _is_at_work(job: Job, call: Call[Any]) -> bool:
    """Whether the cloud works at what bears the name: by the operation that the act began last, or by another, whose
    answer may have been lost.
    """
    calls = [call, replace(call, handle=None)] if call.handle is not None else [call]
    found = (job.kind.underway(one) for one in calls)
    return any(one is not None and not one.ended for one in found)


def _standing(job: Job, call: Call[Any], taken: NameTaken) -> list[Observation]:
    """What bears the name. Where nobody can say, and it bears no marks, a refusal of the first delivery stands: the
    next would take it for what this one has made.
    """
    try:
        return [o for o in job.kind.find(call) if o.status is not Status.absent]
    except NotYet:
        if job.again or job.kind.carrier is not Carrier.parent:
            raise
        raise taken from None
