"""The acts that a course takes, each with its undo. In which order they come is left to `order`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.diff import value_at
from holdfast.plan import FieldChange, Undo, UndoLabel, Verb
from holdfast.planners.courses import Course, Turn
from holdfast.resource import Observation
from holdfast.secret import veil
from holdfast.values import freeze, has_unknown, thaw


@dataclass(slots=True)
class Draft:
    """An action before it has a place in the order. `facts` are the fields of `plan.Action`."""

    course: Course
    verb: Verb
    undo: Undo
    facts: dict[str, Any]
    after: set[int] = field(default_factory=set)  # indices of other drafts

    @property
    def returns(self) -> bool:
        """Whether the walk may take it back by itself."""
        return self.undo.label.returns


@dataclass(slots=True)
class Acts:
    """All acts of one address, by what others wait for."""

    waits: list[Draft] = field(default_factory=list)  # for what is going away already
    marks: Draft | None = None
    first: Draft | None = None  # a delete that must come before its create
    forward: list[Draft] = field(default_factory=list)  # in this order: makes it what it shall be
    last: Draft | None = None  # a removal, or the old half of a create-first replace
    leftovers: list[Draft] = field(default_factory=list)


def acts_of(course: Course) -> Acts:
    """What a course takes."""
    acts = Acts()
    if course.marks:
        acts.marks = _adopt(course)
    match course.turn:
        case Turn.create:
            gone = enumerate(course.place.deleting, start=1)
            acts.waits = [_wait(course, o, generation) for generation, o in gone]
            acts.forward = [_create(course)]
        case Turn.update:
            acts.forward = list(_change(course))
        case Turn.replace:
            delete = _delete(course)
            delete.facts.update(replaces=True, deposed=not course.delete_first, reason_code=course.code)
            if course.delete_first:
                acts.first, delete.facts["reason"] = delete, f"its replacement cannot stand beside it; {course.reason}"
            else:
                acts.last, delete.facts["reason"] = delete, "the old half of a replace"
            acts.forward = [_create(course)]
        case Turn.delete:
            acts.last = _delete(course)
        case Turn.disown:
            acts.last = _disown(course)
        case Turn.nothing | Turn.stand:
            pass
    for generation, o in enumerate(course.leftovers, start=1):
        acts.leftovers.append(_leftover(course, o, generation))
    return acts


def _create(course: Course) -> Draft:
    replacing = course.turn is Turn.replace
    return _draft(
        course,
        Verb.create,
        Undo(label=UndoLabel.exact, verb=Verb.delete),
        spec=freeze(course.spec),
        changes=course.changes if replacing else (),
        generation=1 if replacing else 0,
        replaces=replacing,
        reason_code=course.code,
    )


def _delete(course: Course) -> Draft:
    live = course.standing
    label, note = course.kind.delete_label(live.properties)
    known = {k: v for k, v in (course.last or {}).items() if k in course.kind.spec.model_fields}
    return _draft(
        course,
        Verb.delete,
        Undo(label=label, verb=Verb.create, note=note),
        # What cannot be read is as we last wrote it.
        spec=freeze(known | _shown(course, live)),
        reason_code=course.code,
        **_standing(course, live),
    )


def _wait(course: Course, gone: Observation, generation: int) -> Draft:
    """A delete that was asked for already: asking again changes nothing, and settling it is the wait."""
    return _draft(
        course,
        Verb.delete,
        Undo(label=UndoLabel.exact, verb=Verb.create, nothing=True),
        deposed=True,
        generation=generation,
        reason="it is going away already; waited for",
        **_standing(course, gone),
    )


def _leftover(course: Course, old: Observation, generation: int) -> Draft:
    label, note = course.kind.delete_label(old.properties)
    return _draft(
        course,
        Verb.delete,
        Undo(label=label, verb=Verb.create, note=note),
        spec=freeze(_shown(course, old)),
        deposed=True,
        generation=generation,
        reason="the old half of an earlier replace",
        **_standing(course, old),
    )


def _adopt(course: Course) -> Draft:
    live, marked = course.standing, course.marked()
    moved = live.address is not None and live.owner is not None
    # A moved resource stays ours: taking that back writes its old address, which `before` carries.
    undo = Undo(label=UndoLabel.exact, verb=Verb.adopt if moved else Verb.disown)
    about = _standing(course, live) | {"before": marked}
    return _draft(course, Verb.adopt, undo, spec=freeze(_remembered(course, live)), reason=course.marks, **about)


def _remembered(course: Course, live: Observation) -> Mapping[str, Any]:
    """What the ledger shall take for applied when marks are written. Not what stands: a tag of another hand's would
    look like ours later. Nor what cannot be read and nobody wrote: a later plan writes it.
    """
    last = course.last or {}
    if course.turn is not Turn.stand:
        return last
    certain = {*live.properties, *last}
    return {name: value for name, value in course.spec.items() if name in certain and not has_unknown(value)}


def _disown(course: Course) -> Draft:
    about = _standing(course, course.standing) | {"before": course.marked()}
    return _draft(course, Verb.disown, Undo(label=UndoLabel.exact, verb=Verb.adopt), **about)


def _change(course: Course) -> Iterator[Draft]:
    """An update, with what must be operated before and after it; or operations alone, where those move the fields."""
    kind, live = course.kind, _as_it_stands(course)
    moving = _operations(course)
    moved = {c.path for changes in moving.values() for c in changes}
    written = tuple(c for c in course.changes if c.path not in moved)
    before: list[str] = []
    after: list[str] = []
    for change in written:
        bracket = kind.stopped_for.get(change.path.partition(".")[0])
        if bracket is None or bracket[0] in before:
            continue
        stop, start = bracket
        sets = kind.operations[stop].sets
        if sets and all(value_at(live, f) == v for f, v in sets.items()):
            continue  # it is stopped as it is
        before.append(stop)
        if stop not in moving:
            after.append(start)
    for name in before:
        yield _operate(course, name, moving.pop(name, ()))
    if written:
        yield _update(course, written)
    for name in [*after, *(n for n in moving if n not in after)]:
        yield _operate(course, name, moving.get(name, ()))


def _operations(course: Course) -> dict[str, tuple[FieldChange, ...]]:
    """The operations that move changed fields to where they shall be, and the changes each of them makes."""
    moving: dict[str, tuple[FieldChange, ...]] = {}
    taken: set[str] = set()
    for name, operation in course.kind.operations.items():
        if not operation.sets or any(value_at(course.spec, f) != v for f, v in operation.sets.items()):
            continue
        changes = tuple(c for c in course.changes if c.path in operation.sets and c.path not in taken)
        if changes and all(not c.replaces and thaw(c.after) == operation.sets[c.path] for c in changes):
            moving[name] = changes
            taken.update(c.path for c in changes)
    return moving


def _update(course: Course, changes: tuple[FieldChange, ...]) -> Draft:
    kind = course.kind
    stuck, lost = _said(kind.one_way, changes), _said(kind.lossy, changes)
    unseen = [c for c in changes if c.path.partition(".")[0] not in course.standing.properties]
    if known := [c.path for c in unseen if c.before is not None]:
        lost.append(f"{', '.join(known)} cannot be read: what was last applied is written back")
    if never := [c.path for c in unseen if c.before is None]:
        lost.append(f"{', '.join(never)} cannot be read: what stood there before us is not known")
    if stuck:
        undo = Undo(label=UndoLabel.irreversible, verb=Verb.update, note="; ".join(stuck))
    elif lost:
        undo = Undo(label=UndoLabel.lossy, verb=Verb.update, note="; ".join(lost))
    else:
        undo = Undo(label=UndoLabel.exact, verb=Verb.update)
    about = _standing(course, course.standing)
    return _draft(course, Verb.update, undo, spec=freeze(course.spec), changes=changes, **about)


def _said(about: Mapping[str, str], changes: tuple[FieldChange, ...]) -> list[str]:
    """What a kind says about the fields that change, each once."""
    said = (f"{c.path}: {about[f]}" for c in changes if (f := c.path.partition(".")[0]) in about)
    return list(dict.fromkeys(said))


def _operate(course: Course, name: str, changes: tuple[FieldChange, ...]) -> Draft:
    operation = course.kind.operations[name]
    if operation.undo is not None:
        sets = course.kind.operations[operation.undo].sets
        other = [c for c in changes if c.path in sets and thaw(c.before) != sets[c.path]]
        note = "; ".join(f"{c.path} is {thaw(c.before)}, and {sets[c.path]} when this is taken back" for c in other)
        label = UndoLabel.lossy if other else UndoLabel.exact
        undo = Undo(label=label, verb=Verb.operate, operation=operation.undo, note=note)
    elif operation.sets:
        note = f"no operation takes {name!r} back"
        undo = Undo(label=UndoLabel.irreversible, verb=Verb.operate, note=note)
    else:
        undo = Undo(label=UndoLabel.exact, verb=Verb.operate, nothing=True)
    about = _standing(course, course.standing)
    reason = course.reason if changes else f"for the update: {operation.description}"
    return _draft(
        course, Verb.operate, undo, operation=name, spec=freeze(course.spec), changes=changes, reason=reason, **about
    )


def _as_it_stands(course: Course) -> dict[str, Any]:
    """What stands, canonical."""
    return course.kind.canonical(course.standing.properties)


def _shown(course: Course, live: Observation) -> dict[str, Any]:
    """What stands, canonical, and as far as a plan may repeat it: a secret that the cloud shows stays a reference."""
    seen: dict[str, Any] = veil(course.kind.canonical(live.properties), course.kind.canonical(course.last or {}))
    return seen


def _standing(course: Course, live: Observation) -> dict[str, Any]:
    """The facts of an action on something that stands."""
    return {
        "before": freeze(_shown(course, live)),
        "remote_id": live.remote_id,
        "token": live.token,
        "gave": dict(live.outputs),
    }


def _draft(course: Course, verb: Verb, undo: Undo, **facts: Any) -> Draft:
    desired, entry = course.desired, course.entry
    if desired is not None:
        facts["protect"], facts["on_remove"] = desired.protect, str(desired.on_remove)
        facts["settle_within"] = desired.timeouts.get(verb)
    elif entry is not None:
        facts["protect"], facts["on_remove"] = entry.protect, entry.on_remove
    facts.setdefault("reason", course.reason)
    return Draft(course, verb, undo, facts)
