"""Every verb of the protocol as a scene: what stands before, which act is delivered, and how the world must end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from holdfast.act import Act, Done
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, TOKEN_TAG
from holdfast.errors import Gone, NotYet
from holdfast.model import JsonValue
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import Observation, ResourceType, Status
from holdfast.testing.laws.bench import Bench, bears_marks, changed, likeness
from holdfast.testing.laws.changing import trial, tried
from holdfast.testing.laws.ground import Thing

Judge = Callable[[Done], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Scene:
    """An act that is about to be delivered, and the judge of what comes of it."""

    act: Act
    action: Action
    judge: Judge  # given the last answer, when everything has come to rest
    refusal: type[Exception] | None = None  # what it must end in, where it must not end well


Verbs = Callable[[Bench], Scene | None]  # None: the kind has no such verb
Acting = Callable[[Bench], tuple[Action, Act]]  # an act about what has just been made for it


def create(bench: Bench) -> Scene:
    """A create."""
    action, act = _creating(bench)
    return Scene(act, action, lambda done: _stands_once(bench, done.remote_id, bench.spec()))


def uncreate_unheard(bench: Bench) -> Scene:
    """Taking back a create of which nobody knows whether it was carried out; it was."""
    scene = taking_back(bench, _creating, Verb.delete)
    return replace(scene, act=scene.act.model_copy(update={"remote_id": None, "handle": None}))


def update(bench: Bench) -> Scene | None:
    """An update of every field that may change in place, without stopping what stands."""
    fields = _in_place(bench)
    if not fields:
        return None
    action, act = _updating(bench, fields)
    wanted = bench.spec({f: bench.kind.trials[f] for f in fields})
    return Scene(act, action, lambda _: _stands_once(bench, act.remote_id, wanted))


def delete(bench: Bench) -> Scene:
    """A delete."""
    action, act = _deleting(bench)
    return Scene(act, action, lambda done: _gone(bench, done))


def undelete(bench: Bench, *, at_once: bool = False) -> Scene:
    """Taking back a delete: its fields stand again where that returns, and where not it says so and makes nothing."""
    before: list[Thing] = []

    def deleting(bench: Bench) -> tuple[Action, Act]:
        action, act = _deleting(bench)
        before.extend(bench.added())
        return action, act

    scene = taking_back(bench, deleting, Verb.create, at_once=at_once)
    back = scene.act.model_copy(update={"remote_id": scene.action.remote_id})
    if not scene.action.undo.label.returns:
        return replace(scene, act=back, judge=lambda _: _nothing_more(bench), refusal=Gone)
    return replace(scene, act=back, judge=lambda done: _stands_again(bench, before, scene.action, done))


def undelete_unsent(bench: Bench) -> Scene:
    """Taking back a delete that never reached the cloud."""
    action, act = _deleting(bench)
    before = bench.standing()
    back = act.model_copy(update={"verb": Verb.create, "back": True})
    return Scene(back, action, lambda _: _as_before(bench, before))


def adopt(bench: Bench) -> Scene:
    """Adopting what bears no marks."""
    action, act = _adopting(bench)
    return Scene(act, action, lambda _: _marked(bench, act))


def disown(bench: Bench) -> Scene:
    """Letting go of what is ours."""
    action, act = _disowning(bench)
    return Scene(act, action, lambda _: _unmarked(bench, act))


def operating(name: str) -> Verbs:
    """Carrying out an operation that sets something."""

    def operate(bench: Bench) -> Scene:
        action, act = _operating(bench, name)
        sets = bench.kind.operations[name].sets
        return Scene(act, action, lambda _: _set(bench, act, sets))

    return operate


def taking_back(bench: Bench, acting: Acting, verb: Verb, *, at_once: bool = False) -> Scene:
    """Taking back an act that was carried out: everything is as before.

    Everything has come to rest; or, `at_once`, the act was sent a moment ago, and reads do not show it yet.
    """
    action, act = acting(bench)
    before = bench.standing()
    remote_id, handle = act.remote_id, None
    if at_once:
        bench.ground.lag()
        with suppress(NotYet):
            done = bench.deliver(act, action)
            remote_id, handle = done.remote_id or remote_id, done.handle
    else:
        done = bench.carry(act, action)
        remote_id, handle = done.remote_id or remote_id, done.handle
        bench.ground.rest()
    back = act.model_copy(update={"verb": verb, "back": True, "remote_id": remote_id, "handle": handle})
    return Scene(back, action, lambda _: _as_before(bench, before))


def backwards(kind: ResourceType[Any], *, at_once: bool = False) -> dict[str, Verbs]:
    """Taking back each verb that a kind has, by the verb."""

    def scene(acting: Acting, verb: Verb) -> Verbs:
        return lambda bench: taking_back(bench, acting, verb, at_once=at_once)

    def update_back(bench: Bench) -> Scene | None:
        fields = [f for f in _in_place(bench) if f not in kind.one_way]
        return scene(lambda b: _updating(b, fields), Verb.update)(bench) if fields else None

    marks = {"adopt": scene(_adopting, Verb.disown), "disown": scene(_disowning, Verb.adopt)}
    return {
        "create": scene(_creating, Verb.delete),
        "update": update_back,
        "delete": lambda bench: undelete(bench, at_once=at_once),
        **(marks if _marks_move(kind) else {}),
        **{f"operate {n}": scene(partial(_operating, name=n), Verb.operate) for n in _returning(kind)},
    }


def verbs(kind: ResourceType[Any]) -> dict[str, Verbs]:
    """Every scene of a kind, by what a violation calls it."""
    forwards: dict[str, Verbs] = {
        "create": create,
        "update": update,
        "delete": delete,
        **({"adopt": adopt, "disown": disown} if _marks_move(kind) else {}),
        **{f"operate {name}": operating(name) for name in _returning(kind)},
    }
    return {
        **forwards,
        **{f"{verb} taken back": scene for verb, scene in backwards(kind).items()},
        "create taken back unheard": uncreate_unheard,
        "delete taken back unsent": undelete_unsent,
    }


def _marks_move(kind: ResourceType[Any]) -> bool:
    """Whether marks can be written onto what stands: there are some, and they are not fixed."""
    return bears_marks(kind) and not kind.marks_fixed


def _returning(kind: ResourceType[Any]) -> list[str]:
    return [name for name, operation in kind.operations.items() if operation.undo is not None]


def _in_place(bench: Bench) -> list[str]:
    return [f for f in tried(bench) if f not in bench.kind.stopped_for]


# --- acts -----------------------------------------------------------------------------------------------------------


def _creating(bench: Bench) -> tuple[Action, Act]:
    bench.begin()
    action = bench.action(Verb.create, bench.spec(), undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
    return action, bench.act(action, bench.token())


def _updating(bench: Bench, fields: list[str]) -> tuple[Action, Act]:
    seen = bench.stands()
    tried_ = trial(bench, seen, fields)
    one_way = [f for f in fields if f in bench.kind.one_way]
    lossy = [f for f in fields if f not in seen.properties or f in bench.kind.lossy]
    label = UndoLabel.irreversible if one_way else UndoLabel.lossy if lossy else UndoLabel.exact
    action = bench.action(
        Verb.update, tried_.wanted, seen, changes=tried_.changes, undo=Undo(label=label, verb=Verb.update)
    )
    return action, bench.act(action, bench.token())


def leaving_out(bench: Bench, field: str) -> tuple[Action, Act]:
    """An update after which a field is not wanted any more."""
    over = {field: bench.kind.trials[field]}
    seen, wanted = bench.made(over), bench.spec({field: None})
    changes = bench.kind.diff(wanted, bench.spec(over), bench.live(seen))
    undo = Undo(label=UndoLabel.exact, verb=Verb.update)
    action = bench.action(Verb.update, wanted, seen, changes=changes, undo=undo)
    return action, bench.act(action, bench.token())


def _deleting(bench: Bench) -> tuple[Action, Act]:
    seen = bench.stands()
    label, note = bench.kind.delete_label(seen.properties)
    spec = bench.spec() | bench.kind.canonical(seen.properties)
    action = bench.action(Verb.delete, spec, seen, undo=Undo(label=label, verb=Verb.create, note=note))
    return action, bench.act(action, bench.token())


def _adopting(bench: Bench) -> tuple[Action, Act]:
    seen = bench.stands()
    bench.kind.disown(bench.call(seen.token or "", seen.remote_id))
    bench.ground.rest()
    live = bench.look(seen.remote_id)
    action = bench.action(Verb.adopt, bench.spec(), live, before={}, undo=Undo(label=UndoLabel.exact, verb=Verb.disown))
    return action, bench.act(action, bench.token())


def _disowning(bench: Bench) -> tuple[Action, Act]:
    seen = bench.stands()
    marks: dict[str, JsonValue] = {OWNER_TAG: seen.owner, ADDRESS_TAG: seen.address, TOKEN_TAG: seen.token}
    action = bench.action(
        Verb.disown, bench.spec(), seen, before=marks, undo=Undo(label=UndoLabel.exact, verb=Verb.adopt)
    )
    return action, bench.act(action, bench.token())


def _operating(bench: Bench, name: str) -> tuple[Action, Act]:
    operation = bench.kind.operations[name]
    seen = bench.stands()
    if operation.sets.items() <= seen.properties.items() and operation.undo is not None:
        bench.kind.operate(bench.call(seen.token or "", seen.remote_id), operation.undo)
        bench.ground.rest()
        seen = bench.look(seen.remote_id)
    undo = Undo(label=UndoLabel.exact, verb=Verb.operate, operation=operation.undo)
    action = bench.action(Verb.operate, bench.spec(), seen, operation=name, undo=undo)
    return action, bench.act(action, bench.token())


# --- judges ---------------------------------------------------------------------------------------------------------


def _stands_once(bench: Bench, remote_id: str | None, wanted: dict[str, Any]) -> Iterator[str]:
    yield from _as_many_as_usual(bench)
    seen = bench.look(remote_id)
    if seen.status is not Status.ready:
        yield f"{remote_id} is {seen.status}"
        return
    if seen.owner != str(bench.call("").owner):
        yield f"{remote_id} says that its owner is {seen.owner}"
    for change in bench.differs(wanted, seen):
        yield f"{change.path} is {change.before!r}, and {change.after!r} was asked"


def _stands_again(bench: Bench, before: list[Any], action: Action, done: Done) -> Iterator[str]:
    yield from _as_many_as_usual(bench)
    seen = bench.look(done.remote_id)
    for change in bench.differs(dict(action.spec), seen):
        yield f"{change.path} is {change.before!r}, and it was {change.after!r} before the delete"
    was, now = likeness(before), likeness(bench.added())
    if was != now:
        yield f"there stands {now}, where before the delete stood {was}"
    if done.remote_id != action.remote_id and done.renamed.get(action.remote_id or "") != done.remote_id:
        yield f"{action.remote_id} was made anew as {done.remote_id}, and the answer renames {done.renamed}"


def _as_many_as_usual(bench: Bench) -> Iterator[str]:
    stands, usual = Counter(t.kind for t in bench.added()), bench.usual()
    if stands != usual:
        yield f"there stands {dict(stands)}, where one leaves {dict(usual)}"


def _nothing_more(bench: Bench) -> Iterator[str]:
    yield from changed(bench.needs, bench.standing())


def _gone(bench: Bench, done: Done) -> Iterator[str]:
    yield from _nothing_more(bench)
    if done.status not in {Status.absent, Status.deleting}:
        yield f"its answer says {done.status}, and nobody would wait until it has gone"


def _as_before(bench: Bench, before: Any) -> Iterator[str]:
    yield from changed(before, bench.standing())


def _marked(bench: Bench, act: Act) -> Iterator[str]:
    seen = bench.look(act.remote_id)
    if (seen.owner, seen.address, seen.token) != (str(act.owner), str(act.address), act.token):
        yield f"it bears {seen.owner}, {seen.address} and {seen.token}"
    yield from _as_many_as_usual(bench)


def _unmarked(bench: Bench, act: Act) -> Iterator[str]:
    seen: Observation = bench.look(act.remote_id)
    if seen.owner is not None or not seen.stands:
        yield f"it is {seen.status}, and its owner {seen.owner}"
    yield from _as_many_as_usual(bench)


def _set(bench: Bench, act: Act, sets: Any) -> Iterator[str]:
    seen = bench.look(act.remote_id)
    for field, value in sets.items():
        if seen.properties.get(field) != value:
            yield f"{field} is {seen.properties.get(field)!r} and not {value!r}"
    yield from _as_many_as_usual(bench)
