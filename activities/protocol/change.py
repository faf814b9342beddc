"""Update and operate: write what the plan says onto what the plan saw, and onto nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.diff import arrived, is_before, is_midway, renamed_in, undo_changes, value_at
from holdfast.errors import ChangedElsewhere, Gone, NotOurs, PlanStale
from holdfast.plan import FieldChange
from holdfast.resource import Observation, Status
from holdfast.values import thaw


def update(job: Job) -> Done:
    """Write the action's changes. Fields that are as wanted already are left alone; all of them: `unchanged`.

    Raises `ChangedElsewhere` when a field is neither as the plan saw it nor as the plan wants it, and `PlanStale` when
    a value that is known only now would replace the resource.
    """
    live = standing(job)
    plain = job.desired()
    left = [c for c in _changes(job) if not _is_there(job, c, live)]
    seen = live
    if left:
        seen = job.kind.update(job.call(live.remote_id, spec=job.spec(plain), before=job.live(live), changes=left))
    return job.done(seen, unchanged=not left and not job.again, settle_within=job.settles(), **job.applied(plain))


def update_back(job: Job) -> Done:
    """Write the before-image back, field by field.

    Raises `ChangedElsewhere` where another hand was there, and `Gone` where what was written cannot be taken back.
    """
    if job.missing():
        # After a reset nobody knows what it waited for. Where nothing has been written, nobody needs to.
        live = standing(job)
        if is_before(job.live(live), job.action.changes):
            return job.done(live, unchanged=True)
    changes = _changes(job)
    live = job.look_back(lambda: standing(job), lambda seen: _shows(job, seen, changes))
    stands = job.live(live)
    if not job.action.undo.label.returns and not is_before(stands, changes):
        raise Gone(f"{job.address} cannot be changed back: {job.action.undo.note}", address=job.address)
    to_write, foreign = undo_changes(changes, stands, job.act.renamed, job.kind)
    if foreign:
        raise ChangedElsewhere(
            f"{job.address} cannot be changed back: another hand changed {', '.join(c.path for c in foreign)}",
            address=job.address,
            standing="as that hand left it",
            next=f"look at {live.remote_id}, then `holdfast resolve {job.address} retry` or `skip`",
        )
    before = renamed_in(job.action.before or {}, job.act.renamed)
    plain = thaw(before) if isinstance(before, dict) else {}
    if to_write:
        spec = job.spec({**job.desired(), **plain})
        live = job.kind.update(job.call(live.remote_id, spec=spec, before=stands, changes=to_write))
    return job.done(live, unchanged=not to_write, settle_within=job.settles(), **job.applied(plain))


def operate(job: Job) -> Done:
    """Carry out the act's operation, unless what it moves is there already. Of an undo, the inverse operation."""
    if job.act.back and job.action.undo.nothing:
        return job.done(job.kind.absent(job.act.remote_id), unchanged=True)
    operation = (job.action.undo.operation if job.act.back else job.act.operation) or ""
    sets = job.kind.operations[operation].sets

    def has_moved(seen: Observation) -> bool:
        return bool(sets) and sets.items() <= seen.properties.items()

    live = job.look_back(lambda: standing(job), lambda seen: not has_moved(seen)) if job.act.back else standing(job)
    moved = has_moved(live)
    seen = live if moved else job.kind.operate(job.call(live.remote_id), operation)
    return job.done(seen, unchanged=moved and not job.again, settle_within=job.settles())


def standing(job: Job) -> Observation:
    """The live resource, ours. To change what is gone, failed or another's is refused."""
    live = job.observe(job.id())
    if not live.stands:
        raise ChangedElsewhere(
            f"{job.address} ({job.id()}) is {live.status}: somebody removed it after the plan was made",
            address=job.address,
            next="plan again; it will be created anew",
        )
    if not job.is_ours(live):
        raise NotOurs(
            f"{live.remote_id} does not carry the mark of {job.act.owner}; it is left alone", address=job.address
        )
    if live.status is Status.failed:
        raise ChangedElsewhere(f"{job.address} ({live.remote_id}) has failed: {live.detail}", address=job.address)
    return live


def _shows(job: Job, seen: Observation, changes: Sequence[FieldChange]) -> bool:
    """Whether it shows the whole update."""
    to_write, foreign = undo_changes(changes, job.live(seen), job.act.renamed, job.kind)
    return bool(foreign) or len(to_write) == len(changes)


def _changes(job: Job) -> tuple[FieldChange, ...]:
    changes = arrived(job.kind, job.action, job.act.inputs)
    replacing = next((c for c in changes if c.replaces), None)
    if replacing is not None:
        raise PlanStale(
            f"{job.address}: {replacing.path} turns out to be {replacing.after!r}: only a new resource can have that",
            address=job.address,
            next="plan again",
        )
    return changes


def _is_there(job: Job, change: FieldChange, live: Observation) -> bool:
    """Whether the field is as wanted already. A field that cannot be read never is, nor one that an earlier delivery
    left midway.
    """
    if change.path.partition(".")[0] not in live.properties:
        return False
    now = value_at(job.live(live), change.path)
    known = now in (change.before, change.after)
    if not known and not is_midway(job.kind, change.path, change.before, now, change.after):
        raise ChangedElsewhere(
            f"{job.address}: {change.path} is {now!r}; the plan saw {change.before!r} and wants {change.after!r}",
            address=job.address,
            standing="untouched by this step",
            next="plan again",
        )
    return bool(now == change.after)
