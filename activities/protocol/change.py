"""Update and operate: write what the plan says onto what the plan saw, and onto nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from activities.protocol.job import Job
from holdfast.act import Done
from holdfast.diff import apply_changes, arrived, invert, is_before, is_midway, renamed_in, undo_changes, value_at
from holdfast.errors import ChangedElsewhere, Gone, NotOurs, PlanStale
from holdfast.model import Spec
from holdfast.plan import FieldChange
from holdfast.resource import Observation, Status
from holdfast.values import freeze, has_opaque, thaw

Undone: TypeAlias = tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]  # see `undo_changes`


def update(job: Job) -> Done:
    """Write the action's changes. Fields that are as wanted already are left alone; all of them: `unchanged`.

    Raises `ChangedElsewhere` when a field is neither as the plan saw it nor as the plan wants it, and `PlanStale` when
    a value that is known only now would replace the resource.
    """
    live = standing(job)
    plain = job.desired()
    # What the cloud gave up on shows what was written, and has not come about: it is written again.
    failed = _gave_up(live)
    left = [c for c in _changes(job) if not _is_there(job, c, live) or failed]
    seen = live
    if left:
        seen = _write(job, live, job.spec(plain), left)
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
    shown = [c for c in changes if not _is_secret(c)]
    live = job.look_back(lambda: standing(job), lambda seen: _shows(job, seen, shown))
    stands = job.live(live)
    if not job.action.undo.label.returns and not is_before(stands, changes):
        raise Gone(f"{job.address} cannot be changed back: {job.action.undo.note}", address=job.address)
    to_write, foreign = _undo(job, stands, shown)
    if foreign:
        raise ChangedElsewhere(
            f"{job.address} cannot be changed back: another hand changed {', '.join(c.path for c in foreign)}",
            address=job.address,
            standing="as that hand left it",
            next=f"look at {live.remote_id}, then `holdfast resolve {job.address} retry` or `skip`",
        )
    if _gave_up(live) and not job.act.refused:
        to_write = to_write or invert(shown)  # as in `update`
    secret = () if job.act.refused else invert(c for c in changes if _is_secret(c))
    to_write += secret
    if to_write:
        before = renamed_in(job.action.before or {}, job.act.renamed)
        plain = thaw(before) if isinstance(before, dict) else {}
        live = _write(job, live, job.spec(apply_changes({**job.desired(), **plain}, secret)), to_write)
    # Not the before-image: what was read of a secret would stand in it.
    applied = job.applied({c.path: c.after for c in to_write})
    return job.done(live, unchanged=not to_write, settle_within=job.settles(), **applied)


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
    if live.status is Status.failed and job.kind.failed_is_broken:
        raise ChangedElsewhere(f"{job.address} ({live.remote_id}) has failed: {live.detail}", address=job.address)
    return live


def _write(job: Job, live: Observation, spec: Spec, changes: Sequence[FieldChange]) -> Observation:
    """Let the kind write changes, with the values of secrets in the place of their references."""
    clear = [c.model_copy(update={"after": job.clear(c.after)}) for c in changes]
    return job.kind.update(job.call(live.remote_id, spec=spec, before=job.live(live), changes=clear))


def _shows(job: Job, seen: Observation, changes: Sequence[FieldChange]) -> bool:
    """Whether it shows the whole update."""
    to_write, foreign = _undo(job, job.live(seen), changes)
    return bool(foreign) or len(to_write) == len(changes)


def _gave_up(live: Observation) -> bool:
    return live.gave_up or live.status is Status.failed


def _undo(job: Job, stands: Mapping[str, Any], changes: Sequence[FieldChange]) -> Undone:
    """`undo_changes`, where a field that was given back to the cloud may be whatever the cloud has chosen for it."""
    chosen = (
        c.model_copy(update={"after": freeze(value_at(stands, c.path))}) if _is_withdrawn(c) else c for c in changes
    )
    return undo_changes(chosen, stands, job.act.renamed, job.kind)


def _is_withdrawn(change: FieldChange) -> bool:
    """Whether a field of ours is left out now, and the cloud's to choose. A key of a map is removed instead."""
    return change.after is None and "." not in change.path


def _is_secret(change: FieldChange) -> bool:
    """Whether it leads from a secret, or to one: what is live is never what its reference says, nor to be repeated."""
    return has_opaque(thaw(change.before)) or has_opaque(thaw(change.after))


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
    """Whether the field is as wanted already. Never one that cannot be read, nor one that holds a secret, nor one
    that an earlier delivery left midway.
    """
    if change.path.partition(".")[0] not in live.properties or _is_secret(change):
        return False
    now = value_at(job.live(live), change.path)
    if _is_withdrawn(change):
        return bool(now != change.before)
    known = now in (change.before, change.after)
    if not known and not is_midway(job.kind, change.path, change.before, now, change.after):
        raise ChangedElsewhere(
            f"{job.address}: {change.path} is {now!r}; the plan saw {change.before!r} and wants {change.after!r}",
            address=job.address,
            standing="untouched by this step",
            next="plan again",
        )
    return bool(now == change.after)
