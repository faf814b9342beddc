"""Adopt and disown: take over what exists, or let go of it, touching nothing but ownership marks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.contract import ADDRESS_TAG
from holdfast.errors import ChangedElsewhere, NotOurs
from holdfast.model import Address
from holdfast.resource import Call, Observation


def adopt(job: Job) -> Done:
    """Write our marks. What bears our stack's mark already may be re-marked: that is how a rename is done."""
    live = _standing(job)
    if live.owner is not None and not job.is_ours(live):
        raise NotOurs(
            f"{live.remote_id} belongs to {live.owner}", address=job.address, next="let its owner forget it first"
        )
    if live.address == str(job.address) and live.token == job.act.token:
        return job.done(live, unchanged=not job.again, **job.applied(job.desired()))
    return job.done(job.kind.adopt(job.call(live.remote_id)), **job.applied(job.desired()))


def adopt_back(job: Job) -> Done:
    """Take the marks off again, or put back those it bore before the rename."""
    heir = job.id() != job.act.remote_id  # made anew by an undo, with that undo's token, and under our address
    live = job.look_back(lambda: _standing(job), lambda seen: heir or seen.token == job.act.token)
    if live.token != job.act.token and not heir:
        return job.done(live, unchanged=True)
    old = (job.action.before or {}).get(ADDRESS_TAG)
    if not isinstance(old, str):
        return job.done(job.kind.disown(job.call(live.remote_id)))
    return job.done(job.kind.adopt(_as(job, live, Address.parse(old))))


def disown(job: Job) -> Done:
    """Take our marks off. What does not bear them any more is let go of already."""
    live = job.observe(job.id())
    if not live.stands or not job.is_ours(live):
        return job.done(live, unchanged=not job.again)
    return job.done(job.kind.disown(job.call(live.remote_id)))


def disown_back(job: Job) -> Done:
    """Put back the marks it bore before."""
    live = job.look_back(lambda: _standing(job), lambda seen: not job.is_ours(seen))
    if live.owner is not None and not job.is_ours(live):
        raise ChangedElsewhere(f"{live.remote_id} was taken over by {live.owner} meanwhile", address=job.address)
    if job.is_ours(live):
        return job.done(live, unchanged=True)
    return job.done(job.kind.adopt(_as(job, live, job.address)))


def _as(job: Job, live: Observation, address: Address) -> Call[Any]:
    return replace(job.call(live.remote_id), address=address, token=job.action.token or job.act.token)


def _standing(job: Job) -> Observation:
    live = job.observe(job.id())
    if not live.stands:
        raise ChangedElsewhere(
            f"{job.address} ({job.id()}) is {live.status}: somebody removed it", address=job.address, next="plan again"
        )
    return live
