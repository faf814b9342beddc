"""Delete, and taking back a create or a delete: only what is ours goes, and *absent* is believed the second time."""

from __future__ import annotations

from uuid import UUID, uuid5

from activities.protocol.create import create
from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.errors import Gone, InvalidInput, NotAllowed, NotFound, NotOurs, Pending
from holdfast.resource import Observation, ResourceType, Status


def delete(job: Job) -> Done:
    """Ask that what the plan saw go away. Gone already is as good. Raises `NotOurs` when it lost our mark."""
    live = _confirmed(job, job.act.remote_id or "")
    if live.status is Status.absent:
        return job.done(live, unchanged=not job.again)
    if not job.is_ours(live):
        raise NotOurs(
            f"{live.remote_id} does not carry the mark of {job.act.owner}; it is left alone",
            address=job.address,
            next=f"`holdfast forget {job.act.owner.stack} {job.address}` if it is meant to stay",
        )
    return _ask(job, live)


def uncreate(job: Job) -> Done:
    """Take a create back: remove whatever carries its token, whether or not its answer ever arrived.

    Where none was made for certain, a cloud that refuses the look as well is not insisted on: what keeps a create out,
    as an API that is closed, keeps looks out too, and a step that is stuck would keep all that it stands on.
    """
    try:
        mine = job.look_back(lambda: _made_by(job), bool)
    except (InvalidInput, NotAllowed, NotFound):
        if not job.act.unmade:
            raise
        mine = []
    if not mine:
        return job.done(job.kind.absent(job.act.remote_id), unchanged=True)
    asked = [_ask(job, seen) for seen in mine]
    if len(asked) > 1:
        # A request came late and made a second one. Both were asked to go; the next delivery sees whether both have.
        raise Pending(f"{job.address} stood {len(asked)} times: {', '.join(sorted(a.remote_id or '' for a in asked))}")
    return asked[0]


def undelete(job: Job) -> Done:
    """Bring back what a delete took: nothing to do while it stands; made anew, from its before-image, when it is gone.

    Raises `Gone` when it cannot come back, and `Pending` while it is still on its way out.
    """
    # The plan's own id: `remote_id` of the act may be that of what an earlier delivery has made anew.
    old = job.action.remote_id or job.act.remote_id or ""
    live = job.look_back(lambda: _confirmed(job, old), lambda seen: not seen.stands)
    if live.stands:
        return job.done(live, unchanged=True)
    if live.status is Status.deleting:
        raise Pending(f"{job.address} ({old}) is still going away; then it can be made anew")
    if not job.action.undo.label.returns:
        raise Gone(
            f"{job.address} ({old}) is gone and cannot be brought back: {job.action.undo.note}", address=job.address
        )
    job.act = job.act.model_copy(update={"token": back_token(job.act.token)})
    made = create(job)
    new = job.observe(made.remote_id or "")
    if not new.stands:
        raise Pending(f"{job.address} was made anew as {made.remote_id}, which does not show yet")
    renamed = {
        str(was): str(now)
        for was, now in [(old, made.remote_id), *((v, new.outputs.get(k)) for k, v in job.action.gave.items())]
        if isinstance(was, str) and isinstance(now, str) and was != now
    }
    return made.model_copy(update={"renamed": renamed})


def back_token(token: str) -> str:
    """The token of what is made when a delete is taken back."""
    return str(uuid5(UUID(token), "back"))


def _made_by(job: Job) -> list[Observation]:
    """Everything that carries this act's token and has not gone, by its id where the answer arrived and by looking."""
    spec = job.sought()
    # Without one (it never could be sent; or, after a reset, nobody knows what it waited for) its marks must do.
    found = ResourceType.find(job.kind, job.call()) if spec is None else job.kind.find(job.call(spec=spec))
    seen = {o.remote_id: o for o in found}
    if job.act.remote_id is not None:
        seen[job.act.remote_id] = _confirmed(job, job.act.remote_id)
    mine = (o for o in seen.values() if job.is_ours(o) and o.token == job.act.token)
    return [o for o in mine if o.status is not Status.absent]


def _confirmed(job: Job, remote_id: str) -> Observation:
    """What stands at an id; `absent` only when two looks say so, since one may be stale."""
    live = job.observe(remote_id)
    if live.status is Status.absent:
        job.pause(0.2)
        live = job.observe(remote_id)
    return live


def _ask(job: Job, live: Observation) -> Done:
    seen = live
    if live.status is not Status.deleting:
        heard = job.act.back and job.act.remote_id is not None
        seen = job.kind.delete(job.call(live.remote_id, spec=job.sought(), heard=heard))
    if seen.status is Status.absent:
        # The cloud said yes. Until it shows so too, whoever plans next would take what it shows for standing.
        shown = job.observe(live.remote_id or "")
        seen = shown if job.is_ours(shown) else seen
    if seen.stands:
        # It was asked to go, and the answer is a stale read of how it stood before: it is still to be waited for.
        seen = seen.model_copy(update={"status": Status.deleting})
    return job.done(seen, settle_within=job.settles())
