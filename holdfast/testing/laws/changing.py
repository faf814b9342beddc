"""Laws about changing and removing: the fields reach the cloud, come back, and asking again changes nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from holdfast.diff import invert, undo_changes, value_at
from holdfast.errors import NotYet, Refused
from holdfast.plan import FieldChange
from holdfast.resource import Observation, Status
from holdfast.testing.laws.bench import DELIVERIES, LOOK_EVERY, Bench, Unfinished, bears_marks, changed
from holdfast.testing.laws.saying import mutable


@dataclass(frozen=True, slots=True)
class Trial:
    """One field of the subject, or several at once, to be changed: what is wanted, and the changes that lead there."""

    fields: tuple[str, ...]
    wanted: dict[str, Any]
    changes: tuple[FieldChange, ...]

    @property
    def name(self) -> str:
        """Its fields."""
        return ", ".join(self.fields)


def trial(bench: Bench, seen: Observation, fields: Sequence[str]) -> Trial:
    """The trial of some fields on what stands."""
    wanted = bench.spec({f: bench.kind.trials[f] for f in fields})
    changes = bench.kind.diff(wanted, bench.spec(), bench.live(seen))
    # Of a resource that is stopped for the update, the field that says so differs as well.
    return Trial(tuple(fields), wanted, tuple(c for c in changes if top(c.path) in fields))


def top(path: str) -> str:
    """The field of a path."""
    return path.partition(".")[0]


def tried(bench: Bench) -> list[str]:
    """The fields that an update may write, and that have a trial."""
    return [f for f in mutable(bench) if f in bench.kind.trials]


def settled_means_equal(bench: Bench) -> Iterator[str]:
    """After settling, the diff between what was asked and what stands is empty."""
    seen = bench.stands()
    if seen.status is not Status.ready:
        yield f"it came to rest as {seen.status}: {seen.detail}"
    for last, said in ((bench.spec(), "remembering what was applied"), (None, "remembering nothing")):
        for change in bench.kind.diff(bench.spec(), last, bench.live(seen)):
            yield f"{said}, {change.path} stands as {change.before!r} where {change.after!r} was asked"


def created_with_trials_means_equal(bench: Bench) -> Iterator[str]:
    """A create may begin with any value that an update may write."""
    for field in tried(bench):
        if field in bench.kind.stopped_for:
            continue
        bench.begin()
        seen = bench.made({field: bench.kind.trials[field]})
        wanted = bench.spec({field: bench.kind.trials[field]})
        for change in bench.kind.diff(wanted, wanted, bench.live(seen)):
            yield f"made with {field}, {change.path} stands as {change.before!r} where {change.after!r} was asked"


def updates_reach_the_cloud(bench: Bench) -> Iterator[str]:
    """An update of each mutable field brings it about, and repeating the update changes nothing more."""
    for field in tried(bench):
        with _stopped_for(bench, bench.stands(), field) as seen:
            change = trial(bench, seen, [field])
            _update(bench, seen, change.wanted, change.changes)
            after = bench.standing()
            live = bench.look(seen.remote_id)
            for left in bench.differs(change.wanted, live):
                if top(left.path) == field:
                    yield f"after its update {left.path} is {left.before!r}, and {left.after!r} was written"
            _update(bench, seen, change.wanted, change.changes)
            for difference in changed(after, bench.standing()):
                yield f"the update of {field} repeated: {difference}"


def updates_write_nothing_else(bench: Bench) -> Iterator[str]:
    """An update writes its changes and nothing else: what another hand wrote into other fields stays."""
    fields = [f for f in tried(bench) if f not in bench.kind.stopped_for]
    for field in fields:
        others = [f for f in fields if f != field]
        if not others:
            return
        seen = bench.stands()
        meddled = trial(bench, seen, others)
        seen = _update(bench, seen, meddled.wanted, meddled.changes)
        change = trial(bench, seen, [field])
        seen = _update(bench, seen, change.wanted, change.changes)
        live = bench.live(seen)
        for was in meddled.changes:
            if top(was.path) in live and value_at(live, was.path) != was.after:
                yield f"with {field} it also wrote {was.path}, which another hand had set to {was.after!r}"


def updates_are_taken_back(bench: Bench) -> Iterator[str]:
    """Undo restores, field by field."""
    for field in tried(bench):
        if field in bench.kind.one_way:
            continue
        made = bench.stands()
        original = bench.standing()
        with _stopped_for(bench, made, field) as seen:
            before = bench.standing()
            change = trial(bench, seen, [field])
            live = _update(bench, seen, change.wanted, change.changes)
            to_write, foreign = undo_changes(change.changes, bench.live(live), kind=bench.kind)
            for path in (c.path for c in foreign):
                yield f"after its own update, {path} looks as if another hand had written it"
            _update(bench, live, bench.spec(), to_write or invert(change.changes))
            for difference in changed(before, bench.standing()):
                yield f"after the update of {field} and its undo, {difference}"
        for difference in changed(original, bench.standing()):
            yield f"after the update of {field}, its undo and what they stopped, {difference}"


def deleting_twice_is_deleting_once(bench: Bench) -> Iterator[str]:
    """A delete repeated changes nothing more, raises nothing, and takes along only what came with its resource."""
    seen = bench.stands()
    call = bench.call(seen.token or "", seen.remote_id)
    answers = [bench.kind.delete(call), bench.kind.delete(call)]
    bench.ground.rest()
    answers.append(bench.kind.delete(call))
    for difference in changed(bench.needs, bench.standing()):
        yield f"after its deletes, {difference}"
    if answers[-1].status is not Status.absent:
        yield f"once it is gone, its delete answers {answers[-1].status}"


def marks_are_all_that_adopting_writes(bench: Bench) -> Iterator[str]:
    """`disown` and `adopt` write our marks and nothing else, and repeating them changes nothing more; where marks are
    fixed, both are refused.
    """
    seen = bench.stands()
    before = bench.standing()
    call = bench.call(seen.token or "", seen.remote_id)
    if bench.kind.marks_fixed:
        for name, write in (("adopt", bench.kind.adopt), ("disown", bench.kind.disown)):
            try:
                write(call)
                yield f"its marks are fixed, and {name} does not refuse"
            except Refused:
                pass
        for difference in changed(before, bench.standing()):
            yield f"its marks are fixed: {difference}"
        return
    bench.kind.disown(call)
    bench.ground.rest()
    away = bench.standing()
    if bears_marks(bench.kind) and bench.look(seen.remote_id).owner is not None:
        yield "after disown it still says whose it is"
    for key, thing in away.items():
        others = {k: v for k, v in before[key].marks.items() if v not in call.marks.values()} if key in before else {}
        if key not in before or thing.fields != before[key].fields or not others.items() <= thing.marks.items():
            yield f"disown changed more than our marks: {changed(before, away)}"
    bench.kind.disown(call)
    bench.ground.rest()
    for difference in changed(away, bench.standing()):
        yield f"disown repeated: {difference}"
    for times in ("once", "twice"):
        bench.kind.adopt(call)
        bench.ground.rest()
        for difference in changed(before, bench.standing()):
            yield f"disowned and adopted {times}: {difference}"


def operations_are_taken_back(bench: Bench) -> Iterator[str]:
    """An operation brings about what it sets, repeating it changes nothing more, and its inverse takes it back."""
    for name, operation in bench.kind.operations.items():
        if operation.undo is None:
            continue
        seen = bench.stands()
        call = bench.call(seen.token or "", seen.remote_id)
        if operation.sets.items() <= seen.properties.items():
            bench.kind.operate(call, operation.undo)
            bench.ground.rest()
        before = bench.standing()
        bench.kind.operate(call, name)
        bench.ground.rest()
        live = bench.look(seen.remote_id)
        for field, value in operation.sets.items():
            if live.properties.get(field) != value:
                yield f"after {name}, {field} is {live.properties.get(field)!r} and not {value!r}"
        after = bench.standing()
        bench.kind.operate(call, name)
        bench.ground.rest()
        for difference in changed(after, bench.standing()):
            yield f"{name} repeated: {difference}"
        bench.kind.operate(call, operation.undo)
        bench.ground.rest()
        for difference in changed(before, bench.standing()):
            yield f"after {name} and {operation.undo}, {difference}"


def _update(bench: Bench, seen: Observation, wanted: Mapping[str, Any], changes: Sequence[FieldChange]) -> Observation:
    if not changes:
        return seen
    call = bench.call(seen.token or "", seen.remote_id, plain=dict(wanted))
    for _ in range(DELIVERIES):
        try:
            bench.kind.update(replace(call, before=bench.live(seen), changes=tuple(changes)))
            break
        except NotYet:  # one change has to be done before the next can be asked
            bench.ground.wait(LOOK_EVERY)
    else:
        raise Unfinished(f"its update is not done after {DELIVERIES} deliveries")
    bench.ground.rest()
    return bench.look(seen.remote_id)


@contextmanager
def _stopped_for(bench: Bench, seen: Observation, field: str) -> Iterator[Observation]:
    """What stands, stopped if an update of this field needs that, and started again afterwards."""
    bracket = bench.kind.stopped_for.get(field)
    if bracket is None:
        yield seen
        return
    call = bench.call(seen.token or "", seen.remote_id)
    bench.kind.operate(call, bracket[0])
    bench.ground.rest()
    yield bench.look(seen.remote_id)
    bench.kind.operate(call, bracket[1])
    bench.ground.rest()
